"""Transforms that rotate, shear, project and deform."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.host_random import default_generator
from fnn.vision._images import ImageLike
from fnn.vision.transforms import _draws
from fnn.vision.transforms import functional as F
from fnn.vision.transforms._transform import Transform, angles, check_fill, fill_for, pair_of, single
from fnn.vision.transforms.functional.modes import InterpolationMode, as_mode

__all__ = ["ElasticTransform", "RandomAffine", "RandomPerspective", "RandomRotation"]

Mode = InterpolationMode | int


class RandomRotation(Transform):
    """Rotates by a random angle.

    Args:
        degrees: the range of the angle; a number stands for (-degrees, degrees).
        interpolation: an `InterpolationMode` or Pillow's number for one; for arrays, nearest or bilinear.
        expand: make the result large enough to hold all of the rotated image.
        center: (x, y) of the point that stays; default: the middle.
        fill: what lies outside the image, one value or one a channel.

    >>> RandomRotation(10)
    RandomRotation(degrees=[-10.0, 10.0], interpolation=nearest, expand=False, fill=0)
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        interpolation: Mode = InterpolationMode.NEAREST,
        expand: bool = False,
        center: Sequence[float] | None = None,
        fill: object = 0,
    ) -> None:
        self.interpolation = as_mode(interpolation)
        self.degrees = angles(degrees, "degrees")
        if center is not None:
            pair_of(center, "center")
        self.center = center
        self.expand = expand
        self.fill = check_fill(fill)

    @staticmethod
    def get_params(degrees: Sequence[float]) -> float:
        """Draws an angle."""
        return _draws.uniform(degrees[0], degrees[1])

    def forward(self, img: ImageLike) -> Any:
        fill = fill_for(img, self.fill, F.get_dimensions(img)[0])
        return F.rotate(img, self.get_params(self.degrees), self.interpolation, self.expand, self.center, fill)

    def __repr__(self) -> str:
        center = "" if self.center is None else f", center={self.center}"
        return (
            f"{type(self).__name__}(degrees={self.degrees}, interpolation={self.interpolation.value}, "
            f"expand={self.expand}{center}, fill={self.fill})"
        )


