"""`fnn.distributed.checkpoint`, PyTorch's names of checkpoints, in one process; `ported.py` has it on eight devices.

And folders of `save_sharded` that a job of two processes leaves, read by jobs of other sizes; `resumed.py` has these.
"""

import collections
import json
from typing import Any, cast

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
import fnn.distributed.checkpoint as dcp
from fnn import nn, optim
from fnn.distributed.checkpoint import state_dict as states
from fnn.errors import ArgumentError
from tests import extent
from tests.distributed.test_distributed import run


def made(width=3, seed=0):
    fnn.manual_seed(seed)
    model = nn.Sequential(nn.Linear(2, width), nn.Linear(width, 2))
    return model, optim.AdamW(model.parameters(), lr=0.1)


def trained(model, optimizer):
    _, grads = fnn.value_and_grad(lambda model: (model(jnp.ones((4, 2))) ** 2).mean())(model)
    optimizer.step(grads)
    return model, optimizer


def same(got, want):
    for key in want:
        np.testing.assert_array_equal(got[key], want[key], err_msg=key)


class App:
    """What PyTorch's tutorial calls the state of an application."""

    def __init__(self, model, optimizer):
        self.model, self.optimizer = model, optimizer

    def state_dict(self):
        arrays, state = states.get_state_dict(self.model, self.optimizer)
        return {"model": arrays, "optim": state}

    def load_state_dict(self, state):
        states.set_state_dict(
            self.model, self.optimizer, model_state_dict=state["model"], optim_state_dict=state["optim"]
        )


def test_an_application_is_resumed(tmp_path):
    model, optimizer = trained(*made())
    dcp.save({"app": App(model, optimizer)}, checkpoint_id=tmp_path / "a")
    other, again = made(seed=1)
    dcp.load({"app": App(other, again)}, checkpoint_id=tmp_path / "a")
    same(other.state_dict(), model.state_dict())
    trained(model, optimizer)
    trained(other, again)  # with the moments of the first step
    same(other.state_dict(), model.state_dict())


def test_dicts_that_are_held_get_the_values(tmp_path):
    model, optimizer = trained(*made())
    dcp.async_save(
        {"model": model.state_dict(), "optimizer": optimizer, "epoch": 3, "best": [0.5, jnp.ones(2)]},
        storage_writer=dcp.FileSystemWriter(tmp_path / "a"),
    ).result()
    other, again = made(seed=1)
    arrays, best = other.state_dict(), [0.0, jnp.zeros(2, jnp.bfloat16)]
    state = {"model": arrays, "optimizer": again, "epoch": 0, "best": best}
    dcp.load(state, storage_reader=dcp.FileSystemReader(tmp_path / "a"))
    same(arrays, model.state_dict())
    assert state["epoch"] == 3 and best[0] == 0.5 and best[1].dtype == jnp.bfloat16 and float(best[1][0]) == 1
    assert isinstance(arrays, collections.OrderedDict)
    other.load_state_dict(arrays)
    assert again.state_dict()["state"][0]["step"] == 1


def test_a_part_of_a_checkpoint(tmp_path):
    dcp.save({"a": {"x": jnp.ones(2), "y": jnp.ones(3)}}, checkpoint_id=tmp_path / "a")
    state = {"a": {"y": np.zeros(3)}}
    dcp.load(state, checkpoint_id=tmp_path / "a")
    assert list(state["a"]) == ["y"] and state["a"]["y"].dtype == np.float64 and state["a"]["y"].sum() == 3


@pytest.mark.parametrize(
    "held, text",
    [
        ({"a": {"z": jnp.ones(2)}}, "Missing key in checkpoint state_dict: a.z"),
        ({"a": {"x": jnp.ones(3)}}, r"Size mismatch between saved \(2,\) and current: \(3,\) for a.x"),
        ({"b": 1}, "Missing key in checkpoint state_dict: b"),
    ],
)
def test_what_does_not_fit_changes_nothing(tmp_path, held, text):
    dcp.save({"a": {"x": jnp.ones(2)}}, checkpoint_id=tmp_path / "a")
    kept = jnp.zeros(2)
    state = {"first": {"x": kept}, **held}
    dcp.save({"first": {"x": jnp.ones(2)}, "a": {"x": jnp.ones(2)}}, checkpoint_id=tmp_path / "a")
    with pytest.raises(ArgumentError, match=text):
        dcp.load(state, checkpoint_id=tmp_path / "a")
    assert state["first"]["x"] is kept


