"""`torch.Tensor`'s methods that give a value another shape, as a box has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.errors import ArgumentError
from fnn.typing import Ints

__all__ = ["Shapes", "many"]


def many(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """``f(2, 3)`` and ``f((2, 3))`` alike."""
    if len(arguments) == 1 and isinstance(arguments[0], (tuple, list)):
        return tuple(arguments[0])
    return arguments


class Shapes:
    """A mixin of `Box`, which has ``data``."""

    __slots__ = ()

    data: Any

    def view(self, *shape: object) -> jax.Array:
        """The value in another shape; given a dtype, its bytes as numbers of that dtype."""
        if len(shape) == 1 and not isinstance(shape[0], (int, np.integer, tuple, list)):
            return self.data.view(shape[0])
        return self.data.reshape(many(shape))

    def view_as(self, other: jax.Array) -> jax.Array:
        """The value in the shape of ``other``."""
        return self.data.reshape(other.shape)

    reshape_as = view_as

    def t(self) -> jax.Array:
        """The transpose of a matrix; a vector or number as it is."""
        if self.data.ndim > 2:
            raise ArgumentError(f"t() expects a tensor with <= 2 dimensions, but self is {self.data.ndim}D")
        return self.data.T

    def transpose(self, dim0: Any = None, dim1: Any = None, *others: Any) -> jax.Array:
        """The value with two dimensions swapped; without dimensions, or with a permutation of all, numpy's."""
        if dim0 is None:
            return self.data.transpose()
        if dim1 is None or others:
            return self.data.transpose(*many((dim0,) if dim1 is None else (dim0, dim1, *others)))
        return jnp.swapaxes(self.data, dim0, dim1)

    swapdims = transpose

    def permute(self, *dims: object) -> jax.Array:
        """The value with its dimensions in this order."""
        return jnp.transpose(self.data, many(dims))

    def movedim(self, source: Ints, destination: Ints) -> jax.Array:
        """The value with dimensions moved."""
        return jnp.moveaxis(self.data, source, destination)

    def squeeze(self, dim: Ints | None = None, *, axis: Any = None) -> jax.Array:
        """The value without its dimensions of size 1, or without these if they are of size 1."""
        if axis is not None:
            return self.data.squeeze(axis)
        value = self.data
        if dim is None:
            return value.squeeze()
        return value.squeeze(tuple(d for d in ((dim,) if isinstance(dim, int) else dim) if value.shape[d] == 1))

    def unsqueeze(self, dim: int) -> jax.Array:
        """The value with a new dimension of size 1."""
        return jnp.expand_dims(self.data, dim)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> jax.Array:
        """The value with a range of dimensions made one."""
        value = self.data
        if not value.ndim:
            return value.reshape(1)
        start, end = range(value.ndim)[start_dim], range(value.ndim)[end_dim]
        if start > end:
            raise ArgumentError(
                f"flatten() has invalid args: start_dim cannot come after end_dim, got start_dim={start_dim}, "
                f"end_dim={end_dim}"
            )
        return value.reshape(*value.shape[:start], -1, *value.shape[end + 1 :])

    def unflatten(self, dim: int, sizes: Sequence[int]) -> jax.Array:
        """The value with one dimension made several."""
        shape = self.data.shape
        at = range(len(shape))[dim]
        return self.data.reshape(*shape[:at], *sizes, *shape[at + 1 :])

    def expand(self, *sizes: object) -> jax.Array:
        """The value repeated along dimensions of size 1, and new ones in front; -1 keeps a size."""
        shape, wanted = self.data.shape, many(sizes)
        new = len(wanted) - len(shape)
        if new < 0:
            raise ArgumentError(
                f"expand: the number of sizes provided ({len(wanted)}) must be greater or equal to the number of "
                f"dimensions in the tensor ({len(shape)})"
            )
        kept = [shape[n - new] if size == -1 and n >= new else size for n, size in enumerate(wanted)]
        return jnp.broadcast_to(self.data, kept)

    def expand_as(self, other: jax.Array) -> jax.Array:
        """The value expanded to the shape of ``other``."""
        return jnp.broadcast_to(self.data, other.shape)

    def broadcast_to(self, *size: object) -> jax.Array:
        """The value broadcast to a shape."""
        return jnp.broadcast_to(self.data, many(size))

    def repeat(self, *sizes: object, **numpys: object) -> jax.Array:
        """The value tiled so many times along each dimension; with ``axis``, numpy's ``repeat``."""
        if numpys:
            return self.data.repeat(*sizes, **numpys)
        counts = many(sizes)
        if len(counts) < self.data.ndim:
            raise ArgumentError(
                "repeat: Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor, "
                f"got {counts} for shape {self.data.shape}; numpy's is repeat({', '.join(map(str, counts))}, axis=...)"
            )
        return jnp.tile(self.data, counts)

    def tile(self, *dims: object) -> jax.Array:
        """The value tiled, as numpy's ``tile``."""
        return jnp.tile(self.data, many(dims))

    def repeat_interleave(self, repeats: Any, dim: int | None = None) -> jax.Array:
        """Every element (along ``dim``) so many times in a row."""
        return jnp.repeat(self.data, repeats, axis=dim)

    def flip(self, *dims: object) -> jax.Array:
        """The value in reverse order along these dimensions."""
        return jnp.flip(self.data, many(dims))

    def roll(self, shifts: Ints, dims: Ints | None = None) -> jax.Array:
        """The value rotated along dimensions."""
        return jnp.roll(self.data, shifts, dims)

    def diagonal(self, offset: int = 0, dim1: int = 0, dim2: int = 1, **numpys: object) -> jax.Array:
        """The diagonal of two dimensions, as the last one."""
        return self.data.diagonal(**{"offset": offset, "axis1": dim1, "axis2": dim2, **numpys})

    def tril(self, diagonal: int = 0) -> jax.Array:
        """The lower triangle."""
        return jnp.tril(self.data, diagonal)

    def triu(self, diagonal: int = 0) -> jax.Array:
        """The upper triangle."""
        return jnp.triu(self.data, diagonal)
