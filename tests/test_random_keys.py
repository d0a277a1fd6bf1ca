"""Random numbers without PyTorch: recorded references, keys of both kinds, and where ambient keys come from."""

import contextvars
import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn.random
from fnn import creation, init, random
from fnn._mcg31 import mcg31_uniform
from fnn.errors import ArgumentTypeError, MissingKeyError
from fnn.random import AMBIENT, Generator

# What torch 2.13 drew after torch.manual_seed(0), one call after the other.
RECORDED_UNIFORM = [-0.003743410110473633, 0.26822179555892944, -0.4115225672721863, -0.3679695129394531]
RECORDED_UNIFORM += [-0.19257718324661255, 0.13407868146896362]
RECORDED_NORMAL_3 = [1.2644586563110352, -0.6874263882637024, 0.1603812575340271]
RECORDED_NORMAL_17 = [-0.6658713221549988, -0.1116093322634697, -0.6135830879211426, 0.03159274160861969]
RECORDED_NORMAL_17 += [-0.4926769733428955, 0.2484147548675537, 0.4396958351135254, 0.11241118609905243]
RECORDED_NORMAL_17 += [0.6407923698425293, -2.316041946411133, -0.10230965167284012, 0.7924439907073975]
RECORDED_NORMAL_17 += [-0.28966769576072693, 0.05250748619437218, 0.5228604674339294, 2.3022053241729736]
RECORDED_NORMAL_17 += [-1.4688938856124878]
RECORDED_RANDPERM = [5, 6, 9, 2, 3, 8, 7, 4, 0, 1]
RECORDED_RANDINT = [3, 6, 76, 27, 99]
RECORDED_DOUBLE = [0.6086419936340745, 0.20842860038296507]
RECORDED_EXPONENTIAL = [0.6834558844566345, 2.6148173809051514, 1.8374478816986084]
RECORDED_BERNOULLI_EACH = [1, 0, 0, 0, 0, 0, 1, 0]
RECORDED_BERNOULLI = [1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0]


