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
_OFTEN = 4  # times that an output is repeated, from which it is not computed each time
_FEW = 32  # outputs of many neighbours, up to which each has a sum of its own: more compile slowly


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

    @functools.cached_property
    def runs(self) -> list[tuple[int, int, np.ndarray | None]] | None:
        """Where the terms of each output begin and end and their weights, if they are neighbours for all of them."""
        found = []
        for o, real in enumerate(self.real):
            index = self.index[o][real]
            if not len(index) or (np.diff(index) != 1).any():
                return None
            found.append((int(index[0]), int(index[-1]) + 1, None if self.weight is None else self.weight[o][real]))
        return found

    @functools.cached_property
    def segments(self) -> list[tuple[np.ndarray, np.ndarray | None, int]] | None:
        """Inputs and weights of an output, and how many times in a row they are the same, if there are few of them."""
        if self.size > _FEW or not self.real.any(1).all():
            return None
        found: list[tuple[np.ndarray, np.ndarray | None, int]] = []
        for o, real in enumerate(self.real):
            inputs, weight = self.index[o][real], None if self.weight is None else self.weight[o][real]
            last, its_weight, times = found[-1] if found else (None, None, 0)
            same = last is not None and np.array_equal(last, inputs)
            if same and (weight is None or its_weight is None or np.array_equal(its_weight, weight)):
                found[-1] = inputs, weight, times + 1
            elif len(found) == 2 * _FEW:
                return None
            else:
                found.append((inputs, weight, 1))
        return found


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
    outputs, terms = table.index.shape
    if terms > _UNROLLED and after == 1 and outputs <= _FEW and table.runs:
        y = _summed_runs(flat, table.runs)
    elif terms > 1 and table.segments and outputs >= _OFTEN * len(table.segments):
        y = _repeated(flat, table.segments)
    else:
        y = _resample(flat, axis=1, table=table)
    return lax.reshape(y, shape)


def _repeated(x: jax.Array, segments: list[tuple[np.ndarray, np.ndarray | None, int]]) -> jax.Array:
    parts = []
    for inputs, weight, times in segments:
        terms = [lax.slice_in_dim(x, i, i + 1, axis=1) for i in map(int, inputs)]
        if weight is not None:
            terms = [lax.mul(one, lax.full_like(one, w)) for one, w in zip(terms, weight, strict=True)]
        one = functools.reduce(lax.add, terms)
        parts.append(lax.broadcast_in_dim(one, (x.shape[0], times, *x.shape[2:]), tuple(range(x.ndim))))
    return lax.concatenate(parts, 1)


def _summed_runs(x: jax.Array, runs: list[tuple[int, int, np.ndarray | None]]) -> jax.Array:
    """Sums of slices along the second axis, for a sum over what is gathered takes its terms one by one."""
    sums = []
    for start, stop, weight in runs:
        some = lax.slice_in_dim(x, start, stop, axis=1)
        if weight is not None:
            some = lax.mul(some, lax.broadcast_in_dim(weight.astype(x.dtype), some.shape, (1,)))
        sums.append(lax.reduce_sum(some, (1,)))
    return lax.concatenate([lax.expand_dims(one, (1,)) for one in sums], 1)


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
