"""Normalisation: functions, layers and modules against PyTorch's, in value, gradient, running state and text."""

import itertools
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional import batchnorm, norm, response
from fnn.kernels.sums import spread, total
from fnn.layers import batchnorm as running_layers
from fnn.layers import norm as layers
from fnn.nn.modules import batchnorm as batch_modules
from fnn.nn.modules import instancenorm as instance_modules
from fnn.nn.modules import normalization as modules
from tests import reference

torch = reference.torch
TF = torch.nn.functional
LAYERS = {n: getattr(m, n) for m in (layers, running_layers) for n in m.__all__}
MODULES = {n: getattr(m, n) for m in (modules, batch_modules, instance_modules) for n in m.__all__}


def tensor(*shape, seed=0, scale=1.0, shift=0.0, dtype=torch.float32):
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return (values * scale + shift).to(dtype)


# -- PyTorch's database -----------------------------------------------------------------------------------

STATELESS = {
    "layer_norm": norm.layer_norm,
    "rms_norm": norm.rms_norm,
    "group_norm": norm.group_norm,
    "normalize": norm.normalize,
    "local_response_norm": response.local_response_norm,
}
RUNNING = {"batch_norm": batchnorm.batch_norm, "instance_norm": batchnorm.instance_norm}


@pytest.mark.parametrize("name", STATELESS)
def test_database(name):
    assert reference.check_op(f"nn.functional.{name}", STATELESS[name])
    reference.check_op_errors(f"nn.functional.{name}", STATELESS[name])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=["bf16", "f16"])
@pytest.mark.parametrize("name", ["layer_norm", "rms_norm"])
def test_database_in_half(name, dtype):
    assert reference.check_op(f"nn.functional.{name}", STATELESS[name], dtype=dtype)


@pytest.mark.parametrize("name", RUNNING)
def test_database_with_running_statistics(name):
    """PyTorch cannot differentiate by the running statistics, so they are closed over."""
    op, *_ = reference.ops(f"nn.functional.{name}")
    for sample in op.sample_inputs("cpu", torch.float32):
        arguments = dict(zip(("running_mean", "running_var", "weight", "bias"), sample.args, strict=False))
        arguments |= sample.kwargs
        stats = {k: arguments.pop(k, None) for k in ("running_mean", "running_var")}
        ours = {k: None if v is None else jnp.asarray(v) for k, v in stats.items()}

        def theirs(x, stats=stats, **kwargs):
            fresh = {k: None if v is None else v.clone() for k, v in stats.items()}
            return getattr(TF, name)(x, **fresh, **kwargs)

        def mine(x, ours=ours, **kwargs):
            return RUNNING[name](x, **ours, **kwargs)

        reference.check_call(theirs, mine, (sample.input,), arguments)


# -- running statistics -----------------------------------------------------------------------------------

OPTIONS = list(itertools.product([0.1, 1.0, None], [True, False], [True, False]))


@pytest.mark.parametrize(("momentum", "affine", "track"), OPTIONS)
@pytest.mark.parametrize(
    ("name", "shape"), [("BatchNorm1d", (4, 3)), ("BatchNorm2d", (2, 3, 2, 3)), ("InstanceNorm1d", (2, 3, 5))]
)
def test_two_steps_then_evaluation(name, shape, momentum, affine, track):
    options = {"momentum": momentum, "affine": affine, "track_running_stats": track}
    theirs, layer, module = (kind(3, **options) for kind in (getattr(torch.nn, name), LAYERS[name], MODULES[name]))
    assert repr(module) == repr(theirs)
    params, state = layer.init(jax.random.key(0))
    apply = jax.jit(layer.apply, static_argnames="training")
    for step in range(2):
        x = tensor(*shape, seed=step, scale=2.0, shift=3.0)
        want = theirs(x)
        y, state = apply(params, state, jnp.asarray(x), training=True)
        reference.assert_equal(y, want)
        reference.assert_equal(module(jnp.asarray(x)), want)
    assert list(module.state_dict()) == list(theirs.state_dict())
    for key, value in theirs.state_dict().items():
        reference.assert_equal({**params, **state}[key], value, key)
        reference.assert_equal(module.state_dict()[key], value, key)
    theirs.eval()
    reference.check_call(theirs, lambda x: layer.apply(params, state, x)[0], (tensor(*shape, seed=5),))
    assert layer.apply(params, state, jnp.asarray(x))[1] is state
    if track:
        theirs.reset_running_stats()
        module.reset_running_stats()
        for key, value in theirs.state_dict().items():
            reference.assert_equal(module.state_dict()[key], value, key)


