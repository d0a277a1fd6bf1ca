"""Gradients with respect to Modules: `value_and_grad`, `grad`, `grad_and_value`, `backward`.

The first argument (or those named by ``argnums``) is differentiated.  Where it is, or contains, a Module, the
derivative is taken with respect to its trainable parameters and comes as ``{name: gradient}``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import tree_flatten, tree_unflatten

from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.func._function import check_function
from fnn.nn import Module
from fnn.state.box import Box
from fnn.state.hooks import backward_hooks_used
from fnn.state.parameter import Parameter, is_lazy
from fnn.state.scope import Scope, current_scope, opened, write_out

Argnums = int | tuple[int, ...]


def trainable(module: Module, what: str) -> dict[str, Parameter]:
    """The parameters with ``requires_grad``, by name.

    Raises:
        ArgumentError: a lazy parameter has no value yet.
    """
    found = {}
    for name, parameter in module.named_parameters():
        if is_lazy(parameter):
            raise ArgumentError(
                f"{what}: parameter '{name}' of {type(module).__name__} is not initialised yet; "
                "call the module once on an example input first"
            )
        if parameter._requires_grad:
            parameter._names = (name,) if parameter._names == () else tuple({*parameter._names, name})
            found[name] = parameter
    return found


class _ReadingScope(Scope):
    """A scope that knows which boxes were read: the others have no gradient."""

    __slots__ = ("leaves", "reads")

    def __init__(self, values: dict[Box, Any], parent: Scope | None) -> None:
        super().__init__(values, parent)
        self.leaves = frozenset(values)
        self.reads: set[Box] = set()

    def read(self, box: Box) -> Any:
        self.reads.add(box)
        return super().read(box)

    def differentiates(self, box: Box) -> bool:
        return box in self.leaves or super().differentiates(box)


class _Differentiated:
    """The differentiated arguments: Modules and Parameters become values of their boxes."""

    def __init__(self, args: tuple, argnums: Argnums, what: str) -> None:
        self.single = isinstance(argnums, int)
        numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        for n in numbers:
            if not isinstance(n, int) or not -len(args) <= n < len(args):
                hint = "" if args else f"; give it what is differentiated: {what}(lambda model: ...)(model)"
                raise ArgumentError(
                    f"{what}: argnums={argnums} but the function was given {len(args)} positional arguments{hint}"
                )
        self.args = args
        self.numbers = [n % len(args) for n in numbers]
        self.leaves, self.treedef = tree_flatten(tuple(args[n] for n in self.numbers), lambda a: isinstance(a, Box))
        self.boxes: list[dict[str, Parameter] | Box | None] = []
        self.values: list[Any] = []
        for leaf in self.leaves:
            if isinstance(leaf, Module):
                named = trainable(leaf, what)
                self.boxes.append(named)
                self.values.append({name: box.data for name, box in named.items()})
            elif isinstance(leaf, Box):
                self.boxes.append(leaf)
                self.values.append(leaf.data)
            else:
                self.boxes.append(None)
                self.values.append(self._array(leaf, what))

    @staticmethod
    def _array(leaf: Any, what: str) -> Any:
        try:
            value = to_array(leaf)
        except ArgumentTypeError:
            raise ArgumentTypeError(
                f"{what}: a differentiated argument must hold Modules, Parameters or arrays, got {leaf!r}; "
                "choose others by argnums"
            ) from None
        if not jnp.issubdtype(value.dtype, jnp.inexact):
            raise ArgumentTypeError(
                f"{what}: a differentiated argument must have a floating or complex dtype, got {value.dtype} of shape "
                f"{value.shape}; choose others by argnums"
            )
        return value

    def bind(self, values: list[Any]) -> tuple[dict[Box, Any], tuple]:
        """The boxes' values, and the arguments with arrays replaced."""
        bound: dict[Box, Any] = {}
        leaves = []
        for leaf, box, value in zip(self.leaves, self.boxes, values, strict=True):
            if box is None:
                leaves.append(value)
                continue
            leaves.append(leaf)
            if isinstance(box, Box):
                bound[box] = value
            else:
                for name, parameter in box.items():
                    bound[parameter] = value[name]
        args = list(self.args)
        for n, arg in zip(self.numbers, tree_unflatten(self.treedef, leaves), strict=True):
            args[n] = arg
        return bound, tuple(args)

    def hooked(self, grads: list[Any]) -> list[Any]:
        """The gradients after the parameters' own hooks."""
        result = []
        for box, grad in zip(self.boxes, grads, strict=True):
            if isinstance(box, dict):
                result.append({name: _run_hooks(p, grad[name]) for name, p in box.items()})
            else:
                result.append(_run_hooks(box, grad) if isinstance(box, Parameter) else grad)
        return result

    def shaped(self, grads: list[Any]) -> Any:
        """The gradients in the form of the arguments."""
        parts = tree_unflatten(self.treedef, grads)
        return parts[0] if self.single else parts


