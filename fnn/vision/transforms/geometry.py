"""Transforms of size and place."""

import math
import numbers
import warnings
from collections.abc import Sequence
from typing import Any

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision._images import ImageLike
from fnn.vision.transforms import _draws
from fnn.vision.transforms import functional as F
from fnn.vision.transforms._layout import PADDING_MODES
from fnn.vision.transforms._transform import TWO_DIMENSIONS, Transform, check_range, full_size, single
from fnn.vision.transforms.functional.modes import InterpolationMode, as_mode

__all__ = [
    "CenterCrop",
    "FiveCrop",
    "Pad",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomVerticalFlip",
    "Resize",
    "TenCrop",
]

Size = int | Sequence[int]


class Resize(Transform):
    """Resizes.  See `functional.resize`.

    Args:
        size: (height, width), or the length of the smaller edge.
        interpolation: an `InterpolationMode` or Pillow's number for one.
        max_size: the most that the longer edge may have.
        antialias: widen the filter where an array shrinks.

    >>> Resize(8)
    Resize(size=8, interpolation=bilinear, max_size=None, antialias=True)
    """

    def __init__(
        self,
        size: Size,
        interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        if not isinstance(size, (int, Sequence)):
            raise ArgumentTypeError(f"Size should be int or sequence. Got {type(size)}")
        if isinstance(size, Sequence) and len(size) not in (1, 2):
            raise ArgumentError(f"If size is a sequence, it should have 1 or 2 values, got size={size}")
        self.size = size
        self.max_size = max_size
        self.interpolation = as_mode(interpolation)
        self.antialias = antialias

    def forward(self, img: ImageLike) -> Any:
        return F.resize(img, self.size, self.interpolation, self.max_size, self.antialias)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(size={self.size}, interpolation={self.interpolation.value}, "
            f"max_size={self.max_size}, antialias={self.antialias})"
        )


class _Sized(Transform):
    """A transform whose only printed argument is its size."""

    def __init__(self, size: Size) -> None:
        self.size = full_size(size, TWO_DIMENSIONS)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size})"


class CenterCrop(_Sized):
    """Cuts the middle out.  See `functional.center_crop`.

    Args:
        size: (height, width), or one length for both.

    Example:
        >>> import numpy as np
        >>> CenterCrop(1)(np.arange(9).reshape(1, 3, 3)).tolist()
        [[[4]]]
    """

    def forward(self, img: ImageLike) -> Any:
        return F.center_crop(img, self.size)


class FiveCrop(_Sized):
    """A tuple of the four corners and the middle.  See `functional.five_crop`.

    Args:
        size: (height, width) of each, or one length for both.

    Example:
        >>> import numpy as np
        >>> [crop.item() for crop in FiveCrop(1)(np.arange(9).reshape(1, 3, 3))]
        [0, 2, 6, 8, 4]
    """

    def forward(self, img: ImageLike) -> Any:
        return F.five_crop(img, self.size)


class TenCrop(_Sized):
    """A tuple of `FiveCrop` of the image and of its mirror image.

    Args:
        size: (height, width) of each, or one length for both.
        vertical_flip: mirror top and bottom instead of left and right.

    Example:
        >>> import numpy as np
        >>> [crop.item() for crop in TenCrop(1)(np.arange(9).reshape(1, 3, 3))]
        [0, 2, 6, 8, 4, 2, 0, 8, 6, 4]
    """

    def __init__(self, size: Size, vertical_flip: bool = False) -> None:
        super().__init__(size)
        self.vertical_flip = vertical_flip

    def forward(self, img: ImageLike) -> Any:
        return F.ten_crop(img, self.size, self.vertical_flip)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size}, vertical_flip={self.vertical_flip})"


class Pad(Transform):
    """Adds a border.  See `functional.pad`.

    Args:
        padding: of all sides, (x, y), or (left, top, right, bottom).
        fill: the colour, in mode ``"constant"``.
        padding_mode: ``"constant"``, ``"edge"``, ``"reflect"`` or ``"symmetric"``.

    Example:
        >>> import numpy as np
        >>> Pad(1, fill=9)(np.zeros((1, 1, 1), np.uint8)).tolist()
        [[[9, 9, 9], [9, 0, 9], [9, 9, 9]]]
    """

    def __init__(self, padding: Size, fill: object = 0, padding_mode: str = "constant") -> None:
        if not isinstance(padding, (numbers.Number, tuple, list)):
            raise ArgumentTypeError(f"Got inappropriate padding arg: expected a number or a sequence, got {padding!r}")
        if not isinstance(fill, (numbers.Number, tuple, list)):
            raise ArgumentTypeError(f"Got inappropriate fill arg: expected a number or a sequence, got {fill!r}")
        if padding_mode not in PADDING_MODES:
            raise ArgumentError(
                f"Padding mode should be either constant, edge, reflect or symmetric, got {padding_mode!r}"
            )
        if isinstance(padding, (tuple, list)) and len(padding) not in (1, 2, 4):
            raise ArgumentError(
                f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(padding)} element tuple"
            )
        self.padding = padding
        self.fill = fill
        self.padding_mode = padding_mode

    def forward(self, img: ImageLike) -> Any:
        return F.pad(img, self.padding, self.fill, self.padding_mode)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(padding={self.padding}, fill={self.fill}, padding_mode={self.padding_mode})"


