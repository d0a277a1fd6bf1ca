"""Sets of transforms from which some are drawn: AutoAugment, RandAugment, TrivialAugment, AugMix.

They work on PIL images, and on arrays of uint8 with 1 or 3 channels.
"""

import math
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from fnn.errors import ArgumentError
from fnn.host_random import default_generator
from fnn.vision._images import ImageLike, is_array, on_host
from fnn.vision.transforms import _draws
from fnn.vision.transforms import functional as F
from fnn.vision.transforms._dirichlet import dirichlet
from fnn.vision.transforms._interpolate import linspace
from fnn.vision.transforms._policies import POLICIES, AutoAugmentPolicy, Operation
from fnn.vision.transforms._transform import Transform, fill_for
from fnn.vision.transforms.functional.conversion import planes_to_pil
from fnn.vision.transforms.functional.modes import InterpolationMode

__all__ = ["AugMix", "AutoAugment", "AutoAugmentPolicy", "RandAugment", "TrivialAugmentWide"]

Fill = float | Sequence[float] | None
Space = dict[str, tuple[np.ndarray | None, bool]]  # name: (the magnitudes, if it has any; whether they have a sign)

_FACTORS = {
    "Brightness": "adjust_brightness",
    "Color": "adjust_saturation",
    "Contrast": "adjust_contrast",
    "Sharpness": "adjust_sharpness",
}
_PLAIN = {"AutoContrast": "autocontrast", "Equalize": "equalize", "Invert": "invert"}


def _apply(
    img: ImageLike,
    name: str,
    magnitude: float,
    interpolation: InterpolationMode | str | int,
    fill: Fill,
    functional: ModuleType = F,
) -> Any:
    """One operation at one magnitude, by the functions of the first or the second version."""
    if name in ("ShearX", "ShearY"):
        # the upper left corner stays, as in the authors' code
        degrees = math.degrees(math.atan(magnitude))
        shear = [degrees, 0.0] if name == "ShearX" else [0.0, degrees]
        return functional.affine(img, 0.0, [0, 0], 1.0, shear, interpolation, fill, center=[0, 0])
    if name in ("TranslateX", "TranslateY"):
        translate = [int(magnitude), 0] if name == "TranslateX" else [0, int(magnitude)]
        return functional.affine(img, 0.0, translate, 1.0, [0.0, 0.0], interpolation, fill)
    if name == "Rotate":
        return functional.rotate(img, magnitude, interpolation, fill=fill)
    if name in _FACTORS:
        return getattr(functional, _FACTORS[name])(img, 1.0 + magnitude)
    if name == "Posterize":
        return functional.posterize(img, int(magnitude))
    if name == "Solarize":
        return functional.solarize(img, magnitude)
    return img if name == "Identity" else getattr(functional, _PLAIN[name])(img)


def _space(
    bins: int,
    order: Sequence[str],
    *,
    shear: float = 0.3,
    translate: tuple[float, float],
    rotate: float = 30.0,
    factor: float = 0.9,
    posterize: tuple[int, int] = (8, 4),
    white: float = 255.0,
) -> Space:
    """The magnitudes of the operations named in ``order``, from none to the most given."""

    def up_to(most: float) -> np.ndarray:
        return linspace(0.0, most, bins, np.dtype(np.float32))

    bits, fewer = posterize
    steps = np.rint(np.arange(bins, dtype=np.float32) / np.float32((bins - 1) / fewer)) if bins > 1 else np.zeros(1)
    magnitudes: Space = {
        "ShearX": (up_to(shear), True),
        "ShearY": (up_to(shear), True),
        "TranslateX": (up_to(translate[1]), True),
        "TranslateY": (up_to(translate[0]), True),
        "Rotate": (up_to(rotate), True),
        **{name: (up_to(factor), True) for name in _FACTORS},
        "Posterize": (bits - steps, False),
        "Solarize": (linspace(white, 0.0, bins, np.dtype(np.float32)), False),
    }
    return {name: magnitudes.get(name, (None, False)) for name in order}


_GEOMETRY = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")
_LEVELS = ("Posterize", "Solarize", "AutoContrast", "Equalize")
_ALL = ("Identity", *_GEOMETRY, *_FACTORS, *_LEVELS)


def _of_size(height: int, width: int) -> tuple[float, float]:
    """How far to move: the authors' 150 pixels of 331."""
    return 150.0 / 331.0 * height, 150.0 / 331.0 * width


