"""Rectifiers: activations that are the identity on one side and something flatter on the other.

Each is written as a selection between branches, with the side of the kink that PyTorch's gradient takes; a
branch is never evaluated where its gradient would overflow, so an unselected one cannot turn it into NaN.
Arrays are immutable, so ``inplace=True`` changes nothing here.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn import random
from fnn.arguments import floating, narrow, widen
from fnn.autocasting import governed
from fnn.dtypes import is_complex, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.tracing import Tracer
from fnn.typing import ArrayLike, Key, Scalar

__all__ = ["celu", "elu", "hardtanh", "leaky_relu", "prelu", "relu", "relu6", "rrelu", "selu", "threshold"]  # fmt: skip

# Klambauer et al. 2017, https://arxiv.org/abs/1706.02515, to double precision.
_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def _real(input: ArrayLike, where: str) -> jax.Array:
    """A real-valued operand, integers allowed: what PyTorch's clamps take."""
    x = to_array(input, "input", where)
    if x.dtype == jnp.bool_ or is_complex(x):
        raise ArgumentTypeError(f"{where}not supported for input.dtype={x.dtype}; expected a real number dtype")
    return x


# -- clamps -------------------------------------------------------------------------------------------


def threshold(input: ArrayLike, threshold: float, value: float, inplace: bool = False) -> jax.Array:
    r"""Keeps what exceeds a threshold and replaces the rest: ``x if x > threshold else value``.

    Args:
        input: (\*).
        threshold: what an element must exceed to be kept.
        value: what the others become.
        inplace: accepted for compatibility.

    Returns:
        (\*); the gradient is 0 at the threshold itself.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.threshold(jnp.array([1.0, 2.0, 3.0]), 2.0, 20.0)
        Array([20., 20.,  3.], dtype=float32)
    """
    del inplace
    x = _real(input, "threshold: ")
    return lax.select(x <= lax.full_like(x, threshold), lax.full_like(x, value), x)


def relu(input: ArrayLike, inplace: bool = False) -> jax.Array:
    r"""The rectified linear unit, ``max(0, x)``.

    Args:
        input: (\*), real.
        inplace: accepted for compatibility.

    Returns:
        (\*); the gradient at 0 is 0.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.relu(jnp.array([-1.0, 0.0, 2.0]))
        Array([0., 0., 2.], dtype=float32)
    """
    del inplace
    x = _real(input, "relu: ")
    return lax.select(x <= 0, lax.full_like(x, 0), x)


