"""`pure`, `split`, `functional_call` and `stack_module_state`."""

import copy
import gc
import pickle
import threading
import weakref
from collections import OrderedDict

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import fnn
from fnn import nn
from fnn.func import functional_call, merge, pure, split, stack_module_state
from fnn.state.names import nest
from fnn.testing import assert_close

torch = pytest.importorskip("torch")

KEY = jax.random.key(0)
X = jnp.asarray(np.random.default_rng(0).standard_normal((4, 2)), jnp.float32)


class Net(nn.Module):
    def __init__(self, width=3, p=0.0):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, width), nn.BatchNorm1d(width), nn.Dropout(p))
        self.head = nn.Linear(width, 1)

    def forward(self, x, *, scale=1.0):
        return self.head(self.body(x)) * scale


def arrays(module):
    return {name: np.asarray(value) for name, value in module.state_dict().items()}


# -- pure ---------------------------------------------------------------------------------------------------


def test_the_pair_equals_the_facade():
    layer = pure(Net)(4)
    params, state = layer.init(KEY)
    model = Net(4)
    model.load_state_dict({**params, **state})
    for training in (True, False, True):
        model.train(training)
        want = model(X, scale=2.0)
        got, state = layer.apply(params, state, X, scale=2.0, training=training)
        assert_close(got, want, rtol=1e-5, atol=1e-6)
        assert_close((params, state), split(model), rtol=1e-5, atol=1e-6)
    assert int(state["body.1.num_batches_tracked"]) == 2


def test_apply_is_pure():
    layer = pure(Net)()
    params, state = layer.init(KEY)
    before = jax.tree.map(np.array, (params, state))
    first = layer.apply(params, state, X, training=True)
    assert_close(layer.apply(params, state, X, training=True), first)
    assert_close((params, state), before)
    _, new = first
    assert not np.array_equal(new["body.1.running_mean"], state["body.1.running_mean"])


def test_key_decides_and_generator_gives_torchs_numbers():
    layer = pure(Net)()
    first = layer.init(KEY)
    assert_close(layer.init(KEY), first)
    assert not np.array_equal(layer.init(jax.random.key(1))[0]["head.weight"], first[0]["head.weight"])
    assert_close(jax.jit(layer.init)(KEY), first, rtol=1e-5, atol=1e-6)
    position = np.array(fnn.get_rng_state())
    layer.init(KEY)
    np.testing.assert_array_equal(fnn.get_rng_state(), position)
    fnn.manual_seed(3)
    assert_close(layer.init(fnn.Generator().manual_seed(3)), split(Net()))


def test_under_jax_transformations():
    layer = pure(Net)()
    shapes = jax.eval_shape(layer.init, KEY)
    params, state = layer.init(KEY)
    assert jax.tree.map(lambda s: (s.shape, s.dtype), shapes) == jax.tree.map(
        lambda s: (s.shape, s.dtype), (params, state)
    )

    def loss(params, state, x):
        out, state = layer.apply(params, state, x, training=True)
        return (out**2).sum(), state

    (value, new), grads = jax.jit(jax.value_and_grad(loss, has_aux=True))(params, state, X)
    model = Net()
    model.load_state_dict({**params, **state})
    want, gradient = fnn.value_and_grad(lambda m: (m(X) ** 2).sum())(model)
    assert_close(value, want, rtol=1e-5, atol=1e-5)
    assert_close(grads, gradient, rtol=1e-4, atol=1e-4)
    assert_close(new, split(model)[1], rtol=1e-5, atol=1e-6)
    many = jax.vmap(layer.init)(jax.random.split(KEY, 3))
    outs, _ = jax.vmap(lambda p, s: layer.apply(p, s, X))(*many)
    one = jax.tree.map(lambda a: a[1], many)
    assert_close(outs[1], layer.apply(*one, X)[0], rtol=1e-5, atol=1e-6)
    carried, _ = jax.lax.scan(lambda s, x: (layer.apply(params, s, x, training=True)[1], None), state, X[None])
    assert_close(carried, new, rtol=1e-5, atol=1e-6)


