"""Gradients: against torch where a tape defines them, and what happens to state on the way."""

import copy
import functools

import jax
import jax.experimental
import jax.numpy as jnp
import jax.test_util
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.testing import assert_close

X = jnp.asarray(np.random.default_rng(0).standard_normal((6, 2)), jnp.float32)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 3)
        self.norm = nn.BatchNorm1d(3)
        self.c = nn.Linear(3, 1)
        self.unused = nn.Parameter(jnp.ones(2))

    def forward(self, x):
        return self.c(self.norm(self.a(x)))


def loss_of(model, x=X):
    return (model(x) ** 2).mean()


def test_names_values_and_state():
    fnn.manual_seed(0)
    model = Net()
    twin = copy.deepcopy(model)
    value, grads = fnn.value_and_grad(loss_of)(model)
    assert list(grads) == [name for name, _ in model.named_parameters()]
    np.testing.assert_allclose(value, loss_of(twin), rtol=1e-5)
    np.testing.assert_allclose(model.norm.running_mean, twin.norm.running_mean, rtol=1e-5)
    np.testing.assert_array_equal(grads["unused"], 0)
    params, state = fnn.split(twin.eval())
    del state
    eps = 1e-2
    for name in ("a.weight", "c.bias"):
        part = dict(twin.train().named_parameters())[name]
        direction = jnp.ones(part.shape)
        start = part.data
        ends = []
        for sign in (1, -1):
            part.data = start + sign * eps * direction
            ends.append(loss_of(twin))
        part.data = start
        np.testing.assert_allclose((ends[0] - ends[1]) / (2 * eps), grads[name].sum(), rtol=2e-2, atol=1e-3)
    assert params.keys() == grads.keys()


def test_frozen_parameters_are_left_out():
    model = Net()
    model.a.requires_grad_(False)
    grads = fnn.grad(loss_of)(model)
    assert list(grads) == ["unused", "norm.weight", "norm.bias", "c.weight", "c.bias"]


def test_aux_and_orders_of_results():
    model = Net()

    def f(model, x):
        out = model(x)
        return (out**2).mean(), out

    (value, aux), grads = fnn.value_and_grad(f, has_aux=True)(model, X)
    again, aux2 = fnn.grad(f, has_aux=True)(model, X)
    third, (value3, aux3) = fnn.func.grad_and_value(f, has_aux=True)(model, X)
    np.testing.assert_allclose(value, value3, rtol=1e-5)
    for other in (aux2, aux3):
        np.testing.assert_allclose(aux, other, rtol=1e-5)
    for other in (again, third):
        np.testing.assert_allclose(grads["a.weight"], other["a.weight"], rtol=1e-5, atol=1e-6)


