"""Layers of one's own: parts draw from keys of their own, `Composite`, `Lambda`, and modules of them."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import layers, nn
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.nn.modules.layer_module import LayerModule

KEY = jax.random.key(0)
X = jnp.asarray([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])


class Tap(layers.Layer):
    """Appends two numbers, by jax.random."""

    def apply(self, params, state, input, *, training=False, key=None):
        return jnp.concatenate([input, jax.random.normal(key, (2,))]), state


class Noise(layers.Layer):
    """Adds numbers, by fnn.random."""

    def apply(self, params, state, input, *, training=False, key=None):
        return input + fnn.random.normal(key, input.shape), state


class Still(layers.Layer):
    """Draws nothing."""

    def apply(self, params, state, input, *, training=False, key=None):
        return input * 2, state


class Twice(layers.Composite):
    """One part, called twice."""

    part: layers.Layer

    def call(self, run, x):
        return run("part", x), run("part", x)


# Each gives the draws of its parts one after the other.
HOLDERS = {
    "serial": lambda: layers.serial(Tap(), Tap()).apply({}, {}, jnp.zeros(0), key=KEY)[0],
    "parallel": lambda: layers.parallel(Tap(), Tap()).apply({}, {}, jnp.zeros(0), key=KEY)[0],
    "named": lambda: layers.named(a=Tap(), b=Tap()).apply({}, {}, jnp.zeros(0), key=KEY)[0],
    "nested": lambda: layers.serial(layers.serial(Tap(), Tap()), Tap()).apply({}, {}, jnp.zeros(0), key=KEY)[0],
    "residual": lambda: layers.parallel(layers.residual(Noise(), Still()), layers.residual(Noise(), Still())).apply(
        {}, {}, jnp.zeros(2), key=KEY
    )[0],
    "twice": lambda: Twice(Noise()).apply({}, {}, jnp.zeros(2), key=KEY)[0],
    "repeat": lambda: jnp.diff(
        jnp.stack([layers.repeat(Noise(), n).apply({}, {}, jnp.zeros(2), key=KEY)[0] for n in (1, 2, 3)]), axis=0
    ),
    "remat": lambda: layers.parallel(layers.remat(Tap()), layers.remat(Tap())).apply({}, {}, jnp.zeros(0), key=KEY)[0],
    "evaluating": lambda: layers.serial(Tap(), Tap()).apply({}, {}, jnp.zeros(0), training=False, key=KEY)[0],
}


@pytest.mark.parametrize("name", HOLDERS)
def test_each_part_draws_from_a_key_of_its_own(name):
    numbers = np.ravel(np.concatenate([np.ravel(part) for part in HOLDERS[name]()]))
    assert len(numbers) >= 4 and len(set(np.round(numbers, 5).tolist())) == len(numbers)


@pytest.mark.parametrize("make", [lambda: fnn.Generator().manual_seed(3), lambda: KEY])
@pytest.mark.parametrize(
    "net",
    [
        layers.serial(Noise(), Still(), Noise()),
        layers.repeat(Noise(), 3),
        layers.remat(Noise()),
        layers.residual(Noise()),
    ],
)
def test_all_of_them_take_both_kinds_of_key(net, make):
    a, b = (np.asarray(net.apply({}, {}, X, key=make())[0]) for _ in range(2))
    np.testing.assert_array_equal(a, b)
    assert np.isfinite(a).all() and not np.allclose(a, X)


def test_a_generator_is_drawn_from_in_turn():
    net = layers.serial(Noise(), layers.parallel(Noise(), Still(), combine=jnp.add))
    one, other = fnn.Generator().manual_seed(0), fnn.Generator().manual_seed(0)
    first, second = fnn.random.normal(other, X.shape), fnn.random.normal(other, X.shape)
    got, _ = net.apply({}, {}, X, key=one)
    np.testing.assert_allclose(got, (X + first) * 3 + second, rtol=1e-6)


@pytest.mark.parametrize("net", [layers.repeat(Still(), 3), layers.remat(Still()), layers.serial(Still(), Still())])
@pytest.mark.parametrize("training", [True, False])
def test_what_draws_nothing_takes_nothing(net, training):
    generator = fnn.Generator().manual_seed(0)
    before = generator.get_state()
    net.apply({}, {}, X, training=training, key=generator)
    layers.repeat(layers.Dropout(), 2).apply({}, {}, X, key=generator)
    np.testing.assert_array_equal(generator.get_state(), before)


def test_a_dropped_layer_in_a_loop_draws_one_number_of_the_generator():
    generator = fnn.Generator().manual_seed(0)
    layers.repeat(layers.Dropout(), 2).apply({}, {}, X, training=True, key=generator)
    other = fnn.Generator().manual_seed(0)
    other.randint(0, 1 << 31, (1,))
    np.testing.assert_array_equal(generator.get_state(), other.get_state())


@pytest.mark.parametrize(
    ("net", "text"),
    [
        (Tap(), r"Tap\(\) draws random numbers and got key=None"),
        (layers.serial(Tap()), r"Tap\(\) draws random numbers and got key=None"),
        (layers.serial(Noise()), r"Noise\(\): normal draws random numbers and got key=None"),
        (layers.repeat(Tap(), 2), r"Tap\(\) draws random numbers and got key=None"),
        (layers.remat(Noise()), r"Noise\(\): normal draws random numbers and got key=None"),
    ],
)
def test_without_a_key_the_error_names_the_layer_that_draws(net, text):
    with pytest.raises(fnn.MissingKeyError, match=f"^{text}"):
        net.apply({}, {}, jnp.zeros(2), training=True)


def test_jax_random_and_a_generator():
    with pytest.raises(
        ArgumentTypeError, match=r"(?s)^Tap\(\) draws with jax.random and got key=Generator.*fnn.random"
    ):
        layers.serial(Tap()).apply({}, {}, jnp.zeros(2), key=fnn.Generator())


# -- Composite ----------------------------------------------------------------------------------------


class Block(layers.Composite):
    """Parts of fields and a part of its own making."""

    norm: layers.Layer
    inner: layers.Layer
    rate: float = 0.0

    def parts(self):
        return super().parts() | {"drop": layers.Dropout(self.rate)}

    def call(self, run, x, scale=1.0):
        return x + scale * run("drop", run("inner", run("norm", x)))


BLOCK = Block(layers.BatchNorm1d(3), layers.Linear(3, 3), 0.5)


def test_a_composite_is_the_module_of_the_same_parts():
    fnn.manual_seed(0)
    norm, inner = nn.BatchNorm1d(3), nn.Linear(3, 3)
    params, state = BLOCK.init(fnn.Generator().manual_seed(0))
    assert list(params) == ["norm", "inner"] and list(state) == ["norm"]
    np.testing.assert_array_equal(params["inner"]["weight"], inner.weight)
    out, new = BLOCK.apply(params, state, X)
    np.testing.assert_allclose(out, X + inner(norm.eval()(X)), rtol=1e-5)
    assert int(new["norm"]["num_batches_tracked"]) == 0
    out, new = BLOCK.apply(params, state, X, training=True, key=fnn.Generator().manual_seed(1), scale=2.0)
    fnn.manual_seed(1)
    np.testing.assert_allclose(out, X + 2 * nn.Dropout()(inner(norm.train()(X))), rtol=1e-4, atol=1e-5)
    assert int(new["norm"]["num_batches_tracked"]) == 1


def test_a_composite_is_a_layer_like_others():
    assert BLOCK == Block(layers.BatchNorm1d(3), layers.Linear(3, 3), 0.5) and hash(BLOCK) == hash(BLOCK.replace())
    assert pickle.loads(pickle.dumps(BLOCK)) == BLOCK and BLOCK.replace(rate=0.1) != BLOCK
    net = layers.serial(BLOCK, layers.repeat(BLOCK, 2))
    params, state = net.init(KEY)
    run = jax.jit(lambda p, s, x, k: net.apply(p, s, x, training=True, key=k))
    out, new = run(params, state, X, KEY)
    assert out.shape == X.shape and jax.tree.structure(new) == jax.tree.structure(state)
    assert not jax.tree.leaves(BLOCK)


def test_a_part_called_twice_keeps_the_state_of_the_first_call():
    net = Twice(layers.BatchNorm1d(3))
    params, state = net.init(KEY)
    (first, second), new = net.apply(params, state, X, training=True)
    np.testing.assert_array_equal(first, second)
    assert int(new["part"]["num_batches_tracked"]) == 2


class Unknown(layers.Composite):
    part: layers.Layer

    def call(self, run, x):
        return run("prat", x)


class WithoutCall(layers.Composite):
    part: layers.Layer


class NoLayer(layers.Composite):
    def parts(self):
        return {"a": nn.Linear}


@pytest.mark.parametrize(
    ("act", "error", "text"),
    [
        (lambda: Unknown(Still()).apply({}, {}, X), ArgumentError, r"no part named 'prat'; .* named \['part'\]"),
        (lambda: WithoutCall(Still()).apply({}, {}, X), TypeError, "WithoutCall defines no call"),
        (lambda: NoLayer().init(KEY), ArgumentTypeError, "NoLayer.parts: expected layers, got .*fnn.pure"),
        (lambda: Twice(Still()).apply({"prat": {}}, {}, X), ArgumentError, r"params has parts named \['prat'\]"),
        (lambda: layers.Lambda(3), ArgumentTypeError, "Lambda: function must be a function of arrays, got function=3"),
        (lambda: layers.Lambda(layers.ReLU()), ArgumentTypeError, "Lambda: function must be a function of arrays"),
    ],
)  # fmt: skip
def test_errors(act, error, text):
    with pytest.raises(error, match=text):
        act()


def squared(x):
    return x * x


def test_lambda():
    square = layers.Lambda(squared)
    assert square == layers.Lambda(squared) and square != layers.Lambda(jnp.sin)
    assert pickle.loads(pickle.dumps(square)) == square and square.init(KEY) == ({}, {})
    net = layers.serial(layers.parallel(square, layers.Linear(3, 3)), layers.Lambda(lambda both: both[0] + both[1]))
    params, state = net.init(KEY)
    out, _ = net.apply(params, state, X, training=True, key=KEY)
    weight, bias = params["0"]["1"]["weight"], params["0"]["1"]["bias"]
    np.testing.assert_allclose(out, X * X + X @ weight.T + bias[None], rtol=1e-5)


# -- modules of such layers ----------------------------------------------------------------------------


class Gain(layers.Layer):
    """Declares no names."""

    size: int

    def init(self, key):
        del key
        return {"gain": jnp.full(self.size, 2.0)}, {"count": jnp.zeros((), jnp.int32)}

    def apply(self, params, state, x, *, training=False, key=None):
        return x * params["gain"][None], {"count": state["count"] + training}


class GainModule(LayerModule, layer=Gain): ...


def test_a_module_of_a_layer_that_declares_no_names():
    module = GainModule(3)
    assert [name for name, _ in module.named_parameters()] == ["gain"] and list(module.state_dict()) == [
        "gain",
        "count",
    ]
    np.testing.assert_array_equal(module(X), X * 2)
    assert int(module.count) == 1 and int(GainModule(3).eval().count) == 0
    grads = fnn.grad(lambda m: m(X).sum())(module)
    np.testing.assert_allclose(grads["gain"], X.sum(0))
    module.reset_parameters()
    assert int(module.count) == 0
    other = pickle.loads(pickle.dumps(module))
    other.load_state_dict({"gain": jnp.ones(3), "count": jnp.asarray(5)})
    np.testing.assert_array_equal(other(X), X)
    assert int(fnn.jit(lambda m, x: (m(x), m.count * 1)[1])(other, X)) == 7


class Half(Gain):
    PARAMS = ("weight",)


class HalfModule(LayerModule, layer=Half): ...


class SerialModule(LayerModule, layer=layers.Serial): ...


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: HalfModule(3), r"Half: init returns \['gain'\], of which PARAMS=\('weight',\) declares only a part"),
        (lambda: SerialModule((layers.Linear(2, 2),)), r"SerialModule: .* has parts named \['0'\]; .* make a Module"),
    ],
)
def test_a_module_of_a_layer_with_other_names_is_refused(make, text):
    with pytest.raises(ArgumentError, match=text):
        make()