def test_sharded_from_birth():
    mesh = Mesh(np.array(jax.devices()[:1]), ("data",))
    sharding = NamedSharding(mesh, PartitionSpec())
    params, state = jax.jit(pure(Net)().init, out_shardings=sharding)(KEY)
    assert all(leaf.sharding == sharding for leaf in jax.tree.leaves((params, state)))


def test_value_semantics():
    layer = pure(Net)(4, p=0.5)
    assert layer == pure(Net)(4, p=0.5) and hash(layer) == hash(pure(Net)(4, p=0.5))
    assert layer != pure(Net)(5, p=0.5) and layer != pure(nn.Linear)(4, 5)
    assert pickle.loads(pickle.dumps(layer)) == layer
    assert jax.tree.leaves(layer) == []
    init, apply = layer
    params, state = init(KEY)
    assert apply(params, state, X)[0].shape == (4, 1)
    assert pure(Net).__name__ == "Net"
    nested = pure(nn.Sequential)(OrderedDict(a=nn.Linear(2, 2)))  # an unhashable argument
    assert list(nested.init(KEY)[0]) == ["a.weight", "a.bias"]


def test_lazy_modules():
    layer = pure(lambda: nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d()))()
    with pytest.raises(ValueError, match=r"a lazy module needs an example input: layer\.init\(key, example\)"):
        layer.init(KEY)
    params, state = layer.init(KEY, X)
    assert params["0.weight"].shape == (3, 2) and state["1.running_mean"].shape == (3,)
    assert_close(state["1.running_mean"], jnp.zeros(3))
    assert int(state["1.num_batches_tracked"]) == 0
    assert_close(jax.jit(layer.init)(KEY, X), (params, state), rtol=1e-5, atol=1e-6)
    assert jax.eval_shape(layer.init, KEY, X)[0]["0.weight"].shape == (3, 2)
    out, state = layer.apply(params, state, X, training=True)
    want = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    want.load_state_dict(params, strict=False)
    assert_close(out, want(X), rtol=1e-5, atol=1e-6)
    assert int(state["1.num_batches_tracked"]) == 1


class Constants(nn.Module):
    """Arrays as plain attributes: in the module, a list and a dict."""

    def __init__(self):
        super().__init__()
        self.scale = jnp.arange(1.0, 3.0)[None]
        self.more = {"shift": [jnp.ones((1, 2)) * 2]}
        self.w = nn.Parameter(fnn.randn(2))

    def forward(self, x):
        return x * self.scale + self.more["shift"][0] + self.w[None]


def test_plain_array_attributes_are_constants():
    layer = pure(Constants)()
    params, state = jax.jit(layer.init)(KEY)
    want = X * jnp.array([[1.0, 2.0]]) + 2 + params["w"][None]
    assert_close(layer.apply(params, state, X)[0], want)
    assert_close(jax.jit(lambda p, x: layer.apply(p, {}, x)[0])(params, X), want)


def test_dropout_keys():
    layer = pure(Net)(64, p=0.5)
    params, state = layer.init(KEY)
    run = lambda key: layer.apply(params, state, X, training=True, key=key)[0]  # noqa: E731
    with pytest.raises(fnn.MissingKeyError, match=r"draws random numbers and got key=None"):
        run(None)
    assert_close(run(KEY), run(KEY))
    assert not np.array_equal(run(KEY), run(jax.random.key(1)))
    assert_close(jax.jit(run)(KEY), run(KEY), rtol=1e-5, atol=1e-5)
    assert not np.array_equal(run(fnn.Generator().manual_seed(0)), run(fnn.Generator().manual_seed(1)))
    layer.apply(params, state, X)  # evaluation draws nothing


def test_what_does_not_fit_is_named():
    layer = pure(Net)()
    params, state = layer.init(KEY)
    with pytest.raises(
        ValueError, match=r"params does not fit: missing \['head.bias', 'head.weight'\], unexpected \[\]"
    ):
        layer.apply({k: v for k, v in params.items() if k.startswith("body")}, state, X)
    with pytest.raises(ValueError, match=r"state does not fit: missing \[.*\], unexpected \['x'\]"):
        layer.apply(params, {"x": jnp.ones(1)}, X)
    with pytest.raises(TypeError, match="pure: expected a Module class or function, got an instance of Net"):
        pure(Net())
    with pytest.raises(TypeError, match="expected a Module"):
        pure(lambda: 3)().init(KEY)
    with pytest.raises(ValueError, match="in_features"):
        pure(nn.Linear)(-1, 2).init(KEY)


