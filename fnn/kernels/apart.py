"""Keeps XLA from fusing a computation into what uses its result.

XLA's CPU backend computes an elementwise sum again in every loop that reads it, and `lax.optimization_barrier` is gone
before it fuses. A call that must not be inlined is a boundary that fusion does not cross.
"""

from collections.abc import Callable
from typing import Any

import jax
from jax.experimental.xla_metadata import set_xla_metadata


def call(run: Callable[..., Any], *operands: jax.Array) -> Any:
    """``run(*operands)``, an array or several, computed once."""
    return set_xla_metadata(jax.jit(run)(*operands), inlineable="false")
