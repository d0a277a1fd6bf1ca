"""Whole Jacobians: `jacrev`, `jacfwd`, `hessian`, with torch.func's arguments, also with respect to Modules."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp
from jax.tree_util import tree_flatten, tree_unflatten

from fnn import random
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.func._derivatives import outputs
from fnn.func._function import check_function
from fnn.func._variables import Argnums, Function, Variables, derived, positions
from fnn.state.results import reordered
from fnn.state.scope import Slot, is_fresh
from fnn.typing import P, PyTree


class _Jacobian:
    """One evaluation: the function, its arguments, and the form of the result."""

    def __init__(self, func: Callable[..., Any], argnums: Argnums, has_aux: bool, what: str, args: tuple) -> None:
        self.what, self.has_aux, self.single = what, has_aux, isinstance(argnums, int)
        numbers = positions(argnums, len(args), what)
        self.variables = Variables(args, numbers, what, functools.partial(_real_input, numbers=numbers))
        self.values = self.variables.values
        for i, value in enumerate(self.values):
            _check_real(value, what, "inputs", i)
        self.function = Function(func, self.variables, has_aux, outputs)

    def run(self, values: list[Any]) -> tuple[list[Any], Any]:
        """The outputs as a list, and aux; of a function that writes nothing and has real outputs."""
        out, (aux, _) = self.function(values)
        box = next((box for box in self.function.carried if not is_fresh(box)), None)
        if box is not None:
            written = box.what if isinstance(box, Slot) else f"a {type(box).__name__} of shape {box.shape}"
            advice = "return the value instead" if isinstance(box, Slot) else "call model.eval() first"
            raise ArgumentError(
                f"{self.what}: the function writes to {written} while it is evaluated for many directions; {advice}"
            )
        leaves, self.treedef = tree_flatten(out)
        for i, leaf in enumerate(leaves):
            _check_real(leaf, self.what, "outputs", i)
        return [jnp.asarray(leaf) for leaf in leaves], aux

    def result(self, table: list[list[Any]], aux: object) -> Any:
        """``table[i][j]``, the derivative of output ``i`` by value ``j``, in the form of outputs and arguments."""
        rows = [self.variables.shaped(row) for row in table]
        jacobian = tree_unflatten(self.treedef, [row[0] if self.single else row for row in rows])
        jacobian = reordered(jacobian, self.function.order)
        return (jacobian, self.function.rebuild_aux(aux)) if self.has_aux else jacobian


def _real_input(leaf: object, what: str, numbers: list[int]) -> Any:
    if not hasattr(leaf, "dtype") and not isinstance(leaf, (float, complex)):
        which = f"argument {numbers[0]}" if len(numbers) == 1 else f"the arguments {numbers}"
        raise ArgumentTypeError(f"{what}: {which} must hold arrays of a floating dtype or Modules, got {leaf!r}")
    return jnp.asarray(leaf)


def _check_real(value: jax.Array, what: str, side: str, index: int) -> None:
    if jnp.iscomplexobj(value):
        raise ArgumentTypeError(
            f"{what}: Expected all {side} to be real but received complex tensor at flattened input idx: {index}; take "
            "the derivatives by real and imaginary part, or use fnn.func.vjp or jvp"
        )
    if side == "inputs" and not jnp.issubdtype(jnp.result_type(value), jnp.floating):
        raise ArgumentTypeError(f"{what}: a differentiated argument must have a floating dtype, got {value.dtype}")


def _basis(values: list[Any]) -> list[Any]:
    """The unit vectors of the space of ``values``, one a row: arrays of shape ``(n, *shape)``."""
    sizes = [math.prod(jnp.shape(v)) for v in values]
    unit, found, start = jnp.eye(sum(sizes)), [], 0
    for value, size in zip(values, sizes, strict=True):
        columns = unit[:, start : start + size]
        found.append(columns.reshape(-1, *value.shape).astype(value.dtype))
        start += size
    return found


def _split_rows(rows: jax.Array, values: list[Any]) -> list[Any]:
    """``rows`` of shape ``(n, ...)`` as one array ``(*shape, ...)`` for each of ``values``."""
    parts, start = [], 0
    for value in values:
        size = math.prod(value.shape)
        parts.append(rows[start : start + size].reshape(*value.shape, *rows.shape[1:]))
        start += size
    return parts


def jacrev(
    func: Callable[P, object], argnums: Argnums = 0, *, has_aux: bool = False, chunk_size: int | None = None
) -> Callable[P, PyTree]:
    """The Jacobian of ``func`` by reverse mode: one backward pass per output element.

    Args:
        func: a function of arrays, Modules, or nests of them, with real values.
        argnums: which arguments to differentiate.
        has_aux: whether ``func`` returns ``(output, aux)``.
        chunk_size: how many backward passes to run at once; None for all.

    Returns:
        ``f(*args) -> jacobian``, of shape ``(*output, *input)`` for each pair; for a Module a dict of these by the
        names of its trainable parameters.

    Raises:
        ArgumentTypeError: an input or output is complex, as in torch.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import func, nn
        >>> model = nn.Linear(2, 3)
        >>> jacobian = func.jacrev(lambda model: model(jnp.ones(2)))(model)
        >>> {name: part.shape for name, part in jacobian.items()}
        {'weight': (3, 3, 2), 'bias': (3, 3)}
    """
    check_function(func, "jacrev")
    if chunk_size is not None and (not isinstance(chunk_size, int) or chunk_size <= 0):
        raise ArgumentError("jacrev: `chunk_size` should be greater than 0.")

    @functools.wraps(func, updated=())
    def wrapper(*args: object) -> Any:
        call = _Jacobian(func, argnums, has_aux, "jacrev", args)
        out, pull, aux = derived(call.function, functools.partial(jax.vjp, call.run, has_aux=True), call.values)
        rows = _basis(out)
        if chunk_size is None:
            grads = jax.vmap(lambda row: pull(row)[0])(rows)
        else:
            grads = jax.lax.map(lambda row: pull(row)[0], rows, batch_size=chunk_size)
        by_value = [_split_rows(grad, out) for grad in grads]
        return call.result([[column[i] for column in by_value] for i in range(len(out))], aux)

    return cast(Callable[P, PyTree], wrapper)


def jacfwd(
    func: Callable[P, object], argnums: Argnums = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Callable[P, PyTree]:
    """The Jacobian of ``func`` by forward mode: one forward pass per input element.

    Args:
        func: a function of arrays, Modules, or nests of them, with real values.
        argnums: which arguments to differentiate.
        has_aux: whether ``func`` returns ``(output, aux)``.
        randomness: ``"error"``, ``"different"`` or ``"same"``; the function is evaluated once for all directions,
            so that random numbers are the same for all, and ``"different"`` is refused.

    Returns:
        As `jacrev`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import func
        >>> print(func.jacfwd(lambda x: x**2)(jnp.arange(3.0)))
        [[0. 0. 0.]
         [0. 2. 0.]
         [0. 0. 4.]]
    """
    check_function(func, "jacfwd")
    if randomness not in ("error", "different", "same"):
        raise ArgumentError(
            f"Only allowed values for randomness are 'error', 'different', or 'same'. Got randomness={randomness!r}"
        )
    if randomness == "different":
        raise ArgumentError("jacfwd: randomness='different' would mix derivatives of different functions; use 'same'")

    def refuse() -> Any:
        raise ArgumentError("jacfwd: the function draws random numbers and randomness='error'; say randomness='same'")

    @functools.wraps(func, updated=())
    def wrapper(*args: object) -> Any:
        call = _Jacobian(func, argnums, has_aux, "jacfwd", args)
        provider = random.Relay() if randomness == "same" else refuse

        def run(values: list[Any]) -> Any:
            with random.ambient(provider):
                return call.run(values)

        def push(direction: list[Any]) -> Any:
            return jax.jvp(run, (call.values,), (direction,), has_aux=True)

        pushed = jax.vmap(push, out_axes=(None, -1, None))
        out, columns, aux = derived(call.function, pushed, _basis(call.values))
        table = []
        for column in columns:
            parts = _split_rows(jnp.moveaxis(column, -1, 0), call.values)
            table.append(
                [
                    jnp.moveaxis(part, range(value.ndim), range(-value.ndim, 0))
                    for part, value in zip(parts, call.values, strict=True)
                ]
            )
        del out
        return call.result(table, aux)

    return cast(Callable[P, PyTree], wrapper)


def hessian(func: Callable[P, object], argnums: Argnums = 0) -> Callable[P, PyTree]:
    """The Hessian of ``func``: forward mode over reverse mode.

    Args:
        func: a function of arrays, Modules, or nests of them, with a real scalar value.
        argnums: which arguments to differentiate.

    Returns:
        ``f(*args) -> hessian``; for a Module ``hessian[name][other name]``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import func, nn
        >>> model = nn.Linear(2, 1, bias=False)
        >>> h = func.hessian(lambda model: (model(jnp.array([1.0, 2.0])) ** 2).sum())(model)
        >>> print(h["weight"]["weight"].reshape(2, 2))
        [[2. 4.]
         [4. 8.]]
    """
    return jacfwd(jacrev(func, argnums), argnums)
