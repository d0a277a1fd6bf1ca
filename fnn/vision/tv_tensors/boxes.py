"""Typed arrays of places in an image: bounding boxes and key points."""

from collections.abc import Sequence
from enum import Enum
from typing import ClassVar, Self

import numpy as np

from fnn.errors import ArgumentError
from fnn.vision._images import is_floating
from fnn.vision.tv_tensors.tv_tensor import TVTensor, as_array

__all__ = ["BoundingBoxFormat", "BoundingBoxes", "KeyPoints", "as_format", "is_rotated_bounding_format"]


class BoundingBoxFormat(Enum):
    """What the coordinates of a box are.

    * ``XYXY``: the upper left and the lower right corner.
    * ``XYWH``: the upper left corner, width and height.
    * ``CXCYWH``: the centre, width and height.
    * ``XYWHR`` and ``CXCYWHR``: likewise, turned by an angle in degrees, counter-clockwise, around the corner or the
      centre.
    * ``XYXYXYXY``: the four corners of a rotated box, from the upper left one on, clockwise.

    Example:
        >>> BoundingBoxFormat["XYWH"]
        <BoundingBoxFormat.XYWH: 'XYWH'>
    """

    XYXY = "XYXY"
    XYWH = "XYWH"
    CXCYWH = "CXCYWH"
    XYWHR = "XYWHR"
    CXCYWHR = "CXCYWHR"
    XYXYXYXY = "XYXYXYXY"

    @property
    def layout(self) -> None:
        """None: `jax.jit` asks each of its arguments for ``format.layout``, that of the array in memory."""
        return None


_ROTATED = (BoundingBoxFormat.XYWHR, BoundingBoxFormat.CXCYWHR, BoundingBoxFormat.XYXYXYXY)


def as_format(format: BoundingBoxFormat | str) -> BoundingBoxFormat:
    """A format, or its name in any case of letters."""
    if isinstance(format, BoundingBoxFormat):
        return format
    if not isinstance(format, str) or format.upper() not in BoundingBoxFormat.__members__:
        raise ArgumentError(f"format should be one of {list(BoundingBoxFormat.__members__)}, got {format!r}")
    return BoundingBoxFormat[format.upper()]


def is_rotated_bounding_format(format: BoundingBoxFormat | str) -> bool:
    """Whether boxes of this format have an angle.

    Args:
        format: a `BoundingBoxFormat` or its name.

    Raises:
        ArgumentError: neither of the two.

    Example:
        >>> is_rotated_bounding_format("XYWHR"), is_rotated_bounding_format(BoundingBoxFormat.XYXY)
        (True, False)
    """
    if isinstance(format, BoundingBoxFormat):
        return format in _ROTATED
    if isinstance(format, str):
        return format in {rotated.value for rotated in _ROTATED}
    raise ArgumentError(f"format should be str or BoundingBoxFormat, got {type(format)}")


def _size(canvas_size: Sequence[int]) -> tuple[int, int]:
    if len(canvas_size) != 2:
        raise ArgumentError(f"canvas_size should be (height, width), got {canvas_size}")
    return canvas_size[0], canvas_size[1]


def check_clamping(clamping_mode: object) -> None:
    """Refuses what is no way to clamp boxes."""
    if clamping_mode not in (None, "hard", "soft"):
        raise ArgumentError(f"clamping_mode must be None, hard or soft, got {clamping_mode}.")


