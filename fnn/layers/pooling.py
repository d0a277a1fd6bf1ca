"""Max, average and power-average pooling layers."""

from typing import Any

from fnn.functional import pooling as F
from fnn.layers._pooling import AvgPoolNd, LPPoolNd, MaxPoolNd, repeated
from fnn.layers.layer import Params, State

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
        >>> from fnn import layers
        >>> layers.MaxPool1d(2).apply({}, {}, jnp.arange(4.0).reshape(1, 4))[0].shape
        (1, 2)
    """

    def apply(
        self, params: Params, state: State, input: Any, *, training: bool = False, key: Any = None
    ) -> tuple[Any, State]:
        return F.max_pool1d(input, *self._arguments()), state


class MaxPool2d(MaxPoolNd):
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
        >>> from fnn import layers
        >>> layers.MaxPool2d(2).apply({}, {}, jnp.arange(16.0).reshape(1, 4, 4))[0].shape
        (1, 2, 2)
    """

    def apply(
        self, params: Params, state: State, input: Any, *, training: bool = False, key: Any = None
    ) -> tuple[Any, State]:
        return F.max_pool2d(input, *self._arguments()), state


class MaxPool3d(MaxPoolNd):
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
        >>> from fnn import layers
        >>> layers.MaxPool3d(2).apply({}, {}, jnp.arange(64.0).reshape(1, 4, 4, 4))[0].shape
        (1, 2, 2, 2)
    """

    def apply(
        self, params: Params, state: State, input: Any, *, training: bool = False, key: Any = None
    ) -> tuple[Any, State]:
        return F.max_pool3d(input, *self._arguments()), state


class AvgPool1d(AvgPoolNd):
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
        >>> from fnn import layers
        >>> layers.AvgPool1d(2).apply({}, {}, jnp.ones((1, 2)))[0].tolist()
        [[1.0]]
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        once = {name: repeated(getattr(self, name), 1) for name in ("kernel_size", "stride", "padding")}
        self._set(**once)

    def apply(
        self, params: Params, state: State, input: Any, *, training: bool = False, key: Any = None
    ) -> tuple[Any, State]:
        return F.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        ), state


class AvgPool2d(AvgPoolNd):
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
        >>> from fnn import layers
        >>> layers.AvgPool2d(2).apply({}, {}, jnp.ones((1, 2, 2)))[0].tolist()
        [[[1.0]]]
    """

    divisor_override: int | None = None

    def apply(
        self, params: Params, state: State, input: Any, *, training: bool = False, key: Any = None
    ) -> tuple[Any, State]:
        out = F.avg_pool2d(
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
        >>> from fnn import layers
        >>> layers.AvgPool3d(2).apply({}, {}, jnp.ones((1, 2, 2, 2)))[0].tolist()
        [[[[1.0]]]]
    """

    divisor_override: int | None = None

    def apply(
        self, params: Params, state: State, input: Any, *, training: bool = False, key: Any = None
    ) -> tuple[Any, State]:
        out = F.avg_pool3d(
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
        >>> from fnn import layers
        >>> layers.LPPool1d(1, 2).apply({}, {}, jnp.ones((1, 2)))[0].tolist()
        [[2.0]]
    """

    def apply(
        self, params: Params, state: State, input: Any, *, training: bool = False, key: Any = None
    ) -> tuple[Any, State]:
        return F.lp_pool1d(input, *self._arguments()), state


class LPPool2d(LPPoolNd):
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
        >>> from fnn import layers
        >>> layers.LPPool2d(1, 2).apply({}, {}, jnp.ones((1, 2, 2)))[0].tolist()
        [[[4.0]]]
    """

    def apply(
        self, params: Params, state: State, input: Any, *, training: bool = False, key: Any = None
    ) -> tuple[Any, State]:
        return F.lp_pool2d(input, *self._arguments()), state


class LPPool3d(LPPoolNd):
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
        >>> from fnn import layers
        >>> layers.LPPool3d(1, 2).apply({}, {}, jnp.ones((1, 2, 2, 2)))[0].tolist()
        [[[[8.0]]]]
    """

    def apply(
        self, params: Params, state: State, input: Any, *, training: bool = False, key: Any = None
    ) -> tuple[Any, State]:
        return F.lp_pool3d(input, *self._arguments()), state