def test_states_go_by_names():
    model, _ = made()
    wrapped = nn.parallel.DistributedDataParallel(model)
    model[0].bias.requires_grad_(False)
    options = states.StateDictOptions(ignore_frozen_params=True, full_state_dict=True)
    assert list(states.get_model_state_dict(wrapped, options=options)) == ["0.weight", "1.weight", "1.bias"]
    # another order of parameters, in two optimizers
    one = optim.SGD(model[1].parameters(), lr=0.1, momentum=0.9)
    two = optim.SGD([model[0].weight], lr=0.2, momentum=0.9)
    for optimizer in (one, two):
        for p in optimizer.param_groups[0]["params"]:
            p.grad = jnp.ones(p.shape)
        optimizer.step()
    state = states.get_optimizer_state_dict(wrapped, [one, two])
    assert [group["params"] for group in state["param_groups"]] == [["1.weight", "1.bias"], ["0.weight"]]
    turned = optim.SGD([model[1].bias, model[1].weight], lr=0.3, momentum=0.9)
    states.set_optimizer_state_dict(model, turned, state)
    assert turned.param_groups[0]["lr"] == 0.1
    assert turned.state_dict()["state"][0]["momentum_buffer"].shape == (2,)


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: dcp.save({}), "give a folder, checkpoint_id=..."),
        (lambda: dcp.save({}, checkpoint_id="x", planner=cast(Any, 1)), "planner must be None, got 1"),
        (lambda: dcp.save({}, storage_writer=cast(Any, "x")), "are FileSystemReader and FileSystemWriter, got 'x'"),
        (lambda: dcp.load({}, checkpoint_id="nowhere"), "there is no model.safetensors.index.json"),
        (lambda: dcp.async_save({}, checkpoint_id="x", async_stager=cast(Any, 1)), "async_stager must be None"),
        (lambda: dcp.FileSystemWriter("x", overwrite=False), "overwrite must be True"),
        (lambda: states.StateDictOptions(broadcast_from_rank0=True), "full_state_dict must be True when"),
        (lambda: states.StateDictOptions(flatten_optimizer_state_dict=True), "flatten_optimizer_state_dict must be"),
        (lambda: states.get_model_state_dict(nn.Linear(2, 2), submodules=cast(Any, {1})), "submodules must be None"),
        (
            lambda: states.get_optimizer_state_dict(nn.Linear(2, 2), made()[1]),
            r"the optimizer has a Parameter of shape \(3, 2\) that the model has not",
        ),
        (
            lambda: states.set_optimizer_state_dict(*made(), {"state": {}, "param_groups": []}),
            "the optimizer's parameter '0.weight' is in no group of the state",
        ),
    ],
)
def test_errors(call, text):
    with pytest.raises(ArgumentError, match=text):
        call()


# -- a job of two processes that is stopped, and jobs of other sizes ---------------------------------


def _job(processes, devices, *arguments):
    launcher = ("-m", "fnn.distributed.launch", "-n", str(processes)) if processes > 1 else ()
    result = run(*launcher, "-m", "tests.distributed.resumed", *arguments, JAX_NUM_CPU_DEVICES=str(devices))
    assert result.returncode == 0, result.stdout + result.stderr[-3000:]
    return result.stdout


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stopped")
    _job(2, 4, "write", str(folder))
    return folder


SIZES = [(1, 1, "replicate"), (1, 8, "fsdp"), (1, 8, "matrices"), (2, 2, "matrices"), (2, 4, "replicate")]


@pytest.mark.parametrize("processes, devices, rule", SIZES if extent.ALL else SIZES[:2])
def test_a_job_goes_on_in_another_size(stopped, processes, devices, rule):
    """Model, optimizer, loader and generators bit by bit, then the same batches and losses."""
    assert _job(processes, devices, "read", str(stopped), rule).count(f"same {rule}\n") == processes


def test_its_files_are_read_by_safetensors(stopped):
    try:
        from safetensors.torch import load_file
    except ImportError:  # without PyTorch
        from safetensors.numpy import load_file
    held = fnn.load(stopped / "truth.pt")["held"]
    want = {name.replace("/", "."): value for name, value in held.items()}
    arrays = 0
    for folder, prefix in (("model", "model."), ("whole", "")):
        found = {}
        for file in sorted((stopped / folder).glob("*.safetensors")):
            found |= load_file(file)
        index = json.loads((stopped / folder / "model.safetensors.index.json").read_text())["weight_map"]
        assert set(index) == set(found) and len(set(index.values())) > 1
        for name, got in found.items():
            value = want[prefix + name]
            if str(got.dtype) == "torch.bfloat16":  # numpy has none
                got, value = got.float(), value.astype(jnp.float32)
            np.testing.assert_array_equal(np.asarray(got), value, err_msg=name)
            arrays += name.startswith("optimizer.state.")
        assert {name.removeprefix("model.") for name in want if name.startswith("model.")} <= set(found) or not prefix
    assert arrays == 7 * 3  # what AdamW keeps of the parameters that learn
