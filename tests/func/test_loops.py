"""`while_loop`, `fori_loop`, `map`, `switch`, and bodies that make Modules: as a Python loop would."""

import copy

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.testing import assert_close

X = jnp.asarray(np.random.default_rng(0).standard_normal((5, 4, 3)), jnp.float32)
both = pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])


class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("total", jnp.zeros(()))

    def forward(self, x=1.0):
        self.total = self.total + x
        return self.total * 1.0


def wrap(jit, function):
    return fnn.jit(function) if jit else function


def distinct(rows):
    return len({np.asarray(row).tobytes() for row in rows})


# -- fori_loop ----------------------------------------------------------------------------------------------


@both
def test_fori_loop_carries_writes(jit):
    counter = Counter()
    out = wrap(jit, lambda c: fnn.fori_loop(2, 6, lambda i, x: x + i * c(), 0.0))(counter)
    assert_close(out, jnp.float32(2 * 1 + 3 * 2 + 4 * 3 + 5 * 4))
    assert_close(counter.total, 4.0)
    out = wrap(jit, lambda c, n: fnn.fori_loop(0, n, lambda i, x: x + c(), 0.0))(counter, jnp.asarray(2))
    assert_close(out, jnp.float32(5 + 6))
    assert_close(fnn.fori_loop(3, 3, lambda i, x: x + counter(), 1.0), jnp.float32(1.0))
    assert_close(counter.total, 6.0)


@both
def test_fori_loop_with_batch_norm_and_gradients(jit):
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    twin = copy.deepcopy(model)

    def form(model, x):
        return (fnn.fori_loop(0, 3, lambda i, x: jnp.tanh(model(x)), x) ** 2).sum()

    def plain(model, x):
        for _ in range(3):
            x = jnp.tanh(model(x))
        return (x**2).sum()

    got = wrap(jit, fnn.value_and_grad(form))(model, X[0])
    assert_close(got, fnn.value_and_grad(plain)(twin, X[0]), rtol=1e-3, atol=1e-3)
    assert_close(dict(model.named_buffers()), dict(twin.named_buffers()), rtol=1e-4, atol=1e-5)


@both
def test_fori_loop_draws_afresh(jit):
    run = wrap(jit, lambda x: fnn.fori_loop(-50, 50, lambda i, c: c + fnn.randn(1000), x))
    fnn.manual_seed(0)
    first = run(jnp.zeros(1000))
    assert 80 < float(first.var()) < 120
    assert not np.array_equal(first, run(jnp.zeros(1000)))
    fnn.manual_seed(0)
    np.testing.assert_array_equal(run(jnp.zeros(1000)), first)


# -- while_loop ---------------------------------------------------------------------------------------------


@both
def test_while_loop_carries_the_writes_of_both_functions(jit):
    asked, done = Counter(), Counter()

    def run(asked, done):
        return fnn.while_loop(lambda x: asked() + 0 * x < 4, lambda x: x + done(), 0.0)

    assert_close(wrap(jit, run)(asked, done), jnp.float32(1 + 2 + 3))
    assert (float(asked.total), float(done.total)) == (4.0, 3.0)
    assert_close(wrap(jit, run)(asked, done), jnp.float32(0.0))
    assert (float(asked.total), float(done.total)) == (5.0, 3.0)


@both
def test_while_loop_draws_afresh(jit):
    def body(state):
        i, rows = state
        return i + 1, rows.at[i].set(fnn.randn(64))

    run = wrap(jit, lambda rows: fnn.while_loop(lambda s: (s[0] < 4) & (fnn.rand(()) >= 0), body, (0, rows))[1])
    first, second = run(jnp.zeros((4, 64))), run(jnp.zeros((4, 64)))
    assert distinct([*first, *second]) == 8


def test_while_loop_differentiates_forward_only():
    p = nn.Parameter(jnp.array(3.0))
    double = lambda p: fnn.while_loop(lambda x: x < 100, lambda x: x * p, 1.0 * p)  # noqa: E731
    assert_close(fnn.func.jvp(double, (p,), (jnp.array(1.0),)), (jnp.float32(243.0), jnp.float32(5 * 81.0)))
    with pytest.raises(ValueError, match=r"Reverse-mode differentiation does not work for lax\.while_loop"):
        fnn.grad(double)(p)


