"""A process on eight host devices: metrics of a batch split over them are those of the batch on one.

``python -m tests.metrics.meshes``; a difference or an error is an ordinary exception.
"""

import os

os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8"

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

import fnn
from fnn import metrics

RNG = np.random.default_rng(0)


def main() -> None:
    """Updates in compiled steps and outside, reset, and no second program."""
    mesh = jax.make_mesh((8,), ("data",))
    rows = NamedSharding(mesh, PartitionSpec("data"))
    scores, target = RNG.standard_normal((3, 16, 4)).astype(np.float32), RNG.integers(0, 4, (3, 16))
    for make in (
        lambda: metrics.MulticlassAccuracy(4),
        lambda: metrics.MulticlassAccuracy(4, top_k=2, average="micro"),
        lambda: metrics.MulticlassConfusionMatrix(4, ignore_index=1),
        lambda: metrics.MulticlassAUROC(4, thresholds=11),
        lambda: metrics.MulticlassAUROC(4),
    ):
        one, eager, compiled = make(), make(), make()
        traced = []

        def step(metric, x, y, traced=traced):
            traced.append(1)
            return metric(x, y)

        jitted = (
            fnn.jit(step) if "thresholds=None" not in repr(one) and not one.metric_state.get("preds") == [] else step
        )
        for _ in range(2):
            for x, y in zip(scores, target, strict=True):
                sx, sy = jax.device_put(x, rows), jax.device_put(y, rows)
                want = one(jnp.asarray(x), jnp.asarray(y))
                np.testing.assert_allclose(jitted(compiled, sx, sy), want, rtol=1e-6)
                eager.update(sx, sy)
            for metric in (eager, compiled):
                np.testing.assert_allclose(metric.compute(), one.compute(), rtol=1e-6)
            for metric in (one, eager, compiled):
                metric.reset()
        assert jitted is step or len(traced) == 1, len(traced)
        print(type(one).__name__)
    mean = metrics.MeanSquaredError()
    mean.update(jax.device_put(scores[0], rows), jax.device_put(scores[1], rows))
    np.testing.assert_allclose(mean.compute(), ((scores[0] - scores[1]) ** 2).mean(), rtol=1e-6)


if __name__ == "__main__":
    main()
