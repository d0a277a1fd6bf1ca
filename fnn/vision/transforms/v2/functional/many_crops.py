"""Several crops of one image."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.vision.transforms import functional as first
from fnn.vision.transforms.v2.functional.registry import PIL, Input, call, kernel, of_video
from fnn.vision.tv_tensors import Image

__all__ = ["five_crop", "five_crop_image", "five_crop_video", "ten_crop", "ten_crop_image", "ten_crop_video"]

Size = int | Sequence[int]


def five_crop(inpt: Input, size: Size) -> tuple[Any, ...]:
    """The four corners (top left, top right, bottom left, bottom right) and the middle.

    Args:
        inpt: a PIL image or an array (..., H, W).
        size: (height, width) of each, or one length for both; at most the image's.

    Raises:
        ArgumentError: a size that is larger than the image.

    Example:
        >>> [part.item() for part in five_crop(np.arange(9).reshape(1, 3, 3), 1)]
        [0, 2, 6, 8, 4]
    """
    return call(five_crop, inpt, size=size)


@kernel(five_crop, np.ndarray, Image)
def five_crop_image(image: np.ndarray, size: Size) -> tuple[Any, ...]:
    return first.five_crop(image, size)


def ten_crop(inpt: Input, size: Size, vertical_flip: bool = False) -> tuple[Any, ...]:
    """`five_crop` of the image and of its mirror image.

    Args:
        inpt: a PIL image or an array (..., H, W).
        size: (height, width) of each, or one length for both.
        vertical_flip: mirror top and bottom instead of left and right.

    Raises:
        ArgumentError: a size that is larger than the image.

    Example:
        >>> [part.item() for part in ten_crop(np.arange(9).reshape(1, 3, 3), 1)]
        [0, 2, 6, 8, 4, 2, 0, 8, 6, 4]
    """
    return call(ten_crop, inpt, size=size, vertical_flip=vertical_flip)


@kernel(ten_crop, np.ndarray, Image)
def ten_crop_image(image: np.ndarray, size: Size, vertical_flip: bool = False) -> tuple[Any, ...]:
    return first.ten_crop(image, size, vertical_flip)


kernel(five_crop, PIL)(first.five_crop)
kernel(ten_crop, PIL)(first.ten_crop)
five_crop_video = of_video(five_crop, five_crop_image)
ten_crop_video = of_video(ten_crop, ten_crop_image)
