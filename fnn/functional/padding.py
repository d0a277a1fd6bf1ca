"""Padding of the last axes of an array: by a constant, by reflection, by its edge, or around the circle.

``pad`` lists amounts in pairs (low, high) from the last axis backwards; a negative amount cuts off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.arguments import integers, listed
from fnn.autocasting import governed
from fnn.dtypes import number_in, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.typing import ArrayLike, DType, Scalar

__all__ = ["pad"]

_MODES = ("constant", "reflect", "replicate", "circular")
_WHERE = "pad: "


@governed
def pad(input: ArrayLike, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> jax.Array:
    """Pads the last axes of an array.

    Args:
        input: any shape for ``"constant"``; (N, C, L), (N, C, H, W), (N, C, D, H, W) or one of these without N
            for the other modes, which pad all spatial axes.
        pad: ``(low, high)`` of the last axis, then of the one before it, and so on.
        mode: ``"constant"``; ``"reflect"`` mirrors without repeating the edge (amounts less than the size);
            ``"replicate"`` repeats the edge; ``"circular"`` wraps around (amounts up to the size).
        value: what ``"constant"`` fills in; None is 0.

    Returns:
        The padded array, of the input's dtype.

    Raises:
        ArgumentError: a number of amounts that does not fit the input and mode, or amounts too large or too small.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> x = jnp.array([[1.0, 2.0, 3.0]])
        >>> F.pad(x, (1, 2), value=9.0).tolist()
        [[9.0, 1.0, 2.0, 3.0, 9.0, 9.0]]
        >>> F.pad(x, (1, 2), mode="reflect").tolist()
        [[2.0, 1.0, 2.0, 3.0, 2.0, 1.0]]
        >>> F.pad(x, (1, 2), mode="circular").tolist()
        [[3.0, 1.0, 2.0, 3.0, 1.0, 2.0]]
    """
    x = to_array(input, "input", _WHERE)
    amounts = integers(pad, "pad", _WHERE)
    if isinstance(amounts, int):
        raise ArgumentTypeError(f"{_WHERE}argument 'pad' must be tuple of ints, not int (={pad!r})")
    if mode not in _MODES:
        raise ArgumentError(f"{_WHERE}Unrecognised padding mode {mode}, expected one of {_MODES}")
    if len(amounts) % 2:
        raise ArgumentError(f"{_WHERE}Padding length must be divisible by 2, got pad={listed(amounts)}")
    if len(amounts) > 2 * x.ndim:
        raise ArgumentError(
            f"{_WHERE}Padding length should be less than or equal to two times the input dimension but got padding "
            f"length {len(amounts)} and input of dimension {x.ndim}"
        )
    pairs = list(zip(amounts[::2], amounts[1::2], strict=True))[::-1]  # in the order of the axes
    if mode == "constant":
        return _constant(x, pairs, value)
    if value not in (None, 0):
        raise ArgumentError(f'{_WHERE}Padding mode "{mode}" doesn\'t take in value argument, got value={value!r}')
    rank = len(pairs)
    if rank not in (1, 2, 3) or x.ndim not in (rank + 1, rank + 2):
        raise ArgumentError(f"{_WHERE}Padding size {2 * rank} is not supported for {x.ndim}D input tensor.")
    (_check_circular if mode == "circular" else _check_mirrored)(x, pairs, mode)
    along = {"reflect": _reflect, "replicate": _replicate, "circular": _circular}[mode]
    for axis, (low, high) in enumerate(pairs, x.ndim - rank):
        if low or high:
            x = along(x, axis, low, high)
    return x


def _constant(x: jax.Array, pairs: Sequence[tuple[int, int]], value: Scalar | None) -> jax.Array:
    first = x.ndim - len(pairs)
    for axis, (low, high) in enumerate(pairs, first):
        if x.shape[axis] + min(low, 0) + min(high, 0) < 0:
            raise ArgumentError(
                f"{_WHERE}narrow(): length must be non-negative: padding ({low}, {high}) at dimension {axis} cuts off "
                f"more than there is of input {listed(x.shape)}"
            )
    fill = _fill(value, x.dtype)
    if not any(low or high for low, high in pairs):
        return x
    return lax.pad(x, fill, [(0, 0, 0)] * first + [(low, high, 0) for low, high in pairs])


def _fill(value: Scalar | None, dtype: DType) -> Any:
    """``value`` as a scalar of ``dtype``, refused where it does not fit."""
    if isinstance(value, jax.Array) and value.ndim == 0:
        return lax.convert_element_type(lax.stop_gradient(value), dtype)  # a number to PyTorch
    if value is None:
        return np.zeros((), dtype)
    if isinstance(value, complex) or not hasattr(value, "__float__"):
        raise ArgumentTypeError(f"{_WHERE}argument 'value' must be float, not {type(value).__name__} (={value!r})")
    return number_in(float(value), np.dtype(dtype), _WHERE)


def _check_mirrored(x: jax.Array, pairs: Sequence[tuple[int, int]], mode: str) -> None:
    """PyTorch's conditions for reflection and replication."""
    rank = len(pairs)
    if x.dtype == jnp.bool_:
        raise ArgumentTypeError(f'{_WHERE}mode="{mode}" is not implemented for dtype bool')
    if 0 in x.shape[1 if x.ndim == rank + 2 else 0 :]:
        raise ArgumentError(
            f"{_WHERE}Expected {rank + 1}D or {rank + 2}D (batch mode) tensor with possibly 0 batch size and other "
            f"non-zero dimensions for input, but got: {listed(x.shape)}"
        )
    sizes = x.shape[-rank:]
    for i, (size, (low, high)) in enumerate(zip(sizes, pairs, strict=True)):
        if mode == "reflect" and (low >= size or high >= size):
            raise ArgumentError(
                f"{_WHERE}Argument #{4 + 2 * (rank - 1 - i)}: Padding size should be less than the corresponding input "
                f"dimension, but got: padding ({low}, {high}) at dimension {x.ndim - rank + i} of input "
                f"{listed(x.shape)}"
            )
    out = [size + low + high for size, (low, high) in zip(sizes, pairs, strict=True)]
    if max(out) < 1 or min(out) < 0:
        names = "DHW"[-rank:]
        given = ", ".join(f"{n}: {s}" for n, s in zip(names, sizes, strict=True))
        found = " ".join(f"{n}: {s}" for n, s in zip(names, out, strict=True))
        raise ArgumentError(f"{_WHERE}input ({given}) is too small. Calculated output {found}")


