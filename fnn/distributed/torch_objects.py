"""``torch.distributed``'s collectives of Python objects for ported scripts: pickled, and exchanged as bytes."""

from __future__ import annotations

import pickle
from typing import Any

import jax
import numpy as np

from fnn.distributed.torch_groups import Group, group_member
from fnn.distributed.torch_reductions import every, process_of
from fnn.errors import ArgumentError

__all__ = ["all_gather_object", "broadcast_object_list", "gather_object", "scatter_object_list"]


def _exchanged(obj: object, where: str) -> list[Any]:
    """The objects of all processes."""
    data = np.frombuffer(pickle.dumps(obj), np.uint8)
    sizes = every(np.array([len(data)], np.int32), where)[:, 0]
    padded = np.zeros(int(sizes.max()), np.uint8)
    padded[: len(data)] = data
    rows = every(padded, where)
    return [pickle.loads(row[:size].tobytes()) for row, size in zip(rows, sizes, strict=True)]


def _filled(objects: list[Any], found: list[Any], where: str, what: str) -> None:
    if len(objects) != len(found):
        raise ArgumentError(f"{where}: {what} must have {len(found)} entries, got {len(objects)}")
    objects[:] = found


def all_gather_object(object_list: list[Any], obj: object, group: Group = None) -> None:
    """Writes what each process has into a list.

    Args:
        object_list: a list of one entry for each process, whose entries are replaced.
        obj: what this process has; anything that can be pickled.
        group: None: all processes.

    Raises:
        ArgumentError: a list of another length, or a process that does not come.

    Example:
        >>> import fnn
        >>> found = [None]
        >>> fnn.distributed.all_gather_object(found, {"loss": 0.5})
        >>> found
        [{'loss': 0.5}]
    """
    group_member(group, "all_gather_object")
    _filled(object_list, _exchanged(obj, "all_gather_object"), "all_gather_object", "object_list")


def gather_object(
    obj: object,
    object_gather_list: list[Any] | None = None,
    dst: int | None = None,
    group: Group = None,
    group_dst: int | None = None,
) -> None:
    """Writes what each process has into a list of one of them.

    Args:
        obj: what this process has.
        object_gather_list: of the process ``dst`` a list of one entry for each process; of the others None.
        dst: the process that gets them; None is ``group_dst``, or 0.
        group: None: all processes.
        group_dst: as ``dst``, of which only one can be given.

    Raises:
        ArgumentError: a list that is missing, of another length, or not this process's to give.

    Example:
        >>> import fnn
        >>> found = [None]
        >>> fnn.distributed.gather_object("words", found)
        >>> found
        ['words']
    """
    group_member(group, "gather_object")
    mine = jax.process_index() == process_of(dst, group_dst, "dst", "gather_object")
    if mine != (object_gather_list is not None):
        which = "must be given by the destination" if mine else "is the destination's to give, this is another process"
        raise ArgumentError(f"gather_object: object_gather_list {which}")
    found = _exchanged(obj, "gather_object")
    if object_gather_list is not None:
        _filled(object_gather_list, found, "gather_object", "object_gather_list")


def broadcast_object_list(
    object_list: list[Any],
    src: int | None = None,
    group: Group = None,
    device: Any = None,
    group_src: int | None = None,
) -> None:
    """Replaces the entries of a list by those that one process has.

    Args:
        object_list: a list, of the same length in each process.
        src: the process whose objects they are; None is ``group_src``, or 0.
        group: None: all processes.
        device: either: objects are on the host.
        group_src: as ``src``, of which only one can be given.

    Raises:
        ArgumentError: there is no such process, or lists of different lengths.

    Example:
        >>> import fnn
        >>> objects = ["run-1", 3]
        >>> fnn.distributed.broadcast_object_list(objects, src=0)
        >>> objects
        ['run-1', 3]
    """
    del device
    group_member(group, "broadcast_object_list")
    source = process_of(src, group_src, "src", "broadcast_object_list")
    given = object_list if jax.process_index() == source else [None] * len(object_list)
    _filled(object_list, _exchanged(given, "broadcast_object_list")[source], "broadcast_object_list", "object_list")


def scatter_object_list(
    scatter_object_output_list: list[Any],
    scatter_object_input_list: list[Any] | None = None,
    src: int | None = None,
    group: Group = None,
    group_src: int | None = None,
) -> None:
    """Writes the entry of this process's number in the list of one process to the beginning of a list.

    Args:
        scatter_object_output_list: a list whose first entry is replaced.
        scatter_object_input_list: of the process ``src`` a list of one entry for each process.
        src: the process whose list it is; None is ``group_src``, or 0.
        group: None: all processes.
        group_src: as ``src``, of which only one can be given.

    Raises:
        ArgumentError: an empty list to write to, or an input that is missing or of another length.

    Example:
        >>> import fnn
        >>> mine = [None]
        >>> fnn.distributed.scatter_object_list(mine, ["part"])
        >>> mine
        ['part']
    """
    where = "scatter_object_list"
    group_member(group, where)
    if not scatter_object_output_list:
        raise ArgumentError(f"{where}: Expected argument scatter_object_output_list to be a list of size at least 1.")
    source = process_of(src, group_src, "src", where)
    mine = jax.process_index() == source
    found = _exchanged(scatter_object_input_list if mine else None, where)[source]
    if found is None or len(found) != jax.process_count():
        got = "None" if found is None else len(found)
        raise ArgumentError(
            f"{where}: scatter_object_input_list must have {jax.process_count()} entries in process {source}, got {got}"
        )
    scatter_object_output_list[0] = found[jax.process_index()]
