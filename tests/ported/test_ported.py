"""A script that was ported from PyTorch gives PyTorch's losses, at each of fifty or a hundred steps."""

from importlib.util import find_spec

import numpy as np
import pytest

from tests import extent, recorded
from tests.ported import curves, mlp_fnn

CLOSE = {"rtol": 1e-4, "atol": 0}
# A compiled program draws its masks from a key: with dropout the eager run is PyTorch's, the compiled one is not.
COMPILED = ["mlp without dropout", "lenet", "resnet", "resnet, nesterov", "language"]
MODES = [
    *((name, True) for name in COMPILED),
    *((name, False) for name in (("mlp", "lenet", "resnet") if extent.ALL else ("mlp", "lenet"))),
    ("language with dropout", False),
]


def check(name: str, losses: list[float]) -> None:
    expected = recorded.load("curves")[name]
    assert len(expected) == curves.RUNS[name][1].get("steps", curves.STEPS)
    assert np.mean(expected[-5:]) < 0.9 * np.mean(expected[:5]), "it should learn"
    np.testing.assert_allclose(losses, expected, **CLOSE, err_msg="recorded")
    if find_spec("torch") is not None:
        np.testing.assert_allclose(losses, curves.losses("torch", name), **CLOSE)


@pytest.mark.parametrize(("name", "compiled"), MODES, ids=[f"{n}, {'jit' if c else 'eager'}" for n, c in MODES])
def test_losses_are_torchs(name, compiled):
    check(name, curves.losses("fnn", name, compiled=compiled))


def test_one_program_translates_sentences_of_all_lengths():
    traces: list[tuple[int, ...]] = []
    check("translation", curves.losses("fnn", "translation", traces=traces))
    assert len(traces) <= 3, "each of fifty batches has other lengths; the first is traced until all state is found"


def test_a_compiled_run_with_dropout_learns():
    losses = mlp_fnn.train()
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:10])
    assert not np.allclose(losses, recorded.load("curves")["mlp"], rtol=1e-3), "masks come from JAX keys here"


OPTIMIZERS = {
    "ASGD": {"lr": 0.1, "t0": 5},
    "Adadelta": {"lr": 1.0},
    "Adafactor": {"lr": 0.05},
    "Adagrad": {"lr": 0.05},
    "Adam": {"lr": 0.01, "weight_decay": 0.01},
    "AdamW": {"lr": 0.01, "amsgrad": True},
    "Adamax": {"lr": 0.01},
    "NAdam": {"lr": 0.01},
    "RAdam": {"lr": 0.01},
    "RMSprop": {"lr": 0.003, "momentum": 0.5, "centered": True},
    "Rprop": {"lr": 0.001},
    "SGD": {"lr": 0.1, "momentum": 0.9, "dampening": 0.1, "weight_decay": 0.01},
}


@pytest.mark.parametrize("name", extent.some(OPTIMIZERS, 4))
def test_every_optimizer(name):
    pytest.importorskip("torch")
    from tests.ported import mlp_torch

    settings = {"optimizer": (name, OPTIMIZERS[name]), "p": 0.0, "steps": 27}
    want = mlp_torch.train(**settings)
    np.testing.assert_allclose(mlp_fnn.train(**settings), want, **CLOSE)
    np.testing.assert_allclose(mlp_fnn.train(**settings, compiled=False), want, **CLOSE)
