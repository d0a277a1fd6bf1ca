"""Max unpooling layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import jax

from fnn.functional import unpooling as F
from fnn.layers._pooling import MaxUnpoolNd
from fnn.layers.layer import Params, State
from fnn.typing import ArrayLike, Key

__all__ = [
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
]


class MaxUnpool1d(MaxUnpoolNd):
    """Puts the maxima that MaxPool1d found back where they were, and zeros elsewhere.

    Example:
        >>> x, index = jnp.full((1, 1), 5.0), jnp.full((1, 1), 1)
        >>> layers.MaxUnpool1d(2).apply({}, {}, x, index)[0].ravel().tolist()
        [0.0, 5.0]
    """

    RANK: ClassVar[int] = 1

    def apply(
        self,
        params: Params,
        state: State,
        input: ArrayLike,
        indices: ArrayLike,
        output_size: Sequence[int] | None = None,
        *,
        training: bool = False,
        key: Key | None = None,
    ) -> tuple[jax.Array, State]:
        out = F.max_unpool1d(input, indices, self.kernel_size, self.stride, self.padding, output_size)
        return out, state


class MaxUnpool2d(MaxUnpoolNd):
    """Puts the maxima that MaxPool2d found back where they were, and zeros elsewhere.

    Example:
        >>> x, index = jnp.full((1, 1, 1), 5.0), jnp.full((1, 1, 1), 1)
        >>> layers.MaxUnpool2d(2).apply({}, {}, x, index)[0].ravel().tolist()
        [0.0, 5.0, 0.0, 0.0]
    """

    RANK: ClassVar[int] = 2

    def apply(
        self,
        params: Params,
        state: State,
        input: ArrayLike,
        indices: ArrayLike,
        output_size: Sequence[int] | None = None,
        *,
        training: bool = False,
        key: Key | None = None,
    ) -> tuple[jax.Array, State]:
        out = F.max_unpool2d(input, indices, self.kernel_size, self.stride, self.padding, output_size)
        return out, state


class MaxUnpool3d(MaxUnpoolNd):
    """Puts the maxima that MaxPool3d found back where they were, and zeros elsewhere.

    Example:
        >>> x, index = jnp.full((1, 1, 1, 1), 5.0), jnp.full((1, 1, 1, 1), 1)
        >>> layers.MaxUnpool3d(2).apply({}, {}, x, index)[0].ravel().tolist()
        [0.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """

    RANK: ClassVar[int] = 3

    def apply(
        self,
        params: Params,
        state: State,
        input: ArrayLike,
        indices: ArrayLike,
        output_size: Sequence[int] | None = None,
        *,
        training: bool = False,
        key: Key | None = None,
    ) -> tuple[jax.Array, State]:
        out = F.max_unpool3d(input, indices, self.kernel_size, self.stride, self.padding, output_size)
        return out, state
