"""The zip archives that PyTorch writes, read as untrusted.

Only what such an archive has is accepted: stored members, each where its header says, none overlapping.  There is no
compression, so nothing can be larger than the file; sizes and positions come from the central directory and are checked
against the file and the members' own headers.
"""

import struct
from typing import BinaryIO, NamedTuple

import numpy as np

from fnn.serialization._corrupt import CorruptFileError
from fnn.serialization._storage import aligned
from fnn.serialization._summed_read import SummedReader, read_into

__all__ = ["Member", "ZipReader"]

END = struct.Struct("<4s4H2LH")  # end of the central directory
END64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR64 = struct.Struct("<4sLQL")
CENTRAL = struct.Struct("<4s6H3L5H2L")
LOCAL = struct.Struct("<4s5H3L2H")
_MAX_COMMENT = 0xFFFF
_ENCRYPTED = 0x1


class Member(NamedTuple):
    """One member; ``start`` is where its bytes are, counted from the start of the archive."""

    name: str
    start: int
    size: int
    crc: int


class ZipReader:
    """The members of an archive by name.

    Args:
        file: seekable.
        base: where in ``file`` the archive starts.
        size: its length.
    """

    def __init__(self, file: BinaryIO, base: int, size: int) -> None:
        self.file, self.base, self.size = file, base, size
        self.reader = SummedReader(file)
        self.members = {member.name: member for member in self._directory()}

    def read(self, member: Member) -> bytes:
        """A member's bytes, checked."""
        return self.read_array(member).tobytes()

    def read_array(self, member: Member) -> np.ndarray:
        """A member's bytes as a new array, checked.

        Raises:
            CorruptFileError: they are not those that were written.
        """
        data = aligned((member.size,), np.uint8)
        crc = self.reader.read(self.base + member.start, data.data)
        # PyTorch writes 0 if it is told to compute no sums
        if crc != member.crc and member.crc != 0:
            raise CorruptFileError(f"{member.name!r} is damaged: its CRC-32 is {crc:08x}, expected {member.crc:08x}")
        return data

    # -- the directory ----------------------------------------------------------------------------------

    def _at(self, position: int, size: int) -> bytes:
        if position < 0 or position + size > self.size:
            raise CorruptFileError("the zip archive is damaged: a header out of the file")
        self.file.seek(self.base + position)
        found = bytearray(size)
        read_into(self.file, memoryview(found))
        return bytes(found)

    def _directory(self) -> list[Member]:
        start, size, count = self._find_directory()
        content = self._at(start, size)
        members: list[tuple[int, Member]] = []
        names: set[str] = set()
        position = 0
        for _ in range(count):
            member, header, position = self._entry(content, position)
            if member.name in names:
                raise CorruptFileError(f"the zip archive has two members of the name {member.name!r}")
            names.add(member.name)
            members.append((header, member))
        if position != size:
            raise CorruptFileError("the zip archive is damaged: its directory is longer than its entries")
        return self._located(members, start)

    def _find_directory(self) -> tuple[int, int, int]:
        """Position, size and number of entries of the central directory."""
        tail_size = min(self.size, END.size + _MAX_COMMENT)
        tail = self._at(self.size - tail_size, tail_size)
        found = tail.rfind(b"PK\5\6", 0, tail_size - END.size + 4)
        if found < 0:
            raise CorruptFileError("the zip archive is cut short: it has no directory at its end")
        _, disk, first_disk, here, count, size, start, comment = END.unpack_from(tail, found)
        end = self.size - tail_size + found
        if found + END.size + comment != tail_size:
            raise CorruptFileError("the zip archive is damaged: bytes after its end")
        locator = end - LOCATOR64.size
        if locator >= 0 and self._at(locator, 4) == b"PK\6\7":
            _, _, end, _ = LOCATOR64.unpack(self._at(locator, LOCATOR64.size))
            magic, record, _, _, disk, first_disk, here, count, size, start = END64.unpack(self._at(end, END64.size))
            if magic != b"PK\6\6" or end + record + 12 != locator:
                raise CorruptFileError("the zip archive is damaged: its zip64 record is not where it should be")
        if disk or first_disk or here != count or start + size != end:
            raise CorruptFileError("the zip archive is damaged: its directory is not where it should be")
        return start, size, count

    def _entry(self, content: bytes, position: int) -> tuple[Member, int, int]:
        """One entry of the directory: the member, where its local header is, where the next entry is."""
        if position + CENTRAL.size > len(content):
            raise CorruptFileError("the zip archive is damaged: its directory ends in the middle of an entry")
        (magic, _, _, flags, method, _, _, crc, packed, size, name_size, extra_size, comment_size, disk, _, _,
         header) = CENTRAL.unpack_from(content, position)  # fmt: skip
        end = position + CENTRAL.size + name_size
        if magic != b"PK\1\2" or end + extra_size + comment_size > len(content):
            raise CorruptFileError("the zip archive is damaged: an entry of its directory is none")
        try:
            name = content[end - name_size : end].decode("utf-8")
        except UnicodeDecodeError:
            raise CorruptFileError("the zip archive is damaged: a name that is no text") from None
        if flags & _ENCRYPTED or method:
            kind = "encrypted" if flags & _ENCRYPTED else "compressed"
            raise CorruptFileError(f"the member {name!r} of the zip archive is {kind}; PyTorch stores them as they are")
        size, packed, header = _zip64(content[end : end + extra_size], size, packed, header)
        if size != packed or disk:
            raise CorruptFileError(f"the zip archive is damaged: {name!r} has two sizes")
        return Member(name, 0, size, crc), header, end + extra_size + comment_size

    def _located(self, members: list[tuple[int, Member]], end: int) -> list[Member]:
        """The members with the positions of their bytes, which must follow each other up to ``end``."""
        located, before = [], 0
        for header, member in sorted(members):
            if header < before or header + LOCAL.size > end:
                raise CorruptFileError(f"the zip archive is damaged: {member.name!r} overlaps another member")
            magic, _, flags, method, _, _, _, _, _, name_size, extra_size = LOCAL.unpack(self._at(header, LOCAL.size))
            name = self._at(header + LOCAL.size, name_size)
            start = header + LOCAL.size + name_size + extra_size
            before = start + member.size
            if magic != b"PK\3\4" or flags & _ENCRYPTED or method or name != member.name.encode() or before > end:
                raise CorruptFileError(f"the zip archive is damaged: {member.name!r} is not where its directory says")
            located.append(member._replace(start=start))
        return located


def _zip64(extra: bytes, size: int, packed: int, header: int) -> tuple[int, int, int]:
    """Sizes and position, those that are too large for their field taken from the extra field."""
    values = [size, packed, header]
    wanted = [n for n, value in enumerate(values) if value == 0xFFFFFFFF]
    position = 0
    while wanted and position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        position += 4
        if kind == 1:
            if length < 8 * len(wanted) or position + length > len(extra):
                break
            for field, value in zip(wanted, struct.unpack_from(f"<{len(wanted)}Q", extra, position), strict=True):
                values[field] = value
            return values[0], values[1], values[2]
        position += length
    if wanted:
        raise CorruptFileError("the zip archive is damaged: a size of more than 32 bits is missing")
    return size, packed, header
