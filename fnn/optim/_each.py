"""The frame of the rules that treat each parameter, and each of its real numbers, alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import optax
from jax import lax

from fnn.optim._tree import Leaves, promoting

# vectors(state, present) -> (scalars of this step, one entry a parameter; the state's vectors after it, by name)
Vectors = Callable[[Any, Any], tuple[tuple[Any, ...], dict[str, Any]]]
# rule(p, g, slots, *scalars) -> (change of p, the new slots)
Rule = Callable[..., tuple[Any, dict[str, Any]]]


def planes(x: Any) -> Any:
    """A complex array as a real one with a last axis of two, as PyTorch's optimizers see it; others as they are."""
    return jnp.stack([x.real, x.imag], -1) if jnp.iscomplexobj(x) else x


def joined(x: Any, dtype: Any) -> Any:
    """The inverse of `planes`, in ``dtype``."""
    return lax.complex(x[..., 0], x[..., 1]).astype(dtype) if jnp.issubdtype(dtype, jnp.complexfloating) else (
        x.astype(dtype)
    )  # fmt: skip


def elementwise(what: str, init: Any, vectors: Vectors, rule: Rule, maximize: bool) -> optax.GradientTransformation:
    """A transformation from a rule for one real parameter.

    Args:
        what: the transformation's name, for errors.
        init: makes the state: a named tuple of trees like the parameters, of vectors with one entry a parameter (those
            that ``vectors`` returns), and of None for what is not kept.
        vectors: the scalars of this step and the new vectors of the state.
        rule: the update of one parameter.
        maximize: whether to negate the gradients.
    """

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        leaves = Leaves(updates, params, what)
        scalars, moved = vectors(state, leaves.present)
        fields = state._asdict()
        slots = {k: leaves.slot(v) for k, v in fields.items() if v is not None and k not in moved}
        changes: list[Any] = []
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


def wide(step: Any) -> Any:
    """The step counts in the widest float JAX has."""
    return step.astype(jnp.result_type(float))
