"""numpy's arrays, scalars and dtypes in a pickle: only of numbers and text, built from bytes that are there."""

import re
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

from fnn.serialization._corrupt import CorruptFileError, UnsafeFileError
from fnn.serialization._limits import Budget, Marker
from fnn.serialization._storage import check_sizes
from fnn.typing import DType, PyTree

__all__ = ["CALLS", "VALUES", "NumpyDtype", "set_array"]

_CODE = re.compile(r"[<>=|]?[biufcSU][0-9]{1,9}|\?")
_ML_DTYPES = ("bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu")


class NumpyDtype(Marker):
    """A dtype whose byte order its state may still set."""

    __slots__ = ("dtype",)

    def __init__(self, dtype: np.dtype) -> None:
        super().__init__(f"numpy.dtype({dtype})")
        self.dtype = dtype

    def set_state(self, state: PyTree) -> None:
        """Takes the state of ``np.dtype``: (version, byte order, ...)."""
        if type(state) is not tuple or len(state) < 2 or any(type(part) not in (int, type(None)) for part in state[2:]):
            raise UnsafeFileError(f"asks for the state {type(state).__name__} of {self.name}")
        if state[1] in (">", b">"):
            self.dtype = self.dtype.newbyteorder(">")
        elif state[1] in ("<", b"<"):
            self.dtype = self.dtype.newbyteorder("<")


def _dtype(budget: Budget, code: object, *options: object) -> NumpyDtype:
    del budget, options  # align and copy
    if isinstance(code, Marker) and code.name.startswith("ml_dtypes."):
        return NumpyDtype(np.dtype(getattr(ml_dtypes, code.name.removeprefix("ml_dtypes."))))
    if type(code) is bytes:
        code = code.decode("ascii")
    if type(code) is not str or not _CODE.fullmatch(code):
        raise UnsafeFileError(f"asks for the numpy dtype {code!r}; numbers and text are read")
    return NumpyDtype(np.dtype(code))


def _dtype_of(value: object) -> np.dtype:
    if not isinstance(value, NumpyDtype):
        raise CorruptFileError("a numpy array without a dtype")
    return value.dtype


def _raw(value: Any) -> bytes | bytearray:
    if type(value) is str:  # Python 2's bytes
        value = value.encode("latin1")
    if type(value) not in (bytes, bytearray):
        raise CorruptFileError("a numpy array without its bytes")
    return value


def _scalar(budget: Budget, dtype: DType | None, content: object) -> Any:
    content, kind = _raw(content), _dtype_of(dtype)
    if len(content) != kind.itemsize or not content:
        raise CorruptFileError(f"a numpy scalar of {len(content)} bytes, whose dtype is {kind}")
    budget.spend(len(content))
    return np.frombuffer(content, kind)[0]


def _reconstruct(budget: Budget, kind: object, shape: object, code: object) -> np.ndarray:
    del budget, shape, code  # the state says what they are
    if not (isinstance(kind, Marker) and kind.name == "numpy.ndarray"):
        raise UnsafeFileError("asks for a subclass of numpy.ndarray")
    return np.empty(0, np.uint8)


def _filled(budget: Budget, content: Any, dtype: Any, shape: Any, order: Any) -> tuple[bytes, np.dtype]:
    """The checked bytes and dtype of an array."""
    content, kind = _raw(content), _dtype_of(dtype)
    check_sizes("size", shape)
    count = 1
    for n in shape:
        count *= n
    if count * kind.itemsize != len(content) or order not in ("C", "F"):
        raise CorruptFileError(f"a numpy array of shape {tuple(shape)} and dtype {kind} in {len(content)} bytes")
    budget.spend(len(content))
    return bytes(content), kind


def _frombuffer(budget: Budget, content: Any, dtype: Any, shape: Any, order: Any, *axes: Any) -> np.ndarray:
    if axes not in ((), (None,)):
        raise CorruptFileError("a numpy array with axes in an order of their own")
    content, kind = _filled(budget, content, dtype, shape, order)
    return np.frombuffer(content, kind).reshape(shape, order=order)


def set_array(budget: Budget, array: np.ndarray, state: PyTree) -> None:
    """The state of an array: (version, shape, dtype, whether in Fortran's order, bytes)."""
    if type(state) is not tuple or len(state) != 5 or type(state[3]) not in (bool, int):
        raise CorruptFileError("a numpy array with a state that is none")
    content, kind = _filled(budget, state[4], state[2], state[1], "F" if state[3] else "C")
    values: Any = (1, tuple(state[1]), kind, bool(state[3]), content)
    array.__setstate__(values)


VALUES: dict[str, Any] = {
    "numpy.ndarray": Marker("numpy.ndarray"),
    **{f"ml_dtypes.{name}": Marker(f"ml_dtypes.{name}") for name in _ML_DTYPES},
}
CALLS: dict[str, Callable[..., Any]] = {
    "numpy.dtype": _dtype,
    "numpy._core.multiarray.scalar": _scalar,
    "numpy._core.multiarray._reconstruct": _reconstruct,
    "numpy._core.numeric._frombuffer": _frombuffer,
}
