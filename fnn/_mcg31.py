"""Intel MKL's multiplicative congruential generator, by which PyTorch draws Bernoulli masks on Intel CPUs.

There ``tensor.bernoulli_(p)`` (and so dropout) takes a single word from its generator, seeds MKL's MCG31m1 with
it, x[0] = seed, x[n+1] = 1132489760 x[n] mod (2^31 - 1), and returns x[n] / (2^31 - 1) < p.  On other CPUs it
compares one double of the generator per element instead.
"""

import functools
import platform
import sys

import numpy as np

__all__ = ["mcg31_uniform", "runs_on_intel"]

_MODULUS = (1 << 31) - 1
_MULTIPLIER = 1132489760


def mcg31_uniform(seed: int, n: int) -> np.ndarray:
    """The first ``n`` numbers in (0, 1) of MKL's stream, as float64."""
    x = np.empty(n, np.uint64)
    x[:1] = seed % _MODULUS or 1
    done = 1
    while done < n:  # x[done + i] = multiplier^done * x[i]: doubles what is there
        count = min(done, n - done)
        x[done : done + count] = x[:count] * np.uint64(pow(_MULTIPLIER, done, _MODULUS)) % np.uint64(_MODULUS)
        done += count
    return x.astype(np.float64) * (1.0 / _MODULUS)


@functools.cache
def runs_on_intel() -> bool:
    """Whether a PyTorch installed on this machine would draw Bernoulli masks by MKL."""
    if platform.machine().lower() not in ("x86_64", "amd64") or sys.platform == "darwin":
        return False
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return "GenuineIntel" in file.read()
    except OSError:
        return "GenuineIntel" in platform.processor()
