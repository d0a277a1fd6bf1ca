"""In which forms gradients come, and what ``step`` says about others."""

import subprocess
import sys
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn, optim
from fnn.testing import assert_close
from tests import extent, reference
from tests.optim.published import Lion

torch = reference.torch


def loss_of(a, b):
    return (a(jnp.ones((1, 2))) ** 2).sum() + 3 * (b(jnp.ones((1, 2))) ** 2).sum()


def moved(optimizer, models, grads):
    before = [np.array(p) for model in models for p in model.parameters()]
    optimizer.step(grads)
    return [b - np.array(p) for b, p in zip(before, (p for m in models for p in m.parameters()), strict=True)]


@pytest.mark.parametrize("build", ["in order", "reversed", "groups", "Lion"])
def test_one_optimizer_of_several_models(build):
    """Equal names in both; the gradients are told apart by what was differentiated together."""
    a, b = nn.Linear(2, 1), nn.Linear(2, 1)
    params = {
        "in order": lambda: [*a.parameters(), *b.parameters()],
        "reversed": lambda: [*b.parameters(), *a.parameters()],
        "groups": lambda: [{"params": b.parameters()}, {"params": a.parameters()}],
        "Lion": lambda: [*b.parameters(), *a.parameters()],
    }[build]()
    optimizer = optim.SGD(params, lr=1.0) if build != "Lion" else Lion(params, lr=1.0)
    forms = {
        "tuple": lambda: fnn.grad(loss_of, argnums=(0, 1))(a, b),
        "list": lambda: fnn.grad(lambda models: loss_of(*models))([a, b]),
        "dict": lambda: fnn.grad(lambda models: loss_of(models["g"], models["d"]))({"g": a, "d": b}),
        "nested": lambda: fnn.grad(lambda x: loss_of(x["g"][0], x["d"]))({"g": (a,), "d": b}),
        "without a": lambda: fnn.grad(lambda x, y: loss_of(x, y), argnums=(1,))(a, b),
    }
    for name, form in forms.items():
        grads = form()
        leaves = fnn.grad(loss_of, argnums=(0, 1))(a, b)
        want = [np.array(g) for part in leaves for g in (part["weight"], part["bias"])]
        if name == "without a":
            want[0], want[1] = 0 * want[0], 0 * want[1]
        got = moved(optimizer, (a, b), grads)
        if build == "Lion":
            got, want = [np.sign(g) for g in got], [np.sign(g) for g in want]
            if name != "tuple":  # momentum has the signs of the first gradients
                continue
        assert_close(got, want, rtol=1e-5, atol=1e-6)


def test_several_models_inside_jit():
    a, b = nn.Linear(2, 1), nn.Linear(2, 1)
    optimizer = optim.SGD([*b.parameters(), *a.parameters()], lr=0.1)

    @fnn.jit
    def step(a, b, optimizer):
        loss, grads = fnn.value_and_grad(loss_of, argnums=(0, 1))(a, b)
        optimizer.step(grads)
        return loss

    first = step(a, b, optimizer)
    for _ in range(10):
        last = step(a, b, optimizer)
    assert last < 0.5 * first


def test_what_fits_two_ways_is_refused():
    a, b = nn.Linear(2, 1), nn.Linear(2, 1)
    optimizer = optim.SGD([*a.parameters(), *b.parameters()], lr=0.1)
    fnn.grad(loss_of, argnums=(0, 1))(a, b)
    grads = fnn.grad(loss_of, argnums=(0, 1))(b, a)
    with pytest.raises(ValueError, match="the gradients fit several sets of parameters of this optimizer"):
        optimizer.step(grads)
    with pytest.raises(ValueError, match=r"a tuple of 2 gradients, dicts among them, must be in the form in which"):
        optimizer.step(({"weight": grads[0]["weight"]}, {}))
    named = optim.SGD([(f"{m}.{n}", p) for m, model in (("a", a), ("b", b)) for n, p in model.named_parameters()])
    named.step({"a": grads[0], "b": grads[1]})


