"""PyTorch's CPU distributions in numpy.

Every method draws as many words of the engine, in the same order, as the PyTorch function of its name, so that
sequences of calls agree as well as single ones.  Results are fresh numpy arrays.

The module does not import JAX: processes that only load data draw from it, too.  The big float arrays are shaped in
chunks that stay in the cache, and live at aligned addresses, so that JAX's CPU backend takes them over without a copy.
The words come one after the other, but a second thread can shape those that are there.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import ml_dtypes
import numpy as np

from fnn import _rejection
from fnn._mcg31 import mcg31_uniform
from fnn._mt19937 import Engine, in_order
from fnn.errors import ArgumentError, ArgumentTypeError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from numpy.typing import DTypeLike

__all__ = ["Generator", "default_generator"]

_HALF = (np.dtype(ml_dtypes.bfloat16),)  # floating dtypes that numpy does not count among its own
_CHUNK = 3 << 13  # 96 KiB of words: cached, and below the 128 KiB from which malloc maps fresh pages each time
_PIECE = 1 << 17  # words that are handed to the second thread at once, and ...
_WAITING = 2  # ... how many such pieces
_ALIGNMENT = 64
_TWO_PI = 2 * math.pi


class Generator(Engine):
    """A source of random numbers that reproduces PyTorch's CPU generator.

    Uniform, integer, Bernoulli and permutation draws agree bit for bit, normal and exponential ones to the rounding
    of sin, cos and log.

    Args:
        device: ``"cpu"``; the numbers are drawn on the host.

    Attributes:
        mkl_bernoulli: how to draw `bernoulli` masks, and so dropout's: False (the default) as PyTorch does on every
            machine, True as its releases before 2.7 did on Intel CPUs, and on these only. To reproduce a run of
            those, assign it on the class: ``fnn.random.Generator.mkl_bernoulli = True``.

    >>> Generator().manual_seed(0).uniform((3,))
    array([0.4962566 , 0.7682218 , 0.08847743], dtype=float32)
    """

    mkl_bernoulli: bool = False

    def __init__(self, device: object = "cpu") -> None:
        kind = str(getattr(device, "platform", device)).partition(":")[0]
        if kind != "cpu":
            raise ArgumentError(f"Generator: draws on the host: expected device='cpu', got device={device!r}")
        super().__init__()

    @property
    def device(self) -> str:
        """``"cpu"``."""
        return "cpu"

    def clone_state(self) -> Generator:
        """A new generator in the same state."""
        other = Generator()
        other.set_state(self.get_state())
        return other

    def __repr__(self) -> str:
        return f"Generator(initial_seed={self._seed})"

    # -- continuous -----------------------------------------------------------------------------------

    def uniform(
        self, shape: tuple[int, ...], dtype: DTypeLike = np.float32, low: float = 0.0, high: float = 1.0
    ) -> np.ndarray:
        """As ``torch.empty(shape, dtype).uniform_(low, high)``.

        A float32 is the low 24 bits of a word times 2^-24, then one fused multiply-add to the range; here that is
        computed in float64, where product and (but for extreme ranges) sum are exact, and rounded once.
        """
        dtype = _floating(dtype, "uniform_")
        if low > high:
            raise ArgumentError(f"uniform_ expects to return a [from, to) range, but found from={low} > to={high}")
        if not -_largest(dtype) <= low <= high <= _largest(dtype):
            raise ArgumentError(f"uniform_: from or to is out of bounds for {dtype}, got from={low}, to={high}")
        if dtype.kind == "c":
            return self.uniform((*shape, 2), _parts(dtype), low, high).view(dtype)[..., 0]
        out = _aligned(shape, dtype)
        flat = out.reshape(-1)
        reaches = _reaches(low, high, dtype)

        def shape_words(part: np.ndarray, words: np.ndarray, scratch: np.ndarray) -> None:
            _shape_uniform(part, words, scratch, low, high)
            if reaches:
                part[part == dtype.type(high)] = low

        with self._lock:
            if dtype != np.float64:
                self._fill(flat, shape_words)
                return out
            for start in range(0, flat.size, _CHUNK):
                part = flat[start : start + _CHUNK]
                part[...] = self._doubles(part.size)
                if (low, high) != (0.0, 1.0):
                    part[...] = _fused_multiply_add(part, high - low, low)
                if reaches:
                    part[part == dtype.type(high)] = low
        return out

    def _fill(self, flat: np.ndarray, shape_words: Callable[[np.ndarray, np.ndarray, np.ndarray], None]) -> None:
        """Makes numbers of words, one each: ``shape_words(numbers, words, scratch)`` chunk by chunk."""
        size = min(flat.size, _CHUNK)

        def in_chunks(part: np.ndarray, drawn: np.ndarray, scratch: np.ndarray) -> None:
            words = in_order(drawn)
            for start in range(0, part.size, _CHUNK):
                piece = part[start : start + _CHUNK]
                shape_words(piece, words[start : start + _CHUNK], scratch[: piece.size])

        # made here: two threads that allocate get in each other's way in the kernel
        mine = np.empty(size, np.float64)
        if flat.size <= _PIECE:
            for start in range(0, flat.size, _CHUNK):
                part = flat[start : start + _CHUNK]
                in_chunks(part, self.drawn(part.size), mine)
            return
        second, other = _second_thread(), np.empty(size, np.float64)
        pending = deque()
        for start in range(0, flat.size, _PIECE):
            part = flat[start : start + _PIECE]
            drawn = self.drawn(part.size)
            while pending and pending[0].done():
                pending.popleft().result()
            if len(pending) < _WAITING and start + _PIECE < flat.size:
                pending.append(second.submit(in_chunks, part, drawn, other))
            else:
                in_chunks(part, drawn, mine)
        while pending:
            pending.popleft().result()

    def _doubles(self, n: int) -> np.ndarray:
        """Uniforms in [0, 1): the low 53 bits of a 64-bit word."""
        return (self.words64(n) & np.uint64((1 << 53) - 1)).astype(np.float64) * 2.0**-53

    def normal(
        self, shape: tuple[int, ...], dtype: DTypeLike = np.float32, mean: float = 0.0, std: float = 1.0
    ) -> np.ndarray:
        """As ``torch.empty(shape, dtype).normal_(mean, std)``.

        Below 16 elements: Box-Muller in double, whose every other value is the second of the last pair.  From 16
        up: blocks of 16 uniforms, the first 8 paired with the last 8; where 16 does not divide the number of
        elements, the last 16 elements are drawn once more.
        """
        dtype = _floating(dtype, "normal_")
        if not std >= 0:
            raise ArgumentError(f"normal expects std >= 0.0, but found std {std}")
        if dtype.kind == "c":
            return self.normal((*shape, 2), _parts(dtype), mean, std / math.sqrt(2)).view(dtype)[..., 0]
        out = _aligned(shape, dtype)
        flat = out.reshape(-1)
        n = flat.size
        with self._lock:
            if n < 16:
                values = np.array([self._one_normal() for _ in range(n)], np.float64)
                flat[...] = _rounded(_fused_multiply_add(values, std, mean), dtype)
                return out
            whole = n - n % 16
            self._fill_normal(flat[:whole], mean, std)
            if whole < n:
                if dtype in (np.float32, np.float64):  # these dtypes draw uniforms for the remainder, too
                    self.words((n - whole) * (1 if dtype == np.float32 else 2))
                self._fill_normal(flat[-16:], mean, std)
        return out

    def _fill_normal(self, flat: np.ndarray, mean: float, std: float) -> None:
        if flat.dtype != np.float64:
            self._fill(flat, lambda part, words, scratch: _shape_normal(part, words, scratch, mean, std))
            return
        for start in range(0, flat.size, _CHUNK):
            part = flat[start : start + _CHUNK]
            pairs = self._doubles(part.size).reshape(-1, 2, 8)
            radius, angle = 1 - pairs[:, 0], pairs[:, 1] * _TWO_PI
            _box_muller(part, radius, angle, np.empty_like(angle), mean, std)

    def _one_normal(self) -> float:
        if self._cached_normal is not None:
            value, self._cached_normal = self._cached_normal, None
            return value
        u1, u2 = self._doubles(2).tolist()
        radius = math.sqrt(-2.0 * math.log1p(-u2))
        self._cached_normal = radius * math.sin(_TWO_PI * u1)
        return radius * math.cos(_TWO_PI * u1)

    def exponential(self, shape: tuple[int, ...], dtype: DTypeLike = np.float32, rate: float = 1.0) -> np.ndarray:
        """As ``torch.empty(shape, dtype).exponential_(rate)``."""
        dtype = _floating(dtype, "exponential_")
        if not rate > 0:
            raise ArgumentError(f"exponential_ expects lambda > 0.0, but found lambda={rate}")
        return _rounded(-1.0 / rate * np.log1p(-self._doubles(math.prod(shape))), dtype).reshape(shape)

    def thresholds(self, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> np.ndarray:
        """The doubles of [0, 1) by which PyTorch looks up cumulated weights, in the dtype of the weights.

        They are rounded up, so that exactly the same numbers of that dtype are smaller.
        """
        dtype, doubles = _floating(dtype, "multinomial"), self._doubles(math.prod(shape))
        rounded = doubles.astype(dtype)
        up = np.where(rounded < doubles, np.nextafter(rounded, np.ones_like(rounded)), rounded)
        return up.reshape(shape)

    def cauchy(self, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> np.ndarray:
        """As ``torch.empty(shape, dtype).cauchy_()``."""
        dtype = _floating(dtype, "cauchy_")
        return _rounded(np.tan(math.pi * (self._doubles(math.prod(shape)) - 0.5)), dtype).reshape(shape)

    def geometric(self, shape: tuple[int, ...], dtype: DTypeLike, p: float) -> np.ndarray:
        """As ``torch.empty(shape, dtype).geometric_(p)``: trials up to the first success."""
        with np.errstate(divide="ignore"):
            counts = np.ceil(np.log(self._doubles(math.prod(shape))) / math.log1p(-p))
        return counts.astype(dtype).reshape(shape)

    def log_normal(self, shape: tuple[int, ...], dtype: DTypeLike, mean: float, std: float) -> np.ndarray:
        """As ``torch.empty(shape, dtype).log_normal_(mean, std)``: of normal doubles, which are drawn one by one."""
        left, parts = math.prod(shape), [np.zeros(0)]
        with self._lock:
            while left:  # from 16 numbers on `normal` draws otherwise
                parts.append(self.normal((min(left, 14),), np.float64, mean, std))
                left -= len(parts[-1])
        return _rounded(np.exp(np.concatenate(parts)), _floating(dtype, "log_normal_")).reshape(shape)

    # -- by rejection ---------------------------------------------------------------------------------

    def gamma(self, concentration: np.ndarray) -> np.ndarray:
        """Gamma numbers of rate 1 in double, as ``torch._standard_gamma`` draws them before it rounds.

        ``torch._sample_dirichlet`` draws them of concentrations in double, whatever it is given.
        """
        kind = float if concentration.dtype == np.float64 else np.float32

        def rounded(x: float) -> float:
            return float(kind(x))

        with self._lock, self._one_by_one() as uniform:

            def normal() -> float:
                if self._cached_normal is not None:
                    value, self._cached_normal = self._cached_normal, None
                    return value
                angle, tail = _TWO_PI * uniform(), uniform()
                radius = math.sqrt(-2.0 * math.log1p(-tail))
                self._cached_normal = radius * math.sin(angle)
                return radius * math.cos(angle)

            return self._each(lambda alpha: _rejection.gamma(alpha, uniform, normal, rounded), concentration)

    def dirichlet(self, concentration: np.ndarray, low: float, high: float) -> np.ndarray:
        """Points of the simplex in double, as ``torch._sample_dirichlet``, with coordinates in [low, high]."""
        parts = np.maximum(self.gamma(concentration.astype(np.float64)), np.finfo(np.float64).tiny)
        return np.clip(parts / parts.sum(-1, keepdims=True), low, high)

    def von_mises(self, loc: np.ndarray, concentration: np.ndarray) -> np.ndarray:
        """Angles in double, as ``torch.distributions.VonMises`` draws them."""
        return _rejection.von_mises(loc, concentration, lambda shape: self.uniform(shape, np.float64))

    def poisson(self, rate: np.ndarray) -> np.ndarray:
        """Counts of this rate, in double, as ``torch.poisson(rate)``."""
        with self._lock, self._one_by_one() as uniform:
            return self._each(lambda r: _rejection.poisson(r, uniform), rate)

    def binomial(self, count: np.ndarray, prob: np.ndarray) -> np.ndarray:
        """Successes among ``count`` trials, in double, as ``torch.binomial(count, prob)``."""
        with self._lock, self._one_by_one() as uniform:
            return self._each(lambda n, p: _rejection.binomial(n, p, uniform), count, prob)

    @staticmethod
    def _each(draw: Callable[..., float], *parameters: np.ndarray) -> np.ndarray:
        lists = (np.asarray(p, np.float64).ravel().tolist() for p in parameters)
        return np.array(list(map(draw, *lists)), np.float64).reshape(parameters[0].shape)

    @contextlib.contextmanager
    def _one_by_one(self) -> Iterator[Callable[[], float]]:
        """Inside the ``with`` block the next uniform at each call; ahead of its use they are drawn in blocks."""
        state = self.bit_generator.state
        taken = 0

        def uniforms() -> Iterator[float]:
            nonlocal taken
            while True:
                for value in self._doubles(256).tolist():
                    taken += 1
                    yield value

        try:
            yield uniforms().__next__
        finally:
            self.bit_generator.state = state
            if taken:
                self.skip(2 * taken)

    # -- discrete -------------------------------------------------------------------------------------

    def bernoulli(self, p: float, shape: tuple[int, ...]) -> np.ndarray:
        """True with probability ``p``, as ``torch.empty(shape).bernoulli_(p)``, which dropout draws."""
        if not 0 <= p <= 1:
            raise ArgumentError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
        n = math.prod(shape)
        if n and self.mkl_bernoulli:
            draws = mcg31_uniform(int(self.words(1)[0]), n)
        else:
            draws = self._doubles(n)
        return (draws < p).reshape(shape)

    def bernoulli_each(self, p: np.ndarray) -> np.ndarray:
        """True with probability ``p[i]`` at i, as ``torch.bernoulli(p)``."""
        dtype = _floating(p.dtype, "bernoulli")
        if not ((p >= 0) & (p <= 1)).all():
            raise ArgumentError("bernoulli: Expected p_in >= 0 && p_in <= 1 to be true: every probability in [0, 1]")
        return self.uniform(p.shape, np.float64 if dtype == np.float64 else np.float32) < p

    def randint(self, low: int, high: int, shape: tuple[int, ...], dtype: DTypeLike = np.int64) -> np.ndarray:
        """As ``torch.empty(shape, dtype).random_(low, high)``: integers in [low, high)."""
        if low >= high:
            raise ArgumentError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
        n, span = math.prod(shape), high - low
        words = self.words64(n) if span >= 1 << 28 else self.words(n)
        return ((words % words.dtype.type(span)).astype(np.int64) + low).astype(dtype).reshape(shape)

    def randperm(self, n: int) -> np.ndarray:
        """As ``torch.randperm(n)``: Fisher-Yates from the front, by ``word % (n - i)``."""
        if n < 0:
            raise ArgumentError(f"randperm: Trying to create tensor with negative dimension {n}: [{n}]")
        order = list(range(n))
        steps = self.words(max(n - 1, 0)) % np.arange(n, 1, -1, dtype=np.uint32)
        for i, j in enumerate((steps + np.arange(len(steps), dtype=np.uint32)).tolist()):
            order[i], order[j] = order[j], order[i]
        return np.array(order, np.int64)

    def multinomial(self, weights: np.ndarray, num_samples: int, replacement: bool = False) -> np.ndarray:
        """As ``torch.multinomial(weights, num_samples, replacement)``.

        One sample, or several without replacement: the largest of weights / exponential numbers.  With replacement:
        one double per sample, looked up in the cumulated weights.
        """
        work = weights.astype(np.float64 if weights.dtype == np.float64 else np.float32)
        if not (np.isfinite(work) & (work >= 0)).all():
            raise ArgumentError("multinomial: probability tensor contains either `inf`, `nan` or element < 0")
        if (work.sum(-1) <= 0).any():
            raise ArgumentError("multinomial: invalid multinomial distribution (sum of probabilities <= 0)")
        if not replacement or num_samples == 1:
            with np.errstate(divide="ignore", invalid="ignore"):
                rate = self.exponential(weights.shape, weights.dtype).astype(work.dtype)
                scores = _rounded(work / rate, weights.dtype)
            return np.argsort(-scores.astype(work.dtype), axis=-1, kind="stable")[..., :num_samples]
        rows = []
        with self._lock:
            for row in work.reshape(-1, work.shape[-1]):
                cumulated = np.cumsum(row, dtype=work.dtype)
                cumulated /= cumulated[-1]
                cumulated[-1] = 1
                rows.append(np.searchsorted(cumulated.astype(np.float64), self._doubles(num_samples)))
        return np.array(rows, np.int64).reshape(*weights.shape[:-1], num_samples)


@functools.cache
def _second_thread() -> Executor:
    """Shapes numbers while the words of the next ones are drawn; a model has too many arrays to start one for each."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(1, "fnn-random")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_second_thread.cache_clear)  # it has only the thread that forked


