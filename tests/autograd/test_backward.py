"""`fnn.backward` of a loss and `fnn.autograd.grad`: equal to `value_and_grad`, inside every transform; and refusals."""

from __future__ import annotations

import gc
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn, optim
from fnn.errors import ArgumentError, ArgumentTypeError, TracerEscapeError


def perceptron():
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2))


def convolutional():
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Dropout(0.3), nn.Flatten(), nn.Linear(12, 2)
    )


def attention():
    return nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True)


MODELS = {
    "perceptron": (perceptron, (5, 4)),
    "convolutional": (convolutional, (5, 1, 4, 4)),
    "attention": (attention, (2, 3, 4)),
}


def three_steps(make, shape, form):
    fnn.manual_seed(0)
    model = make()
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    x = jax.random.normal(jax.random.key(1), shape)

    @fnn.jit
    def with_backward(x):
        optimizer.zero_grad()
        loss = (model(x) ** 2).mean()
        fnn.backward(loss)
        optimizer.step()
        return loss

    @fnn.jit
    def with_value_and_grad(x):
        loss, grads = fnn.value_and_grad(lambda model: (model(x) ** 2).mean())(model)
        optimizer.step(grads)
        return loss

    step = with_backward if form == "backward" else with_value_and_grad
    losses = [float(step(x)) for _ in range(3)]
    return losses, {name: np.asarray(value) for name, value in model.state_dict().items()}


@pytest.mark.parametrize("name", MODELS)
def test_bits_of_value_and_grad(name):
    """The loss, the parameters, the masks of dropout and the running statistics."""
    (got, state), (want, expected) = (three_steps(*MODELS[name], form) for form in ("backward", "value_and_grad"))
    assert got == want
    for key, value in expected.items():
        np.testing.assert_array_equal(state[key], value, err_msg=key)


def parameter(*values):
    return nn.Parameter(jnp.array(values))


def test_nothing_is_kept():
    model = perceptron()

    @fnn.jit
    def step(model, x):
        loss = (model(x) ** 2).mean()
        fnn.backward(loss)
        return loss

    step(model, jnp.ones((5, 4)))
    alive = weakref.ref(model)
    del model
    gc.collect()
    assert alive() is None


def test_gradients_of_members_of_a_batch():
    w = parameter(1.0, 2.0)

    @fnn.jit
    def gradients(x):
        return fnn.vmap(lambda x: fnn.autograd.grad((w * x).sum() ** 2, w)[0])(x)

    x = jnp.array([[1.0, 1.0], [2.0, 0.0]])
    np.testing.assert_array_equal(gradients(x), 2 * (x @ w.data)[:, None] * x)


def test_a_loop_of_updates():
    w = parameter(1.0, 2.0)
    optimizer = optim.SGD([w], lr=0.1)
    xs = jnp.array([[1.0, 1.0], [2.0, 0.0], [1.0, 0.0]])

    def body(carry, x):
        optimizer.zero_grad(set_to_none=False)
        loss = ((w * x).sum() - 1) ** 2
        fnn.backward(loss)
        optimizer.step()
        return carry, loss

    @fnn.jit
    def run(xs):
        optimizer.zero_grad(set_to_none=False)
        return fnn.scan(body, 0.0, xs)[1]

    expected, losses = np.array([1.0, 2.0]), []
    for x in np.asarray(xs):
        error = (expected * x).sum() - 1
        losses.append(error**2)
        expected = expected - 0.1 * 2 * error * x
    np.testing.assert_allclose(run(xs), losses, rtol=1e-5)
    np.testing.assert_allclose(w.data, expected, rtol=1e-5)


def test_a_branch():
    w = parameter(1.0, 2.0)

    @fnn.jit
    def step(flag, x):
        w.grad = jnp.zeros(2)
        fnn.cond(flag, lambda: fnn.backward((w * x).sum()), lambda: None)

    step(jnp.array(True), jnp.ones(2))
    np.testing.assert_array_equal(w.grad, [1, 1])
    step(jnp.array(False), jnp.ones(2))
    np.testing.assert_array_equal(w.grad, [0, 0])


def test_branches_agree_on_which_gradients_are_there():
    w = parameter(1.0, 2.0)

    @fnn.jit
    def step(flag, x):
        fnn.cond(flag, lambda: fnn.backward((w * x).sum()), lambda: fnn.backward((w * w * x).sum()))

    step(jnp.array(True), jnp.ones(2))  # w.grad is None before
    step(jnp.array(False), jnp.ones(2))
    np.testing.assert_array_equal(w.grad, [3, 5])

    def clear():
        w.grad = None

    fnn.jit(lambda flag: fnn.cond(flag, clear, clear))(jnp.array(True))
    assert w.grad is None
    one = fnn.jit(lambda flag: fnn.cond(flag, lambda: fnn.backward((w * w).sum()), lambda: None))
    with pytest.raises(ArgumentError, match=r"cond: a gradient .* is None on one side and an array on the other"):
        one(jnp.array(True))


