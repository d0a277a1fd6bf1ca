"""From PIL images to arrays and back, and some of the frames of a video."""

import warnings
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision._images import is_pil, of_jax, pixels_of
from fnn.vision.transforms import functional as first
from fnn.vision.transforms._interpolate import linspace
from fnn.vision.transforms.functional.conversion import channels_are_last, pil_to_tensor, planes_to_pil
from fnn.vision.transforms.v2.functional.registry import Input, call, kernel
from fnn.vision.tv_tensors import Image, TVTensor, Video

__all__ = [
    "pil_to_tensor", "to_image", "to_pil_image", "to_tensor", "uniform_temporal_subsample",
    "uniform_temporal_subsample_video",
]  # fmt: skip


def to_image(inpt: Input) -> Image:
    """An `Image` of a PIL image or an array.

    A plain numpy array (H, W, C) is read as such, what PIL itself uses, unless only (C, H, W) can be meant: when the
    last axis is too long for channels and the first is not.  A JAX array, a typed array and one of another number of
    dimensions are read as (..., C, H, W) or (H, W).

    Args:
        inpt: a PIL image or an array.

    Raises:
        ArgumentTypeError: something else.

    Example:
        >>> to_image(np.zeros((8, 9, 3), np.uint8)).shape, to_image(np.zeros((3, 8, 9), np.uint8)).shape
        ((3, 8, 9), (3, 8, 9))
    """
    if is_pil(inpt):
        return Image(pixels_of(inpt))
    if isinstance(inpt, np.ndarray) and not isinstance(inpt, TVTensor):
        if inpt.ndim == 3 and channels_are_last(inpt):
            return Image(np.ascontiguousarray(inpt.transpose(2, 0, 1)))
        return Image(np.atleast_2d(inpt))
    if isinstance(inpt, TVTensor) or of_jax(inpt):
        return Image(inpt.view(np.ndarray) if isinstance(inpt, TVTensor) else inpt)
    raise ArgumentTypeError(
        f"Input can either be a pure Tensor, a numpy array, or a PIL image, but got {type(inpt)} instead."
    )


def to_pil_image(pic: Any, mode: str | None = None) -> Any:
    """A PIL image of an array; floating values are taken as [0, 1].

    Args:
        pic: an `Image` (C, H, W), or an array as `to_image` reads it.
        mode: the mode of the image; default: by the number of channels and the dtype.

    Raises:
        ArgumentTypeError: no array, or of a dtype that no mode holds.
        ArgumentError: more than 4 channels, or a mode that does not fit.

    Example:
        >>> to_pil_image(Image(np.zeros((3, 8, 9), np.uint8))).size
        (9, 8)
    """
    if isinstance(pic, TVTensor):
        return planes_to_pil(pic.view(np.ndarray), mode)
    return first.to_pil_image(pic, mode)


def to_tensor(inpt: Input) -> np.ndarray:
    """Pixels as an array (C, H, W), bytes scaled to [0, 1]; deprecated, `to_image` and `to_dtype` do it.

    Args:
        inpt: a PIL image, or a numpy array (H, W, C) or (H, W).

    Example:
        >>> import warnings
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     to_tensor(np.array([[0, 51]], np.uint8))
        array([[[0. , 0.2]]], dtype=float32)
    """
    warnings.warn(
        "The function `to_tensor(...)` is deprecated and will be removed in a future release. "
        "Instead, please use `to_image(...)` followed by `to_dtype(..., dtype=np.float32, scale=True)`.",
        stacklevel=2,
    )
    return first.to_tensor(inpt)


def uniform_temporal_subsample(inpt: Input, num_samples: int) -> Any:
    """Some frames at equal distances, the first and the last among them.

    Args:
        inpt: a video (..., T, C, H, W).
        num_samples: how many; more than there are repeat some.

    Raises:
        ArgumentError: a negative number.

    Example:
        >>> uniform_temporal_subsample(np.arange(5).reshape(5, 1, 1, 1), 3).ravel().tolist()
        [0, 2, 4]
    """
    return call(uniform_temporal_subsample, inpt, num_samples=num_samples)


@kernel(uniform_temporal_subsample, np.ndarray, Video)
def uniform_temporal_subsample_video(video: np.ndarray, num_samples: int) -> Any:
    if num_samples < 0:
        raise ArgumentError(f"uniform_temporal_subsample: num_samples must not be negative, got {num_samples}")
    chosen = linspace(0, video.shape[-4] - 1, num_samples, np.dtype(np.float32)).astype(np.int64)
    return np.take(video, chosen, -4)