def test_update_functions_equal_torchs_in_place_update():
    x, mean, var = tensor(4, 3, 5), tensor(3), tensor(3).abs() + 0.5
    updates = {TF.batch_norm: batchnorm.batch_norm_update, TF.instance_norm: batchnorm.instance_norm_update}
    for theirs, ours in updates.items():
        for dtype in (torch.float32, torch.float16):
            m, v = mean.to(dtype), var.to(dtype)
            before = jnp.asarray(m.numpy()), jnp.asarray(v.numpy())
            y = theirs(x.to(dtype), m, v, None, None, True, 0.3)
            reference.assert_equal(ours(jnp.asarray(x.to(dtype).numpy()), *before, None, None, True, 0.3), (y, m, v))


def test_momentum_may_be_traced_and_statistics_carry_no_gradient():
    x = jnp.asarray(tensor(4, 3).numpy())
    update = jax.jit(lambda m, x: batchnorm.batch_norm_update(x, jnp.zeros(3), jnp.ones(3), training=True, momentum=m))
    np.testing.assert_allclose(update(0.25, x)[1], 0.25 * x.mean(0), rtol=1e-5)
    assert not jax.grad(lambda x: update(0.25, x)[1].sum() + update(0.25, x)[2].sum())(x).any()


def test_empty_batch():
    stats = jnp.ones(3), jnp.ones(3)
    for shape in ((0, 3), (0, 3, 4)):
        y, mean, var = batchnorm.batch_norm_update(jnp.zeros(shape), *stats, training=True)
        assert y.shape == shape and mean is stats[0] and var is stats[1]
    theirs, layer = torch.nn.BatchNorm1d(3), running_layers.BatchNorm1d(3)
    theirs(torch.zeros(0, 3))
    state = layer.apply(*layer.init(None), jnp.zeros((0, 3)), training=True)[1]
    for key in state:
        reference.assert_equal(state[key], theirs.state_dict()[key])
    assert norm.layer_norm(jnp.zeros((0, 4)), (4,)).shape == (0, 4)
    assert norm.layer_norm(jnp.zeros((4, 0)), (0,)).shape == (4, 0)
    assert norm.rms_norm(jnp.zeros((0, 4)), (4,)).shape == (0, 4)
    assert norm.group_norm(jnp.zeros((0, 4, 3)), 2).shape == (0, 4, 3)
    assert response.local_response_norm(jnp.zeros((0, 4, 3)), 2).shape == (0, 4, 3)


