"""Weights from files into a model, and back.

First the names and shapes of all files are compared with the model's, and every difference is reported at once; then
the files are read one after the other, each array copied into its place before the next is looked at.  So besides the
weights no more than one file and one array are in memory.
"""

from __future__ import annotations

import contextlib
import fnmatch
import json
import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from fnn import random
from fnn.distributed import distribute, gather
from fnn.dtypes import canonical
from fnn.errors import ArgumentTypeError, StateDictError
from fnn.serialization import save_file
from fnn.serialization.atomic import replacing_folder
from fnn.serialization.shards import INDEX, SINGLE, divided, index_of, names_of_files
from fnn.state.box import Box
from fnn.state.layout import placed
from fnn.text._folders import mapped, weight_names
from fnn.text._heads import initialise
from fnn.typing import DType

# What BERT's first files call the parameters of norms.
_FIRST_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
_ALIGNMENT = 64  # JAX's CPU backend takes memory over without a copy where it is aligned so


def load_folder(model: Any, folder: Path, dtype: DType | None, mesh: Mesh | None, rule: Any, strict: bool) -> None:
    """Fills a model from a folder's files; see `PreTrainedModel.from_pretrained`."""
    wanted = _floating(dtype, type(model).__name__)
    boxes = boxes_of(model)
    names = weight_names(folder)
    shapes = {name: tuple(array.shape) for arrays in mapped(folder, names) for name, array in arrays.items()}
    targets = _targets(model, boxes, shapes)
    missing = _compared(model, boxes, shapes, targets, strict)
    if mesh is not None:
        distribute(model, mesh, rule)
    filled: dict[int, str] = {}
    for arrays in mapped(folder, names):
        for name in list(arrays):
            array, target = arrays.pop(name), targets.get(name)
            if target is not None:
                _fill(boxes[target], array, wanted, target, filled)
            del array  # the last view of a file keeps it mapped
    if missing:
        absent = {id(boxes[name]) for name in missing}
        initialise(model, float(getattr(model.config, model.weight_std, 0.02)), absent)
        for name in missing:
            if wanted is not None and jnp.issubdtype(boxes[name].dtype, jnp.floating):
                boxes[name].data = boxes[name].data.astype(wanted)


def boxes_of(model: Any) -> dict[str, Box]:
    """The boxes of a ``state_dict``, by name; tied ones by each of their names."""
    return {name: box for name, box in model.state_dict(keep_vars=True).items() if isinstance(box, Box)}


def _floating(dtype: DType | None, what: str) -> np.dtype | None:
    if dtype is None:
        return None
    wanted = np.dtype(canonical(jnp.dtype(dtype), f"{what}.from_pretrained: dtype: "))
    if not jnp.issubdtype(wanted, jnp.floating):
        raise ArgumentTypeError(f"{what}.from_pretrained: dtype must be floating, got {wanted}")
    return wanted


def _targets(model: Any, boxes: dict[str, Box], found: Iterable[str]) -> dict[str, str]:
    """The model's name for each name in the files that is its own.

    It is the same name, but that a model and its head may be in files without each other: then all names lack the
    attribute under which the head has the model, or have it.
    """
    names = {name: name for name in found}
    for name in names:
        for first, present in _FIRST_NAMES.items():
            if name.endswith(first):
                names[name] = name.removesuffix(first) + present
    prefix = f"{model.base_model_prefix}." if model.base_model_prefix else ""
    if prefix:
        headed, stored = (any(n.startswith(prefix) for n in some) for some in (boxes, names.values()))
        if headed and not stored:
            names = {n: prefix + own if prefix + own in boxes else own for n, own in names.items()}
        elif stored and not headed:
            names = {n: own.removeprefix(prefix) for n, own in names.items()}
    return {name: own for name, own in names.items() if own in boxes}