def test_argnums_arrays_parameters_and_containers():
    model, p = Net(), nn.Parameter(jnp.full((2,), 2.0))

    def f(x, pair, p):
        return (pair["m"](x) * p.data.sum()).sum() + (pair["w"] ** 2).sum()

    pair = {"m": model, "w": jnp.ones(3)}
    gx, gpair, gp = fnn.grad(f, argnums=(0, 1, 2))(X, pair, p)
    assert gx.shape == X.shape
    np.testing.assert_array_equal(gpair["w"], 2)
    np.testing.assert_allclose(gpair["m"]["c.bias"], [6 * 4.0], rtol=1e-6)
    np.testing.assert_allclose(gp, [model(X).sum()] * 2, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(fnn.grad(lambda x: (x**3).sum())(X), 3 * X**2, rtol=1e-6)


def test_bad_uses_are_explained():
    model = Net()
    with pytest.raises(ValueError, match=r"value_and_grad: grad can be .* only for scalar outputs.*\(6, 1\)"):
        fnn.value_and_grad(lambda m: m(X))(model)
    with pytest.raises(ValueError, match="argnums=3 but the function was given 1"):
        fnn.grad(loss_of, argnums=3)(model)
    with pytest.raises(TypeError, match="int32"):
        fnn.grad(lambda x: x.sum())(jnp.arange(3))
    with pytest.raises(TypeError, match="has_aux"):
        fnn.grad(loss_of, has_aux=True)(model)
    with pytest.raises(TypeError, match="got 'text'"):
        fnn.grad(lambda s, m: loss_of(m))("text", model)
    with pytest.raises(ValueError, match="call the module once"):
        fnn.grad(loss_of)(nn.LazyLinear(3))


def test_tied_weight_gets_the_sum():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(2, 2, bias=False)
            self.second = nn.Linear(2, 2, bias=False)
            self.second.weight = self.first.weight

        def forward(self, x):
            return self.second(self.first(x))

    model = Tied()
    grads = fnn.grad(lambda m: m(X).sum())(model)
    assert list(grads) == ["first.weight"]
    w = model.first.weight.data
    want = jax.grad(lambda w: ((X @ w.T) @ w.T).sum())(w)
    np.testing.assert_allclose(grads["first.weight"], want, rtol=1e-5)


def test_backward_accumulates_and_leaves_the_unread_alone():
    model = Net()
    value = fnn.backward(loss_of)(model)
    first = np.array(model.a.weight.grad)
    assert model.unused.grad is None
    assert value.shape == ()
    model.norm.reset_running_stats()
    fnn.backward(loss_of)(model)
    np.testing.assert_allclose(model.a.weight.grad, 2 * first, rtol=1e-5, atol=1e-6)
    with pytest.raises(TypeError, match=r"no \.grad"):
        fnn.backward(lambda x: x.sum())(X)


def test_parameter_hooks_change_the_gradient():
    model = nn.Linear(2, 1)
    seen = []
    handle = model.weight.register_hook(lambda g: seen.append(g.shape) or g * 10)
    model.bias.register_hook(lambda g: None)
    plain = X.sum(0, keepdims=True)
    grads = fnn.grad(lambda m: m(X).sum())(model)
    np.testing.assert_allclose(grads["weight"], 10 * plain, rtol=1e-5)
    fnn.jit(lambda m: fnn.backward(lambda m: m(X).sum())(m))(model)
    np.testing.assert_allclose(model.weight.grad, 10 * plain, rtol=1e-5, atol=1e-6)
    handle.remove()
    np.testing.assert_allclose(fnn.grad(lambda m: m(X).sum())(model)["weight"], plain, rtol=1e-5)
    assert set(seen) == {(1, 2)}


@pytest.mark.parametrize("order", [1, 2])
def test_gradients_of_functional_call(order):
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    params = {name: p.data for name, p in model.named_parameters()}

    def loss(params, x):
        return (fnn.func.functional_call(model, params, (x,)) ** 2).mean()

    modes = ["fwd", "rev"]
    jax.test_util.check_grads(lambda p: loss(p, X), (params,), order=order, modes=modes, rtol=2e-2, atol=2e-2)
    per_sample = jax.vmap(jax.grad(loss), in_axes=(None, 0))(params, X[:, None])
    total = jax.tree.map(lambda g: g.mean(0), per_sample)
    for name, value in fnn.grad(lambda m: (m(X) ** 2).mean())(model).items():
        np.testing.assert_allclose(value, total[name], rtol=1e-4, atol=1e-6)


def test_hessian_vector_product_of_a_module():
    model = nn.Linear(2, 1, bias=False)

    def loss(w, x):
        return (fnn.func.functional_call(model, {"weight": w}, (x,)) ** 2).sum()

    w = model.weight.data
    hessian = fnn.func.hessian(loss)(w, X)
    vector = jnp.ones_like(w)
    _, product = fnn.func.jvp(lambda w: fnn.grad(loss)(w, X), (w,), (vector,))
    np.testing.assert_allclose(jnp.einsum("abcd,cd->ab", hessian, vector), product, rtol=1e-5)


@pytest.mark.parametrize("name", ["grad", "grad_and_value", "value_and_grad"])
def test_a_loss_is_no_function(name):
    model = nn.Linear(2, 1)
    transform = getattr(fnn.func, name)
    with pytest.raises(ArgumentTypeError, match=rf"(?s){name}: expected a function .*\(\).*there is no tape.*Right:"):
        transform(model(X).sum())
    with pytest.raises(ArgumentError, match=rf"give it what is differentiated: {name}\(lambda model: ...\)\(model\)"):
        transform(lambda: model(X).sum())()


@pytest.mark.parametrize("name", ["checkpoint", "jit", "pure", "vmap"])
def test_every_transform_wants_a_function(name):
    with pytest.raises(ArgumentTypeError, match=rf"{name}: expected a function, got 3"):
        getattr(fnn, name)(3)


@pytest.mark.parametrize("spoil", [float, np.asarray, lambda loss: loss.item(), lambda loss: np.float32(loss)])
@pytest.mark.parametrize("transform", [fnn.value_and_grad, fnn.backward])
def test_a_loss_that_has_left_jax_is_refused(transform, spoil):
    model = nn.Linear(2, 1)
    with pytest.raises(ArgumentTypeError, match=r"must return the loss as an array, got .* leave \.item"):
        transform(lambda model: spoil(jax.lax.stop_gradient(model(X).sum())))(model)


def _doubled_in_place(model):
    w = model.weight
    w *= 2
    return (w * X).sum()


@pytest.mark.parametrize("inner", [lambda f: f, fnn.jit, fnn.checkpoint], ids=["plain", "jit", "checkpoint"])
def test_a_differentiated_parameter_is_not_changed_in_place(inner):
    model = nn.Linear(2, 1)
    before = model.weight.numpy()
    with pytest.raises(ArgumentError, match="a leaf Parameter that requires grad is being used in an in-place"):
        fnn.value_and_grad(inner(_doubled_in_place))(model)
    np.testing.assert_array_equal(model.weight.data, before)
    # Where no gradient is taken, it may be; and a frozen one always.
    frozen = nn.Linear(2, 1).requires_grad_(False)
    head, start = nn.Linear(2, 1), frozen.weight.numpy()
    fnn.value_and_grad(lambda head: head(X).sum() + _doubled_in_place(frozen))(head)
    np.testing.assert_allclose(frozen.weight.data, 2 * start)


# -- shared parameters ----------------------------------------------------------------------------------------


def shared():
    """Two models and a bare Parameter that share one Linear, and the total gradients of their common loss."""
    layer = nn.Linear(2, 2)
    a, b = nn.Sequential(layer), nn.Sequential(layer, nn.Tanh(), nn.Linear(2, 1))

    def loss(a, b, p):
        return (a(X) ** 2).sum() + b(X).sum() + (p**2).sum()

    def by_hand(w, c, v, d):
        h = X @ w.T + c[None]
        return (h**2).sum() + (jnp.tanh(h) @ v.T + d[None]).sum() + (w**2).sum()

    arrays = (layer.weight.data, layer.bias.data, b[2].weight.data, b[2].bias.data)
    return a, b, layer.weight, loss, jax.grad(by_hand, argnums=(0, 1, 2, 3))(*arrays)


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
def test_a_shared_parameter_has_its_total_gradient_under_every_name(jit):
    a, b, p, loss, (w, c, v, d) = shared()
    want_a, want_b = {"0.weight": w, "0.bias": c}, {"0.weight": w, "0.bias": c, "2.weight": v, "2.bias": d}
    wrap = fnn.jit if jit else lambda f: f
    close = functools.partial(assert_close, rtol=1e-4, atol=1e-4)
    close(wrap(fnn.grad(loss, argnums=(0, 1, 2)))(a, b, p), (want_a, want_b, w))
    close(wrap(fnn.value_and_grad(loss, argnums=(2, 1)))(a, b, p)[1], (w, want_b))
    close(wrap(fnn.func.grad_and_value(loss, argnums=0))(a, b, p)[0], want_a)
    nest = {"a": a, "rest": [b, p], "layer": a[0]}
    got = wrap(fnn.grad(lambda nest: loss(nest["a"], *nest["rest"])))(nest)
    close(got, {"a": want_a, "rest": [want_b, w], "layer": {"weight": w, "bias": c}})
    close(fnn.func.vjp(loss, a, b, p)[1](jnp.ones(())), (want_a, want_b, w))
    close(fnn.func.jacrev(loss, argnums=(0, 1, 2))(a, b, p), (want_a, want_b, w))
    close(fnn.func.jacfwd(loss, argnums=(0, 1, 2))(a, b, p), (want_a, want_b, w))


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
def test_backward_adds_the_gradient_of_a_shared_parameter_once(jit):
    a, b, p, loss, (w, c, v, d) = shared()
    calls = []
    p.register_hook(lambda g: calls.append(g.shape))
    run = fnn.backward(loss, argnums=(0, 1, 2))
    (fnn.jit(run) if jit else run)(a, b, p)
    want = {"0.weight": w, "0.bias": c, "2.weight": v, "2.bias": d}
    assert_close({name: q.grad for name, q in b.named_parameters()}, want, rtol=1e-4, atol=1e-4)
    assert jit or calls == [(2, 2)]


def test_a_shared_parameter_has_one_tangent():
    a, b, p, loss, (w, c, v, d) = shared()
    both = {"0.weight": w, "0.bias": c}
    ones = jax.tree.map(jnp.ones_like, (both, {**both, "2.weight": v, "2.bias": d}))
    _, slope = fnn.func.jvp(lambda a, b: loss(a, b, p), (a, b), ones)
    assert_close(slope, sum(g.sum() for g in (w, c, v, d)), rtol=1e-4, atol=1e-4)
    _, push = fnn.func.linearize(lambda a, b: loss(a, b, p), a, b)
    assert_close(push(*ones), slope, rtol=1e-5, atol=1e-4)
    ones[1]["0.bias"] = ones[1]["0.bias"] * 2
    with pytest.raises(ValueError, match=r"jvp: the tangent of '0.bias' is given twice and differently"):
        fnn.func.jvp(lambda a, b: loss(a, b, p), (a, b), ones)


# -- Modules in the other derivatives ---------------------------------------------------------------------------


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
def test_modules_in_the_other_derivatives_as_functional_call(jit):
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2).requires_grad_(False))
    params, _ = fnn.split(model, trainable=True)
    direction = {name: jnp.full_like(value, 0.5) for name, value in params.items()}
    call = lambda params: fnn.func.functional_call(model, params, (X,))  # noqa: E731
    f = lambda model: model(X)  # noqa: E731
    wrap = fnn.jit if jit else lambda f: f
    close = functools.partial(assert_close, rtol=1e-4, atol=1e-5)
    close(wrap(lambda m: fnn.func.jvp(f, (m,), (direction,)))(model), jax.jvp(call, (params,), (direction,)))
    out, pull = jax.vjp(call, params)
    close(wrap(lambda m: fnn.func.vjp(f, m)[1](out))(model), pull(out))
    close(wrap(lambda m: fnn.func.linearize(f, m)[1](direction))(model), jax.jvp(call, (params,), (direction,))[1])
    want = jax.jacrev(call)(params)
    for transform in (fnn.func.jacrev, fnn.func.jacfwd, functools.partial(fnn.func.jacrev, chunk_size=5)):
        close(wrap(transform(f))(model), want)
    square = lambda params: (call(params) ** 2).sum()  # noqa: E731
    close(wrap(fnn.func.hessian(lambda m: (m(X) ** 2).sum()))(model), jax.hessian(square)(params))
    pairs = lambda m, x: {"y": m(x), "x2": x**2}  # noqa: E731
    got = wrap(fnn.func.jacrev(pairs, argnums=(0, 1)))(model, X[0])
    assert got["x2"][1].shape == (2, 2) and got["y"][0]["0.weight"].shape == (2, 3, 2)
    close(got["x2"][0], jax.tree.map(lambda p: jnp.zeros((2, *p.shape)), params))


