"""Operations on PIL images: what Pillow does, with torchvision's arguments, checks and conversions."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision._images import ImageLike, is_pil, pil_from_array, pillow
from fnn.vision.transforms._layout import check_padding, sides

__all__ = [
    "adjust_gamma",
    "adjust_hue",
    "affine",
    "crop",
    "enhance",
    "flip",
    "grayscale",
    "pad",
    "perspective",
    "require",
    "resize",
    "rotate",
]

Fill = int | float | Sequence[float] | None


def require(img: ImageLike) -> None:
    """Refuses what is neither an array nor a PIL image."""
    if not is_pil(img):
        raise ArgumentTypeError(f"img should be PIL Image. Got {type(img)}")


def flip(img: ImageLike, direction: str) -> Any:
    require(img)
    return img.transpose(getattr(pillow().Transpose, direction))


def enhance(img: ImageLike, kind: str, factor: float) -> Any:
    """Brightness, Contrast, Color (saturation) or Sharpness."""
    require(img)
    return getattr(pillow("ImageEnhance"), kind)(img).enhance(factor)


def operate(img: ImageLike, kind: str, *args: object) -> Any:
    """One of ``PIL.ImageOps``."""
    require(img)
    operation: Callable[..., Any] = getattr(pillow("ImageOps"), kind)
    return operation(img, *args)


def adjust_hue(img: Any, factor: float) -> Any:
    require(img)
    mode = img.mode
    if mode in ("L", "1", "I", "F"):
        return img
    hue, saturation, value = img.convert("HSV").split()
    turned = np.array(hue, np.uint8) + np.int32(factor * 255).astype(np.uint8)  # the circle is 256 long
    hue = pil_from_array(turned, "L")
    return pillow().merge("HSV", (hue, saturation, value)).convert(mode)


def adjust_gamma(img: Any, gamma: float, gain: float) -> Any:
    require(img)
    table = [int((255 + 1 - 1e-3) * gain * pow(level / 255.0, gamma)) for level in range(256)] * 3
    return img.convert("RGB").point(table).convert(img.mode)


def grayscale(img: Any, num_output_channels: int) -> Any:
    require(img)
    if num_output_channels not in (1, 3):
        raise ArgumentError(f"num_output_channels should be either 1 or 3, got {num_output_channels}")
    gray = img.convert("L")
    return gray if num_output_channels == 1 else pillow().merge("RGB", (gray, gray, gray))


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    require(img)
    return img.crop((left, top, left + width, top + height))


def resize(img: Any, size: Sequence[int], interpolation: int) -> Any:
    require(img)
    return img.resize((size[1], size[0]), interpolation)


def _fill(fill: Fill, img: Any) -> Any:
    """A fill for Pillow: a number for one channel, a tuple for more, of integers except in mode F."""
    channels = len(img.getbands())
    value: Any = 0 if fill is None else fill
    if isinstance(value, (int, float)) and channels > 1:
        value = (value,) * channels
    if isinstance(value, (list, tuple)):
        if len(value) == 1:
            value = tuple(value) * channels
        elif len(value) != channels:
            raise ArgumentError(
                "The number of elements in 'fill' does not match the number of channels of the image "
                f"({len(value)} != {channels})"
            )
        return tuple(value) if img.mode == "F" else tuple(int(x) for x in value)
    return value if img.mode == "F" else int(value)


def pad(img: Any, padding: int | Sequence[int], fill: Fill, padding_mode: str) -> Any:
    require(img)
    check_padding(padding, padding_mode)
    if fill is not None and not isinstance(fill, (int, float, tuple, list)):
        raise ArgumentTypeError(f"Got inappropriate fill arg: expected a number or a sequence, got {fill!r}")
    palette = img.getpalette() if img.mode == "P" else None
    if padding_mode == "constant":
        border = padding if not isinstance(padding, Sequence) else tuple(padding) if len(padding) > 1 else padding[0]
        result = pillow("ImageOps").expand(img, border=border, fill=_fill(fill, img))
    else:
        result = _mirrored(img, sides(padding), padding_mode)
    if palette is not None:
        result.putpalette(palette)
    return result


def _mirrored(img: Any, around: tuple[int, int, int, int], padding_mode: str) -> Any:
    cut = [max(-side, 0) for side in around]
    if any(cut):
        img = img.crop((cut[0], cut[1], img.width - cut[2], img.height - cut[3]))
    left, top, right, bottom = (max(side, 0) for side in around)
    pixels = np.asarray(img)
    grown = ((top, bottom), (left, right), (0, 0))[: pixels.ndim]
    return pillow().fromarray(np.pad(pixels, grown, padding_mode))  # pyright: ignore[reportCallIssue, reportArgumentType]


def affine(img: Any, matrix: Sequence[float], interpolation: int, fill: Fill) -> Any:
    require(img)
    return img.transform(img.size, pillow().Transform.AFFINE, matrix, interpolation, fillcolor=_fill(fill, img))


def perspective(img: Any, coefficients: Sequence[float], interpolation: int, fill: Fill) -> Any:
    require(img)
    return img.transform(
        img.size, pillow().Transform.PERSPECTIVE, coefficients, interpolation, fillcolor=_fill(fill, img)
    )


def rotate(img: Any, angle: float, interpolation: int, expand: bool, center: Any, fill: Fill) -> Any:
    require(img)
    return img.rotate(angle, interpolation, expand, center, fillcolor=_fill(fill, img))
