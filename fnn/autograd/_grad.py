"""`grad` and `backward` with the signatures of ``torch.autograd``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.func.losses import backward_of, grad_of
from fnn.typing import ArrayLike, PyTree

__all__ = ["backward", "grad"]


def _listed(values: Any, name: str, what: str) -> list[Any]:
    if isinstance(values, (list, tuple)):
        return list(values)
    if hasattr(values, "shape"):
        return [values]
    try:
        return list(values)
    except TypeError:
        raise ArgumentTypeError(f"{what}: {name} must be an array or a sequence of arrays, got {values!r}") from None


def _weights(given: Any, count: int, name: str, what: str) -> list[Any]:
    weights = [None] * count if given is None else _listed(given, name, what)
    if len(weights) != count:
        raise ArgumentError(f"{what}: got {count} tensors and {len(weights)} gradients")
    return weights


def backward(
    tensors: ArrayLike | Sequence[ArrayLike],
    grad_tensors: ArrayLike | Sequence[ArrayLike | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: PyTree | None = None,
) -> None:
    """Adds the gradients of the sum of ``tensors`` to ``p.grad`` of the parameters on which they depend.

    Args:
        tensors: one or several losses, computed in the surrounding function that `fnn.jit` compiles.
        grad_tensors: for each its weights, of its shape; None for a real scalar.
        retain_graph: whether they may be differentiated again (``create_graph``).
        create_graph: whether the gradients can be differentiated in turn.
        inputs: the Parameters to whose ``grad`` is added, instead of all.

    Raises:
        TracerEscapeError: outside of `fnn.jit`.
        ArgumentError: see `fnn.backward`.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> w = nn.Parameter(jnp.array([1.0, 2.0]))
        >>> @fnn.jit
        ... def step():
        ...     fnn.autograd.backward([(w**2).sum(), w], [None, jnp.ones(2)])
        >>> step()
        >>> print(w.grad)
        [3. 5.]
    """
    what = "fnn.autograd.backward"
    outputs = _listed(tensors, "tensors", what)
    weights = _weights(grad_tensors, len(outputs), "grad_tensors", what)
    backward_of(outputs, weights, retain_graph, create_graph, inputs, what, "grad_tensors")


def grad(
    outputs: ArrayLike | Sequence[ArrayLike],
    inputs: Any,
    grad_outputs: ArrayLike | Sequence[ArrayLike | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[jax.Array | None, ...]:
    """The gradients of the sum of ``outputs`` with respect to ``inputs``, inside `fnn.jit`.

    Args:
        outputs: one or several arrays, computed in the surrounding function that `fnn.jit` compiles.
        inputs: one or several Parameters or arrays on which they depend; an array may be any value on the way.
        grad_outputs: for each output its weights, of its shape; None for a real scalar.
        retain_graph: whether the outputs may be differentiated again (``create_graph``).
        create_graph: whether the gradients can be differentiated in turn, for penalties and inner loops.
        allow_unused: whether an input without influence has the gradient None instead of being an error
            (``materialize_grads``).
        is_grads_batched: whether ``grad_outputs`` have one more axis in front, for as many gradients at once.
        materialize_grads: whether an input without influence has a gradient of zeros.

    Returns:
        A tuple: for each input its gradient, of its shape. Complex ones are PyTorch's.

    Raises:
        TracerEscapeError: outside of `fnn.jit`.
        ArgumentError: an input has no influence, an output is no scalar and has no weights.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> @fnn.jit
        ... def second_derivative(x):
        ...     (slope,) = fnn.autograd.grad((x**3).sum(), x, create_graph=True)
        ...     (curvature,) = fnn.autograd.grad(slope.sum(), x)
        ...     return curvature
        >>> print(second_derivative(jnp.array([1.0, 2.0])))
        [ 6. 12.]
    """
    what = "fnn.autograd.grad"
    if allow_unused is False and materialize_grads:
        raise ArgumentError(
            f"{what}: Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
            "allow_unused=False."
        )
    values, found = _listed(outputs, "outputs", what), _listed(inputs, "inputs", what)
    if not found:
        raise ArgumentError(f"{what}: grad requires non-empty inputs.")
    weights = _weights(grad_outputs, len(values), "grad_outputs", what)
    unused = materialize_grads if allow_unused is None else allow_unused
    if not is_grads_batched:
        return tuple(grad_of(values, found, weights, retain_graph, create_graph, unused, materialize_grads, what))
    if any(w is None for w in weights):
        raise ArgumentError(f"{what}: is_grads_batched=True needs grad_outputs for every output")
    count = {jax.numpy.shape(w)[:1] for w in weights}
    if len(count) != 1 or count == {()}:
        raise ArgumentError(f"{what}: is_grads_batched=True needs grad_outputs with one batch axis in front")
    rows = [
        grad_of(values, found, [w[n] for w in weights], True, create_graph, unused, materialize_grads, what)
        for n in range(count.pop()[0])
    ]
    return tuple(None if column[0] is None else jax.numpy.stack(column) for column in zip(*rows, strict=True))
