"""A box has the methods of `torch.Tensor`: the same values, shapes and refusals; other names say what to write."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.state import tensor_names
from fnn.state.box import Box
from tests import reference
from tests.nn.both import torch

NUMBERS = {
    "x": np.asarray([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]], np.float32),
    "unit": np.asarray([[0.5, 0.25, 0.125], [0.75, 0.375, 0.875]], np.float32),
    "cube": np.arange(24, dtype=np.float32).reshape(2, 3, 4) % 7 - 2,
    "square": np.asarray([[2.0, 1.0], [-1.0, 3.0]], np.float32),
    "above": np.asarray([1.5, 2.0, 7.0], np.float32),
    "line": np.asarray([0.5, -1.0, 2.0], np.float32),
    "i": np.asarray([[3, -2, 7], [1, 6, -5]], np.int32),
    "mask": np.asarray([[True, False, True], [False, False, True]]),
    "ones": np.asarray([[1.0], [2.0]], np.float32),
}
VALUES = [
    # shapes
    "x.view(-1)", "x.view(3, 2)", "x.view((3, 2))", "x.view(3, -1)", "x.reshape(3, 2)", "x.reshape((-1,))", "x.t()",
    "x.transpose(0, 1)", "cube.transpose(0, 2)", "cube.transpose(-1, 1)", "cube.permute(2, 0, 1)",
    "cube.permute((1, 0, 2))", "cube.movedim(0, 2)", "ones.squeeze()", "ones.squeeze(1)", "ones.squeeze(0)",
    "ones.squeeze((0, 1))", "x.unsqueeze(0)", "x.unsqueeze(-1)", "cube.flatten()", "cube.flatten(1)",
    "cube.flatten(0, 1)", "x.unflatten(1, (3, 1))", "ones.expand(2, 3)", "ones.expand(-1, 4)", "ones.expand(2, 2, 3)",
    "ones.expand_as(x)", "x.repeat(2, 1)", "x.repeat(1, 2, 1)", "x.tile(2)", "x.tile((2, 2))",
    "x.repeat_interleave(2)", "x.repeat_interleave(2, dim=1)", "x.flip(0)", "x.flip(0, 1)", "x.roll(1)",
    "x.roll(1, 0)", "x.tril()", "x.triu(1)", "x.diagonal()", "cube.diagonal(dim1=1, dim2=2)", "x.swapaxes(0, 1)",
    "x.view_as(x.t())", "ones.broadcast_to(2, 3)", "square.trace()", "x.T", "cube.mT", "x.ravel()",
    # parts
    "x.split(2, 1)", "x.split([1, 2], dim=1)", "cube.chunk(3, 2)", "x.chunk(5, 1)", "x.unbind()", "x.unbind(1)",
    "x.narrow(1, 1, 2)", "x.select(1, -1)", "cube.index_select(1, long(2, 0))",
    "cube.gather(2, long([[[0], [1], [3]]]))",
    "x.gather(1, long([[0, 2], [1, 0]]))", "x.masked_fill(mask, -9.0)", "x.masked_select(mask)", "x.where(mask, ones)",
    "mask.nonzero()", "x.sort()", "x.sort(0, True)", "x.sort(dim=0, descending=True)", "x.argsort()",
    "x.argsort(1, descending=True)", "x.topk(2)", "x.topk(1, 0, False)", "x.take(long(0, 5))",
    "x.take_along_dim(long([[0, 2], [1, 0]]), 1)", "x[0]", "x[:, 1]",
    # reductions
    "x.sum()", "x.sum(0)", "x.sum(dim=1, keepdim=True)", "cube.sum((0, 2))", "x.sum(-1, True)", "x.mean()",
    "x.mean(0)", "cube.mean((1, 2), keepdim=True)", "cube.mean(dim=[0, 1])", "x.prod()", "x.prod(1)", "x.std()",
    "x.std(0)", "x.std(1, keepdim=True)", "x.std(False)", "x.std(0, False)", "x.std(correction=0)",
    "x.std(dim=1, correction=0)", "x.var()", "x.var(0)", "cube.var((0, 1))", "x.var(unbiased=False)", "x.norm()",
    "x.norm(1)", "x.norm(p=2, dim=1)", "x.norm(2, 0, True)", "x.norm(float('inf'))", "x.norm(3)",
    "cube.norm(dim=(0, 2))", "x.norm('fro')", "x.max()", "x.max(1)", "x.max(dim=0, keepdim=True)", "x.max(ones)",
    "x.min()", "x.min(0)", "x.min(ones)", "x.median()", "x.median(1)", "x.argmax()", "x.argmax(1)",
    "x.argmin(dim=0, keepdim=True)", "x.amax(1)", "cube.amin((0, 1), True)", "mask.all()", "mask.any(1)",
    "mask.all(0, keepdim=True)", "x.logsumexp(1)", "x.cumsum(0)", "x.cumsum(dim=1)", "x.cumprod(1)",
    "x.logcumsumexp(1)", "x.softmax(1)", "x.log_softmax(0)", "x.softmax(dim=-1)", "mask.count_nonzero()",
    "mask.count_nonzero(1)", "x.nansum(0)", "x.nanmean()", "x.max(1).values", "x.max(1).indices",
    "x.equal(x)", "x.equal(ones)", "x.allclose(x + 1e-9)", "x.isclose(x)",
    # elementwise, with arguments
    "x.clamp(-0.5, 0.5)", "x.clamp(min=0.1)", "x.clamp(max=ones)", "x.clip(0, 1)", "x.clamp_min(0.3)",
    "x.clamp_max(0.3)", "x.add(2)", "x.add(ones, alpha=0.5)", "x.sub(ones, alpha=2)", "x.mul(ones)", "x.div(2)",
    "x.div(0.5, rounding_mode='floor')", "x.div(0.75, rounding_mode='trunc')", "x.floor_divide(0.5)",
    "x.remainder(0.75)", "x.fmod(0.75)", "x.pow(2)", "unit.pow(0.5)", "x.pow(ones)", "x.atan2(ones)", "x.eq(0.5)",
    "x.ne(ones)", "x.lt(0)", "x.le(0.25)", "x.gt(ones)", "x.ge(0.25)", "x.greater(0)", "x.maximum(ones)",
    "x.minimum(ones)", "x.fmax(ones)", "x.lerp(ones, 0.25)", "x.addcmul(ones, ones, value=0.5)",
    "x.addcdiv(ones, ones + 1)", "x.copysign(-ones)", "x.hypot(ones)", "x.logaddexp(ones)", "unit.xlogy(unit)",
    "unit.logit()", "unit.logit(0.3)", "i.bitwise_and(6)", "i.bitwise_xor(3)", "mask.logical_and(mask)",
    "mask.logical_xor(x > 0)", "x.round()", "x.heaviside(ones)",
    # products
    "x.mm(x.t())", "x.matmul(x.t())", "x.mv(line)", "line.dot(line)", "line.vdot(line)", "line.outer(line)",
    "square.mm(square)", "cube.bmm(cube.transpose(1, 2))", "square.inner(square)", "square.kron(square)",
    "square.matmul(square)",
    # conversion
    "x.to(int32)", "x.to(dtype=float16)", "x.to('cpu')", "i.to(x)", "x.type(float16)", "i.type_as(x)", "x.half()",
    "i.float()", "x.int()", "x.bool()", "x.cpu()", "x.contiguous()", "x.clone()", "x.detach()",
    "x.new_zeros(2, 3)", "x.new_zeros((2,))", "x.new_ones(2)", "i.new_full((2,), 3)", "x.new_tensor([1.0, 2.0])",
    "x.is_contiguous()", "x.is_signed()", "x.is_same_size(i)", "x.is_floating_point()", "i.is_complex()",
    # sizes
    "tuple(x.size())", "x.size(0)", "x.size(-1)", "x.numel()", "x.nelement()", "x.dim()", "x.ndimension()", "x.ndim",
    "tuple(x.shape)", "x.element_size()", "x.tolist()", "x[0, 0].item()", "x.numpy()", "x.nbytes", "x.itemsize",
]  # fmt: skip
_ARGUMENTS = {"unit": "acos asin atanh erfinv logit".split(), "i": ["bitwise_not"], "above": ["acosh"]}
_OF_TWO = set(
    "add addcdiv addcmul atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor clamp "
    "clamp_max clamp_min copysign div eq floor_divide fmod ge gt hypot le lerp logical_and logical_or logical_xor lt "
    "masked_fill mul ne nextafter pow remainder sub xlogy bmm dot fmax fmin heaviside inner isclose kron logaddexp "
    "logaddexp2 matmul maximum minimum mm mv outer vdot".split()
)


# Elementwise methods of one value, those that are there in place first.
_IN_PLACE_TOO = (
    "abs acos acosh asin asinh atan atanh bitwise_not ceil clamp cos cosh deg2rad digamma erf erfc erfinv exp "
    "exp2 expm1 floor frac i0 lgamma log log10 log1p log2 logical_not logit nan_to_num neg rad2deg reciprocal "
    "relu rsqrt sgn sigmoid sign sin sinc sinh sqrt square tan tanh trunc add addcdiv addcmul atan2 "
    "bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor clamp_max clamp_min copysign "
    "div eq floor_divide fmod ge gt hypot le lerp logical_and logical_or logical_xor lt masked_fill mul ne "
    "nextafter pow remainder sub xlogy "
).split()
_ALONE = (
    "angle bmm conj dot fmax fmin heaviside inner isclose isfinite isinf isnan isneginf isposinf isreal kron "
    "logaddexp logaddexp2 matmul maximum minimum mm mv outer positive signbit vdot "
).split()


def _of_one(name):
    return f"{next((key for key, names in _ARGUMENTS.items() if name in names), 'x')}.{name}()"


VALUES += [_of_one(n) for n in (*_IN_PLACE_TOO, *_ALONE) if n not in _OF_TWO]


def names(api):
    """What the expressions are made of: tensors of torch's, or boxes."""
    if api == "torch":
        values = {name: torch.from_numpy(value.copy()) for name, value in NUMBERS.items()}
        dtypes, array = torch, lambda values: torch.tensor(values, dtype=torch.int64)
    else:
        values = {name: nn.Buffer(value) for name, value in NUMBERS.items()}
        dtypes, array = jnp, lambda values: jnp.asarray(values, jnp.int32)
    return values | {
        "int32": dtypes.int32,
        "float16": dtypes.float16,
        "long": lambda *values: array(values[0] if isinstance(values[0], list) else list(values)),
    }


