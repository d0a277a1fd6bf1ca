"""Intel MKL's multiplicative congruential generator, by which PyTorch drew Bernoulli masks on Intel CPUs before 2.7.

There ``tensor.bernoulli_(p)`` (and so dropout) took a single word from its generator, seeded MKL's MCG31m1 with
it, x[0] = seed, x[n+1] = 1132489760 x[n] mod (2^31 - 1), and returned x[n] / (2^31 - 1) < p.  On other CPUs, and
from 2.7 on all (pytorch/pytorch#146174), one double of the generator per element is compared instead.
"""

import numpy as np

__all__ = ["mcg31_uniform"]

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