@pytest.mark.parametrize("shape", [(6, 3), (6, 3, 4), (6, 3, 2, 2)])
@pytest.mark.parametrize("count", [0, 2, 5, 6])
def test_statistics_of_the_samples_that_count(shape, count):
    """As if the others were not there: values, gradients and running statistics."""
    rows = np.isin(np.arange(6), np.random.default_rng(count).permutation(6)[:count])
    x, t = (tensor(*shape, seed=seed, shift=2.0, dtype=torch.float64) for seed in (0, 1))
    w, b = (tensor(3, seed=seed, dtype=torch.float64) for seed in (2, 3))
    x.requires_grad_(), w.requires_grad_(), b.requires_grad_()
    mean, var = torch.full((3,), 0.5, dtype=torch.float64), torch.full((3,), 2.0, dtype=torch.float64)
    y = TF.batch_norm(x[rows], mean, var, w, b, True)
    (y * t[rows]).sum().backward()

    @jax.jit
    def step(x, w, b, rows):
        def loss(x, w, b):
            with batchnorm.counting(rows):
                y, *stats = batchnorm.batch_norm_update(x, jnp.full(3, 0.5), jnp.full(3, 2.0), w, b, True)
            kept = jnp.where(jnp.expand_dims(rows, tuple(range(1, x.ndim))), y * t.numpy(), 0)
            return kept.sum(), (y, stats)

        return jax.grad(loss, (0, 1, 2), has_aux=True)(x, w, b)

    with jax.enable_x64(True):
        gradients, (out, stats) = step(*(v.detach().numpy() for v in (x, w, b)), rows)
    np.testing.assert_allclose(np.asarray(out)[rows], y.detach().numpy(), atol=1e-12)
    for ours, theirs in zip((*gradients, *stats), (x.grad, w.grad, b.grad, mean, var), strict=True):
        np.testing.assert_allclose(np.asarray(ours), theirs.numpy(), atol=1e-12)


def test_samples_that_count_on_a_mapped_axis():
    """Parts with different numbers of them, and one part with none."""
    x = tensor(6, 3, dtype=torch.float64).numpy()
    rows = np.array([True, True, False, True, False, False])

    def part(x, rows):
        with batchnorm.counting(rows):
            given = jnp.zeros(3), jnp.ones(3), None, None, True
            return batchnorm.batch_norm_update(x, *given, axis_name="i")

    with jax.enable_x64(True):
        y, mean, var = jax.vmap(part, axis_name="i")(x.reshape(3, 2, 3), rows.reshape(3, 2))
    stats = torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    expected = TF.batch_norm(torch.from_numpy(x[rows]), *stats, training=True)
    np.testing.assert_allclose(np.asarray(y).reshape(6, 3)[rows], expected.numpy(), atol=1e-12)
    for ours, theirs in zip((mean, var), stats, strict=True):
        np.testing.assert_allclose(np.asarray(ours), np.tile(theirs.numpy(), (3, 1)), atol=1e-12)


def test_samples_that_count_are_rows():
    with (
        batchnorm.counting(jnp.ones(4, bool)),
        pytest.raises(ArgumentError, match=r"of 4 samples .* has 8: a head with"),
    ):
        batchnorm.batch_norm(jnp.ones((8, 3)), None, None, training=True)


# -- precision --------------------------------------------------------------------------------------------


