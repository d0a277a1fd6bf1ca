"""Operations with primitives or reshapes of their own on explicit meshes, where the type says how an array is split."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from fnn import functional as F

OPERATIONS = {
    "batch_norm": lambda x: F.batch_norm(x, None, None, training=True),
    "layer_norm": lambda x: F.layer_norm(x, (4,)),
    "layer_norm over channels": lambda x: jnp.moveaxis(F.layer_norm(jnp.moveaxis(x, 1, -1), (6,)), -1, 1),
    "group_norm": lambda x: F.group_norm(x, 2),
    "instance_norm": lambda x: F.instance_norm(x),
    "max_pool2d": lambda x: F.max_pool2d(x, 4),
    "avg_pool2d": lambda x: F.avg_pool2d(x, 2),
    "conv2d": lambda x: F.conv2d(x, jnp.ones((3, 6, 3, 3))),
}


CASES = [
    pytest.param(name, spec, id=f"{name}-{which}")
    for name in OPERATIONS
    for which, spec in {"images": ("d",), "channels": (None, "d")}.items()
    if (name, which) != ("conv2d", "channels")  # a contraction over a split axis, for which JAX wants out_sharding
]


@pytest.mark.parametrize("name, spec", CASES)
def test_value_and_gradient(name, spec):
    x = jnp.asarray(np.random.default_rng(0).standard_normal((4, 6, 4, 4)), jnp.float32)
    operation = OPERATIONS[name]
    gradient = jax.grad(lambda x: jnp.sum(operation(x) ** 3))
    want = operation(x), gradient(x)
    mesh = jax.make_mesh((1,), ("d",), axis_types=(AxisType.Explicit,))
    with jax.set_mesh(mesh):
        x = jax.device_put(x, NamedSharding(mesh, PartitionSpec(*spec)))
        got = jax.jit(operation)(x), jax.jit(gradient)(x)
    assert jax.typeof(got[1]) == jax.typeof(x)
    for one, other in zip(got, want, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
