"""Transforms that treat parts of an array differently."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np

from fnn.distributions import constraints
from fnn.distributions._transform import Transform
from fnn.distributions.constraints import Constraint
from fnn.distributions.utils import sum_rightmost
from fnn.errors import ArgumentError

__all__ = ["CatTransform", "StackTransform"]


class _Sequence(Transform):
    def __init__(self, tseq: Sequence[Transform], dim: int = 0, cache_size: int = 0) -> None:
        if not all(isinstance(t, Transform) for t in tseq):
            raise ArgumentError(f"All elements of tseq must be Transform instances, got {tseq}")
        super().__init__(cache_size=cache_size)
        self.transforms: list[Transform] = [t.with_cache(cache_size) for t in tseq] if cache_size else list(tseq)
        self.dim = dim

    @property
    def bijective(self) -> bool:
        return all(t.bijective for t in self.transforms)

    def _within(self, x: jax.Array, expected: int, what: str) -> None:
        if not -x.ndim <= self.dim < x.ndim:
            raise ArgumentError(f"dim {self.dim} out of range for tensor with {x.ndim} dimensions")
        if x.shape[self.dim] != expected:
            raise ArgumentError(f"x.size({self.dim}) = {x.shape[self.dim]} must equal {what} {expected}")


class CatTransform(_Sequence):
    """Transforms of successive parts along a dimension, as `jnp.concatenate` joins them.

    Args:
        tseq: the transforms.
        dim: the dimension.
        lengths: of the parts; ones by default.
        cache_size: see `Transform`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions import transforms
        >>> t = transforms.CatTransform([transforms.ExpTransform(), transforms.identity_transform], 0, [1, 2])
        >>> print(t(jnp.zeros(3)))
        [1. 0. 0.]
    """

    def __init__(
        self, tseq: Sequence[Transform], dim: int = 0, lengths: Sequence[int] | None = None, cache_size: int = 0
    ) -> None:
        super().__init__(tseq, dim, cache_size)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.transforms):
            raise ArgumentError(f"lengths ({len(self.lengths)}) must match transforms ({len(self.transforms)})")

    @property
    def event_dim(self) -> int:
        """The largest number of dimensions that an event of a part has."""
        return max(t.event_dim for t in self.transforms)

    @property
    def length(self) -> int:
        """Of all parts together."""
        return sum(self.lengths)

    def with_cache(self, cache_size: int = 1) -> CatTransform:
        if self._cache_size == cache_size:
            return self
        return CatTransform(self.transforms, self.dim, self.lengths, cache_size)

    def _parts(self, x: jax.Array) -> list[jax.Array]:
        self._within(x, self.length, "length")
        return jnp.split(x, np.cumsum(self.lengths)[:-1], self.dim)

    def _call(self, x: jax.Array) -> jax.Array:
        return jnp.concatenate([t(p) for t, p in zip(self.transforms, self._parts(x), strict=True)], self.dim)

    def _inverse(self, y: jax.Array) -> jax.Array:
        return jnp.concatenate([t.inv(p) for t, p in zip(self.transforms, self._parts(y), strict=True)], self.dim)

    def log_abs_det_jacobian(self, x: jax.Array, y: jax.Array) -> jax.Array:
        terms = [
            sum_rightmost(t.log_abs_det_jacobian(before, after), self.event_dim - t.event_dim)
            for t, before, after in zip(self.transforms, self._parts(x), self._parts(y), strict=True)
        ]
        dim = self.dim - x.ndim if self.dim >= 0 else self.dim
        dim += self.event_dim
        return jnp.concatenate(terms, dim) if dim < 0 else cast(jax.Array, sum(terms))

    @constraints.dependent_property
    def domain(self) -> Constraint:
        return constraints.cat([t.domain for t in self.transforms], self.dim, self.lengths)

    @constraints.dependent_property
    def codomain(self) -> Constraint:
        return constraints.cat([t.codomain for t in self.transforms], self.dim, self.lengths)


class StackTransform(_Sequence):
    """Transforms of the slices along a dimension, as `jnp.stack` joins them.

    Args:
        tseq: the transforms.
        dim: the dimension.
        cache_size: see `Transform`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions import transforms
        >>> t = transforms.StackTransform([transforms.ExpTransform(), transforms.identity_transform], 1)
        >>> print(t(jnp.zeros((1, 2))))
        [[1. 0.]]
    """

    def with_cache(self, cache_size: int = 1) -> StackTransform:
        return self if self._cache_size == cache_size else StackTransform(self.transforms, self.dim, cache_size)

    def _slices(self, x: jax.Array) -> list[jax.Array]:
        self._within(x, len(self.transforms), "len(transforms)")
        return list(jnp.moveaxis(x, self.dim, 0))

    def _call(self, x: jax.Array) -> jax.Array:
        return jnp.stack([t(s) for t, s in zip(self.transforms, self._slices(x), strict=True)], self.dim)

    def _inverse(self, y: jax.Array) -> jax.Array:
        return jnp.stack([t.inv(s) for t, s in zip(self.transforms, self._slices(y), strict=True)], self.dim)

    def log_abs_det_jacobian(self, x: jax.Array, y: jax.Array) -> jax.Array:
        terms = [
            t.log_abs_det_jacobian(before, after)
            for t, before, after in zip(self.transforms, self._slices(x), self._slices(y), strict=True)
        ]
        return jnp.stack(terms, self.dim)

    @constraints.dependent_property
    def domain(self) -> Constraint:
        return constraints.stack([t.domain for t in self.transforms], self.dim)

    @constraints.dependent_property
    def codomain(self) -> Constraint:
        return constraints.stack([t.codomain for t in self.transforms], self.dim)
