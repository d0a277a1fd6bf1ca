"""`torch.Tensor`'s methods that pick elements of a value, as a box has them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from fnn.errors import ArgumentError
from fnn.ops.returns import ValuesAndIndices

__all__ = ["Parts"]


class Parts:
    """A mixin of `Box`, which has ``data``."""

    __slots__ = ()

    data: Any

    def split(self, split_size: Any, dim: int = 0) -> tuple[jax.Array, ...]:
        """Pieces of this size (the last may be smaller), or of these sizes."""
        length = self.data.shape[dim]
        if isinstance(split_size, int):
            return tuple(jnp.split(self.data, list(range(split_size, length, split_size)), axis=dim))
        if sum(split_size) != length:
            raise ArgumentError(
                f"split: split_sizes expects to sum exactly to {length} (input tensor's size at dimension {dim}), but "
                f"got split_sizes={list(split_size)}"
            )
        return tuple(jnp.split(self.data, np.cumsum(split_size)[:-1].tolist(), axis=dim))

    def chunk(self, chunks: int, dim: int = 0) -> tuple[jax.Array, ...]:
        """At most so many pieces of one size (the last may be smaller)."""
        return self.split(max(-(-self.data.shape[dim] // chunks), 1), dim)

    def unbind(self, dim: int = 0) -> tuple[jax.Array, ...]:
        """The slices along a dimension."""
        return tuple(jnp.moveaxis(self.data, dim, 0))

    def narrow(self, dim: int, start: int, length: int) -> jax.Array:
        """``length`` slices from ``start`` on."""
        size = self.data.shape[dim]
        if not 0 <= start <= start + length <= size:
            raise ArgumentError(f"narrow: start ({start}) + length ({length}) exceeds dimension size ({size})")
        return jax.lax.slice_in_dim(self.data, start, start + length, axis=dim)

    def select(self, dim: int, index: int) -> jax.Array:
        """One slice along a dimension."""
        size = self.data.shape[dim]
        if not -size <= index < size:
            raise IndexError(f"select(): index {index} out of range for tensor of size {self.data.shape} at dim {dim}")
        return jax.lax.index_in_dim(self.data, index, dim, keepdims=False)

    def index_select(self, dim: int, index: object) -> jax.Array:
        """The slices of these numbers."""
        return jnp.take(self.data, jnp.atleast_1d(jnp.asarray(index)), axis=dim)

    def gather(self, dim: int, index: object) -> jax.Array:
        """For each place in ``index`` the element that it names along ``dim``."""
        index, at = jnp.asarray(index), range(self.data.ndim)[dim]
        rest = tuple(slice(None if n == at else size) for n, size in enumerate(index.shape))
        return jnp.take_along_axis(self.data[rest], index, axis=at)

    def take_along_dim(self, indices: object, dim: int | None = None) -> jax.Array:
        """As `gather`, with broadcasting."""
        return jnp.take_along_axis(self.data, jnp.asarray(indices), axis=dim)

    def masked_select(self, mask: ArrayLike) -> jax.Array:
        """The elements where ``mask``; not under jit, for their number is not known there."""
        shape = jnp.broadcast_shapes(self.data.shape, jnp.shape(mask))
        return jnp.broadcast_to(self.data, shape)[jnp.broadcast_to(jnp.asarray(mask), shape)]

    def where(self, condition: ArrayLike, other: ArrayLike) -> jax.Array:
        """The value where ``condition``, else ``other``."""
        return jnp.where(jnp.asarray(condition), self.data, other)

    def nonzero(self, as_tuple: bool = False) -> Any:
        """The indices of the elements that are not zero, one a row; not under jit."""
        return jnp.nonzero(self.data) if as_tuple else jnp.argwhere(self.data)

    def sort(self, dim: int = -1, descending: bool = False, stable: bool = False) -> ValuesAndIndices:
        """The elements in order, and where they come from."""
        order = self.argsort(dim, descending, stable)
        return ValuesAndIndices(jnp.take_along_axis(self.data, order, axis=dim), order)

    def argsort(self, dim: int = -1, descending: bool = False, stable: bool = False) -> jax.Array:
        """The indices of the elements in order (of equal ones: in theirs)."""
        del stable
        return jnp.argsort(self.data, axis=dim, descending=descending, stable=True)

    def topk(self, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesAndIndices:
        """The ``k`` largest (or smallest) elements, in order, and where they come from."""
        del sorted
        values, indices = self.sort(dim, descending=largest)
        if k > values.shape[dim]:
            raise ArgumentError(f"topk: selected index k out of range, got k={k} for size {values.shape[dim]}")
        return ValuesAndIndices(*(jax.lax.slice_in_dim(x, 0, k, axis=dim) for x in (values, indices)))
