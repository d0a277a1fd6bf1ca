"""Activations: PyTorch's database of cases, its gradients at the kinks, and what the layers print and compute."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from fnn import random
from fnn.errors import ArgumentError, ArgumentTypeError, MissingKeyError
from fnn.functional import activation, rectifier, rectifier_inplace, shrink, simplex
from fnn.layers import activation as smooth_layers
from fnn.layers import rectifier as rectifier_layers
from fnn.layers import shrink as shrink_layers
from fnn.layers import simplex as simplex_layers
from fnn.nn.modules import activation as modules
from tests import extent, reference

torch = reference.torch
TF = torch.nn.functional
NAMES = {n: getattr(m, n) for m in (activation, rectifier, rectifier_inplace, shrink, simplex) for n in m.__all__}
LAYERS = {n: getattr(m, n) for m in (smooth_layers, rectifier_layers, shrink_layers, simplex_layers) for n in m.__all__}
IN_DATABASE = sorted(n for n in NAMES if not n.endswith("_") and n != "gumbel_softmax")
INF, NAN = float("inf"), float("nan")


def database_name(name):
    return name if name in ("log_softmax", "sigmoid", "softmax", "tanh") else f"nn.functional.{name}"


def skip(sample):
    if sample.kwargs.get("training"):
        return "random"
    return "needs x64" if sample.kwargs.get("dtype") == torch.float64 and not jax.config.jax_enable_x64 else None


# -- PyTorch's database -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", IN_DATABASE)
def test_database(name):
    assert reference.check_op(database_name(name), NAMES[name], skip=skip)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=["bf16", "f16"])
@pytest.mark.parametrize("name", ["gelu", "log_softmax", "mish", "selu", "softplus"])
def test_database_in_half(name, dtype):
    assert reference.check_op(database_name(name), NAMES[name], dtype=dtype, skip=skip)


@pytest.mark.parametrize("name", ["gelu", "mish", "softmax", "softplus"])
def test_database_in_double(name):
    with jax.enable_x64(True):
        assert reference.check_op(database_name(name), NAMES[name], dtype=torch.float64, skip=skip)


@pytest.mark.parametrize("name", IN_DATABASE)
def test_database_of_errors(name):
    reference.check_op_errors(database_name(name), NAMES[name])


# -- kinks ------------------------------------------------------------------------------------------------

# name, keyword arguments, kinks
KINKS = [
    ("relu", {}, [0.0]),
    ("relu6", {}, [0.0, 6.0]),
    ("hardtanh", {}, [-1.0, 1.0]),
    ("hardtanh", {"min_val": 2.0, "max_val": 2.0}, [2.0]),
    ("threshold", {"threshold": 1.0, "value": 20.0}, [1.0]),
    ("elu", {"alpha": 1.5}, [0.0]),
    ("elu", {"alpha": -1.5}, [0.0]),
    ("selu", {}, [0.0]),
    ("celu", {"alpha": 1.5}, [0.0]),
    ("celu", {"alpha": -1.5}, [0.0]),
    ("leaky_relu", {}, [0.0]),
    ("leaky_relu", {"negative_slope": -0.5}, [0.0]),
    ("leaky_relu", {"negative_slope": 0.0}, [0.0]),
    ("rrelu", {}, [0.0]),
    ("logsigmoid", {}, [0.0]),
    ("hardshrink", {}, [-0.5, 0.5]),
    ("hardshrink", {"lambd": 0.0}, [0.0]),
    ("hardshrink", {"lambd": -1.0}, [-0.5, 0.5]),
    ("softshrink", {}, [-0.5, 0.5]),
    ("softshrink", {"lambd": 0.0}, [0.0]),
    ("tanhshrink", {}, [0.0]),
    ("softsign", {}, [0.0]),
    ("softplus", {}, [20.0, 20.1]),
    ("softplus", {"beta": 2.0, "threshold": 3.0}, [1.4, 1.5, 1.6]),
    ("softplus", {"beta": -2.0, "threshold": 3.0}, [-1.4, -1.5, -1.6]),
    ("gelu", {}, [0.0]),
    ("gelu", {"approximate": "tanh"}, [0.0]),
    ("silu", {}, [0.0]),
    ("mish", {}, [0.0, 20.0]),
    ("hardswish", {}, [-3.0, 3.0]),
    ("hardsigmoid", {}, [-3.0, 3.0]),
    ("tanh", {}, [0.0]),
    ("sigmoid", {}, [0.0]),
]
EXTREMES = [-INF, -1e30, -100.0, -10.0, -1.0, -0.0, 0.0, 1.0, 10.0, 100.0, 1e30, INF]


def same_where_torch_is_finite(ours, theirs, rtol, atol=1e-20):
    ours, theirs = np.asarray(ours), theirs.detach().numpy()
    wanted = ~np.isnan(theirs)
    np.testing.assert_allclose(ours[wanted], theirs[wanted], rtol=rtol, atol=atol)


@pytest.mark.parametrize(("name", "kwargs", "kinks"), KINKS)
def test_kinks_and_extremes(name, kwargs, kinks):
    points = kinks + EXTREMES
    t = torch.tensor(points, requires_grad=True)
    want = getattr(TF, name)(t, **kwargs)
    (slope,) = torch.autograd.grad(want.sum(), t)
    x = jnp.array(points)
    f = lambda x: NAMES[name](x, **kwargs)  # noqa: E731
    rtol = 1e-4 if name in ("gelu", "mish") else 2e-6
    y, forward = jax.jvp(f, (x,), (jnp.ones_like(x),))
    same_where_torch_is_finite(y, want, rtol)
    (reverse,) = jax.vjp(f, x)[1](jnp.ones_like(x))
    for gradient in (forward, reverse):
        # 1 - tanh² takes the difference of two nearly equal numbers, and tanh(10) is rounded once more or less.
        same_where_torch_is_finite(gradient, slope, max(rtol, 1e-5), 1e-6 if name == "tanh" else 1e-20)


@pytest.mark.parametrize("name", sorted({k[0] for k in KINKS}))
def test_nan_propagates(name):
    kwargs = {"threshold": 1.0, "value": 20.0} if name == "threshold" else {}
    assert np.isnan(NAMES[name](jnp.array([NAN, 1.0]), **kwargs))[0]


SMOOTH = [*sorted({k[0] for k in KINKS} - {"threshold"}), "softmax", "log_softmax", "softmin", "glu"]


@pytest.mark.parametrize("name", extent.some(SMOOTH, 13))
def test_derivatives(name):
    x = jnp.array([[-2.3, -0.7, 0.3], [0.6, 1.7, 4.3]])
    f = (
        NAMES[name]
        if "soft" not in name or name in ("softplus", "softsign", "softshrink")
        else (lambda x: NAMES[name](x, 1))
    )
    f = (lambda x: activation.glu(x, 0)) if name == "glu" else f
    check_grads(jax.jit(f), (x,), order=2, modes=["fwd", "rev"], eps=1e-2, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("name", SMOOTH)
def test_second_order_is_finite_far_out(name):
    kwargs = {"dim": 0} if name in ("softmax", "log_softmax", "softmin", "glu") else {}
    x = jnp.array([-200.0, -50.0, 50.0, 200.0])
    hessian = jax.jit(jax.hessian(lambda x: (NAMES[name](x, **kwargs) ** 2).sum()))(x)
    assert np.isfinite(hessian).all()


@pytest.mark.parametrize("name", ["relu", "gelu", "elu", "softplus", "hardswish"])
def test_jit_and_vmap(name):
    f, x = NAMES[name], jnp.linspace(-4, 4, 12).reshape(3, 4)
    for other in (jax.jit(f), jax.vmap(f), jax.vmap(f, 1, 1)):
        np.testing.assert_allclose(other(x), f(x), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", ["relu", "tanh", "sigmoid", "gelu", "silu", "hardtanh", "softmax", "leaky_relu"])
def test_no_inner_jit(name):
    kwargs = {"dim": 0} if name == "softmax" else {}
    text = str(jax.make_jaxpr(lambda x: NAMES[name](x, **kwargs))(jnp.ones(3)))
    assert "pjit" not in text and "jit[" not in text and "custom_jvp" not in text


def test_elu_tail_keeps_its_gradient():
    x = jnp.array([-15.0])
    np.testing.assert_allclose(jax.grad(lambda x: rectifier.elu(x).sum())(x), np.exp(-15.0), rtol=1e-5)


# -- dtypes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["relu", "relu6", "tanh", "sigmoid", "softsign", "tanhshrink"])
def test_integers(name):
    x = np.array([-2, 0, 9], np.int32)
    reference.assert_equal(NAMES[name](x), getattr(TF, name)(torch.from_numpy(x)))


@pytest.mark.parametrize(
    "name", ["elu", "selu", "celu", "leaky_relu", "rrelu", "gelu", "silu", "mish", "softplus", "logsigmoid",
             "hardswish", "hardsigmoid", "hardshrink", "softshrink", "glu"],
)  # fmt: skip
def test_integers_are_refused(name):
    with pytest.raises(ArgumentTypeError, match=rf"{name}: not implemented for input.dtype=int32"):
        NAMES[name](jnp.array([1, 2]))


def test_booleans_are_refused():
    for name in ("relu", "relu6", "hardtanh", "tanhshrink"):
        with pytest.raises(ArgumentTypeError, match="bool"):
            NAMES[name](jnp.array([True]))


def test_integer_clamps():
    x = torch.tensor([-3, 0, 3], dtype=torch.int32)
    reference.check_call(lambda t: TF.hardtanh(t, -1.5, 0.5), lambda t: rectifier.hardtanh(t, -1.5, 0.5), (x,))
    reference.check_call(lambda t: TF.threshold(t, 0.5, 2.7), lambda t: rectifier.threshold(t, 0.5, 2.7), (x,))


def test_softmax_converts_first():
    x = torch.tensor([[1.0, 2.0, 4.0]]).half()
    for name in ("softmax", "softmin", "log_softmax"):
        f = lambda x, name=name: NAMES[name](x, 1, dtype=jnp.float32)  # noqa: E731
        reference.check_call(lambda t, name=name: getattr(TF, name)(t, 1, dtype=torch.float32), f, (x,))
    assert simplex.softmax(jnp.array([1, 1]), 0, dtype=jnp.float32).tolist() == [0.5, 0.5]


# -- errors -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda x: activation.gelu(x, "x"), ArgumentError, "approximate argument must be either none or tanh"),
        (lambda x: activation.glu(x), ArgumentError, "Halving dimension must be even, but dimension 0 is size 3"),
        (lambda x: activation.glu(x[0]), ArgumentError, "glu does not support scalars"),
        (lambda x: rectifier.hardtanh(x, 2, 1), ArgumentError, "min_val cannot be greater than max_val"),
        (lambda x: rectifier.hardtanh(x.astype("uint8")), ArgumentError, "unsigned type with negative limits"),
        (lambda x: rectifier.celu(x, 0), ArgumentError, "alpha cannot be 0 for CELU"),
        (lambda x: shrink.softshrink(x, -1), ArgumentError, "lambda must be .* -1"),
        (lambda x: rectifier.rrelu(x, 1.0, 0.0), ArgumentError, "Lower bound should be less than or equal to"),
        (lambda x: rectifier.rrelu(x, 0.0, INF, True), ArgumentError, "upper bound must be finite"),
        (lambda x: rectifier.rrelu(x, training=True), MissingKeyError, "rrelu draws random numbers"),
        (lambda x: simplex.gumbel_softmax(x), MissingKeyError, "gumbel_softmax draws random numbers"),
        (lambda x: simplex.softmax(x, 2), IndexError, r"expected to be in range of \[-1, 0\], but got 2"),
        (lambda x: simplex.softmax(x, 1.0), ArgumentTypeError, "'dim' must be int"),
        (lambda x: rectifier.prelu(x[None], x[:2]), ArgumentError, "parameter numbers = 2 and channel size = 3"),
        (lambda x: rectifier.prelu(x, x[None]), ArgumentError, "scalar or 1D tensor, but got: ndim = 2"),
        (lambda x: rectifier.prelu(x[0], x), ArgumentError, "Not allow zero-dim input tensor"),
        (lambda x: rectifier.prelu(x, x[:1].astype("float16")), ArgumentTypeError, "Type promoting not supported"),
        (lambda x: rectifier_layers.Hardtanh(1, 1), ArgumentError, r"max_val \(1\) must be greater than min_val \(1\)"),
        (lambda x: rectifier_layers.PReLU(-1), ArgumentError, "negative dimension"),
        (lambda x: rectifier_layers.PReLU(2.5), ArgumentTypeError, "num_parameters"),
        (lambda x: simplex_layers.Softmax2d().apply({}, {}, x), ArgumentError, "to be 3D or 4D, got 1D instead"),
    ],
)  # fmt: skip
def test_errors(call, kind, text):
    with pytest.raises(kind, match=text):
        call(jnp.arange(3.0))


@pytest.mark.parametrize(("shape", "axis"), [((), 0), ((3,), 0), ((3, 4), 1), ((2, 3, 4), 0), ((2, 3, 4, 2), 1)])
def test_implicit_dim(shape, axis):
    x = jnp.arange(np.prod(shape, dtype=int) * 1.0).reshape(shape)
    with pytest.warns(UserWarning, match="Implicit dimension choice for log_softmax has been deprecated"):
        got = simplex.log_softmax(x)
    np.testing.assert_array_equal(got, simplex.log_softmax(x, axis))


# -- random ones ------------------------------------------------------------------------------------------


def test_rrelu_draws_torchs_numbers():
    x = torch.linspace(-2, 2, 50).reshape(5, 10)
    torch.manual_seed(3)
    want = TF.rrelu(x, 0.1, 0.4, True)
    after = torch.rand(1)
    key = random.Generator().manual_seed(3)
    np.testing.assert_allclose(rectifier.rrelu(jnp.asarray(x), 0.1, 0.4, True, key=key), want, rtol=3e-7)
    assert random.uniform(key, (1,)) == after.item()


def test_rrelu_with_a_jax_key():
    x = -jnp.ones(1000)
    y = jax.jit(lambda key: rectifier.rrelu(x, 0.1, 0.4, True, key=key))(jax.random.key(0))
    slopes = -np.asarray(y)
    assert 0.1 <= slopes.min() < 0.12 and 0.38 < slopes.max() < 0.4 and abs(slopes.mean() - 0.25) < 0.01
    gradient = jax.grad(lambda x: rectifier.rrelu(x, 0.1, 0.4, True, key=jax.random.key(0)).sum())(x)
    np.testing.assert_allclose(gradient, slopes)


@pytest.mark.parametrize("hard", [False, True])
def test_gumbel_softmax(hard):
    logits = jnp.log(jnp.array([0.2, 0.5, 0.3]))
    many = jnp.broadcast_to(logits, (4000, 3))
    y = simplex.gumbel_softmax(many, tau=0.5, hard=hard, key=jax.random.key(1))
    np.testing.assert_allclose(y.sum(-1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.bincount(y.argmax(-1)) / 4000, [0.2, 0.5, 0.3], atol=0.03)
    if hard:
        assert set(np.unique(np.round(y, 5))) == {0.0, 1.0}
    weigh = lambda l, hard: (simplex.gumbel_softmax(l, 0.5, hard, key=jax.random.key(1)) * jnp.arange(3.0)).sum()  # noqa: E731, E741
    np.testing.assert_allclose(jax.grad(weigh)(logits, True), jax.grad(weigh)(logits, False), rtol=1e-5)
    with pytest.warns(UserWarning, match="`eps` parameter is deprecated"):
        simplex.gumbel_softmax(logits, eps=1.0, key=jax.random.key(0))


# -- PyTorch's in-place names, boxes ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["relu_", "elu_", "selu_", "celu_", "hardtanh_", "leaky_relu_", "rrelu_"])
def test_inplace_names_return_the_result(name):
    x = jnp.array([-2.0, 3.0])
    np.testing.assert_array_equal(NAMES[name](x), NAMES[name[:-1]](x))
    np.testing.assert_array_equal(NAMES[name[:-1]](x, inplace=True), NAMES[name](x))
    assert x.tolist() == [-2.0, 3.0]


def test_threshold_inplace_name():
    assert rectifier_inplace.threshold_(jnp.array([1.0, 2.0]), 1.0, 9.0).tolist() == [9.0, 2.0]


# -- layers -----------------------------------------------------------------------------------------------

CASES = {
    "Threshold": [(0.1, 20), (1, 2, True)],
    "ReLU": [(), (True,)],
    "RReLU": [(), (0.1, 0.2, True)],
    "Hardtanh": [(), (-2, 2, True)],
    "ReLU6": [(), (True,)],
    "Hardsigmoid": [(), (True,)],
    "SiLU": [(), (True,)],
    "Mish": [(), (True,)],
    "Hardswish": [(), (True,)],
    "ELU": [(), (2.0, True)],
    "CELU": [(), (2.0, True)],
    "SELU": [(), (True,)],
    "GLU": [(), (1,)],
    "GELU": [(), ("tanh",)],
    "Hardshrink": [(), (1.5,)],
    "Softshrink": [(), (1,)],
    "LeakyReLU": [(), (0.2, True)],
    "Softplus": [(), (2, 3)],
    "PReLU": [(), (4, 0.5)],
    "Softmin": [(1,)],
    "Softmax": [(1,), (-1,)],
    "LogSoftmax": [(1,)],
}


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_layers_against_torch(name):
    x = torch.randn(2, 4, 3, 6, generator=torch.Generator().manual_seed(0)) * 2
    for args in CASES.get(name, [()]):
        theirs, layer, module = getattr(torch.nn, name)(*args), LAYERS[name](*args), getattr(modules, name)(*args)
        theirs.eval()
        assert layer.extra_repr() == theirs.extra_repr()
        assert repr(module) == repr(theirs)
        params, state = layer.init(jax.random.key(0))
        assert list(params) == list(theirs.state_dict()) and state == {}
        for parameter, value in params.items():
            reference.assert_equal(value, theirs.state_dict()[parameter])

        reference.check_call(lambda x, f=theirs: f(x.clone()), lambda x, f=layer.apply, p=params: f(p, {}, x)[0], (x,))
        np.testing.assert_allclose(module.eval()(jnp.asarray(x)), layer.apply(params, state, jnp.asarray(x))[0])
        for field in ("inplace", "alpha", "lambd", "min_val", "max_val", "negative_slope", "dim", "init"):
            if hasattr(theirs, field):
                assert getattr(module, field) == getattr(theirs, field)
        assert layer == LAYERS[name](*args) and hash(layer) == hash(LAYERS[name](*args)) and layer.replace() == layer


def test_every_torch_activation_is_here():
    wanted = set(torch.nn.modules.activation.__all__)
    assert wanted == set(modules.__all__)
    assert wanted - {"MultiheadAttention"} == set(LAYERS)  # attention is a Module of modules, without a Layer


def test_prelu_gradients():
    x, theirs = torch.tensor([[[-1.0, INF], [2.0, -3.0]]]), torch.nn.PReLU(2, 0.5)
    theirs(x).sum().backward()
    grads = jax.grad(lambda p: rectifier_layers.PReLU(2, 0.5).apply(p, {}, jnp.asarray(x))[0].sum())(
        {"weight": jnp.full(2, 0.5)}
    )
    np.testing.assert_allclose(grads["weight"], theirs.weight.grad)


def test_prelu_init_attribute():
    module = modules.PReLU(init=0.5)
    module.init = 0.1
    module.reset_parameters()
    assert module.init == 0.1 and float(module.weight.data[0]) == np.float32(0.1)
    assert repr(rectifier_layers.PReLU(init=0.5)) == "PReLU(num_parameters=1, init=0.5)"


def test_hardtanh_deprecated_names():
    with pytest.warns(FutureWarning, match="`min_value` is deprecated and renamed to `min_val`"):
        layer = rectifier_layers.Hardtanh(min_value=-3.0)
    assert (layer.min_val, layer.max_val) == (-3.0, 1.0) and layer == rectifier_layers.Hardtanh(-3.0)


def test_rrelu_layer_needs_a_key_only_while_training():
    x = jnp.array([-1.0])
    layer = rectifier_layers.RReLU()
    layer.apply({}, {}, x)
    with pytest.raises(MissingKeyError):
        layer.apply({}, {}, x, training=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y, _ = layer.apply({}, {}, x, training=True, key=jax.random.key(0))
    assert 1 / 8 <= -float(y[0]) <= 1 / 3
