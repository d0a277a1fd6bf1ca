"""Adaptive pooling layers: a fixed number of bins."""

from __future__ import annotations

from typing import Any, cast

import jax

from fnn.functional import adaptive_pooling as F
from fnn.layers._pooling import AdaptiveAvgPoolNd, AdaptiveMaxPoolNd
from fnn.layers.layer import Params, State
from fnn.typing import ArrayLike, Ints, Key

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
]


class AdaptiveAvgPool1d(AdaptiveAvgPoolNd):
    """The mean of each of ``output_size`` bins of a signal, whatever its size.

    Args:
        output_size: number of bins.

    Example:
        >>> layers.AdaptiveAvgPool1d(1).apply({}, {}, jnp.arange(3.0).reshape(1, 3))[0].tolist()
        [[1.0]]
    """

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        return F.adaptive_avg_pool1d(input, cast(Ints, self.output_size)), state


class AdaptiveAvgPool2d(AdaptiveAvgPoolNd):
    """The mean of each of ``output_size`` bins of an image, whatever its size.

    Args:
        output_size: number of bins, one number or (H_out, W_out); None keeps the input's size.

    Example:
        >>> layers.AdaptiveAvgPool2d(1).apply({}, {}, jnp.arange(9.0).reshape(1, 3, 3))[0].tolist()
        [[[4.0]]]
    """

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        return F.adaptive_avg_pool2d(input, self.output_size), state


class AdaptiveAvgPool3d(AdaptiveAvgPoolNd):
    """The mean of each of ``output_size`` bins of a volume, whatever its size.

    Args:
        output_size: number of bins, one number or (D_out, H_out, W_out); None keeps the input's size.

    Example:
        >>> layers.AdaptiveAvgPool3d(1).apply({}, {}, jnp.arange(27.0).reshape(1, 3, 3, 3))[0].tolist()
        [[[[13.0]]]]
    """

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        return F.adaptive_avg_pool3d(input, self.output_size), state


class AdaptiveMaxPool1d(AdaptiveMaxPoolNd):
    """The largest element of each of ``output_size`` bins of a signal, whatever its size.

    Args:
        output_size: number of bins.

    Example:
        >>> layers.AdaptiveMaxPool1d(1).apply({}, {}, jnp.arange(3.0).reshape(1, 3))[0].tolist()
        [[2.0]]
    """

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[Any, State]:
        return F.adaptive_max_pool1d(input, cast(Ints, self.output_size), self.return_indices), state


class AdaptiveMaxPool2d(AdaptiveMaxPoolNd):
    """The largest element of each of ``output_size`` bins of an image, whatever its size.

    Args:
        output_size: number of bins, one number or (H_out, W_out); None keeps the input's size.

    Example:
        >>> layers.AdaptiveMaxPool2d(1).apply({}, {}, jnp.arange(9.0).reshape(1, 3, 3))[0].tolist()
        [[[8.0]]]
    """

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[Any, State]:
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices), state


class AdaptiveMaxPool3d(AdaptiveMaxPoolNd):
    """The largest element of each of ``output_size`` bins of a volume, whatever its size.

    Args:
        output_size: number of bins, one number or (D_out, H_out, W_out); None keeps the input's size.

    Example:
        >>> layers.AdaptiveMaxPool3d(1).apply({}, {}, jnp.arange(27.0).reshape(1, 3, 3, 3))[0].tolist()
        [[[[26.0]]]]
    """

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[Any, State]:
        return F.adaptive_max_pool3d(input, self.output_size, self.return_indices), state
