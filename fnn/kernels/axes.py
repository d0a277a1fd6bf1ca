"""Which axes a reduction keeps, and operands that carry a batch in front: the batching rules of the primitives."""

from collections.abc import Sequence

import jax
from jax import lax


def others(rank: int, axes: Sequence[int]) -> tuple[int, ...]:
    """The axes of an array of ``rank`` dimensions that are not among ``axes``."""
    return tuple(i for i in range(rank) if i not in axes)


def at_front(args: Sequence[jax.Array], dims: Sequence[int | None]) -> list[jax.Array]:
    """The operands of a batching rule with their batch as the first axis; those that have none are repeated."""
    size = next(a.shape[d] for a, d in zip(args, dims, strict=True) if d is not None)
    return [
        lax.broadcast(a, (size,)) if d is None else lax.transpose(a, (d, *others(a.ndim, (d,))))
        for a, d in zip(args, dims, strict=True)
    ]
