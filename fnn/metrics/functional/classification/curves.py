"""What curves over all thresholds are made from: counts at given thresholds, or the scores themselves.

With ``thresholds`` (an int: so many from 0 to 1; a list or a vector of them) a state is counts (T, ..., 2, 2): of
constant size, fit for a compiled step.  With ``thresholds=None`` every score is a threshold: the state is all scores
and labels, and the curves' sizes depend on values, so that it works outside of compiled steps only.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import jax.numpy as jnp
import numpy as np

from fnn.dtypes import is_floating, to_array
from fnn.errors import ArgumentError
from fnn.metrics._arithmetic import number, probabilities
from fnn.metrics._checks import (
    arrays,
    as_labels,
    check_binary,
    check_ignore_index,
    check_number,
    check_range,
    check_scores,
    check_thresholds,
    one_of,
    same_shape,
)
from fnn.tracing import Tracer
from fnn.typing import Array, ArrayLike

Thresholds: TypeAlias = "int | list[float] | ArrayLike | None"
Curve: TypeAlias = "tuple[Array, Array, Array]"
Curves: TypeAlias = "Curve | tuple[list[Array], list[Array], list[Array]]"

NEEDS_VALUES = (
    "{where}: thresholds=None takes every score for a threshold; how many there are depends on values, which a "
    "compiled step does not have. Pass thresholds=100, say, or a list of them: counts at these are a state of constant "
    "size."
)


class Scores(NamedTuple):
    """All scores, (M,) or (M, K), with their labels."""

    preds: Array
    target: Array


State: TypeAlias = "Scores | Array"


def as_thresholds(thresholds: Thresholds) -> Array | None:
    """Thresholds as a vector (T,)."""
    if thresholds is None:
        return None
    if isinstance(thresholds, int):
        # symmetric, as torch.linspace: from both ends to the middle
        step, steps = np.float32(1) / np.float32(thresholds - 1), np.arange(thresholds, dtype=np.float32)
        return jnp.asarray(np.where(steps < thresholds // 2, step * steps, 1 - step * steps[::-1]))
    if isinstance(thresholds, list):
        return jnp.asarray(np.asarray(thresholds, np.float32))
    return to_array(thresholds, "thresholds")


def check_options(thresholds: Thresholds, ignore_index: int | None) -> None:
    """Raises on a bad option."""
    check_thresholds(thresholds)
    check_ignore_index(ignore_index)


def check_multiclass_options(
    num_classes: int, thresholds: Thresholds, ignore_index: int | None, average: str | None = None
) -> None:
    """Raises on a bad option."""
    check_number(num_classes, "num_classes")
    one_of(average, "average", (None, "micro", "macro"))
    check_options(thresholds, ignore_index)


def check_multilabel_options(num_labels: int, thresholds: Thresholds, ignore_index: int | None) -> None:
    """Raises on a bad option."""
    check_number(num_labels, "num_labels")
    check_options(thresholds, ignore_index)


def binary_state(
    preds: ArrayLike,
    target: ArrayLike,
    thresholds: Array | None,
    ignore_index: int | None,
    validate_args: bool,
    where: str,
    normalization: str | None = "sigmoid",
) -> State:
    """The state of scores and labels (N, ...)."""
    preds, target = arrays(preds, target)
    if validate_args:
        same_shape(preds, target)
        check_scores(preds, target)
        check_binary(preds, target, ignore_index)
    preds, target = preds.reshape(-1), target.reshape(-1)
    kept = _kept(target, ignore_index)
    preds = probabilities(preds, kept, normalization)
    if thresholds is None:
        return _filtered(preds, target, kept, where)
    return _binned(preds[:, None], (target == 1) & kept, (target == 0) & kept, thresholds)[:, 0]


def multiclass_state(
    preds: ArrayLike,
    target: ArrayLike,
    num_classes: int,
    thresholds: Array | None,
    average: str | None,
    ignore_index: int | None,
    validate_args: bool,
    where: str,
) -> State:
    """The state of scores (N, C, ...) and classes (N, ...); all classes in one with ``average="micro"``."""
    preds, target = arrays(preds, target)
    if validate_args:
        _check_classes(preds, target, num_classes, ignore_index)
    preds = jnp.moveaxis(preds, 1, -1).reshape(-1, num_classes)
    target = as_labels(target, "target").reshape(-1)
    kept = _kept(target, ignore_index)
    preds = probabilities(preds, kept[:, None], "softmax")
    if thresholds is None:
        scores = _filtered(preds, target, kept, where)
        if average != "micro":
            return scores
        one_hot = scores.target[:, None] == jnp.arange(num_classes)[None]
        return Scores(scores.preds.reshape(-1), one_hot.astype(scores.target.dtype).reshape(-1))
    is_class = target[:, None] == jnp.arange(num_classes)[None]
    counts = _binned(preds, is_class & kept[:, None], ~is_class & kept[:, None], thresholds)
    return counts.sum(1) if average == "micro" else counts


def multilabel_state(
    preds: ArrayLike,
    target: ArrayLike,
    num_labels: int,
    thresholds: Array | None,
    ignore_index: int | None,
    validate_args: bool,
    where: str,
) -> State:
    """The state of scores and labels (N, L, ...)."""
    preds, target = arrays(preds, target)
    if validate_args:
        same_shape(preds, target)
        check_scores(preds, target)
        if preds.ndim < 2 or preds.shape[1] != num_labels:
            raise ArgumentError(
                "Expected both `target.shape[1]` and `preds.shape[1]` to be equal to the number of labels"
                f" but got shape {preds.shape} and expected {num_labels}"
            )
        check_binary(preds, target, ignore_index)
    preds = probabilities(jnp.moveaxis(preds, 1, -1).reshape(-1, num_labels), None, "sigmoid")
    target = jnp.moveaxis(target, 1, -1).reshape(-1, num_labels)
    if thresholds is None:
        _known(preds, target, where)
        return Scores(preds, target)
    kept = _kept(target, ignore_index)
    return _binned(preds, (target == 1) & kept, (target == 0) & kept, thresholds)


def _check_classes(preds: Array, target: Array, num_classes: int, ignore_index: int | None) -> None:
    if preds.ndim != target.ndim + 1:
        raise ArgumentError(
            f"Expected `preds` to have one more dimension than `target` but got {preds.ndim} and {target.ndim}"
        )
    if is_floating(target):
        raise ArgumentError(f"Expected argument `target` to be an int or long tensor, but got dtype {target.dtype}")
    if not is_floating(preds):
        raise ArgumentError(f"Expected `preds` to be a float tensor, but got {preds.dtype}")
    if preds.shape[1] != num_classes:
        raise ArgumentError(
            "Expected `preds.shape[1]` to be equal to the number of classes but"
            f" got {preds.shape[1]} and {num_classes}."
        )
    if preds.shape[:1] + preds.shape[2:] != target.shape:
        raise ArgumentError(
            "Expected the shape of `preds` should be (N, C, ...) and the shape of `target` should be (N, ...)"
            f" but got {preds.shape} and {target.shape}"
        )
    check_range(target, "target", num_classes, ignore_index)


def _kept(target: Array, ignore_index: int | None) -> Array:
    return jnp.ones(target.shape, bool) if ignore_index is None else target != ignore_index


def _known(preds: Array, target: Array, where: str) -> None:
    if isinstance(preds, Tracer) or isinstance(target, Tracer):
        raise ArgumentError(NEEDS_VALUES.format(where=where))


def _filtered(preds: Array, target: Array, kept: Array, where: str) -> Scores:
    _known(preds, target, where)
    chosen = np.asarray(kept)
    return Scores(preds, target) if chosen.all() else Scores(preds[chosen], target[chosen])


def _binned(preds: Array, true: Array, false: Array, thresholds: Array) -> Array:
    """The counts (T, K, 2, 2) of scores (M, K); an element that is neither true nor false is left out."""
    true, false = (x.reshape(preds.shape) for x in (true, false))
    above = preds[None] >= thresholds[:, None, None]  # (T, M, K); fused into the sums
    tp, fp = number(above & true[None], 1), number(above & false[None], 1)
    tn, fn = number(false, 0)[None] - fp, number(true, 0)[None] - tp
    return jnp.stack([jnp.stack([tn, fp], -1), jnp.stack([fn, tp], -1)], -2)


def ranked(preds: Array, target: Array, label: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """False and true positives at each different score, from the highest down, and these scores."""
    scores = np.asarray(preds)
    order = np.argsort(-scores.astype(np.float64), kind="stable")
    scores, true = scores[order], (np.asarray(target)[order] == label).astype(np.int64)
    wide = scores.astype(np.float64)
    with np.errstate(invalid="ignore"):  # infinities: their difference is NaN, no zero
        last = np.append(np.flatnonzero(np.diff(wide) != 0), len(wide) - 1) if len(wide) else np.array([], int)
    tps = np.cumsum(true)[last]
    return 1 + last - tps, tps, scores[last]


def kept_labels(state: Scores, ignore_index: int | None) -> list[Scores]:
    """The scores of each label."""
    found = []
    for preds, target in zip(np.asarray(state.preds).T, np.asarray(state.target).T, strict=True):
        kept = np.ones(len(target), bool) if ignore_index is None else target != ignore_index
        found.append(Scores(jnp.asarray(preds[kept]), jnp.asarray(target[kept])))
    return found


def interpolated(x: Array, xs: Array, ys: Array) -> Array:
    """Piecewise linear interpolation as torchmetrics defines it, also where ``xs`` repeat or fall."""
    run = xs[1:] - xs[:-1]
    slope = jnp.where(run != 0, (ys[1:] - ys[:-1]) / jnp.where(run != 0, run, 1), 0)
    start = ys[:-1] - slope * xs[:-1]
    at = jnp.clip((x[:, None] >= xs[None]).sum(1) - 1, 0, len(slope) - 1)
    return slope[at] * x + start[at]


def area(x: Array, y: Array) -> Array:
    """The area under a curve by trapezoids, along the last axis."""
    return ((x[..., 1:] - x[..., :-1]) * (y[..., 1:] + y[..., :-1]) / 2).sum(-1)


def positives(state: State, label_axis: int | None) -> Array:
    """How often each class or label is true: of ``label_axis`` classes, or of labels (None)."""
    if not isinstance(state, Scores):
        return state[0, :, 1, :].sum(-1)
    if label_axis is None:
        return (state.target == 1).sum(0).astype(jnp.float32)
    return (state.target[:, None] == jnp.arange(label_axis)[None]).sum(0).astype(jnp.float32)


def flattened(state: State, ignore_index: int | None) -> State:
    """The state of all labels taken for one."""
    if not isinstance(state, Scores):
        return state.sum(1)
    preds, target = np.asarray(state.preds).reshape(-1), np.asarray(state.target).reshape(-1)
    kept = np.ones(len(target), bool) if ignore_index is None else target != ignore_index
    return Scores(jnp.asarray(preds[kept]), jnp.asarray(target[kept]))


def reduced(values: Array, average: str | None, weights: Array) -> Array:
    """The average of the classes' values (C,), of those that are no NaN."""
    if average is None or average == "none":
        return values
    known = ~jnp.isnan(values)
    values = jnp.where(known, values, 0)
    if average == "macro":
        return values.sum() / known.sum()
    weights = jnp.where(known, weights, 0).astype(values.dtype)
    total = weights.sum()
    return (values * jnp.where(total != 0, weights / jnp.where(total != 0, total, 1), 0)).sum()
