"""The pooling and resizing layers and their modules against torch.nn's."""

import jax.numpy as jnp
import numpy as np
import pytest

from fnn import functional as F
from fnn import layers, random
from fnn.nn.modules import channelshuffle, pixelshuffle, pooling, upsampling

torch = pytest.importorskip("torch")
from tests import reference  # noqa: E402

X = {1: (2, 3, 8), 2: (2, 3, 8, 9), 3: (2, 3, 6, 7, 8)}

TABLE = [
    *((f"MaxPool{n}d", (2,), {}, X[n]) for n in (1, 2, 3)),
    ("MaxPool1d", (3,), {"stride": 2, "padding": 1, "dilation": 1, "ceil_mode": True}, X[1]),
    ("MaxPool2d", ((3, 2), (2, 1), (1, 0)), {"return_indices": True}, X[2]),
    *((f"AvgPool{n}d", (2,), {}, X[n]) for n in (1, 2, 3)),
    ("AvgPool1d", (3, 2, 1, True, False), {}, X[1]),
    ("AvgPool2d", ((3, 2),), {"stride": 1, "padding": (1, 0), "divisor_override": 5}, X[2]),
    *((f"LPPool{n}d", (2, 2), {}, X[n]) for n in (1, 2, 3)),
    ("LPPool2d", (1.5, (2, 3)), {"stride": (2, 1), "ceil_mode": True}, X[2]),
    *((f"AdaptiveAvgPool{n}d", (3,), {}, X[n]) for n in (1, 2, 3)),
    ("AdaptiveAvgPool2d", ((None, 4),), {}, X[2]),
    *((f"AdaptiveMaxPool{n}d", (3,), {}, X[n]) for n in (1, 2, 3)),
    ("AdaptiveMaxPool2d", ((5, 3), True), {}, X[2]),
    ("PixelShuffle", (3,), {}, (2, 9, 2, 2)),
    ("PixelUnshuffle", (2,), {}, (2, 1, 4, 6)),
    ("ChannelShuffle", (3,), {}, X[2]),
    ("Upsample", (), {"scale_factor": 2}, X[2]),
    ("Upsample", ((5, 5),), {"mode": "bicubic", "align_corners": True}, X[2]),
    ("Upsample", (), {"scale_factor": (2, 1.5), "mode": "bilinear", "recompute_scale_factor": True}, X[2]),
    ("UpsamplingNearest2d", (), {"scale_factor": 2}, X[2]),
    ("UpsamplingBilinear2d", ((4, 5),), {}, X[2]),
]
MODULES = {name: getattr(m, name) for m in (pooling, pixelshuffle, channelshuffle, upsampling) for name in m.__all__}


@pytest.mark.parametrize(("name", "args", "kwargs", "shape"), TABLE, ids=[f"{t[0]}-{i}" for i, t in enumerate(TABLE)])
def test_layer_and_module(name, args, kwargs, shape):
    theirs = getattr(torch.nn, name)(*args, **kwargs)
    layer, module = getattr(layers, name)(*args, **kwargs), MODULES[name](*args, **kwargs)
    assert layer.extra_repr() == theirs.extra_repr()
    assert repr(module) == repr(theirs)
    for field in layer.__dataclass_fields__:
        assert getattr(module, field) == getattr(layer, field) == getattr(theirs, field), field
    assert hash(layer) == hash(getattr(layers, name)(*args, **kwargs))
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    want = theirs(x)
    reference.assert_equal(layer.apply({}, {}, reference.to_jax(x))[0], want)
    reference.assert_equal(module(reference.to_jax(x)), want)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_unpool_layers(rank):
    x = torch.rand(X[rank], generator=torch.Generator().manual_seed(0))
    values, indices = getattr(torch.nn.functional, f"max_pool{rank}d")(x, 3, 2, return_indices=True)
    name = f"MaxUnpool{rank}d"
    theirs, module = getattr(torch.nn, name)(3, 2), MODULES[name](3, 2)
    assert repr(module) == repr(theirs) and module.kernel_size == theirs.kernel_size
    arrays = reference.to_jax(values), reference.to_jax(indices)
    size = list(x.shape[2:])
    reference.assert_equal(module(*arrays, output_size=size), theirs(values, indices, output_size=size))
    reference.assert_equal(getattr(layers, name)(3, 2).apply({}, {}, *arrays, size)[0], module(*arrays, size))


@pytest.mark.parametrize("rank", [2, 3])
def test_fractional_layers(rank):
    name = f"FractionalMaxPool{rank}d"
    x, u = torch.rand(X[rank]), torch.rand(2, 3, rank)
    theirs = getattr(torch.nn, name)(2, output_ratio=0.5, return_indices=True, _random_samples=u)
    module = MODULES[name](2, output_ratio=0.5, return_indices=True, _random_samples=u.numpy())
    assert repr(module) == repr(theirs) and list(module.state_dict()) == list(theirs.state_dict())
    assert module.output_ratio == theirs.output_ratio and module.output_size is None
    reference.assert_equal(module(reference.to_jax(x)), theirs(x))
    layer, plain = getattr(layers, name)(2, 3), getattr(torch.nn, name)(2, 3)
    torch.manual_seed(0)
    got, _ = layer.apply({}, {}, reference.to_jax(x), key=random.Generator().manual_seed(0))
    reference.assert_equal(got, plain(x))
    for kwargs, text in (
        ({}, "requires specifying either an output size, or a pooling ratio"),
        ({"output_size": 2, "output_ratio": 0.5}, "only one of output_size and output_ratio may be specified"),
        ({"output_ratio": 1.5}, r"output_ratio must be between 0 and 1 \(got 1.5\)"),
    ):
        with pytest.raises(ValueError, match=text):
            getattr(layers, name)(2, **kwargs)
    if rank == 3:
        with pytest.raises(ValueError, match="kernel_size must be greater than 0, but got 0"):
            layers.FractionalMaxPool3d(0, 2)


def test_private_bases():
    assert isinstance(pooling.MaxPool2d(2), pooling._MaxPoolNd)
    assert isinstance(pooling.AdaptiveAvgPool2d(2), pooling._AdaptiveAvgPoolNd)
    assert isinstance(upsampling.UpsamplingNearest2d(2), upsampling.Upsample)
    assert upsampling.UpsamplingBilinear2d(2).align_corners is True


def test_lists_and_numpy_integers():
    layer = layers.MaxPool2d([2, 3], stride=np.int64(2))
    assert layer.kernel_size == (2, 3) and type(layer.stride) is int
    x = jnp.arange(16.0).reshape(1, 4, 4)
    np.testing.assert_array_equal(layer.apply({}, {}, x)[0], F.max_pool2d(x, (2, 3), 2))
