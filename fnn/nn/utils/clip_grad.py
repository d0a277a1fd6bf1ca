"""Clipping of gradients.

`clip_grad_norm_` and its kin change the ``.grad`` of Parameters in place, as in torch, or the values of the dict of
gradients that `fnn.value_and_grad` returns.  `clip_grad_norm` takes such a dict (any pytree) and returns a new one.
"""

import warnings
from collections.abc import Callable, Iterable, MutableMapping
from types import GeneratorType
from typing import Any

import jax
import jax.numpy as jnp

from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.state.box import Box
from fnn.typing import PyTree, Scalar

__all__ = ["clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]


def _listed(values: PyTree) -> list[Any]:
    return [values] if isinstance(values, (Box, jax.Array)) else list(values)


def _targets(parameters: PyTree) -> Any:
    """Parameters as a list, which can be gone over twice; a dict of gradients as it is."""
    return parameters if isinstance(parameters, MutableMapping) else _listed(parameters)


def _grads(targets: PyTree) -> list[Any]:
    if isinstance(targets, MutableMapping):
        return list(targets.values())
    return [p.grad for p in targets if p.grad is not None]


def _change(targets: PyTree, function: Callable[[jax.Array], jax.Array]) -> None:
    if isinstance(targets, MutableMapping):
        targets.update({name: function(grad) for name, grad in targets.items()})
        return
    for parameter in targets:
        if parameter.grad is not None:
            parameter.grad = function(parameter.grad)


def _norm(x: jax.Array, order: float) -> jax.Array:
    # In the dtype of x, as torch.linalg.vector_norm; half types are summed in float32.
    wide = x.astype(jnp.float32) if x.dtype.itemsize < 4 else x
    size = abs(wide)
    if order == float("inf"):
        result = size.max(initial=0)
    elif order == float("-inf"):
        result = size.min()
    elif order == 0:
        result = (wide != 0).sum().astype(size.dtype)
    elif order == 2:
        result = jnp.sqrt((size * size).sum())
    elif order == 1:
        result = size.sum()
    else:
        result = (size**order).sum() ** (1.0 / order)
    return result.astype(jnp.finfo(x.dtype).dtype)


def get_total_norm(
    tensors: PyTree, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> jax.Array:
    """The norm of several arrays, as if they were one vector.

    Args:
        tensors: arrays or boxes, or one.
        norm_type: the order p of the norm, which may be ``inf``.
        error_if_nonfinite: whether to raise if the norm is inf or nan (not under `jax.jit`).
        foreach: without meaning here; XLA fuses.

    Returns:
        A scalar.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> print(nn.utils.get_total_norm([jnp.array([3.0]), jnp.array([4.0])]))
        5.0
    """
    del foreach
    order = float(norm_type)
    arrays = [to_array(t, "tensors", "get_total_norm: ") for t in _listed(tensors)]
    if not arrays:
        return jnp.zeros(())
    norms = [_norm(x, order) for x in arrays]
    total = _norm(jnp.stack([n.astype(jnp.result_type(*norms)) for n in norms]), order)
    if error_if_nonfinite and not bool(jnp.isfinite(total)):
        raise ArgumentError(
            f"The total norm of order {order} for gradients from `parameters` is non-finite, so it cannot be clipped. "
            "To disable this error and scale the gradients by the non-finite norm anyway, set "
            f"`error_if_nonfinite=False` (total_norm={total})"
        )
    return total


def _scale(max_norm: Scalar, total_norm: Scalar) -> jax.Array:
    return jnp.minimum(max_norm / (total_norm + 1e-6), 1.0)


def clip_grads_with_norm_(parameters: PyTree, max_norm: float, total_norm: Scalar, foreach: bool | None = None) -> None:
    """Scales ``.grad`` of the parameters by ``min(max_norm / (total_norm + 1e-6), 1)``, in place.

    Args:
        parameters: Parameters, or one; or a dict of gradients.
        max_norm: the largest norm allowed.
        total_norm: what `get_total_norm` returned for the gradients.
        foreach: without meaning here; XLA fuses.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> p = nn.Parameter(jnp.zeros(2))
        >>> p.grad = jnp.array([3.0, 4.0])
        >>> nn.utils.clip_grads_with_norm_([p], 1.0, jnp.array(5.0))
        >>> [round(g, 4) for g in p.grad.tolist()]
        [0.6, 0.8]
    """
    del foreach
    scale = _scale(max_norm, total_norm)
    _change(_targets(parameters), lambda grad: grad * scale.astype(grad.dtype))


def clip_grad_norm_(
    parameters: PyTree,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> jax.Array:
    """Scales ``.grad`` of the parameters, in place, so that their total norm is at most ``max_norm``.

    Args:
        parameters: Parameters, or one; or a dict of gradients, such as `fnn.value_and_grad` returns.
        max_norm: the largest norm allowed.
        norm_type: the order of the norm, which may be ``inf``.
        error_if_nonfinite: whether to raise if the norm is inf or nan.
        foreach: without meaning here; XLA fuses.

    Returns:
        The total norm before clipping.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> p = nn.Parameter(jnp.zeros(2))
        >>> p.grad = jnp.array([3.0, 4.0])
        >>> print(nn.utils.clip_grad_norm_([p], max_norm=1.0), p.grad.round(3))
        5.0 [0.6 0.8]
        >>> grads = {"weight": jnp.array([3.0, 4.0])}
        >>> print(nn.utils.clip_grad_norm_(grads, max_norm=1.0), grads["weight"].round(3))
        5.0 [0.6 0.8]
    """
    generated = isinstance(parameters, GeneratorType)
    parameters = _targets(parameters)
    if generated and not parameters:
        warnings.warn("`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=2)
    total = get_total_norm(_grads(parameters), norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(parameters, max_norm, total, foreach)
    return total


def clip_grad_norm(
    grads: PyTree,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Any:
    """Clips gradients that were returned, such as the dict of `fnn.value_and_grad`.

    Given Parameters it is torch's deprecated alias of `clip_grad_norm_`.

    Args:
        grads: a dict (any pytree) of gradients.
        max_norm: the largest norm allowed.
        norm_type: the order of the norm, which may be ``inf``.
        error_if_nonfinite: whether to raise if the norm is inf or nan (not under `jax.jit`).
        foreach: without meaning here; XLA fuses.

    Returns:
        ``(clipped, total_norm)``: the scaled gradients in the same structure, and their norm before.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> grads, norm = nn.utils.clip_grad_norm({"weight": jnp.array([3.0, 4.0])}, max_norm=1.0)
        >>> print(norm, grads["weight"].round(3))
        5.0 [0.6 0.8]
    """
    if isinstance(grads, Box) or (isinstance(grads, Iterable) and not isinstance(grads, (dict, jax.Array))):
        values = _listed(grads)
        if all(isinstance(value, Box) for value in values):
            warnings.warn(
                "`nn.utils.clip_grad_norm` of Parameters is deprecated in favor of `nn.utils.clip_grad_norm_`.",
                FutureWarning,
                stacklevel=2,
            )
            return clip_grad_norm_(values, max_norm, norm_type, error_if_nonfinite, foreach)
    total = get_total_norm(jax.tree.leaves(grads), norm_type, error_if_nonfinite, foreach)
    scale = _scale(max_norm, total)
    return jax.tree.map(lambda g: g * scale.astype(g.dtype), grads), total


def clip_grad_value_(parameters: PyTree, clip_value: float, foreach: bool | None = None) -> None:
    """Limits every element of ``.grad`` of the parameters to ±``clip_value``, in place.

    Args:
        parameters: Parameters, or one; or a dict of gradients.
        clip_value: the limit.
        foreach: without meaning here; XLA fuses.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> p = nn.Parameter(jnp.zeros(2))
        >>> p.grad = jnp.array([3.0, -0.1])
        >>> nn.utils.clip_grad_value_([p], 0.5)
        >>> p.grad.tolist()[0]
        0.5
    """
    del foreach
    limit = float(clip_value)
    _change(_targets(parameters), lambda grad: jnp.clip(grad, -limit, limit))