MIXED = {
    "batch_norm": (
        lambda x, w, b: TF.batch_norm(x, torch.zeros(4), torch.ones(4), w, b, True),
        lambda x, w, b: batchnorm.batch_norm(x, jnp.zeros(4), jnp.ones(4), w, b, True),
    ),
    "group_norm": (lambda x, w, b: TF.group_norm(x, 2, w, b), lambda x, w, b: norm.group_norm(x, 2, w, b)),
    "layer_norm": (lambda x, w, b: TF.layer_norm(x, (4,), w, b), lambda x, w, b: norm.layer_norm(x, (4,), w, b)),
    "rms_norm": (lambda x, w, b: TF.rms_norm(x, (4,), w), lambda x, w, b: norm.rms_norm(x, (4,), w)),
}


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 4e-2), (torch.float16, 5e-3)], ids=["bf16", "f16"])
@pytest.mark.parametrize("name", MIXED)
def test_half_input_with_float32_parameters(name, dtype, tolerance):
    """PyTorch rounds some gradients of the parameters to the input's dtype on the way."""
    arguments = tensor(5, 4, dtype=dtype), tensor(4), tensor(4, seed=1)
    reference.check_call(*MIXED[name], arguments, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("offset", [1e3, 1e4])
def test_variance_is_stable_far_from_zero(offset):
    x = tensor(64, 4, 8, shift=offset)
    exact = TF.batch_norm(x.double(), None, None, training=True).numpy()
    np.testing.assert_allclose(batchnorm.batch_norm(x.numpy(), None, None, training=True), exact, atol=offset * 1e-6)
    exact = TF.layer_norm(x.double(), (8,)).numpy()
    np.testing.assert_allclose(norm.layer_norm(x.numpy(), (8,)), exact, atol=offset * 2e-6)


def test_rms_norm_eps_is_that_of_the_computing_dtype():
    for dtype in (torch.float16, torch.bfloat16, torch.float32):
        x = torch.full((1, 2), 1e-4, dtype=dtype)
        reference.check_call(lambda x: TF.rms_norm(x, (2,)), lambda x: norm.rms_norm(x, (2,)), (x,))


# -- derivatives, vmap ------------------------------------------------------------------------------------

X = tensor(3, 4, 5).numpy()
W, B = tensor(4, seed=1).numpy(), tensor(4, seed=2).numpy()
CALLS = {
    "batch_norm": lambda x, w, b: batchnorm.batch_norm(x, None, None, w, b, True),
    "batch_norm eval": lambda x, w, b: batchnorm.batch_norm(x, jnp.asarray(B), jnp.asarray(W) ** 2, w, b),
    "instance_norm": lambda x, w, b: batchnorm.instance_norm(x, None, None, w, b),
    "group_norm": lambda x, w, b: norm.group_norm(x, 2, w, b),
    "layer_norm": lambda x, w, b: norm.layer_norm(x.swapaxes(1, 2), (4,), w, b),
    "rms_norm": lambda x, w, b: norm.rms_norm(x.swapaxes(1, 2), (4,), w) + b.sum(),
    "local_response_norm": lambda x, w, b: response.local_response_norm(x, 3, alpha=0.5) * w.sum() + b.sum(),
    "cross_map_lrn2d": lambda x, w, b: response.cross_map_lrn2d(x[..., None], 3, alpha=0.5) * w.sum() + b.sum(),
    "normalize": lambda x, w, b: norm.normalize(x) * w.sum() + b.sum(),
}


@pytest.mark.parametrize("name", CALLS)
def test_derivatives(name):
    check_grads(jax.jit(CALLS[name]), (X, W, B), order=2, modes=["fwd", "rev"], eps=1e-2, rtol=3e-2, atol=3e-2)


@pytest.mark.parametrize("name", CALLS)
def test_eager_and_vmap(name):
    f = CALLS[name]
    many = jnp.stack([X, X[::-1] * 2])
    want = jnp.stack([f(x, W, B) for x in many])
    np.testing.assert_allclose(jax.jit(jax.vmap(f, (0, None, None)))(many, W, B), want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["batch_norm", "batch_norm eval", "layer_norm", "group_norm", "rms_norm"])
def test_no_inner_jit(name):
    text = str(jax.make_jaxpr(CALLS[name])(jnp.asarray(X), jnp.asarray(W), jnp.asarray(B)))
    assert "pjit" not in text and "jit[" not in text


def test_double():
    with jax.enable_x64(True):
        for name in ("layer_norm", "rms_norm", "normalize"):
            assert reference.check_op(f"nn.functional.{name}", STATELESS[name], dtype=torch.float64)


@pytest.mark.parametrize("p", [0, 0.5, 1, 1.5, 2, 3, float("inf"), -float("inf")])
def test_normalize_at_zeros_and_ties(p):
    x = torch.tensor([[0.0, 0.0, 0.0], [0.0, 3.0, -3.0], [2.0, -2.0, 1.0]])
    reference.check_call(lambda x: TF.normalize(x, p), lambda x: norm.normalize(x, p), (x,))


def test_normalize_over_several_dims():
    x = tensor(2, 3, 4)
    reference.check_call(lambda x: TF.normalize(x, dim=(1, 2)), lambda x: norm.normalize(x, dim=(1, 2)), (x,))
    reference.check_call(lambda x: TF.normalize(x, dim=None), lambda x: norm.normalize(x, dim=None), (x,))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 9])
