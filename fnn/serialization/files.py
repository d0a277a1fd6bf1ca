"""`save` and `load`: one pair of functions for the files of PyTorch and of safetensors."""

import contextlib
import io
import os
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import jax
import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.serialization._corrupt import naming
from fnn.serialization._leaves import Leaves, Placement
from fnn.serialization._legacy_format import read_legacy
from fnn.serialization._limits import Budget
from fnn.serialization._sniff import sniff
from fnn.serialization._torch_write import Prepared
from fnn.serialization._zip_format import read_zip
from fnn.serialization.atomic import replacing
from fnn.serialization.checkpoint import TREE, decode_tree, save_checkpoint
from fnn.serialization.safetensors import read_arrays, save_file

__all__ = ["load", "save"]

_WEIGHTS_ONLY = (
    "load: weights_only=False would execute what the file says, which fnn never does; tensors, numbers, text and plain "
    "containers are read without it. For a file that holds other objects, load it with torch and save its state_dict()"
)


def save(
    obj: object,
    f: Any,
    pickle_module: object = None,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
) -> None:
    """Writes a file that ``torch.load(weights_only=True)`` reads, and `load`.

    Arrays become tensors, `fnn.nn.Parameter` a ``torch.nn.Parameter``, an array that occurs twice one tensor, numpy
    arrays that share memory tensors that share a storage, a `jax.experimental.sparse.BCOO` a sparse tensor, a
    `jax.ShapeDtypeStruct` a tensor on the meta device, a dtype PyTorch's.  A numpy scalar becomes a tensor without
    dimensions, unless its dtype is that of Python's own numbers.  Arrays are written one after the other, without a
    copy of the whole.

    A save to a path is whole or not at all: if it is interrupted, the file that was there before stands untouched.

    Args:
        obj: arrays, numbers, text, bytes and None in nested dicts, lists, tuples and sets, for example
            ``{"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}``.
        f: a path, or a binary file, which need not be able to seek.  A path that ends in ``.safetensors`` gets that
            format: a plain file from a dict of arrays by name, else a checkpoint (see `save_checkpoint`).
        pickle_module: None; nothing is pickled by a module.
        pickle_protocol: 2, which is all that ``torch.load`` accepts.
        _use_new_zipfile_serialization: False for the format before PyTorch 1.6.

    Raises:
        ArgumentTypeError: for a value of another kind; the message names its place.
        ArgumentError: for a container that contains itself, or another argument's value.

    >>> import io
    >>> import jax.numpy as jnp
    >>> import fnn
    >>> file = io.BytesIO()
    >>> fnn.save({"weight": jnp.ones(2), "lr": 0.1}, file)
    >>> _ = file.seek(0)
    >>> fnn.load(file)
    {'weight': Array([1., 1.], dtype=float32), 'lr': 0.1}
    """
    if pickle_module is not None and getattr(pickle_module, "__name__", "") != "pickle":
        raise ArgumentError(f"save: pickle_module must be None: nothing is pickled by a module, got {pickle_module!r}")
    if pickle_protocol != 2:
        raise ArgumentError(f"save: pickle_protocol must be 2, which torch.load accepts, got {pickle_protocol!r}")
    is_path = isinstance(f, (str, os.PathLike))
    if is_path and os.fspath(f).endswith(".safetensors"):
        _save_safetensors(obj, f)
        return
    if not is_path and not hasattr(f, "write"):
        raise ArgumentTypeError(f"save: f must be a path or a file that can write, got {f!r}")
    prepared = Prepared(obj, not _use_new_zipfile_serialization)
    if not is_path:
        prepared.write(f)
        return
    with replacing(f) as temporary, open(temporary, "wb") as file:
        prepared.write(file)


def _save_safetensors(obj: object, path: str | os.PathLike[str]) -> None:
    if not isinstance(obj, Mapping):
        raise ArgumentTypeError(f"save: a .safetensors file holds a dict of arrays by name, got {type(obj).__name__}")
    if all(isinstance(value, (jax.Array, np.ndarray)) or hasattr(value, "__jax_array__") for value in obj.values()):
        save_file(obj, path, {"format": "pt"})
    else:
        save_checkpoint(obj, path)


