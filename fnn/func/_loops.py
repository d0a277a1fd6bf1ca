"""`scan`, `map`, `fori_loop` and `while_loop` for functions that read and write Modules.

They have the arguments of `jax.lax`'s.  What the body writes to a Module is seen by the next iteration and carried
out at the end; each iteration draws random numbers of its own.  Modules made or copied in the body belong to it.

A body is first rehearsed abstractly, to learn what it writes and whether it draws: that becomes part of the carry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import tree_leaves, tree_map

from fnn import random
from fnn.drawn import Replay
from fnn.errors import ArgumentError, ArgumentTypeError, MissingKeyError
from fnn.func._carry import UNFORESEEN, Carried, Rehearsal, fresh_key, same_types, unboxed
from fnn.func._function import check_function
from fnn.func._vmap import vmap
from fnn.state.box import Box
from fnn.state.results import combined, order_of, reordered
from fnn.state.scope import write_out
from fnn.typing import PyTree


class _Loop:
    """The boxes that a loop's functions write and the source of their keys."""

    def __init__(self, what: str, rehearsal: Rehearsal) -> None:
        self.what, self.draws = what, rehearsal.draws
        self.noted = rehearsal.noted  # PyTorch's numbers that one iteration draws
        start = rehearsal.start()
        self.boxes, self.start = list(start), list(start.values())
        self.rebuild: Callable[[Any], Any] = lambda out: out

    def iterate(self, function: Callable[..., Any], args: tuple, values: list[Any], key: Any) -> tuple[Any, list[Any]]:
        """``(output, values of the boxes)`` after one call of ``function``, which draws from ``key``; see `key`."""
        run, bound = Carried(), dict(zip(self.boxes, values, strict=True))
        if self.draws:
            with random.iteration(random.stream(Replay(self.noted, key) if self.noted else key)):
                out, _ = run(function, args, {}, bound)
        else:
            out, _ = run(function, args, {}, bound)
        self.rebuild = run.rebuild
        return out, same_types([bound[box] for box in self.boxes], self.boxes, values, self.what)

    def key(self, base: Any, n: int | jax.Array) -> Any:
        """The key of the ``n``-th call, or the numbers that it draws."""
        if self.noted:
            return [jax.lax.dynamic_index_in_dim(numbers, n, keepdims=False) for numbers in base]
        return jax.random.fold_in(base, n) if self.draws else None

    def base(self, count: int | None = None, reverse: bool = False) -> Any:
        """What the keys are split off; drawn once for each call of the loop.  Or the numbers of ``count`` iterations.

        Raises:
            MissingKeyError: they are needed, and how many iterations there are is not known.
        """
        if self.noted:
            if count is None:
                raise MissingKeyError(UNFORESEEN.format(what=self.what))
            return self._numbers(count, reverse)
        return fresh_key(self.what) if self.draws else None

    def _numbers(self, count: int, reverse: bool) -> list[jax.Array]:
        generator = random.program_generator()
        if not count or generator is None:
            return [jnp.zeros((count, *draw.shape), draw.dtype) for draw in self.noted]
        return [random.on_device(numbers) for numbers in generator.repeated(self.noted, count, reverse)]


def _shapes(tree: object) -> Any:
    return jax.eval_shape(lambda tree: tree, tree)


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: object,
    xs: object = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:
    """`jax.lax.scan` for a function that reads and writes Modules.

    Args:
        f: ``(carry, x) -> (carry, y)``; it may close over Modules. What it writes is seen by the next iteration,
            and each iteration draws its own random numbers.
        init: the first carry.
        xs: arrays to scan over along their first axis, or None. (In it and in ``init``, a Parameter is its array.)
        length: the number of iterations, if ``xs`` does not tell.
        reverse: whether to go from the end.
        unroll: how many iterations to unroll.

    Returns:
        ``(carry, ys)``: the last carry, and the stacked ``y``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> carry, ys = fnn.scan(lambda c, x: (c + x, c), jnp.zeros(()), jnp.arange(3.0))
        >>> print(carry, ys)
        3.0 [0. 0. 1.]
    """
    return _scan("scan", f, init, xs, length, reverse, unroll)


