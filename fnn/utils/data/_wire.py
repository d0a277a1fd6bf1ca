"""Messages between a loader and its worker processes, over a stream socket.

A message is a tuple of plain values: eight bytes of length, then its marshal.  File descriptors (of shared memory)
travel with the first byte of a message and are taken in the order in which they were sent.  The loader's end never
blocks in sending, so that it and a worker which waits to be read cannot wait for each other.
"""

import array
import errno
import marshal
import socket
import struct
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

__all__ = ["PASSES_DESCRIPTORS", "Channel"]

PASSES_DESCRIPTORS: Final = hasattr(socket.socket, "sendmsg") and hasattr(socket, "SCM_RIGHTS")

_HEADER: Final = struct.Struct("<Q")
_CHUNK: Final = 1 << 20
_MOST_DESCRIPTORS: Final = 16  # that one read takes along


class Channel:
    """One end of a socket.

    Args:
        sock: the socket; non-blocking at the loader's end.

    Attributes:
        closed: whether the other end has hung up.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.closed = False
        self._incoming = bytearray()
        self._outgoing: deque[tuple[memoryview, tuple[int, ...]]] = deque()
        self._descriptors: deque[int] = deque()

    def fileno(self) -> int:
        """Of the socket."""
        return self.sock.fileno()

    def send(self, message: tuple[Any, ...], descriptors: Sequence[int] = ()) -> None:
        """Sends a message, or on a non-blocking socket as much of it as fits; `flush` sends the rest."""
        data = marshal.dumps(message)
        self._outgoing.append((memoryview(_HEADER.pack(len(data)) + data), tuple(descriptors)))
        self.flush()

    @property
    def backlog(self) -> bool:
        """Whether there is something left to send."""
        return bool(self._outgoing)

    def flush(self) -> None:
        """Sends what is left to send."""
        while self._outgoing and not self.closed:
            data, descriptors = self._outgoing[0]
            try:
                if descriptors:
                    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
                    sent = self.sock.sendmsg([data], ancillary)
                else:
                    sent = self.sock.send(data)
            except BlockingIOError:
                return
            except (BrokenPipeError, ConnectionError):
                self.closed = True  # what the other end still sent can be read
                return
            if sent == len(data):
                self._outgoing.popleft()
            else:
                self._outgoing[0] = (data[sent:], ())

    def read(self) -> None:
        """Reads what has come, or on a blocking socket waits for it; at the end of the stream sets ``closed``."""
        try:
            if PASSES_DESCRIPTORS:
                data, ancillary, _, _ = self.sock.recvmsg(_CHUNK, socket.CMSG_SPACE(_MOST_DESCRIPTORS * 4))
                for level, kind, content in ancillary:
                    if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                        self._descriptors.extend(array.array("i", content[: len(content) // 4 * 4]))
            else:
                data = self.sock.recv(_CHUNK)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if data:
            self._incoming += data
        else:
            self.closed = True

    def next_message(self) -> tuple[Any, ...] | None:
        """The first message that has come whole; None if there is none."""
        if len(self._incoming) < _HEADER.size:
            return None
        end = _HEADER.size + _HEADER.unpack_from(self._incoming)[0]
        if len(self._incoming) < end:
            return None
        with memoryview(self._incoming) as view:
            message = marshal.loads(view[_HEADER.size : end])
        del self._incoming[:end]
        return message

    def receive(self) -> tuple[Any, ...] | None:
        """Waits for a message, on a blocking socket; None when the other end has hung up."""
        while (message := self.next_message()) is None:
            if self.closed:
                return None
            self.read()
        return message

    def take_descriptor(self) -> int:
        """The first descriptor that came and has not been taken."""
        if not self._descriptors:
            raise OSError(
                errno.EMFILE, "DataLoader: too many open files: raise the limit (ulimit -n), or keep fewer batches"
            )
        return self._descriptors.popleft()

    def close(self) -> None:
        """Hangs up."""
        self.closed = True
        self.sock.close()
