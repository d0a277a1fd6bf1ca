"""Convolutions and transposed convolutions: functions, layers and modules against PyTorch's."""

import copy

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from fnn import functional as F
from fnn import random
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.layers import conv as layers
from fnn.nn.modules import conv as modules
from tests import reference

torch = reference.torch
TF = torch.nn.functional

NAMES = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]


def array(*shape, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def tensors(name, groups=1, kernel=3, size=5, batch=2, bias=True, channels=4, out=6):
    """Input, weight and bias for the function of this name."""
    rank, transposed = int(name[-2]), "transpose" in name
    kernel = (kernel,) * rank if isinstance(kernel, int) else kernel[-rank:]
    weight = (channels, out // groups) if transposed else (out, channels // groups)
    x = array(*(() if batch is None else (batch,)), channels, *range(size, size + rank))
    w, b = array(*weight, *kernel, seed=1), array(out, seed=2)
    return tuple(torch.from_numpy(a) for a in (x, w, b)[: 3 if bias else 2])


# -- PyTorch's databases ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_op_db(name):
    assert reference.check_op(f"nn.functional.{name}", getattr(F, name)) > 3


@pytest.mark.parametrize("name", ["conv1d"])
def test_op_db_complex_and_integer(name):
    op = f"nn.functional.{name}"
    reference.check_op(op, getattr(F, name), dtype=torch.complex64, rtol=1e-4, atol=1e-4)
    reference.check_op(op, getattr(F, name), dtype=torch.int64)


@pytest.mark.parametrize("name", NAMES[:3])
def test_op_db_errors(name):
    assert reference.check_op_errors(f"nn.functional.{name}", getattr(F, name)) > 5


@pytest.mark.parametrize("name", ["Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"])
def test_module_db(name):
    from torch.testing._internal.common_modules import module_db

    info = next(m for m in module_db if m.module_cls is getattr(torch.nn, name))
    cases = info.module_inputs_func(info, "cpu", torch.float32, False, training=True)
    for case in cases:
        args, kwargs = reference.to_jax((case.constructor_input.args, case.constructor_input.kwargs))
        theirs = torch.nn.__dict__[name](*case.constructor_input.args, **case.constructor_input.kwargs)
        compare_layer(name, theirs, args, kwargs, case.forward_input.args)


# -- numbers ----------------------------------------------------------------------------------------

CONV_CASES = [
    dict(),
    dict(stride=2, padding=1),
    dict(stride=3, padding=2, dilation=2),
    dict(dilation=2, groups=2),
    dict(padding="same"),
    dict(padding="same", dilation=2, kernel=4),
    dict(padding="same", kernel=(2, 3, 4), groups=2),
    dict(padding="valid", stride=2),
    dict(groups=2, stride=2, padding=1),
    dict(groups=4, out=8, padding=1),  # depthwise
    dict(kernel=1, stride=2),
    dict(kernel=(1, 2, 4), padding=3),
    dict(batch=None, padding=1, groups=2),
    dict(batch=0, padding=1),
    dict(bias=False, kernel=2),
    dict(stride=(2,), padding=[1]),
]

TRANSPOSE_CASES = [
    dict(),
    dict(stride=2, padding=1),
    dict(stride=2, padding=1, output_padding=1),
    dict(stride=3, padding=2, dilation=2, output_padding=2),
    dict(dilation=2, output_padding=1),
    dict(padding=2, kernel=2),  # cuts into the input's own area
    dict(groups=2, stride=2, padding=1),
    dict(groups=2, stride=2, output_padding=1, dilation=2, bias=False),
    dict(groups=4, out=8, kernel=2),
    dict(kernel=1, stride=3),
    dict(kernel=(1, 2, 4), stride=2, padding=1),
    dict(batch=None, stride=2, groups=2),
    dict(batch=0, stride=2),
]

BUILD = ("groups", "kernel", "batch", "bias", "out")


# One definition serves all ranks: two dimensions take the whole table, the others a part.
THIN = {1: slice(2, None, 4), 2: slice(None), 3: slice(8, 9)}
CASES = [
    pytest.param(name, case, id=f"{name}-{case}")
    for name in NAMES
    for case in (TRANSPOSE_CASES if "transpose" in name else CONV_CASES)[THIN[int(name[-2])]]
]


@pytest.mark.parametrize("name, case", CASES)
def test_values_and_gradients(name, case):
    args = tensors(name, **{k: v for k, v in case.items() if k in BUILD})
    kwargs = {k: v for k, v in case.items() if k not in BUILD or k == "groups"}
    reference.check_call(getattr(TF, name), getattr(F, name), args, kwargs)


def test_different_values_along_the_axes():
    kwargs = dict(stride=(2, 1), padding=(0, 2), dilation=(1, 2))
    reference.check_call(TF.conv2d, F.conv2d, tensors("conv2d", kernel=(3, 2)), kwargs)
    kwargs = dict(stride=(3, 1), padding=(1, 0), output_padding=(2, 1), dilation=(1, 2), groups=2)
    reference.check_call(TF.conv_transpose2d, F.conv_transpose2d, tensors("conv_transpose2d", groups=2), kwargs)


def test_eager_is_jit():
    x, w, b = (jnp.asarray(t.numpy()) for t in tensors("conv2d"))
    np.testing.assert_allclose(F.conv2d(x, w, b), jax.jit(F.conv2d)(x, w, b), rtol=1e-6, atol=1e-6)


def test_no_channels_in_gives_none_out_as_in_torch():
    x, w = torch.zeros(2, 0, 5), torch.zeros(4, 0, 3)
    reference.check_call(TF.conv1d, F.conv1d, (x, w), {"stride": 2})


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", ["conv1d", "conv2d", "conv_transpose2d"])
def test_half_types_accumulate_in_float32(name, dtype):
    """Output and gradients are the float32 ones of the same numbers, rounded once or twice."""
    half = [jnp.asarray(t.numpy(), dtype) for t in tensors(name, size=12, channels=64)]
    wide = [torch.from_numpy(np.asarray(a, np.float32)).requires_grad_() for a in half]
    want = getattr(TF, name)(*wide)
    cotangent = np.asarray(jnp.asarray(array(*want.shape, seed=3), dtype), np.float32)
    want.backward(torch.from_numpy(cotangent))
    got, pull = jax.vjp(getattr(F, name), *half)
    assert got.dtype == dtype
    eps = float(jnp.finfo(dtype).eps)
    wanted = [want, *(t.grad for t in wide)]
    for mine, theirs in zip([got, *pull(jnp.asarray(cotangent, dtype))], wanted, strict=True):
        theirs = reference.to_numpy(theirs)
        np.testing.assert_allclose(np.asarray(mine, np.float32), theirs, rtol=eps, atol=eps * np.abs(theirs).max() / 2)


def test_bias_gradient_of_a_half_type_is_summed_in_float32():
    x, w = jnp.ones((2, 1, 40, 40), jnp.bfloat16), jnp.ones((1, 1, 1, 1), jnp.bfloat16)
    gradient = jax.grad(lambda b: F.conv2d(x, w, b).astype(jnp.float32).sum())(jnp.zeros(1, jnp.bfloat16))
    assert float(gradient[0]) == 3200  # bfloat16 stops counting ones at 256


@pytest.mark.parametrize("name", ["conv1d", "conv_transpose1d"])
def test_second_order_forward_and_reverse(name):
    x, w, b = (jnp.asarray(t.numpy()) for t in tensors(name, groups=2, size=4, batch=1))
    function = jax.jit(lambda x, w, b: jnp.tanh(getattr(F, name)(x, w, b, stride=2, padding=1, groups=2)))
    check_grads(function, (x, w, b), order=2, modes=("fwd", "rev"), atol=2e-2, rtol=2e-2)


@pytest.mark.parametrize("name", ["conv2d", "conv_transpose2d"])
@pytest.mark.parametrize("groups", [1, 2])
def test_vmap_over_input_weight_or_both(name, groups):
    function = lambda x, w: getattr(F, name)(x, w, stride=2, padding=1, groups=groups)  # noqa: E731
    xs, ws = (jnp.stack([a, 2 * a[::-1] - 1]) for a in (jnp.asarray(t.numpy()) for t in tensors(name, groups)[:2]))
    for axes in ((0, None), (None, 0), (0, 0)):
        operands = [a[0] if axis is None else a for a, axis in zip((xs, ws), axes, strict=True)]
        mapped = jax.vmap(function, axes)(*operands)
        for i in range(2):
            one = function(*(o if axis is None else o[i] for o, axis in zip(operands, axes, strict=True)))
            np.testing.assert_allclose(mapped[i], one, rtol=1e-4, atol=1e-4)


def test_takes_numpy_and_boxes():
    x, w, b = (t.numpy() for t in tensors("conv1d"))
    box = modules.Conv1d(4, 6, 3).weight
    np.testing.assert_allclose(F.conv1d(x, box), F.conv1d(jnp.asarray(x), box.data))
    np.testing.assert_allclose(F.conv1d(x, w, b), TF.conv1d(*map(torch.from_numpy, (x, w, b))), rtol=1e-4, atol=1e-5)


# -- errors -----------------------------------------------------------------------------------------

X2, W2, T2 = (1, 2, 5, 5), (4, 2, 3, 3), (2, 4, 3, 3)
PADDED = r"Calculated padded input size per channel: \(2 x 5\)\. Kernel size: \(3 x 3\)"
NOT_DIVISIBLE = r"Given groups=3, expected weight to be divisible by 3 at dimension 0, but got weight of size \[4, 2,"
OUTPUT_PADDING = "output padding must be smaller than either stride or dilation, but got output_padding_height: 2"

BAD = [
    (
        "conv2d",
        (1, 2),
        W2,
        {},
        r"Expected 3D \(unbatched\) or 4D \(batched\) input to conv2d, but got input of size: \[1, 2\]",
    ),
    ("conv1d", (2,), (4, 2, 3), {}, r"Expected 2D \(unbatched\) or 3D \(batched\) input to conv1d, but got .*\[2\]"),
    ("conv2d", X2, (4, 2, 3), {}, r"Expected a 4-dimensional weight .*but got weight of size \[4, 2, 3\]"),
    (
        "conv2d",
        (1, 3, 5, 5),
        W2,
        {},
        r"Given groups=1, weight of size \[4, 2, 3, 3\], expected input\[1, 3, 5, 5\] to have 2 channels, "
        r"but got 3 channels instead",
    ),
    ("conv2d", (1, 2, 2, 5), W2, {}, PADDED + r"\. Kernel size can't be greater than actual input size"),
    ("conv2d", (0, 2, 2, 5), W2, {}, PADDED),
    ("conv2d", X2, W2, {"padding": "same", "stride": 2}, "padding='same' is not supported for strided convolutions"),
    ("conv2d", X2, W2, {"padding": "full"}, "Invalid padding string: 'full'"),
    ("conv2d", X2, W2, {"padding": -1}, r"negative padding is not supported, got padding=\[-1, -1\]"),
    ("conv2d", X2, W2, {"padding": (1, 1, 1)}, "expected padding to be a single integer value or a list of 2 values"),
    ("conv2d", X2, W2, {"stride": 0}, "non-positive stride is not supported"),
    ("conv2d", X2, W2, {"stride": 1.0}, r"argument 'stride' must be tuple of ints, not float \(=1.0\)"),
    ("conv2d", X2, W2, {"stride": (1, 2.0)}, "found element of type float"),
    ("conv2d", X2, W2, {"dilation": 0}, r"dilation should be greater than zero, but got \[0, 0\]"),
    ("conv2d", X2, W2, {"groups": 0}, "non-positive groups is not supported"),
    ("conv2d", X2, W2, {"groups": 1.0}, "argument 'groups' must be int, not float"),
    ("conv2d", X2, W2, {"groups": True}, "argument 'groups' must be int, not bool"),
    ("conv2d", (1, 6, 5, 5), W2, {"groups": 3}, NOT_DIVISIBLE),
    ("conv2d", (1, 8, 5, 5), (2, 2, 3, 3), {"groups": 4}, "expected weight to be at least 4 at dimension 0"),
    ("conv2d", X2, (0, 2, 3, 3), {}, "expected weight to be at least 1 at dimension 0"),
    ("conv2d", X2, (4, 2, 0, 3), {}, "kernel size should be greater than zero"),
    ("conv2d", (1, 2, 0, 5), W2, {"padding": 2}, "Only zero batch or zero channel inputs are supported"),
    ("conv2d", X2, W2, {"bias": np.zeros(5, np.float32)}, r"expected bias to be 1-dimensional with 4 elements"),
    ("conv2d", X2, W2, {"bias": np.zeros((), np.float32)}, r"but got bias of size \[\] instead"),
    ("conv2d", X2, W2, {"bias": np.zeros(4, np.int32)}, "Input type .* and bias type .* should be the same"),
    (
        "conv_transpose2d",
        (1, 3, 5, 5),
        T2,
        {},
        r"Given transposed=1, weight of size \[2, 4, 3, 3\], expected input\[1, 3, 5, 5\] to have 2 channels",
    ),
    ("conv_transpose2d", X2, T2, {"stride": 2, "output_padding": 2}, OUTPUT_PADDING),
    ("conv_transpose2d", X2, T2, {"stride": 2, "output_padding": -1}, "negative output_padding is not supported"),
    ("conv_transpose2d", X2, T2, {"padding": -1}, "negative padding is not supported"),
    ("conv_transpose2d", X2, T2, {"padding": "same"}, "argument 'padding' must be tuple of ints, not str"),
    (
        "conv_transpose2d",
        (1, 2, 2, 2),
        (2, 4, 1, 1),
        {"padding": 1},
        r"Given input size per channel: \(2 x 2\). Calculated output size per channel: \(0 x 0\)",
    ),
    ("conv_transpose2d", (1, 2, 0, 6), T2, {}, "Only zero batch or zero channel inputs are supported"),
    ("conv_transpose2d", (1, 3, 4, 4), (3, 4, 3, 3), {"groups": 2}, "divisible by 2 at dimension 0"),
    ("conv_transpose2d", (1, 0, 4, 4), (0, 4, 3, 3), {}, "at least 1 at dimension 0"),
]


@pytest.mark.parametrize("name, x, w, kwargs, text", BAD)
def test_errors(name, x, w, kwargs, text):
    with pytest.raises(ArgumentError, match=f"^{name}: .*{text}"):
        getattr(F, name)(np.zeros(x, np.float32), np.zeros(w, np.float32), **kwargs)
    wanted = {k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in kwargs.items()}
    with pytest.raises((RuntimeError, TypeError)):  # torch refuses it too
        getattr(TF, name)(torch.zeros(x), torch.zeros(w), **wanted)


def test_dtypes_are_not_promoted():
    x, w = jnp.zeros((1, 2, 5)), jnp.zeros((4, 2, 3), jnp.bfloat16)
    with pytest.raises(ArgumentError, match=r"Input type \(float32\) and weight type \(bfloat16\) should be the same"):
        F.conv1d(x, w)
    with pytest.raises(ArgumentTypeError, match="not implemented for dtype bool"):
        F.conv1d(x.astype(bool), w.astype(bool))
    with pytest.raises(ArgumentTypeError, match="argument 'weight' must be an array, got None"):
        F.conv1d(x, None)


# -- layers and modules -----------------------------------------------------------------------------


def compare_layer(name, theirs, args, kwargs, inputs, forward=None):
    """Layer and module against torch's with the same weights: output, attributes, repr."""
    forward = forward or {}
    params = {n: jnp.asarray(p.detach().numpy()) for n, p in theirs.named_parameters()}
    layer, module = (getattr(m, name)(*args, **kwargs) for m in (layers, modules))
    drawn, state = layer.init(jax.random.key(0))
    assert jax.tree.map(jnp.shape, drawn) == {n: p.shape for n, p in params.items()}
    assert list(module.state_dict()) == list(theirs.state_dict())
    module.load_state_dict(params)
    inputs_j = reference.to_jax(inputs)
    want = theirs(*inputs, **forward)
    got, _ = layer.apply(params, state, *inputs_j, **forward)
    reference.assert_equal(got, want, name)
    reference.assert_equal(module(*inputs_j, **forward), want, name)
    assert layer.extra_repr() == theirs.extra_repr()
    assert repr(module) == repr(theirs)
    for attribute in (
        "in_channels",
        "out_channels",
        "kernel_size",
        "stride",
        "padding",
        "dilation",
        "groups",
        "padding_mode",
        "transposed",
        "output_padding",
    ):
        for mine in (layer, module):
            assert getattr(mine, attribute) == getattr(theirs, attribute), attribute


LAYERS = [
    ("Conv1d", (4, 6, 3), dict(padding=2, padding_mode="circular")),
    ("Conv1d", (4, 6, 4), dict(padding="same", padding_mode="reflect", dilation=2)),
    ("Conv2d", (4, 6, 3), dict(stride=2, padding=(2, 1), padding_mode="reflect", groups=2)),
    ("Conv2d", (4, 6, (2, 3)), dict(padding=(0, 2), padding_mode="replicate", bias=False)),
    ("Conv2d", (4, 6, [3, 4]), dict(padding="same", padding_mode="circular", dilation=(1, 2))),
    ("Conv2d", (4, 6, 3), dict(padding="valid", padding_mode="circular")),
    ("Conv2d", (4, 6, 3, 2, 1, 1, 2, False, "zeros"), {}),
    ("Conv2d", (4, 6, 3), dict(padding=[1])),
    ("Conv3d", (4, 2, 3), dict(padding=(0, 1, 2), padding_mode="replicate")),
    ("Conv3d", (4, 2, (1, 2, 3)), dict(padding="same", padding_mode="circular")),
    ("ConvTranspose1d", (4, 6, 3, 2), dict(padding=1, groups=2)),
    ("ConvTranspose2d", (4, 6, 3, (3, 2), 1, (2, 1), 2, False, 2, "zeros"), {}),
    ("ConvTranspose3d", (4, 2, (1, 2, 3)), dict(dilation=(1, 1, 2))),
]


@pytest.mark.parametrize("name, args, kwargs", LAYERS, ids=str)
@pytest.mark.parametrize("batch", [(2,), ()])
def test_layers(name, args, kwargs, batch):
    x = torch.from_numpy(array(*batch, 4, *range(5, 5 + int(name[-2]))))
    compare_layer(name, getattr(torch.nn, name)(*args, **kwargs), args, kwargs, (x,))


@pytest.mark.parametrize(
    "name, lead", [("ConvTranspose1d", (2, 4)), ("ConvTranspose2d", ()), ("ConvTranspose3d", (2, 4))]
)
def test_output_size(name, lead):
    rank = int(name[-2])
    kwargs = dict(stride=3, padding=1, dilation=2, output_padding=1)
    x = torch.from_numpy(array(2, 4, *[3] * rank))
    for size in (9, 11):
        theirs = getattr(torch.nn, name)(4, 2, 3, **kwargs)
        compare_layer(name, theirs, (4, 2, 3), kwargs, (x,), {"output_size": [*lead, *[size] * rank]})


@pytest.mark.parametrize(
    "size, text",
    [
        ([12, 11], r"requested an output size of \[12, 11\], but valid sizes range from \[9, 9\] to \[11, 11\]"),
        ([8, 9], "requested an output size"),
        ([9], r"ConvTranspose2D: for 4D input, output_size must have 2 or 4 elements \(got 1\)"),
    ],
)
def test_output_size_errors(size, text):
    layer = layers.ConvTranspose2d(4, 2, 3, 3, 1, dilation=2)
    params, state = layer.init(jax.random.key(0))
    with pytest.raises(ArgumentError, match=text):
        layer.apply(params, state, jnp.zeros((2, 4, 3, 3)), output_size=size)
    with pytest.raises(ValueError, match=text):
        torch.nn.ConvTranspose2d(4, 2, 3, 3, 1, dilation=2)(torch.zeros(2, 4, 3, 3), output_size=size)


BAD_LAYERS = [
    ("Conv2d", (3, 4, 3), dict(groups=0), "groups must be a positive integer"),
    ("Conv2d", (3, 4, 3), dict(groups=2), "in_channels must be divisible by groups"),
    ("Conv2d", (4, 3, 3), dict(groups=2), "out_channels must be divisible by groups"),
    ("Conv2d", (3, 4, 3), dict(padding="full"), "Invalid padding string 'full', should be one of"),
    ("Conv2d", (3, 4, 3), dict(padding="same", stride=2), "padding='same' is not supported for strided convolutions"),
    ("Conv2d", (3, 4, 3), dict(padding_mode="zero"), "padding_mode must be one of .*, but got padding_mode='zero'"),
    ("ConvTranspose2d", (3, 4, 3), dict(padding_mode="circular"), 'Only "zeros" padding mode is supported for ConvTr'),
    ("Conv2d", (3, 4, -1), {}, "negative dimension"),
    ("Conv2d", (-3, 4, 1), {}, "negative dimension"),
]


@pytest.mark.parametrize("name, args, kwargs, text", BAD_LAYERS)
def test_constructor_errors(name, args, kwargs, text):
    for module in (layers, modules):
        with pytest.raises(ArgumentError, match=text):
            getattr(module, name)(*args, **kwargs)
    with pytest.raises((ValueError, RuntimeError), match=text):
        getattr(torch.nn, name)(*args, **kwargs)


def test_numpy_integers_are_ints():
    layer = layers.Conv2d(np.int64(4), 6, np.int32(3), padding=np.array([1, 2]))
    assert layer == layers.Conv2d(4, 6, 3, padding=(1, 2))


def test_constructor_refuses_what_torch_notices_later():
    with pytest.raises(ArgumentError, match=r"Conv2d: kernel_size must be 2 sizes .*got kernel_size=\(3,\)"):
        layers.Conv2d(3, 4, (3,))
    with pytest.raises(ArgumentTypeError, match="argument 'padding' must be tuple of ints, not str"):
        layers.ConvTranspose2d(3, 4, 3, padding="same")
    with pytest.raises(ArgumentTypeError, match="argument 'in_channels' must be int, not float"):
        layers.Conv2d(3.0, 4, 3)


def test_errors_of_apply_name_the_layer():
    layer = layers.Conv2d(3, 4, 3)
    params, state = layer.init(jax.random.key(0))
    with pytest.raises(ArgumentError, match=r"^Conv2d\(in_channels=3, .*\): conv2d: Given groups=1"):
        layer.apply(params, state, jnp.zeros((1, 2, 5, 5)))


@pytest.mark.parametrize("name, args", [("Conv2d", (3, 4, 3)), ("ConvTranspose1d", (6, 4, 3, 1, 0, 0, 2))])
def test_a_seed_gives_torchs_weights(name, args):
    torch.manual_seed(5)
    theirs = getattr(torch.nn, name)(*args)
    params, state = getattr(layers, name)(*args).init(random.manual_seed(5))
    assert state == {}
    for n, p in theirs.named_parameters():
        np.testing.assert_array_equal(params[n], p.detach().numpy())


def test_initial_distribution_under_a_jax_key():
    params, _ = layers.Conv2d(16, 64, 3, groups=2).init(jax.random.key(0))
    bound = 1 / np.sqrt(8 * 9)
    for value in params.values():
        assert float(jnp.abs(value).max()) <= bound
    weight = params["weight"]
    assert float(jnp.abs(weight).max()) > 0.99 * bound
    np.testing.assert_allclose(float(weight.std()), bound / np.sqrt(3), rtol=0.03)
    params, _ = layers.Conv1d(2, 4, 1, bias=False, dtype=jnp.bfloat16).init(jax.random.key(0))
    assert {name: value.dtype.name for name, value in params.items()} == {"weight": "bfloat16"}


def test_modules_are_related_as_torchs():
    for name in ("Conv1d", "Conv2d", "Conv3d"):
        assert issubclass(getattr(modules, name), modules._ConvNd)
        assert issubclass(getattr(modules, name.replace("Conv", "ConvTranspose")), modules._ConvTransposeNd)
    assert issubclass(modules._ConvTransposeNd, modules._ConvNd)


def test_conv_forward_with_another_weight():
    """What weight-standardised subclasses of PyTorch's convolutions call."""
    module = modules.Conv2d(2, 3, 3, padding=1, padding_mode="circular")
    x = jnp.asarray(array(1, 2, 4, 4))
    want = 2 * (module(x) - module.bias.data.reshape(1, 3, 1, 1))
    np.testing.assert_allclose(module._conv_forward(x, 2 * module.weight.data, None), want, rtol=1e-4, atol=1e-5)
    copied = copy.deepcopy(module)
    np.testing.assert_array_equal(copied(x), module(x))