def load(
    f: Any,
    map_location: object = None,
    pickle_module: object = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    encoding: str = "utf-8",
) -> Any:
    """Reads a file that ``torch.save``, `fnn.save` or safetensors wrote; executes nothing that is in it.

    The format (PyTorch's zip archive, its format before 1.6, safetensors) is told by the content.  Arrays come as
    `jax.Array`; what JAX cannot hold as it is (float64, int64 and their kin outside x64 mode) as numpy arrays, so that
    no digit is ever lost.  Tensors that are the same view of the same storage come as the same array.  A
    ``torch.nn.Parameter`` comes as a `fnn.nn.Parameter`, a sparse tensor as a `jax.experimental.sparse.BCOO`, a nested
    one as a list, one on the meta device as a `jax.ShapeDtypeStruct`, a quantised one as the float32 numbers that it
    stands for, a dtype as numpy's, a ``torch.device`` as its name.

    Args:
        f: a path, or a binary file that can seek, read from where it is.
        map_location: where the arrays go: None (JAX's default device, wherever they were), a device as in
            ``module.to``, a dict of devices by saved location, or a function ``(storage, location)`` that returns
            ``storage``, ``storage.cuda(1)``, a device or None.
        pickle_module: None; nothing is unpickled by a module.
        weights_only: None or True.
        mmap: whether to map the file instead of reading it: arrays are read-only numpy views of the file, of which only
            what is used is ever read, so that it may be larger than the memory.  Checksums are then not checked.
            A ``map_location`` other than the CPU moves each array there.
        encoding: of the byte strings of Python 2 in old files; "bytes" leaves them as they are.

    Returns:
        What was saved: arrays, numbers, text and None in nested dicts, lists, tuples and sets.

    Raises:
        CorruptFileError: the file is damaged, cut short or of another format.
        UnsafeFileError: it asks for anything else than those; the message names it.
        ArgumentError: ``weights_only=False``, ``pickle_module``, or ``mmap`` of what cannot be mapped.

    >>> import io
    >>> import jax.numpy as jnp
    >>> import fnn
    >>> file = io.BytesIO()
    >>> fnn.save({"weight": jnp.ones(2), "epoch": 3}, file)
    >>> _ = file.seek(0)
    >>> fnn.load(file)
    {'weight': Array([1., 1.], dtype=float32), 'epoch': 3}
    """
    if weights_only not in (None, True):
        raise ArgumentError(_WEIGHTS_ONLY)
    if pickle_module is not None:
        raise ArgumentError("load: Can not safely load weights when explicit pickle_module is specified")
    mapped = bool(mmap)
    placement = Placement(map_location, mapped)
    with _opened(f, mapped) as (file, name), naming(name):
        base = file.tell()
        size = file.seek(0, os.SEEK_END) - base
        file.seek(base)
        kind = sniff(file, base, size)
        leaves = Leaves(placement, Budget(size))
        if kind == "safetensors":
            arrays, text = read_arrays(file, base, size, leaves, mapped)
            return decode_tree(text[TREE], arrays) if TREE in text else arrays
        if kind == "zip":
            return read_zip(file, base, size, leaves, encoding, mapped)
        if mapped:
            raise ArgumentError(
                f"load: {name}: mmap can only be used with files saved with "
                "`torch.save(_use_new_zipfile_serialization=True)` or safetensors"
            )
        return read_legacy(file, base, size, leaves, encoding)


@contextlib.contextmanager
def _opened(f: Any, mapped: bool) -> Iterator[tuple[BinaryIO, str]]:
    """The file to read, and its name for messages."""
    if isinstance(f, (str, os.PathLike)):
        # without Python's buffer, since arrays are read straight into their memory
        with open(f, "rb", buffering=0) as file:
            yield file, os.fspath(f)  # pyright: ignore
        return
    if mapped:
        raise ArgumentError("load: f must be a file path in order to use the mmap argument")
    if not (hasattr(f, "read") and hasattr(f, "seek") and hasattr(f, "tell")):
        raise ArgumentTypeError(f"load: f must be a path or a file that can read, seek and tell, got {f!r}")
    try:
        f.seek(f.tell())
    except (OSError, io.UnsupportedOperation):
        raise ArgumentError("load: f cannot seek; read it into an io.BytesIO first") from None
    if not isinstance(f.read(0), bytes):
        raise ArgumentTypeError(f"load: f must be open in binary mode, got {f!r}")
    yield f, str(getattr(f, "name", "the file"))
