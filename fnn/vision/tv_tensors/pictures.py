"""Typed arrays of pixels: images, videos, masks."""

from typing import Any, Self

import numpy as np

from fnn.errors import ArgumentError
from fnn.vision._images import is_pil, pixels_of
from fnn.vision.tv_tensors.tv_tensor import TVTensor, as_array

__all__ = ["Image", "Mask", "Video"]


def _pixels(data: object) -> object:
    return pixels_of(data) if is_pil(data) else data


class Image(TVTensor):
    """An image, or a batch of equally large ones: (..., C, H, W).

    Args:
        data: an array or nested lists (..., C, H, W) or (H, W), or a PIL image.
        dtype: of the values; default: that of ``data``.
        device: None or ``"cpu"``; it lives on the host.
        requires_grad: None or False; gradients are those of a `jax.Array`.

    Raises:
        ArgumentError: fewer than two dimensions.

    Example:
        >>> import numpy as np
        >>> Image(np.array([[1, 2]], np.uint8))
        Image([[[1, 2]]], dtype=uint8)
    """

    def __new__(
        cls, data: object, *, dtype: object = None, device: object = None, requires_grad: bool | None = None
    ) -> Self:
        array = as_array(_pixels(data), dtype, device, requires_grad, cls.__name__)
        if array.ndim < 2:
            raise ArgumentError(f"Tensor must be 2D or higher, got {array.ndim}D tensor.")
        return (array[None] if array.ndim == 2 else array).view(cls)


class Video(TVTensor):
    """A video, or a batch of them: (..., T, C, H, W).

    Args:
        data: an array (..., T, C, H, W).
        dtype: of the values; default: that of ``data``.
        device: None or ``"cpu"``; it lives on the host.
        requires_grad: None or False; gradients are those of a `jax.Array`.

    Raises:
        ArgumentError: fewer than four dimensions.

    Example:
        >>> import numpy as np
        >>> Video(np.zeros((5, 3, 8, 8), np.uint8)).shape
        (5, 3, 8, 8)
    """

    def __new__(
        cls, data: Any, *, dtype: object = None, device: object = None, requires_grad: bool | None = None
    ) -> Self:
        array = as_array(data, dtype, device, requires_grad, cls.__name__)
        if array.ndim < 4:
            raise ArgumentError(f"Video: expected (..., T, C, H, W), got shape {array.shape}")
        return array.view(cls)


class Mask(TVTensor):
    """One mask (H, W), or several (N, H, W), for segmentation: integers or truth values, which are never blended.

    Args:
        data: an array or nested lists, or a PIL image.
        dtype: of the values; default: that of ``data``.
        device: None or ``"cpu"``; it lives on the host.
        requires_grad: None or False; gradients are those of a `jax.Array`.

    Example:
        >>> Mask([[True, False]])
        Mask([[ True, False]])
    """

    def __new__(
        cls, data: object, *, dtype: object = None, device: object = None, requires_grad: bool | None = None
    ) -> Self:
        return np.asarray(as_array(_pixels(data), dtype, device, requires_grad, cls.__name__)).view(cls)