def _floating(dtype: DTypeLike, what: str) -> np.dtype:
    dtype = np.dtype(dtype)
    if dtype.kind not in "fc" and dtype not in _HALF:
        raise ArgumentTypeError(f"{what}: not implemented for dtype={dtype}, expected a floating dtype")
    return dtype


def _parts(dtype: np.dtype) -> np.dtype:
    """The dtype of the real and of the imaginary part."""
    return np.dtype(np.float32 if dtype == np.complex64 else np.float64)


def _largest(dtype: np.dtype) -> float:
    return float(ml_dtypes.finfo(dtype).max)


def _width(low: float, high: float) -> float:
    return float(np.float32(high) - np.float32(low))


def _reaches(low: float, high: float, dtype: np.dtype) -> bool:
    """Whether the largest uniform rounds up to the excluded bound, so that PyTorch returns the lower one instead."""
    if dtype == np.float64:
        return (low, high) != (0.0, 1.0)
    largest = np.array((1 - 2.0**-24) * _width(low, high) + float(np.float32(low)))
    return bool(_rounded(largest, dtype) == dtype.type(high))


def _shape_uniform(part: np.ndarray, words: np.ndarray, scratch: np.ndarray, low: float, high: float) -> None:
    """Uniforms on [low, high) of 32-bit words, which are overwritten."""
    words &= np.uint32(0xFF_FFFF)
    signed = words.view(np.int32)  # which numpy converts faster
    if (low, high) == (0.0, 1.0) and part.dtype == np.float32:
        np.copyto(part, signed, casting="unsafe")
        part *= np.float32(2.0**-24)
        return
    np.copyto(scratch, signed)
    scratch *= _width(low, high) * 2.0**-24
    scratch += float(np.float32(low))
    _store(part, scratch)