def plain(value):
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, torch.Tensor) or hasattr(value, "__array__"):
        return reference.to_numpy(value) if isinstance(value, torch.Tensor) else np.asarray(value)
    return value


def same(got, want):
    if isinstance(want, list):
        assert len(got) == len(want)
        for one, other in zip(got, want, strict=True):
            same(one, other)
    elif isinstance(want, np.ndarray):
        assert got.shape == want.shape and got.dtype.kind == want.dtype.kind
        np.testing.assert_allclose(got.astype(np.float64), want.astype(np.float64), rtol=2e-6, atol=1e-6)
    else:
        assert type(got) is type(want) and got == want


@pytest.mark.parametrize("expression", VALUES)
def test_the_value_is_torchs(expression):
    with jax.numpy_rank_promotion("allow"):
        got, want = (eval(expression, names(api)) for api in ("fnn", "torch"))
    assert not isinstance(got, Box)
    same(plain(got), plain(want))


IN_PLACE = [_of_one(name).replace("()", "_()") for name in _IN_PLACE_TOO if name not in _OF_TWO]
IN_PLACE += [
    "x.add_(2)", "x.add_(ones, alpha=0.5)", "x.sub_(ones)", "x.mul_(ones)", "x.div_(2)",
    "x.div_(ones, rounding_mode='trunc')", "x.pow_(2)", "x.clamp_(0, 1)", "x.clip_(max=0.5)", "x.clamp_min_(0.3)",
    "x.clamp_max_(0.3)", "x.lerp_(ones, 0.25)",
    "x.addcmul_(ones, ones, value=0.5)", "x.addcdiv_(ones, ones + 1)", "x.masked_fill_(mask, 3.0)", "x.eq_(0.5)",
    "x.lt_(0)", "x.remainder_(0.75)", "x.fmod_(0.75)", "x.atan2_(ones)", "x.copysign_(-ones)", "i.bitwise_and_(3)",
    "i.add_(1)", "mask.logical_not_()", "x.multiply_(2).subtract_(1)", "x.floor_divide_(0.5)", "x.fill_(2)",
    "x.zero_()", "x.hypot_(ones)",
]  # fmt: skip


