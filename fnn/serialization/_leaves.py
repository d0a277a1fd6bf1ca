"""What a tensor of a file becomes: a `jax.Array` on its device, or a numpy view where that is asked for or safer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.devices import to_device
from fnn.dtypes import canonical, x64
from fnn.errors import ArgumentTypeError
from fnn.serialization._limits import Budget
from fnn.serialization._storage import aligned

__all__ = ["HOST", "Leaves", "Placement", "StorageTag", "as_jax", "fits_jax"]

HOST = "host"  # as numpy arrays
_MAX_EMPTY_DIM = 1 << 31


@dataclass(frozen=True)
class StorageTag:
    """What a callable ``map_location`` gets: says where a storage shall go.

    Attributes:
        nbytes: its size.
        device: the device's name; of one as read from a file, "cpu".
    """

    nbytes: int
    device: str = "cpu"

    def cpu(self) -> "StorageTag":
        """The same on the CPU."""
        return StorageTag(self.nbytes)

    def cuda(self, device: int | str | None = None) -> "StorageTag":
        """The same on a GPU, the first unless said otherwise."""
        return StorageTag(self.nbytes, device if isinstance(device, str) else f"cuda:{device or 0}")


class Placement:
    """``map_location``: the device for a location tag of the file; None is JAX's default device."""

    def __init__(self, map_location: Any, mmap: bool) -> None:
        self.mmap = mmap
        self.found: dict[str, Any] = {}
        self.fixed = not isinstance(map_location, Mapping) and not callable(map_location)
        self.map_location = map_location
        if self.fixed:
            self.device = self._device(map_location)

    def __call__(self, location: str, nbytes: int) -> Any:
        """The device (or `HOST`) of a storage."""
        if self.fixed:
            return self.device
        if isinstance(self.map_location, Mapping):
            if location not in self.found:
                self.found[location] = self._device(self.map_location.get(location))
            return self.found[location]
        choose: Callable[..., Any] = self.map_location
        chosen = choose(StorageTag(nbytes), location)
        return self._device(chosen.device if isinstance(chosen, StorageTag) else chosen)

    def _device(self, wanted: object) -> Any:
        if wanted is None or (self.mmap and wanted == "cpu"):
            return HOST if self.mmap else None
        if isinstance(wanted, bytes):
            wanted = wanted.decode("ascii")
        if not isinstance(wanted, (str, int, jax.Device, jax.sharding.Sharding)) or isinstance(wanted, bool):
            raise ArgumentTypeError(
                "load: map_location must be None, a device ('cpu', 'cuda:0', a jax.Device or Sharding), a dict of "
                f"them by location, or a function (storage, location) -> storage or device, got {wanted!r}"
            )
        return to_device(wanted, "load: map_location: ")


def fits_jax(dtype: np.dtype) -> bool:
    """Whether JAX in its present mode has this dtype."""
    wide = (dtype.itemsize == 8 and dtype.kind in "fiu") or dtype == np.complex128
    return x64() or not wide


class Leaves:
    """Makes the arrays of one file."""

    def __init__(self, placement: Placement, budget: Budget) -> None:
        self.placement = placement
        self.budget = budget

    def make(self, array: np.ndarray, location: str = "cpu", nbytes: int | None = None) -> Any:
        """The leaf for a host array that nobody writes to.

        A numpy array stays one where JAX cannot hold it as it is (64-bit dtypes outside x64 mode), and where the
        file's arrays overlap so much (expanded tensors, many views of one storage) that copies of them would take
        more memory than the file warrants.
        """
        device = self.placement(location, array.nbytes if nbytes is None else nbytes)
        if device is HOST or not fits_jax(array.dtype) or _absurd(array):
            return array
        if not self.budget.allows(array.nbytes):
            return array
        if not array.flags.c_contiguous:
            array = _copied(array)
        return jax.device_put(array, device)


def _absurd(array: np.ndarray) -> bool:
    """An empty array may have any sizes beside the 0; not every part of JAX is prepared for that."""
    return array.size == 0 and any(n >= _MAX_EMPTY_DIM for n in array.shape)


def _copied(array: np.ndarray) -> np.ndarray:
    copy = aligned(array.shape, array.dtype)
    np.copyto(copy, array)
    return copy


def as_jax(array: Any, where: str) -> jax.Array:
    """A leaf as a `jax.Array`, or an error that says which mode it takes."""
    canonical(array.dtype, where)
    return array if isinstance(array, jax.Array) else jnp.asarray(array)
