"""``tensor`` and its kin: the dtypes that PyTorch infers, and what it refuses; dtypes and devices by name."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from tests import reference
from tests.reference import assert_equal

torch = reference.torch

DATA = [
    1, 1.5, True, 1j, [], [1, 2], [1, 2.5], [True, False], [[1, 2], [3, 4]], [[1.0], [2.0]], (1, 2), [1, True], [1, 2j],
    np.arange(3, dtype=np.int16), np.float32(2.5), [np.int8(1), np.int8(2)], [[], []],
]  # fmt: skip


@pytest.mark.parametrize("make", ["tensor", "as_tensor", "asarray"])
@pytest.mark.parametrize("data", DATA, ids=repr)
def test_the_dtype_is_torchs(make, data):
    assert_equal(getattr(fnn, make)(data), getattr(torch, make)(data))


@pytest.mark.parametrize("data", [[[1], [1, 2]], [1, "a"], "text", None, [None], [[1, 2], 3]], ids=repr)
def test_refused_as_in_torch(data):
    with pytest.raises((ValueError, TypeError, RuntimeError)):
        torch.tensor(data)
    with pytest.raises(fnn.ArgumentError, match="tensor: "):
        fnn.tensor(data)


def test_an_integer_must_fit():
    with pytest.raises(fnn.ArgumentError, match="cannot be converted to type uint8 without overflow"):
        fnn.tensor([300], dtype=fnn.uint8)


def test_traced_numbers_in_a_list():
    got = jax.jit(lambda x: fnn.tensor([[x, 1.0], [2.0, x * 2]]))(3.0)
    np.testing.assert_array_equal(got, [[3, 1], [2, 6]])


def test_a_dtype_is_numpys_and_converts():
    x = jnp.ones(2, jnp.bfloat16)
    assert x.dtype == fnn.bfloat16 and {fnn.bfloat16: 1}[x.dtype] == 1 and isinstance(x.dtype, fnn.dtype)
    assert fnn.float(x).dtype == fnn.float32 and fnn.long(x).dtype == fnn.int32 and fnn.long == fnn.int32
    assert pickle.loads(pickle.dumps(fnn.half)) is fnn.float16 and fnn.half != fnn.float32
    with pytest.raises(fnn.ArgumentError, match="float64: dtype=float64 needs 64-bit mode"):
        fnn.double(x)


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16"])
def test_limits(name):
    ours, theirs = fnn.finfo(getattr(fnn, name)), torch.finfo(getattr(torch, name))
    for field in ("bits", "eps", "max", "min", "tiny", "smallest_normal", "dtype"):
        assert getattr(ours, field) == getattr(theirs, field), field


def test_devices():
    place = fnn.device("cpu", 0)
    assert (place.type, place.index, str(place)) == ("cpu", 0, "cpu:0") and pickle.loads(pickle.dumps(place)) == place
    assert repr(fnn.device("cuda")) == "device(type='cuda')"
    with pytest.raises(fnn.ArgumentError, match="device: Expected one of"):
        fnn.device("toaster")


@pytest.mark.parametrize("name", ["bartlett", "blackman", "hann", "hamming", "kaiser"])
@pytest.mark.parametrize("settings", [(0,), (1,), (6,), (7, False)])
def test_windows(name, settings):
    name = f"{name}_window"
    assert_equal(getattr(fnn, name)(*settings), getattr(torch, name)(*settings))


def test_shapes_that_depend_on_values_say_so_when_traced():
    x = jnp.arange(3)
    for call in (fnn.nonzero, lambda x: fnn.masked_select(x, x > 0), lambda x: fnn.repeat_interleave(x, x)):
        with pytest.raises(fnn.ArgumentError, match=r"the values of|depends on"):
            jax.jit(call)(x)


def test_split_of_an_array_and_of_a_module():
    assert [x.shape for x in fnn.split(jnp.ones(5), 2)] == [(2,), (2,), (1,)]
    params, _ = fnn.split(fnn.nn.Linear(1, 1))
    assert list(params) == ["weight", "bias"]
