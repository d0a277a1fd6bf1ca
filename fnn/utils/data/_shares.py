"""The share of a process in each batch, and its place on a mesh.

The loader's batch is that of all processes.  Where the axes of the batch divide it, each process loads the rows of its
own devices, which are contiguous; where they do not (a ragged last batch) each loads all of it, and every device gets
it whole, so that no row is lost or counted twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fnn.errors import ArgumentError

if TYPE_CHECKING:
    import jax

__all__ = ["Replicas", "Shares"]

_RAGGED = (
    "DataLoader: mesh: an array of shape {shape} in a batch of {size} samples, of which this process has loaded "
    "{rows}: its first dimension must be the samples; give collate_fn one that keeps it so"
)


class Shares:
    """Who loads which rows.

    Args:
        mesh: the mesh whose processes share the batches.
        cuts: whether indices are known before a batch is loaded; otherwise each process loads whole batches.
    """

    def __init__(self, mesh: jax.sharding.Mesh, cuts: bool) -> None:
        import jax

        self.mesh = mesh
        self._cuts = cuts and jax.process_count() > 1
        self._sizes: dict[int, tuple[int, int, int]] = {}  # by number of the batch: its samples, first row, end

    def cut(self, number: int, indices: Any) -> Any:
        """The indices of batch ``number`` that this process loads."""
        if not self._cuts or not isinstance(indices, Sequence):
            return indices
        size = len(indices)
        first, end = self._rows(size)
        if (first, end) == (0, size):
            return indices
        self._sizes[number] = size, first, end
        return indices[first:end]

    def _rows(self, size: int) -> tuple[int, int]:
        """The rows of this process's devices; all of them where they are not one piece."""
        import jax

        from fnn.distributed import batch_sharding

        sharding = batch_sharding(self.mesh, (size,))
        if sharding.is_fully_replicated:
            return 0, size
        here = jax.process_index()
        ranges = {
            part[0].indices(size)[:2]
            for device, part in sharding.devices_indices_map((size,)).items()
            if device.process_index == here
        }
        ordered = sorted(ranges)
        whole = bool(ordered) and all(a[1] == b[0] for a, b in itertools.pairwise(ordered))
        return (ordered[0][0], ordered[-1][1]) if whole else (0, size)

    def place(self, number: int, leaves: list[Any]) -> list[Any]:
        """The arrays of batch ``number`` on the mesh."""
        import jax

        from fnn.distributed import batch_sharding
        from fnn.state.layout import placed

        share = self._sizes.pop(number, None)
        if share is None:
            return [placed(leaf, batch_sharding(self.mesh, leaf.shape)) for leaf in leaves]
        size, first, end = share
        made = []
        for leaf in leaves:
            if leaf.ndim == 0 or leaf.shape[0] != end - first:
                raise ArgumentError(_RAGGED.format(shape=leaf.shape, size=size, rows=end - first))
            host = np.asarray(leaf)
            shape = (size, *leaf.shape[1:])

            def part(index: Any, host: np.ndarray = host) -> np.ndarray:
                start, stop, _ = index[0].indices(size)
                return host[(slice(start - first, stop - first), *index[1:])]

            made.append(jax.make_array_from_callback(shape, batch_sharding(self.mesh, shape), part))
        return made


class Replicas(Shares):
    """The shares that a `DistributedSampler` makes: the batch is what all processes have loaded, process by process."""

    def __init__(self) -> None:
        from fnn.distributed import mesh

        super().__init__(mesh(), False)

    def place(self, number: int, leaves: list[Any]) -> list[Any]:
        """The arrays of one batch on the devices of all processes."""
        from fnn.distributed import sharing

        arrays = map(np.asarray, leaves)
        return [sharing.joined(array if array.ndim else array[None], self.mesh) for array in arrays]
