"""The states of a metric: how two of them are put together, and what a list may hold.

Counts are integers of the index dtype: int32, or int64 in x64 mode.  A sum of counts stays at the largest number,
2^31 - 1 or 2^63 - 1, instead of wrapping round, and a metric whose result needs such a count says so outside of
compiled steps.  Sums of float32 numbers are exact as long as they are integers below 2^24; beyond, each addition
rounds to 24 bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import SupportsIndex, TypeAlias

import jax.numpy as jnp
import numpy as np

from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.tracing import Tracer, concrete
from fnn.typing import Array, ArrayLike

State: TypeAlias = "Array | list[Array]"
Reduction: TypeAlias = "str | Callable[[Array], Array] | None"

GROWS = (
    "{metric}: its state '{state}' is a list that grows with every update. A compiled step (fnn.jit, fnn.scan, "
    "jax.jit) can neither carry it nor give it a size; {instead}."
)
OUTSIDE = "call update outside of the compiled step, with the arrays that the step returns"


class Growing(list):
    """A state that is a list of arrays; it refuses traced ones.

    Args:
        metric: the name of the metric's class.
        state: the state's.
        instead: what the error advises.
    """

    def __init__(self, metric: str, state: str, instead: str, values: object = ()) -> None:
        super().__init__(values)  # pyright: ignore[reportArgumentType]
        self.told = {"metric": metric, "state": state, "instead": instead}

    def append(self, value: Array) -> None:
        """Appends a value that is no traced one."""
        self._check(value)
        super().append(value)

    def extend(self, values: object) -> None:
        """Appends several."""
        for value in list(values):  # pyright: ignore[reportArgumentType]
            self.append(value)

    def insert(self, index: SupportsIndex, value: Array) -> None:
        """Inserts a value that is no traced one."""
        self._check(value)
        super().insert(index, value)

    def _check(self, value: object) -> None:
        if isinstance(value, Tracer):
            raise ArgumentError(GROWS.format(**self.told))

    def __reduce__(self) -> tuple[object, ...]:
        return Growing, (*self.told.values(), list(self))


def summed(a: Array, b: ArrayLike) -> Array:
    """``a + b``; integers stay at the largest of their dtype instead of wrapping round."""
    b = to_array(b)
    total = a + b
    if not jnp.issubdtype(total.dtype, jnp.integer):
        return total
    return jnp.where((total < jnp.broadcast_to(a, total.shape)) & (b >= 0), jnp.iinfo(total.dtype).max, total)


def full(count: Array) -> bool:
    """Whether a count has surely reached the largest number of its dtype; False while it is traced."""
    values = concrete(count)
    if values is None or values.dtype.kind not in "iu":
        return False
    return bool((values == np.iinfo(values.dtype).max).any())


def joined(values: State) -> Array:
    """The arrays of a list one after the other, scalars as vectors of one element."""
    if not isinstance(values, list):
        return jnp.asarray(values)
    if not values:
        raise ArgumentError("No samples to concatenate")
    return jnp.concatenate([jnp.atleast_1d(value) for value in values])


def merged(before: State, now: State, reduction: Reduction, updates: ArrayLike) -> State:
    """The state of all batches from that before this batch and that of this batch.

    Args:
        before: see above.
        now: see above.
        reduction: ``dist_reduce_fx`` of `Metric.add_state`.
        updates: how many batches there were, this one included.
    """
    if isinstance(before, list) or isinstance(now, list):
        lists = [value if isinstance(value, list) else [value] for value in (before, now)]
        return [*lists[0], *lists[1]]
    if reduction == "sum":
        return summed(before, now)
    if reduction == "mean":
        return ((to_array(updates) - 1) * before + now) / to_array(updates)
    if reduction == "max":
        return jnp.maximum(before, now)
    if reduction == "min":
        return jnp.minimum(before, now)
    if reduction == "cat":
        return jnp.concatenate([before, now])
    stacked = jnp.stack([before, now])
    return reduction(stacked) if callable(reduction) else stacked