class Parametrised(nn.Module):
    """A Linear whose weight is computed from other parameters, as in weight normalisation."""

    class Scaled(nn.Linear):
        def __init__(self, a, b):
            super().__init__(a, b)
            direction = self.weight.data
            del self.weight
            self.direction = nn.Parameter(direction)
            self.scale = nn.Parameter(jnp.full((b, 1), 2.0))

        @property
        def weight(self):
            return self.scale * self.direction / jnp.linalg.norm(self.direction.data, axis=1, keepdims=True)

    def __init__(self):
        super().__init__()
        self.inner = self.Scaled(2, 3)

    def forward(self, x):
        return self.inner(x)


def test_a_parametrised_weight():
    layer = pure(Parametrised)()
    params, state = layer.init(KEY)
    assert set(params) == {"inner.bias", "inner.direction", "inner.scale"}

    def want(params):
        scale, direction = params["inner.scale"], params["inner.direction"]
        weight = scale * direction / jnp.linalg.norm(direction, axis=1, keepdims=True)
        return X @ weight.T + params["inner.bias"][None]

    run = lambda params: layer.apply(params, state, X)[0]  # noqa: E731
    assert_close(run(params), want(params), rtol=1e-5, atol=1e-6)
    grads = jax.jit(jax.grad(lambda p: (run(p) ** 2).sum()))(params)
    assert_close(grads, jax.grad(lambda p: (want(p) ** 2).sum())(params), rtol=1e-4, atol=1e-5)
    model = Parametrised()
    found = fnn.grad(lambda m: functional_call(m, params, (X,)).sum() + 0 * m(X).sum())(model)
    assert all(np.all(np.asarray(g) == 0) for g in found.values())
    grads = fnn.jit(fnn.grad(lambda m: (m(X) ** 2).sum()))(model)
    assert set(grads) == {"inner.bias", "inner.direction", "inner.scale"}
    assert all(np.any(np.asarray(g) != 0) for g in grads.values())


# -- ties ---------------------------------------------------------------------------------------------------


class Tied:
    """A weight under two names, and a submodule under two names."""

    nn = nn

    def __init__(self):
        super().__init__()
        self.l1 = self.nn.Linear(2, 2)
        self.l2 = self.nn.Linear(2, 2)
        self.l2.weight = self.l1.weight
        self.norm = self.nn.BatchNorm1d(2)
        self.again = self.norm

    def forward(self, x):
        return self.again(self.l2(self.norm(self.l1(x))))


class TorchTied(Tied, torch.nn.Module):
    nn = torch.nn


class FnnTied(Tied, nn.Module):
    nn = nn


def test_ties_in_the_pair():
    layer = pure(FnnTied)()
    params, state = layer.init(KEY)
    assert list(params) == ["l1.weight", "l1.bias", "l2.bias", "norm.weight", "norm.bias"]
    assert all(name.startswith("norm.") for name in state)
    _, new = layer.apply(params, state, X, training=True)
    assert int(new["norm.num_batches_tracked"]) == 2
    model = FnnTied()
    assert split(model)[0].keys() == params.keys()
    zero = {**params, "l1.weight": jnp.zeros((2, 2))}
    out, _ = layer.apply(zero, state, X)
    assert_close(out, jnp.broadcast_to(out[:1], out.shape), rtol=1e-6, atol=1e-7)


# Each names some values and options; both frameworks give the same output, or both refuse it with the same text.
W, V = np.full((2, 2), 0.5, np.float32), np.eye(2, dtype=np.float32)
B = np.ones(2, np.float32)
FULL = ("l1.weight", "l1.bias", "l2.weight", "l2.bias", "norm.weight", "norm.bias",
        "norm.running_mean", "norm.running_var", "norm.num_batches_tracked")  # fmt: skip
