"""Storages: the flat memory that tensors of a file are views of."""

from typing import Any

import numpy as np

from fnn.serialization._corrupt import CorruptFileError
from fnn.serialization._limits import Marker
from fnn.serialization._torch_dtypes import component_size
from fnn.typing import DType

__all__ = ["Storage", "aligned"]

_ALIGNMENT = 64  # JAX's CPU backend takes memory over without a copy where it is aligned so
_MAX_DIMS = 64  # numpy's


def aligned(shape: tuple[int, ...], dtype: DType | None) -> np.ndarray:
    """A new array, not yet filled, whose memory JAX can take over."""
    dtype = np.dtype(dtype)
    count = 1
    for n in shape:
        count *= n
    memory = np.empty(count * dtype.itemsize + _ALIGNMENT, np.uint8)
    start = -memory.__array_interface__["data"][0] % _ALIGNMENT
    return memory[start : start + count * dtype.itemsize].view(dtype).reshape(shape)


class Storage(Marker):
    """The memory of one or several tensors.

    Attributes:
        key: its name in the file.
        dtype: of its elements, as its class says.
        location: where it was when it was saved, such as "cuda:0".
        data: its bytes; None while a file is only looked over.
        type_name: the name of its class.
    """

    __slots__ = ("big_endian", "data", "dtype", "key", "location", "swapped", "type_name")

    def __init__(
        self,
        key: str,
        dtype: np.dtype,
        location: str,
        data: np.ndarray | None,
        big_endian: bool = False,
        type_name: str = "UntypedStorage",
    ) -> None:
        super().__init__(f"the bare storage {key!r}")
        self.key = key
        self.dtype = dtype
        self.location = location
        self.data = data
        self.big_endian = big_endian
        self.type_name = type_name
        self.swapped: dict[int, np.ndarray] = {}

    @property
    def nbytes(self) -> int:
        """Its size."""
        return 0 if self.data is None else self.data.size

    def view(self, dtype: np.dtype, offset: Any, shape: Any, stride: Any) -> np.ndarray:
        """The tensor of these elements: read-only, and without a copy where the byte order is the machine's.

        Raises:
            CorruptFileError: it reaches out of the storage.
        """
        assert self.data is not None
        data = self._native(self.data, component_size(dtype))
        check_sizes("size", shape)
        check_sizes("stride", stride)
        check_sizes("storage offset", (offset,))
        if len(shape) != len(stride):
            raise CorruptFileError(f"a tensor of size {tuple(shape)} with the strides {tuple(stride)}")
        try:
            if 0 in shape:
                return np.empty(shape, dtype)
            end = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True)) + 1
            if end * dtype.itemsize > data.size:
                raise CorruptFileError(
                    f"a tensor of size {tuple(shape)}, strides {tuple(stride)} and offset {offset} reaches out of its "
                    f"storage of {data.size // dtype.itemsize} elements"
                )
            # the stride of a dimension of size 1 means nothing, and may be too large for numpy
            steps = [step * dtype.itemsize if n > 1 else dtype.itemsize for n, step in zip(shape, stride, strict=True)]
            found = np.ndarray(tuple(shape), dtype, data, offset * dtype.itemsize, steps)
        except (ValueError, OverflowError, MemoryError) as error:
            if isinstance(error, CorruptFileError):
                raise
            raise CorruptFileError(f"a tensor of size {tuple(shape)}: {error}") from None
        found.flags.writeable = False
        return found

    def _native(self, data: np.ndarray, size: int) -> np.ndarray:
        if not self.big_endian or size == 1:
            return data
        if size not in self.swapped:
            whole = data[: data.size // size * size]
            self.swapped[size] = whole.view(f"u{size}").byteswap().view(np.uint8)
        return self.swapped[size]


def check_sizes(name: str, values: Any) -> None:
    """Sizes, strides and offsets are non-negative ints."""
    if type(values) not in (tuple, list) or len(values) > _MAX_DIMS:
        raise CorruptFileError(f"a tensor's {name} must be a tuple of at most {_MAX_DIMS} numbers")
    for value in values:
        if type(value) is not int or not 0 <= value < 1 << 63:
            raise CorruptFileError(f"a tensor's {name} must be a number that is not negative")
