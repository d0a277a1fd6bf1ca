"""PNG with all its bits: Pillow reads 16 of them in pictures of one channel only."""

import io
import os
from typing import Any

import numpy as np

from fnn.errors import ArgumentError
from fnn.vision._images import pillow

__all__ = ["open_png", "pixels_of_png"]

# How Pillow reads a channel of 16 bits: what the file holds, and what to ask for to get the first and the second byte.
_BYTES = {"RGB;16B": ("RGB;16B", "RGB;16L"), "RGBA;16B": ("RGBA;16B", "RGBA;16L")}


def open_png(content: bytes, name: str | os.PathLike[str] = "picture") -> Any:
    """A PIL image of a PNG whose pixels have not been read.

    Raises:
        ArgumentError: it is no PNG.
    """
    try:
        return pillow().open(io.BytesIO(content), formats=("PNG",))
    except (OSError, SyntaxError, ValueError) as error:
        raise ArgumentError(f"{os.fspath(name)}: no PNG, or a damaged one ({error})") from error


def pixels_of_png(content: bytes, name: str | os.PathLike[str] = "picture") -> np.ndarray:
    """The pixels (C, H, W), uint8 or uint16, in as many channels as the file has; of a palette the indices.

    Args:
        content: the file's bytes.
        name: what to call it in an error.

    Raises:
        ArgumentError: it is no PNG, or damaged.
    """
    try:
        image = open_png(content, name)
        raw = image.tile[0][3] if image.tile else ""
        if raw in _BYTES:
            first, second = (_read(content, name, way).astype(np.uint16) for way in _BYTES[raw])
            pixels = first << 8 | second
        elif raw == "LA;16B":  # four bytes a pixel, as RGBA has
            pixels = _read(content, name, "RGBA").astype(np.uint16)
            pixels = pixels[..., ::2] << 8 | pixels[..., 1::2]
        elif raw == "I;16B":
            pixels = np.asarray(image).astype(np.uint16)
        else:
            pixels = np.asarray(image.convert("L") if image.mode == "1" else image, np.uint8)
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        if isinstance(error, ArgumentError):
            raise
        raise ArgumentError(f"{os.fspath(name)}: a damaged PNG ({error})") from error
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _read(content: bytes, name: str | os.PathLike[str], raw: str) -> np.ndarray:
    """The pixels as Pillow unpacks them if told that this is how they are stored."""
    image = open_png(content, name)
    image.tile = [(*image.tile[0][:3], raw)]
    return np.asarray(image)