def _compared(
    model: Any, boxes: dict[str, Box], shapes: dict[str, tuple[int, ...]], targets: dict[str, str], strict: bool
) -> list[str]:
    """What is missing; raises, or if not ``strict`` warns, of what does not fit."""
    there = {id(boxes[own]) for own in targets.values()}
    missing = [name for name, box in boxes.items() if id(box) not in there]
    obsolete = model.obsolete
    unexpected = [name for name in shapes if name not in targets and not name.endswith(obsolete or ("\0",))]
    wrong = [
        f"size mismatch for {name}: copying a param with shape {shapes[name]} from checkpoint, the shape in current "
        f"model is {tuple(boxes[own].shape)}."
        for name, own in targets.items()
        if shapes[name] != tuple(boxes[own].shape)
    ]
    keys = []
    if missing:
        keys.append(f"Missing key(s) in state_dict: {_quoted(missing)}. ")
    if unexpected:
        keys.append(f"Unexpected key(s) in state_dict: {_quoted(unexpected)}. ")
    what = type(model).__name__
    if wrong or (keys and strict):
        hint = "" if wrong else "\n\tfrom_pretrained(..., strict=False) loads what there is."
        raise StateDictError(f"Error(s) in loading state_dict for {what}:\n\t" + "\n\t".join(keys + wrong) + hint)
    if keys:
        warnings.warn(f"{what}.from_pretrained: " + "\n\t".join(keys), UserWarning, stacklevel=4)
    return missing


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _fill(box: Box, array: np.ndarray, wanted: np.dtype | None, name: str, filled: dict[int, str]) -> None:
    floating = jnp.issubdtype(array.dtype, jnp.floating)
    host = _copied(array, wanted if floating and wanted is not None else canonical(array.dtype, f"{name}: "))
    if id(box) in filled:
        if not np.array_equal(np.asarray(box.data), host, equal_nan=bool(floating)):
            raise StateDictError(
                f"{name!r} and {filled[id(box)]!r} differ in the files, but the configuration ties them: read them "
                "with a configuration whose tie_word_embeddings is False"
            )
        return
    filled[id(box)] = name
    layout = box._layout
    box.data = random.on_device(host) if layout is None else placed(host, layout.sharding)
    jax.block_until_ready(box.data)


def _copied(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """An array of its own, so that the file can be closed, in memory that JAX takes over."""
    memory = np.empty(array.size * dtype.itemsize + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    copy = memory[start : start + array.size * dtype.itemsize].view(dtype).reshape(array.shape)
    np.copyto(copy, array, casting="unsafe")
    return copy


def save_folder(model: Any, folder: str | os.PathLike[str], most: int) -> None:
    """Writes a model's configuration and weights; see `PreTrainedModel.save_pretrained`."""
    tensors: dict[str, Any] = {}
    seen: set[int] = set()
    for name, box in boxes_of(model).items():
        if id(box) not in seen:  # of tied ones the first, as transformers does
            seen.add(id(box))
            tensors[name] = box._value
    parts = divided({name: value.nbytes for name, value in tensors.items()}, most)
    files = [SINGLE] if len(parts) == 1 else names_of_files(len(parts))
    first = jax.process_index() == 0
    # What else is in the folder, such as a tokenizer, stays.
    with replacing_folder(folder, _is_no_weight) if first else contextlib.nullcontext(Path()) as path:
        for file, names in zip(files, parts, strict=True):
            held = {name: _whole(tensors[name]) for name in names}  # by all processes
            if first:
                save_file(held, path / file, {"format": "pt"})
        if first:
            _write_texts(path, model, tensors, parts)


def _is_no_weight(name: str) -> bool:
    return not fnmatch.fnmatch(name, "model*.safetensors*")


def _write_texts(path: Path, model: Any, tensors: dict[str, Any], parts: list[list[str]]) -> None:
    """The index, if there are several files, and the configuration."""
    if len(parts) > 1:
        total = sum(value.nbytes for value in tensors.values())
        (path / INDEX).write_text(index_of(parts, total), encoding="utf-8")
    content = model.config.to_dict()
    floating = [value.dtype for value in tensors.values() if jnp.issubdtype(value.dtype, jnp.floating)]
    content |= {"architectures": [type(model).__name__], "dtype": str(floating[0]) if floating else "float32"}
    content.pop("torch_dtype", None)
    (path / "config.json").write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _whole(value: Any) -> Any:
    if isinstance(value, jax.Array) and not value.is_fully_addressable and not value.is_fully_replicated:
        return gather(value)
    return value
