"""CIFAR's files: Python pickles, read without trust.

The unpickler knows no names but those by which numpy arrays and bytes are written, and these stand for small
stand-ins that are made anew for each file; none of numpy's own functions is handed out, and nothing else is called.
"""

import io
import math
import os
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from fnn.vision.datasets.utils import corrupt

__all__ = ["read_batch"]


class _Refused(Exception):
    pass


class _Function:
    """Something that a pickle may call; without a dictionary, so that it cannot be given attributes."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        object.__setattr__(self, "_call", call)

    def __call__(self, *args: object) -> Any:
        return self._call(*args)

    def __setattr__(self, name: str, value: object) -> None:
        raise _Refused(f"sets attribute {name!r}")


class _Type:
    """A dtype while it is read."""

    __slots__ = ("dtype",)

    def __init__(self, code: object, *_: object) -> None:
        self.dtype = np.dtype(_text(code))
        if self.dtype.kind not in "biuf":
            raise _Refused(f"has an array of dtype {code!r}")

    def __setstate__(self, state: Any) -> None:
        self.dtype = np.dtype(_text(state[1]).replace("|", "=") + self.dtype.str[1:])


class _Array:
    """An array while it is read."""

    __slots__ = ("array",)

    def __init__(self, *_: object) -> None:
        self.array: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, fortran, content = state
        self.fill(content, kind, shape, "F" if fortran else "C")

    def fill(self, content: Any, kind: Any, shape: Any, order: Any) -> "_Array":
        """Takes the numbers; they must be as many as ``shape`` says."""
        data = content.encode("latin1") if isinstance(content, str) else bytes(content)
        if not isinstance(kind, _Type) or not all(isinstance(n, int) and n >= 0 for n in shape):
            raise _Refused("has an array of no known form")
        if math.prod(shape) * kind.dtype.itemsize != len(data):
            raise _Refused(f"is cut short: an array of shape {tuple(shape)} has {len(data)} bytes")
        array = np.frombuffer(data, kind.dtype).reshape(shape, order="F" if order == "F" else "C")
        self.array = array.astype(kind.dtype.newbyteorder("="), order="C")
        return self


def _text(value: object) -> str:
    return value.decode("latin1") if isinstance(value, bytes) else str(value)


def _scalar(kind: object, content: object) -> Any:
    array = _Array().fill(content, kind, (), "C").array
    assert array is not None
    return array.item()


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, encoding="latin1")
        numeric = {
            "_reconstruct": _Function(_Array),
            "scalar": _Function(_scalar),
            "_frombuffer": _Function(lambda content, kind, shape, order: _Array().fill(content, kind, shape, order)),
        }
        self._known: dict[tuple[str, str], Any] = {
            ("numpy", "ndarray"): "ndarray",  # an argument of _reconstruct, never called
            ("numpy", "dtype"): _Function(_Type),
            ("_codecs", "encode"): _Function(lambda text, _: str(text).encode("latin1")),
            ("builtins", "bytes"): _Function(lambda *_: b""),  # how protocol 2 writes the empty one
            ("__builtin__", "bytes"): _Function(lambda *_: b""),
        }
        for module in ("multiarray", "numeric"):
            for package in ("numpy.core", "numpy._core"):
                self._known.update({((f"{package}.{module}"), name): call for name, call in numeric.items()})

    def find_class(self, module_name: str, global_name: str) -> Any:
        try:
            return self._known[module_name, global_name]
        except KeyError:
            raise _Refused(f"asks for {module_name}.{global_name}") from None


def _finished(value: object) -> Any:
    if isinstance(value, _Array):
        return value.array
    return [_finished(item) for item in value] if isinstance(value, (list, tuple)) else value


def read_batch(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The dictionary in a file of CIFAR's.

    Returns:
        from str to what the file has: strings, numbers, lists of these, numpy arrays.

    Raises:
        fnn.serialization.CorruptFileError: it is no such file, or asks for anything else.
    """
    with open(path, "rb") as file:
        content = file.read()
    try:
        batch = _Unpickler(io.BytesIO(content)).load()
    except Exception as error:  # whatever a damaged pickle leads to
        raise corrupt(path, f"refused, it is no batch of pictures: {error or type(error).__name__}") from error
    if not isinstance(batch, dict):
        raise corrupt(path, f"holds no dictionary but {type(batch).__name__}")
    return {_text(key): _finished(value) for key, value in batch.items()}
