"""A linear map along one axis whose every output is a weighted sum of a few inputs, as one primitive.

The map is a table of indices and weights known at trace time.  Its transpose is a table again, so that the
backward pass gathers as well, where the transpose of a plain gather would be a scatter (on a CPU 3 to 20 times
slower, on a GPU atomic and not reproducible).
"""

from __future__ import annotations

import dataclasses
import functools
import math

import jax
import numpy as np
from jax import lax
from jax.core import ShapedArray
from jax.interpreters import ad, batching, mlir

from fnn.kernels.mesh import partitioned, select
from fnn.kernels.portable import Own

_UNROLLED = 8  # terms, up to which they are written out one by one (python benchmarks/kernels.py resample)


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """``output[o] = sum of weight[o, k] * input[index[o, k]] over the k with real[o, k]``.

    Compared by identity: functions that make one are to be cached.
    """

    index: np.ndarray  # (outputs, K)
    weight: np.ndarray | None  # (outputs, K); None: all 1
    real: np.ndarray  # (outputs, K), bool
    size: int  # number of inputs

    @functools.cached_property
    def transposed(self) -> Table:
        """The table of the transposed map."""
        outputs, slots = np.nonzero(self.real)
        inputs = self.index[outputs, slots]
        order = np.argsort(inputs, kind="stable")
        inputs, outputs, slots = inputs[order], outputs[order], slots[order]
        counts = np.bincount(inputs, minlength=self.size)
        rank = np.arange(len(inputs)) - np.repeat(np.cumsum(counts) - counts, counts)
        shape = (self.size, max(1, int(counts.max(initial=0))))
        index, real = np.zeros(shape, np.int32), np.zeros(shape, bool)
        index[inputs, rank], real[inputs, rank] = outputs, True
        weight = None
        if self.weight is not None:
            weight = np.zeros(shape, self.weight.dtype)
            weight[inputs, rank] = self.weight[outputs, slots]
        table = Table(index, weight, real, len(self.index))
        table.__dict__["transposed"] = self
        return table


def table(index: np.ndarray, weight: np.ndarray | None, size: int, real: np.ndarray | None = None) -> Table:
    """A `Table` from arrays of shape (outputs, K)."""
    return Table(index.astype(np.int32), weight, np.ones(index.shape, bool) if real is None else real, size)


def resample(x: jax.Array, axis: int, table: Table) -> jax.Array:
    """Applies ``table`` along ``axis``."""
    return resample_p.bind(x, axis=axis % x.ndim, table=table)


def take(x: jax.Array, index: np.ndarray, axis: int) -> jax.Array:
    """The elements at constant, valid indices along ``axis``."""
    return x.at[(slice(None),) * axis + (index,)].get(mode="promise_in_bounds")


def _resample(x: jax.Array, *, axis: int, table: Table) -> jax.Array:
    if table.index.shape[1] <= _UNROLLED:
        terms = [_term(x, axis, table, k) for k in range(table.index.shape[1])]
        return functools.reduce(lax.add, terms)
    return lax.reduce_sum(_term(x, axis, table, slice(None)), [axis + 1])


def _resample_on_cpu(x: jax.Array, *, axis: int, table: Table) -> jax.Array:
    """On three axes at most: the loops that XLA makes for a CPU are as long as the last axis."""
    if partitioned(x):  # over axes that would be joined
        return _resample(x, axis=axis, table=table)
    before, after = math.prod(x.shape[:axis]), math.prod(x.shape[axis + 1 :])
    flat = lax.reshape(x, (before, x.shape[axis], after) if after != 1 else (before, x.shape[axis]))
    shape = (*x.shape[:axis], len(table.index), *x.shape[axis + 1 :])
    return lax.reshape(_resample(flat, axis=1, table=table), shape)


def _term(x: jax.Array, axis: int, table: Table, k: int | slice) -> jax.Array:
    taken = take(x, table.index[:, k], axis)
    dims = tuple(range(axis, axis + table.index[:, k].ndim))
    if table.weight is not None:
        weight = table.weight[:, k].astype(x.dtype)
        taken = lax.mul(taken, lax.broadcast_in_dim(weight, taken.shape, dims))
    if not table.real[:, k].all():
        real = lax.broadcast_in_dim(table.real[:, k], taken.shape, dims)
        taken = select(real, taken, lax.full_like(taken, 0))
    return taken


def _shape(x: ShapedArray, *, axis: int, table: Table) -> ShapedArray:
    shape = (*x.shape[:axis], len(table.index), *x.shape[axis + 1 :])
    return x.update(shape=shape, weak_type=False)


def _batched(args, dims, *, axis: int, table: Table):
    (x,), (dim,) = args, dims
    return resample_p.bind(x, axis=axis + (dim <= axis), table=table), dim


resample_p = Own("fnn_resample")
resample_p.formula = _resample
resample_p.def_impl(jax.jit(_resample, static_argnames=("axis", "table")))
resample_p.def_abstract_eval(_shape)
ad.deflinear2(resample_p, lambda ct, x, *, axis, table: [resample_p.bind(ct, axis=axis, table=table.transposed)])
batching.primitive_batchers[resample_p] = _batched
mlir.register_lowering(resample_p, mlir.lower_fun(_resample, multiple_results=False))
mlir.register_lowering(resample_p, mlir.lower_fun(_resample_on_cpu, multiple_results=False), platform="cpu")