def _run_hooks(parameter: Parameter, grad: Any) -> Any:
    for hook in (parameter._grad_hooks or {}).values():
        replaced = hook(grad)
        if replaced is not None:
            grad = to_array(replaced)
    return grad


def _scalar(loss: Any, what: str) -> jax.Array:
    if isinstance(loss, (bool, int, float, complex, np.generic, np.ndarray)):
        raise ArgumentTypeError(
            f"{what}: the function must return the loss as an array, got {type(loss).__name__} (={loss}), whose "
            "gradient would be zero: leave .item(), float() and numpy until the result is there"
        )
    loss = to_array(loss, "the function's result", f"{what}: ")
    if loss.shape != ():
        raise ArgumentError(
            f"{what}: grad can be implicitly created only for scalar outputs; the function must return a scalar, "
            f"got shape {loss.shape}: take a mean or sum, or return (loss, rest) with has_aux=True"
        )
    if not jnp.issubdtype(loss.dtype, jnp.floating):
        raise ArgumentTypeError(f"{what}: the function must return a floating scalar, got dtype {loss.dtype}")
    return loss


def _differentiate(
    function: Callable, argnums: Argnums, has_aux: bool, what: str, args: tuple, kwargs: dict[str, Any]
) -> tuple[Any, Any, _Differentiated, list[Any], set[Box]]:
    target = _Differentiated(args, argnums, what)
    parent = current_scope()
    carried: list[Box] = []
    reads: set[Box] = set()

    def run(values: list[Any], anchor: Any) -> Any:
        bound, arguments = target.bind(values)
        scope = _ReadingScope(bound, parent)
        scope.anchor = anchor
        with opened(scope):
            out = function(*arguments, **kwargs)
        aux = None
        if has_aux:
            if not (isinstance(out, tuple) and len(out) == 2):
                raise ArgumentTypeError(
                    f"{what}: with has_aux=True the function must return (loss, aux), got {type(out)}"
                )
            out, aux = out
        carried[:] = scope.carried()
        reads.update(scope.reads)
        return _scalar(out, what), (aux, [scope.values[box] for box in carried])

    if backward_hooks_used():
        transformed = jax.value_and_grad(run, argnums=(0, 1), has_aux=True)
        (value, (aux, written)), (grads, _) = transformed(target.values, jnp.zeros(()))
    else:
        (value, (aux, written)), grads = jax.value_and_grad(run, has_aux=True)(target.values, None)
    grads = target.hooked(grads)
    write_out(carried, written)
    return value, aux, target, grads, reads


