"""`fnn.autograd.Function` against ``torch.autograd.Function``: the same class body in both."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.errors import ArgumentError

torch = pytest.importorskip("torch")


def classes(base, where, clip, once):
    class Clipped(base):
        @staticmethod
        def forward(ctx, x, low, weight):
            ctx.save_for_backward(x, weight)
            ctx.low = low
            return clip(x, low) * weight, weight * 2

        @staticmethod
        def backward(ctx, grad, other):
            x, weight = ctx.saved_tensors
            assert ctx.needs_input_grad == (True, False, True)
            return where(x > ctx.low, grad, 0.1 * grad) * weight, None, (grad * clip(x, ctx.low)).sum() + 2 * other

    class Cubed(base):
        @staticmethod
        def forward(x):
            return x**3

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, grad):
            return 3 * ctx.saved_tensors[0] ** 2 * grad

    class Rounded(base):
        @staticmethod
        def forward(ctx, z):
            return z * 1

        @staticmethod
        @once
        def backward(ctx, grad):
            return grad * 1j

    return Clipped, Cubed, Rounded


OURS = classes(fnn.autograd.Function, jnp.where, lambda x, low: jnp.maximum(x, low), fnn.autograd.once_differentiable)
THEIRS = classes(
    torch.autograd.Function, torch.where, lambda x, low: x.clamp(min=low), torch.autograd.function.once_differentiable
)


def test_values_gradients_and_non_arrays():
    x, w = np.float32([-1, 0.5, 2]), np.float32(3)
    tx, tw = torch.tensor(x, requires_grad=True), torch.tensor(w, requires_grad=True)
    a, b = THEIRS[0].apply(tx, 0.0, tw)
    ((a**2).sum() + b).backward()
    px, pw = nn.Parameter(x), nn.Parameter(w)

    def loss(px, pw):
        a, b = OURS[0].apply(px, 0.0, pw)
        return (a**2).sum() + b

    gx, gw = fnn.grad(loss, argnums=(0, 1))(px, pw)
    np.testing.assert_allclose(gx, tx.grad, rtol=1e-6)
    np.testing.assert_allclose(gw, tw.grad, rtol=1e-6)

    @fnn.jit
    def step():
        fnn.backward(loss(px, pw))

    step()
    np.testing.assert_allclose(px.grad, tx.grad, rtol=1e-6)
    batched = fnn.vmap(fnn.grad(lambda x: loss(x, pw)))(jnp.stack([px.data, px.data]))
    np.testing.assert_allclose(batched[1], tx.grad, rtol=1e-6)


def test_second_derivatives():
    x = jnp.array([1.0, 2.0])
    np.testing.assert_allclose(jax.grad(lambda x: jax.grad(lambda x: OURS[1].apply(x).sum())(x).sum())(x), 6 * x)
    twice = jax.grad(lambda x: jax.grad(lambda x: (OURS[2].apply(x + 0j).imag * x).sum())(x).sum())
    assert np.isfinite(twice(x)).all()


def test_complex_gradients_are_pytorchs():
    z = np.array([1 + 2j, 3 - 1j], np.complex64)
    theirs = torch.tensor(z, requires_grad=True)
    (THEIRS[2].apply(theirs).abs() ** 2).sum().backward()
    ours = fnn.grad(lambda z: (jnp.abs(OURS[2].apply(z)) ** 2).sum())(jnp.asarray(z))
    np.testing.assert_allclose(ours, theirs.grad, rtol=1e-5)


def test_refusals():
    class Short(fnn.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x * y

        @staticmethod
        def backward(ctx, grad):
            return grad

    class Wrong(Short):
        @staticmethod
        def backward(ctx, grad):
            return grad[:1], None

    with pytest.raises(ArgumentError, match=r"incorrect number of gradients \(expected 2, got 1\)"):
        jax.grad(lambda x: Short.apply(x, x).sum())(jnp.ones(2))
    with pytest.raises(ArgumentError, match=r"invalid gradient at index 0 - got \[1\] but expected .* \[2\]"):
        jax.grad(lambda x: Wrong.apply(x, x).sum())(jnp.ones(2))
    with pytest.raises(ArgumentError, match="You must implement the forward"):
        fnn.autograd.Function.apply(jnp.ones(2))
    with pytest.raises(ArgumentError, match="return the new one"):
        fnn.autograd.FunctionCtx().mark_dirty(jnp.ones(2))


def test_outputs_without_a_derivative():
    class Sorted(fnn.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            values, order = jnp.sort(x), jnp.argsort(x)
            constant = x * 2
            ctx.mark_non_differentiable(constant)
            ctx.order = order
            return values, order, constant

        @staticmethod
        def backward(ctx, grad, *rest):
            return jnp.zeros_like(grad).at[ctx.order].set(grad)

    def loss(x):
        values, order, constant = Sorted.apply(x)
        assert order.dtype == jnp.int32
        return (values * jnp.arange(3.0)).sum() + constant.sum()

    np.testing.assert_array_equal(jax.grad(loss)(jnp.array([3.0, 1.0, 2.0])), [2, 0, 1])


@pytest.mark.parametrize("kept", ["input", "output", "middle"])
def test_second_derivatives_go_by_backward_alone(kept):
    """PyTorch's: an output depends on its input by ``backward``, and what else is saved is constant."""

    def made(base, rounded, exp):
        class Rounded(base):
            @staticmethod
            def forward(ctx, x):
                y = rounded(x) * 2
                ctx.save_for_backward({"input": x, "output": y, "middle": exp(x)}[kept])
                return y

            @staticmethod
            def backward(ctx, g):
                (saved,) = ctx.saved_tensors
                return g * saved * 3

        return Rounded

    values = np.array([0.7, -1.2, 2.6], np.float32)
    theirs = made(torch.autograd.Function, torch.round, torch.exp)
    x = torch.tensor(values, requires_grad=True)
    (slope,) = torch.autograd.grad((theirs.apply(x) ** 2).sum(), x, create_graph=True)
    (want,) = torch.autograd.grad((slope**2).sum(), x)
    ours = made(fnn.autograd.Function, jnp.round, jnp.exp)

    @fnn.jit
    def second(x):
        (slope,) = fnn.autograd.grad((ours.apply(x) ** 2).sum(), x, create_graph=True)
        return slope, fnn.autograd.grad((slope**2).sum(), x)[0]

    inner = fnn.grad(lambda x: (ours.apply(x) ** 2).sum())
    for got in (second(jnp.asarray(values)), (inner(values), fnn.grad(lambda x: (inner(x) ** 2).sum())(values))):
        np.testing.assert_allclose(got[0], slope.detach(), rtol=1e-5)
        np.testing.assert_allclose(got[1], want, rtol=1e-5)
