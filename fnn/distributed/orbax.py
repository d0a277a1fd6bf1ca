"""Checkpoints in Orbax's format, for those who have it: the extra ``fnn[checkpoint]``."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax

from fnn.errors import ArgumentError
from fnn.state.box import Box

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["load_orbax", "save_orbax"]


def _orbax(where: str) -> ModuleType:
    try:
        return importlib.import_module("orbax.checkpoint")
    except ImportError as error:
        raise ImportError(f'{where} needs orbax-checkpoint: pip install "fnn[checkpoint]"') from error


def _arrays(state: Any) -> Any:
    """The state as Orbax takes it: dicts and lists of arrays, without boxes."""
    if isinstance(state, Box):
        return state.data
    if isinstance(state, Mapping):
        return {str(key): _arrays(value) for key, value in state.items()}
    return [_arrays(value) for value in state] if isinstance(state, (list, tuple)) else state


def save_orbax(state: Mapping[str, Any], folder: str | os.PathLike[str]) -> None:
    """Writes nested state in Orbax's format; each process writes the parts of its own devices.

    All processes must call it, with a folder that they share. `save_sharded` needs no other package, and writes what
    PyTorch and Hugging Face's libraries read.

    Args:
        state: dicts and lists of arrays and numbers; keys become texts, tuples lists.
        folder: where to; one that is there is replaced.

    Raises:
        ImportError: orbax-checkpoint is not installed.

    Example:
        >>> import os, tempfile
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> folder = os.path.join(tempfile.mkdtemp(), "checkpoint")
        >>> fnn.distributed.save_orbax({"w": jnp.ones(3)}, folder)  # doctest: +SKIP
    """
    orbax = _orbax("save_orbax")
    with orbax.StandardCheckpointer() as checkpointer:
        checkpointer.save(os.path.abspath(folder), _arrays(state), force=True)
        checkpointer.wait_until_finished()


def load_orbax(folder: str | os.PathLike[str], like: Mapping[str, Any]) -> dict[str, Any]:
    """Reads a checkpoint of Orbax's, each process the parts of its own devices.

    Args:
        folder: the checkpoint.
        like: state of the same structure, such as the ``state_dict`` of a distributed model, whose arrays say where
            each is spread; they are not changed.

    Returns:
        The state; hand it to ``load_state_dict``.

    Raises:
        ImportError: orbax-checkpoint is not installed.
        ArgumentError: there is no such folder.

    Example:
        >>> import fnn
        >>> from fnn import nn
        >>> model = nn.Linear(2, 3)
        >>> state = fnn.distributed.load_orbax("checkpoint", model.state_dict())  # doctest: +SKIP
    """
    orbax = _orbax("load_orbax")
    if not os.path.isdir(folder):
        raise ArgumentError(f"load_orbax: there is no folder {os.fspath(folder)!r}")
    wanted = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding) if isinstance(x, jax.Array) else x,
        _arrays(like),
    )
    with orbax.StandardCheckpointer() as checkpointer:
        return _like(checkpointer.restore(os.path.abspath(folder), wanted), like)


def _like(found: Any, like: Any) -> Any:
    """What was read, with the keys and tuples of the state that it is like."""
    if isinstance(like, Mapping):
        return {key: _like(found[str(key)], value) for key, value in like.items()}
    if isinstance(like, (list, tuple)):
        return type(like)(_like(part, value) for part, value in zip(found, like, strict=True))
    return found