CALLS = {
    "nothing": ({}, {}),
    "first name": ({"l1.weight": W}, {}),
    "second name": ({"l2.weight": W}, {}),
    "both names, one value": ({"l1.weight": W, "l2.weight": W}, {}),
    "both names, two values": ({"l1.weight": W, "l2.weight": V}, {}),
    "untied": ({"l1.weight": W, "l2.weight": V}, {"tie_weights": False}),
    "untied, first only": ({"l1.weight": W}, {"tie_weights": False}),
    "untied, second only": ({"l2.weight": W}, {"tie_weights": False}),
    "other": ({"l2.bias": B, "norm.weight": B * 3}, {}),
    "submodule's second name": ({"again.weight": B * 3, "again.bias": B}, {}),
    "unknown": ({"l3.weight": W}, {}),
    "unknown, strict": ({"l3.weight": W}, {"strict": True}),
    "missing, strict": ({"l1.weight": W}, {"strict": True}),
    "untied, strict, one missing": (
        {name: None for name in FULL if name != "l2.weight"},
        {"strict": True, "tie_weights": False},
    ),
    "strict": ({name: None for name in FULL}, {"strict": True}),
    "strict, one tied name": ({name: None for name in FULL if name != "l2.weight"}, {"strict": True}),
}  # fmt: skip


def torch_and_fnn():
    torch.manual_seed(0)
    original, ported = TorchTied(), FnnTied()
    ported.load_state_dict({k: v.numpy() for k, v in original.state_dict().items()})
    return original.eval(), ported.eval()


@pytest.mark.parametrize("name", CALLS)
def test_functional_call_of_ties_as_torch(name):
    given, options = CALLS[name]
    original, ported = torch_and_fnn()
    before = arrays(ported)
    state = {k: v for k, v in original.state_dict().items()}
    tensors = {k: state[k] + 0 if v is None else torch.tensor(v) for k, v in given.items()}
    if "l1.weight" in tensors and name in ("both names, one value", "strict"):
        tensors["l2.weight"] = tensors["l1.weight"]
    by_id = {}
    ours = {k: by_id.setdefault(id(t), jnp.asarray(t.detach().numpy())) for k, t in tensors.items()}
    x = torch.tensor(np.asarray(X))
    try:
        want = torch.func.functional_call(original, tensors, (x,), **options)
    except (ValueError, RuntimeError, KeyError, AttributeError) as error:
        with pytest.raises((ValueError, RuntimeError)) as caught:
            functional_call(ported, ours, (X,), **options)
        if "functional_call got multiple values" in str(error):
            assert "functional_call got multiple values for keys" in str(caught.value)
        for phrase in ("Missing key(s)", "Unexpected key(s)"):
            assert (phrase in str(error)) == (phrase in str(caught.value)), (str(error), str(caught.value))
    else:
        assert_close(functional_call(ported, ours, (X,), **options), want, rtol=1e-5, atol=1e-6)
        compiled = fnn.jit(lambda x: functional_call(ported, ours, (x,), **options))
        assert_close(compiled(X), want, rtol=1e-5, atol=1e-6)
    assert_close(arrays(ported), before)


def test_functional_call_arguments_as_torch():
    original, ported = torch.nn.Linear(2, 2), nn.Linear(2, 2)
    ported.load_state_dict({k: v.detach().numpy() for k, v in original.state_dict().items()})
    x = torch.tensor(np.asarray(X))
    calls = [
        lambda call, array, model, x: call(model, {"weight": array(W)}, x),
        lambda call, array, model, x: call(model, {"weight": array(W)}, (x,)),
        lambda call, array, model, x: call(model, {"bias": array(B)}, None, {"input": x}),
        lambda call, array, model, x: call(model, ({"weight": array(W)}, {"bias": array(B)}), (x,)),
        lambda call, array, model, x: call(model, [{"weight": array(W)}, {"bias": array(B)}], (x,)),
    ]
    for call in calls:
        want = call(torch.func.functional_call, torch.tensor, original, x)
        assert_close(call(functional_call, jnp.asarray, ported, X), want, rtol=1e-5, atol=1e-6)
    for call, array, model, value in (
        (torch.func.functional_call, torch.tensor, original, x), (functional_call, jnp.asarray, ported, X)
    ):  # fmt: skip
        with pytest.raises(
            ValueError,
            match=r"\['weight'\] appeared in multiple dictionaries; behavior of functional call is",
        ):
            call(model, ({"weight": array(W)}, {"weight": array(W)}), (value,))
        with pytest.raises(
            ValueError, match="Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts"
        ):
            call(model, 3, (value,))


