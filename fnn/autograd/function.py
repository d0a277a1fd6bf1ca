"""`Function`: an operation with a derivative of one's own, as ``torch.autograd.Function``, over `jax.custom_vjp`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import tree_flatten, tree_unflatten

from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


class FunctionCtx:
    """What ``forward`` leaves for ``backward``: saved arrays, and any attributes.

    Attributes:
        saved_tensors: the tuple that `save_for_backward` was given.
        needs_input_grad: for each argument of ``forward`` whether it has a derivative.
    """

    needs_input_grad: tuple[bool, ...]

    def __init__(self) -> None:
        self.saved_tensors: tuple[Any, ...] = ()
        self._materialize = True
        self._constant: tuple[int, ...] = ()

    def save_for_backward(self, *tensors: object) -> None:
        """Keeps arrays (and None) for ``backward``, where they are `saved_tensors`."""
        self.saved_tensors = tensors

    def save_for_forward(self, *tensors: object) -> None:
        """The same, for a ``jvp`` in PyTorch; here `saved_tensors` serve both."""
        self.saved_tensors = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether ``backward`` gets zeros for an output without influence; it always does, as JAX passes them."""
        if not value:
            raise ArgumentError(
                "FunctionCtx.set_materialize_grads(False): whether an output has influence is not known when the "
                "derivative is taken; backward gets zeros"
            )

    def mark_non_differentiable(self, *outputs: object) -> None:
        """Says which outputs of ``forward`` have no derivative."""
        self._constant = tuple(map(id, outputs))

    def mark_dirty(self, *inputs: object) -> None:
        """Raises: arrays do not change in place."""
        del inputs
        raise ArgumentError("FunctionCtx.mark_dirty: arrays do not change in place; return the new one")


