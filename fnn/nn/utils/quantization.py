"""Weights in 8 or 4 bits, as parametrisations: the numbers and their scales are stored, the weight is computed.

A weight is ``scale * q``, q being integers from -127 to 127, with a scale for each row; or from -8 to 7, two in a byte,
with a scale for each group of so many neighbours in a row.  Activations stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp

from fnn.errors import ArgumentError
from fnn.nn._module import Module
from fnn.nn.modules.linear import Linear
from fnn.nn.utils.parametrize import is_parametrized, register_parametrization, remove_parametrizations
from fnn.typing import ArrayLike, DType

__all__ = ["Int4Weight", "Int8Weight", "dequantize", "quantize"]


class Int8Weight(Module):
    """The parametrisation of a weight (out, in) by int8 numbers (out, in) and a scale for each row, (out, 1).

    Args:
        dtype: of the weight that is computed.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.nn.utils import quantization
        >>> kind = quantization.Int8Weight(jnp.float32)
        >>> numbers, scales = kind.right_inverse(jnp.array([[1.0, -0.5]]))
        >>> numbers.tolist(), kind(numbers, scales).round(2).tolist()
        ([[127, -64]], [[1.0, -0.5]])
    """

    def __init__(self, dtype: DType) -> None:
        super().__init__()
        self.dtype = jnp.dtype(dtype)

    def forward(self, numbers: ArrayLike, scales: ArrayLike) -> jax.Array:
        """The weight."""
        return (jnp.asarray(numbers).astype(jnp.float32) * jnp.asarray(scales)).astype(self.dtype)

    def right_inverse(self, weight: ArrayLike) -> tuple[jax.Array, jax.Array]:
        """Numbers and scales nearest to a weight."""
        value = jnp.asarray(weight).astype(jnp.float32)
        scales = jnp.max(jnp.abs(value), -1, keepdims=True) / 127
        scales = jnp.where(scales == 0, 1.0, scales)
        return jnp.clip(jnp.round(value / scales), -127, 127).astype(jnp.int8), scales


class Int4Weight(Module):
    """The parametrisation of a weight (out, in) by bytes of two numbers, (out, in / 2), and scales, (out, in / group).

    The lower half of a byte is the number on the left.  The number of the largest magnitude in a group is -8 or 7.

    Args:
        dtype: of the weight that is computed.
        group_size: how many neighbours have a scale in common.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.nn.utils import quantization
        >>> kind = quantization.Int4Weight(jnp.float32, 4)
        >>> numbers, scales = kind.right_inverse(jnp.array([[-8.0, 4.0, 0.0, 7.0]]))
        >>> numbers.shape, kind(numbers, scales).tolist()
        ((1, 2), [[-8.0, 4.0, 0.0, 7.0]])
    """

    def __init__(self, dtype: DType, group_size: int) -> None:
        super().__init__()
        self.dtype, self.group_size = jnp.dtype(dtype), group_size

    def forward(self, numbers: ArrayLike, scales: ArrayLike) -> jax.Array:
        """The weight."""
        packed = jnp.asarray(numbers)
        halves = jnp.stack((packed & 15, packed >> 4), -1).astype(jnp.float32)
        values = jnp.where(halves > 7, halves - 16, halves).reshape(packed.shape[0], -1, self.group_size)
        return (values * jnp.asarray(scales)[:, :, None]).reshape(packed.shape[0], -1).astype(self.dtype)

    def right_inverse(self, weight: ArrayLike) -> tuple[jax.Array, jax.Array]:
        """Numbers and scales nearest to a weight."""
        value = jnp.asarray(weight).astype(jnp.float32)
        groups = value.reshape(value.shape[0], -1, self.group_size)
        # -8 has no counterpart: a scale of either sign lets the largest number be it, and the step is finer
        low, high = jnp.min(groups, -1), jnp.max(groups, -1)
        scales = jnp.where(-low >= high, jnp.maximum(-low / 8, high / 7), jnp.minimum(-high / 8, low / 7))
        scales = jnp.where(scales == 0, 1.0, scales)
        numbers = jnp.clip(jnp.round(groups / scales[:, :, None]), -8, 7).astype(jnp.int8)
        pairs = (numbers.astype(jnp.uint8) & 15).reshape(value.shape[0], -1, 2)
        return pairs[..., 0] | (pairs[..., 1] << 4), scales


def quantize(model: Module, bits: int = 8, group_size: int = 32, targets: Sequence[str] | None = None) -> list[str]:
    """Stores the weights of linear layers in 8 or 4 bits; they are not trained any more.

    The ``state_dict`` then has ``parametrizations.weight.original0``, the numbers, and ``original1``, their scales; it
    loads into a model that was quantised alike.  Adapters of `fnn.nn.utils.lora` may be put on top.

    Args:
        model: changed in place.
        bits: 8 or 4.
        group_size: of 4 bits: how many neighbours have a scale in common; it must divide the number of inputs.
        targets: the ends of the names of the layers; None: all linear layers whose weight is not another's, too.

    Returns:
        The names of the layers.

    Raises:
        ArgumentError: another number of bits, a group size that does not divide, or a target that is none.

    Example:
        >>> from fnn import nn
        >>> model = nn.Sequential(nn.Linear(64, 4))
        >>> nn.utils.quantization.quantize(model, bits=4, group_size=16)
        ['0']
        >>> {name: value.shape for name, value in model.state_dict().items() if "weight" in name}
        {'0.parametrizations.weight.original0': (4, 32), '0.parametrizations.weight.original1': (4, 4)}
    """
    if bits not in (4, 8):
        raise ArgumentError(f"quantize: bits must be 8 or 4, got {bits!r}")
    shared: dict[int, int] = {}
    for _, box in model.named_parameters(remove_duplicate=False):
        shared[id(box)] = shared.get(id(box), 0) + 1
    found: list[tuple[str, Any]] = []
    for name, module in model.named_modules():
        wanted = targets is None or any(name == target or name.endswith(f".{target}") for target in targets)
        if not wanted or (targets is None and not isinstance(module, Linear)):
            continue
        weight = cast(Any, module).weight if isinstance(module, Linear) else None
        if weight is None or is_parametrized(module, "weight"):
            raise ArgumentError(
                f"quantize: {name} is a {type(module).__name__} without a plain weight of a linear layer"
            )
        if shared.get(id(weight), 1) > 1:
            if targets is None:
                continue
            raise ArgumentError(f"quantize: the weight of {name} is tied to another; it cannot be stored otherwise")
        if bits == 4 and (weight.shape[1] % group_size or group_size % 2):
            raise ArgumentError(
                f"quantize: group_size must be even and divide the {weight.shape[1]} inputs of {name}, got {group_size}"
            )
        found.append((name, module))
    if not found:
        raise ArgumentError(f"quantize: no linear layer matches targets={targets!r}")
    for _, module in found:
        module.weight.requires_grad_(False)
        dtype = module.weight.dtype
        kind = Int8Weight(dtype) if bits == 8 else Int4Weight(dtype, group_size)
        register_parametrization(module, "weight", kind)
    return [name for name, _ in found]


def dequantize(model: Module) -> Module:
    """Makes quantised weights plain parameters again, of the values that they have now.

    Args:
        model: changed in place.

    Returns:
        The model.

    Example:
        >>> from fnn import nn
        >>> model = nn.Sequential(nn.Linear(4, 2))
        >>> _ = nn.utils.quantization.quantize(model)
        >>> sorted(nn.utils.quantization.dequantize(model).state_dict())
        ['0.bias', '0.weight']
    """
    for module in list(model.modules()):
        if is_parametrized(module, "weight"):
            chain = cast(Any, module).parametrizations["weight"]
            if isinstance(chain[0], (Int8Weight, Int4Weight)):
                if len(chain) > 1:
                    raise ArgumentError("dequantize: take the adapters off first, by lora.merge or lora.unload")
                remove_parametrizations(module, "weight")
    return model
