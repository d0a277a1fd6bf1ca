"""Transforms of colour and sharpness."""

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.host_random import default_generator
from fnn.vision._images import ImageLike
from fnn.vision.transforms import _draws
from fnn.vision.transforms import functional as F
from fnn.vision.transforms._transform import Transform, full_size, single

__all__ = [
    "ColorJitter",
    "GaussianBlur",
    "Grayscale",
    "RandomAdjustSharpness",
    "RandomAutocontrast",
    "RandomEqualize",
    "RandomGrayscale",
    "RandomInvert",
    "RandomPosterize",
    "RandomSolarize",
]

Range = float | Sequence[float]


class ColorJitter(Transform):
    """Changes brightness, contrast, saturation and hue at random, in random order.

    Args:
        brightness: the range of the factor; a number b stands for (max(0, 1 - b), 1 + b).
        contrast: likewise.
        saturation: likewise.
        hue: the range of the turn, within (-0.5, 0.5); a number h stands for (-h, h).

    >>> ColorJitter(brightness=0.5, hue=0.1)
    ColorJitter(brightness=(0.5, 1.5), contrast=None, saturation=None, hue=(-0.1, 0.1))
    """

    def __init__(self, brightness: Range = 0, contrast: Range = 0, saturation: Range = 0, hue: Range = 0) -> None:
        self.brightness = self._range(brightness, "brightness")
        self.contrast = self._range(contrast, "contrast")
        self.saturation = self._range(saturation, "saturation")
        self.hue = self._range(hue, "hue", center=0, bound=(-0.5, 0.5), cut=False)

    @staticmethod
    def _range(
        value: object, name: str, center: float = 1, bound: tuple[float, float] = (0, float("inf")), cut: bool = True
    ) -> tuple[float, float] | None:
        if isinstance(value, numbers.Real):
            if value < 0:
                raise ArgumentError(f"If {name} is a single number, it must be non negative. Got {value}")
            low, high = center - float(value), center + float(value)
            if cut:
                low = max(low, 0.0)
        elif isinstance(value, (tuple, list)) and len(value) == 2:
            low, high = float(value[0]), float(value[1])
        else:
            raise ArgumentTypeError(f"{name} should be a single number or a list/tuple with length 2. Got {value!r}")
        if not bound[0] <= low <= high <= bound[1]:
            raise ArgumentError(f"{name} values should be between {bound}, but got {[low, high]}.")
        return None if low == high == center else (low, high)

    @staticmethod
    def get_params(
        brightness: Sequence[float] | None,
        contrast: Sequence[float] | None,
        saturation: Sequence[float] | None,
        hue: Sequence[float] | None,
    ) -> tuple[np.ndarray, float | None, float | None, float | None, float | None]:
        """Draws the order of the four changes and the factor of each that has a range."""
        order = default_generator.randperm(4)
        ranges = (brightness, contrast, saturation, hue)
        b, c, s, h = (None if pair is None else _draws.uniform(pair[0], pair[1]) for pair in ranges)
        return order, b, c, s, h

    def forward(self, img: ImageLike) -> Any:
        order, *factors = self.get_params(self.brightness, self.contrast, self.saturation, self.hue)
        changes = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
        for i in order:
            factor = factors[i]
            if factor is not None:
                img = changes[i](img, factor)
        return img

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(brightness={self.brightness}, contrast={self.contrast}, "
            f"saturation={self.saturation}, hue={self.hue})"
        )


class Grayscale(Transform):
    """A grey image.  See `functional.rgb_to_grayscale`.

    Args:
        num_output_channels: 1 or 3 (equal ones).

    Example:
        >>> Grayscale()(np.array([[[255]], [[0]], [[0]]], np.uint8)).tolist()
        [[[76]]]
    """

    def __init__(self, num_output_channels: int = 1) -> None:
        self.num_output_channels = num_output_channels

    def forward(self, img: ImageLike) -> Any:
        return F.rgb_to_grayscale(img, num_output_channels=self.num_output_channels)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(num_output_channels={self.num_output_channels})"


class RandomGrayscale(Transform):
    """Sometimes a grey image, of as many channels.

    Args:
        p: the probability.

    Example:
        >>> RandomGrayscale(p=1.0)(np.array([[[255]], [[0]], [[0]]], np.uint8)).tolist()
        [[[76]], [[76]], [[76]]]
    """

    def __init__(self, p: float = 0.1) -> None:
        self.p = p

    def forward(self, img: ImageLike) -> Any:
        channels, _, _ = F.get_dimensions(img)
        return F.rgb_to_grayscale(img, num_output_channels=channels) if _draws.rand() < single(self.p) else img

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


