"""Sets of transforms from which some are drawn: AutoAugment, RandAugment, TrivialAugment, AugMix.

The operations, policies and magnitudes are the first version's; magnitudes are drawn in another way, and the threshold
of Solarize is a share of white, so that images of all dtypes will do.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision import transforms as first
from fnn.vision._images import is_pil, max_value, on_host, pixels_of
from fnn.vision.transforms import _draws
from fnn.vision.transforms._policies import POLICIES, AutoAugmentPolicy
from fnn.vision.transforms._transform import single
from fnn.vision.transforms.autoaugment import (
    _ALL,
    _FACTORS,
    _GEOMETRY,
    _LEVELS,
    Space,
    _apply,
    _mixture,
    _of_size,
    _space,
)
from fnn.vision.transforms.functional.conversion import planes_to_pil
from fnn.vision.transforms.functional.modes import InterpolationMode
from fnn.vision.transforms.v2 import functional as F
from fnn.vision.transforms.v2._arguments import Fill, fill_for, fills
from fnn.vision.transforms.v2._tree import flatten, unflatten
from fnn.vision.transforms.v2.queries import check_type
from fnn.vision.transforms.v2.transform import Transform, sample_of
from fnn.vision.tv_tensors import BoundingBoxes, Image, KeyPoints, Mask, TVTensor, Video, wrap

__all__ = ["AugMix", "AutoAugment", "RandAugment", "TrivialAugmentWide"]

Mode = str | InterpolationMode | int


class _Augmenting(Transform):
    """Changes the only image or video of a sample."""

    def __init__(self, *, interpolation: Mode = "nearest", fill: Fill = None) -> None:
        self.interpolation = interpolation
        self.fill = fill
        self._fill = fills(fill)

    def forward(self, *inputs: object) -> Any:
        sample = sample_of(inputs)
        leaves = flatten(sample)
        places = []
        for i, (leaf, needed) in enumerate(zip(leaves, self._needs_transform_list(leaves), strict=True)):
            if needed and check_type(leaf, (Image, is_pil, F.is_pure_tensor, Video)):
                places.append(i)
            elif isinstance(leaf, (BoundingBoxes, Mask, KeyPoints)):
                raise ArgumentTypeError(
                    f"Inputs of type {type(leaf).__name__} are not supported by {type(self).__name__}()"
                )
        if not places:
            raise ArgumentTypeError("Found no image in the sample.")
        if len(places) > 1:
            raise ArgumentTypeError(
                "Auto augment transformations are only properly defined for a single image or video, but found "
                f"{len(places)}."
            )
        leaves[places[0]] = self._augmented(leaves[places[0]])
        return unflatten(leaves, sample)

    def _augmented(self, image: object) -> Any:
        raise NotImplementedError

    def _drawn(self, names: Sequence[str]) -> str:
        return names[_draws.integer(0, len(names))]

    def _applied(self, image: Any, name: str, space: Space, number: Callable[[], int | None]) -> Any:
        """One operation, at the magnitude of this ``number`` if it has any."""
        magnitudes, signed = space[name]
        size = 0.0
        if magnitudes is not None:
            size = float(magnitudes[number()])
            if signed and _draws.rand() <= 0.5:
                size = -size
        if name == "Solarize":
            size *= 255.0 if is_pil(image) else max_value(np.dtype(image.dtype))
        return _apply(image, name, size, self.interpolation, fill_for(self._fill, image), F)


class AutoAugment(_Augmenting):
    """One of the 25 pairs of operations of a policy that was found by search (https://arxiv.org/abs/1805.09501).

    Args:
        policy: which of the three policies.
        interpolation: for arrays, nearest or bilinear.
        fill: what lies outside the image, one value or one a channel; or a dict of classes to fills, with ``"others"``
            for the rest; default: 0.

    Raises:
        ArgumentError: another policy.

    Example:
        >>> AutoAugment(AutoAugmentPolicy.CIFAR10)
        AutoAugment(interpolation=nearest, policy=AutoAugmentPolicy.CIFAR10)
    """

    _v1_transform_cls = first.AutoAugment

    def __init__(
        self,
        policy: AutoAugmentPolicy = AutoAugmentPolicy.IMAGENET,
        interpolation: Mode = "nearest",
        fill: Fill = None,
    ) -> None:
        super().__init__(interpolation=interpolation, fill=fill)
        if policy not in POLICIES:
            raise ArgumentError(f"The provided policy {policy} is not recognized.")
        self.policy = policy
        self._policies = POLICIES[policy]

    def _augmented(self, image: Any) -> Any:
        space = _space(10, (*_ALL, "Invert"), translate=_of_size(*F.get_size(image)), white=1.0)
        for name, p, magnitude in self._policies[_draws.integer(0, len(self._policies))]:
            if _draws.rand() <= single(p):
                image = self._applied(image, name, space, lambda number=magnitude: number)
        return image


class RandAugment(_Augmenting):
    """Some operations in sequence, all at one magnitude (https://arxiv.org/abs/1909.13719).

    Args:
        num_ops: how many.
        magnitude: which of the magnitudes, from 0.
        num_magnitude_bins: how many magnitudes there are.
        interpolation: for arrays, nearest or bilinear.
        fill: as in `AutoAugment`.

    Raises:
        ArgumentError: a number of operations that is none.

    Example:
        >>> RandAugment(num_ops=1, magnitude=5)(np.zeros((3, 8, 8), np.uint8)).shape
        (3, 8, 8)
    """

    _v1_transform_cls = first.RandAugment

    def __init__(
        self,
        num_ops: int = 2,
        magnitude: int = 9,
        num_magnitude_bins: int = 31,
        interpolation: Mode = "nearest",
        fill: Fill = None,
    ) -> None:
        super().__init__(interpolation=interpolation, fill=fill)
        if not isinstance(num_ops, int) or num_ops < 0:
            raise ArgumentError(f"num_ops should be a non-negative integer, but got {num_ops} instead.")
        self.num_ops = num_ops
        self.magnitude = magnitude
        self.num_magnitude_bins = num_magnitude_bins

    def _augmented(self, image: Any) -> Any:
        space = _space(self.num_magnitude_bins, _ALL, translate=_of_size(*F.get_size(image)), white=1.0)
        for _ in range(self.num_ops):
            image = self._applied(image, self._drawn(_ALL), space, lambda: self.magnitude)
        return image


class TrivialAugmentWide(_Augmenting):
    """One operation at one magnitude, both uniform (https://arxiv.org/abs/2103.10158).

    Args:
        num_magnitude_bins: how many magnitudes there are.
        interpolation: for arrays, nearest or bilinear.
        fill: as in `AutoAugment`.

    Example:
        >>> TrivialAugmentWide()(np.zeros((3, 8, 8), np.uint8)).shape
        (3, 8, 8)
    """

    _v1_transform_cls = first.TrivialAugmentWide

    def __init__(self, num_magnitude_bins: int = 31, interpolation: Mode = "nearest", fill: Fill = None) -> None:
        super().__init__(interpolation=interpolation, fill=fill)
        self.num_magnitude_bins = num_magnitude_bins

    def _augmented(self, image: object) -> Any:
        name = self._drawn(_ALL)
        wide = {"shear": 0.99, "translate": (32.0, 32.0), "rotate": 135.0, "factor": 0.99, "posterize": (8, 6)}
        space = _space(self.num_magnitude_bins, (name,), white=1.0, **wide)
        return self._applied(image, name, space, lambda: _draws.integer(0, self.num_magnitude_bins))


class AugMix(_Augmenting):
    """A mixture of the image and of chains of operations on it (https://arxiv.org/abs/1912.02781).

    Args:
        severity: how strong the operations are, 1 to 10.
        mixture_width: how many chains.
        chain_depth: how many operations a chain; -1: one to three, at random.
        alpha: of the Dirichlet distributions of the weights.
        all_ops: also brightness, contrast, colour and sharpness.
        interpolation: for arrays, nearest or bilinear.
        fill: as in `AutoAugment`.

    Raises:
        ArgumentError: a severity out of range.

    Example:
        >>> AugMix(severity=1, mixture_width=2)(np.zeros((3, 8, 8), np.uint8)).shape
        (3, 8, 8)
    """

    _v1_transform_cls = first.AugMix
    _BINS = 10

    def __init__(
        self,
        severity: int = 3,
        mixture_width: int = 3,
        chain_depth: int = -1,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: Mode = "bilinear",
        fill: Fill = None,
    ) -> None:
        super().__init__(interpolation=interpolation, fill=fill)
        if not 1 <= severity <= self._BINS:
            raise ArgumentError(f"The severity must be between [1, {self._BINS}]. Got {severity} instead.")
        self.severity = severity
        self.mixture_width = mixture_width
        self.chain_depth = chain_depth
        self.alpha = alpha
        self.all_ops = all_ops

    def _augmented(self, image: object) -> Any:
        if is_pil(image):
            return planes_to_pil(_mixed(pixels_of(image), self, 4))
        if isinstance(image, TVTensor):
            return wrap(_mixed(image.view(np.ndarray), self, 5 if isinstance(image, Video) else 4), like=image)
        return _mixed(image, self, 4)

    def _chain(self, batch: np.ndarray, space: Space) -> np.ndarray:
        for _ in range(self.chain_depth if self.chain_depth > 0 else _draws.integer(1, 4)):
            batch = self._applied(batch, self._drawn(tuple(space)), space, lambda: _draws.integer(0, self.severity))
        return batch


@on_host
def _mixed(planes: Any, mix: AugMix, dimensions: int) -> Any:
    height, width = planes.shape[-2:]
    names = (*_GEOMETRY, *_LEVELS, *(_FACTORS if mix.all_ops else ()))
    space = _space(mix._BINS, names, translate=(height / 3.0, width / 3.0), posterize=(4, 4), white=1.0)
    batch = planes.reshape((1,) * max(dimensions - planes.ndim, 0) + planes.shape)
    result = _mixture(batch, mix.alpha, mix.mixture_width, lambda: mix._chain(batch, space))
    return result.reshape(planes.shape).astype(planes.dtype)