def _check_circular(x: jax.Array, pairs: Sequence[tuple[int, int]], mode: str) -> None:
    del mode
    for axis, (low, high) in enumerate(pairs, x.ndim - len(pairs)):
        kept = x.shape[axis] + min(low, 0) + min(high, 0)
        at = f"got padding ({low}, {high}) at dimension {axis} of input {listed(x.shape)}"
        if kept < 0:
            raise ArgumentError(f"{_WHERE}Negative padding value is resulting in an empty dimension: {at}")
        if max(low, high) > kept:
            raise ArgumentError(f"{_WHERE}Padding value causes wrapping around more than once: {at}")


# Along one axis.  The output's positions in the coordinates of the input are t in [-low, size + high).


def _reflect(x: jax.Array, axis: int, low: int, high: int) -> jax.Array:
    size = x.shape[axis]
    start, stop = -low, size + high
    parts = []
    if start < 0:  # t < 0 reads -t
        parts.append(lax.rev(lax.slice_in_dim(x, 1 - min(stop, 0), 1 - start, axis=axis), (axis,)))
    if min(stop, size) > max(start, 0):
        parts.append(lax.slice_in_dim(x, max(start, 0), min(stop, size), axis=axis))
    if stop > size:  # t >= size reads 2 * (size - 1) - t
        mirrored = lax.slice_in_dim(x, 2 * size - 1 - stop, 2 * size - 1 - max(start, size), axis=axis)
        parts.append(lax.rev(mirrored, (axis,)))
    return _join(parts, x, axis)


def _replicate(x: jax.Array, axis: int, low: int, high: int) -> jax.Array:
    size = x.shape[axis]
    start, stop = -low, size + high
    parts = []
    if start < 0:
        parts.append(_repeat(x, axis, 0, min(stop, 0) - start))
    if min(stop, size) > max(start, 0):
        parts.append(lax.slice_in_dim(x, max(start, 0), min(stop, size), axis=axis))
    if stop > size:
        parts.append(_repeat(x, axis, size - 1, stop - max(start, size)))
    return _join(parts, x, axis)


def _repeat(x: jax.Array, axis: int, index: int, count: int) -> jax.Array:
    edge = lax.slice_in_dim(x, index, index + 1, axis=axis)
    shape = list(x.shape)
    shape[axis] = count
    return lax.broadcast_in_dim(edge, shape, tuple(range(x.ndim)))


def _circular(x: jax.Array, axis: int, low: int, high: int) -> jax.Array:
    x = lax.slice_in_dim(x, max(-low, 0), x.shape[axis] - max(-high, 0), axis=axis)  # cut first, then wrap
    size = x.shape[axis]
    parts = [x]
    if low > 0:
        parts.insert(0, lax.slice_in_dim(x, size - low, size, axis=axis))
    if high > 0:
        parts.append(lax.slice_in_dim(x, 0, high, axis=axis))
    return _join(parts, x, axis)


def _join(parts: list[jax.Array], x: jax.Array, axis: int) -> jax.Array:
    if not parts:
        return lax.slice_in_dim(x, 0, 0, axis=axis)
    return parts[0] if len(parts) == 1 else lax.concatenate(parts, axis)
