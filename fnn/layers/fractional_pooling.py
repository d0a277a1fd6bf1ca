"""Fractional max pooling layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import jax.numpy as jnp

from fnn.errors import ArgumentError
from fnn.functional import fractional_pooling as F
from fnn.layers._hashable import HashableArray
from fnn.layers._pooling import repeated
from fnn.layers.layer import Layer, Params, State
from fnn.typing import ArrayLike, Ints, Key

__all__ = [
    "FractionalMaxPool2d",
    "FractionalMaxPool3d",
]


class _FractionalMaxPoolNd(Layer):
    """Base of layers that share what follows.

    Graham, "Fractional Max-Pooling" (2014), https://arxiv.org/abs/1412.6071.  It draws the places at every call,
    whether training or not, and so needs ``key`` unless ``_random_samples`` is given.

    Args:
        output_size: number of windows, one number or one an axis.
        output_ratio: instead of it, the ratio of output and input size, between 0 and 1.
        return_indices: return the pair of the maxima and their places in the flattened spatial axes.
        kernel_size: elements in a window, $window.

    Attributes:
        _random_samples: the buffer of these numbers, if given.

    Shape:
        input: $shape.
        output: $pooled.
    """

    RANK: ClassVar[int]
    STATE: ClassVar[tuple[str, ...]] = ("_random_samples",)

    kernel_size: Ints
    output_size: Ints | None = None
    output_ratio: float | Sequence[float] | None = None
    return_indices: bool = False
    _random_samples: ArrayLike | None = None

    def __post_init__(self) -> None:
        kernel, name = repeated(self.kernel_size, self.RANK), f"FractionalMaxPool{self.RANK}d"
        if self.RANK == 3 and min(kernel) <= 0:
            raise ArgumentError(f"{name}: kernel_size must be greater than 0, but got {self.kernel_size}")
        size = None if self.output_size is None else repeated(self.output_size, self.RANK)
        ratio = None if self.output_ratio is None else repeated(self.output_ratio, self.RANK)
        if size is None and ratio is None:
            raise ArgumentError(f"{name} requires specifying either an output size, or a pooling ratio")
        if size is not None and ratio is not None:
            raise ArgumentError(f"{name}: only one of output_size and output_ratio may be specified")
        if ratio is not None and not all(0 < r < 1 for r in ratio):
            raise ArgumentError(f"{name}: output_ratio must be between 0 and 1 (got {self.output_ratio})")
        samples = self._random_samples
        if samples is not None:
            samples = HashableArray(samples, "_random_samples")
        self._set(kernel_size=kernel, output_size=size, output_ratio=ratio, _random_samples=samples)

    def init(self, key: Key) -> tuple[Params, State]:
        if self._random_samples is None:
            return {}, {}
        return {}, {"_random_samples": jnp.asarray(self._random_samples)}

    def _arguments(self, state: State) -> tuple[Any, ...]:
        samples = state.get("_random_samples")
        return self.kernel_size, self.output_size, self.output_ratio, self.return_indices, samples


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """The largest element of each window of an image, the windows at pseudo-random, evenly spread places.

    Args:
        _random_samples: (N, C, 2), fixed uniform numbers to place the windows with.

    Example:
        >>> layer = layers.FractionalMaxPool2d(2, 1, _random_samples=jnp.zeros((1, 1, 2)))
        >>> _, state = layer.init(None)
        >>> layer.apply({}, state, jnp.arange(16.0).reshape(1, 4, 4))[0].tolist()
        [[[15.0]]]
    """

    RANK: ClassVar[int] = 2

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[Any, State]:
        return F.fractional_max_pool2d(input, *self._arguments(state), key=key), state


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """The largest element of each window of a volume, the windows at pseudo-random, evenly spread places.

    Args:
        _random_samples: (N, C, 3), fixed uniform numbers to place the windows with.

    Example:
        >>> layer = layers.FractionalMaxPool3d(2, 1, _random_samples=jnp.zeros((1, 1, 3)))
        >>> _, state = layer.init(None)
        >>> layer.apply({}, state, jnp.arange(64.0).reshape(1, 4, 4, 4))[0].tolist()
        [[[[63.0]]]]
    """

    RANK: ClassVar[int] = 3

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[Any, State]:
        return F.fractional_max_pool3d(input, *self._arguments(state), key=key), state