def test_cross_map_lrn2d_values(size):
    x = tensor(2, 7, 2, 3)
    theirs = torch.nn.CrossMapLRN2d(size, 0.5, 0.6, 1.5)
    ours = layers.CrossMapLRN2d(size, 0.5, 0.6, 1.5)
    reference.check_call(theirs, lambda x: ours.apply({}, {}, x)[0], (x,), grad=False)


# -- errors -----------------------------------------------------------------------------------------------

ONE = jnp.ones(4)


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda: batchnorm.batch_norm(jnp.ones((1, 4)), None, None, training=True), ArgumentError,
         r"Expected more than 1 value per channel when training, got input size \[1, 4\]"),
        (lambda: batchnorm.batch_norm(X, None, None), ArgumentError, "running_mean must be defined in evaluation"),
        (lambda: batchnorm.batch_norm(X, ONE, None), ArgumentError, "running_var must be defined in evaluation"),
        (lambda: batchnorm.batch_norm(X, ONE, None, training=True), ArgumentError, "must either both be None or"),
        (lambda: batchnorm.batch_norm(X, ONE[:3], ONE), ArgumentError, "running_mean should contain 4 elements not 3"),
        (lambda: batchnorm.batch_norm(X, ONE, ONE[:3]), ArgumentError, "running_var should contain 4 elements not 3"),
        (lambda: batchnorm.batch_norm(X, ONE, ONE, ONE[:3]), ArgumentError, "weight should contain 4 elements not 3"),
        (lambda: batchnorm.batch_norm(X, ONE, ONE, ONE, ONE[:3]), ArgumentError, "bias should contain 4 elements"),
        (lambda: batchnorm.batch_norm(X, None, None, training=True, eps=0), ArgumentError, "eps must be positive"),
        (lambda: batchnorm.batch_norm(X, ONE, ONE, eps=-1), ArgumentError, "eps must be non-negative, but got -1"),
        (lambda: batchnorm.batch_norm(X, ONE, ONE, training=True, momentum=None), ArgumentTypeError, "'momentum'"),
        (lambda: batchnorm.batch_norm(X, ONE, ONE, ONE.astype("float16")), ArgumentTypeError, "mixed dtype"),
        (lambda: batchnorm.batch_norm(X.astype("float16"), ONE, ONE, ONE.astype("float16")), ArgumentTypeError, "mix"),
        (lambda: batchnorm.batch_norm(jnp.ones((3, 2), int), None, None, training=True), ArgumentTypeError, "int32"),
        (lambda: batchnorm.batch_norm(ONE, None, None, training=True), IndexError, r"shape \(N, C, \*\)"),
        (lambda: batchnorm.instance_norm(jnp.ones((3, 2, 1))), ArgumentError,
         r"Expected more than 1 spatial element when training, got input size \[3, 2, 1\]"),
        (lambda: batchnorm.instance_norm(X, use_input_stats=False), ArgumentError,
         "Expected running_mean and running_var to be defined when use_input_stats is false"),
        (lambda: norm.layer_norm(X, (4,)), ArgumentError,
         r"Given normalized_shape=\[4\], expected input with shape \[\*, 4\], but got input of size\[3, 4, 5\]"),
        (lambda: norm.layer_norm(X, (1, 3, 4, 5)), ArgumentError, "Given normalized_shape"),
        (lambda: norm.layer_norm(X, ()), ArgumentError, r"at least 1-dimensional.* but got normalized_shape = \[\]"),
        (lambda: norm.layer_norm(X, (5,), ONE), ArgumentError, "Expected weight to be of same shape as"),
        (lambda: norm.rms_norm(X, (5,), ONE), ArgumentError, "Expected weight to be of same shape as"),
        (lambda: norm.group_norm(X, 3), ArgumentError,
         "Expected number of channels in input to be divisible by num_groups, but got input of shape"),
        (lambda: norm.group_norm(X, -2), ArgumentError, "Expected num groups to be greater than 0, got -2"),
        (lambda: norm.group_norm(X, 2.0), ArgumentTypeError, "num_groups"),
        (lambda: norm.group_norm(X, 2, ONE[:3]), ArgumentError, "Expected weight to be a vector of size equal to"),
        (lambda: norm.group_norm(jnp.ones((1, 4)), 4), ArgumentError, "Expected more than 1 value per channel"),
        (lambda: norm.group_norm(ONE, 2), ArgumentError, "Expected at least 2 dimensions for input tensor"),
        (lambda: norm.normalize(ONE), IndexError, r"range of \[-1, 0\], but got 1"),
        (lambda: norm.normalize(X, out=X), ArgumentError, "out must be None"),
        (lambda: response.local_response_norm(X[0], 2), ArgumentError, "Expected 3D or higher"),
        (lambda: response.local_response_norm(X, 0), ArgumentError, "greater than zero"),
        (lambda: response.cross_map_lrn2d(X, 3), ArgumentError, "Expected input to be 4D, got 3D instead"),
        (lambda: layers.GroupNorm(2, 5), ArgumentError, r"num_channels \(5\) must be divisible by num_groups \(2\)"),
        (lambda: layers.LayerNorm(2.5), ArgumentTypeError, "normalized_shape"),
        (lambda: layers.LayerNorm(-1), ArgumentError, "negative dimension"),
        (lambda: running_layers.BatchNorm1d(2.5), ArgumentTypeError, "num_features"),
        (lambda: running_layers.BatchNorm1d(-1), ArgumentError, "negative dimension"),
        (lambda: batch_modules.BatchNorm2d(4)(X), ArgumentError, r"expected 4D input \(got 3D input\)"),
        (lambda: batch_modules.BatchNorm1d(4)(X[None]), ArgumentError, r"expected 2D or 3D input \(got 4D input\)"),
        (lambda: instance_modules.InstanceNorm3d(4)(X), ArgumentError, r"expected 4D or 5D input \(got 3D input\)"),
        (lambda: instance_modules.InstanceNorm1d(3, affine=True)(X), ArgumentError,
         r"expected input's size at dim=1 to match num_features \(3\), but got: 4"),
    ],
)  # fmt: skip
def test_errors(call, kind, text):
    with pytest.raises(kind, match=text):
        call()


