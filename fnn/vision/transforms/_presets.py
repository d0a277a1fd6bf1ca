"""What the published weights of a model expect: `Weights.transforms()`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.vision._images import ImageLike, is_pil, on_host
from fnn.vision.transforms import functional as F
from fnn.vision.transforms._transform import Transform
from fnn.vision.transforms.functional.modes import InterpolationMode

__all__ = ["ImageClassification", "ObjectDetection", "OpticalFlow", "SemanticSegmentation", "VideoClassification"]

_IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
_ACCEPTS = "Accepts ``PIL.Image``, batched ``(B, C, H, W)`` and single ``(C, H, W)`` image arrays. "


def _floats(img: ImageLike) -> Any:
    return F.convert_image_dtype(F.pil_to_tensor(img) if is_pil(img) else img, np.float32)


class _Printed(Transform):
    """Prints one line for each of ``_shown``."""

    _shown: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(" + "".join(f"\n    {name}={getattr(self, name)}" for name in self._shown) + "\n)"
        )


class ImageClassification(_Printed):
    """Resizes, cuts the middle out, scales to [0, 1] and normalises.

    Args:
        crop_size: height and width of the result.
        resize_size: the smaller edge before.
        mean: one value a channel.
        std: one value a channel.
        interpolation: of the resizing.
        antialias: of the resizing.
    """

    _shown = ("crop_size", "resize_size", "mean", "std", "interpolation")

    def __init__(
        self,
        *,
        crop_size: int,
        resize_size: int = 256,
        mean: Sequence[float] = _IMAGENET["mean"],
        std: Sequence[float] = _IMAGENET["std"],
        interpolation: InterpolationMode = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        self.crop_size = [crop_size]
        self.resize_size = [resize_size]
        self.mean = list(mean)
        self.std = list(std)
        self.interpolation = interpolation
        self.antialias = antialias

    def forward(self, img: ImageLike) -> Any:
        img = F.resize(img, self.resize_size, self.interpolation, antialias=self.antialias)
        return F.normalize(_floats(F.center_crop(img, self.crop_size)), self.mean, self.std)

    def describe(self) -> str:
        """The steps, in words."""
        return (
            f"{_ACCEPTS}Resized to ``resize_size={self.resize_size}`` using ``interpolation={self.interpolation}``, "
            f"then a central crop of ``crop_size={self.crop_size}``, rescaled to ``[0.0, 1.0]`` and normalized using "
            f"``mean={self.mean}`` and ``std={self.std}``."
        )


class SemanticSegmentation(_Printed):
    """Resizes, scales to [0, 1] and normalises.

    Args:
        resize_size: the smaller edge; None: as it is.
        mean: one value a channel.
        std: one value a channel.
        interpolation: of the resizing.
        antialias: of the resizing.
    """

    _shown = ("resize_size", "mean", "std", "interpolation")

    def __init__(
        self,
        *,
        resize_size: int | None,
        mean: Sequence[float] = _IMAGENET["mean"],
        std: Sequence[float] = _IMAGENET["std"],
        interpolation: InterpolationMode = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        self.resize_size = None if resize_size is None else [resize_size]
        self.mean = list(mean)
        self.std = list(std)
        self.interpolation = interpolation
        self.antialias = antialias

    def forward(self, img: ImageLike) -> Any:
        if self.resize_size is not None:
            img = F.resize(img, self.resize_size, self.interpolation, antialias=self.antialias)
        return F.normalize(_floats(img), self.mean, self.std)

    def describe(self) -> str:
        """The steps, in words."""
        return (
            f"{_ACCEPTS}Resized to ``resize_size={self.resize_size}`` using ``interpolation={self.interpolation}``, "
            f"rescaled to ``[0.0, 1.0]`` and normalized using ``mean={self.mean}`` and ``std={self.std}``."
        )


class ObjectDetection(Transform):
    """Scales to [0, 1]."""

    def forward(self, img: ImageLike) -> Any:
        return _floats(img)

    def describe(self) -> str:
        """The steps, in words."""
        return f"{_ACCEPTS}Rescaled to ``[0.0, 1.0]``."


class OpticalFlow(Transform):
    """Scales two images to [-1, 1]."""

    def forward(self, img1: Any, img2: Any) -> tuple[Any, Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        half = [0.5, 0.5, 0.5]
        first, second = (F.normalize(_floats(img), half, half) for img in (img1, img2))
        return first, second

    def describe(self) -> str:
        """The steps, in words."""
        return f"{_ACCEPTS}Rescaled to ``[-1.0, 1.0]``."


class VideoClassification(_Printed):
    """Resizes frames, cuts the middle out, scales to [0, 1], normalises, and puts the channels before the time.

    Args:
        crop_size: (height, width) of the result.
        resize_size: (height, width) before, or (smaller edge,).
        mean: one value a channel.
        std: one value a channel.
        interpolation: of the resizing, without antialiasing.
    """

    _shown = ("crop_size", "resize_size", "mean", "std", "interpolation")

    def __init__(
        self,
        *,
        crop_size: Sequence[int],
        resize_size: Sequence[int],
        mean: Sequence[float] = (0.43216, 0.394666, 0.37645),
        std: Sequence[float] = (0.22803, 0.22145, 0.216989),
        interpolation: InterpolationMode = InterpolationMode.BILINEAR,
    ) -> None:
        self.crop_size = list(crop_size)
        self.resize_size = list(resize_size)
        self.mean = list(mean)
        self.std = list(std)
        self.interpolation = interpolation

    def forward(self, img: ImageLike) -> Any:
        """(T, C, H, W) to (C, T, H', W'), or with a batch before."""
        return _clip(img, self)

    def describe(self) -> str:
        """The steps, in words."""
        return (
            "Accepts batched ``(B, T, C, H, W)`` and single ``(T, C, H, W)`` video frame arrays. Resized to "
            f"``resize_size={self.resize_size}`` using ``interpolation={self.interpolation}``, then a central crop of "
            f"``crop_size={self.crop_size}``, rescaled to ``[0.0, 1.0]``, normalized using ``mean={self.mean}`` and "
            f"``std={self.std}``, and permuted to ``(..., C, T, H, W)``."
        )


@on_host
def _clip(video: Any, preset: VideoClassification) -> Any:
    frames = video.reshape(-1, *video.shape[-3:])
    frames = F.resize(frames, preset.resize_size, preset.interpolation, antialias=False)
    frames = F.normalize(_floats(F.center_crop(frames, preset.crop_size)), preset.mean, preset.std)
    return np.swapaxes(frames.reshape(*video.shape[:-3], *frames.shape[-3:]), -3, -4)