def _shape_normal(part: np.ndarray, words: np.ndarray, scratch: np.ndarray, mean: float, std: float) -> None:
    """Normals of blocks of 16 words, which are overwritten."""
    words &= np.uint32(0xFF_FFFF)
    pairs = words.view(np.int32).reshape(-1, 2, 8)
    radius, angle = scratch.view(np.float32).reshape(2, 2, -1, 8)[0]
    value = scratch.view(np.float32).reshape(2, 2, -1, 8)[1, 0]
    np.copyto(radius, pairs[:, 0], casting="unsafe")
    np.copyto(angle, pairs[:, 1], casting="unsafe")
    # a power of two changes no digit: as if the uniforms had been made first
    radius *= np.float32(-(2.0**-24))
    radius += np.float32(1)
    angle *= np.float32(_TWO_PI) * np.float32(2.0**-24)
    _box_muller(part, radius, angle, value, mean, std)


def _box_muller(
    part: np.ndarray, radius: np.ndarray, angle: np.ndarray, value: np.ndarray, mean: float, std: float
) -> None:
    """Blocks of 16 normals of 8 uniforms on (0, 1] and 8 angles; these and ``value`` are overwritten."""
    work = radius.dtype.type
    np.log(radius, out=radius)
    radius *= work(-2)
    np.sqrt(radius, out=radius)
    blocks = part.reshape(-1, 2, 8)
    for half, wave in ((0, np.cos), (1, np.sin)):
        wave(angle, out=value)
        value *= radius
        if mean == 0:
            value *= work(std)
            _store(blocks[:, half], value)
        elif work is np.float64:
            _store(blocks[:, half], _fused_multiply_add(value, std, mean))
        else:
            _store(blocks[:, half], value.astype(np.float64) * float(work(std)) + float(work(mean)))


