"""Convolution as three bilinear primitives, each the transpose of the other two.

``forward`` (x, w) to y, ``input_gradient`` (y, w) to x, ``weight_gradient`` (x, y) to w, all with one geometry. So
each direction has a lowering of its own on the CPU, and derivatives of any order, in both modes, close over the
three. Everywhere but on the CPU, and where the type says how an array is split over devices, each lowers to the
definition.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.interpreters import ad, batching, mlir

from fnn.kernels.cpu_convolution import _definition, _library
from fnn.kernels.cpu_convolution._geometry import Geometry
from fnn.kernels.mesh import devices, partitioned
from fnn.kernels.portable import Own

_HALF = (jnp.bfloat16, jnp.float16)


Operation = Callable[[jax.Array, jax.Array, Geometry], jax.Array]


def _on_cpu(formulated: Operation, definition: Operation) -> Operation:
    """The engine for floating numbers, halves in float32; the definition for all else."""

    def run(a: jax.Array, b: jax.Array, g: Geometry) -> jax.Array:
        if a.dtype not in (jnp.float32, jnp.float64, *_HALF) or 0 in (*a.shape, *b.shape, *g.out):
            return definition(a, b, g)
        if a.dtype in _HALF:
            return formulated(a.astype(jnp.float32), b.astype(jnp.float32), g).astype(a.dtype)
        return formulated(a, b, g)

    return run


def _lowering(
    one: Operation,
    mesh: Operation,
    typed: Operation,
    alone: Callable[[mlir.LoweringRuleContext], bool] = lambda ctx: devices(ctx) == 1,
) -> Callable[..., Any]:
    """``one`` for a program on one device, ``mesh`` on several, ``typed`` where types say how arrays are split."""

    def lower(ctx: mlir.LoweringRuleContext, *operands: mlir.ir.Value, geometry: Geometry) -> Any:
        several = one if alone(ctx) else mesh
        run = typed if any(map(partitioned, cast("Sequence[ShapedArray]", ctx.avals_in))) else several
        return mlir.lower_fun(lambda a, b: run(a, b, geometry), multiple_results=False)(ctx, *operands)

    return lower


def _primitive(
    name: str, shape: Callable[..., tuple[int, ...]], one: Operation | None = None, mesh: Operation | None = None
) -> Own:
    """A primitive; ``one`` and ``mesh`` are its definitions off the CPU, for one device and for several."""
    primitive = Own(f"convolution_{name}")
    definition: Operation = getattr(_definition, name)
    one, mesh = one or definition, mesh or definition

    def abstract(a: ShapedArray, b: ShapedArray, *, geometry: Geometry) -> ShapedArray:
        if a.dtype != b.dtype:
            raise TypeError(f"{primitive.name}: operands must have one dtype, got {a.dtype} and {b.dtype}")
        known: dict[str, Any] = {"shape": shape(a.shape, b.shape, geometry), "weak_type": False}
        if partitioned(a) or partitioned(b):
            known["sharding"] = jax.eval_shape(lambda a, b: mesh(a, b, geometry), a, b).sharding
        return a.update(**known)

    @functools.partial(jax.jit, static_argnames="geometry")
    def run(a: jax.Array, b: jax.Array, geometry: Geometry) -> jax.Array:
        return primitive.bind(a, b, geometry=geometry)

    primitive.formula = lambda a, b, *, geometry: one(a, b, geometry)
    primitive.def_impl(run)
    primitive.def_abstract_eval(abstract)
    mlir.register_lowering(primitive, _lowering(one, mesh, mesh))

    def formulated(a: jax.Array, b: jax.Array, geometry: Geometry, *, library: bool) -> jax.Array:
        from fnn.kernels.cpu_convolution import _formulations  # only now: most of this folder

        return getattr(_formulations, name)(a, b, geometry, library=library)

    with_library, plain = (_on_cpu(functools.partial(formulated, library=known), definition) for known in (True, False))
    mlir.register_lowering(primitive, _lowering(with_library, plain, mesh, _library.serves), platform="cpu")
    return primitive


forward_p = _primitive("forward", lambda x, w, g: (x[0], w[0], *g.out))
input_gradient_p = _primitive("input_gradient", lambda y, w, g: (y[0], w[1] * g.groups, *g.size))
weight_gradient_p = _primitive(
    "weight_gradient",
    lambda x, y, g: (y[1], x[1] // g.groups, *g.kernel),
    _definition.weight_gradient_on_one_device,
    _definition.weight_gradient_on_mesh,
)


def _transposes(primitive: Own, left: Callable[..., jax.Array], right: Callable[..., jax.Array]) -> None:
    """``left`` (cotangent, b) gives the cotangent of the first operand, ``right`` (a, cotangent) of the second."""
    ad.defbilinear(
        primitive,
        lambda ct, a, b, *, geometry: left(ct, b, geometry=geometry),
        lambda ct, a, b, *, geometry: right(a, ct, geometry=geometry),
    )


_transposes(forward_p, input_gradient_p.bind, weight_gradient_p.bind)
_transposes(input_gradient_p, forward_p.bind, lambda y, ct, geometry: weight_gradient_p.bind(ct, y, geometry=geometry))
_transposes(
    weight_gradient_p,
    lambda ct, y, geometry: input_gradient_p.bind(y, ct, geometry=geometry),
    forward_p.bind,
)


# -- batching -----------------------------------------------------------------------------------------------
#
# A batch of one operand joins an axis of that operand which the result keeps; a batch of both multiplies the groups.
# `_Axis` says where: ``axis`` of the array without its batch, behind the groups if the axis counts them, too.


class _Axis(NamedTuple):
    axis: int
    grouped: bool


_IMAGES = _Axis(0, False)  # of x and y
_CHANNELS = _Axis(1, True)  # of x and y: (g * channels of a group)
_OUT = _Axis(0, True)  # of w
_IN = _Axis(1, False)  # of w

# (operand, result) where only the first operand has a batch, then where only the second has
_ONE = {
    forward_p: ((_IMAGES, _IMAGES), (_OUT, _CHANNELS)),
    input_gradient_p: ((_IMAGES, _IMAGES), (_IN, _CHANNELS)),
    weight_gradient_p: ((_CHANNELS, _IN), (_CHANNELS, _OUT)),
}
# (first operand, second operand, result): the axes that the groups are a factor of
_BOTH = {forward_p: (1, 0, 1), input_gradient_p: (1, 0, 1), weight_gradient_p: (1, 1, 0)}


def _batch(primitive: Own, args: Sequence[Any], dims: Sequence[Any], *, geometry: Geometry) -> tuple[Any, int]:
    groups, mapped = geometry.groups, [d is not None for d in dims]
    operands = [jnp.moveaxis(a, d, 0) if m else a for a, d, m in zip(args, dims, mapped, strict=True)]
    size = operands[mapped.index(True)].shape[0]
    if all(mapped):
        first, second, result = _BOTH[primitive]
        geometry = geometry.replace(groups=size * groups)
        out = primitive.bind(_join(operands[0], first, 1), _join(operands[1], second, 1), geometry=geometry)
        return _leave(out, result, 1, size), 0
    which = mapped.index(True)
    into, back = _ONE[primitive][which]
    operands[which] = _join(operands[which], into.axis, groups if into.grouped else 1)
    out = primitive.bind(*operands, geometry=geometry)
    return _leave(out, back.axis, groups if back.grouped else 1, size), 0


def _join(t: jax.Array, axis: int, outer: int) -> jax.Array:
    """Moves the leading batch axis into ``axis``, whose first factor ``outer`` stays in front of it."""
    size, rest = t.shape[0], t.shape[1:]
    t = t.reshape(size, *rest[:axis], outer, rest[axis] // outer, *rest[axis + 1 :])
    t = jnp.moveaxis(t, 0, axis + 1)
    return t.reshape(*rest[:axis], size * rest[axis], *rest[axis + 1 :])


def _leave(t: jax.Array, axis: int, outer: int, size: int) -> jax.Array:
    """The inverse of `_join`."""
    inner = t.shape[axis] // (outer * size)
    t = t.reshape(*t.shape[:axis], outer, size, inner, *t.shape[axis + 1 :])
    t = jnp.moveaxis(t, axis + 1, 0)
    return t.reshape(size, *t.shape[1 : axis + 1], outer * inner, *t.shape[axis + 3 :])


for _one in (forward_p, input_gradient_p, weight_gradient_p):
    batching.primitive_batchers[_one] = functools.partial(_batch, _one)
