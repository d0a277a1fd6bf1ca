"""Checkpoints: nested state in one safetensors file.

The arrays are the file's tensors, under their path in the tree (``model.conv.weight``), so that any safetensors
reader finds them.  The rest of the tree is JSON in the header::

    {"model": {"conv.weight": {"$tensor": "model.conv.weight"}}, "epoch": 3}

A dict with a key that is not a plain string is ``{"$items": [[key, value], ...]}``, a tuple ``{"$tuple": [...]}``.
"""

import json
import os
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from fnn.errors import ArgumentTypeError
from fnn.serialization._corrupt import CorruptFileError, naming
from fnn.serialization.safetensors import load_file, load_metadata, save_file
from fnn.typing import PyTree

__all__ = ["TREE", "decode_tree", "encode_tree", "load_checkpoint", "save_checkpoint"]

TREE = "fnn.checkpoint"
_PLAIN = (str, int, float, bool, type(None))


def save_checkpoint(state: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Writes nested state to one file, whole or not at all.

    Args:
        state: a dict; its values, however deeply nested in dicts, lists and tuples, are arrays (or Parameters),
            numbers, strings, booleans and None: a model's and an optimiser's ``state_dict``, an epoch, a random state.
        path: the file to write, by custom ``*.safetensors``.

    Raises:
        ArgumentTypeError: for a value of another kind; the message names its place.

    >>> import os, tempfile
    >>> import jax.numpy as jnp
    >>> from fnn import serialization
    >>> path = os.path.join(tempfile.mkdtemp(), "checkpoint.safetensors")
    >>> serialization.save_checkpoint({"model": {"weight": jnp.zeros(2)}, "epoch": 3}, path)
    >>> serialization.load_checkpoint(path)
    {'model': {'weight': Array([0., 0.], dtype=float32)}, 'epoch': 3}
    """
    text, tensors = encode_tree(state)
    save_file(tensors, path, {TREE: text})


def encode_tree(state: Mapping[str, Any], where: str = "save_checkpoint") -> tuple[str, dict[str, Any]]:
    """A checkpoint's text, and its arrays by name.

    Raises:
        ArgumentTypeError: for a value that a checkpoint cannot hold; the message names its place.
    """
    if not isinstance(state, Mapping):
        raise ArgumentTypeError(f"{where}: state must be a dict, got {type(state).__name__}")
    tensors: dict[str, Any] = {}
    tree = _encode(state, "", tensors)
    return json.dumps(tree), tensors


def load_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads what `save_checkpoint` wrote; executes nothing.

    Args:
        path: the file to read.

    Returns:
        The nested state, its arrays as `jax.Array`, its dicts as plain dicts.

    Raises:
        CorruptFileError: for a file that is cut short, damaged, or no checkpoint.

    Example:
        >>> import os, tempfile
        >>> from fnn import nn, serialization
        >>> path = os.path.join(tempfile.mkdtemp(), "checkpoint.safetensors")
        >>> serialization.save_checkpoint({"model": nn.Linear(2, 1).state_dict(), "epoch": 3}, path)
        >>> checkpoint = serialization.load_checkpoint(path)
        >>> checkpoint["epoch"], nn.Linear(2, 1).load_state_dict(checkpoint["model"])
        (3, <All keys matched successfully>)
    """
    text = load_metadata(path).get(TREE)
    if text is None:
        raise CorruptFileError(f"{os.fspath(path)}: holds tensors but is no checkpoint: load it with load_file")
    with naming(os.fspath(path)):
        return decode_tree(text, load_file(path))


def decode_tree(text: str, tensors: Mapping[str, Any]) -> dict[str, Any]:
    """The nested state that a checkpoint's text and arrays make up."""
    try:
        tree = json.loads(text)
        if not isinstance(tree, dict):
            raise TypeError(f"expected a dict, got {type(tree).__name__}")
        return _decode(tree, tensors)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CorruptFileError(f"the checkpoint's tree is damaged: {error!r}") from error


def _encode(value: Any, path: str, tensors: dict[str, Any]) -> Any:
    # by exact type: an IntEnum, say, would come back as another type
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Mapping):
        items = [(key, _encode(item, f"{path}.{key}" if path else str(key), tensors)) for key, item in value.items()]
        if all(type(key) is str and not key.startswith("$") for key in value):
            return dict(items)
        for key in value:
            if type(key) not in _PLAIN:
                raise ArgumentTypeError(
                    f"save_checkpoint: {path or 'state'} has the key {key!r}, which JSON cannot hold"
                )
        return {"$items": items}
    if type(value) in (list, tuple):
        items = [_encode(item, f"{path}.{n}", tensors) for n, item in enumerate(value)]
        return items if type(value) is list else {"$tuple": items}
    if isinstance(value, (jax.Array, np.ndarray, np.generic)) or hasattr(value, "__jax_array__"):
        name = path
        while name in tensors:  # {"a.b": x, "a": {"b": y}}
            name += "'"
        tensors[name] = value
        return {"$tensor": name}
    raise ArgumentTypeError(
        f"save_checkpoint: {path} is of type {type(value).__name__}, which a checkpoint cannot hold"
    )


def _decode(tree: PyTree, tensors: Mapping[str, Any]) -> Any:
    if isinstance(tree, list):
        return [_decode(item, tensors) for item in tree]
    if not isinstance(tree, dict):
        return tree
    match tree:
        case {"$tensor": name}:
            return tensors[name]
        case {"$items": items}:
            return {key: _decode(item, tensors) for key, item in items}
        case {"$tuple": items}:
            return tuple(_decode(item, tensors) for item in items)
    return {key: _decode(item, tensors) for key, item in tree.items()}
