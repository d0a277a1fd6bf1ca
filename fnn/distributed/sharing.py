"""`global_batch`: one batch of the rows that each process has for itself.

A model over several processes computes on arrays of all of them.  `DataLoader` makes these of a data set; what a
process drew, sliced or received by itself becomes one here.
"""

from __future__ import annotations

import json
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, Sharding

from fnn.distributed.meshes import batch_sharding, checked
from fnn.distributed.meshes import mesh as all_devices
from fnn.distributed.progress import exchanged
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.state.box import Box
from fnn.state.layout import placed
from fnn.tracing import Tracer
from fnn.typing import PyTree

__all__ = ["global_batch", "joined"]


def global_batch(batch: PyTree, mesh: Mesh | None = None) -> Any:
    """One batch of the rows that the processes have, those of process 0 first; all processes must call it.

    So a script goes on whose processes each draw or cut out rows of their own: what they make of them, loss and
    gradients, is that of all rows.

    Args:
        batch: arrays (N, ...) in lists, tuples and dicts, of the same shapes in every process.
        mesh: the model's; None is all devices on the axis ``"data"``.

    Returns:
        The same structure, its arrays (processes * N, ...) over the axes of the batch, where these divide the rows;
        what is no array as it is.

    Raises:
        ArgumentTypeError: an array is traced.
        ArgumentError: an array without rows, or that is of all processes already; or a process that has other shapes
            or does not come.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> x, y = fnn.distributed.global_batch((jnp.ones((4, 2)), jnp.arange(4)))
        >>> x.shape, y.shape  # of one process
        ((4, 2), (4,))
    """
    mesh = all_devices() if mesh is None else checked(mesh, "global_batch")
    leaves, tree = jax.tree.flatten(batch, is_leaf=lambda node: isinstance(node, Box))
    rows = {n: _rows(leaf) for n, leaf in enumerate(leaves) if isinstance(leaf, (Box, jax.Array, np.ndarray))}
    if jax.process_count() > 1:
        told = json.dumps([f"{array.dtype}{list(array.shape)}" for array in rows.values()])
        for there, other in enumerate(exchanged("global_batch", told)):
            if other != told:
                ours, theirs = (", ".join(json.loads(text)) for text in (told, other))
                raise ArgumentError(
                    f"global_batch: the processes must give arrays of the same shapes, got {ours} from process "
                    f"{jax.process_index()} and {theirs} from process {there}"
                )
    return tree.unflatten([joined(rows[n], mesh) if n in rows else leaf for n, leaf in enumerate(leaves)])


def _rows(value: Any) -> np.ndarray:
    value = value.data if isinstance(value, Box) else value
    if isinstance(value, Tracer):
        raise ArgumentTypeError("global_batch: called in a compiled function: its arrays are of all processes already")
    if isinstance(value, jax.Array) and not value.is_fully_addressable:
        raise ArgumentError(f"global_batch: an array of shape {value.shape} is of all processes already: leave it out")
    array = np.asarray(to_array(value, "batch", "global_batch: "))
    if array.ndim == 0:
        raise ArgumentError(f"global_batch: an array must have rows, got one of shape () with {array}")
    return array


def joined(array: np.ndarray, mesh: Mesh) -> jax.Array:
    """The rows of all processes as one array over the axes of the batch; each must give as many.

    Args:
        array: (N, ...), the rows of this process.
        mesh: the mesh.
    """
    shape = (array.shape[0] * jax.process_count(), *array.shape[1:])
    sharding = batch_sharding(mesh, shape)
    if jax.process_count() == 1:
        return placed(array, sharding)
    if _keeps_rows(sharding, shape, array.shape[0]):
        return jax.make_array_from_process_local_data(sharding, array, shape)
    return placed(np.asarray(multihost_utils.process_allgather(array, tiled=True)), sharding)


def _keeps_rows(sharding: Sharding, shape: tuple[int, ...], rows: int) -> bool:
    """Whether the devices of each process need no rows but its own; the same answer in every process."""
    for device, index in sharding.devices_indices_map(shape).items():
        first, end, _ = index[0].indices(shape[0])
        begin = device.process_index * rows
        if first < begin or end > begin + rows or any(part != slice(None) for part in index[1:]):
            return False
    return True
