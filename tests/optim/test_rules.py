"""The other optimizers against torch, in every configuration of torch's own database."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn, optim
from fnn.testing import assert_close
from tests import reference

torch = reference.torch

NAMES = ("ASGD", "Adadelta", "Adafactor", "Adagrad", "Adamax", "Muon", "NAdam", "RAdam", "RMSprop", "Rprop")
RNG = np.random.default_rng(0)
CLOSE = {"rtol": 1e-5, "atol": 1e-6}
LOOSE: dict = {}


def database():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_optimizers import optim_db
    return {info.optim_cls.__name__: info for info in optim_db}


def cases(names):
    table = database()
    for name in names:
        for case in table[name].optim_inputs_func("cpu"):
            yield pytest.param(name, case.kwargs, id=f"{name} {case.desc}")


EXTRA = [
    ("ASGD", {"t0": 2, "lr": 0.1, "lambd": 0.1}),
    ("Adadelta", {"maximize": True, "lr": 0.5, "eps": 1e-3}),
    ("Adafactor", {"eps": (1e-3, 1e-2), "lr": 0.5, "d": 1.2}),
    ("Adagrad", {"lr": 0.5, "lr_decay": 0.1, "eps": 1e-3}),
    ("Adamax", {"betas": (0.0, 0.5), "lr": 0.1}),
    ("Muon", {"adjust_lr_fn": "match_rms_adamw", "nesterov": False}),
    ("NAdam", {"betas": (0.5, 0.0), "decoupled_weight_decay": True, "maximize": True, "weight_decay": 0.1}),
    ("RAdam", {"betas": (0.8, 0.6), "lr": 0.1}),
    ("RAdam", {"betas": (0.8, 0.9), "lr": 0.1}),
    ("RMSprop", {"momentum": 0.9, "lr": 0.1, "alpha": 0.5}),
    ("Rprop", {"step_sizes": (1e-3, 1.3e-2)}),
]


def shapes(name):
    return ((3, 2), (2, 4)) if name == "Muon" else ((3, 2), (4,), ())


def draw(name, count):
    return [[RNG.standard_normal(s).astype(np.float32) for s in shapes(name)] for _ in range(count)]


def plain(options):
    return {k: float(v) if isinstance(v, torch.Tensor) else v for k, v in options.items()}


def build(name, start, options):
    theirs = [torch.nn.Parameter(torch.tensor(v)) for v in start]
    ours = [nn.Parameter(jnp.array(v)) for v in start]
    return theirs, getattr(torch.optim, name)(theirs, **options), ours, getattr(optim, name)(ours, **plain(options))


def torch_step(optimizer, params, grads):
    for p, g in zip(params, grads, strict=True):
        p.grad = None if g is None else torch.tensor(g, dtype=p.dtype)
    optimizer.step()


def same(ours, theirs, name, what):
    want = [p.detach().numpy() for p in theirs]
    assert_close([np.array(p) for p in ours], want, **LOOSE.get(name, CLOSE), msg=lambda text: f"{what}: {text}")


def as_tensors(tree):
    if isinstance(tree, dict):
        return {k: as_tensors(v) for k, v in tree.items()}
    if isinstance(tree, list):
        return [as_tensors(v) for v in tree]
    return torch.tensor(np.asarray(tree)) if isinstance(tree, jax.Array) else tree


@fnn.jit
def jitted_step(optimizer, grads):
    optimizer.step(grads)


# -- values -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "options"), [*cases(NAMES), *EXTRA])
def test_ten_steps_as_torch(name, options):
    start = draw(name, 1)[0]
    theirs, reference_optimizer, ours, eager = build(name, start, options)
    _, _, inside, compiled = build(name, start, options)
    for n, grads in enumerate(draw(name, 10)):
        torch_step(reference_optimizer, theirs, grads)
        arrays = [jnp.asarray(g) for g in grads]
        eager.step(arrays)
        jitted_step(compiled, arrays)
        same(ours, theirs, name, f"eager, step {n}")
        same(inside, theirs, name, f"jit, step {n}")
    want = reference_optimizer.state_dict()
    got = eager.state_dict()
    assert_close(got["state"], want["state"], **LOOSE.get(name, CLOSE))
    assert [list(entry) for entry in got["state"].values()] == [list(entry) for entry in want["state"].values()]
    assert list(got["param_groups"][0]) == list(want["param_groups"][0])