def _scan(
    what: str, f: Callable[..., Any], init: Any, xs: Any, length: int | None, reverse: bool, unroll: int | bool
) -> Any:
    check_function(f, what)
    order = order_of(init), order_of(xs)
    init, xs = unboxed(init), unboxed(xs)
    leaves = tree_leaves(xs)
    if not leaves and length is None:
        raise ArgumentError(f"{what}: length is needed where xs has no arrays")
    if any(jnp.ndim(x) == 0 for x in leaves):
        raise ArgumentError(f"{what}: xs must be arrays with an axis to scan over, got a scalar")
    first = tree_map(lambda x: jax.ShapeDtypeStruct(jnp.shape(x)[1:], jnp.result_type(x)), xs)

    def called(carry: object, x: object) -> Any:
        return f(reordered(carry, order[0]), reordered(x, order[1]))

    rehearsal = Rehearsal(what)
    rehearsal.run(called, _shapes(init), first)
    loop = _Loop(what, rehearsal)
    n = length if length is not None else jnp.shape(leaves[0])[0]
    keys: Any = None
    if loop.noted:
        keys = loop.base(n, reverse)
    elif loop.draws:
        keys = jax.random.split(loop.base() if n else jax.random.key(0), n)

    def body(carry: PyTree, x: PyTree) -> Any:
        inner, values = carry
        x, key = x
        (inner, y), values = loop.iterate(called, (inner, x), values, key)
        return (inner, values), y

    (carry, values), ys = jax.lax.scan(body, (init, loop.start), (xs, keys), length, reverse, unroll)
    if n:
        write_out(loop.boxes, values)
    carry, ys = loop.rebuild((carry, ys))
    return reordered(carry, order[0]), ys


def map(f: Callable[[Any], Any], xs: object, *, batch_size: int | None = None) -> Any:
    """`jax.lax.map` for a function that reads and writes Modules: one call after the other, the results stacked.

    Args:
        f: called with each element of ``xs`` in turn.
        xs: arrays, or a nest of them, to map over along their first axis.
        batch_size: how many elements to compute at once, by `vmap`; then ``f`` may not write what differs among them.

    Returns:
        The stacked results.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> drop = nn.Dropout(0.5)
        >>> a, b = fnn.map(lambda x: drop(x), jnp.ones((2, 64)))
        >>> bool((a == b).all())
        False
    """
    check_function(f, "map")
    if batch_size is None:
        return _scan("map", lambda _, x: (None, f(x)), None, xs, None, False, 1)[1]
    if not isinstance(batch_size, int) or batch_size <= 0:
        raise ArgumentError(f"map: batch_size must be a positive int or None, got batch_size={batch_size!r}")
    order = order_of(xs)
    leaves, treedef = jax.tree.flatten(unboxed(xs))
    if not leaves or any(jnp.ndim(x) == 0 for x in leaves):
        raise ArgumentError("map: xs must be arrays with an axis to map over, got a scalar or none at all")
    batched = vmap(lambda *x: f(reordered(treedef.unflatten(x), order)), randomness="different")
    n = len(leaves[0]) // batch_size * batch_size
    parts = []
    if n:
        blocks = [jnp.reshape(x[:n], (-1, batch_size, *jnp.shape(x)[1:])) for x in leaves]
        ys = _scan("map", lambda _, x: (None, batched(*x)), None, blocks, None, False, 1)[1]
        parts.append(combined(lambda y: y.reshape(-1, *y.shape[2:]), ys))
    if n < len(leaves[0]) or not parts:
        parts.append(batched(*(x[n:] for x in leaves)))
    return parts[0] if len(parts) == 1 else combined(lambda *y: jnp.concatenate(y), *parts)


