"""PyTorch's CPU random numbers in numpy.

PyTorch's CPU generator is the Mersenne Twister MT19937, which numpy has too: numpy draws the raw 32-bit words
in C and the functions here shape them as PyTorch does, vectorised.  `Generator` holds the state (the words,
and the second half of the last Box-Muller pair) and its methods return numpy arrays.

Every method draws as many words, in the same order, as the PyTorch function of its name, so that sequences of
calls agree as well as single ones.
"""

import math
import secrets
import threading
from typing import Any

import jax.numpy as jnp
import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError

_SEED_RANGE = (-0x8000_0000_0000_0000, 0xFFFF_FFFF_FFFF_FFFF)
_CHUNK = 1 << 14  # words shaped at a time: the float64 intermediates stay in the cache

# The layout of torch.get_rng_state(): THGenerator's old struct, then the fields added since.
_STATE = np.dtype(
    {
        "names": ["seed", "left", "seeded", "next", "words", "normal", "has_normal"],
        "formats": ["<u8", "<i4", "<i4", "<u8", ("<u8", 624), "<f8", "<i4"],
        "offsets": [0, 8, 12, 16, 24, 24 + 8 * 624 + 8, 24 + 8 * 624 + 24],
        "itemsize": 5056,
    }
)


class Generator:
    """A source of random numbers that reproduces PyTorch's CPU generator, bit for bit.

    Args:
        device: ``"cpu"``; the numbers are drawn on the host.

    >>> Generator().manual_seed(0).uniform((3,))
    array([0.49625659, 0.76822180, 0.08847743], dtype=float32)
    """

    def __init__(self, device: Any = "cpu") -> None:
        kind = str(getattr(device, "platform", device)).partition(":")[0]
        if kind != "cpu":
            raise ArgumentError(f"Generator: numbers are drawn on the host: expected device='cpu', got {device!r}")
        self._lock = threading.RLock()
        self._seed_with(67280421310721)

    def _seed_with(self, seed: int) -> None:
        self._bits = np.random.MT19937()
        self._bits._legacy_seeding(seed & 0xFFFF_FFFF)
        self._draw = np.random.Generator(self._bits).integers
        self._seed = seed
        self._untouched = True  # since seeding: only get_state() can tell
        self._cached_normal: float | None = None

    # -- seeds and states -----------------------------------------------------------------------------

    def manual_seed(self, seed: int) -> "Generator":
        """Sets the seed: an integer in [-2**63, 2**64); a negative one counts from 2**64. Returns itself."""
        seed = checked_seed(seed)
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

    @property
    def device(self) -> str:
        return "cpu"

    def get_state(self) -> np.ndarray:
        """The state as 5056 bytes, in the layout of ``torch.Generator.get_state()``."""
        record = np.zeros((), _STATE)
        with self._lock:
            state = self._bits.state["state"]
            position = int(state["pos"])
            record["seed"], record["seeded"], record["words"] = self._seed, 1, state["key"]
            record["left"] = 625 - position
            record["next"] = 0 if self._untouched else position
            if self._cached_normal is not None:
                record["normal"], record["has_normal"] = self._cached_normal, 1
        return np.frombuffer(record.tobytes(), np.uint8).copy()

    def set_state(self, state: Any) -> None:
        """Restores what `get_state` returned, here or in PyTorch (as numpy or JAX bytes)."""
        data = np.asarray(state)
        if data.dtype != np.uint8:
            raise ArgumentTypeError(f"RNG state must be a uint8 array, got dtype={data.dtype}")
        if data.size != _STATE.itemsize:
            raise ArgumentError(
                f"Expected a CPUGeneratorImplState of size {_STATE.itemsize} but found the input RNG state size to be {data.size}"
            )
        record = np.frombuffer(data.tobytes(), _STATE)[0]
        left = int(record["left"])
        if not (record["seeded"] == 1 and 1 <= left <= 624):
            raise ArgumentError("Invalid mt19937 state")
        with self._lock:
            self._seed_with(int(record["seed"]))
            key = record["words"].astype(np.uint32)
            self._bits.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": 625 - left}}
            self._untouched = left == 1 and record["next"] == 0
            self._cached_normal = float(record["normal"]) if record["has_normal"] else None

    def clone_state(self) -> "Generator":
        """A new generator in the same state."""
        other = Generator()
        other.set_state(self.get_state())
        return other

    def __getstate__(self) -> np.ndarray:
        return self.get_state()

    def __setstate__(self, state: np.ndarray) -> None:
        self._lock = threading.RLock()
        self.set_state(state)

    def __repr__(self) -> str:
        return f"Generator(seed={self._seed})"

    # -- words ----------------------------------------------------------------------------------------

    def words(self, n: int) -> np.ndarray:
        """The next ``n`` 32-bit words."""
        with self._lock:
            if n:
                self._untouched = False
            return self._draw(0, 0x1_0000_0000, n, np.uint32)

    def words64(self, n: int) -> np.ndarray:
        """The next ``n`` 64-bit words, each of two 32-bit words, the high one first."""
        pairs = self.words(2 * n).astype(np.uint64)
        return pairs[0::2] << np.uint64(32) | pairs[1::2]

    # -- continuous distributions -----------------------------------------------------------------------

    def uniform(self, shape: tuple[int, ...], dtype: Any = np.float32, low: float = 0.0, high: float = 1.0) -> np.ndarray:
        """As ``torch.empty(shape, dtype).uniform_(low, high)``."""
        dtype = np.dtype(dtype)
        n = math.prod(shape)
        if dtype == np.float64:
            with self._lock:
                x = (self.words64(n) & np.uint64((1 << 53) - 1)).astype(np.float64) * 2.0**-53
            out = x if (low, high) == (0.0, 1.0) else _fused_multiply_add(x, high - low, low)
            return out.reshape(shape)
        out = np.empty(n, dtype)
        digits = jnp.finfo(dtype).nmant + 1
        low = dtype.type(low)
        width = float(dtype.type(high) - low)
        low = float(low)
        with self._lock:
            for start in range(0, n, _CHUNK):
                part = out[start : start + _CHUNK]
                word = self.words(part.size)
                word &= np.uint32((1 << digits) - 1)
                if width == 1.0 and low == 0.0:
                    np.multiply(word.view(np.int32).astype(np.float32), np.float32(2.0**-digits), out=part, casting="unsafe")
                else:
                    wide = word.astype(np.float64)
                    wide *= width * 2.0**-digits
                    wide += low
                    part[...] = wide if dtype == np.float32 else wide.astype(np.float32)
        return out.reshape(shape)

    def normal(self, shape: tuple[int, ...], dtype: Any = np.float32, mean: float = 0.0, std: float = 1.0) -> np.ndarray:
        """As ``torch.empty(shape, dtype).normal_(mean, std)``."""
        dtype = np.dtype(dtype)
        n = math.prod(shape)
        with self._lock:
            if n < 16:
                out = np.array([self._one_normal() * std + mean for _ in range(n)], np.float64).astype(dtype)
            else:
                out = self.uniform((n,), dtype)
                _box_muller_blocks(out[: n - n % 16], mean, std)
                if n % 16:
                    out[-16:] = self.uniform((16,), dtype)
                    _box_muller_blocks(out[-16:], mean, std)
        return out.reshape(shape)

    def _one_normal(self) -> float:
        """Box-Muller in double; every other call returns the second value of the last pair."""
        if self._cached_normal is not None:
            value, self._cached_normal = self._cached_normal, None
            return value
        u1, u2 = self.uniform((2,), np.float64).tolist()
        radius = math.sqrt(-2.0 * math.log1p(-u2))
        theta = 2.0 * math.pi * u1
        self._cached_normal = radius * math.sin(theta)
        return radius * math.cos(theta)

    def exponential(self, shape: tuple[int, ...], dtype: Any = np.float32, rate: float = 1.0) -> np.ndarray:
        """As ``torch.empty(shape, dtype).exponential_(rate)``."""
        u = self.uniform(shape, np.float64)
        return (-1.0 / rate * np.log1p(-u)).astype(dtype)

    # -- discrete distributions -------------------------------------------------------------------------

    def bernoulli(self, p: float, shape: tuple[int, ...]) -> np.ndarray:
        """As ``torch.empty(shape, dtype=torch.bool).bernoulli_(p)``."""
        return self.uniform(shape, np.float64) < p

    def randint(self, low: int, high: int, shape: tuple[int, ...], dtype: Any = np.int64) -> np.ndarray:
        """As ``torch.randint(low, high, shape)``."""
        n = math.prod(shape)
        span = high - low
        word = self.words64(n) if span >= 1 << 32 else self.words(n).astype(np.uint64)
        return ((word % np.uint64(span)).astype(np.int64) + low).astype(dtype).reshape(shape)

    def randperm(self, n: int) -> np.ndarray:
        """As ``torch.randperm(n)``: Fisher-Yates from the front."""
        order = list(range(n))
        if n > 1:
            steps = (self.words(n - 1) % np.arange(n, 1, -1, dtype=np.uint32)).tolist()
            for i, step in enumerate(steps):
                j = i + step
                order[i], order[j] = order[j], order[i]
        return np.array(order, np.int64)