def test_records_live_as_long_as_the_parameters():
    from fnn.state import differentiated

    before = len(differentiated._records), len(differentiated._by_parameter)
    a, b = nn.Linear(2, 1), nn.Linear(2, 1)
    for _ in range(3):
        fnn.grad(loss_of, argnums=(0, 1))(a, b)
    assert len(differentiated._records) == before[0] + 1
    del a, b
    import gc

    gc.collect()
    assert len(differentiated._records) <= before[0] and len(differentiated._by_parameter) <= before[1]


def test_a_loss_is_no_gradient():
    model = nn.Linear(2, 1)
    optimizer = optim.SGD(model.parameters())
    loss, _ = fnn.value_and_grad(lambda m: m(jnp.ones(2)).sum())(model)
    with pytest.raises(TypeError, match=r"step: expected gradients, got an array of shape \(\): the loss\?"):
        optimizer.step(loss)
    with pytest.raises(TypeError, match=r"step: expected gradients, got an array of shape \(\): the loss\?"):
        Lion(model.parameters()).step(loss)


@pytest.mark.parametrize("make", [optim.SGD, Lion])
def test_a_step_without_any_gradient_warns_once(make):
    model = nn.Linear(2, 1)
    optimizer = make(model.parameters(), lr=0.1)
    with pytest.warns(UserWarning, match=r"step\(\): no parameter has a gradient, and none ever had"):
        optimizer.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.step()
        fnn.backward(lambda m: m(jnp.ones(2)).sum())(model)
        trained = make(model.parameters(), lr=0.1)
        trained.zero_grad()
        trained.step()
        frozen = nn.Linear(2, 1).requires_grad_(False)
        make(frozen.parameters(), lr=0.1).step()


def test_a_gradient_set_by_hand_moves_a_frozen_parameter():
    p, t = nn.Parameter(jnp.ones(2), requires_grad=False), torch.nn.Parameter(torch.ones(2), requires_grad=False)
    p.grad, t.grad = jnp.ones(2), torch.ones(2)
    optim.Adam([p], lr=0.1).step()
    torch.optim.Adam([t], lr=0.1).step()
    assert_close(p.data, t.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_zero_grad_backward_and_step_compile_twice():
    model = nn.Linear(2, 1)
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    traces = []

    @fnn.jit
    def step(model, optimizer):
        traces.append(None)
        optimizer.zero_grad()
        loss = fnn.backward(lambda m: (m(jnp.ones(2)) ** 2).sum())(model)
        optimizer.step()
        return loss

    counts = []
    for _ in range(4):
        step(model, optimizer)
        counts.append(len(traces))
    assert counts[1] == counts[-1]


# -- what is imported, and dtypes -------------------------------------------------------------------------------


def test_sparse_arrays_are_imported_by_who_uses_them():
    code = "import sys, fnn.optim; print([m for m in sys.modules if m.startswith('jax.experimental.sparse')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


EVERY = (
    "ASGD Adadelta Adafactor Adagrad Adam AdamW Adamax LBFGS Muon NAdam RAdam RMSprop Rprop SGD SparseAdam"
).split()
OPTIONS = {"SGD": {"momentum": 0.9, "dampening": 0.1}, "RMSprop": {"centered": True, "momentum": 0.9}}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "complex64"] if extent.ALL else ["bfloat16"])
@pytest.mark.parametrize("name", EVERY)
def test_strict_promotion(name, dtype):
    if dtype == "complex64" and name in ("Adafactor", "Muon", "SparseAdam"):
        pytest.skip("takes no complex parameters")
    from jax.experimental.sparse import BCOO

    grad = jnp.full((2, 3), 0.5, dtype)
    if name == "SparseAdam":
        grad = BCOO((grad[:1], jnp.array([[1]])), shape=(2, 3))
    step = fnn.jit(lambda o, g: o.step([g]))
    for jitted in (False, True) if name != "LBFGS" else (False,):
        results = []
        for how in ("standard", "strict"):
            p = nn.Parameter(jnp.ones((2, 3), dtype))
            with jax.numpy_dtype_promotion(how):
                optimizer = getattr(optim, name)([p], **OPTIONS.get(name, {}))
                for _ in range(2):
                    if name == "LBFGS":
                        p.grad = grad
                        optimizer.step(lambda: jnp.ones(()))
                    elif jitted:
                        step(optimizer, grad)
                    else:
                        optimizer.step([grad])
                optimizer.load_state_dict(optimizer.state_dict())
            results.append(np.array(p.data.astype(jnp.complex64)))
        np.testing.assert_allclose(results[1], results[0], rtol=1e-6)


