"""`Optimizer`: torch.optim's facade over optax transformations.

A subclass says which of a group's hyper-parameters are structure (`_flags`), which are values (`_values`, traced,
so that changing one recompiles nothing), and which transformation they make.  The transformation's state, a named
tuple of trees like the parameters or of vectors with one entry a parameter, is held in boxes, so that `fnn.jit`
carries it like everything else.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.experimental.sparse import BCOO

from fnn._trace import Tracer, tracing
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError, StateDictError
from fnn.func import jit
from fnn.state.box import Box, type_name
from fnn.state.gather import Gather, Identity
from fnn.state.hooks import RemovableHandle, register
from fnn.state.names import flatten
from fnn.state.parameter import Parameter, is_lazy
from fnn.state.scope import epoch, innermost, no_scope

__all__ = ["Optimizer"]

_NOT_INITIALISED = (
    "a parameter is not initialised yet; call the lazy module once on an example input before the first step"
)


class _Group:
    """The state of one parameter group."""

    __slots__ = ("boxes", "initial", "shelf", "treedef")

    def __init__(self, state: Any, shelf: dict[str, Any] | None = None) -> None:
        # Parts that the rule has no use for at present, such as a velocity while momentum is 0; torch keeps them too.
        self.shelf = shelf or {}
        leaves, self.treedef = jax.tree.flatten(state)
        self.boxes = [Box(leaf) for leaf in leaves]
        for box in self.boxes:
            box._exposed = False
            box._born = 0
        # The first values: a state that still is its first value has not been stepped.
        self.initial = [box._value for box in self.boxes]

    def mark_started(self) -> None:
        """Says that this is the state after some step."""
        self.initial = [None] * len(self.boxes)

    @property
    def started(self) -> bool:
        return any(box._value is not first for box, first in zip(self.boxes, self.initial, strict=True))

    def tree(self, host: bool = False) -> Any:
        return self.treedef.unflatten([box._value if host else box.data for box in self.boxes])


class Optimizer:
    """Base of all optimizers.

    ``step`` takes the gradients in one of three ways: ``step()`` uses ``p.grad`` (filled by `fnn.backward`);
    ``step(grads)`` takes the dict that `fnn.value_and_grad` returns (or a list in the order of the parameters);
    ``step(closure)`` first calls ``closure``, which computes the loss and fills ``p.grad``.  Eager steps are
    compiled; inside `fnn.jit` the update becomes part of that program.

    Args:
        params: Parameters, ``(name, Parameter)`` pairs, or dicts with an entry ``"params"`` and hyper-parameters.
        defaults: the hyper-parameters of groups that do not give their own.
    """

    param_groups: list[dict[str, Any]]
    defaults: dict[str, Any]

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.param_groups = []
        self._groups: list[_Group | None] = []
        self._step_pre_hooks: OrderedDict[int, Callable] = OrderedDict()
        self._step_post_hooks: OrderedDict[int, Callable] = OrderedDict()
        self._state_dict_pre_hooks: OrderedDict[int, Callable] = OrderedDict()
        self._state_dict_post_hooks: OrderedDict[int, Callable] = OrderedDict()
        self._load_pre_hooks: OrderedDict[int, Callable] = OrderedDict()
        self._load_post_hooks: OrderedDict[int, Callable] = OrderedDict()
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

    # -- what a subclass defines --------------------------------------------------------------------------

    def _flags(self, group: dict[str, Any]) -> tuple[Any, ...]:
        """The hyper-parameters that change the program; hashable."""
        raise TypeError(f"{type(self).__name__} defines no _flags")

    def _values(self, group: dict[str, Any]) -> tuple[Any, ...]:
        """The hyper-parameters that are numbers."""
        raise TypeError(f"{type(self).__name__} defines no _values")

    def _transformation(self, values: tuple[Any, ...], flags: tuple[Any, ...]) -> optax.GradientTransformation:
        """The update rule for these hyper-parameters."""
        raise TypeError(f"{type(self).__name__} defines no _transformation")

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
        params = param_group["params"]
        if isinstance(params, Box):
            params = [params]
        elif isinstance(params, (set, frozenset)):
            raise ArgumentTypeError(
                "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets "
                "will change between runs. Please use a list instead."
            )
        params = list(params)
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
        if names and len(names) != len(found):
            raise ArgumentError("all optimizer params should be with/without names. Some param names are missing")
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
        self.param_groups.append(group)
        self._groups.append(None)
        epoch.structure += 1

    def _lazy(self, n: int) -> bool:
        return any(is_lazy(p) for p in self.param_groups[n]["params"])

    def _state_of(self, n: int) -> _Group:
        """The boxes of group ``n``'s state, made (from concrete values) when first needed."""
        group = self._groups[n]
        if group is None:
            params = self.param_groups[n]
            if self._lazy(n):
                raise ArgumentError(f"{type(self).__name__}: {_NOT_INITIALISED}")
            make = self._transformation(self._values(params), self._flags(params)).init
            with no_scope(), jax.ensure_compile_time_eval():
                group = _Group(make([p._value for p in params["params"]]))
            self._groups[n] = group
            epoch.structure += 1
        elif group.treedef != self._expected_structure(n):
            self._regrow(n, group)
            group = self._groups[n]
            assert group is not None
        return group

    def _expected_structure(self, n: int) -> Any:
        params = self.param_groups[n]
        flags = (self._flags(params), len(params["params"]))
        cached = self.__dict__.setdefault("_structures", {})
        if (n, flags) not in cached:
            make = self._transformation(self._values(params), flags[0]).init
            shapes = [jax.ShapeDtypeStruct(p._value.shape, p._value.dtype) for p in params["params"]]
            cached[(n, flags)] = jax.tree.structure(jax.eval_shape(make, shapes))
        return cached[(n, flags)]

    def _regrow(self, n: int, old: _Group) -> None:
        """A flag changed the form of the state (momentum switched on): keeps the parts that are still there."""
        fields = {**old.shelf, **_present(old.tree(host=True))}
        started = old.started
        self._groups[n] = None
        fresh = self._state_of(n)
        tree = fresh.tree(host=True)
        wanted = _present(tree)
        kept = {
            name: fields[name]
            for name, value in wanted.items()
            if jax.tree.structure(fields.get(name)) == jax.tree.structure(value)
        }
        if "started" in wanted and "started" not in kept and "momentum_buffer" in kept:
            kept["started"] = jnp.asarray(np.array([bool(np.any(b)) for b in kept["momentum_buffer"]]))
        initial = fresh.initial
        shelf = {k: v for k, v in fields.items() if k not in wanted and k not in self._internal}
        self._groups[n] = fresh = _Group(tree._replace(**kept), shelf)
        if not started:
            fresh.initial = [box._value for box in fresh.boxes]
        else:
            fresh.initial = initial

    # -- for fnn.jit ------------------------------------------------------------------------------------------

    def _fnn_gather(self, gather: Gather) -> Any:
        parts: list[Any] = [type(self)]
        for n, group in enumerate(self.param_groups):
            if self._lazy(n):  # the step will say what to do
                parts.append(tuple(is_lazy(p) for p in group["params"]))
                continue
            state = self._state_of(n)
            parts.append((
                tuple((gather.box(p, donate=True), p._requires_grad) for p in group["params"]),
                tuple(gather.box(p._grad) for p in group["params"] if p._grad is not None),
                tuple(group.get("param_names", ())),
                tuple(gather.box(box, donate=True) for box in state.boxes),
                state.treedef,
            ))  # fmt: skip
        for table in (self._step_pre_hooks, self._step_post_hooks):
            parts.append(tuple(map(Identity, table.values())))
        return tuple(parts)

    def _fnn_dynamic(self) -> tuple[Any, list[Any]]:
        flags, values = [], []
        for group in self.param_groups:
            flags.append(self._flags(group))
            # An int and a float would be two programs: weight_decay=0, later 0.1.
            values.append(tuple(float(v) if type(v) is int else v for v in self._values(group)))
        return tuple(flags), values

    # -- the step -----------------------------------------------------------------------------------------------

    def step(self, closure: Any = None, *, grads: Any = None) -> Any:
        """Updates the parameters once.

        Args:
            closure: None, a function that computes the loss and fills ``p.grad``, or the gradients themselves.
            grads: the gradients: a dict by parameter name (nested or flat), or a list in the parameters' order,
                with None for a parameter to be left alone. Without it, ``p.grad``. A gradient may be a
                `jax.experimental.sparse.BCOO` array where the rule allows it (SGD, Adagrad, SparseAdam).

        Returns:
            What ``closure`` returned, or None.
        """
        if closure is not None and not callable(closure):
            if grads is not None:
                raise ArgumentTypeError("step: gradients were given twice, by position and as grads=")
            closure, grads = None, closure
        for hook in self._step_pre_hooks.values():
            hook(self, (closure,), {})
        loss = None if closure is None else closure()
        chosen = self._own_grads() if grads is None else self._given_grads(grads)
        if innermost.get() is None and not tracing():
            _apply(self, chosen)
        else:
            self._update(chosen)
        for hook in self._step_post_hooks.values():
            hook(self, (closure,), {})
        return loss

    def _own_grads(self) -> list[list[Any]]:
        return [
            [self._taken(p.grad, group) if p._requires_grad else None for p in group["params"]]
            for group in self.param_groups
        ]

    def _taken(self, grad: Any, group: dict[str, Any]) -> Any:
        return self._sparse(grad, group) if isinstance(grad, BCOO) else grad

    def _given_grads(self, grads: Any) -> list[list[Any]]:
        if isinstance(grads, Mapping):
            return self._by_name(flatten(grads))
        flat = [p for group in self.param_groups for p in group["params"]]
        if not isinstance(grads, (list, tuple)) or len(grads) != len(flat):
            raise ArgumentError(
                f"step: expected gradients as a dict by name or a list of {len(flat)} arrays, got "
                f"{type(grads).__name__}{f' of {len(grads)}' if hasattr(grads, '__len__') else ''}"
            )
        it = iter(grads)
        return [
            [self._gradient(next(it), p, str(i), group) for i, p in enumerate(group["params"])]
            for group in self.param_groups
        ]

    def _by_name(self, grads: dict[str, Any]) -> list[list[Any]]:
        owners: dict[str, list[tuple[Parameter, dict[str, Any]]]] = defaultdict(list)
        for group in self.param_groups:
            names = group.get("param_names")
            for i, p in enumerate(group["params"]):
                for name in (names[i],) if names else p._names:
                    owners[name].append((p, group))
        chosen: dict[int, Any] = {}
        for name, grad in grads.items():
            for p, group in owners.get(name, ()):
                if len(owners[name]) > 1:
                    raise ArgumentError(
                        f"step: the name '{name}' belongs to {len(owners[name])} parameters of this optimizer; build "
                        "it from named_parameters() with distinct names, or pass the gradients as a list"
                    )
                chosen[id(p)] = self._gradient(grad, p, name, group)
        if grads and not chosen:
            raise ArgumentError(
                f"step: none of the gradients {list(grads)[:5]} belongs to a parameter of this optimizer, whose "
                f"names are {sorted(owners)[:5]}; take them from fnn.value_and_grad of the same model, or build the "
                "optimizer from model.named_parameters()"
            )
        return [[chosen.get(id(p)) for p in group["params"]] for group in self.param_groups]

    def _gradient(self, grad: Any, parameter: Parameter, name: str, group: dict[str, Any]) -> Any:
        if grad is None:
            return None
        grad = self._sparse(grad, group) if isinstance(grad, BCOO) else to_array(grad, "grads", "step: ")
        if is_lazy(parameter):
            raise ArgumentError(f"step: {_NOT_INITIALISED}")
        if grad.shape != parameter.shape:
            raise ArgumentError(
                f"step: the gradient of '{name}' has shape {grad.shape}, the parameter has {parameter.shape}"
            )
        return grad

    def _sparse(self, grad: BCOO, group: dict[str, Any]) -> Any:
        """What the rule makes of a sparse gradient of a parameter in ``group``."""
        del grad, group
        raise ArgumentError(f"{type(self).__name__} does not support sparse gradients")

    def _update(self, grads: list[list[Any]]) -> None:
        scope = innermost.get()
        traced = None if scope is None else scope.object_values(self)
        for n, (group, some) in enumerate(zip(self.param_groups, grads, strict=True)):
            if all(g is None for g in some):
                continue
            state = self._state_of(n)
            values = self._values(group) if traced is None else traced[n]
            params = [p.data for p in group["params"]]
            rule = self._transformation(values, self._flags(group))
            updates: Any
            updates, new = rule.update(some, state.tree(), params)
            for p, value, update, g in zip(group["params"], params, updates, some, strict=True):
                if g is not None:
                    p.data = _moved(value, update)
            for box, value in zip(state.boxes, state.treedef.flatten_up_to(new), strict=True):
                box.data = value

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clears ``p.grad`` of every parameter: None, or zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                p._clear_grad(set_to_none)

    # -- hooks ----------------------------------------------------------------------------------------------------

    def register_step_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Calls ``hook(optimizer, args, kwargs)`` before every step."""
        return register(self._step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable) -> RemovableHandle:
        """Calls ``hook(optimizer, args, kwargs)`` after every step."""
        return register(self._step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls ``hook(optimizer)`` before `state_dict`."""
        return register(self._state_dict_pre_hooks, hook, prepend=prepend)

    def register_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls ``hook(optimizer, state_dict)`` after `state_dict`; a result replaces it."""
        return register(self._state_dict_post_hooks, hook, prepend=prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls ``hook(optimizer, state_dict)`` before `load_state_dict`; a result replaces it."""
        return register(self._load_pre_hooks, hook, prepend=prepend)

    def register_load_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls ``hook(optimizer)`` after `load_state_dict`."""
        return register(self._load_post_hooks, hook, prepend=prepend)

    # -- state ------------------------------------------------------------------------------------------------------

    @property
    def state(self) -> dict[Parameter, dict[str, Any]]:
        """The state of every parameter that has been updated: ``{parameter: {name: array}}``."""
        found: dict[Parameter, dict[str, Any]] = {}
        for n, group in enumerate(self.param_groups):
            for p, entries in zip(group["params"], self._entries(n), strict=True):
                if entries:
                    found[p] = entries
        return found

    def _entries(self, n: int) -> list[dict[str, Any]]:
        group, count = self._groups[n], len(self.param_groups[n]["params"])
        if group is None or not group.started:
            return [{} for _ in range(count)]
        fields = {**group.shelf, **_present(group.tree())}
        stepped = _stepped(fields, count)
        return [
            {name: value[i] for name, value in fields.items() if name not in self._internal} if stepped[i] else {}
            for i in range(count)
        ]

    # Parts of the state that torch does not have.
    _internal: frozenset[str] = frozenset({"started"})

    def state_dict(self) -> dict[str, Any]:
        """The optimizer's state in torch's format: ``{"state": {index: {...}}, "param_groups": [...]}``."""
        for hook in self._state_dict_pre_hooks.values():
            hook(self)
        state: dict[int, dict[str, Any]] = {}
        groups, first = [], 0
        for n, group in enumerate(self.param_groups):
            indices = list(range(first, first + len(group["params"])))
            first += len(indices)
            groups.append({**{k: v for k, v in group.items() if k != "params"}, "params": indices})
            for i, entries in zip(indices, self._entries(n), strict=True):
                if entries:
                    state[i] = entries
        result: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._state_dict_post_hooks.values():
            replaced = hook(self, result)
            result = result if replaced is None else replaced
        return result

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restores what `state_dict` returned, here or in torch. If it does not fit, nothing is changed.

        Raises:
            StateDictError: other groups, other numbers of parameters, or other shapes.
        """
        state_dict = dict(state_dict)
        for hook in self._load_pre_hooks.values():
            replaced = hook(self, state_dict)
            state_dict = state_dict if replaced is None else replaced
        saved = state_dict["param_groups"]
        if len(saved) != len(self.param_groups):
            raise StateDictError(
                f"loaded state dict has a different number of parameter groups: {len(saved)}, expected "
                f"{len(self.param_groups)}"
            )
        if any(len(a["params"]) != len(b["params"]) for a, b in zip(saved, self.param_groups, strict=True)):
            raise StateDictError(
                "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
            )
        state = {int(k): v for k, v in state_dict["state"].items()}
        groups, fresh = [], []
        for n, (new, old) in enumerate(zip(saved, self.param_groups, strict=True)):
            group = {**old, **{k: _copied(v) for k, v in new.items() if k not in ("params", "param_names")}}
            if isinstance(group.get("betas"), list):
                group["betas"] = tuple(group["betas"])
            groups.append(group)
            fresh.append(self._loaded_group(n, group, [state.get(int(i), {}) for i in new["params"]]))
        self.param_groups[:] = groups
        self._groups[:] = fresh
        epoch.structure += 1
        for hook in self._load_post_hooks.values():
            hook(self)

    def _loaded_group(self, n: int, group: dict[str, Any], entries: list[Mapping[str, Any]]) -> _Group | None:
        if not any(entries):
            return None
        make = self._transformation(self._values(group), self._flags(group)).init
        tree: Any = make([p._value for p in group["params"]])
        fields = {}
        for name, value in tree._asdict().items():
            if value is None:
                continue
            if name == "started":
                fields[name] = jnp.asarray(np.array(["momentum_buffer" in e for e in entries]))
            elif isinstance(value, list):
                fields[name] = [
                    _loaded(name, v, e.get(name), group["params"][i])
                    for i, (v, e) in enumerate(zip(value, entries, strict=True))
                ]
            else:
                fields[name] = jnp.asarray([float(e.get(name, 0)) for e in entries], value.dtype)
        result = _Group(tree._replace(**fields))
        result.mark_started()
        for box in result.boxes:
            box._exposed = True
        return result

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        state.pop("_structures", None)
        state["_groups"] = [None if g is None else (g.tree(host=True), g.started, g.shelf) for g in self._groups]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        groups = state.pop("_groups")
        self.__dict__.update(state)
        self._groups = []
        for entry in groups:
            if entry is None:
                self._groups.append(None)
                continue
            tree, started, shelf = entry
            group = _Group(tree, shelf)
            if started:
                group.mark_started()
            self._groups.append(group)
        epoch.structure += 1

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for n, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {n}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
            lines.append("")
        return "\n".join([*lines[:-1], ")"])


