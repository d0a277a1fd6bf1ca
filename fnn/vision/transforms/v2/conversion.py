"""Transforms between PIL images and arrays, between dtypes, and to normal scale."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision import transforms as first
from fnn.vision._images import is_pil
from fnn.vision.transforms.v2 import functional as F
from fnn.vision.transforms.v2._arguments import value_for
from fnn.vision.transforms.v2.queries import has_any
from fnn.vision.transforms.v2.transform import Transform, is_array
from fnn.vision.tv_tensors import Image, TVTensor, Video, wrap

__all__ = [
    "ConvertImageDtype", "LinearTransformation", "Normalize", "PILToTensor", "ToDtype", "ToImage", "ToPILImage",
    "ToPureTensor", "ToTensor",
]  # fmt: skip


class PILToTensor(Transform):
    """A PIL image to a plain array (C, H, W) of the same values.  See `functional.pil_to_tensor`.

    Example:
        >>> import PIL.Image
        >>> PILToTensor()(PIL.Image.new("RGB", (2, 1), (255, 0, 7))).tolist()
        [[[255, 255]], [[0, 0]], [[7, 7]]]
    """

    _transformed_types = (is_pil,)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.pil_to_tensor(inpt)


class ToImage(Transform):
    """A PIL image or a plain array to an `Image`, of the same values.  See `functional.to_image`.

    Example:
        >>> import PIL.Image
        >>> ToImage()(PIL.Image.new("L", (2, 1), 7))
        Image([[[7, 7]]], dtype=uint8)
    """

    _transformed_types = (F.is_pure_tensor, is_pil)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.to_image(inpt)


class ToPILImage(Transform):
    """An array to a PIL image.  See `functional.to_pil_image`.

    Args:
        mode: the mode of the image; default: by the number of channels and the dtype.

    Example:
        >>> image = ToPILImage()(np.zeros((3, 4, 6), np.uint8))
        >>> image.mode, image.size
        ('RGB', (6, 4))
    """

    _transformed_types = (F.is_pure_tensor, Image)

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return F.to_pil_image(inpt, mode=self.mode)


class ToPureTensor(Transform):
    """Typed arrays to plain ones.

    Example:
        >>> type(ToPureTensor()(Image(np.zeros((1, 2, 2))))).__name__
        'ndarray'
    """

    _transformed_types = (TVTensor,)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return inpt.view(np.ndarray)


class ToTensor(Transform):
    """A PIL image or a numpy array (H, W, C) to a plain array (C, H, W), bytes scaled to [0, 1].

    Deprecated: `ToImage`, then `ToDtype` with ``scale=True``, do the same.

    Example:
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     ToTensor()(np.array([[0, 51]], np.uint8))
        array([[[0. , 0.2]]], dtype=float32)
    """

    _transformed_types = (is_pil, F.is_pure_tensor)

    def __init__(self) -> None:
        warnings.warn(
            "The transform `ToTensor()` is deprecated and will be removed in a future release. "
            "Instead, please use `v2.Compose([v2.ToImage(), v2.ToDtype(np.float32, scale=True)])`."
            "Output is equivalent up to float precision.",
            stacklevel=2,
        )

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return first.functional.to_tensor(inpt)


class ToDtype(Transform):
    """Arrays to another dtype.  See `functional.to_dtype`.

    Args:
        dtype: for images, videos and plain arrays, all others being left alone; or a dict from classes (``np.ndarray``
            for plain arrays) to dtypes, with ``"others"`` for the rest, None meaning no change.
        scale: whether white stays white, the largest integer or 1.0; only of images and videos.

    Raises:
        ArgumentError: ``dtype`` is none; when called, a dict does not say what becomes of a class.

    Example:
        >>> ToDtype(np.float32, scale=True)(np.array([0, 255], np.uint8))
        array([0., 1.], dtype=float32)
    """

    _transformed_types = (is_array,)

    def __init__(self, dtype: Any, scale: bool = False) -> None:
        if not isinstance(dtype, dict):
            try:
                np.dtype(dtype)
            except TypeError:
                raise ArgumentError(f"dtype must be a dict or a dtype, got {type(dtype)} instead") from None
        elif np.ndarray in dtype and (Image in dtype or Video in dtype):
            warnings.warn(
                "Got `dtype` values for `np.ndarray` and either `tv_tensors.Image` or `tv_tensors.Video`. "
                "Note that a plain array will *not* be transformed by this (or any other transformation) "
                "in case a `tv_tensors.Image` or `tv_tensors.Video` is present in the input.",
                stacklevel=2,
            )
        self.dtype = dtype
        self.scale = scale

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        pictured = F.is_pure_tensor(inpt) or isinstance(inpt, (Image, Video))
        if isinstance(self.dtype, dict):
            dtype = value_for(self.dtype, inpt, default=self)
            if dtype is self:
                raise ArgumentError(
                    f"No dtype was specified for type {type(inpt)}. If you only need to convert the dtype of images "
                    "or videos, you can just pass e.g. dtype=np.float32. If you're passing a dict as dtype, you can "
                    'use "others" as a catch-all key e.g. dtype={tv_tensors.Mask: np.int64, "others": None} to '
                    "pass-through the rest of the inputs."
                )
        elif not pictured:
            return inpt
        else:
            dtype = self.dtype
        if dtype is None:
            if self.scale and pictured:
                warnings.warn(
                    "scale was set to True but no dtype was specified for images or videos: no scaling will be done.",
                    stacklevel=4,
                )
            return inpt
        return self._call_kernel(F.to_dtype, inpt, dtype=dtype, scale=self.scale)


class ConvertImageDtype(Transform):
    """`ToDtype` with ``scale=True``, under the first version's name.

    Args:
        dtype: the dtype of the result.

    Example:
        >>> ConvertImageDtype(np.float32)(np.array([[[0, 255]]], np.uint8))
        array([[[0., 1.]]], dtype=float32)
    """

    _v1_transform_cls = first.ConvertImageDtype

    def __init__(self, dtype: object = np.float32) -> None:
        self.dtype = dtype

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.to_dtype, inpt, dtype=self.dtype, scale=True)


class _OfArrays(Transform):
    """A transform that PIL images do not have."""

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        if has_any(flat_inputs, is_pil):
            raise ArgumentTypeError(f"{type(self).__name__}() does not support PIL images.")


class Normalize(_OfArrays):
    """``(image - mean) / std`` on a floating array, channel by channel.  See `functional.normalize`.

    Args:
        mean: one value a channel.
        std: one value a channel.
        inplace: write the result into the input.

    Example:
        >>> Normalize((0.5,), (0.5,))
        Normalize(mean=[0.5], std=[0.5], inplace=False)
    """

    _v1_transform_cls = first.Normalize

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        self.mean = list(mean)
        self.std = list(std)
        self.inplace = inplace

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.normalize, inpt, mean=self.mean, std=self.std, inplace=self.inplace)


class LinearTransformation(_OfArrays):
    """The pixels of an array as one vector, minus ``mean_vector``, times ``transformation_matrix`` (whitening).

    Args:
        transformation_matrix: an array (D, D), where D = C * H * W.
        mean_vector: an array (D,).

    Raises:
        ArgumentError: shapes or dtypes that do not fit.

    Example:
        >>> whiten = LinearTransformation(2 * np.eye(4), np.ones(4))
        >>> whiten(np.array([[[1.0, 2.0], [3.0, 4.0]]])).tolist()
        [[[0.0, 2.0], [4.0, 6.0]]]
    """

    _v1_transform_cls = first.LinearTransformation
    _transformed_types = (F.is_pure_tensor, Image, Video)

    def __init__(self, transformation_matrix: object, mean_vector: object) -> None:
        self._first = first.LinearTransformation(transformation_matrix, mean_vector)
        self.transformation_matrix = self._first.transformation_matrix
        self.mean_vector = self._first.mean_vector

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        if isinstance(inpt, TVTensor):
            return wrap(self._first(inpt.view(np.ndarray)), like=inpt)
        return self._first(inpt)
