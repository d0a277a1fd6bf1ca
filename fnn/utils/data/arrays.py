"""Batches of arrays that fit in memory."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnn import random
from fnn.errors import ArgumentError, ArgumentTypeError

__all__ = ["ArrayLoader"]


class ArrayLoader:
    """Cuts arrays of equal length into batches, in a new order each time it is iterated over.

    For the same seed the order is that of ``torch.utils.data.DataLoader`` over a ``TensorDataset``, and as many
    numbers are drawn from the generator: a seed when an iteration starts (PyTorch's for its workers), and to
    shuffle, a permutation from ``generator``, or without one a seed for it from the global generator.

    Args:
        *arrays: numpy or JAX arrays of shape (N, ...), one or more.
        batch_size: the number of rows in a batch.
        shuffle: whether each iteration has an order of its own, else 0, 1, ..., N-1.
        drop_last: whether to leave out a last batch of fewer rows; then every batch has the same shape, and a
            jitted train step compiles once.
        generator: a `fnn.random.Generator` to draw the order from; None: the global one, see `fnn.manual_seed`.

    Yields:
        One array a batch if there is one array, else a tuple: numpy rows for a numpy array, JAX rows for a JAX array.

    Raises:
        ArgumentError: for no arrays, arrays without or with unequal first dimensions, or a batch size below 1.

    >>> import numpy as np
    >>> from fnn import random
    >>> from fnn.utils.data import ArrayLoader
    >>> loader = ArrayLoader(np.arange(5), batch_size=2, shuffle=True, generator=random.Generator().manual_seed(0))
    >>> len(loader), [batch.tolist() for batch in loader]
    (3, [[3, 1], [0, 4], [2]])
    """

    def __init__(
        self,
        *arrays: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        generator: random.Generator | None = None,
    ) -> None:
        lengths: list[int | None] = [array.shape[0] if getattr(array, "ndim", 0) else None for array in arrays]
        if len(arrays) == 0 or None in lengths or len(set(lengths)) > 1:
            shapes = [getattr(array, "shape", type(array).__name__) for array in arrays]
            raise ArgumentError(f"ArrayLoader: expected arrays with the same first dimension, got shapes {shapes}")
        if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise ArgumentError(f"ArrayLoader: batch_size should be a positive integer value, got {batch_size=}")
        if generator is not None and not isinstance(generator, random.Generator):
            raise ArgumentTypeError(f"ArrayLoader: expected a fnn.random.Generator or None, got {generator=}")
        self.arrays: tuple[Any, ...] = arrays
        self.batch_size = int(batch_size)
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.generator = generator

    def __len__(self) -> int:
        """The number of batches."""
        whole, rest = divmod(len(self.arrays[0]), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[Any]:
        _seed(self.generator or random.default_generator)
        return self._batches()

    def _batches(self) -> Iterator[Any]:
        count = len(self.arrays[0])
        if self.shuffle:
            generator = self.generator or random.Generator().manual_seed(_seed(random.default_generator))
            order = generator.randperm(count)
        else:
            order = np.arange(count)
        for n in range(len(self)):
            rows = order[n * self.batch_size : (n + 1) * self.batch_size]
            batch = tuple(array[rows] for array in self.arrays)
            yield batch[0] if len(batch) == 1 else batch
        if self.shuffle and self.generator is not None:
            # PyTorch's RandomSampler ends with a second permutation, of which it takes no element
            self.generator.words(max(count - 1, 0))


def _seed(generator: random.Generator) -> int:
    """As ``torch.empty((), dtype=torch.int64).random_(generator=generator)``."""
    return int(generator.words64(1)[0] & np.uint64(2**63 - 1))
