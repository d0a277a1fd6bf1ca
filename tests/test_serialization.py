"""Files survive what happens to files: crashes in the middle, damage, hostile content."""

import json
import os
import pickle
import stat
import struct
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.serialization import CorruptFileError, load_checkpoint, load_file, save_checkpoint, save_file
from fnn.serialization import safetensors as fnn_safetensors

DTYPES = ["bool", "uint8", "int8", "int16", "uint16", "int32", "uint32", "float16", "bfloat16", "float32", "complex64"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.safetensors"


def raw(header: dict, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


# -- safetensors ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [*DTYPES, "float8_e4m3fn", "float8_e5m2"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3)])
def test_round_trip(path, dtype, shape):
    array = jnp.asarray(np.arange(np.prod(shape)).reshape(shape) % 2, dtype)
    save_file({"x": array}, path)
    (loaded,) = load_file(path).values()
    assert isinstance(loaded, jax.Array) and loaded.dtype == dtype
    np.testing.assert_array_equal(loaded, array)


def test_numpy_views_are_stored_in_order(path):
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    save_file({"t": x.T, "step": x[:, ::2], "big": x.astype(">f4")}, path)
    loaded = load_file(path)
    np.testing.assert_array_equal(loaded["t"], x.T)
    np.testing.assert_array_equal(loaded["step"], x[:, ::2])
    np.testing.assert_array_equal(loaded["big"], x)


def test_pytorch_reads_it_and_is_read(path):
    torch = pytest.importorskip("torch")
    from safetensors import torch as theirs

    save_file({"w": jnp.asarray([[1.5, -2.0]], jnp.bfloat16)}, path)
    assert torch.equal(theirs.load_file(path)["w"], torch.tensor([[1.5, -2.0]], dtype=torch.bfloat16))
    theirs.save_file({"w": torch.tensor([0.1], dtype=torch.bfloat16), "steps": torch.tensor(7)}, path)
    loaded = load_file(path)
    assert loaded["w"].dtype == jnp.bfloat16 and float(loaded["w"][0]) == float(jnp.bfloat16(0.1))
    assert loaded["steps"] == 7


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(3, 2)
        self.head = nn.Linear(2, 3)
        self.head.weight = self.embedding.weight


@pytest.mark.parametrize("load", [load_file, fnn.load], ids=["load_file", "fnn.load"])
def test_tied_weights_that_are_stored_once_come_under_each_name(path, load):
    text = {"format": "pt", "head.weight": "embedding.weight", "author": "nobody"}
    weight, bias = np.arange(6, dtype=np.float32).reshape(3, 2), np.ones(3, np.float32)
    save_file({"embedding.weight": weight, "head.bias": bias}, path, text)
    state = load(path)
    assert list(state) == ["embedding.weight", "head.bias", "head.weight"]
    assert state["head.weight"] is state["embedding.weight"]
    model = Tied()
    model.load_state_dict(state)
    assert model.head.weight is model.embedding.weight
    np.testing.assert_array_equal(model.head.weight, weight)


def test_text_that_names_a_stored_array_renames_nothing(path):
    save_file({"a": np.zeros(1), "b": np.ones(1, np.float32)}, path, {"a": "b"})
    assert [value.sum() for value in fnn.load(path).values()] == [0, 1]


def test_tied_weights_as_safetensors_itself_stores_them(path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_model

    embedding, head = torch.nn.Embedding(3, 2), torch.nn.Linear(2, 3)
    head.weight = embedding.weight
    save_model(torch.nn.ModuleDict({"embedding": embedding, "head": head}), str(path))
    model = Tied()
    model.load_state_dict(fnn.load(path))
    np.testing.assert_array_equal(model.head.weight, head.weight.detach().numpy())
    np.testing.assert_array_equal(model.head.bias, head.bias.detach().numpy())


def test_wide_numbers_never_lose_digits_silently(path):
    save_file({"n": np.array([1, 2**31 - 1])}, path)
    assert load_file(path)["n"].tolist() == [1, 2**31 - 1]
    if jax.config.jax_enable_x64:
        return
    save_file({"n": np.array([2**31])}, path)
    with pytest.raises(ArgumentError, match=r"file\.safetensors: 'n': dtype=int64 needs 64-bit mode"):
        load_file(path)
    save_file({"x": np.array([0.1])}, path)
    with pytest.raises(ArgumentError, match=r"'x': dtype=float64 needs 64-bit mode"):
        load_file(path)
    with jax.enable_x64(True):
        assert load_file(path)["x"].dtype == np.float64


def test_metadata(path):
    save_file({}, path, {"format": "pt"})
    assert load_file(path) == {} and fnn_safetensors.load_metadata(path) == {"format": "pt"}
    save_file({"x": jnp.zeros(1)}, path)
    assert fnn_safetensors.load_metadata(path) == {}


@pytest.mark.parametrize(
    ("tensors", "metadata", "error", "message"),
    [
        ({1: np.zeros(1)}, None, ArgumentTypeError, "the name of an array must be a str, got 1"),
        ({"x": "text"}, None, ArgumentTypeError, "argument 'x' must be an array, got 'text'"),
        ({"x": np.zeros(1, "complex128")}, None, ArgumentError, r"tensors\['x'\] has dtype complex128"),
        ({"x": np.array(["a"])}, None, ArgumentError, r"tensors\['x'\] has dtype <U1"),
        ({}, {"epoch": 3}, ArgumentTypeError, "metadata must be text by name, got 'epoch': 3"),
    ],
)
def test_what_cannot_be_saved_is_refused_and_nothing_is_written(path, tensors, metadata, error, message):
    with pytest.raises(error, match=message):
        save_file(tensors, path, metadata)
    assert os.listdir(path.parent) == []


def test_a_missing_library_names_the_extra(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(ImportError, match=r'pip install "fnn\[examples\]"'):
        save_file({}, path)


# -- atomicity --------------------------------------------------------------------------------------


def break_replace(monkeypatch):
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))


def break_flush(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk failed")))


def break_write(monkeypatch):
    import safetensors.numpy

    def half(tensors, file, metadata):
        with open(file, "wb") as out:
            out.write(b"half a head")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(safetensors.numpy, "save_file", half)


@pytest.mark.parametrize("break_it", [break_replace, break_flush, break_write])
def test_an_interrupted_save_leaves_the_old_file_whole(path, monkeypatch, break_it):
    save_file({"x": jnp.ones(3)}, path)
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        break_it(patch)
        with pytest.raises((OSError, KeyboardInterrupt)):
            save_file({"x": jnp.zeros(1000)}, path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]
    save_file({"x": jnp.zeros(2)}, path)
    assert load_file(path)["x"].shape == (2,)


def test_a_killed_save_leaves_the_old_file_whole(path):
    import subprocess

    save_file({"x": jnp.ones(3)}, path)
    before = path.read_bytes()
    program = (
        "import os, sys, signal, numpy as np\n"
        "from fnn.serialization import save_file\n"
        "os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "save_file({'x': np.zeros(10, np.float32)}, sys.argv[1])\n"
    )
    done = subprocess.run([sys.executable, "-c", program, path])
    assert done.returncode == -9
    assert path.read_bytes() == before


def test_permissions_are_kept(path):
    old = os.umask(0o027)
    try:
        save_file({"x": jnp.ones(1)}, path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        save_file({"x": jnp.ones(2)}, path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
    finally:
        os.umask(old)


def test_a_link_stays_a_link(path):
    link = path.with_name("latest")
    link.symlink_to(path)
    save_file({"x": jnp.ones(1)}, link)
    assert link.is_symlink() and load_file(path)["x"].tolist() == [1]


def test_a_missing_folder_is_named(path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        save_file({}, path.parent / "nowhere" / "x")


# -- damage and malice ------------------------------------------------------------------------------

ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
DAMAGED = {
    "empty": b"",
    "short": b"\x01\x02",
    "a pickle": pickle.dumps({"weight": print}),
    "header longer than the file": struct.pack("<Q", 1 << 40) + b"{}",
    "header of 2**63": struct.pack("<Q", 1 << 63) + b"{}",
    "not JSON": raw(b"{nonsense"),
    "not an object": raw(b"[1, 2]"),
    "deeply nested": raw(b"[" * 100_000),
    "data cut short": raw({"x": ENTRY}, b"\0" * 7),
    "data too long": raw({"x": ENTRY}, b"\0" * 9),
    "offsets beyond the end": raw({"x": ENTRY | {"data_offsets": [8, 16]}}, b"\0" * 8),
    "offsets reversed": raw({"x": ENTRY | {"data_offsets": [8, 0]}}, b"\0" * 8),
    "negative offsets": raw({"x": ENTRY | {"data_offsets": [-8, 0]}}, b"\0" * 8),
    "overlapping arrays": raw({"x": ENTRY, "y": ENTRY}, b"\0" * 8),
    "shape that overflows": raw({"x": ENTRY | {"shape": [1 << 62, 1 << 62]}}, b"\0" * 8),
    "shape that does not fit": raw({"x": ENTRY | {"shape": [3]}}, b"\0" * 8),
    "unknown dtype": raw({"x": ENTRY | {"dtype": "F31"}}, b"\0" * 8),
    "entry without shape": raw({"x": {"dtype": "F32", "data_offsets": [0, 8]}}, b"\0" * 8),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
@pytest.mark.parametrize("load", [load_file, load_checkpoint])
def test_a_damaged_file_is_refused_by_name(path, content, load):
    path.write_bytes(content)
    with pytest.raises(CorruptFileError, match=r"file\.safetensors: not a whole safetensors file"):
        load(path)


def test_every_cut_is_noticed(path):
    save_checkpoint({"w": jnp.arange(4.0), "n": 1}, path)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(CorruptFileError):
            load_checkpoint(path)


def test_a_missing_file_is_named(path):
    with pytest.raises(FileNotFoundError, match=r"file\.safetensors"):
        load_file(path)
    with pytest.raises(FileNotFoundError, match=r"file\.safetensors"):
        load_checkpoint(path)


# -- checkpoints --------------------------------------------------------------------------------------


def same(a, b) -> None:
    if isinstance(b, (jax.Array, np.ndarray)):
        assert isinstance(a, jax.Array) and a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
        return
    assert type(a) is type(b)
    if isinstance(b, dict):
        assert list(a) == list(b)
        same(list(a.values()), list(b.values()))
    elif isinstance(b, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
    else:
        assert a == b


def test_nested_state_comes_back_as_it_was(path):
    state = {
        "model": {"conv.weight": jnp.ones((2, 3), jnp.bfloat16), "steps": jnp.int32(4)},
        "optimizer": {
            "state": {0: {"momentum_buffer": jnp.arange(3.0)}, 1: {}},
            "param_groups": [{"lr": 0.1, "betas": (0.9, 0.999), "params": [0, 1], "nesterov": False, "foreach": None}],
        },
        "rng": np.arange(5056, dtype=np.uint8),
        "best": float("-inf"),
        "name": "naïve",
        "$odd": {"$tensor": "conv"},
        "empty": {"a": {}, "b": [], "c": ()},
        2**70: [True, 1, 1.0],
    }
    save_checkpoint(state, path)
    loaded = load_checkpoint(path)
    same(loaded, state)
    assert list(loaded["optimizer"]["state"]) == [0, 1]
    assert "model.conv.weight" in load_file(path)


def test_names_that_meet_are_kept_apart(path):
    state = {"a.b": jnp.zeros(1), "a": {"b": jnp.ones(1)}}
    save_checkpoint(state, path)
    same(load_checkpoint(path), state)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ([1], "state must be a dict, got list"),
        ({"model": {"f": len}}, "model.f is of type builtin_function_or_method"),
        ({"a": [1, {"b": b"bytes"}]}, "a.1.b is of type bytes"),
        ({"a": {(1, 2): 3}}, r"a has the key \(1, 2\)"),
    ],
)
def test_what_a_checkpoint_cannot_hold_is_named(path, state, message):
    with pytest.raises(ArgumentTypeError, match=message):
        save_checkpoint(state, path)
    assert not path.exists()


def test_plain_tensors_are_no_checkpoint(path):
    save_file({"x": jnp.zeros(1)}, path)
    with pytest.raises(CorruptFileError, match=r"file\.safetensors: holds tensors but is no checkpoint"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    "tree", ["{", '{"$tensor": "gone"}', '{"$tensor": []}', '{"$items": 3}', "[" * 100_000, '"text"']
)
def test_a_damaged_tree_is_refused(path, tree):
    save_file({"x": jnp.zeros(1)}, path, {"fnn.checkpoint": tree})
    with pytest.raises(CorruptFileError, match=r"file\.safetensors: the checkpoint's tree is damaged"):
        load_checkpoint(path)
