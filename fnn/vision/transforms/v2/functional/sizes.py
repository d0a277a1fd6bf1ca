"""How large images, videos, masks, boxes and points are."""

import warnings

import numpy as np

from fnn.errors import ArgumentTypeError
from fnn.vision._images import dimensions
from fnn.vision.transforms import functional as first
from fnn.vision.transforms.v2.functional.registry import PIL, Input, call, kernel
from fnn.vision.tv_tensors import BoundingBoxes, Image, KeyPoints, Mask, Video

__all__ = [
    "get_dimensions", "get_dimensions_image", "get_dimensions_video", "get_image_num_channels", "get_image_size",
    "get_num_channels", "get_num_channels_image", "get_num_channels_video", "get_num_frames", "get_num_frames_video",
    "get_size", "get_size_bounding_boxes", "get_size_image", "get_size_keypoints", "get_size_mask", "get_size_video",
]  # fmt: skip


def get_dimensions(inpt: Input) -> list[int]:
    """The number of channels, the height and the width of an image or a video.

    Args:
        inpt: a PIL image or an array (..., C, H, W).

    Example:
        >>> get_dimensions(np.zeros((3, 4, 5)))
        [3, 4, 5]
    """
    return call(get_dimensions, inpt)


@kernel(get_dimensions, np.ndarray, Image, measures=True)
def get_dimensions_image(image: np.ndarray) -> list[int]:
    if image.ndim < 2:
        raise ArgumentTypeError(f"Input tensor should have at least two dimensions, but got {image.ndim}")
    return [1, *image.shape] if image.ndim == 2 else list(image.shape[-3:])


@kernel(get_dimensions, Video, measures=True)
def get_dimensions_video(video: np.ndarray) -> list[int]:
    return get_dimensions_image(video)


kernel(get_dimensions, PIL)(dimensions)


def get_num_channels(inpt: Input) -> int:
    """The number of channels of an image or a video; 1 for an array (H, W).

    Args:
        inpt: a PIL image or an array (..., C, H, W).

    Example:
        >>> get_num_channels(np.zeros((3, 4, 5)))
        3
    """
    return call(get_num_channels, inpt)


@kernel(get_num_channels, np.ndarray, Image, measures=True)
def get_num_channels_image(image: np.ndarray) -> int:
    return get_dimensions_image(image)[0]


@kernel(get_num_channels, Video, measures=True)
def get_num_channels_video(video: np.ndarray) -> int:
    return get_dimensions_image(video)[0]


kernel(get_num_channels, PIL)(lambda image: dimensions(image)[0])
get_image_num_channels = get_num_channels


def get_size(inpt: Input) -> list[int]:
    """The height and the width: of an image, a video or a mask, or of the canvas of boxes and points.

    Args:
        inpt: a PIL image, an array (..., H, W), or boxes or points.

    Example:
        >>> get_size(np.zeros((3, 4, 5))), get_size(KeyPoints([[0, 0]], canvas_size=(6, 7)))
        ([4, 5], [6, 7])
    """
    return call(get_size, inpt)


@kernel(get_size, np.ndarray, Image, measures=True)
def get_size_image(image: np.ndarray) -> list[int]:
    if image.ndim < 2:
        raise ArgumentTypeError(f"Input tensor should have at least two dimensions, but got {image.ndim}")
    return list(image.shape[-2:])


@kernel(get_size, Video, measures=True)
def get_size_video(video: np.ndarray) -> list[int]:
    return get_size_image(video)


@kernel(get_size, Mask, measures=True)
def get_size_mask(mask: np.ndarray) -> list[int]:
    return get_size_image(mask)


@kernel(get_size, BoundingBoxes, measures=True)
def get_size_bounding_boxes(bounding_box: BoundingBoxes) -> list[int]:
    return list(bounding_box.canvas_size)


@kernel(get_size, KeyPoints, measures=True)
def get_size_keypoints(keypoints: KeyPoints) -> list[int]:
    return list(keypoints.canvas_size)


kernel(get_size, PIL)(lambda image: dimensions(image)[1:])


def get_num_frames(inpt: Input) -> int:
    """The number of frames of a video.

    Args:
        inpt: an array (..., T, C, H, W).

    Example:
        >>> get_num_frames(np.zeros((7, 3, 4, 5)))
        7
    """
    return call(get_num_frames, inpt)


@kernel(get_num_frames, np.ndarray, Video, measures=True)
def get_num_frames_video(video: np.ndarray) -> int:
    return video.shape[-4]


def get_image_size(inpt: Input) -> list[int]:
    """The width and the height; deprecated, `get_size` has height and width.

    Args:
        inpt: a PIL image or an array (..., H, W).

    Example:
        >>> import warnings
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     get_image_size(np.zeros((3, 4, 5)))
        [5, 4]
    """
    warnings.warn(
        "The function `get_image_size(...)` is deprecated and will be removed in a future release. "
        "Instead, please use `get_size(...)` which returns `[h, w]` instead of `[w, h]`.",
        stacklevel=2,
    )
    return first.get_image_size(inpt)
