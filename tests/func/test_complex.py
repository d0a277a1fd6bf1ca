"""Derivatives of complex values: PyTorch's convention, wherever fnn hands them out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn, optim
from fnn.func import grad_and_value, hessian, jacfwd, jacrev, jvp, linearize, vjp
from fnn.testing import assert_close

torch = pytest.importorskip("torch")

Z = np.array([1 + 2j, 3 - 1j], np.complex64)
V = np.array([1j, 2 + 3j], np.complex64)


def loss(z):
    return abs(z * z * (2 + 1j)).sum() + (z**2 * (1 + 3j)).real.sum()


def mixed(z):
    return z * z * (2 + 1j) + z.conj() * 1j


CALLS = {
    "grad": lambda m, z, v: m.grad(loss)(z),
    "grad_and_value": lambda m, z, v: m.grad_and_value(loss)(z),
    "grad of two": lambda m, z, v: m.grad(lambda a, b: loss(a * b), argnums=(0, 1))(z, v),
    "grad of grad": lambda m, z, v: m.grad(lambda z: (m.grad(loss)(z) * v).real.sum())(z),
    "vjp": lambda m, z, v: m.vjp(mixed, z)[1](v),
    "vjp to real": lambda m, z, v: m.vjp(lambda z: z.real * 2, z)[1](v.real),
    "vjp from real": lambda m, z, v: m.vjp(lambda x: x * x * (1 + 3j), z.real)[1](v),
    "jvp": lambda m, z, v: m.jvp(mixed, (z,), (v,)),
    "linearize": lambda m, z, v: m.linearize(mixed, z)[1](v),
    "vmap of grad": lambda m, z, v: m.vmap(m.grad(lambda z: loss(z)))(z),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.filterwarnings("ignore")
def test_complex_derivatives_as_torch(name):
    want = CALLS[name](torch.func, torch.tensor(Z), torch.tensor(V))
    assert_close(CALLS[name](fnn.func, jnp.asarray(Z), jnp.asarray(V)), want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("transform", [jacrev, jacfwd, hessian], ids=lambda f: f.__name__)
def test_whole_jacobians_refuse_complex_values_as_torch(transform):
    theirs = getattr(torch.func, transform.__name__)
    for function, value in ((loss, Z), (lambda x: x * (1 + 1j), Z.real)):
        with pytest.raises(RuntimeError, match=r"Expected all \w+ to be real but received complex tensor") as want:
            theirs(function)(torch.tensor(value))
        with pytest.raises(TypeError, match=r"use fnn.func.vjp or jvp") as got:
            transform(function)(jnp.asarray(value))
        assert str(want.value) in str(got.value)


class Filter(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(jnp.asarray(Z))
        self.gain = nn.Parameter(jnp.ones(2))

    def forward(self, x):
        return self.weight * x * self.gain


class TorchFilter(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(Z))
        self.gain = torch.nn.Parameter(torch.ones(2))

    forward = Filter.forward


def distance(model, v):
    return (abs(model(v) - 1) ** 2).sum()


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
def test_gradients_of_complex_parameters_as_torch(jit):
    model, twin = Filter(), TorchFilter()
    wrap = fnn.jit if jit else lambda f: f
    distance(twin, torch.tensor(V)).backward()
    want = {name: p.grad for name, p in twin.named_parameters()}
    v = jnp.asarray(V)
    assert_close(wrap(fnn.grad(distance))(model, v), want, rtol=1e-5, atol=1e-5)
    assert_close(wrap(fnn.value_and_grad(distance))(model, v)[1], want, rtol=1e-5, atol=1e-5)
    assert_close(wrap(grad_and_value(distance))(model, v)[0], want, rtol=1e-5, atol=1e-5)
    assert_close(fnn.grad(lambda p: (abs(p) ** 2).sum())(model.weight), 2 * Z)
    wrap(fnn.backward(distance))(model, v)
    assert_close({name: p.grad for name, p in model.named_parameters()}, want, rtol=1e-5, atol=1e-5)
    assert want["gain"].dtype == torch.float32 and model.gain.grad.dtype == jnp.float32


def test_vjp_jvp_and_linearize_of_a_module_with_complex_parameters():
    model, twin, v = Filter(), TorchFilter(), jnp.asarray(V)
    params = {name: p.detach() for name, p in twin.named_parameters()}
    call = lambda params: torch.func.functional_call(twin, params, (torch.tensor(V),))  # noqa: E731
    want = torch.func.vjp(call, params)[1](torch.tensor(V))
    assert_close(vjp(lambda m: m(v), model)[1](v), want, rtol=1e-5, atol=1e-5)
    direction = {"weight": V, "gain": np.array([1.0, -2.0], np.float32)}
    want = torch.func.jvp(call, (params,), ({k: torch.tensor(d) for k, d in direction.items()},))
    assert_close(jvp(lambda m: m(v), (model,), (direction,)), want, rtol=1e-5, atol=1e-5)
    assert_close(linearize(lambda m: m(v), model)[1](direction), want[1], rtol=1e-5, atol=1e-5)


def test_hooks_see_torchs_gradients():
    seen = []
    for lib, model, array in ((nn, Filter(), jnp.asarray), (torch.nn, TorchFilter(), torch.tensor)):
        outer = lib.Sequential(model, lib.Identity())
        found = []
        model.weight.register_hook(lambda g, found=found: found.append(("weight", np.asarray(g))))
        outer[1].register_full_backward_hook(
            lambda _, grad_in, grad_out, found=found: found.append((np.asarray(grad_in[0]), np.asarray(grad_out[0])))
        )
        outer[1].register_full_backward_pre_hook(lambda _, grad_out: (grad_out[0] * (2 + 1j),))
        loss = lambda outer, v: (abs(outer(v)) ** 2).sum()  # noqa: E731
        if lib is nn:
            fnn.backward(loss)(outer, array(V))
        else:
            loss(outer, array(V)).backward()
        seen.append((found, np.asarray(model.weight.grad)))
    (ours, weight), (theirs, want) = seen
    assert_close(weight, want, rtol=1e-5, atol=1e-5)
    assert_close(ours[0], theirs[0], rtol=1e-5, atol=1e-5)
    assert ours[1][0] == theirs[1][0] == "weight"
    assert_close(ours[1][1], theirs[1][1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("rule", [optim.SGD, optim.Adam])
def test_complex_parameters_descend(rule):
    p = nn.Parameter(jnp.array([1 + 2j]))
    twin = torch.nn.Parameter(torch.tensor([1 + 2j]))
    ours, theirs = rule([p], lr=0.1), getattr(torch.optim, rule.__name__)([twin], lr=0.1)
    for _ in range(20):
        fnn.backward(lambda p: (abs(p) ** 2).sum())(p)
        ours.step()
        ours.zero_grad()
        (abs(twin) ** 2).sum().backward()
        theirs.step()
        theirs.zero_grad()
    assert_close(p, twin, rtol=1e-4, atol=1e-5)
    assert abs(np.asarray(p)[0]) < 1.5


def test_jax_inside_keeps_its_own_convention():
    z = jnp.asarray(Z)
    assert_close(jnp.conj(jax.grad(loss)(z)), fnn.grad(loss)(z), rtol=1e-5, atol=1e-5)
