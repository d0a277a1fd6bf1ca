"""`fnn.jit` with ``random="torch"``: what a program draws is what eager code, and PyTorch, draw."""

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.errors import ArgumentError, MissingKeyError


def draws():
    unused = fnn.randn(3)
    del unused
    kinds = (fnn.randn(()), fnn.rand(2), fnn.randint(0, 9, (3,)), fnn.randperm(5), fnn.normal(1.0, 2.0, (2,)))
    return (*kinds, fnn.bernoulli(jnp.full(4, 0.3)), fnn.multinomial(jnp.array([0.2, 0.3, 0.5]), 2))


@pytest.mark.parametrize("everywhere", [False, True])
def test_numbers_are_those_of_eager_code_at_each_call(everywhere):
    fnn.manual_seed(3)
    want = [draws() for _ in range(3)]
    fnn.manual_seed(3)
    if everywhere:
        fnn.random.set_program_source("torch")
    try:
        step = fnn.jit(draws) if everywhere else fnn.jit(draws, random="torch")
        got = [step() for _ in range(3)]
    finally:
        fnn.random.set_program_source("jax")
    for ours, theirs in zip(got, want, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)
    state = fnn.get_rng_state()
    fnn.manual_seed(3)
    [draws() for _ in range(3)]
    np.testing.assert_array_equal(fnn.get_rng_state(), state)


def test_a_program_that_does_not_fit_any_more_draws_nothing():
    model = fnn.nn.Linear(2, 2)

    @fnn.jit(random="torch")
    def accumulates():  # the second call finds gradients, which the first program does not know
        noise = fnn.randn(2)
        fnn.backward(model(noise).sum())
        return noise

    fnn.manual_seed(0)
    got = [accumulates() for _ in range(3)]
    fnn.manual_seed(0)
    np.testing.assert_array_equal(got, [fnn.randn(2) for _ in range(3)])


def test_a_look_at_the_program_draws_nothing():
    step = fnn.jit(lambda: fnn.randn(2), random="torch")
    before = fnn.get_rng_state()
    step.lower()
    np.testing.assert_array_equal(fnn.get_rng_state(), before)


def test_refusals():
    with pytest.raises(MissingKeyError, match="Write the loop in Python"):
        fnn.jit(lambda: fnn.scan(lambda c, _: (c + fnn.randn(2), None), jnp.zeros(2), length=3), random="torch")()
    with pytest.raises(ArgumentError, match="random must be 'jax' or 'torch', got 'numpy'"):
        fnn.jit(lambda: 1, random="numpy")
    with pytest.raises(ArgumentError, match="with replacement PyTorch's numbers depend on"):
        fnn.jit(lambda p: fnn.multinomial(p, 3, True), random="torch")(jnp.ones(3))
