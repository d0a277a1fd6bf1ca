"""The table of everything that a file of PyTorch may ask for by name."""

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from fnn.serialization import _numpy_names, _plain_names, _tensor_names
from fnn.serialization._corrupt import CorruptFileError, UnsafeFileError
from fnn.serialization._leaves import Leaves
from fnn.serialization._limits import Marker
from fnn.serialization._pickle_read import Builder
from fnn.serialization._storage import Storage
from fnn.typing import PyTree

__all__ = ["StorageRequest", "Survey", "TorchNames"]

_WHOLE_MODEL = (
    "If it holds a whole model, or another object of a class, load it with torch and save its state_dict: "
    "torch.save(model.state_dict(), path)"
)
_REFUSED = (
    "Weights only load failed: Unsupported global: GLOBAL {name} was not an allowed global by default. The file asks "
    "for it, and fnn builds only tensors, numbers, text and plain containers; nothing in the file was executed. "
    f"{_WHOLE_MODEL}"
)
_VALUES: dict[str, Any] = {**_plain_names.VALUES, **_numpy_names.VALUES, **_tensor_names.VALUES}
_CALLS = {**_plain_names.CALLS, **_numpy_names.CALLS}


class StorageRequest:
    """What a persistent id says of a storage."""

    __slots__ = ("key", "location", "numel", "type", "view")

    def __init__(self, pid: object) -> None:
        if type(pid) is not tuple or len(pid) not in (5, 6):
            raise CorruptFileError("a persistent id that names no storage")
        kind, self.type, key, location, numel, *view = (_text(part) for part in pid)
        if kind != "storage":
            raise UnsafeFileError(f"asks for a persistent {kind!r}; only storages are known. {_WHOLE_MODEL}")
        if not isinstance(self.type, _tensor_names.StorageType) or type(key) not in (str, int):
            raise CorruptFileError("a persistent id that names no storage")
        if type(numel) is not int or numel < 0 or type(location) is not str:
            raise CorruptFileError(f"a storage of {numel!r} elements")
        self.key, self.location, self.numel = str(key), location, numel
        self.view = view[0] if view else None

    @property
    def nbytes(self) -> int:
        """Its size."""
        return self.numel * self.type.dtype.itemsize

    def storage(self, data: np.ndarray | None, big_endian: bool = False) -> Storage:
        """The storage, given its bytes."""
        name = self.type.name.rpartition(".")[2]
        return Storage(self.key, self.type.dtype, self.location, data, big_endian, name)


def _text(part: object) -> Any:
    return part.decode("ascii") if type(part) is bytes else part  # from Python 2


class TorchNames:
    """Names and persistent ids in a file of PyTorch.

    Args:
        leaves: what makes the arrays.
        storage: gives the storage that is asked for.
    """

    def __init__(self, leaves: Leaves, storage: Callable[[StorageRequest], Storage]) -> None:
        self.budget = leaves.budget
        self.storage = storage
        tensors = _tensor_names.TensorNames(leaves)
        calls = {
            **{name: partial(call, self.budget) for name, call in _CALLS.items()},
            **_tensor_names.plain_calls(),
            **tensors.calls(),
        }
        self.known: dict[str, Any] = {**_VALUES, **{name: Builder(name, call) for name, call in calls.items()}}

    def find(self, module: str, name: str) -> Any:
        """The value or builder of that name."""
        full = f"{module}.{name}"
        if full not in self.known:
            raise UnsafeFileError(_REFUSED.format(name=full))
        return self.known[full]

    def build(self, instance: object, state: PyTree) -> None:
        """Gives an OrderedDict, a Parameter, a numpy array or a numpy dtype its state."""
        if type(instance) is OrderedDict:
            _plain_names.set_attributes(instance, state)
        elif isinstance(instance, _numpy_names.NumpyDtype):
            instance.set_state(state)
        elif type(instance) is np.ndarray and instance.size == 0 and instance.flags.owndata:
            _numpy_names.set_array(self.budget, instance, state)
        elif not _tensor_names.set_parameter(instance, state):
            what = instance.name if isinstance(instance, Marker) else f"an object of type {type(instance).__name__}"
            raise UnsafeFileError(f"asks to set the state of {what}")

    def persistent(self, pid: object) -> Storage:
        """The storage of a persistent id."""
        return self.storage(StorageRequest(pid))


class Survey(TorchNames):
    """Goes through a pickle only to learn which storages it asks for; no tensor is built."""

    def __init__(self, leaves: Leaves, storage: Callable[[StorageRequest], Storage]) -> None:
        super().__init__(leaves, storage)
        blank = Marker("a tensor")
        self.blank = blank

        def build_nothing(*arguments: object) -> Marker:
            del arguments
            return blank

        for name in _tensor_names.TensorNames(leaves).calls():
            self.known[name] = Builder(name, build_nothing)

    def build(self, instance: object, state: PyTree) -> None:
        """States of tensors are passed over."""
        if instance is not self.blank:
            super().build(instance, state)
