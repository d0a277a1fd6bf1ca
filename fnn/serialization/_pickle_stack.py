"""The part of the pickle machine that reads bytes: its stack, and the opcodes of numbers and text."""

import codecs
import struct
from typing import Any, Protocol, overload

from fnn.serialization._corrupt import CorruptFileError

__all__ = ["Bytes", "Stack", "decimal"]

_MAX_DIGITS = 4300  # of a decimal int: reading more takes quadratic time


class Bytes(Protocol):
    """`bytes` or an `mmap.mmap`."""

    def __len__(self) -> int: ...

    @overload
    def __getitem__(self, where: int, /) -> int: ...

    @overload
    def __getitem__(self, where: slice, /) -> bytes: ...

    def find(self, sub: bytes, start: int, /) -> int: ...


class Stack:
    """Bytes to read, a stack to put values on, and the marks in it.

    Args:
        data: the bytes.
        position: of the next one.
        encoding: of Python 2's byte strings; "bytes" leaves them as they are.
    """

    def __init__(self, data: Bytes, position: int, encoding: str) -> None:
        self.data = data
        self.size = len(data)
        self.position = position
        self.encoding = encoding
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []

    # -- reading ----------------------------------------------------------------------------------------

    def take(self, count: int) -> bytes:
        """The next bytes."""
        end = self.position + count
        if end > self.size:
            raise CorruptFileError("the pickle is cut short")
        found = self.data[self.position : end]
        self.position = end
        return found

    def line(self) -> bytes:
        """The bytes up to the next line break."""
        end = self.data.find(b"\n", self.position)
        if end < 0:
            raise CorruptFileError("the pickle is cut short")
        found = self.data[self.position : end]
        self.position = end + 1
        return found

    def number(self, size: int) -> int:
        """An unsigned number of so many bytes."""
        return int.from_bytes(self.take(size), "little")

    def push(self, value: object) -> None:
        """Onto the stack."""
        self.stack.append(value)

    def pop_mark(self) -> list[Any]:
        """What was pushed since the last mark."""
        items = self.stack
        if not self.marks:
            raise CorruptFileError("the pickle is damaged: a mark is missing")
        self.stack = self.marks.pop()
        return items

    # -- numbers and text -------------------------------------------------------------------------------

    def do_int(self) -> None:
        text = self.line()
        self.push({b"00": False, b"01": True}[text] if text in (b"00", b"01") else decimal(text))

    def do_long(self) -> None:
        self.push(decimal(self.line().removesuffix(b"L")))

    def do_binint(self) -> None:
        self.push(int.from_bytes(self.take(4), "little", signed=True))

    def do_binint1(self) -> None:
        self.push(self.number(1))

    def do_binint2(self) -> None:
        self.push(self.number(2))

    def do_long1(self) -> None:
        self.push(int.from_bytes(self.take(self.number(1)), "little", signed=True))

    def do_long4(self) -> None:
        self.push(int.from_bytes(self.take(self.number(4)), "little", signed=True))

    def do_float(self) -> None:
        self.push(float(self.line()))

    def do_binfloat(self) -> None:
        self.push(struct.unpack(">d", self.take(8))[0])

    def _text(self, size: int) -> None:
        self.push(str(self.take(self.number(size)), "utf-8", "surrogatepass"))

    def do_short_binunicode(self) -> None:
        self._text(1)

    def do_binunicode(self) -> None:
        self._text(4)

    def do_binunicode8(self) -> None:
        self._text(8)

    def do_unicode(self) -> None:
        self.push(codecs.raw_unicode_escape_decode(self.line())[0])

    def _old_string(self, content: bytes) -> None:
        self.push(content if self.encoding == "bytes" else content.decode(self.encoding))

    def do_string(self) -> None:
        text = self.line().strip()
        if len(text) < 2 or text[:1] not in (b"'", b'"') or text[-1:] != text[:1]:
            raise CorruptFileError("the pickle is damaged: a string without quotes")
        self._old_string(codecs.escape_decode(text[1:-1])[0])

    def do_binstring(self) -> None:
        self._old_string(self.take(self.number(4)))

    def do_short_binstring(self) -> None:
        self._old_string(self.take(self.number(1)))

    def do_short_binbytes(self) -> None:
        self.push(self.take(self.number(1)))

    def do_binbytes(self) -> None:
        self.push(self.take(self.number(4)))

    def do_binbytes8(self) -> None:
        self.push(self.take(self.number(8)))

    def do_bytearray8(self) -> None:
        self.push(bytearray(self.take(self.number(8))))


def decimal(text: bytes) -> int:
    """The number that decimal digits stand for."""
    if len(text) > _MAX_DIGITS:
        raise CorruptFileError(f"an integer of more than {_MAX_DIGITS} digits")
    return int(text)