# -- layers and modules -----------------------------------------------------------------------------------

CASES = [
    ("BatchNorm1d", (3,), {"bias": False}, (4, 3, 2)),
    ("BatchNorm3d", (3, 1e-3, 0.2), {}, (2, 3, 1, 2, 2)),
    ("InstanceNorm1d", (3,), {}, (3, 5)),
    ("InstanceNorm2d", (3, 1e-3), {"affine": True}, (2, 3, 2, 2)),
    ("InstanceNorm2d", (3,), {"affine": True, "bias": False, "track_running_stats": True}, (3, 2, 2)),
    ("InstanceNorm3d", (3,), {"track_running_stats": True}, (2, 3, 1, 2, 2)),
    ("LayerNorm", (4,), {}, (2, 3, 4)),
    ("LayerNorm", ((3, 4), 1e-3), {"bias": False}, (2, 3, 4)),
    ("LayerNorm", ([4],), {"elementwise_affine": False}, (2, 3, 4)),
    ("RMSNorm", ((3, 4),), {}, (2, 3, 4)),
    ("RMSNorm", (4, 1e-2, False), {}, (2, 3, 4)),
    ("GroupNorm", (2, 4), {}, (3, 4, 2)),
    ("GroupNorm", (2, 4, 1e-3, False), {}, (3, 4)),
    ("GroupNorm", (1, 4), {"bias": False}, (1, 4, 2, 2)),
    ("LocalResponseNorm", (2, 0.1, 0.5, 2.0), {}, (2, 5, 3)),
    ("LocalResponseNorm", (3,), {}, (2, 5, 3, 2)),
]


