"""SyncBatchNorm over mapped axes, and the conversion of models to it; see also tests/functional/test_meshes.py."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import layers, nn
from fnn.errors import ArgumentError, ArgumentTypeError
from tests import reference
from tests.nn.both import as_fnn

torch = reference.torch
X = np.random.default_rng(0).standard_normal((4, 3, 2, 5)).astype(np.float32) * 2 + 3


@pytest.mark.parametrize("momentum", [0.3, None])
def test_parts_under_vmap(momentum):
    """Two steps of torch's batch norm on the whole batch: outputs, gradients, buffers."""
    theirs = torch.nn.BatchNorm2d(3, momentum=momentum)
    norm = layers.SyncBatchNorm(3, momentum=momentum, process_group=("i", "j"))
    params, state = norm.init(jax.random.key(0))
    params = {"weight": jnp.array([1.0, -2.0, 0.5]), "bias": jnp.arange(3.0)}
    theirs.load_state_dict({k: torch.tensor(np.asarray(v)) for k, v in (params | state).items()})

    def loss(params, x, state):
        apply = jax.vmap(lambda x: norm.apply(params, state, x, training=True), axis_name="i", out_axes=(0, None))
        y, state = jax.vmap(apply, axis_name="j", out_axes=(0, None))(x.reshape(2, 2, 1, *x.shape[1:]))
        return (y**3).sum(), (y.reshape(x.shape), state)

    step = jax.jit(jax.grad(loss, (0, 1), has_aux=True))
    for scale in (1.0, 0.2):
        x = torch.tensor(X * scale, requires_grad=True)
        theirs.zero_grad()
        wanted = theirs(x)
        (wanted**3).sum().backward()
        (grads, dx), (y, state) = step(params, jnp.asarray(X * scale), state)
        reference.assert_equal(y, wanted.detach())
        for ours, want in ((dx, x.grad), *((grads[n], getattr(theirs, n).grad) for n in grads)):
            np.testing.assert_allclose(ours, want, rtol=1e-3, atol=1e-3)
        for name, value in state.items():
            reference.assert_equal(value, theirs.state_dict()[name], name)


def test_evaluation_needs_no_axis():
    norm = layers.SyncBatchNorm(3, process_group="i")
    plain = layers.BatchNorm2d(3)
    params, state = plain.init(jax.random.key(0))
    reference.assert_equal(norm.apply(params, state, X)[0], np.asarray(plain.apply(params, state, X)[0]))
    with pytest.raises(ArgumentError, match=r"process_group='i' names an axis (?s:.*)jax\.vmap"):
        norm.apply(params, state, X, training=True)


def test_one_value_a_part():
    """Parts of one value are enough, if there are two; half inputs are summed in float32."""
    x = jnp.array([[[1.0]], [[3.0]]], jnp.bfloat16)
    norm = layers.SyncBatchNorm(1, process_group="i", track_running_stats=False)
    step = jax.vmap(lambda x: norm.apply({}, {}, x, training=True)[0], axis_name="i")
    assert step(x).ravel().tolist() == [-1, 1] and step(x).dtype == jnp.bfloat16
    with pytest.raises(ArgumentError, match="Expected more than 1 value per channel"):
        step(x[:1])


@pytest.mark.parametrize("shape", [(), (2,), (2, 0, 3)])
def test_bad_input(shape):
    with pytest.raises(ValueError) as theirs:
        torch.nn.SyncBatchNorm(3)(torch.zeros(shape))
    with pytest.raises(ValueError) as ours:
        nn.SyncBatchNorm(3)(jnp.zeros(shape))
    assert str(theirs.value) in str(ours.value)


@pytest.mark.parametrize("group", [3, ("a", 1), object()])
def test_bad_group(group):
    with pytest.raises(ArgumentTypeError, match="process_group is the name of an axis"):
        layers.SyncBatchNorm(3, process_group=group)


def test_group_is_normalised():
    assert layers.SyncBatchNorm(3, process_group=["a", "b"]).process_group == ("a", "b")
    assert layers.SyncBatchNorm(3, process_group=()).process_group is None
    module = nn.SyncBatchNorm(3, process_group="a")
    assert pickle.loads(pickle.dumps(module)).process_group == copy.deepcopy(module).process_group == "a"


# -- conversion ----------------------------------------------------------------------------------------------


def network(api):
    class Own(api.BatchNorm1d):
        pass

    net = api.Sequential(
        api.Linear(2, 3),
        api.BatchNorm1d(3, eps=0.1, momentum=None, affine=False),
        api.ModuleDict({"a": api.BatchNorm2d(4, track_running_stats=False), "b": api.InstanceNorm1d(3)}),
        api.ModuleList([Own(2, bias=False), api.SyncBatchNorm(5), api.BatchNorm3d(2)]),
    )
    net[3][0].inner = api.BatchNorm1d(1)
    net.again = net[1]
    net[3][2].eval()
    return net


def test_conversion():
    theirs, ours = network(torch.nn), network(nn)
    boxes = dict(ours.named_parameters()), dict(ours.named_buffers())
    assert nn.SyncBatchNorm.convert_sync_batchnorm(ours, "d") is ours
    torch.nn.SyncBatchNorm.convert_sync_batchnorm(theirs, "d")
    assert repr(ours) == as_fnn(repr(theirs))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for now, before in zip((dict(ours.named_parameters()), dict(ours.named_buffers())), boxes, strict=True):
        assert now.keys() == before.keys() and all(now[name] is before[name] for name in now)
    for (name, mine), (_, other) in zip(ours.named_modules(), theirs.named_modules(), strict=True):
        assert mine.training == other.training, name
        if isinstance(other, torch.nn.SyncBatchNorm):
            assert mine.process_group == other.process_group == "d", name


def test_conversion_of_a_batch_norm_itself():
    norm = nn.BatchNorm1d(3)
    weight = norm.weight
    made = nn.SyncBatchNorm.convert_sync_batchnorm(norm)
    assert type(made) is nn.SyncBatchNorm and made.weight is weight and type(norm) is nn.BatchNorm1d
    x = jnp.asarray(X[:, :, 0, 0])
    reference.assert_equal(made(x), np.asarray(nn.BatchNorm1d(3)(x)))
    other = nn.Linear(2, 2)
    assert nn.SyncBatchNorm.convert_sync_batchnorm(other) is other
