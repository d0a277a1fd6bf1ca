"""The IDX format: a magic number, the sizes of the axes, the numbers, all with the most significant byte first."""

import gzip
import math
import os
import struct
import zlib

import numpy as np

from fnn.vision.datasets.utils import corrupt

__all__ = ["read_idx", "read_images", "read_labels", "read_rows"]

# The third byte of the file.
_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """The array in an IDX file.

    Args:
        path: the file; if it is not there, ``path`` and ``.gz``.

    Raises:
        fnn.serialization.CorruptFileError: it is of another format, or shorter or longer than it says.
    """
    content = _content(os.fspath(path))
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES or not 1 <= content[3] <= 3:
        raise corrupt(path, f"no IDX file of 1 to 3 axes: it begins with {content[:4]!r}")
    dtype, axes = np.dtype(_TYPES[content[2]]), content[3]
    start = 4 * (axes + 1)
    if len(content) < start:
        raise corrupt(path, f"cut short in its header, after {len(content)} bytes")
    shape = struct.unpack(f">{axes}I", content[4:start])
    expected = math.prod(shape) * dtype.itemsize
    if len(content) - start != expected:
        raise corrupt(
            path, f"cut short or too long: an array of shape {shape} has {expected} bytes, found {len(content) - start}"
        )
    return np.frombuffer(content, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))


def _content(path: str) -> bytes:
    if os.path.isfile(path):
        with open(path, "rb") as file:
            return file.read()
    packed = path + ".gz"
    try:
        with gzip.open(packed) as file:
            return file.read()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise corrupt(packed, f"damaged ({error})") from error


def _bytes(path: str | os.PathLike[str], axes: int, what: str) -> np.ndarray:
    array = read_idx(path)
    if array.dtype != np.uint8 or array.ndim != axes:
        raise corrupt(path, f"{what} should be uint8 with {axes} axes, found {array.dtype} of shape {array.shape}")
    return array


def read_images(path: str | os.PathLike[str]) -> np.ndarray:
    """Pictures (N, H, W), uint8."""
    return _bytes(path, 3, "pictures")


def read_labels(path: str | os.PathLike[str]) -> np.ndarray:
    """Labels (N,), int64."""
    return _bytes(path, 1, "labels").astype(np.int64)


def read_rows(path: str | os.PathLike[str]) -> np.ndarray:
    """What is known of each picture (N, K), int64."""
    array = read_idx(path)
    if array.dtype != np.int32 or array.ndim != 2:
        raise corrupt(path, f"should be int32 with 2 axes, found {array.dtype} of shape {array.shape}")
    return array.astype(np.int64)