class RandomAffine(Transform):
    """Rotates, moves, scales and shears at random around the middle.

    Args:
        degrees: the range of the angle; a number stands for (-degrees, degrees).
        translate: the most to move by, as parts (0 to 1) of width and height; default: not at all.
        scale: the range of the factor; default: 1.
        shear: the range of degrees of x, or those of x and y; a number stands for (-shear, shear); default: none.
        interpolation: an `InterpolationMode` or Pillow's number for one; for arrays, nearest or bilinear.
        fill: what lies outside the image, one value or one a channel.
        center: (x, y) of the point that stays; default: the middle.

    Example:
        >>> import numpy as np
        >>> shift = RandomAffine(0, translate=(0.5, 0.5))
        >>> shift(np.zeros((1, 4, 4), np.uint8)).shape
        (1, 4, 4)
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: float | Sequence[float] | None = None,
        interpolation: Mode = InterpolationMode.NEAREST,
        fill: object = 0,
        center: Sequence[float] | None = None,
    ) -> None:
        self.interpolation = as_mode(interpolation)
        self.degrees = angles(degrees, "degrees")
        if translate is not None:
            pair_of(translate, "translate")
            if not all(0.0 <= part <= 1.0 for part in translate):
                raise ArgumentError(f"translation values should be between 0 and 1, got translate={translate}")
        self.translate = translate
        if scale is not None:
            pair_of(scale, "scale")
            if not all(factor > 0 for factor in scale):
                raise ArgumentError(f"scale values should be positive, got scale={scale}")
        self.scale = scale
        self.shear = None if shear is None else angles(shear, "shear", (2, 4))
        self.fill = check_fill(fill)
        if center is not None:
            pair_of(center, "center")
        self.center = center

    @staticmethod
    def get_params(
        degrees: Sequence[float],
        translate: Sequence[float] | None,
        scale_ranges: Sequence[float] | None,
        shears: Sequence[float] | None,
        img_size: Sequence[int],
    ) -> tuple[float, tuple[int, int], float, tuple[float, float]]:
        """Draws the angle, the (x, y) to move by, the factor and the (x, y) to shear by.

        Args:
            degrees: the range of the angle.
            translate: the most to move by, as parts of width and height.
            scale_ranges: the range of the factor.
            shears: one or two ranges of degrees, one after the other.
            img_size: width and height.
        """
        angle = _draws.uniform(degrees[0], degrees[1])
        moved = (0, 0)
        if translate is not None:
            dx, dy = (float(part * size) for part, size in zip(translate, img_size, strict=True))
            x = round(_draws.uniform(-dx, dx))
            moved = x, round(_draws.uniform(-dy, dy))
        scale = 1.0 if scale_ranges is None else _draws.uniform(scale_ranges[0], scale_ranges[1])
        shear_x = shear_y = 0.0
        if shears is not None:
            shear_x = _draws.uniform(shears[0], shears[1])
            if len(shears) == 4:
                shear_y = _draws.uniform(shears[2], shears[3])
        return angle, moved, scale, (shear_x, shear_y)

    def forward(self, img: ImageLike) -> Any:
        channels, height, width = F.get_dimensions(img)
        drawn = self.get_params(self.degrees, self.translate, self.scale, self.shear, (width, height))
        fill = fill_for(img, self.fill, channels)
        return F.affine(img, *drawn, interpolation=self.interpolation, fill=fill, center=self.center)

    def __repr__(self) -> str:
        parts = [f"degrees={self.degrees}"]
        for name in ("translate", "scale", "shear"):
            if getattr(self, name) is not None:
                parts.append(f"{name}={getattr(self, name)}")
        if self.interpolation != InterpolationMode.NEAREST:
            parts.append(f"interpolation={self.interpolation.value}")
        if self.fill != 0:
            parts.append(f"fill={self.fill}")
        if self.center is not None:
            parts.append(f"center={self.center}")
        return f"{type(self).__name__}({', '.join(parts)})"


class RandomPerspective(Transform):
    """Moves the four corners inwards at random, as if the image were seen from aside.

    Args:
        distortion_scale: how far a corner may go: from 0 to 1, half of the width and height.
        p: the probability.
        interpolation: an `InterpolationMode` or Pillow's number for one; for arrays, nearest or bilinear.
        fill: what lies outside the image, one value or one a channel.

    Example:
        >>> import numpy as np
        >>> RandomPerspective(distortion_scale=0.2, p=1.0)(np.zeros((1, 8, 8), np.uint8)).shape
        (1, 8, 8)
    """

    def __init__(
        self,
        distortion_scale: float = 0.5,
        p: float = 0.5,
        interpolation: Mode = InterpolationMode.BILINEAR,
        fill: object = 0,
    ) -> None:
        self.p = p
        self.interpolation = as_mode(interpolation)
        self.distortion_scale = distortion_scale
        self.fill = check_fill(fill)

    @staticmethod
    def get_params(width: int, height: int, distortion_scale: float) -> tuple[list[list[int]], list[list[int]]]:
        """Draws where the corners go: the (x, y) of the four in the image, and afterwards."""
        reach_x, reach_y = int(distortion_scale * (width // 2)), int(distortion_scale * (height // 2))

        def corner(right: bool, bottom: bool) -> list[int]:
            x = (width - reach_x - 1, width) if right else (0, reach_x + 1)
            y = (height - reach_y - 1, height) if bottom else (0, reach_y + 1)
            return [_draws.integer(*x), _draws.integer(*y)]

        corners = ((False, False), (True, False), (True, True), (False, True))
        startpoints = [[right * (width - 1), bottom * (height - 1)] for right, bottom in corners]
        return startpoints, [corner(right, bottom) for right, bottom in corners]

    def forward(self, img: ImageLike) -> Any:
        channels, height, width = F.get_dimensions(img)
        if not _draws.rand() < single(self.p):
            return img
        points = self.get_params(width, height, self.distortion_scale)
        return F.perspective(img, *points, self.interpolation, fill_for(img, self.fill, channels))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


def _both_axes(value: object, name: str) -> Any:
    if not isinstance(value, (float, Sequence)):
        raise ArgumentTypeError(f"{name} should be float or a sequence of floats. Got {type(value)}")
    if isinstance(value, float):
        return [value, value]
    if len(value) != 2:
        raise ArgumentError(f"If {name} is a sequence its length should be 2. Got {len(value)}")
    for element in value:
        if not isinstance(element, float):
            raise ArgumentTypeError(f"{name} should be a sequence of floats. Got {type(element)}")
    return value


class ElasticTransform(Transform):
    """Deforms as if seen through moving water: random displacements, smoothed.

    Args:
        alpha: how far pixels move, one float or (x, y).
        sigma: how smooth the displacements are, one float or (x, y).
        interpolation: nearest or bilinear.
        fill: what lies outside the image, one value or one a channel.

    Example:
        >>> import numpy as np
        >>> ElasticTransform(alpha=10.0)(np.zeros((1, 32, 32), np.uint8)).shape
        (1, 32, 32)
    """

    def __init__(
        self,
        alpha: float | Sequence[float] = 50.0,
        sigma: float | Sequence[float] = 5.0,
        interpolation: Mode = InterpolationMode.BILINEAR,
        fill: object = 0,
    ) -> None:
        self.alpha = _both_axes(alpha, "alpha")
        self.sigma = _both_axes(sigma, "sigma")
        self.interpolation = as_mode(interpolation)
        if not isinstance(fill, (int, float, list, tuple)):
            raise ArgumentTypeError(f"fill should be int or float or a list or tuple of them. Got {type(fill)}")
        self.fill = [float(f) for f in fill] if isinstance(fill, (list, tuple)) else [float(fill)]

    @staticmethod
    def get_params(alpha: Sequence[float], sigma: Sequence[float], size: Sequence[int]) -> np.ndarray:
        """Draws displacements (1, H, W, 2).

        Args:
            alpha: how far pixels move, (x, y).
            sigma: how smooth the displacements are, (x, y).
            size: height and width.
        """
        moves = []
        for strength, smoothness, length in zip(alpha, sigma, reversed(size), strict=True):
            move = default_generator.uniform((1, 1, *size)) * 2 - 1
            if smoothness > 0.0:
                kernel = int(8 * smoothness + 1) | 1  # odd
                move = F.gaussian_blur(move, [kernel, kernel], list(sigma))
            moves.append(move * np.float32(strength) / np.float32(length))
        return np.concatenate(moves, 1).transpose(0, 2, 3, 1)

    def forward(self, img: ImageLike) -> Any:
        _, height, width = F.get_dimensions(img)
        displacement = self.get_params(self.alpha, self.sigma, [height, width])
        return F.elastic_transform(img, displacement, self.interpolation, self.fill)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(alpha={self.alpha}, sigma={self.sigma}, interpolation={self.interpolation}, "
            f"fill={self.fill})"
        )