def checked_seed(seed: Any) -> int:
    """PyTorch's seeds: an integer in [-2**63, 2**64), reduced to [0, 2**64)."""
    try:
        seed = int(seed)
    except (TypeError, ValueError):
        raise ArgumentTypeError(f"manual_seed: expected an integer seed, got {seed!r}") from None
    if not _SEED_RANGE[0] <= seed <= _SEED_RANGE[1]:
        raise ArgumentError(
            "Overflow when unpacking long long: manual_seed expected a value within the inclusive range "
            f"[-0x8000_0000_0000_0000, 0xffff_ffff_ffff_ffff], got seed={seed}"
        )
    return seed % (1 << 64)


def _box_muller_blocks(u: np.ndarray, mean: float, std: float) -> None:
    """In place: blocks of 16 uniforms become 16 normals, the first 8 paired with the last 8."""
    blocks = u.reshape(-1, 2, 8)
    work = np.float64 if u.dtype == np.float64 else np.float32
    for start in range(0, len(blocks), _CHUNK // 16):
        part = blocks[start : start + _CHUNK // 16]
        radius = np.sqrt(work(-2) * np.log(work(1) - part[:, 0].astype(work)))
        theta = work(2 * math.pi) * part[:, 1].astype(work)
        part[:, 0] = radius * np.cos(theta) * work(std) + work(mean)
        part[:, 1] = radius * np.sin(theta) * work(std) + work(mean)


def _fused_multiply_add(x: np.ndarray, y: float, z: float) -> np.ndarray:
    """``x * y + z`` in float64 rounded once: Dekker's exact product, then Knuth's exact sum."""
    split = 134217729.0

    def halves(a):
        big = split * a
        high = big - (big - a)
        return high, a - high

    product = x * y
    (xh, xl), (yh, yl) = halves(x), halves(y)
    error = ((xh * yh - product) + xh * yl + xl * yh) + xl * yl
    total = product + z
    back = total - product
    return total + (((product - (total - back)) + (z - back)) + error)
