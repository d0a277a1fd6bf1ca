"""The strictest settings, for every test; see CONTRIBUTING.md."""

import os

# Before jax is imported: the suite is about values, not devices, and two workers share two cores.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
# The numbers matter, not the speed of the programs: without these two passes they compile five times as fast.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false")

import jax
import pytest

from fnn import random

jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(autouse=True)
def _seeded():
    """The same numbers for a test, whichever ran before it."""
    random.manual_seed(0)
