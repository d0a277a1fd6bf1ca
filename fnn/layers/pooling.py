"""Max, average and power-average pooling layers."""

from __future__ import annotations

from typing import Any

import jax

from fnn.functional import average_pooling, max_pooling, power_pooling
from fnn.layers._pooling import AvgPoolNd, LPPoolNd, MaxPoolNd, repeated
from fnn.layers.layer import Params, State
from fnn.typing import ArrayLike, Key

__all__ = [
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
]


class MaxPool1d(MaxPoolNd):
    """The largest element of each window of a signal.

    Example:
        >>> layers.MaxPool1d(2).apply({}, {}, jnp.arange(4.0).reshape(1, 4))[0].shape
        (1, 2)
    """

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[Any, State]:
        return max_pooling.max_pool1d(input, *self._arguments()), state


class MaxPool2d(MaxPoolNd):
    """The largest element of each window of an image.

    Example:
        >>> layers.MaxPool2d(2).apply({}, {}, jnp.arange(16.0).reshape(1, 4, 4))[0].shape
        (1, 2, 2)
    """

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[Any, State]:
        return max_pooling.max_pool2d(input, *self._arguments()), state


class MaxPool3d(MaxPoolNd):
    """The largest element of each window of a volume.

    Example:
        >>> layers.MaxPool3d(2).apply({}, {}, jnp.arange(64.0).reshape(1, 4, 4, 4))[0].shape
        (1, 2, 2, 2)
    """

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[Any, State]:
        return max_pooling.max_pool3d(input, *self._arguments()), state


class AvgPool1d(AvgPoolNd):
    """The mean of each window of a signal.

    Example:
        >>> layers.AvgPool1d(2).apply({}, {}, jnp.ones((1, 2)))[0].tolist()
        [[1.0]]
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        once = {name: repeated(getattr(self, name), 1) for name in ("kernel_size", "stride", "padding")}
        self._set(**once)

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        return average_pooling.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        ), state


class AvgPool2d(AvgPoolNd):
    """The mean of each window of an image.

    Args:
        divisor_override: divide each sum by this number instead.

    Example:
        >>> layers.AvgPool2d(2).apply({}, {}, jnp.ones((1, 2, 2)))[0].tolist()
        [[[1.0]]]
    """

    divisor_override: int | None = None

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        out = average_pooling.avg_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )
        return out, state


class AvgPool3d(AvgPoolNd):
    """The mean of each window of a volume.

    Args:
        divisor_override: divide each sum by this number instead.

    Example:
        >>> layers.AvgPool3d(2).apply({}, {}, jnp.ones((1, 2, 2, 2)))[0].tolist()
        [[[[1.0]]]]
    """

    divisor_override: int | None = None

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        out = average_pooling.avg_pool3d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )
        return out, state


class LPPool1d(LPPoolNd):
    """The p-norm of each window of a signal, ``(sum of x ** p) ** (1 / p)``; p = inf takes the maximum.

    Example:
        >>> layers.LPPool1d(1, 2).apply({}, {}, jnp.ones((1, 2)))[0].tolist()
        [[2.0]]
    """

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        return power_pooling.lp_pool1d(input, *self._arguments()), state


class LPPool2d(LPPoolNd):
    """The p-norm of each window of an image, ``(sum of x ** p) ** (1 / p)``; p = inf takes the maximum.

    Example:
        >>> layers.LPPool2d(1, 2).apply({}, {}, jnp.ones((1, 2, 2)))[0].tolist()
        [[[4.0]]]
    """

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        return power_pooling.lp_pool2d(input, *self._arguments()), state


class LPPool3d(LPPoolNd):
    """The p-norm of each window of a volume, ``(sum of x ** p) ** (1 / p)``; p = inf takes the maximum.

    Example:
        >>> layers.LPPool3d(1, 2).apply({}, {}, jnp.ones((1, 2, 2, 2)))[0].tolist()
        [[[[8.0]]]]
    """

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        return power_pooling.lp_pool3d(input, *self._arguments()), state
