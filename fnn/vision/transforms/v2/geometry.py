"""Transforms of size and place: mirrors, other sizes, borders."""

from collections.abc import Sequence
from typing import Any

from fnn.errors import ArgumentError
from fnn.vision import transforms as first
from fnn.vision.transforms.functional.modes import InterpolationMode
from fnn.vision.transforms.v2 import functional as F
from fnn.vision.transforms.v2._arguments import Fill, check_padding, check_padding_mode, fill_for, fills
from fnn.vision.transforms.v2.transform import RandomlyApplied, Transform

__all__ = ["Pad", "RandomHorizontalFlip", "RandomVerticalFlip", "Resize"]

Size = int | Sequence[int]
Mode = str | InterpolationMode | int


class RandomHorizontalFlip(RandomlyApplied):
    """Mirrors left and right.

    Args:
        p: the probability.

    Example:
        >>> import numpy as np
        >>> RandomHorizontalFlip(p=1.0)(np.array([[[1, 2], [3, 4]]])).tolist()
        [[[2, 1], [4, 3]]]
    """

    _v1_transform_cls = first.RandomHorizontalFlip

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.horizontal_flip, inpt)


class RandomVerticalFlip(RandomlyApplied):
    """Mirrors top and bottom.

    Args:
        p: the probability.

    Example:
        >>> import numpy as np
        >>> RandomVerticalFlip(p=1.0)(np.array([[[1, 2], [3, 4]]])).tolist()
        [[[3, 4], [1, 2]]]
    """

    _v1_transform_cls = first.RandomVerticalFlip

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.vertical_flip, inpt)


class Resize(Transform):
    """Another size.  See `functional.resize`.

    Args:
        size: (height, width), the length of the smaller edge, or None: the longer edge is ``max_size``.
        interpolation: an `InterpolationMode`, its value, or Pillow's number for one; masks take the nearest value.
        max_size: the most that the longer edge may have.
        antialias: widen the filter where an array shrinks.

    Raises:
        ArgumentError: another size, or none without a ``max_size``.

    Example:
        >>> Resize(8)
        Resize(size=[8], interpolation=bilinear, antialias=True)
    """

    _v1_transform_cls = first.Resize

    def __init__(
        self,
        size: Size | None,
        interpolation: Mode = "bilinear",
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        if size is None:
            if not isinstance(max_size, int):
                raise ArgumentError(f"max_size must be an integer when size is None, but got {max_size} instead.")
            self.size = None
        elif isinstance(size, int):
            self.size = [size]
        elif isinstance(size, Sequence) and len(size) in (1, 2):
            self.size = list(size)
        else:
            raise ArgumentError(
                f"size can be an integer, a sequence of one or two integers, or None, but got {size} instead."
            )
        self.interpolation = interpolation
        self.max_size = max_size
        self.antialias = antialias

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(
            F.resize, inpt, self.size, interpolation=self.interpolation, max_size=self.max_size,
            antialias=self.antialias,
        )  # fmt: skip


class Pad(Transform):
    """Adds a border.  See `functional.pad`.

    Args:
        padding: of all sides, (x, y), or (left, top, right, bottom).
        fill: the colour, in mode ``"constant"``; or a dict of classes to colours, with ``"others"`` for the rest.
        padding_mode: ``"constant"``, ``"edge"``, ``"reflect"`` or ``"symmetric"``.

    Raises:
        ArgumentError: another padding or mode.

    Example:
        >>> import numpy as np
        >>> Pad(1, fill=9)(np.zeros((1, 1, 1), np.uint8)).tolist()
        [[[9, 9, 9], [9, 0, 9], [9, 9, 9]]]
    """

    _v1_transform_cls = first.Pad

    def __init__(self, padding: Size, fill: Fill = 0, padding_mode: str = "constant") -> None:
        check_padding(padding)
        check_padding_mode(padding_mode)
        self.padding = padding if isinstance(padding, int) else list(padding)
        self.fill = fill
        self._fill = fills(fill)
        self.padding_mode = padding_mode

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        fill = fill_for(self._fill, inpt)
        return self._call_kernel(F.pad, inpt, padding=self.padding, fill=fill, padding_mode=self.padding_mode)
