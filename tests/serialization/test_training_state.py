"""The whole state of a training, from fnn to PyTorch, through a step there, and back."""

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from tests.serialization import reading

# no bias before BatchNorm: its gradient is nothing but rounding, which Adam would blow up
INPUT = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
OPTIMIZERS = {
    "Adam": {"lr": 0.05, "weight_decay": 0.01, "amsgrad": True},
    "AdamW": {"lr": 0.05},
    "SGD": {"lr": 0.05, "momentum": 0.9, "nesterov": True},
    "RMSprop": {"lr": 0.05, "momentum": 0.5, "centered": True},
}


class Ours:
    """A model, its optimizer and its scheduler here."""

    def __init__(self, name: str) -> None:
        self.model = nn.Sequential(nn.Linear(3, 4, bias=False), nn.BatchNorm1d(4), nn.Linear(4, 2))
        self.optimizer = getattr(fnn.optim, name)(self.model.parameters(), **OPTIMIZERS[name])
        self.scheduler = fnn.optim.lr_scheduler.StepLR(self.optimizer, 2, gamma=0.5)

    def step(self) -> float:
        value, gradients = fnn.value_and_grad(lambda model: (model(jnp.asarray(INPUT)) ** 2).mean())(self.model)
        self.optimizer.step(gradients)
        self.scheduler.step()
        return float(value)

    parts = ("model", "optimizer", "scheduler")

    def state(self) -> dict:
        return {part: getattr(self, part).state_dict() for part in self.parts}

    def restore(self, state: dict) -> None:
        for part in self.parts:
            getattr(self, part).load_state_dict(state[part])


class Theirs(Ours):
    """The same in PyTorch."""

    def __init__(self, name: str) -> None:
        import torch

        self.model = torch.nn.Sequential(
            torch.nn.Linear(3, 4, bias=False), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2)
        )
        self.optimizer = getattr(torch.optim, name)(self.model.parameters(), **OPTIMIZERS[name])
        self.scheduler = torch.optim.lr_scheduler.StepLR(self.optimizer, 2, gamma=0.5)

    def step(self) -> float:
        import torch

        self.optimizer.zero_grad()
        value = (self.model(torch.tensor(INPUT)) ** 2).mean()
        value.backward()
        self.optimizer.step()
        self.scheduler.step()
        return float(value.detach())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_there_and_back(tmp_path, name):
    torch = pytest.importorskip("torch")
    new = name != "SGD"  # one of them in the legacy format
    ours, theirs, back = Ours(name), Theirs(name), Ours(name)
    ours.step()
    fnn.save({**ours.state(), "epoch": 1, "rng": fnn.get_rng_state()}, tmp_path / "a",
             _use_new_zipfile_serialization=new)  # fmt: skip
    there = torch.load(tmp_path / "a", weights_only=True)
    theirs.step()  # so that PyTorch's optimizer has state of its own, to be replaced
    theirs.restore(there)
    assert there["epoch"] == 1
    for _ in range(2):
        np.testing.assert_allclose(theirs.step(), ours.step(), rtol=1e-5)
    torch.save({**theirs.state(), "epoch": 3, "rng": there["rng"]}, tmp_path / "b", _use_new_zipfile_serialization=new)
    found = fnn.load(tmp_path / "b")
    back.restore(found)
    assert found["epoch"] == 3
    assert back.scheduler.last_epoch == ours.scheduler.last_epoch == 3
    assert back.optimizer.param_groups[0]["lr"] == pytest.approx(0.025)
    for _ in range(2):
        np.testing.assert_allclose(back.step(), ours.step(), rtol=1e-4)
    for (key, value), other in zip(back.model.state_dict().items(), ours.model.state_dict().values(), strict=True):
        np.testing.assert_allclose(np.asarray(value), np.asarray(other), rtol=1e-4, atol=1e-6, err_msg=key)


@pytest.mark.parametrize("file", ["f.pth", "f.safetensors"])
def test_a_training_goes_on_bit_for_bit(tmp_path, file):
    ours, again = Ours("Adam"), Ours("Adam")
    ours.step()
    fnn.save({**ours.state(), "rng": fnn.get_rng_state()}, tmp_path / file)
    expected = fnn.rand(4)
    found = fnn.load(tmp_path / file)
    again.restore(found)
    fnn.set_rng_state(found["rng"])
    np.testing.assert_array_equal(fnn.rand(4), expected)
    assert [again.step(), again.step()] == [ours.step(), ours.step()]
    reading.same(again.model.state_dict(), ours.model.state_dict())


def test_the_rng_state_of_torch_goes_on(tmp_path):
    """PyTorch's own generator continues here, after a file of PyTorch."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(3)
    torch.rand(5)
    torch.save(torch.get_rng_state(), tmp_path / "rng")
    fnn.set_rng_state(fnn.load(tmp_path / "rng"))
    np.testing.assert_array_equal(fnn.rand(6), torch.rand(6).numpy())
    fnn.save(fnn.get_rng_state(), tmp_path / "rng")
    torch.set_rng_state(torch.load(tmp_path / "rng", weights_only=True))
    np.testing.assert_array_equal(fnn.rand(6), torch.rand(6).numpy())
