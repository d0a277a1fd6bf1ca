"""`fnn.jit`: `jax.jit` for functions over Modules and Optimizers.

A call passes the values of all boxes as two flat tuples (those that are replaced, which are donated, and the
rest) to one `jax.jit`-compiled function, and stores what comes back.  While the structure epoch stands, the
per-call work is a dictionary look-up and two list comprehensions: no tree of Python objects is walked.

`_Program` is one compiled function, `_Bound` is a program together with the boxes of particular objects.

The first trace finds out what nobody declared: boxes that were reached through a closure, a global or
``self`` (they are made inputs), boxes that are written but were not expected to be, and whether random numbers
are drawn.  Where the trace was made on a wrong assumption, it raises `_Retrace` and is made again.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import threading
import types
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import tree_flatten, tree_unflatten

from fnn import dtypes, random
from fnn._trace import current_trace, in_trace
from fnn.errors import ArgumentTypeError
from fnn.func._function import check_function
from fnn.state.box import Box
from fnn.state.gather import Gather, array_like_type, global_hooks
from fnn.state.scope import Scope, epoch, innermost, opened

_DYNAMIC, _STATEFUL, _STATIC = 0, 1, 2
_kinds: dict[type, int] = {}
_lock = threading.RLock()
_no_lock = contextlib.nullcontext()
_NO_SEED = np.zeros(2, np.uint32)
_active: ContextVar[Any] = ContextVar("fnn_jit_call")


def _kind(cls: type) -> int:
    kind = _kinds.get(cls)
    if kind is None:
        if hasattr(cls, "_fnn_gather") or issubclass(cls, Box):
            kind = _STATEFUL
        elif array_like_type(cls) or cls.__hash__ is None or hasattr(cls, "__jax_array__"):
            kind = _DYNAMIC
        else:
            kind = _STATIC
        _kinds[cls] = kind
    return kind


class _Retrace(Exception):
    """Not an error: a trace was made on a wrong assumption and must be made again."""


class _Call:
    """The Python side of one call, for the trace to rebuild its arguments from."""

    __slots__ = ("objects", "pattern", "plan", "statics", "treedef")

    def __init__(self, treedef: Any, pattern: tuple, objects: list[Any], statics: tuple) -> None:
        self.treedef, self.pattern, self.objects, self.statics = treedef, pattern, objects, statics
        self.plan: Any = None

    def arguments(self, dynamic: Any) -> tuple[tuple, dict[str, Any]]:
        sources = (iter(dynamic), iter(self.objects), iter(self.statics))
        return tree_unflatten(self.treedef, [next(sources[kind]) for kind in self.pattern])


class _Written:
    """Values to store, with the indices of their boxes as static data."""

    __slots__ = ("indices", "values")

    def __init__(self, indices: tuple[int, ...], values: Any) -> None:
        self.indices, self.values = indices, values


jax.tree_util.register_pytree_node(_Written, lambda w: (w.values, w.indices), _Written)


class _Seeds:
    """The keys of one traced call, split off a seed that is one of its inputs.

    They belong to this call's trace, also where the first draw stands inside an inner one (a branch, a loop).
    """

    def __init__(self, seed: Any) -> None:
        self.seed, self.stream = seed, None
        self.trace = current_trace()

    def __call__(self) -> Any:
        with in_trace(self.trace):
            if self.stream is None:
                self.stream = random.stream(jax.random.fold_in(jax.random.key(self.seed[0]), self.seed[1]))
            return self.stream()


class _JitScope(Scope):
    """The scope of a traced `fnn.jit` call: notes every box and object that is not an input yet."""

    __slots__ = ("discovered", "modules", "owner_values", "owners")

    def __init__(self, values: dict[Box, Any], owner_values: dict[int, Any]) -> None:
        super().__init__(values, innermost.get())
        self.anchor = None
        self.discovered: dict[Box, None] = {}
        self.owner_values = owner_values
        self.owners: dict[int, Any] = {}
        self.modules: dict[int, Any] = {}

    def missing(self, box: Box) -> Any:
        if box._born >= self.serial:  # made inside this trace
            return box._value
        self.discovered[box] = None
        return super().missing(box)

    def write(self, box: Box, value: Any) -> None:
        if box not in self.values and box._born < self.serial:
            self.discovered[box] = None
        super().write(box, value)

    def saw(self, module: Any) -> None:
        self.modules[id(module)] = module
        super().saw(module)

    def object_values(self, owner: Any) -> Any:
        values = self.owner_values.get(id(owner))
        if values is None:
            self.owners[id(owner)] = owner
        return values


class _Program:
    """One function compiled for one structure of its arguments."""

    def __init__(self, function: Callable, gather: Gather, donate: bool, options: dict[str, Any]) -> None:
        self.function = function
        self.donates = donate
        self.donated = set(gather.donate) if donate else set()
        self.closure: list[Box] = []
        self.owners: list[Any] = []  # optimizers reached through a closure
        self.watched: tuple[Any, ...] = ()
        self.watched_print: Any = ()
        self.uses_seed = False
        self.traced = False
        self.owner_statics: list[Any] = []
        self.version = 0
        flat = _named(self._flat, self.function)
        self.compiled = jax.jit(flat, donate_argnums=(0,) if donate else (), **options)

    def watch(self, scope: _JitScope, known: dict[int, int]) -> None:
        """Remembers the modules that the trace called without being given them."""
        self.watched = tuple(m for key, m in scope.modules.items() if key not in known)
        self.watched_print = self.print_watched()

    def print_watched(self) -> Any:
        gather = Gather()
        return tuple(gather.object(module) for module in self.watched)

    def _flat(self, donated: Any, kept: Any, hyper: Any, seed: Any, dynamic: Any) -> Any:
        call = _active.get()
        plan: _Plan = call.plan
        values = dict(zip(plan.donated, donated, strict=True))
        values.update(zip(plan.kept, kept, strict=True))
        owners = {id(owner): part for owner, part in zip(plan.owners, hyper, strict=True)}
        seeds = _Seeds(seed)
        scope = _JitScope(values, owners)
        args, kwargs = call.arguments(dynamic)
        with opened(scope), random.ambient(seeds):
            out = self.function(*args, **kwargs)
        self._revise(scope, plan, seeds)
        if not self.watched:
            self.watch(scope, plan.known)
        chosen = sorted(self.donated | {plan.index[box] for box in scope.carried()})
        return out, _Written(tuple(chosen), [scope.values[plan.all[i]] for i in chosen])

    def _revise(self, scope: _JitScope, plan: _Plan, seeds: _Seeds) -> None:
        """Notes what the trace found out; if it was made on a wrong assumption, it must be made again."""
        with _lock:
            stale = plan.version != self.version  # another thread revised the program meanwhile
            wrong = bool(scope.discovered or scope.owners)
            self.closure += [box for box in scope.discovered if box not in set(self.closure)]
            self.owners += [owner for owner in scope.owners.values() if owner not in self.owners]
            if seeds.stream is not None and not self.uses_seed:
                self.uses_seed = wrong = True
            if self.donates:
                places = plan.index | {box: len(plan.boxes) + i for i, box in enumerate(self.closure)}
                # Only what held an array can be donated: a gradient that was None cannot.
                more = {places[box] for box in scope.carried() if box in places and box._value is not None}
                if not more <= self.donated:
                    self.donated |= more
                    wrong = True
            self.version += wrong
            if wrong or stale:
                raise _Retrace


class _Plan:
    """Which boxes a program takes, in order; a snapshot, since another thread may revise the program."""

    __slots__ = ("all", "boxes", "donated", "index", "kept", "known", "owners", "statics", "targets", "version")

    def __init__(self, program: _Program, boxes: list[Box], owners: list[Any], known: dict[int, int]) -> None:
        self.version = program.version
        self.boxes, self.known = boxes, known
        self.all = [*boxes, *program.closure]
        self.index = {box: i for i, box in enumerate(self.all)}
        self.donated = [box for i, box in enumerate(self.all) if i in program.donated]
        self.kept = [box for i, box in enumerate(self.all) if i not in program.donated]
        self.owners = [*owners, *program.owners]
        self.statics = [owner._fnn_dynamic()[0] for owner in self.owners]
        self.targets: tuple[tuple[int, ...], list[Box]] = ((), [])

    def boxes_at(self, indices: tuple[int, ...]) -> list[Box]:
        """The boxes with these indices; a compiled program gives one and the same tuple at every call."""
        known = self.targets  # read and replaced as one, for other threads' sake
        if indices is not known[0]:
            known = self.targets = (indices, [self.all[i] for i in indices])
        return known[1]


class _Bound:
    """A program with the boxes of the objects of a call."""

    def __init__(self, program: _Program, gather: Gather, objects: list[Any]) -> None:
        self.program = program
        self.boxes, self.known = gather.boxes, gather.seen
        self.objects = [weakref.ref(o) for o in objects]
        self.owners = [o for o in gather.objects if hasattr(type(o), "_fnn_dynamic")]
        self.structure = epoch.structure
        self.exposures = -1
        self.plan = self.planned()

    def planned(self) -> _Plan:
        with _lock:
            self.plan = _Plan(self.program, self.boxes, self.owners, self.known)
            self.exposures = -1
        return self.plan

    def valid(self, objects: list[Any]) -> bool:
        return self.structure == epoch.structure and all(
            ref() is o for ref, o in zip(self.objects, objects, strict=True)
        )


class Jitted:
    """A function compiled by `fnn.jit`."""

    def __init__(
        self, function: Callable, static: tuple[int, ...], names: tuple[str, ...], donate: bool, options: dict
    ) -> None:
        functools.update_wrapper(self, function, updated=())
        self._function = function
        self._static, self._static_names = static, names
        self._donate, self._options = donate, options
        self._bound: dict[Any, _Bound] = {}
        self._programs: dict[Any, list[_Program]] = {}
        self._captures: list[Callable[[], Any]] | None = None

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        function_statics: tuple = ()
        if self._static or self._static_names:
            args, kwargs, function_statics = self._take_static(args, kwargs)
        leaves, treedef = tree_flatten((args, kwargs), _is_box)
        pattern, dynamic, objects, statics = [], [], [], []
        for leaf in leaves:
            kind = _kinds.get(type(leaf))
            if kind is None:
                kind = _kind(type(leaf))
            pattern.append(kind)
            (dynamic if kind == 0 else objects if kind == 1 else statics).append(leaf)
        if self._captures is None:
            self._captures = _stateful_captures(self._function)
        captured = [find() for find in self._captures] if self._captures else ()
        call = _Call(treedef, tuple(pattern), objects, tuple(statics))
        dtype = dtypes.get_default_dtype()
        try:
            key = (treedef, call.pattern, call.statics, function_statics, dtype, *map(id, objects), *map(id, captured))
            bound = self._bound.get(key)
        except TypeError:
            raise ArgumentTypeError(
                f"fnn.jit: an argument of {getattr(self._function, '__name__', self._function)} is neither an array, "
                "a Module, an Optimizer nor hashable"
            ) from None
        holders = objects if not captured else [*objects, *captured]
        if bound is None or not bound.valid(holders):
            bound = self._bind(key, call, function_statics, holders)
        return self._run(bound, call, key, function_statics, holders, dynamic)

    def _bind(self, key: Any, call: _Call, function_statics: tuple, holders: list[Any]) -> _Bound:
        gather = Gather()
        prints = tuple(gather.value(o) for o in holders)
        owners = [o for o in gather.objects if hasattr(type(o), "_fnn_dynamic")]
        fingerprint = (
            call.treedef, call.pattern, call.statics, function_statics, prints,
            tuple(owner._fnn_dynamic()[0] for owner in owners), global_hooks(), dtypes.get_default_dtype(),
        )  # fmt: skip
        with _lock:
            candidates = self._programs.setdefault(fingerprint, [])
            for program in candidates:
                if program.print_watched() == program.watched_print and all(
                    s == o._fnn_dynamic()[0] for s, o in zip(program.owner_statics, program.owners, strict=True)
                ):
                    break
            else:
                function = self._function
                if function_statics:
                    function = _with_static(function, self._static, self._static_names, function_statics)
                program = _Program(function, gather, self._donate, self._options)
                candidates.append(program)
            bound = _Bound(program, gather, holders)
            if key not in self._bound:
                for holder in holders:  # forget the boxes when the object dies
                    weakref.finalize(holder, self._bound.pop, key, None).atexit = False
            self._bound[key] = bound
        return bound

    def _run(
        self, bound: _Bound, call: _Call, key: Any, function_statics: tuple, holders: list[Any], dynamic: list[Any]
    ) -> Any:
        while True:
            program, plan = bound.program, bound.plan
            if plan.version != program.version:
                plan = bound.planned()
            hyper = []
            for owner, static in zip(plan.owners, plan.statics, strict=True):
                now, values = owner._fnn_dynamic()
                if now != static:
                    break
                hyper.append(values)
            else:
                call.plan = plan
                scope = innermost.get()
                try:
                    if not program.traced:
                        self._trace(bound, plan, call, scope, hyper, dynamic)
                    with _lock if scope is None and program.donated else _no_lock:
                        return self._execute(bound, plan, call, scope, hyper, dynamic)
                except _Retrace:
                    continue
            bound = self._bind(key, call, function_statics, holders)

    def _trace(self, bound: _Bound, plan: _Plan, call: _Call, scope: Any, hyper: list, dynamic: list) -> None:
        """Runs the Python function once; nothing is donated or drawn before that has succeeded."""
        program = bound.program
        donated, kept = _read(plan.donated, scope), _read(plan.kept, scope)
        token = _active.set(call)
        try:
            program.compiled.trace(donated, kept, hyper, _NO_SEED, dynamic)
        finally:
            _active.reset(token)
        program.traced = True
        program.owner_statics = [owner._fnn_dynamic()[0] for owner in program.owners]
        # What the trace itself set on the modules is part of the structure it was made for.
        bound.structure = epoch.structure

    def _execute(self, bound: _Bound, plan: _Plan, call: _Call, scope: Any, hyper: list, dynamic: list) -> Any:
        program = bound.program
        copied: list[Box] = []
        seen = epoch.exposures
        if scope is None:
            donated = [box._value for box in plan.donated]
            kept = [box._value for box in plan.kept]
            if bound.exposures != seen:
                for i, box in enumerate(plan.donated):
                    if box._exposed and box._value is not None:  # someone else holds this array: donate a copy
                        donated[i] = jnp.copy(box._value)
                        copied.append(box)
        else:
            donated, kept = _read(plan.donated, scope), _read(plan.kept, scope)
        seed = _draw_seed() if program.uses_seed else _NO_SEED
        token = _active.set(call)
        try:
            out, written = program.compiled(donated, kept, hyper, seed, dynamic)
        finally:
            _active.reset(token)
        targets = plan.boxes_at(written.indices)
        if scope is None:
            for box, value in zip(targets, written.values, strict=True):
                box._value = value
            for box in copied:
                box._exposed = False
            bound.exposures = seen
        else:
            for box, value in zip(targets, written.values, strict=True):
                scope.write(box, value)
        return out

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


def _named(flat: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """``flat`` under the name and the place of the user's function, which JAX's errors and profiles show."""

    def named(donated: Any, kept: Any, hyper: Any, seed: Any, dynamic: Any) -> Any:
        return flat(donated, kept, hyper, seed, dynamic)

    while isinstance(function, functools.partial):
        function = function.func
    shown = cast(Any, named)
    shown.__signature__ = inspect.signature(named)
    name = getattr(function, "__name__", type(function).__name__)
    if not inspect.isroutine(function):
        function = getattr(function, "forward", function)  # of a Module
    named.__name__ = named.__qualname__ = name
    shown.__wrapped__ = function
    return named


def _is_box(node: Any) -> bool:
    return isinstance(node, Box)


def _read(boxes: list[Box], scope: Any) -> list[Any]:
    return [box._value for box in boxes] if scope is None else [scope.read(box) for box in boxes]


def _draw_seed() -> Any:
    key = random.resolve(random.AMBIENT, "fnn.jit")
    if isinstance(key, random.Generator):
        return key.randint(0, 1 << 32, (2,), np.int64).astype(np.uint32)
    return jax.random.bits(key, (2,), jnp.uint32)


def _with_static(function: Callable, places: tuple[int, ...], names: tuple[str, ...], chosen: tuple) -> Callable:
    del places, names
    by_place, by_name = dict(chosen[0]), dict(chosen[1])

    @functools.wraps(function, updated=())
    def call(*args: Any, **kwargs: Any) -> Any:
        full = list(args)
        for i in sorted(by_place):
            full.insert(i, by_place[i])
        return function(*full, **kwargs, **by_name)

    return call


def _stateful_captures(function: Callable) -> list[Callable[[], Any]]:
    """How to look up the Modules and Optimizers that ``function`` names in its closure or its globals.

    They are looked up at every call, so that rebinding the name takes effect.
    """
    found: list[Callable[[], Any]] = []
    if _kind(type(function)) == _STATEFUL:  # a Module is what is called
        return [lambda: function]
    function = inspect.unwrap(function)
    owner = getattr(function, "__self__", None)
    function = getattr(function, "__func__", function)
    if isinstance(function, functools.partial) or not isinstance(function, types.FunctionType):
        return found
    if owner is not None and _kind(type(owner)) == _STATEFUL:
        found.append(lambda: owner)
    for cell in function.__closure__ or ():
        try:
            content = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
        if _kind(type(content)) == _STATEFUL and not isinstance(content, Box):
            found.append(functools.partial(getattr, cell, "cell_contents"))
    namespace = function.__globals__
    names: dict[str, None] = {}
    codes = [function.__code__]
    while codes:
        code = codes.pop()
        names.update(dict.fromkeys(code.co_names))
        codes.extend(c for c in code.co_consts if isinstance(c, types.CodeType))
    for name in names:
        content = namespace.get(name)
        if content is not None and not isinstance(content, (type, Box)) and _kind(type(content)) == _STATEFUL:
            found.append(functools.partial(namespace.get, name))
    return found


def jit(
    fun: Callable[..., Any] | None = None,
    *,
    static_argnums: int | tuple[int, ...] = (),
    static_argnames: str | tuple[str, ...] = (),
    donate: bool = True,
    inline: bool = False,
) -> Any:
    """Compiles a function over arrays, Modules and Optimizers.

    Arrays and numbers are traced as by `jax.jit`.  Modules and Optimizers, given as arguments (at any depth of lists,
    tuples and dicts) or reached through a closure, a global or ``self``, are inputs too: their present values go
    in, and what the function writes (parameters, running statistics, momenta, ``p.grad``) is stored in them.  The
    arrays that are replaced are donated.  Anything else hashable, a string or a function, is static.

    A program is compiled anew when shapes, dtypes or the structure of a Module change (``train()``/``eval()``,
    ``requires_grad``, hooks, attributes), not when values or a learning rate do.  Random operations draw from a
    key that is fresh at each call and comes from the global generator, so `fnn.manual_seed` fixes them.

    Args:
        fun: the function; without it a decorator is returned.
        static_argnums: positions of arguments that are compile-time constants.
        static_argnames: their names, where they are passed by keyword or by position.
        donate: whether the memory of replaced arrays is reused.
        inline: whether a call inside another `jax.jit` is inlined there.

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
            jit, static_argnums=static_argnums, static_argnames=static_argnames, donate=donate, inline=inline
        )
    check_function(fun, "fnn.jit")
    numbers = (static_argnums,) if isinstance(static_argnums, int) else tuple(static_argnums)
    names = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
    if names:
        parameters = list(inspect.signature(fun).parameters)
        unknown = [n for n in names if n not in parameters]
        if unknown and not any(p.kind is p.VAR_KEYWORD for p in inspect.signature(fun).parameters.values()):
            raise ArgumentTypeError(f"fnn.jit: static_argnames={unknown} are not arguments of {fun!r}")
        numbers = tuple(dict.fromkeys([*numbers, *(parameters.index(n) for n in names if n in parameters)]))
    return Jitted(fun, numbers, names, donate, {"inline": inline} if inline else {})
