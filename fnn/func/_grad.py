"""Gradients with respect to Modules: `value_and_grad`, `grad`, `grad_and_value`, `backward`.

The first argument (or those named by ``argnums``) is differentiated.  Where it is, or contains, a Module, the
derivative is taken with respect to its trainable parameters and comes as ``{name: gradient}``.  A parameter that
several of them share has its total gradient under each of its names.  Gradients of complex values are PyTorch's: the
conjugates of JAX's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.func._function import check_function
from fnn.func._variables import Argnums, Function, Variables, conjugated, inexact, positions
from fnn.state.box import Box
from fnn.state.differentiated import note
from fnn.state.hooks import backward_hooks_used
from fnn.state.parameter import Parameter
from fnn.state.scope import write_out
from fnn.typing import P, PyTree, R


class _Gradients:
    """One differentiated call: its value, and its gradients for the distinct values of the arguments."""

    def __init__(
        self, func: Callable[..., Any], argnums: Argnums, has_aux: bool, what: str, args: tuple, kwargs: dict[str, Any]
    ) -> None:
        self.single = isinstance(argnums, int)
        self.variables = Variables(args, positions(argnums, len(args), what), what, inexact)
        function = Function(func, self.variables, has_aux, _scalar, kwargs)
        anchored = backward_hooks_used()
        transformed = jax.value_and_grad(function, argnums=(0, 1) if anchored else 0, has_aux=True)
        (self.value, (aux, written)), grads = transformed(self.variables.values, jnp.zeros(()) if anchored else None)
        self.aux = function.rebuild_aux(aux)
        self.reads = function.reads
        grads = conjugated(grads[0] if anchored else grads)
        note(self.variables.treedef, self.single, self.variables.parts())
        self.grads = [_run_hooks(box, grad) for box, grad in zip(self.variables.boxes, grads, strict=True)]
        write_out(function.carried, written)

    def shaped(self) -> Any:
        """The gradients in the form of the arguments."""
        parts = self.variables.shaped(self.grads)
        return parts[0] if self.single else parts


def _run_hooks(box: Box | None, grad: object) -> Any:
    """The gradient after the parameter's own hooks."""
    if isinstance(box, Parameter):
        for hook in (box._grad_hooks or {}).values():
            replaced = hook(grad)
            if replaced is not None:
                grad = to_array(replaced)
    return grad


def _scalar(loss: object, what: str) -> jax.Array:
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


def value_and_grad(func: Callable[P, R], argnums: Argnums = 0, has_aux: bool = False) -> Callable[P, tuple[R, PyTree]]:
    """A function that computes ``func`` and its gradient.

    Args:
        func: returns a scalar (with ``has_aux``: a scalar and anything else). It may write to Modules, as batch
            norm does in training.
        argnums: which positional arguments to differentiate: Modules, Parameters, arrays, or nests of them.
        has_aux: whether ``func`` returns ``(loss, aux)``.

    Returns:
        ``f(*args, **kwargs) -> (value, gradient)``, or ``((value, aux), gradient)``. For a Module the gradient is a
        dict ``{parameter name: array}`` of its trainable parameters, in the form of ``fnn.split(model,
        trainable=True)[0]``; zero where a parameter has no influence. A parameter that several arguments share has its
        total gradient under each of them. Complex gradients are PyTorch's (the conjugates of `jax.grad`'s).

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
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Any:
        done = _Gradients(func, argnums, has_aux, "value_and_grad", args, kwargs)
        return ((done.value, done.aux) if has_aux else done.value), done.shaped()

    return wrapper


def grad(func: Callable[P, object], argnums: Argnums = 0, has_aux: bool = False) -> Callable[P, PyTree]:
    """A function that computes the gradient of ``func``; see `value_and_grad`.

    Returns:
        ``f(*args, **kwargs) -> gradient``, or ``(gradient, aux)``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> model = nn.Linear(2, 1, bias=False)
        >>> print(fnn.grad(lambda model: model(jnp.ones(2)).sum())(model)["weight"])
        [[1. 1.]]
    """
    check_function(func, "grad", differentiates=True)

    @functools.wraps(func, updated=())
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Any:
        done = _Gradients(func, argnums, has_aux, "grad", args, kwargs)
        return (done.shaped(), done.aux) if has_aux else done.shaped()

    return wrapper


def grad_and_value(func: Callable[P, R], argnums: Argnums = 0, has_aux: bool = False) -> Callable[P, tuple[PyTree, R]]:
    """`value_and_grad` with torch.func's order of results: ``(gradient, value)`` or ``(gradient, (value, aux))``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import func
        >>> slope, value = func.grad_and_value(lambda x: (x**2).sum())(jnp.array([3.0]))
        >>> print(slope, value)
        [6.] 9.0
    """
    check_function(func, "grad_and_value", differentiates=True)

    @functools.wraps(func, updated=())
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Any:
        done = _Gradients(func, argnums, has_aux, "grad_and_value", args, kwargs)
        return done.shaped(), ((done.value, done.aux) if has_aux else done.value)

    return wrapper


def backward(func: Callable[P, R], argnums: Argnums = 0, has_aux: bool = False) -> Callable[P, R]:
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
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Any:
        done = _Gradients(func, argnums, has_aux, "backward", args, kwargs)
        for box, value in zip(done.variables.boxes, done.variables.values, strict=True):
            if not isinstance(box, Parameter):
                kind = "a plain array" if box is None else f"a {type(box).__name__}"
                raise ArgumentTypeError(
                    f"backward: {kind} has no .grad to add to, got one of shape {value.shape}; use fnn.grad"
                )
        for box, grad in zip(done.variables.boxes, done.grads, strict=True):
            if isinstance(box, Parameter) and box in done.reads:
                before = box.grad
                box.grad = grad if before is None else before + grad
        return (done.value, done.aux) if has_aux else done.value

    return wrapper
