"""Constructing modules compiles nothing and traces nothing."""

import subprocess
import sys

import pytest

SCRIPT = """
import jax

events = []
jax.monitoring.register_event_duration_secs_listener(lambda event, duration, **_: events.append(event))

import fnn
from fnn import nn

fnn.manual_seed(0)
{statement}
compiled = [event for event in events if "compile" in event or "trace" in event or "lower" in event]
assert not compiled, compiled
"""

# Every initialiser that a layer uses, and a copy and an optimizer of what was made.
STATEMENTS = {
    "layers": """
nn.Sequential(
    nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.ConvTranspose2d(8, 4, 2), nn.GroupNorm(2, 4), nn.Dropout(),
    nn.InstanceNorm2d(4, affine=True, track_running_stats=True), nn.PReLU(), nn.Flatten(), nn.Linear(16, 4),
    nn.Bilinear(4, 4, 2, bias=False), nn.Embedding(20, 4, padding_idx=0), nn.EmbeddingBag(20, 4), nn.LayerNorm(4),
    nn.RMSNorm(4), nn.MultiheadAttention(4, 2, add_bias_kv=True), nn.AdaptiveLogSoftmaxWithLoss(4, 9, [2, 5]),
)""",
    "other dtypes and values": """
import jax.numpy as jnp, numpy as np
nn.Linear(4, 40, dtype=jnp.bfloat16); nn.Embedding(4, 40, dtype=jnp.float16); nn.Parameter(np.ones(3))""",
    "initialisers": """
layer = nn.Linear(20, 30)
for name in ("uniform_", "normal_", "xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_"):
    getattr(nn.init, name)(layer.weight)
nn.init.trunc_normal_(layer.weight)
nn.init.orthogonal_(layer.weight)
nn.init.zeros_(layer.bias)
nn.init.constant_(layer.bias, 0.5)""",
    "the state of a rule": """
from fnn import optim
optim.sgd(momentum=0.9).init([p.data for p in nn.Linear(20, 30).parameters()])""",
}  # fmt: skip


@pytest.mark.parametrize("what", STATEMENTS)
def test_construction_compiles_nothing(what):
    """In a process of its own, in which nothing has been compiled before."""
    code = SCRIPT.format(statement=STATEMENTS[what])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr


def test_the_listener_would_notice():
    code = SCRIPT.format(statement="nn.Linear(2, 2)(jax.numpy.ones(2))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode != 0 and "AssertionError" in done.stderr and "compile" in done.stderr