class AutoAugment(Transform):
    """One of the 25 pairs of operations of a policy that was found by search (https://arxiv.org/abs/1805.09501).

    Args:
        policy: which of the three policies.
        interpolation: for arrays, nearest or bilinear.
        fill: what lies outside the image, one value or one a channel; default: 0.

    >>> AutoAugment(AutoAugmentPolicy.CIFAR10)
    AutoAugment(policy=AutoAugmentPolicy.CIFAR10, fill=None)
    """

    def __init__(
        self,
        policy: AutoAugmentPolicy = AutoAugmentPolicy.IMAGENET,
        interpolation: InterpolationMode = InterpolationMode.NEAREST,
        fill: Fill = None,
    ) -> None:
        if policy not in POLICIES:
            raise ArgumentError(f"The provided policy {policy} is not recognized.")
        self.policy = policy
        self.interpolation = interpolation
        self.fill = fill
        self.policies: list[tuple[Operation, Operation]] = POLICIES[policy]

    @staticmethod
    def get_params(transform_num: int) -> tuple[int, np.ndarray, np.ndarray]:
        """Draws the pair, and the two probabilities and signs."""
        pair = _draws.integer(0, transform_num)
        return pair, default_generator.uniform((2,)), default_generator.randint(0, 2, (2,))

    def forward(self, img: ImageLike) -> Any:
        channels, height, width = F.get_dimensions(img)
        fill = fill_for(img, self.fill, channels)
        pair, chances, signs = self.get_params(len(self.policies))
        space = _space(10, (*_ALL, "Invert"), translate=_of_size(height, width))
        for (name, p, magnitude_id), chance, sign in zip(self.policies[pair], chances, signs, strict=True):
            if chance > np.float32(p):
                continue
            magnitudes, signed = space[name]
            magnitude = 0.0 if magnitudes is None or magnitude_id is None else float(magnitudes[magnitude_id])
            img = _apply(img, name, -magnitude if signed and sign == 0 else magnitude, self.interpolation, fill)
        return img

    def __repr__(self) -> str:
        return f"{type(self).__name__}(policy={self.policy}, fill={self.fill})"


def _signed(magnitude: float, signed: bool) -> float:
    return -magnitude if signed and _draws.integer(0, 2) else magnitude


class RandAugment(Transform):
    """Some operations in sequence, all at one magnitude (https://arxiv.org/abs/1909.13719).

    Args:
        num_ops: how many.
        magnitude: which of the magnitudes, from 0.
        num_magnitude_bins: how many magnitudes there are.
        interpolation: for arrays, nearest or bilinear.
        fill: what lies outside the image, one value or one a channel; default: 0.

    Example:
        >>> augment = RandAugment(num_ops=1, magnitude=5)
        >>> augment(np.zeros((3, 8, 8), np.uint8)).shape
        (3, 8, 8)
    """

    def __init__(
        self,
        num_ops: int = 2,
        magnitude: int = 9,
        num_magnitude_bins: int = 31,
        interpolation: InterpolationMode = InterpolationMode.NEAREST,
        fill: Fill = None,
    ) -> None:
        self.num_ops = num_ops
        self.magnitude = magnitude
        self.num_magnitude_bins = num_magnitude_bins
        self.interpolation = interpolation
        self.fill = fill

    def forward(self, img: ImageLike) -> Any:
        channels, height, width = F.get_dimensions(img)
        fill = fill_for(img, self.fill, channels)
        space = _space(self.num_magnitude_bins, _ALL, translate=_of_size(height, width))
        for _ in range(self.num_ops):
            name = _ALL[_draws.integer(0, len(_ALL))]
            magnitudes, signed = space[name]
            magnitude = 0.0 if magnitudes is None else float(magnitudes[self.magnitude])
            img = _apply(img, name, _signed(magnitude, signed), self.interpolation, fill)
        return img

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(num_ops={self.num_ops}, magnitude={self.magnitude}, "
            f"num_magnitude_bins={self.num_magnitude_bins}, interpolation={self.interpolation}, fill={self.fill})"
        )


