"""A transform that hides a part."""

import math
import numbers
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.host_random import default_generator
from fnn.vision.transforms import _draws
from fnn.vision.transforms import functional as F
from fnn.vision.transforms._transform import Transform, check_range, single

__all__ = ["RandomErasing"]


def _window(
    channels: int,
    height: int,
    width: int,
    scale: Sequence[float],
    ratio: Sequence[float],
    value: Sequence[float] | None,
) -> tuple[int, int, int, int, np.ndarray] | None:
    """Draws a window and what to write there; None after ten draws that do not fit."""
    low, high = (_draws.log(r) for r in ratio)
    for _ in range(10):
        area = height * width * _draws.uniform(scale[0], scale[1])
        aspect = _draws.exp(_draws.uniform(low, high))
        h, w = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if not (h < height and w < width):
            continue
        if value is None:
            v = default_generator.normal((channels, h, w))
        else:
            v = np.array(value, np.float32)[:, None, None]
        i = _draws.integer(0, height - h + 1)
        j = _draws.integer(0, width - w + 1)
        return i, j, h, w, v
    return None


class RandomErasing(Transform):
    """Overwrites a random window of an array (https://arxiv.org/abs/1708.04896).

    Args:
        p: the probability.
        scale: the range of the window's share of the image's area, within 0 and 1.
        ratio: the range of its height by its width; the logarithm is uniform.
        value: what to write: one number, one a channel, or ``"random"`` for normal noise.
        inplace: write into the input itself (numpy arrays only).

    >>> RandomErasing()
    RandomErasing(p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0, inplace=False)
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: float | str | Sequence[float] = 0,
        inplace: bool = False,
    ) -> None:
        if not isinstance(value, (numbers.Number, str, tuple, list)):
            raise ArgumentTypeError(f"Argument value should be either a number or str or a sequence. Got {value!r}")
        if isinstance(value, str) and value != "random":
            raise ArgumentError(f"If value is str, it should be 'random'. Got {value!r}")
        check_range(scale, ratio)
        if scale[0] > scale[1] or ratio[0] > ratio[1]:
            warnings.warn("Scale and ratio should be of kind (min, max)", stacklevel=2)
        if scale[0] < 0 or scale[1] > 1:
            raise ArgumentError(f"Scale should be between 0 and 1. Got {scale}")
        if p < 0 or p > 1:
            raise ArgumentError(f"Random erasing probability should be between 0 and 1. Got {p}")
        self.p = p
        self.scale = scale
        self.ratio = ratio
        self.value = value
        self.inplace = inplace

    @staticmethod
    def get_params(
        img: Any, scale: Sequence[float], ratio: Sequence[float], value: Sequence[float] | None = None
    ) -> tuple[int, int, int, int, Any]:
        """Draws a window (its first row and column, its height and width) and what to write there.

        Args:
            img: an array (..., C, H, W).
            scale: the range of the window's share of the area.
            ratio: the range of its height by its width.
            value: one value or one a channel; None: normal noise.

        Returns:
            after ten draws that do not fit into the image, the image itself.
        """
        channels, height, width = img.shape[-3:]
        drawn = _window(channels, height, width, scale, ratio, value)
        return (0, 0, height, width, img) if drawn is None else drawn

    def forward(self, img: Any) -> Any:
        if not _draws.rand() < single(self.p):
            return img
        if not hasattr(img, "shape"):
            raise ArgumentTypeError(f"img should be Tensor Image. Got {type(img)}")
        value = self.value
        if isinstance(value, str):
            value = None
        else:
            value = [float(v) for v in value] if isinstance(value, (list, tuple)) else [float(value)]  # pyright: ignore[reportArgumentType]
            if len(value) not in (1, img.shape[-3]):
                raise ArgumentError(
                    "If value is a sequence, it should have either a single value or "
                    f"{img.shape[-3]} (number of input channels), got {len(value)}"
                )
        return F.erase(img, *self.get_params(img, self.scale, self.ratio, value), self.inplace)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(p={self.p}, scale={self.scale}, ratio={self.ratio}, value={self.value}, "
            f"inplace={self.inplace})"
        )
