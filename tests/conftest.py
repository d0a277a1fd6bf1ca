"""The strictest settings, for every test; see CONTRIBUTING.md."""

import os

# Before jax is imported: the suite is about values, not devices, and two workers share two cores.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
# The numbers matter, not the speed of the programs: without these two passes they compile five times as fast.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false")

import jax

jax.config.update("jax_numpy_rank_promotion", "raise")
