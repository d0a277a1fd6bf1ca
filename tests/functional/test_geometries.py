"""No geometry of a convolution, pooling or folding ends the process; all are PyTorch's in values and gradients.

What the compiler dies of takes the process along, so the cases run in child processes.
"""

import math
import os
import re
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.kernels.cpu_convolution import _definition, geometry
from tests import extent

pytest.importorskip("torch")

EACH = 11  # cases of a child, one of each family; every seed after these is another case
CHILDREN = 60 if extent.ALL else 1
OPTIMISED = ["", os.environ.get("XLA_FLAGS", "")] if extent.ALL else [os.environ.get("XLA_FLAGS", "")]
MODES = ["usual", "engine", "definition"]


def child(*arguments: str, flags: str) -> None:
    env = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    root = Path(__file__).parents[2]
    command = [sys.executable, *arguments]
    result = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=1800)
    announced = result.stdout.splitlines()[-1:]
    assert result.returncode == 0, f"exit status {result.returncode} after {announced}: {result.stderr[:2000]}"


@pytest.mark.parametrize("flags", OPTIMISED, ids=["flags" if f else "default" for f in OPTIMISED])
@pytest.mark.parametrize("number", range(CHILDREN))
@pytest.mark.parametrize("mode", MODES)
def test_random_cases(mode, number, flags):
    first = (len(MODES) * number + MODES.index(mode)) * EACH
    child("-m", "tests.functional.geometries_run", mode, str(first), str(EACH), flags=flags)


# XLA 0.10 ends the process on each of these as JAX writes them; see `_definition._taken_for_groups`.
FATAL = [
    geometry((6, 7), (2, 3), (2, 3), [(1, 1), (1, 1)], (1, 2), 1),
    geometry((6, 7, 9), (2, 4, 3), (2, 2, 3), [(1, 1), (1, 1), (1, 1)], (1, 2, 2), 1),
    geometry((4, 5, 5), (2, 3, 1), (2, 1, 3), [(1, 1), (0, 2), (0, 0)], (1, 3, 1), 3),  # in float64 alone
]
GRADIENT = """
import jax, sys
import jax.numpy as jnp
from fnn.kernels.cpu_convolution import _definition
from tests.functional.test_geometries import FATAL
jax.config.update("jax_enable_x64", True)
for g in FATAL:
    for dtype in ("float32", "float64", "bfloat16"):
        print(g, dtype, flush=True)
        y, w = jnp.ones((3, 2 * g.groups, *g.out), dtype), jnp.ones((2 * g.groups, 1, *g.kernel), dtype)
        jax.jit(_definition.input_gradient, static_argnums=2)(y, w, g)
"""


@pytest.mark.parametrize("flags", OPTIMISED, ids=["flags" if f else "default" for f in OPTIMISED])
def test_fatal_windows(flags):
    child("-c", GRADIENT, flags=flags)


@pytest.mark.parametrize("g", FATAL, ids=range(len(FATAL)))
def test_a_mended_window_is_the_adjoint(g):
    """Of the matrix that the convolution is, whose rows are the convolved pictures of one element."""
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        y, w = rng.standard_normal((3, 2 * g.groups, *g.out)), rng.standard_normal((2 * g.groups, 2, *g.kernel))
        pixels = jnp.eye(2 * g.groups * math.prod(g.size)).reshape(-1, 2 * g.groups, *g.size)
        matrix = np.asarray(_definition.forward(pixels, jnp.asarray(w), g)).reshape(len(pixels), -1)
        got = _definition.input_gradient(jnp.asarray(y), jnp.asarray(w), g)
    np.testing.assert_allclose(got.reshape(3, -1), y.reshape(3, -1) @ matrix.T, rtol=1e-10, atol=1e-10)


def test_ordinary_windows_are_left_alone():
    for g in (
        geometry((8, 8), (2, 2), (2, 2), [(0, 0), (0, 0)], (1, 1), 1),
        geometry((8, 8), (3, 3), (2, 2), [(1, 1), (1, 1)], (1, 1), 1),
    ):
        y, w = jnp.ones((1, 1, *g.out)), jnp.ones((1, 1, *g.kernel))
        text = str(jax.make_jaxpr(lambda y, w, g=g: _definition.input_gradient(y, w, g))(y, w))
        assert not re.search(r"\bpad\[", text)
