"""Datasets: maps from an index to a sample, and streams of samples; `torch.utils.data`'s, name for name.

A sample is any Python object, mostly a tuple of numpy arrays and numbers.  Nothing here imports JAX, so that a
worker process which loads samples need not: JAX arrays are known by what they can do.
"""

import bisect
import itertools
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Generic, TypeVar, overload

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.host_random import Generator, default_generator
from fnn.utils.data import _indices

__all__ = [
    "ChainDataset",
    "ConcatDataset",
    "Dataset",
    "IterableDataset",
    "StackDataset",
    "Subset",
    "TensorDataset",
    "random_split",
]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

HALF_OVERRIDDEN: Final = """{name} overrides __getitem__ but not __getitems__.
Wrong: the loader asks a Subset for whole batches, through __getitems__, and would miss the new __getitem__.
Right: When subclassing Subset and overriding __getitem__, you must also override __getitems__, for instance

    def __getitems__(self, indices):
        return [self[i] for i in indices]"""


class DatasetError(ArgumentError, AssertionError):
    """Datasets that do not fit together; also an AssertionError, which is what PyTorch raises for them."""


class Dataset(Generic[T_co]):
    """A map from an index to a sample; subclasses define ``__getitem__`` and mostly ``__len__``.

    One that can fetch several samples at once faster than one by one defines ``__getitems__(indices)``, too: it
    returns the list of the samples, and a loader calls it once a batch.

    >>> class Squares(Dataset[int]):
    ...     def __len__(self):
    ...         return 4
    ...     def __getitem__(self, index):
    ...         return index**2
    >>> len(Squares() + Squares()), (Squares() + Squares())[5]
    (8, 1)
    """

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError("Subclasses of Dataset should implement __getitem__.")

    def __add__(self, other: "Dataset[Any]") -> "Dataset[Any]":
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co], Iterable[T_co]):
    """A stream of samples; subclasses define ``__iter__`` and may define ``__len__``.

    Each worker process of a loader iterates over a copy of its own; with `get_worker_info` the copies share the
    samples out among themselves.

    >>> class Words(IterableDataset[str]):
    ...     def __init__(self, text):
    ...         self.text = text
    ...     def __iter__(self):
    ...         return iter(self.text.split())
    >>> list(Words("to be or") + Words("not to be"))
    ['to', 'be', 'or', 'not', 'to', 'be']
    """

    def __add__(self, other: Dataset[Any]) -> "ChainDataset[Any]":
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Any, ...]]):
    """The rows of arrays of equal length.

    Args:
        *tensors: numpy or JAX arrays of shape (N, ...), one or more; they are kept as they are.

    Attributes:
        tensors: the arrays.

    Raises:
        ArgumentError: for arrays of unequal length or without dimensions, and for what is no array.
        IndexError: for a row that there is not.

    >>> import numpy as np
    >>> TensorDataset(np.arange(3.0), np.array([4, 5, 6]))[1]
    (np.float64(1.0), np.int64(5))
    """

    tensors: tuple[Any, ...]

    def __init__(self, *tensors: Any) -> None:
        if not tensors:
            raise ArgumentError("TensorDataset: expected one or more arrays, got none")
        for position, tensor in enumerate(tensors):
            if not hasattr(tensor, "shape") or not hasattr(tensor, "dtype"):
                raise ArgumentTypeError(f"TensorDataset: expected arrays, got tensors[{position}]={tensor!r}")
            if not tensor.shape:
                raise ArgumentError(f"TensorDataset: expected arrays of rows, but tensors[{position}] has shape ()")
        if len({tensor.shape[0] for tensor in tensors}) > 1:
            shapes = [tuple(tensor.shape) for tensor in tensors]
            raise DatasetError(f"TensorDataset: Size mismatch between tensors, got shapes {shapes}")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        _indices.check(index, len(self), "TensorDataset")
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return self.tensors[0].shape[0]


