"""Which results of a function depend on which of its arguments, as far as a derivative reaches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from jax.tree_util import tree_leaves

from fnn.func._carry import Rehearsal
from fnn.func.losses import reaches

__all__ = ["dependence"]


def dependence(function: Callable[..., Any], *args: jax.Array) -> list[list[bool]]:
    """For each result whether it depends on each of ``args``; the function is traced, and changes nothing.

    Example:
        >>> import jax.numpy as jnp
        >>> dependence(lambda x, y: (x * y, jnp.floor(x) + y), jnp.ones(2), jnp.ones(2))
        [[True, True], [True, True]]
        >>> dependence(lambda x, y: (x, jnp.ones(3)), jnp.ones(2), jnp.ones(2))
        [[True, False], [False, False]]
    """
    table: list[list[bool]] = []

    def traced(*args: jax.Array) -> Any:
        out = function(*args)
        table[:] = reaches(tree_leaves(out), args)
        return out

    Rehearsal("dependence").run(traced, *args)
    return table
