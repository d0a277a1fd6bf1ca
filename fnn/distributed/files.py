"""Checkpoints in parts: a folder of safetensors files with an index, as Hugging Face has them.

    folder/model-00001-of-00002.safetensors
    folder/model-00002-of-00002.safetensors
    folder/model.safetensors.index.json

Every array stands whole in one file, whatever mesh it came from, so that any mesh, and any reader of the format, can
read it.  Each process writes some of the files; what each has for itself, the state of numpy's generator say, is saved
as process 0 has it.  The folder appears when all of it is on the disk: until then what was
there before stays, and a save that was interrupted between the two renames is put right by the next reader.

What is saved is copied to the host first; from there on a save needs no device, and the processes meet in the job's
store.  So the rest can be done in the background while the next steps run.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from fnn.distributed import progress, store
from fnn.distributed.meeting import whole
from fnn.distributed.saving import Saving
from fnn.errors import ArgumentError
from fnn.serialization import CorruptFileError, load, save_file
from fnn.serialization.atomic import beside, present, replacing_folder
from fnn.serialization.checkpoint import TREE, decode_tree, encode_tree
from fnn.serialization.shards import INDEX, SINGLE, divided, index_of, names_of_files
from fnn.state.box import Box
from fnn.tracing import is_elsewhere

__all__ = ["Saving", "load_sharded", "save_sharded"]

GIGABYTES = 5 * 10**9  # the size of a file, as Hugging Face's
PATIENCE = 1800.0  # seconds in which every process must have written its files


_last: list[Saving] = []  # the save in the background that the next one must wait for


def save_sharded(
    state: Mapping[str, Any],
    folder: str | os.PathLike[str],
    max_shard_size: int = GIGABYTES,
    *,
    background: bool = False,
) -> Saving:
    """Writes arrays that may be spread over devices and processes to a folder, whole or not at all.

    All processes must call it, with a folder that they share.

    Args:
        state: arrays by name, such as a ``state_dict``, or nested state as for `fnn.serialization.save_checkpoint`:
            ``{"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}``.
        folder: where to; one that is there is replaced.
        max_shard_size: the size of a file in bytes; only an array that is larger makes a larger file.
        background: whether the call returns as soon as the arrays are copied to the host, and a thread writes them.
            The next save waits for it, and raises what went wrong.

    Returns:
        The save, with ``wait()`` and ``done``.

    Raises:
        ArgumentTypeError: for a value that a checkpoint cannot hold.
        ArgumentError: ``folder`` is a file, ``max_shard_size`` is not positive, or another process could not write.

    Example:
        >>> import os, tempfile
        >>> import fnn
        >>> from fnn import nn
        >>> folder = os.path.join(tempfile.mkdtemp(), "checkpoint")
        >>> saving = fnn.distributed.save_sharded(nn.Linear(2, 3).state_dict(), folder)
        >>> sorted(os.listdir(folder))
        ['model-00001-of-00001.safetensors', 'model.safetensors.index.json']
    """
    if max_shard_size < 1:
        raise ArgumentError(f"save_sharded: max_shard_size must be positive, got {max_shard_size}")
    while _last:
        _last.pop().wait()
    target = Path(os.path.realpath(folder))
    if target.exists() and not target.is_dir():
        raise ArgumentError(f"save_sharded: {os.fspath(folder)!r} is a file")
    text, tensors = encode_tree(state, "save_sharded")
    sizes = {name: math.prod(np.shape(value)) * value.dtype.itemsize for name, value in tensors.items()}
    files, writers = _shared_out(sizes, {name for name, value in tensors.items() if _is_own(value)}, max_shard_size)
    token = secrets.token_hex(6)
    if jax.process_count() > 1:
        token = progress.exchanged("save_sharded", token)[0]
    held = _held(tensors, files, writers, background)
    index = index_of(files, sum(sizes.values()), **{TREE: text})
    saving = Saving(lambda: _write(target, token, held, index), background)
    if background:
        _last.append(saving)
    return saving


def _held(
    tensors: Mapping[str, Any], files: list[list[str]], writers: list[int], copied: bool
) -> dict[str, dict[str, Any]]:
    """The files of this process, with what stands in them on the host."""
    for value in tensors.values():
        array = value.data if isinstance(value, Box) else value
        if isinstance(array, jax.Array) and array.is_fully_addressable:
            array.copy_to_host_async()
    held: dict[str, dict[str, Any]] = {}
    for file, names, writer in zip(names_of_files(len(files)), files, writers, strict=True):
        mine = writer == jax.process_index()
        parts = {name: _whole(tensors[name], mine) for name in names}
        if mine:
            # On a CPU a numpy array may share its memory with the device's, which the next step gives away.
            held[file] = {k: np.array(v) for k, v in parts.items()} if copied else parts
    return held


def _write(target: Path, token: str, held: dict[str, dict[str, Any]], index: str) -> None:
    is_first = jax.process_index() == 0
    temporary = beside(target, token)
    with contextlib.ExitStack() as exchange:

        def begin() -> None:
            if is_first:
                exchange.enter_context(replacing_folder(target, token=token))

        def write() -> None:
            for name, arrays in held.items():
                save_file(arrays, temporary / name, {"format": "pt"})

        def finish() -> None:
            if is_first:
                (temporary / INDEX).write_text(index, encoding="utf-8")
                exchange.close()

        for stage, act in enumerate((begin, write, finish)):
            _together(f"save/{token}/{stage}", act)


def _together(stage: str, act: Callable[[], None]) -> None:
    """Acts, and waits until all processes have; what one could not do is an error in each."""
    if jax.process_count() == 1:
        act()
        return
    here = jax.process_index()
    try:
        act()
    except BaseException as error:
        store.put(f"{stage}/{here}", repr(error))
        raise
    store.put(f"{stage}/{here}", "")
    start = time.monotonic()
    for there in range(jax.process_count()):
        left = PATIENCE - (time.monotonic() - start)
        found, what = progress.awaited(f"{stage}/{there}", there, progress.gone, left)
        if found is None:
            raise ArgumentError(f"save_sharded: process {there} has not written its files: it {what}")
        if found:
            raise ArgumentError(f"save_sharded: process {there} could not write its files: {found}")


def _whole(value: Any, wanted: bool) -> Any:
    """An array as one; of those of all processes, each must take part, whether it wants the array or not."""
    value = value.data if isinstance(value, Box) else value
    if is_elsewhere(value):
        return whole(value)
    return whole(value) if wanted else None


def _is_own(value: Any) -> bool:
    """Whether an array is on this process's devices or its host only, so that others may hold another."""
    value = value.data if isinstance(value, Box) else value
    return not isinstance(value, jax.Array) or value.is_fully_addressable


def _shared_out(sizes: Mapping[str, int], own: set[str], most: int) -> tuple[list[list[str]], list[int]]:
    """The names in each file, of about equal size, at least one file for each process; and who writes it."""
    count = jax.process_count()
    apart = {name: sizes[name] for name in sizes if count > 1 and name in own}
    shared = {name: size for name, size in sizes.items() if name not in apart}
    total = sum(shared.values())
    number = max(1, min(len(shared), max(count, -(-total // most))))
    files = divided(shared, max(1, min(most, -(-total // number)))) if shared or not apart else []
    writers = [n % count for n in range(len(files))]
    firsts = divided(apart, most) if apart else []
    return files + firsts, writers + [0] * len(firsts)


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
        >>> saving = fnn.distributed.save_sharded({"model": model.state_dict(), "epoch": 3}, folder)
        >>> state = fnn.distributed.load_sharded(folder)
        >>> model.load_state_dict(state["model"]), state["epoch"]
        (<All keys matched successfully>, 3)
    """
    path = present(folder)
    single = path / SINGLE
    if not (path / INDEX).exists():
        if single.exists():
            return load(single, mmap=True)
        raise ArgumentError(f"load_sharded: there is no {INDEX} and no {SINGLE} in {os.fspath(folder)!r}")
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
