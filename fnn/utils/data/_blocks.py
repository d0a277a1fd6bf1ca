"""Shared memory for batches.

A block is anonymous memory (a memfd on Linux, elsewhere a file without a name), so that nothing is left behind however
a process ends, and the size of ``/dev/shm`` does not matter.  A worker makes it, writes a batch into it and sends its
descriptor once; the loader maps it.  When the last array that looks into the block is gone, the loader tells the
worker, which then uses it again: in a steady state nothing is allocated.
"""

import errno
import mmap
import os
import sys
import tempfile
import weakref
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from fnn.utils.data._wire import PASSES_DESCRIPTORS

__all__ = ["SMALLEST", "Leases", "Pool", "create", "layout", "map_block"]

SMALLEST: Final = 4096  # what is smaller goes through the socket
_ALIGNMENT: Final = 64  # at which JAX's CPU backend takes an array over without a copy
_MOST_LIVE: Final = 32  # blocks of one worker that the consumer may hold; more batches are copied
# the mapping alone keeps the memory; before 3.13 Python keeps the descriptor open besides
_UNTRACKED: Final[dict[str, Any]] = {"trackfd": False} if sys.version_info >= (3, 13) else {}


def layout(sizes: Sequence[int]) -> tuple[list[int], int]:
    """Where buffers of these sizes start in a block, and how large it must be."""
    starts, end = [], 0
    for size in sizes:
        starts.append(end)
        end += -(-size // _ALIGNMENT) * _ALIGNMENT
    return starts, end


def create(size: int) -> int:
    """A descriptor of new anonymous memory.

    Raises:
        OSError: where there is none to be had.
    """
    if not PASSES_DESCRIPTORS:
        raise OSError(errno.ENOTSUP, "descriptors cannot be passed between processes")
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("fnn-batch", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    try:
        os.ftruncate(descriptor, size)
        if not hasattr(os, "memfd_create") and hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)  # a full disk is an error here, a SIGBUS later
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def map_block(descriptor: int, size: int, private: bool = False) -> np.ndarray:
    """The bytes of a block; closes the descriptor. In a private mapping a write is seen by this process alone."""
    try:
        if private:
            flags, access = mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE
            memory = mmap.mmap(descriptor, size, flags=flags, prot=access, **_UNTRACKED)
        else:
            memory = mmap.mmap(descriptor, size, **_UNTRACKED)
    finally:
        os.close(descriptor)
    return np.frombuffer(memory, np.uint8)


class Pool:
    """A worker's blocks."""

    def __init__(self) -> None:
        self._blocks: dict[int, np.ndarray] = {}
        self._free: list[int] = []
        self._next = 0

    def give_back(self, names: Sequence[int]) -> None:
        """The consumer has let go of these."""
        self._free.extend(names)

    def take(self, size: int) -> tuple[int, np.ndarray, int | None, int | None] | None:
        """A block of at least so many bytes, or None for lack of memory.

        Returns:
            its name, its bytes, its descriptor if it is new, the name of another that it replaces.
        """
        fitting = [name for name in self._free if len(self._blocks[name]) >= size]
        if fitting:
            name = min(fitting, key=lambda name: len(self._blocks[name]))
            self._free.remove(name)
            return name, self._blocks[name], None, None
        if len(self._blocks) - len(self._free) >= _MOST_LIVE:
            return None
        step = max(mmap.PAGESIZE, 1 << max(size.bit_length() - 4, 0))  # batches of similar sizes share blocks
        rounded = -(-size // step) * step
        try:
            descriptor = create(rounded)
            block = map_block(os.dup(descriptor), rounded)
        except OSError:
            return None
        replaced = None
        if self._free:  # too small, all of them
            replaced = min(self._free, key=lambda name: len(self._blocks[name]))
            self._free.remove(replaced)
            del self._blocks[replaced]
        name, self._next = self._next, self._next + 1
        self._blocks[name] = block
        return name, block, descriptor, replaced


class Leases:
    """A loader's view of the blocks of one worker.

    Attributes:
        released: the names of the blocks that no array looks into any more, until they are told to the worker.
    """

    def __init__(self) -> None:
        self._blocks: dict[int, np.ndarray] = {}
        self._watches: dict[int, Any] = {}
        self.released: deque[int] = deque()

    def add(self, name: int, size: int, descriptor: int) -> None:
        """A new block."""
        self._blocks[name] = map_block(descriptor, size)

    def remove(self, name: int) -> None:
        """The worker has replaced this one."""
        self._blocks.pop(name, None)

    def lease(self, name: int) -> memoryview:
        """The bytes of a block; it counts as released when the view and all that was made from it are gone."""
        # a memoryview, unlike a view of an array, keeps this very object alive, which therefore can be watched
        view = self._blocks[name][:]
        watches, released = self._watches, self.released

        def release(_: object) -> None:
            watches.pop(name, None)
            released.append(name)

        watches[name] = weakref.ref(view, release)
        return view.data

    def take_released(self) -> list[int]:
        """Empties ``released``."""
        names = []
        while self.released:
            names.append(self.released.popleft())
        return names
