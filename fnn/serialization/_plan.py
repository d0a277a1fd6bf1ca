"""Which storages a file gets, and which part of which each array is.

A `jax.Array` is a storage of its own.  numpy arrays whose memory overlaps share one, as PyTorch's views do; one that
fills its memory without gaps (transposed, in Fortran's order, or expanded) keeps its strides; any other is written in
row-major order.  Nothing is copied before it is written.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from fnn.serialization._torch_dtypes import STORAGE_OF, torch_name
from fnn.typing import ArrayLike, DType

__all__ = ["Plan", "Storage", "View", "is_storable", "row_major"]

_CHUNK = 1 << 22


class Storage:
    """Memory to write.

    Attributes:
        key: its name in the file.
        dtype: of its elements.
        numel: how many there are.
        source: the array whose elements, in row-major order, they are; or their memory, as a flat array.
    """

    def __init__(self, key: str, dtype: np.dtype, numel: int, source: object) -> None:
        self.key, self.dtype, self.numel, self.source = key, dtype, numel, source

    @property
    def nbytes(self) -> int:
        """Its size."""
        return self.numel * self.dtype.itemsize

    @property
    def kind(self) -> str | None:
        """PyTorch's class of storages of this dtype; None for a newer dtype, whose storages are bytes."""
        return STORAGE_OF.get(torch_name(self.dtype) or "")

    @property
    def count(self) -> int:
        """How many elements of that class (else: bytes) there are."""
        return self.nbytes if self.kind is None else self.numel

    def parts(self) -> Iterator[memoryview]:
        """Its bytes, little-endian, piece by piece."""
        array = _on_host(self.source)
        if not self.nbytes:
            return
        if array.flags.c_contiguous and array.dtype == array.dtype.newbyteorder("<"):
            content = array.reshape(-1).view(np.uint8).data
            for start in range(0, self.nbytes, _CHUNK):
                yield content[start : start + _CHUNK]
            return
        rows = array.reshape(1) if array.ndim == 0 else array
        step = max(1, _CHUNK * len(rows) // self.nbytes)
        for start in range(0, len(rows), step):
            part = np.ascontiguousarray(rows[start : start + step])
            yield part.astype(part.dtype.newbyteorder("<"), copy=False).reshape(-1).view(np.uint8).data


class View(NamedTuple):
    """An array as a part of a storage; offset and strides count elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


class Plan:
    """Notes the arrays of a tree, then says what they are stored as."""

    def __init__(self) -> None:
        self.noted: dict[int, Any] = {}  # by identity; keeps them alive
        self.views: dict[int, View] = {}
        self.storages: list[Storage] = []

    def note(self, array: ArrayLike) -> None:
        """Takes an array into account."""
        self.noted[id(array)] = array

    def settle(self) -> None:
        """Decides, in the order in which the arrays were noted."""
        shared = _overlapping([a for a in self.noted.values() if isinstance(a, np.ndarray) and a.size])
        spans: dict[int, Storage] = {}
        for array in self.noted.values():
            group = shared.get(id(array))
            if group is None:
                storage = self._storage(np.dtype(array.dtype), array.size, array)
                self.views[id(array)] = View(storage, 0, array.shape, row_major(array.shape))
                continue
            if id(group) not in spans:
                spans[id(group)] = self._storage(array.dtype, group.size // array.itemsize, group)
            offset = (_address(array) - _address(group)) // array.itemsize
            stride = tuple(step // array.itemsize for step in array.strides)
            self.views[id(array)] = View(spans[id(group)], offset, array.shape, stride)

    def view(self, array: ArrayLike) -> View:
        """What a noted array is stored as."""
        return self.views[id(array)]

    def _storage(self, dtype: np.dtype, numel: int, source: object) -> Storage:
        storage = Storage(str(len(self.storages)), dtype.newbyteorder("="), numel, source)
        self.storages.append(storage)
        return storage


def _on_host(source: Any) -> np.ndarray:
    if not isinstance(source, jax.Array):
        return source
    # np.asarray keeps its copy for as long as the jax.Array lives; this one lives for a moment
    moment = source.addressable_data(0) if source.is_fully_replicated else source
    return np.asarray(moment)


def row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of an array in row-major order, as PyTorch counts them."""
    strides: list[int] = []
    step = 1
    for n in reversed(shape):
        strides.insert(0, step)
        step *= max(n, 1)
    return tuple(strides)


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def _span(array: np.ndarray) -> int:
    """How many bytes of memory an array reaches over, from its first element on."""
    return sum((n - 1) * step for n, step in zip(array.shape, array.strides, strict=True)) + array.itemsize


def _overlapping(arrays: list[np.ndarray]) -> dict[int, np.ndarray]:
    """For every array that is stored by its memory, those bytes; the others are written in row-major order."""
    plain = [a for a in arrays if a.dtype == a.dtype.newbyteorder("<") and min(a.strides, default=0) >= 0]
    plain.sort(key=_address)
    groups: list[list[np.ndarray]] = []
    end = 0
    for array in plain:
        if groups and _address(array) < end:
            groups[-1].append(array)
            end = max(end, _address(array) + _span(array))
        else:
            groups.append([array])
            end = _address(array) + _span(array)
    found: dict[int, np.ndarray] = {}
    for group in groups:
        for members in [group] if _fits(group) else [[array] for array in group]:
            if _fits(members):
                memory = _memory(members)
                found.update((id(array), memory) for array in members)
    return found


def _fits(group: list[np.ndarray]) -> bool:
    """Whether these views may be stored as one memory: of one dtype, and it is no larger than they are."""
    first, width = group[0], group[0].itemsize
    end = max(_address(array) + _span(array) for array in group)
    return end - _address(first) <= sum(array.nbytes for array in group) and all(
        array.dtype == first.dtype
        and (_address(array) - _address(first)) % width == 0
        and all(step % width == 0 for step in array.strides)
        for array in group
    )


def _memory(group: list[np.ndarray]) -> np.ndarray:
    """The bytes from the first element of the first to the last of all."""
    first = group[0]
    size = max(_address(array) + _span(array) for array in group) - _address(first)
    return np.asarray(_Memory(first, size))


class _Memory:
    """The bytes of memory from an array's first element on, through numpy's protocol."""

    def __init__(self, owner: np.ndarray, size: int) -> None:
        self.owner = owner  # keeps the memory
        self.__array_interface__ = {"data": (_address(owner), True), "shape": (size,), "typestr": "|u1", "version": 3}


def is_storable(dtype: DType | None) -> bool:
    """Whether PyTorch has this dtype."""
    return torch_name(dtype) is not None