@pytest.mark.parametrize(("name", "args", "kwargs", "shape"), CASES)
def test_layers_against_torch(name, args, kwargs, shape):
    theirs, layer, module = (table(*args, **kwargs) for table in (getattr(torch.nn, name), LAYERS[name], MODULES[name]))
    assert layer.extra_repr() == theirs.extra_repr() and repr(module) == repr(theirs)
    params, state = layer.init(jax.random.key(0))
    assert list(params | state) == list(theirs.state_dict()) == list(module.state_dict())
    for key, value in theirs.state_dict().items():
        reference.assert_equal((params | state)[key], value, key)
    fields = ("eps", "momentum", "affine", "normalized_shape", "num_groups", "num_channels", "num_features", "size")
    for field in fields:
        if hasattr(theirs, field):
            assert getattr(module, field) == getattr(theirs, field)
    x = tensor(*shape)
    names = list(dict(theirs.named_parameters()))
    weights = [tensor(*p.shape, seed=3) for p in theirs.parameters()]

    def call_theirs(x, *weights):
        return torch.func.functional_call(theirs, dict(zip(names, weights, strict=True)), (x,))

    def call_ours(x, *weights):
        return layer.apply(dict(zip(names, weights, strict=True)), state, x, training=True)[0]

    reference.check_call(call_theirs, call_ours, (x, *weights))
    assert layer == LAYERS[name](*args, **kwargs) and hash(layer) == hash(layer.replace())


def test_parameters_dtype():
    params, state = running_layers.BatchNorm1d(2, dtype=jnp.bfloat16).init(None)
    assert {v.dtype.name for v in (params | state).values()} == {"bfloat16", "int32"}


def test_instance_norm_warns_of_an_unused_num_features():
    with pytest.warns(UserWarning, match="input's size at dim=1 does not match num_features"):
        instance_modules.InstanceNorm1d(3)(X)


def test_tracking_switched_off_later():
    """PyTorch reads the flag at every call: statistics that are no longer tracked are used, but not updated."""
    theirs, module = torch.nn.BatchNorm1d(3), batch_modules.BatchNorm1d(3)
    x = tensor(4, 3)
    for m, v in ((theirs, x), (module, jnp.asarray(x))):
        m(v)
        m.track_running_stats = False
    reference.assert_equal(module(jnp.asarray(x)), theirs(x))
    reference.assert_equal(module.eval()(jnp.asarray(x)), theirs.eval()(x))
    for key, value in theirs.state_dict().items():
        reference.assert_equal(module.state_dict()[key], value, key)


# -- checkpoints, lazy ------------------------------------------------------------------------------------


def test_checkpoint_from_before_the_counter():
    module = batch_modules.BatchNorm1d(2)
    module(jnp.asarray(X)[:, :2])
    old = {k: v for k, v in module.state_dict().items() if k != "num_batches_tracked"}
    module.load_state_dict(old)
    assert int(module.num_batches_tracked) == 1
    new = module.state_dict()
    del new["num_batches_tracked"]
    with pytest.raises(RuntimeError, match=r'Missing key.*"num_batches_tracked"'):
        module.load_state_dict(new)


def test_instance_norm_refuses_statistics_it_does_not_track():
    stats = {"running_mean": jnp.zeros(2), "running_var": jnp.ones(2)}
    with pytest.raises(RuntimeError, match=r"Unexpected running stats buffer.* for InstanceNorm1d"):
        instance_modules.InstanceNorm1d(2).load_state_dict(stats)


LAZY = [f"Lazy{kind}Norm{n}d" for kind in ("Batch", "Instance") for n in (1, 2, 3)]


