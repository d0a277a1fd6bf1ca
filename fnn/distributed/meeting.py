"""Where the processes of a job meet: barriers, and values that all of them see."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from fnn.distributed import progress, store
from fnn.distributed.torch_exchanges import gathered_at
from fnn.distributed.torch_groups import Group
from fnn.distributed.torch_reductions import now
from fnn.errors import ArgumentError
from fnn.state.box import Box
from fnn.tracing import is_elsewhere
from fnn.typing import PyTree

__all__ = ["barrier", "broadcast_from", "gather", "whole"]

_barriers = itertools.count()


def barrier(
    name: str | None = None,
    timeout: float = 1800.0,
    *,
    group: Group = None,
    async_op: bool = False,
    device_ids: Sequence[int] | None = None,
) -> None:
    """Waits until every process has come here.

    Args:
        name: the same in all processes; told in the error if they meet at different ones.
        timeout: seconds to wait.
        group: None: all processes.
        async_op: False.
        device_ids: either: no device takes part.

    Raises:
        ArgumentError: a process waits at a barrier of another name, or does not come in time, or has ended.

    Example:
        >>> import fnn
        >>> fnn.distributed.barrier()
    """
    del device_ids
    now(
        group if isinstance(name, str) or group is not None else name, async_op, "barrier"
    )  # torch's first is the group
    name = name if isinstance(name, str) else "fnn.distributed.barrier"
    if jax.process_count() == 1:
        return
    number, here = next(_barriers), jax.process_index()
    store.put(f"barrier/{number}/{here}", name)
    start = time.monotonic()
    with progress.waiting(f"the barrier {name!r}"):
        for there in range(jax.process_count()):
            left = timeout - (time.monotonic() - start)
            other, what = progress.awaited(f"barrier/{number}/{there}", there, progress.gone, left)
            if other is None and "not come" in what:
                raise ArgumentError(
                    f"barrier: process {there} has not come to {name!r} within {timeout:g} seconds, where process "
                    f"{here} waits"
                )
            if other is None:
                raise ArgumentError(f"barrier: process {here} waits at {name!r} for process {there}, which {what}")
            if other != name:
                raise ArgumentError(f"barrier: process {here} waits at {name!r}, process {there} at {other!r}")


def gather(
    tree: PyTree,
    gather_list: list[Any] | None = None,
    dst: int | None = None,
    group: Group = None,
    async_op: bool = False,
    group_dst: int | None = None,
) -> Any:
    """Arrays as whole numpy arrays in every process, however they are spread; all processes must call it.

    With a list or a destination it is ``torch.distributed.gather``: what each process has, in a list of one of them.

    Args:
        tree: arrays (or boxes) in lists, tuples and dicts; for a destination, an array of one shape in all processes.
        gather_list: a list of one entry for each process, whose entries are replaced; None makes one.
        dst: the process that gets the list; None is ``group_dst``, or 0.
        group: None: all processes.
        async_op: False.
        group_dst: as ``dst``, of which only one can be given.

    Returns:
        The same structure with numpy arrays; other values as they are. For a destination the list, None in the other
        processes.

    Raises:
        ArgumentError: a process does not call it, or for a destination, a list of another length.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.distributed.gather({"x": jnp.arange(3)})
        {'x': array([0, 1, 2], dtype=int32)}
    """
    now(group, async_op, "gather")
    if gather_list is not None or dst is not None or group_dst is not None:
        return gathered_at(tree, gather_list, dst, group_dst)
    leaves = jax.tree.leaves(tree, is_leaf=lambda node: isinstance(node, Box))
    if any(is_elsewhere(leaf.data if isinstance(leaf, Box) else leaf) for leaf in leaves):
        progress.exchanged("gather", "")
    return jax.tree.map(whole, tree, is_leaf=lambda node: isinstance(node, Box))


def whole(value: Any) -> Any:
    """One array as a whole numpy array; the processes that have parts of it must all call it, and are not asked."""
    value = value.data if isinstance(value, Box) else value
    if not isinstance(value, jax.Array):
        return value
    if value.is_fully_addressable:
        return np.asarray(value)
    if value.is_fully_replicated:
        return np.asarray(value.addressable_data(0))
    return np.asarray(multihost_utils.process_allgather(value, tiled=True))


def broadcast_from(tree: PyTree, source: int = 0) -> Any:
    """The values that one process has, in every process; all processes must call it.

    Args:
        tree: arrays of the same shapes in all processes.
        source: the process whose values they are.

    Returns:
        The same structure with numpy arrays.

    Example:
        >>> import numpy as np
        >>> from fnn.distributed.meeting import broadcast_from
        >>> broadcast_from(np.arange(2))
        array([0, 1])
    """
    if not 0 <= source < jax.process_count():
        raise ArgumentError(f"broadcast: the source must be from 0 to {jax.process_count() - 1}, got {source}")
    tree = gather(tree)
    if jax.process_count() == 1:
        return tree
    kinds = progress.exchanged("broadcast", str(jax.tree.map(lambda x: f"{x.dtype}{list(x.shape)}", tree)))
    other = next((n for n, kind in enumerate(kinds) if kind != kinds[0]), None)
    if other is not None:
        raise ArgumentError(
            f"broadcast: the processes must give arrays of one type, got {kinds[0]} from process 0 and {kinds[other]} "
            f"from process {other}"
        )
    return jax.tree.map(np.asarray, multihost_utils.broadcast_one_to_all(tree, jax.process_index() == source))