class TrivialAugmentWide(Transform):
    """One operation at one magnitude, both uniform (https://arxiv.org/abs/2103.10158).

    Args:
        num_magnitude_bins: how many magnitudes there are.
        interpolation: for arrays, nearest or bilinear.
        fill: what lies outside the image, one value or one a channel; default: 0.

    Example:
        >>> augment = TrivialAugmentWide()
        >>> augment(np.zeros((3, 8, 8), np.uint8)).shape
        (3, 8, 8)
    """

    def __init__(
        self,
        num_magnitude_bins: int = 31,
        interpolation: InterpolationMode = InterpolationMode.NEAREST,
        fill: Fill = None,
    ) -> None:
        self.num_magnitude_bins = num_magnitude_bins
        self.interpolation = interpolation
        self.fill = fill

    def forward(self, img: ImageLike) -> Any:
        fill = fill_for(img, self.fill, F.get_dimensions(img)[0])
        bins = self.num_magnitude_bins
        name = _ALL[_draws.integer(0, len(_ALL))]
        wide = {"shear": 0.99, "translate": (32.0, 32.0), "rotate": 135.0, "factor": 0.99, "posterize": (8, 6)}
        magnitudes, signed = _space(bins, (name,), **wide)[name]
        magnitude = 0.0 if magnitudes is None else float(magnitudes[_draws.integer(0, bins)])
        return _apply(img, name, _signed(magnitude, signed), self.interpolation, fill)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(num_magnitude_bins={self.num_magnitude_bins}, "
            f"interpolation={self.interpolation}, fill={self.fill})"
        )


class AugMix(Transform):
    """A mixture of the image and of chains of operations on it (https://arxiv.org/abs/1912.02781).

    Args:
        severity: how strong the operations are, 1 to 10.
        mixture_width: how many chains.
        chain_depth: how many operations a chain; -1: one to three, at random.
        alpha: of the Dirichlet distributions of the weights.
        all_ops: also brightness, contrast, colour and sharpness.
        interpolation: for arrays, nearest or bilinear.
        fill: what lies outside the image, one value or one a channel; default: 0.

    Example:
        >>> augment = AugMix(severity=1, mixture_width=2)
        >>> augment(np.zeros((3, 8, 8), np.uint8)).shape
        (3, 8, 8)
    """

    _BINS = 10

    def __init__(
        self,
        severity: int = 3,
        mixture_width: int = 3,
        chain_depth: int = -1,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: InterpolationMode = InterpolationMode.BILINEAR,
        fill: Fill = None,
    ) -> None:
        if not 1 <= severity <= self._BINS:
            raise ArgumentError(f"The severity must be between [1, {self._BINS}]. Got {severity} instead.")
        self.severity = severity
        self.mixture_width = mixture_width
        self.chain_depth = chain_depth
        self.alpha = alpha
        self.all_ops = all_ops
        self.interpolation = interpolation
        self.fill = fill

    def forward(self, img: ImageLike) -> Any:
        return _mixed(img, self)

    def _chain(self, img: np.ndarray, space: Space, fill: Fill) -> np.ndarray:
        names = tuple(space)
        for _ in range(self.chain_depth if self.chain_depth > 0 else _draws.integer(1, 4)):
            name = names[_draws.integer(0, len(names))]
            magnitudes, signed = space[name]
            magnitude = 0.0 if magnitudes is None else float(magnitudes[_draws.integer(0, self.severity)])
            img = _apply(img, name, _signed(magnitude, signed), self.interpolation, fill)
        return img

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(severity={self.severity}, mixture_width={self.mixture_width}, "
            f"chain_depth={self.chain_depth}, alpha={self.alpha}, all_ops={self.all_ops}, "
            f"interpolation={self.interpolation}, fill={self.fill})"
        )


@on_host
def _mixed(img: Any, mix: AugMix) -> Any:
    channels, height, width = F.get_dimensions(img)
    planes = img if is_array(img) else F.pil_to_tensor(img)
    fill = fill_for(img, mix.fill, channels)
    names = (*_GEOMETRY, *_LEVELS, *(_FACTORS if mix.all_ops else ()))
    space = _space(mix._BINS, names, translate=(height / 3.0, width / 3.0), posterize=(4, 4))
    batch = planes.reshape((1,) * max(4 - planes.ndim, 0) + planes.shape)
    result = _mixture(batch, mix.alpha, mix.mixture_width, lambda: mix._chain(batch, space, fill))
    result = result.reshape(planes.shape).astype(planes.dtype)
    return result if is_array(img) else planes_to_pil(result)


def _mixture(batch: np.ndarray, alpha: float, width: int, chain: Callable[[], np.ndarray]) -> np.ndarray:
    """A batch and ``width`` results of ``chain``, blended with random weights for each of its entries."""
    each = (len(batch),) + (1,) * (batch.ndim - 1)
    kept = dirichlet(np.full((len(batch), 2), alpha, np.float32))
    weights = dirichlet(np.full((len(batch), width), alpha, np.float32)) * kept[:, 1:]
    total = kept[:, 0].reshape(each) * batch
    for i in range(width):
        total += weights[:, i].reshape(each) * chain()
    return total
