"""A program in terms of fewer operations, for converters that do not know every form of each.

ONNX's own padding takes no negative widths, nor does its convolution; the converter cannot pad an array one of whose
sizes is a symbol, and knows no convolution over three axes.  These are said by slices, concatenations and convolutions
over two axes instead.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from fnn import tracing

__all__ = ["simpler"]


def simpler(function: Callable[..., Any], *shapes: Any) -> Callable[..., Any]:
    """The same function of arrays, without padding by `jax.lax.pad` and with the simplest of convolutions only.

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
        x, value = given
        return [_padded(x, value, [pair[:2] for pair in params["padding_config"]])]
    if name == "split" and not _known(params["sizes"]):
        return _split(params, *given)
    if name == "clamp" and not _known(given[1].shape):
        low, x, high = given
        return [jnp.minimum(jnp.maximum(x, low), high)]
    if name == "conv_general_dilated" and _is_by_frames(params):
        return [_by_frames(params, *given)]
    if name == "conv_general_dilated" and min(map(min, params["padding"])) < 0:
        return [_convolved(equation, *given)]
    return tracing.bind(equation, given)


def _known(sizes: Sequence[Any]) -> bool:
    """Whether none of the sizes is a symbol."""
    return all(isinstance(size, int) for size in sizes)


def _split(params: Any, x: jax.Array) -> list[jax.Array]:
    """The parts of an axis, whose sizes are symbols."""
    axis, start, parts = params["axis"], 0, []
    for size in params["sizes"]:
        parts.append(lax.slice_in_dim(x, start, start + size, axis=axis))
        start = start + size
    return parts


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


def _is_by_frames(params: Any) -> bool:
    """Whether `_by_frames` can compute a convolution: over three axes behind the channels, the first not dilated."""
    numbers = params["dimension_numbers"]
    plain = all(spec == (0, 1, 2, 3, 4) for spec in (numbers.lhs_spec, numbers.rhs_spec, numbers.out_spec))
    return plain and params["lhs_dilation"][0] == 1 and params["batch_group_count"] == 1


def _by_frames(params: Any, x: jax.Array, w: jax.Array) -> jax.Array:
    """A convolution over three axes: the sum of one over the last two for each element of the kernel's first."""
    low, high = zip(*params["padding"], strict=True)
    x = _padded(x, jnp.zeros((), x.dtype), [(0, 0), (0, 0), (low[0], high[0]), (0, 0), (0, 0)])
    depth, stride, dilation = w.shape[2], params["window_strides"][0], params["rhs_dilation"][0]
    count = (x.shape[2] - dilation * (depth - 1) - 1) // stride + 1
    total = None
    for k in range(depth):
        start = k * dilation
        frames = lax.slice_in_dim(x, start, start + (count - 1) * stride + 1, stride, axis=2)
        n, channels, _, h, wide = frames.shape
        rows = lax.transpose(frames, (0, 2, 1, 3, 4)).reshape(n * count, channels, h, wide)
        made = _plane(params, rows, w[:, :, k])
        total = made if total is None else total + made
    assert total is not None  # a kernel has elements
    _, channels, h, wide = total.shape
    return lax.transpose(total.reshape(x.shape[0], count, channels, h, wide), (0, 2, 1, 3, 4))


def _plane(params: Any, x: jax.Array, w: jax.Array) -> jax.Array:
    """The convolution over the last two axes."""
    spread = params["lhs_dilation"][1:]
    padding = list(params["padding"][1:])
    if spread == (1, 1):
        x = _cut(x, [(0, 0), (0, 0), *padding])
        padding = [(max(0, low), max(0, high)) for low, high in padding]
    return lax.conv_general_dilated(
        x,
        w,
        params["window_strides"][1:],
        padding,
        spread,
        params["rhs_dilation"][1:],
        feature_group_count=params["feature_group_count"],
        precision=params["precision"],
        preferred_element_type=params["preferred_element_type"],
    )
