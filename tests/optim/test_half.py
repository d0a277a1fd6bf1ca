"""Parameters of half precision: torch's trajectory, within a few of their roundings."""

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from tests import reference
from tests.optim.own import OWN, of_fnn, of_torch

torch = reference.torch

CASES = [
    ("ASGD", {"weight_decay": 0.1}),
    ("Adadelta", {"rho": 0.95, "weight_decay": 0.9}),
    ("Adafactor", {"lr": 0.01}),
    ("Adagrad", {"lr": 0.1}),
    ("Adam", {"lr": 0.01, "weight_decay": 0.1, "eps": 1e-4}),
    ("AdamW", {"lr": 0.01, "amsgrad": True, "eps": 1e-4}),
    ("Adamax", {"lr": 0.01, "eps": 1e-4}),
    ("Lion", {"lr": 0.01, "weight_decay": 0.1}),
    ("Muon", {}),
    ("NAdam", {"lr": 0.01, "decoupled_weight_decay": True, "weight_decay": 0.1, "eps": 1e-4}),
    ("RAdam", {"lr": 0.01, "eps": 1e-4}),
    ("RMSprop", {"lr": 0.01, "centered": True, "momentum": 0.9, "eps": 1e-4}),
    ("Rprop", {"lr": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.1, "weight_decay": 0.1}),
]
DTYPES = {"bfloat16": 2.0**-8, "float16": 2.0**-11}


@fnn.jit
def jitted_step(optimizer, grads):
    optimizer.step(grads)


@pytest.mark.parametrize(
    ("name", "options", "dtype"),
    [(*case, dtype) for case in CASES for dtype in DTYPES if dtype == "bfloat16" or case[0] in ("SGD", "AdamW")],
)
def test_ten_steps_as_torch(name, options, dtype):
    rng = np.random.default_rng(0)
    half, theirs_dtype = getattr(jnp, dtype), getattr(torch, dtype)
    shapes = ((3, 2), (2, 4)) if name == "Muon" else ((5, 4), (30,), ())
    start = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    theirs = [torch.nn.Parameter(torch.tensor(value, dtype=theirs_dtype)) for value in start]
    # one parameter at a time: torch's other paths round elsewhere
    single = {} if name in ("Muon", *OWN) else {"foreach": False}
    reference_optimizer = of_torch(name)(theirs, **options, **single)
    runs = []
    for step in (lambda optimizer, grads: optimizer.step(grads), jitted_step):
        ours = [nn.Parameter(jnp.asarray(value, half)) for value in start]
        runs.append((ours, of_fnn(name)(ours, **options), step))
    for n in range(10):
        grads = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
        for p, g in zip(theirs, grads, strict=True):
            p.grad = torch.tensor(g, dtype=theirs_dtype)
        reference_optimizer.step()
        for ours, optimizer, step in runs:
            step(optimizer, [jnp.asarray(g, half) for g in grads])
            for p, q in zip(ours, theirs, strict=True):
                want = q.detach().float().numpy()
                assert p.dtype == half
                # of numbers of about 1, which each step rounds several times
                error = np.abs(np.array(p, np.float32) - want) / np.maximum(np.abs(want), 1) / DTYPES[dtype]
                assert error.max() < 20 and error.mean() < 3, (n, error.max(), error.mean())
    want = reference_optimizer.state_dict()["state"]
    for i, entry in runs[0][1].state_dict()["state"].items():
        assert entry.keys() == want[i].keys()
        for key, value in entry.items():
            if value is not None and isinstance(want[i][key], torch.Tensor):
                assert str(want[i][key].dtype) == f"torch.{value.dtype}", key
