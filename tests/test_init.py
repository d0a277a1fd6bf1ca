"""Initialisers against torch.nn.init: values under a seed, distributions under a JAX key, refusals, warnings."""

import inspect
import math
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from fnn import init, random  # noqa: E402
from fnn.nn import init as nn_init  # noqa: E402
from fnn.random import Generator  # noqa: E402
from fnn.state.parameter import Parameter  # noqa: E402
from tests import reference  # noqa: E402

SHAPES = [(3, 5), (16, 4, 3, 3), (8, 2, 3), (40, 30)]
UNIFORM = 0.0  # bit for bit
NORMAL = 2e-6
CASES = [
    ("uniform", {}, UNIFORM),
    ("uniform", {"a": -0.2, "b": 0.3}, UNIFORM),
    ("normal", {}, NORMAL),
    ("normal", {"mean": 1.0, "std": 0.02}, NORMAL),
    ("trunc_normal", {}, NORMAL),
    ("trunc_normal", {"std": 0.02}, NORMAL),
    ("trunc_normal", {"mean": 0.3, "std": 0.5, "a": 0.2, "b": 0.6}, NORMAL),
    ("trunc_normal", {"std": 0.5, "a": 0.9, "b": 1.0}, UNIFORM),
    ("trunc_normal", {"std": 2.0, "a": -0.1, "b": 0.1}, UNIFORM),
    ("constant", {"val": 0.3}, UNIFORM),
    ("ones", {}, UNIFORM),
    ("zeros", {}, UNIFORM),
    ("xavier_uniform", {}, UNIFORM),
    ("xavier_uniform", {"gain": math.sqrt(2.0)}, UNIFORM),
    ("xavier_normal", {"gain": 2.0}, NORMAL),
    ("kaiming_uniform", {"a": math.sqrt(5)}, UNIFORM),
    ("kaiming_uniform", {"mode": "fan_out", "nonlinearity": "relu"}, UNIFORM),
    ("kaiming_normal", {"mode": "FAN_OUT", "nonlinearity": "selu"}, NORMAL),
    ("orthogonal", {}, 1e-5),
    ("orthogonal", {"gain": 3.0}, 3e-5),
]
MATRICES = [
    ("eye", {}, UNIFORM),
    ("sparse", {"sparsity": 0.3}, NORMAL),
    ("sparse", {"sparsity": 0.9, "std": 1.0}, NORMAL),
]
KERNELS = [("dirac", {}, UNIFORM), ("dirac", {"groups": 2}, UNIFORM)]
ALL = [(*case, shape) for case in CASES for shape in SHAPES]
ALL += [(*case, shape) for case in MATRICES for shape in ((3, 5), (40, 30))]
ALL += [(*case, shape) for case in KERNELS for shape in ((4, 3, 3), (4, 6, 3, 4), (2, 2, 3, 1, 5))]
DRAWS = {"uniform", "normal", "trunc_normal", "orthogonal", "sparse"} | {
    f"{a}_{b}" for a in ("xavier", "kaiming") for b in ("uniform", "normal")
}


def pure(name, key, shape, dtype=None, **kwargs):
    """The pure initialiser; its uniform calls the bounds low and high, as every sampler does."""
    if name == "uniform":
        kwargs = {{"a": "low", "b": "high"}[k]: v for k, v in kwargs.items()}
    return getattr(init, name)(key, shape, dtype, **kwargs)


@pytest.mark.parametrize("name, kwargs, atol, shape", ALL, ids=[f"{n}{k or ''}{s}" for n, k, _, s in ALL])
def test_values_of_the_global_seed(name, kwargs, atol, shape):
    """In place, and by the pure function; twice, so that the number of words drawn agrees, too."""
    torch.manual_seed(1)
    want = [getattr(torch.nn.init, f"{name}_")(torch.empty(shape), **kwargs) for _ in range(2)]
    random.manual_seed(1)
    boxes = [Parameter(jnp.empty(shape)) for _ in range(2)]
    for box in boxes:
        assert getattr(nn_init, f"{name}_")(box, **kwargs) is box
    random.manual_seed(1)
    drawn = [pure(name, random.default_generator, shape, **kwargs) for _ in range(2)]
    for got in (*boxes, *drawn):
        theirs = want[0] if got is boxes[0] or got is drawn[0] else want[1]
        reference.assert_equal(got.data if isinstance(got, Parameter) else got, theirs, name, rtol=0, atol=atol)


@pytest.mark.parametrize("name", sorted(DRAWS - {"sparse"}))
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_types_of_a_generator(name, dtype):
    if name == "orthogonal":
        for draw in (torch.nn.init.orthogonal_, nn_init.orthogonal_):
            box = torch.empty(3, 5, dtype=getattr(torch, dtype))
            with pytest.raises(RuntimeError, match="not implemented for"):
                draw(box if draw is torch.nn.init.orthogonal_ else Parameter(jnp.empty((3, 5), dtype)))
        return
    want = torch.empty(6, 5, dtype=getattr(torch, dtype))
    getattr(torch.nn.init, f"{name}_")(want, generator=torch.Generator().manual_seed(2))
    box = Parameter(jnp.empty((6, 5), dtype))
    getattr(nn_init, f"{name}_")(box, generator=Generator().manual_seed(2))
    reference.assert_equal(box.data, want, name, rtol=0, atol=0 if "uniform" in name else 1e-2)


