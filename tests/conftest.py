"""The strictest settings, for every test; see CONTRIBUTING.md."""

import gc
import os
import sys

from xla_flags import quick_compilation

# Before jax is imported: the suite is about values, not devices, and two workers share two cores.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
if "XLA_FLAGS" not in os.environ:  # once for all workers, which inherit it
    os.environ["XLA_FLAGS"] = quick_compilation()

import jax
import pytest

from fnn import random
from tests import extent

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_traceback_in_locations_limit", 0)  # an eighth of what lowering takes


@pytest.fixture(autouse=True)
def _seeded():
    """The same numbers for a test, whichever ran before it."""
    random.manual_seed(0)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what `extent.THINNED` says; tests that are named one by one are all run."""
    for item in items:
        if "/explain/" not in item.nodeid:  # many tests make fnn.jit compile again and again: that is what they test
            item.add_marker(pytest.mark.filterwarnings("ignore::fnn.errors.RecompileWarning"))
    if any("::" in argument for argument in config.args):
        return
    kept = extent.thinned(item.nodeid.removeprefix("tests/") for item in items)
    config.hook.pytest_deselected(items=[item for item, keep in zip(items, kept, strict=True) if not keep])
    items[:] = [item for item, keep in zip(items, kept, strict=True) if keep]


def pytest_collection_finish() -> None:
    """What makes the whole suite quicker, once what it needs is imported."""
    if torch := sys.modules.get("torch"):
        # torch.manual_seed also notes a stack for each kind of device that may be used one day: 6 ms a call.
        torch.manual_seed = lambda seed: torch.default_generator.manual_seed(int(seed))
    # The modules of JAX and torch are never garbage; looking through them takes a fifth of a second each time.
    gc.freeze()