def _store(part: np.ndarray, values: np.ndarray) -> None:
    """Writes values rounded to the dtype of ``part``."""
    np.copyto(part, values if part.dtype.itemsize >= 4 else _rounded(values, part.dtype), casting="same_kind")


def _aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    size = math.prod(shape) * dtype.itemsize
    raw = np.empty(size + _ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + size].view(dtype).reshape(shape)


def _rounded(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """To a dtype as PyTorch rounds: by way of float32 to the half types."""
    if dtype.itemsize < 4:
        x = x.astype(np.float32, copy=False)
    return x.astype(dtype, copy=False)


def _fused_multiply_add(x: np.ndarray, y: float, z: float) -> np.ndarray:
    """``x * y + z`` in float64 rounded once: Dekker's exact product, then Knuth's exact sum."""

    def halves(a: np.ndarray | float) -> tuple[Any, Any]:
        big = 134217729.0 * a
        high = big - (big - a)
        return high, a - high

    product = x * y
    (xh, xl), (yh, yl) = halves(x), halves(y)
    error = ((xh * yh - product) + xh * yl + xl * yh) + xl * yl
    total = product + z
    back = total - product
    return total + (((product - (total - back)) + (z - back)) + error)


default_generator: Final = Generator()
default_generator.seed()  # as in PyTorch: until manual_seed, every process draws other numbers
