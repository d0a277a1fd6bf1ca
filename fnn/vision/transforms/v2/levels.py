"""Transforms that sometimes invert, take fewer levels, or change histograms and sharpness."""

from typing import Any

from fnn.vision import transforms as first
from fnn.vision.transforms.v2 import functional as F
from fnn.vision.transforms.v2.transform import RandomlyApplied

__all__ = [
    "RandomAdjustSharpness", "RandomAutocontrast", "RandomEqualize", "RandomInvert", "RandomPosterize",
    "RandomSolarize",
]  # fmt: skip


class RandomEqualize(RandomlyApplied):
    """Sometimes makes the histogram of each channel flat.

    Args:
        p: the probability.

    Example:
        >>> import numpy as np
        >>> image = np.repeat(np.arange(100, 104, dtype=np.uint8), 256).reshape(1, 32, 32)
        >>> np.unique(RandomEqualize(p=1.0)(image)).tolist()
        [0, 85, 171, 255]
    """

    _v1_transform_cls = first.RandomEqualize

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.equalize, inpt)


class RandomInvert(RandomlyApplied):
    """Sometimes white minus the image.

    Args:
        p: the probability.

    Example:
        >>> import numpy as np
        >>> RandomInvert(p=1.0)(np.array([[[0, 55, 255]]], np.uint8)).tolist()
        [[[255, 200, 0]]]
    """

    _v1_transform_cls = first.RandomInvert

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.invert, inpt)


class RandomPosterize(RandomlyApplied):
    """Sometimes only the most significant bits.

    Args:
        bits: how many to keep, 0 to 8.
        p: the probability.

    Example:
        >>> import numpy as np
        >>> RandomPosterize(bits=1, p=1.0)(np.array([[[100, 127, 128, 200]]], np.uint8)).tolist()
        [[[0, 0, 128, 128]]]
    """

    _v1_transform_cls = first.RandomPosterize

    def __init__(self, bits: int, p: float = 0.5) -> None:
        super().__init__(p)
        self.bits = bits

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.posterize, inpt, bits=self.bits)


class RandomSolarize(RandomlyApplied):
    """Sometimes inverts all values from a threshold up.

    Args:
        threshold: the first value to invert.
        p: the probability.

    Example:
        >>> import numpy as np
        >>> RandomSolarize(threshold=128, p=1.0)(np.array([[[100, 127, 128, 200]]], np.uint8)).tolist()
        [[[100, 127, 127, 55]]]
    """

    _v1_transform_cls = first.RandomSolarize

    def __init__(self, threshold: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.threshold = threshold

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.solarize, inpt, threshold=self.threshold)


class RandomAutocontrast(RandomlyApplied):
    """Sometimes stretches each channel from black to white.

    Args:
        p: the probability.

    Example:
        >>> import numpy as np
        >>> RandomAutocontrast(p=1.0)(np.array([[[0.25, 0.375, 0.5]]], np.float32)).tolist()
        [[[0.0, 0.5, 1.0]]]
    """

    _v1_transform_cls = first.RandomAutocontrast

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.autocontrast, inpt)


class RandomAdjustSharpness(RandomlyApplied):
    """Sometimes sharper or smoother.

    Args:
        sharpness_factor: 0 gives the smoothed image, 1 the image, 2 twice its sharpness.
        p: the probability.

    Example:
        >>> import numpy as np
        >>> sharpen = RandomAdjustSharpness(sharpness_factor=2, p=1.0)
        >>> sharpen(np.array([[[100] * 3, [100, 110, 100], [100] * 3]], np.uint8)).tolist()
        [[[100, 100, 100], [100, 116, 100], [100, 100, 100]]]
    """

    _v1_transform_cls = first.RandomAdjustSharpness

    def __init__(self, sharpness_factor: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.sharpness_factor = sharpness_factor

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.adjust_sharpness, inpt, sharpness_factor=self.sharpness_factor)
