"""Low-rank adapters (Hu et al., arXiv:2106.09685) as parametrisations: a few trained numbers beside frozen weights.

    fnn.nn.utils.lora.add(model, r=8, alpha=16, targets=["q_proj", "v_proj"])     # only the adapters are trained now
    ...
    numbers = fnn.nn.utils.lora.state_dict(model)                                 # they alone, under PEFT's names
    fnn.nn.utils.lora.merge(model)                                                # into the weights

A weight W becomes ``W + scale * B @ A``.  `fnn.text.save_adapter` and `load_adapter` write and read PEFT's files.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp

from fnn.errors import ArgumentError, StateDictError
from fnn.nn import init
from fnn.nn._module import Module
from fnn.nn.modules.linear import Linear
from fnn.nn.modules.sparse import Embedding
from fnn.nn.utils.parametrize import is_parametrized, register_parametrization, remove_parametrizations
from fnn.state.parameter import Parameter
from fnn.state.scope import epoch
from fnn.typing import ArrayLike

__all__ = ["LoRA", "adapters", "add", "attach", "load_state_dict", "merge", "state_dict", "unload"]

PREFIX = "base_model.model."  # what PEFT puts before a module's name


class LoRA(Module):
    """The parametrisation ``W + scale * B @ A`` of a weight.

    Args:
        weight: W, (out, in); (in, out) if ``transposed``; (V, E), taken as (in, out), of an embedding.
        r: the rank, the rows of A and columns of B.
        scale: what the product is multiplied with.
        transposed: whether the weight is (in, out).
        embeds: whether it is an embedding's, for which A starts as zero, not B.

    Attributes:
        lora_A: (r, in), initially as a linear layer's weight.
        lora_B: (out, r), initially 0.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.nn.utils import lora
        >>> adapter = lora.LoRA(jnp.ones((3, 4)), r=2, scale=0.5)
        >>> adapter(jnp.ones((3, 4))).shape, adapter.lora_A.shape, adapter.lora_B.shape
        ((3, 4), (2, 4), (3, 2))
    """

    def __init__(self, weight: ArrayLike, r: int, scale: float, transposed: bool = False, embeds: bool = False) -> None:
        super().__init__()
        shape = jnp.asarray(weight).shape
        out, features = (shape[1], shape[0]) if transposed or embeds else shape
        # Adapters of half weights are float32, as PEFT's: their updates are too small for less.
        dtype = jnp.promote_types(jnp.result_type(weight), jnp.float32)
        self.r, self.scale, self.transposed, self.embeds = r, scale, transposed or embeds, embeds
        self.lora_A = Parameter(jnp.zeros((r, features), dtype))
        self.lora_B = Parameter(jnp.zeros((out, r), dtype))
        self.trained = True  # whether the weight was, before
        if embeds:
            init.normal_(self.lora_B)
        else:
            init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))

    def forward(self, weight: ArrayLike) -> jax.Array:
        """The weight with what was learnt."""
        base = jnp.asarray(weight)
        change = self.scale * (self.lora_B.data @ self.lora_A.data)
        return base + (change.T if self.transposed else change).astype(base.dtype)

    def extra_repr(self) -> str:
        """Its rank and scale."""
        return f"r={self.r}, scale={self.scale}"


def _transposed(module: Module) -> bool:
    """Whether a module's weight is (in, out), which it says by an attribute."""
    return bool(getattr(module, "weight_is_transposed", False))


def _selected(name: str, module: Module, targets: str | Sequence[str]) -> bool:
    if targets == "all-linear":
        return isinstance(module, Linear) or _transposed(module)
    if isinstance(targets, str):
        return re.fullmatch(targets, name) is not None
    return any(name == target or name.endswith(f".{target}") for target in targets)