@pytest.mark.parametrize("expression", IN_PLACE)
def test_in_place_is_torchs(expression):
    which = expression.split(".")[0]
    ours, theirs = names("fnn"), names("torch")
    with jax.numpy_rank_promotion("allow"):
        result = eval(expression, ours)
    eval(expression, theirs)
    assert result is ours[which]
    same(plain(ours[which]), plain(theirs[which]))


@pytest.mark.parametrize(
    ("expression", "error", "text"),
    [
        ("cube.t()", ArgumentError, r"t\(\) expects a tensor with <= 2 dimensions, but self is 3D"),
        ("x.size(2)", IndexError, r"Dimension out of range \(expected to be in range of \[-2, 1\], got dim=2\)"),
        ("x.select(1, 3)", IndexError, "index 3 out of range for tensor of size"),
        ("x.narrow(1, 2, 2)", ArgumentError, r"start \(2\) \+ length \(2\) exceeds dimension size \(3\)"),
        ("x.expand(3)", ArgumentError, r"the number of sizes provided \(1\) must be greater or equal"),
        ("x.repeat(2)", ArgumentError, r"can not be smaller than number of dimensions of tensor, got \(2,\) for shape"),
        ("x.flatten(1, 0)", ArgumentError, "start_dim cannot come after end_dim; got start_dim=1, end_dim=0"),
        ("x.split([1, 1], 1)", ArgumentError, r"split_sizes expects to sum exactly to 3 .* got split_sizes=\[1, 1\]"),
        ("x.topk(4)", ArgumentError, "selected index k out of range, got k=4 for shape \\[2, 3\\]"),
        ("x.div(2, rounding_mode='up')", ArgumentError, "None, 'trunc', or 'floor' but found 'up'"),
        ("x.sum(0, 1)", ArgumentTypeError, "sum: keepdim must be a bool, got keepdim=1; give dims as a tuple"),
        ("i.div_(2)", ArgumentError, "result type float32 can't be cast to the desired output type int32"),
        ("x.double()", ArgumentError, "float64: dtype=float64 needs 64-bit mode"),
        ("x.cuda()", ArgumentError, "no gpu device is available"),
    ],
)
def test_refusals(expression, error, text):
    with pytest.raises(error, match=text):
        eval(expression, names("fnn"))


