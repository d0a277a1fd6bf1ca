"""`checkpoint`, `scan` and `cond`: as the plain form in value, gradient and state, with random numbers of their own."""

import copy

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.testing import assert_close

X = jnp.asarray(np.random.default_rng(0).standard_normal((5, 4, 3)), jnp.float32)


class Block(nn.Module):
    """Linear and batch norm: parameters and buffers of one shape in and out."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 3)
        self.norm = nn.BatchNorm1d(3)

    def forward(self, x):
        return jnp.tanh(self.norm(self.linear(x)))


class Counter(nn.Module):
    """A buffer that grows by each input."""

    def __init__(self):
        super().__init__()
        self.register_buffer("total", jnp.zeros(()))

    def forward(self, x):
        self.total = self.total + x
        return self.total * 1.0


def block():
    fnn.manual_seed(0)
    return Block()


def state(model):
    return {name: np.asarray(value) for name, value in model.state_dict().items()}


def same_run(model, form, plain, jit):
    """Loss, gradients and buffers of ``form(model)`` are those of ``plain(model)``."""
    twin = copy.deepcopy(model)
    differentiate = fnn.value_and_grad(form)
    got = (fnn.jit(differentiate) if jit else differentiate)(model)
    want = fnn.value_and_grad(plain)(twin)
    assert_close(got, want, rtol=1e-4, atol=1e-5)
    assert_close(state(model), state(twin), rtol=1e-5, atol=1e-6)


both = pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])


def loop(model, xs):
    total = 0.0
    for x in xs:
        total = total + (model(x) ** 3).sum()
    return total


# -- checkpoint -------------------------------------------------------------------------------------------


@both
def test_checkpoint_of_a_closure_an_operand_and_a_module(jit):
    forms = {
        "closure": lambda model: (fnn.checkpoint(lambda x: model(x))(X[0]) ** 3).sum(),
        "operand": lambda model: (fnn.checkpoint(lambda m, x: m(x))(model, X[0]) ** 3).sum(),
        "module": lambda model: (fnn.checkpoint(model)(X[0]) ** 3).sum(),
    }
    for form in forms.values() if not jit else [forms["operand"]]:
        same_run(block(), form, lambda model: (model(X[0]) ** 3).sum(), jit)


def test_checkpoint_decorates_with_a_policy_and_keeps_the_name():
    @fnn.checkpoint(policy=jax.checkpoint_policies.dots_saveable)
    def loss(model, *, x):
        """Text."""
        return (model(x) ** 3).sum()

    assert (loss.__name__, loss.__doc__) == ("loss", "Text.")
    same_run(block(), lambda m: loss(m, x=X[0]), lambda model: (model(X[0]) ** 3).sum(), False)
    model = block()
    text = str(jax.make_jaxpr(jax.grad(lambda x: loss(model.eval(), x=x)))(X[0]))
    assert "checkpoint" in text or "remat" in text


@both
def test_checkpoint_recomputes_the_same_dropout(jit):
    drop = nn.Dropout(0.5)
    ones = jnp.ones(64)

    def loss(x):
        y = fnn.checkpoint(lambda x: drop(x) * x)(x)
        return y.sum(), y

    run = fnn.value_and_grad(loss, has_aux=True)
    (_, y), slope = (fnn.jit(run) if jit else run)(ones)
    assert set(np.unique(y)) == {0.0, 2.0}
    np.testing.assert_array_equal(slope, 2 * y)  # another mask in the backward pass would show
    (_, again), _ = (fnn.jit(run) if jit else run)(ones)
    assert not np.array_equal(y, again)


# -- scan -------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("options", [{}, {"unroll": 2}, {"reverse": True}], ids=str)
def test_scan_with_batch_norm(jit, options):
    def form(model):
        total, ys = fnn.scan(lambda c, x: (c + (model(x) ** 3).sum(), x[0, 0]), 0.0, X, **options)
        return total + 0 * ys.sum()

    same_run(block(), form, lambda model: loop(model, X[::-1] if options.get("reverse") else X), jit)


def test_scan_sees_its_own_writes_and_stacks_outputs():
    counter = Counter()
    carry, ys = fnn.scan(lambda c, x: (c + x, {"total": counter(x)}), 10.0, jnp.arange(4.0))
    assert_close(carry, jnp.float32(16.0))
    assert_close(ys, {"total": jnp.array([0.0, 1.0, 3.0, 6.0])})
    assert_close(counter.total, 6.0)
    _, ys = fnn.scan(lambda c, x: (c, counter(x)), 0, jnp.arange(4.0), reverse=True)
    assert_close(ys, jnp.array([12.0, 12.0, 11.0, 9.0]))
    _, ys = fnn.scan(lambda c, _: (c, counter(1.0)), 0, length=3)
    assert_close(ys, jnp.array([13.0, 14.0, 15.0]))


def test_scan_of_nothing():
    counter, drop = Counter(), nn.Dropout(0.5)
    carry, ys = fnn.scan(lambda c, x: (c + drop(counter(x)), counter(x)), 2.0, jnp.zeros((0,)))
    assert_close((carry, ys), (jnp.float32(2.0), jnp.zeros((0,))))
    assert_close(counter.total, 0.0)
    carry, ys = fnn.scan(lambda c, _: (c + 1.0, counter(1.0)), 2.0, length=0)
    assert_close((carry, ys), (jnp.float32(2.0), jnp.zeros((0,))))
    assert_close(counter.total, 0.0)
    with pytest.raises(ValueError, match="scan: length is needed"):
        fnn.scan(lambda c, x: (c, x), 0.0)


@both
def test_scan_draws_afresh_in_each_iteration(jit):
    drop = nn.Dropout(0.5)

    def run(x):
        return fnn.scan(lambda c, x: (c, drop(x)), 0.0, jnp.stack([x, x, x]))[1]

    run = fnn.jit(run) if jit else run
    fnn.manual_seed(0)
    first = run(jnp.ones(64))
    assert set(np.unique(first)) == {0.0, 2.0}
    assert not np.array_equal(first[0], first[1]) and not np.array_equal(first[1], first[2])
    second = run(jnp.ones(64))
    assert not np.array_equal(first, second)
    fnn.manual_seed(0)
    np.testing.assert_array_equal(run(jnp.ones(64)), first)


def test_scan_of_a_body_that_draws_nothing_leaves_the_generator_alone():
    before = np.array(fnn.get_rng_state())
    fnn.scan(lambda c, x: (c + x, x), 0.0, jnp.ones(3))
    np.testing.assert_array_equal(fnn.get_rng_state(), before)


def test_scan_refuses_a_buffer_of_another_shape_or_dtype():
    model = nn.Module()
    model.register_buffer("seen", jnp.zeros((1,)))

    def grow(c, x):
        model.seen = jnp.concatenate([model.seen.data, x[None]])
        return c, x

    def recast(c, x):
        model.seen = (model.seen + x).astype(jnp.int32)
        return c, x

    with pytest.raises(ValueError, match=r"scan: a Buffer of shape \(1,\) and dtype float32 .* shape \(2,\)"):
        fnn.scan(grow, 0.0, jnp.ones(3))
    with pytest.raises(ValueError, match=r"scan: a Buffer .* dtype int32; inside scan both must stay"):
        fnn.scan(recast, 0.0, jnp.ones(3))
    assert_close(model.seen, jnp.zeros((1,)))


def test_scan_with_parameters_and_modules_in_the_operands():
    """A Parameter among the operands counts as its array."""
    p = nn.Parameter(jnp.arange(3.0))
    carry, ys = fnn.scan(lambda c, x: (c + x, c * x), jnp.zeros(()), p)
    assert_close((carry, ys), (3.0, jnp.array([0.0, 0.0, 2.0])))
    carry, _ = fnn.scan(lambda c, x: (c * x, None), nn.Parameter(jnp.ones(())), p + 1)
    assert_close(carry, 6.0)
    slope = fnn.grad(lambda p: fnn.scan(lambda c, x: (c * x, None), jnp.ones(()), p)[0])(
        nn.Parameter(jnp.arange(1.0, 4.0))
    )
    assert_close(slope, jnp.array([6.0, 3.0, 2.0]))


def test_scan_trains_inside_its_body():
    """Optimizer steps in the loop: parameters and momenta are carried."""
    model, xs = nn.Linear(3, 1), X[:, :, :]
    twin = copy.deepcopy(model)
    optimizers = [fnn.optim.SGD(m.parameters(), lr=0.1, momentum=0.9) for m in (model, twin)]

    def step(model, optimizer, x):
        loss, grads = fnn.value_and_grad(lambda m: (m(x) ** 2).mean())(model)
        optimizer.step(grads)
        return loss

    @fnn.jit
    def epoch(model, optimizer, xs):
        return fnn.scan(lambda c, x: (c, step(model, optimizer, x)), 0, xs)[1]

    for _ in range(2):
        losses = epoch(model, optimizers[0], xs)
        want = jnp.stack([step(twin, optimizers[1], x) for x in xs])
        assert_close(losses, want, rtol=1e-4, atol=1e-5)
    assert_close(state(model), state(twin), rtol=1e-4, atol=1e-5)


def test_scan_accumulates_gradients():
    """Micro-batches: p.grad grows in the loop, from nothing or from what is there."""
    model, twin = nn.Linear(3, 1), nn.Linear(3, 1)
    twin.load_state_dict(model.state_dict())
    loss = lambda model, x: (model(x) ** 2).sum()  # noqa: E731
    run = fnn.jit(lambda model, xs: fnn.scan(lambda c, x: (c, fnn.backward(loss)(model, x)), 0, xs)[1])
    fnn.scan(lambda c, x: (c, fnn.backward(loss)(model, x)), 0, X[:0])
    assert model.weight.grad is None
    for _ in range(2):
        losses = run(model, X)
        assert_close(losses, jnp.stack([fnn.backward(loss)(twin, x) for x in X]), rtol=1e-5, atol=1e-5)
        assert_close(model.weight.grad, twin.weight.grad, rtol=1e-4, atol=1e-4)

    def forget(c, x):
        model.zero_grad()
        return c, x

    with pytest.raises(ValueError, match=r"scan: a gradient \(p.grad\) is None on one side.*set_to_none=False"):
        fnn.scan(forget, 0, X)
    model.zero_grad()
    with pytest.raises(ValueError, match=r"cond: a gradient \(p.grad\) is None"):
        fnn.cond(True, lambda: fnn.backward(loss)(model, X[0]), lambda: 0.0)
    model.zero_grad(), twin.zero_grad()
    model.weight.grad, model.bias.grad = jnp.zeros((1, 3)), jnp.zeros(1)
    fnn.cond(True, lambda: fnn.backward(loss)(model, X[0]), lambda: 0.0)
    fnn.backward(loss)(twin, X[0])
    assert_close(model.weight.grad, twin.weight.grad, rtol=1e-5, atol=1e-5)


def test_python_values_pass_through_unchanged():
    @fnn.checkpoint
    def f(x, factor, mode="double", flag=False, mask=None):
        assert mask is None
        return x * factor if mode == "double" and flag else x

    x = jnp.ones(3)
    assert_close(f(x, 2, flag=True), x * 2)
    assert_close(jax.grad(lambda x: f(x, 3.0, flag=True).sum())(x), x * 3)
    assert_close(fnn.cond(True, lambda x, flag: x * 2 if flag else x, lambda x, flag: x, x, True), x * 2)


# -- cond -------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("pred", [True, False])
def test_cond_carries_the_writes_of_the_taken_branch(jit, pred):
    model = block()
    other = nn.BatchNorm1d(3)
    before = state(other), state(model)
    twin = copy.deepcopy(model if pred else other)

    def loss(model, other, pred):
        out = fnn.cond(pred, lambda m, x: m(x), lambda m, x: other(x), model, X[0])
        return (out**3).sum()

    run = fnn.value_and_grad(loss, argnums=(0, 1))
    value, grads = (fnn.jit(run) if jit else run)(model, other, jnp.asarray(pred))
    want, gradient = fnn.value_and_grad(lambda m: (m(X[0]) ** 3).sum())(twin)
    assert_close(value, want, rtol=1e-4, atol=1e-5)
    assert_close(grads[0 if pred else 1], gradient, rtol=1e-4, atol=1e-4)
    assert all(np.all(np.asarray(g) == 0) for g in grads[1 if pred else 0].values())
    taken, untouched = (model, other) if pred else (other, model)
    assert_close(state(taken), state(twin), rtol=1e-5, atol=1e-6)
    assert_close(state(untouched), before[0] if pred else before[1])


@both
def test_cond_with_dropout_in_a_branch(jit):
    drop = nn.Dropout(0.5)
    run = lambda pred, x: fnn.cond(pred, lambda x: drop(x), lambda x: x * 3, x)  # noqa: E731
    run = fnn.jit(run) if jit else run
    ones = jnp.ones(64)
    first, second = run(True, ones), run(True, ones)
    assert set(np.unique(first)) == {0.0, 2.0}
    assert not np.array_equal(first, second)
    assert_close(run(False, ones), ones * 3)


def test_cond_takes_numbers_parameters_and_buffers():
    flag = nn.Buffer(jnp.array(True))
    p = nn.Parameter(jnp.ones(2))
    assert_close(fnn.cond(flag, lambda p, n: p * n, lambda p, n: p + n, p, 3.0), jnp.full(2, 3.0))
    assert_close(fnn.cond(False, lambda: 1.0, lambda: 2.0), jnp.float32(2.0))
    with pytest.raises(TypeError, match=r"true_fun|branch"):
        fnn.cond(True, lambda: (1.0, 2.0), lambda: 2.0)

    def grow(x):
        flag.data = jnp.stack([flag.data, flag.data])
        return x

    with pytest.raises(ValueError, match=r"cond: a Buffer of shape \(\) .* shape \(2,\)"):
        fnn.cond(True, grow, lambda x: x, 1.0)
    assert flag.shape == ()


# -- nested -----------------------------------------------------------------------------------------------


@both
def test_scan_in_cond_in_checkpoint_in_value_and_grad(jit):
    def form(model):
        def scanned(xs):
            return fnn.scan(lambda c, x: (c + (model(x) ** 3).sum(), None), 0.0, xs)[0]

        def chosen(xs):
            return fnn.cond(xs.sum() < 1e9, scanned, lambda xs: 0.0, xs)

        return fnn.checkpoint(chosen)(X)

    same_run(block(), form, lambda model: loop(model, X), jit)


def test_everything_draws_when_nested():
    drop = nn.Dropout(0.5)

    @fnn.jit
    def run(x):
        body = lambda c, x: (c, fnn.cond(x.sum() > 0, fnn.checkpoint(lambda x: drop(x)), lambda x: x, x))  # noqa: E731
        return fnn.scan(body, 0.0, jnp.stack([x, x]))[1], drop(x)

    (a, b), c = run(jnp.ones(64))
    for y in (a, b, c):
        assert set(np.unique(y)) == {0.0, 2.0}
    assert len({np.asarray(y).tobytes() for y in (a, b, c)}) == 3


def test_a_first_draw_inside_a_branch_leaves_no_tracer():
    drop = nn.Dropout(0.5)
    ones = jnp.ones(64)
    inner = {
        "checkpoint": lambda x: fnn.checkpoint(lambda x: drop(x))(x),
        "cond": lambda x: fnn.cond(x.sum() > 0, lambda x: drop(x), lambda x: drop(x), x),
        "switch": lambda x: fnn.switch(0, [lambda x: drop(x), lambda x: x], x),
    }
    for name, form in inner.items():
        a, b = fnn.jit(lambda x, form=form: (form(x), drop(x)))(ones)
        assert set(np.unique(a)) == set(np.unique(b)) == {0.0, 2.0}, name
        assert not np.array_equal(a, b), name


def test_an_exception_in_a_body_changes_nothing():
    model = block()
    before = state(model)

    def body(c, x):
        model(x)
        raise KeyError("in the middle")

    for call in (
        lambda: fnn.scan(body, 0.0, X),
        lambda: fnn.checkpoint(body)(0.0, X[0]),
        lambda: fnn.cond(True, body, body, 0.0, X[0]),
    ):
        with pytest.raises(KeyError, match="in the middle"):
            call()
        assert_close(state(model), before)
        assert_close(model.eval()(X[0]), model(X[0]))
        model.train()
