"""Arrays of numbers in MATLAB's files of version 5 (MAT-File Format, MathWorks, R2023b).

A file is a header of 128 bytes and elements, each with a tag: its type and its size in bytes.  An array is an element
that consists of elements: flags, sizes, name, numbers in the order of Fortran.
"""

import os
import struct
import zlib

import numpy as np

from fnn.vision.datasets.utils import corrupt

__all__ = ["read_mat"]

_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_MATRIX, _COMPRESSED, _COMPLEX = 14, 15, 0x0800


def read_mat(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """The arrays of real numbers in a file, by name; what else there is is left out.

    Args:
        path: the file.

    Raises:
        fnn.serialization.CorruptFileError: it is of another format, or cut short.
    """
    with open(path, "rb") as file:
        content = file.read()
    if len(content) < 128 or content[126:128] not in (b"IM", b"MI"):
        raise corrupt(path, "no MATLAB file of version 5")
    order = "<" if content[126:128] == b"IM" else ">"
    found = {}
    try:
        for kind, data in _elements(memoryview(content)[128:], order):
            if kind == _COMPRESSED:
                inner = list(_elements(memoryview(zlib.decompress(data)), order))
            else:
                inner = [(kind, data)]
            for kind, data in inner:
                if kind == _MATRIX and (named := _array(data, order)) is not None:
                    found[named[0]] = named[1]
    except (struct.error, zlib.error, ValueError, IndexError, KeyError) as error:
        raise corrupt(path, f"damaged: {error}") from error
    return found


def _elements(content: memoryview, order: str) -> list[tuple[int, memoryview]]:
    """The elements that stand one after the other: type and data."""
    found, at = [], 0
    while at + 8 <= len(content):
        (first,) = struct.unpack(order + "I", content[at : at + 4])
        if first >> 16:  # a small one: size and type in four bytes, the data in the next four
            kind, size, start, end = first & 0xFFFF, first >> 16, at + 4, at + 8
        else:
            kind, start = first, at + 8
            (size,) = struct.unpack(order + "I", content[at + 4 : start])
            end = start + size + (0 if kind == _COMPRESSED else -size % 8)
        if start + size > len(content):
            raise ValueError(f"cut short: an element of {size} bytes at {at}")
        found.append((kind, content[start : start + size]))
        at = end
    return found


def _array(content: memoryview, order: str) -> tuple[str, np.ndarray] | None:
    parts = _elements(content, order)
    (flags,) = struct.unpack(order + "I", parts[0][1][:4])
    if flags & 0xFF not in _CLASSES or flags & _COMPLEX:
        return None
    shape = np.frombuffer(parts[1][1], order + "i4")
    kind, data = parts[3]
    numbers = np.frombuffer(data, order + _NUMBERS[kind])
    if (shape < 0).any() or numbers.size != np.prod(shape, dtype=object):
        raise ValueError(f"an array of shape {tuple(shape)} with {numbers.size} numbers")
    return bytes(parts[2][1]).decode("ascii"), numbers.reshape(shape, order="F").astype(_CLASSES[flags & 0xFF])