# -- where numpy's meaning is asked for ---------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.max(axis=0), lambda x: x.min(axis=(0, 1)), lambda x: x.repeat(2, axis=1), lambda x: x.transpose(),
        lambda x: x.transpose((1, 0)), lambda x: x.sum(axis=0, keepdims=True), lambda x: x.mean(axis=1),
        lambda x: x.squeeze(axis=()), lambda x: x.sum(where=x > 0), lambda x: x.view(jnp.int32),
        lambda x: x.argmax(axis=1),
        lambda x: x.std(axis=0, ddof=0), lambda x: x.any(axis=1), lambda x: x.cumsum(axis=1), lambda x: x.round(1),
        lambda x: x.size * 2, lambda x: x.at[0].set(1.0), lambda x: x.astype(jnp.int32),
        lambda x: x.diagonal(axis1=1, axis2=0),
    ],
)  # fmt: skip
def test_numpys_keywords_keep_numpys_meaning(call):
    value = jnp.asarray(NUMBERS["x"])
    np.testing.assert_array_equal(call(nn.Parameter(value)), call(value))


def test_size_is_a_number_that_can_be_called():
    p = nn.Parameter(jnp.ones((2, 3)))
    assert p.size == 6 and p.size() == (2, 3) and p.size(1) == 3 and range(p.size)[-1] == 5
    assert np.shape(p.size) == () and type(pickle.loads(pickle.dumps(p.size))) is int
    assert nn.Parameter(jnp.ones(())).size() == () and nn.Parameter(jnp.ones(())).size == 1


def test_methods_under_transforms():
    p = nn.Parameter(jnp.asarray(NUMBERS["x"]))

    def loss(p):
        return p.abs().sum() + p.std() + p.norm() + p.max(1).values.sum() + (p.t() @ p).mean()

    got = fnn.jit(lambda p: fnn.grad(loss)(p))(p)
    t = torch.from_numpy(NUMBERS["x"].copy()).requires_grad_()
    loss(t).backward()
    np.testing.assert_allclose(got, t.grad.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1.0, 1e30])
@pytest.mark.parametrize("settings", [{}, {"p": 1}, {"p": 3, "dim": 1}, {"dim": (0, 1), "keepdim": True}, {"p": "fro"}])
def test_a_norm_and_its_gradient_at_the_ends_of_the_range(scale, settings):
    value = np.array([[1, 2, 3], [-1, 5, 2]], np.float32) * np.float32(scale)
    p, t = nn.Parameter(jnp.asarray(value)), torch.tensor(value, dtype=torch.float64, requires_grad=True)
    want = t.norm(**settings)
    want.sum().backward()
    np.testing.assert_allclose(p.norm(**settings), want.detach().numpy(), rtol=1e-5)
    got = fnn.grad(lambda p: p.norm(**settings).sum())(p)
    np.testing.assert_allclose(got, t.grad.numpy(), rtol=1e-4, atol=1e-6)


# -- every other name --------------------------------------------------------------------------------


def test_every_name_of_a_tensor_is_there_or_says_what_to_write():
    value = nn.Parameter(jnp.ones((2, 2)))
    theirs = {name for name in dir(torch.Tensor) if not name.startswith("_")}
    missing = {name for name in theirs if not hasattr(value, name)}
    assert missing == set(tensor_names.HINTS)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("map_", r"; write p.data = jnp.vectorize\(f\)\(p.data\)"),
        ("t_", "; write p.data = ..., with the operation of the same name"),
        ("is_cuda", r"; ask p.devices\(\) or p.sharding"),
        ("backward", "; gradients come from fnn.value_and_grad or fnn.backward"),
        ("full_tensor", "; leave it out: an array is whole wherever Python sees it"),
        ("nowhere", "'Parameter' object has no attribute 'nowhere'$"),
        ("_nowhere", "'Parameter' object has no attribute '_nowhere'$"),
    ],
)
def test_a_name_that_is_missing_says_what_to_write(name, text):
    with pytest.raises(AttributeError, match=text):
        getattr(nn.Parameter(jnp.ones(2)), name)
