"""`fnn.load` reads what ``torch.save`` writes, and does not need PyTorch to do so."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import fnn
from tests.serialization import reading

ROOT = Path(__file__).parents[2]


def test_recorded_files():
    assert reading.check(reading.RECORDED, "objects") > 100


def test_what_is_the_same_view_is_the_same_array():
    found = fnn.load(reading.RECORDED / "objects.zip.pth", mmap=True)["dense"]["views"]
    assert np.shares_memory(found[0], found[1]) and np.shares_memory(found[0], found[2])
    assert not found[0].flags.writeable


def test_without_torch(tmp_path):
    pytest.importorskip("torch")
    from tests.serialization import written_by_torch

    written_by_torch.write(written_by_torch.objects(), tmp_path, "objects")
    written_by_torch.write(written_by_torch.training(), tmp_path, "training")
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "torch.py").write_text("raise ImportError('there is no torch here')\n")
    done = subprocess.run(
        [sys.executable, "-m", "tests.serialization.reading", str(tmp_path), "objects", "training"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(blocked), str(ROOT)])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 1000


@pytest.mark.parametrize("legacy", [False, True])
def test_tied_tensors_and_tied_parameters(tmp_path, legacy):
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    model[1].weight = model[0].weight
    torch.save({"state": model.state_dict(), "p": [model[0].weight, model[1].weight]}, tmp_path / "f",
               _use_new_zipfile_serialization=not legacy)  # fmt: skip
    found = fnn.load(tmp_path / "f")
    assert found["state"]["0.weight"] is found["state"]["1.weight"]
    assert found["p"][0] is found["p"][1]
    np.testing.assert_array_equal(found["p"][0].data, model[0].weight.detach().numpy())


def test_several_saves_in_one_file(tmp_path):
    torch = pytest.importorskip("torch")
    with open(tmp_path / "f", "wb") as file:
        for n in range(3):
            torch.save({"n": n, "x": torch.full((2,), float(n))}, file, _use_new_zipfile_serialization=False)
    with open(tmp_path / "f", "rb") as file:
        for n in range(3):
            found = fnn.load(file)
            assert found["n"] == n and found["x"].tolist() == [n, n]


def test_where_the_arrays_go():
    path = reading.RECORDED / "objects.zip.pth"
    (cpu,) = jax.devices("cpu")[:1]
    calls = []

    def choose(storage, location):
        calls.append((location, storage.nbytes))
        return storage

    for map_location in ("cpu", cpu, {"cpu": "cpu"}, choose, lambda storage, _: storage.cpu()):
        found = fnn.load(path, map_location)
        assert found["dense"]["contiguous"].devices() == {cpu}
        reading.same(found, fnn.load(path))
    assert ("cpu", 96) in calls
    with pytest.raises(fnn.errors.ArgumentTypeError, match="map_location must be None, a device"):
        fnn.load(path, 1.5)


def test_a_model_takes_the_loaded_state(tmp_path):
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3), torch.nn.PReLU())
    torch.save(theirs.state_dict(), tmp_path / "f")
    ours = fnn.nn.Sequential(fnn.nn.Conv2d(2, 3, 3), fnn.nn.BatchNorm2d(3), fnn.nn.PReLU())
    ours.load_state_dict(fnn.load(tmp_path / "f"))
    for name, value in theirs.state_dict().items():
        np.testing.assert_array_equal(np.asarray(ours.state_dict()[name]), value.numpy())