def test_the_other_derivatives_carry_writes_and_run_hooks():
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    params, _ = fnn.split(model)
    fnn.func.vjp(lambda m: m(X), model)
    fnn.func.jvp(lambda m: m(X), (model,), (params,))
    fnn.func.linearize(lambda m: m(X), model)
    assert int(model[1].num_batches_tracked) == 3
    for transform in (fnn.func.jacrev, fnn.func.jacfwd, fnn.func.hessian):
        with pytest.raises(ValueError, match=r"writes to a Buffer of shape \(3,\).*call model.eval\(\) first"):
            transform(lambda m: m(X).sum())(model)
    seen = []
    with model[0].register_full_backward_hook(lambda m, grad_in, grad_out: seen.append(grad_out[0].shape)):
        out, pull = fnn.func.vjp(lambda m: m(X), model)
        pull(out)
    assert seen == [(6, 3)]


def test_tangents_that_do_not_fit_are_named():
    model = nn.Linear(2, 1)
    params, _ = fnn.split(model)
    f = lambda m: m(X)  # noqa: E731
    text = r"jvp: the tangent of a Linear must be a dict .* \['weight', 'bias'\], got \['bias'\]"
    with pytest.raises(ValueError, match=text):
        fnn.func.jvp(f, (model,), ({"bias": params["bias"]},))
    with pytest.raises(ValueError, match=r"jvp: the tangent of 'bias' has shape \(2,\), its primal has shape \(1,\)"):
        fnn.func.jvp(f, (model,), ({**params, "bias": jnp.ones(2)},))
    with pytest.raises(ValueError, match="jvp: tangents and primals must have one structure"):
        fnn.func.jvp(lambda d: f(d["m"]), ({"m": model},), ({"n": params},))
    with pytest.raises(ValueError, match="linearize: expected 1 tangents, got 2"):
        fnn.func.linearize(f, model)[1](params, params)
    with pytest.raises(TypeError, match="jacrev: a differentiated argument must have a floating dtype, got int32"):
        fnn.func.jacrev(lambda x: x)(jnp.arange(3))
    with pytest.raises(TypeError, match=r"backward: a Buffer has no \.grad to add to"):
        fnn.backward(lambda b: (b**2).sum())(nn.Buffer(jnp.ones(2)))