class Function:
    """An operation that says itself what its derivative is.

    A subclass has the static methods ``forward(ctx, *args)`` and ``backward(ctx, *grad_outputs)``, which returns a
    gradient, or None, for each argument of ``forward``; or ``forward(*args)`` and ``setup_context(ctx, inputs,
    output)``.  It is called by ``apply``, anywhere: eagerly, in every transform, and more than once differentiable if
    ``backward`` is.  Gradients of complex values are PyTorch's.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> class Clipped(fnn.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x, low):
        ...         ctx.save_for_backward(x)
        ...         ctx.low = low
        ...         return jnp.maximum(x, low)
        ...     @staticmethod
        ...     def backward(ctx, grad_output):
        ...         (x,) = ctx.saved_tensors
        ...         return jnp.where(x > ctx.low, grad_output, 0.1 * grad_output), None
        >>> print(fnn.grad(lambda x: Clipped.apply(x, 0.0).sum())(jnp.array([-1.0, 2.0])))
        [0.1 1. ]
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Computes the result; to be written by the subclass."""
        raise ArgumentError("Function: You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Computes the gradients of the arguments; to be written by the subclass."""
        raise ArgumentError(
            "Function: You must implement either the backward or vjp method for your custom autograd.Function"
        )

    vjp = backward

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """``forward(ctx, *args)``, with ``backward`` for its derivative.

        Args:
            *args: arrays and boxes, which have derivatives if their dtype is floating or complex; anything else is
                handed on as it is.

        Returns:
            What ``forward`` returns: an array or a tuple of arrays.
        """
        places = [i for i, a in enumerate(args) if isinstance(a, (jax.Array, np.ndarray))]
        arrays = [to_array(args[i]) for i in places]
        needs = tuple(
            i in places and bool(jnp.issubdtype(arrays[places.index(i)].dtype, jnp.inexact)) for i in range(len(args))
        )
        left: dict[str, Any] = {}  # what forward leaves that is no array

        def called(xs: tuple[Any, ...]) -> tuple[FunctionCtx, Any]:
            given = list(args)
            for i, x in zip(places, xs, strict=True):
                given[i] = x
            ctx = FunctionCtx()
            ctx.needs_input_grad = needs
            return ctx, _forward(cls, ctx, given)

        @jax.custom_vjp
        def operation(*xs: Any) -> Any:
            return called(xs)[1]

        def forward(*xs: Any) -> Any:
            ctx, out = called(xs)
            leaves, left["tree"] = tree_flatten(vars(ctx), is_leaf=lambda x: x is None)
            kept = [isinstance(leaf, (jax.Array, np.ndarray)) for leaf in leaves]
            left["kept"], left["rest"] = kept, [x for x, k in zip(leaves, kept, strict=True) if not k]
            return out, (xs, [x for x, k in zip(leaves, kept, strict=True) if k])

        def backward(saved: Any, cotangents: Any) -> tuple[Any, ...]:
            xs, held = saved
            sources = (iter(left["rest"]), iter(held))
            ctx = FunctionCtx()
            vars(ctx).update(tree_unflatten(left["tree"], [next(sources[k]) for k in left["kept"]]))
            outputs = cotangents if isinstance(cotangents, tuple) else (cotangents,)
            rule = cls.backward if cls.backward is not Function.backward else cls.vjp
            grads = rule(ctx, *(_conjugated(_dense(c)) for c in outputs))
            grads = grads if isinstance(grads, tuple) else (grads,)
            if len(grads) < len(args) or any(g is not None for g in grads[len(args) :]):
                raise ArgumentError(
                    f"{cls.__name__}: function {cls.__name__}Backward returned an incorrect number of gradients "
                    f"(expected {len(args)}, got {len(grads)})"
                )
            return tuple(_cotangent(cls, i, x, grads[i]) for i, x in zip(places, xs, strict=True))

        operation.defvjp(forward, backward)
        return operation(*arrays)


def _forward(cls: type[Function], ctx: FunctionCtx, given: list[Any]) -> Any:
    setup: Callable[..., Any] | None = getattr(cls, "setup_context", None)
    if setup is None:
        out = cls.forward(ctx, *given)
    else:
        out = cls.forward(*given)
        setup(ctx, tuple(given), out)
    if isinstance(out, list):
        out = tuple(out)
    parts = out if isinstance(out, tuple) else (out,)
    constant, ctx._constant = ctx._constant, ()
    parts = tuple(jax.lax.stop_gradient(to_array(p)) if id(p) in constant else to_array(p) for p in parts)
    return parts if isinstance(out, tuple) else parts[0]


def _conjugated(x: Any) -> Any:
    return jnp.conj(x) if jnp.iscomplexobj(x) else x


def _dense(cotangent: Any) -> Any:
    return jnp.zeros(cotangent.shape) if cotangent.dtype == jax.dtypes.float0 else cotangent


def _cotangent(cls: type[Function], at: int, x: jax.Array, grad: Any) -> Any:
    shape = jnp.shape(x)  # of a Python number, too, which a derivative of JAX's own may hand on
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        return np.zeros(shape, jax.dtypes.float0)
    if grad is None:
        return jnp.zeros_like(x)
    try:
        grad = to_array(grad)
    except ArgumentTypeError:
        raise ArgumentTypeError(
            f"{cls.__name__}: expected Variable or None (got {type(grad).__name__}) for the gradient of argument {at}"
        ) from None
    if grad.shape != shape:
        raise ArgumentError(
            f"{cls.__name__}: Function {cls.__name__}Backward returned an invalid gradient at index {at} - got "
            f"{list(grad.shape)} but expected shape compatible with {list(shape)}"
        )
    return _conjugated(grad).astype(x.dtype)


def once_differentiable(function: Callable[..., Any]) -> Callable[..., Any]:
    """For a ``backward`` whose own derivative would be wrong: its results have none.

    Example:
        >>> import fnn
        >>> class Identity(fnn.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         return x
        ...     @staticmethod
        ...     @fnn.autograd.once_differentiable
        ...     def backward(ctx, grad_output):
        ...         return grad_output
    """

    def wrapper(ctx: Any, *args: Any) -> Any:
        grads = function(ctx, *map(jax.lax.stop_gradient, args))
        if isinstance(grads, tuple):
            return tuple(g if g is None else jax.lax.stop_gradient(g) for g in grads)
        return grads if grads is None else jax.lax.stop_gradient(grads)

    return wrapper
