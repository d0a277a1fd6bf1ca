"""PyTorch's CPU random engine: MT19937 words, seeds, and states that cross between PyTorch and fnn.

numpy has the same engine and draws its words in C.  What PyTorch adds is the way it seeds, the layout of its
saved state, and the second half of the last Box-Muller pair, which is part of that state.
"""

import functools
import secrets
import threading
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError

__all__ = ["Engine", "in_order"]

_DEFAULT_SEED = 67280421310721

# The bytes of torch.get_rng_state(): the struct of the generator before 2019, then the fields added since.
_STATE = np.dtype(
    {
        "names": ["seed", "left", "seeded", "next", "words", "normal", "has_normal"],
        "formats": ["<u8", "<i4", "<i4", "<u8", ("<u8", 624), "<f8", "<i4"],
        "offsets": [0, 8, 12, 16, 24, 24 + 8 * 624 + 8, 24 + 8 * 624 + 24],
        "itemsize": 5056,
    }
)


_FEW = 256  # words; numpy draws them in pairs in two thirds of the time, but they must be put in order
_HALF = np.uint64(32)


@functools.cache
def _swapped() -> bool:
    """Whether the words of a pair lie in memory in the other order, which numpy's compiler and the machine decide."""
    pair, alone = (np.random.Generator(np.random.MT19937(0)).integers for _ in range(2))
    drawn = pair(0, 0xFFFF_FFFF_FFFF_FFFF, 1, np.uint64, endpoint=True).view(np.uint32)
    return bool((drawn != alone(0, 0x1_0000_0000, 2, np.uint32)).any())


def in_order(drawn: np.ndarray) -> np.ndarray:
    """The 32-bit words that `Engine.drawn` returned, whose memory they take over."""
    if drawn.dtype == np.uint64 and _swapped():
        second = drawn << _HALF
        drawn >>= _HALF
        drawn |= second
    return drawn.view(np.uint32)


class Engine:
    """The words and the state; thread-safe, copyable, picklable."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._seed_with(_DEFAULT_SEED)

    def _seed_with(self, seed: int) -> None:
        self.bit_generator = np.random.MT19937()
        self.bit_generator._legacy_seeding(seed & 0xFFFF_FFFF)  # the seeding of the paper, as in PyTorch
        self._integers = np.random.Generator(self.bit_generator).integers
        self._seed = seed
        self._untouched = True  # since seeding; only get_state() can tell
        self._cached_normal: float | None = None

    # -- seeds ----------------------------------------------------------------------------------------

    def manual_seed(self, seed: int):
        """Sets the seed: an integer in [-2**63, 2**64); a negative one counts from 2**64.

        Returns:
            the generator itself.
        """
        seed = _checked_seed(seed)
        with self._lock:
            self._seed_with(seed)
        return self

    def seed(self) -> int:
        """Seeds from the operating system's entropy and returns the seed."""
        seed = secrets.randbits(64)
        self.manual_seed(seed)
        return seed

    def initial_seed(self) -> int:
        """The seed that was set last."""
        return self._seed

    # -- states ---------------------------------------------------------------------------------------

    def get_state(self) -> np.ndarray:
        """The state: 5056 uint8, the bytes of ``torch.Generator.get_state()``."""
        record = np.zeros((), _STATE)
        with self._lock:
            state = self.bit_generator.state["state"]
            position = int(state["pos"])
            record["seed"], record["seeded"], record["words"] = self._seed, 1, state["key"]
            record["left"], record["next"] = 625 - position, 0 if self._untouched else position
            if self._cached_normal is not None:
                record["normal"], record["has_normal"] = self._cached_normal, 1
        return np.frombuffer(record.tobytes(), np.uint8).copy()

    def set_state(self, new_state: object) -> None:
        """Restores what `get_state` returned, here or in PyTorch (as a numpy or JAX array of bytes)."""
        data = np.asarray(new_state)
        if data.dtype != np.uint8:
            raise ArgumentTypeError(f"set_state: RNG state must be an array of uint8, got dtype={data.dtype}")
        if data.size != _STATE.itemsize:
            raise ArgumentError(
                f"set_state: Expected a CPUGeneratorImplState of size {_STATE.itemsize} "
                f"but found the input RNG state size to be {data.size}"
            )
        record = np.frombuffer(data.tobytes(), _STATE)[0]
        left = int(record["left"])
        if record["seeded"] != 1 or not 1 <= left <= 624:
            raise ArgumentError(f"set_state: Invalid mt19937 state, got seeded={record['seeded']}, left={left}")
        with self._lock:
            self._seed_with(int(record["seed"]))
            key = record["words"].astype(np.uint32)
            self.bit_generator.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": 625 - left}}
            self._untouched = left == 1 and record["next"] == 0
            self._cached_normal = float(record["normal"]) if record["has_normal"] else None

    def __getstate__(self) -> np.ndarray:
        return self.get_state()

    def __setstate__(self, state: np.ndarray) -> None:
        self._lock = threading.RLock()
        self.set_state(state)

    # -- words ----------------------------------------------------------------------------------------

    def words(self, n: int) -> np.ndarray:
        """The next ``n`` 32-bit words."""
        return in_order(self.drawn(n))

    def drawn(self, n: int) -> np.ndarray:
        """The next ``n`` 32-bit words as they come from numpy, for `in_order`."""
        with self._lock:
            self._untouched = self._untouched and n == 0
            if n & 1 or n < _FEW:
                return self._integers(0, 0x1_0000_0000, n, np.uint32)
            return self._integers(0, 0xFFFF_FFFF_FFFF_FFFF, n >> 1, np.uint64, endpoint=True)

    def skip(self, n: int) -> None:
        """Moves on by ``n`` words, in a third of the time that it takes to look at them."""
        with self._lock:
            self._untouched = self._untouched and n == 0
            self.bit_generator.random_raw(n, output=False)

    def words64(self, n: int) -> np.ndarray:
        """The next ``n`` 64-bit words, each of two 32-bit words, the high one first."""
        pairs = self.words(2 * n).astype(np.uint64)
        return pairs[0::2] << np.uint64(32) | pairs[1::2]


def _checked_seed(seed: Any) -> int:
    if isinstance(seed, (str, bytes)) or not hasattr(seed, "__int__"):
        raise ArgumentTypeError(f"manual_seed expected a long, but got {type(seed).__name__} (={seed!r})")
    seed = int(seed)
    if not -(1 << 63) <= seed < 1 << 64:
        raise ArgumentError(
            f"manual_seed: Overflow when unpacking long long: expected a seed in [-2**63, 2**64), got {seed}"
        )
    return seed % (1 << 64)
