"""Precision against recall; `curves` describes ``thresholds``, `stat_scores` arrays and other arguments."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from fnn.metrics._arithmetic import warned
from fnn.metrics._checks import by_task, given
from fnn.metrics.functional.classification.curves import (
    Curve,
    Curves,
    Scores,
    State,
    Thresholds,
    as_thresholds,
    binary_state,
    check_multiclass_options,
    check_multilabel_options,
    check_options,
    interpolated,
    kept_labels,
    multiclass_state,
    multilabel_state,
    ranked,
)
from fnn.typing import Array, ArrayLike

__all__ = [
    "binary_precision_recall_curve",
    "multiclass_precision_recall_curve",
    "multilabel_precision_recall_curve",
    "precision_recall_curve",
]
_NO_POSITIVES = "No positive samples found in target, recall is undefined. Setting recall to one for all thresholds."


def binary_curve_of(state: State, thresholds: Array | None, label: int = 1) -> Curve:
    """Precision and recall (T + 1,), and the thresholds (T,)."""
    if isinstance(state, Scores):
        fps, tps, found = ranked(state.preds, state.target, label)
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = tps.astype(np.float32) / (tps + fps).astype(np.float32)
            recall = tps.astype(np.float32) / (tps[-1:].astype(np.float32))
        if not np.asarray(state.target).any():
            warned(True, _NO_POSITIVES)
            recall = np.ones_like(recall)
        precision, recall = np.append(precision[::-1], np.float32(1)), np.append(recall[::-1], np.float32(0))
        return jnp.asarray(precision), jnp.asarray(recall), jnp.asarray(found[::-1])
    assert thresholds is not None
    precision, recall = _binned(state[:, None])
    return precision[0], recall[0], thresholds


def _binned(state: Array) -> tuple[Array, Array]:
    """Precision and recall (K, T + 1) from counts (T, K, 2, 2)."""
    counts = state.astype(jnp.float32)
    tps, fps, fns = counts[..., 1, 1], counts[..., 0, 1], counts[..., 1, 0]
    end = jnp.ones((1, tps.shape[1]), jnp.float32)
    precision = jnp.concatenate([tps / (tps + fps), end])
    recall = jnp.concatenate([tps / (tps + fns), 0 * end])
    return precision.T, recall.T


def multiclass_curves_of(
    state: State, num_classes: int, thresholds: Array | None, average: str | None = None
) -> Curves:
    """The curves (C, T + 1), lists of C if exact; one for all with an average."""
    if average == "micro":
        return binary_curve_of(state, thresholds)
    if isinstance(state, Scores):
        curves = [binary_curve_of(Scores(state.preds[:, n], state.target), None, label=n) for n in range(num_classes)]
        precision, recall, found = (list(part) for part in zip(*curves, strict=True))
    else:
        assert thresholds is not None
        precision, recall = _binned(state)
        found = thresholds
    if average != "macro":
        return precision, recall, found  # pyright: ignore[reportReturnType]
    mean = jnp.sort(jnp.concatenate(list(precision)))
    rest = sum(interpolated(mean, p, r) for p, r in zip(precision, recall, strict=True)) / num_classes
    found = jnp.concatenate(found) if isinstance(found, list) else jnp.tile(found, num_classes)
    return mean, jnp.asarray(rest), jnp.sort(found)


def multilabel_curves_of(state: State, thresholds: Array | None, ignore_index: int | None) -> Curves:
    """The curves (L, T + 1), lists of L if exact."""
    if isinstance(state, Scores):
        curves = [binary_curve_of(label, None) for label in kept_labels(state, ignore_index)]
        precision, recall, found = (list(part) for part in zip(*curves, strict=True))
        return precision, recall, found
    assert thresholds is not None
    return *_binned(state), thresholds


def binary_precision_recall_curve(
    preds: ArrayLike,
    target: ArrayLike,
    thresholds: Thresholds = None,
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Curve:
    """Precision and recall at each threshold, and where nothing is a positive.

    Returns:
        Precision (T + 1,), recall (T + 1,) and the rising thresholds (T,).

    Raises:
        ArgumentError: ``thresholds=None`` in a compiled step.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1])
        >>> precision, recall, thresholds = M.binary_precision_recall_curve(preds, target, thresholds=3)
        >>> print(precision, recall, thresholds)
        [0.5       0.6666667       nan 1.       ] [1. 1. 0. 0.] [0.  0.5 1. ]
    """
    if validate_args:
        check_options(thresholds, ignore_index)
    at = as_thresholds(thresholds)
    state = binary_state(preds, target, at, ignore_index, validate_args, "binary_precision_recall_curve")
    return binary_curve_of(state, at)


def multiclass_precision_recall_curve(
    preds: ArrayLike,
    target: ArrayLike,
    num_classes: int,
    thresholds: Thresholds = None,
    average: str | None = None,
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Curves:
    """Precision and recall of each class against all others, or of all in one.

    Args:
        preds: (N, C, ...).
        target: (N, ...).
        num_classes: C.
        thresholds: see `curves`.
        average: ``"micro"`` takes all classes for one, ``"macro"`` averages the curves, None gives C of them.
        ignore_index: see `stat_scores`.
        validate_args: see `stat_scores`.

    Returns:
        Precision (C, T + 1), recall (C, T + 1) and thresholds (T,); lists of C arrays with ``thresholds=None``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds = jnp.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.3, 0.3, 0.4]])
        >>> precision, *_ = M.multiclass_precision_recall_curve(preds, jnp.array([0, 1, 1]), 3, thresholds=3)
        >>> precision.shape
        (3, 4)
    """
    if validate_args:
        check_multiclass_options(num_classes, thresholds, ignore_index, average)
    at = as_thresholds(thresholds)
    where = "multiclass_precision_recall_curve"
    state = multiclass_state(preds, target, num_classes, at, average, ignore_index, validate_args, where)
    return multiclass_curves_of(state, num_classes, at, average)


def multilabel_precision_recall_curve(
    preds: ArrayLike,
    target: ArrayLike,
    num_labels: int,
    thresholds: Thresholds = None,
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Curves:
    """Precision and recall of each label.

    Returns:
        Precision (L, T + 1), recall (L, T + 1) and thresholds (T,); lists of L arrays with ``thresholds=None``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([[0.1, 0.8], [0.7, 0.6]]), jnp.array([[0, 1], [1, 0]])
        >>> precision, *_ = M.multilabel_precision_recall_curve(preds, target, num_labels=2, thresholds=3)
        >>> precision.shape
        (2, 4)
    """
    if validate_args:
        check_multilabel_options(num_labels, thresholds, ignore_index)
    at = as_thresholds(thresholds)
    where = "multilabel_precision_recall_curve"
    state = multilabel_state(preds, target, num_labels, at, ignore_index, validate_args, where)
    return multilabel_curves_of(state, at, ignore_index)


def precision_recall_curve(
    preds: ArrayLike,
    target: ArrayLike,
    task: str,
    thresholds: Thresholds = None,
    num_classes: int | None = None,
    num_labels: int | None = None,
    average: str | None = None,
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Curves:
    """The function of the task: ``"binary"``, ``"multiclass"`` or ``"multilabel"``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1])
        >>> print(M.precision_recall_curve(preds, target, "binary")[1])
        [1.  1.  0.5 0.5 0. ]
    """
    common = ignore_index, validate_args
    return by_task(
        task,
        lambda: binary_precision_recall_curve(preds, target, thresholds, *common),
        lambda: multiclass_precision_recall_curve(
            preds, target, given(num_classes, "num_classes"), thresholds, average, *common
        ),
        lambda: multilabel_precision_recall_curve(preds, target, given(num_labels, "num_labels"), thresholds, *common),
    )
