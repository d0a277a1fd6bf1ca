"""A program in terms of fewer operations, for converters that do not know every form of each.

ONNX's own padding takes no negative widths, nor does its convolution, and the converter cannot pad an array one of
whose sizes is a symbol.  Both are said by slices and concatenations instead.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from fnn import tracing

__all__ = ["simpler"]


def simpler(function: Callable[..., Any], *shapes: Any) -> Callable[..., Any]:
    """The same function of arrays, without padding by `jax.lax.pad` and without negative padding of convolutions.

    Args:
        function: of arrays; it is traced at once.
        *shapes: the arrays' shapes and types.
    """
    closed, out = jax.make_jaxpr(function, return_shape=True)(*shapes)

    def run(*arrays: Any) -> Any:
        return jax.tree.unflatten(jax.tree.structure(out), _evaluated(closed.jaxpr, closed.consts, list(arrays)))

    return run


def _evaluated(jaxpr: Any, consts: list[Any], arrays: list[Any]) -> list[Any]:
    values: dict[Any, Any] = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *arrays], strict=True))

    def read(atom: Any) -> Any:
        return atom.val if tracing.is_literal(atom) else values[atom]

    for equation in jaxpr.eqns:
        given = [read(atom) for atom in equation.invars]
        values.update(zip(equation.outvars, _equation(equation, given), strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _equation(equation: Any, given: list[Any]) -> list[Any]:
    name, params = equation.primitive.name, equation.params
    inner = params.get("jaxpr" if name in ("jit", "pjit") else "call_jaxpr")
    if name in ("jit", "pjit", "custom_jvp_call", "custom_vjp_call") and hasattr(inner, "consts"):
        return _evaluated(inner.jaxpr, inner.consts, given)
    if name == "pad" and all(interior == 0 for _, _, interior in params["padding_config"]):
        return [_padded(*given, [pair[:2] for pair in params["padding_config"]])]
    if name == "conv_general_dilated" and min(map(min, params["padding"])) < 0:
        return [_convolved(equation, *given)]
    return tracing.bind(equation, given)


def _padded(x: Any, value: Any, widths: list[tuple[int, int]]) -> jax.Array:
    """An array with ``value`` around it; negative widths cut."""
    x = _cut(jnp.asarray(x), widths)
    for axis, pair in enumerate(widths):
        low, high = (
            [jnp.broadcast_to(value, (*x.shape[:axis], width, *x.shape[axis + 1 :]))] if width > 0 else []
            for width in pair
        )
        if low or high:
            x = lax.concatenate([*low, x, *high], axis)
    return x


def _cut(x: jax.Array, widths: list[tuple[int, int]]) -> jax.Array:
    for axis, (low, high) in enumerate(widths):
        if low < 0 or high < 0:
            x = lax.slice_in_dim(x, max(0, -low), x.shape[axis] - max(0, -high), axis=axis)
    return x


def _convolved(equation: Any, x: jax.Array, w: jax.Array) -> jax.Array:
    params = dict(equation.params)
    axes = params["dimension_numbers"].lhs_spec[2:]
    widths = [(0, 0)] * x.ndim
    kept = []
    for axis, step, (low, high) in zip(axes, params["lhs_dilation"], params["padding"], strict=True):
        # with zeros between the elements only what lies outside of the last one can be cut off as a whole
        cuts = tuple(-(-p // step) * step if p < 0 else 0 for p in (low, high))
        widths[axis] = (cuts[0] // step, cuts[1] // step)
        kept.append((low - cuts[0], high - cuts[1]))
    params["padding"] = tuple(kept)
    return equation.primitive.bind(_cut(x, widths), w, **params)
