"""What the pooling layers share: their fields and representations, written once for all ranks."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from fnn.layers.layer import Layer

Ints = int | Sequence[int]


def plain(value: Any) -> Any:
    """``value`` as a layer holds it: lists as tuples, numpy numbers as Python's."""
    if isinstance(value, (list, tuple)):
        return tuple(plain(v) for v in value)
    return value.item() if isinstance(value, np.generic) else value


def repeated(value: Any, n: int) -> tuple[Any, ...]:
    """A tuple as it is, one number ``n`` times."""
    value = plain(value)
    return value if isinstance(value, tuple) else (value,) * n


class MaxPoolNd(Layer):
    """Fields of the max pooling layers."""

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
    """Fields of the max unpooling layers."""

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
    """Fields of the average pooling layers."""

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
    """Fields of the power-average pooling layers."""

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
    """Fields of the adaptive average pooling layers."""

    output_size: Any

    def __post_init__(self) -> None:
        self._set(output_size=plain(self.output_size))

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPoolNd(Layer):
    """Fields of the adaptive max pooling layers."""

    output_size: Any
    return_indices: bool = False

    def __post_init__(self) -> None:
        self._set(output_size=plain(self.output_size))

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"
