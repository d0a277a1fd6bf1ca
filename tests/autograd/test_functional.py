"""`fnn.autograd.functional` against ``torch.autograd.functional``: results, their forms, errors."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.autograd import functional

torch = pytest.importorskip("torch")
reference = torch.autograd.functional

# PyTorch compiles a helper of forward mode by what it calls deprecated itself.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")

A = np.array([[0.3, -1.2], [0.7, 2.0]], np.float32)
B = np.array([1.5, -0.5], np.float32)


def one(t):
    return lambda x: t.exp(x).sum(1)


def two_in(t):
    return lambda x, y: t.sin(x) * y[None]


def two_out(t):
    return lambda x: (x**2, t.exp(x).sum())


def two_by_two(t):
    return lambda x, y: (x @ y, (y**3).sum() * x[0, 0])


def unused(t):
    return lambda x, y: (x**2, t.sin(x).sum())


def with_integers(t):
    return lambda x: (x * 2, t.argmax(x))


def scalar(t):
    return lambda x: (x**3).sum() + t.exp(x[0, 0] * x[1, 1])


def scalar_of_two(t):
    return lambda x, y: ((x @ y) ** 2).sum() + (y**3).sum()


def scalar_of_one(t):
    return lambda x, y: (x**3).sum()


def linear(t):
    return lambda x: (x * 2).sum()


FUNCTIONS = [(one, 1), (two_in, 2), (two_out, 1), (two_by_two, 2), (unused, 2), (with_integers, 1)]
SCALARS = [(scalar, 1), (scalar_of_two, 2), (scalar_of_one, 2), (linear, 1)]


def given(array, count):
    return array(A) if count == 1 else (array(A), array(B))


def same(got, want):
    if isinstance(want, (tuple, list)):  # PyTorch's forward mode returns lists
        assert isinstance(got, tuple) and len(got) == len(want)
        for g, w in zip(got, want, strict=True):
            same(g, w)
    else:
        assert got.shape == tuple(want.shape)
        np.testing.assert_allclose(np.asarray(got), want.detach().numpy(), rtol=1e-5, atol=1e-6)


def like(array, values, seed=3):
    rng = np.random.default_rng(seed)
    if isinstance(values, tuple):
        return tuple(like(array, v, seed + n) for n, v in enumerate(values))
    return array(rng.standard_normal(tuple(values.shape)).astype(np.float32))


def outcome(function):
    """The result, or the error's text without the name of the function in front."""
    try:
        return function()
    except (RuntimeError, TypeError, AssertionError, NotImplementedError) as error:
        return str(error).split("fnn.autograd.functional.")[-1].split(": ", 1)[-1].split("\n")[0]


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(("make", "count"), FUNCTIONS, ids=lambda x: getattr(x, "__name__", x))
@pytest.mark.parametrize("name", ["vjp", "jvp"])
def test_products(name, make, count, strict):
    theirs, ours = given(torch.from_numpy, count), given(jnp.asarray, count)
    shaped = make(torch)(*(theirs if count > 1 else (theirs,))) if name == "vjp" else theirs
    want = outcome(lambda: getattr(reference, name)(make(torch), theirs, like(torch.from_numpy, shaped), strict=strict))
    got = outcome(lambda: getattr(functional, name)(make(jnp), ours, like(jnp.asarray, shaped), strict=strict))
    if isinstance(want, str):
        assert got.lower().startswith(want.lower()) or "int" in got  # of an integer output the first error differs
    else:
        same(got, want)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(("make", "count"), SCALARS, ids=lambda x: getattr(x, "__name__", x))
def test_products_with_hessians(make, count, strict):
    theirs, ours = given(torch.from_numpy, count), given(jnp.asarray, count)
    for name in ("vhp", "hvp"):
        want = outcome(
            lambda n=name: getattr(reference, n)(make(torch), theirs, like(torch.from_numpy, theirs), strict=strict)
        )
        got = outcome(lambda n=name: getattr(functional, n)(make(jnp), ours, like(jnp.asarray, theirs), strict=strict))
        assert isinstance(want, str) == isinstance(got, str), (want, got)
        if not isinstance(want, str):
            same(got, want)
    want = outcome(lambda: reference.hessian(make(torch), theirs, strict=strict))
    got = outcome(lambda: functional.hessian(make(jnp), ours, strict=strict))
    assert isinstance(want, str) == isinstance(got, str), (want, got)
    if not isinstance(want, str):
        same(got, want)
        for strategy in ("reverse-mode", "forward-mode"):
            same(functional.hessian(make(jnp), ours, vectorize=True, outer_jacobian_strategy=strategy), want)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"vectorize": True},
        {"vectorize": True, "strategy": "forward-mode"},
        {"strict": True},
        {"create_graph": True},
    ],
    ids=str,
)
@pytest.mark.parametrize(("make", "count"), FUNCTIONS[:5], ids=lambda x: getattr(x, "__name__", x))
def test_jacobian(make, count, options):
    theirs, ours = given(torch.from_numpy, count), given(jnp.asarray, count)
    want = outcome(lambda: reference.jacobian(make(torch), theirs, **options))
    got = outcome(lambda: functional.jacobian(make(jnp), ours, **options))
    if isinstance(want, str):
        assert got == want
    else:
        same(got, want)