def hardtanh(input: ArrayLike, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> jax.Array:
    r"""Clamps to ``[min_val, max_val]``.

    Args:
        input: (\*), real.
        min_val: the least value.
        max_val: the greatest value.
        inplace: accepted for compatibility.

    Returns:
        (\*); the gradient is 0 at both ends and outside, 1 between.

    Raises:
        ArgumentError: ``min_val > max_val``, or a negative limit for an unsigned input.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.hardtanh(jnp.array([-3.0, 0.5, 3.0]))
        Array([-1. ,  0.5,  1. ], dtype=float32)
    """
    del inplace
    return _clamp(_real(input, "hardtanh: "), min_val, max_val, "hardtanh: ")


def _clamp(x: jax.Array, min_val: float, max_val: float, where: str) -> jax.Array:
    if min_val > max_val:
        raise ArgumentError(f"{where}min_val cannot be greater than max_val, got min_val={min_val}, max_val={max_val}")
    if jnp.issubdtype(x.dtype, jnp.unsignedinteger) and min_val < 0:
        raise ArgumentError(f"{where}cannot do hardtanh on an unsigned type with negative limits, got {min_val=}")
    low, high = lax.full_like(x, min_val), lax.full_like(x, max_val)
    return lax.select(x <= low, low, lax.select(x >= high, high, x))


def relu6(input: ArrayLike, inplace: bool = False) -> jax.Array:
    r"""``min(max(0, x), 6)``.

    Args:
        input: (\*), real.
        inplace: accepted for compatibility.

    Returns:
        (\*); the gradient is 0 at 0 and at 6.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.relu6(jnp.array([-1.0, 3.0, 8.0]))
        Array([0., 3., 6.], dtype=float32)
    """
    del inplace
    return _clamp(_real(input, "relu6: "), 0, 6, "relu6: ")


# -- exponential tails --------------------------------------------------------------------------------


@jax.custom_jvp
def _expm1(x: jax.Array) -> jax.Array:
    """``lax.expm1``, whose own derivative is computed as expm1(x) + 1 and loses exp(x) where that is small."""
    return lax.expm1(x)


@_expm1.defjvp
def _expm1_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    (x,), (t,) = primals, tangents
    return _expm1(x), t * lax.exp(x)


def _exponential_linear(x: jax.Array, positive: float, negative: float, rate: float) -> jax.Array:
    """``positive * x`` above 0, ``negative * expm1(rate * x)`` from 0 down."""
    wide = widen(x)
    below = wide <= 0
    tail = negative * _expm1(rate * lax.select(below, wide, lax.full_like(wide, 0)))
    line = wide if positive == 1 else positive * wide
    return lax.select(below, narrow(tail, x), narrow(line, x))


def elu(input: ArrayLike, alpha: float = 1.0, inplace: bool = False) -> jax.Array:
    r"""The exponential linear unit: ``x`` above 0, ``alpha * (exp(x) - 1)`` from 0 down (arXiv:1511.07289).

    Args:
        input: (\*), floating.
        alpha: minus the value that is approached at minus infinity.
        inplace: accepted for compatibility.

    Returns:
        (\*); the gradient at 0 is ``alpha``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.elu(jnp.array([-jnp.inf, 0.0, 2.0]), alpha=0.5)
        Array([-0.5,  0. ,  2. ], dtype=float32)
    """
    del inplace
    return _exponential_linear(floating(input, "elu: "), 1, alpha, 1.0)


def selu(input: ArrayLike, inplace: bool = False) -> jax.Array:
    r"""The self-normalising `elu`: ``scale * elu(x, alpha)`` with the constants of arXiv:1706.02515.

    Args:
        input: (\*), floating.
        inplace: accepted for compatibility.

    Returns:
        (\*).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.selu(jnp.array([0.0, 1.0]))
        Array([0.      , 1.050701], dtype=float32)
    """
    del inplace
    return _exponential_linear(floating(input, "selu: "), _SELU_SCALE, _SELU_SCALE * _SELU_ALPHA, 1.0)


def celu(input: ArrayLike, alpha: float = 1.0, inplace: bool = False) -> jax.Array:
    r"""The continuously differentiable `elu`: ``max(0, x) + min(0, alpha * (exp(x / alpha) - 1))`` (arXiv:1704.07483).

    Args:
        input: (\*), floating.
        alpha: minus the value that is approached at minus infinity; not 0.
        inplace: accepted for compatibility.

    Returns:
        (\*).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.celu(jnp.array([-jnp.inf, 0.0, 2.0]), alpha=2.0)
        Array([-2.,  0.,  2.], dtype=float32)
    """
    del inplace
    if alpha == 0:
        raise ArgumentError("celu: alpha cannot be 0 for CELU, got alpha=0")
    return _exponential_linear(floating(input, "celu: "), 1, alpha, 1.0 / alpha)


# -- leaks --------------------------------------------------------------------------------------------


def leaky_relu(input: ArrayLike, negative_slope: float = 0.01, inplace: bool = False) -> jax.Array:
    r"""``x`` above 0, ``negative_slope * x`` from 0 down.

    Args:
        input: (\*), floating.
        negative_slope: the slope from 0 down, and the gradient at 0.
        inplace: accepted for compatibility.

    Returns:
        (\*).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.leaky_relu(jnp.array([-2.0, 3.0]), 0.5)
        Array([-1.,  3.], dtype=float32)
    """
    del inplace
    return _leak(floating(input, "leaky_relu: "), negative_slope)


def _leak(x: jax.Array, slope: Scalar) -> jax.Array:
    return lax.select(x > 0, x, narrow(widen(x) * slope, x))


@governed
def prelu(input: ArrayLike, weight: ArrayLike) -> jax.Array:
    r"""A leaky rectifier whose slope is learned: ``x`` above 0, ``weight * x`` from 0 down (arXiv:1502.01852).

    Args:
        input: (N, C, \*); with fewer than two dimensions there is one channel.
        weight: (C,), (1,) or (): the slopes, of the dtype of ``input``.

    Returns:
        The shape of ``input``.

    Raises:
        ArgumentError: the number of slopes is neither 1 nor C.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.prelu(jnp.array([[-2.0, -2.0, 3.0]]), jnp.array([0.25, 0.5, 0.5]))
        Array([[-0.5, -1. ,  3. ]], dtype=float32)
    """
    x, slope = floating(input, "prelu: "), floating(weight, "prelu: ", "weight")
    if x.dtype != slope.dtype:
        raise ArgumentTypeError(
            f"prelu: Type promoting not supported. Got input.dtype={x.dtype} and weight.dtype={slope.dtype}"
        )
    if slope.ndim > 1:
        raise ArgumentError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {slope.ndim}")
    if slope.size != 1:
        if x.ndim == 0:
            raise ArgumentError("prelu: Not allow zero-dim input tensor.")
        channels = x.shape[1] if x.ndim > 1 else 1
        if slope.size != channels:
            raise ArgumentError(
                "prelu: Mismatch of parameter numbers and input channel size. "
                f"Found parameter numbers = {slope.size} and channel size = {channels}."
            )
    above = x > 0
    slope = lax.reshape(slope, ()) if slope.size == 1 else slope
    slopes = lax.broadcast_in_dim(slope, x.shape, (1,) * slope.ndim)
    return lax.select(above, x, slopes * lax.select(above, lax.full_like(x, 0), x))


def rrelu(
    input: ArrayLike,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
    *,
    key: Key | None = None,
) -> jax.Array:
    r"""A leaky rectifier with random slopes (arXiv:1505.00853).

    Args:
        input: (\*), floating.
        lower: the least slope.
        upper: the greatest slope.
        training: draw a slope from U(lower, upper) for each element at or below 0; else use their mean for all.
        inplace: accepted for compatibility.
        key: a JAX key or a `fnn.random.Generator`; needed while training. A Generator draws PyTorch's numbers.

    Returns:
        (\*).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.rrelu(jnp.array([-2.0, 3.0]), 0.25, 0.75)
        Array([-1.,  3.], dtype=float32)
    """
    del inplace
    x = floating(input, "rrelu: ")
    for name, bound in (("lower", lower), ("upper", upper)):
        if not math.isfinite(bound):
            raise ArgumentError(f"rrelu: {name} bound must be finite, got {name}={bound}")
    if lower > upper:
        raise ArgumentError(
            f"rrelu: Lower bound should be less than or equal to the upper bound, got lower={lower}, upper={upper}"
        )
    if not training:
        return _leak(x, (lower + upper) / 2)
    slopes = _random_slopes(random.resolve(key, "rrelu"), x, lower, upper)
    return lax.select(x <= 0, x * slopes, x)


def _random_slopes(key: Key, x: jax.Array, lower: float, upper: float) -> jax.Array:
    """PyTorch draws a double for each element that is not positive, in memory order, and for no other."""
    if not isinstance(key, random.Generator):
        return random.uniform(key, x.shape, x.dtype, lower, upper)
    wanted = np.ones(x.shape, bool) if isinstance(x, Tracer) else np.asarray(x <= 0)
    slopes = np.ones(x.shape, np.float64)
    slopes[wanted] = key.uniform((int(wanted.sum()),), np.float64, lower, upper)
    return jnp.asarray(slopes.astype(x.dtype))
