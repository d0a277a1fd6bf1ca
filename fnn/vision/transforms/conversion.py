"""Transforms between PIL images and arrays, between dtypes, and to normal scale."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision._images import ImageLike, on_host
from fnn.vision.transforms import functional as F
from fnn.vision.transforms._transform import Transform

__all__ = ["ConvertImageDtype", "LinearTransformation", "Normalize", "PILToTensor", "ToPILImage", "ToTensor"]


class ToTensor(Transform):
    """A PIL image or a numpy array (H, W, C) to a numpy array (C, H, W), bytes scaled to [0, 1].

    See `functional.to_tensor`.

    >>> ToTensor()(np.full((1, 2, 3), 255, np.uint8)).shape
    (3, 1, 2)
    """

    def __call__(self, pic: object) -> np.ndarray:
        """Converts one image."""
        return F.to_tensor(pic)


class PILToTensor(Transform):
    """A PIL image to a numpy array (C, H, W) of the same values.  See `functional.pil_to_tensor`.

    Example:
        >>> from PIL import Image
        >>> PILToTensor()(Image.new("RGB", (2, 1), (255, 0, 7))).tolist()
        [[[255, 255]], [[0, 0]], [[7, 7]]]
    """

    def __call__(self, pic: Any) -> np.ndarray:
        """Converts one image."""
        return F.pil_to_tensor(pic)


class ConvertImageDtype(Transform):
    """An array to another dtype, white staying white.  See `functional.convert_image_dtype`.

    Args:
        dtype: the dtype of the result.

    Example:
        >>> ConvertImageDtype(np.float32)(np.array([[[0, 51, 255]]], np.uint8))
        array([[[0. , 0.2, 1. ]]], dtype=float32)
    """

    def __init__(self, dtype: object) -> None:
        self.dtype = dtype

    def forward(self, img: ImageLike) -> Any:
        return F.convert_image_dtype(img, self.dtype)


class ToPILImage(Transform):
    """An array to a PIL image.  See `functional.to_pil_image`.

    Args:
        mode: the mode of the image; default: by the number of channels and the dtype.

    Example:
        >>> image = ToPILImage()(np.zeros((3, 4, 6), np.uint8))
        >>> image.mode, image.size
        ('RGB', (6, 4))
    """

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def __call__(self, pic: object) -> Any:
        """Converts one image."""
        return F.to_pil_image(pic, self.mode)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'' if self.mode is None else f'mode={self.mode}'})"


class Normalize(Transform):
    """``(image - mean) / std`` on a floating array, channel by channel.  See `functional.normalize`.

    Args:
        mean: one value a channel.
        std: one value a channel.
        inplace: write the result into the input.

    >>> Normalize((0.5,), (0.5,))
    Normalize(mean=(0.5,), std=(0.5,))
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def forward(self, img: ImageLike) -> Any:
        return F.normalize(img, self.mean, self.std, self.inplace)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(mean={self.mean}, std={self.std})"


class LinearTransformation(Transform):
    """The pixels of an array as one vector, minus ``mean_vector``, times ``transformation_matrix`` (whitening).

    Args:
        transformation_matrix: an array (D, D), where D = C * H * W.
        mean_vector: an array (D,).

    Example:
        >>> whiten = LinearTransformation(2 * np.eye(4), np.ones(4))
        >>> whiten(np.array([[[1.0, 2.0], [3.0, 4.0]]])).tolist()
        [[[0.0, 2.0], [4.0, 6.0]]]
    """

    def __init__(self, transformation_matrix: object, mean_vector: object) -> None:
        matrix, mean = np.asarray(transformation_matrix), np.asarray(mean_vector)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise ArgumentError(f"transformation_matrix should be square. Got {matrix.shape} rectangular matrix.")
        if mean.shape != matrix.shape[:1]:
            raise ArgumentError(
                f"mean_vector should have the same length {mean.shape} as any one of the dimensions of the "
                f"transformation_matrix [{matrix.shape}]"
            )
        if matrix.dtype != mean.dtype:
            raise ArgumentError(f"Input tensors should have the same dtype. Got {matrix.dtype} and {mean.dtype}")
        self.transformation_matrix = matrix
        self.mean_vector = mean

    def forward(self, img: ImageLike) -> Any:
        return _transformed(img, self.transformation_matrix, self.mean_vector)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(transformation_matrix={self.transformation_matrix.tolist()}, "
            f"mean_vector={self.mean_vector.tolist()})"
        )


@on_host
def _transformed(img: ImageLike, matrix: np.ndarray, mean: np.ndarray) -> Any:
    if not isinstance(img, np.ndarray):
        raise ArgumentTypeError(f"LinearTransformation: img should be Tensor Image. Got {type(img)}")
    size = img.shape[-3:]
    if img.ndim < 3 or int(np.prod(size)) != len(matrix):
        raise ArgumentError(
            "Input tensor and transformation matrix have incompatible shape."
            f"[{' x '.join(map(str, size))}] != {len(matrix)}"
        )
    centred = img.reshape(-1, len(matrix)) - mean
    return (centred @ matrix.astype(centred.dtype)).reshape(img.shape)
