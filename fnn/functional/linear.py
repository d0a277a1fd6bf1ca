"""Linear and bilinear maps."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import lax

from fnn.autocasting import governed
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional import _promotion as promotion
from fnn.typing import ArrayLike

__all__ = ["bilinear", "linear"]


@governed
def linear(input: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None) -> jax.Array:
    """``input @ weight.T + bias``.

    One contraction; half types are accumulated in float32 by the compiler.

    Args:
        input: (*, in_features), with any number of leading dimensions.
        weight: (out_features, in_features) or (in_features,).
        bias: (out_features,), or () with a weight (in_features,).

    Returns:
        (*, out_features), or (*) with a weight (in_features,).

    Raises:
        ArgumentError: shapes do not agree.
        ArgumentTypeError: dtypes differ (nothing is promoted silently).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.linear(jnp.array([1.0, 2.0]), jnp.array([[1.0, 0.0], [1.0, 1.0]]), jnp.array([0.0, 10.0]))
        Array([ 1., 13.], dtype=float32)
    """
    x, w = to_array(input, "input", "linear: "), to_array(weight, "weight", "linear: ")
    if w.ndim not in (1, 2):
        raise ArgumentError(f"linear: expected a weight (out_features, in_features), got shape {list(w.shape)}")
    if x.ndim == 0:
        raise ArgumentError(
            f"linear: both arguments to linear need to be at least 1D, but they are {x.ndim}D and {w.ndim}D"
        )
    if x.shape[-1] != w.shape[-1]:
        raise ArgumentError(_mismatch(x.shape, w.shape))
    if x.dtype != w.dtype:
        raise ArgumentTypeError(
            f"linear: mat1 and mat2 must have the same dtype, but got input of {x.dtype} and weight of {w.dtype}"
        )
    promotion.require("linear: ", "number", input=x)
    out = lax.dot_general(x, w, (((x.ndim - 1,), (w.ndim - 1,)), ((), ())))
    if bias is None:
        return out
    b = to_array(bias, "bias", "linear: ")
    if b.dtype != out.dtype:
        raise ArgumentTypeError(
            f"linear: input, weight and bias must have the same dtype, but got {x.dtype} and bias of {b.dtype}"
        )
    if b.ndim == 1 and out.ndim and b.shape[0] == out.shape[-1]:
        return lax.add(out, lax.broadcast_in_dim(b, out.shape, (out.ndim - 1,)))
    try:
        return lax.add(out, jnp.broadcast_to(b, out.shape))
    except ValueError:
        raise ArgumentError(
            f"linear: The expanded size of the bias {list(b.shape)} must match the output's size {list(out.shape)}"
        ) from None


@governed
def bilinear(input1: ArrayLike, input2: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None) -> jax.Array:
    """``out[k] = input1 @ weight[k] @ input2 + bias[k]``.

    Args:
        input1: (*, in1_features).
        input2: (*, in2_features), with the same leading dimensions.
        weight: (out_features, in1_features, in2_features).
        bias: (out_features,).

    Returns:
        (*, out_features).

    Raises:
        ArgumentError: shapes do not agree.
        ArgumentTypeError: dtypes differ.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.bilinear(jnp.array([1.0, 2.0]), jnp.array([3.0, 4.0]), jnp.eye(2)[None])
        Array([11.], dtype=float32)
    """
    x1, x2 = to_array(input1, "input1", "bilinear: "), to_array(input2, "input2", "bilinear: ")
    w = to_array(weight, "weight", "bilinear: ")
    if w.ndim != 3:
        raise ArgumentError(f"bilinear: expected a weight of 3 dimensions, got shape {list(w.shape)}")
    if x1.ndim == 0 or x1.ndim != x2.ndim or x1.shape[:-1] != x2.shape[:-1]:
        raise ArgumentError(f"bilinear: input batch dimensions do not match: got {list(x1.shape)} and {list(x2.shape)}")
    for x, name, size in ((x1, "input1", w.shape[1]), (x2, "input2", w.shape[2])):
        if x.shape[-1] != size:
            raise ArgumentError(
                f"bilinear: {name} size does not match weight size: got {x.shape[-1]} but expected {size}"
            )
        if x.dtype != w.dtype:
            raise ArgumentTypeError(
                f"bilinear: all arrays must have the same dtype, but got {name} of {x.dtype} and weight of {w.dtype}"
            )
    promotion.require("bilinear: ", "number", input1=x1)
    half = lax.dot_general(x1, w, (((x1.ndim - 1,), (1,)), ((), ())))  # (*, out, in2)
    batch = tuple(range(x1.ndim - 1))
    out = lax.dot_general(half, x2, (((half.ndim - 1,), (x2.ndim - 1,)), (batch, batch)))  # (*, out)
    if bias is None:
        return out
    b = to_array(bias, "bias", "bilinear: ")
    if b.shape != w.shape[:1] or b.dtype != out.dtype:
        raise ArgumentError(
            f"bilinear: bias size does not match weight size: got {b.dtype}{list(b.shape)} but expected "
            f"{out.dtype}{list(w.shape[:1])}"
        )
    return lax.add(out, lax.broadcast_in_dim(b, out.shape, (out.ndim - 1,)))


def _mismatch(input: tuple[int, ...], weight: tuple[int, ...]) -> str:
    """PyTorch's sentence, in which the input is flattened to a matrix and the weight transposed."""
    rows, features = math.prod(input[:-1]), input[-1]
    columns = weight[0] if len(weight) == 2 else 1
    return (
        f"linear: mat1 and mat2 shapes cannot be multiplied ({rows}x{features} and {weight[-1]}x{columns}); "
        f"the input's last dimension must be in_features={weight[-1]}, got input of shape {list(input)}"
    )
