"""`Optimizer`: torch.optim's facade over optax transformations, and the base class of users' own optimizers.

The parts: groups of parameters (`_groups`), an update rule and its state (`_ruled`), the state that a subclass keeps
for itself (`_state`), whose gradient is whose (`_gradients`), saving (`_saving`), and what happens around a ``step``
that a subclass defines (`_stepping`).
"""

from __future__ import annotations

import itertools
import warnings
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.func import jit
from fnn.optim._gradients import Gradients
from fnn.optim._groups import ParamGroup, adopted
from fnn.optim._ruled import RuleState
from fnn.optim._saving import Saved
from fnn.optim._slots import ABSENT, Slot, Source, birth, is_array, is_number
from fnn.optim._state import State
from fnn.optim._stepping import wrapped
from fnn.state.box import Box, type_name
from fnn.state.describe import Same
from fnn.state.gather import Gather
from fnn.state.parameter import Parameter, is_lazy
from fnn.state.scope import epoch, innermost
from fnn.tracing import Tracer, tracing

__all__ = ["Optimizer"]

_INTERNAL = frozenset({
    "defaults", "param_groups", "_groups", "_born", "_token", "_level", "_own", "_state", "_structures", "_stepping",
    "_programs_seen", "_source", "_warned", "_opt_called", "step",
})  # fmt: skip
_KINDS = ("step_pre", "step_post", "state_dict_pre", "state_dict_post", "load_pre", "load_post")
_HOOKS = tuple(f"_{kind}_hooks" for kind in _KINDS)
_MANY = 16
_COMPILES = """\
fnn.jit has compiled a step of {name} for more than {many} values of a number that the step asks Python for: by if, \
int() or a function of math. Where such a number changes at every step, so does the program. Compute with jax.numpy:

    math.sqrt(1 - beta2 ** state["step"])            # asks: compiled for each step
    (1 - beta2 ** state["step"]) ** 0.5              # does not
    if state["step"] > 5: p.sub_(update)             # asks
    p.sub_(jnp.where(state["step"] > 5, update, 0))  # does not"""
_tokens = itertools.count()


