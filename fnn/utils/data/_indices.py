"""Indices that are in range: JAX reads an array's last row for one that is not, where numpy and PyTorch raise."""

from typing import Any

import numpy as np

from fnn.errors import ArgumentError

__all__ = ["IndexOutOfRange", "check", "row"]


class IndexOutOfRange(ArgumentError, IndexError):
    """There is no such sample; an IndexError, so that iteration over a dataset that has only ``__getitem__`` ends."""


def check(index: object, length: int, where: str) -> None:
    """Refuses an index, or an array or list of them, beyond ``length`` rows; slices, masks and tracers pass.

    Args:
        index: what stands in the brackets; of a tuple the first part counts.
        length: the number of rows.
        where: the caller, for the message.
    """
    if type(index) is int:  # by far the most frequent
        if not -length <= index < length:
            raise IndexOutOfRange(f"{where}: index {index} is out of range of {length} samples")
        return
    if isinstance(index, tuple) and index:
        check(index[0], length, where)
        return
    if isinstance(index, slice) or index is None or index is Ellipsis:
        return
    try:
        indices = np.asarray(index)
    except (TypeError, ValueError):
        return  # a tracer, or what the array itself refuses better
    if indices.dtype.kind not in "iu" or not indices.size:
        return
    for extreme in (int(indices.min()), int(indices.max())):
        if not -length <= extreme < length:
            raise IndexOutOfRange(f"{where}: index {extreme} is out of range of {length} samples")


def row(dataset: Any, index: Any, where: str) -> Any:
    """``dataset[index]``, checked where the dataset is itself an array of another kind than numpy's."""
    if hasattr(dataset, "dtype") and not isinstance(dataset, np.ndarray) and getattr(dataset, "shape", ()):
        check(index, dataset.shape[0], where)
    return dataset[index]
