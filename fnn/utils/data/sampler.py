"""Samplers: the order in which a loader asks for samples; `torch.utils.data`'s, name for name.

For the same seed each gives PyTorch's order, and takes as many numbers from the generator, at the same moments (when
the first index is asked for, not when the iterator is made).  Nothing here imports JAX.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.host_random import Generator, default_generator

__all__ = [
    "BatchSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
]

T_co = TypeVar("T_co", covariant=True)


class Sampler(Generic[T_co]):
    """An order of indices, or of lists of indices; subclasses define ``__iter__`` and may define ``__len__``.

    >>> class Backwards(Sampler[int]):
    ...     def __init__(self, data):
    ...         self.data = data
    ...     def __len__(self):
    ...         return len(self.data)
    ...     def __iter__(self):
    ...         return reversed(range(len(self.data)))
    >>> list(Backwards("abc"))
    [2, 1, 0]
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__}: Subclasses of Sampler should implement __iter__.")


class SequentialSampler(Sampler[int]):
    """0, 1, ..., N-1.

    Args:
        data_source: what is sampled, of length N.

    Example:
        >>> from fnn.utils.data import SequentialSampler
        >>> list(SequentialSampler("abc"))
        [0, 1, 2]
    """

    data_source: Sized

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """Indices in random order, a new one each time it is iterated over.

    Args:
        data_source: what is sampled, of length N.
        replacement: whether each index is drawn from all N, instead of from those that are left over.
        num_samples: how many indices; None: N. Without replacement, one permutation follows another.
        generator: what they are drawn from; None: a generator that is seeded from the global one at each iteration.

    Raises:
        ArgumentTypeError: for a ``replacement`` that is no bool.
        ArgumentError: for a number of samples that is no positive integer.

    >>> list(RandomSampler(range(5), generator=Generator().manual_seed(0)))
    [4, 0, 1, 3, 2]
    """

    data_source: Sized
    replacement: bool

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = _checked_generator(generator, "RandomSampler")
        if not isinstance(replacement, bool):
            raise ArgumentTypeError(
                f"RandomSampler: replacement should be a boolean value, but got replacement={replacement}"
            )
        if not isinstance(self.num_samples, int) or self.num_samples <= 0:
            raise ArgumentError(
                f"RandomSampler: num_samples should be a positive integer value, but got num_samples={self.num_samples}"
            )

    @property
    def num_samples(self) -> int:
        """How many indices one iteration gives; where it was not set, the length of the data now."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        n = len(self.data_source)
        generator = self.generator or Generator().manual_seed(random_seed())
        wanted = self.num_samples
        if self.replacement:
            for chunk in (*itertools.repeat(32, wanted // 32), wanted % 32):  # PyTorch's portions
                yield from generator.randint(0, n, (chunk,)).tolist()
        else:
            for _ in range(wanted // n):
                yield from generator.randperm(n).tolist()
            if wanted % n:
                yield from generator.randperm(n).tolist()[: wanted % n]
            else:  # PyTorch draws one more, of which it takes nothing; and the generator may be the user's
                generator.words(max(n - 1, 0))

    def __len__(self) -> int:
        return self.num_samples


def random_seed(generator: Generator | None = None) -> int:
    """A seed for another generator, drawn as ``torch.empty((), dtype=torch.int64).random_(generator=generator)``."""
    word = (generator or default_generator).words64(1)[0]
    return int(word & np.uint64(2**63 - 1))


def _checked_generator(generator: object, what: str) -> Generator | None:
    if generator is not None and not isinstance(generator, Generator):
        raise ArgumentTypeError(f"{what}: expected generator to be a fnn.Generator or None, got {generator=}")
    return generator


class SubsetRandomSampler(Sampler[int]):
    """The given indices in random order.

    Args:
        indices: a sequence of indices.
        generator: what the order is drawn from; None: the global generator.

    >>> sorted(SubsetRandomSampler([3, 5, 8]))
    [3, 5, 8]
    """

    indices: Sequence[int]

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = _checked_generator(generator, "SubsetRandomSampler")

    def __iter__(self) -> Iterator[int]:
        for position in (self.generator or default_generator).randperm(len(self.indices)).tolist():
            yield self.indices[position]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Indices 0, ..., N-1 with given probabilities.

    Args:
        weights: N numbers, proportional to the probabilities.
        num_samples: how many indices to draw.
        replacement: whether an index may be drawn again.
        generator: what they are drawn from; None: the global generator.

    Attributes:
        weights: the weights, as a float64 array (N,).

    Raises:
        ArgumentError: for bad arguments; and when it is iterated over, for weights that are no distribution, or fewer
            than the samples to be drawn without replacement.

    >>> list(WeightedRandomSampler([0.0, 1.0, 0.0], 3))
    [1, 1, 1]
    """

    weights: np.ndarray
    num_samples: int
    replacement: bool

    def __init__(
        self,
        weights: Sequence[float] | Any,
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        check_positive(num_samples, "num_samples", "WeightedRandomSampler")
        check_bool(replacement, "replacement", "WeightedRandomSampler")
        try:
            values = np.asarray(weights, np.float64)
        except (TypeError, ValueError) as error:
            raise ArgumentTypeError(f"WeightedRandomSampler: expected numbers, got {weights=}: {error}") from None
        if values.ndim != 1:
            raise ArgumentError(
                "WeightedRandomSampler: weights should be a 1d sequence but given "
                f"weights have shape {tuple(values.shape)}"
            )
        self.weights = values
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = _checked_generator(generator, "WeightedRandomSampler")

    def __iter__(self) -> Iterator[int]:
        if not self.replacement and self.num_samples > len(self.weights):
            raise ArgumentError(
                "WeightedRandomSampler: cannot sample n_sample > prob_dist.size(-1) samples without replacement, "
                f"got num_samples={self.num_samples} for {len(self.weights)} weights"
            )
        generator = self.generator or default_generator
        yield from generator.multinomial(self.weights, self.num_samples, self.replacement).tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Lists of indices, cut from another sampler's.

    Args:
        sampler: a `Sampler` or any iterable.
        batch_size: how many indices to a list.
        drop_last: whether to leave out a last list that is shorter.

    Raises:
        ArgumentError: for a batch size that is no positive integer, and a ``drop_last`` that is no bool.

    >>> list(BatchSampler(range(5), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Sampler[int] | Iterable[int], batch_size: int, drop_last: bool) -> None:
        check_positive(batch_size, "batch_size", "BatchSampler")
        check_bool(drop_last, "drop_last", "BatchSampler")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        whole, rest = divmod(len(self.sampler), self.batch_size)  # type: ignore[arg-type] (a TypeError is the answer)
        return whole + (rest > 0 and not self.drop_last)


def check_positive(value: object, name: str, what: str) -> None:
    """Refuses what is no positive int."""
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ArgumentError(f"{what}: {name} should be a positive integer value, but got {name}={value}")


def check_bool(value: object, name: str, what: str) -> None:
    """Refuses what is no bool."""
    if not isinstance(value, bool):
        raise ArgumentError(f"{what}: {name} should be a boolean value, but got {name}={value}")
