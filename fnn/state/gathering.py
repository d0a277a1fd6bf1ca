"""`gathered`: an array that is spread over devices, as a computation reads it; its gradient is spread where it is born.

Backward the sum over the devices and each device's cut of it follow each other at once.  Without that the cut is
anywhere before its last use: an optimizer with several moments reads the gradient several times, and the whole of it
would lie in memory until then, that of every parameter at a time.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
from jax.interpreters import ad, batching, mlir
from jax.sharding import NamedSharding

from fnn.kernels import apart
from fnn.tracing import Primitive

__all__ = ["gathered", "gathered_p"]

gathered_p = Primitive("fnn_gathered")


def gathered(value: Any, sharding: NamedSharding, read: NamedSharding, again: bool) -> Any:
    """The value under the sharding ``read``.

    Args:
        value: the array.
        sharding: its own, to which its gradient goes.
        read: the sharding that a computation sees.
        again: whether a backward pass does this again, and nothing is kept for it (`fnn.func._regathering`).
    """
    return gathered_p.bind(value, sharding=sharding, read=read, again=again)


def _constrained(value: Any, *, sharding: NamedSharding, read: NamedSharding, again: bool) -> Any:
    del sharding, again
    return jax.lax.with_sharding_constraint(value, read)


def _cut(whole: Any, sharding: NamedSharding, read: NamedSharding) -> Any:
    # First the whole sum: were only its parts asked for, they would be spread over what is summed, too.
    parts = jax.lax.with_sharding_constraint(jax.lax.with_sharding_constraint(whole, read), sharding)
    if any(device.platform != "cpu" for device in read.device_set):
        return parts  # adds up and cuts in one operation
    return apart.call(_same, parts)  # else XLA cuts in each loop that reads a part


def _same(value: jax.Array) -> jax.Array:
    return value


def _transposed(cotangent: Any, value: Any, *, sharding: NamedSharding, read: NamedSharding, again: bool) -> list[Any]:
    del value, again
    return [cotangent if type(cotangent) is ad.Zero else _cut(cotangent, sharding, read)]


def _batched(values: Any, dims: Any, **params: Any) -> Any:
    run = functools.partial(_constrained, **params)
    return jax.vmap(run, in_axes=dims, out_axes=dims[0])(*values), dims[0]


gathered_p.def_impl(_constrained)
gathered_p.def_abstract_eval(lambda value, **params: value)
ad.deflinear2(gathered_p, _transposed)
batching.primitive_batchers[gathered_p] = _batched
mlir.register_lowering(gathered_p, mlir.lower_fun(_constrained, multiple_results=False))
