"""LBFGS against torch: parameters, calls of the closure and state, in every configuration of torch's database."""

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

RNG = np.random.default_rng(0)
X = RNG.standard_normal((8, 3)).astype(np.float32)
Y = RNG.standard_normal((8, 2)).astype(np.float32)
START = [RNG.standard_normal((3, 2)).astype(np.float32), np.zeros((1, 2), np.float32)]


def loss_of(library, w, b, x, y):
    """Not a quadratic, so that the line search has something to search for."""
    return ((library.tanh(x @ w + b) - y) ** 2).sum() + 0.1 * (w**4).sum()


class Runs:
    """The same run in torch and in fnn, with the number of evaluations."""

    def __init__(self, start=START, jit=False, **options):
        self.calls = [0, 0]
        self.theirs = [torch.nn.Parameter(torch.tensor(v)) for v in start]
        self.ours = [nn.Parameter(jnp.array(v)) for v in start]
        plain = {k: float(v) if isinstance(v, torch.Tensor) else v for k, v in options.items()}
        self.torch, self.fnn = torch.optim.LBFGS(self.theirs, **options), optim.LBFGS(self.ours, **plain)
        x, y = jnp.asarray(X, start[0].dtype), jnp.asarray(Y, start[0].dtype)
        evaluate = fnn.backward(
            lambda params: loss_of(jnp, params[0].data, params[1].data + jnp.zeros((8, 1), x.dtype), x, y)
        )
        optimizer = self.fnn

        def compute(params):
            optimizer.zero_grad()
            return evaluate(params)

        self.compute = fnn.jit(compute) if jit else compute

    def torch_closure(self):
        self.calls[0] += 1
        self.torch.zero_grad()
        loss = loss_of(
            torch,
            self.theirs[0],
            self.theirs[1],
            torch.tensor(X).to(self.theirs[0].dtype),
            torch.tensor(Y).to(self.theirs[0].dtype),
        )
        loss.backward()
        return loss.detach()

    def closure(self):
        self.calls[1] += 1
        return self.compute(self.ours)

    def step(self):
        return float(self.torch.step(self.torch_closure)), float(self.fnn.step(self.closure))

    def compare(self, **close):
        assert_close([np.array(p) for p in self.ours], [p.detach().numpy() for p in self.theirs], **close)


def configurations():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_optimizers import optim_db
    info = next(i for i in optim_db if i.optim_cls.__name__ == "LBFGS")
    for case in info.optim_inputs_func("cpu"):
        yield pytest.param(case.kwargs, id=case.desc)
    yield pytest.param({"history_size": 3, "max_iter": 2, "lr": 0.3}, id="short history")
    yield pytest.param({"history_size": 2, "max_iter": 3, "line_search_fn": "strong_wolfe"}, id="short searches")
    yield pytest.param({"max_eval": 5, "line_search_fn": "strong_wolfe", "lr": 20}, id="too long a first trial")


@pytest.mark.parametrize("options", list(configurations()))
def test_ten_steps_as_torch(options):
    """In double precision: L-BFGS amplifies a rounding of float32 by up to 1e5."""
    with jax.enable_x64(True):
        runs, first = Runs([v.astype(np.float64) for v in START], jit=True, **options), None
        for n in range(10):
            want, got = runs.step()
            assert got == pytest.approx(want, rel=1e-8), n
            first = first or got
        assert runs.calls[0] == runs.calls[1]
        runs.compare(rtol=1e-6, atol=1e-7)
        assert got < first


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_a_step_in_single_precision(search):
    runs = Runs(max_iter=5, line_search_fn=search)
    want, got = runs.step()
    assert got == pytest.approx(want, rel=1e-5)
    runs.compare(rtol=1e-3, atol=1e-4)
    assert runs.calls[0] == runs.calls[1]


def test_the_state_is_torchs():
    runs = Runs(max_iter=4, line_search_fn="strong_wolfe")
    runs.step()
    got, want = runs.fnn.state_dict(), runs.torch.state_dict()
    assert set(got["state"]) == set(want["state"]) == {0}
    mine, theirs = got["state"][0], want["state"][0]
    assert set(theirs) - set(mine) == {"al"}  # scratch of torch's loop
    for key in ("func_evals", "n_iter"):
        assert mine[key] == theirs[key]
    for key in ("d", "t", "old_dirs", "old_stps", "ro", "H_diag", "prev_flat_grad", "prev_loss"):
        for a, b in zip(jax.tree.leaves([mine[key]]), jax.tree.leaves([theirs[key]]), strict=True):
            assert_close(np.asarray(a, np.float32), np.asarray(b, np.float32), rtol=1e-3, atol=1e-4, msg=key)
    at = [p.detach().numpy().copy() for p in runs.theirs]
    other = Runs(start=at, max_iter=4, line_search_fn="strong_wolfe")
    other.fnn.load_state_dict(want)  # from torch to fnn, and back
    other.torch.load_state_dict(
        jax.tree.map(lambda v: torch.tensor(np.asarray(v)) if isinstance(v, jax.Array) else v, got)
    )
    runs.step()
    other.step()
    for run in (runs, other):
        run.compare(rtol=1e-3, atol=1e-3)
    assert_close([np.array(p) for p in other.ours], [p.detach().numpy() for p in runs.theirs], rtol=1e-3, atol=1e-3)
    wrong = optim.LBFGS([nn.Parameter(jnp.ones(3))])
    with pytest.raises(RuntimeError, match="size mismatch for old_dirs"):
        wrong.load_state_dict({**want, "param_groups": [{**want["param_groups"][0], "params": [0]}]})


def test_what_is_refused():
    p, q = nn.Parameter(jnp.ones(2)), nn.Parameter(jnp.ones(2))
    with pytest.raises(ValueError, match=r"LBFGS doesn't support per-parameter options \(parameter groups\)"):
        optim.LBFGS([{"params": [p]}, {"params": [q]}])
    with pytest.raises(ValueError, match=r"Invalid learning rate: -1"):
        optim.LBFGS([p], lr=-1)
    optimizer = optim.LBFGS([p], line_search_fn="armijo")
    with pytest.raises(TypeError, match=r"step needs a closure that computes the loss and fills p\.grad, got NoneType"):
        optimizer.step()
    with pytest.raises(TypeError, match=r"step needs a closure .* got grads"):
        optimizer.step(lambda: 0.0, grads=[jnp.ones(2)])

    def closure():
        return fnn.backward(lambda p: (p * p).sum())(p)

    with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported"):
        optimizer.step(closure)
    with pytest.raises(RuntimeError, match=r"LBFGS: step cannot be traced.*Call it outside fnn\.jit"):
        fnn.jit(lambda optimizer: optimizer.step(closure))(optimizer)
