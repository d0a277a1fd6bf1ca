"""Marks in a traced program, from which `fnn.backward` and its kin learn where a derivative begins and ends.

A *leaf* is a value with respect to which a derivative may be taken.  A parameter that is an input of the program is one
by itself; a value that was assigned to a parameter on the way becomes one when it is read, as in PyTorch, where a
parameter has no history.
"""

from __future__ import annotations

from typing import Any

from jax import lax
from jax.interpreters import ad, batching, mlir

from fnn.tracing import Primitive

__all__ = ["hook_p", "leaf_p", "marked_frozen", "marked_hook", "marked_leaf"]

leaf_p = Primitive("fnn_leaf")
leaf_p.def_impl(lambda x: x)
leaf_p.def_abstract_eval(lambda x: x)
ad.deflinear2(leaf_p, lambda cotangent, _: [cotangent])
batching.primitive_batchers[leaf_p] = lambda values, dims: (leaf_p.bind(*values), dims[0])
mlir.register_lowering(leaf_p, lambda context, x: [x])


# Several values, whose gradients a function of Python's sees and may replace; the scope knows it by its number.
hook_p = Primitive("fnn_hook")
hook_p.multiple_results = True
hook_p.def_impl(lambda *xs, number: list(xs))
hook_p.def_abstract_eval(lambda *xs, number: list(xs))
ad.deflinear2(hook_p, lambda cotangents, *xs, number: list(cotangents))
batching.primitive_batchers[hook_p] = lambda values, dims, number: (hook_p.bind(*values, number=number), dims)
mlir.register_lowering(hook_p, lambda context, *xs, number: list(xs))


def marked_hook(values: list[Any], number: int) -> list[Any]:
    """``values``, where the hook with this number sees their gradients."""
    return hook_p.bind(*values, number=number)


def marked_leaf(value: object) -> Any:
    """``value`` as a leaf of its own."""
    return leaf_p.bind(value)


def marked_frozen(value: Any) -> Any:
    """``value`` as one without a derivative."""
    return lax.stop_gradient(value)
