"""Joining and splitting axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import jax

from fnn.arguments import integer
from fnn.errors import ArgumentTypeError
from fnn.functional import shape
from fnn.layers.layer import Layer, Params, State
from fnn.typing import ArrayLike, Key

__all__ = ["Flatten", "Unflatten"]


class Flatten(Layer):
    """Joins the axes from ``start_dim`` to ``end_dim`` into one.

    Args:
        start_dim: the first axis to join.
        end_dim: the last one, included.

    Shape:
        (N, d1, ..., dK) -> (N, d1 * ... * dK), with the default arguments.

    Example:
        >>> layers.Flatten().apply({}, {}, jnp.ones((32, 1, 5, 5)))[0].shape
        (32, 25)
    """

    start_dim: int = 1
    end_dim: int = -1

    def __post_init__(self) -> None:
        self._set(
            start_dim=integer(self.start_dim, "start_dim", "Flatten: "),
            end_dim=integer(self.end_dim, "end_dim", "Flatten: "),
        )

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        del params, training, key
        return shape.flatten(input, self.start_dim, self.end_dim), state

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Layer):
    """Splits the axis ``dim`` into axes of ``unflattened_size``.

    Args:
        dim: the axis to split.
        unflattened_size: the new axes, a tuple or list of ints; one may be -1.

    Shape:
        (..., d, ...) -> (..., u1, ..., uK, ...), with ``u1 * ... * uK == d``.

    Example:
        >>> layers.Unflatten(1, (2, 5, 5)).apply({}, {}, jnp.ones((2, 50)))[0].shape
        (2, 2, 5, 5)
    """

    dim: int
    unflattened_size: Sequence[int] | Sequence[tuple[str, int]]

    def __post_init__(self) -> None:
        if not isinstance(self.unflattened_size, (tuple, list)):
            raise ArgumentTypeError(
                "Unflatten: unflattened_size must be a tuple of ints, but found type "
                f"{type(self.unflattened_size).__name__}"
            )
        for place, size in enumerate(self.unflattened_size):
            try:
                integer(size, "unflattened_size")
            except ArgumentTypeError:
                raise ArgumentTypeError(
                    "Unflatten: unflattened_size must be tuple of ints, but found element of type "
                    f"{type(size).__name__} at pos {place}"
                ) from None
        sizes = cast(Sequence[int], self.unflattened_size)
        self._set(dim=integer(self.dim, "dim", "Unflatten: "), unflattened_size=tuple(int(s) for s in sizes))

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        del params, training, key
        return shape.unflatten(input, self.dim, cast(Sequence[int], self.unflattened_size)), state

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
