"""Numbers in a row (``arange``, ``linspace``, ``logspace``) and the indices of triangles."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.arguments import integer
from fnn.dtypes import canonical, get_default_dtype, index_dtype
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._given import placed
from fnn.ops._promote import complex_of, kind_of
from fnn.random import on_device
from fnn.tracing import Tracer
from fnn.typing import Device, DType, Scalar

__all__ = ["arange", "linspace", "logspace", "range", "tril_indices", "triu_indices"]


def arange(
    start: Scalar = 0,
    end: Scalar | None = None,
    step: Scalar = 1,
    *,
    dtype: DType | None = None,
    device: Device | None = None,
) -> jax.Array:
    """``start``, ``start + step``, ... below ``end``; ``arange(end)`` starts at 0.

    Args:
        start: the first number.
        end: the limit, not included.
        step: the difference, not zero.
        dtype: if None PyTorch's int64 where all three are integers, else the default float dtype.
        device: where the result lies.

    Raises:
        ArgumentError: the step is zero, or points away from ``end``.

    >>> arange(1, 7, 2)
    Array([1, 3, 5], dtype=int32)
    """
    if end is None:
        start, end = 0, start
    return _range(start, end, step, False, dtype, device, "arange: ")


def range(
    start: Scalar = 0,
    end: Scalar | None = None,
    step: Scalar = 1,
    *,
    dtype: DType | None = None,
    device: Device | None = None,
) -> jax.Array:
    """As `arange`, with ``end`` included, and of the default float dtype; PyTorch advises against it.

    >>> range(1, 3)
    Array([1., 2., 3.], dtype=float32)
    """
    if end is None:
        start, end = 0, start
    kept = get_default_dtype() if dtype is None else dtype
    return _range(start, end, step, True, kept, device, "range: ")


def linspace(
    start: Scalar,
    end: Scalar,
    steps: int,
    *,
    dtype: DType | None = None,
    device: Device | None = None,
) -> jax.Array:
    """``steps`` numbers from ``start`` to ``end``, both included, at equal distances.

    Args:
        start: the first number, or an array without dimensions.
        end: the last one.
        steps: how many.
        dtype: the default float dtype if None, the complex one if a number is complex.
        device: where the result lies.

    >>> linspace(0, 1, 5)
    Array([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    """
    where = "linspace: "
    kept = _spaced_dtype(start, end, dtype, where)
    return placed(_spaced(start, end, _steps(steps, where), kept, where, None), device, where)


def logspace(
    start: Scalar,
    end: Scalar,
    steps: int,
    base: float = 10.0,
    *,
    dtype: DType | None = None,
    device: Device | None = None,
) -> jax.Array:
    """Powers of ``base`` with exponents as `linspace` gives them.

    >>> logspace(0, 2, 3)
    Array([  1.,  10., 100.], dtype=float32)
    """
    where = "logspace: "
    kept = _spaced_dtype(start, end, dtype, where)
    return placed(_spaced(start, end, _steps(steps, where), kept, where, base), device, where)


def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: DType | None = None, device: Device | None = None
) -> jax.Array:
    """Where a matrix's lower triangle is: the row indices above the column indices, (2, n).

    Args:
        row: the number of rows.
        col: the number of columns.
        offset: which diagonal still belongs to it; 0 is the main one.
        dtype: PyTorch's int64 if None.
        device: where the result lies.

    >>> tril_indices(2, 2)
    Array([[0, 1, 1],
           [0, 0, 1]], dtype=int32)
    """
    return _triangle(np.tril, row, col, offset, dtype, device, "tril_indices: ")


def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: DType | None = None, device: Device | None = None
) -> jax.Array:
    """Where a matrix's upper triangle is; the arguments are those of `tril_indices`.

    >>> triu_indices(2, 2)
    Array([[0, 0, 1],
           [0, 1, 1]], dtype=int32)
    """
    return _triangle(np.triu, row, col, offset, dtype, device, "triu_indices: ")


def _triangle(
    part: Any, row: int, col: int, offset: int, dtype: DType | None, device: Device | None, where: str
) -> jax.Array:
    rows, cols = integer(row, "row", where), integer(col, "col", where)
    if rows < 0 or cols < 0:
        raise ArgumentError(f"{where}row and col must be non-negative, got row={row}, col={col}")
    kept = index_dtype() if dtype is None else canonical(dtype, where)
    if kind_of(kept) != 1:
        raise ArgumentTypeError(f"{where}not implemented for dtype={kept.name}; expected an integer dtype")
    found = np.nonzero(part(np.ones((rows, cols), bool), integer(offset, "offset", where)))
    return placed(on_device(np.stack(found).astype(kept)), device, where)


def _number(value: Any, name: str, where: str) -> Any:
    """A Python number, also from an array without dimensions."""
    if isinstance(value, (bool, int, float, complex)) and not isinstance(value, np.generic):
        return value
    if hasattr(value, "item") and not getattr(value, "ndim", 0):
        try:
            return value.item()
        except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError):
            raise ArgumentError(
                f"{where}the shape of the result depends on {name}, which has no value while a program is traced"
            ) from None
    raise ArgumentTypeError(f"{where}argument '{name}' must be a number, got {name}={value!r}")


def _range(
    start: Scalar, end: Scalar, step: Scalar, closed: bool, dtype: DType | None, device: Device | None, where: str
) -> jax.Array:
    a, b, d = (_number(v, n, where) for v, n in ((start, "start"), (end, "end"), (step, "step")))
    if any(isinstance(n, complex) for n in (a, b, d)):
        raise ArgumentTypeError(f"{where}not implemented for complex numbers, got start={a}, end={b}, step={d}")
    if dtype is None:
        kept = index_dtype() if all(isinstance(n, int) for n in (a, b, d)) else get_default_dtype()
    else:
        kept = canonical(dtype, where)
    if kind_of(kept) in (0, 3):
        raise ArgumentTypeError(f"{where}not implemented for dtype={kept.name}; expected integers or real numbers")
    if kept == np.int64 and not closed:  # in which PyTorch counts; of the other integer dtypes it counts in doubles
        a, b, d = int(a), int(b), int(d)
    if not d:
        raise ArgumentError(f"{where}step must be nonzero, got step={step}")
    if not (math.isfinite(a) and math.isfinite(b)):
        raise ArgumentError(f"{where}unsupported range: {a} -> {b}")
    if (b - a) * d < 0:
        raise ArgumentError(
            f"{where}upper bound and lower bound inconsistent with step sign, got start={a}, end={b}, step={d}"
        )
    length = math.floor((b - a) / d) + 1 if closed else _count(a, b, d)
    if kind_of(kept) == 1 and not closed:
        # Not a constant: positions in a compiled program are made where they are used.
        values = jax.lax.iota(kept, length) * jnp.asarray(int(d), kept) + jnp.asarray(int(a), kept)
        return placed(values, device, where)
    values = a + d * np.arange(length, dtype=np.float64)
    return placed(on_device(values.astype(kept)), device, where)


def _count(a: float, b: float, step: float) -> int:
    whole = isinstance(a, int) and isinstance(b, int) and isinstance(step, int)
    return -((a - b) // step) if whole else math.ceil((b - a) / step)  # type: ignore[return-value]


def _steps(steps: int, where: str) -> int:
    count = integer(steps, "steps", where)
    if count < 0:
        raise ArgumentError(f"{where}number of steps must be non-negative, got steps={steps}")
    return count


def _spaced_dtype(start: Any, end: Any, dtype: DType | None, where: str) -> np.dtype:
    for name, value in (("start", start), ("end", end)):
        if getattr(value, "ndim", 0):
            raise ArgumentError(
                f"{where}only supports 0-dimensional start and end tensors, but got {name} with {value.ndim} "
                "dimension(s)."
            )
    is_complex = any(isinstance(v, complex) or kind_of(getattr(v, "dtype", bool)) == 3 for v in (start, end))
    if dtype is None:
        return complex_of(get_default_dtype()) if is_complex else get_default_dtype()
    kept = canonical(dtype, where)
    if is_complex and kind_of(kept) != 3:
        raise ArgumentTypeError(f"{where}inferred dtype complex can't be safely cast to passed dtype {kept.name}")
    return kept


def _spaced(start: Any, end: Any, steps: int, dtype: np.dtype, where: str, base: float | None) -> jax.Array:
    if any(isinstance(v, Tracer) for v in (start, end)):
        return _spaced_traced(start, end, steps, dtype, base)
    a, b = (_number(v, n, where) for v, n in ((start, "start"), (end, "end")))
    if kind_of(dtype) == 1 and (base is None or steps > 1):
        a, b = int(a), int(b)
    wide = np.complex128 if kind_of(dtype) == 3 else np.float64
    at = np.arange(steps)
    step = wide(b - a) / (steps - 1) if steps > 1 else wide(0)
    # From both ends, so that the last number is the end itself.
    values = (
        np.where(at < steps // 2, a + step * at, b - step * (steps - 1 - at)) if steps != 1 else np.full(1, a, wide)
    )
    if base is not None:
        values = wide(base) ** values
    with np.errstate(over="ignore", invalid="ignore"):
        return on_device(values.astype(dtype))


def _spaced_traced(start: Any, end: Any, steps: int, dtype: np.dtype, base: float | None) -> jax.Array:
    """`_spaced` between ends that a compiled program computes, in which integers are exact: no double is needed."""
    if kind_of(dtype) != 1:
        a, b = (jnp.asarray(v, dtype) for v in (start, end))
        values = jnp.linspace(a, b, steps, dtype=dtype)
        return values if base is None else jnp.asarray(base, dtype) ** values
    if base is not None and steps == 1:  # the only exponent that is no integer
        return (base ** jnp.asarray(start, jnp.float32)).astype(dtype)[None]
    wide = np.promote_types(dtype, np.int32)
    a, b = (jnp.asarray(v).astype(wide) for v in (start, end))
    at, parts = jnp.arange(steps, dtype=wide), max(steps - 1, 1)
    whole, rest = jnp.floor_divide(b - a, parts), jnp.remainder(b - a, parts)
    floor = a + whole * at + jnp.floor_divide(rest * at, parts)
    between = jnp.remainder(rest * at, parts)
    if base is None:
        return (floor + ((floor < 0) & (between > 0))).astype(dtype)  # towards zero
    values = base ** floor.astype(jnp.float32) * base ** (between.astype(jnp.float32) / parts)
    near = jnp.round(values)
    return jnp.where(jnp.abs(values - near) < 1e-6 * values, near, values).astype(dtype)
