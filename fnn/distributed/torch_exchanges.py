"""``torch.distributed``'s exchanges between one process and all, and between each two; see `torch_collectives.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from fnn.distributed.torch_groups import Group
from fnn.distributed.torch_reductions import (
    ReduceOp,
    all_reduce,
    every,
    fitted,
    host_of,
    now,
    process_of,
    shape_of,
    stored,
)
from fnn.errors import ArgumentError
from fnn.typing import ArrayLike

__all__ = ["all_to_all", "all_to_all_single", "gathered_at", "reduce", "scatter"]


def reduce(
    tensor: ArrayLike,
    dst: int | None = None,
    op: str = ReduceOp.SUM,
    group: Group = None,
    async_op: bool = False,
    group_dst: int | None = None,
) -> Any:
    """What the processes have, combined, in one of them; the others keep their own.

    Args:
        tensor: an array of the same shape in each process; a Parameter or Buffer of that process is written to.
        dst: the process that gets it; None is ``group_dst``, or 0.
        op: of `ReduceOp`.
        group: None: all processes.
        async_op: False.
        group_dst: as ``dst``, of which only one can be given.

    Returns:
        The combined array in that process, ``tensor`` in the others.

    Raises:
        ArgumentTypeError: the array is traced.
        ArgumentError: there is no such process, or an unknown operation.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.distributed.reduce(jnp.arange(3.0), dst=0)
        Array([0., 1., 2.], dtype=float32)
    """
    now(group, async_op, "reduce")
    mine = jax.process_index() == process_of(dst, group_dst, "dst", "reduce")
    total = all_reduce(host_of(tensor, "reduce"), op)
    return stored(tensor, np.asarray(total)) if mine else tensor


def scatter(
    tensor: ArrayLike,
    scatter_list: Sequence[ArrayLike] | None = None,
    src: int | None = None,
    group: Group = None,
    async_op: bool = False,
    group_src: int | None = None,
) -> Any:
    """The entry of this process's number in the list of one process.

    Args:
        tensor: a Parameter or Buffer to write to; of another array only shape and dtype count.
        scatter_list: of the process ``src`` one array for each process, of the shape of ``tensor``.
        src: the process whose list it is; None is ``group_src``, or 0.
        group: None: all processes.
        async_op: False.
        group_src: as ``src``, of which only one can be given.

    Returns:
        The array.

    Raises:
        ArgumentTypeError: an array is traced.
        ArgumentError: a list of another length, or shapes that do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.distributed.scatter(jnp.zeros(2), [jnp.arange(2.0)], src=0)
        Array([0., 1.], dtype=float32)
    """
    now(group, async_op, "scatter")
    count, source = jax.process_count(), process_of(src, group_src, "src", "scatter")
    like = host_of(tensor, "scatter")
    given = np.zeros((count, *like.shape), like.dtype)
    problem = ""
    if jax.process_index() == source:
        parts = [host_of(part, "scatter") for part in scatter_list or ()]
        if len(parts) != count:
            problem = f"scatter_list must have {count} entries in process {source}, got {len(parts)}"
        elif any(part.shape != like.shape for part in parts):
            problem = f"the arrays must have the shape {like.shape} of tensor, got {[part.shape for part in parts]}"
        else:
            given = np.stack([part.astype(like.dtype) for part in parts])
    if problem:
        raise ArgumentError(f"scatter: {problem}")
    return stored(tensor, every(given, "scatter")[source, jax.process_index()])


def gathered_at(
    tensor: ArrayLike, gather_list: list[Any] | None, dst: int | None, group_dst: int | None
) -> list[Any] | None:
    """What each process has, in a list of one of them; see `fnn.distributed.gather`."""
    mine = jax.process_index() == process_of(dst, group_dst, "dst", "gather")
    found = list(every(host_of(tensor, "gather"), "gather"))
    if not mine:
        return None
    if gather_list is None:
        return [jax.numpy.asarray(part) for part in found]
    if len(gather_list) != len(found):
        raise ArgumentError(f"gather: gather_list must have {len(found)} entries, got {len(gather_list)}")
    gather_list[:] = [stored(old, new) for old, new in zip(gather_list, found, strict=True)]
    return gather_list


def all_to_all(
    output_tensor_list: list[Any] | None,
    input_tensor_list: Sequence[ArrayLike],
    group: Group = None,
    async_op: bool = False,
) -> list[Any]:
    """From each process the entry of its list that has this process's number.

    Args:
        output_tensor_list: a list of one entry for each process, whose entries are replaced; None makes one.
        input_tensor_list: one array for each process, all of one shape in all processes.
        group: None: all processes.
        async_op: False.

    Returns:
        The list.

    Raises:
        ArgumentTypeError: an array is traced.
        ArgumentError: lists of another length, or arrays of different shapes.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.distributed.all_to_all(None, [jnp.arange(2.0)])
        [Array([0., 1.], dtype=float32)]
    """
    now(group, async_op, "all_to_all")
    count = jax.process_count()
    for name, given in (("input_tensor_list", input_tensor_list), ("output_tensor_list", output_tensor_list)):
        if given is not None and len(given) != count:
            raise ArgumentError(f"all_to_all: {name} must have {count} entries, got {len(given)}")
    hosts = [host_of(part, "all_to_all") for part in input_tensor_list]
    if len({(part.shape, part.dtype) for part in hosts}) != 1:
        raise ArgumentError(f"all_to_all: the arrays must have one shape, got {[part.shape for part in hosts]}")
    found = list(every(np.stack(hosts), "all_to_all")[:, jax.process_index()])
    if output_tensor_list is None:
        return [jax.numpy.asarray(part) for part in found]
    output_tensor_list[:] = [stored(old, new) for old, new in zip(output_tensor_list, found, strict=True)]
    return output_tensor_list


def all_to_all_single(
    output: ArrayLike | None,
    input: ArrayLike,
    output_split_sizes: Sequence[int] | None = None,
    input_split_sizes: Sequence[int] | None = None,
    group: Group = None,
    async_op: bool = False,
) -> Any:
    """The input's rows in as many parts as there are processes; from each process the part with this one's number.

    Args:
        output: a Parameter or Buffer to write to; of another array only the shape counts.
        input: (N, ...), cut along the first dimension.
        output_split_sizes: how many rows come from each process; None: equally many.
        input_split_sizes: how many rows go to each process; None: equally many.
        group: None: all processes.
        async_op: False.

    Returns:
        What has come, one behind the other.

    Raises:
        ArgumentTypeError: the array is traced.
        ArgumentError: sizes that do not make up the rows, or do not fit what the others send.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.distributed.all_to_all_single(None, jnp.arange(2.0))
        Array([0., 1.], dtype=float32)
    """
    where = "all_to_all_single"
    now(group, async_op, where)
    count, here, host = jax.process_count(), jax.process_index(), host_of(input, where)
    rows = host.shape[0] if host.ndim else 0
    if input_split_sizes is None and (not host.ndim or rows % count):
        raise ArgumentError(f"{where}: {count} processes cannot share an input of shape {host.shape}")
    sizes = [rows // count] * count if input_split_sizes is None else [int(n) for n in input_split_sizes]
    if len(sizes) != count or sum(sizes) != rows or min(sizes) < 0:
        raise ArgumentError(f"{where}: input_split_sizes must be {count} numbers that make {rows}, got {sizes}")
    told = every(np.array(sizes, np.int32), where)  # (from, to)
    padded = np.zeros((int(told.sum(1).max()), *host.shape[1:]), host.dtype)
    padded[:rows] = host
    sent, ends = every(padded, where), np.cumsum(told, axis=1)
    parts = [sent[there, ends[there, here] - told[there, here] : ends[there, here]] for there in range(count)]
    if output_split_sizes is not None and list(output_split_sizes) != [len(part) for part in parts]:
        raise ArgumentError(
            f"{where}: output_split_sizes must be what the processes send, {[len(part) for part in parts]}, got "
            f"{list(output_split_sizes)}"
        )
    value = np.concatenate(parts)
    if output is None or shape_of(output) == value.shape:
        return jax.numpy.asarray(value) if output is None else stored(output, value)
    return fitted(output, value, where)
