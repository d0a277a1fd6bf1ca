"""Sums, means, products, norms and truth over dimensions.

``dim`` is one dimension, several, or None for all; bfloat16 and float16 are added up in float32.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy import special

from fnn.arguments import narrow, widen, wrap_dim
from fnn.dtypes import index_dtype
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional.vector_norm import vector_norm
from fnn.ops._document import op
from fnn.ops._operands import (
    COMPLEX,
    FLOATING,
    array,
    axes_of,
    converted,
    narrow_to,
    no_complex,
    pair,
    require_inexact,
)
from fnn.ops._promote import as_inexact, kind_of
from fnn.typing import ArrayLike, DType, Ints

__all__ = [
    "all", "any", "count_nonzero", "dist", "logsumexp", "mean", "nanmean", "nansum", "norm", "prod", "renorm", "sum",
]  # fmt: skip

_DIM = "the dimension or dimensions that are reduced; None: all."
_DTYPE = "what ``input`` is converted to first; None: integers and bools become int64 (int32 without 64-bit mode)."


def summable(x: jax.Array, dtype: DType | None, where: str) -> jax.Array:
    """``x`` in the dtype that it is added up in."""
    if dtype is None:
        return x.astype(index_dtype()) if kind_of(x.dtype) < FLOATING else x
    return converted(x, dtype, where)


@op(dim=_DIM, dtype=_DTYPE)
def sum(input: ArrayLike, dim: Ints | None = None, keepdim: bool = False, *, dtype: DType | None = None) -> jax.Array:
    """The sum over ``dim``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.sum(jnp.array([[1, 2], [3, 4]]), dim=1)
        Array([3, 7], dtype=int32)
    """
    x = summable(array(input, "sum"), dtype, "sum")
    return jnp.sum(x, axes_of(dim, x.ndim, "sum", keepdim=keepdim), keepdims=keepdim, dtype=x.dtype)


@op(dim=_DIM, dtype=_DTYPE)
def nansum(
    input: ArrayLike, dim: Ints | None = None, keepdim: bool = False, *, dtype: DType | None = None
) -> jax.Array:
    """The sum over ``dim`` of what is not NaN.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.nansum(jnp.array([1.0, jnp.nan]))
        Array(1., dtype=float32)
    """
    x = array(input, "nansum")
    no_complex("nansum", x)
    x = summable(x, dtype, "nansum")
    return sum(jnp.where(jnp.isnan(x), 0, x), dim, keepdim) if kind_of(x.dtype) == FLOATING else sum(x, dim, keepdim)


def _averaged(x: jax.Array, dtype: DType | None, where: str) -> jax.Array:
    x = converted(x, dtype, where)
    if kind_of(x.dtype) < FLOATING:
        raise ArgumentTypeError(
            f"{where}: could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
            f"Got: {x.dtype}"
        )
    return x


@op(dim=_DIM)
def mean(input: ArrayLike, dim: Ints | None = None, keepdim: bool = False, *, dtype: DType | None = None) -> jax.Array:
    """The mean over ``dim``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.mean(jnp.array([[1.0, 2.0], [3.0, 4.0]]), dim=0)
        Array([2., 3.], dtype=float32)
    """
    x = _averaged(array(input, "mean"), dtype, "mean")
    axes = axes_of(dim, x.ndim, "mean", keepdim=keepdim)
    count = int(np.prod([x.shape[a] for a in axes], dtype=np.int64))
    total = jnp.sum(widen(x), axes, keepdims=keepdim)
    return narrow_to(total / count if count else total * jnp.nan, x)


@op(dim=_DIM)
def nanmean(
    input: ArrayLike, dim: Ints | None = None, keepdim: bool = False, *, dtype: DType | None = None
) -> jax.Array:
    """The mean over ``dim`` of what is not NaN; NaN where all is.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.nanmean(jnp.array([1.0, jnp.nan, 3.0]))
        Array(2., dtype=float32)
    """
    x = array(input, "nanmean")
    if kind_of(x.dtype) < FLOATING:
        raise ArgumentTypeError(f"nanmean(): expected input to have floating point or complex dtype but got {x.dtype}")
    x = widen(given := converted(x, dtype, "nanmean"))
    axes = axes_of(dim, x.ndim, "nanmean", keepdim=keepdim)
    valid = ~jnp.isnan(x)
    count = jnp.sum(valid, axes, keepdims=keepdim)
    return narrow_to(jnp.sum(jnp.where(valid, x, 0), axes, keepdims=keepdim) / count.astype(x.dtype), given)


@op(dim="the dimension that is reduced; None: all.", dtype=_DTYPE)
def prod(input: ArrayLike, dim: int | None = None, keepdim: bool = False, *, dtype: DType | None = None) -> jax.Array:
    """The product over ``dim``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.prod(jnp.array([[1, 2], [3, 4]]), dim=1)
        Array([ 2, 12], dtype=int32)
    """
    x = summable(array(input, "prod"), dtype, "prod")
    axes = tuple(range(x.ndim)) if dim is None else (wrap_dim(dim, x.ndim, "prod: "),) if x.ndim else ()
    return jnp.prod(x, axes, keepdims=keepdim, dtype=x.dtype)


@op(dim=_DIM)
def all(input: ArrayLike, dim: Ints | None = None, keepdim: bool = False) -> jax.Array:
    """Whether all elements over ``dim`` are not 0.

    Returns:
        bool, or uint8 for a uint8 array.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.all(jnp.array([[True, False], [True, True]]), dim=1)
        Array([False,  True], dtype=bool)
    """
    x = array(input, "all")
    result = jnp.all(x, axes_of(dim, x.ndim, "all", empty_is_all=True, keepdim=keepdim), keepdims=keepdim)
    return result.astype(x.dtype) if x.dtype == np.uint8 else result


@op(dim=_DIM)
def any(input: ArrayLike, dim: Ints | None = None, keepdim: bool = False) -> jax.Array:
    """Whether an element over ``dim`` is not 0.

    Returns:
        bool, or uint8 for a uint8 array.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.any(jnp.array([[True, False], [False, False]]), dim=1)
        Array([ True, False], dtype=bool)
    """
    x = array(input, "any")
    result = jnp.any(x, axes_of(dim, x.ndim, "any", empty_is_all=True, keepdim=keepdim), keepdims=keepdim)
    return result.astype(x.dtype) if x.dtype == np.uint8 else result


@op(dim=_DIM)
def count_nonzero(input: ArrayLike, dim: Ints | None = None) -> jax.Array:
    """How many elements over ``dim`` are not 0.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.count_nonzero(jnp.array([[1, 0], [2, 3]]), dim=1)
        Array([1, 2], dtype=int32)
    """
    x = array(input, "count_nonzero")
    return jnp.sum(x != 0, axes_of(dim, x.ndim, "count_nonzero"), dtype=index_dtype())


@op(dim="the dimension or dimensions that are reduced.")
def logsumexp(input: ArrayLike, dim: Ints, keepdim: bool = False) -> jax.Array:
    """``log(sum(exp(input)))`` over ``dim``, without overflow.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.logsumexp(jnp.array([1000.0, 1000.0]), 0)
        Array(1000.693, dtype=float32)
    """
    x = as_inexact(array(input, "logsumexp"))
    axes = axes_of(dim, x.ndim, "logsumexp", keepdim=keepdim)
    if x.size == 0:
        return jnp.log(jnp.sum(x, axes, keepdims=keepdim))
    return narrow_to(special.logsumexp(widen(x), axes, keepdims=keepdim), x)


# -- norms --------------------------------------------------------------------------------------------


def norm_over(x: jax.Array, p: float, axes: tuple[int, ...], keepdim: bool) -> jax.Array:
    """The p-norm of vectors, in the real dtype of ``x``."""
    if x.ndim == 0:
        return norm_over(x[None], p, (0,), False)
    if not axes:
        axes = tuple(range(x.ndim))
    return narrow_to(vector_norm(widen(x), p, axes, keepdim), x)


@op(
    p="the order: a number, infinite ones too; ``'fro'``: 2; ``'nuc'``: the sum of the singular values.",
    dim="the dimension or dimensions of the vectors (``'nuc'``: two, of the matrices); None: all.",
    dtype="what ``input`` is converted to first.",
)
def norm(
    input: ArrayLike, p: float | str | None = "fro", dim: Ints | None = None, keepdim: bool = False,
    *, dtype: DType | None = None,
) -> jax.Array:  # fmt: skip
    """The norm of vectors, ``sum(|input|^p)^(1/p)``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.norm(jnp.array([[3.0, 4.0], [6.0, 8.0]]), dim=1)
        Array([ 5., 10.], dtype=float32)
    """
    x = converted(array(input, "norm"), dtype, "norm")
    if kind_of(x.dtype) < FLOATING:
        raise ArgumentTypeError(f"norm: Expected a floating point or complex tensor as input. Got {x.dtype}")
    axes = axes_of(dim, x.ndim, "norm", keepdim=keepdim)
    if p == "nuc":
        if (dim is None and x.ndim != 2) or len(axes) != 2:
            raise ArgumentError(f"norm: p='nuc' needs two dimensions, got dim={dim}, shape={list(x.shape)}")
        total = jnp.sum(jnp.linalg.svd(jnp.moveaxis(x, axes, (-2, -1)), compute_uv=False), -1)
        return jnp.expand_dims(total, tuple(sorted(axes))) if keepdim else total
    if isinstance(p, str) and p != "fro":
        raise ArgumentError(f"norm: only valid string values are 'fro' and 'nuc', found p={p!r}")
    order = 2.0 if p is None or isinstance(p, str) else p
    return norm_over(x, order, axes, keepdim)


@op(p="the order of the norm.")
def dist(input: ArrayLike, other: ArrayLike, p: float = 2) -> jax.Array:
    """The p-norm of ``input - other``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.dist(jnp.array([0.0, 0.0]), jnp.array([3.0, 4.0]))
        Array(5., dtype=float32)
    """
    x, y = pair("dist", input, other, "none")
    require_inexact("dist", x)
    return norm_over(x - y, p, (), False)


@op(p="the order of the norm.", dim="the dimension whose slices are scaled.", maxnorm="the greatest norm of a slice.")
def renorm(input: ArrayLike, p: float, dim: int, maxnorm: float) -> jax.Array:
    """Slices along ``dim`` scaled down so that none has a norm above ``maxnorm``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.renorm(jnp.array([[3.0, 4.0], [0.3, 0.4]]), 2, 0, 1.0).round(3)
        Array([[0.6, 0.8],
               [0.3, 0.4]], dtype=float32)
    """
    x = array(input, "renorm")
    require_inexact("renorm", x)
    if p <= 0:
        raise ArgumentError(f"renorm: non-positive norm not supported, got p={p}")
    if x.ndim < 2:
        raise ArgumentError(f"renorm: input needs at least 2 dimensions, got shape {list(x.shape)}")
    if maxnorm < 0:
        raise ArgumentError(f"renorm: expected maxnorm to be >= 0 but got maxnorm={maxnorm}")
    axis = wrap_dim(dim, x.ndim, "renorm: ")
    norms = vector_norm(widen(x), p, tuple(i for i in range(x.ndim) if i != axis), True)
    factor = jnp.where(norms > maxnorm, maxnorm / (norms + 1e-7), 1.0)
    return narrow(x * factor, x) if kind_of(x.dtype) != COMPLEX else x * factor
