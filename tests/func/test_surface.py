"""fnn.func has what torch.func has, with its arguments, and what torch.func does to models."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import func, nn
from tests import reference

torch = reference.torch
X = np.random.default_rng(0).standard_normal((2, 5, 3)).astype(np.float32)

# What torch.func has and fnn.func has not, with the reason.
ABSENT = {
    "debug_unwrap": "looks into torch's wrapper tensors; jax.debug.print shows a traced value",
    "functionalize": "turns writes to tensors into pure operations; arrays of JAX are never written to",
    "rearrange": "einops.rearrange itself takes JAX's arrays",
}


def test_every_function_is_there():
    assert set(torch.func.__all__) - set(func.__all__) == ABSENT.keys()


@pytest.mark.parametrize("name", sorted(set(torch.func.__all__) - ABSENT.keys()))
def test_signature(name):
    theirs, ours = (inspect.signature(getattr(space, name)).parameters.values() for space in (torch.func, func))
    wanted = [(p.name, p.kind, p.default) for p in theirs if not p.name.startswith("_")]
    extra = [p for p in ours if p.name not in {name for name, *_ in wanted}]
    assert [(p.name, p.kind, p.default) for p in ours if p not in extra] == wanted
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in extra)


def network(api):
    return api.Sequential(
        api.Linear(3, 4),
        api.BatchNorm1d(4),
        api.ModuleList(
            [api.BatchNorm2d(2, track_running_stats=False), api.InstanceNorm1d(2, track_running_stats=True)]
        ),
        api.SyncBatchNorm(3),
    )


def test_replace_all_batch_norm_modules():
    theirs, ours = network(torch.nn), network(nn)
    assert func.replace_all_batch_norm_modules_(ours) is ours
    torch.func.replace_all_batch_norm_modules_(theirs)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert ours[1].running_mean is None and not ours[1].track_running_stats


def test_a_batch_norm_that_is_mapped_over():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    with pytest.raises(RuntimeError):
        fnn.vmap(model)(jnp.asarray(X))
    func.replace_all_batch_norm_modules_(model)
    got = jax.jit(lambda x: fnn.vmap(model)(x))(jnp.asarray(X))
    for one, x in zip(got, X, strict=True):
        np.testing.assert_allclose(one, model(jnp.asarray(x)), rtol=1e-4, atol=1e-5)
    alone = func.replace_all_batch_norm_modules_(nn.BatchNorm1d(3))
    assert not alone.track_running_stats
