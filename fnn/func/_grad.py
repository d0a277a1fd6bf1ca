"""Gradients with respect to Modules: `value_and_grad`, `grad`, `grad_and_value`, `backward`.

The first argument (or those named by ``argnums``) is differentiated.  Where it is, or contains, a Module, the
derivative is taken with respect to its trainable parameters and comes as ``{name: gradient}``.  A parameter that
several of them share has its total gradient under each of its names.  Gradients of complex values are PyTorch's: the
conjugates of JAX's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, overload

import jax
import jax.numpy as jnp
import numpy as np

from fnn.dtypes import conjugated, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.func._function import check_function
from fnn.func._variables import Argnums, Function, Variables, derived, inexact, positions
from fnn.func.anomaly import watched
from fnn.func.losses import backward_of
from fnn.state.differentiated import note
from fnn.state.hooks import add_gradient, backward_hooks_used, run_hooks
from fnn.state.parameter import Parameter
from fnn.state.scope import write_out
from fnn.typing import ArrayLike, P, PyTree, R


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
        anchor = jnp.zeros(()) if anchored else None
        (self.value, (aux, written)), grads = derived(function, transformed, self.variables.values, anchor)
        self.aux = function.rebuild_aux(aux)
        self.reads = function.reads
        grads = conjugated(grads[0] if anchored else grads)
        note(self.variables.treedef, self.single, self.variables.parts())
        self.grads = [run_hooks(box, grad) for box, grad in zip(self.variables.boxes, grads, strict=True)]
        write_out(function.carried, written)

    def shaped(self) -> Any:
        """The gradients in the form of the arguments."""
        parts = self.variables.shaped(self.grads)
        return parts[0] if self.single else parts


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

    @watched
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

    @watched
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

    @watched
    @functools.wraps(func, updated=())
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Any:
        done = _Gradients(func, argnums, has_aux, "grad_and_value", args, kwargs)
        return done.shaped(), ((done.value, done.aux) if has_aux else done.value)

    return wrapper


@overload
def backward(
    loss: jax.Array,
    gradient: ArrayLike | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: PyTree | None = None,
) -> None: ...


@overload
def backward(loss: Callable[P, R], argnums: Argnums = 0, has_aux: bool = False, /) -> Callable[P, R]: ...


@overload
def backward(loss: Callable[P, R], *, argnums: Argnums = 0, has_aux: bool = False) -> Callable[P, R]: ...


def backward(
    loss: Any,
    gradient: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
    *,
    argnums: Argnums | None = None,
    has_aux: bool | None = None,
) -> Any:
    """Adds the gradients of a loss to ``p.grad`` of its parameters, as ``loss.backward()`` does.

    **Of a loss**, inside a function compiled by `fnn.jit`: the loop body as PyTorch writes it.  The gradients are
    those of the traced program between the parameters and the loss; nothing is recorded or kept.  Parameters that the
    loss does not depend on, frozen ones, and what `fnn.no_grad` or `fnn.detach` cut off are left alone.

    **Of a function** (anywhere): ``fnn.backward(f)(model)`` computes ``f(model)`` and adds its gradients.  A parameter
    that ``f`` never reads keeps ``p.grad`` as it is.

    Args:
        loss: a real scalar, or any array if ``gradient`` is given; or a function that returns a scalar.
        gradient: of the shape of ``loss``: by what its elements are weighted.
        retain_graph: whether the loss may be differentiated again; as in PyTorch a second time is an error
            otherwise. The default is ``create_graph``.
        create_graph: whether the gradients can be differentiated in turn.
        inputs: the Parameters to whose ``grad`` is added, instead of all.
        argnums: with a function, which positional arguments to differentiate (0): Modules, Parameters, or nests.
        has_aux: with a function, whether it returns ``(loss, aux)``.

    Returns:
        None; of a function ``f(*args, **kwargs) -> value`` (or ``(value, aux)``).

    Raises:
        TracerEscapeError: a loss outside of `fnn.jit`, where there is no program to differentiate.
        ArgumentError: the loss is no scalar, depends on no trained parameter, was differentiated before, or depends
            on a parameter that was assigned since.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn, optim
        >>> model = nn.Linear(2, 1, bias=False)
        >>> optimizer = optim.SGD(model.parameters(), lr=0.1)
        >>> @fnn.jit
        ... def train_step(x, y):
        ...     optimizer.zero_grad()
        ...     loss = ((model(x) - y) ** 2).mean()
        ...     fnn.backward(loss)
        ...     optimizer.step()
        ...     return loss
        >>> losses = [float(train_step(jnp.ones((4, 2)), jnp.ones((4, 1)))) for _ in range(9)]
        >>> losses[-1] < losses[0]
        True
        >>> model.weight.grad.shape
        (1, 2)

        Of a function:

        >>> model = nn.Linear(2, 1, bias=False)
        >>> for _ in range(2):
        ...     loss = fnn.backward(lambda model: model(jnp.ones((1, 2))).sum())(model)
        >>> print(model.weight.grad)
        [[2. 2.]]
    """
    if callable(loss):
        if create_graph or inputs is not None or (gradient is not None and argnums is not None):
            raise ArgumentTypeError("backward: of a function it takes argnums and has_aux only")
        argnums = gradient if argnums is None else argnums
        has_aux = retain_graph if has_aux is None else has_aux
        return _backward_of_function(loss, 0 if argnums is None else argnums, bool(has_aux))
    if argnums is not None or has_aux is not None:
        raise ArgumentTypeError("backward: argnums and has_aux are for a function, and this is a loss")
    if not hasattr(loss, "dtype"):
        raise ArgumentTypeError(f"backward: expected a loss or a function that computes one, got {loss!r}")
    backward_of((loss,), (gradient,), retain_graph, create_graph, inputs, "fnn.backward", "gradient")
    return None


def _backward_of_function(func: Callable[P, R], argnums: Argnums, has_aux: bool) -> Callable[P, R]:
    @watched
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
                add_gradient(box, grad)
        return (done.value, done.aux) if has_aux else done.value

    return wrapper
