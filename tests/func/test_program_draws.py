"""`fnn.jit` with ``random="torch"``: what a program draws is what eager code, and PyTorch, draw."""

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
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
    def drawn(x):
        return x + fnn.randn(2)

    zeros, length = jnp.zeros(2), jnp.array(3)
    for call in (
        lambda: fnn.while_loop(lambda x: x.sum() < 1, drawn, zeros),
        lambda: fnn.cond(length > 2, drawn, lambda x: x, zeros),
        lambda: fnn.fori_loop(0, length, lambda _, x: drawn(x), zeros),
    ):
        with pytest.raises(MissingKeyError, match=r"(while_loop|cond|fori_loop): random numbers are drawn in its body"):
            fnn.jit(call, random="torch")()
    with pytest.raises(MissingKeyError, match=r"scan: numbers that its body draws \(normal\) are"):
        fnn.jit(
            lambda: fnn.scan(
                lambda c, _: (c + float(np.sum(fnn.random.program_generator().normal((2,)))), None), 0.0, length=3
            ),
            random="torch",
        )()
    with pytest.raises(ArgumentError, match="the host generator needs the numbers of concentration"):
        fnn.jit(lambda c: fnn.distributions.Gamma(c, jnp.ones(2)).sample(), random="torch")(jnp.ones(2))
    with pytest.raises(MissingKeyError, match="with randomness='same' and PyTorch's numbers"):
        fnn.jit(lambda x: fnn.vmap(lambda x: x + fnn.randn(2), randomness="same", chunk_size=1)(x), random="torch")(
            jnp.ones((2, 2))
        )
    with pytest.raises(ArgumentError, match="random must be 'jax' or 'torch', got 'numpy'"):
        fnn.jit(lambda: 1, random="numpy")


def test_multinomial_with_replacement():
    weights = np.random.default_rng(0).random((2, 300), np.float32) ** 2
    for dtype in ("float32", "bfloat16"):
        w = jnp.asarray(weights, dtype)
        draw = fnn.jit(lambda w: fnn.multinomial(w, 100, replacement=True), random="torch")
        for seed in range(3):
            fnn.manual_seed(seed)
            eager = fnn.multinomial(w, 100, replacement=True)
            fnn.manual_seed(seed)
            np.testing.assert_array_equal(draw(w), eager)


def one_step(x, n):
    """A body that draws of several kinds, in a loop inside a loop too."""
    x = x + fnn.randn(18) * fnn.rand(()) + fnn.nn.functional.dropout(x, 0.3)
    for _ in range(2):
        x = x + fnn.bernoulli(jnp.full(18, 0.4)) * n
    return x, fnn.randint(0, 9, (2,))


def nested(x, n):
    x, (kinds, _) = fnn.scan(lambda c, k: ((y := one_step(c, k))[0], (y[1], k)), x, jnp.arange(2.0))
    return x + n, kinds


def plain(x, n):
    rows = []
    for k in (0.0, 1.0):
        x, kinds = one_step(x, k)
        rows.append(kinds)
    return x + n, jnp.stack(rows)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("body", "python"), [(one_step, one_step), (nested, plain)], ids=["one", "nested"])
def test_a_scan_draws_what_the_loop_in_python_draws(body, python, reverse):
    steps = jnp.arange(3.0)
    fnn.manual_seed(5)
    want = []
    for _ in range(2):
        x, rows = jnp.ones(18), [None] * 3
        for n in range(3)[:: -1 if reverse else 1]:
            x, rows[n] = python(x, steps[n])
        want.append((x, jnp.stack(rows)))
    fnn.manual_seed(5)
    step = fnn.jit(lambda x: fnn.scan(body, x, steps, reverse=reverse), random="torch")
    for theirs in want:
        for a, b in zip(step(jnp.ones(18)), theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)
    assert fnn.get_rng_state() is not None


def test_other_loops_and_checkpoint():
    drop = nn.Dropout(0.4)

    def body(x):
        return drop(x) + fnn.randn(20)

    def in_python(x):
        return body(body(x))

    fnn.manual_seed(1)
    want = [in_python(jnp.ones(20)) for _ in range(2)]
    for form in (
        lambda x: fnn.fori_loop(0, 2, lambda _, x: body(x), x),
        lambda x: fnn.checkpoint(in_python)(x),
        lambda x: fnn.checkpoint(lambda x: fnn.checkpoint(body)(body(x)))(x),
    ):
        fnn.manual_seed(1)
        step = fnn.jit(form, random="torch")
        for theirs in want:
            np.testing.assert_allclose(step(jnp.ones(20)), theirs, rtol=1e-6)
    fnn.manual_seed(1)
    rows = fnn.jit(lambda x: fnn.map(body, x), random="torch")(jnp.ones((2, 20)))
    fnn.manual_seed(1)
    np.testing.assert_allclose(rows, jnp.stack([body(jnp.ones(20)) for _ in range(2)]), rtol=1e-6)


def test_parameters_that_the_trace_knows():
    d = fnn.distributions

    def draws():
        low = fnn.tensor([0.5, 2.0])
        return (
            d.Gamma(low * 2, fnn.tensor(1.0)).sample(), d.Beta(low, low + 1).sample(), d.Poisson(low).sample(),
            d.Dirichlet(low).sample((2,)), d.Binomial(5, low / 4).sample(), d.VonMises(low, low).sample(),
            d.StudentT(low + 2).sample(), fnn.multinomial(fnn.ones(3) / 3, 4, replacement=True),
        )  # fmt: skip

    fnn.manual_seed(2)
    want = [draws() for _ in range(2)]
    fnn.manual_seed(2)
    step = fnn.jit(draws, random="torch")
    for theirs in want:
        for a, b in zip(step(), theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)


def test_a_function_that_is_traced_again_draws_once():
    w = nn.Parameter(jnp.ones(20))

    def loss(w):
        noisy = fnn.nn.functional.dropout(w * fnn.randn(20), 0.3)
        (slope,) = fnn.autograd.grad((noisy**2).sum(), w, create_graph=True)
        return (slope * fnn.rand(20)).sum()

    def alone():
        draws = fnn.nn.functional.dropout(fnn.randn(20), 0.3)
        return 2 * draws**2 * fnn.rand(20)

    fnn.manual_seed(4)
    want = [alone() for _ in range(2)]
    assert fnn.jit(fnn.grad(loss))(w).shape == (20,)
    fnn.manual_seed(4)
    step = fnn.jit(lambda: fnn.grad(loss)(w), random="torch")
    for theirs in want:
        np.testing.assert_allclose(step(), theirs, rtol=1e-5)


@pytest.mark.parametrize("randomness", ["different", "same"])
def test_a_batch_draws_what_torchs_does(randomness):
    torch = pytest.importorskip("torch")

    def body(api, drop):
        return lambda x: drop(x) + api.randn(3) * api.rand(20)[:3] + api.randn(17)[:3]

    x = np.ones((4, 3), np.float32)
    torch.manual_seed(6)
    mapped = torch.func.vmap(body(torch, lambda x: torch.nn.functional.dropout(x, 0.4)), randomness=randomness)
    want = [mapped(torch.from_numpy(x)).numpy() for _ in range(2)]
    fnn.manual_seed(6)
    drop = nn.Dropout(0.4)
    step = fnn.jit(lambda x: fnn.vmap(body(fnn, drop), randomness=randomness)(x), random="torch")
    for theirs in want:
        np.testing.assert_allclose(step(x), theirs, rtol=1e-5, atol=1e-6)
