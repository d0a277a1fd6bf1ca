"""Largest, smallest, middle and most frequent elements, and where they are.

Gradients are PyTorch's: a whole reduction and `amax`, `amin`, `aminmax` share it among equal elements, a reduction
that tells an index gives it to the element there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import overload

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.arguments import wrap_dim
from fnn.dtypes import index_dtype
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._document import op
from fnn.ops._operands import FLOATING, array, axes_of, no_complex, refuse_bool
from fnn.ops._promote import kind_of
from fnn.ops.pointwise_binary import maximum, minimum
from fnn.ops.returns import MinAndMax, ValuesAndIndices
from fnn.typing import ArrayLike, Ints

__all__ = ["amax", "amin", "aminmax", "argmax", "argmin", "kthvalue", "max", "median", "min", "mode", "nanmedian"]

_DIMS = "the dimension or dimensions that are reduced; ``()``: all."
_ONE = "the dimension that is reduced; None: all."


def picked(x: jax.Array, index: jax.Array, axis: int, keepdim: bool) -> ValuesAndIndices:
    """What stands at ``index``, which has size 1 along ``axis``; the gradient goes there."""
    values = jnp.take_along_axis(x, index, axis)
    if not keepdim:
        values, index = jnp.squeeze(values, axis), jnp.squeeze(index, axis)
    return ValuesAndIndices(values, index.astype(index_dtype()))


def shared_evenly(x: jax.Array, value: jax.Array) -> jax.Array:
    """``value``, with its gradient shared among the elements that are equal to it (or NaN as it)."""
    if kind_of(x.dtype) < FLOATING:
        return value
    value = lax.stop_gradient(value)
    same = lax.stop_gradient((x == value) | (jnp.isnan(x) & jnp.isnan(value)))
    still = lax.stop_gradient(x)
    change = jnp.where(same, x - jnp.where(jnp.isfinite(still), still, 0), 0)
    change = change - lax.stop_gradient(change)
    total = jnp.sum(jnp.where(jnp.isfinite(still), change, x - x), where=same) / jnp.sum(same)
    return jnp.where(jnp.isfinite(value), value + total, value)


def _along(where: str, input: ArrayLike, dim: int) -> tuple[jax.Array, int, bool]:
    """The array (of at least 1 dimension), the axis, and whether it had none."""
    x = array(input, where)
    no_complex(where, x)
    axis = wrap_dim(dim, x.ndim, f"{where}: ")
    if x.ndim == 0:
        return x[None], 0, True
    if x.shape[axis] == 0:
        raise IndexError(f"{where}(): Expected reduction dim {axis} to have non-zero size.")
    return x, axis, False


def _scalar(result: ValuesAndIndices, was_scalar: bool, keepdim: bool) -> ValuesAndIndices:
    if was_scalar and keepdim:
        return ValuesAndIndices(result.values.reshape(()), result.indices.reshape(()))
    return result


def _everything(where: str, input: ArrayLike) -> jax.Array:
    x = array(input, where)
    no_complex(where, x)
    if x.size == 0:
        raise ArgumentError(
            f"{where}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with "
            f"the 'dim' argument; got shape {list(x.shape)}"
        )
    return x


def _reduced(where: str, reduce: Callable, input: ArrayLike, dim: Ints, keepdim: bool) -> jax.Array:
    x = array(input, where)
    no_complex(where, x)
    axes = axes_of(dim, x.ndim, where, keepdim=keepdim)
    for axis in axes:
        if x.shape[axis] == 0:
            raise IndexError(f"{where}(): Expected reduction dim {axis} to have non-zero size.")
    return reduce(x, axes, keepdims=keepdim)


@op(dim=_DIMS)
def amax(input: ArrayLike, dim: Ints = (), keepdim: bool = False) -> jax.Array:
    """The largest element over ``dim``; equal ones share the gradient.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.amax(jnp.array([[1, 2], [4, 3]]), dim=1)
        Array([2, 4], dtype=int32)
    """
    return _reduced("amax", jnp.max, input, dim, keepdim)


@op(dim=_DIMS)
def amin(input: ArrayLike, dim: Ints = (), keepdim: bool = False) -> jax.Array:
    """The smallest element over ``dim``; equal ones share the gradient.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.amin(jnp.array([[1, 2], [4, 3]]), dim=1)
        Array([1, 3], dtype=int32)
    """
    return _reduced("amin", jnp.min, input, dim, keepdim)


@op(dim=_ONE)
def aminmax(input: ArrayLike, *, dim: int | None = None, keepdim: bool = False) -> MinAndMax:
    """The smallest and the largest element over ``dim``.

    Returns:
        ``(min, max)``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.aminmax(jnp.array([3, 1, 2])).max
        Array(3, dtype=int32)
    """
    x = _everything("aminmax", input) if dim is None else array(input, "aminmax")
    dims: Ints = () if dim is None else dim
    return MinAndMax(_reduced("aminmax", jnp.min, x, dims, keepdim), _reduced("aminmax", jnp.max, x, dims, keepdim))


def _where_extreme(where: str, find: Callable, input: ArrayLike, dim: int | None, keepdim: bool) -> jax.Array:
    if dim is None:
        x = _everything(where, input)
        refuse_bool(where, x)
        found = find(x.reshape(-1))
        return (found.reshape((1,) * x.ndim) if keepdim else found).astype(index_dtype())
    x, axis, was_scalar = _along(where, input, dim)
    refuse_bool(where, x)
    return find(x, axis, keepdims=keepdim and not was_scalar).astype(index_dtype())


@op(dim="the dimension; None: the index is that of the flattened array.")
def argmax(input: ArrayLike, dim: int | None = None, keepdim: bool = False) -> jax.Array:
    """The index of the largest element, the first of equal ones.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.argmax(jnp.array([[1, 5], [9, 3]]), dim=1)
        Array([1, 0], dtype=int32)
    """
    return _where_extreme("argmax", jnp.argmax, input, dim, keepdim)


@op(dim="the dimension; None: the index is that of the flattened array.")
def argmin(input: ArrayLike, dim: int | None = None, keepdim: bool = False) -> jax.Array:
    """The index of the smallest element, the first of equal ones.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.argmin(jnp.array([[1, 5], [9, 3]]), dim=1)
        Array([0, 1], dtype=int32)
    """
    return _where_extreme("argmin", jnp.argmin, input, dim, keepdim)


def _extreme(
    where: str, find: Callable, reduce: Callable, both: Callable, input: ArrayLike, dim: object, keepdim: bool,
    other: ArrayLike | None,
) -> jax.Array | ValuesAndIndices:  # fmt: skip
    if isinstance(dim, (jax.Array, np.ndarray)) or hasattr(dim, "__jax_array__"):
        dim, other = None, dim  # type: ignore[assignment]
    if other is not None:
        if dim is not None:
            raise ArgumentTypeError(f"{where}: got both dim={dim} and an array to compare with")
        return both(input, other)
    if dim is None:
        return reduce(_everything(where, input))
    x, axis, was_scalar = _along(where, input, dim)  # type: ignore[arg-type]
    index = find(lax.stop_gradient(x), axis, keepdims=True)
    return _scalar(picked(x, index, axis, keepdim or was_scalar), was_scalar, True)


@overload
def max(input: ArrayLike) -> jax.Array: ...
@overload
def max(input: ArrayLike, dim: int, keepdim: bool = False) -> ValuesAndIndices: ...
@overload
def max(input: ArrayLike, other: ArrayLike, /) -> jax.Array: ...
@overload
def max(input: ArrayLike, *, other: ArrayLike) -> jax.Array: ...
@op(dim="the dimension; or, in its place, the array ``other``.", other="an array to compare with, as `maximum`.")
def max(input: ArrayLike, dim=None, keepdim: bool = False, *, other: ArrayLike | None = None):  # type: ignore[no-untyped-def]
    """The largest element of all, or along ``dim``, or the larger one of two arrays.

    Returns:
        The array of a single element; with ``dim``, ``(values, indices)``; with ``other``, what `maximum` gives.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> values, indices = fnn.max(jnp.array([[1, 5], [9, 3]]), dim=1)
        >>> indices
        Array([1, 0], dtype=int32)
    """
    return _extreme("max", jnp.argmax, jnp.max, maximum, input, dim, keepdim, other)


@overload
def min(input: ArrayLike) -> jax.Array: ...
@overload
def min(input: ArrayLike, dim: int, keepdim: bool = False) -> ValuesAndIndices: ...
@overload
def min(input: ArrayLike, other: ArrayLike, /) -> jax.Array: ...
@overload
def min(input: ArrayLike, *, other: ArrayLike) -> jax.Array: ...
@op(dim="the dimension; or, in its place, the array ``other``.", other="an array to compare with, as `minimum`.")
def min(input: ArrayLike, dim=None, keepdim: bool = False, *, other: ArrayLike | None = None):  # type: ignore[no-untyped-def]
    """The smallest element of all, or along ``dim``, or the smaller one of two arrays.

    Returns:
        The array of a single element; with ``dim``, ``(values, indices)``; with ``other``, what `minimum` gives.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> values, indices = fnn.min(jnp.array([[1, 5], [9, 3]]), dim=1)
        >>> values
        Array([1, 3], dtype=int32)
    """
    return _extreme("min", jnp.argmin, jnp.min, minimum, input, dim, keepdim, other)


# -- by rank ------------------------------------------------------------------------------------------


def _ranked(x: jax.Array, axis: int) -> jax.Array:
    """Indices in ascending order, NaN last."""
    return jnp.argsort(lax.stop_gradient(x), axis, stable=True)


def _middle(where: str, x: jax.Array, axis: int, ignore_nan: bool) -> jax.Array:
    """The index of the lower one of the middle elements, of size 1 along the axis."""
    order, size = _ranked(x, axis), x.shape[axis]
    if kind_of(x.dtype) < FLOATING:
        return lax.slice_in_dim(order, (size - 1) // 2, (size - 1) // 2 + 1, axis=axis)
    missing = jnp.isnan(lax.stop_gradient(x))
    valid = size - jnp.sum(missing, axis, keepdims=True)
    if ignore_nan:
        rank = jnp.where(valid == 0, 0, (valid - 1) // 2)
    else:
        rank = jnp.where(valid < size, valid, (size - 1) // 2)
    return jnp.take_along_axis(order, rank, axis)


def _median(
    where: str, input: ArrayLike, dim: int | None, keepdim: bool, ignore_nan: bool
) -> jax.Array | ValuesAndIndices:
    if dim is None:
        x = array(input, where)
        no_complex(where, x)
        refuse_bool(where, x)
        if x.size == 0:
            return jnp.full((), jnp.nan, x.dtype)
        flat = x.reshape(-1)
        index = _middle(where, flat, 0, ignore_nan)
        return shared_evenly(flat, flat[index[0]])
    x, axis, was_scalar = _along(where, input, dim)
    refuse_bool(where, x)
    result = picked(x, _middle(where, x, axis, ignore_nan), axis, keepdim or was_scalar)
    return _scalar(result, was_scalar, True)


@overload
def median(input: ArrayLike) -> jax.Array: ...
@overload
def median(input: ArrayLike, dim: int, keepdim: bool = False) -> ValuesAndIndices: ...
@op(dim=_ONE)
def median(input: ArrayLike, dim: int | None = None, keepdim: bool = False) -> jax.Array | ValuesAndIndices:
    """The middle element in order, the lower one of two; NaN if there is one.

    Returns:
        The element; with ``dim``, ``(values, indices)``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.median(jnp.array([4.0, 1.0, 3.0, 2.0]))
        Array(2., dtype=float32)
    """
    return _median("median", input, dim, keepdim, False)


@overload
def nanmedian(input: ArrayLike) -> jax.Array: ...
@overload
def nanmedian(input: ArrayLike, dim: int, keepdim: bool = False) -> ValuesAndIndices: ...
@op(dim=_ONE)
def nanmedian(input: ArrayLike, dim: int | None = None, keepdim: bool = False) -> jax.Array | ValuesAndIndices:
    """The middle one, in order, of the elements that are not NaN.

    Returns:
        The element; with ``dim``, ``(values, indices)``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.nanmedian(jnp.array([4.0, jnp.nan, 3.0]))
        Array(3., dtype=float32)
    """
    return _median("nanmedian", input, dim, keepdim, True)


@op(k="which one in ascending order, from 1.")
def kthvalue(input: ArrayLike, k: int, dim: int = -1, keepdim: bool = False) -> ValuesAndIndices:
    """The k-th smallest element along ``dim``.

    Returns:
        ``(values, indices)``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.kthvalue(jnp.array([4.0, 1.0, 3.0]), 2).values
        Array(3., dtype=float32)
    """
    x, axis, was_scalar = _along("kthvalue", input, dim)
    refuse_bool("kthvalue", x)
    if not 1 <= k <= x.shape[axis]:
        raise ArgumentError(f"kthvalue(): selected number k out of range for dimension {axis}, got k={k}")
    index = lax.slice_in_dim(_ranked(x, axis), k - 1, k, axis=axis)
    return _scalar(picked(x, index, axis, keepdim or was_scalar), was_scalar, True)


@op()
def mode(input: ArrayLike, dim: int = -1, keepdim: bool = False) -> ValuesAndIndices:
    """The most frequent element along ``dim``, the smallest of equally frequent ones, and its last index.

    Returns:
        ``(values, indices)``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.mode(jnp.array([2, 1, 2, 1, 3])).values
        Array(1, dtype=int32)
    """
    x, axis, was_scalar = _along("mode", input, dim)
    order = _ranked(x, axis)
    ordered = jnp.take_along_axis(lax.stop_gradient(x), order, axis)
    position = lax.broadcasted_iota(np.int32, x.shape, axis)
    new = jnp.concatenate([
        jnp.ones_like(lax.slice_in_dim(position, 0, 1, axis=axis), dtype=bool),
        lax.slice_in_dim(ordered, 1, None, axis=axis) != lax.slice_in_dim(ordered, 0, -1, axis=axis),
    ], axis)  # fmt: skip
    run = position - lax.cummax(jnp.where(new, position, 0), axis=axis)
    index = jnp.take_along_axis(order, jnp.argmax(run, axis, keepdims=True), axis)
    return _scalar(picked(x, index, axis, keepdim or was_scalar), was_scalar, True)
