"""``torch.distributed.checkpoint.state_dict`` for ported scripts: states under the names of parameters.

An optimizer's own ``state_dict`` counts its parameters; here they go by their names in the model, without the prefix
``module.`` of a wrapper, so that a checkpoint fits whatever order they are in.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from fnn.distributed.meeting import broadcast_from, gather
from fnn.distributed.torch_objects import broadcast_object_list
from fnn.errors import ArgumentError
from fnn.nn import Module, Parameter
from fnn.nn.parallel import DataParallel, DistributedDataParallel
from fnn.optim import Optimizer

__all__ = [
    "StateDictOptions", "get_model_state_dict", "get_optimizer_state_dict", "get_state_dict", "set_model_state_dict",
    "set_optimizer_state_dict", "set_state_dict",
]  # fmt: skip


@dataclass
class StateDictOptions:
    """How states are returned and taken.

    Args:
        full_state_dict: whether arrays are returned as whole numpy arrays in every process.
        cpu_offload: with ``full_state_dict``, whether process 0 alone gets them, the others an empty dict.
        ignore_frozen_params: whether parameters that are not trained are left out.
        keep_submodule_prefixes: True.
        strict: whether ``load_state_dict`` refuses names that are missing or too many.
        broadcast_from_rank0: whether a state that is set is that of process 0; needs ``full_state_dict``.
        flatten_optimizer_state_dict: False.

    Example:
        >>> from fnn.distributed.checkpoint.state_dict import StateDictOptions
        >>> StateDictOptions(full_state_dict=True).strict
        True
    """

    full_state_dict: bool = False
    cpu_offload: bool = False
    ignore_frozen_params: bool = False
    keep_submodule_prefixes: bool = True
    strict: bool = True
    broadcast_from_rank0: bool = False
    flatten_optimizer_state_dict: bool = False

    def __post_init__(self) -> None:
        for name, only in (("keep_submodule_prefixes", True), ("flatten_optimizer_state_dict", False)):
            if getattr(self, name) is not only:
                raise ArgumentError(f"StateDictOptions: {name} must be {only}, got {getattr(self, name)!r}")
        if self.broadcast_from_rank0 and not self.full_state_dict:
            raise ArgumentError("StateDictOptions: full_state_dict must be True when broadcast_from_rank0 is True")


Optimizers = Optimizer | Iterable[Optimizer]


def get_model_state_dict(
    model: Module, *, submodules: None = None, options: StateDictOptions | None = None
) -> dict[str, Any]:
    """A model's arrays by name.

    Args:
        model: the model, which may be wrapped.
        submodules: None; deprecated in PyTorch.
        options: None: arrays as they are spread.

    Returns:
        The arrays.

    Example:
        >>> from fnn import nn
        >>> from fnn.distributed.checkpoint.state_dict import get_model_state_dict
        >>> list(get_model_state_dict(nn.parallel.DistributedDataParallel(nn.Linear(2, 3))))
        ['weight', 'bias']
    """
    options = _checked(submodules, options, "get_model_state_dict")
    model = _unwrapped(model)
    frozen = {name for name, p in model.named_parameters(remove_duplicate=False) if not p.requires_grad}
    left_out = frozen if options.ignore_frozen_params else set()
    # ordered, for what walks over a plain dict sorts it
    return _handed(OrderedDict((k, v) for k, v in model.state_dict().items() if k not in left_out), options)


def get_optimizer_state_dict(
    model: Module,
    optimizers: Optimizers,
    *,
    submodules: None = None,
    options: StateDictOptions | None = None,
) -> dict[str, Any]:
    """The state of an optimizer, or of several together, by the names of parameters.

    Args:
        model: the model, which may be wrapped.
        optimizers: its optimizer, or several.
        submodules: None; deprecated in PyTorch.
        options: None: arrays as they are spread.

    Returns:
        ``{"state": {name: ...}, "param_groups": [{"params": [name, ...], ...}, ...]}``.

    Raises:
        ArgumentError: an optimizer has a parameter that the model has not.

    Example:
        >>> from fnn import nn, optim
        >>> from fnn.distributed.checkpoint.state_dict import get_optimizer_state_dict
        >>> model = nn.Linear(2, 3)
        >>> get_optimizer_state_dict(model, optim.SGD(model.parameters()))["param_groups"][0]["params"]
        ['weight', 'bias']
    """
    options = _checked(submodules, options, "get_optimizer_state_dict")
    names, state, groups = _names(model), {}, []
    for optimizer in _several(optimizers):
        own = optimizer.state_dict()
        numbered = _numbered(optimizer, names)
        state.update({numbered[n]: value for n, value in own["state"].items()})
        groups += [{**group, "params": [numbered[n] for n in group["params"]]} for group in own["param_groups"]]
    return _handed({"state": state, "param_groups": groups}, options)


def get_state_dict(
    model: Module,
    optimizers: Optimizers,
    *,
    submodules: None = None,
    options: StateDictOptions | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A model's arrays and its optimizers' state; see `get_model_state_dict`, `get_optimizer_state_dict`.

    Args:
        model: the model, which may be wrapped.
        optimizers: its optimizer, or several; ``()`` is none.
        submodules: None; deprecated in PyTorch.
        options: None: arrays as they are spread.

    Returns:
        Both.

    Example:
        >>> from fnn import nn, optim
        >>> from fnn.distributed.checkpoint.state_dict import get_state_dict
        >>> model = nn.Linear(2, 3)
        >>> arrays, state = get_state_dict(model, optim.SGD(model.parameters()))
        >>> list(arrays), list(state)
        (['weight', 'bias'], ['state', 'param_groups'])
    """
    return (
        get_model_state_dict(model, submodules=submodules, options=options),
        get_optimizer_state_dict(model, optimizers, submodules=submodules, options=options),
    )


