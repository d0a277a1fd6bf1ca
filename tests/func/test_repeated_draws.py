"""No draw is repeated silently: where JAX runs a body more often than Python does, a draw is refused or fresh."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import fnn
from fnn import nn
from fnn.errors import MissingKeyError
from fnn.nn import functional as F

ROWS = jnp.ones((4, 64))
DROP = nn.Dropout(0.5)


def _scan(draw, xs):
    return lax.scan(lambda c, x: (c, draw(x)), 0, xs)[1]


# Raw transforms that run their body repeatedly, or again at a later call of one trace.
REPEATING = {
    "scan": (_scan, "lax.scan or jax.lax.map"),
    "map": (lambda draw, xs: lax.map(draw, xs), "lax.scan or jax.lax.map"),
    "map in batches": (lambda draw, xs: lax.map(draw, xs, batch_size=2), "jax.vmap|lax.map"),
    "fori_loop": (lambda draw, xs: lax.fori_loop(0, 3, lambda i, x: draw(x), xs), "lax.fori_loop"),
    "dynamic fori_loop": (
        lambda draw, xs: lax.fori_loop(0, xs[0, 0].astype(int), lambda i, x: draw(x), xs),
        "lax.fori_loop",
    ),
    "while body": (lambda draw, xs: lax.while_loop(lambda x: x.sum() < 0, draw, xs), "lax.while_loop"),
    "while condition": (lambda draw, xs: lax.while_loop(lambda x: draw(x).sum() < 0, lambda x: x, xs), "while_loop"),
    "vmap": (lambda draw, xs: jax.vmap(draw)(xs), "jax.vmap"),
    "jit": (lambda draw, xs: jax.jit(draw)(xs), "jax.jit"),
    "checkpoint in scan": (lambda draw, xs: _scan(jax.checkpoint(draw), xs), "jax.checkpoint"),
    "cond in scan": (lambda draw, xs: _scan(lambda x: lax.cond(True, draw, draw, x), xs), "lax.cond"),
    "scan in cond": (lambda draw, xs: lax.cond(True, lambda xs: _scan(draw, xs), lambda xs: xs, xs), "lax.scan"),
    "fnn.checkpoint in scan": (lambda draw, xs: _scan(fnn.checkpoint(draw), xs), "lax.scan"),
    "fnn.cond in scan": (lambda draw, xs: _scan(lambda x: fnn.cond(True, draw, draw, x), xs), "lax.scan"),
    "fnn.scan in scan": (lambda draw, xs: _scan(lambda x: fnn.map(draw, x[None])[0], xs), "lax.scan"),
    "fnn.vmap in scan": (
        lambda draw, xs: _scan(lambda x: fnn.vmap(draw, randomness="different")(x[None])[0], xs),
        "lax.scan",
    ),
    "fnn.jit in scan": (lambda draw, xs: _scan(fnn.jit(draw), xs), "lax.scan"),
    "checkpoint": (lambda draw, xs: jax.checkpoint(draw)(xs), "jax.checkpoint"),
    "cond": (lambda draw, xs: lax.cond(True, draw, draw, xs), "lax.cond"),
    "switch": (lambda draw, xs: lax.switch(1, [draw, draw], xs), "lax.switch"),
    "checkpoint in grad": (
        lambda draw, xs: jax.grad(lambda xs: jax.checkpoint(draw)(xs).sum())(xs),
        "jax.checkpoint",
    ),
    "scan in grad": (lambda draw, xs: jax.grad(lambda xs: _scan(draw, xs).sum())(xs), "lax.scan"),
}

DRAWS = {
    "module": lambda x: DROP(x),
    "functional": lambda x: F.dropout(x, 0.5),
    "creation": lambda x: x + fnn.randn(*x.shape),
}


class Looped(nn.Module):
    """A raw loop in a forward pass."""

    def __init__(self, form, draw):
        super().__init__()
        self.form, self.draw = form, draw

    def forward(self, x):
        return self.form(self.draw, x)


def _with_key(form, draw, xs):
    layer = fnn.pure(Looped)(form, draw)
    return layer.apply(*layer.init(jax.random.key(0)), xs, training=True, key=jax.random.key(1))[0]


def _differentiated(form, draw, xs):
    return fnn.jit(fnn.value_and_grad(lambda xs: form(draw, xs).sum()))(xs)


AROUND = {
    "fnn.jit": lambda form, draw, xs: fnn.jit(lambda xs: form(draw, xs))(xs),
    "value_and_grad": _differentiated,
    "pure": _with_key,
    "jax.jit of pure": lambda form, draw, xs: jax.jit(lambda xs: _with_key(form, draw, xs))(xs),
    "fnn.scan": lambda form, draw, xs: fnn.scan(lambda c, xs: (c, form(draw, xs)), 0, xs[None]),
    "fnn.checkpoint": lambda form, draw, xs: fnn.checkpoint(lambda xs: form(draw, xs))(xs),
    "fnn.vmap": lambda form, draw, xs: fnn.vmap(lambda xs: form(draw, xs), randomness="different")(xs[None]),
}


@pytest.mark.parametrize("name", REPEATING)
def test_a_repeated_draw_is_refused(name):
    form, said = REPEATING[name]
    with pytest.raises(MissingKeyError, match=rf"(?s)draws random numbers inside a raw .*({said}).*fnn\.fori_loop"):
        fnn.jit(lambda xs: form(DRAWS["module"], xs))(ROWS)
    with pytest.raises(MissingKeyError):  # and outside of everything
        form(DRAWS["module"], ROWS)


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("draw", DRAWS)
def test_a_repeated_draw_is_refused_under_every_transform(around, draw):
    with pytest.raises(MissingKeyError, match=r"(?s)inside a raw jax\.lax\.scan.*fnn\.scan, fnn\.map"):
        AROUND[around](_scan, DRAWS[draw], ROWS)


def test_the_text_names_the_ways_out():
    with pytest.raises(MissingKeyError) as caught:
        fnn.jit(lambda x: lax.fori_loop(0, 100, lambda i, c: c + fnn.randn(1000), x))(jnp.zeros(1000))
    assert str(caught.value) == (
        "randn draws random numbers inside a raw jax.lax.fori_loop, which runs the traced body more often than Python "
        "does.\n"
        "Wrong: jax.lax.fori_loop(0, 9, lambda i, x: F.dropout(x, 0.5), x)  # the same mask in all iterations\n"
        "Why:   the draw is traced once, with one key: every iteration, batch member or later call would get the same "
        "numbers.\n"
        "Right: fnn.fori_loop(0, 9, lambda i, x: F.dropout(x, 0.5), x)      # a key of its own for each iteration\n"
        "fnn.scan, fnn.map, fnn.while_loop, fnn.cond, fnn.switch, fnn.checkpoint, fnn.vmap(..., "
        'randomness="different") and\n'
        "fnn.jit give keys likewise; or pass keys through JAX's transform: F.dropout(x, 0.5, training=True, key=key)."
    )


# Forms that run their body once for each call, or give it keys: the draw is right.
ONCE = {
    "nothing": lambda draw, x: draw(x),
    "grad": lambda draw, x: jax.grad(lambda x: draw(x).sum())(x),
    "vjp": lambda draw, x: jax.vjp(draw, x)[0],
    "jvp": lambda draw, x: jax.jvp(draw, (x,), (x,))[1],
    "linearize": lambda draw, x: jax.linearize(draw, x)[0],
    "fnn.jit": lambda draw, x: fnn.jit(draw)(x),
    "fnn.checkpoint": lambda draw, x: fnn.checkpoint(draw)(x),
    "fnn.checkpoint in grad": lambda draw, x: jax.grad(lambda x: fnn.checkpoint(draw)(x).sum())(x),
    "fnn.cond in fnn.checkpoint in fnn.cond": lambda draw, x: fnn.cond(
        True, fnn.checkpoint(lambda x: fnn.cond(True, draw, draw, x)), draw, x
    ),
    "fnn.cond": lambda draw, x: fnn.cond(x.sum() > 0, draw, draw, x),
    "fnn.switch": lambda draw, x: fnn.switch(1, [draw, draw], x),
    "fnn.scan": lambda draw, x: fnn.scan(lambda c, x: (c, draw(x)), 0, x[None])[1][0],
    "jacfwd": lambda draw, x: fnn.func.jacfwd(draw, randomness="same")(x).sum(0),
    "jacrev": lambda draw, x: fnn.func.jacrev(draw)(x).sum(0),
}


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("name", ONCE)
def test_a_draw_that_is_not_repeated_is_fresh_at_each_call(name, jit):
    run = lambda x: (ONCE[name](DROP, x), ONCE[name](DROP, x))  # noqa: E731
    run = fnn.jit(run) if jit else run
    x = jnp.ones(64)
    draws = [*run(x), *run(x)]
    for y in draws:
        assert set(np.unique(y)) == {0.0, 2.0}
    assert len({np.asarray(y).tobytes() for y in draws}) == 4


def test_a_custom_derivative_draws_once():
    @jax.custom_vjp
    def noisy(x):
        return DROP(x)

    noisy.defvjp(lambda x: (noisy(x), None), lambda _, g: (g,))
    y = fnn.jit(lambda x: noisy(x))(jnp.ones(64))
    assert set(np.unique(y)) == {0.0, 2.0}


def test_keys_of_ones_own_pass_through_raw_loops():
    keys = jax.random.split(jax.random.key(0), 4)
    run = lambda xs: lax.map(lambda a: F.dropout(a[0], 0.5, training=True, key=a[1]), (xs, keys))  # noqa: E731
    ys = fnn.jit(run)(ROWS)
    assert len({np.asarray(y).tobytes() for y in ys}) == 4


def test_what_a_lazy_module_draws_inside_fnn_jit_nobody_draws_again():
    states, weights = [], []
    for transform in (lambda f: f, fnn.jit):
        fnn.manual_seed(0)
        lazy = nn.LazyLinear(4)
        transform(lambda x, lazy=lazy: lazy(x))(ROWS)
        states.append(fnn.get_rng_state())
        weights.append((lazy.weight.data, nn.Linear(64, 4).weight.data))
    np.testing.assert_array_equal(*states)
    np.testing.assert_array_equal(*weights)
    assert not np.array_equal(*weights[1])


MADE_INSIDE = {
    "constructor": lambda lin, x: nn.Linear(64, 4)(x),
    "reset_parameters": lambda lin, x: (lin.reset_parameters(), lin(x))[1],
    "in a Sequential": lambda lin, x: nn.Sequential(nn.Linear(64, 4), nn.BatchNorm1d(4))(x),
}


@pytest.mark.parametrize("make", MADE_INSIDE.values(), ids=MADE_INSIDE)
def test_a_module_made_inside_fnn_jit_draws_anew_at_each_call(make):
    found = []
    for transform in (lambda f: f, lambda f: fnn.jit(f, random="torch"), fnn.jit):
        fnn.manual_seed(0)
        lin = nn.Linear(64, 4)
        step = transform(lambda x, lin=lin: make(lin, x))
        found.append([step(ROWS[:2] * jnp.arange(2.0)[:, None]) for _ in range(2)])
    for eager, torchs in zip(*found[:2], strict=True):
        np.testing.assert_allclose(torchs, eager, rtol=1e-4, atol=1e-6)
    first, second = found[2]
    assert not np.allclose(first, second, atol=1e-3) or np.allclose(first, [[1], [-1]])
