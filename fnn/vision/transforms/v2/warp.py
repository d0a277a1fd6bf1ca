"""Transforms that rotate, shear, project and deform."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError
from fnn.host_random import default_generator
from fnn.vision import transforms as first
from fnn.vision.transforms._transform import angles
from fnn.vision.transforms.functional.modes import InterpolationMode
from fnn.vision.transforms.functional.warp import perspective_coefficients
from fnn.vision.transforms.v2 import functional as F
from fnn.vision.transforms.v2._arguments import Fill, fill_for, fills, number_or_pair, sequence_of
from fnn.vision.transforms.v2.queries import query_size
from fnn.vision.transforms.v2.transform import RandomlyApplied, Transform

__all__ = ["ElasticTransform", "RandomAffine", "RandomPerspective", "RandomRotation"]

Mode = str | InterpolationMode | int


class RandomRotation(Transform):
    """Rotates by a random angle.

    Args:
        degrees: the range of the angle; a number stands for (-degrees, degrees).
        interpolation: an `InterpolationMode`, its value, or Pillow's number for one; for arrays, nearest or bilinear.
        expand: make the result large enough to hold all of the rotated image.
        center: (x, y) of the point that stays; default: the middle.
        fill: what lies outside the image, one value or one a channel; or a dict of classes to fills, with
            ``"others"`` for the rest.

    Raises:
        ArgumentError: a negative number, or another length.

    Example:
        >>> RandomRotation((90, 90))(np.array([[[1, 2], [3, 4]]])).tolist()
        [[[2, 4], [1, 3]]]
    """

    _v1_transform_cls = first.RandomRotation

    def __init__(
        self,
        degrees: float | Sequence[float],
        interpolation: Mode = "nearest",
        expand: bool = False,
        center: list[float] | None = None,
        fill: Fill = 0,
    ) -> None:
        self.degrees = angles(degrees, "degrees")
        self.interpolation = interpolation
        self.expand = expand
        self.fill = fill
        self._fill = fills(fill)
        if center is not None:
            sequence_of(center, "center", 2)
        self.center = center

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"angle": first.RandomRotation.get_params(self.degrees)}

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(
            F.rotate, inpt, **params, interpolation=self.interpolation, expand=self.expand, center=self.center,
            fill=fill_for(self._fill, inpt),
        )  # fmt: skip


class RandomAffine(Transform):
    """Rotates, moves, scales and shears at random around the middle.

    Args:
        degrees: the range of the angle; a number stands for (-degrees, degrees).
        translate: the most to move by, as parts (0 to 1) of width and height; default: not at all.
        scale: the range of the factor; default: 1.
        shear: the range of degrees of x, or those of x and y; a number stands for (-shear, shear); default: none.
        interpolation: an `InterpolationMode`, its value, or Pillow's number for one; for arrays, nearest or bilinear.
        fill: as in `RandomRotation`.
        center: (x, y) of the point that stays; default: the middle.

    Raises:
        ArgumentError: a value out of range, or another length.

    Example:
        >>> RandomAffine(0, translate=(0.5, 0.5))(np.zeros((1, 4, 4), np.uint8)).shape
        (1, 4, 4)
    """

    _v1_transform_cls = first.RandomAffine

    def __init__(
        self,
        degrees: float | Sequence[float],
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: float | Sequence[float] | None = None,
        interpolation: Mode = "nearest",
        fill: Fill = 0,
        center: list[float] | None = None,
    ) -> None:
        self.degrees = angles(degrees, "degrees")
        if translate is not None:
            sequence_of(translate, "translate", 2)
            if not all(0.0 <= part <= 1.0 for part in translate):
                raise ArgumentError(f"translation values should be between 0 and 1, got translate={translate}")
        self.translate = translate
        if scale is not None:
            sequence_of(scale, "scale", 2)
            if not all(factor > 0 for factor in scale):
                raise ArgumentError(f"scale values should be positive, got scale={scale}")
        self.scale = scale
        self.shear = None if shear is None else angles(shear, "shear", (2, 4))
        self.interpolation = interpolation
        self.fill = fill
        self._fill = fills(fill)
        if center is not None:
            sequence_of(center, "center", 2)
        self.center = center

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        drawn = first.RandomAffine.get_params(self.degrees, self.translate, self.scale, self.shear, (width, height))
        return dict(zip(("angle", "translate", "scale", "shear"), drawn, strict=True))

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        fill = fill_for(self._fill, inpt)
        return self._call_kernel(
            F.affine, inpt, **params, interpolation=self.interpolation, fill=fill, center=self.center
        )


class RandomPerspective(RandomlyApplied):
    """Moves the four corners inwards at random, as if the image were seen from aside.

    Args:
        distortion_scale: how far a corner may go: from 0 to 1, half of the width and height.
        p: the probability.
        interpolation: an `InterpolationMode`, its value, or Pillow's number for one; for arrays, nearest or bilinear.
        fill: as in `RandomRotation`.

    Raises:
        ArgumentError: a scale out of range.

    Example:
        >>> RandomPerspective(distortion_scale=0.2, p=1.0)(np.zeros((1, 8, 8), np.uint8)).shape
        (1, 8, 8)
    """

    _v1_transform_cls = first.RandomPerspective

    def __init__(
        self, distortion_scale: float = 0.5, p: float = 0.5, interpolation: Mode = "bilinear", fill: Fill = 0
    ) -> None:
        super().__init__(p)
        if not 0 <= distortion_scale <= 1:
            raise ArgumentError(f"Argument distortion_scale value should be between 0 and 1, got {distortion_scale}")
        self.distortion_scale = distortion_scale
        self.interpolation = interpolation
        self.fill = fill
        self._fill = fills(fill)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        points = first.RandomPerspective.get_params(width, height, self.distortion_scale)
        return {"coefficients": perspective_coefficients(*points)}

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(
            F.perspective, inpt, startpoints=None, endpoints=None, fill=fill_for(self._fill, inpt),
            interpolation=self.interpolation, **params,
        )  # fmt: skip


class ElasticTransform(Transform):
    """Deforms as if seen through moving water: random displacements, smoothed.

    Args:
        alpha: how far pixels move, one number or (x, y).
        sigma: how smooth the displacements are, one number or (x, y).
        interpolation: nearest or bilinear.
        fill: as in `RandomRotation`.

    Raises:
        ArgumentError: another length.

    Example:
        >>> ElasticTransform(alpha=10.0)(np.zeros((1, 32, 32), np.uint8)).shape
        (1, 32, 32)
    """

    _v1_transform_cls = first.ElasticTransform

    def __init__(
        self,
        alpha: float | Sequence[float] = 50.0,
        sigma: float | Sequence[float] = 5.0,
        interpolation: Mode = "bilinear",
        fill: Fill = 0,
    ) -> None:
        self.alpha = number_or_pair(alpha, "alpha")
        self.sigma = number_or_pair(sigma, "sigma")
        self.interpolation = interpolation
        self.fill = fill
        self._fill = fills(fill)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        size = query_size(flat_inputs)
        moves = []
        for strength, smoothness, length in zip(self.alpha, self.sigma, reversed(size), strict=True):
            move = default_generator.uniform((1, 1, *size)) * 2 - 1
            if smoothness > 0.0:
                kernel = int(8 * smoothness + 1) | 1  # odd
                move = F.gaussian_blur(move, [kernel, kernel], self.sigma)
            moves.append(move * np.float32(strength) / np.float32(length))
        return {"displacement": np.concatenate(moves, 1).transpose(0, 2, 3, 1)}

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        fill = fill_for(self._fill, inpt)
        return self._call_kernel(F.elastic, inpt, **params, fill=fill, interpolation=self.interpolation)