class StackDataset(Dataset[Any]):
    """Datasets of equal length side by side: a sample is the tuple, or the dict, of theirs.

    Args:
        *args: datasets whose samples make up a tuple.
        **kwargs: instead, datasets whose samples make up a dict.

    Attributes:
        datasets: the tuple or the dict of the datasets.

    Raises:
        ArgumentError: for no datasets, for both kinds of them, and for unequal lengths.

    >>> StackDataset(image=[10, 20], label=["a", "b"])[1]
    {'image': 20, 'label': 'b'}
    """

    datasets: tuple[Any, ...] | dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and kwargs:
            raise ArgumentError(
                "StackDataset: Supported either ``tuple``- (via ``args``) or"
                "``dict``- (via ``kwargs``) like input/output, but both types are given."
            )
        lengths = [len(dataset) for dataset in (*args, *kwargs.values())]
        if not lengths:
            raise ArgumentError("StackDataset: At least one dataset should be passed")
        if len(set(lengths)) > 1:
            raise ArgumentError(f"StackDataset: Size mismatch between datasets, got lengths {lengths}")
        self._length = lengths[0]
        self.datasets = args or kwargs

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {name: _row(dataset, index) for name, dataset in self.datasets.items()}
        return tuple(_row(dataset, index) for dataset in self.datasets)

    def __getitems__(self, indices: Sequence[Any]) -> list[Any]:
        """The samples at these indices; datasets that can are asked for all of theirs at once."""
        if isinstance(self.datasets, dict):
            columns = [_fetch_checked(dataset, indices) for dataset in self.datasets.values()]
            return [dict(zip(self.datasets, row, strict=True)) for row in zip(*columns, strict=True)]
        return list(zip(*(_fetch_checked(dataset, indices) for dataset in self.datasets), strict=True))

    def __len__(self) -> int:
        return self._length


def _fetch(dataset: object, indices: Sequence[Any]) -> Any:
    """The samples of a dataset at these indices, by one call if it has ``__getitems__``."""
    whole = getattr(dataset, "__getitems__", None)
    return whole(indices) if callable(whole) else [_row(dataset, index) for index in indices]


def _row(dataset: object, index: object) -> Any:
    return _indices.row(dataset, index, "Dataset")


def _fetch_checked(dataset: object, indices: Sequence[Any]) -> Any:
    items = _fetch(dataset, indices)
    if len(items) != len(indices):
        raise ArgumentError(
            f"StackDataset: Nested dataset's output size mismatch. Expected {len(indices)}, got {len(items)} samples "
            f"from {type(dataset).__name__}.__getitems__"
        )
    return items


class ConcatDataset(Dataset[T_co]):
    """Datasets one after the other.

    Args:
        datasets: the datasets, each with a length.

    Attributes:
        datasets: the list of them.
        cumulative_sizes: for each, how many samples it and those before it hold.

    Raises:
        ArgumentError: for no datasets, and for an `IterableDataset` among them.

    >>> both = ConcatDataset([["a", "b"], ["c", "d", "e"]])
    >>> both.cumulative_sizes, both[2], both[-1]
    ([2, 5], 'c', 'e')
    """

    datasets: list[Any]
    cumulative_sizes: list[int]

    @staticmethod
    def cumsum(sequence: Iterable[Any]) -> list[int]:
        """The running sums of the lengths."""
        return list(itertools.accumulate(len(dataset) for dataset in sequence))

    def __init__(self, datasets: Iterable[Any]) -> None:
        super().__init__()
        self.datasets = list(datasets)
        if not self.datasets:
            raise DatasetError("ConcatDataset: datasets should not be an empty iterable")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise DatasetError("ConcatDataset does not support IterableDataset; chain streams with ChainDataset")
        self.cumulative_sizes = self.cumsum(self.datasets)

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, idx: int) -> T_co:
        if idx < 0:
            if -idx > len(self):
                raise _indices.IndexOutOfRange(
                    f"ConcatDataset: absolute value of index should not exceed dataset length, "
                    f"got index {idx} of {len(self)} samples"
                )
            idx += len(self)
        which = bisect.bisect_right(self.cumulative_sizes, idx)
        if which == len(self.datasets):
            raise IndexError(f"ConcatDataset: list index out of range: {idx} of {len(self)} samples")
        return _row(self.datasets[which], idx - (self.cumulative_sizes[which - 1] if which else 0))


