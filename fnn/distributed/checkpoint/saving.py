"""`save` and `async_save`: a checkpoint from what a script hands over, objects with a state of their own included."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from fnn.distributed.checkpoint.storage import FileSystemWriter, Folder, folder_of, is_stateful
from fnn.distributed.files import Saving, save_sharded
from fnn.distributed.torch_groups import Group, group_member
from fnn.errors import ArgumentError

__all__ = ["async_save", "save"]


def save(
    state_dict: Mapping[str, Any],
    *,
    checkpoint_id: Folder | None = None,
    storage_writer: FileSystemWriter | None = None,
    planner: None = None,
    process_group: Group = None,
    no_dist: bool = False,
    use_collectives: bool = True,
) -> None:
    """Writes a checkpoint, whole or not at all; all processes must call it.

    Args:
        state_dict: arrays, numbers and texts in dicts and lists, and objects with ``state_dict`` and
            ``load_state_dict`` (models, optimizers, one's own), of which their state is saved.
        checkpoint_id: the folder; one that is there is replaced.
        storage_writer: a `FileSystemWriter` with the folder instead.
        planner: None: what is written is what is given.
        process_group: None: all processes.
        no_dist: False.
        use_collectives: either.

    Raises:
        ArgumentTypeError: for a value that a checkpoint cannot hold.
        ArgumentError: no folder, or an argument that asks for what there is not.

    Example:
        >>> import os, tempfile
        >>> from fnn import nn
        >>> import fnn.distributed.checkpoint as dcp
        >>> folder = os.path.join(tempfile.mkdtemp(), "step-100")
        >>> model, other = nn.Linear(2, 3), nn.Linear(2, 3)
        >>> dcp.save({"model": model, "step": 100}, checkpoint_id=folder)
        >>> state = {"model": other, "step": 0}
        >>> dcp.load(state, checkpoint_id=folder)
        >>> state["step"], bool((other.weight == model.weight).all())
        (100, True)
    """
    del use_collectives
    _save(state_dict, checkpoint_id, storage_writer, planner, process_group, no_dist, "save", False)


def async_save(
    state_dict: Mapping[str, Any],
    *,
    checkpoint_id: Folder | None = None,
    storage_writer: FileSystemWriter | None = None,
    planner: None = None,
    process_group: Group = None,
    async_checkpointer_type: object = None,
    async_stager: None = None,
    no_dist: bool = False,
    use_collectives: bool = True,
) -> Future[None]:
    """As `save`, but returns as soon as the arrays are copied to the host; a thread writes them.

    Args:
        state_dict: see `save`.
        checkpoint_id: the folder; one that is there is replaced.
        storage_writer: a `FileSystemWriter` with the folder instead.
        planner: None: what is written is what is given.
        process_group: None: all processes.
        async_checkpointer_type: either: it is a thread.
        async_stager: None: arrays are copied to the host.
        no_dist: False.
        use_collectives: either.

    Returns:
        What tells when it is done, ``result()``, and raises what went wrong.

    Raises:
        ArgumentTypeError: for a value that a checkpoint cannot hold.
        ArgumentError: no folder, or an argument that asks for what there is not.

    Example:
        >>> import os, tempfile
        >>> from fnn import nn
        >>> import fnn.distributed.checkpoint as dcp
        >>> folder = os.path.join(tempfile.mkdtemp(), "step-100")
        >>> future = dcp.async_save({"model": nn.Linear(2, 3).state_dict()}, checkpoint_id=folder)
        >>> future.result()
    """
    del use_collectives, async_checkpointer_type
    if async_stager is not None:
        raise ArgumentError(f"async_save: async_stager must be None, got {async_stager!r}")
    saving = _save(state_dict, checkpoint_id, storage_writer, planner, process_group, no_dist, "async_save", True)
    future: Future[None] = Future()
    future.set_running_or_notify_cancel()

    def follow() -> None:
        try:
            saving.wait()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(None)

    threading.Thread(target=follow, name="fnn-async-save").start()
    return future


def _save(
    state_dict: Mapping[str, Any],
    checkpoint_id: Folder | None,
    storage_writer: FileSystemWriter | None,
    planner: None,
    process_group: Group,
    no_dist: bool,
    where: str,
    background: bool,
) -> Saving:
    group_member(process_group, where)
    for name, value, only in (("planner", planner, None), ("no_dist", no_dist, False)):
        if value is not only:
            raise ArgumentError(f"{where}: {name} must be {only}, got {value!r}")
    folder = folder_of(checkpoint_id, storage_writer, where)
    state = {name: value.state_dict() if is_stateful(value) else value for name, value in state_dict.items()}
    return save_sharded(state, folder, background=background)
