"""Standard deviations and variances, by n - 1 unless said otherwise; covariances and correlations."""

from __future__ import annotations

import warnings

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.arguments import widen
from fnn.autocasting import governed_as
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops import products
from fnn.ops._document import op
from fnn.ops._operands import COMPLEX, FLOATING, array, axes_of, narrow_to
from fnn.ops._promote import as_inexact, kind_of
from fnn.tracing import concrete
from fnn.typing import ArrayLike, Ints, Real

__all__ = ["corrcoef", "cov", "std", "std_mean", "var", "var_mean"]

_mm = governed_as("mm", products.mm)  # as PyTorch's own composition, in the lower precision under autocast

_DIM = "the dimension or dimensions that are reduced; None: all. A bool here is ``unbiased``, as in PyTorch."


def _moments(
    where: str, input: ArrayLike, dim: Ints | bool | None, unbiased: bool | None, keepdim: bool, correction: Real | None
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The variance and the mean, not yet rounded, and the array."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if unbiased is not None and correction is not None:
        raise ArgumentTypeError(f"{where}: unbiased={unbiased} and correction={correction} cannot both be given")
    less = (1 if unbiased in (None, True) else 0) if correction is None else correction
    given = array(input, where)
    if kind_of(given.dtype) < FLOATING:
        raise ArgumentTypeError(f"{where}: only supports floating point and complex dtypes, got {given.dtype}")
    x = widen(given)
    axes = axes_of(dim, x.ndim, where, keepdim=keepdim)
    count = int(np.prod([x.shape[a] for a in axes], dtype=np.int64))
    mean = jnp.sum(x, axes, keepdims=True) / (count or jnp.nan)
    apart = x - mean
    squares = lax.real(apart) ** 2 + lax.imag(apart) ** 2 if kind_of(x.dtype) == COMPLEX else apart * apart
    left = count - less
    if isinstance(left, (int, float)) and left <= 0:
        warnings.warn(f"{where}(): degrees of freedom is <= 0.", UserWarning, stacklevel=3)
    divisor = jnp.maximum(jnp.asarray(left, squares.dtype), 0)
    variance = jnp.sum(squares, axes, keepdims=keepdim) / divisor
    return variance, mean if keepdim else jnp.squeeze(mean, axes), given


def _root(variance: jax.Array) -> jax.Array:
    """The square root, whose gradient at 0 is 0."""
    zero = variance == 0
    return jnp.where(zero, 0, lax.sqrt(jnp.where(zero, 1, variance)))


def _real_like(y: jax.Array, x: jax.Array) -> jax.Array:
    return narrow_to(y, x)


@op(dim=_DIM)
def var(
    input: ArrayLike, dim: Ints | bool | None = None, unbiased: bool | None = None, keepdim: bool = False,
    *, correction: Real | None = None,
) -> jax.Array:  # fmt: skip
    """The variance, ``sum((input - mean)^2) / (n - correction)``, with a correction of 1 by default.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.var(jnp.array([[1.0, 3.0], [0.0, 4.0]]), dim=1)
        Array([2., 8.], dtype=float32)
    """
    variance, _, x = _moments("var", input, dim, unbiased, keepdim, correction)
    return _real_like(variance, x)


@op(dim=_DIM)
def std(
    input: ArrayLike, dim: Ints | bool | None = None, unbiased: bool | None = None, keepdim: bool = False,
    *, correction: Real | None = None,
) -> jax.Array:  # fmt: skip
    """The standard deviation, the square root of `var`; where it is 0, so is its gradient.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.std(jnp.array([1.0, 3.0]), correction=0)
        Array(1., dtype=float32)
    """
    variance, _, x = _moments("std", input, dim, unbiased, keepdim, correction)
    return _real_like(_root(variance), x)


@op(dim=_DIM)
def var_mean(
    input: ArrayLike, dim: Ints | bool | None = None, unbiased: bool | None = None, keepdim: bool = False,
    *, correction: Real | None = None,
) -> tuple[jax.Array, jax.Array]:  # fmt: skip
    """The variance and the mean; see `var`.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.var_mean(jnp.array([1.0, 3.0]))
        (Array(2., dtype=float32), Array(2., dtype=float32))
    """
    variance, mean, x = _moments("var_mean", input, dim, unbiased, keepdim, correction)
    return _real_like(variance, x), _real_like(mean, x)


@op(dim=_DIM)
def std_mean(
    input: ArrayLike, dim: Ints | bool | None = None, unbiased: bool | None = None, keepdim: bool = False,
    *, correction: Real | None = None,
) -> tuple[jax.Array, jax.Array]:  # fmt: skip
    """The standard deviation and the mean; see `std`.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.std_mean(jnp.array([1.0, 3.0]), correction=0)
        (Array(1., dtype=float32), Array(2., dtype=float32))
    """
    variance, mean, x = _moments("std_mean", input, dim, unbiased, keepdim, correction)
    return _real_like(_root(variance), x), _real_like(mean, x)


def _weights(value: ArrayLike | None, name: str, x: jax.Array, integers: bool) -> jax.Array | None:
    if value is None:
        return None
    w = array(value, "cov", name)
    if w.ndim > 1:
        raise ArgumentError(f"cov(): expected {name} to have one or fewer dimensions but got {w.ndim} dimensions")
    if (kind_of(w.dtype) == 1) != integers or kind_of(w.dtype) > FLOATING:
        kinds = "an integral" if integers else "a floating point"
        raise ArgumentTypeError(f"cov(): expected {name} to have {kinds} dtype but got {name} with {w.dtype} dtype")
    if w.size != (x.shape[1] if x.ndim == 2 else 1):
        raise ArgumentError(
            f"cov(): expected {name} to have the same numel as there are input observations, got {w.size}"
        )
    known = concrete(w)
    if known is not None and (known < 0).any():
        raise ArgumentError(f"cov(): {name} cannot be negative, got {known.tolist()}")
    return w.reshape(1, -1)


@op(
    input="variables in rows, observations in columns; or the observations of one variable.",
    fweights="how often each observation counts, integers.",
    aweights="the importance of each observation.",
)
def cov(
    input: ArrayLike, *, correction: int = 1, fweights: ArrayLike | None = None, aweights: ArrayLike | None = None
) -> jax.Array:
    """The covariances of the variables that are the rows of ``input``.

    Returns:
        (variables, variables), or () for a vector.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.cov(jnp.array([[0.0, 2.0], [2.0, 0.0]]))
        Array([[ 2., -2.],
               [-2.,  2.]], dtype=float32)
    """
    x = array(input, "cov")
    if x.ndim > 2:
        raise ArgumentError(f"cov(): expected input to have two or fewer dimensions but got {x.ndim} dimensions")
    if x.dtype == np.bool_:
        raise ArgumentTypeError("cov(): bool dtype is not supported for input")
    rows = as_inexact(x.reshape(1, -1) if x.ndim < 2 else x)
    repeats, importance = _weights(fweights, "fweights", rows, True), _weights(aweights, "aweights", rows, False)
    weights = importance if repeats is None else repeats if importance is None else repeats * importance
    if weights is None:
        total: jax.Array | int = rows.shape[1]
        mean = jnp.sum(rows, 1, keepdims=True) / total
        factor = total - correction
    else:
        total = jnp.sum(weights)
        mean = jnp.sum(rows * weights, 1, keepdims=True) / total
        aligned = importance if importance is not None else None
        factor = total - correction * (jnp.sum(weights * aligned) / total if aligned is not None else 1)
    apart = rows - mean
    scaled = apart if weights is None else apart * weights
    product = _mm(scaled, jnp.conj(apart).T)
    factor = jnp.asarray(factor, jnp.finfo(product.dtype).dtype)
    result = product / jnp.where(factor <= 0, 0, factor)
    return result.reshape(()) if rows.shape[0] == 1 else result


@op(input="variables in rows, observations in columns; or the observations of one variable.")
def corrcoef(input: ArrayLike) -> jax.Array:
    """The correlation coefficients of the variables that are the rows of ``input``, in [-1, 1].

    Returns:
        (variables, variables), or () for a vector.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.corrcoef(jnp.array([[0.0, 2.0], [2.0, 0.0]])).round(4)
        Array([[ 1., -1.],
               [-1.,  1.]], dtype=float32)
    """
    x = array(input, "corrcoef")
    if x.ndim > 2:
        raise ArgumentError(f"corrcoef(): expected input to have two or fewer dimensions but got {x.ndim} dimensions")
    c = cov(x)
    if c.ndim == 0:
        return c / c
    deviation = jnp.sqrt(lax.real(jnp.diagonal(c)) if kind_of(c.dtype) == COMPLEX else jnp.diagonal(c))
    ratio = c / deviation[:, None] / deviation[None, :]
    if kind_of(c.dtype) == COMPLEX:
        return lax.complex(jnp.clip(ratio.real, -1, 1), jnp.clip(ratio.imag, -1, 1))
    return jnp.where(ratio < -1, -1, jnp.where(ratio > 1, 1, ratio))
