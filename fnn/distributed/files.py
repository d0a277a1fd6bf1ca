"""Checkpoints in parts: a folder of safetensors files with an index, as Hugging Face has them.

    folder/model-00001-of-00002.safetensors
    folder/model-00002-of-00002.safetensors
    folder/model.safetensors.index.json

Every array stands whole in one file, whatever mesh it came from, so that any mesh, and any reader of the format, can
read it.  Each process writes some of the files.  The folder appears when all of it is on the disk: until then what was
there before stays, and a save that was interrupted between the two renames is put right by the next reader.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from fnn.distributed.processes import barrier, broadcast_from, gather
from fnn.errors import ArgumentError
from fnn.serialization import CorruptFileError, load, save_file
from fnn.serialization.checkpoint import TREE, decode_tree, encode_tree
from fnn.state.box import Box

__all__ = ["load_sharded", "save_sharded"]

INDEX = "model.safetensors.index.json"
GIGABYTES = 5 * 10**9  # the size of a file, as Hugging Face's


def save_sharded(state: Mapping[str, Any], folder: str | os.PathLike[str], max_shard_size: int = GIGABYTES) -> None:
    """Writes arrays that may be spread over devices and processes to a folder, whole or not at all.

    All processes must call it, with a folder that they share.

    Args:
        state: arrays by name, such as a ``state_dict``, or nested state as for `fnn.serialization.save_checkpoint`:
            ``{"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}``.
        folder: where to; one that is there is replaced.
        max_shard_size: the size of a file in bytes; only an array that is larger makes a larger file.

    Raises:
        ArgumentTypeError: for a value that a checkpoint cannot hold.
        ArgumentError: ``folder`` is a file, or ``max_shard_size`` is not positive.

    Example:
        >>> import os, tempfile
        >>> import fnn
        >>> from fnn import nn
        >>> folder = os.path.join(tempfile.mkdtemp(), "checkpoint")
        >>> fnn.distributed.save_sharded(nn.Linear(2, 3).state_dict(), folder)
        >>> sorted(os.listdir(folder))
        ['model-00001-of-00001.safetensors', 'model.safetensors.index.json']
    """
    if max_shard_size < 1:
        raise ArgumentError(f"save_sharded: max_shard_size must be positive, got {max_shard_size}")
    target = Path(os.path.realpath(folder))
    if target.exists() and not target.is_dir():
        raise ArgumentError(f"save_sharded: {os.fspath(folder)!r} is a file")
    text, tensors = encode_tree(state, "save_sharded")
    files = _divided(tensors, max_shard_size)
    token = broadcast_from(np.frombuffer(secrets.token_bytes(6), np.uint8)).tobytes().hex()
    temporary = target.with_name(f".{target.name}.{token}.tmp")
    is_first = jax.process_index() == 0
    try:
        if is_first:
            _recover(target)
            temporary.mkdir(parents=True)
        barrier("save_sharded: the folder is made")
        for n, names in enumerate(files):
            mine = n % jax.process_count() == jax.process_index()
            held: dict[str, Any] = {}
            for name in names:
                whole = _whole(tensors[name], mine)
                if mine:
                    held[name] = whole
            if mine:
                save_file(held, temporary / _file(n, len(files)), {"format": "pt"})
        barrier("save_sharded: the files are written")
        if is_first:
            _write_index(temporary, files, tensors, text)
            _put_in_place(temporary, target)
        barrier("save_sharded: the folder is in place")
    except BaseException:
        if is_first:
            shutil.rmtree(temporary, ignore_errors=True)
        raise


def _whole(value: Any, wanted: bool) -> Any:
    """An array as one; of those of all processes, each must take part, whether it wants the array or not."""
    value = value.data if isinstance(value, Box) else value
    if isinstance(value, jax.Array) and not value.is_fully_addressable and not value.is_fully_replicated:
        return gather(value)
    return gather(value) if wanted else None


def _file(n: int, count: int) -> str:
    return f"model-{n + 1:05}-of-{count:05}.safetensors"


def _divided(tensors: Mapping[str, Any], most: int) -> list[list[str]]:
    """The names in each file: in their order, of about equal size, at least one file for each process."""
    sizes = {name: math.prod(np.shape(value)) * value.dtype.itemsize for name, value in tensors.items()}
    total = sum(sizes.values())
    count = max(1, min(len(sizes), max(jax.process_count(), -(-total // most))))
    limit = max(1, min(most, -(-total // count)))
    files: list[list[str]] = [[]]
    filled = 0
    for name, size in sizes.items():
        if files[-1] and filled + size > limit:
            files.append([])
            filled = 0
        files[-1].append(name)
        filled += size
    return files


def _write_index(folder: Path, files: list[list[str]], tensors: Mapping[str, Any], text: str) -> None:
    total = sum(math.prod(np.shape(value)) * value.dtype.itemsize for value in tensors.values())
    places = {name: _file(n, len(files)) for n, names in enumerate(files) for name in names}
    index = {"metadata": {"total_size": total, TREE: text}, "weight_map": places}
    with open(folder / INDEX, "w", encoding="utf-8") as file:
        json.dump(index, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    _flush(folder)


def _flush(folder: Path) -> None:
    """The names in a folder, to the disk."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _before(target: Path) -> Path:
    return target.with_name(f".{target.name}.before")


def _put_in_place(temporary: Path, target: Path) -> None:
    before = _before(target)
    if target.exists():
        shutil.rmtree(before, ignore_errors=True)
        os.rename(target, before)
    os.rename(temporary, target)
    _flush(target.parent)
    shutil.rmtree(before, ignore_errors=True)


def _recover(target: Path) -> None:
    """Puts right what a save left that was interrupted."""
    before = _before(target)
    if not target.exists() and before.exists():
        os.rename(before, target)
    for left in target.parent.glob(f".{target.name}.*.tmp"):
        shutil.rmtree(left, ignore_errors=True)


def load_sharded(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads what `save_sharded` or Hugging Face's libraries wrote, onto any mesh; executes nothing.

    The arrays are maps of the files, of which only what is used is ever read: ``model.load_state_dict(...)`` and
    ``optimizer.load_state_dict(...)`` put each where its parameter is spread.

    Args:
        folder: with an index, or with one file ``model.safetensors``.

    Returns:
        The state, its arrays as read-only numpy arrays.

    Raises:
        ArgumentError: there is no checkpoint.
        CorruptFileError: a file is damaged, or the index names what no file has.

    Example:
        >>> import os, tempfile
        >>> import fnn
        >>> from fnn import nn
        >>> model, folder = nn.Linear(2, 3), os.path.join(tempfile.mkdtemp(), "checkpoint")
        >>> fnn.distributed.save_sharded({"model": model.state_dict(), "epoch": 3}, folder)
        >>> state = fnn.distributed.load_sharded(folder)
        >>> model.load_state_dict(state["model"]), state["epoch"]
        (<All keys matched successfully>, 3)
    """
    path = Path(os.path.realpath(folder))
    if not path.exists() and _before(path).exists():
        path = _before(path)
    single = path / "model.safetensors"
    if not (path / INDEX).exists():
        if single.exists():
            return load(single, mmap=True)
        raise ArgumentError(f"load_sharded: there is no {INDEX} and no model.safetensors in {os.fspath(folder)!r}")
    try:
        with open(path / INDEX, encoding="utf-8") as file:
            index = json.load(file)
        places, text = dict(index["weight_map"]), index.get("metadata", {}).get(TREE)
        names = dict.fromkeys(places.values())
        if any(Path(name).name != name for name in names):
            raise ValueError("a file outside of the folder")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CorruptFileError(f"{path / INDEX}: not an index of safetensors files: {error!r}") from error
    arrays: dict[str, Any] = {}
    for name in names:
        if not (path / name).exists():
            raise CorruptFileError(f"{path / INDEX}: names {name}, which is not there")
        arrays |= load(path / name, mmap=True)
    missing = [name for name in places if name not in arrays]
    if missing:
        raise CorruptFileError(f"{path / INDEX}: names {missing[0]!r}, which {places[missing[0]]} does not have")
    return decode_tree(text, arrays) if isinstance(text, str) else {name: arrays[name] for name in places}