COMPLEX = ("ASGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Rprop", "SGD")


@pytest.mark.parametrize("name", (*COMPLEX, "LBFGS"))
def test_complex_parameters_descend_as_torchs(name):
    """On |p|²: given torch's gradients, torch's path."""
    start = np.array([1 + 2j, -0.5 + 0.25j], np.complex64)
    theirs, ours = torch.nn.Parameter(torch.tensor(start)), nn.Parameter(jnp.asarray(start))
    options = OPTIONS.get(name, {}) | {"lr": 0.05}
    pair = getattr(torch.optim, name)([theirs], **options), getattr(optim, name)([ours], **options)
    for _ in range(8):

        def torch_closure():
            pair[0].zero_grad()
            loss = (theirs.abs() ** 2).sum()
            loss.backward()
            return loss

        def closure():
            ours.grad = 2 * ours.data
            return jnp.sum(jnp.abs(ours.data) ** 2)

        if name == "LBFGS":
            pair[0].step(torch_closure)
            pair[1].step(closure)
        else:
            torch_closure()
            pair[0].step()
            pair[1].step([2 * ours.data])
        assert_close(ours.data, theirs.detach().numpy(), rtol=1e-4, atol=1e-5)


# -- state ------------------------------------------------------------------------------------------------------


def test_state_of_an_optimizer_of_this_package_can_be_edited():
    """What a torch script does to ``optimizer.state``: read, change in place, replace, delete."""
    results = []
    for library, P, zeros in ((torch.optim, torch.nn.Parameter, torch.zeros), (optim, nn.Parameter, jnp.zeros)):
        one = (lambda *s: torch.ones(*s)) if library is torch.optim else (lambda *s: jnp.ones(s))
        p, q = P(one(2)), P(one(3))
        optimizer = library.Adam([p, q], lr=0.1)
        assert p not in optimizer.state and len(optimizer.state) == 0

        def step(optimizer=optimizer, one=one):
            for group in optimizer.param_groups:
                for x in group["params"]:
                    x.grad = 0.5 * one(*x.shape)
            optimizer.step()

        step()
        assert set(optimizer.state[p]) == {"step", "exp_avg", "exp_avg_sq"} and len(optimizer.state) == 2
        optimizer.state[p]["exp_avg"].mul_(0.5)
        optimizer.state[q]["exp_avg_sq"] = zeros(3)
        step()
        # A parameter is replaced by a longer one, which takes the moments along.
        stored = optimizer.state.get(p, None)
        del optimizer.state[p]
        longer = P(one(4))
        cat = torch.cat if library is torch.optim else (lambda xs: jnp.concatenate([jnp.asarray(x) for x in xs]))
        for name in ("exp_avg", "exp_avg_sq"):
            stored[name] = cat([stored[name], zeros(2)])
        optimizer.param_groups[0]["params"][0] = longer
        optimizer.state[longer] = stored
        step()
        optimizer.state[q]["note"] = "mine"
        step()
        assert optimizer.state[q]["note"] == "mine"
        del optimizer.state[q]
        assert q not in optimizer.state
        step()
        results.append([x.detach().numpy() if library is torch.optim else np.array(x) for x in (p, q, longer)])
    assert_close(results[1], results[0], rtol=1e-5, atol=1e-6)


def test_a_parameter_that_had_another_name():
    """A part that becomes another one: its gradients are told from those of the model as it was."""
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))

    def gradients():
        return fnn.grad(lambda model: model(jnp.ones((1, 2))).sum())(model)

    gradients()
    removed = model[1]  # still there, as what waits for the garbage collector is
    model[1], model[0] = model[0], nn.Linear(2, 2)
    grads = gradients()
    before = {name: np.asarray(p.data) for name, p in model.named_parameters()}
    optim.SGD(model.parameters(), lr=1.0).step(grads)
    for name, p in model.named_parameters():
        np.testing.assert_allclose(p.data, before[name] - grads[name], rtol=1e-6)
    assert removed.weight.grad is None
