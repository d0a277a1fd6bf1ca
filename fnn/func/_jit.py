"""`fnn.jit`: `jax.jit` for functions over Modules and Optimizers.

A call passes the values of all boxes in two flat lists (those that are replaced, which are donated, and the rest) to
one `jax.jit`-compiled function, and stores what comes back.  While nothing that the trace read has changed, the
per-call work is a dictionary look-up, the guards and two list comprehensions: no tree of Python objects is walked.

`_tracing` makes programs, `_bound` runs them; `fnn.state`'s README says what is guarded, carried out and refused.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import types
import weakref
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Concatenate, Generic, ParamSpec, Self, overload

import jax
import numpy as np
from jax.tree_util import tree_flatten

from fnn import dtypes, tracing
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.func import anomaly
from fnn.func._anew import forerunners
from fnn.func._bound import Bound, lock
from fnn.func._call import Call, Rerun
from fnn.func._compiled import Program
from fnn.func._function import check_function
from fnn.func._history import History, reasons
from fnn.func._leaves import has_dicts, is_box, kind, kinds
from fnn.func._quick import MISSED, Quick, quick
from fnn.func._tracing import traced
from fnn.random import checked_source, program_source
from fnn.state.describe import Survey, global_hooks, is_constant
from fnn.state.results import order_of
from fnn.state.scope import innermost
from fnn.state.watch import recorder
from fnn.typing import P, R

__all__ = ["Jitted", "jit"]

Q = ParamSpec("Q")  # the parameters of a method after self

_MOVED = 8
_UNSETTLED = """\
{function} changes what it is compiled for whenever it is traced: structure of an optimizer, or JAX's settings.
Why:   no program would fit the next call
Right: change them between the calls"""
_KEPT = 8  # programs that fit no living object and are kept for the next one of their structure


class Jitted(Generic[P, R]):
    """A function compiled by `fnn.jit`."""

    def __init__(
        self, function: Callable[P, R], static: tuple[int, ...], names: tuple[str, ...], donate: bool, options: dict,
        source: str | None,
    ) -> None:  # fmt: skip
        functools.update_wrapper(self, function, updated=())
        self._function = function
        self._static, self._static_names = static, names
        self._donate, self._options = donate, options
        self._source = source  # where its random numbers come from; None: as set for all
        self._bound: dict[Any, list[Bound]] = {}
        self._programs: dict[Any, list[Program]] = {}
        self._constant: set[Any] = set()  # numbers that the function needs as constants
        self._quick: Quick | None = None
        self.history = History()

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(
        self: Jitted[Concatenate[Any, Q], R], instance: object, owner: type | None = None
    ) -> Callable[Q, R]: ...
    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<fnn.jit of {getattr(self._function, '__qualname__', repr(self._function))}>"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        short = self._quick
        if short is not None and not kwargs:
            result = short.run(args)
            if result is not MISSED:
                return result
        if recorder.get() is not None:
            return self._function(*args, **kwargs)  # inside a function that is being compiled: part of it
        if anomaly.mode.get() is not anomaly.OFF:
            anomaly.look(self, args, kwargs)
        return self._with(Bound.run, args, kwargs)

    def lower(self, *args: P.args, **kwargs: P.kwargs) -> jax.stages.Lowered:
        """The program for these arguments, lowered and not run: a `jax.stages.Lowered`."""
        return self._with(Bound.lower, args, kwargs)

    def _with(self, act: Callable[[Bound, Call], Any], args: tuple, kwargs: dict[str, Any]) -> Any:
        statics: tuple = ()
        given = (args, kwargs)
        if self._static or self._static_names:
            args, kwargs, statics = self._take_static(args, kwargs)
        leaves, treedef = tree_flatten((args, kwargs), is_box)
        pattern, dynamic, objects, key = [], [], [], []
        for leaf in leaves:
            sort = kinds.get(type(leaf))
            if sort is None:
                sort = kind(type(leaf))
            pattern.append(sort)
            if sort == 0:
                dynamic.append(leaf)
                key.append((leaf.shape, leaf.dtype) if hasattr(leaf, "dtype") else type(leaf))
            else:
                objects.append(leaf)
                if type(leaf) is str or type(leaf) is bytes:
                    key.append(type(leaf))
                else:
                    key.append((type(leaf), leaf) if is_constant(leaf) else id(leaf))
        order = order_of((args, kwargs)) if has_dicts(treedef) else None
        call = Call(treedef, tuple(pattern), dynamic, objects, order)
        try:
            source = self._source or program_source()
            key = (treedef, call.order_key, *pattern, *key, statics, dtypes.get_default_dtype(), source)
            bounds = self._bound.get(key)
        except TypeError:
            return self._refuse(given)
        for bound in bounds or ():
            if (not bound.texts or all(objects[i] == text for i, text in bound.texts)) and bound.guards.hold():
                try:
                    result = act(bound, call)
                except Rerun:
                    continue
                if act is Bound.run:
                    self._quick = None if statics or kwargs else quick(bound, call, args)
                return result
        return self._bind(key, call, statics, act)

    def _refuse(self, given: tuple) -> Any:
        raise ArgumentTypeError(
            f"fnn.jit: an argument of {getattr(self._function, '__name__', self._function)} is neither an array, "
            "a Module, an Optimizer nor hashable"
        ) from None

    def _bind(self, key: object, call: Call, statics: tuple, act: Callable[[Bound, Call], Any]) -> Any:
        for leaf in call.dynamic:
            if isinstance(leaf, np.ndarray) and leaf.dtype.hasobject:
                name = getattr(self._function, "__name__", self._function)
                raise ArgumentTypeError(
                    f"fnn.jit: an argument of {name} is a numpy array of objects, of shape {leaf.shape}; pass a list"
                )
        chosen = [value for pairs in statics for _, value in pairs]
        roots = [self._function, *call.objects, *filter(callable, chosen)]
        avals = tuple((leaf.shape, leaf.dtype, getattr(leaf, "weak_type", False)) if hasattr(leaf, "dtype")
                      else type(leaf) for leaf in call.dynamic)  # fmt: skip
        signature = (
            call.treedef, call.order_key, call.pattern, avals, statics, dtypes.get_default_dtype(), global_hooks(),
            tracing.context(), innermost.get() is None, self._source or program_source(),
        )  # fmt: skip
        programs = self._programs.setdefault(signature, [])
        for program in reversed(list(programs)):
            survey = program.template.match(roots)
            if survey is None or not program.fits(survey):
                continue
            try:
                return act(self._keep(key, program, survey, roots), call)
            except Rerun:
                with lock:  # what it was made for does not tell all
                    programs[:] = [p for p in programs if p is not program]
        function = self._function
        known = [(at, program) for at, found in list(self._programs.items()) for program in found]
        why = reasons(function, signature, roots, known, _positions(statics)) if known else []
        called = _with_static(function, statics) if statics else function
        torchs = (self._source or program_source()) == "torch"
        trace = functools.partial(traced, function, called, roots, call, self._donate, self._options, torchs)
        for _ in range(_MOVED):
            program, survey = self._with_numbers(signature, programs, roots, trace) or _certain(trace())
            with lock:
                self._programs.setdefault(signature, programs).append(program)
                bound = self._keep(key, program, survey, roots)
            try:
                result = act(bound, call)
            except Rerun:  # the trace itself moved what it was made for: an optimizer that asks for its numbers
                with lock:
                    programs[:] = [p for p in programs if p is not program]
                continue
            first = act is Bound.run and not self.history.count
            self.history.add(function, why, forerunners(self, function, signature, program) if first else None)
            return result
        raise ArgumentError(_UNSETTLED.format(function=getattr(self._function, "__name__", self._function)))

    def _with_numbers(
        self, signature: object, programs: list[Program], roots: list[Any], trace: Callable[..., Any]
    ) -> Any:
        """A program for any value of the numbers and any text of the strings in which earlier calls differed."""
        seen: dict[Any, int] = defaultdict(int)
        for program in reversed(list(programs)):
            texts = program.template.texts(roots)
            if (signature, texts) in self._constant:
                texts = frozenset()
            moved = program.template.for_any_text(texts).moved(roots)
            if moved is None or not (moved or texts) or (signature, texts, moved) in self._constant:
                continue
            # Two values may be two modes; with the third one something moves.
            seen[moved, texts] += 1
            if seen[moved, texts] < 2 and not program.symbolic:
                continue
            found = trace(symbolic=moved, texts=texts)
            if found is not None:
                return found
            self._constant |= {(signature, texts), (signature, texts, moved)} if texts else {(signature, texts, moved)}
        return None

    def _keep(self, key: object, program: Program, survey: Survey, roots: list[Any]) -> Bound:
        me = weakref.ref(self)

        def lost(_: object) -> None:
            jitted = me()
            if jitted is not None:
                kept = [b for b in jitted._bound.get(key, ()) if b is not held()]
                if kept:
                    jitted._bound[key] = kept
                else:
                    jitted._bound.pop(key, None)

        bound = Bound(program, survey, roots[1:], lost)
        held = weakref.ref(bound)
        with lock:
            others = [b for b in self._bound.get(key, ()) if b.guards.refs and b.program is not program][:7]
            self._bound[key] = [bound, *others]
            self._forget()
        return bound

    def _forget(self) -> None:
        """Drops programs that nothing uses any more, but for a few."""
        if sum(map(len, self._programs.values())) <= _KEPT:
            return
        bound_now = list(self._bound.values())  # a collection of garbage may shorten the dictionary meanwhile
        used = {id(bound.program) for bounds in bound_now for bound in bounds}
        idle = [(at, p) for at, programs in self._programs.items() for p in programs if id(p) not in used]
        for at, program in idle[: max(0, len(idle) - _KEPT)]:
            self._programs[at].remove(program)
            if not self._programs[at]:
                del self._programs[at]

    def _take_static(self, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any], tuple]:
        count = len(args)
        places = [i if i >= 0 else i + count for i in self._static]
        static = tuple((i, args[i]) for i in places if i < count)
        named = tuple((n, kwargs[n]) for n in self._static_names if n in kwargs)
        rest = tuple(a for i, a in enumerate(args) if i not in places)
        kept = {k: v for k, v in kwargs.items() if k not in self._static_names}
        return rest, kept, (static, named)

    def clear_cache(self) -> None:
        """Forgets all compiled programs."""
        self._bound.clear()
        self._programs.clear()


def _certain(found: object) -> Any:
    assert found is not None  # only numbers that are no constants can fail
    return found


def _positions(statics: tuple) -> list[int]:
    return [place for pairs in statics for place, _ in pairs if isinstance(place, int)]


def _with_static(function: Callable[..., Any], chosen: tuple) -> Callable[..., Any]:
    by_place, by_name = dict(chosen[0]), dict(chosen[1])

    @functools.wraps(function, updated=())
    def call(*args: object, **kwargs: object) -> Any:
        full = list(args)
        for i in sorted(by_place):
            full.insert(i, by_place[i])
        return function(*full, **kwargs, **by_name)

    with contextlib.suppress(TypeError, ValueError):  # builtins have no signature
        whole = inspect.signature(function)
        kept = [p for n, p in enumerate(whole.parameters.values()) if n not in by_place and p.name not in by_name]
        call.__signature__ = whole.replace(parameters=kept)  # type: ignore[attr-defined]
    return call


@overload
def jit(
    fun: Callable[P, R],
    *,
    static_argnums: int | tuple[int, ...] = (),
    static_argnames: str | tuple[str, ...] = (),
    donate: bool = True,
    inline: bool = False,
    random: str | None = None,
) -> Jitted[P, R]: ...
@overload
def jit(
    fun: None = None,
    *,
    static_argnums: int | tuple[int, ...] = (),
    static_argnames: str | tuple[str, ...] = (),
    donate: bool = True,
    inline: bool = False,
    random: str | None = None,
) -> Callable[[Callable[P, R]], Jitted[P, R]]: ...
def jit(
    fun: Callable[..., Any] | None = None,
    *,
    static_argnums: int | tuple[int, ...] = (),
    static_argnames: str | tuple[str, ...] = (),
    donate: bool = True,
    inline: bool = False,
    random: str | None = None,
) -> Any:
    """Compiles a function over arrays, Modules and Optimizers.

    Arrays and numbers are traced as by `jax.jit`.  Modules and Optimizers, given as arguments (at any depth of lists,
    tuples and dicts) or reached through a closure, a global or ``self``, are inputs too: their present values go
    in, and what the function writes (parameters, running statistics, momenta, ``p.grad``) is stored in them.  The
    arrays that are replaced are donated.  Strings and functions are constants.

    A program is compiled anew when shapes, dtypes or anything else that it *read* has changed: the structure of a
    Module (``train()``/``eval()``, ``requires_grad``, hooks), an attribute of any object, the content of a list or a
    dict, a global, a helper function.  Values of parameters, a learning rate, arrays in attributes, and numbers that
    are seen to change from call to call are inputs; what is not read does not matter.  What the function assigns to
    attributes or puts into lists and dicts is done at every call.  `fnn/state/README.md` has the rules.  Raw `jax.jit`
    knows nothing of this: for it a Module that a function reads is a constant.  Random operations draw from a key
    that is fresh at each call and comes from the global generator, so `fnn.manual_seed` fixes them.

    Args:
        fun: the function; without it a decorator is returned.
        static_argnums: positions of arguments that are compile-time constants.
        static_argnames: their names, where they are passed by keyword or by position.
        donate: whether the memory of replaced arrays is reused.
        inline: whether a call inside another `jax.jit` is inlined there.
        random: ``"torch"``: dropout, `fnn.randn`, ``rsample`` and all other draws are the numbers that eager code,
            and PyTorch, draw from the same seed; they are made on the host before each call. ``"jax"``: they are made
            by the program, which is faster. None: as `fnn.random.set_program_source` says (``"jax"``).

    Returns:
        The compiled function.

    Raises:
        ArgumentTypeError: an argument is neither an array, a Module, an Optimizer nor hashable.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> norm = nn.BatchNorm1d(2)
        >>> @fnn.jit
        ... def forward(model, x):
        ...     return model(x)
        >>> y = forward(norm, jnp.full((3, 2), 10.0))
        >>> print(norm.running_mean.data)
        [1. 1.]
    """
    if fun is None:
        return functools.partial(
            jit, static_argnums=static_argnums, static_argnames=static_argnames, donate=donate, inline=inline,
            random=random,
        )  # fmt: skip
    check_function(fun, "fnn.jit")
    numbers = (static_argnums,) if isinstance(static_argnums, int) else tuple(static_argnums)
    names = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
    if names:
        parameters = list(inspect.signature(fun).parameters)
        unknown = [n for n in names if n not in parameters]
        if unknown and not any(p.kind is p.VAR_KEYWORD for p in inspect.signature(fun).parameters.values()):
            raise ArgumentTypeError(f"fnn.jit: static_argnames={unknown} are not arguments of {fun!r}")
        numbers = tuple(dict.fromkeys([*numbers, *(parameters.index(n) for n in names if n in parameters)]))
    source = None if random is None else checked_source(random, "fnn.jit: random")
    return Jitted(fun, numbers, names, donate, {"inline": inline} if inline else {}, source)
