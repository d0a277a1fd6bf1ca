"""Transforms that cut windows out."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision import transforms as first
from fnn.vision.transforms import _draws
from fnn.vision.transforms._transform import TWO_DIMENSIONS, full_size
from fnn.vision.transforms.functional.modes import InterpolationMode
from fnn.vision.transforms.geometry import _window
from fnn.vision.transforms.v2 import functional as F
from fnn.vision.transforms.v2._arguments import Fill, check_padding, check_padding_mode, fill_for, fills
from fnn.vision.transforms.v2.functional.padding import sides
from fnn.vision.transforms.v2.queries import has_any, query_size
from fnn.vision.transforms.v2.transform import Transform
from fnn.vision.tv_tensors import BoundingBoxes, KeyPoints, Mask

__all__ = ["CenterCrop", "FiveCrop", "RandomCrop", "RandomResizedCrop", "TenCrop"]


Size = int | Sequence[int]
Mode = str | InterpolationMode | int


def warn_of_passing(transform: Transform, inpt: object) -> None:
    """Says that boxes, points and masks are not changed."""
    if isinstance(inpt, (BoundingBoxes, KeyPoints, Mask)):
        warnings.warn(
            f"{type(transform).__name__}() is currently passing through inputs of type "
            f"tv_tensors.{type(inpt).__name__}. This will likely change in the future.",
            stacklevel=4,
        )


class CenterCrop(Transform):
    """Cuts the middle out.  See `functional.center_crop`.

    Args:
        size: (height, width), or one length for both.

    Example:
        >>> import numpy as np
        >>> CenterCrop(1)(np.arange(9).reshape(1, 3, 3)).tolist()
        [[[4]]]
    """

    _v1_transform_cls = first.CenterCrop

    def __init__(self, size: Size) -> None:
        self.size = full_size(size, TWO_DIMENSIONS)

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.center_crop, inpt, output_size=self.size)


class RandomResizedCrop(Transform):
    """Cuts a window of random area, shape and place out and resizes it.

    Args:
        size: (height, width) of the result, or one length for both.
        scale: the range of the window's share of the image's area.
        ratio: the range of its width by its height; the logarithm is uniform.
        interpolation: as in `Resize`.
        antialias: as in `Resize`.

    Raises:
        ArgumentTypeError: a range that is no pair.

    Example:
        >>> import numpy as np
        >>> RandomResizedCrop(4)(np.zeros((3, 9, 7), np.uint8)).shape
        (3, 4, 4)
    """

    _v1_transform_cls = first.RandomResizedCrop

    def __init__(
        self,
        size: Size,
        scale: tuple[float, float] = (0.08, 1.0),
        ratio: tuple[float, float] = (3.0 / 4.0, 4.0 / 3.0),
        interpolation: Mode = "bilinear",
        antialias: bool | None = True,
    ) -> None:
        self.size = full_size(size, TWO_DIMENSIONS)
        for name, pair in (("Scale", scale), ("Ratio", ratio)):
            if not isinstance(pair, Sequence) or len(pair) != 2:
                raise ArgumentTypeError(f"{name} should be a sequence of two floats. Got {pair!r}")
        if scale[0] > scale[1] or ratio[0] > ratio[1]:
            warnings.warn("Scale and ratio should be of kind (min, max)", stacklevel=2)
        self.scale = scale
        self.ratio = ratio
        self.interpolation = interpolation
        self.antialias = antialias

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        window = _window(*query_size(flat_inputs), self.scale, self.ratio)
        return dict(zip(("top", "left", "height", "width"), window, strict=True))

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(
            F.resized_crop, inpt, **params, size=self.size, interpolation=self.interpolation, antialias=self.antialias
        )


class _Crops(Transform):
    """A transform to several crops, of images and videos only."""

    size: Any

    def _call_kernel(self, functional: Callable[..., Any], inpt: object, *args: object, **kwargs: object) -> Any:
        warn_of_passing(self, inpt)
        return super()._call_kernel(functional, inpt, *args, **kwargs)

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        if has_any(flat_inputs, BoundingBoxes, Mask):
            raise ArgumentTypeError(f"BoundingBoxes'es and Mask's are not supported by {type(self).__name__}()")


class FiveCrop(_Crops):
    """A tuple of the four corners and the middle.  See `functional.five_crop`.

    Args:
        size: (height, width) of each, or one length for both.

    Example:
        >>> import numpy as np
        >>> [crop.item() for crop in FiveCrop(1)(np.arange(9).reshape(1, 3, 3))]
        [0, 2, 6, 8, 4]
    """

    _v1_transform_cls = first.FiveCrop

    def __init__(self, size: Size) -> None:
        self.size = full_size(size, TWO_DIMENSIONS)

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.five_crop, inpt, self.size)


class TenCrop(_Crops):
    """A tuple of `FiveCrop` of the image and of its mirror image.

    Args:
        size: (height, width) of each, or one length for both.
        vertical_flip: mirror top and bottom instead of left and right.

    Example:
        >>> import numpy as np
        >>> [crop.item() for crop in TenCrop(1)(np.arange(9).reshape(1, 3, 3))]
        [0, 2, 6, 8, 4, 2, 0, 8, 6, 4]
    """

    _v1_transform_cls = first.TenCrop

    def __init__(self, size: Size, vertical_flip: bool = False) -> None:
        self.size = full_size(size, TWO_DIMENSIONS)
        self.vertical_flip = vertical_flip

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.ten_crop, inpt, self.size, vertical_flip=self.vertical_flip)


class RandomCrop(Transform):
    """Cuts a window out at a random place.

    Args:
        size: (height, width), or one length for both.
        padding: a border to add first, as in `Pad`.
        pad_if_needed: add what a smaller image lacks, on both sides.
        fill: as in `Pad`.
        padding_mode: as in `Pad`.

    Raises:
        ArgumentError: another padding or mode; when called, the image is smaller than the window.

    Example:
        >>> import numpy as np
        >>> RandomCrop(2, padding=1)(np.ones((1, 2, 2), np.uint8)).shape
        (1, 2, 2)
    """

    _v1_transform_cls = first.RandomCrop

    def __init__(
        self,
        size: Size,
        padding: Size | None = None,
        pad_if_needed: bool = False,
        fill: Fill = 0,
        padding_mode: str = "constant",
    ) -> None:
        self.size = full_size(size, TWO_DIMENSIONS)
        if padding is not None:
            check_padding(padding)
        if pad_if_needed or padding is not None:
            check_padding_mode(padding_mode)
        self.padding = None
        if padding:
            left, top, right, bottom = sides(padding)
            self.padding = [left, right, top, bottom]
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self._fill = fills(fill)
        self.padding_mode = padding_mode

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        left, right, top, bottom = (0, 0, 0, 0) if self.padding is None else self.padding
        size = query_size(flat_inputs)
        before, after = [top, left], [bottom, right]
        padded = [size[0] + top + bottom, size[1] + left + right]
        for axis in (0, 1):
            lacking = self.size[axis] - padded[axis]
            if self.pad_if_needed and lacking > 0:
                before[axis], after[axis] = before[axis] + lacking, after[axis] + lacking
                padded[axis] += 2 * lacking
        height, width = self.size
        if padded[0] < height or padded[1] < width:
            which = "padded " if self.padding is not None else ""
            raise ArgumentError(
                f"Required crop size {(height, width)} is larger than {which}input image size {tuple(padded)}."
            )
        start = [_draws.integer(0, n - m + 1) if n > m else 0 for n, m in zip(padded, self.size, strict=True)]
        padding = [before[1], before[0], after[1], after[0]]
        return {
            "needs_crop": tuple(padded) != (height, width), "top": start[0], "left": start[1], "height": height,
            "width": width, "needs_pad": any(padding), "padding": padding,
        }  # fmt: skip

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        if params["needs_pad"]:
            fill = fill_for(self._fill, inpt)
            inpt = self._call_kernel(F.pad, inpt, padding=params["padding"], fill=fill, padding_mode=self.padding_mode)
        if params["needs_crop"]:
            window = {name: params[name] for name in ("top", "left", "height", "width")}
            inpt = self._call_kernel(F.crop, inpt, **window)
        return inpt
