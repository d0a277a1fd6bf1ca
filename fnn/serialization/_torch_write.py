"""An object as a file of PyTorch, in either format."""

import sys
from typing import IO, Any

from fnn.serialization._legacy_format import MAGIC, VERSION
from fnn.serialization._pickle_write import Name, Persistent, pickled
from fnn.serialization._plan import Plan, Storage
from fnn.serialization._tensor_write import Reduction
from fnn.serialization._zip_write import ALIGNMENT, ZipWriter

__all__ = ["Prepared"]


class Prepared:
    """An object that is ready to be written: all that can be wrong with it has been found.

    Args:
        obj: nested containers of arrays, numbers and text.
        legacy: whether for the format before PyTorch 1.6.
    """

    def __init__(self, obj: object, legacy: bool) -> None:
        self.legacy = legacy
        plan = Plan()
        reduction = Reduction(plan, self._storage_id)
        pickled(obj, reduction)
        plan.settle()
        reduction.planned = True
        self.pickle = pickled(obj, reduction)
        self.storages = plan.storages

    def _storage_id(self, storage: Storage) -> Persistent:
        if storage.kind is not None:
            kind = Name("torch", storage.kind)
        elif self.legacy:  # torch's own choice, the one below, is one that it cannot load in this format
            kind = Name("torch", "ByteStorage")
        else:
            kind = Name("torch.storage", "UntypedStorage")
        pid = ("storage", kind, storage.key, "cpu", storage.count)
        return Persistent((*pid, None) if self.legacy else pid)

    def write(self, file: IO[bytes]) -> None:
        """Writes it to a file, from front to back."""
        if self.legacy:
            self._write_legacy(file)
        else:
            self._write_zip(file)

    def _write_zip(self, file: IO[bytes]) -> None:
        archive = ZipWriter(file)

        def add(name: str, content: bytes) -> None:
            archive.add(f"archive/{name}", len(content), [content])

        add("data.pkl", self.pickle)
        add(".format_version", b"1")
        add(".storage_alignment", str(ALIGNMENT).encode())
        add("byteorder", b"little")
        for storage in self.storages:
            archive.add(f"archive/data/{storage.key}", storage.nbytes, storage.parts())
        add("version", b"3\n")
        archive.finish()

    def _write_legacy(self, file: Any) -> None:
        machine = {
            "protocol_version": VERSION,
            "little_endian": sys.byteorder == "little",
            "type_sizes": {"short": 2, "int": 4, "long": 4},
        }
        for plain in (MAGIC, VERSION, machine):
            file.write(pickled(plain, _nothing))
        file.write(self.pickle)
        file.write(pickled([storage.key for storage in self.storages], _nothing))
        for storage in self.storages:
            file.write(storage.count.to_bytes(8, "little"))
            for part in storage.parts():
                file.write(part)


def _nothing(value: object, where: str) -> None:
    del value, where