def test_sparse_takes_its_permutations_from_the_global_generator_as_torch_does():
    torch.manual_seed(3)
    random.manual_seed(3)
    want = torch.nn.init.sparse_(torch.empty(6, 4), 0.5, generator=torch.Generator().manual_seed(9))
    got = nn_init.sparse_(Parameter(jnp.empty((6, 4))), 0.5, generator=Generator().manual_seed(9))
    reference.assert_equal(got.data, want, "sparse", rtol=0, atol=1e-6)
    np.testing.assert_array_equal(random.get_rng_state(), torch.get_rng_state().numpy())


# -- under a JAX key ------------------------------------------------------------------------------------

MOMENTS = [
    ("uniform", {"a": -1.0, "b": 3.0}, 1.0, 4 / math.sqrt(12)),
    ("normal", {"mean": 1.0, "std": 2.0}, 1.0, 2.0),
    ("trunc_normal", {}, 0.0, 0.8796),
    ("trunc_normal", {"mean": 1.0, "std": 0.5, "a": 0.5, "b": 1.5}, 1.0, 0.5 * 0.5396),
    ("xavier_uniform", {}, 0.0, math.sqrt(2 / (50 + 40))),
    ("xavier_normal", {"gain": 2.0}, 0.0, 2 * math.sqrt(2 / (50 + 40))),
    ("kaiming_uniform", {"nonlinearity": "relu"}, 0.0, math.sqrt(2 / 40)),
    ("kaiming_normal", {"nonlinearity": "relu", "mode": "fan_out"}, 0.0, math.sqrt(2 / 50)),
]


@pytest.mark.parametrize("name, kwargs, mean, std", MOMENTS, ids=[f"{m[0]}{m[1]}" for m in MOMENTS])
@pytest.mark.parametrize("jit", [False, True])
def test_distribution_under_a_key(name, kwargs, mean, std, jit):
    draw = lambda key: pure(name, key, (50, 40), **kwargs)  # noqa: E731
    x = np.asarray((jax.jit(draw) if jit else draw)(jax.random.key(0)), np.float64)
    assert abs(x.mean() - mean) < 5 * std / math.sqrt(2000)
    assert abs(x.std() / std - 1) < 0.06
    if "a" in kwargs:
        assert kwargs["a"] <= x.min() and x.max() <= kwargs["b"]


@pytest.mark.parametrize("shape", [(4, 7), (7, 4), (3, 2, 2)])
@pytest.mark.parametrize("key", [lambda: jax.random.key(0), Generator])
def test_orthogonal_is_orthogonal(shape, key):
    q = np.asarray(init.orthogonal(key(), shape, gain=2.0)).reshape(shape[0], -1)
    gram = q @ q.T if q.shape[0] < q.shape[1] else q.T @ q
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-5)


def test_sparse_under_a_key():
    x = np.asarray(init.sparse(jax.random.key(0), (10, 50), sparsity=0.31, std=2.0))
    np.testing.assert_array_equal((x == 0).sum(0), 4)
    assert len({tuple(column) for column in (x == 0).T}) > 30
    assert abs(x[x != 0].std() - 2) < 0.3


def test_constants_in_a_trace_are_broadcasts():
    jaxpr = jax.make_jaxpr(lambda: (init.zeros(None, (3, 2)), init.full(None, (2,), 5.0)))()
    assert [e.primitive.name for e in jaxpr.eqns if e.outvars[0] in jaxpr.jaxpr.outvars] == ["broadcast_in_dim"] * 2
    assert not jaxpr.consts
    np.testing.assert_array_equal(jax.jit(lambda v: init.full(None, (2,), v))(3.0), [3.0, 3.0])


def test_nn_init_with_a_jax_key_and_in_a_construction():
    box = nn_init.normal_(Parameter(jnp.empty((3, 4))), generator=jax.random.key(1))
    np.testing.assert_array_equal(box.data, random.normal(jax.random.key(1), (3, 4)))
    with random.constructing(jax.random.key(2)):
        nn_init.uniform_(box)
    np.testing.assert_array_equal(box.data, random.uniform(jax.random.fold_in(jax.random.key(2), 0), (3, 4)))


# -- gains, fans, refusals, warnings -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "args",
    [(n,) for n in "linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d".split()]
    + [
        ("sigmoid",),
        ("tanh",),
        ("relu",),
        ("leaky_relu",),
        ("leaky_relu", 0.2),
        ("leaky_relu", 1),
        ("selu",),
        ("tanh", 9),
    ],
    ids=str,
)
def test_calculate_gain(args):
    assert nn_init.calculate_gain(*args) == torch.nn.init.calculate_gain(*args)


@pytest.mark.parametrize("shape", [(3, 5), (4, 2, 3), (6, 1, 3, 5)])
def test_fans(shape):
    assert init.fan_in_and_fan_out(shape) == torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))


