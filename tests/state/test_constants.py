"""A raw jax.jit keeps the values of a Module as constants: who changes them is warned. Hints on what arrays lack."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import fnn
from fnn import nn, optim
from fnn.errors import ConstantWarning

X = jnp.ones((3, 2))


def stepped(model):
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    @fnn.jit
    def step(model, optimizer, x):
        loss, grads = fnn.value_and_grad(lambda model: model(x).sum())(model)
        optimizer.step(grads)
        return loss

    step(model, optimizer, X)


CHANGES = {
    "data": lambda model: setattr(model.weight, "data", model.weight.data * 2),
    "load_state_dict": lambda model: model.load_state_dict(nn.Linear(2, 2).state_dict()),
    "fnn.jit": stepped,
    "optimizer": lambda model: optim.SGD(model.parameters(), lr=0.1).step([jnp.ones((2, 2)), jnp.ones(2)]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_warned_about_once(change):
    model = nn.Linear(2, 2)
    predict = jax.jit(lambda x: model(x))
    predict(X)
    with pytest.warns(ConstantWarning, match=r"of shape \(2(, 2|,)\) gets another value, but a raw jax.jit") as told:
        change(model)
    assert len(told) == 1 and told[0].filename == __file__
    change(model)
    predict(X)


USES = {
    "a derivative": lambda model: jax.grad(lambda x: model(x).sum())(X),
    "a program that is gone": lambda model: [jax.jit(lambda x: model(x))(X)],
    "its shape alone": lambda model: jax.eval_shape(lambda x: model(x), X),
    "arguments": lambda model: jax.jit(lambda w, x: x @ w)(model.weight, X),
    "a functional call": lambda model: jax.jit(lambda p, x: fnn.func.functional_call(model, p, (x,)))(
        fnn.split(model)[0], X
    ),
    "inside fnn.jit": lambda model: fnn.jit(lambda x: jax.jit(lambda x: model(x))(x))(X),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_nothing_is_said_where_nothing_is_stale(use):
    model = nn.Linear(2, 2)
    kept = use(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.load_state_dict(nn.Linear(2, 2).state_dict())
    del kept


HINTS = {
    "in place": (lambda x: x.clamp_(0), r"write p\.clamp_\(\.\.\.\), of the Parameter .* x = fnn\.clamp\(x, "),
    "copy_": (lambda x: x.copy_(x), r"write p\.copy_\(\.\.\.\), of the Parameter or Buffer itself \(not of p\.data"),
    "a method": (lambda x: x.masked_fill(x > 0, 1), r"write fnn\.masked_fill\(x, \.\.\.\)"),
}


class Uses(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


@pytest.mark.parametrize(("function", "hint"), HINTS.values(), ids=HINTS)
@pytest.mark.parametrize("call", [lambda f, x: fnn.jit(f)(x), lambda f, x: Uses(f)(x), lambda f, x: fnn.grad(f)(x)])
def test_hints_on_methods_that_arrays_lack(function, hint, call):
    with pytest.raises(AttributeError) as error:
        call(function, jnp.ones(2))
    error.match(hint)


def test_what_is_assigned_is_pytorchs():
    p = nn.Linear(2, 3).weight
    p.grad = X
    p.data = X * 3
    p.data -= 0.5 * p.grad
    np.testing.assert_array_equal(p, X * 2.5)
    p.data.at[0].set(1.0)  # gives another array
    p.copy_(X).mul_(2).add_(p.grad, alpha=-0.5)
    np.testing.assert_array_equal(p, X * 1.5)
    with pytest.raises(fnn.ArgumentError, match="must be floating point or complex, got dtype=int32"):
        p.data = jnp.ones((3, 2), int)


def test_optax_on_a_dict_of_parameters():
    model, rule = nn.Linear(2, 1), optax.sgd(0.1)

    def update(params):
        _, grads = fnn.value_and_grad(lambda model: model(X).sum())(model)
        updates, _ = rule.update(grads, rule.init(params), params)
        return optax.apply_updates(params, updates)

    with pytest.raises(ValueError, match="pytree structure error") as info:
        fnn.jit(lambda: update(dict(model.named_parameters())))()
    assert any("params, _ = fnn.split(model)" in note for note in info.value.__notes__)
    params = update(fnn.split(model)[0])
    np.testing.assert_allclose(params["weight"], model.weight - 0.3, rtol=1e-6)
    fnn.merge(model, params)
    np.testing.assert_array_equal(model.weight, params["weight"])


def test_an_array_of_objects_is_no_argument():
    with pytest.raises(fnn.errors.ArgumentTypeError, match=r"<lambda> is a numpy array of objects, of shape \(1,\)"):
        fnn.jit(lambda d, x: d["m"][0](x))({"m": np.array([nn.Tanh()], object)}, X)
