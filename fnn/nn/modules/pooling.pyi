"""Written by tools/make_stubs.py from pooling.py and its layers; do not edit."""

import jax
from collections.abc import Sequence
from typing import Any
from fnn.state.parameter import Buffer
from fnn.typing import ArrayLike, Ints, Size
from fnn.nn.modules.layer_module import LayerModule

__all__ = ['MaxPool1d', 'MaxPool2d', 'MaxPool3d', 'MaxUnpool1d', 'MaxUnpool2d', 'MaxUnpool3d', 'AvgPool1d', 'AvgPool2d', 'AvgPool3d', 'FractionalMaxPool2d', 'FractionalMaxPool3d', 'LPPool1d', 'LPPool2d', 'LPPool3d', 'AdaptiveMaxPool1d', 'AdaptiveMaxPool2d', 'AdaptiveMaxPool3d', 'AdaptiveAvgPool1d', 'AdaptiveAvgPool2d', 'AdaptiveAvgPool3d']

class _MaxPoolNd(LayerModule):
    """Base, for ``isinstance``."""
    ...

class _MaxUnpoolNd(LayerModule):
    """Base, for ``isinstance``."""
    ...

class _AvgPoolNd(LayerModule):
    """Base, for ``isinstance``."""
    ...

class _LPPoolNd(LayerModule):
    """Base, for ``isinstance``."""
    ...

class _AdaptiveMaxPoolNd(LayerModule):
    """Base, for ``isinstance``."""
    ...

class _AdaptiveAvgPoolNd(LayerModule):
    """Base, for ``isinstance``."""
    ...

