"""Dropout: elements or whole channels set to zero, or for self-normalising networks to their negative limit.

With ``training=False`` or ``p=0`` the input is returned as it is and no random number is drawn.  Otherwise
``key`` is needed: a JAX key, or a `fnn.random.Generator`, which gives PyTorch's masks.  ``inplace`` is accepted
for PyTorch's sake; arrays are immutable and the result is the same.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterator
from contextvars import ContextVar

import jax
import numpy as np
from jax import lax

from fnn import dtypes, random
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.kernels.mesh import select
from fnn.typing import ArrayLike, Key

__all__ = ["dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"]


def dropout(
    input: ArrayLike, p: float = 0.5, training: bool = True, inplace: bool = False, *, key: Key | None = None
) -> jax.Array:
    """Sets each element to zero with probability ``p`` and divides the others by ``1 - p``.

    Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting" (2014).

    Args:
        input: an array of any shape, floating.
        p: the probability of an element to be dropped, from 0 to 1.
        training: whether to drop at all.
        inplace: see the head of this module.
        key: a JAX key or a `fnn.random.Generator`.

    Returns:
        An array of the input's shape and dtype.

    Raises:
        ArgumentError: p outside [0, 1].
        MissingKeyError: a draw is needed and ``key`` is None.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> y = F.dropout(jnp.ones(1000), 0.2, key=jax.random.key(0))
        >>> sorted(set(y.tolist())), F.dropout(jnp.ones(2), training=False).tolist()
        ([0.0, 1.25], [1.0, 1.0])
    """
    del inplace
    return _dropout("dropout", input, p, training, key)


def dropout1d(
    input: ArrayLike, p: float = 0.5, training: bool = True, inplace: bool = False, *, key: Key | None = None
) -> jax.Array:
    """Sets whole channels of a signal to zero with probability ``p`` and divides the others by ``1 - p``.

    Args:
        input: (N, C, L) or (C, L), floating.
        p: the probability of a channel to be dropped, from 0 to 1.
        training: whether to drop at all.
        inplace: see the head of this module.
        key: a JAX key or a `fnn.random.Generator`.

    Returns:
        An array of the input's shape and dtype.

    Raises:
        ArgumentError: p outside [0, 1], or an input of another rank.
        MissingKeyError: a draw is needed and ``key`` is None.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> y = F.dropout1d(jnp.ones((1, 8, 3)), 0.5, key=jax.random.key(0))
        >>> bool((y == y[:, :, :1]).all())
        True
    """
    del inplace
    _check_p(p)
    x = to_array(input, "input", "dropout1d: ")
    if x.ndim not in (2, 3):
        raise ArgumentError(
            f"dropout1d: Expected 2D or 3D input, but received a {x.ndim}D input. It drops channels of inputs with "
            "one spatial dimension, (N, C, L) or (C, L)."
        )
    return _batched_dropout("dropout1d", x, 3, p, training, key)


def dropout2d(
    input: ArrayLike, p: float = 0.5, training: bool = True, inplace: bool = False, *, key: Key | None = None
) -> jax.Array:
    """Sets whole channels of an image to zero with probability ``p`` and divides the others by ``1 - p``.

    A three-dimensional input counts as (N, C, L), as in PyTorch, with a warning.

    Args:
        input: (N, C, H, W), floating.
        p: the probability of a channel to be dropped, from 0 to 1.
        training: whether to drop at all.
        inplace: see the head of this module.
        key: a JAX key or a `fnn.random.Generator`.

    Returns:
        An array of the input's shape and dtype.

    Raises:
        ArgumentError: p outside [0, 1].
        MissingKeyError: a draw is needed and ``key`` is None.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> y = F.dropout2d(jnp.ones((1, 8, 3, 3)), 0.5, key=jax.random.key(0))
        >>> bool((y == y[:, :, :1, :1]).all())
        True
    """
    del inplace
    _check_p(p)
    x = to_array(input, "input", "dropout2d: ")
    if x.ndim not in (3, 4):
        warnings.warn(_odd_rank("dropout2d", x.ndim, "(N, C, H, W)"), stacklevel=2)
    if x.ndim == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is desired."
            " The input counts as (N, C, L). A future PyTorch will take it for (C, H, W). Use dropout1d to keep the "
            "meaning.",
            stacklevel=2,
        )
    return _dropout("dropout2d", x, p, training, key, by_channel=True)


def dropout3d(
    input: ArrayLike, p: float = 0.5, training: bool = True, inplace: bool = False, *, key: Key | None = None
) -> jax.Array:
    """Sets whole channels of a volume to zero with probability ``p`` and divides the others by ``1 - p``.

    Args:
        input: (N, C, D, H, W) or (C, D, H, W), floating.
        p: the probability of a channel to be dropped, from 0 to 1.
        training: whether to drop at all.
        inplace: see the head of this module.
        key: a JAX key or a `fnn.random.Generator`.

    Returns:
        An array of the input's shape and dtype.

    Raises:
        ArgumentError: p outside [0, 1].
        MissingKeyError: a draw is needed and ``key`` is None.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> y = F.dropout3d(jnp.ones((8, 2, 2, 2)), 0.5, key=jax.random.key(0))
        >>> bool((y == y[:, :1, :1, :1]).all())
        True
    """
    del inplace
    _check_p(p)
    x = to_array(input, "input", "dropout3d: ")
    if x.ndim not in (4, 5):
        warnings.warn(_odd_rank("dropout3d", x.ndim, "(N, C, D, H, W) or (C, D, H, W)"), stacklevel=2)
    return _batched_dropout("dropout3d", x, 5, p, training, key)


def alpha_dropout(
    input: ArrayLike, p: float = 0.5, training: bool = False, inplace: bool = False, *, key: Key | None = None
) -> jax.Array:
    """Dropout that keeps mean 0 and variance 1: drops to SELU's negative limit, then scales and shifts.

    Klambauer et al., "Self-Normalizing Neural Networks" (2017), https://arxiv.org/abs/1706.02515

    Args:
        input: an array of any shape, floating.
        p: the probability of an element to be dropped, from 0 to 1.
        training: whether to drop at all.
        inplace: see the head of this module.
        key: a JAX key or a `fnn.random.Generator`.

    Returns:
        An array of the input's shape and dtype.

    Raises:
        ArgumentError: p outside [0, 1].
        MissingKeyError: a draw is needed and ``key`` is None.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> y = F.alpha_dropout(jnp.zeros(100), 0.5, training=True, key=jax.random.key(0))
        >>> sorted({round(v, 4) for v in y.tolist()})
        [-0.7792, 0.7792]
    """
    del inplace
    return _dropout("alpha_dropout", input, p, training, key, alpha=True)


def feature_alpha_dropout(
    input: ArrayLike, p: float = 0.5, training: bool = False, inplace: bool = False, *, key: Key | None = None
) -> jax.Array:
    """`alpha_dropout` of whole channels.

    Args:
        input: (N, C, ...), floating.
        p: the probability of a channel to be dropped, from 0 to 1.
        training: whether to drop at all.
        inplace: see the head of this module.
        key: a JAX key or a `fnn.random.Generator`.

    Returns:
        An array of the input's shape and dtype.

    Raises:
        ArgumentError: p outside [0, 1].
        MissingKeyError: a draw is needed and ``key`` is None.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> y = F.feature_alpha_dropout(jnp.ones((1, 8, 3)), 0.5, True, key=jax.random.key(0))
        >>> bool((y == y[:, :, :1]).all())
        True
    """
    del inplace
    return _dropout("feature_alpha_dropout", input, p, training, key, by_channel=True, alpha=True)


_order: ContextVar[tuple[int, ...] | None] = ContextVar("fnn_dropout_order", default=None)


@contextlib.contextmanager
def laid_out(order: tuple[int, ...] | None) -> Iterator[None]:
    """Inside the ``with`` block a host generator's masks are drawn along the axes in this order; None: as they stand.

    PyTorch draws a mask in the order of memory, and its attention leaves a transposed array.
    """
    token = _order.set(order)
    try:
        yield
    finally:
        _order.reset(token)


# SELU's lambda * alpha, minus the value that it tends to at -inf
_ALPHA = 1.7580993408473766


def _dropout(
    name: str,
    input: ArrayLike,
    p: float,
    training: bool,
    key: Key | None,
    *,
    by_channel: bool = False,
    alpha: bool = False,
) -> jax.Array:
    _check_p(p)
    x = to_array(input, "input", f"{name}: ")
    if not training or p == 0 or x.size == 0:
        return x
    if p == 1:
        return lax.mul(x, lax.full_like(x, 0))
    if not dtypes.is_floating(x):
        raise ArgumentTypeError(f"{name}: expected a floating dtype, got input of dtype {x.dtype}")
    if by_channel and x.ndim < 2:
        raise ArgumentError(f"{name}: Feature dropout requires at least 2 dimensions in the input, got {x.ndim}")
    shape = (*x.shape[:2], *(1,) * (x.ndim - 2)) if by_channel else x.shape
    key, order = random.resolve(key, name), _order.get()
    if isinstance(key, random.Generator) and order is not None and len(order) == x.ndim and not by_channel:
        keep = random.bernoulli(key, 1 - p, tuple(shape[axis] for axis in order))
        keep = lax.transpose(keep, np.argsort(order))
    else:
        keep = random.bernoulli(key, 1 - p, shape)
    if keep.shape != x.shape:
        keep = lax.broadcast_in_dim(keep, x.shape, tuple(range(x.ndim)))

    if not alpha:
        return keep_only(x, keep, p)

    def constant(value: float) -> jax.Array:
        return lax.full_like(x, np.array(value, x.dtype)[()])

    a = 1 / math.sqrt((_ALPHA * _ALPHA * p + 1) * (1 - p))
    scaled = lax.mul(x, select(keep, constant(a), constant(0)))
    return lax.add(scaled, select(keep, constant(_ALPHA * a * p), constant(_ALPHA * a * (p - 1))))


def keep_only(x: jax.Array, keep: jax.Array, p: float) -> jax.Array:
    """``x / (1 - p)`` where ``keep`` says so, zeros elsewhere: dropout after its draw."""
    scale, nothing = (np.array(value, x.dtype)[()] for value in (1 / (1 - p), 0))
    return lax.mul(x, select(keep, lax.full_like(x, scale), lax.full_like(x, nothing)))


def _batched_dropout(name: str, x: jax.Array, ndim: int, p: float, training: bool, key: Key | None) -> jax.Array:
    """Channel dropout where an input of another rank than ``ndim`` lacks the batch axis."""
    if x.ndim == ndim:
        return _dropout(name, x, p, training, key, by_channel=True)
    y = _dropout(name, lax.expand_dims(x, [0]), p, training, key, by_channel=True)
    return lax.squeeze(y, [0])


def _check_p(p: float) -> None:
    if p < 0.0 or p > 1.0:
        raise ArgumentError(f"dropout probability has to be between 0 and 1, but got {p}")


def _odd_rank(name: str, ndim: int, expected: str) -> str:
    return (
        f"{name}: Received a {ndim}-D input to {name}, which is deprecated and will result in an error in a future "
        f"release. It drops channels of inputs of shape {expected}; use dropout to drop elements."
    )
