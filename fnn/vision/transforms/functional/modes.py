"""The names of the interpolations, and Pillow's numbers for them."""

from enum import Enum

from fnn.errors import ArgumentError, ArgumentTypeError

__all__ = ["InterpolationMode", "as_mode", "named_mode", "pil_modes_mapping"]


class InterpolationMode(Enum):
    """How to compute pixels that lie between pixels.

    Arrays know ``NEAREST``, ``NEAREST_EXACT``, ``BILINEAR`` and ``BICUBIC``, PIL images all of them.

    Example:
        >>> import numpy as np
        >>> from fnn.vision import transforms
        >>> enlarge = transforms.Resize(2, interpolation=transforms.InterpolationMode.NEAREST)
        >>> enlarge(np.array([[[7]]], np.uint8)).tolist()
        [[[7, 7], [7, 7]]]
    """

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


pil_modes_mapping = {
    InterpolationMode.NEAREST: 0,
    InterpolationMode.BILINEAR: 2,
    InterpolationMode.BICUBIC: 3,
    InterpolationMode.NEAREST_EXACT: 0,
    InterpolationMode.BOX: 4,
    InterpolationMode.HAMMING: 5,
    InterpolationMode.LANCZOS: 1,
}
_FROM_PIL = {number: mode for mode, number in pil_modes_mapping.items() if mode != InterpolationMode.NEAREST_EXACT}


def as_mode(interpolation: object) -> InterpolationMode:
    """An `InterpolationMode`, or Pillow's number for one.

    Raises:
        ArgumentTypeError: neither of the two.
        ArgumentError: a number that Pillow does not use.
    """
    if isinstance(interpolation, InterpolationMode):
        return interpolation
    if isinstance(interpolation, int):
        if interpolation not in _FROM_PIL:
            raise ArgumentError(f"interpolation={interpolation}: expected one of Pillow's constants {list(_FROM_PIL)}")
        return _FROM_PIL[interpolation]
    raise ArgumentTypeError(
        "Argument interpolation should be a InterpolationMode or a corresponding Pillow integer constant, "
        f"got {interpolation!r}"
    )


def named_mode(interpolation: object) -> InterpolationMode:
    """An `InterpolationMode`, its value (``"bilinear"``), or Pillow's number for one."""
    if not isinstance(interpolation, str):
        return as_mode(interpolation)
    names = [mode.value for mode in InterpolationMode]
    if interpolation not in names:
        raise ArgumentError(f"Invalid interpolation mode: '{interpolation}'. Supported string values are: {names}.")
    return InterpolationMode(interpolation)