def test_through_checkpoint_scan_and_a_jitted_function():
    w = parameter(1.0, 2.0)
    inner = fnn.jit(lambda x: jnp.sin(w * x))

    @fnn.jit
    def step(x):
        w.grad = None
        y = fnn.checkpoint(inner)(x)
        y, _ = fnn.scan(lambda y, k: (y * w, None), y, length=2)
        fnn.backward(y.sum())

    step(jnp.ones(2))
    want = jax.grad(lambda w: (jnp.sin(w) * w**2).sum())(w.data)
    np.testing.assert_allclose(w.grad, want, rtol=1e-6)


def test_inside_value_and_grad():
    """The outer derivative goes through the inner one only if the graph is asked for."""
    w = parameter(2.0, 3.0)

    def penalty(w, create_graph):
        loss = (w * w * w).sum()
        (slope,) = fnn.autograd.grad(loss, w, create_graph=create_graph)
        return (slope * w).sum()

    outer = fnn.jit(lambda w, g: fnn.value_and_grad(lambda w: penalty(w, bool(g)))(w), static_argnums=1)
    np.testing.assert_allclose(outer(w, True)[1], 9 * w.data**2)
    np.testing.assert_allclose(outer(w, False)[1], 3 * w.data**2)


def test_higher_orders():
    @fnn.jit
    def third(x):
        value = (x**4).sum()
        for _ in range(3):
            (slope,) = fnn.autograd.grad(value, x, create_graph=True)
            value = slope.sum()
        return slope

    np.testing.assert_allclose(third(jnp.array([1.0, 2.0])), [24.0, 48.0])


def test_intermediate_values_and_unused_ones():
    w = parameter(1.0, 2.0)

    @fnn.jit
    def step(x, other):
        hidden = w * x
        loss = (hidden**2).sum()
        options = dict(retain_graph=True)
        both = fnn.autograd.grad(loss, [hidden, w], **options)
        unused = fnn.autograd.grad(loss, [other, w], allow_unused=True, **options)
        zeros = fnn.autograd.grad(loss, [other, w], materialize_grads=True, **options)
        weighted = fnn.autograd.grad([hidden, loss], w, [jnp.ones(2), None], **options)
        rows = fnn.autograd.grad(hidden, w, jnp.eye(2), is_grads_batched=True)
        return both, unused, zeros, weighted, rows

    x = jnp.array([3.0, 5.0])
    both, unused, zeros, weighted, rows = step(x, jnp.ones(3))
    slope = 2 * w.data * x * x
    np.testing.assert_allclose(both[0], 2 * w.data * x)
    np.testing.assert_allclose(both[1], slope)
    assert unused[0] is None
    np.testing.assert_array_equal(zeros[0], np.zeros(3))
    np.testing.assert_allclose(weighted[0], x + slope)
    np.testing.assert_allclose(rows[0], np.diag(x))


def test_complex_gradients_are_pytorchs():
    torch = pytest.importorskip("torch")
    z = np.array([1 + 2j, 3 - 1j], np.complex64)
    theirs = torch.tensor(z, requires_grad=True)
    ((theirs * theirs).abs() ** 2 + theirs.imag).sum().backward()
    w = nn.Parameter(jnp.asarray(z))
    fnn.jit(lambda: fnn.backward((jnp.abs(w * w) ** 2 + jnp.imag(w)).sum()))()
    np.testing.assert_allclose(w.grad, theirs.grad.numpy(), rtol=1e-5)


def test_of_a_function_as_before():
    w = parameter(1.0, 2.0)
    assert float(fnn.backward(lambda w: (w * w).sum())(w)) == 5
    np.testing.assert_array_equal(w.grad, [2, 4])
    assert fnn.backward(lambda a, w: ((a * w).sum(), "aux"), 1, True)(2.0, w)[1] == "aux"
    np.testing.assert_array_equal(w.grad, [4, 6])
    with pytest.raises(ArgumentTypeError, match="argnums and has_aux only"):
        fnn.backward(lambda w: w.sum(), create_graph=True)
    with pytest.raises(ArgumentTypeError, match="argnums and has_aux are for a function"):
        fnn.backward(jnp.ones(()), argnums=0)