def set_model_state_dict(
    model: Module, model_state_dict: Mapping[str, Any], *, options: StateDictOptions | None = None
) -> Any:
    """Loads a model's arrays, each to where its parameter is spread.

    Args:
        model: the model, which may be wrapped.
        model_state_dict: see `get_model_state_dict`.
        options: see `StateDictOptions`; None is the default.

    Returns:
        The names that are missing and those that are too many, as ``load_state_dict``.

    Example:
        >>> from fnn import nn
        >>> from fnn.distributed.checkpoint.state_dict import set_model_state_dict
        >>> model, other = nn.parallel.DistributedDataParallel(nn.Linear(2, 3)), nn.Linear(2, 3)
        >>> set_model_state_dict(model, other.state_dict())
        <All keys matched successfully>
    """
    options = options or StateDictOptions()
    return _unwrapped(model).load_state_dict(_taken(model_state_dict, options), strict=options.strict)


def set_optimizer_state_dict(
    model: Module,
    optimizers: Optimizers,
    optim_state_dict: Mapping[str, Any],
    *,
    options: StateDictOptions | None = None,
) -> None:
    """Loads the state of an optimizer, or of several, each array to where its parameter is spread.

    Args:
        model: the model, which may be wrapped.
        optimizers: its optimizer, or several.
        optim_state_dict: see `get_optimizer_state_dict`.
        options: see `StateDictOptions`; None is the default.

    Raises:
        ArgumentError: the state lacks a parameter of an optimizer.

    Example:
        >>> from fnn import nn, optim
        >>> from fnn.distributed.checkpoint.state_dict import get_optimizer_state_dict, set_optimizer_state_dict
        >>> model = nn.Linear(2, 3)
        >>> one, other = optim.SGD(model.parameters(), lr=0.1), optim.SGD(model.parameters(), lr=0.2)
        >>> set_optimizer_state_dict(model, other, get_optimizer_state_dict(model, one))
        >>> other.param_groups[0]["lr"]
        0.1
    """
    where = "set_optimizer_state_dict"
    given = _taken(optim_state_dict, options or StateDictOptions())
    names, group_of = _names(model), {n: group for group in given.get("param_groups", ()) for n in group["params"]}
    for optimizer in _several(optimizers):
        own = optimizer.state_dict()
        numbered = _numbered(optimizer, names)
        missing = [name for name in numbered.values() if name not in group_of]
        if missing:
            raise ArgumentError(f"{where}: the optimizer's parameter {missing[0]!r} is in no group of the state")
        state = {n: given["state"][name] for n, name in numbered.items() if name in given["state"]}
        groups = []
        for group in own["param_groups"]:
            settings = group_of[numbered[group["params"][0]]] if group["params"] else group
            groups.append({**group, **settings, "params": group["params"]})
        optimizer.load_state_dict({"state": state, "param_groups": groups})


