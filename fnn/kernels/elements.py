"""Elements of planes at places that are known at run time only, and the adjoint, which lays them down and adds them up.

XLA's CPU backend adds up one element after the other: an image's gradient took longer than all else.  With the channels
last, what is added is a row of channels, and all combinations of taps are one pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import ShapedArray
from jax.interpreters import ad, batching, mlir

from fnn.kernels.axes import at_front
from fnn.kernels.mesh import on_mesh
from fnn.kernels.portable import Own

ROW = 8  # channels that make a row worth two transpositions (python benchmarks/neighbours.py grid_sample)


def elements(planes: jax.Array, places: Sequence[jax.Array]) -> list[jax.Array]:
    """The elements (N, C, Q) of ``planes`` (N, C, S) at each of several ``places`` (N, Q), which must be inside."""
    if on_mesh(planes):
        return _elements(planes, *places)
    return elements_p.bind(planes, *places)


def _elements(planes: jax.Array, *places: jax.Array) -> list[jax.Array]:
    return [jnp.take_along_axis(planes, p[:, None], 2, mode="promise_in_bounds") for p in places]


def _laid_down(*operands: jax.Array, size: int) -> jax.Array:
    """Zeros (N, C, ``size``) plus the values, the first half of the operands, at the places, which are the others."""
    half = len(operands) // 2
    values, places = (jnp.concatenate(part, -1) for part in (operands[:half], operands[half:]))
    n, channels, _ = values.shape
    image, channel = (np.arange(k, dtype=np.int32) for k in (n, channels))
    at = jnp.zeros((n, channels, size), values.dtype).at[image[:, None, None], channel[:, None], places[:, None]]
    return at.add(values, mode="promise_in_bounds")


def _laid_down_cpu(*operands: jax.Array, size: int) -> jax.Array:
    half = len(operands) // 2
    n, channels, _ = operands[0].shape
    if channels < ROW:
        return _laid_down(*operands, size=size)
    rows = jnp.concatenate([lax.transpose(v, (0, 2, 1)) for v in operands[:half]], 1)  # (N, Q, C)
    places = jnp.concatenate(operands[half:], 1) + size * np.arange(n, dtype=np.int32)[:, None]
    empty = jnp.zeros((n * size, channels), rows.dtype)
    whole = empty.at[places.reshape(-1)].add(rows.reshape(-1, channels), mode="promise_in_bounds")
    return lax.transpose(whole.reshape(n, size, channels), (0, 2, 1))


def _shapes(planes: ShapedArray, *places: ShapedArray) -> list[ShapedArray]:
    return [planes.update(shape=(*planes.shape[:2], p.shape[1]), weak_type=False) for p in places]


def _whole_shape(*operands: ShapedArray, size: int) -> ShapedArray:
    return operands[0].update(shape=(*operands[0].shape[:2], size), weak_type=False)


def _jvp(primals: tuple, tangents: tuple) -> tuple[list, list]:
    out = elements_p.bind(*primals)
    if isinstance(tangents[0], ad.Zero):
        return out, [ad.Zero(jax.typeof(v)) for v in out]
    return out, elements_p.bind(tangents[0], *primals[1:])


def _transposed(cotangents: Sequence[Any], planes: ad.UndefinedPrimal, *places: jax.Array) -> list[Any]:
    values = [ad.instantiate_zeros(ct) for ct in cotangents]
    return [laid_down_p.bind(*values, *places, size=planes.aval.shape[2]), *(None for _ in places)]


def _laid_down_jvp(primals: tuple, tangents: tuple, *, size: int) -> tuple[jax.Array, jax.Array]:
    half = len(primals) // 2
    values = [ad.instantiate_zeros(t) for t in tangents[:half]]
    return laid_down_p.bind(*primals, size=size), laid_down_p.bind(*values, *primals[half:], size=size)


def _laid_down_transposed(ct: Any, *operands: Any, size: int) -> list[Any]:
    del size
    half = len(operands) // 2
    return [*elements_p.bind(ct, *operands[half:]), *(None for _ in range(half))]


def _joined(args: tuple, dims: tuple) -> tuple[list[jax.Array], int]:
    """The operands with the batch as part of their first axis, and its size."""
    operands = at_front(args, dims)
    return [lax.reshape(a, (a.shape[0] * a.shape[1], *a.shape[2:])) for a in operands], operands[0].shape[0]


def _batched(args: tuple, dims: tuple) -> tuple[list, list[int]]:
    operands, size = _joined(args, dims)
    out = [lax.reshape(v, (size, v.shape[0] // size, *v.shape[1:])) for v in elements_p.bind(*operands)]
    return out, [0] * len(out)


def _laid_down_batched(args: tuple, dims: tuple, *, size: int) -> tuple[jax.Array, int]:
    operands, batch = _joined(args, dims)
    out = laid_down_p.bind(*operands, size=size)
    return lax.reshape(out, (batch, out.shape[0] // batch, *out.shape[1:])), 0


elements_p, laid_down_p = Own("fnn_elements"), Own("fnn_laid_down")
elements_p.multiple_results = True
elements_p.formula, laid_down_p.formula = _elements, _laid_down
elements_p.def_impl(jax.jit(elements_p.bind))
laid_down_p.def_impl(jax.jit(laid_down_p.bind, static_argnames="size"))
elements_p.def_abstract_eval(_shapes)
laid_down_p.def_abstract_eval(_whole_shape)
ad.primitive_jvps[elements_p], ad.primitive_jvps[laid_down_p] = _jvp, _laid_down_jvp
ad.primitive_transposes[elements_p], ad.primitive_transposes[laid_down_p] = _transposed, _laid_down_transposed
batching.primitive_batchers[elements_p], batching.primitive_batchers[laid_down_p] = _batched, _laid_down_batched
mlir.register_lowering(elements_p, mlir.lower_fun(_elements, multiple_results=True))
mlir.register_lowering(laid_down_p, mlir.lower_fun(_laid_down, multiple_results=False))
mlir.register_lowering(laid_down_p, mlir.lower_fun(_laid_down_cpu, multiple_results=False), platform="cpu")
