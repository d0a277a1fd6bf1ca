"""Files of fields of numbers: flows and disparities in the formats .flo and .pfm, and in pictures of 16 bits."""

from pathlib import Path

import numpy as np

from fnn.vision._png import pixels_of_png
from fnn.vision.datasets.utils import corrupt

__all__ = ["read_flo", "read_flow_png", "read_pfm"]


def read_flo(path: str | Path) -> np.ndarray:
    """The flow (2, H, W), float32, in a file of Middlebury's format.

    Args:
        path: the file.

    Raises:
        fnn.serialization.CorruptFileError: it is of another format, or cut short.
    """
    content = Path(path).read_bytes()
    if content[:4] != b"PIEH":
        raise corrupt(path, "Magic number incorrect. Invalid .flo file")
    width, height = (int(n) for n in np.frombuffer(content[4:12].ljust(8, b"\0"), "<i4"))
    if width < 1 or height < 1 or len(content) < 12 + 8 * width * height:
        raise corrupt(path, f"cut short: a flow of {height}x{width} in {len(content)} bytes")
    numbers = np.frombuffer(content, "<f4", 2 * width * height, 12)
    return numbers.reshape(height, width, 2).transpose(2, 0, 1)


def read_pfm(path: str | Path, slice_channels: int = 2) -> np.ndarray:
    """The numbers (C, H, W), float32, in a portable float map.

    Args:
        path: the file.
        slice_channels: how many of its channels are wanted at most.

    Raises:
        fnn.serialization.CorruptFileError: it is of another format, or cut short.
    """
    content = Path(path).read_bytes()
    try:
        kind, size, scale, data = content.split(b"\n", 3)
        channels = {b"PF": 3, b"Pf": 1}[kind.rstrip()]
        width, height = (int(n) for n in size.split())
        order = "<" if float(scale) < 0 else ">"
        numbers = np.frombuffer(data, order + "f4").reshape(height, width, channels)
    except (ValueError, KeyError) as error:
        raise corrupt(path, f"Invalid PFM file ({error})") from error
    # the rows stand from the bottom to the top
    return np.ascontiguousarray(numbers[::-1].transpose(2, 0, 1)[:slice_channels], np.float32)


def read_flow_png(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """The flow (2, H, W), float32, and where it is known (H, W), bool, in a picture as KITTI's are.

    Args:
        path: a PNG of three channels of 16 bits.

    Raises:
        fnn.serialization.CorruptFileError: it is another picture, or none.
    """
    pixels = pixels_of_png(Path(path).read_bytes(), path)
    if pixels.shape[0] != 3:
        raise corrupt(path, f"should have 3 channels, found {pixels.shape[0]}")
    numbers = pixels.astype(np.float32)
    return (numbers[:2] - 2**15) / 64, numbers[2] != 0