def value_and_grad(func: Callable, argnums: Argnums = 0, has_aux: bool = False) -> Callable:
    """A function that computes ``func`` and its gradient.

    Args:
        func: returns a scalar (with ``has_aux``: a scalar and anything else). It may write to Modules, as batch
            norm does in training.
        argnums: which positional arguments to differentiate: Modules, Parameters, arrays, or nests of them.
        has_aux: whether ``func`` returns ``(loss, aux)``.

    Returns:
        ``f(*args, **kwargs) -> (value, gradient)``, or ``((value, aux), gradient)``. For a Module the gradient is a
        dict ``{parameter name: array}`` of its trainable parameters; zero where a parameter has no influence.

    Raises:
        ArgumentError: ``func`` does not return a scalar, or an argument cannot be differentiated.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> model = nn.Linear(2, 1, bias=False)
        >>> loss, grads = fnn.value_and_grad(lambda model: model(jnp.ones((1, 2))).sum())(model)
        >>> print(grads["weight"])
        [[1. 1.]]
    """
    check_function(func, "value_and_grad", differentiates=True)

    @functools.wraps(func, updated=())
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        value, aux, target, grads, _ = _differentiate(func, argnums, has_aux, "value_and_grad", args, kwargs)
        return ((value, aux) if has_aux else value), target.shaped(grads)

    return wrapper


def grad(func: Callable, argnums: Argnums = 0, has_aux: bool = False) -> Callable:
    """A function that computes the gradient of ``func``; see `value_and_grad`.

    Returns:
        ``f(*args, **kwargs) -> gradient``, or ``(gradient, aux)``.
    """
    check_function(func, "grad", differentiates=True)

    @functools.wraps(func, updated=())
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        _, aux, target, grads, _ = _differentiate(func, argnums, has_aux, "grad", args, kwargs)
        return (target.shaped(grads), aux) if has_aux else target.shaped(grads)

    return wrapper


def grad_and_value(func: Callable, argnums: Argnums = 0, has_aux: bool = False) -> Callable:
    """`value_and_grad` with torch.func's order of results: ``(gradient, value)`` or ``(gradient, (value, aux))``."""
    check_function(func, "grad_and_value", differentiates=True)

    @functools.wraps(func, updated=())
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        value, aux, target, grads, _ = _differentiate(func, argnums, has_aux, "grad_and_value", args, kwargs)
        return target.shaped(grads), ((value, aux) if has_aux else value)

    return wrapper


def backward(func: Callable, argnums: Argnums = 0, has_aux: bool = False) -> Callable:
    """A function that computes ``func`` and adds its gradients to ``p.grad``, as ``loss.backward()`` does.

    A parameter that ``func`` never reads keeps ``p.grad`` as it is.

    Args:
        func: returns a scalar loss (with ``has_aux``: ``(loss, aux)``).
        argnums: which positional arguments to differentiate: Modules, Parameters, or nests of them.
        has_aux: whether ``func`` returns ``(loss, aux)``.

    Returns:
        ``f(*args, **kwargs) -> value`` (or ``(value, aux)``).

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> model = nn.Linear(2, 1, bias=False)
        >>> for _ in range(2):
        ...     loss = fnn.backward(lambda model: model(jnp.ones((1, 2))).sum())(model)
        >>> print(model.weight.grad)
        [[2. 2.]]
    """
    check_function(func, "backward", differentiates=True)

    @functools.wraps(func, updated=())
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        value, aux, target, grads, reads = _differentiate(func, argnums, has_aux, "backward", args, kwargs)
        for box, part in zip(target.boxes, grads, strict=True):
            if isinstance(box, dict):
                for name, parameter in box.items():
                    if parameter in reads:
                        _accumulate(parameter, part[name])
            elif isinstance(box, Parameter):
                if box in reads:
                    _accumulate(box, part)
            else:
                raise ArgumentTypeError(
                    f"backward: a plain array has no .grad to add to, got one of shape {part.shape}; use fnn.grad"
                )
        return (value, aux) if has_aux else value

    return wrapper


def _accumulate(parameter: Parameter, grad: Any) -> None:
    before = parameter.grad
    parameter.grad = grad if before is None else before + grad