class GaussianBlur(Transform):
    """Smooths by a Gaussian of random width.  See `functional.gaussian_blur`.

    Args:
        kernel_size: odd; one or two.
        sigma: the range of the standard deviation, or one number for all.

    Example:
        >>> blur = GaussianBlur(3, sigma=(0.5, 0.5))
        >>> blur(np.array([[[0, 0, 0], [0, 255, 0], [0, 0, 0]]], np.uint8)).tolist()
        [[[12, 43, 12], [43, 158, 43], [12, 43, 12]]]
    """

    def __init__(self, kernel_size: int | Sequence[int], sigma: Range = (0.1, 2.0)) -> None:
        self.kernel_size = full_size(kernel_size, "Kernel size should be a tuple/list of two integers.")
        for size in self.kernel_size:
            if size <= 0 or size % 2 == 0:
                raise ArgumentError(f"Kernel size value should be an odd and positive number. Got {size}")
        if isinstance(sigma, numbers.Real):
            if sigma <= 0:
                raise ArgumentError(f"If sigma is a single number, it must be positive. Got {sigma}")
            sigma = (sigma, sigma)  # pyright: ignore[reportAssignmentType]
        elif not isinstance(sigma, Sequence) or len(sigma) != 2:
            raise ArgumentError(f"sigma should be a single number or a list/tuple with length 2. Got {sigma!r}")
        elif not 0.0 < sigma[0] <= sigma[1]:
            raise ArgumentError(f"sigma values should be positive and of the form (min, max). Got {sigma}")
        self.sigma: Any = sigma

    @staticmethod
    def get_params(sigma_min: float, sigma_max: float) -> float:
        """Draws a standard deviation."""
        return _draws.uniform(sigma_min, sigma_max)

    def forward(self, img: ImageLike) -> Any:
        sigma = self.get_params(self.sigma[0], self.sigma[1])
        return F.gaussian_blur(img, self.kernel_size, [sigma, sigma])

    def __repr__(self) -> str:
        return f"{type(self).__name__}(kernel_size={self.kernel_size}, sigma={self.sigma})"


class _Randomly(Transform):
    """Does something with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def _changed(self, img: ImageLike) -> Any:
        raise NotImplementedError

    def forward(self, img: ImageLike) -> Any:
        return self._changed(img) if _draws.rand() < self.p else img

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


class RandomInvert(_Randomly):
    """Sometimes white minus the image.

    Args:
        p: the probability.

    Example:
        >>> RandomInvert(p=1.0)(np.array([[[0, 55, 255]]], np.uint8)).tolist()
        [[[255, 200, 0]]]
    """

    def _changed(self, img: ImageLike) -> Any:
        return F.invert(img)


class RandomPosterize(_Randomly):
    """Sometimes only the most significant bits.

    Args:
        bits: how many to keep, 0 to 8.
        p: the probability.

    Example:
        >>> RandomPosterize(bits=1, p=1.0)(np.array([[[100, 127, 128, 200]]], np.uint8)).tolist()
        [[[0, 0, 128, 128]]]
    """

    def __init__(self, bits: int, p: float = 0.5) -> None:
        super().__init__(p)
        self.bits = bits

    def _changed(self, img: ImageLike) -> Any:
        return F.posterize(img, self.bits)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(bits={self.bits},p={self.p})"


class RandomSolarize(_Randomly):
    """Sometimes inverts all values from a threshold up.

    Args:
        threshold: the first value to invert.
        p: the probability.

    Example:
        >>> RandomSolarize(threshold=128, p=1.0)(np.array([[[100, 127, 128, 200]]], np.uint8)).tolist()
        [[[100, 127, 127, 55]]]
    """

    def __init__(self, threshold: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.threshold = threshold

    def _changed(self, img: ImageLike) -> Any:
        return F.solarize(img, self.threshold)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(threshold={self.threshold},p={self.p})"


class RandomAdjustSharpness(_Randomly):
    """Sometimes sharper or smoother.

    Args:
        sharpness_factor: 0 gives the smoothed image, 1 the image, 2 twice its sharpness.
        p: the probability.

    Example:
        >>> sharpen = RandomAdjustSharpness(sharpness_factor=2, p=1.0)
        >>> sharpen(np.array([[[100] * 3, [100, 110, 100], [100] * 3]], np.uint8)).tolist()
        [[[100, 100, 100], [100, 116, 100], [100, 100, 100]]]
    """

    def __init__(self, sharpness_factor: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.sharpness_factor = sharpness_factor

    def _changed(self, img: ImageLike) -> Any:
        return F.adjust_sharpness(img, self.sharpness_factor)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(sharpness_factor={self.sharpness_factor},p={self.p})"


class RandomAutocontrast(_Randomly):
    """Sometimes stretches each channel from black to white.

    Args:
        p: the probability.

    Example:
        >>> RandomAutocontrast(p=1.0)(np.array([[[100, 125, 150]]], np.uint8)).tolist()
        [[[0, 127, 255]]]
    """

    def _changed(self, img: ImageLike) -> Any:
        return F.autocontrast(img)


class RandomEqualize(_Randomly):
    """Sometimes makes the histogram of each channel flat.

    Args:
        p: the probability.

    Example:
        >>> image = np.repeat(np.arange(100, 104, dtype=np.uint8), 256).reshape(1, 32, 32)
        >>> np.unique(RandomEqualize(p=1.0)(image)).tolist()
        [0, 85, 171, 255]
    """

    def _changed(self, img: ImageLike) -> Any:
        return F.equalize(img)
