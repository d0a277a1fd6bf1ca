"""`Layout`: how the array of a box is spread over the devices of a mesh, and stays so.

A box that has one keeps it: what is written to the box is placed accordingly, by an eager write at once, by a compiled
step through a constraint on its output.  A read inside a scope gives the array with the axes of the batch gathered:
every device then holds the weight that it needs for its rows, and no activation has to move.  The adjoint of the
gathering spreads the gradient again.  Where there is no layout nothing happens at all.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec, Sharding

from fnn.state.gathering import gathered
from fnn.tracing import Tracer

__all__ = ["Layout", "placed", "sparing", "spread"]

# XLA for CPUs runs first what depends on nothing, so that all weights are gathered at the beginning, and adds up all
# gradients in one go at the end, for which it holds each of them whole.  With these a program gathers a weight where
# it is used and lets go of it, as programs for accelerators do.
_SPARING: tuple[dict[str, Any], ...] = (
    {"xla_cpu_scheduler_type": "CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED"},
    {"xla_cpu_enable_concurrency_optimized_scheduler": False},  # the same, before there was a type
    {"xla_disable_hlo_passes": "cpu-all-reduce-combiner"},
)


@dataclass(frozen=True)
class Layout:
    """Where an array is, and how a computation reads it.

    Args:
        sharding: the array's own.
        read: the sharding that a computation sees; None if it is the same.
        again: whether a backward pass gathers it once more, instead of keeping what the forward pass has gathered.
    """

    sharding: NamedSharding
    read: NamedSharding | None = None
    again: bool = True

    def gathered(self, value: Any) -> Any:
        """The value as a computation reads it."""
        if self.read is None or value is None or value.ndim != len(self.read.spec):
            return value
        return gathered(value, self.sharding, self.read, self.again)

    @property
    def regathers(self) -> bool:
        """Whether a backward pass gathers the array again."""
        return self.read is not None and self.again

    @property
    def everywhere(self) -> Layout:
        """The layout of an array that each device of the same mesh holds whole."""
        return Layout(NamedSharding(self.sharding.mesh, PartitionSpec()))

    def __deepcopy__(self, memo: dict[int, object]) -> Layout:
        return self  # devices cannot be copied


def placed(value: Any, sharding: Sharding) -> Any:
    """A concrete array with this sharding; in a job of several processes every one gives the whole array."""
    if isinstance(value, jax.Array) and value.sharding == sharding:
        return value
    if sharding.is_fully_addressable:
        return jax.device_put(value, sharding)
    if isinstance(value, jax.Array) and not value.is_fully_addressable:
        return jax.jit(lambda x: x, out_shardings=sharding)(value)
    host = np.asarray(value)
    return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])


def spread(value: Any, layout: Layout | None) -> Any:
    """What a box with this layout stores, for a value that is written to it."""
    if layout is None or value is None or not isinstance(value, (jax.Array, np.ndarray)):
        return value
    if isinstance(value, Tracer):
        return jax.lax.with_sharding_constraint(value, layout.sharding)
    return placed(value, layout.sharding)


def sparing(layouts: Iterable[Layout | None]) -> dict[str, Any]:
    """What a program is compiled with that reads boxes of these layouts; ``{}`` where nothing is gathered.

    Args:
        layouts: of the boxes that it reads.

    Returns:
        Options of XLA, by name.
    """
    read = next((layout.read for layout in layouts if layout is not None and layout.read is not None), None)
    if read is None or read.mesh.size == 1:
        return {}
    return dict(_known_options()) if all(device.platform == "cpu" for device in read.device_set) else {}


@functools.cache
def _known_options() -> dict[str, Any]:
    known: dict[str, Any] = {}
    for option in _SPARING:
        with contextlib.suppress(jax.errors.JaxRuntimeError):  # "No such compile option", in another version
            jax.jit(jnp.negative, backend="cpu", compiler_options=option).lower(0.0).compile()
            known |= option
    return known
