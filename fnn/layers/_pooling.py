"""What the pooling layers share: their fields and representations, written once for all ranks."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from fnn.layers.layer import Layer
from fnn.typing import Ints, Size


def plain(value: object) -> Any:
    """``value`` as a layer holds it: lists as tuples, numpy numbers as Python's."""
    if isinstance(value, (list, tuple)):
        return tuple(plain(v) for v in value)
    return value.item() if isinstance(value, np.generic) else value


def repeated(value: object, n: int) -> tuple[Any, ...]:
    """A tuple as it is, one number ``n`` times."""
    value = plain(value)
    return value if isinstance(value, tuple) else (value,) * n


class MaxPoolNd(Layer):
    """Fields of the max pooling layers.

    A size becomes ``(size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1``.  NaN counts as larger
    than all numbers; of several equal maxima the first one receives the gradient.

    Args:
        stride: step between windows; None: ``kernel_size``.
        padding: elements of -inf added at both ends of each spatial axis, at most half a window.
        dilation: step between the elements of a window.
        return_indices: return the pair of the maxima and their places in the flattened spatial axes.
        ceil_mode: round the size up instead of down; the last window still starts inside the input or its left
            padding.
        kernel_size: elements in a window, $window.

    Shape:
        input: $shape.
        output: $pooled.
    """

    kernel_size: Ints
    stride: Ints | None = None
    padding: Ints = 0
    dilation: Ints = 1
    return_indices: bool = False
    ceil_mode: bool = False

    def __post_init__(self) -> None:
        stride = self.kernel_size if self.stride is None else self.stride
        self._set(
            kernel_size=plain(self.kernel_size),
            stride=plain(stride),
            padding=plain(self.padding),
            dilation=plain(self.dilation),
        )

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )

    def _arguments(self) -> tuple[Any, ...]:
        return self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices


class MaxUnpoolNd(Layer):
    """Fields of the max unpooling layers.

    ``apply`` takes the maxima, their indices, and optionally ``output_size``: the size of what was pooled, where the
    pooling's arguments leave it open.

    Args:
        kernel_size: of the pooling.
        stride: of the pooling; None: ``kernel_size``.
        padding: of the pooling.

    Shape:
        input and indices: $shape.
        output: $pooled; a size is ``output_size`` or
            ``(size - 1) * stride - 2 * padding + kernel_size``.
    """

    RANK: ClassVar[int]

    kernel_size: Ints
    stride: Ints | None = None
    padding: Ints = 0

    def __post_init__(self) -> None:
        stride = self.kernel_size if self.stride is None else self.stride
        self._set(
            kernel_size=repeated(self.kernel_size, self.RANK),
            stride=repeated(stride, self.RANK),
            padding=repeated(self.padding, self.RANK),
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPoolNd(Layer):
    """Fields of the average pooling layers.

    A size becomes ``(size + 2 * padding - kernel_size) // stride + 1``.

    Args:
        stride: step between windows; None: ``kernel_size``.
        padding: zeros added at both ends of each spatial axis, at most half a window.
        ceil_mode: round the size up instead of down; the last window still starts inside the input or its left
            padding.
        count_include_pad: whether the zeros count as elements of a window.
        kernel_size: elements in a window, $window.

    Shape:
        input: $shape.
        output: $pooled.
    """

    kernel_size: Ints
    stride: Ints | None = None
    padding: Ints = 0
    ceil_mode: bool = False
    count_include_pad: bool = True

    def __post_init__(self) -> None:
        stride = self.kernel_size if self.stride is None else self.stride
        self._set(kernel_size=plain(self.kernel_size), stride=plain(stride), padding=plain(self.padding))

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class LPPoolNd(Layer):
    """Fields of the power-average pooling layers.

    Where a window sums to 0 the gradient is 0.

    Args:
        norm_type: p, not 0.
        stride: step between windows; None: ``kernel_size``.
        ceil_mode: round the size up instead of down; the last window still starts inside the input.
        kernel_size: elements in a window, $window.

    Shape:
        input: $shape.
        output: $pooled, a size ``(size - kernel_size) // stride + 1``.
    """

    norm_type: float
    kernel_size: Ints
    stride: Ints | None = None
    ceil_mode: bool = False

    def __post_init__(self) -> None:
        self._set(norm_type=plain(self.norm_type), kernel_size=plain(self.kernel_size), stride=plain(self.stride))

    def extra_repr(self) -> str:
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )

    def _arguments(self) -> tuple[Any, ...]:
        return float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode


class AdaptiveAvgPoolNd(Layer):
    """Fields of the adaptive average pooling layers.

    Bin i of O bins over a size S holds the elements from ``floor(i * S / O)`` up to ``ceil((i + 1) * S / O)``.

    Shape:
        input: $shape.
        output: $pooled.
    """

    output_size: Size

    def __post_init__(self) -> None:
        self._set(output_size=plain(self.output_size))

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPoolNd(Layer):
    """Fields of the adaptive max pooling layers.

    Bin i of O bins over a size S holds the elements from ``floor(i * S / O)`` up to ``ceil((i + 1) * S / O)``.

    Args:
        return_indices: return the pair of the maxima and their places in the flattened spatial axes.

    Shape:
        input: $shape.
        output: $pooled.
    """

    output_size: Size
    return_indices: bool = False

    def __post_init__(self) -> None:
        self._set(output_size=plain(self.output_size))

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"
