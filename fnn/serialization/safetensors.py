"""The safetensors format: named arrays and a little text, readable without executing anything.

A thin edge over the ``safetensors`` library, which checks every header it reads.  The bytes are read here, because
the library's numpy reader does not know bfloat16 and the float8 types in every release.
"""

import json
import os
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.dtypes import canonical, index_dtype, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.serialization._atomic import replacing

__all__ = ["CorruptFileError", "load_file", "load_metadata", "save_file"]

NEEDS_SAFETENSORS = 'safetensors files need the safetensors library: pip install "fnn[examples]"'

_DTYPES: dict[str, Any] = {
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
}
_SAVED = frozenset(np.dtype(dtype) for dtype in _DTYPES.values())


class CorruptFileError(ArgumentError):
    """A file is cut short, damaged or of another format; the message holds its path."""


def _library() -> ModuleType:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(NEEDS_SAFETENSORS) from error
    return safetensors


def save_file(
    tensors: Mapping[str, Any], path: str | os.PathLike[str], metadata: Mapping[str, str] | None = None
) -> None:
    """Writes named arrays to a safetensors file, whole or not at all.

    A save that is interrupted leaves the file that was there before untouched.  The file can be read by any
    safetensors reader, PyTorch's included: names, shapes and layouts are stored as they are.

    Args:
        tensors: arrays (or Parameters) by name, e.g. a ``state_dict``.
        path: the file to write.
        metadata: text by name, stored in the header.

    Raises:
        ArgumentError: for an array whose dtype the format does not have.
        ImportError: if the safetensors library is missing.

    >>> import os, tempfile
    >>> import jax.numpy as jnp
    >>> from fnn import serialization
    >>> path = os.path.join(tempfile.mkdtemp(), "weights.safetensors")
    >>> serialization.save_file({"weight": jnp.ones(2, jnp.bfloat16)}, path)
    >>> serialization.load_file(path)
    {'weight': Array([1, 1], dtype=bfloat16)}
    """
    library = _library()
    arrays = {name: _to_saved(name, value) for name, value in tensors.items()}
    for name, text in (metadata or {}).items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise ArgumentTypeError(f"save_file: metadata must be text by name, got {name!r}: {text!r}")
    with replacing(path) as temporary:
        library.numpy.save_file(arrays, str(temporary), metadata=dict(metadata) if metadata else None)


def _to_saved(name: str, value: Any) -> np.ndarray:
    if not isinstance(name, str):
        raise ArgumentTypeError(f"save_file: the name of an array must be a str, got {name!r}")
    array = np.asarray(value if isinstance(value, np.ndarray) else to_array(value, name, "save_file: "), order="C")
    if array.dtype.newbyteorder("<") not in _SAVED:
        raise ArgumentError(f"save_file: tensors[{name!r}] has dtype {array.dtype}, which safetensors does not have")
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def load_file(path: str | os.PathLike[str]) -> dict[str, jax.Array]:
    """Reads every array of a safetensors file; executes nothing.

    Outside x64 mode int64 arrays (PyTorch's counters) become int32 where every value fits, and float64 arrays
    are refused, since they would lose digits.

    Args:
        path: the file to read.

    Returns:
        The arrays by name, in the file's order.

    Raises:
        CorruptFileError: for a file that is cut short, damaged or not of this format.
        ImportError: if the safetensors library is missing.
    """
    with open(path, "rb") as file:
        header = _header(file, path)
        start = file.tell()
        entries = sorted(header.items(), key=lambda item: item[1]["data_offsets"])
        return {name: _read(file, start, name, entry, path) for name, entry in entries}


def load_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """Reads the text of a safetensors file's header; see `load_file`."""
    with open(path, "rb") as file:
        return _header(file, path, metadata=True)


def _header(file: BufferedReader, path: str | os.PathLike[str], metadata: bool = False) -> dict[str, Any]:
    """The checked header: an entry for each array, or the text; leaves the file at the first array's bytes."""
    library = _library()
    try:
        with library.safe_open(str(Path(path)), framework="np"):
            pass  # checks sizes, offsets, dtypes and shapes against the file's length
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    except (library.SafetensorError, ValueError, OSError) as error:
        raise CorruptFileError(f"{os.fspath(path)}: not a whole safetensors file: {error}") from error
    text = header.pop("__metadata__", {})
    return text if metadata else header


def _read(
    file: BufferedReader, start: int, name: str, entry: dict[str, Any], path: str | os.PathLike[str]
) -> jax.Array:
    where = f"{os.fspath(path)}: {name!r}: "
    if entry["dtype"] not in _DTYPES:
        raise CorruptFileError(f"{where}dtype {entry['dtype']} is not supported")
    array = np.empty(entry["shape"], np.dtype(_DTYPES[entry["dtype"]]).newbyteorder("<"))
    file.seek(start + entry["data_offsets"][0])
    if file.readinto(array.reshape(-1).view(np.uint8).data) != array.nbytes:
        raise CorruptFileError(f"{where}the file ended before the array did")
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8 and index_dtype().itemsize < 8:
        narrow = array.astype(f"{array.dtype.kind}4")
        if np.array_equal(narrow, array):
            array = narrow
    return jax.device_put(array.astype(canonical(array.dtype, where), copy=False))
