"""Padding: function, layers and modules against PyTorch's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional.padding import pad
from fnn.layers import padding as layers
from fnn.nn.modules import padding as modules
from tests import reference

torch = reference.torch
TF = torch.nn.functional


def tensor(*shape):
    return torch.from_numpy(np.random.default_rng(0).standard_normal(shape).astype(np.float32))


def test_op_db():
    assert reference.check_op("nn.functional.pad", pad) > 3


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.complex64])
def test_op_db_other_dtypes(dtype):
    assert reference.check_op("nn.functional.pad", pad, dtype=dtype, grad=False) > 3


CASES = [
    ((4,), (2, 1), "constant", 1.5),
    ((2, 4), (0, 1, 3, -1), "constant", -2),
    ((2, 4), (-1, -2), "constant", None),
    ((2, 4), (-1, 3), "constant", float("inf")),
    ((3, 4), (-2, -2), "constant", None),
    ((2, 0), (1, 2, 0, 1), "constant", 7.0),
    ((2, 3, 4), (), "constant", None),
    ((2, 3, 4), (0, 0), "constant", 5.0),
    ((2, 4), (3, 2), "reflect", None),
    ((2, 4), (-1, 3), "reflect", 0.0),
    ((2, 4), (3, -2), "reflect", None),
    ((2, 4), (3, -5), "reflect", None),
    ((2, 4), (-6, 3), "reflect", None),
    ((0, 2, 4), (1, 2), "reflect", None),
    ((2, 1, 4), (0, 0), "reflect", None),
    ((2, 3, 4), (1, 2, 2, 1), "reflect", None),
    ((2, 3, 4), (1, -2, -3, 1), "reflect", None),
    ((1, 2, 3, 4), (-1, -1, 2, 0), "reflect", None),
    ((1, 2, 2, 3, 4), (3, 1, 0, 2, 1, 1), "reflect", None),
    ((2, 4), (6, 5), "replicate", None),
    ((2, 4), (-1, 5), "replicate", None),
    ((2, 4), (7, -5), "replicate", None),
    ((2, 4), (-6, 3), "replicate", None),
    ((0, 2, 4, 4), (1, 2, 1, 1), "replicate", None),
    ((2, 3, 4), (1, 5, -1, 0), "replicate", None),
    ((2, 2, 3, 4), (5, 1, 0, 2, 1, 1), "replicate", None),
    ((2, 4), (4, 3), "circular", None),
    ((2, 4), (-1, 3), "circular", None),
    ((2, 4), (2, -2), "circular", None),
    ((2, 4), (-2, -2), "circular", None),
    ((2, 0, 4), (1, 2), "circular", None),
    ((1, 2, 3, 4), (-1, 2, 3, 0), "circular", None),
    ((1, 2, 2, 3, 4), (1, 3, 2, 0, -1, 1), "circular", None),
]


@pytest.mark.parametrize("shape, amounts, mode, value", CASES, ids=str)
def test_values_and_gradients(shape, amounts, mode, value):
    reference.check_call(TF.pad, pad, (tensor(*shape), amounts, mode, value))


def test_second_order():
    x = jnp.asarray(tensor(1, 2, 3, 4).numpy())
    for mode in ("constant", "reflect"):
        function = jax.jit(lambda x, mode=mode: jnp.tanh(pad(x, (2, 1, -1, 2), mode)))
        check_grads(function, (x,), order=2, modes=("fwd", "rev"), atol=2e-2, rtol=2e-2)


def test_vmap_and_eager():
    x = jnp.asarray(tensor(3, 2, 4, 5).numpy())
    for mode in ("constant", "reflect", "replicate", "circular"):
        mapped = jax.vmap(lambda x, mode=mode: pad(x, (2, 1, -1, 2), mode))(x)
        np.testing.assert_array_equal(mapped, pad(x, (2, 1, -1, 2), mode))


@pytest.mark.parametrize(
    "dtype, value",
    [(torch.int32, 1.7), (torch.int32, -1.7), (torch.bool, 0.5), (torch.bool, 0), (torch.complex64, 1.5)],
)
def test_value_is_cast(dtype, value):
    x = torch.ones(3).to(dtype)
    reference.assert_equal(pad(reference.to_jax(x), (1, 2), value=value), TF.pad(x, (1, 2), value=value))


def test_value_may_be_an_array():
    """It is a number to PyTorch, so no gradient flows into it."""
    padded, gradient = jax.value_and_grad(lambda v: pad(jnp.ones(2), (1, 2), value=v).sum())(jnp.float32(3))
    assert (float(padded), float(gradient)) == (11, 0)


X = (2, 3, 3)
BAD = [
    (X, (1,), "constant", None, "Padding length must be divisible by 2"),
    ((3,), (1, 1, 1, 1), "constant", None, "Padding length should be less than or equal to two times the input"),
    ((3,), (-2, -2), "constant", None, r"narrow\(\): length must be non-negative"),
    ((3,), (-4, 2), "constant", None, r"narrow\(\): length must be non-negative"),
    (X, (1, 1), "zeros", None, "Unrecognised padding mode zeros"),
    (X, 1, "constant", None, r"argument 'pad' \(?.*must be tuple of ints, not int"),
    (X, (1.0, 1), "constant", None, "must be tuple of ints, .*but found element of type float"),
    (X, (1, 1), "constant", "a", r"argument 'value' \(?.*must be float, not str"),
    (X, (1, 1), "constant", 1j, r"argument 'value' \(?.*must be float, not complex"),
    (X, (1, 1), "reflect", 1.0, 'Padding mode "reflect" doesn\'t take in value argument'),
    (X, (1, 1, 1), "reflect", None, "Padding length must be divisible by 2"),
    ((3,), (1, 1), "reflect", None, "Padding size 2 is not supported for 1D input tensor"),
    (X, (), "circular", None, "Padding size 0 is not supported for 3D input tensor"),
    ((2, 2, 3, 3), (1, 1), "replicate", None, "Padding size 2 is not supported for 4D input tensor"),
    (
        X,
        (3, 1),
        "reflect",
        None,
        r"Argument #4: Padding size should be less than the corresponding input dimension, but got: padding \(3, 1\) "
        r"at dimension 2 of input \[2, 3, 3\]",
    ),
    ((2, 3, 3, 3, 3), (0, 0, 0, 0, 0, 4), "reflect", None, r"Argument #8: .* padding \(0, 4\) at dimension 2 of input"),
    (X, (-2, -1), "reflect", None, r"input \(W: 3\) is too small. Calculated output W: 0"),
    (X, (-2, -2), "replicate", None, r"input \(W: 3\) is too small. Calculated output W: -1"),
    ((2, 0, 4), (1, 2), "reflect", None, r"Expected 2D or 3D \(batch mode\) tensor with possibly 0 batch size"),
    ((0, 4, 4), (1, 2, 1, 1), "replicate", None, r"Expected 3D or 4D \(batch mode\) tensor with possibly 0 batch size"),
    (X, (1, 4), "circular", None, "Padding value causes wrapping around more than once"),
    (X, (-2, -2), "circular", None, "Negative padding value is resulting in an empty dimension"),
]


@pytest.mark.parametrize("shape, amounts, mode, value, text", BAD)
def test_errors(shape, amounts, mode, value, text):
    with pytest.raises(ArgumentError, match=f"^pad: .*{text}"):
        pad(np.zeros(shape, np.float32), amounts, mode, value)
    with pytest.raises((RuntimeError, TypeError), match=text):
        TF.pad(torch.zeros(shape), amounts, mode, value)


@pytest.mark.parametrize(
    "dtype, value", [(torch.uint8, -1), (torch.int8, 300), (torch.int32, float("inf")), (torch.float16, 1e6)]
)
def test_value_that_does_not_fit(dtype, value):
    x = torch.ones(3).to(dtype)
    with pytest.raises(ArgumentError, match=r"value cannot be converted to type .* without overflow"):
        pad(reference.to_jax(x), (1, 1), value=value)
    with pytest.raises(RuntimeError, match=r"value cannot be converted to type .* without overflow"):
        TF.pad(x, (1, 1), value=value)


def test_bool_is_not_mirrored():
    for mode in ("reflect", "replicate"):
        with pytest.raises(ArgumentTypeError, match=f'mode="{mode}" is not implemented for dtype bool'):
            pad(jnp.ones((2, 3), bool), (1, 1), mode)


def test_circular_refuses_what_torch_fills_with_garbage():
    with pytest.raises(ArgumentError, match="wrapping around more than once"):
        pad(jnp.ones((2, 3)), (-2, 2), "circular")


# -- layers and modules -----------------------------------------------------------------------------

KINDS = ["ConstantPad", "ZeroPad", "ReflectionPad", "ReplicationPad", "CircularPad"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_layers(kind, rank):
    name, value = f"{kind}{rank}d", (3.5,) if kind == "ConstantPad" else ()
    x = tensor(2, *range(3, 3 + rank))
    for amounts in (1, [1, 2, 0, 1, 2, 1][: 2 * rank]):
        theirs = getattr(torch.nn, name)(tuple(amounts) if isinstance(amounts, list) else amounts, *value)
        layer, module = getattr(layers, name)(amounts, *value), getattr(modules, name)(amounts, *value)
        assert layer.init(jax.random.key(0)) == ({}, {})
        for batch in (x, x[None]):
            got, _ = layer.apply({}, {}, jnp.asarray(batch.numpy()))
            reference.assert_equal(got, theirs(batch), name)
            reference.assert_equal(module(jnp.asarray(batch.numpy())), theirs(batch), name)
        assert repr(module) == repr(theirs)
        assert layer.padding == module.padding == theirs.padding
        if value or kind == "ZeroPad":
            assert layer.value == module.value == theirs.value


@pytest.mark.parametrize("name", ["CircularPad1d", "CircularPad2d", "CircularPad3d"])
def test_module_db_errors(name):
    from torch.testing._internal.common_modules import module_db

    info = next(m for m in module_db if m.module_cls is getattr(torch.nn, name))
    cases = list(info.module_error_inputs_func(info, "cpu", torch.float32, False, training=True))
    assert cases
    for case in cases:
        given = case.module_error_input
        layer = getattr(layers, name)(*given.constructor_input.args, **given.constructor_input.kwargs)
        with pytest.raises(case.error_type, match=case.error_regex):
            layer.apply({}, {}, *reference.to_jax(given.forward_input.args))


def test_constructor_errors():
    with pytest.raises(ArgumentTypeError, match="ReflectionPad1d: argument 'padding' must be tuple of ints, not float"):
        layers.ReflectionPad1d(1.0)
    with pytest.raises(TypeError, match="value"):
        layers.ConstantPad1d(1)


def test_modules_are_related_as_torchs():
    assert issubclass(modules.ZeroPad2d, modules.ConstantPad2d)
    assert issubclass(modules.ReflectionPad3d, modules._ReflectionPadNd)
    assert issubclass(modules.ReplicationPad1d, modules._ReplicationPadNd)
    assert issubclass(modules.CircularPad1d, modules._CircularPadNd)
    assert issubclass(modules.ConstantPad1d, modules._ConstantPadNd)