def test_nested_dicts_and_boxes():
    model = Net()
    params, state = split(model)
    doubled = jax.tree.map(lambda a: a * 2, params)
    model.eval()
    want = functional_call(model, doubled, (X,))
    assert_close(functional_call(model, (nest(doubled), nest(state)), (X,)), want)
    assert_close(functional_call(model, {k: nn.Parameter(v) for k, v in doubled.items()}, (X,)), want)
    assert not np.allclose(want, model(X))


def test_written_buffers_are_reflected_in_the_dict():
    """torch's own example: a buffer increased in place is seen in the dict that was given."""

    class Foo(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("foo", jnp.zeros(()))

        def forward(self, x):
            self.foo += 1
            return x + self.foo

    model = Foo()
    given = {"foo": jnp.zeros(())}
    assert_close(functional_call(model, given, (jnp.zeros(()),)), 1.0)
    assert_close(given["foo"], 1.0)
    assert_close(model.foo, 0.0)
    functional_call(model, given, (jnp.zeros(()),))
    assert_close(given["foo"], 2.0)
    functional_call(model, {}, (jnp.zeros(()),))
    assert_close(model.foo, 1.0)  # not named: the module's own
    norm = Net()
    params, state = split(norm)
    functional_call(norm, (params, state), (X,))
    assert int(state["body.1.num_batches_tracked"]) == 1
    assert int(norm.body[1].num_batches_tracked) == 0
    step = jax.jit(lambda p, s, x: (functional_call(norm, (p, s), (x,)), s))
    _, state = step(params, state, X)
    assert int(state["body.1.num_batches_tracked"]) == 2


def test_an_exception_leaves_module_and_dict_unchanged():
    class Fails(Net):
        def forward(self, x):
            super().forward(x)
            raise KeyError("late")

    model = Fails()
    before = arrays(model)
    given = {"body.1.running_mean": jnp.ones(3)}
    with pytest.raises(KeyError, match="late"):
        functional_call(model, given, (X,))
    assert_close(arrays(model), before)
    assert_close(given["body.1.running_mean"], jnp.ones(3))


def test_two_threads_call_one_module_with_different_values():
    class Waits(nn.Module):
        def __init__(self, barrier):
            super().__init__()
            self.w = nn.Parameter(jnp.zeros(()))
            self.barrier = barrier

        def forward(self, x):
            before = self.w * 1.0
            self.barrier.wait()  # both calls are inside now
            return x + before + self.w

    model, results = Waits(threading.Barrier(2, timeout=60)), {}

    def work(n):
        results[n] = functional_call(model, {"w": jnp.float32(n)}, (jnp.zeros(()),))

    threads = [threading.Thread(target=work, args=(n,)) for n in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {n: float(v) for n, v in results.items()} == {1: 2.0, 2: 4.0}
    assert float(model.w) == 0.0


# -- split, stack_module_state ------------------------------------------------------------------------------


def test_split():
    model = Net()
    params, state = split(model)
    assert list(params) == [name for name, _ in model.named_parameters()]
    assert list(state) == [name for name, _ in model.named_buffers()]
    assert_close(params, {k: p.data for k, p in model.named_parameters()})
    assert_close(state, {k: b.data for k, b in model.named_buffers()})
    with pytest.raises(TypeError, match="split: expected a Module"):
        split(3)

    @fnn.jit
    def norm(model):
        return sum(jax.tree.leaves(jax.tree.map(lambda a: (a**2).sum(), split(model)[0])))

    want = sum((p.data**2).sum() for p in model.parameters())
    assert_close(norm(model), want, rtol=1e-5, atol=1e-5)


STACKS = {
    "none": lambda nn: [],
    "mode": lambda nn: [nn.Linear(2, 2), nn.Linear(2, 2).eval()],
    "class": lambda nn: [nn.Linear(2, 2), nn.Bilinear(2, 2, 2)],
    "shape": lambda nn: [nn.Linear(2, 2), nn.Linear(2, 3)],
}


def test_merge_is_the_inverse_of_split():
    model, other = Net(), Net()
    merge(other, *split(model))
    assert_close(arrays(other), arrays(model))
    merge(other, nest(split(model)[0]))
    model.body.requires_grad_(False)
    before = arrays(model)
    params, state = split(model, trainable=True)
    assert list(params) == ["head.weight", "head.bias"] and {*params, *state} == {*before}
    merge(model, {name: value * 0 for name, value in params.items()})
    assert_close(model.head.weight, jnp.zeros((1, 3)))
    merge(model, params, state)
    assert_close(arrays(model), before)

    @fnn.jit
    def reset(model, params):
        merge(model, params)

    reset(model, {name: value + 1 for name, value in params.items()})
    assert_close(model.head.bias, params["head.bias"] + 1)


def test_a_state_dict_may_be_nested():
    model, other = Net(), Net()
    params, state = split(model)
    other.load_state_dict(nest({**params, **state}))
    assert_close(arrays(other), arrays(model))
    with pytest.raises(fnn.StateDictError, match=r"(?s)Missing key\(s\).*head\.bias.*Unexpected key\(s\).*head\.x"):
        other.load_state_dict(nest({**{k: v for k, v in params.items() if k != "head.bias"}, **state, "head.x": 1.0}))

    class Extra(nn.Linear):
        def get_extra_state(self):
            return {"a": 1}

        def set_extra_state(self, state):
            self.extra = state

    model = nn.Sequential(Extra(2, 2))
    model.load_state_dict({"0": {"weight": jnp.ones((2, 2)), "bias": jnp.ones(2), "_extra_state": {"a": 2}}})
    assert model[0].extra == {"a": 2}
    assert_close(model[0].weight, jnp.ones((2, 2)))


def test_merge_is_a_transaction():
    model = Net()
    before = arrays(model)
    params, state = ({name: value + 1 for name, value in part.items()} for part in split(model))
    bad = {
        r"missing \['head.bias'\], unexpected \['x'\]": ({**params, "x": 1.0}, ["head.bias"], state),
        r"missing \['body.1.running_mean'\], unexpected \[\]": (params, ["body.1.running_mean"], state),
        r"'head.weight' has shape \(1, 3\), got an array of shape \(3,\)": (
            {**params, "head.weight": jnp.ones(3)}, [], state
        ),
        r"'head.bias' has dtype float32, got an array of dtype int32": (
            {**params, "head.bias": jnp.ones(1, jnp.int32)}, [], state
        ),
        r"\['head.bias'\] are given in params and in state": (params, [], {**state, "head.bias": params["head.bias"]}),
    }  # fmt: skip
    for text, (p, left_out, s) in bad.items():
        p, s = ({k: v for k, v in part.items() if k not in left_out} for part in (p, s))
        with pytest.raises(ValueError, match=text):
            merge(model, p, s)
        assert_close(arrays(model), before)
    with pytest.raises(TypeError, match="merge: expected a Module"):
        merge(params, params)
    with pytest.raises(TypeError, match="merge: expected dicts of arrays, as split returns, got list"):
        merge(model, [1])
    with pytest.raises(ValueError, match="'weight' is not initialised yet"):
        merge(nn.LazyLinear(2), {"weight": jnp.ones((2, 2)), "bias": jnp.ones(2)})


@pytest.mark.parametrize("frozen", [False, True])
def test_one_form_for_optax(frozen):
    optax = pytest.importorskip("optax")
    model = Net()
    model.body[0].requires_grad_(not frozen)
    twin = copy.deepcopy(model)
    rule = optax.sgd(1e-2, momentum=0.9)
    params, _ = split(model, trainable=True)
    moments = rule.init(params)
    optimizer = fnn.optim.SGD(twin.parameters(), lr=1e-2, momentum=0.9)

    def loss(model):
        return (model(X) ** 2).mean()

    for _ in range(3):
        updates, moments = rule.update(fnn.grad(loss)(model), moments, params)
        params = optax.apply_updates(params, updates)
        merge(model, params)
        optimizer.step(fnn.grad(loss)(twin))
    assert_close(arrays(model), arrays(twin), rtol=1e-4, atol=1e-5)
    if not frozen:
        moments = rule.init(split(model)[0])
        rule.update(fnn.grad(loss)(model), moments, split(model)[0])


class Coder(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(2, 3)
        self.norm = nn.BatchNorm1d(3)

    def encode(self, x, scale=1.0):
        return self.norm(self.inner(x)) * scale

    def forward(self, x):
        return self.encode(x) * 100


def test_other_methods():
    model, layer = Coder(), pure(Coder)()
    params, state = split(model)
    before = arrays(model)
    want = copy.deepcopy(model).encode(X, scale=2.0)
    for method in ("encode", Coder.encode, lambda model, x, scale: model.encode(x, scale)):
        out, new = layer.apply(params, state, X, training=True, method=method, scale=2.0)
        assert_close(out, want, rtol=1e-5, atol=1e-5)
        assert int(new["norm.num_batches_tracked"]) == 1
        given = dict(state)
        out = functional_call(model, (params, given), (X,), {"scale": 2.0}, method=method)
        assert_close(out, want, rtol=1e-5, atol=1e-5)
        assert int(given["norm.num_batches_tracked"]) == 1
    assert_close(arrays(model), before)
    assert_close(
        functional_call(model, (params, dict(state)), (X,), {"scale": 2.0}, method=model.encode),
        want,
        rtol=1e-5,
        atol=1e-5,
    )
    with pytest.raises(TypeError, match="functional_call: method='decode' is neither the name of a method of Coder"):
        functional_call(model, params, (X,), method="decode")
    lazy = pure(lambda: nn.Sequential(nn.LazyLinear(3)))()
    run = lambda model, x, n: model(x) * n  # noqa: E731
    params, state = lazy.init(KEY, X, 2, method=run)
    assert_close(lazy.apply(params, state, X, 2, method=run)[0], 2 * lazy.apply(params, state, X)[0])


def test_templates_die_with_their_layers():
    alive = weakref.WeakSet()

    class Big(nn.Linear):
        def __init__(self):
            super().__init__(2, 2)
            alive.add(self)

    for _ in range(5):
        layer = pure(lambda: Big())()
        layer.apply(*layer.init(KEY), X)
    clone = pickle.loads(pickle.dumps(pure(nn.Linear)(2, 2)))
    assert clone.apply(*clone.init(KEY), X)[0].shape == (4, 2)
    del layer
    gc.collect()
    assert not alive


def test_state_keeps_the_form_in_which_it_was_given():
    layer = pure(Net)()
    params, state = layer.init(KEY)
    out, new = layer.apply(nest(params), nest(state), X, training=True)
    flat_out, flat_new = layer.apply(params, state, X, training=True)
    assert_close(out, flat_out)
    assert_close(new, nest(flat_new))
    assert list(flat_new) == list(state)


@pytest.mark.parametrize("name", STACKS)
def test_stack_module_state_errors_as_torch(name):
    with pytest.raises((ValueError, RuntimeError)) as theirs:
        torch.func.stack_module_state(STACKS[name](torch.nn))
    with pytest.raises((ValueError, RuntimeError)) as ours:
        stack_module_state(STACKS[name](nn))
    if name != "shape":  # torch leaves that to torch.stack
        assert str(theirs.value).split(",")[0].rstrip(".") in str(ours.value)
    assert str(ours.value).startswith("stack_module_state: Expected")


def test_stack_is_a_copy():
    models = [Net(), copy.deepcopy(Net())]
    params, buffers = stack_module_state(models)
    assert params["head.weight"].shape == (2, 1, 3) and buffers["body.1.running_mean"].shape == (2, 3)
    assert_close(params["head.weight"][1], models[1].head.weight)


def test_a_lazy_module_in_a_half_dtype():
    layer = fnn.pure(lambda: nn.Sequential(nn.LazyLinear(3), nn.ReLU(), nn.LazyLinear(2)))()
    x = jnp.ones((4, 5))
    params, state = layer.init(jax.random.key(0), x)
    half = jax.tree.map(lambda p: p.astype(jnp.bfloat16), params)
    y, _ = layer.apply(half, state, x.astype(jnp.bfloat16))
    assert y.dtype == jnp.bfloat16
    wide, _ = layer.apply(params, state, x)
    np.testing.assert_allclose(np.asarray(y, np.float32), wide, rtol=3e-2, atol=3e-2)
