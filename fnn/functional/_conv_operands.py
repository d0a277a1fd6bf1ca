"""What both kinds of convolution take: operands and options, normalised, and what is refused of them."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from fnn.arguments import listed, per_axis
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.typing import ArrayLike, Ints

__all__ = [
    "add_bias",
    "check_bias",
    "check_channels",
    "check_not_empty",
    "check_not_negative",
    "check_positive",
    "check_weight",
    "named_padding",
    "operands",
    "per_space",
    "written",
]


def add_bias(y: jax.Array, bias: jax.Array) -> jax.Array:
    if y.dtype not in (jnp.bfloat16, jnp.float16):
        return lax.add(y, lax.broadcast_in_dim(bias, y.shape, (1,)))
    # In float32, so that the bias' gradient is summed in float32 too.
    wide = lax.broadcast_in_dim(lax.convert_element_type(bias, jnp.float32), y.shape, (1,))
    return lax.convert_element_type(lax.add(lax.convert_element_type(y, jnp.float32), wide), y.dtype)


def operands(
    rank: int, input: ArrayLike, weight: ArrayLike, bias: ArrayLike | None, where: str
) -> tuple[jax.Array, jax.Array, jax.Array | None]:
    x, w = to_array(input, "input", where), to_array(weight, "weight", where)
    b = None if bias is None else to_array(bias, "bias", where)
    if x.ndim not in (rank + 1, rank + 2):
        raise ArgumentError(
            f"{where}Expected {rank + 1}D (unbatched) or {rank + 2}D (batched) input to {where[:-2]}, "
            f"but got input of size: {listed(x.shape)}"
        )
    if w.ndim != rank + 2:
        raise ArgumentError(
            f"{where}Expected a {rank + 2}-dimensional weight for input of size {listed(x.shape)}, "
            f"but got weight of size {listed(w.shape)}"
        )
    for name, array in (("weight", w), ("bias", b)):
        if array is not None and array.dtype != x.dtype:
            raise ArgumentError(
                f"{where}Input type ({x.dtype}) and {name} type ({array.dtype}) should be the same "
                f"(expected scalar type {x.dtype} but found {array.dtype})"
            )
    if x.dtype == jnp.bool_:
        raise ArgumentTypeError(f"{where}not implemented for dtype bool")
    return x, w, b


_SPATIAL = (
    "expected {name} to be a single integer value or a list of {n} values to match the convolution dimensions, but got "
    "{name}={values}"
)


def per_space(value: Ints, rank: int, name: str, where: str) -> tuple[int, ...]:
    return per_axis(value, rank, name, where, _SPATIAL)


def named_padding(padding: str, stride: Sequence[int], spans: Sequence[int], where: str) -> list[tuple[int, int]]:
    if padding == "valid":
        return [(0, 0)] * len(spans)
    if padding != "same":
        raise ArgumentError(f"{where}Invalid padding string: '{padding}', expected 'valid' or 'same'")
    if any(s != 1 for s in stride):
        raise ArgumentError(
            f"{where}padding='same' is not supported for strided convolutions, got stride={listed(stride)}"
        )
    return [(span // 2, span - span // 2) for span in spans]


def check_positive(stride: Sequence[int], dilation: Sequence[int], groups: int, where: str) -> None:
    if min(stride) <= 0:
        raise ArgumentError(f"{where}non-positive stride is not supported, got stride={listed(stride)}")
    if min(dilation) <= 0:
        raise ArgumentError(f"{where}dilation should be greater than zero, but got {listed(dilation)}")
    if groups <= 0:
        raise ArgumentError(f"{where}non-positive groups is not supported, got groups={groups}")


def check_not_negative(values: Sequence[int], name: str, where: str) -> None:
    if min(values) < 0:
        raise ArgumentError(f"{where}negative {name} is not supported, got {name}={listed(values)}")


def check_weight(w: jax.Array, groups: int, where: str) -> None:
    if min(w.shape[2:]) == 0:
        raise ArgumentError(f"{where}kernel size should be greater than zero, but got weight of size {listed(w.shape)}")
    if w.shape[0] < groups or w.shape[0] % groups:
        problem = "divisible by" if w.shape[0] >= groups else "at least"
        raise ArgumentError(
            f"{where}Given groups={groups}, expected weight to be {problem} {groups} at dimension 0, "
            f"but got weight of size {listed(w.shape)} instead"
        )


def check_channels(found: int, expected: int, given: str, w: jax.Array, x: jax.Array) -> None:
    if found != expected:
        raise ArgumentError(
            f"{given}, weight of size {listed(w.shape)}, expected input{listed(x.shape)} to have {expected} channels, "
            f"but got {found} channels instead"
        )


def check_bias(b: jax.Array | None, channels: int, given: str, w: jax.Array) -> None:
    if b is not None and b.shape != (channels,):
        raise ArgumentError(
            f"{given} of size {listed(w.shape)}, expected bias to be 1-dimensional with {channels} elements, "
            f"but got bias of size {listed(b.shape)} instead"
        )


def check_not_empty(x: jax.Array, rank: int, where: str) -> None:
    if 0 in x.shape[-rank:] and 0 not in x.shape[:-rank]:
        raise ArgumentError(
            f"{where}Only zero batch or zero channel inputs are supported, but got input shape: {listed(x.shape)}"
        )


def written(sizes: Sequence[int]) -> str:
    return " x ".join(str(s) for s in sizes)