def test_while_loop_wants_a_boolean():
    with pytest.raises(TypeError, match=r"cond_fun must return a boolean scalar, got shape \(2,\) and dtype bool"):
        fnn.while_loop(lambda x: x < 1, lambda x: x, jnp.zeros(2))
    with pytest.raises(TypeError, match=r"while_loop: body_fun: expected a function, got 3"):
        fnn.while_loop(lambda x: x < 1, 3, jnp.zeros(2))


# -- map ----------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("batch_size", [None, 2, 5, 9])
def test_map_stacks_and_draws_afresh(jit, batch_size):
    model = nn.Sequential(nn.Linear(3, 64), nn.Dropout(0.5)).eval()
    run = wrap(jit, lambda model, xs: fnn.map(lambda x: model(x), xs, batch_size=batch_size))
    assert_close(run(model, X[:, 0]), model(X[:, 0]), rtol=1e-5, atol=1e-6)
    model.train()
    ones = jnp.ones((5, 3))
    assert distinct([*run(model, ones), *run(model, ones)]) == 10


def test_map_carries_writes_and_nests():
    counter = Counter()
    out = fnn.map(lambda x: {"z": counter(x["b"]), "a": x["a"]}, {"b": jnp.arange(3.0), "a": jnp.ones(3)})
    assert list(out) == ["z", "a"]
    assert_close(out["z"], jnp.array([0.0, 1.0, 3.0]))
    out = fnn.map(lambda x: {"z": x["b"], "a": x["a"]}, {"b": jnp.arange(3.0), "a": jnp.ones(3)}, batch_size=2)
    assert list(out) == ["z", "a"] and out["z"].shape == (3,)
    with pytest.raises(ValueError, match=r"vmap: a Buffer of shape \(\)"):
        fnn.map(counter, jnp.arange(3.0), batch_size=2)
    with pytest.raises(ValueError, match="map: batch_size must be a positive int or None, got batch_size=0"):
        fnn.map(counter, jnp.arange(3.0), batch_size=0)
    with pytest.raises(ValueError, match="map: xs must be arrays"):
        fnn.map(counter, 1.0)


# -- switch -------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("index", [-1, 0, 1, 2, 7])
def test_switch_carries_the_writes_of_the_taken_branch(jit, index):
    counters = [Counter() for _ in range(3)]
    run = wrap(jit, lambda i, cs, x: fnn.switch(i, [lambda c, x, k=k: c[k](x) for k in range(3)], cs, x))
    assert_close(run(jnp.asarray(index), counters, jnp.float32(2.0)), jnp.float32(2.0))
    assert [float(c.total) for c in counters] == [2.0 * (k == min(max(index, 0), 2)) for k in range(3)]


def test_switch_wants_branches():
    with pytest.raises(ValueError, match="switch: branches must hold at least one function, got none"):
        fnn.switch(0, [])
    with pytest.raises(TypeError, match=r"switch: branches\[1\]: expected a function, got 3"):
        fnn.switch(0, [lambda: 1, 3])


# -- Modules made in a body -----------------------------------------------------------------------------------

LOOPS = {
    "scan": lambda f, xs: fnn.scan(lambda c, x: (c, f(x)), 0, xs)[1],
    "map": lambda f, xs: fnn.map(f, xs),
    "vmap": lambda f, xs: fnn.vmap(f)(xs),
    "fori_loop": lambda f, xs: fnn.fori_loop(0, 3, lambda i, ys: ys.at[i].set(f(xs[i])), jnp.zeros((3, 4, 2))),
    "while_loop": lambda f, xs: fnn.while_loop(
        lambda s: s[0] < 3, lambda s: (s[0] + 1, s[1].at[s[0]].set(f(xs[s[0]]))), (0, jnp.zeros((3, 4, 2)))
    )[1],
    "cond": lambda f, xs: fnn.cond(True, lambda xs: jnp.stack([f(x) for x in xs]), lambda xs: xs, xs),
}


