"""The three global generators that data loading code draws from: fnn's, numpy's and Python's.

Their states travel as bytes by name (``{"fnn": ..., "numpy": ..., "python": ...}``), each in a layout of fixed size,
so that a checkpoint holds them as uint8 arrays and reading one back executes nothing.
"""

import ctypes
import random
import struct
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from fnn.errors import ArgumentError
from fnn.host_random import default_generator

__all__ = ["Watch", "capture", "from_bytes", "restore", "seed_worker", "to_bytes"]

_PYTHON: Final = struct.Struct("<625I?d")  # words and position, the second value of the last pair
_NUMPY: Final = struct.Struct("<2496sI?d")

States = dict[str, bytes]


def capture() -> States:
    """The states of the three; numpy's is left out where a bit generator other than MT19937 has been put in."""
    states = {name: state() for name, state in _STATES.items()}
    return {name: state for name, state in states.items() if state is not None}


def restore(states: Mapping[str, Any]) -> None:
    """Sets those of the three that are named."""
    if "fnn" in states:
        default_generator.set_state(np.frombuffer(to_bytes(states["fnn"]), np.uint8))
    if "python" in states:
        *words, has_normal, normal = _PYTHON.unpack(to_bytes(states["python"]))
        random.setstate((3, tuple(words), normal if has_normal else None))
    if "numpy" in states:
        key, position, has_normal, normal = _NUMPY.unpack(to_bytes(states["numpy"]))
        np.random.set_state(("MT19937", np.frombuffer(key, np.uint32), position, int(has_normal), normal))


def to_bytes(state: object) -> bytes:
    """From an array of uint8, or bytes."""
    return state if isinstance(state, bytes) else np.asarray(state, np.uint8).tobytes()


def from_bytes(state: bytes) -> np.ndarray:
    """An array of uint8, as checkpoints hold it."""
    return np.frombuffer(state, np.uint8).copy()


def check(states: object, where: str) -> None:
    """Refuses what `restore` could not set."""
    sizes = {"fnn": 5056, "python": _PYTHON.size, "numpy": _NUMPY.size}
    if not isinstance(states, Mapping) or not set(states) <= set(sizes):
        raise ArgumentError(f"{where}: expected the states of {list(sizes)}, got {states!r:.200}")
    for name, state in states.items():
        if len(to_bytes(state)) != sizes[name]:
            raise ArgumentError(f"{where}: the state of {name!r} is not of {sizes[name]} bytes")


def seed_worker(base_seed: int, worker_id: int) -> None:
    """Seeds the three as PyTorch seeds a worker's: ``base_seed + worker_id``, and for numpy a hash of the two."""
    seed = base_seed + worker_id
    random.seed(seed)
    default_generator.manual_seed(seed)
    entropy = [worker_id, base_seed & 0xFFFF_FFFF, base_seed >> 32, 0]
    np.random.seed(np.random.SeedSequence(entropy).generate_state(4))


def _python_state() -> bytes:
    _, words, normal = random.getstate()
    return _PYTHON.pack(*words, normal is not None, normal or 0.0)


def _numpy_state() -> bytes | None:
    state: Any = np.random.get_state(legacy=False)
    if state["bit_generator"] != "MT19937":
        return None
    words = state["state"]
    return _NUMPY.pack(words["key"].tobytes(), words["pos"], bool(state["has_gauss"]), state["gauss"])


def _fnn_state() -> bytes:
    return default_generator.get_state().tobytes()


_STATES: Final = {"fnn": _fnn_state, "python": _python_state, "numpy": _numpy_state}


class Watch:
    """Notices which of the three have been drawn from, at a cost of microseconds.

    A generator moves when its position within its 624 words does, or, at a multiple of these, its first word.
    """

    def __init__(self) -> None:
        self._moved: set[str] = set()
        self._marks = {name: mark() for name, mark in _MARKS.items()}

    def assume(self, names: Any) -> None:
        """Takes these for moved."""
        self._moved.update(names)

    def states(self) -> States:
        """The states of those that have moved since the watch was made."""
        for name, mark in _MARKS.items():
            if name not in self._moved and mark() != self._marks[name]:
                self._moved.add(name)
        if not self._moved:
            return {}
        found = {name: _STATES[name]() for name in self._moved}
        return {name: state for name, state in found.items() if state is not None}


def _words_mark(bits: Any) -> Any:
    address = bits.ctypes.state_address  # of uint32 key[624]; int pos
    return ctypes.c_uint32.from_address(address).value, ctypes.c_int.from_address(address + 624 * 4).value


def _numpy_mark() -> Any:
    legacy: Any = np.random  # whose stubs lack the function
    bits = legacy.get_bit_generator()
    return _words_mark(bits) if type(bits) is np.random.MT19937 else id(bits)


def _python_mark() -> Any:
    _, words, _ = random.getstate()
    return words[0], words[-1]


_MARKS: Final = {
    "fnn": lambda: (id(default_generator.bit_generator), _words_mark(default_generator.bit_generator)),
    "python": _python_mark,
    "numpy": _numpy_mark,
}