def test_a_pullback_passes_through_jit():
    model = nn.Linear(2, 1)
    out, pull = fnn.func.vjp(lambda m: m(X), model)
    got = jax.jit(lambda pull, ct: pull(ct))(pull, jnp.ones_like(out))
    assert_close(got, pull(jnp.ones_like(out)))


def test_what_the_host_is_asked_keeps_its_order_around_backward():
    given = []

    def ask():
        given.append(1)
        return float(len(given))

    layer = fnn.nn.Linear(2, 2)

    @fnn.jit
    def step(x):
        asked = []
        for _ in range(3):
            number = jax.experimental.io_callback(ask, jax.ShapeDtypeStruct((), "float32"), ordered=True)
            asked.append(number)
            x = layer(x * number)
        fnn.backward((x**2).sum())
        return jnp.stack(asked)

    assert step(jnp.ones((1, 2))).tolist() == [1, 2, 3]
    assert step(jnp.ones((1, 2))).tolist() == [4, 5, 6]


def test_values_are_known_while_a_function_is_differentiated():
    def f(x):
        with fnn.no_grad():
            factor = x * 2
            chosen = factor[factor > 0]
            with fnn.enable_grad():
                seen = x * 3
        n = len(fnn.nonzero(x)) + fnn.tolist(fnn.detach(x))[0] + fnn.numpy(x)[0]
        total = (factor * x).sum() + chosen.sum() + seen.sum() + n * x[0]
        return total if factor.sum() > 0 else x.sum()

    value, grad = fnn.value_and_grad(f)(jnp.array([3.0, -1.0]))
    assert value == 20.0 + 6.0 + 6.0 + 8.0 * 3.0
    np.testing.assert_array_equal(grad, [6.0 + 3.0 + 8.0, -2.0 + 3.0])
