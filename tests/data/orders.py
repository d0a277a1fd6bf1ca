"""Everything in utils.data that draws random numbers, written once for torch and fnn."""

from collections.abc import Callable
from typing import Any

import numpy as np

SEEDS = (0, 1, 1234, 2**31 + 5)
_WEIGHTS = np.random.default_rng(0).random(40) * (np.arange(40) % 3 > 0)


def _splits(parts: Any) -> list[list[int]]:
    return [list(part.indices) for part in parts]


def _epochs(sampler: Any) -> list[list[int]]:
    return [list(sampler) for _ in range(3)]


def _distributed(data: Any, n: int, ranks: int, **options: Any) -> list[list[int]]:
    samplers = [data.DistributedSampler(range(n), ranks, rank, **options) for rank in range(ranks)]
    first = [list(sampler) for sampler in samplers]
    for sampler in samplers:
        sampler.set_epoch(3)
    return first + [list(sampler) for sampler in samplers] + [[len(sampler) for sampler in samplers]]


def _generated(make: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """From a generator of its own; also what is left in it."""

    def case(data: Any, generator: Any) -> list[Any]:
        own = generator().manual_seed(7)
        drawn = make(data, own)
        return [drawn, np.asarray(own.get_state()).tolist()[:64]]

    return case


CASES: dict[str, Callable[[Any, Any], Any]] = {
    "SequentialSampler": lambda d, g: list(d.SequentialSampler(range(4))),
    "RandomSampler": lambda d, g: _epochs(d.RandomSampler(range(37))),
    "RandomSampler of one": lambda d, g: _epochs(d.RandomSampler("a")),
    "RandomSampler more than all": lambda d, g: _epochs(d.RandomSampler(range(7), num_samples=17)),
    "RandomSampler fewer than all": lambda d, g: _epochs(d.RandomSampler(range(30), num_samples=7)),
    "RandomSampler replacement": lambda d, g: _epochs(d.RandomSampler(range(9), replacement=True)),
    "RandomSampler replacement 70": lambda d, g: _epochs(d.RandomSampler(range(9), True, 70)),
    "RandomSampler replacement 64": lambda d, g: _epochs(d.RandomSampler(range(1000), True, 64)),
    "RandomSampler generator": _generated(lambda d, own: _epochs(d.RandomSampler(range(20), generator=own))),
    "RandomSampler replacement generator": _generated(
        lambda d, own: _epochs(d.RandomSampler(range(20), True, 33, generator=own))
    ),
    "SubsetRandomSampler": lambda d, g: _epochs(d.SubsetRandomSampler([5, 9, 2, 2, 40])),
    "SubsetRandomSampler generator": _generated(lambda d, own: _epochs(d.SubsetRandomSampler(range(9), own))),
    "WeightedRandomSampler": lambda d, g: _epochs(d.WeightedRandomSampler(_WEIGHTS, 50)),
    "WeightedRandomSampler one": lambda d, g: _epochs(d.WeightedRandomSampler([0.1, 0.9, 0.4], 1)),
    "WeightedRandomSampler without": lambda d, g: _epochs(d.WeightedRandomSampler(_WEIGHTS, 20, replacement=False)),
    "WeightedRandomSampler generator": _generated(
        lambda d, own: _epochs(d.WeightedRandomSampler(_WEIGHTS.tolist(), 9, True, own))
    ),
    "BatchSampler": lambda d, g: [b for b in d.BatchSampler(d.RandomSampler(range(11)), 4, False)],
    "BatchSampler drop_last": lambda d, g: [b for b in d.BatchSampler(d.RandomSampler(range(11)), 4, True)],
    "DistributedSampler": lambda d, g: _distributed(d, 11, 3),
    "DistributedSampler drop_last": lambda d, g: _distributed(d, 11, 3, drop_last=True, seed=5),
    "DistributedSampler more ranks": lambda d, g: _distributed(d, 2, 5),
    "DistributedSampler more ranks, drop_last": lambda d, g: _distributed(d, 2, 5, drop_last=True),
    "DistributedSampler in order": lambda d, g: _distributed(d, 10, 4, shuffle=False),
    "random_split": lambda d, g: _splits(d.random_split(range(10), [3, 7])),
    "random_split fractions": lambda d, g: _splits(d.random_split(range(33), [0.5, 0.25, 0.25])),
    "random_split tenths": lambda d, g: _splits(d.random_split(range(25), [0.1] * 10)),
    "random_split all": lambda d, g: _splits(d.random_split(range(5), [5])),
    "random_split one": lambda d, g: _splits(d.random_split(range(5), [1.0])),
    "random_split None": lambda d, g: _splits(d.random_split(range(5), [2, 3], None)),
    "random_split generator": _generated(lambda d, own: _splits(d.random_split(range(30), [0.3, 0.3, 0.4], own))),
}


def record() -> dict[str, Any]:
    """What PyTorch gives, and the state it leaves its global generator in."""
    import torch
    import torch.utils.data

    from tests.recorded import digest

    out: dict[str, Any] = {}
    for name, case in CASES.items():
        for seed in SEEDS:
            torch.manual_seed(seed)
            drawn = case(torch.utils.data, torch.Generator)
            out[f"{name}, seed {seed}"] = [digest(str(drawn).encode()), digest(torch.get_rng_state().numpy())]
    return out
