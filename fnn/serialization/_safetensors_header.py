"""The header of a safetensors file, checked in full before a byte of an array is touched.

Eight bytes say how long the header is; the header is JSON: for each array its dtype, shape and place among the bytes
that follow, and under ``__metadata__`` text by name.  The arrays must fill the rest of the file without gap or overlap.
"""

import json
from typing import Any, BinaryIO, NamedTuple

import jax.numpy as jnp
import numpy as np

from fnn.serialization._corrupt import CorruptFileError
from fnn.serialization._summed_read import read_into

__all__ = ["DTYPES", "Entry", "read_header"]

DTYPES: dict[str, np.dtype] = {
    name: np.dtype(dtype)
    for name, dtype in {
        "BOOL": np.bool_,
        "U8": np.uint8,
        "U16": np.uint16,
        "U32": np.uint32,
        "U64": np.uint64,
        "I8": np.int8,
        "I16": np.int16,
        "I32": np.int32,
        "I64": np.int64,
        "F16": np.float16,
        "BF16": jnp.bfloat16,
        "F32": np.float32,
        "F64": np.float64,
        "C64": np.complex64,
        "F8_E4M3": jnp.float8_e4m3fn,
        "F8_E5M2": jnp.float8_e5m2,
        "F8_E4M3FNUZ": jnp.float8_e4m3fnuz,
        "F8_E5M2FNUZ": jnp.float8_e5m2fnuz,
        "F8_E8M0": jnp.float8_e8m0fnu,
    }.items()
}
_MAX_HEADER = 100_000_000  # as in the safetensors library
_NOT_WHOLE = "not a whole safetensors file: "


class Entry(NamedTuple):
    """An array of the file; ``start`` counts from the file's first byte."""

    name: str
    dtype: np.dtype
    shape: tuple[int, ...]
    start: int
    size: int


def read_header(file: BinaryIO, base: int, size: int) -> tuple[list[Entry], dict[str, str]]:
    """The arrays in the order of their bytes, and the text.

    Args:
        file: seekable.
        base: where in ``file`` the header starts.
        size: how much there is from there on.

    Raises:
        CorruptFileError: anything in it is not as it should be.
    """
    try:
        file.seek(base)
        content = bytearray(min(8, size))
        read_into(file, memoryview(content))
        length = int.from_bytes(content, "little")
        if size < 8 or not 2 <= length <= min(size - 8, _MAX_HEADER):
            raise ValueError(f"a header of {length} bytes in a file of {size}")
        content = bytearray(length)
        read_into(file, memoryview(content))
        header = json.loads(content.decode("utf-8"), object_pairs_hook=_unique)  # bytes: json would guess
        if type(header) is not dict:
            raise ValueError("the header is no object of JSON")
        text = header.pop("__metadata__", {})
        if type(text) is not dict or any(type(value) is not str for value in text.values()):
            raise ValueError("the metadata is not text by name")
        entries = sorted((_entry(name, entry) for name, entry in header.items()), key=lambda e: (e.start, e.size))
        position = 0
        for entry in entries:
            if entry.start != position:
                raise ValueError(f"{entry.name!r} starts at {entry.start}, expected {position}")
            position += entry.size
        if position != size - 8 - length:
            raise ValueError(f"arrays of {position} bytes in a file that has {size - 8 - length} for them")
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        text = str(error) if str(error).startswith(_NOT_WHOLE) else f"{_NOT_WHOLE}{error}"
        raise CorruptFileError(text) from error
    return [entry._replace(start=entry.start + 8 + length) for entry in entries], text


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name is there twice")
    return result


def _entry(name: str, entry: object) -> Entry:
    if type(entry) is not dict or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"the entry of {name!r} is not a dtype, a shape and offsets")
    dtype, shape, offsets = DTYPES.get(entry["dtype"]), entry["shape"], entry["data_offsets"]
    if dtype is None:
        raise ValueError(f"{name!r} has dtype {entry['dtype']!r}, which is not supported")
    for values in (shape, offsets):
        if type(values) is not list or any(type(n) is not int or not 0 <= n < 1 << 63 for n in values):
            raise ValueError(f"the shape or the offsets of {name!r} are not numbers")
    if len(offsets) != 2 or len(shape) > 64:
        raise ValueError(f"the shape or the offsets of {name!r} are too many")
    count = dtype.itemsize
    for n in shape:
        count *= n
    if offsets[1] - offsets[0] != count:
        raise ValueError(f"{name!r} of shape {shape} has {offsets[1] - offsets[0]} bytes, expected {count}")
    return Entry(name, dtype, tuple(shape), offsets[0], count)