def test_recorded_draws():
    g = Generator().manual_seed(0)
    np.testing.assert_array_equal(g.uniform((6,), np.float32, -0.5, 0.5), np.array(RECORDED_UNIFORM, np.float32))
    np.testing.assert_array_equal(g.normal((3,)), np.array(RECORDED_NORMAL_3, np.float32))
    np.testing.assert_allclose(g.normal((17,)), np.array(RECORDED_NORMAL_17, np.float32), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(g.randperm(10), RECORDED_RANDPERM)
    np.testing.assert_array_equal(g.randint(0, 100, (5,)), RECORDED_RANDINT)
    np.testing.assert_array_equal(g.uniform((2,), np.float64), RECORDED_DOUBLE)
    np.testing.assert_allclose(g.exponential((3,)), RECORDED_EXPONENTIAL, rtol=1e-6)
    np.testing.assert_array_equal(g.bernoulli_each(np.full(8, 0.5, np.float32)), RECORDED_BERNOULLI_EACH)
    np.testing.assert_array_equal(g.bernoulli(0.5, (12,)), RECORDED_BERNOULLI)


# What PyTorch before 2.7 called on Intel CPUs: viRngBernoulli of MKL (2024.2) on a stream of VSL_BRNG_MCG31 with this
# seed.
RECORDED_MKL = [
    (2357136044, 0.3, [1, 0, 0, 1, 0, 0, 0, 1, 1, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1]),
    (0, 0.7, [1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 1, 0, 1, 1, 0, 0, 1, 0, 0, 1, 1, 1]),
]


@pytest.mark.parametrize("seed, p, want", RECORDED_MKL)
def test_recorded_mkl_masks(seed, p, want):
    np.testing.assert_array_equal(mcg31_uniform(seed, 24) < p, want)


@pytest.mark.parametrize("seed, n, p, ones", [(7, 1000, 0.5, 511), (2**32 - 1, 100_000, 0.1, 10126)])
def test_recorded_mkl_counts(seed, n, p, ones):
    assert (mcg31_uniform(seed, n) < p).sum() == ones


def test_mkl_masks_take_one_word(monkeypatch):
    monkeypatch.setattr(Generator, "mkl_bernoulli", True)
    g, same = Generator().manual_seed(1), Generator().manual_seed(1)
    np.testing.assert_array_equal(g.bernoulli(0.4, (5, 6)).ravel(), mcg31_uniform(int(same.words(1)[0]), 30) < 0.4)
    assert g.bernoulli(0.4, (0,)).shape == (0,)
    np.testing.assert_array_equal(g.get_state(), same.get_state())


# -- samplers under both kinds of key ------------------------------------------------------------------

SAMPLERS = {
    "uniform": (lambda key: random.uniform(key, (40, 50), low=-1.0, high=3.0), 1.0, 4 / 12**0.5),
    "normal": (lambda key: random.normal(key, (40, 50), mean=2.0, std=3.0), 2.0, 3.0),
    "bernoulli": (lambda key: random.bernoulli(key, 0.3, (40, 50)), 0.3, 0.21**0.5),
    "exponential": (lambda key: random.exponential(key, (40, 50)), 1.0, 1.0),
    "randint": (lambda key: random.randint(key, -3, 8, (40, 50)), 2.0, 10**0.5),
    "randperm": (lambda key: random.randperm(key, 2000), 999.5, 577.35),
}
KEYS = {
    "typed": lambda: jax.random.key(3),
    "raw": lambda: jax.random.PRNGKey(3),
    "numpy": lambda: np.array([0, 3], np.uint32),
    "generator": lambda: Generator().manual_seed(3),
}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("name", SAMPLERS)
def test_samplers(name, key):
    draw, mean, std = SAMPLERS[name]
    x = draw(KEYS[key]())
    assert isinstance(x, jax.Array)
    assert x.dtype == {"bernoulli": bool, "randint": jnp.int32, "randperm": jnp.int32}.get(name, jnp.float32)
    values = np.asarray(x, np.float64)
    assert abs(values.mean() - mean) < 5 * std / 2000**0.5
    assert abs(values.std() / std - 1) < 0.1
    np.testing.assert_array_equal(draw(KEYS[key]()), x)
    if name == "randperm":
        np.testing.assert_array_equal(np.sort(values), np.arange(2000))


@pytest.mark.parametrize("name", ["uniform", "normal", "exponential"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("key", ["typed", "generator"])
def test_sampler_dtypes(name, dtype, key):
    x = getattr(random, name)(KEYS[key](), (3, 2), dtype)
    assert (x.dtype, x.shape) == (jnp.dtype(dtype), (3, 2))


@pytest.mark.parametrize("key", ["typed", "generator"])
@pytest.mark.parametrize("replacement", [True, False])
def test_multinomial_follows_the_weights(key, replacement):
    weights = jnp.array([[0.0, 1.0, 3.0], [2.0, 0.0, 0.0]])
    weights = jnp.tile(weights, (1000, 1)) if not replacement else weights
    samples = 1 if not replacement else 1000
    drawn = np.asarray(creation.multinomial(weights, samples, replacement, generator=KEYS[key]()))
    assert drawn.shape == (len(weights), samples)
    assert (drawn[1::2] == 0).all() and (drawn[0::2] > 0).all()
    assert abs((drawn[0::2] == 2).mean() - 0.75) < 0.06


def test_a_generator_compiles_nothing(caplog):
    g = Generator()
    shapes = iter(range(97, 200))  # shapes that nothing else has compiled
    compiled = lambda: [r for r in caplog.records if "Compiling" in r.getMessage()]  # noqa: E731
    with jax.log_compiles():
        for draw in (random.uniform, random.normal, random.exponential, init.kaiming_uniform, init.zeros, init.ones):
            draw(g, (next(shapes), 3))
        random.bernoulli(g, 0.5, (next(shapes),))
        random.randint(g, 0, 5, (next(shapes),))
        random.randperm(g, next(shapes))
        assert not compiled()
        jnp.zeros((next(shapes), 3))
        assert compiled()  # that is, the log would have told


def test_under_jit_and_vmap_with_a_key():
    f = lambda key: random.uniform(key, (3,)) + random.normal(key, (3,), std=2.0)  # noqa: E731
    np.testing.assert_allclose(jax.jit(f)(jax.random.key(1)), f(jax.random.key(1)), rtol=1e-6)
    keys = jax.random.split(jax.random.key(1), 4)
    np.testing.assert_allclose(jax.vmap(f)(keys), jnp.stack([f(k) for k in keys]), rtol=1e-6)


def test_a_generator_in_a_trace_gives_concrete_arrays():
    seen = []

    @jax.jit
    def f(x):
        seen.append(random.uniform(Generator().manual_seed(0), (2,)))
        return x + seen[0]

    y = f(jnp.zeros(2))
    assert not isinstance(seen[0], jax.core.Tracer)
    np.testing.assert_array_equal(y, seen[0])


def test_results_do_not_alias_what_the_caller_can_write():
    value = np.ones(64, np.float32)
    x = init.full(None, (64,), value)
    value[:] = 2
    np.testing.assert_array_equal(x, 1)


# -- streams, ambient keys ------------------------------------------------------------------------------


def test_stream_gives_fresh_keys():
    keys = [random.stream(jax.random.key(0)) for _ in range(2)]
    first = [jax.random.key_data(keys[0]()).tolist() for _ in range(4)]
    assert len({tuple(k) for k in first}) == 4
    assert first == [jax.random.key_data(keys[1]()).tolist() for _ in range(4)]
    g = Generator()
    stream = random.stream(g)
    assert stream() is g and stream() is g


def test_resolve_passes_keys_through():
    key, g = jax.random.key(0), Generator()
    assert random.resolve(key, "f") is key
    assert random.resolve(g, "f") is g
    assert random.resolve(AMBIENT, "f") is fnn.random.default_generator


def test_missing_key_teaches():
    with pytest.raises(MissingKeyError) as error:
        random.resolve(None, "dropout")
    assert str(error.value) == random.MISSING_KEY.format(what="dropout")
    for part in ("dropout draws random numbers and got key=None", "Wrong: ", "Why: ", "Right: ", "jax.random.key(0)"):
        assert part in str(error.value)


def test_not_a_key():
    with pytest.raises(ArgumentTypeError, match=r"uniform: expected a JAX key .* got key=3"):
        random.uniform(3, (2,))


@pytest.mark.parametrize("transform", [jax.jit, jax.make_jaxpr, lambda f: lambda x: jax.eval_shape(f, x)])
@pytest.mark.parametrize("draw", [lambda: random.uniform(AMBIENT, (2,)), lambda: creation.rand(2)])
def test_ambient_in_a_raw_trace_teaches(transform, draw):
    with pytest.raises(MissingKeyError, match=r"fnn\.jit") as error:
        transform(lambda x: x + draw())(jnp.zeros(2))
    for part in ("inside a JAX transformation", "Wrong: ", "Why: ", "Right: "):
        assert part in str(error.value)


def test_ambient_in_an_eager_gradient_draws():
    random.manual_seed(0)
    slope = jax.grad(lambda x: x * random.uniform(AMBIENT, ()))(1.0)
    random.manual_seed(0)
    np.testing.assert_array_equal(slope, random.uniform(AMBIENT, ()))


def test_ambient_takes_from_the_innermost_provider():
    outer, inner = Generator().manual_seed(1), random.stream(jax.random.key(2))
    assert random.current_provider() is None
    with random.ambient(lambda: outer):
        with random.ambient(inner):
            assert random.current_provider() is inner
            first, second = random.uniform(AMBIENT, (3,)), random.uniform(AMBIENT, (3,))
        np.testing.assert_array_equal(random.uniform(AMBIENT, (3,)), Generator().manual_seed(1).uniform((3,)))
    assert random.current_provider() is None
    want = [random.uniform(jax.random.fold_in(jax.random.key(2), i), (3,)) for i in range(2)]
    np.testing.assert_array_equal(jnp.stack([first, second]), jnp.stack(want))


def test_ambient_in_jit_with_a_provider():
    def f(key):
        with random.ambient(random.stream(key)):
            return random.uniform(AMBIENT, (2,)), creation.rand(2)

    first, second = jax.jit(f)(jax.random.key(0))
    assert (first != second).all()
    np.testing.assert_array_equal(first, random.uniform(jax.random.fold_in(jax.random.key(0), 0), (2,)))


def test_providers_are_local_to_a_context():
    with random.ambient(Generator):
        assert contextvars.Context().run(random.current_provider) is None


def test_initialisation_key():
    assert random.initialisation_key() is random.default_generator
    g = Generator()
    with random.constructing(g):
        assert random.initialisation_key() is g
        assert random.draw_key("rand") is g
        with random.constructing(jax.random.key(0)):
            keys = [random.initialisation_key() for _ in range(2)]
    assert (jax.random.key_data(keys[0]) != jax.random.key_data(keys[1])).any()
    jax.jit(lambda x: random.initialisation_key() is random.default_generator or 1 / 0)(1.0)


def test_ambient_is_one_object():
    assert copy.deepcopy(AMBIENT) is AMBIENT
    assert pickle.loads(pickle.dumps(AMBIENT)) is AMBIENT
    assert repr(AMBIENT) == "AMBIENT"


# -- the global generator ---------------------------------------------------------------------------------


def test_global_state():
    assert random.manual_seed(5) is random.default_generator
    assert random.initial_seed() == 5
    state = random.get_rng_state()
    first = creation.rand(3)
    random.set_rng_state(state)
    np.testing.assert_array_equal(creation.rand(3), first)
    with random.fork_rng():
        inside = creation.rand(3)
        random.manual_seed(0)
    np.testing.assert_array_equal(creation.rand(3), inside)
    with random.fork_rng(enabled=False):
        random.manual_seed(0)
    assert random.initial_seed() == 0


def test_seed_takes_entropy():
    seeds = {random.seed() for _ in range(4)}
    assert len(seeds) == 4
    assert random.initial_seed() in seeds


def test_device_of_a_generator():
    assert Generator(device="cpu").device == "cpu"
    assert Generator(jax.devices("cpu")[0]).device == "cpu"
    with pytest.raises(ValueError, match="expected device='cpu', got device='cuda:0'"):
        Generator("cuda:0")
