"""Mean errors: squared, absolute, relative.

Half-precision arrays are computed with in float32; the functions' results have their dtype again.
"""

from __future__ import annotations

import jax.numpy as jnp

from fnn.arguments import widen
from fnn.metrics._arithmetic import floats
from fnn.metrics._checks import arrays, same_shape
from fnn.typing import Array, ArrayLike

__all__ = ["mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_error"]
EPSILON = 1.17e-06  # torchmetrics' least denominator


def paired(preds: ArrayLike, target: ArrayLike) -> tuple[Array, Array]:
    """Both as floating numbers of at least 32 bits and of one shape."""
    preds, target = arrays(preds, target)
    same_shape(preds, target)
    return widen(floats(preds)), widen(floats(target))


def as_given(result: Array, preds: ArrayLike, target: ArrayLike) -> Array:
    """The result in the dtype of the arguments if that is a half one."""
    dtype = jnp.result_type(*arrays(preds, target))
    return result.astype(dtype) if jnp.issubdtype(dtype, jnp.floating) and dtype.itemsize == 2 else result


def squared_error(preds: ArrayLike, target: ArrayLike, num_outputs: int) -> tuple[Array, int]:
    """The sum over the first axis (over all, if there is one output) and how many there are."""
    preds, target = paired(preds, target)
    if num_outputs == 1:
        preds, target = preds.reshape(-1), target.reshape(-1)
    return ((preds - target) ** 2).sum(0), len(target)


def absolute_error(preds: ArrayLike, target: ArrayLike, num_outputs: int) -> tuple[Array, int]:
    """The sum over the first axis (over all, if there is one output) and how many there are."""
    preds, target = paired(preds, target)
    if num_outputs == 1:
        preds, target = preds.reshape(-1), target.reshape(-1)
    return jnp.abs(preds - target).sum(0), len(target)


def relative_error(preds: ArrayLike, target: ArrayLike) -> tuple[Array, int]:
    """The sum and how many there are."""
    preds, target = paired(preds, target)
    return (jnp.abs(preds - target) / jnp.maximum(jnp.abs(target), EPSILON)).sum(), target.size


def mean_squared_error(preds: ArrayLike, target: ArrayLike, squared: bool = True, num_outputs: int = 1) -> Array:
    """The mean of (preds - target)².

    Args:
        preds: (N, ...), or (N, num_outputs).
        target: the same shape.
        squared: False gives the root.
        num_outputs: above 1 there is a value for each column.

    Returns:
        (), or (num_outputs,).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> print(M.mean_squared_error(jnp.array([1.0, 2.0]), jnp.array([1.0, 4.0])))
        2.0
    """
    total, count = squared_error(preds, target, num_outputs)
    mean = total / count
    return as_given(mean if squared else jnp.sqrt(mean), preds, target)


def mean_absolute_error(preds: ArrayLike, target: ArrayLike, num_outputs: int = 1) -> Array:
    """The mean of |preds - target|.

    Args:
        preds: (N, ...), or (N, num_outputs).
        target: the same shape.
        num_outputs: above 1 there is a value for each column.

    Returns:
        (), or (num_outputs,).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> print(M.mean_absolute_error(jnp.array([1.0, 2.0]), jnp.array([1.0, 4.0])))
        1.0
    """
    total, count = absolute_error(preds, target, num_outputs)
    return as_given(total / count, preds, target)


def mean_absolute_percentage_error(preds: ArrayLike, target: ArrayLike) -> Array:
    """The mean of |preds - target| / max(|target|, 1.17e-6).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> print(M.mean_absolute_percentage_error(jnp.array([1.0, 2.0]), jnp.array([1.0, 4.0])))
        0.25
    """
    total, count = relative_error(preds, target)
    return as_given(total / count, preds, target)
