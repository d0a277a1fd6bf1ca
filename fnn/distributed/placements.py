"""``torch.distributed.tensor``'s placements, in which ported scripts say how arrays are spread over a mesh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from fnn.distributed.meshes import batch_sharding, size_of
from fnn.errors import ArgumentError
from fnn.tracing import Tracer

__all__ = ["Partial", "Placement", "Replicate", "Shard", "constrained"]


class Placement:
    """How an array is spread over one axis of a mesh.

    Example:
        >>> from fnn.distributed import tensor
        >>> placement: tensor.Placement = tensor.Shard(0)
        >>> placement.is_shard(), placement.is_shard(1), placement.is_replicate()
        (True, False, False)
    """

    def is_shard(self, dim: int | None = None) -> bool:
        """Whether it is a `Shard`, of this dimension if one is given."""
        return isinstance(self, Shard) and (dim is None or self.dim == dim)

    def is_replicate(self) -> bool:
        """Whether it is `Replicate`."""
        return isinstance(self, Replicate)

    def is_partial(self, reduce_op: str | None = None) -> bool:
        """Whether it is `Partial`, with this operation if one is given."""
        return isinstance(self, Partial) and reduce_op in (None, self.reduce_op)


@dataclass(frozen=True)
class Shard(Placement):
    """One dimension is spread over the axis.

    Args:
        dim: which; from the end if negative.

    Example:
        >>> import fnn
        >>> fnn.distributed.tensor.Shard(-1)
        Shard(dim=-1)
    """

    dim: int


@dataclass(frozen=True)
class Replicate(Placement):
    """Each device of the axis holds the whole.

    Example:
        >>> import fnn
        >>> fnn.distributed.tensor.Replicate()
        Replicate()
    """


@dataclass(frozen=True)
class Partial(Placement):
    """Each device holds a summand: what arrays of JAX never are, whose values are those of the whole.

    Args:
        reduce_op: how they are combined.

    Example:
        >>> import fnn
        >>> fnn.distributed.tensor.Partial()
        Partial(reduce_op='sum')
    """

    reduce_op: str = "sum"


def constrained(value: Any, placement: Placement | None, mesh: Mesh, axis: str, where: str) -> Any:
    """A value in a compiled step, spread as said; rows stay where the batch is.  Other values are handed back.

    Args:
        value: an array; only a traced one is moved.
        placement: of the array over ``axis``; None leaves it.
        mesh: the mesh.
        axis: the axis that is meant.
        where: the caller, for messages.
    """
    if placement is None or not isinstance(value, Tracer) or value.ndim == 0:
        return value
    if isinstance(placement, Partial):
        raise ArgumentError(f"{where}: Partial() has no meaning here: the value of an array is that of the whole")
    spec = list(batch_sharding(mesh, value.shape, sequence_dim=value.ndim).spec)
    parts: list[Any] = spec + [None] * (value.ndim - len(spec))
    if isinstance(placement, Shard):
        if not -value.ndim <= placement.dim < value.ndim:
            raise ArgumentError(f"{where}: Shard({placement.dim}) of an array of shape {value.shape}")
        dim = placement.dim % value.ndim
        held = parts[dim]
        axes = (axis,) if held is None else (*((held,) if isinstance(held, str) else held), axis)
        if value.shape[dim] % size_of(mesh, axes) == 0:
            parts[dim] = axes[0] if len(axes) == 1 else axes
    return jax.lax.with_sharding_constraint(value, NamedSharding(mesh, PartitionSpec(*parts)))
