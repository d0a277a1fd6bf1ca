"""Running sums, products and extremes, differences, integrals and derivatives along a dimension."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.arguments import integer, widen, wrap_dim
from fnn.dtypes import index_dtype
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._document import alias, op
from fnn.ops._operands import FLOATING, array, narrow_to, no_complex
from fnn.ops._promote import as_inexact, kind_of
from fnn.ops.reductions import summable
from fnn.ops.returns import ValuesAndIndices
from fnn.typing import ArrayLike, DType, Ints, Real

__all__ = [
    "cummax", "cummin", "cumprod", "cumsum", "cumulative_trapezoid", "diff", "gradient", "logcumsumexp", "trapezoid",
    "trapz",
]  # fmt: skip

_DTYPE = "what ``input`` is converted to first; None: integers and bools become int64 (int32 without 64-bit mode)."


def _scan(where: str, run: Callable, x: jax.Array, dim: int) -> jax.Array:
    axis = wrap_dim(dim, x.ndim, f"{where}: ")
    return run(x, axis) if x.ndim else run(x[None], 0).reshape(())


@op(dtype=_DTYPE)
def cumsum(input: ArrayLike, dim: int, *, dtype: DType | None = None) -> jax.Array:
    """The running sum along ``dim``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.cumsum(jnp.array([1, 2, 3]), 0)
        Array([1, 3, 6], dtype=int32)
    """
    x = summable(array(input, "cumsum"), dtype, "cumsum")
    return _scan("cumsum", lambda a, axis: narrow_to(lax.cumsum(widen(a), axis), a), x, dim)


@op(dtype=_DTYPE)
def cumprod(input: ArrayLike, dim: int, *, dtype: DType | None = None) -> jax.Array:
    """The running product along ``dim``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.cumprod(jnp.array([1, 2, 3]), 0)
        Array([1, 2, 6], dtype=int32)
    """
    x = summable(array(input, "cumprod"), dtype, "cumprod")
    return _scan("cumprod", lambda a, axis: narrow_to(lax.cumprod(widen(a), axis), a), x, dim)


@op()
def logcumsumexp(input: ArrayLike, dim: int) -> jax.Array:
    """The logarithm of the running sum of ``exp(input)`` along ``dim``, without overflow.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.logcumsumexp(jnp.array([1000.0, 1000.0]), 0)
        Array([1000.   , 1000.693], dtype=float32)
    """
    x = array(input, "logcumsumexp")
    if kind_of(x.dtype) < FLOATING:
        raise ArgumentTypeError(f"logcumsumexp: not implemented for {x.dtype}")
    return _scan("logcumsumexp", lambda a, axis: narrow_to(_logcumsumexp(widen(a), axis), a), x, dim)


def _logcumsumexp(x: jax.Array, axis: int) -> jax.Array:
    if kind_of(x.dtype) == FLOATING:
        return lax.cumlogsumexp(x, axis)
    largest = lax.stop_gradient(jnp.max(lax.real(x), axis, keepdims=True, initial=-jnp.inf))
    largest = jnp.where(jnp.isfinite(largest), largest, 0)
    return lax.log(lax.cumsum(lax.exp(x - largest), axis)) + largest


def _running(where: str, input: ArrayLike, dim: int, better: Callable) -> ValuesAndIndices:
    x = array(input, where)
    no_complex(where, x)
    axis = wrap_dim(dim, x.ndim, f"{where}: ")
    if x.ndim == 0:
        return ValuesAndIndices(x, jnp.zeros((), index_dtype()))
    still = lax.stop_gradient(x)
    floating = kind_of(x.dtype) >= FLOATING
    positions = lax.broadcasted_iota(index_dtype(), x.shape, axis)

    def choose(first: tuple, second: tuple) -> tuple:
        later = better(second[0], first[0])
        if floating:
            later = jnp.isnan(second[0]) | (later & ~jnp.isnan(first[0]))
        return jnp.where(later, second[0], first[0]), jnp.where(later, second[1], first[1])

    if x.shape[axis] == 0:
        return ValuesAndIndices(x, positions)
    _, index = lax.associative_scan(choose, (still, positions), axis=axis)
    return ValuesAndIndices(jnp.take_along_axis(x, index, axis), index)


@op()
def cummax(input: ArrayLike, dim: int) -> ValuesAndIndices:
    """The largest element so far along ``dim``, the last of equal ones.

    Returns:
        ``(values, indices)``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.cummax(jnp.array([1, 3, 2]), 0).values
        Array([1, 3, 3], dtype=int32)
    """
    return _running("cummax", input, dim, lambda a, b: a >= b)


@op()
def cummin(input: ArrayLike, dim: int) -> ValuesAndIndices:
    """The smallest element so far along ``dim``, the last of equal ones.

    Returns:
        ``(values, indices)``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.cummin(jnp.array([2, 3, 1]), 0).values
        Array([2, 2, 1], dtype=int32)
    """
    return _running("cummin", input, dim, lambda a, b: a <= b)


# -- differences and integrals ------------------------------------------------------------------------


@op(n="how often the difference is taken.", prepend="put in front along ``dim`` first.", append="put behind first.")
def diff(
    input: ArrayLike, n: int = 1, dim: int = -1, prepend: ArrayLike | None = None, append: ArrayLike | None = None
) -> jax.Array:
    """The differences of neighbours along ``dim``; of booleans, whether they differ.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.diff(jnp.array([1, 4, 9]))
        Array([3, 5], dtype=int32)
    """
    x = array(input, "diff")
    if x.ndim == 0:
        raise ArgumentError("diff expects input to be at least one-dimensional")
    axis = wrap_dim(dim, x.ndim, "diff: ")
    if integer(n, "n", "diff: ") < 0:
        raise ArgumentError(f"diff: order must be non-negative but got n={n}")
    parts = [x]
    for name, extra in (("prepend", prepend), ("append", append)):
        if extra is None:
            continue
        part = array(extra, "diff", name)
        if part.ndim != x.ndim:
            raise ArgumentError(
                f"diff expects prepend or append to be the same dimension as input, got {name}={part.shape}"
            )
        for i, (size, wanted) in enumerate(zip(part.shape, x.shape, strict=True)):
            if i != axis and size != wanted:
                raise ArgumentError(
                    f"diff expects {name} to have the shape of input but for dim {axis}, got {part.shape}"
                )
        parts.insert(0 if name == "prepend" else len(parts), part)
    if n == 0:
        return x
    if len(parts) > 1:
        x = jnp.concatenate(parts, axis)
    for _ in range(min(n, x.shape[axis])):
        after, before = (
            lax.slice_in_dim(x, 1, None, axis=axis),
            lax.slice_in_dim(x, 0, max(x.shape[axis] - 1, 0), axis=axis),
        )
        x = after ^ before if x.dtype == np.bool_ else after - before
    return x


def _pieces(where: str, y: ArrayLike, x: ArrayLike | None, dx: Real | None, dim: int) -> tuple[jax.Array, int]:
    values = array(y, where, "y")
    axis = wrap_dim(dim, values.ndim, f"{where}: ")
    if values.dtype == np.bool_:
        raise ArgumentTypeError(f"{where}: received a bool input for `y`, but bool is not supported")
    if x is not None and dx is not None:
        raise ArgumentTypeError(f"{where}: x and dx cannot both be given")
    values = as_inexact(values) if x is None else values
    after = lax.slice_in_dim(values, 1, None, axis=axis)
    before = lax.slice_in_dim(values, 0, max(values.shape[axis] - 1, 0), axis=axis)
    heights = (
        (after + before) / 2 if kind_of(values.dtype) >= FLOATING else (as_inexact(after) + as_inexact(before)) / 2
    )
    if x is None:
        return heights if dx is None else heights * dx, axis
    points = array(x, where, "x")
    if points.dtype == np.bool_:
        raise ArgumentTypeError(f"{where}: received a bool input for `x`, but bool is not supported")
    if points.ndim == 1:
        if points.shape[0] != values.shape[axis]:
            raise ArgumentError(
                f"{where}: There must be one `x` value for each sample point, got {points.shape[0]} "
                f"and {values.shape[axis]}"
            )
        shape = [1] * values.ndim
        shape[axis] = points.shape[0]
        points = points.reshape(shape)
    else:
        points = points.reshape((1,) * (values.ndim - points.ndim) + points.shape)
    place = axis - values.ndim
    steps = jnp.diff(points, axis=place)
    if steps.ndim > heights.ndim:
        heights = heights.reshape((1,) * (steps.ndim - heights.ndim) + heights.shape)
    return heights * steps.astype(jnp.promote_types(steps.dtype, heights.dtype)), heights.ndim + place


@op(y="the values.", x="where they were taken: as ``y``, or one-dimensional; None: at a distance of ``dx``.",
    dx="the distance of neighbours, 1 by default.")  # fmt: skip
def trapezoid(y: ArrayLike, x: ArrayLike | None = None, *, dx: Real | None = None, dim: int = -1) -> jax.Array:
    """The integral along ``dim`` by the trapezoidal rule.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.trapezoid(jnp.array([1.0, 2.0, 3.0]))
        Array(4., dtype=float32)
    """
    areas, axis = _pieces("trapezoid", y, x, dx, dim)
    return jnp.sum(areas, axis)


trapz = alias(trapezoid, "trapz")


@op(y="the values.", x="where they were taken: as ``y``, or one-dimensional; None: at a distance of ``dx``.",
    dx="the distance of neighbours, 1 by default.")  # fmt: skip
def cumulative_trapezoid(
    y: ArrayLike, x: ArrayLike | None = None, *, dx: Real | None = None, dim: int = -1
) -> jax.Array:
    """The running integral along ``dim`` by the trapezoidal rule, one element fewer than ``y``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.cumulative_trapezoid(jnp.array([1.0, 2.0, 3.0]))
        Array([1.5, 4. ], dtype=float32)
    """
    areas, axis = _pieces("cumulative_trapezoid", y, x, dx, dim)
    return lax.cumsum(areas, axis)


def _slope(x: jax.Array, axis: int, spacing: Real | jax.Array, order: int) -> jax.Array:
    """Central differences of second order, one-sided ones at the ends."""

    def cut(start: int, stop: int | None) -> jax.Array:
        return lax.slice_in_dim(x, start, x.shape[axis] if stop is None else stop, axis=axis)

    size = x.shape[axis]
    if isinstance(spacing, jax.Array) and spacing.ndim:
        steps = jnp.diff(spacing)
        shape = [1] * x.ndim
        shape[axis] = size - 2
        a, b = steps[:-1].reshape(shape), steps[1:].reshape(shape)
        inner = -b / (a * (a + b)) * cut(0, size - 2) + (b - a) / (a * b) * cut(1, size - 1)
        inner = inner + a / (b * (a + b)) * cut(2, None)
        first, second, last, before = (
            steps[0],
            steps[1] if size > 2 else steps[0],
            steps[-1],
            steps[-2] if size > 2 else 0,
        )
    else:
        first = second = last = before = spacing
        inner = (cut(2, None) - cut(0, size - 2)) / (2 * spacing)
    if order == 1:
        left = (cut(1, 2) - cut(0, 1)) / first
        right = (cut(size - 1, None) - cut(size - 2, size - 1)) / last
    else:
        a, b = first, second
        left = -(2 * a + b) / (a * (a + b)) * cut(0, 1) + (a + b) / (a * b) * cut(1, 2) - a / (b * (a + b)) * cut(2, 3)
        a, b = before, last
        right = b / (a * (a + b)) * cut(size - 3, size - 2) - (a + b) / (a * b) * cut(size - 2, size - 1)
        right = right + (2 * b + a) / (b * (a + b)) * cut(size - 1, None)
    return jnp.concatenate([left, inner, right], axis)


@op(
    spacing="the distance of neighbours: a number, one a dimension or for each the coordinates of its points; None: 1.",
    dim="the dimension or dimensions; None: all.",
    edge_order="1 or 2: the order of accuracy at both ends.",
)
def gradient(
    input: ArrayLike,
    *,
    spacing: Real | Sequence[Real | ArrayLike] | None = None,
    dim: Ints | None = None,
    edge_order: int = 1,
) -> tuple[jax.Array, ...]:
    """The derivatives of sampled values along each dimension, by central differences.

    Returns:
        An array of the shape of ``input`` for each dimension.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.gradient(jnp.array([1.0, 4.0, 9.0]))
        (Array([3., 4., 5.], dtype=float32),)
    """
    x = array(input, "gradient")
    spacing = 1 if spacing is None else spacing
    if edge_order not in (1, 2):
        raise ArgumentError(f"gradient only supports edge_order=1 and edge_order=2, got edge_order={edge_order}")
    dims = range(x.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    axes = [wrap_dim(d, x.ndim, "gradient: ") for d in dims]
    if len(set(axes)) != len(axes):
        raise ArgumentError(f"gradient: dim appears multiple times in the list of dims, got dim={dim}")
    if isinstance(spacing, (tuple, list)):
        if len(spacing) != len(axes):
            raise ArgumentError(
                f"gradient expected spacing to be unspecified, a scalar, or of length {len(axes)}, got {len(spacing)}"
            )
        steps = [s if isinstance(s, (int, float, complex)) else array(s, "gradient", "spacing") for s in spacing]
    else:
        steps = [
            spacing if isinstance(spacing, (int, float, complex)) else array(spacing, "gradient", "spacing")
        ] * len(axes)
    for axis, step in zip(axes, steps, strict=True):
        if x.shape[axis] < edge_order + 1:
            raise ArgumentError(
                f"gradient expected each dimension size to be at least edge_order+1, got {list(x.shape)}"
            )
        if isinstance(step, jax.Array) and step.ndim and step.shape != (x.shape[axis],):
            raise ArgumentError(
                f"gradient expected each coordinate vector to match the size of dim {axis}, got {step.shape}"
            )
    wide = as_inexact(x)
    return tuple(_slope(wide, axis, cast(Real, step), edge_order) for axis, step in zip(axes, steps, strict=True))
