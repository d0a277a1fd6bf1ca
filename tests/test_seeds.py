"""A seed gives PyTorch's parameters and PyTorch's draws: bit for bit, normal ones from 16 elements up to 1e-6."""

from functools import partial
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from tests import recorded, seeds

OURS = SimpleNamespace(**{name: getattr(fnn, name) for name in fnn.__all__})
LAYERS = [case for case in seeds.LAYERS.values() if hasattr(nn, case.name)]


def our_parameters(case, seed):
    fnn.manual_seed(seed)
    return seeds.parameters(nn, case, jnp.asarray, np.asarray)


def our_draws(seed):
    fnn.manual_seed(seed)
    return seeds.draws(OURS, jnp.asarray, np.asarray)


def assert_same(got, want, normal, what):
    assert got.keys() == want.keys(), what
    for name, value in got.items():
        assert (value.dtype, value.shape) == (want[name].dtype, want[name].shape), (what, name)
        atol = seeds.NORMAL_ATOL if normal(name) and value.size >= 16 else 0
        np.testing.assert_allclose(value, want[name], rtol=0, atol=atol, err_msg=f"{what}: {name}")


def assert_recorded(got, want, normal, what):
    assert got.keys() == want.keys(), what
    for name, value in got.items():
        if normal(name) and value.size >= 16:
            np.testing.assert_allclose(seeds.sample(value), want[name], rtol=0, atol=seeds.NORMAL_ATOL, err_msg=what)
        else:
            assert recorded.digest(value) == want[name], (what, name)


@pytest.mark.parametrize("seed", seeds.SEEDS)
def test_parameters_are_torchs(seed):
    torch = pytest.importorskip("torch")
    for case in LAYERS:
        torch.manual_seed(seed)
        want = seeds.parameters(torch.nn, case, torch.tensor, lambda v: v.numpy())
        got = our_parameters(case, seed)
        assert_same(got, want, partial(seeds.is_normal, case.name), case.id)
        np.testing.assert_array_equal(fnn.get_rng_state(), torch.get_rng_state().numpy(), err_msg=case.id)


@pytest.mark.parametrize("seed", seeds.SEEDS)
def test_parameters_as_recorded(seed):
    table = recorded.load("seeds")
    for case in LAYERS:
        want = table.get(f"{case.id}, seed {seed}") or table.get(f"{case.id}, any seed", {})
        got = our_parameters(case, seed)
        assert_recorded(got, want, partial(seeds.is_normal, case.name), case.id)


@pytest.mark.parametrize("seed", seeds.SEEDS)
def test_draws_are_torchs(seed):
    torch = pytest.importorskip("torch")
    torch.manual_seed(seed)
    want = seeds.draws(torch, torch.tensor, lambda v: v.numpy())
    assert_same(our_draws(seed), want, seeds.is_normal_draw, f"seed {seed}")
    np.testing.assert_array_equal(fnn.get_rng_state(), torch.get_rng_state().numpy())


@pytest.mark.parametrize("seed", seeds.SEEDS)
def test_draws_as_recorded(seed):
    assert_recorded(our_draws(seed), recorded.load("seeds")[f"draws, seed {seed}"], seeds.is_normal_draw, f"{seed}")


def test_every_layer_with_parameters_is_recorded():
    table = recorded.load("seeds")
    for case in LAYERS:
        entries = [f"{case.id}, any seed" in table, *(f"{case.id}, seed {seed}" in table for seed in seeds.SEEDS)]
        assert not our_parameters(case, 0) or entries in ([True] + [False] * 4, [False] + [True] * 4), case.id