class RandomCrop(Transform):
    """Cuts a window out at a random place.

    Args:
        size: (height, width), or one length for both.
        padding: a border to add first, as in `Pad`.
        pad_if_needed: add what a smaller image lacks.
        fill: the colour of the border, in mode ``"constant"``.
        padding_mode: as in `Pad`.

    >>> RandomCrop(32, padding=4)
    RandomCrop(size=(32, 32), padding=4)
    """

    def __init__(
        self,
        size: Size,
        padding: Size | None = None,
        pad_if_needed: bool = False,
        fill: object = 0,
        padding_mode: str = "constant",
    ) -> None:
        self.size = tuple(full_size(size, TWO_DIMENSIONS))
        self.padding = padding
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = padding_mode

    @staticmethod
    def get_params(img: ImageLike, output_size: Sequence[int]) -> tuple[int, int, int, int]:
        """Draws a window: its first row and column, its height and width.

        Raises:
            ArgumentError: the image is smaller than the window.
        """
        _, h, w = F.get_dimensions(img)
        height, width = output_size
        if h < height or w < width:
            raise ArgumentError(f"Required crop size {(height, width)} is larger than input image size {(h, w)}")
        if (h, w) == (height, width):
            return 0, 0, h, w
        i = _draws.integer(0, h - height + 1)
        j = _draws.integer(0, w - width + 1)
        return i, j, height, width

    def forward(self, img: ImageLike) -> Any:
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        _, height, width = F.get_dimensions(img)
        if self.pad_if_needed and width < self.size[1]:
            img = F.pad(img, (self.size[1] - width, 0), self.fill, self.padding_mode)
        if self.pad_if_needed and height < self.size[0]:
            img = F.pad(img, (0, self.size[0] - height), self.fill, self.padding_mode)
        return F.crop(img, *self.get_params(img, self.size))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size}, padding={self.padding})"


class _Flip(Transform):
    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


class RandomHorizontalFlip(_Flip):
    """Mirrors left and right.

    Args:
        p: the probability.

    Example:
        >>> import numpy as np
        >>> RandomHorizontalFlip(p=1.0)(np.array([[[1, 2], [3, 4]]])).tolist()
        [[[2, 1], [4, 3]]]
    """

    def forward(self, img: ImageLike) -> Any:
        return F.hflip(img) if _draws.rand() < single(self.p) else img


class RandomVerticalFlip(_Flip):
    """Mirrors top and bottom.

    Args:
        p: the probability.

    Example:
        >>> import numpy as np
        >>> RandomVerticalFlip(p=1.0)(np.array([[[1, 2], [3, 4]]])).tolist()
        [[[3, 4], [1, 2]]]
    """

    def forward(self, img: ImageLike) -> Any:
        return F.vflip(img) if _draws.rand() < single(self.p) else img


def _window(height: int, width: int, scale: Sequence[float], ratio: Sequence[float]) -> tuple[int, int, int, int]:
    """Draws a window of random area, shape and place: its first row and column, its height and width."""
    low, high = (_draws.log(r) for r in ratio)
    for _ in range(10):
        area = height * width * _draws.uniform(scale[0], scale[1])
        aspect = _draws.exp(_draws.uniform(low, high))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            i = _draws.integer(0, height - h + 1)
            j = _draws.integer(0, width - w + 1)
            return i, j, h, w
    h, w = height, width
    if width / height < min(ratio):
        h = round(w / min(ratio))
    elif width / height > max(ratio):
        w = round(h * max(ratio))
    return (height - h) // 2, (width - w) // 2, h, w


class RandomResizedCrop(Transform):
    """Cuts a window of random area, shape and place out and resizes it.

    Args:
        size: (height, width) of the result, or one length for both.
        scale: the range of the window's share of the image's area.
        ratio: the range of its width by its height; the logarithm is uniform.
        interpolation: as in `Resize`.
        antialias: as in `Resize`.

    Example:
        >>> import numpy as np
        >>> RandomResizedCrop(4)(np.zeros((3, 9, 7), np.uint8)).shape
        (3, 4, 4)
    """

    def __init__(
        self,
        size: Size,
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3.0 / 4.0, 4.0 / 3.0),
        interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        self.size = full_size(size, TWO_DIMENSIONS)
        check_range(scale, ratio)
        if scale[0] > scale[1] or ratio[0] > ratio[1]:
            warnings.warn("Scale and ratio should be of kind (min, max)", stacklevel=2)
        self.interpolation = as_mode(interpolation)
        self.antialias = antialias
        self.scale = scale
        self.ratio = ratio

    @staticmethod
    def get_params(img: ImageLike, scale: Sequence[float], ratio: Sequence[float]) -> tuple[int, int, int, int]:
        """Draws a window: its first row and column, its height and width.

        After ten draws that do not fit into the image, the largest window in the middle of an allowed shape.
        """
        _, height, width = F.get_dimensions(img)
        return _window(height, width, scale, ratio)

    def forward(self, img: ImageLike) -> Any:
        i, j, h, w = self.get_params(img, self.scale, self.ratio)
        return F.resized_crop(img, i, j, h, w, self.size, self.interpolation, self.antialias)

    def __repr__(self) -> str:
        scale, ratio = (tuple(round(value, 4) for value in pair) for pair in (self.scale, self.ratio))
        return (
            f"{type(self).__name__}(size={self.size}, scale={scale}, ratio={ratio}, "
            f"interpolation={self.interpolation.value}, antialias={self.antialias})"
        )