def add(
    model: Module,
    r: int = 8,
    alpha: float = 8,
    targets: str | Sequence[str] = "all-linear",
    *,
    use_rslora: bool = False,
) -> list[str]:
    """Puts adapters on weights, and freezes all other parameters.

    Args:
        model: changed in place.
        r: the rank of the adapters.
        alpha: their scale is ``alpha / r``.
        targets: the ends of the names of modules, ``["q_proj", "v_proj"]``; a regular expression of whole names; or
            ``"all-linear"``. They are linear layers and embeddings.
        use_rslora: whether the scale is ``alpha / sqrt(r)`` (Kalajdzievski, arXiv:2312.03732).

    Returns:
        The names of the modules that have adapters now.

    Raises:
        ArgumentError: nothing matches, or something that has no such weight, or has an adapter.

    Example:
        >>> from fnn import nn
        >>> model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
        >>> nn.utils.lora.add(model, r=2, targets=["2"])
        ['2']
        >>> [name for name, p in model.named_parameters() if p.requires_grad]
        ['2.parametrizations.weight.0.lora_A', '2.parametrizations.weight.0.lora_B']
    """
    if not isinstance(r, int) or r < 1:
        raise ArgumentError(f"lora.add: r must be a positive int, got {r!r}")
    found = [(name, module) for name, module in model.named_modules() if name and _selected(name, module, targets)]
    found = [(name, module) for name, module in found if ".parametrizations." not in f".{name}."]
    if not found:
        raise ArgumentError(f"lora.add: no module matches targets={targets!r}")
    scale = alpha / (math.sqrt(r) if use_rslora else r)
    attach(model, {name: (r, scale) for name, _ in found})
    return [name for name, _ in found]


def attach(model: Module, wanted: Mapping[str, tuple[int, float]]) -> None:
    """Puts adapters of several ranks and scales on a model's weights, and freezes all other parameters.

    Args:
        model: changed in place.
        wanted: rank and scale by the name of a module.

    Raises:
        ArgumentError: a module has no weight for an adapter, or has one already; nothing is changed then.

    Example:
        >>> from fnn import nn
        >>> model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
        >>> nn.utils.lora.attach(model, {"0": (2, 1.0), "1": (1, 0.5)})
        >>> [adapter for _, _, adapter in nn.utils.lora.adapters(model)]
        [LoRA(r=2, scale=1.0), LoRA(r=1, scale=0.5)]
    """
    modules = {name: model.get_submodule(name) for name in wanted}
    for name, module in modules.items():
        if not (isinstance(module, (Linear, Embedding)) or _transposed(module)):
            raise ArgumentError(
                f"lora: {name} is a {type(module).__name__}; adapters are for linear layers and embeddings"
            )
        if _adapter(module) is not None:
            raise ArgumentError(f"lora: {name} has an adapter already; merge or unload it first")
    before = [adapter for _, _, adapter in adapters(model)]
    trained = {id(p): p.requires_grad for p in model.parameters()}
    model.requires_grad_(False)
    for adapter in before:
        adapter.requires_grad_(True)
    for name, module in modules.items():
        weight = cast(Any, module).weight
        adapter = LoRA(weight, *wanted[name], _transposed(module), isinstance(module, Embedding))
        adapter.trained = trained.get(id(weight), False)
        register_parametrization(module, "weight", adapter)


def _adapter(module: Module) -> LoRA | None:
    if not is_parametrized(module, "weight"):
        return None
    return next((part for part in cast(Any, module).parametrizations["weight"] if isinstance(part, LoRA)), None)


def adapters(model: Module) -> Iterator[tuple[str, Module, LoRA]]:
    """The adapters of a model: the name of the module, the module, the adapter.

    Example:
        >>> from fnn import nn
        >>> model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
        >>> _ = nn.utils.lora.add(model, r=2, targets=["2"])
        >>> [(name, adapter) for name, _, adapter in nn.utils.lora.adapters(model)]
        [('2', LoRA(r=2, scale=...))]
    """
    for name, module in model.named_modules():
        adapter = _adapter(module)
        if adapter is not None:
            yield name, module, adapter


