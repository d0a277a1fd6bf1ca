"""Averages of arrays over the steps of a training: the mean, and the exponential moving average."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

import jax
import jax.numpy as jnp

from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.state.box import Box
from fnn.typing import ArrayLike, Real

__all__ = [
    "AvgFn", "MultiAvgFn", "compilable", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
]  # fmt: skip

# The average of one array, from that of n arrays, the next one, and n.
AvgFn: TypeAlias = "Callable[[jax.Array, jax.Array, Real], ArrayLike]"
F = TypeVar("F", bound=Callable)
# The same for several; it overwrites the averages, or returns the new ones.
MultiAvgFn: TypeAlias = "Callable[[Sequence[Box], Sequence[jax.Array], Real], Sequence[ArrayLike] | None]"


def _lerp(start: jax.Array, end: jax.Array, weight: Real) -> jax.Array:
    """``start + weight (end - start)``, from the nearer end: exact at both."""
    way = end - start
    part = jnp.asarray(weight, way.dtype)
    return jnp.where(part < 0.5, start + part * way, end - (1 - part) * way)


compilable: weakref.WeakSet[Callable] = weakref.WeakSet()


def _ours(function: F) -> F:
    """Notes that ``function`` may be compiled; a user's may look at its arguments' values."""
    compilable.add(function)
    return function


def _check_decay(decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        raise ArgumentError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


def get_ema_avg_fn(decay: float = 0.999) -> AvgFn:
    """The exponential moving average of one array: decay · average + (1 - decay) · current.

    Args:
        decay: in [0, 1].

    Returns:
        An ``avg_fn`` for `AveragedModel`.

    Raises:
        ArgumentError: ``decay`` out of its range.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.optim.swa_utils import get_ema_avg_fn
        >>> print(get_ema_avg_fn(0.75)(jnp.zeros(2), jnp.ones(2), 3))
        [0.25 0.25]
    """
    _check_decay(decay)

    def average(averaged: jax.Array, current: jax.Array, num_averaged: Real) -> jax.Array:
        del num_averaged
        return decay * averaged + (1 - decay) * current

    return _ours(average)


def get_swa_avg_fn() -> AvgFn:
    """The mean over all steps, of one array: average + (current - average) / (n + 1).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.optim.swa_utils import get_swa_avg_fn
        >>> print(get_swa_avg_fn()(jnp.zeros(2), jnp.ones(2), 3))
        [0.25 0.25]
    """

    def average(averaged: jax.Array, current: jax.Array, num_averaged: Real) -> jax.Array:
        return averaged + (current - averaged) / (num_averaged + 1)

    return _ours(average)


def get_ema_multi_avg_fn(decay: float = 0.999) -> MultiAvgFn:
    """The exponential moving average of a list of arrays; see `get_ema_avg_fn`.

    Args:
        decay: in [0, 1].

    Returns:
        A ``multi_avg_fn`` for `AveragedModel`.

    Raises:
        ArgumentError: ``decay`` out of its range.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> from fnn.optim.swa_utils import get_ema_multi_avg_fn
        >>> averaged = [nn.Parameter(jnp.zeros(2)), nn.Parameter(jnp.ones(1))]
        >>> get_ema_multi_avg_fn(0.75)(averaged, [jnp.ones(2), jnp.ones(1)], 3)
        >>> print(averaged[0].data, averaged[1].data)
        [0.25 0.25] [1.]
    """
    _check_decay(decay)

    def average(averaged: Sequence[Box], current: Sequence[jax.Array], num_averaged: Real) -> None:
        del num_averaged
        for mean, now in zip(averaged, current, strict=True):
            old, new = mean._read_whole(), to_array(now, "current")
            inexact = jnp.issubdtype(old.dtype, jnp.inexact)
            mean.copy_(_lerp(old, new, 1 - decay) if inexact else _truncated(old * decay + new * (1 - decay), old))

    return _ours(average)


def get_swa_multi_avg_fn() -> MultiAvgFn:
    """The mean over all steps, of a list of arrays; see `get_swa_avg_fn`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> from fnn.optim.swa_utils import get_swa_multi_avg_fn
        >>> averaged = [nn.Parameter(jnp.zeros(2)), nn.Parameter(jnp.ones(1))]
        >>> get_swa_multi_avg_fn()(averaged, [jnp.ones(2), jnp.ones(1)], 3)
        >>> print(averaged[0].data, averaged[1].data)
        [0.25 0.25] [1.]
    """

    def average(averaged: Sequence[Box], current: Sequence[jax.Array], num_averaged: Real) -> None:
        for mean, now in zip(averaged, current, strict=True):
            old, new = mean._read_whole(), to_array(now, "current")
            if jnp.issubdtype(old.dtype, jnp.inexact):
                mean.copy_(_lerp(old, new, 1 / (num_averaged + 1)))
            else:
                mean.copy_(_truncated(old + (new - old) / (num_averaged + 1), old))

    return _ours(average)


def _truncated(value: jax.Array, like: jax.Array) -> jax.Array:
    return value.astype(like.dtype)