@pytest.mark.parametrize(
    "call",
    [
        lambda f, t, array: f.jacobian(lambda x: x, array(A), strategy="sideways"),
        lambda f, t, array: f.jacobian(lambda x: x, array(A), strategy="forward-mode"),
        lambda f, t, array: f.jacobian(lambda x: x, array(A), strategy="forward-mode", create_graph=True),
        lambda f, t, array: f.jacobian(lambda x: x, array(A), strict=True, vectorize=True),
        lambda f, t, array: f.vjp(lambda x: x, array(A)),
        lambda f, t, array: f.vjp(lambda x: x, array(A), array(B)),
        lambda f, t, array: f.vjp(lambda x: (x, x), array(A), (array(A),)),
        lambda f, t, array: f.vjp(lambda x: x, array(A), (array(A), array(A))),
        lambda f, t, array: f.jvp(lambda x: x, array(A)),
        lambda f, t, array: f.vhp(lambda x: x, array(A), array(A)),
        lambda f, t, array: f.hvp(lambda x: (x.sum(), x.sum()), array(A), array(A)),
        lambda f, t, array: f.hessian(lambda x: x, array(A)),
    ],
)
def test_errors(call):
    assert isinstance(outcome(lambda: call(reference, torch, torch.from_numpy)), str)
    assert isinstance(outcome(lambda: call(functional, jnp, jnp.asarray)), str)


def test_what_is_no_array_is_refused():
    with pytest.raises(fnn.ArgumentTypeError, match=r"inputs given to vjp must be either a Tensor or a tuple"):
        functional.vjp(lambda x: x, [jnp.ones(2)])
    with pytest.raises(fnn.ArgumentTypeError, match="outputs of the user-provided function given to jacobian"):
        functional.jacobian(lambda x: 1.0, jnp.ones(2))
    with pytest.raises(fnn.ArgumentTypeError, match="only Tensors of floating point and complex dtype"):
        functional.jacobian(lambda x: x, jnp.arange(2))


def test_results_are_constants_unless_a_graph_is_asked_for():
    def slope(x, create_graph):
        return functional.vjp(lambda x: (x**3).sum(), x, create_graph=create_graph)[1].sum()

    x = jnp.array([1.0, 2.0])
    np.testing.assert_allclose(fnn.grad(slope)(x, True), 6 * x)
    np.testing.assert_allclose(fnn.grad(slope)(x, False), 0 * x)


def test_in_a_compiled_step_with_a_module_and_complex_values():
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Tanh())
    x = jnp.asarray(A)
    rows = functional.jacobian(model, x)
    before = np.asarray(model[1].num_batches_tracked)
    np.testing.assert_allclose(fnn.jit(lambda x: functional.jacobian(model, x))(x), rows, rtol=2e-5, atol=1e-6)
    assert model[1].num_batches_tracked == before + 1
    z = A.astype(np.complex64) * (1 + 0.5j)
    v = np.array([[1j, 2], [3, 4 - 1j]], np.complex64)
    for name in ("vjp", "jvp"):
        want = getattr(reference, name)(lambda z: z**2 * z.conj(), torch.from_numpy(z), torch.from_numpy(v))
        got = getattr(functional, name)(lambda z: z**2 * z.conj(), jnp.asarray(z), jnp.asarray(v))
        for g, w in zip(got, want, strict=True):
            np.testing.assert_allclose(g, w.resolve_conj().numpy(), rtol=1e-5)


def test_jvp_of_an_operation_with_a_backward_of_its_own():
    class Double(fnn.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    np.testing.assert_allclose(functional.jvp(Double.apply, jnp.ones(2), jnp.array([1.0, 3.0]))[1], [2.0, 6.0])
    assert jax.config.jax_enable_x64 is False
