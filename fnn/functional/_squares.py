"""Sums of squares that neither overflow nor vanish: where they would, the numbers are scaled first.

The square of a float32 beyond 1.8e19 overflows and that below 1e-19 loses its digits, though norms, standard deviations
and everything that is divided by them are ordinary numbers.  LAPACK's nrm2 scales by the largest element; here that is
done only where it is needed.  On the CPU, where a reduction more is felt, the sum is taken as it is, and a conditional
repeats it with scales if any sum left the range; elsewhere a conditional would make the device wait for the host, and
the largest element is found in the same pass over memory.

The sum is a primitive: so that its derivative keeps nothing from the branches, and `vmap` does not run them both.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.interpreters import ad, batching, mlir

from fnn.functional._mesh import on_mesh
from fnn.functional._sums import spread, total
from fnn.tracing import Primitive

# Squares smaller than this are ordinary numbers beside an epsilon that is added to them, if that exceeds `_SMALL_EPS`.
_SMALL_EPS = 1e-20


def scaled_squares(
    x: jax.Array, axes: tuple[int, ...], mean: jax.Array | None = None, eps: Any = 0.0
) -> tuple[jax.Array, jax.Array]:
    """The sum over ``axes`` of ``(s * (x - mean))**2``, and ``s``, which has no gradient.

    Args:
        x: real and of a full floating dtype.
        axes: what is summed over.
        mean: the mean of ``x`` over ``axes``, of the shape of the other ones; None subtracts nothing.
        eps: what will be added to the mean of squares; an ordinary number makes small squares negligible.

    Returns:
        The sum and the scale, of the shape of the other axes.  The scale is 1 unless the squares leave the range of
        the dtype.
    """
    axes = tuple(axes)
    low = not isinstance(eps, (int, float)) or eps < _SMALL_EPS
    operands = (x,) if mean is None else (x, mean)
    if on_mesh(x):
        return _scaled(*operands, axes=axes, low=low)
    result, scale = scaled_squares_p.bind(*operands, axes=axes, low=low)
    return result, lax.stop_gradient(scale)


def _centred(operands: tuple[jax.Array, ...], axes: tuple[int, ...]) -> jax.Array:
    x = operands[0]
    return x if len(operands) == 1 else x - spread(operands[1], x.shape, _others(x.ndim, axes))


def _others(rank: int, axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(i for i in range(rank) if i not in axes)


def _scaled(*operands: jax.Array, axes: tuple[int, ...], low: bool) -> tuple[jax.Array, jax.Array]:
    """With the largest element of every sum, whether or not its scale is needed."""
    centred = _centred(operands, axes)
    info = jnp.finfo(centred.dtype)
    n = max(math.prod(centred.shape[i] for i in axes), 1)
    largest = lax.stop_gradient(lax.reduce_max(lax.abs(centred), axes))
    outside = largest > math.sqrt(float(info.max) / n) / 2
    if low:
        outside |= largest < math.sqrt(float(info.tiny) / float(info.eps))
    # The scale is a normal number, and leaves room for the product with an epsilon even where all is 0.
    ends = float(info.tiny) ** (2 / 3), float(info.max) / 4
    low_end, high_end = (lax.full_like(largest, end) for end in ends)
    divisor = lax.clamp(low_end, largest, high_end)
    scale = lax.select(outside, 1 / divisor, lax.full_like(largest, 1))
    scaled = centred * spread(scale, centred.shape, _others(centred.ndim, axes))
    return total(scaled * scaled, axes), scale


def _scaled_if_needed(*operands: jax.Array, axes: tuple[int, ...], low: bool) -> tuple[jax.Array, jax.Array]:
    """With scales only if one of the sums has left the range."""
    centred = _centred(operands, axes)
    info = jnp.finfo(centred.dtype)
    squares = total(centred * centred, axes)
    outside = ~(squares <= float(info.max))
    if low:
        outside |= squares < float(info.tiny) / float(info.eps)
    return lax.cond(
        lax.reduce_or(outside, tuple(range(outside.ndim))),
        lambda squares, *operands: _scaled(*operands, axes=axes, low=low),
        lambda squares, *operands: (squares, lax.full_like(squares, 1)),
        squares,
        *operands,
    )


def _shapes(x: Any, *mean: Any, axes: tuple[int, ...], low: bool) -> list[Any]:
    del mean, low
    kept = x.update(shape=tuple(x.shape[i] for i in _others(x.ndim, axes)), weak_type=False)
    return [kept, kept]


def _jvp(primals: tuple, tangents: tuple, *, axes: tuple[int, ...], low: bool) -> tuple[list, list]:
    """The sum does not change with the mean to first order: the differences from it add up to 0."""
    result, scale = scaled_squares_p.bind(*primals, axes=axes, low=low)
    none, change = lax.full_like(scale, 0), tangents[0]
    if isinstance(change, ad.Zero):
        return [result, scale], [none, none]
    centred = _centred(primals, axes)
    kept = _others(centred.ndim, axes)
    # The two factors are scaled one by one: the square of the scale may be out of range.
    scaled = centred * spread(scale, centred.shape, kept)
    return [result, scale], [total(scaled * (change * spread(2 * scale, centred.shape, kept)), axes), none]


def _batched(args: tuple, dims: tuple, *, axes: tuple[int, ...], low: bool) -> tuple[list, tuple[int, int]]:
    size = next(a.shape[d] for a, d in zip(args, dims, strict=True) if d is not None)

    def at_front(a: jax.Array, dim: int | None) -> jax.Array:
        if dim is None:
            return lax.broadcast(a, (size,))
        return lax.transpose(a, (dim, *_others(a.ndim, (dim,))))

    operands = (at_front(a, d) for a, d in zip(args, dims, strict=True))
    return scaled_squares_p.bind(*operands, axes=tuple(i + 1 for i in axes), low=low), (0, 0)


scaled_squares_p = Primitive("fnn_scaled_squares")
scaled_squares_p.multiple_results = True
scaled_squares_p.def_impl(jax.jit(scaled_squares_p.bind, static_argnames=("axes", "low")))
scaled_squares_p.def_abstract_eval(_shapes)
ad.primitive_jvps[scaled_squares_p] = _jvp
batching.primitive_batchers[scaled_squares_p] = _batched
mlir.register_lowering(scaled_squares_p, mlir.lower_fun(_scaled, multiple_results=True))
mlir.register_lowering(scaled_squares_p, mlir.lower_fun(_scaled_if_needed, multiple_results=True), platform="cpu")
