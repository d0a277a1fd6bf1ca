"""What the update rules share: leaves in step, absent gradients, and scalars in the parameter's dtype."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeGuard

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from fnn.errors import ArgumentError
from fnn.random import on_device
from fnn.typing import PyTree, Real

if TYPE_CHECKING:
    from jax.experimental.sparse import BCOO

__all__ = [
    "Gradient",
    "Leaves",
    "counts",
    "decayed",
    "full",
    "is_gradient",
    "is_sparse",
    "promoting",
    "shrunk",
    "zeros",
]

Gradient: TypeAlias = "jax.Array | BCOO"


def is_sparse(x: object) -> TypeGuard[BCOO]:
    """Whether ``x`` is a BCOO array; without importing JAX's sparse arrays, which few need and which take long."""
    return type(x).__name__ == "BCOO" and type(x).__module__.startswith("jax.experimental.sparse")


def is_gradient(x: object) -> bool:
    """Whether ``x`` is a leaf where gradients are: an absent one or a sparse one."""
    return x is None or is_sparse(x)


class Leaves:
    """The parameters and gradients of an update as aligned lists; an absent gradient is None.

    PyTorch skips a parameter without a gradient: neither it nor its state changes, and its step count stands.
    """

    def __init__(self, grads: PyTree, params: PyTree, what: str) -> None:
        if params is None:
            raise ArgumentError(f"{what}: update(grads, state, params) needs params, got None")
        self.params, self.treedef = jax.tree.flatten(params)
        self.grads = jax.tree.flatten(grads, is_leaf=is_gradient)[0]
        if len(self.grads) != len(self.params):
            raise ArgumentError(f"{what}: got {len(self.grads)} gradients for {len(self.params)} parameters")
        for i, (g, p) in enumerate(zip(self.grads, self.params, strict=True)):
            if g is not None and g.shape != jnp.shape(p):
                raise ArgumentError(
                    f"{what}: the gradient of parameter {i} has shape {g.shape}, the parameter has {jnp.shape(p)}"
                )

    def slot(self, tree: PyTree) -> list[PyTree]:
        """A part of the state, aligned with the parameters."""
        return [None] * len(self.params) if tree is None else self.treedef.flatten_up_to(tree)

    def build(self, values: Sequence[object]) -> PyTree:
        """The inverse of `slot`."""
        return self.treedef.unflatten(values)

    @property
    def present(self) -> np.ndarray:
        """Which parameters have a gradient."""
        return np.array([g is not None for g in self.grads])


def counts(params: PyTree) -> jax.Array:
    """Zero step counts, one per parameter: a vector, so that a step passes one array and not one a parameter."""
    return jnp.zeros((len(jax.tree.leaves(params)),), jnp.float32)


def zeros(params: PyTree) -> PyTree:
    """A tree of zeros like ``params``."""
    return full(params, 0)


def full(params: PyTree, value: Real) -> PyTree:
    """A tree of ``value`` everywhere, like ``params``."""
    return jax.tree.map(functools.partial(_full_like, value=value), params)


def _full_like(p: jax.Array, value: Real) -> jax.Array:
    """`jnp.full_like`; in the host's memory without compiling a program for each shape, 20 ms each."""
    if not isinstance(p, jax.Array) or isinstance(p, Tracer) or isinstance(value, Tracer) or p.committed:
        return jnp.full_like(p, value)
    if {device.platform for device in p.devices()} != {"cpu"}:
        return jnp.full_like(p, value)
    return on_device(np.full(p.shape, value, p.dtype))


def decayed(g: jax.Array, weight_decay: Real | None, p: jax.Array) -> jax.Array:
    """The gradient with that of λ p²/2; ``weight_decay``: λ, None for none."""
    return g if weight_decay is None else g + weight_decay * p


def shrunk(change: jax.Array, lr: Real, weight_decay: Real | None, p: jax.Array) -> jax.Array:
    """The change of ``p`` with that of the decoupled weight decay, -η λ p; ``weight_decay``: λ, None for none."""
    return change if weight_decay is None else change - (lr * weight_decay) * p


def promoting(update: Callable[..., tuple[PyTree, PyTree]]) -> Callable[..., tuple[PyTree, PyTree]]:
    """``update`` of a transformation, under JAX's usual promotion whatever the user has set.

    The rules mean to mix dtypes: step counts and flags, scalars in float32 with half-precision parameters as in
    PyTorch, real scalars with complex ones.
    """

    @functools.wraps(update)
    def wrapper(updates: PyTree, state: PyTree, params: PyTree = None) -> tuple[PyTree, PyTree]:
        with jax.numpy_dtype_promotion("standard"):
            return update(updates, state, params)

    return wrapper
