"""The masks of attention: additive ones, the causal one, and padding at the end of a sequence.

S is the length of a sequence, N the batch.
"""

from __future__ import annotations

import warnings
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.dtypes import is_floating, to_array
from fnn.errors import ArgumentError
from fnn.tracing import concrete
from fnn.typing import ArrayLike, DType


class AttentionError(ArgumentError, AssertionError):
    """A bad argument where PyTorch asserts."""


def additive_mask(
    mask: ArrayLike | None,
    name: str,
    dtype: DType,
    where: str,
    other: jax.Array | None = None,
    other_name: str = "attn_mask",
) -> jax.Array | None:
    """A mask as what is added to the scores: minus infinity where a boolean one is True.

    Args:
        mask: booleans, floats or None.
        name: the argument's.
        dtype: that of a boolean mask's result.
        where: how the error begins: the function or layer, a colon and a space.
        other: the mask of scores that a padding mask comes with, which should have its dtype.
        other_name: the other's name.

    Raises:
        AttentionError: neither booleans nor floats.
    """
    if mask is None:
        return None
    m = to_array(mask, name, where)
    if m.dtype != jnp.bool_ and not is_floating(m):
        raise AttentionError(f"{where}only bool and floating types of {name} are supported, got {m.dtype}")
    if other is not None and other.dtype != m.dtype:
        warnings.warn(
            f"Support for mismatched {name} and {other_name} is deprecated. Use same type for both instead.",
            stacklevel=3,
        )
    if m.dtype != jnp.bool_:
        return m
    return lax.select(m, lax.full(m.shape, -jnp.inf, dtype), lax.full(m.shape, 0, dtype))


def causal_mask(size: int, dtype: DType, xp: ModuleType = jnp) -> jax.Array:
    """(size, size): minus infinity above the diagonal, zeros elsewhere; of booleans True above it.

    Args:
        size: S.
        dtype: of the result.
        xp: numpy or jax.numpy.
    """
    return xp.triu(xp.full((size, size), -np.inf, dtype), 1)


def is_causal_mask(mask: ArrayLike | None, size: int) -> bool:
    """Whether a mask certainly is ``causal_mask(size)``: a traced one has no values yet, and is not known to be.

    Args:
        mask: booleans, floats or None.
        size: S.
    """
    if mask is None:
        return False
    values = concrete(to_array(mask, "mask"))
    return (
        values is not None
        and values.shape == (size, size)
        and np.array_equal(values, causal_mask(size, values.dtype, np))
    )


def padding_at_the_end(padding: jax.Array) -> tuple[jax.Array, jax.Array]:
    """As many padded positions as there are, but at the end of each sequence; and whether that changes nothing.

    Args:
        padding: (N, S), additive: minus infinity where padded.

    Returns:
        (N, S) booleans, True where padded, and one boolean, which is False also where a finite number is added.
    """
    padded = padding == -jnp.inf
    kept = jnp.sum(~padded, axis=1, keepdims=True, dtype=np.int32)
    tail = lax.broadcasted_iota(np.int32, padded.shape, 1) >= jnp.broadcast_to(kept, padded.shape)
    return tail, jnp.all((tail == padded) & (padded | (padding == 0)))
