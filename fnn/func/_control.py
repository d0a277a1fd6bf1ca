"""`checkpoint`, `scan` and `cond` for functions that read and write Modules.

JAX's own forms see only arguments and results; these carry what the function writes through the loop or branch.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from fnn import random
from fnn._trace import current_trace, in_trace
from fnn.errors import ArgumentError
from fnn.func._carry import Arguments, Carried
from fnn.func._function import check_function
from fnn.func._jit import _is_box
from fnn.state.box import Box
from fnn.state.scope import Scope, current_scope, opened, write_out


def checkpoint(fun: Callable | None = None, *, prevent_cse: bool = True, policy: Callable | None = None) -> Callable:
    """Recomputes ``fun``'s intermediate values in the backward pass instead of storing them.

    Args:
        fun: a function or Module; without it a decorator is returned.
        prevent_cse: as for `jax.checkpoint`.
        policy: which values to store, one of `jax.checkpoint_policies`.

    Returns:
        A function of the same arguments and results. What ``fun`` writes to Modules is carried out.
    """
    if fun is None:
        return functools.partial(checkpoint, prevent_cse=prevent_cse, policy=policy)
    check_function(fun, "checkpoint")

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        arguments, run = Arguments(args, kwargs), Carried()

        def body(dynamic: list[Any]) -> Any:
            return run(fun, *arguments.rebuilt(dynamic))

        with _drawing():
            out, values = jax.checkpoint(body, prevent_cse=prevent_cse, policy=policy)(arguments.dynamic)
        write_out(run.boxes, values)
        return out

    return functools.wraps(fun, updated=())(wrapper)


class _HostKeys:
    """Keys for a function that an eager call is about to trace, from the global generator."""

    def __init__(self) -> None:
        self.trace = current_trace()
        self.stream: Callable[[], Any] | None = None

    def __call__(self) -> Any:
        with in_trace(self.trace):
            if self.stream is None:
                self.stream = random.stream(_host_key(random.default_generator))
            return self.stream()


def _drawing() -> Any:
    """A context in which the function to be traced may draw: as around it, or from the global generator."""
    provider = random.current_provider()
    return random.ambient(_HostKeys() if provider is None and not random.is_staging() else provider)


def _rehearse(function: Callable, *operands: Any) -> tuple[dict[Box, Any], bool]:
    """Traces ``function`` abstractly: the boxes it writes with the shapes written, and whether it draws numbers."""
    written: dict[Box, Any] = {}
    drawn = False

    def run(*operands: Any) -> Any:
        def provider() -> Any:
            nonlocal drawn
            drawn = True
            return jax.random.key(0)

        scope = Scope(parent=current_scope())
        with opened(scope), random.ambient(provider):
            out = function(*operands)
        for box in scope.carried():
            value = scope.values[box]
            written[box] = None if value is None else jax.ShapeDtypeStruct(value.shape, value.dtype)
        return out

    jax.eval_shape(run, *operands)
    return written, drawn


def _fresh_key(what: str) -> Any:
    key = random.resolve(random.AMBIENT, what)
    return _host_key(key) if isinstance(key, random.Generator) else key


def _host_key(generator: random.Generator) -> Any:
    return jax.random.key(int(generator.randint(0, 1 << 31, (1,))[0]))


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
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
    init, xs = (jax.tree.map(_unboxed, tree, is_leaf=_is_box) for tree in (init, xs))
    leaves = jax.tree.leaves(xs)
    if not leaves and length is None:
        raise ArgumentError("scan: length is needed where xs has no arrays")
    if any(jnp.ndim(x) == 0 for x in leaves):
        raise ArgumentError("scan: xs must be arrays with an axis to scan over, got a scalar")
    first = jax.tree.map(lambda x: jax.ShapeDtypeStruct(jnp.shape(x)[1:], jnp.result_type(x)), xs)
    written, draws = _rehearse(f, jax.eval_shape(lambda c: c, init), first)
    # An absent p.grad to which the body adds starts from zeros.
    start = {}
    for box, new in written.items():
        if box.data is not None:
            start[box] = box.data
        elif new is not None:
            start[box] = jnp.zeros(new.shape, new.dtype)
    boxes = list(start)
    if not boxes and not draws:
        return jax.lax.scan(f, init, xs, length, reverse, unroll)
    n = length if length is not None else jnp.shape(leaves[0])[0]
    keys = jax.random.split(_fresh_key("scan") if n else jax.random.key(0), n) if draws else None

    def body(carry: Any, x: Any) -> Any:
        inner, values = carry
        x, key = x
        run = Carried()
        with random.ambient(random.stream(key) if draws else random.current_provider()):
            (inner, y), _ = run(f, (inner, x), {}, bound := dict(zip(boxes, values, strict=True)))
        return (inner, _same_types([bound[box] for box in boxes], boxes, values, "scan")), y

    (carry, values), ys = jax.lax.scan(body, (init, list(start.values())), (xs, keys), length, reverse, unroll)
    if n:
        write_out(boxes, values)
    return carry, ys


def _unboxed(value: Any) -> Any:
    return value.data if isinstance(value, Box) else value


def _same_types(new: list[Any], boxes: list[Box], old: list[Any], what: str) -> list[Any]:
    for box, a, b in zip(boxes, new, old, strict=True):
        if (a is None) != (b is None):
            raise ArgumentError(
                f"{what}: a gradient (p.grad) is None on one side and an array on the other; inside {what} it must be "
                "an array throughout: call zero_grad(set_to_none=False) first"
            )
        if b is not None and (jnp.shape(a) != jnp.shape(b) or a.dtype != b.dtype):
            raise ArgumentError(
                f"{what}: a {type(box).__name__} of shape {jnp.shape(b)} and dtype {b.dtype} was replaced by one of "
                f"shape {jnp.shape(a)} and dtype {a.dtype}; inside {what} both must stay"
            )
    return new


def cond(pred: Any, true_fun: Callable, false_fun: Callable, *operands: Any) -> Any:
    """`jax.lax.cond` for branches that read and write Modules.

    Args:
        pred: a boolean scalar.
        true_fun: called with the operands if ``pred``.
        false_fun: called with them otherwise; its result has the same structure, shapes and dtypes.
        *operands: arrays, Modules, or nests of them.

    Returns:
        The result of the branch. What that branch writes to Modules is carried out.
    """
    arguments = Arguments(operands, {})

    def called(function: Callable) -> Callable:
        return lambda dynamic: function(*arguments.rebuilt(dynamic)[0])

    dynamic = arguments.dynamic
    written = [_rehearse(called(f), dynamic)[0] for f in (true_fun, false_fun)]
    boxes = list(dict.fromkeys([*written[0], *written[1]]))

    def branch(function: Callable) -> Callable:
        def run(dynamic: list[Any], values: list[Any]) -> Any:
            bound = dict(zip(boxes, values, strict=True))
            out, _ = Carried()(called(function), (dynamic,), {}, bound)
            return out, _same_types([bound[box] for box in boxes], boxes, values, "cond")

        return run

    pred = _unboxed(pred)
    start = [box.data for box in boxes]
    with _drawing():
        out, values = jax.lax.cond(pred, branch(true_fun), branch(false_fun), dynamic, start)
    write_out(boxes, values)
    return out
