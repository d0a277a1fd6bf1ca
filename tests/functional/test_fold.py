"""Fold and unfold: functions, layers and modules against PyTorch's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional.fold import fold, unfold
from fnn.layers import fold as layers
from fnn.nn.modules import fold as modules
from tests import reference

torch = reference.torch
TF = torch.nn.functional


def tensor(*shape):
    return torch.from_numpy(np.random.default_rng(0).standard_normal(shape).astype(np.float32))


def test_op_db_unfold():
    assert reference.check_op("nn.functional.unfold", unfold) > 3


@pytest.mark.parametrize("dtype", [torch.bool, torch.complex64])
def test_op_db_unfold_other_dtypes(dtype):
    reference.check_op("nn.functional.unfold", unfold, dtype=dtype, grad=False, skip=lambda s: s.args[-1] == 1)


# (spatial size, kernel_size, dilation, padding, stride)
CASES = [
    ((3, 4), 2, 1, 0, 1),
    ((5, 6), (2, 3), 1, 0, (2, 1)),
    ((5, 6), 3, (1, 2), (1, 2), 2),
    ((4, 6), (4, 3), 1, 0, (4, 3)),  # patches side by side
    ((5, 5), 2, 3, 0, 3),
    ((7, 3), (3, 1), (2, 1), (2, 0), (3, 2)),  # blocks that miss the last rows
    ((2, 2), 1, 1, 1, 2),
]


@pytest.mark.parametrize("size, kernel, dilation, padding, stride", CASES)
@pytest.mark.parametrize("batch", [(2,), (), (0,)])
def test_values_and_gradients(size, kernel, dilation, padding, stride, batch):
    rest = (kernel, dilation, padding, stride)
    image = tensor(*batch, 3, *size)
    reference.check_call(TF.unfold, unfold, (image, *rest))
    columns = torch.randn_like(TF.unfold(image, *rest))
    reference.check_call(TF.fold, fold, (columns, size, *rest))


@pytest.mark.parametrize("dtype", ["bool", "complex64", "bfloat16", "float16"])
def test_fold_dtypes(dtype):
    columns = torch.arange(16).reshape(1, 8, 2).to(getattr(torch, dtype))
    got = fold(reference.to_jax(columns), (2, 3), 2)
    reference.assert_equal(got, TF.fold(columns, (2, 3), 2), rtol=0, atol=0)


def test_fold_is_the_adjoint_of_unfold():
    x = jnp.asarray(tensor(2, 3, 5, 6).numpy())
    y, pull = jax.vjp(lambda x: unfold(x, 3, 2, 1, 2), x)
    np.testing.assert_allclose(pull(y)[0], fold(y, (5, 6), 3, 2, 1, 2), rtol=1e-5, atol=1e-5)


def test_a_large_kernel_is_not_unrolled_squared():
    """k0 + k1 slices, not k0 * k1: the trace of a 16x16 patch stays short."""
    jaxpr = jax.make_jaxpr(lambda x: unfold(x, 16, stride=16))(jnp.zeros((1, 3, 32, 32)))
    assert len(jaxpr.eqns) < 100


def test_second_order_and_vmap():
    x, y = (jnp.asarray(t.numpy()) for t in (tensor(2, 2, 3, 3), tensor(2, 8, 4)))
    for function, argument in ((lambda x: unfold(x, 2, 1, 1, 2), x), (lambda y: fold(y, (3, 3), 2), y)):
        squared = jax.jit(lambda a, f=function: jnp.tanh(f(a)))
        check_grads(squared, (argument,), order=2, modes=("fwd", "rev"), atol=2e-2, rtol=2e-2)
        np.testing.assert_allclose(jax.vmap(function)(argument), function(argument), rtol=1e-6)


X, C = (1, 2, 3, 3), (1, 8, 4)
BATCH = r"tensor( for input)? with possibly 0 batch size and (other )?non-zero dimensions"
BAD = [
    ("unfold", (1, 1, 2, 3, 3), dict(kernel_size=2), rf"Expected 3D or 4D \(batch mode\) {BATCH}"),
    ("unfold", (1, 0, 3, 3), dict(kernel_size=2), rf"Expected 3D or 4D \(batch mode\) {BATCH}"),
    ("unfold", (1, 2, 0, 3), dict(kernel_size=2, padding=1), rf"Expected 3D or 4D \(batch mode\) {BATCH}"),
    (
        "unfold",
        X,
        dict(kernel_size=4),
        r"Given input with spatial size \(3, 3\), kernel_size=\(4, 4\), dilation=\(1, 1\), padding=\(0, 0\), "
        r"calculated shape of the array of sliding blocks as \(0, 0\), but its components must be at least one",
    ),
    ("unfold", X, dict(kernel_size=0), "kernel size should be greater than zero, but got kernel_height: 0"),
    ("unfold", X, dict(kernel_size=2, stride=0), "stride should be greater than zero, but got stride_height: 0"),
    ("unfold", X, dict(kernel_size=2, dilation=0), "dilation should be greater than zero, but got dilation_height: 0"),
    ("unfold", X, dict(kernel_size=2, padding=-1), "padding should be non-negative, but got pad_height: -1"),
    ("unfold", X, dict(kernel_size=(2,)), "It is expected kernel_size equals to 2, but got size 1"),
    ("unfold", X, dict(kernel_size=2.0), "argument 'kernel_size' .*must be tuple of ints"),
    ("fold", (1, 1, 8, 4), dict(output_size=3, kernel_size=2), rf"Expected 2D or 3D \(batch mode\) {BATCH}"),
    ("fold", (1, 8, 0), dict(output_size=3, kernel_size=2), rf"Expected 2D or 3D \(batch mode\) {BATCH}"),
    (
        "fold",
        (1, 7, 4),
        dict(output_size=3, kernel_size=2),
        r"Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
        r"input.size\(1\)=7 and kernel_size=\(2, 2\)",
    ),
    (
        "fold",
        (1, 8, 5),
        dict(output_size=3, kernel_size=2),
        r"Given output_size=\(3, 3\), kernel_size=\(2, 2\), dilation=\(1, 1\), padding=\(0, 0\), stride=\(1, 1\), "
        r"expected size of input's dimension 2 to match the calculated number of sliding blocks 2 \* 2 = 4, but got "
        r"input.size\(2\)=5",
    ),
    ("fold", C, dict(output_size=-1, kernel_size=2), r"Given output_size=\(-1, -1\)"),
    ("fold", C, dict(output_size=(3, 3, 3), kernel_size=2), "It is expected output_size equals to 2, but got size 3"),
    ("fold", C, dict(output_size=3, kernel_size=2, stride=0), "stride should be greater than zero"),
    ("fold", C, dict(output_size=3, kernel_size=0), "kernel size should be greater than zero"),
]


@pytest.mark.parametrize("name, shape, kwargs, text", BAD)
def test_errors(name, shape, kwargs, text):
    function, theirs = {"fold": (fold, TF.fold), "unfold": (unfold, TF.unfold)}[name]
    with pytest.raises(ArgumentError, match=f"^{name}: .*{text}"):
        function(np.zeros(shape, np.float32), **kwargs)
    with pytest.raises((RuntimeError, TypeError), match=text):
        theirs(torch.zeros(shape), **kwargs)


def test_integers_are_refused_as_in_torch():
    for function, args in ((unfold, (jnp.ones(X, jnp.int32), 2)), (fold, (jnp.ones(C, jnp.int32), 3, 2))):
        with pytest.raises(ArgumentTypeError, match="not implemented for dtype int32"):
            function(*args)


@pytest.mark.parametrize(
    "name, args, kwargs, shape",
    [
        ("Fold", ((3, 4), 2), {}, (2, 8, 6)),
        ("Fold", (3, (2, 1), 1, (1, 0), 2), {}, (4, 4)),
        ("Unfold", (2,), {}, (2, 3, 4, 5)),
        ("Unfold", ((3, 2),), dict(dilation=2, padding=2, stride=(1, 2)), (3, 4, 5)),
    ],
)
def test_layers(name, args, kwargs, shape):
    x = tensor(*shape)
    theirs = getattr(torch.nn, name)(*args, **kwargs)
    layer, module = getattr(layers, name)(*args, **kwargs), getattr(modules, name)(*args, **kwargs)
    got, _ = layer.apply({}, {}, jnp.asarray(x.numpy()))
    reference.assert_equal(got, theirs(x), name)
    reference.assert_equal(module(jnp.asarray(x.numpy())), theirs(x), name)
    assert repr(module) == repr(theirs)
    for attribute in layer.__dataclass_fields__:
        assert getattr(layer, attribute) == getattr(module, attribute) == getattr(theirs, attribute)


def test_layers_hash_their_lists():
    assert hash(layers.Fold([3, 4], [2, 2])) == hash(layers.Fold((3, 4), (2, 2)))
    with pytest.raises(ArgumentTypeError, match="Unfold: argument 'kernel_size' must be tuple of ints, not float"):
        layers.Unfold(2.0)