def _moved(value: Any, update: Any) -> Any:
    """The parameter after an update; of a sparse one only the places that it has are touched."""
    if not isinstance(update, BCOO):
        return value + update.astype(value.dtype)
    at = tuple(update.indices[:, k] for k in range(update.n_sparse))
    return value.at[at].add(update.data.astype(value.dtype), mode="drop")  # BCOO pads with indices out of bounds


def _present(state: Any) -> dict[str, Any]:
    """The parts of a rule's state that it has."""
    return {name: value for name, value in state._asdict().items() if value is not None}


def _stepped(fields: dict[str, Any], count: int) -> list[bool]:
    """Which parameters have been updated; the others have no state in torch."""
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(fields)):
        return [True] * count
    for name in ("step", "started"):
        if name in fields:
            return [bool(n) for n in np.asarray(fields[name])]
    if "momentum_buffer" in fields:  # a velocity of zeros acts as none
        return [bool(np.any(np.asarray(buffer))) for buffer in fields["momentum_buffer"]]
    return [True] * count


def _copied(value: Any) -> Any:
    """A hyper-parameter of a state_dict; torch's tensors become arrays."""
    if hasattr(value, "detach") and not isinstance(value, jax.Array):
        return jnp.array(np.asarray(value.detach()))
    return deepcopy(value)


def _loaded(name: str, like: Any, value: Any, parameter: Parameter) -> Any:
    if value is None:
        return like
    # torch keeps moments in the parameter's dtype, and casts on loading.
    array = jnp.array(np.asarray(value)) if not isinstance(value, jax.Array) else value
    if array.shape != like.shape:
        raise StateDictError(
            f"size mismatch for {name}: the state has shape {array.shape}, the parameter {parameter.shape}"
        )
    return array.astype(like.dtype)


@jit
def _apply(optimizer: Optimizer, grads: list[list[Any]]) -> None:
    """The eager step, compiled."""
    optimizer._update(grads)
