"""What is in MATLAB's files of version 5 (MAT-File Format, MathWorks, R2023b).

A file is a header of 128 bytes and elements, each with a tag: its type and its size in bytes.  An array is an element
that consists of elements: flags, sizes, name, and what it holds in the order of Fortran: numbers, letters, or further
arrays.  A sparse matrix holds its rows, where each column begins among them, and the numbers.
"""

import os
import struct
import zlib
from typing import Any

import numpy as np

from fnn.vision.datasets.utils import corrupt

__all__ = ["read_mat"]

_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_LETTERS = {16: "u1", 17: "u2", 18: "u4"}  # of UTF-8, -16 and -32
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_CELL, _STRUCT, _CHAR, _SPARSE = 1, 2, 4, 5
_MATRIX, _COMPRESSED, _COMPLEX = 14, 15, 0x0800
_DEEPEST = 32  # a file that nests deeper is no data set's

Element = tuple[int, memoryview]


def read_mat(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What is in a file, by name: complex numbers, objects and functions are left out.

    Args:
        path: the file.

    Returns:
        an array of numbers as it is, also a sparse one; one row of letters as a str; a cell array as an array of
        objects; a structure as an array of dicts from the name of a field to what it holds.

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
                inner = _elements(memoryview(zlib.decompress(data)), order)
            else:
                inner = [(kind, data)]
            for kind, data in inner:
                if kind == _MATRIX and (named := _array(data, order, _DEEPEST)) is not None:
                    found[named[0]] = named[1]
    except (struct.error, zlib.error, ValueError, IndexError, KeyError) as error:
        raise corrupt(path, f"damaged: {error}") from error
    return found


def _elements(content: memoryview, order: str) -> list[Element]:
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


def _array(content: memoryview, order: str, depth: int) -> tuple[str, Any] | None:
    """Name and value; None for what is left out."""
    if not depth:
        raise ValueError(f"arrays in arrays, more than {_DEEPEST} deep")
    if not content:
        return "", np.zeros((0, 0))
    parts = _elements(content, order)
    (flags,) = struct.unpack(order + "I", parts[0][1][:4])
    kind = flags & 0xFF
    shape = np.frombuffer(parts[1][1], order + "i4")
    name, rest = bytes(parts[2][1]).decode("ascii"), parts[3:]
    if flags & _COMPLEX:
        return None
    if (shape < 0).any():
        raise ValueError(f"an array of shape {tuple(shape)}")
    if kind == _CELL:
        return name, _filled([_inside(part, order, depth) for part in rest], shape)
    if kind == _STRUCT:
        return name, _structure(rest, shape, order, depth)
    if kind == _SPARSE:
        return name, _dense(rest, shape, order)
    if kind == _CHAR:
        return name, _text(rest[0], shape, order)
    if kind not in _CLASSES:
        return None
    return name, _filled(_numbers(rest[0], order), shape).astype(_CLASSES[kind])


def _inside(part: Element, order: str, depth: int) -> Any:
    named = _array(part[1], order, depth - 1) if part[0] == _MATRIX else None
    return None if named is None else named[1]


def _numbers(part: Element, order: str) -> np.ndarray:
    return np.frombuffer(part[1], order + _NUMBERS[part[0]])


def _filled(values: Any, shape: np.ndarray) -> np.ndarray:
    """The values in an array of this shape, column by column."""
    if len(values) != np.prod(shape, dtype=object):
        raise ValueError(f"an array of shape {tuple(shape)} with {len(values)} numbers")
    if isinstance(values, list):
        objects = np.empty(len(values), object)
        objects[:] = values
        values = objects
    return values.reshape(shape, order="F")


def _structure(parts: list[Element], shape: np.ndarray, order: str, depth: int) -> np.ndarray:
    """The length of a field's name, the names, and for each structure what its fields hold."""
    (length,) = struct.unpack(order + "i", parts[0][1][:4])
    letters = bytes(parts[1][1])
    if length < 1 or len(letters) % length:
        raise ValueError(f"names of fields of {length} letters in {len(letters)} bytes")
    names = [letters[i : i + length].split(b"\0")[0].decode("ascii") for i in range(0, len(letters), length)]
    values = [_inside(part, order, depth) for part in parts[2:]]
    if len(values) != len(names) * np.prod(shape, dtype=object):
        raise ValueError(f"structures of shape {tuple(shape)} and {len(names)} fields with {len(values)} values")
    rows = [dict(zip(names, values[i : i + len(names)], strict=True)) for i in range(0, len(values), len(names) or 1)]
    return _filled(rows, shape)


def _dense(parts: list[Element], shape: np.ndarray, order: str) -> np.ndarray:
    rows, starts, values = (_numbers(part, order) for part in parts[:3])
    height, width = (int(n) for n in shape)
    counts = np.diff(starts)
    used = int(starts[-1])
    if len(starts) != width + 1 or starts[0] != 0 or (counts < 0).any() or not used <= min(len(rows), len(values)):
        raise ValueError(f"a sparse matrix of {width} columns with {len(starts)} beginnings and {len(rows)} rows")
    if ((rows[:used] < 0) | (rows[:used] >= height)).any():
        raise ValueError(f"a sparse matrix of {height} rows with a row outside")
    full = np.zeros((height, width), values.dtype.newbyteorder("="))
    full[rows[:used], np.repeat(np.arange(width), counts)] = values[:used]
    return full


def _text(part: Element, shape: np.ndarray, order: str) -> Any:
    """One row is a str, several are an array of them."""
    kind, data = part
    if kind == 16:
        letters = np.array([ord(letter) for letter in bytes(data).decode("utf-8")], np.uint32)
    elif kind in _LETTERS:
        letters = np.frombuffer(data, order + _LETTERS[kind])
    else:
        letters = _numbers(part, order)
    if shape.size == 2 and 0 in shape:
        return ""
    rows = _filled(letters, shape).reshape(shape[0], -1)
    found = ["".join(map(chr, row)) for row in rows]
    return found[0] if len(found) == 1 else np.array(found)