def set_state_dict(
    model: Module,
    optimizers: Optimizers,
    *,
    model_state_dict: Mapping[str, Any],
    optim_state_dict: Mapping[str, Any],
    options: StateDictOptions | None = None,
) -> Any:
    """Loads a model's arrays and its optimizers' state.

    Args:
        model: the model, which may be wrapped.
        optimizers: its optimizer, or several; ``()`` is none.
        model_state_dict: see `get_model_state_dict`.
        optim_state_dict: see `get_optimizer_state_dict`.
        options: see `StateDictOptions`; None is the default.

    Returns:
        The names of the model's that are missing and those that are too many.

    Example:
        >>> from fnn import nn, optim
        >>> from fnn.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
        >>> model = nn.Linear(2, 3)
        >>> optimizer = optim.AdamW(model.parameters())
        >>> arrays, state = get_state_dict(model, optimizer)
        >>> set_state_dict(model, optimizer, model_state_dict=arrays, optim_state_dict=state)
        <All keys matched successfully>
    """
    found = set_model_state_dict(model, model_state_dict, options=options)
    set_optimizer_state_dict(model, optimizers, optim_state_dict, options=options)
    return found


def _checked(submodules: None, options: StateDictOptions | None, where: str) -> StateDictOptions:
    if submodules is not None:
        raise ArgumentError(f"{where}: submodules must be None, got {submodules!r}: ask for the state of the submodule")
    return options or StateDictOptions()


def _unwrapped(model: Any) -> Module:
    while isinstance(model, (DataParallel, DistributedDataParallel)):
        model = model.module
    return model


def _several(optimizers: Optimizers) -> list[Optimizer]:
    return list(optimizers) if isinstance(optimizers, Iterable) else [optimizers]


def _names(model: Module) -> dict[int, str]:
    return {id(p): name for name, p in _unwrapped(model).named_parameters()}


def _numbered(optimizer: Optimizer, names: Mapping[int, str]) -> dict[int, str]:
    """The names of an optimizer's parameters by the numbers that its own state gives them."""
    found: dict[int, str] = {}
    for group in optimizer.param_groups:
        for p in group["params"]:
            if id(p) not in names:
                what = f"Parameter of shape {tuple(p.shape)}" if isinstance(p, Parameter) else repr(p)
                raise ArgumentError(f"the optimizer has a {what} that the model has not")
            found[len(found)] = names[id(p)]
    return found


def _handed(state: dict[str, Any], options: StateDictOptions) -> dict[str, Any]:
    if not options.full_state_dict:
        return state
    whole = gather(state)
    return {} if options.cpu_offload and jax.process_index() > 0 else whole


def _taken(state: Mapping[str, Any], options: StateDictOptions) -> dict[str, Any]:
    """The state that is given, or that of process 0, from where arrays are sent one by one."""
    if not options.broadcast_from_rank0 or jax.process_count() == 1:
        return dict(state)
    is_first = jax.process_index() == 0
    leaves, tree = jax.tree.flatten(OrderedDict(state)) if is_first else ([], None)
    told: list[Any] = [(tree, [_shown(leaf) for leaf in leaves])]
    broadcast_object_list(told, src=0)
    tree, shown = told[0]
    for n, leaf in enumerate(shown):
        if isinstance(leaf, jax.ShapeDtypeStruct):
            shown[n] = broadcast_from(leaves[n] if is_first else np.zeros(leaf.shape, leaf.dtype))
    return jax.tree.unflatten(tree, shown)


def _shown(leaf: Any) -> Any:
    """An array without its values."""
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) if isinstance(leaf, (jax.Array, np.ndarray)) else leaf
