"""The frame of the rules that treat each parameter, and each of its real numbers, alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, Self, TypeAlias, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from fnn.optim._tree import Leaves, promoting
from fnn.typing import PyTree

__all__ = ["Changed", "Slots", "Vectors", "elementwise", "joined", "planes", "wide"]

# What the state holds of one parameter, by name.
Slots: TypeAlias = Mapping[str, jax.Array]
# The scalars of a step, each a vector with one entry a parameter, and the state's own vectors after it, by name.
Vectors: TypeAlias = tuple[tuple[jax.Array, ...], dict[str, jax.Array]]
# The change of a parameter, and what the state holds of it afterwards.
Changed: TypeAlias = tuple[jax.Array, dict[str, jax.Array]]


class NamedState(Protocol):
    """A NamedTuple."""

    def _asdict(self) -> dict[str, Any]: ...

    def _replace(self, **kwargs: Any) -> Self: ...


S = TypeVar("S", bound=NamedState)


def planes(x: jax.Array) -> jax.Array:
    """A complex array as a real one with a last axis of two, as PyTorch's optimizers see it; others as they are."""
    return jnp.stack([x.real, x.imag], -1) if jnp.iscomplexobj(x) else x


def joined(x: jax.Array, dtype: jnp.dtype) -> jax.Array:
    """The inverse of `planes`, in ``dtype``."""
    return lax.complex(x[..., 0], x[..., 1]).astype(dtype) if jnp.issubdtype(dtype, jnp.complexfloating) else (
        x.astype(dtype)
    )  # fmt: skip


def elementwise(
    what: str,
    init: optax.TransformInitFn,
    vectors: Callable[[S, np.ndarray], Vectors],
    rule: Callable[..., Changed],
    maximize: bool,
) -> optax.GradientTransformation:
    """A transformation from a rule for one real parameter.

    Args:
        what: the transformation's name, for errors.
        init: makes the state: a named tuple of trees like the parameters, of vectors with one entry a parameter (those
            that ``vectors`` returns), and of None for what is not kept.
        vectors: ``vectors(state, present)``: the scalars of this step and the new vectors of the state; ``present``
            says which parameters have a gradient.
        rule: ``rule(p, g, slots, *scalars)``: the update of one parameter.
        maximize: whether to negate the gradients.
    """

    def update(updates: PyTree, state: S, params: PyTree = None) -> tuple[PyTree, S]:
        leaves = Leaves(updates, params, what)
        scalars, moved = vectors(state, leaves.present)
        fields = state._asdict()
        slots = {k: leaves.slot(v) for k, v in fields.items() if v is not None and k not in moved}
        changes: list[jax.Array] = []
        for i, (p, g) in enumerate(zip(leaves.params, leaves.grads, strict=True)):
            if g is None:
                changes.append(jnp.zeros_like(p))
                continue
            g = planes(g.astype(p.dtype))
            held = {k: planes(v[i]) for k, v in slots.items()}
            # Of a half-precision parameter the scalars stay in float32, as PyTorch's do.
            wide = jnp.promote_types(p.real.dtype, jnp.float32)
            own = [s[i].astype(wide) for s in scalars]
            change, after = rule(planes(p), -g if maximize else g, held, *own)
            for k, v in after.items():
                slots[k][i] = joined(v, slots[k][i].dtype)
            changes.append(joined(change, p.dtype))
        built = {k: leaves.build(v) for k, v in slots.items()}
        return leaves.build(changes), state._replace(**built, **moved)

    return optax.GradientTransformation(init, promoting(update))


def wide(step: jax.Array) -> jax.Array:
    """The step counts in the widest float JAX has."""
    return step.astype(jnp.result_type(float))
