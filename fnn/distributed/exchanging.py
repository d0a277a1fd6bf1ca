"""Whether the main thread runs an operation in which devices of another process take part.

Compiled steps are compared before they run.  An operation outside of them, or of a function under `jax.jit`, is not: if
one process runs it alone, its devices wait for the others' for ever, and Python with them.  Another thread can see that
on the stack: JAX runs a program that is new in a frame of its own, which holds the program and its arrays.
"""

from __future__ import annotations

import re
import sys
import threading
from typing import Any

import jax

__all__ = ["Exchange"]

_RUNS = "ExecuteReplicated.__call__"
_DEPTH = 4  # frames of JAX above it
_EXCHANGE = re.compile(r"\b(all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute|collective-broadcast)\b")
_BEATS = 6  # looks in a row after which a process that waits elsewhere will not take part


class Exchange:
    """Looks now and then, from another thread, whether the main thread is still in the same exchange.

    Example:
        >>> from fnn.distributed.exchanging import Exchange
        >>> Exchange().lasts(1)
        ''
    """

    def __init__(self) -> None:
        self._program: Any = None
        self._looks = 0

    def lasts(self, there: int, looked_for: bool = True) -> str:
        """The name of a program that has been exchanging with process ``there`` for some looks; empty of no such one.

        Args:
            there: the number of the other process, which waits elsewhere.
            looked_for: False if the main thread is known to wait for something else.
        """
        program = _running(there) if looked_for else None
        self._looks = self._looks + 1 if program is not None and program is self._program else 0
        self._program = program
        if self._looks < _BEATS or not _exchanges(program):
            return ""
        return str(getattr(program, "name", "")) or "an operation"


def _running(there: int) -> Any:
    """The program that the main thread runs on arrays of this process and process ``there``; None of no such one."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    for _ in range(_DEPTH):
        if frame is None:
            return None
        if frame.f_code.co_qualname == _RUNS:
            held = frame.f_locals
            arrays = [x for x in held.get("args", ()) if isinstance(x, jax.Array)]
            theirs = (device.process_index == there for x in arrays for device in x.sharding.device_set)
            return held.get("self") if any(theirs) else None
        frame = frame.f_back
    return None


def _exchanges(program: Any) -> bool:
    """Whether devices send each other something in a program."""
    executable = getattr(program, "xla_executable", None)
    if executable is None:
        return False
    return any(_EXCHANGE.search(module.to_string()) for module in executable.hlo_modules())
