"""From indices to a batch: shared by a loader that works alone and by worker processes."""

import functools
import itertools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fnn.utils.data.collate import default_collate
from fnn.utils.data.dataset import Subset, TensorDataset

__all__ = ["MapFetcher", "StreamFetcher", "rows_of"]


class MapFetcher:
    """Batches of a dataset that is a map.

    Args:
        dataset: the dataset.
        batched: whether an index is a list of indices, else one.
        collate_fn: from a list of samples, or one sample, to a batch.
        on_device: whether a batch of arrays that lie on an accelerator may stay there.
    """

    def __init__(self, dataset: Any, batched: bool, collate_fn: Callable[[Any], Any], on_device: bool = False) -> None:
        self._dataset = dataset
        self._batched = batched
        self._collate = collate_fn
        self._rows = rows_of(dataset, on_device) if batched and collate_fn is default_collate else None

    ended = False

    @property
    def runs_users_code(self) -> bool:
        """Whether a fetch runs code that may draw random numbers."""
        return self._rows is None

    def fetch(self, index: Any) -> Any:
        """The batch of these indices."""
        if self._rows is not None:
            return self._rows(index)
        if not self._batched:
            return self._collate(self._dataset[index])
        whole = getattr(self._dataset, "__getitems__", None)
        return self._collate(whole(index) if whole else [self._dataset[i] for i in index])


class StreamFetcher:
    """Batches of a dataset that is a stream.

    Args:
        dataset: the dataset; it is iterated over once.
        batched: whether to make batches, else each sample is one.
        collate_fn: from a list of samples, or one sample, to a batch.
        drop_last: whether to leave out a last batch that is smaller.

    Attributes:
        ended: whether the stream is known to have ended, as it is after a last batch that is smaller.
    """

    runs_users_code = True

    def __init__(self, dataset: Any, batched: bool, collate_fn: Callable[[Any], Any], drop_last: bool) -> None:
        self.samples: Iterator[Any] = iter(dataset)
        self._batched = batched
        self._collate = collate_fn
        self._drop_last = drop_last
        self.ended = False

    def fetch(self, size: int | None) -> Any:
        """The next batch of this size; raises StopIteration at the end."""
        return self._collate(self._take(size))

    def skip(self, size: int | None, batches: int) -> None:
        """Goes past so many batches without collating them."""
        for _ in range(batches):
            self._take(size)

    def _take(self, size: int | None) -> Any:
        if self.ended:
            raise StopIteration
        if not self._batched:
            return next(self.samples)
        samples = list(itertools.islice(self.samples, size))
        if size is not None and len(samples) < size:
            self.ended = True
            if not samples or self._drop_last:
                raise StopIteration
        return samples


def rows_of(dataset: Any, on_device: bool = False) -> Callable[[list[int]], list[Any]] | None:
    """How to take whole batches at once from arrays in memory; None for other datasets.

    The batch is what `default_collate` makes of the samples, one by one: equal values, dtypes and structure.

    Args:
        dataset: the dataset.
        on_device: whether rows of an array that lies on an accelerator may stay there.
    """
    whole, chosen = dataset, None
    while type(dataset) is Subset:
        try:
            indices = np.asarray(dataset.indices)
            if indices.ndim != 1 or indices.dtype.kind not in "iu":
                return None
            chosen = indices if chosen is None else indices[chosen]
        except (TypeError, ValueError, IndexError):
            return None
        dataset = dataset.dataset
    if type(dataset) is not TensorDataset:
        return None
    takers = [_rows_of_array(tensor, on_device) for tensor in dataset.tensors]
    if any(taker is None for taker in takers):
        return None

    def take(indices: list[int]) -> list[Any]:
        rows = np.asarray(indices)
        if rows.dtype.kind not in "iu" or rows.ndim != 1:
            return default_collate([whole[index] for index in indices])
        if chosen is not None:
            rows = chosen[rows]
        return [taker(rows) for taker in takers if taker]

    return take


def _rows_of_array(array: Any, on_device: bool) -> Callable[[np.ndarray], Any] | None:
    jax = sys.modules.get("jax")  # where there is a JAX array, there is JAX
    if jax is not None and isinstance(array, jax.Array):
        if jax.dtypes.issubdtype(array.dtype, jax.dtypes.extended) or not array.is_fully_addressable:
            return None
        if on_device and _is_on_accelerator(array):
            return functools.partial(_gather, array)
        array = np.asarray(array)
    return array.__getitem__ if type(array) is np.ndarray and _is_plain(array) else None


def _is_on_accelerator(array: Any) -> bool:
    return all(device.platform != "cpu" for device in array.devices())


def _gather(array: Any, rows: np.ndarray) -> Any:
    """``array[rows]`` on its device, by one compiled program for each size."""
    count = array.shape[0]
    if rows.size and not -count <= rows.min() <= rows.max() < count:
        raise IndexError(f"index {rows} is out of bounds for axis 0 with size {count}")
    return _compiled_gather()(array, np.where(rows < 0, rows + count, rows).astype(np.int32))


@functools.cache
def _compiled_gather() -> Callable[[Any, Any], Any]:
    import jax

    return jax.jit(lambda array, rows: array.at[rows].get(mode="promise_in_bounds", wrap_negative_indices=False))


def _is_plain(array: np.ndarray) -> bool:
    """Whether rows of this array are collated to rows of the same dtype."""
    dtype = array.dtype
    if dtype.kind in "biufc":
        return dtype.isnative and dtype.type not in (np.longdouble, np.clongdouble)
    return dtype.kind == "V" and dtype.type is not np.void and array.ndim > 1  # bfloat16 and its like