class ChainDataset(IterableDataset[T_co]):
    """Streams one after the other; each is opened when the one before has ended.

    Args:
        datasets: the streams.

    Raises:
        ArgumentError: when iterated over or measured, for what is no `IterableDataset`.

    Example:
        >>> from fnn.utils.data import ChainDataset, IterableDataset
        >>> class Count(IterableDataset):
        ...     def __iter__(self):
        ...         return iter(range(2))
        >>> list(ChainDataset([Count(), Count()]))
        [0, 1, 0, 1]
    """

    def __init__(self, datasets: Iterable[Dataset[T_co]]) -> None:
        super().__init__()
        self.datasets = datasets

    def _streams(self) -> Iterator[IterableDataset[T_co]]:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise DatasetError(f"ChainDataset only supports IterableDataset, got {type(dataset).__name__}")
            yield dataset

    def __iter__(self) -> Iterator[T_co]:
        return itertools.chain.from_iterable(self._streams())

    def __len__(self) -> int:
        return sum(len(stream) for stream in self._streams())  # type: ignore[arg-type] (a stream need not have one)


class Subset(Dataset[T_co]):
    """Some samples of a dataset, in an order of their own.

    Args:
        dataset: the whole dataset.
        indices: the indices of the samples.

    Attributes:
        dataset: the whole dataset.
        indices: the indices.

    Raises:
        NotImplementedError: for a subclass that overrides ``__getitem__`` but not ``__getitems__``.

    >>> part = Subset("abcde", [4, 0])
    >>> len(part), part[0], part.__getitems__([1, 0])
    (2, 'e', ['a', 'e'])
    """

    dataset: Any
    indices: Sequence[int]

    def __init__(self, dataset: object, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices
        kind = type(self)
        if kind.__getitem__ is not Subset.__getitem__ and kind.__getitems__ is Subset.__getitems__:
            raise NotImplementedError(HALF_OVERRIDDEN.format(name=kind.__name__))

    @overload
    def __getitem__(self, idx: list[int]) -> Any: ...
    @overload
    def __getitem__(self, idx: object) -> T_co: ...
    def __getitem__(self, idx: object) -> Any:
        if isinstance(idx, list):
            return _row(self.dataset, [_row(self.indices, i) for i in idx])
        return _row(self.dataset, _row(self.indices, idx))

    def __getitems__(self, indices: Sequence[int]) -> list[T_co]:
        """The samples at these indices, by one call if the whole dataset can."""
        return _fetch(self.dataset, [_row(self.indices, index) for index in indices])

    def __len__(self) -> int:
        return len(self.indices)


def random_split(
    dataset: Any, lengths: Sequence[int | float], generator: Generator | None = default_generator
) -> list[Subset[Any]]:
    """Shares out the samples of a dataset at random; for the same seed as PyTorch does.

    Args:
        dataset: the dataset, with a length.
        lengths: the number of samples in each part, which sum up to the dataset's; or fractions which sum up to
            1: then a part has that fraction rounded down, and what is left over goes to the first parts, one
            sample each, in turns.
        generator: what the permutation is drawn from; None: the global generator.

    Returns:
        A `Subset` for each length.

    Raises:
        ArgumentError: for a fraction outside of [0, 1] and for lengths that do not sum up.

    >>> train, test = random_split(range(10), [0.8, 0.2], generator=Generator().manual_seed(42))
    >>> list(train), list(test)
    ([2, 6, 1, 8, 4, 5, 0, 9], [3, 7])
    """
    size, lengths = len(dataset), list(lengths)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        lengths = _shares(lengths, size)
        for position, length in enumerate(lengths):
            if length == 0:
                text = f"Length of split at index {position} is 0. This might result in an empty dataset."
                warnings.warn(text, stacklevel=2)
    if sum(lengths) != size:
        raise ArgumentError(
            "random_split: Sum of input lengths does not equal the length of the input dataset! "
            f"Got {lengths=} for {size} samples"
        )
    if not all(hasattr(length, "__index__") for length in lengths):
        raise ArgumentTypeError(
            f"random_split: expected integer lengths, or fractions that sum up to 1, got {lengths=}"
        )
    order = (default_generator if generator is None else generator).randperm(size).tolist()
    ends = itertools.accumulate(lengths)
    return [Subset(dataset, order[end - length : end]) for end, length in zip(ends, lengths, strict=True)]


def _shares(fractions: Sequence[float], size: int) -> list[int]:
    for position, fraction in enumerate(fractions):
        if not 0 <= fraction <= 1:
            raise ArgumentError(
                f"random_split: Fraction at index {position} is not between 0 and 1, got {list(fractions)}"
            )
    shares = [math.floor(size * fraction) for fraction in fractions]
    for extra in range(size - sum(shares)):
        shares[extra % len(shares)] += 1
    return shares
