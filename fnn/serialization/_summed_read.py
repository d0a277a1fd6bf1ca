"""Bytes of a file together with their CRC-32; several threads share what is large.

Each thread reads and sums up a part of its own, and the sums are joined: CRC-32 is linear, so that the sum of two
pieces one after the other is that of the first, shifted by the length of the second, plus that of the second.
"""

import functools
import io
import os
import zlib
from concurrent.futures import ThreadPoolExecutor, wait
from typing import BinaryIO

from fnn.serialization._corrupt import CorruptFileError

__all__ = ["SummedReader", "plain_descriptor", "read_into"]

_CHUNK = 1 << 20  # read and sum up while it is in the cache
_MAX_THREADS = 4
_POLYNOMIAL = 0xEDB88320  # bit 31 is the constant term
_X8 = 1 << 23  # x to the power of 8: a shift by one byte


class SummedReader:
    """Reads a file at any place.

    Args:
        file: seekable.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.descriptor = plain_descriptor(file) if hasattr(os, "preadv") else None
        self.threads = 1 if self.descriptor is None else min(os.cpu_count() or 1, _MAX_THREADS)

    @functools.cached_property
    def pool(self) -> ThreadPoolExecutor:
        """The threads beside the caller's; they end with this object."""
        return ThreadPoolExecutor(self.threads - 1)

    def read(self, start: int, target: memoryview) -> int:
        """Fills ``target`` from ``start`` on; returns the CRC-32."""
        # the first part takes what is over, so that few lengths occur to shift by
        size = len(target) // _CHUNK // self.threads * _CHUNK
        if self.threads == 1 or not size:
            return self._part(start, target)
        first = len(target) - (self.threads - 1) * size
        others = [
            self.pool.submit(self._part, start + position, target[position : position + size])
            for position in range(first, len(target), size)
        ]
        try:
            crc = self._part(start, target[:first])
        finally:
            wait(others)  # before anybody closes the file
        for other in others:
            crc = _times(crc, _shift(size)) ^ other.result()
        return crc

    def _part(self, start: int, target: memoryview) -> int:
        if self.descriptor is None:
            self.file.seek(start)
        crc = 0
        for position in range(0, len(target), _CHUNK):
            chunk = target[position : position + _CHUNK]
            if self.descriptor is None:
                read_into(self.file, chunk)
            else:
                _read_at(self.descriptor, start + position, chunk)
            crc = zlib.crc32(chunk, crc)
        return crc


def plain_descriptor(file: BinaryIO) -> int | None:
    """The descriptor of a file whose bytes are those of its descriptor, which a GzipFile's, say, are not."""
    raw = file.raw if type(file) is io.BufferedReader else file
    return raw.fileno() if type(raw) is io.FileIO else None


def read_into(file: BinaryIO, target: memoryview) -> None:
    """Fills ``target`` from where the file is."""
    readinto = getattr(file, "readinto", None)
    done = 0
    while done < len(target):
        if readinto is not None:
            count = readinto(target[done:])
        else:
            found = file.read(len(target) - done)
            count = len(found)
            target[done : done + count] = found
        if not count:
            raise CorruptFileError("the file is cut short")
        done += count


def _read_at(descriptor: int, start: int, target: memoryview) -> None:
    done = 0
    while done < len(target):
        count = os.preadv(descriptor, [target[done:]], start + done)
        if not count:
            raise CorruptFileError("the file is cut short")
        done += count


def _times(a: int, b: int) -> int:
    """The product of two polynomials modulo CRC-32's."""
    product = 0
    while a:
        if a & 1 << 31:
            product ^= b
        a = a << 1 & 0xFFFFFFFF
        b = b >> 1 ^ (_POLYNOMIAL if b & 1 else 0)
    return product


@functools.lru_cache(64)
def _shift(size: int) -> int:
    """What a CRC is multiplied with when ``size`` bytes (at least 1) follow."""
    if size == 1:
        return _X8
    half = _shift(size // 2)
    square = _times(half, half)
    return _times(square, _X8) if size % 2 else square
