"""Gradients of a large batch from small ones, one after the other, in one compiled program: `accumulate`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.tree_util import tree_leaves, tree_map

from fnn.arguments import integer
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.func._function import check_function
from fnn.func._loops import scan
from fnn.func.losses import backward_of, trained_parameters
from fnn.state.hooks import add_gradient
from fnn.state.parameter import Parameter
from fnn.typing import PyTree

__all__ = ["accumulate"]

_WHAT = "fnn.accumulate"


def accumulate(function: Callable[..., Any], *batch: PyTree, size: int | None = None) -> jax.Array:
    """Adds the gradients of a batch's mean loss to ``p.grad``, in the memory that a part of the batch takes.

    The batch is cut into parts along the first axis; the loss of each is computed and differentiated before the next
    one begins.  Parts are weighted by what they count, so the gradient is that of the whole batch, also where the last
    part is smaller, or where parts hold different numbers of tokens that are not ignored::

        loss = sum(loss_k * count_k) / sum(count_k)

    It stands where ``fnn.backward(loss)`` would, inside a function compiled by `fnn.jit`: a `scan` over the parts.

    Args:
        function: ``function(*part)`` returns the mean loss of a part, or ``(loss, count)``: with the number of items
            that the mean is over. Without ``count`` it is the number of rows.
        *batch: arrays, or nests of them, with one first axis; or one list of tuples, the parts as they are.
        size: the number of rows of a part; the last one may have fewer. None for a list of parts.

    Returns:
        The mean loss of the batch, a scalar without a derivative.

    Raises:
        ArgumentError: the arrays have no common first axis, or ``size`` is not positive.
        TracerEscapeError: outside of `fnn.jit`.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> from fnn.nn import functional as F
        >>> model = nn.Linear(2, 3)
        >>> @fnn.jit
        ... def gradients(x, y):
        ...     model.zero_grad()
        ...     def loss(x, y):
        ...         return F.cross_entropy(model(x), y, ignore_index=-1), (y != -1).sum()
        ...     return fnn.accumulate(loss, x, y, size=2)
        >>> x, y = jnp.ones((5, 2)), jnp.array([0, -1, 2, 1, 1])
        >>> bool(jnp.allclose(gradients(x, y), F.cross_entropy(model(x), y, ignore_index=-1)))
        True
    """
    check_function(function, _WHAT)
    parameters = trained_parameters(_WHAT)
    before = [p.grad for p in parameters]
    for p in parameters:
        p.grad = None

    def add(part: Sequence[Any]) -> tuple[jax.Array, jax.Array]:
        return _add(function, part, parameters)

    if size is None:
        sums = [add(part) for part in _parts(batch)]
    else:
        sums = _in_parts(add, batch, integer(size, "size", f"{_WHAT}: "))
    total = sum((loss for loss, _ in sums[1:]), sums[0][0])
    count = sum((count for _, count in sums[1:]), sums[0][1])
    for p, old in zip(parameters, before, strict=True):
        new: Any = p.grad
        if new is not None:
            p.grad = old
            add_gradient(p, new / count.astype(new.real.dtype))
        elif old is not None:
            p.grad = old
    return jax.lax.stop_gradient(total / count.astype(total.dtype))


def _parts(batch: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    if len(batch) != 1 or not isinstance(batch[0], (list, tuple)) or not batch[0]:
        raise ArgumentError(f"{_WHAT}: without size=... it takes one list of parts, got {len(batch)} arguments")
    return [part if isinstance(part, tuple) else (part,) for part in batch[0]]


def _in_parts(add: Callable[[Sequence[Any]], Any], batch: tuple[Any, ...], size: int) -> list[Any]:
    rows = {jnp.shape(x)[:1] for x in tree_leaves(batch)}
    if len(rows) != 1 or rows == {()}:
        shapes = ", ".join(str(jnp.shape(x)) for x in tree_leaves(batch))
        raise ArgumentError(f"{_WHAT}: the arrays of a batch must have one first axis in common, got shapes {shapes}")
    if size < 1:
        raise ArgumentError(f"{_WHAT}: size must be positive, got size={size}")
    ((number,),) = rows
    whole = number // size
    sums = []
    if whole > 1:
        stacked = tree_map(lambda x: to_array(x)[: whole * size].reshape(whole, size, *jnp.shape(x)[1:]), batch)

        def body(carry: None, part: Any) -> tuple[None, tuple[jax.Array, jax.Array]]:
            return carry, add(part)

        losses, counts = scan(body, None, stacked)[1]
        sums.append((losses.sum(), counts.sum()))
    elif whole:
        sums.append(add(tree_map(lambda x: to_array(x)[:size], batch)))
    if number % size or not number:
        sums.append(add(tree_map(lambda x: to_array(x)[whole * size :], batch)))
    return sums


def _add(function: Callable[..., Any], part: Sequence[Any], parameters: list[Parameter]) -> tuple[jax.Array, jax.Array]:
    """Adds ``count`` times the gradients of a part; ``(count * loss, count)``."""
    out = function(*part)
    if isinstance(out, tuple):
        if len(out) != 2:
            raise ArgumentTypeError(f"{_WHAT}: the function must return a loss or (loss, count), got {len(out)} values")
        loss, count = out
    else:
        loss, count = out, jnp.shape(tree_leaves(part)[0])[0]
    loss = to_array(loss, "loss", f"{_WHAT}: ")
    weight = jax.lax.stop_gradient(to_array(count, "count", f"{_WHAT}: ")).astype(loss.dtype)
    if loss.shape != () or weight.shape != ():
        raise ArgumentError(
            f"{_WHAT}: the loss and the count must be scalars, got shapes {loss.shape} and {weight.shape}"
        )
    sums = [p.grad for p in parameters]
    for p in parameters:
        p.grad = None
    backward_of((loss,), (weight,), None, False, None, _WHAT, "count", finished=False)
    for p, total in zip(parameters, sums, strict=True):
        new: Any = p.grad
        if new is None:
            p.grad = total
            continue
        new = jnp.where(weight != 0, new, 0)  # nothing counted: the mean, and its gradient, are 0 / 0
        p.grad = new if total is None else total + new
    return jnp.where(weight != 0, loss * weight, 0), weight
