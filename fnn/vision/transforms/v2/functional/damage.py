"""Parts overwritten, and the losses of JPEG."""

import io
from typing import Any

import numpy as np

from fnn.errors import ArgumentError
from fnn.vision._images import check_array, pillow, pixels_of
from fnn.vision.transforms import _layout
from fnn.vision.transforms.functional.conversion import pil_to_tensor, planes_to_pil
from fnn.vision.transforms.v2.functional.registry import PIL, Input, call, kernel, of_video
from fnn.vision.tv_tensors import Image

__all__ = ["erase", "erase_image", "erase_video", "jpeg", "jpeg_image", "jpeg_video"]


def erase(inpt: Input, i: int, j: int, h: int, w: int, v: object, inplace: bool = False) -> Any:
    """Writes ``v`` into a window.

    Args:
        inpt: a PIL image or an array (..., C, H, W).
        i: the first row.
        j: the first column.
        h: the height of the window.
        w: the width of the window.
        v: what to write; broadcast to the window.
        inplace: write into ``inpt`` itself (numpy arrays only; a JAX array never changes).

    Example:
        >>> erase(np.ones((1, 2, 3)), 0, 1, 1, 2, 0.0).tolist()
        [[[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]]]
    """
    return call(erase, inpt, i=i, j=j, h=h, w=w, v=v, inplace=inplace)


@kernel(erase, np.ndarray, Image)
def erase_image(image: np.ndarray, i: int, j: int, h: int, w: int, v: object, inplace: bool = False) -> Any:
    return _layout.erase(image, i, j, h, w, v, inplace)


erase_video = of_video(erase, erase_image)


@kernel(erase, PIL)
def _erase_pil(image: Any, i: int, j: int, h: int, w: int, v: object, inplace: bool = False) -> Any:
    return planes_to_pil(erase_image(pil_to_tensor(image), i, j, h, w, v, inplace), image.mode)


def jpeg(image: Input, quality: int) -> Any:
    """Encodes as JPEG and decodes again.

    Args:
        image: a PIL image or an array (..., 1 or 3, H, W) of uint8.
        quality: 1 to 100.

    Raises:
        ArgumentError: an array of another dtype or number of channels, or another quality.

    Example:
        >>> jpeg(np.full((3, 8, 8), 200, np.uint8), quality=50).shape
        (3, 8, 8)
    """
    return call(jpeg, image, quality=quality)


@kernel(jpeg, np.ndarray, Image)
def jpeg_image(image: np.ndarray, quality: int) -> Any:
    check_array(image, 3)
    if image.dtype != np.uint8 or image.shape[-3] not in (1, 3):
        raise ArgumentError(f"jpeg: expected (..., 1 or 3, H, W) of uint8, got {image.shape} of {image.dtype}")
    if not 1 <= quality <= 100:
        raise ArgumentError(f"Image quality should be a positive number between 1 and 100, got {quality}")
    planes = image.reshape(-1, *image.shape[-3:])
    if len(planes) == 0:
        return image.copy()
    return np.stack([pixels_of(_jpeg_pil(planes_to_pil(plane), quality)) for plane in planes]).reshape(image.shape)


jpeg_video = of_video(jpeg, jpeg_image)


@kernel(jpeg, PIL)
def _jpeg_pil(image: Any, quality: int) -> Any:
    content = io.BytesIO()
    image.save(content, format="JPEG", quality=quality)
    return pillow().open(content).copy()
