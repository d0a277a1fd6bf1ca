"""The average precision; `curves` describes ``thresholds``, `stat_scores` arrays and other arguments."""

from __future__ import annotations

import jax.numpy as jnp

from fnn.metrics._arithmetic import warned
from fnn.metrics._checks import by_task, given, one_of
from fnn.metrics.functional.classification.curves import (
    Curves,
    State,
    Thresholds,
    as_thresholds,
    binary_state,
    check_multiclass_options,
    check_multilabel_options,
    check_options,
    flattened,
    multiclass_state,
    multilabel_state,
    positives,
    reduced,
)
from fnn.metrics.functional.classification.precision_recall_curve import (
    binary_curve_of,
    multiclass_curves_of,
    multilabel_curves_of,
)
from fnn.typing import Array, ArrayLike

__all__ = [
    "binary_average_precision",
    "multiclass_average_precision",
    "multilabel_average_precision",
    "average_precision",
]
_CLASSES = ("macro", "weighted", "none", None)
_LABELS = ("micro", *_CLASSES)


def check_multiclass(num_classes: int, average: str | None, thresholds: Thresholds, ignore_index: int | None) -> None:
    """Raises on a bad option."""
    check_multiclass_options(num_classes, thresholds, ignore_index)
    one_of(average, "average", _CLASSES)


def check_multilabel(num_labels: int, average: str | None, thresholds: Thresholds, ignore_index: int | None) -> None:
    """Raises on a bad option."""
    check_multilabel_options(num_labels, thresholds, ignore_index)
    one_of(average, "average", _LABELS)


def binary_average_precision_of(state: State, thresholds: Array | None) -> Array:
    """Σ (recall[n] - recall[n + 1]) precision[n]."""
    precision, recall, _ = binary_curve_of(state, thresholds)
    return _sums(jnp.nan_to_num(precision, nan=0.0), jnp.nan_to_num(recall, nan=0.0))


def _sums(precision: Array, recall: Array) -> Array:
    return -((recall[..., 1:] - recall[..., :-1]) * precision[..., :-1]).sum(-1)


def _averaged(curves: Curves, average: str | None, weights: Array) -> Array:
    precision, recall, _ = curves
    if isinstance(precision, list):
        values = jnp.stack([_sums(p, r) for p, r in zip(precision, recall, strict=True)])
        if average not in ("none", None):
            text = "Average precision score for one or more classes was `nan`. Ignoring these classes in {}-average"
            warned(jnp.isnan(values).any(), text.format(average))
    else:
        values = _sums(jnp.nan_to_num(precision, nan=0.0), jnp.nan_to_num(jnp.asarray(recall), nan=0.0))
    return reduced(values, average, weights)


def multiclass_average_precision_of(
    state: State, num_classes: int, average: str | None, thresholds: Array | None
) -> Array:
    """The values (C,), or their average."""
    return _averaged(multiclass_curves_of(state, num_classes, thresholds), average, positives(state, num_classes))


def multilabel_average_precision_of(
    state: State, average: str | None, thresholds: Array | None, ignore_index: int | None
) -> Array:
    """The values (L,), or their average."""
    if average == "micro":
        return binary_average_precision_of(flattened(state, ignore_index), thresholds)
    return _averaged(multilabel_curves_of(state, thresholds, ignore_index), average, positives(state, None))


def binary_average_precision(
    preds: ArrayLike,
    target: ArrayLike,
    thresholds: Thresholds = None,
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """The average of the precisions, each weighted by the recall that it adds: Σ (r[n] - r[n - 1]) p[n].

    Raises:
        ArgumentError: ``thresholds=None`` in a compiled step.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1])
        >>> print(M.binary_average_precision(preds, target), M.binary_average_precision(preds, target, thresholds=5))
        0.8333334 0.5833334
    """
    if validate_args:
        check_options(thresholds, ignore_index)
    at = as_thresholds(thresholds)
    state = binary_state(preds, target, at, ignore_index, validate_args, "binary_average_precision")
    return binary_average_precision_of(state, at)


def multiclass_average_precision(
    preds: ArrayLike,
    target: ArrayLike,
    num_classes: int,
    average: str | None = "macro",
    thresholds: Thresholds = None,
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """The same of each class against all others, averaged.

    ``"macro"`` averages, ``"weighted"`` weights the classes by their shares, ``"none"`` does neither.

    Returns:
        (), or (C,) with ``average="none"``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds = jnp.array([[0.8, 0.1, 0.1], [0.2, 0.3, 0.5], [0.3, 0.3, 0.4]])
        >>> print(M.multiclass_average_precision(preds, jnp.array([0, 1, 2]), num_classes=3, average=None))
        [1.  0.5 0.5]
    """
    if validate_args:
        check_multiclass(num_classes, average, thresholds, ignore_index)
    at = as_thresholds(thresholds)
    where = "multiclass_average_precision"
    state = multiclass_state(preds, target, num_classes, at, None, ignore_index, validate_args, where)
    return multiclass_average_precision_of(state, num_classes, average, at)


def multilabel_average_precision(
    preds: ArrayLike,
    target: ArrayLike,
    num_labels: int,
    average: str | None = "macro",
    thresholds: Thresholds = None,
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """The same of each label, averaged; ``"micro"`` takes all labels for one.

    Returns:
        (), or (L,) with ``average="none"``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([[0.1, 0.8], [0.7, 0.9]]), jnp.array([[0, 1], [1, 0]])
        >>> print(M.multilabel_average_precision(preds, target, num_labels=2, average=None))
        [1.  0.5]
    """
    if validate_args:
        check_multilabel(num_labels, average, thresholds, ignore_index)
    at = as_thresholds(thresholds)
    state = multilabel_state(preds, target, num_labels, at, ignore_index, validate_args, "multilabel_average_precision")
    return multilabel_average_precision_of(state, average, at, ignore_index)


def average_precision(
    preds: ArrayLike,
    target: ArrayLike,
    task: str,
    thresholds: Thresholds = None,
    num_classes: int | None = None,
    num_labels: int | None = None,
    average: str | None = "macro",
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """The function of the task: ``"binary"``, ``"multiclass"`` or ``"multilabel"``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1])
        >>> print(M.average_precision(preds, target, "binary"))
        0.8333334
    """
    common = thresholds, ignore_index, validate_args
    return by_task(
        task,
        lambda: binary_average_precision(preds, target, *common),
        lambda: multiclass_average_precision(preds, target, given(num_classes, "num_classes"), average, *common),
        lambda: multilabel_average_precision(preds, target, given(num_labels, "num_labels"), average, *common),
    )