def _taken_off(module: Any, adapter: LoRA, merged: bool) -> None:
    chain = module.parametrizations["weight"]
    if len(chain) == 1:
        remove_parametrizations(module, "weight", leave_parametrized=merged)
        if isinstance(module.weight, Parameter):
            module.weight.requires_grad_(adapter.trained)
        return
    value = jnp.asarray(module.weight) if merged else None
    del chain[next(n for n, part in enumerate(chain) if part is adapter)]
    epoch.structure += 1
    if value is not None:
        module.weight = value  # what is below it, such as a quantisation, takes it in


def merge(model: Module) -> Module:
    """Adds what was learnt to the weights and takes the adapters off; what was trained before them is again.

    Args:
        model: changed in place.

    Returns:
        The model.

    Example:
        >>> from fnn import nn
        >>> model = nn.Sequential(nn.Linear(4, 2))
        >>> _ = nn.utils.lora.add(model, r=2)
        >>> nn.utils.lora.merge(model)
        Sequential(
          (0): Linear(in_features=4, out_features=2, bias=True)
        )
    """
    for _, module, adapter in list(adapters(model)):
        _taken_off(module, adapter, merged=True)
    return model


def unload(model: Module) -> Module:
    """Takes the adapters off, and leaves the weights as they were before.

    Args:
        model: changed in place.

    Returns:
        The model.

    Example:
        >>> from fnn import nn
        >>> model = nn.Sequential(nn.Linear(4, 2))
        >>> _ = nn.utils.lora.add(model, r=2)
        >>> sorted(nn.utils.lora.unload(model).state_dict())
        ['0.bias', '0.weight']
    """
    for _, module, adapter in list(adapters(model)):
        _taken_off(module, adapter, merged=False)
    return model


def _boxes(model: Module) -> dict[str, Parameter]:
    found: dict[str, Parameter] = {}
    for name, _, adapter in adapters(model):
        embeds = adapter.embeds
        for letter in "AB":
            key = f"lora_embedding_{letter}" if embeds else f"lora_{letter}.weight"
            found[f"{PREFIX}{name}.{key}"] = getattr(adapter, f"lora_{letter}")
    return found


def state_dict(model: Module) -> dict[str, jax.Array]:
    """The adapters' arrays alone, under PEFT's names.

    Args:
        model: with adapters.

    Example:
        >>> from fnn import nn
        >>> model = nn.Sequential(nn.Linear(4, 2))
        >>> _ = nn.utils.lora.add(model, r=2)
        >>> list(nn.utils.lora.state_dict(model))
        ['base_model.model.0.lora_A.weight', 'base_model.model.0.lora_B.weight']
    """
    return {name: box.data for name, box in _boxes(model).items()}


def load_state_dict(model: Module, state: Mapping[str, ArrayLike]) -> None:
    """Fills a model's adapters with the arrays of `state_dict`, or of PEFT's.

    Args:
        model: with adapters of the same modules and ranks.
        state: arrays by name.

    Raises:
        StateDictError: names are missing or unexpected, or shapes differ; nothing is changed then.

    Example:
        >>> from fnn import nn
        >>> a, b = nn.Sequential(nn.Linear(4, 2)), nn.Sequential(nn.Linear(4, 2))
        >>> _ = nn.utils.lora.add(a, r=2), nn.utils.lora.add(b, r=2)
        >>> nn.utils.lora.load_state_dict(b, nn.utils.lora.state_dict(a))
    """
    boxes = _boxes(model)
    faults = [f"Missing key: {name}" for name in boxes if name not in state]
    faults += [f"Unexpected key: {name}" for name in state if name not in boxes]
    faults += [
        f"size mismatch for {name}: {jnp.asarray(value).shape} in the state, {tuple(boxes[name].shape)} in the model"
        for name, value in state.items()
        if name in boxes and jnp.asarray(value).shape != tuple(boxes[name].shape)
    ]
    if faults:
        raise StateDictError("lora.load_state_dict:\n\t" + "\n\t".join(faults))
    for name, box in boxes.items():
        box.data = jnp.asarray(state[name], box.dtype)
