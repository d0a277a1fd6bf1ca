"""Dimensions in another order, and elements along them in another: ``permute``, ``flip``, ``roll``, ``repeat``, ..."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from fnn.arguments import integer, listed, wrap_dim
from fnn.dtypes import is_complex, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._given import ints_of, wrap_dims
from fnn.ops._promote import kind_of
from fnn.tracing import Tracer
from fnn.typing import ArrayLike, Ints

__all__ = [
    "adjoint", "flip", "fliplr", "flipud", "moveaxis", "movedim", "permute", "repeat", "repeat_interleave", "roll",
    "rot90", "swapaxes", "swapdims", "t", "tile", "transpose",
]  # fmt: skip


def permute(input: ArrayLike, dims: Ints, *others: int) -> jax.Array:
    """The array with its dimensions in another order.

    >>> permute(jnp.ones((2, 3, 4)), (2, 0, 1)).shape
    (4, 2, 3)
    """
    where = "permute: "
    x, given = to_array(input, "input", where), ints_of((dims, *others), "dims", where)
    if len(given) != x.ndim:
        raise ArgumentError(
            f"{where}permute(sparse_coo): number of dimensions in the tensor input does not match the length of the "
            f"desired ordering of dimensions i.e. input.dim() = {x.ndim} is not equal to len(dims) = {len(given)}"
        )
    return jax.lax.transpose(x, wrap_dims(given, x.ndim, where)) if x.ndim else x


def transpose(input: ArrayLike, dim0: int, dim1: int) -> jax.Array:
    """The array with two dimensions swapped.

    >>> transpose(jnp.ones((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    x = to_array(input, "input", "transpose: ")
    first, second = wrap_dim(dim0, x.ndim, "transpose: "), wrap_dim(dim1, x.ndim, "transpose: ")
    return jnp.swapaxes(x, first, second) if x.ndim else x


swapaxes = swapdims = transpose


def t(input: ArrayLike) -> jax.Array:
    """The transpose of a matrix; a vector or number as it is.

    >>> t(jnp.ones((2, 3))).shape
    (3, 2)
    """
    x = to_array(input, "input", "t: ")
    if x.ndim > 2:
        raise ArgumentError(f"t() expects a tensor with <= 2 dimensions, but self is {x.ndim}D")
    return x.T


def adjoint(input: ArrayLike) -> jax.Array:
    """The conjugate transpose of matrices: the last two dimensions swapped.

    >>> adjoint(jnp.array([[1j, 2]]))
    Array([[0.-1.j],
           [2.-0.j]], dtype=complex64)
    """
    x = to_array(input, "input", "adjoint: ")
    if x.ndim < 2:
        raise ArgumentError(
            f"adjoint: tensor.adjoint() is only supported on matrices or batches of them, got shape={x.shape}"
        )
    turned = jnp.swapaxes(x, -1, -2)
    return turned.conj() if is_complex(x) else turned


def movedim(input: ArrayLike, source: Ints, destination: Ints) -> jax.Array:
    """The array with dimensions moved to other places; the rest keep their order.

    >>> movedim(jnp.ones((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    where = "movedim: "
    x = to_array(input, "input", where)
    from_, to = wrap_dims(source, x.ndim, where), wrap_dims(destination, x.ndim, where)
    if len(from_) != len(to):
        raise ArgumentError(
            f"{where}Invalid source or destination dims: source ({source} dims) should contain the same number of dims "
            f"as destination ({destination} dims)"
        )
    return jnp.moveaxis(x, from_, to) if x.ndim else x


moveaxis = movedim


def flip(input: ArrayLike, dims: Ints, *others: int) -> jax.Array:
    """The elements in reverse order along dimensions.

    >>> flip(jnp.arange(3), 0)
    Array([2, 1, 0], dtype=int32)
    """
    x = to_array(input, "input", "flip: ")
    axes = wrap_dims(ints_of((dims, *others), "dims", "flip: "), x.ndim, "flip: ")
    return jax.lax.rev(x, axes) if x.ndim else x


def fliplr(input: ArrayLike) -> jax.Array:
    """The columns in reverse order.

    >>> fliplr(jnp.array([[1, 2]]))
    Array([[2, 1]], dtype=int32)
    """
    x = to_array(input, "input", "fliplr: ")
    if x.ndim < 2:
        raise ArgumentError(f"fliplr: Input must be >= 2-d, got shape={x.shape}")
    return jax.lax.rev(x, (1,))


def flipud(input: ArrayLike) -> jax.Array:
    """The rows in reverse order.

    >>> flipud(jnp.array([1, 2]))
    Array([2, 1], dtype=int32)
    """
    x = to_array(input, "input", "flipud: ")
    if x.ndim < 1:
        raise ArgumentError(f"flipud: Input must be >= 1-d, got shape={x.shape}")
    return jax.lax.rev(x, (0,))


def roll(input: ArrayLike, shifts: Ints, dims: Ints | None = None) -> jax.Array:
    """The elements rotated along dimensions; without ``dims`` in the order of the elements.

    Args:
        input: any shape.
        shifts: by how many places, a number for each dimension.
        dims: the dimensions.

    >>> roll(jnp.arange(4), 1)
    Array([3, 0, 1, 2], dtype=int32)
    """
    where = "roll: "
    x, by = to_array(input, "input", where), ints_of((shifts,), "shifts", where)
    along = () if dims is None else ints_of((dims,), "dims", where)
    if not by:
        raise ArgumentError(f"{where}`shifts` required, got shifts={shifts}")
    if not along and len(by) == 1:
        return jnp.roll(x, by[0])
    if len(by) != len(along):
        raise ArgumentError(f"{where}shifts and dimensions must align. shifts: {len(by)}, dims:{len(along)}")
    if not x.ndim:
        raise IndexError(f"{where}Dimension specified as {dims} but tensor has no dimensions")
    return jnp.roll(x, by, tuple(wrap_dim(d, x.ndim, where) for d in along))


def rot90(input: ArrayLike, k: int = 1, dims: Ints = (0, 1)) -> jax.Array:
    """The plane of two dimensions turned by 90 degrees, ``k`` times, from the first to the second.

    >>> rot90(jnp.array([[1, 2]]))
    Array([[2],
           [1]], dtype=int32)
    """
    where = "rot90: "
    x, given = to_array(input, "input", where), ints_of((dims,), "dims", where)
    if len(given) != 2:
        raise ArgumentError(f"{where}expected total rotation dims == 2, but got dims = {len(given)}")
    if x.ndim < 2:
        raise ArgumentError(f"{where}expected total dims >= 2, but got total dims = {x.ndim}")
    if len({d % x.ndim for d in given}) < 2:
        raise ArgumentError(
            f"{where}expected rotation dims to be different, but got dim0 = {given[0]} and dim1 = {given[1]}"
        )
    first, second = wrap_dims(given, x.ndim, where)
    return jnp.rot90(x, integer(k, "k", where), (first, second))


def repeat(input: ArrayLike, repeats: Ints, *others: int) -> jax.Array:
    """The array side by side with itself, so many times along each dimension; new ones stand in front.

    >>> repeat(jnp.arange(2), 2, 2).tolist()
    [[0, 1, 0, 1], [0, 1, 0, 1]]
    """
    where = "repeat: "
    x, counts = to_array(input, "input", where), ints_of((repeats, *others), "repeats", where)
    if len(counts) < x.ndim:
        raise ArgumentError(
            f"{where}Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor, got "
            f"{counts} for shape {x.shape}"
        )
    return _tiled(x, counts, where)


def tile(input: ArrayLike, dims: Ints, *others: int) -> jax.Array:
    """As `repeat`; missing numbers in front are 1.

    >>> tile(jnp.arange(2), 2)
    Array([0, 1, 0, 1], dtype=int32)
    """
    return _tiled(to_array(input, "input", "tile: "), ints_of((dims, *others), "dims", "tile: "), "tile: ")


def repeat_interleave(
    input: ArrayLike, repeats: int | ArrayLike, dim: int | None = None, *, output_size: int | None = None
) -> jax.Array:
    """Every element (or slice along ``dim``) so many times in a row.

    Args:
        input: any shape; without ``dim`` the elements in one dimension.
        repeats: one number, or a number for each element.
        dim: the dimension.
        output_size: the sum of ``repeats``, which a compiled program must be told.

    Raises:
        ArgumentError: the size of the result depends on traced ``repeats``, and ``output_size`` is not given.

    >>> repeat_interleave(jnp.arange(2), jnp.array([1, 2]))
    Array([0, 1, 1], dtype=int32)
    """
    where = "repeat_interleave: "
    x = to_array(input, "input", where)
    if dim is None:
        x, dim = x.reshape(-1), 0
    axis = wrap_dim(dim, x.ndim, where)
    x = x if x.ndim else x.reshape(1)
    if isinstance(repeats, (int, np.integer)):
        if repeats < 0:
            raise ArgumentError(f"{where}repeats must be non-negative, got {repeats}")
        if output_size not in (None, repeats * x.shape[axis]):
            raise ArgumentError(f"{where}Invalid output_size, expected {repeats * x.shape[axis]} but got {output_size}")
        return jnp.repeat(x, repeats, axis)
    counts = to_array(repeats, "repeats", where)
    if kind_of(counts.dtype) != 1 or counts.dtype.itemsize < 4:
        raise ArgumentTypeError(f"{where}repeats has to be Long or Int tensor, got repeats.dtype={counts.dtype}")
    if counts.ndim > 1 or (counts.size not in (1, x.shape[axis])):
        raise ArgumentError(
            f"{where}repeats must have the same size as input along dim, but got repeats.size(0) = "
            f"{listed(counts.shape)} "
            f"and input.size({dim}) = {x.shape[axis]}"
        )
    if not isinstance(counts, Tracer):
        if counts.size and np.asarray(counts).min() < 0:
            raise ArgumentError(f"{where}repeats can not be negative, got repeats={counts}")
        total = int(np.asarray(counts).sum()) * (x.shape[axis] if counts.size == 1 else 1)
        if output_size not in (None, total):
            raise ArgumentError(f"{where}allocated size does not match required size, got output_size={output_size}")
        output_size = total
    elif output_size is None:
        raise ArgumentError(
            f"{where}the size of the result depends on the values of repeats, which a compiled program does not know; "
            "give it as output_size"
        )
    return jnp.repeat(x, jnp.broadcast_to(counts.reshape(-1), (x.shape[axis],)), axis, total_repeat_length=output_size)


def _tiled(x: jax.Array, counts: tuple[int, ...], where: str) -> jax.Array:
    if any(n < 0 for n in counts):
        raise ArgumentError(f"{where}Trying to create tensor with negative dimension, got {counts}")
    return jnp.tile(x, counts) if counts else x