@pytest.mark.parametrize("name", LAZY)
@pytest.mark.parametrize("kwargs", [{}, {"affine": False}, {"track_running_stats": False, "bias": False}])
def test_lazy_modules(name, kwargs):
    theirs, module = getattr(torch.nn, name)(**kwargs), MODULES[name](**kwargs)
    assert repr(module) == repr(theirs)
    x = tensor(2, 3, *(2,) * int(name[-2]))
    reference.assert_equal(module(jnp.asarray(x)), theirs(x))
    assert repr(module) == repr(theirs) and type(module) is MODULES[name.removeprefix("Lazy")]
    assert list(module.state_dict()) == list(theirs.state_dict())
    for key, value in theirs.state_dict().items():
        reference.assert_equal(module.state_dict()[key], value, key)


def test_lazy_batch_norm_checks_its_first_input():
    with pytest.raises(ArgumentError, match=r"expected 4D input \(got 3D input\)"):
        batch_modules.LazyBatchNorm2d()(jnp.asarray(X))


def test_every_torch_normalisation_is_here():
    wanted = {n for m in ("batchnorm", "instancenorm", "normalization") for n in getattr(torch.nn.modules, m).__all__}
    assert wanted == set(MODULES)
    assert set(LAYERS) == {n for n in MODULES if not n.startswith("Lazy")}


def test_no_warnings_when_all_is_well():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        instance_modules.InstanceNorm1d(4)(X)
        batch_modules.BatchNorm1d(4)(X)


def test_layer_norm_between_transpositions():
    """Channels moved last and back: the same numbers, and derivatives, as with the channels last throughout."""
    rng = np.random.default_rng(0)
    x, w, b = (jnp.asarray(rng.standard_normal(s)) for s in ((2, 3, 4, 5), (3,), (3,)))
    last = jnp.asarray(np.transpose(x, (0, 2, 3, 1)))

    def moved(x, w, b):
        return norm.layer_norm(x.transpose(0, 2, 3, 1), (3,), w, b).transpose(0, 3, 1, 2)

    def plain(last, w, b):
        return norm.layer_norm(last, (3,), w, b).transpose(0, 3, 1, 2)

    def first_and_second(fn):
        def loss(*args):
            return (fn(*args) ** 3).sum()

        def turned(*args):
            return sum((g * jnp.cos(g)).sum() for g in jax.grad(loss, (0, 1, 2))(*args))

        return jax.jit(lambda *args: (fn(*args), jax.grad(loss, (0, 1, 2))(*args), jax.grad(turned, (0, 1, 2))(*args)))

    y, first, second = first_and_second(moved)(x, w, b)
    want, want_first, want_second = first_and_second(plain)(last, w, b)
    back = [(g[0].transpose(0, 3, 1, 2), *g[1:]) for g in (want_first, want_second)]
    for mine, theirs in zip(jax.tree.leaves((y, first, second)), jax.tree.leaves((want, *back)), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-3, atol=1e-3)
    batched = jax.jit(jax.vmap(moved, (3, None, None), 3))(x[:, :, :, None], w, b)
    np.testing.assert_allclose(batched[..., 0, :], y, rtol=1e-5, atol=1e-5)


def test_sums_and_spreads_are_each_others_transposes():
    x = jnp.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(total(x, (0, 2)), x.sum((0, 2)))
    for dim in range(4):  # the batch axis
        many = jnp.stack([x, 2 * x], dim)
        got = jax.vmap(lambda x: total(x, (0, 2)), dim)(many)
        np.testing.assert_array_equal(got, [x.sum((0, 2)), 2 * x.sum((0, 2))])
    grown = jax.vmap(lambda v: spread(v, (3, 2, 4), (0, 2)), 1)(jnp.moveaxis(x, 0, 1))
    np.testing.assert_array_equal(grown, jnp.broadcast_to(x[:, :, None], (2, 3, 2, 4)))
    check_grads(lambda x: spread(total(x * x, (0, 2)) ** 2, (5, 3), (1,)) ** 2, (x / 10,), 2, rtol=0.05, eps=1e-2)