class MaxPool1d(_MaxPoolNd):
    """The largest element of each window of a signal.

    A size becomes ``(size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1``.  NaN counts as larger
    than all numbers; of several equal maxima the first one receives the gradient.

    Args:
        kernel_size: elements in a window, one number.
        stride: step between windows; None: ``kernel_size``.
        padding: elements of -inf added at both ends of each spatial axis, at most half a window.
        dilation: step between the elements of a window.
        return_indices: return the pair of the maxima and their places in the flattened spatial axes.
        ceil_mode: round the size up instead of down; the last window still starts inside the input or its left
            padding.

    Shape:
        input: (N, C, L) or (C, L).
        output: (N, C, L_out) or (C, L_out).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.MaxPool1d(2)(jnp.arange(4.0).reshape(1, 4)).shape
        (1, 2)
    """
    kernel_size: Ints
    stride: Ints | None
    padding: Ints
    dilation: Ints
    return_indices: bool
    ceil_mode: bool
    def __init__(
        self,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        dilation: Ints = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> Any: ...
    def __call__(self, input: ArrayLike) -> Any: ...

class MaxPool2d(_MaxPoolNd):
    """The largest element of each window of an image.

    A size becomes ``(size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1``.  NaN counts as larger
    than all numbers; of several equal maxima the first one receives the gradient.

    Args:
        kernel_size: elements in a window, one number or (kH, kW).
        stride: step between windows; None: ``kernel_size``.
        padding: elements of -inf added at both ends of each spatial axis, at most half a window.
        dilation: step between the elements of a window.
        return_indices: return the pair of the maxima and their places in the flattened spatial axes.
        ceil_mode: round the size up instead of down; the last window still starts inside the input or its left
            padding.

    Shape:
        input: (N, C, H, W) or (C, H, W).
        output: (N, C, H_out, W_out) or (C, H_out, W_out).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.MaxPool2d(2)(jnp.arange(16.0).reshape(1, 4, 4)).shape
        (1, 2, 2)
    """
    kernel_size: Ints
    stride: Ints | None
    padding: Ints
    dilation: Ints
    return_indices: bool
    ceil_mode: bool
    def __init__(
        self,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        dilation: Ints = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> Any: ...
    def __call__(self, input: ArrayLike) -> Any: ...

class MaxPool3d(_MaxPoolNd):
    """The largest element of each window of a volume.

    A size becomes ``(size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1``.  NaN counts as larger
    than all numbers; of several equal maxima the first one receives the gradient.

    Args:
        kernel_size: elements in a window, one number or (kD, kH, kW).
        stride: step between windows; None: ``kernel_size``.
        padding: elements of -inf added at both ends of each spatial axis, at most half a window.
        dilation: step between the elements of a window.
        return_indices: return the pair of the maxima and their places in the flattened spatial axes.
        ceil_mode: round the size up instead of down; the last window still starts inside the input or its left
            padding.

    Shape:
        input: (N, C, D, H, W) or (C, D, H, W).
        output: (N, C, D_out, H_out, W_out) or without N.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.MaxPool3d(2)(jnp.arange(64.0).reshape(1, 4, 4, 4)).shape
        (1, 2, 2, 2)
    """
    kernel_size: Ints
    stride: Ints | None
    padding: Ints
    dilation: Ints
    return_indices: bool
    ceil_mode: bool
    def __init__(
        self,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        dilation: Ints = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> Any: ...
    def __call__(self, input: ArrayLike) -> Any: ...

class MaxUnpool1d(_MaxUnpoolNd):
    """Puts the maxima that MaxPool1d found back where they were, and zeros elsewhere.

    ``apply`` takes the maxima, their indices, and optionally ``output_size``: the size of what was pooled, where the
    pooling's arguments leave it open.

    Args:
        kernel_size: of the pooling.
        stride: of the pooling; None: ``kernel_size``.
        padding: of the pooling.

    Shape:
        input and indices: (N, C, L) or (C, L).
        output: (N, C, L_out) or (C, L_out); a size is ``output_size`` or
            ``(size - 1) * stride - 2 * padding + kernel_size``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> x, index = jnp.full((1, 1), 5.0), jnp.full((1, 1), 1)
        >>> nn.MaxUnpool1d(2)(x, index).ravel().tolist()
        [0.0, 5.0]
    """
    kernel_size: Ints
    stride: Ints | None
    padding: Ints
    def __init__(self, kernel_size: Ints, stride: Ints | None = None, padding: Ints = 0) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, indices: ArrayLike, output_size: Sequence[int] | None = None) -> jax.Array: ...

class MaxUnpool2d(_MaxUnpoolNd):
    """Puts the maxima that MaxPool2d found back where they were, and zeros elsewhere.

    ``apply`` takes the maxima, their indices, and optionally ``output_size``: the size of what was pooled, where the
    pooling's arguments leave it open.

    Args:
        kernel_size: of the pooling.
        stride: of the pooling; None: ``kernel_size``.
        padding: of the pooling.

    Shape:
        input and indices: (N, C, H, W) or (C, H, W).
        output: (N, C, H_out, W_out) or (C, H_out, W_out); a size is ``output_size`` or
            ``(size - 1) * stride - 2 * padding + kernel_size``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> x, index = jnp.full((1, 1, 1), 5.0), jnp.full((1, 1, 1), 1)
        >>> nn.MaxUnpool2d(2)(x, index).ravel().tolist()
        [0.0, 5.0, 0.0, 0.0]
    """
    kernel_size: Ints
    stride: Ints | None
    padding: Ints
    def __init__(self, kernel_size: Ints, stride: Ints | None = None, padding: Ints = 0) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, indices: ArrayLike, output_size: Sequence[int] | None = None) -> jax.Array: ...

class MaxUnpool3d(_MaxUnpoolNd):
    """Puts the maxima that MaxPool3d found back where they were, and zeros elsewhere.

    ``apply`` takes the maxima, their indices, and optionally ``output_size``: the size of what was pooled, where the
    pooling's arguments leave it open.

    Args:
        kernel_size: of the pooling.
        stride: of the pooling; None: ``kernel_size``.
        padding: of the pooling.

    Shape:
        input and indices: (N, C, D, H, W) or (C, D, H, W).
        output: (N, C, D_out, H_out, W_out) or without N; a size is ``output_size`` or
            ``(size - 1) * stride - 2 * padding + kernel_size``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> x, index = jnp.full((1, 1, 1, 1), 5.0), jnp.full((1, 1, 1, 1), 1)
        >>> nn.MaxUnpool3d(2)(x, index).ravel().tolist()
        [0.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    kernel_size: Ints
    stride: Ints | None
    padding: Ints
    def __init__(self, kernel_size: Ints, stride: Ints | None = None, padding: Ints = 0) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, indices: ArrayLike, output_size: Sequence[int] | None = None) -> jax.Array: ...

class AvgPool1d(_AvgPoolNd):
    """The mean of each window of a signal.

    A size becomes ``(size + 2 * padding - kernel_size) // stride + 1``.

    Args:
        kernel_size: elements in a window, one number.
        stride: step between windows; None: ``kernel_size``.
        padding: zeros added at both ends of each spatial axis, at most half a window.
        ceil_mode: round the size up instead of down; the last window still starts inside the input or its left
            padding.
        count_include_pad: whether the zeros count as elements of a window.

    Shape:
        input: (N, C, L) or (C, L).
        output: (N, C, L_out) or (C, L_out).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.AvgPool1d(2)(jnp.ones((1, 2))).tolist()
        [[1.0]]
    """
    kernel_size: Ints
    stride: Ints | None
    padding: Ints
    ceil_mode: bool
    count_include_pad: bool
    def __init__(
        self,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class AvgPool2d(_AvgPoolNd):
    """The mean of each window of an image.

    A size becomes ``(size + 2 * padding - kernel_size) // stride + 1``.

    Args:
        kernel_size: elements in a window, one number or (kH, kW).
        stride: step between windows; None: ``kernel_size``.
        padding: zeros added at both ends of each spatial axis, at most half a window.
        ceil_mode: round the size up instead of down; the last window still starts inside the input or its left
            padding.
        count_include_pad: whether the zeros count as elements of a window.
        divisor_override: divide each sum by this number instead.

    Shape:
        input: (N, C, H, W) or (C, H, W).
        output: (N, C, H_out, W_out) or (C, H_out, W_out).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.AvgPool2d(2)(jnp.ones((1, 2, 2))).tolist()
        [[[1.0]]]
    """
    kernel_size: Ints
    stride: Ints | None
    padding: Ints
    ceil_mode: bool
    count_include_pad: bool
    divisor_override: int | None
    def __init__(
        self,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class AvgPool3d(_AvgPoolNd):
    """The mean of each window of a volume.

    A size becomes ``(size + 2 * padding - kernel_size) // stride + 1``.

    Args:
        kernel_size: elements in a window, one number or (kD, kH, kW).
        stride: step between windows; None: ``kernel_size``.
        padding: zeros added at both ends of each spatial axis, at most half a window.
        ceil_mode: round the size up instead of down; the last window still starts inside the input or its left
            padding.
        count_include_pad: whether the zeros count as elements of a window.
        divisor_override: divide each sum by this number instead.

    Shape:
        input: (N, C, D, H, W) or (C, D, H, W).
        output: (N, C, D_out, H_out, W_out) or without N.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.AvgPool3d(2)(jnp.ones((1, 2, 2, 2))).tolist()
        [[[[1.0]]]]
    """
    kernel_size: Ints
    stride: Ints | None
    padding: Ints
    ceil_mode: bool
    count_include_pad: bool
    divisor_override: int | None
    def __init__(
        self,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class FractionalMaxPool2d(LayerModule):
    """The largest element of each window of an image, the windows at pseudo-random, evenly spread places.

    Graham, "Fractional Max-Pooling" (2014), https://arxiv.org/abs/1412.6071.  It draws the places at every call,
    whether training or not, and so needs ``key`` unless ``_random_samples`` is given.

    Args:
        kernel_size: elements in a window, one number or (kH, kW).
        output_size: number of windows, one number or one an axis.
        output_ratio: instead of it, the ratio of output and input size, between 0 and 1.
        return_indices: return the pair of the maxima and their places in the flattened spatial axes.
        _random_samples: (N, C, 2), fixed uniform numbers to place the windows with.

    Attributes:
        _random_samples: the buffer of these numbers, if given.

    Shape:
        input: (N, C, H, W) or (C, H, W).
        output: (N, C, H_out, W_out) or (C, H_out, W_out).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> layer = nn.FractionalMaxPool2d(2, 1, _random_samples=jnp.zeros((1, 1, 2)))
        >>> layer(jnp.arange(16.0).reshape(1, 4, 4)).tolist()
        [[[15.0]]]
    """
    kernel_size: Ints
    output_size: Ints | None
    output_ratio: float | Sequence[float] | None
    return_indices: bool
    _random_samples: Buffer | None
    def __init__(
        self,
        kernel_size: Ints,
        output_size: Ints | None = None,
        output_ratio: float | Sequence[float] | None = None,
        return_indices: bool = False,
        _random_samples: ArrayLike | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> Any: ...
    def __call__(self, input: ArrayLike) -> Any: ...

class FractionalMaxPool3d(LayerModule):
    """The largest element of each window of a volume, the windows at pseudo-random, evenly spread places.

    Graham, "Fractional Max-Pooling" (2014), https://arxiv.org/abs/1412.6071.  It draws the places at every call,
    whether training or not, and so needs ``key`` unless ``_random_samples`` is given.

    Args:
        kernel_size: elements in a window, one number or (kD, kH, kW).
        output_size: number of windows, one number or one an axis.
        output_ratio: instead of it, the ratio of output and input size, between 0 and 1.
        return_indices: return the pair of the maxima and their places in the flattened spatial axes.
        _random_samples: (N, C, 3), fixed uniform numbers to place the windows with.

    Attributes:
        _random_samples: the buffer of these numbers, if given.

    Shape:
        input: (N, C, D, H, W) or (C, D, H, W).
        output: (N, C, D_out, H_out, W_out) or without N.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> layer = nn.FractionalMaxPool3d(2, 1, _random_samples=jnp.zeros((1, 1, 3)))
        >>> layer(jnp.arange(64.0).reshape(1, 4, 4, 4)).tolist()
        [[[[63.0]]]]
    """
    kernel_size: Ints
    output_size: Ints | None
    output_ratio: float | Sequence[float] | None
    return_indices: bool
    _random_samples: Buffer | None
    def __init__(
        self,
        kernel_size: Ints,
        output_size: Ints | None = None,
        output_ratio: float | Sequence[float] | None = None,
        return_indices: bool = False,
        _random_samples: ArrayLike | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> Any: ...
    def __call__(self, input: ArrayLike) -> Any: ...

class LPPool1d(_LPPoolNd):
    """The p-norm of each window of a signal, ``(sum of x ** p) ** (1 / p)``; p = inf takes the maximum.

    Where a window sums to 0 the gradient is 0.

    Args:
        norm_type: p, not 0.
        kernel_size: elements in a window, one number.
        stride: step between windows; None: ``kernel_size``.
        ceil_mode: round the size up instead of down; the last window still starts inside the input.

    Shape:
        input: (N, C, L) or (C, L).
        output: (N, C, L_out) or (C, L_out), a size ``(size - kernel_size) // stride + 1``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.LPPool1d(1, 2)(jnp.ones((1, 2))).tolist()
        [[2.0]]
    """
    norm_type: float
    kernel_size: Ints
    stride: Ints | None
    ceil_mode: bool
    def __init__(
        self,
        norm_type: float,
        kernel_size: Ints,
        stride: Ints | None = None,
        ceil_mode: bool = False,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class LPPool2d(_LPPoolNd):
    """The p-norm of each window of an image, ``(sum of x ** p) ** (1 / p)``; p = inf takes the maximum.

    Where a window sums to 0 the gradient is 0.

    Args:
        norm_type: p, not 0.
        kernel_size: elements in a window, one number or (kH, kW).
        stride: step between windows; None: ``kernel_size``.
        ceil_mode: round the size up instead of down; the last window still starts inside the input.

    Shape:
        input: (N, C, H, W) or (C, H, W).
        output: (N, C, H_out, W_out) or (C, H_out, W_out), a size ``(size - kernel_size) // stride + 1``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.LPPool2d(1, 2)(jnp.ones((1, 2, 2))).tolist()
        [[[4.0]]]
    """
    norm_type: float
    kernel_size: Ints
    stride: Ints | None
    ceil_mode: bool
    def __init__(
        self,
        norm_type: float,
        kernel_size: Ints,
        stride: Ints | None = None,
        ceil_mode: bool = False,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class LPPool3d(_LPPoolNd):
    """The p-norm of each window of a volume, ``(sum of x ** p) ** (1 / p)``; p = inf takes the maximum.

    Where a window sums to 0 the gradient is 0.

    Args:
        norm_type: p, not 0.
        kernel_size: elements in a window, one number or (kD, kH, kW).
        stride: step between windows; None: ``kernel_size``.
        ceil_mode: round the size up instead of down; the last window still starts inside the input.

    Shape:
        input: (N, C, D, H, W) or (C, D, H, W).
        output: (N, C, D_out, H_out, W_out) or without N, a size ``(size - kernel_size) // stride + 1``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.LPPool3d(1, 2)(jnp.ones((1, 2, 2, 2))).tolist()
        [[[[8.0]]]]
    """
    norm_type: float
    kernel_size: Ints
    stride: Ints | None
    ceil_mode: bool
    def __init__(
        self,
        norm_type: float,
        kernel_size: Ints,
        stride: Ints | None = None,
        ceil_mode: bool = False,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
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
        >>> from fnn import nn
        >>> nn.AdaptiveMaxPool1d(1)(jnp.arange(3.0).reshape(1, 3)).tolist()
        [[2.0]]
    """
    output_size: Size
    return_indices: bool
    def __init__(self, output_size: Size, return_indices: bool = False) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> Any: ...
    def __call__(self, input: ArrayLike) -> Any: ...

class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
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
        >>> from fnn import nn
        >>> nn.AdaptiveMaxPool2d(1)(jnp.arange(9.0).reshape(1, 3, 3)).tolist()
        [[[8.0]]]
    """
    output_size: Size
    return_indices: bool
    def __init__(self, output_size: Size, return_indices: bool = False) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> Any: ...
    def __call__(self, input: ArrayLike) -> Any: ...

class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
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
        >>> from fnn import nn
        >>> nn.AdaptiveMaxPool3d(1)(jnp.arange(27.0).reshape(1, 3, 3, 3)).tolist()
        [[[[26.0]]]]
    """
    output_size: Size
    return_indices: bool
    def __init__(self, output_size: Size, return_indices: bool = False) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> Any: ...
    def __call__(self, input: ArrayLike) -> Any: ...

class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """The mean of each of ``output_size`` bins of a signal, whatever its size.

    Bin i of O bins over a size S holds the elements from ``floor(i * S / O)`` up to ``ceil((i + 1) * S / O)``.

    Args:
        output_size: number of bins.

    Shape:
        input: (N, C, L) or (C, L).
        output: (N, C, L_out) or (C, L_out).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.AdaptiveAvgPool1d(1)(jnp.arange(3.0).reshape(1, 3)).tolist()
        [[1.0]]
    """
    output_size: Size
    def __init__(self, output_size: Size) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """The mean of each of ``output_size`` bins of an image, whatever its size.

    Bin i of O bins over a size S holds the elements from ``floor(i * S / O)`` up to ``ceil((i + 1) * S / O)``.

    Args:
        output_size: number of bins, one number or (H_out, W_out); None keeps the input's size.

    Shape:
        input: (N, C, H, W) or (C, H, W).
        output: (N, C, H_out, W_out) or (C, H_out, W_out).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.AdaptiveAvgPool2d(1)(jnp.arange(9.0).reshape(1, 3, 3)).tolist()
        [[[4.0]]]
    """
    output_size: Size
    def __init__(self, output_size: Size) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """The mean of each of ``output_size`` bins of a volume, whatever its size.

    Bin i of O bins over a size S holds the elements from ``floor(i * S / O)`` up to ``ceil((i + 1) * S / O)``.

    Args:
        output_size: number of bins, one number or (D_out, H_out, W_out); None keeps the input's size.

    Shape:
        input: (N, C, D, H, W) or (C, D, H, W).
        output: (N, C, D_out, H_out, W_out) or without N.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.AdaptiveAvgPool3d(1)(jnp.arange(27.0).reshape(1, 3, 3, 3)).tolist()
        [[[[13.0]]]]
    """
    output_size: Size
    def __init__(self, output_size: Size) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...
