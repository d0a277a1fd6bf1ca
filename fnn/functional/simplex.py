"""Maps onto the probability simplex: softmax, its relatives, and its random relaxation.

bfloat16 and float16 are accumulated in float32 and rounded once.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from fnn import dtypes, random
from fnn.arguments import floating, narrow, widen, wrap_dim
from fnn.autocasting import governed
from fnn.functional import _promotion as promotion
from fnn.kernels import exponentials
from fnn.typing import ArrayLike, DType, Key

__all__ = ["gumbel_softmax", "log_softmax", "softmax", "softmin"]


def _resolve(
    input: ArrayLike, dim: int | None, name: str, stacklevel: int, dtype: DType | None
) -> tuple[jax.Array, int]:
    """The operand in the dtype asked for, and the axis; without one PyTorch's legacy rule chooses it."""
    where = f"{name}: "
    x = dtypes.to_array(input, "input", where)
    if dim is None:
        warnings.warn(
            f"Implicit dimension choice for {name} has been deprecated. "
            "Change the call to include dim=X as an argument.",
            stacklevel=stacklevel + 1,
        )
        dim = 0 if x.ndim in (0, 1, 3) else 1
    if dtype is not None:
        x = x.astype(dtypes.canonical(dtype, where))
    return floating(x, where), wrap_dim(dim, x.ndim, where)


def _along(function: Callable[[jax.Array, int], jax.Array], x: jax.Array, axis: int) -> jax.Array:
    """``function`` in a full dtype, of a scalar as of one element."""
    wide = widen(x) if x.ndim else lax.reshape(widen(x), (1,))
    return narrow(lax.reshape(function(wide, axis), x.shape), x)


def _softmax(x: jax.Array, axis: int) -> jax.Array:
    return _along(exponentials.softmax, x, axis)


@governed
def softmax(input: ArrayLike, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None) -> jax.Array:
    r"""``exp(x) / sum(exp(x))``: non-negative, and summing to 1 over ``dim``.

    Args:
        input: (\*), floating.
        dim: the dimension that sums to 1. ``None`` (deprecated): 0 for 0, 1 or 3 dimensions, else 1.
        _stacklevel: of the deprecation's warning.
        dtype: what to convert ``input`` to first.

    Returns:
        (\*); NaN where the whole slice is minus infinity.

    Raises:
        IndexError: no such dimension.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.softmax(jnp.array([0.0, 0.0, -jnp.inf]), dim=0)
        Array([0.5, 0.5, 0. ], dtype=float32)
    """
    return _softmax(*_resolve(input, dim, "softmax", _stacklevel, dtype))


@governed
def softmin(input: ArrayLike, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None) -> jax.Array:
    r"""`softmax` of ``-x``.

    Args:
        input: (\*), floating.
        dim: the dimension that sums to 1. ``None`` (deprecated): 0 for 0, 1 or 3 dimensions, else 1.
        _stacklevel: of the deprecation's warning.
        dtype: what to convert ``-input`` to first.

    Returns:
        (\*).

    Raises:
        IndexError: no such dimension.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.softmin(jnp.array([0.0, 0.0, jnp.inf]), dim=0)
        Array([0.5, 0.5, 0. ], dtype=float32)
    """
    x = dtypes.to_array(input, "input", "softmin: ")
    promotion.require("softmin: ", "number", input=x)
    return _softmax(*_resolve(-x, dim, "softmin", _stacklevel, dtype))


@governed
def log_softmax(
    input: ArrayLike, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None
) -> jax.Array:
    r"""The logarithm of `softmax`, computed without taking the logarithm of a small number.

    Args:
        input: (\*), floating.
        dim: the dimension that is normalised. ``None`` (deprecated): 0 for 0, 1 or 3 dimensions, else 1.
        _stacklevel: of the deprecation's warning.
        dtype: what to convert ``input`` to first.

    Returns:
        (\*).

    Raises:
        IndexError: no such dimension.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.log_softmax(jnp.array([0.0, 1000.0]), dim=0)
        Array([-1000.,     0.], dtype=float32)
    """
    return _along(exponentials.log_softmax, *_resolve(input, dim, "log_softmax", _stacklevel, dtype))


@governed
def gumbel_softmax(
    logits: ArrayLike, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1, *, key: Key | None = None
) -> jax.Array:
    r"""A differentiable sample from a categorical distribution (arXiv:1611.01144, arXiv:1611.00712).

    Args:
        logits: (\*, C), unnormalised log-probabilities.
        tau: the temperature; the smaller, the closer to one-hot.
        hard: return one-hot samples, with the gradient of the soft ones.
        eps: deprecated, without effect.
        dim: the dimension of the classes.
        key: a JAX key or a `fnn.random.Generator`; required.

    Returns:
        The shape of ``logits``; sums to 1 over ``dim``.

    Raises:
        MissingKeyError: no key.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.gumbel_softmax(jnp.array([0.0, 1000.0]), hard=True, key=jax.random.key(0))
        Array([0., 1.], dtype=float32)
    """
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", stacklevel=3)
    x = floating(logits, "gumbel_softmax: ", "logits")
    axis = wrap_dim(dim, x.ndim, "gumbel_softmax: ")
    gumbel = -lax.log(random.exponential(random.resolve(key, "gumbel_softmax"), x.shape, x.dtype))
    soft = _softmax(narrow((x + gumbel) / tau, x), axis)
    if not hard:
        return soft
    chosen = jnp.argmax(lax.stop_gradient(soft), axis if x.ndim else None, keepdims=True)
    one_hot = lax.broadcasted_iota(chosen.dtype, x.shape, axis) == chosen if x.ndim else chosen == 0
    return narrow(one_hot, x) - lax.stop_gradient(soft) + soft
