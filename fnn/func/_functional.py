"""Calls of a Module with other values for its boxes: `functional_call`, `stack_module_state`."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from types import MethodType
from typing import Any

import jax.numpy as jnp

from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.nn import Module
from fnn.state.box import Box
from fnn.state.names import flatten
from fnn.state.parameter import Parameter
from fnn.state.scope import Scope, current_scope, opened, write_out
from fnn.typing import PyTree

Method = str | Callable[..., Any] | None


def called(module: Module, method: Method, args: tuple, kwargs: dict[str, Any], what: str) -> Any:
    """Calls ``module``, or another method of it, given by name or as a function of the module."""
    if method is None:
        return module(*args, **kwargs)
    if isinstance(method, MethodType) and method.__self__ is module:
        method = method.__func__
    if callable(method):
        return method(module, *args, **kwargs)
    found = getattr(module, method, None) if isinstance(method, str) else None
    if not callable(found):
        raise ArgumentTypeError(
            f"{what}: method={method!r} is neither the name of a method of {type(module).__name__} nor a function of "
            "the module"
        )
    return found(*args, **kwargs)


def _paths(module: Module) -> dict[str, tuple[Module, str, Box]]:
    """Every path to a box: ``{dotted name: (owner, attribute, box)}``, repeated ones included."""
    found = {}
    for path, owner in module.named_modules(remove_duplicate=False):
        for table in (owner._parameters, owner._buffers):
            for name, box in table.items():
                if box is not None:
                    found[f"{path}.{name}" if path else name] = (owner, name, box)
    return found


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    args: object = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
    method: Method = None,
) -> Any:
    """Calls ``module`` with other values for its parameters and buffers.

    The module is not touched: not by an exception, nor for another thread, nor where a weight is tied. What the call
    writes to a buffer that is in the given dict appears in that dict.

    Args:
        module: the Module.
        parameter_and_buffer_dicts: ``{name: array}``, as from `split`, or several such dicts with different names.
            Boxes that are not named keep the module's values. Nested dicts, as from `fnn.layers`, are accepted.
        args: the positional arguments: a tuple, or a single argument.
        kwargs: the keyword arguments.
        tie_weights: whether a value given under one name of a tied parameter holds for all its names.
        strict: whether every parameter and buffer must be given, and no other name.
        method: what to call instead of ``module(...)``: the name of another method, or a function whose first
            argument is the module (``Net.encode``).

    Returns:
        What ``module(*args, **kwargs)`` returns.

    Raises:
        ArgumentError: a name is unknown, given twice or (``strict``) missing, or tied names have different values.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import func, nn
        >>> layer = nn.Linear(1, 1)
        >>> y = func.functional_call(layer, {"weight": jnp.full((1, 1), 2.0), "bias": jnp.ones(1)}, (jnp.ones((1, 1)),))
        >>> print(y)
        [[3.]]
        >>> print(func.functional_call(layer, {"bias": jnp.ones(1)}, (), method=lambda layer: layer.bias * 2))
        [2.]
    """
    dicts = parameter_and_buffer_dicts
    if isinstance(dicts, Mapping):
        dicts = [dicts]
    elif not (isinstance(dicts, Sequence) and all(isinstance(d, Mapping) for d in dicts)):
        raise ArgumentTypeError(
            f"Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got {type(dicts)}"
        )
    given: dict[str, Any] = {}
    for part in dicts:
        for name, value in flatten(part).items():
            if name in given:
                raise ArgumentError(
                    f"['{name}'] appeared in multiple dictionaries; behavior of functional call is ambiguous"
                )
            given[name] = value
    paths = _paths(module)
    _check_names(module, given, paths, strict, tie_weights)
    scope = Scope(parent=current_scope())
    _bind(scope, given, paths, tie_weights)
    if args is None:
        args = ()
    elif not isinstance(args, tuple):
        args = (args,)
    with opened(scope):
        out = called(module, method, args, kwargs or {}, "functional_call")
    _reflect(scope, dicts, paths)
    return out


def _check_names(module: Module, given: dict[str, Any], paths: dict[str, Any], strict: bool, tie: bool) -> None:
    unexpected = [name for name in given if name not in paths]
    if unexpected and not strict:
        raise ArgumentError(
            f"functional_call: {type(module).__name__} has no parameter or buffer named {unexpected}; "
            f"it has {list(paths)}"
        )
    if strict:
        bound = {id(paths[name][2]) for name in given if name in paths} if tie else set()
        missing = [name for name, (_, _, box) in paths.items() if name not in given and id(box) not in bound]
        if missing or unexpected:
            message = "Error(s) in loading state_dict for functional_call:"
            message += f"\n\tUnexpected key(s): {', '.join(map(repr, unexpected))}." if unexpected else ""
            message += f"\n\tMissing key(s): {', '.join(map(repr, missing))}." if missing else ""
            raise ArgumentError(message)


def _bind(scope: Scope, given: dict[str, Any], paths: dict[str, Any], tie_weights: bool) -> None:
    names: dict[Box, str] = {}
    for name, value in given.items():
        owner, attribute, box = paths[name]
        value = value._read_whole() if isinstance(value, Box) else to_array(value, name, "functional_call: ")
        if box not in names:
            names[box] = name
            shared = [other for other, (_, _, b) in paths.items() if b is box and other != name]
            if tie_weights or not shared:
                scope.values[box] = value
                continue
        elif tie_weights:
            if value is not scope.values[box]:
                raise ArgumentError(
                    f"functional_call got multiple values for keys ['{names[box]}', '{name}'], which are tied. "
                    "Consider using tie_weights=False"
                )
            continue
        # By path: reading this attribute of this module yields a box of its own.
        substitute = copy.copy(box) if not isinstance(box, Parameter) else Parameter(box._value, box._requires_grad)
        key = (id(owner), attribute)
        overrides = dict(scope.overrides or {})
        if key in overrides and scope.values.get(overrides[key]) is not value:
            raise ArgumentError(
                f"functional_call: '{name}' is reached by two paths of one and the same module and "
                "cannot have two values"
            )
        overrides[key] = substitute
        scope.overrides = overrides
        scope.values[substitute] = value


def _reflect(scope: Scope, dicts: Sequence[Mapping[str, Any]], paths: dict[str, Any]) -> None:
    """Puts what was written into the dicts that named it; writes to other boxes go to the scope around."""
    by_box: dict[Box, list[str]] = {}
    for name, (owner, attribute, box) in paths.items():
        bound = (scope.overrides or {}).get((id(owner), attribute))
        by_box.setdefault(box if bound is None else bound, []).append(name)
    rest = []
    for box in scope.written:
        placed = False
        for part in dicts:
            for name in by_box.get(box, ()):
                placed |= _store(part, name, scope.values[box])
        if not placed and box._born < scope.serial:
            rest.append(box)
    write_out(rest, [scope.values[box] for box in rest])


def _store(tree: PyTree, name: str, value: object) -> bool:
    if name in tree:
        tree[name] = value
        return True
    head, _, rest = name.partition(".")
    return bool(rest) and isinstance(tree.get(head), dict) and _store(tree[head], rest, value)


def stack_module_state(models: Sequence[Module]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The states of several alike Modules, stacked along a new first axis, for `vmap` over `functional_call`.

    Args:
        models: at least one Module, all of one class and in one mode.

    Returns:
        ``(params, buffers)``: ``{name: array of shape (len(models), *shape)}``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import func, nn
        >>> models = [nn.Linear(2, 1) for _ in range(3)]
        >>> params, buffers = func.stack_module_state(models)
        >>> params["weight"].shape
        (3, 1, 2)
        >>> call = lambda params, x: func.functional_call(models[0], params, (x,))
        >>> func.vmap(call, in_dims=(0, None))(params, jnp.ones((4, 2))).shape
        (3, 4, 1)
    """
    models = list(models)
    if not models:
        raise ArgumentError("stack_module_state: Expected at least one model, got 0.")
    if any(m.training != models[0].training for m in models):
        raise ArgumentError("stack_module_state: Expected all models to have the same training/eval mode.")
    if any(type(m) is not type(models[0]) for m in models):
        raise ArgumentError("stack_module_state: Expected all models to be of the same class.")
    params = [dict(m.named_parameters()) for m in models]
    buffers = [dict(m.named_buffers()) for m in models]

    def stacked(parts: list[dict[str, Any]]) -> dict[str, Any]:
        for part in parts[1:]:
            if {k: v.shape for k, v in part.items()} != {k: v.shape for k, v in parts[0].items()}:
                raise ArgumentError(
                    "stack_module_state: Expected all models to have arrays of the same names and shapes."
                )
        return {name: jnp.stack([part[name].data for part in parts]) for name in parts[0]}

    return stacked(params), stacked(buffers)
