"""Combinators: equal to the Module or the loop that they abbreviate, under every transformation."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import layers, nn
from fnn.testing import assert_close, check_grads

KEY = jax.random.key(0)
X = jnp.asarray(np.random.default_rng(0).standard_normal((4, 3)), jnp.float32)


def flat(tree, prefix=""):
    result = {}
    for name, value in tree.items():
        result.update(flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value})
    return result


def block():
    return layers.serial(layers.Linear(3, 3), layers.BatchNorm1d(3), layers.Tanh())


NETS = {
    "serial": lambda: layers.serial(layers.Linear(3, 4), layers.BatchNorm1d(4), layers.ReLU(), layers.Linear(4, 2)),
    "nested": lambda: layers.serial(block(), layers.serial(layers.Linear(3, 3), layers.Tanh())),
    "named": lambda: layers.named(fc=layers.Linear(3, 4), act=layers.Tanh(), norm=layers.BatchNorm1d(4)),
    "one name": lambda: layers.serial(layers.named("fc", layers.Linear(3, 4)), layers.Tanh()),
    "parallel": lambda: layers.parallel(layers.Linear(3, 4), layers.Identity(), combine=add_rows),
    "residual": lambda: layers.residual(block()),
    "projected": lambda: layers.residual(layers.Linear(3, 5), layers.Linear(3, 5, bias=False)),
    "repeat": lambda: layers.repeat(block(), 3),
    "remat": lambda: layers.remat(block()),
    "deep": lambda: layers.serial(layers.repeat(layers.residual(layers.remat(block())), 2), layers.Linear(3, 2)),
}


def add_rows(a, b):
    return a.sum(1, keepdims=True) + b


@pytest.fixture(params=NETS)
def net(request):
    return NETS[request.param]()


# -- every combinator -----------------------------------------------------------------------------------------


def test_values(net):
    same = pickle.loads(pickle.dumps(net))
    assert same == net and hash(same) == hash(net) and repr(same) == repr(net)
    assert jax.tree.leaves(net) == []
    assert net != layers.serial(layers.Identity())
    assert jax.jit(lambda layer, x: x * 2)(net, 1.0) == 2.0  # a static argument
    init, apply = net
    assert_close(init(KEY), net.init(KEY))
    assert apply.__self__ is net or apply.__self__ == net


def test_transformations(net):
    params, state = net.init(KEY)
    assert_close(jax.jit(net.init)(KEY), (params, state), rtol=1e-5, atol=1e-6)
    shapes = jax.eval_shape(net.init, KEY)
    assert jax.tree.map(lambda a: a.shape, shapes) == jax.tree.map(lambda a: a.shape, (params, state))

    def run(params, state, x):
        return net.apply(params, state, x, training=True)

    out, new = run(params, state, X)
    assert_close(jax.jit(run)(params, state, X), (out, new), rtol=1e-5, atol=1e-5)
    assert jax.tree.map(jnp.shape, new) == jax.tree.map(jnp.shape, state)
    assert jax.eval_shape(run, params, state, X)[0].shape == out.shape
    vmapped = jax.vmap(lambda x: run(params, state, x)[0])(jnp.stack([X, X * 2]))
    assert_close(vmapped[0], out, rtol=1e-5, atol=1e-5)
    carried, _ = jax.lax.scan(lambda s, x: (run(params, s, x)[1], None), state, jnp.stack([X, X]))
    assert_close(carried, run(params, new, X)[1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["nested", "parallel", "projected", "repeat", "deep"])
def test_gradients(name):
    net = NETS[name]()
    params, state = net.init(KEY)
    check_grads(lambda p, x: net.apply(p, state, x, training=False)[0], params, X, rtol=3e-2, atol=3e-2)
    grads, new = jax.grad(
        lambda p: (lambda out, s: ((out**2).sum(), s))(*net.apply(p, state, X, training=True)), has_aux=True
    )(params)
    assert jax.tree.structure(grads) == jax.tree.structure(params)
    assert jax.tree.structure(new) == jax.tree.structure(state)


# -- serial ---------------------------------------------------------------------------------------------------


def test_serial_is_sequential():
    pure = layers.serial(layers.Linear(3, 4), layers.BatchNorm1d(4), layers.ReLU(), layers.Linear(4, 2))
    fnn.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
    params, state = pure.init(fnn.Generator().manual_seed(0))
    assert_close({**flat(params), **flat(state)}, dict(module.state_dict()))
    assert_close((flat(params), flat(state)), fnn.split(module))
    assert_close(pure.apply(*fnn.split(module), X), pure.apply(params, state, X))
    for _ in range(2):
        out, state = pure.apply(params, state, X, training=True)
        assert_close(out, module(X), rtol=1e-5, atol=1e-6)
    assert_close(flat(state), {k: b.data for k, b in module.named_buffers()}, rtol=1e-5, atol=1e-6)
    pair = fnn.pure(nn.Sequential)(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
    assert_close(pair.apply(params, state, X)[0], pure.apply(params, state, X)[0], rtol=1e-5, atol=1e-6)


def test_serial_takes_several_inputs_indexes_and_slices():
    net = layers.serial(layers.Bilinear(3, 3, 2), layers.Tanh(), layers.Linear(2, 1))
    params, state = net.init(KEY)
    bilinear = net[0].apply(params["0"], {}, X, X)[0]
    assert_close(net[:2].apply({"0": params["0"]}, {}, X, X)[0], jnp.tanh(bilinear))
    assert len(net) == 3 and net[1] == layers.Tanh()
    assert net[:2] == layers.serial(layers.Bilinear(3, 3, 2), layers.Tanh())
    assert net.apply(params, state, X, X)[0].shape == (4, 1)
    assert_close(layers.serial().apply({}, {}, X), (X, {}))


def test_names():
    net = layers.serial(
        layers.named("fc", layers.Linear(3, 4)), layers.Tanh(), layers.named("out", layers.Linear(4, 2))
    )
    params, _ = net.init(KEY)
    assert list(params) == ["fc", "out"]
    direct = layers.named(fc=layers.Linear(3, 4), act=layers.Tanh(), out=layers.Linear(4, 2))
    assert_close(net.apply(params, {}, X), direct.apply(params, {}, X))
    alone = layers.named("fc", layers.BatchNorm1d(3))
    params, state = alone.init(KEY)
    assert list(params) == list(state) == ["fc"]
    assert list(alone.apply(params, state, X, training=True)[1]) == ["fc"]
    with pytest.raises(ValueError, match=r"named: expected a name without dots, got name='a.b'"):
        layers.named("a.b", layers.Tanh())
    with pytest.raises(ValueError, match=r"serial: the names \['0'\] are given twice"):
        layers.serial(layers.Tanh(), layers.named("0", layers.Tanh()))
    with pytest.raises(ValueError, match="named: write"):
        layers.named(layers.Tanh())


@pytest.mark.parametrize("combine", ["serial", "parallel", "residual", "repeat", "remat", "named", "without_state"])
def test_what_is_no_layer_is_refused(combine):
    build = {
        "repeat": lambda x: layers.repeat(x, 2),
        "named": lambda x: layers.named(a=x),
    }.get(combine, getattr(layers, combine))
    with pytest.raises(
        TypeError,
        match=rf"{combine}: expected layers, got .*Tanh.*; make a Module class a layer with fnn.pure",
    ):
        build(nn.Tanh)
    with pytest.raises(TypeError, match=rf"{combine}: expected layers, got 3"):
        build(3)


def test_wrong_parameters_are_named():
    net = NETS["serial"]()
    params, state = net.init(KEY)
    with pytest.raises(ValueError, match=r"params has parts named \['7'\]; this layer's are named"):
        net.apply({**params, "7": {}}, state, X)
    with pytest.raises(ValueError, match=r"state has parts named \['x'\]"):
        layers.residual(block()).apply({}, {"x": {}}, X)
    with pytest.raises(ValueError, match=r"Linear\(in_features=3.*: params has no 'weight', it has \[\]; pass"):
        net.apply({}, state, X)


# -- parallel, residual -----------------------------------------------------------------------------------------


def test_parallel():
    a, b = layers.Linear(3, 2), layers.Linear(3, 5)
    both = layers.parallel(a, b)
    params, state = both.init(KEY)
    want = (a.apply(params["0"], {}, X)[0], b.apply(params["1"], {}, X)[0])
    assert_close(both.apply(params, state, X)[0], want)
    assert_close(both.apply(params, state, X, X * 2)[0][1], b.apply(params["1"], {}, X * 2)[0])
    assert_close(both.apply(params, state, (X, X * 2))[0][1], b.apply(params["1"], {}, X * 2)[0])
    joined = layers.parallel(a, b, combine=lambda *outs: jnp.concatenate(outs, 1))
    assert_close(joined.apply(params, state, X)[0], jnp.concatenate(want, 1))
    with pytest.raises(ValueError, match="parallel: got 3 inputs for 2 layers; expected 1 or 2"):
        both.apply(params, state, X, X, X)


def test_residual():
    net = layers.residual(layers.Linear(3, 3))
    params, _ = net.init(KEY)
    assert_close(net.apply(params, {}, X)[0], X + layers.Linear(3, 3).apply(params["body"], {}, X)[0])
    projected = NETS["projected"]()
    params, _ = projected.init(KEY)
    want = X @ params["body"]["weight"].T + params["body"]["bias"][None] + X @ params["shortcut"]["weight"].T
    assert_close(projected.apply(params, {}, X)[0], want, rtol=1e-5, atol=1e-6)
    wrong = layers.residual(layers.Linear(3, 2))
    with pytest.raises(ValueError, match=r"residual: the body maps to shape \(4, 2\), the shortcut gives \(4, 3\)"):
        wrong.apply(wrong.init(KEY)[0], {}, X)


# -- repeat -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unroll", [1, 2])
def test_repeat_is_the_unrolled_loop(unroll):
    part, times = block(), 3
    tower = layers.repeat(part, times, unroll=unroll)
    params, state = tower.init(KEY)

    def loop(params, state, x):
        new = []
        for i in range(times):
            own = jax.tree.map(lambda a, i=i: a[i], (params, state))
            x, s = part.apply(*own, x, training=True)
            new.append(s)
        return x, jax.tree.map(lambda *xs: jnp.stack(xs), *new)

    def losses(run):
        return jax.value_and_grad(lambda p: (lambda out, s: ((out**3).sum(), s))(*run(p, state, X)), has_aux=True)(
            params
        )

    got = losses(lambda p, s, x: tower.apply(p, s, x, training=True))
    assert_close(got, losses(loop), rtol=1e-4, atol=1e-5)
    drawn = [jax.tree.map(lambda a, i=i: a[i], params) for i in range(times)]
    assert not np.array_equal(drawn[0]["0"]["weight"], drawn[1]["0"]["weight"])


def test_repeat_of_generator_draws_as_the_loop():
    tower = layers.repeat(layers.Linear(3, 3), 2)
    params, _ = tower.init(fnn.Generator().manual_seed(0))
    fnn.manual_seed(0)
    loop = [nn.Linear(3, 3) for _ in range(2)]
    assert_close(params["weight"], jnp.stack([m.weight.data for m in loop]))
    assert_close(params["bias"], jnp.stack([m.bias.data for m in loop]))


def test_the_program_of_repeat_does_not_grow_with_depth():
    def equations(jaxpr):
        subs = [v for e in jaxpr.eqns for v in e.params.values()]
        inner = [getattr(v, "jaxpr", v) for v in subs if hasattr(getattr(v, "jaxpr", v), "eqns")]
        return len(jaxpr.eqns) + sum(map(equations, inner))

    def count(times):
        tower = layers.repeat(block(), times)
        shapes = jax.eval_shape(tower.init, KEY)
        loss = lambda p, s: tower.apply(p, s, X, training=True)[0].sum()  # noqa: E731
        return equations(jax.make_jaxpr(jax.grad(loss))(*shapes).jaxpr)

    assert count(2) == count(20)


def test_repeat_refuses():
    with pytest.raises(ValueError, match="repeat: times must be a positive int, got times=0"):
        layers.repeat(layers.Tanh(), 0)
    tower = layers.repeat(layers.Linear(3, 4), 2)
    with pytest.raises(
        ValueError, match=r"repeat: the layer must keep the shape of its input, it maps \(4, 3\) to \(4, 4\)"
    ):
        tower.apply(tower.init(KEY)[0], {}, X)
    tower = layers.repeat(layers.Linear(3, 3), 2)
    with pytest.raises(ValueError, match=r"stacked along a first axis of 2, got shape \(3,"):
        tower.apply(layers.Linear(3, 3).init(KEY)[0], {}, X)
    casting = layers.repeat(layers.Linear(3, 3, dtype=jnp.bfloat16), 2)
    with pytest.raises(ValueError, match="dtype"):
        casting.apply(casting.init(KEY)[0], {}, X)


# -- remat ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [None, jax.checkpoint_policies.dots_saveable])
def test_remat_is_the_layer(policy):
    part = block()
    wrapped = layers.remat(part, policy=policy)
    params, state = wrapped.init(KEY)
    assert_close((params, state), part.init(KEY))

    def run(layer):
        loss = lambda p, x: (lambda out, s: ((out**3).sum(), s))(*layer.apply(p, state, x, training=True))  # noqa: E731
        return jax.value_and_grad(loss, (0, 1), has_aux=True)(params, X)

    assert_close(run(wrapped), run(part), rtol=1e-4, atol=1e-5)
    names = {str(e.primitive) for e in jax.make_jaxpr(lambda p: wrapped.apply(p, state, X))(params).jaxpr.eqns}
    assert names & {"checkpoint", "remat", "remat2"}


# -- without_state ----------------------------------------------------------------------------------------------


def test_without_state():
    net = layers.serial(layers.Linear(3, 4), layers.Dropout(0.5), layers.Linear(4, 2))
    init, apply = bare = layers.without_state(net)
    params = init(KEY)
    assert_close(params, net.init(KEY)[0])
    assert_close(apply(params, X), net.apply(params, {}, X)[0])
    assert_close(apply(params, X, training=True, key=KEY), net.apply(params, {}, X, training=True, key=KEY)[0])
    again = layers.without_state(net)
    assert bare == again and hash(bare) == hash(again) and pickle.loads(pickle.dumps(bare)) == bare
    assert jax.tree.leaves(bare) == [] and repr(bare) == f"without_state({net!r})"
    stateful = layers.without_state(layers.serial(layers.BatchNorm1d(3)))
    with pytest.raises(ValueError, match=r"without_state: .* has state \['0'\], which would be lost"):
        stateful.init(KEY)
    with pytest.raises(ValueError, match=r"has state \['0'\], which would be lost"):
        stateful.apply({}, X)


# -- keys -------------------------------------------------------------------------------------------------------

DROP = layers.Dropout(0.5)
PURE_DROP = fnn.pure(nn.Dropout)(0.5)
ONES = jnp.ones(64)
STOCHASTIC = {
    "serial": lambda: layers.parallel(DROP, layers.serial(layers.Identity(), DROP)),
    "parallel": lambda: layers.parallel(DROP, DROP),
    "residual": lambda: layers.parallel(layers.residual(DROP), layers.residual(DROP)),
    "remat": lambda: layers.parallel(layers.remat(DROP), layers.remat(DROP)),
    "repeat": lambda: layers.parallel(layers.repeat(DROP, 1), layers.repeat(DROP, 1)),
    "pure": lambda: layers.parallel(PURE_DROP, layers.repeat(PURE_DROP, 1)),
    "remat of pure": lambda: layers.parallel(layers.remat(PURE_DROP), PURE_DROP),
}


@pytest.mark.parametrize("name", STOCHASTIC)
@pytest.mark.parametrize("kind", ["key", "generator"])
def test_each_part_draws_its_own_numbers(name, kind):
    net = STOCHASTIC[name]()
    make = (lambda: KEY) if kind == "key" else lambda: fnn.Generator().manual_seed(0)
    params, state = net.init(KEY)
    run = lambda: net.apply(params, state, ONES, training=True, key=make())[0]  # noqa: E731
    a, b = run()
    assert len(np.unique(a)) == len(np.unique(b)) == 2
    assert not np.array_equal(a, b)
    assert_close(run(), (a, b))
    assert_close(net.apply(params, state, ONES)[0][0], ONES * (2 if name == "residual" else 1))
    with pytest.raises(fnn.MissingKeyError, match="key=None"):
        net.apply(params, state, ONES, training=True)


def test_a_module_that_draws_nothing_needs_no_key():
    tower = layers.repeat(fnn.pure(nn.Linear)(3, 3), 2)
    params, state = tower.init(KEY)
    same = layers.repeat(layers.Linear(3, 3), 2)
    assert_close(tower.apply(params, state, X, training=True), same.apply(params, state, X, training=True))


def test_repetitions_draw_their_own_numbers():
    """A product of 20 equal masks would keep half of the elements."""
    out, _ = layers.repeat(layers.Dropout(0.1), 20).apply({}, {}, jnp.ones(2000), training=True, key=KEY)
    assert 0.05 < float((out != 0).mean()) < 0.2


def test_remat_recomputes_the_same_mask():
    net = layers.remat(DROP)
    run = lambda x: net.apply({}, {}, x, training=True, key=KEY)[0]  # noqa: E731
    assert_close(jax.grad(lambda x: run(x).sum())(ONES), run(ONES))
    generator = fnn.Generator().manual_seed(0)
    slope = jax.grad(lambda x: net.apply({}, {}, x, training=True, key=generator)[0].sum())(ONES)
    assert set(np.unique(slope)) == {0.0, 2.0}
