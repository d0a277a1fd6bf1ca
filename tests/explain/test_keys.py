"""`fnn.explain.keys`: which key is used twice, and where."""

import jax
import jax.numpy as jnp
import pytest

import fnn
from fnn import nn

SHAPE = (3,)


def twice(key):
    return jax.random.normal(key, SHAPE) + jax.random.uniform(key, SHAPE)


def drawn_and_split(key):
    return jax.random.normal(key, SHAPE), jax.random.split(key)


def a_part_twice(key):
    first, _ = jax.random.split(key)
    return jax.random.normal(first, SHAPE) + jax.random.uniform(first, SHAPE)


def made_inside(key):
    return jax.random.normal(jax.random.key(7), SHAPE) + jax.random.normal(jax.random.key(7), SHAPE), key


def in_a_loop(key):
    return jax.lax.fori_loop(0, 3, lambda i, x: x + jax.random.normal(key, SHAPE), jnp.zeros(SHAPE))


def carried_unchanged(key):
    return jax.lax.scan(lambda key, _: (key, jax.random.normal(key, SHAPE)), key, length=3)


def in_a_while_loop(key):
    return jax.lax.while_loop(lambda x: x[0] < 9, lambda x: x + jax.random.uniform(key, SHAPE), jnp.zeros(SHAPE))


def in_one_branch_and_outside(key):
    draw = jax.lax.cond(jnp.ones(()) > 0, lambda k: jax.random.normal(k, SHAPE), lambda k: jnp.ones(SHAPE), key)
    return draw + jax.random.normal(key, SHAPE)


def split_first(key):
    first, second = jax.random.split(key)
    return jax.random.normal(first, SHAPE) + jax.random.normal(second, SHAPE)


def in_each_branch(key):
    return jax.lax.cond(jnp.ones(()) > 0, lambda k: jax.random.normal(k, SHAPE),
                        lambda k: jax.random.uniform(k, SHAPE), key)  # fmt: skip


def folded_in_a_loop(key):
    def body(i, x):
        return x + jax.random.normal(jax.random.fold_in(key, i), SHAPE)

    return jax.lax.fori_loop(0, 3, body, jnp.zeros(SHAPE))


def split_in_a_scan(key):
    def body(key, _):
        key, use = jax.random.split(key)
        return key, jax.random.normal(use, SHAPE)

    return jax.lax.scan(body, key, length=3)


WRONG = [
    (twice, "key is used 2 times"),
    (drawn_and_split, "key is used 2 times"),
    (a_part_twice, "split(key)[0] is used 2 times"),
    (made_inside, "key(7) is used 2 times"),
    (in_a_loop, "key is used again and again"),
    (carried_unchanged, "key is used again and again"),
    (in_a_while_loop, "key is used again and again"),
    (in_one_branch_and_outside, "key is used 2 times"),
]


@pytest.mark.parametrize(("function", "words"), WRONG, ids=lambda case: getattr(case, "__name__", ""))
@pytest.mark.parametrize("make", [jax.random.key, jax.random.PRNGKey])
def test_reuse_is_found(function, words, make):
    found = fnn.explain.keys(function, make(0)).findings
    assert any(words in finding.what for finding in found), found


@pytest.mark.parametrize("function", [split_first, in_each_branch, folded_in_a_loop, split_in_a_scan])
def test_what_is_right_is_left_alone(function):
    assert not fnn.explain.keys(function, jax.random.key(0)).findings


class Noise(nn.Module):
    def forward(self, x, key):
        return x + jax.random.normal(key, x.shape)


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = Noise(), Noise()

    def forward(self, x, key):
        return self.second(self.first(x, key), key)


def test_the_modules_are_named():
    model = Two()
    (finding,) = fnn.explain.keys(fnn.jit(lambda x, key: model(x, key)), jnp.ones(3), jax.random.key(0)).findings
    assert finding.where == "Two/second"
    assert finding.what == "key is used 2 times as a key: by Two/first (draws), Two/second (draws)"


def test_a_training_step_uses_each_once():
    """Dropout draws keys of the scope; a checkpointed block draws again in the backward pass, as it must."""
    model = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5), nn.Dropout(0.5))

    @fnn.jit
    def step(x):
        model.zero_grad()
        fnn.backward(fnn.checkpoint(lambda x: model(x))(x).sum())

    assert fnn.explain.keys(step, jnp.ones((2, 3))).lines == ["no key is used twice"]
