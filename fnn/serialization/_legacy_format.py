"""PyTorch's format before 1.6: five pickles one after the other, then the storages' bytes.

The pickles are a magic number, a version, facts about the machine, the object, and the names of the storages in the
order in which they follow: each its number of elements (8 bytes) and then its elements, little-endian.  How long an
element is, only the object's pickle says, so that it is gone through twice.
"""

import contextlib
import mmap
import sys
from typing import Any, BinaryIO

from fnn.serialization._corrupt import CorruptFileError
from fnn.serialization._leaves import Leaves
from fnn.serialization._limits import Budget, check_tree
from fnn.serialization._pickle_read import Unpickler
from fnn.serialization._pickle_stack import Bytes
from fnn.serialization._storage import Storage, aligned
from fnn.serialization._summed_read import plain_descriptor, read_into
from fnn.serialization._torch_names import StorageRequest, Survey, TorchNames

__all__ = ["MAGIC", "VERSION", "read_legacy"]

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
_NOT_TORCH = "a pickle that torch.save did not write (its first object is not torch's magic number)"


def read_legacy(file: BinaryIO, base: int, size: int, leaves: Leaves, encoding: str) -> Any:
    """The object in a legacy file, which is left where its last storage ends.

    Args:
        file: seekable.
        base: where in ``file`` the first pickle starts.
        size: how much there is from there on.
        leaves: what makes the arrays.
        encoding: of Python 2's byte strings.
    """
    content = _content(file)
    storages = _Storages()
    survey = Survey(Leaves(leaves.placement, Budget(size)), storages.note)
    position = base
    for expected in (MAGIC, VERSION):
        head = Unpickler(content, survey, position)
        try:
            found = head.load()
        except CorruptFileError as error:
            if position == base:
                raise type(error)(f"{_NOT_TORCH}: {error}") from None
            raise
        if type(found) is not int or found != expected:
            raise CorruptFileError(_NOT_TORCH if expected == MAGIC else f"Invalid protocol version: {found!r:.80}")
        position = head.position
    machine = Unpickler(content, survey, position, encoding)
    machine.load()
    first = Unpickler(content, survey, machine.position, encoding)
    first.load()
    keys = Unpickler(content, survey, first.position, encoding)
    end = storages.read(file, keys.load(), keys.position, base + size)
    again = Unpickler(content, TorchNames(leaves, storages.get), machine.position, encoding)
    tree = again.load()
    check_tree(tree, again.position - machine.position)
    file.seek(end)
    return tree


def _content(file: BinaryIO) -> Bytes:
    """The file's bytes, from memory or mapped."""
    descriptor = plain_descriptor(file)
    if descriptor is not None:
        with contextlib.suppress(OSError):  # a file system that cannot map
            return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    file.seek(0)
    return file.read()


class _Storages:
    def __init__(self) -> None:
        self.wanted: dict[str, StorageRequest] = {}
        self.made: dict[str, Storage] = {}
        self.views: dict[str, Storage] = {}

    def note(self, request: StorageRequest) -> Storage:
        """Learns that there is such a storage."""
        known = self.wanted.setdefault(request.key, request)
        if known.type.dtype != request.type.dtype or known.numel != request.numel:
            raise CorruptFileError(f"the storage {request.key!r} is asked for in two forms")
        return request.storage(None)

    def read(self, file: BinaryIO, keys: object, position: int, end: int) -> int:
        """Reads the storages, which start at ``position``; returns where they end."""
        if type(keys) is not list:
            raise CorruptFileError("the list of the storages is missing")
        for key in keys:
            if type(key) is bytes:
                key = key.decode("ascii")
            request = self.wanted.get(str(key)) if type(key) in (str, int) else None
            if request is None or request.key in self.made:
                raise CorruptFileError(f"a storage {key!r:.80} that no tensor needs, or that is there twice")
            if position + 8 + request.nbytes > end:
                raise CorruptFileError("the file is cut short")
            file.seek(position)
            data = aligned((8,), "u1")
            read_into(file, data.data)
            if int.from_bytes(data.tobytes(), "little") != request.numel:
                raise CorruptFileError(f"the storage {request.key!r} has another number of elements than expected")
            data = aligned((request.nbytes,), "u1")
            read_into(file, data.data)
            position += 8 + request.nbytes
            self.made[request.key] = request.storage(data, sys.byteorder == "big")
        missing = self.wanted.keys() - self.made.keys()
        if missing:
            raise CorruptFileError(f"the storage {min(missing)!r} is missing")
        return position

    def get(self, request: StorageRequest) -> Storage:
        """A storage that has been read, or the part of one."""
        root = self.made[request.key]
        if request.view is None:
            return root
        if type(request.view) is not tuple or len(request.view) != 3:
            raise CorruptFileError(f"a view of the storage {request.key!r} that is none")
        _, offset, numel = request.view
        if type(offset) is not int or type(numel) is not int or min(offset, numel) < 0 or root.data is None:
            raise CorruptFileError(f"a view of the storage {request.key!r} that is none")
        name = f"{request.key} from {offset}, {numel}"
        if name not in self.views:
            width = root.dtype.itemsize
            part = root.data[offset * width : (offset + numel) * width]
            if part.size != numel * width:
                raise CorruptFileError(f"a view that reaches out of the storage {request.key!r}")
            self.views[name] = Storage(name, root.dtype, root.location, part, root.big_endian, root.type_name)
        return self.views[name]
