"""torch.func's pure derivatives over JAX's: `vjp`, `jvp`, `jacrev`, `jacfwd`, `hessian`, `linearize`.

Functions may read Modules (as constants); writes are carried out where the function runs once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.func._carry import Carried
from fnn.state.scope import write_out

Argnums = int | tuple[int, ...]


def _unboxed(tree: Any) -> Any:
    """Parameters and Buffers among the primals as their arrays."""
    from fnn.state.box import Box

    return jax.tree.map(
        lambda x: x.data if isinstance(x, Box) else jnp.asarray(x), tree, is_leaf=lambda x: isinstance(x, Box)
    )


def vjp(func: Callable, *primals: Any, has_aux: bool = False) -> Any:
    """The value of ``func`` and a function that pulls cotangents back.

    Returns:
        ``(output, vjp_fn)``, or ``(output, vjp_fn, aux)``. ``vjp_fn(cotangents)``, of the structure of the output,
        returns a tuple with one cotangent for each primal.
    """
    run = Carried()

    def body(*args: Any) -> Any:
        out, values = run(func, args, {})
        if has_aux:
            out, aux = out
            return out, (aux, values)
        return out, (None, values)

    out, pull, (aux, values) = jax.vjp(body, *_unboxed(primals), has_aux=True)
    write_out(run.boxes, values)
    return (out, pull, aux) if has_aux else (out, pull)


def jvp(func: Callable, primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False) -> Any:
    """The value of ``func`` and its derivative along ``tangents``.

    Args:
        func: the function.
        primals: a tuple of its arguments.
        tangents: a tuple of the same structure.
        strict: whether an output that does not depend on the primals is an error.
        has_aux: whether ``func`` returns ``(output, aux)``.

    Returns:
        ``(output, tangent)``, or ``(output, tangent, aux)``.
    """
    if not isinstance(primals, tuple) or not isinstance(tangents, tuple) or len(primals) != len(tangents):
        raise ArgumentError(
            f"jvp(f, primals, tangents): expected tuples of equal length, got "
            f"{type(primals).__name__} and {type(tangents).__name__}"
        )
    primals, tangents = _unboxed(primals), _unboxed(tangents)
    run = Carried()

    def body(*args: Any) -> Any:
        out, values = run(func, args, {})
        if has_aux:
            out, aux = out
            return out, (aux, values)
        return out, (None, values)

    if strict:
        _check_dependence(func, primals, has_aux)
    out, tangent, (aux, values) = jax.jvp(body, primals, tangents, has_aux=True)
    write_out(run.boxes, values)
    return (out, tangent, aux) if has_aux else (out, tangent)


def _check_dependence(func: Callable, primals: tuple, has_aux: bool) -> None:
    run = Carried()
    jaxpr = jax.make_jaxpr(lambda *a: run(func, a, {})[0][0] if has_aux else run(func, a, {})[0])(*primals)
    reached = set(map(id, jaxpr.jaxpr.invars))
    for equation in jaxpr.jaxpr.eqns:
        if any(id(v) in reached for v in equation.invars):
            reached.update(map(id, equation.outvars))
    if not all(id(v) in reached for v in jaxpr.jaxpr.outvars):
        raise ArgumentError("jvp(f, primals, tangents, strict=True): The output of f is independent of the primals.")


def _primals(args: tuple, argnums: Argnums, what: str) -> tuple:
    for n in (argnums,) if isinstance(argnums, int) else argnums:
        if not -len(args) <= n < len(args):
            raise ArgumentError(f"{what}: argnums={argnums} but the function was given {len(args)} arguments")
        for leaf in jax.tree.leaves(args[n]):
            if not hasattr(leaf, "dtype") and not isinstance(leaf, (float, complex)):
                raise ArgumentTypeError(f"{what}: argument {n} must hold arrays of a floating dtype, got {leaf!r}")
    return tuple(_unboxed(arg) if _has_arrays(arg) else arg for arg in args)


def _has_arrays(tree: Any) -> bool:
    return all(hasattr(leaf, "dtype") or isinstance(leaf, (int, float, complex)) for leaf in jax.tree.leaves(tree))


def _jacobian(transform: Callable, func: Callable, argnums: Argnums, has_aux: bool, what: str) -> Callable:
    @functools.wraps(func, updated=())
    def wrapper(*args: Any) -> Any:
        def read_only(*args: Any) -> Any:
            run = Carried()
            out, _ = run(func, args, {})
            if run.boxes:
                box = run.boxes[0]
                raise ArgumentError(
                    f"{what}: the function writes to a {type(box).__name__} of shape {box.shape} while it is "
                    "evaluated for many directions; call model.eval() first"
                )
            return out

        return transform(read_only, argnums, has_aux=has_aux)(*_primals(args, argnums, what))

    return wrapper


def jacrev(func: Callable, argnums: Argnums = 0, *, has_aux: bool = False, chunk_size: int | None = None) -> Callable:
    """The Jacobian of ``func`` by reverse mode: one backward pass per output element.

    Args:
        func: a function of arrays (or nests of them).
        argnums: which arguments to differentiate.
        has_aux: whether ``func`` returns ``(output, aux)``.
        chunk_size: how many backward passes to run at once; None for all.

    Returns:
        ``f(*args) -> jacobian``, of shape ``(*output, *input)`` for each pair.
    """
    if chunk_size is not None and (not isinstance(chunk_size, int) or chunk_size <= 0):
        raise ArgumentError("jacrev: `chunk_size` should be greater than 0.")
    if chunk_size is None:
        return _jacobian(jax.jacrev, func, argnums, has_aux, "jacrev")
    return _jacobian(functools.partial(_chunked_jacrev, chunk_size=chunk_size), func, argnums, has_aux, "jacrev")


def _chunked_jacrev(func: Callable, argnums: Argnums, has_aux: bool, chunk_size: int) -> Callable:
    def wrapper(*args: Any) -> Any:
        numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)

        def chosen(*values: Any) -> Any:
            full = list(args)
            for n, value in zip(numbers, values, strict=True):
                full[n] = value
            out = func(*full)
            return out if has_aux else (out, None)

        out, pull, aux = jax.vjp(chosen, *(args[n] for n in numbers), has_aux=True)
        leaves, treedef = jax.tree.flatten(out)
        jacobians = []
        for place, leaf in enumerate(leaves):
            rows = jnp.eye(leaf.size, dtype=leaf.dtype).reshape(leaf.size, *leaf.shape)

            def one(row: Any, place: int = place) -> Any:
                cotangents = [row if i == place else jnp.zeros_like(other) for i, other in enumerate(leaves)]
                return pull(jax.tree.unflatten(treedef, cotangents))

            parts = jax.lax.map(one, rows, batch_size=chunk_size)
            parts = jax.tree.map(lambda p, leaf=leaf: p.reshape(*leaf.shape, *p.shape[1:]), parts)
            jacobians.append(parts[0] if isinstance(argnums, int) else parts)
        result = jax.tree.unflatten(treedef, jacobians)
        return (result, aux) if has_aux else result

    return wrapper


def jacfwd(func: Callable, argnums: Argnums = 0, has_aux: bool = False, *, randomness: str = "error") -> Callable:
    """The Jacobian of ``func`` by forward mode: one forward pass per input element.

    Args:
        func: a function of arrays (or nests of them).
        argnums: which arguments to differentiate.
        has_aux: whether ``func`` returns ``(output, aux)``.
        randomness: ``"error"``, ``"different"`` or ``"same"``; the function is evaluated once for all directions,
            so that random numbers are the same for all, and ``"different"`` is refused.
    """
    if randomness not in ("error", "different", "same"):
        raise ArgumentError(
            f"Only allowed values for randomness are 'error', 'different', or 'same'. Got randomness={randomness!r}"
        )
    if randomness == "different":
        raise ArgumentError("jacfwd: randomness='different' would mix derivatives of different functions; use 'same'")
    from fnn import random

    transformed = _jacobian(jax.jacfwd, func, argnums, has_aux, "jacfwd")
    if randomness == "same":
        return transformed

    @functools.wraps(func, updated=())
    def wrapper(*args: Any) -> Any:
        def refuse() -> Any:
            raise ArgumentError(
                "jacfwd: the function draws random numbers and randomness='error'; say randomness='same'"
            )

        with random.ambient(refuse):
            return transformed(*args)

    return wrapper


def hessian(func: Callable, argnums: Argnums = 0) -> Callable:
    """The Hessian of ``func``: forward mode over reverse mode."""
    return jacfwd(jacrev(func, argnums), argnums)


def linearize(func: Callable, *primals: Any) -> tuple[Any, Callable]:
    """The value of ``func`` and its derivative there, a linear function to be applied many times.

    Returns:
        ``(output, jvp_fn)``; ``jvp_fn(*tangents)`` returns the output's tangent.
    """
    run = Carried()

    def body(*args: Any) -> Any:
        out, values = run(func, args, {})
        return out, values

    out, push, values = jax.linearize(body, *_unboxed(primals), has_aux=True)
    write_out(run.boxes, values)
    return out, push
