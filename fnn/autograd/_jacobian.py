"""A Jacobian by rows or by columns, at once or one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from fnn import func as transforms
from fnn import tracing
from fnn.autograd._call import INDEPENDENT, Call, Values, cotangents
from fnn.errors import ArgumentError

__all__ = ["jacobian_of"]


def jacobian_of(call: Call, create_graph: bool, strict: bool, vectorize: bool, strategy: str) -> Any:
    if strategy not in ("forward-mode", "reverse-mode"):
        raise ArgumentError(
            f'{call.what}: Expected strategy to be either "forward-mode" or "reverse-mode", got {strategy!r}. Hint: If '
            'your function has more outputs than inputs, "forward-mode" tends to be more performant. Otherwise, '
            'prefer to use "reverse-mode".'
        )
    forward = strategy == "forward-mode"
    if forward and create_graph:
        raise ArgumentError(
            f'{call.what}: `create_graph=True` and `strategy="forward-mode"` are not supported together. Please '
            'either set `create_graph=False` or `strategy="reverse-mode"`.'
        )
    if strict and (vectorize or forward):
        other = '`strategy="forward-mode"`' if forward else "`vectorized=True`"
        raise ArgumentError(f"{call.what}: `strict=True` and {other} are not supported together.")
    if forward and not vectorize:
        raise ArgumentError(
            f"{call.what}: Computing Jacobian using forward-AD or forward-over-reverse Hessian is only implemented "
            "for `vectorize=True`."
        )
    table = _columns(call) if forward else _rows(call, strict, vectorize)
    rows = tuple(call.form(tuple(row), call.given_tuple, create_graph) for row in table)
    return rows if call.returns_tuple else rows[0]


def _basis(x: jax.Array) -> jax.Array:
    return jnp.eye(x.size, dtype=x.dtype).reshape(x.size, *x.shape)


def _rows(call: Call, strict: bool, vectorize: bool) -> list[list[jax.Array]]:
    outputs, pull = transforms.vjp(call, *call.inputs)
    call.require(strict, INDEPENDENT, every=True)
    table = []
    for i, out in enumerate(outputs):
        if not jnp.issubdtype(out.dtype, jnp.inexact):
            table.append([jnp.zeros(out.shape + x.shape, x.dtype) for x in call.inputs])
            continue
        if jnp.iscomplexobj(out) and not vectorize:
            raise ArgumentError(
                f"{call.what}: grad can be implicitly created only for real scalar outputs but got {out.dtype}"
            )

        def row(direction: jax.Array, i: int = i) -> Values:
            given = [jnp.zeros_like(o) for o in outputs]
            given[i] = direction
            return pull(cotangents(outputs, tuple(given)))

        grads = _each(row, _basis(out), vectorize)
        table.append([g.reshape(out.shape + x.shape) for g, x in zip(grads, call.inputs, strict=True)])
    return table


def _each(function: Callable[[jax.Array], Values], rows: jax.Array, at_once: bool) -> Values:
    if at_once or not len(rows):
        return jax.vmap(function)(rows)
    if tracing.staged():
        return lax.map(function, rows)
    return tuple(jnp.stack(column) for column in zip(*map(function, rows), strict=True))


def _columns(call: Call) -> list[list[jax.Array]]:
    outputs, push = transforms.linearize(call, *call.inputs)
    table: list[list[jax.Array]] = [[] for _ in outputs]
    for j, x in enumerate(call.inputs):

        def column(direction: jax.Array, j: int = j) -> Values:
            given = [jnp.zeros_like(other) for other in call.inputs]
            given[j] = direction
            return push(*given)

        for row, out, tangents in zip(table, outputs, jax.vmap(column)(_basis(x)), strict=True):
            moved = jnp.moveaxis(jnp.zeros((x.size, *out.shape)) if tangents.dtype == jax.dtypes.float0
                                 else tangents, 0, -1)  # fmt: skip
            row.append(moved.reshape(out.shape + x.shape))
    return table
