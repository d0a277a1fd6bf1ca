"""A save that fails leaves what was there; a load that fails leaves the model as it was."""

import io
import os

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.serialization import CorruptFileError
from tests.serialization import reading

OLD = {"x": jnp.arange(3.0), "epoch": 1}
NEW = {"x": jnp.zeros(1000), "y": jnp.ones(5), "epoch": 2}


class Interrupted(BaseException):
    """Like KeyboardInterrupt: no ``except Exception`` sees it."""


def fail(*_: object, **__: object) -> None:
    raise Interrupted


def at_the_second_array(monkeypatch):
    from fnn.serialization._plan import Storage

    parts, calls = Storage.parts, []

    def failing(self):
        calls.append(self)
        if len(calls) == 2:
            raise Interrupted
        return parts(self)

    monkeypatch.setattr(Storage, "parts", failing)


def at_the_flush(monkeypatch):
    monkeypatch.setattr(os, "fsync", fail)


def at_the_replacement(monkeypatch):
    monkeypatch.setattr(os, "replace", fail)


@pytest.mark.parametrize("moment", [at_the_second_array, at_the_flush, at_the_replacement])
@pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("exists", [True, False], ids=["old file", "no file"])
def test_an_interrupted_save(tmp_path, monkeypatch, moment, new, exists):
    path = tmp_path / "f.pth"
    if exists:
        fnn.save(OLD, path, _use_new_zipfile_serialization=new)
    before = path.read_bytes() if exists else b""
    with monkeypatch.context() as patch:
        moment(patch)
        with pytest.raises(Interrupted):
            fnn.save(NEW, path, _use_new_zipfile_serialization=new)
    assert os.listdir(tmp_path) == ["f.pth"] * exists
    if exists:
        assert path.read_bytes() == before
        reading.same(fnn.load(path), OLD)
    fnn.save(NEW, path, _use_new_zipfile_serialization=new)
    reading.same(fnn.load(path), NEW)
    assert os.listdir(tmp_path) == ["f.pth"]


@pytest.mark.parametrize("name", ["f.pth", "f.safetensors"])
def test_a_value_that_cannot_be_saved_leaves_the_old_file(tmp_path, name):
    path = tmp_path / name
    fnn.save(OLD, path)
    before = path.read_bytes()
    with pytest.raises(fnn.errors.ArgumentTypeError):
        fnn.save({**NEW, "late": [object()]}, path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == [name]


def test_a_full_disk(tmp_path):
    class Full(io.BytesIO):
        def write(self, part):
            if self.tell() + len(part) > 3000:
                raise OSError(28, "No space left on device")
            return super().write(part)

    with pytest.raises(OSError, match="No space left"):
        fnn.save(NEW, Full())


def test_a_mapped_file_can_be_replaced(tmp_path):
    """The arrays that were mapped keep the old file's values, and may themselves be saved over it."""
    path = tmp_path / "f.pth"
    fnn.save(OLD, path)
    mapped = fnn.load(path, mmap=True)
    fnn.save(NEW, path)
    assert mapped["x"].tolist() == [0, 1, 2]
    mapped = fnn.load(path, mmap=True)
    fnn.save(mapped, path)
    reading.same(fnn.load(path), NEW)


@pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])
def test_a_failed_load_leaves_the_model(tmp_path, new):
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    before = {name: np.asarray(value) for name, value in model.state_dict().items()}

    def unchanged():
        for name, value in model.state_dict().items():
            np.testing.assert_array_equal(np.asarray(value), before[name])

    path = tmp_path / "f.pth"
    state = {name: jnp.asarray(value) + 1 for name, value in before.items()}
    fnn.save({**state, "1.weight": jnp.ones(4)}, path, _use_new_zipfile_serialization=new)
    with pytest.raises(RuntimeError, match=r"size mismatch for 1\.weight"):
        model.load_state_dict(fnn.load(path))
    unchanged()
    del state["0.bias"]
    fnn.save(state, path, _use_new_zipfile_serialization=new)
    with pytest.raises(RuntimeError, match=r"Missing key.*0\.bias"):
        model.load_state_dict(fnn.load(path))
    unchanged()
    content = path.read_bytes()
    path.write_bytes(content[:-10])
    with pytest.raises(CorruptFileError, match=r"f\.pth: "):
        model.load_state_dict(fnn.load(path))
    unchanged()