REFUSED = [
    (lambda i, w: i.calculate_gain("gelu"), "Unsupported nonlinearity gelu"),
    (lambda i, w: i.calculate_gain("leaky_relu", True), "negative_slope True not a valid number"),
    (
        lambda i, w: i.xavier_uniform_(w(3)),
        "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions",
    ),
    (
        lambda i, w: i.kaiming_normal_(w(3)),
        "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions",
    ),
    (
        lambda i, w: i.kaiming_uniform_(w(3, 4), mode="fan"),
        "Mode fan not supported, please use one of ['fan_in', 'fan_out']",
    ),
    (lambda i, w: i.kaiming_uniform_(w(3, 4), nonlinearity="gelu"), "Unsupported nonlinearity gelu"),
    (lambda i, w: i.eye_(w(3)), "Only tensors with 2 dimensions are supported"),
    (lambda i, w: i.sparse_(w(3, 2, 2), 0.1), "Only tensors with 2 dimensions are supported"),
    (lambda i, w: i.dirac_(w(3, 2)), "Only tensors with 3, 4, or 5 dimensions are supported"),
    (lambda i, w: i.dirac_(w(3, 2, 2), 2), "dim 0 must be divisible by groups"),
    (lambda i, w: i.orthogonal_(w(3)), "Only tensors with 2 or more dimensions are supported"),
    (lambda i, w: i.uniform_(w(3), 1.0, 0.0), "uniform_ expects to return a [from, to) range"),
    (lambda i, w: i.normal_(w(3), 1.0, -2.0), "normal expects std >= 0.0, but found std -2"),
]


@pytest.mark.parametrize("call, text", REFUSED, ids=range(len(REFUSED)))
def test_refuses_what_torch_refuses(call, text):
    with pytest.raises((ValueError, RuntimeError)) as theirs:
        call(torch.nn.init, lambda *shape: torch.empty(shape))
    with pytest.raises(ValueError) as ours:
        call(nn_init, lambda *shape: Parameter(jnp.empty(shape)))
    assert text in str(theirs.value) and text in str(ours.value)


@pytest.mark.parametrize("array", [jnp.ones((3, 5)), np.ones((3, 5)), [1.0]], ids=lambda a: type(a).__name__)
def test_an_array_cannot_be_filled(array):
    with pytest.raises(TypeError) as error:
        nn_init.xavier_uniform_(array)
    for part in (
        "nn.init.xavier_uniform_ fills",
        type(array).__name__,
        "Wrong: ",
        "Why: ",
        "Right: ",
        "fnn.init.xavier_uniform(",
    ):
        assert part in str(error.value)


@pytest.mark.parametrize("name", ["kaiming_uniform_", "kaiming_normal_"])
def test_zero_elements_warn(name):
    box = Parameter(jnp.empty((0, 3)))
    with pytest.warns(UserWarning, match="Initializing zero-element tensors is a no-op") as caught:
        assert getattr(nn_init, name)(box) is box
    assert caught[0].filename == __file__


@pytest.mark.parametrize("name", ["uniform_", "normal_", "orthogonal_", "zeros_", "trunc_normal_"])
def test_zero_elements_draw_nothing(name):
    state = random.get_rng_state()
    assert getattr(nn_init, name)(Parameter(jnp.empty((0, 3)))).shape == (0, 3)
    np.testing.assert_array_equal(random.get_rng_state(), state)


def test_trunc_normal_far_from_its_mean_warns():
    with pytest.warns(UserWarning, match="mean is more than 2 std from"):
        nn_init.trunc_normal_(Parameter(jnp.empty(3)), mean=0.0, std=0.1, a=1.0, b=1.1)


@pytest.mark.parametrize("name", sorted(set(torch.nn.init.__all__)))
def test_public_surface(name):
    ours, theirs = getattr(nn_init, name), getattr(torch.nn.init, name)
    assert name in nn_init.__all__ and ours.__name__ == theirs.__name__
    if name.endswith("_") or name == "calculate_gain":
        mine, wanted = inspect.signature(ours).parameters, inspect.signature(theirs).parameters
        assert [(p.name, p.default, p.kind) for p in mine.values()] == [
            (p.name, p.default, p.kind) for p in wanted.values()
        ]
        return
    arguments = {"constant": (0.5,), "sparse": (0.5,)}.get(name, ())
    shape = (4, 3, 3) if name == "dirac" else (4, 3)
    new, old = Parameter(jnp.empty(shape)), Parameter(jnp.empty(shape))
    random.manual_seed(0)
    getattr(nn_init, f"{name}_")(new, *arguments)
    random.manual_seed(0)
    with pytest.warns(FutureWarning, match=rf"`nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`"):
        ours(old, *arguments)
    np.testing.assert_array_equal(old.data, new.data)


def test_dtype_and_place_are_kept():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        box = Parameter(jnp.empty((4, 4), jnp.bfloat16))
        nn_init.kaiming_uniform_(box)
        assert box.data.dtype == jnp.bfloat16
