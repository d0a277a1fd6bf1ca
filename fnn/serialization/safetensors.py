"""The safetensors format: named arrays and a little text, readable without executing anything.

Files are written by the ``safetensors`` library and read here: straight into the arrays, or mapped.
"""

import mmap
import os
from collections.abc import Mapping
from types import ModuleType
from typing import Any, BinaryIO

import jax
import numpy as np

from fnn.dtypes import canonical, index_dtype, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.serialization._corrupt import CorruptFileError, naming
from fnn.serialization._elsewhere import check_here
from fnn.serialization._leaves import Leaves
from fnn.serialization._safetensors_header import DTYPES, Entry, read_header
from fnn.serialization._storage import aligned
from fnn.serialization._summed_read import read_into
from fnn.serialization.atomic import replacing

__all__ = ["CorruptFileError", "load_file", "load_metadata", "read_arrays", "save_file"]

NEEDS_SAFETENSORS = 'safetensors files need the safetensors library: pip install "fnn[examples]"'

_SAVED = frozenset(DTYPES.values())


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


def _to_saved(name: str, value: object) -> np.ndarray:
    if not isinstance(name, str):
        raise ArgumentTypeError(f"save_file: the name of an array must be a str, got {name!r}")
    given = value if isinstance(value, np.ndarray) else to_array(value, name, "save_file: ")
    check_here(given, f"save_file: tensors[{name!r}]")
    array = np.asarray(given, order="C")
    if array.dtype.newbyteorder("<") not in _SAVED:
        raise ArgumentError(f"save_file: tensors[{name!r}] has dtype {array.dtype}, which safetensors does not have")
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def load_file(path: str | os.PathLike[str]) -> dict[str, jax.Array]:
    """Reads every array of a safetensors file; executes nothing.

    Outside x64 mode int64 arrays (PyTorch's counters) become int32 where every value fits, and float64 arrays
    are refused, since they would lose digits.  (`fnn.load` gives such arrays as numpy's, as they are.)
    Tied weights that the file stores once, and names in its text as ``safetensors.torch.save_model`` does, come under
    each of their names.

    Args:
        path: the file to read.

    Returns:
        The arrays by name, in the file's order.

    Raises:
        CorruptFileError: for a file that is cut short, damaged or not of this format.

    Example:
        >>> import os, tempfile
        >>> from fnn import nn, serialization
        >>> path = os.path.join(tempfile.mkdtemp(), "weights.safetensors")
        >>> serialization.save_file(nn.Linear(2, 1).state_dict(), path)
        >>> {name: array.shape for name, array in serialization.load_file(path).items()}
        {'bias': (1,), 'weight': (1, 2)}
    """
    with open(path, "rb", buffering=0) as file, naming(os.fspath(path)):
        entries, text = read_header(file, 0, os.fstat(file.fileno()).st_size)
        read = {entry.name: _to_jax(_read(file, 0, entry), f"{os.fspath(path)}: {entry.name!r}: ") for entry in entries}
        return read | _aliases(read, text)


def load_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """Reads the text of a safetensors file's header; see `load_file`."""
    with open(path, "rb", buffering=0) as file, naming(os.fspath(path)):
        return read_header(file, 0, os.fstat(file.fileno()).st_size)[1]


def read_arrays(
    file: BinaryIO, base: int, size: int, leaves: Leaves, mapped: bool
) -> tuple[dict[str, Any], dict[str, str]]:
    """The arrays, as ``leaves`` makes them, and the text of an open file; see `fnn.load`."""
    entries, text = read_header(file, base, size)
    whole = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8) if mapped else None
    read = {entry.name: leaves.make(_read(file, base, entry, whole)) for entry in entries}
    return read | _aliases(read, text), text


def _aliases(arrays: Mapping[str, Any], text: Mapping[str, str]) -> dict[str, Any]:
    """The further names of arrays that are stored once.

    Of tied weights ``safetensors.torch.save_model`` stores one; the header's text says, by the others' names, which.
    """
    return {name: arrays[kept] for name, kept in text.items() if name not in arrays and kept in arrays}


def _read(file: BinaryIO, base: int, entry: Entry, whole: np.ndarray | None = None) -> np.ndarray:
    """An array on the host, native-endian: out of the mapped file where there is one."""
    start = base + entry.start
    if whole is not None and entry.size:
        data = whole[start : start + entry.size]
    else:
        data = aligned((entry.size,), np.uint8)
        file.seek(start)
        read_into(file, data.data)
    try:
        array = data.view(entry.dtype.newbyteorder("<")).reshape(entry.shape)
    except ValueError as error:
        raise CorruptFileError(f"{entry.name!r} of shape {entry.shape}: {error}") from None
    return array.astype(entry.dtype, copy=False)


def _to_jax(array: np.ndarray, where: str) -> jax.Array:
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8 and index_dtype().itemsize < 8:
        narrow = array.astype(f"{array.dtype.kind}4")
        if np.array_equal(narrow, array):
            array = narrow
    return jax.device_put(array.astype(canonical(array.dtype, where), copy=False))
