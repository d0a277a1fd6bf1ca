"""What ``fnn.autograd.detect_anomaly`` asks: is there a NaN in the backward pass of a step, and where from?"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from fnn.explain._births import FINE, NAN, births_of, evaluated
from fnn.explain._nonfinite import told
from fnn.explain._program import Flat, Step, flattened, run
from fnn.func.inspection import Inspection, inspect

__all__ = ["backward_nan"]

# For each program whether its backward pass makes a NaN of some inputs, compiled.
_looks: weakref.WeakKeyDictionary[Any, tuple[Flat, Callable[..., jax.Array]]] = weakref.WeakKeyDictionary()


def backward_nan(step: Callable[..., Any], *args: Any, **kwargs: Any) -> str | None:
    """Where the first NaN in the backward pass of a step comes from; nothing is stored.

    Args:
        step: a function, under `fnn.jit` or not.
        *args: its arguments.
        **kwargs: likewise.

    Returns:
        The operation, its module and its line in words; None if no value of the backward pass is NaN, whether it
        reaches a result or not.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> slope = fnn.grad(lambda x: jnp.sqrt(x).sum() * 0)
        >>> fnn.explain.backward_nan(slope, jnp.ones(2)) is None
        True
        >>> print(fnn.explain.backward_nan(slope, jnp.zeros(2)).splitlines()[0])
        <lambda>: the backward pass returned nan values
    """
    found = inspect(step, args, kwargs, "explain.backward_nan")
    values = [entry.value for entry in found.inputs]
    if found.jaxpr not in _looks:
        flat = flattened(found.jaxpr, found.optimizers)
        _looks[found.jaxpr] = flat, jax.jit(lambda values: _any_nan(flat, values))
    flat, look = _looks[found.jaxpr]
    return _reported(found, flat, values) if bool(look(values)) else None


def _any_nan(flat: Flat, values: list[Any]) -> jax.Array:
    taken = [jnp.zeros((), bool)]

    def tap(step: Step, given: list[Any], results: list[Any]) -> None:
        if step.phase == "backward":
            taken.extend(jnp.isnan(x).any() for x in results if jnp.issubdtype(x.dtype, jnp.inexact))

    run(flat, values, tap)
    return jnp.stack(taken).any()


def _reported(found: Inspection, flat: Flat, values: list[Any]) -> str:
    flags, _, _ = evaluated(flat, values)
    first = next(
        (s for s in flat.steps if s.phase == "backward" and any(flags.get(out, FINE)[NAN] for out in s.outs)), None
    )
    text = f"{found.name}: the backward pass returned nan values"
    if first is None:  # it came and went with the rounding of the two programs
        return text
    births = births_of(flat, values, flags, list(first.outs))
    return "\n".join([text, *(told(birth)[0] for birth in births)])
