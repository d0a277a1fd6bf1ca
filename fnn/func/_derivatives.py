"""torch.func's pure derivatives over JAX's: `vjp`, `jvp`, `linearize`.

The primals may be or contain Modules: their derivatives, tangents and cotangents are ``{name: array}`` dicts of the
trainable parameters.  What the function writes to Modules is carried out.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.tree_util import Partial, tree_map

from fnn.dtypes import conjugated
from fnn.errors import ArgumentError
from fnn.func._variables import Function, Variables, derived
from fnn.state.box import Box
from fnn.state.hooks import backward_hooks_used
from fnn.state.results import reordered
from fnn.state.scope import write_out


def _array(leaf: object, what: str) -> Any:
    del what
    return jnp.asarray(leaf)


def outputs(out: object, what: str) -> Any:
    """A function's result as arrays."""
    del what
    return tree_map(lambda x: x.data if isinstance(x, Box) else x, out, is_leaf=lambda x: isinstance(x, Box))


def _function(func: Callable[..., Any], primals: tuple, has_aux: bool, what: str) -> tuple[Variables, Function]:
    variables = Variables(primals, list(range(len(primals))), what, _array)
    return variables, Function(func, variables, has_aux, outputs)


def vjp(func: Callable[..., Any], *primals: object, has_aux: bool = False) -> Any:
    """The value of ``func`` and a function that pulls cotangents back.

    Args:
        func: a function of the primals.
        *primals: arrays, Parameters, Modules, or nests of them.
        has_aux: whether ``func`` returns ``(output, aux)``.

    Returns:
        ``(output, vjp_fn)``, or ``(output, vjp_fn, aux)``. ``vjp_fn(cotangents)``, of the structure of the output,
        returns a tuple with one cotangent for each primal; of a Module it is ``{name: array}``. Those of complex
        values are PyTorch's: ``vjp_fn(v)`` is the conjugate of what `jax.vjp` makes of the conjugate of ``v``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import func, nn
        >>> model = nn.Linear(2, 1, bias=False)
        >>> y, pull = func.vjp(lambda model: model(jnp.array([[3.0, 4.0]])), model)
        >>> (cotangent,) = pull(jnp.ones((1, 1)))
        >>> print(cotangent["weight"])
        [[3. 4.]]
    """
    variables, function = _function(func, primals, has_aux, "vjp")
    anchor = jnp.zeros(()) if backward_hooks_used() else None
    out, pull, (aux, written) = derived(
        function, functools.partial(jax.vjp, function, has_aux=True), variables.values, anchor
    )
    write_out(function.carried, written)
    out = reordered(out, function.order)
    pull = Partial(functools.partial(_pulled, variables), pull)
    return (out, pull, function.rebuild_aux(aux)) if has_aux else (out, pull)


def _pulled(variables: Variables, pull: Callable[..., Any], cotangents: object) -> tuple:
    return variables.shaped(conjugated(pull(conjugated(cotangents))[0]))


def jvp(
    func: Callable[..., Any], primals: object, tangents: object, *, strict: bool = False, has_aux: bool = False
) -> Any:
    """The value of ``func`` and its derivative along ``tangents``.

    Args:
        func: the function.
        primals: a tuple of its arguments: arrays, Parameters, Modules, or nests of them.
        tangents: a tuple of the same structure; the tangent of a Module is a dict ``{name: array}`` of its trainable
            parameters, as `fnn.grad` returns and ``fnn.split(model, trainable=True)`` gives. A parameter that several
            primals share has one tangent.
        strict: whether an output that does not depend on the primals is an error.
        has_aux: whether ``func`` returns ``(output, aux)``.

    Returns:
        ``(output, tangent)``, or ``(output, tangent, aux)``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import func, nn
        >>> model = nn.Linear(2, 1, bias=False)
        >>> direction = {"weight": jnp.array([[1.0, 10.0]])}
        >>> _, slope = func.jvp(lambda model: model(jnp.array([[3.0, 4.0]])), (model,), (direction,))
        >>> print(slope)
        [[43.]]
    """
    if not isinstance(primals, tuple) or not isinstance(tangents, tuple) or len(primals) != len(tangents):
        raise ArgumentError(
            f"jvp(f, primals, tangents): expected tuples of equal length, got "
            f"{type(primals).__name__} and {type(tangents).__name__}"
        )
    variables, function = _function(func, primals, has_aux, "jvp")
    directions = variables.flat(tangents)
    if strict:
        _check_dependence(function, variables.values)
    out, tangent, (aux, written) = derived(
        function, functools.partial(jax.jvp, function, has_aux=True), (variables.values,), (directions,)
    )
    write_out(function.carried, written)
    out, tangent = reordered(out, function.order), reordered(tangent, function.order)
    return (out, tangent, function.rebuild_aux(aux)) if has_aux else (out, tangent)


def _check_dependence(function: Function, values: list[Any]) -> None:
    jaxpr = jax.make_jaxpr(lambda values: function(values)[0])(values)
    reached = set(map(id, jaxpr.jaxpr.invars))
    for equation in jaxpr.jaxpr.eqns:
        if any(id(v) in reached for v in equation.invars):
            reached.update(map(id, equation.outvars))
    if not all(id(v) in reached for v in jaxpr.jaxpr.outvars):
        raise ArgumentError("jvp(f, primals, tangents, strict=True): The output of f is independent of the primals.")


def linearize(func: Callable[..., Any], *primals: object) -> tuple[Any, Callable]:
    """The value of ``func`` and its derivative there, a linear function to be applied many times.

    Args:
        func: a function of the primals.
        *primals: arrays, Parameters, Modules, or nests of them.

    Returns:
        ``(output, jvp_fn)``; ``jvp_fn(*tangents)`` returns the output's tangent, for tangents as `jvp` takes them.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import func
        >>> y, push = func.linearize(lambda x: x**2, jnp.array(3.0))
        >>> print(y, push(1.0), push(2.0))
        9.0 6.0 12.0
    """
    variables, function = _function(func, primals, False, "linearize")
    out, push, (_, written) = derived(
        function, functools.partial(jax.linearize, function, has_aux=True), variables.values
    )
    write_out(function.carried, written)
    return reordered(out, function.order), Partial(functools.partial(_pushed, variables, function.order), push)


def _pushed(variables: Variables, order: object, push: Callable[..., Any], *tangents: object) -> Any:
    if len(tangents) != len(variables.numbers):
        raise ArgumentError(f"linearize: expected {len(variables.numbers)} tangents, got {len(tangents)}")
    return reordered(push(variables.flat(tangents)), order)
