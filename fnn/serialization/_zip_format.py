"""PyTorch's zip format: a pickle of the object, ``data.pkl``, beside its storages, ``data/0``, ``data/1``, ..."""

import mmap
import sys
from typing import Any, BinaryIO

import numpy as np

from fnn.serialization._corrupt import CorruptFileError, UnsafeFileError
from fnn.serialization._leaves import Leaves
from fnn.serialization._limits import check_tree
from fnn.serialization._pickle_read import Unpickler
from fnn.serialization._storage import Storage
from fnn.serialization._torch_names import StorageRequest, TorchNames
from fnn.serialization._zip_read import ZipReader

__all__ = ["read_zip"]

_PICKLE = "/data.pkl"


def read_zip(file: BinaryIO, base: int, size: int, leaves: Leaves, encoding: str, mapped: bool) -> Any:
    """The object in an archive.

    Args:
        file: seekable.
        base: where in ``file`` the archive starts.
        size: its length.
        leaves: what makes the arrays.
        encoding: of Python 2's byte strings.
        mapped: whether storages are mapped from the file rather than read (and then not checked).
    """
    archive = ZipReader(file, base, size)
    top = _top(archive)
    storages = _Storages(archive, top, mapped)
    data = archive.read(archive.members[top + _PICKLE])
    unpickler = Unpickler(data, TorchNames(leaves, storages.get), encoding=encoding)
    tree = unpickler.load()
    check_tree(tree, len(data))
    return tree


def _top(archive: ZipReader) -> str:
    """The folder in the archive that holds everything."""
    names = archive.members
    tops = [name.removesuffix(_PICKLE) for name in names if name.endswith(_PICKLE) and name.count("/") == 1]
    if len(tops) == 1:
        if f"{tops[0]}/constants.pkl" in names:
            raise UnsafeFileError(
                "Cannot use ``weights_only=True`` with TorchScript archives: it holds a program. "
                "Save the state_dict() of the module instead"
            )
        return tops[0]
    if any(name.endswith(".npy") for name in names):
        raise CorruptFileError("an archive of numpy (.npz): load it with numpy.load")
    raise CorruptFileError("a zip archive that torch.save did not write: it has no data.pkl")


class _Storages:
    def __init__(self, archive: ZipReader, top: str, mapped: bool) -> None:
        self.archive, self.top = archive, top
        self.made: dict[str, Storage] = {}
        order = archive.members.get(f"{top}/byteorder")
        text = archive.read(order) if order is not None else b"little"
        if text not in (b"little", b"big"):
            raise CorruptFileError(f"Unknown endianness type: {text[:16]!r}")
        self.swap = text.decode() != sys.byteorder
        self.map: np.ndarray | None = None
        if mapped:
            whole = mmap.mmap(archive.file.fileno(), 0, access=mmap.ACCESS_READ)
            self.map = np.frombuffer(whole, np.uint8)[archive.base : archive.base + archive.size]

    def get(self, request: StorageRequest) -> Storage:
        """The storage that a persistent id asks for."""
        found = self.made.get(request.key)
        if found is None:
            member = self.archive.members.get(f"{self.top}/data/{request.key}")
            if member is None:
                raise CorruptFileError(f"the storage {request.key!r} is missing")
            if member.size != request.nbytes:
                raise CorruptFileError(
                    f"the storage {request.key!r} has {member.size} bytes, expected {request.nbytes}"
                )
            if self.map is None:
                data = self.archive.read_array(member)
            else:
                data = self.map[member.start : member.start + member.size]
            found = self.made[request.key] = request.storage(data, self.swap)
        if found.dtype != request.type.dtype or found.nbytes != request.nbytes:
            raise CorruptFileError(f"the storage {request.key!r} is asked for in two forms")
        return found