class BoundingBoxes(TVTensor):
    """Boxes in an image: (N, K), with K = 4, or 5 or 8 for rotated ones.

    Args:
        data: an array or nested lists (N, K) or (K,).
        format: a `BoundingBoxFormat` or its name.
        canvas_size: height and width of the image.
        clamping_mode: how transforms keep the boxes in the image: ``"soft"``, ``"hard"``, or None for not at all.
            The two differ for rotated boxes: the smallest one around what is left, or the largest one within.
        dtype: of the values; default: that of ``data``.
        device: None or ``"cpu"``; they live on the host.
        requires_grad: None or False; gradients are those of a `jax.Array`.

    Attributes:
        format: a `BoundingBoxFormat`.
        canvas_size: height and width of the image.
        clamping_mode: as given.

    Raises:
        ArgumentError: another number of dimensions, an unknown format or mode, or rotated boxes of integers.

    Example:
        >>> BoundingBoxes([10, 10, 20, 30], format="xyxy", canvas_size=(32, 48))
        BoundingBoxes([[10, 10, 20, 30]], format=BoundingBoxFormat.XYXY, canvas_size=(32, 48), clamping_mode=soft)
    """

    _METADATA: ClassVar[tuple[str, ...]] = ("format", "canvas_size", "clamping_mode")
    format: BoundingBoxFormat
    canvas_size: tuple[int, int]
    clamping_mode: str | None

    def __new__(
        cls,
        data: object,
        *,
        format: BoundingBoxFormat | str,
        canvas_size: tuple[int, int],
        clamping_mode: str | None = "soft",
        dtype: object = None,
        device: object = None,
        requires_grad: bool | None = None,
    ) -> Self:
        array = as_array(data, dtype, device, requires_grad, cls.__name__)
        if not is_floating(array.dtype) and is_rotated_bounding_format(format):
            raise ArgumentError(f"Rotated bounding boxes should be floating point tensors, got {array.dtype}.")
        return cls._made(array, format, canvas_size, clamping_mode)

    @classmethod
    def _made(
        cls, array: np.ndarray, format: BoundingBoxFormat | str, canvas_size: Sequence[int], clamping_mode: str | None
    ) -> Self:
        if array.ndim not in (1, 2):
            raise ArgumentError(f"Expected a 1D or 2D tensor, got {array.ndim}D")
        check_clamping(clamping_mode)
        boxes = np.atleast_2d(array).view(cls)
        boxes.format, boxes.canvas_size, boxes.clamping_mode = as_format(format), _size(canvas_size), clamping_mode
        return boxes

    @classmethod
    def wrap(cls, tensor: np.ndarray, like: TVTensor, **kwargs: object) -> TVTensor:
        """The array as boxes, with the metadata of ``like``, but for ``kwargs``."""
        known = {name: kwargs[name] if name in kwargs else getattr(like, name) for name in cls._METADATA}
        return cls._made(tensor, **known)  # pyright: ignore[reportArgumentType]


class KeyPoints(TVTensor):
    """Points in an image: (..., 2), each of x and y; also polygons (N, L, 2) and the bones of skeletons (N, B, 2, 2).

    Args:
        data: an array or nested lists (..., 2).
        canvas_size: height and width of the image.
        dtype: of the values; default: that of ``data``.
        device: None or ``"cpu"``; they live on the host.
        requires_grad: None or False; gradients are those of a `jax.Array`.

    Attributes:
        canvas_size: height and width of the image.

    Raises:
        ArgumentError: the last axis is not of two.

    Example:
        >>> KeyPoints([[3, 4], [5, 6]], canvas_size=(8, 8)).shape
        (2, 2)
    """

    _METADATA: ClassVar[tuple[str, ...]] = ("canvas_size",)
    canvas_size: tuple[int, int]

    def __new__(
        cls,
        data: object,
        *,
        canvas_size: tuple[int, int],
        dtype: object = None,
        device: object = None,
        requires_grad: bool | None = None,
    ) -> Self:
        return cls._made(as_array(data, dtype, device, requires_grad, cls.__name__), canvas_size)

    @classmethod
    def _made(cls, array: np.ndarray, canvas_size: Sequence[int]) -> Self:
        if array.ndim == 1:
            array = array[None]
        if array.ndim == 0 or array.shape[-1] != 2:
            raise ArgumentError(f"Expected a tensor of shape (..., 2), not {array.shape}")
        points = array.view(cls)
        points.canvas_size = _size(canvas_size)
        return points

    @classmethod
    def wrap(cls, tensor: np.ndarray, like: TVTensor, **kwargs: object) -> TVTensor:
        """The array as points, with the canvas of ``like``, or of ``kwargs``."""
        return cls._made(tensor, kwargs["canvas_size"] if "canvas_size" in kwargs else like.canvas_size)  # pyright: ignore
