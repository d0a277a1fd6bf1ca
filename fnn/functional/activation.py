"""Smooth activations, their piecewise approximations, and gates.

The rectifiers are in `fnn.functional.rectifier`, the softmax family in `fnn.functional.simplex`.  bfloat16 and
float16 are computed in float32 and rounded once.  Arrays are immutable, so ``inplace=True`` changes nothing.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import lax

from fnn.arguments import floating, inexact, narrow, widen, wrap_dim
from fnn.autocasting import governed
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.typing import ArrayLike

__all__ = [
    "gelu", "glu", "hardsigmoid", "hardswish", "logsigmoid", "mish", "sigmoid", "silu", "softplus", "softsign", "tanh",
]  # fmt: skip


# -- sigmoids -----------------------------------------------------------------------------------------


def sigmoid(input: ArrayLike) -> jax.Array:
    r"""The logistic function, ``1 / (1 + exp(-x))``.

    Args:
        input: (\*); integers are converted to the default float dtype.

    Returns:
        (\*).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.sigmoid(jnp.array([0.0, jnp.inf]))
        Array([0.5, 1. ], dtype=float32)
    """
    return lax.logistic(inexact(input, "sigmoid: "))


def tanh(input: ArrayLike) -> jax.Array:
    r"""The hyperbolic tangent.

    Args:
        input: (\*); integers are converted to the default float dtype.

    Returns:
        (\*).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.tanh(jnp.array([0.0, jnp.inf]))
        Array([0., 1.], dtype=float32)
    """
    return lax.tanh(inexact(input, "tanh: "))


def softsign(input: ArrayLike) -> jax.Array:
    r"""``x / (1 + |x|)``.

    Args:
        input: (\*), not bool; integers are converted to the default float dtype.

    Returns:
        (\*).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.softsign(jnp.array([-1.0, 3.0]))
        Array([-0.5 ,  0.75], dtype=float32)
    """
    if jnp.asarray(input).dtype == jnp.bool_:
        raise ArgumentTypeError("softsign: not implemented for bool inputs")
    x = inexact(input, "softsign: ")
    wide = widen(x)
    return narrow(wide / (lax.abs(wide) + 1), x)


def hardsigmoid(input: ArrayLike, inplace: bool = False) -> jax.Array:
    r"""The line ``x / 6 + 1/2`` clamped to [0, 1].

    Args:
        input: (\*), floating.
        inplace: accepted for compatibility.

    Returns:
        (\*); the gradient is 0 at -3 and at 3.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.hardsigmoid(jnp.array([-4.0, 0.0, 3.0]))
        Array([0. , 0.5, 1. ], dtype=float32)
    """
    del inplace
    x = floating(input, "hardsigmoid: ")
    wide = widen(x)
    low, high = lax.full_like(wide, 0), lax.full_like(wide, 1)
    return narrow(lax.select(wide <= -3, low, lax.select(wide >= 3, high, (wide + 3) / 6)), x)


# -- soft rectifiers ----------------------------------------------------------------------------------


@jax.custom_jvp
def _log1p_exp(x: jax.Array) -> jax.Array:
    """log(1 + exp(x)), which neither overflows nor has a kink in any derivative."""
    return lax.max(x, lax.full_like(x, 0)) + lax.log1p(lax.exp(-lax.abs(x)))


@_log1p_exp.defjvp
def _log1p_exp_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    (x,), (t,) = primals, tangents
    return _log1p_exp(x), t * lax.logistic(x)


@governed
def softplus(input: ArrayLike, beta: float = 1.0, threshold: float = 20.0) -> jax.Array:
    r"""A smooth rectifier, ``log(1 + exp(beta * x)) / beta``.

    Args:
        input: (\*), floating.
        beta: the sharpness of the bend.
        threshold: where ``beta * x`` exceeds it the result is ``x`` itself.

    Returns:
        (\*).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.softplus(jnp.array([-jnp.inf, 0.0, 30.0]))
        Array([ 0.       ,  0.6931472, 30.       ], dtype=float32)
    """
    x = floating(input, "softplus: ")
    wide = widen(x)
    scaled = wide * beta
    linear = scaled > threshold
    bend = _log1p_exp(lax.select(linear, lax.full_like(scaled, 0), scaled)) / beta
    return lax.select(linear, x, narrow(bend, x))


def logsigmoid(input: ArrayLike) -> jax.Array:
    r"""``log(sigmoid(x))``, computed without overflow.

    Args:
        input: (\*), floating.

    Returns:
        (\*).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.logsigmoid(jnp.array([-1000.0, 0.0]))
        Array([-1.000000e+03, -6.931472e-01], dtype=float32)
    """
    x = floating(input, "logsigmoid: ")
    return narrow(-_log1p_exp(-widen(x)), x)


def gelu(input: ArrayLike, approximate: str = "none") -> jax.Array:
    r"""The Gaussian error linear unit, ``x * Phi(x)`` with the normal distribution function (arXiv:1606.08415).

    Args:
        input: (\*), floating.
        approximate: ``"none"``, or ``"tanh"`` for ``x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3)))``.

    Returns:
        (\*).

    Raises:
        ArgumentError: another ``approximate``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.gelu(jnp.array([0.0, 1.0]))
        Array([0.       , 0.8413447], dtype=float32)
    """
    x = floating(input, "gelu: ")
    wide = widen(x)
    if approximate == "none":
        twice_phi = 1 + lax.erf(wide * math.sqrt(0.5))
    elif approximate == "tanh":
        twice_phi = 1 + lax.tanh(math.sqrt(2 / math.pi) * (wide + 0.044715 * (wide * wide * wide)))
    else:
        raise ArgumentError(f"gelu: approximate argument must be either none or tanh, got {approximate=}")
    return narrow(0.5 * wide * twice_phi, x)


def silu(input: ArrayLike, inplace: bool = False) -> jax.Array:
    r"""The sigmoid linear unit, also called swish: ``x * sigmoid(x)``.

    Args:
        input: (\*), floating or complex.
        inplace: accepted for compatibility.

    Returns:
        (\*).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.silu(jnp.array([0.0, 1.0]))
        Array([0.       , 0.7310586], dtype=float32)
    """
    del inplace
    x = floating(input, "silu: ", complex_too=True)
    wide = widen(x)
    return narrow(wide * lax.logistic(wide), x)


def mish(input: ArrayLike, inplace: bool = False) -> jax.Array:
    r"""``x * tanh(softplus(x))`` (arXiv:1908.08681).

    Args:
        input: (\*), floating.
        inplace: accepted for compatibility.

    Returns:
        (\*).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.mish(jnp.array([0.0, 1.0]))
        Array([0.        , 0.86509836], dtype=float32)
    """
    del inplace
    x = floating(input, "mish: ")
    wide = widen(x)
    # With e = exp(x), tanh(log(1 + e)) is the ratio n / (n + 2) of n = e (e + 2); from x = 20 on it rounds to 1.
    e = lax.exp(lax.select(wide > 20, lax.full_like(wide, 20), wide))
    n = e * (e + 2)
    return narrow(wide * (n / (n + 2)), x)


def hardswish(input: ArrayLike, inplace: bool = False) -> jax.Array:
    r"""``x * relu6(x + 3) / 6``, a piecewise approximation of `silu` (arXiv:1905.02244).

    Args:
        input: (\*), floating.
        inplace: accepted for compatibility.

    Returns:
        (\*); the gradient is 0 at -3 and 1 at 3.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.hardswish(jnp.array([-4.0, 0.0, 3.0]))
        Array([0., 0., 3.], dtype=float32)
    """
    del inplace
    x = floating(input, "hardswish: ")
    wide = widen(x)
    zero = lax.full_like(wide, 0)
    bent = lax.select(lax.abs(wide) >= 3, zero, wide)  # keeps inf out of the product
    curve = bent * (bent + 3) / 6
    return narrow(lax.select(wide <= -3, zero, lax.select(wide >= 3, wide, curve)), x)


# -- gates --------------------------------------------------------------------------------------------


def glu(input: ArrayLike, dim: int = -1) -> jax.Array:
    r"""The gated linear unit: the first half times the sigmoid of the second (arXiv:1612.08083).

    Args:
        input: (\*, 2 E, \*), floating.
        dim: the dimension to halve.

    Returns:
        (\*, E, \*).

    Raises:
        ArgumentError: the dimension's size is odd, or ``input`` has no dimension.
        IndexError: no such dimension.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.glu(jnp.array([2.0, 3.0, 0.0, jnp.inf]))
        Array([1., 3.], dtype=float32)
    """
    x = floating(input, "glu: ")
    if x.ndim == 0:
        raise ArgumentError("glu does not support scalars because halving size must be even, got input.shape=()")
    axis = wrap_dim(dim, x.ndim, "glu: ")
    size = x.shape[axis]
    if size % 2:
        raise ArgumentError(f"glu: Halving dimension must be even, but dimension {axis} is size {size}")
    wide = widen(x)
    value = lax.slice_in_dim(wide, 0, size // 2, axis=axis)
    gate = lax.slice_in_dim(wide, size // 2, size, axis=axis)
    return narrow(value * lax.logistic(gate), x)