class Optimizer(Gradients, Saved):
    """Base of all optimizers.

    ``step`` takes the gradients in one of three ways: ``step()`` uses ``p.grad`` (filled by `fnn.backward`);
    ``step(grads)`` takes what `fnn.value_and_grad` returns (or a list in the order of the parameters);
    ``step(closure)`` first calls ``closure``, which computes the loss and fills ``p.grad``.  Eager steps are
    compiled; inside `fnn.jit` the update becomes part of that program.

    A subclass written as for torch, with a ``step`` that loops over ``self.param_groups`` and keeps what it needs in
    ``self.state[p]``, runs eagerly and inside `fnn.jit`, where what it writes (entries of the state, ``group[...]``,
    numbers and arrays on ``self``) is carried out.  There numbers are traced values: compute with `jax.numpy` where
    torch's original used ``math`` or ``if``.

    Args:
        params: Parameters, ``(name, Parameter)`` pairs, or dicts with an entry ``"params"`` and hyper-parameters.
        defaults: the hyper-parameters of groups that do not give their own.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> class SignMomentum(optim.Optimizer):
        ...     def __init__(self, params, lr=0.5, beta=0.5):
        ...         super().__init__(params, {"lr": lr, "beta": beta})
        ...     def step(self, closure=None):
        ...         for group in self.param_groups:
        ...             for p in group["params"]:
        ...                 if p.grad is None:
        ...                     continue
        ...                 state = self.state[p]
        ...                 if len(state) == 0:
        ...                     state["average"] = jnp.zeros_like(p)
        ...                 state["average"].mul_(group["beta"]).add_(p.grad, alpha=1 - group["beta"])
        ...                 p.data = p.data - group["lr"] * jnp.sign(state["average"].data)
        >>> p = nn.Parameter(jnp.array([1.0, 2.0]))
        >>> SignMomentum([p]).step([jnp.array([3.0, -0.1])])
        >>> print(p.data)
        [0.5 2.5]
    """

    param_groups: list[Any]  # of `ParamGroup`, dicts
    defaults: dict[str, Any]
    _own_step = False  # whether a subclass of the user's defines step

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        step = cls.__dict__.get("step")
        if callable(step) and "_own_step" not in cls.__dict__:
            cls._own_step = True
            cls.step = wrapped(step)

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        # Not in __init__: a wrapper of another optimizer often does without it.
        del args, kwargs
        self = super().__new__(cls)
        self.__dict__.update(
            _born=birth(), _token=next(_tokens), _groups=[], _own={}, _level=0, _stepping=False, _warned=False,
            **{name: OrderedDict() for name in _HOOKS},
        )  # fmt: skip
        self.__dict__["_state"] = State(self if self._has_rule() or cls._entry is not Optimizer._entry else None)
        return self

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.param_groups = []
        if isinstance(params, Box) or not isinstance(params, Iterable) or hasattr(params, "dtype"):
            raise ArgumentTypeError(
                "params argument given to the optimizer should be an iterable of Parameters or dicts, but got "
                f"{type(params).__name__}"
            )
        groups = list(params)
        if not groups:
            raise ArgumentError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    # -- groups -----------------------------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds a group of parameters with hyper-parameters of its own.

        Args:
            param_group: ``{"params": ..., "lr": ..., ...}``; what is not given is taken from the defaults.

        Raises:
            ArgumentTypeError: something that is no Parameter, or an unordered collection.
            ArgumentError: a parameter that is in another group, or a required hyper-parameter missing.
        """
        if not isinstance(param_group, dict):
            raise ArgumentTypeError(f"param_group must be a dict, but got {type(param_group)}")
        found, names = _checked(param_group["params"])
        if names and len(names) != len(found):
            raise ArgumentError("all optimizer params should be with/without names. Some param names are missing")
        names = names or param_group.get("param_names", [])
        if self.param_groups and bool(names) != ("param_names" in self.param_groups[0]):
            raise ArgumentError(
                "all optimizer param groups should be with/without names. "
                f"cannot add param group with{'' if names else 'out'} names to the optimizer"
            )
        if len(set(map(id, found))) != len(found):
            raise ArgumentError("optimizer contains a parameter group with duplicate parameters")
        taken = {id(p) for group in self.param_groups for p in group["params"]}
        if any(id(p) in taken for p in found):
            raise ArgumentError("some parameters appear in more than one parameter group")
        group = {"params": found, **({"param_names": names} if names else {})}
        for name, value in self.defaults.items():
            group[name] = param_group.get(name, value)
        group.update({k: v for k, v in param_group.items() if k not in group})
        if isinstance(param_group, ParamGroup):
            # Of the optimizer that wraps this one: it stays one group, as in torch.
            param_group.update(group)
            param_group.hyper.names.update(self.defaults)
            group = param_group
        self.param_groups.append(adopted(group, self._own_step))
        self._groups.append(None)
        epoch.structure += 1

    def _adopt(self) -> None:
        """Sees to it that the groups, which a subclass may have assigned, are `ParamGroup`s."""
        groups = self.param_groups
        for n, group in enumerate(groups):
            if not isinstance(group, ParamGroup) or group.hyper.asked < self._own_step:
                groups[n] = adopted(group, self._own_step)

    # -- for fnn.jit ------------------------------------------------------------------------------------------

    def _fnn_gather(self, gather: Gather) -> Any:
        self._adopt()
        parts: list[Any] = [type(self)]
        for n, group in enumerate(self.param_groups):
            if self._lazy(n):  # the step will say what to do
                parts.append(tuple(is_lazy(p) for p in group["params"]))
                continue
            boxes: list[Box] = []
            structure: Any = None
            if self._has_rule():
                state = self._state_of(n)
                boxes, structure = list(state.boxes), state.treedef
            parts.append((
                tuple((gather.box(p, donate=True), p._requires_grad) for p in group["params"]),
                tuple(gather.box(p._grad) for p in group["params"] if p._grad is not None),
                tuple(group.get("param_names", ())),
                tuple(gather.box(box, donate=True) for box in boxes),
                structure,
            ))  # fmt: skip
        parts += [gather.object(group.hyper) for group in self.param_groups if isinstance(group, ParamGroup)]
        for table in (self._step_pre_hooks, self._step_post_hooks):
            parts.append(tuple(map(Same, table.values())))
        boxes = self._state.boxes + [box for slot in self._own.values() for box in slot.boxes]
        if self._own_step or boxes:
            # What such a step does is known of this optimizer only.
            parts.append(self._token)
            parts += [gather.box(box, donate=box._value is not None) for box in boxes]
        parts += [(name, gather.value(value)) for name, value in self._attributes()]
        return tuple(parts)

    def _attributes(self) -> list[tuple[str, Any]]:
        return [
            (name, value)
            for name, value in self.__dict__.items()
            if name not in _INTERNAL and name not in _HOOKS and not isinstance(value, (State, Tracer))
        ]

    def _fnn_dynamic(self) -> tuple[Any, list[Any]]:
        flags, values = [], []
        if self._has_rule():
            for group in self.param_groups:
                flags.append(self._flags(group.structure()))
                # An int and a float would be two programs: weight_decay=0, later 0.1.
                values.append(tuple(float(v) if type(v) is int else v for v in self._values(group.plain())))
        if self._own_step or self._state.held or self._own:
            flags.append(self._state.fixed())
            flags += [slot.fixed(self._level > 1) for slot in self._own.values()]
            flags.append(self._level)
            if self._level > 0 and innermost.get() is None:
                self._count(tuple(flags))
        return tuple(flags), values

    def _count(self, static: Any) -> None:
        """Warns where a program after another is compiled."""
        seen = self.__dict__.setdefault("_programs_seen", set())
        if seen is None:
            return
        seen.add((static, *(group.hyper._fnn_dynamic()[0] for group in self.param_groups)))
        if len(seen) > _MANY:
            self.__dict__["_programs_seen"] = None
            warnings.warn(_COMPILES.format(name=type(self).__name__, many=_MANY), UserWarning, stacklevel=2)

    def _pin(self, level: int) -> None:
        """Makes more of the numbers constants of a compiled step; see `fnn.optim._stepping`."""
        self._level = level
        self._state.pinned = level > 1
        for group in self.param_groups:
            group.hyper.level = 2 if level > 2 else min(level, 1)

    # -- the step -----------------------------------------------------------------------------------------------

    def step(self, closure: Any = None, *, grads: Any = None) -> Any:
        """Updates the parameters once.

        Args:
            closure: None, a function that computes the loss and fills ``p.grad``, or the gradients themselves.
            grads: the gradients: a dict by parameter name (nested or flat), what `fnn.value_and_grad` returned for
                several models or nests of them, or a list in the parameters' order, with None for a parameter to be
                left alone. Without it, ``p.grad``. A gradient may be a `jax.experimental.sparse.BCOO` array where the
                rule allows it (SGD, Adagrad, SparseAdam).

        Returns:
            What ``closure`` returned, or None.
        """
        if closure is not None and not callable(closure):
            if grads is not None:
                raise ArgumentTypeError("step: gradients were given twice, by position and as grads=")
            closure, grads = None, closure
        self._adopt()
        outermost = not self._stepping  # in a subclass's step the hooks have been run
        for hook in self._step_pre_hooks.values() if outermost else ():
            hook(self, (closure,), {})
        loss = None if closure is None else closure()
        chosen = self._own_grads() if grads is None else self._given_grads(grads)
        if innermost.get() is None and not tracing():
            _apply(self, chosen)
        else:
            self._update(chosen)
        for hook in self._step_post_hooks.values() if outermost else ():
            hook(self, (closure,), {})
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clears ``p.grad`` of every parameter: None, or zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                p._clear_grad(set_to_none)

    # -- state ------------------------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """``{parameter: {name: array or number}}``: torch's ``state``, see `fnn.optim._state`."""
        return self._state

    @state.setter
    def state(self, value: Any) -> None:
        if isinstance(value, State):  # of the optimizer that this one wraps
            self.__dict__["_state"] = value
            return
        self._state.clear()
        for key, entries in dict(value).items():
            self._state[key] = entries

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _INTERNAL or isinstance(getattr(type(self), name, None), property):
            object.__setattr__(self, name, value)
            return
        slot, scope = self._own.get(name), innermost.get()
        if slot is None and scope is not None and self._born < scope.serial and (is_number(value) or is_array(value)):
            # Written by a trace, which carries it out: no plain attribute any more.
            slot = self._own[name] = Slot(name, self._born)
            if name in self.__dict__:
                slot.start(self.__dict__.pop(name))
            epoch.structure += 1
        if slot is not None:
            slot.write(value)
        else:
            object.__setattr__(self, name, value)
            epoch.structure += 1

    def __getattr__(self, name: str) -> Any:
        slot = self.__dict__.get("_own", {}).get(name)
        if slot is not None and (value := slot.read(self._level > 1)) is not ABSENT:
            return value
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        for name in ("_structures", "_token", "_born", "_programs_seen"):
            state.pop(name, None)
        state["_own"] = {name: value for name, slot in self._own.items() if (value := slot.read()) is not ABSENT}
        host = innermost.get() is None
        state.pop("_source", None)
        if not host:
            state["_source"] = Source(self if self._source is None else self._source.owner)
        state["_groups"] = [
            None if g is None else (g.tree(host=host), g.params, g.started, g.shelf) for g in self._groups
        ]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        groups, own = state.pop("_groups"), state.pop("_own")
        self.__dict__.update(state)
        for entry in groups:
            if entry is None:
                self._groups.append(None)
                continue
            tree, params, started, shelf = entry
            group = RuleState(tree, params, shelf, self._born)
            if started:
                group.mark_started()
            self._groups.append(group)
        for name, value in own.items():
            self._own[name] = Slot(name, self._born)
            self._own[name].write(value)
        epoch.structure += 1

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for n, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {n}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
            lines.append("")
        return "\n".join([*lines[:-1], ")"])


def _checked(params: Any) -> tuple[list[Parameter], list[str]]:
    """The parameters of a group, and their names if they have any."""
    if isinstance(params, Box):
        params = [params]
    elif isinstance(params, (set, frozenset)):
        raise ArgumentTypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets "
            "will change between runs. Please use a list instead."
        )
    names: list[str] = []
    found: list[Parameter] = []
    for entry in params:
        if isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[0], str):
            names.append(str(entry[0]))
            entry = entry[1]
        if not isinstance(entry, Parameter):
            raise ArgumentTypeError(
                "optimizer can only optimize Parameters, but one of the params is "
                f"{type_name(entry)}" + ("; wrap arrays in fnn.nn.Parameter" if hasattr(entry, "dtype") else "")
            )
        found.append(entry)
    return found, names


@jit
def _apply(optimizer: Optimizer, grads: list[list[Any]]) -> None:
    """The eager step, compiled."""
    optimizer._update(grads)
