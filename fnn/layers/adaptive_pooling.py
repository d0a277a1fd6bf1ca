"""Adaptive pooling layers: a fixed number of bins."""

from typing import Any

from fnn.functional import adaptive_pooling as F
from fnn.layers._pooling import AdaptiveAvgPoolNd, AdaptiveMaxPoolNd
from fnn.layers.layer import Params, State

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

    Bin i of O bins over a size S holds the elements from ``floor(i * S / O)`` up to ``ceil((i + 1) * S / O)``.

    Args:
        output_size: number of bins.

    Shape:
        input: (N, C, L) or (C, L).
        output: (N, C, L_out) or (C, L_out).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import layers
        >>> layers.AdaptiveAvgPool1d(1).apply({}, {}, jnp.arange(3.0).reshape(1, 3))[0].tolist()
        [[1.0]]
    """

    def apply(
        self, params: Params, state: State, input: Any, *, training: bool = False, key: Any = None
    ) -> tuple[Any, State]:
        return F.adaptive_avg_pool1d(input, self.output_size), state


class AdaptiveAvgPool2d(AdaptiveAvgPoolNd):
    """The mean of each of ``output_size`` bins of an image, whatever its size.

    Bin i of O bins over a size S holds the elements from ``floor(i * S / O)`` up to ``ceil((i + 1) * S / O)``.

    Args:
        output_size: number of bins, one number or (H_out, W_out); None keeps the input's size.

    Shape:
        input: (N, C, H, W) or (C, H, W).
        output: (N, C, H_out, W_out) or (C, H_out, W_out).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import layers
        >>> layers.AdaptiveAvgPool2d(1).apply({}, {}, jnp.arange(9.0).reshape(1, 3, 3))[0].tolist()
        [[[4.0]]]
    """

    def apply(
        self, params: Params, state: State, input: Any, *, training: bool = False, key: Any = None
    ) -> tuple[Any, State]:
        return F.adaptive_avg_pool2d(input, self.output_size), state


class AdaptiveAvgPool3d(AdaptiveAvgPoolNd):
    """The mean of each of ``output_size`` bins of a volume, whatever its size.

    Bin i of O bins over a size S holds the elements from ``floor(i * S / O)`` up to ``ceil((i + 1) * S / O)``.

    Args:
        output_size: number of bins, one number or (D_out, H_out, W_out); None keeps the input's size.

    Shape:
        input: (N, C, D, H, W) or (C, D, H, W).
        output: (N, C, D_out, H_out, W_out) or without N.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import layers
        >>> layers.AdaptiveAvgPool3d(1).apply({}, {}, jnp.arange(27.0).reshape(1, 3, 3, 3))[0].tolist()
        [[[[13.0]]]]
    """

    def apply(
        self, params: Params, state: State, input: Any, *, training: bool = False, key: Any = None
    ) -> tuple[Any, State]:
        return F.adaptive_avg_pool3d(input, self.output_size), state


class AdaptiveMaxPool1d(AdaptiveMaxPoolNd):
    """The largest element of each of ``output_size`` bins of a signal, whatever its size.

    Bin i of O bins over a size S holds the elements from ``floor(i * S / O)`` up to ``ceil((i + 1) * S / O)``.

    Args:
        output_size: number of bins.
        return_indices: return the pair of the maxima and their places in the flattened spatial axes.

    Shape:
        input: (N, C, L) or (C, L).
        output: (N, C, L_out) or (C, L_out).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import layers
        >>> layers.AdaptiveMaxPool1d(1).apply({}, {}, jnp.arange(3.0).reshape(1, 3))[0].tolist()
        [[2.0]]
    """

    def apply(
        self, params: Params, state: State, input: Any, *, training: bool = False, key: Any = None
    ) -> tuple[Any, State]:
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices), state


class AdaptiveMaxPool2d(AdaptiveMaxPoolNd):
    """The largest element of each of ``output_size`` bins of an image, whatever its size.

    Bin i of O bins over a size S holds the elements from ``floor(i * S / O)`` up to ``ceil((i + 1) * S / O)``.

    Args:
        output_size: number of bins, one number or (H_out, W_out); None keeps the input's size.
        return_indices: return the pair of the maxima and their places in the flattened spatial axes.

    Shape:
        input: (N, C, H, W) or (C, H, W).
        output: (N, C, H_out, W_out) or (C, H_out, W_out).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import layers
        >>> layers.AdaptiveMaxPool2d(1).apply({}, {}, jnp.arange(9.0).reshape(1, 3, 3))[0].tolist()
        [[[8.0]]]
    """

    def apply(
        self, params: Params, state: State, input: Any, *, training: bool = False, key: Any = None
    ) -> tuple[Any, State]:
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices), state


class AdaptiveMaxPool3d(AdaptiveMaxPoolNd):
    """The largest element of each of ``output_size`` bins of a volume, whatever its size.

    Bin i of O bins over a size S holds the elements from ``floor(i * S / O)`` up to ``ceil((i + 1) * S / O)``.

    Args:
        output_size: number of bins, one number or (D_out, H_out, W_out); None keeps the input's size.
        return_indices: return the pair of the maxima and their places in the flattened spatial axes.

    Shape:
        input: (N, C, D, H, W) or (C, D, H, W).
        output: (N, C, D_out, H_out, W_out) or without N.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import layers
        >>> layers.AdaptiveMaxPool3d(1).apply({}, {}, jnp.arange(27.0).reshape(1, 3, 3, 3))[0].tolist()
        [[[[26.0]]]]
    """

    def apply(
        self, params: Params, state: State, input: Any, *, training: bool = False, key: Any = None
    ) -> tuple[Any, State]:
        return F.adaptive_max_pool3d(input, self.output_size, self.return_indices), state