W = parameter(1.0, 2.0)
SGD = optim.SGD([W], lr=0.1)


def twice(x):
    loss = jnp.exp(W * x).sum()
    fnn.backward(loss)
    fnn.backward(loss)


def after_an_update(x):
    SGD.zero_grad()
    loss = (W * W * x).sum()
    fnn.backward((W * x).sum())
    SGD.step()
    fnn.backward(loss)


def without_grad(x):
    with fnn.no_grad():
        loss = (W * x).sum()
    fnn.backward(loss)


def in_a_branch(x):
    loss = (W * x).sum()
    fnn.cond(x.sum() > 0, lambda: fnn.backward(loss), lambda: None)


def under_raw_grad(x):
    def f(x):
        with fnn.no_grad():
            return x.sum()

    return jax.grad(f)(x)


REFUSED = {
    "twice": (twice, "backward through the graph a second time"),
    "after an update": (after_an_update, "modified by an inplace operation: a Parameter of shape \\(2,\\)"),
    "without grad": (without_grad, "does not require grad"),
    "no parameter": (lambda x: fnn.backward(x.sum()), "does not require grad"),
    "no scalar": (lambda x: fnn.backward(W * x), "only for scalar outputs, got shape \\(2,\\)"),
    "integers": (lambda x: fnn.backward(x.astype(int).sum()), "dtype int32"),
    "wrong weights": (lambda x: fnn.backward(W * x, x[:1]), "Mismatch in shape: grad_output\\[0\\]"),
    "no inputs": (lambda x: fnn.backward((W * x).sum(), inputs=[]), "cannot be empty"),
    "inputs that are arrays": (lambda x: fnn.backward((W * x).sum(), inputs=[x]), "fnn.autograd.grad"),
    "unused": (lambda x: fnn.autograd.grad((x * x).sum(), W), "appears to not have been used in the graph"),
    "in a branch": (in_a_branch, "computed outside of fnn.cond"),
    "raw vmap": (lambda x: jax.vmap(lambda x: fnn.autograd.grad(x * W.data[0], x)[0])(x), "inside a raw jax.vmap"),
    "raw grad": (under_raw_grad, "fnn.grad\\(f\\)\\(x\\)   # right"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name):
    function, message = REFUSED[name]
    with pytest.raises((ArgumentError, ArgumentTypeError, TracerEscapeError), match=message):
        fnn.jit(function)(jnp.ones(2))


def test_outside_of_jit_it_says_where_it_belongs():
    loss = (W * 2).sum()
    with pytest.raises(TracerEscapeError, match="right: the same lines in a compiled step"):
        fnn.backward(loss)
    with pytest.raises(TracerEscapeError, match=r"fnn\.autograd\.grad: a loss can be differentiated where"):
        fnn.autograd.grad(loss, W)


# -- modes -------------------------------------------------------------------------------------------


def test_no_grad_stops_every_derivative_of_fnns():
    x = jnp.array([3.0, 5.0])

    def f(x):
        with fnn.no_grad():
            factor = x * 2
            with fnn.enable_grad():
                more = x * 1
        return (factor * x + more).sum()

    def loop(x):
        def body(carry, _):
            with fnn.no_grad():
                factor = carry * 2
            return carry * factor, None

        return fnn.scan(body, x, length=2)[0].sum()

    want = 2 * x + 1
    for g in (fnn.grad(f), fnn.jit(fnn.grad(f)), fnn.func.jacrev(f), fnn.func.jacfwd(f)):
        np.testing.assert_array_equal(g(x), want)
    np.testing.assert_array_equal(fnn.func.vjp(f, x)[1](jnp.ones(()))[0], want)
    np.testing.assert_array_equal(fnn.func.jvp(f, (x,), (jnp.ones(2),))[1], want.sum())
    np.testing.assert_array_equal(fnn.vmap(fnn.grad(f))(x[None])[0], want)
    np.testing.assert_allclose(fnn.grad(loop)(x), (2 * x) * (2 * 2 * x * x))
    jitted = fnn.jit(f)
    jitted(x)  # compiled before anybody differentiates it
    np.testing.assert_array_equal(fnn.grad(jitted)(x), want)


def test_modes_as_decorators_and_statements():
    @fnn.no_grad()
    def off():
        return fnn.is_grad_enabled()

    @fnn.inference_mode
    def inference():
        return fnn.is_inference_mode_enabled(), fnn.is_grad_enabled()

    @fnn.no_grad
    def generator():
        yield fnn.is_grad_enabled()
        yield fnn.is_grad_enabled()

    assert off() is False and inference() == (True, False) and fnn.is_grad_enabled()
    assert [(value, fnn.is_grad_enabled()) for value in generator()] == [(False, True)] * 2
    fnn.set_grad_enabled(False)
    assert not fnn.is_grad_enabled()
    fnn.set_grad_enabled(True)

    def statement(x):
        fnn.set_grad_enabled(False)
        y = x * 2
        fnn.set_grad_enabled(True)
        return (y * x).sum()

    np.testing.assert_array_equal(fnn.grad(statement)(jnp.array([3.0])), [6.0])
    assert fnn.is_grad_enabled()
    with pytest.raises(ArgumentTypeError, match="decorate the methods"):
        fnn.no_grad()(type("A", (), {}))


def test_a_step_that_trains_refuses_to_run_without_grad():
    @fnn.jit
    def step():
        W.grad = None
        fnn.backward((W * W).sum())

    step()
    with fnn.no_grad(), pytest.raises(ArgumentError, match="derivatives are turned off"):
        step()


@pytest.mark.parametrize(("size", "given"), [(3, False), (512, True)], ids=["small", "large"])
def test_gradients_that_are_cleared_give_their_memory_to_the_next_ones(size, given):
    """The large ones do: handing over costs more than a new small array."""
    model = nn.Sequential(nn.Linear(size, size), nn.Tanh(), nn.Linear(size, size))
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    @fnn.jit
    def step(x):
        optimizer.zero_grad()
        loss = (model(x) ** 2).sum()
        fnn.backward(loss)
        optimizer.step()
        return loss, model[2].weight.grad

    x = jnp.ones((2, size))
    returned, kept = [], []
    for _ in range(3):
        returned.append(step(x)[1])
        kept.append(model[0].weight.grad)  # in someone's hands: it must not be overwritten
    step(x)
    nobodys = model[0].weight._grad._value
    step(x)
    assert nobodys.is_deleted() is given
    assert len({float(abs(g).sum()) for g in kept}) == len({float(abs(g).sum()) for g in returned}) == 3
    assert len(step.history.compilations) == 1


def optimizers_in_the_backward_pass(model, hooked):
    """Each parameter learns as soon as its gradient is there, and forgets it."""
    optimizers = {p: optim.SGD([p], lr=0.1, momentum=0.9) for p in model.parameters()}

    def learn(p):
        optimizers[p].step()
        optimizers[p].zero_grad()

    handles = [p.register_post_accumulate_grad_hook(learn) for p in model.parameters()] if hooked else []

    @fnn.jit
    def step(x):
        loss = (model(x) ** 2).mean()
        fnn.backward(loss)
        if not hooked:
            for p in model.parameters():
                learn(p)
        return loss

    return step, handles


def test_post_accumulate_hooks_take_steps():
    found = []
    for hooked in (False, True):
        fnn.manual_seed(0)
        model = perceptron()
        step, handles = optimizers_in_the_backward_pass(model, hooked)
        losses = [float(step(jnp.ones((2, 4)))) for _ in range(3)]
        assert all(p.grad is None for p in model.parameters())
        found.append(losses)
    assert found[0] == found[1] and found[0][0] > found[0][-1]
    for handle in handles:
        handle.remove()
    step(jnp.ones((2, 4)))
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize("form", ["of a loss", "of a function", "accumulate"])
def test_post_accumulate_hooks_see_whole_gradients(form):
    p, frozen = nn.Parameter(jnp.array([1.0, 2.0])), nn.Parameter(jnp.ones(2), requires_grad=False)
    p.register_hook(lambda g: g * 3)

    def double(q):
        q.grad = q.grad * 2

    p.register_post_accumulate_grad_hook(double)
    x = jnp.array([[1.0, 4.0], [3.0, 8.0]])
    if form == "of a function":
        for row in x:
            fnn.backward(lambda p, row=row: (p * row).sum())(p)
    else:

        @fnn.jit
        def step(x):
            if form == "accumulate":
                fnn.accumulate(lambda rows: (rows @ p).mean(), x, size=1)
            else:
                for row in x:
                    fnn.backward((p * row).sum())

        step(x)
    want = x.mean(0) * 6 if form == "accumulate" else (x[0] * 6 + x[1] * 3) * 2
    np.testing.assert_allclose(p.grad, want, rtol=1e-6)
    for register in (frozen.register_hook, frozen.register_post_accumulate_grad_hook):
        with pytest.raises(RuntimeError, match="cannot register a hook on a tensor that doesn't require gradient"):
            register(double)
