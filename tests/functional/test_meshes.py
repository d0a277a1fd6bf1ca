"""Operations on meshes of devices, explicit ones too, where the type says how an array is split.

`meshes.py` has the table of operations and runs it in a process of eight devices. What it leaves out is out of jnp's
reach as well: indexing with split indices, for which JAX asks the caller for ``out_sharding`` (`embedding`,
`embedding_bag`, `pdist`, `ctc_loss`, and class weights in `cross_entropy` and `nll_loss`); and `max_unpool`, which is
one flat scatter over all images.
"""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from fnn import functional as F
from tests import extent

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


# one operation of each kind: selection by a mask, by a constant, a class, an index, a table; bins, a primitive
USUAL = [
    *("relu6", "hardtanh", "dropout", "cross_entropy", "kl_div", "causal attention"),
    *("adaptive_avg_pool2d", "adaptive_avg_pool2d of unequal bins", "interpolate bilinear", "conv2d"),
]


@pytest.mark.parametrize(
    "arguments",
    [
        ["operations", *([] if extent.ALL else USUAL)],
        ["batch_norms"],
        ["data_parallel"],
        *(
            ["convolutions", lowering, str(first), "6"]
            for lowering in ("cpu", "accelerator")
            for first in range(0, 60 if extent.ALL else 6, 6)
        ),
    ],
    ids=lambda a: "-".join(a[:3]),
)
def test_eight_devices(arguments):
    command = [sys.executable, "-m", "tests.functional.meshes", *arguments]
    env = os.environ | {"JAX_PLATFORMS": "cpu"}
    root = Path(__file__).parents[2]
    result = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=1800)
    assert result.returncode == 0, f"after {result.stdout.splitlines()[-1:]}: {result.stderr[-3000:]}"