@both
@pytest.mark.parametrize("name", LOOPS)
def test_modules_made_or_copied_in_a_body_belong_to_it(name, jit):
    xs = jnp.arange(24.0).reshape(3, 4, 2)
    norm = nn.BatchNorm1d(2)
    before = {k: np.asarray(v) for k, v in norm.state_dict().items()}
    want = jnp.stack([nn.BatchNorm1d(2)(x) for x in xs])

    def made(x):
        inner = nn.BatchNorm1d(2)
        return inner(x) + 0 * inner.running_mean.data.sum()

    def copied(x):
        inner = copy.deepcopy(norm)
        inner.weight.data = inner.weight.data * 1
        return inner(x)

    def assigned(x):
        inner = copy.deepcopy(norm)
        inner.seen = x
        inner.register_buffer("kept", x)
        inner.pair = [x]
        return inner(inner.seen + inner.kept + inner.pair[0] - 2 * x)

    for f in (made, copied, assigned):
        assert_close(wrap(jit, lambda xs, f=f: LOOPS[name](f, xs))(xs), want, rtol=1e-4, atol=1e-5)
    assert_close(dict(norm.state_dict()), before)


def test_a_module_made_under_vmap_is_one_for_all_members_and_another_at_each_call():
    drawn = fnn.jit(fnn.vmap(lambda x: nn.Linear(2, 2)(x)))
    xs = jnp.ones((3, 2))
    first, second = drawn(xs), drawn(xs)
    assert_close(first, jnp.broadcast_to(first[0], first.shape))
    assert not jnp.allclose(first, second)
    assert_close(fnn.jit(fnn.vmap(lambda x: nn.BatchNorm1d(2)(x)))(jnp.ones((3, 4, 2))), jnp.zeros((3, 4, 2)))
    with pytest.raises(fnn.MissingKeyError, match="vmap: the function draws random numbers, and randomness='error'"):
        fnn.jit(fnn.vmap(lambda x: nn.Dropout()(nn.Linear(2, 2)(x))))(xs)


@pytest.mark.parametrize("kind", [list, dict])
def test_an_array_put_into_a_list_or_dict_in_a_body_is_refused(kind):
    model = nn.Identity()
    model.seen = kind()

    def put(module, args, output):
        if kind is list:
            module.seen.append(output)
        else:
            module.seen["a"] = output

    model.register_forward_hook(put)
    with pytest.raises(fnn.TracerEscapeError, match=f"assigned to a {kind.__name__} in the body of a loop"):
        fnn.jit(lambda model, xs: fnn.scan(lambda c, x: (c, model(x)), 0, xs))(model, jnp.ones((3, 2)))
    assert model.seen == kind()


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return x * 2


BODIES = {
    "scan": lambda f, xs: fnn.scan(lambda c, x: (c, f(x)), 0, xs)[1],
    "map": lambda f, xs: fnn.map(f, xs),
    "fori_loop": lambda f, xs: fnn.fori_loop(0, 3, lambda i, x: f(x), xs),
    "while_loop": lambda f, xs: fnn.while_loop(lambda x: x.sum() < 30, f, xs),
    "cond": lambda f, xs: fnn.cond(xs.sum() > 0, f, lambda x: x, xs),
    "switch": lambda f, xs: fnn.switch(1, [lambda x: x, f], xs),
}


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("name", BODIES)
def test_a_number_counted_in_a_body_is_refused(name, jit):
    model, xs = Counting(), jnp.ones((3, 2))

    def call(model, xs):
        return BODIES[name](model, xs)

    with pytest.raises(
        fnn.TracerEscapeError, match=rf"'calls' of Counting is changed from 0 to 1 in a body of fnn.{name}"
    ):
        (fnn.jit(call) if jit else call)(model, xs)
    assert model.calls == 0
    if jit:
        plain = type("Plain", (), {})()
        plain.calls = 0

        def count(x):
            plain.calls += 1
            return x * 2

        with pytest.raises(fnn.TracerEscapeError, match="'calls' of Plain is changed"):
            fnn.jit(lambda plain, xs: BODIES[name](count, xs))(plain, xs)
        assert plain.calls == 0


def test_what_is_called_once_may_count():
    model, xs = Counting(), jnp.ones((3, 2))
    fnn.vmap(model)(xs), fnn.vmap(model, randomness="different")(xs), fnn.checkpoint(model)(xs)
    fnn.jit(lambda model, x: fnn.vmap(fnn.checkpoint(model))(x))(model, xs)
    assert model.calls == 4


def test_each_iteration_initialises_its_own_module():
    rows = fnn.scan(lambda c, x: (c, nn.Linear(64, 1, bias=False)(x * jnp.eye(64))[:, 0]), 0, jnp.ones(3))[1]
    assert distinct(rows) == 3
    assert float(abs(rows).max()) <= 1 / 8
