"""`Function`: an operation with a derivative of one's own, as ``torch.autograd.Function``, over `jax.custom_vjp`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.tree_util import tree_flatten, tree_unflatten

from fnn.dtypes import conjugated, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.typing import ArrayLike

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


class FunctionCtx:
    """What ``forward`` leaves for ``backward``: saved arrays, and any attributes.

    Attributes:
        saved_tensors: the tuple that `save_for_backward` was given.
        needs_input_grad: for each argument of ``forward`` whether it has a derivative.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> class Square(fnn.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         ctx.save_for_backward(x)
        ...         return x * x
        ...     @staticmethod
        ...     def backward(ctx, grad_output):
        ...         (x,) = ctx.saved_tensors
        ...         return 2 * x * grad_output
        >>> print(fnn.grad(lambda x: Square.apply(x).sum())(jnp.array([1.0, 3.0])))
        [2. 6.]
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
    ``backward`` is: in a second derivative saved inputs and outputs depend on the arguments, by ``backward``, and
    whatever else was saved is constant, as in PyTorch.  Gradients of complex values are PyTorch's.

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
        ctx = FunctionCtx()
        ctx.needs_input_grad = tuple(
            i in places and bool(jnp.issubdtype(arrays[places.index(i)].dtype, jnp.inexact)) for i in range(len(args))
        )
        # As under PyTorch's no_grad: whatever forward does has no derivative but that of backward, of any order.
        given = list(args)
        inside = [lax.stop_gradient(x) for x in arrays]
        for i, x in zip(places, inside, strict=True):
            given[i] = x
        out, constant = _forward(cls, ctx, given)
        outs = out if isinstance(out, tuple) else (out,)
        saved = _Saved(ctx, inside, outs)

        @jax.custom_vjp
        def operation(xs: Any, held: Any, outs: Any) -> Any:
            return outs

        def forward(xs: Any, held: Any, outs: Any) -> Any:
            ys = operation(xs, held, outs)  # what is differentiated once more goes by the same rule
            return ys, (xs, held, ys)

        def backward(residuals: Any, cotangents: Any) -> tuple[Any, ...]:
            xs, held, ys = residuals
            rule = cls.backward if cls.backward is not Function.backward else cls.vjp
            grads = rule(saved.ctx(xs, held, ys), *(conjugated(_dense(c)) for c in cotangents))
            grads = grads if isinstance(grads, tuple) else (grads,)
            if len(grads) < len(args) or any(g is not None for g in grads[len(args) :]):
                raise ArgumentError(
                    f"{cls.__name__}: function {cls.__name__}Backward returned an incorrect number of gradients "
                    f"(expected {len(args)}, got {len(grads)})"
                )
            found = tuple(_cotangent(cls, i, x, grads[i]) for i, x in zip(places, xs, strict=True))
            return found, tuple(map(_nothing, held)), tuple(map(_nothing, ys))

        operation.defvjp(forward, backward)
        fixed = tuple(map(lax.stop_gradient, saved.held)), tuple(map(lax.stop_gradient, outs))
        ys = operation(tuple(arrays), *fixed)
        ys = tuple(lax.stop_gradient(y) if n in constant else y for n, y in enumerate(ys))
        return ys if isinstance(out, tuple) else ys[0]


class _Saved:
    """What ``forward`` left in its context: for ``backward`` inputs and outputs are again those of the graph."""

    def __init__(self, ctx: FunctionCtx, inputs: list[Any], outputs: tuple[Any, ...]) -> None:
        leaves, self.tree = tree_flatten(vars(ctx), is_leaf=lambda x: x is None)
        self.held: list[Any] = []  # arrays that are neither
        self.places: list[tuple[str, Any]] = []
        for leaf in leaves:
            source = next(
                (
                    (name, n)
                    for name, known in (("in", inputs), ("out", outputs))
                    for n, x in enumerate(known)
                    if x is leaf
                ),
                None,
            )
            if source is None and isinstance(leaf, (jax.Array, np.ndarray)):
                source = ("held", len(self.held))
                self.held.append(to_array(leaf))
            self.places.append(source or ("", leaf))

    def ctx(self, xs: Any, held: Any, ys: Any) -> FunctionCtx:
        """The context, with these arrays."""
        sources = {"in": xs, "out": ys, "held": held}
        leaves = [sources[name][at] if name else at for name, at in self.places]
        found = FunctionCtx()
        vars(found).update(tree_unflatten(self.tree, leaves))
        return found


def _forward(cls: type[Function], ctx: FunctionCtx, given: list[Any]) -> tuple[Any, frozenset[int]]:
    """The outputs, and which of them have no derivative."""
    setup: Callable[..., Any] | None = getattr(cls, "setup_context", None)
    out = cls.forward(ctx, *given) if setup is None else cls.forward(*given)
    several = isinstance(out, (tuple, list))
    parts = tuple(out) if several else (out,)
    if setup is not None:
        setup(ctx, tuple(given), parts if several else out)
    marked, ctx._constant = ctx._constant, ()
    constant = frozenset(n for n, part in enumerate(parts) if id(part) in marked)
    arrays = tuple(map(to_array, parts))
    return (arrays if several else arrays[0]), constant


def _nothing(x: Any) -> Any:
    """The cotangent of what has no derivative."""
    return jnp.zeros_like(x) if jnp.issubdtype(x.dtype, jnp.inexact) else np.zeros(x.shape, jax.dtypes.float0)


def _dense(cotangent: Any) -> Any:
    return jnp.zeros(cotangent.shape) if cotangent.dtype == jax.dtypes.float0 else cotangent


def _cotangent(cls: type[Function], at: int, x: ArrayLike, grad: Any) -> Any:
    x = jnp.asarray(x)  # a number of Python's is a residual as it is
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        return np.zeros(x.shape, jax.dtypes.float0)
    if grad is None:
        return jnp.zeros_like(x)
    try:
        grad = to_array(grad)
    except ArgumentTypeError:
        raise ArgumentTypeError(
            f"{cls.__name__}: expected Variable or None (got {type(grad).__name__}) for the gradient of argument {at}"
        ) from None
    if grad.shape != x.shape:
        raise ArgumentError(
            f"{cls.__name__}: Function {cls.__name__}Backward returned an invalid gradient at index {at} - got "
            f"{list(grad.shape)} but expected shape compatible with {list(x.shape)}"
        )
    return conjugated(grad).astype(x.dtype)


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
