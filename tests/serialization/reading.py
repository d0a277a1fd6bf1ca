"""Compares what `fnn.load` reads with what was expected when the file was written; needs no PyTorch.

``python -m tests.serialization.reading FOLDER NAME...`` does so for files of `written_by_torch.write`, in a process
in which PyTorch cannot be imported.
"""

import json
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental import sparse

import fnn
from fnn import nn

HOST = ('/"numpy\'s"', "/'sparse'")  # comes as numpy's arrays, or is made one by `flatten`
RECORDED = Path(__file__).parent / "recorded"


def flatten(tree: Any, path: str = "") -> dict[str, Any]:
    """Every value by its place: arrays as they are, containers by the name of their type, all else as text."""
    if isinstance(tree, nn.Parameter):
        return {f"{path} box": f"Parameter {tree.requires_grad}", path: tree.data}
    if isinstance(tree, nn.Buffer):
        return {f"{path} box": f"Buffer {tree.persistent}", path: tree.data}
    if isinstance(tree, (jax.Array, np.ndarray)):
        return {path: tree}
    if isinstance(tree, np.generic):
        return {path: np.asarray(tree)}
    if isinstance(tree, sparse.BCOO):
        return {path: dense(tree)}
    if isinstance(tree, jax.ShapeDtypeStruct):
        return {path: f"meta {tree.dtype} {tree.shape}"}
    if isinstance(tree, (dict, list, tuple)):
        found: dict[str, Any] = {path: type(tree).__name__}
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            found |= flatten(value, f"{path}/{key!r}")
        if isinstance(tree, OrderedDict) and vars(tree):
            found |= flatten(vars(tree), f"{path}.attributes")
        return found
    if isinstance(tree, np.dtype):
        return {path: f"dtype {tree}"}
    assert tree is None or type(tree) in (bool, int, float, complex, str, bytes, bytearray, set, frozenset), type(tree)
    return {path: repr(tree)}


def dense(array: sparse.BCOO) -> np.ndarray:
    """A sparse array's values; by numpy, which compiles nothing."""
    assert array.n_batch == 0
    found = np.zeros(array.shape, array.dtype)
    np.add.at(found, tuple(np.asarray(array.indices).T), np.asarray(array.data))
    return found


def same(found: Any, expected: Any, where: str = "") -> None:
    """Asserts that two trees are alike to the last bit, kinds of arrays aside."""
    ours, theirs = flatten(found), flatten(expected)
    assert list(ours) == list(theirs), where
    for path, value in theirs.items():
        if isinstance(value, (jax.Array, np.ndarray)):
            same_array(ours[path], np.asarray(value), f"{where}{path}")
        else:
            assert ours[path] == value, (where, path, ours[path], value)


def same_array(found: Any, expected: np.ndarray, where: str) -> None:
    """Asserts dtype, shape and bits."""
    assert isinstance(found, (jax.Array, np.ndarray)), (where, found)
    assert found.dtype == expected.dtype and found.shape == expected.shape, (where, found.dtype, found.shape)
    assert np.asarray(found).tobytes() == expected.tobytes(), (where, found, expected)


def expected(folder: Path, name: str) -> dict[str, Any]:
    """What `written_by_torch.write` wrote beside the files."""
    found: dict[str, Any] = {}
    for path, value in json.loads((folder / f"{name}.json").read_text(encoding="utf-8")):
        if isinstance(value, list):
            dtype, shape, bits = value
            value = np.frombuffer(bytes.fromhex(bits), np.dtype(dtype)).reshape(shape)
        found[path] = value
    return found


def check(folder: Path, name: str) -> int:
    """Asserts that both formats, read and mapped, hold what is expected; returns how many values that is."""
    wanted = expected(folder, name)
    for form, mapped in (("zip", False), ("zip", True), ("legacy", False)):
        found = flatten(fnn.load(folder / f"{name}.{form}.pth", mmap=mapped))
        where = f"{form}, {'mapped' if mapped else 'read'}: "
        boxes = {path for path in wanted if path.endswith(" box")} if mapped else set()
        assert list(found) == [path for path in wanted if path not in boxes], where
        for path, value in found.items():
            if not isinstance(wanted[path], np.ndarray):
                assert value == wanted[path], (where, path, value)
                continue
            same_array(value, wanted[path], where + path)
            if not mapped and not path.startswith(HOST):
                wide = np.asarray(value).dtype.name in ("int64", "uint64", "float64", "complex128")
                kind = np.ndarray if wide and not jax.config.jax_enable_x64 else jax.Array  # pyright: ignore
                assert isinstance(value, kind), (where, path, type(value))
    return len(wanted)


def main() -> None:
    """Checks the files that the command line names."""
    try:
        import torch
    except ImportError:
        pass
    else:
        raise AssertionError(f"PyTorch can be imported: {torch}")
    folder, *names = sys.argv[1:]
    count = sum(check(Path(folder), name) for name in names)
    with jax.enable_x64(True):
        count += sum(check(Path(folder), name) for name in names)
    print(count)


if __name__ == "__main__":
    main()
