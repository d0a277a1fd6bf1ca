"""Batches move to the device: every numpy array in them becomes a `jax.Array`, the structure stays."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.utils.data._shares import Shares
from fnn.utils.data._worker_info import get_worker_info
from fnn.utils.data.collate import rebuilt

__all__ = ["Placement"]

HOST: Final = "host"
_OUT_OF_RANGE: Final = (
    "DataLoader: a batch has {dtype} numbers from {low} to {high}, which JAX would cut to 32 bits; "
    'use a smaller dtype, jax.config.update("jax_enable_x64", True), or device="host"'
)


class Placement:
    """Where a loader's batches go.

    Args:
        device: None: JAX's default device; ``"host"``: numpy arrays stay what they are; else a device (as `jax.Device`
            or by name) or a `jax.sharding.Sharding`.
        owned: whether nobody else holds the batches' memory, so that an array may take it over. The CPU backend does
            that, and would show what the owner writes there later.
        pin_memory: whether to call ``pin_memory()`` of what has such a method, as PyTorch does.
        shares: of a loader with a mesh: where its batches go.
    """

    def __init__(self, device: Any, owned: bool, pin_memory: bool, shares: Shares | None = None) -> None:
        self._shares = shares
        self._host = device == HOST or get_worker_info() is not None  # a worker process has no JAX
        self._target = None if self._host else checked_device(device)
        self._owned = owned
        self._pin_memory = pin_memory

    def __call__(self, batch: object, number: int = 0) -> Any:
        """The batch of this number, with its arrays on the device."""
        if self._host:
            return batch
        arrays: list[np.ndarray] = []
        others: list[Any] = []  # JAX arrays; they move if a device was named
        _visit(batch, lambda leaf: (arrays if isinstance(leaf, np.ndarray) else others).append(leaf), self._pin_memory)
        if self._shares is not None:
            placed = self._shares.place(number, [*map(self._checked, arrays), *others])
            on_mesh = iter(placed[: len(arrays)]), iter(placed[len(arrays) :])
            return _visit(batch, lambda leaf: next(on_mesh[not isinstance(leaf, np.ndarray)]), self._pin_memory)
        if not arrays and (not others or self._target is None):
            return batch if not self._pin_memory else _visit(batch, lambda leaf: leaf, True)
        moved = iter(self._move([self._checked(array) for array in arrays]))
        rest = iter(others if self._target is None else self._move(others))
        return _visit(batch, lambda leaf: next(moved if isinstance(leaf, np.ndarray) else rest), self._pin_memory)

    def _move(self, leaves: list[Any]) -> list[Any]:
        import jax

        target = self._target
        if target is None:  # which takes half the time of device_put
            return [jax.numpy.asarray(leaf) for leaf in leaves]
        if isinstance(target, jax.sharding.Sharding) and not target.is_fully_addressable:
            # each process of the job loads its own share
            return [jax.make_array_from_process_local_data(target, leaf) for leaf in leaves]
        return jax.device_put(leaves, target)

    def _checked(self, array: np.ndarray) -> np.ndarray:
        if array.dtype.kind in "iu" and array.dtype.itemsize == 8 and array.size:
            import jax

            if not jax.config.read("jax_enable_x64"):
                bounds = np.iinfo(np.int32 if array.dtype.kind == "i" else np.uint32)
                low, high = array.min(), array.max()
                if low < bounds.min or high > bounds.max:
                    raise ArgumentError(_OUT_OF_RANGE.format(dtype=array.dtype, low=low, high=high))
        return array if self._owned else array.copy()


def checked_device(device: Any) -> Any:
    """A `jax.Device` or Sharding, or None for the default one."""
    if device is None:
        return None
    from fnn.devices import to_device

    return to_device(device, "DataLoader: ")


def _is_numeric(array: np.ndarray) -> bool:
    return array.dtype.kind in "biufc" or (array.dtype.kind == "V" and array.dtype.type is not np.void)


def _visit(data: Any, leaf: Callable[[Any], Any], pin_memory: bool) -> Any:
    """The batch with the function's result in place of every numeric numpy array and every JAX array."""
    if isinstance(data, np.ndarray):
        return leaf(data) if _is_numeric(data) else data
    if data is None or isinstance(data, (str, bytes, int, float, np.generic)):
        return data
    kind = type(data)
    if kind is list:
        return [_visit(item, leaf, pin_memory) for item in data]
    if kind is tuple:
        return tuple([_visit(item, leaf, pin_memory) for item in data])
    if kind is dict:
        return {key: _visit(item, leaf, pin_memory) for key, item in data.items()}
    import jax

    if isinstance(data, jax.Array):
        return leaf(data)
    if pin_memory and hasattr(data, "pin_memory"):
        return data.pin_memory()
    if isinstance(data, Mapping):
        values: Any = {key: _visit(item, leaf, pin_memory) for key, item in data.items()}
        return rebuilt(data, values)
    if isinstance(data, tuple):
        items = [_visit(item, leaf, pin_memory) for item in data]
        make: Any = kind
        return make(*items) if hasattr(data, "_fields") else make(items)
    if isinstance(data, Sequence) and not isinstance(data, (range, bytearray, memoryview)):
        return rebuilt(data, [_visit(item, leaf, pin_memory) for item in data])
    if not jax.tree_util.all_leaves([data]):  # a class that JAX knows how to take apart
        return jax.tree.map(lambda item: _visit(item, leaf, pin_memory) if item is not data else item, data)
    return data


def check_prefetch(value: object) -> int:
    """A number of batches."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ArgumentTypeError(f"DataLoader: prefetch_to_device must be an int, got {value!r}")
    if value < 0:
        raise ArgumentError(f"DataLoader: prefetch_to_device option should be non-negative, got {value}")
    return value
