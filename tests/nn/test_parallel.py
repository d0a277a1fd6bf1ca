"""nn.DataParallel on one device; tests/functional/test_meshes.py has it on several."""

import copy
import inspect
import pickle

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from tests.nn.both import same, torch

X = jnp.ones((4, 2))


def test_a_module_around_a_module():
    def act(api):
        net = api.nn.DataParallel(api.nn.Sequential(api.nn.Linear(2, 3), api.nn.BatchNorm1d(3)))
        return [repr(net), list(net.state_dict()), [name for name, _ in net.named_modules()], net.device_ids]

    same(act)
    for ours, theirs in ((nn.DataParallel, torch.nn.DataParallel), (nn.parallel.data_parallel,) * 2):
        if ours is nn.parallel.data_parallel:
            theirs = torch.nn.parallel.data_parallel
        described = [[(p.name, p.default) for p in inspect.signature(f).parameters.values()] for f in (ours, theirs)]
        assert described[0] == described[1]


@pytest.mark.parametrize("devices", [None, [0], ["cpu:0"]])
def test_it_is_the_module(devices):
    fnn.manual_seed(0)
    inner = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    net = nn.DataParallel(inner, devices, devices and 0)
    alone = copy.deepcopy(inner)
    assert net.module is inner and net.device_ids == ([0] if devices else [])
    np.testing.assert_allclose(net(X), alone(X), rtol=1e-6)
    np.testing.assert_array_equal(inner[1].running_mean, alone[1].running_mean)
    again = pickle.loads(pickle.dumps(copy.deepcopy(net)))
    np.testing.assert_allclose(fnn.jit(lambda net, x: net(x))(again, X), alone(X), rtol=1e-6)
    np.testing.assert_allclose(nn.parallel.data_parallel(again.module.eval(), X, devices), alone.eval()(X), rtol=1e-5)


def test_inputs_of_data_parallel():
    class Sum(nn.Module):
        def forward(self, *arrays, scale=1.0):
            return scale * sum(arrays)

    assert nn.parallel.data_parallel(Sum(), (X, X), [0], module_kwargs={"scale": 3.0})[0, 0] == 6
    assert nn.parallel.data_parallel(Sum(), None, [0]) == 0


def test_errors():
    with pytest.raises(TypeError, match="are single devices, got None"):
        nn.DataParallel(nn.Identity(), [None, jnp.ones(2).sharding])
    with pytest.raises(TypeError, match="module must be a Module, got function"):
        nn.DataParallel(lambda x: x)
    with pytest.raises(ValueError, match=r"expected at least one device, got device_ids=\[\]"):
        nn.DataParallel(nn.Identity(), [])
    with pytest.raises(ValueError, match="DataParallel: device=7: there are only"):
        nn.DataParallel(nn.Identity(), [7])
    with pytest.raises(TypeError, match="argument 'dim' must be int"):
        nn.DataParallel(nn.Identity(), dim=0.5)
