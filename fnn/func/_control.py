"""`checkpoint`, `cond` and `switch` for functions that read and write Modules.

JAX's own forms see only arguments and results; these carry out what the function or the taken branch writes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, overload

import jax

from fnn import random
from fnn.drawn import ProgramGenerator
from fnn.errors import ArgumentError
from fnn.func._carry import Arguments, Carried, Rehearsal, host_key, same_types, unboxed
from fnn.func._function import check_function
from fnn.state.box import Box
from fnn.state.scope import write_out
from fnn.tracing import in_trace
from fnn.typing import ArrayLike, P, PyTree, R


@overload
def checkpoint(
    fun: Callable[P, R], *, prevent_cse: bool = True, policy: Callable[..., Any] | None = None
) -> Callable[P, R]: ...
@overload
def checkpoint(
    fun: None = None, *, prevent_cse: bool = True, policy: Callable[..., Any] | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def checkpoint(
    fun: Callable[..., Any] | None = None, *, prevent_cse: bool = True, policy: Callable[..., Any] | None = None
) -> Callable[..., Any]:
    """Recomputes ``fun``'s intermediate values in the backward pass instead of storing them.

    Args:
        fun: a function or Module; without it a decorator is returned.
        prevent_cse: as for `jax.checkpoint`.
        policy: which values to store, one of `jax.checkpoint_policies`.

    Returns:
        A function of the same arguments and results. What ``fun`` writes to Modules is carried out.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> block = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
        >>> grads = fnn.grad(lambda block: fnn.checkpoint(block)(jnp.ones((4, 2))).sum())(block)
        >>> print(grads["2.bias"])
        [4.]
    """
    if fun is None:
        return functools.partial(checkpoint, prevent_cse=prevent_cse, policy=policy)
    check_function(fun, "checkpoint")

    def wrapper(*args: object, **kwargs: object) -> Any:
        arguments, run, keys = Arguments(args, kwargs), Carried(), _OuterKeys()

        def body(dynamic: list[Any]) -> Any:
            with random.ambient(keys):
                return run(fun, *arguments.rebuilt(dynamic))

        out, values = jax.checkpoint(body, prevent_cse=prevent_cse, policy=policy)(arguments.dynamic)
        write_out(run.boxes, values)
        return run.rebuild(out)

    return functools.wraps(fun, updated=())(wrapper)


class _OuterKeys(random.Relay):
    """Keys of the call for a body that JAX traces apart: as around the call, or split off one host draw."""

    def __init__(self) -> None:
        super().__init__()
        self.stream: Callable[[], Any] | None = None

    def __call__(self) -> Any:
        with in_trace(self.trace):  # what is kept for the other branch must not belong to this one
            if self.stream is None:
                key = super().__call__()
                if not isinstance(key, random.Generator) or isinstance(key, ProgramGenerator):
                    return key
                self.stream = random.stream(host_key(key))
            return self.stream()


def cond(pred: ArrayLike, true_fun: Callable[..., R], false_fun: Callable[..., R], *operands: PyTree) -> R:
    """`jax.lax.cond` for branches that read and write Modules.

    Args:
        pred: a boolean scalar.
        true_fun: called with the operands if ``pred``.
        false_fun: called with them otherwise; its result has the same structure, shapes and dtypes.
        *operands: arrays, Modules, or nests of them.

    Returns:
        The result of the branch. What that branch writes to Modules is carried out.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> print(fnn.cond(jnp.array(True), lambda x: x + 1, lambda x: x - 1, jnp.arange(3)))
        [1 2 3]
    """
    check_function(true_fun, "cond: true_fun")
    check_function(false_fun, "cond: false_fun")

    def choose(branches: list[Callable[..., Any]], *args: object) -> Any:
        return jax.lax.cond(unboxed(pred), *branches, *args)

    return _branch("cond", choose, (true_fun, false_fun), operands)


def switch(index: ArrayLike, branches: Sequence[Callable[..., R]], *operands: PyTree) -> R:
    """`jax.lax.switch` for branches that read and write Modules.

    Args:
        index: an integer scalar, which branch to take; clamped into the range of the branches.
        branches: functions of the operands whose results have one structure, and equal shapes and dtypes.
        *operands: arrays, Modules, or nests of them.

    Returns:
        The result of the branch. What that branch writes to Modules is carried out.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> print(fnn.switch(jnp.array(1), [lambda x: x, lambda x: x * 2, lambda x: x * 3], jnp.arange(3)))
        [0 2 4]
    """
    branches = tuple(branches)
    if not branches:
        raise ArgumentError("switch: branches must hold at least one function, got none")
    for n, branch in enumerate(branches):
        check_function(branch, f"switch: branches[{n}]")

    def choose(functions: list[Callable[..., Any]], *args: object) -> Any:
        return jax.lax.switch(unboxed(index), functions, *args)

    return _branch("switch", choose, branches, operands)


def _branch(what: str, choose: Callable[..., Any], branches: tuple[Callable, ...], operands: tuple) -> Any:
    arguments = Arguments(operands, {})
    rehearsal, keys = Rehearsal(what, initialises=False), _OuterKeys()

    def called(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda dynamic: function(*arguments.rebuilt(dynamic)[0])

    dynamic = arguments.dynamic
    for function in branches:
        rehearsal.run(called(function), dynamic)
    rehearsal.refuse_draws()
    boxes = list(rehearsal.written)
    runs: list[Carried] = []
    ends: dict[Box, Any] = {}  # the types of what the first branch leaves

    def branch(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function, updated=())
        def run(dynamic: list[Any], values: list[Any]) -> Any:
            bound = dict(zip(boxes, values, strict=True))
            runs.append(Carried())
            with random.ambient(keys):
                out, _ = runs[-1](called(function), (dynamic,), {}, bound)
            new = [bound[box] for box in boxes]
            for box, value in zip(boxes, new, strict=True):
                ends.setdefault(box, None if value is None else jax.ShapeDtypeStruct(value.shape, value.dtype))
            # A gradient may be there before and not behind, or the other way, as long as the branches agree.
            left = [
                ends[box] if value is None or ends[box] is None else value
                for box, value in zip(boxes, values, strict=True)
            ]
            return out, same_types(new, boxes, left, what)

        return run

    start = [box._read_whole() for box in boxes]
    out, values = choose([branch(function) for function in branches], dynamic, start)
    write_out(boxes, values)
    return runs[0].rebuild(out)
