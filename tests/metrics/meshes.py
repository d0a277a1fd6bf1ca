"""A process on eight host devices: metrics of a batch split over them are those of the batch on one.

``python -m tests.metrics.meshes``; a difference or an error is an ordinary exception.
"""

import os

os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8"

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

import fnn
from fnn import metrics

RNG = np.random.default_rng(0)
ROWS = NamedSharding(jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,)), PartitionSpec("data"))
SCORES, TARGET = RNG.standard_normal((2, 16, 4)).astype(np.float32), RNG.integers(0, 4, (2, 16))
METRICS = (
    lambda: metrics.MulticlassAccuracy(4),
    lambda: metrics.MulticlassConfusionMatrix(4, ignore_index=1),
    lambda: metrics.MulticlassAUROC(4, thresholds=11),
    lambda: metrics.MulticlassAUROC(4),
)


def check(one: metrics.Metric, eager: metrics.Metric, compiled: metrics.Metric) -> None:
    """Updates in a compiled step and outside, and once more after a reset.

    One program for states that lie on one device, as at first, and one for states that lie on all.
    """
    traced = []

    def step(metric: metrics.Metric, x: jax.Array, y: jax.Array) -> jax.Array:
        traced.append(1)
        return metric(x, y)

    grows = one.metric_state.get("preds") == []  # a list, which no compiled step can hold
    jitted = step if grows else fnn.jit(step)
    for _ in range(2):
        for x, y in zip(SCORES, TARGET, strict=True):
            split = jax.device_put(x, ROWS), jax.device_put(y, ROWS)
            want = one(jnp.asarray(x), jnp.asarray(y))
            np.testing.assert_allclose(jitted(compiled, *split), want, rtol=1e-6)
            eager.update(*split)
        for metric in (eager, compiled):
            np.testing.assert_allclose(metric.compute(), one.compute(), rtol=1e-6)
        for metric in (one, eager, compiled):
            metric.reset()
    assert grows or len(traced) <= 2, len(traced)


if __name__ == "__main__":
    for make in METRICS:
        check(make(), make(), make())
        print(type(make()).__name__)
    # On an explicit mesh, JAX's default, a state that was made before the mesh was set takes part in it.
    explicit = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Explicit,))
    for make in METRICS[:2]:
        one, metric = make(), make()
        for x, y in zip(SCORES, TARGET, strict=True):
            one.update(jnp.asarray(x), jnp.asarray(y))
        with jax.set_mesh(explicit):
            rows = NamedSharding(explicit, PartitionSpec("data"))
            update = fnn.jit(lambda metric, x, y: metric.update(x, y))
            for step, x, y in zip((type(metric).update, update), SCORES, TARGET, strict=True):
                step(metric, jax.device_put(x, rows), jax.device_put(y, rows))
            np.testing.assert_allclose(metric.compute(), one.compute(), rtol=1e-6)
        print("explicit", type(one).__name__)
    error = metrics.MeanSquaredError()
    error.update(jax.device_put(SCORES[0], ROWS), jax.device_put(SCORES[1], ROWS))
    np.testing.assert_allclose(error.compute(), ((SCORES[0] - SCORES[1]) ** 2).mean(), rtol=1e-6)
