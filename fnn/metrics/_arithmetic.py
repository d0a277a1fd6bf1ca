"""Arithmetic that several metrics share."""

from __future__ import annotations

import warnings

import jax
import jax.numpy as jnp

from fnn.arguments import narrow, widen
from fnn.dtypes import index_dtype, is_floating, to_array
from fnn.kernels.mesh import gathered
from fnn.tracing import Tracer, concrete
from fnn.typing import Array, ArrayLike


def floats(x: ArrayLike) -> Array:
    """Floating numbers; float32 if they are none."""
    x = to_array(x)
    return x if is_floating(x) else x.astype(jnp.float32)


def divided(numerator: ArrayLike, denominator: ArrayLike, zero_division: float = 0.0) -> Array:
    """The quotient; ``zero_division`` where the denominator is zero."""
    top, bottom = floats(numerator), floats(denominator)
    return jnp.where(bottom != 0, top / jnp.where(bottom != 0, bottom, 1), jnp.asarray(zero_division, top.dtype))


def number(mask: Array, axis: int | tuple[int, ...] | None = None) -> Array:
    """How many are true, in the dtype of indices."""
    return mask.sum(axis, dtype=index_dtype())


def histogram(bins: Array, where: Array, length: int) -> Array:
    """How often each of ``length`` bins occurs among those ``where`` is true; others than bins are left out."""
    outside = ~where | (bins < 0)
    places = gathered(jnp.where(outside, length, bins))  # on an explicit mesh JAX takes no split ones
    return jnp.zeros(length, index_dtype()).at[places].add(1, mode="drop")


def probabilities(x: Array, where: Array | None, how: str | None) -> Array:
    """Scores as probabilities: all of them mapped by sigmoid or softmax (axis 1) if any lies outside [0, 1].

    Args:
        x: the scores.
        where: which of them are looked at, of the same shape or one that broadcasts; None: all.
        how: ``"sigmoid"``, ``"softmax"``, or None: as they are.
    """
    if not how:
        return x
    inside = (x >= 0) & (x <= 1)
    if where is not None:
        inside = inside | ~where
    function = jax.nn.sigmoid if how == "sigmoid" else lambda v: jax.nn.softmax(v, axis=1)
    return jnp.where(inside.all(), x, narrow(function(widen(x)), x))


def averaged(score: Array, average: str | None, multilabel: bool, weights: Array, absent: Array) -> Array:
    """The average of scores along the last axis, or the scores.

    Args:
        score: (..., C).
        average: ``"macro"``, ``"weighted"``, or ``"none"``.
        multilabel: whether a label counts that occurs nowhere; a class does not.
        weights: how often each is true (..., C).
        absent: whether it occurs nowhere (..., C).
    """
    if average is None or average == "none":
        return score
    if average != "weighted":
        weights = jnp.ones_like(score) if multilabel else jnp.where(absent, 0, jnp.ones_like(score))
    return divided(weights * score, weights.sum(-1, keepdims=True)).sum(-1)


def warned(condition: Array | bool, text: str) -> None:
    """Warns where the condition is known and true."""
    if isinstance(condition, Tracer):
        return
    if bool(concrete(jnp.asarray(condition))):
        warnings.warn(text, UserWarning, stacklevel=3)
