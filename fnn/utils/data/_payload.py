"""The dataset on its way to the workers: its arrays in one piece of shared memory, which all workers map.

A worker's mapping is private: what it writes into an array no other process sees, as after a fork.  The memory is kept
from one epoch to the next and only filled again, so that changes which the user made in between arrive.
"""

import os
import weakref
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from fnn.utils.data._blocks import create, layout, map_block
from fnn.utils.data._pickling import dump_for_workers

__all__ = ["Payload"]

_INLINE: Final = 1 << 16  # smaller arrays go through the sockets


class Payload:
    """The memory of one loader."""

    def __init__(self) -> None:
        self._descriptor: int | None = None
        self._memory = np.empty(0, np.uint8)
        self._users = 0
        # Closes the descriptor, once. Not `__del__`, which at the interpreter's end meets modules without names.
        self._close: Callable[[], Any] = lambda: None

    def pack(self, what: object) -> tuple[tuple[Any, ...], int | None]:
        """Writes the dataset and the functions; for each call there is a `release`.

        Returns:
            what a worker needs to read them, and the descriptor of the memory if there is any.
        """
        body, buffers = dump_for_workers(what)
        raws = [buffer.raw() for buffer in buffers]
        starts, size = layout([raw.nbytes for raw in raws])
        if size >= _INLINE and self._reserve(size):
            for start, raw in zip(starts, raws, strict=True):
                self._memory[start : start + raw.nbytes] = np.frombuffer(raw, np.uint8)
            spans = [(start, raw.nbytes) for start, raw in zip(starts, raws, strict=True)]
            message = body, spans, size, None
        else:
            message = body, None, None, [bytes(raw) for raw in raws]
        self._users += 1
        return message, self._descriptor if message[2] is not None else None

    def release(self) -> None:
        """The workers of one `pack` are no longer wanted."""
        self._users -= 1

    def _reserve(self, size: int) -> bool:
        """Whether there is memory of this size that nobody reads."""
        if self._descriptor is not None and self._users == 0 and len(self._memory) == size:
            return True
        self.free()
        try:
            self._descriptor = create(size)
            self._close = weakref.finalize(self, os.close, self._descriptor)
            self._memory = map_block(os.dup(self._descriptor), size)
        except OSError:
            self.free()
            return False
        return True

    def free(self) -> None:
        """Gives the memory back as soon as no worker has it mapped."""
        self._close()
        self._descriptor, self._memory = None, np.empty(0, np.uint8)
