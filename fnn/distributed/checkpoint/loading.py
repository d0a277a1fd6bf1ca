"""`load`: a checkpoint into the state that a script holds."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

import jax
import numpy as np

from fnn.distributed.checkpoint.storage import FileSystemReader, Folder, folder_of, is_stateful
from fnn.distributed.files import load_sharded
from fnn.distributed.torch_groups import Group, group_member
from fnn.errors import ArgumentError
from fnn.state.box import Box
from fnn.state.layout import placed

__all__ = ["load"]


def load(
    state_dict: MutableMapping[str, Any],
    *,
    checkpoint_id: Folder | None = None,
    storage_reader: FileSystemReader | None = None,
    planner: None = None,
    process_group: Group = None,
    no_dist: bool = False,
) -> None:
    """Reads from a checkpoint what the state holds, in its place, whatever mesh it was saved from.

    Arrays get the dtype and the devices of those that they replace. They are new arrays in the same dict, since an
    array is never written to: ``model.load_state_dict(state["model"])`` is the next line. An object with ``state_dict``
    and ``load_state_dict`` takes its state itself. A dict that is empty, as the state of an optimizer that has made no
    step, takes all that was saved.

    Args:
        state_dict: see `fnn.distributed.checkpoint.save`.
        checkpoint_id: the folder.
        storage_reader: a `FileSystemReader` with the folder instead.
        planner: None.
        process_group: None: all processes.
        no_dist: either: each process reads what it needs.

    Raises:
        ArgumentError: no folder or no checkpoint in it, or the checkpoint lacks what the state holds, or holds an array
            of another shape.

    Example:
        >>> import os, tempfile
        >>> import jax.numpy as jnp
        >>> import fnn.distributed.checkpoint as dcp
        >>> folder = os.path.join(tempfile.mkdtemp(), "step-100")
        >>> dcp.save({"x": jnp.arange(3), "step": 100}, checkpoint_id=folder)
        >>> state = {"x": jnp.zeros(3)}
        >>> dcp.load(state, checkpoint_id=folder)
        >>> state
        {'x': Array([0., 1., 2.], dtype=float32)}
    """
    del no_dist
    group_member(process_group, "load")
    if planner is not None:
        raise ArgumentError(f"load: planner must be None, got {planner!r}")
    saved = load_sharded(folder_of(checkpoint_id, storage_reader, "load"))
    held = {name: value.state_dict() if is_stateful(value) else value for name, value in state_dict.items()}
    found = {name: _like(value, _entry(saved, name, name), name) for name, value in held.items()}
    for name, value in found.items():  # only when all of it fits
        filled = _filled(held[name], value)
        if is_stateful(state_dict[name]):
            state_dict[name].load_state_dict(filled)
        else:
            state_dict[name] = filled


def _entry(saved: Any, key: Any, place: str) -> Any:
    if isinstance(saved, Mapping) and key in saved:
        return saved[key]
    if isinstance(saved, (list, tuple)) and isinstance(key, int) and key < len(saved):
        return saved[key]
    raise ArgumentError(f"load: Missing key in checkpoint state_dict: {place}.")


def _like(held: Any, saved: Any, place: str) -> Any:
    """What was saved, in the form of what is held."""
    if isinstance(held, Mapping):
        if not held:
            return saved
        return {key: _like(v, _entry(saved, key, f"{place}.{key}"), f"{place}.{key}") for key, v in held.items()}
    if isinstance(held, (list, tuple)):
        parts = [_like(value, _entry(saved, n, f"{place}.{n}"), f"{place}.{n}") for n, value in enumerate(held)]
        return parts if isinstance(held, list) else tuple(parts)
    value = held.data if isinstance(held, Box) else held
    if not isinstance(value, (jax.Array, np.ndarray)):
        return saved
    if np.shape(saved) != value.shape:
        raise ArgumentError(
            f"load: Size mismatch between saved {np.shape(saved)} and current: {value.shape} for {place}"
        )
    new = np.asarray(saved).astype(value.dtype)
    return placed(new, value.sharding) if isinstance(value, jax.Array) else new


def _filled(held: Any, new: Any) -> Any:
    """The dicts and lists that are held, as somebody else may hold them too, with the new values."""
    if isinstance(held, MutableMapping) and isinstance(new, Mapping):
        for key, value in new.items():
            held[key] = _filled(held.get(key), value)
        return held
    if isinstance(held, list) and isinstance(new, list):
        held[:] = map(_filled, held, new)
        return held
    return new