def fori_loop(
    lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any, *, unroll: int | bool | None = None
) -> Any:
    """`jax.lax.fori_loop` for a function that reads and writes Modules.

    Args:
        lower: the first index.
        upper: the index after the last.
        body_fun: ``(i, carry) -> carry``.
        init_val: the first carry.
        unroll: how many iterations to unroll, where both bounds are Python ints.

    Returns:
        The last carry. It can be differentiated in reverse mode where both bounds are Python ints.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> print(fnn.fori_loop(0, 100, lambda i, x: x + fnn.randn(1000), jnp.zeros(1000)).std().round(-1))
        10.0
    """
    check_function(body_fun, "fori_loop")
    lower, upper, order = unboxed(lower), unboxed(upper), order_of(init_val)
    init_val = unboxed(init_val)

    def called(i: object, carry: object) -> Any:
        return body_fun(i, reordered(carry, order))

    rehearsal = Rehearsal("fori_loop")
    rehearsal.run(called, jax.ShapeDtypeStruct((), jnp.result_type(lower, upper)), _shapes(init_val))
    loop = _Loop("fori_loop", rehearsal)
    known = isinstance(lower, (int, np.integer)) and isinstance(upper, (int, np.integer))
    base = loop.base(max(0, int(upper) - int(lower)) if known else None)

    def body(i: jax.Array, carry: PyTree) -> Any:
        inner, values = carry
        return loop.iterate(called, (i, inner), values, loop.key(base, i - lower if loop.noted else i))

    carry, values = jax.lax.fori_loop(lower, upper, body, (init_val, loop.start), unroll=unroll)
    write_out(loop.boxes, values)
    return reordered(carry, order)


def while_loop(cond_fun: Callable[[Any], Any], body_fun: Callable[[Any], Any], init_val: PyTree) -> Any:
    """`jax.lax.while_loop` for functions that read and write Modules.

    Args:
        cond_fun: ``carry -> boolean scalar``: whether to go on.
        body_fun: ``carry -> carry``.
        init_val: the first carry.

    Returns:
        The carry at which ``cond_fun`` is false. As `jax.lax.while_loop`, it has forward-mode derivatives only; use
        `scan`, or `fori_loop` with Python ints, where a gradient is taken.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> print(fnn.while_loop(lambda x: x < 100, lambda x: x * 2, jnp.array(3)))
        192
    """
    check_function(cond_fun, "while_loop: cond_fun")
    check_function(body_fun, "while_loop: body_fun")
    order = order_of(init_val)
    init_val = unboxed(init_val)
    rehearsal = Rehearsal("while_loop")
    rehearsal.run(lambda carry: cond_fun(reordered(carry, order)), _shapes(init_val))
    rehearsal.run(lambda carry: body_fun(reordered(carry, order)), _shapes(init_val))
    loop = _Loop("while_loop", rehearsal)
    base = loop.base()

    # The condition is asked before the loop and at the end of its body, so that what it writes is carried, too.
    def asked(carry: PyTree, values: list[Any], n: jax.Array) -> tuple[Any, list[Any]]:
        on, values = loop.iterate(cond_fun, (reordered(carry, order),), values, loop.key(base, 2 * n))
        on = on.data if isinstance(on, Box) else on
        if jnp.shape(on) != () or jnp.result_type(on) != jnp.bool_:
            raise ArgumentTypeError(
                f"while_loop: cond_fun must return a boolean scalar, got shape {jnp.shape(on)} and dtype "
                f"{jnp.result_type(on)}"
            )
        return jnp.asarray(on), values

    def body(state: PyTree) -> Any:
        _, carry, values, n = state
        carry, values = loop.iterate(body_fun, (reordered(carry, order),), values, loop.key(base, 2 * n + 1))
        on, values = asked(carry, values, n + 1)
        return on, carry, values, n + 1

    n = jnp.zeros((), jnp.uint32)
    on, values = asked(init_val, loop.start, n)
    _, carry, values, _ = jax.lax.while_loop(lambda state: state[0], body, (on, init_val, values, n))
    write_out(loop.boxes, values)
    return reordered(carry, order)
