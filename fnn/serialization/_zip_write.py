"""Zip archives laid out as PyTorch's own writer does: stored members, their bytes at multiples of 64.

Written from front to back, so that the target need not be able to seek; a sum and the sizes follow each member.
PyTorch finds storages in a mapped file by this layout.
"""

import struct
import zlib
from collections.abc import Iterable
from typing import IO

from fnn.serialization._zip_read import CENTRAL, END, END64, LOCAL, LOCATOR64

__all__ = ["ALIGNMENT", "ZipWriter"]

ALIGNMENT = 64
_LARGE = 0xFFFFFFFF
_UTF8_AND_DESCRIPTOR = 0x0808
_UTF8 = 0x0800


class ZipWriter:
    """Writes members one after the other.

    Args:
        file: has ``write``.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.position = 0
        self.entries: list[bytes] = []

    def add(self, name: str, size: int, parts: Iterable[bytes | memoryview]) -> None:
        """Writes a member of ``size`` bytes, given in pieces."""
        encoded, header = name.encode(), self.position
        flags = _UTF8_AND_DESCRIPTOR if size else _UTF8
        large = size >= _LARGE or header >= _LARGE
        values = [size, size] * (size >= _LARGE) + [header] * (header >= _LARGE)
        extra = struct.pack(f"<2H{len(values)}Q", 1, 8 * len(values), *values) if values else b""
        start = header + LOCAL.size + len(encoded) + len(extra) + 4
        padding = -start % ALIGNMENT
        local_extra = extra + struct.pack("<2sH", b"FB", padding) + b"Z" * padding
        self._write(LOCAL.pack(b"PK\3\4", 0, flags, 0, 0, 0, 0, 0, 0, len(encoded), len(local_extra)))
        self._write(encoded + local_extra)
        crc = 0
        for part in parts:
            crc = zlib.crc32(part, crc)
            self._write(part)
        if size:
            self._write(struct.pack("<4sLQQ" if large else "<4sLLL", b"PK\7\10", crc, size, size))
        short, place = min(size, _LARGE), min(header, _LARGE)
        entry = (b"PK\1\2", 0, 0, flags, 0, 0, 0, crc, short, short, len(encoded), len(extra), 0, 0, 0, 0, place)
        self.entries.append(CENTRAL.pack(*entry) + encoded + extra)

    def finish(self) -> None:
        """Writes the directory."""
        start, count = self.position, len(self.entries)
        for entry in self.entries:
            self._write(entry)
        end, size = self.position, self.position - start
        self._write(END64.pack(b"PK\6\6", END64.size - 12, 0x031E, 45, 0, 0, count, count, size, start))
        self._write(LOCATOR64.pack(b"PK\6\7", 0, end, 1))
        few = min(count, 0xFFFF)
        self._write(END.pack(b"PK\5\6", 0, 0, few, few, min(size, _LARGE), min(start, _LARGE), 0))

    def _write(self, content: bytes | memoryview) -> None:
        self.file.write(content)
        self.position += len(content)
