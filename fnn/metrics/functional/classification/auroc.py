"""The area under the ROC curve; `curves` describes ``thresholds``, `stat_scores` arrays and other arguments."""

from __future__ import annotations

import jax.numpy as jnp

from fnn.errors import ArgumentError
from fnn.metrics._checks import by_task, given, one_of
from fnn.metrics.functional.classification.curves import (
    Curves,
    State,
    Thresholds,
    area,
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
from fnn.metrics.functional.classification.roc import binary_roc_of, multiclass_roc_of, multilabel_roc_of
from fnn.typing import Array, ArrayLike

__all__ = ["binary_auroc", "multiclass_auroc", "multilabel_auroc", "auroc"]
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


def check_max_fpr(max_fpr: float | None) -> None:
    """Raises if it is no rate."""
    if max_fpr is not None and not (isinstance(max_fpr, float) and 0 < max_fpr <= 1):
        raise ArgumentError(f"Arguments `max_fpr` should be a float in range (0, 1], but got: {max_fpr}")


def binary_auroc_of(state: State, thresholds: Array | None, max_fpr: float | None = None) -> Array:
    """The area, or the part up to ``max_fpr``, scaled so that chance is 1/2 (McClish)."""
    fpr, tpr, _ = binary_roc_of(state, thresholds)
    whole = area(fpr, tpr)
    if max_fpr is None or max_fpr == 1:
        return whole
    # The curve ends at max_fpr, on the line between two of its points; what lies beyond has no width.
    x, run = jnp.minimum(fpr, max_fpr), fpr[1:] - fpr[:-1]
    end = tpr[:-1] + (tpr[1:] - tpr[:-1]) * jnp.where(run > 0, (x[1:] - x[:-1]) / jnp.where(run > 0, run, 1), 0)
    part, least = ((x[1:] - x[:-1]) * (tpr[:-1] + end) / 2).sum(), 0.5 * max_fpr**2
    scaled = 0.5 * (1 + (part - least) / (max_fpr - least))
    return jnp.where((fpr.sum() == 0) | (tpr.sum() == 0), whole, scaled)


def _averaged(curves: Curves, average: str | None, weights: Array) -> Array:
    fpr, tpr, _ = curves
    areas = jnp.stack([area(x, y) for x, y in zip(fpr, tpr, strict=True)])
    return reduced(areas, average, weights)


def multiclass_auroc_of(state: State, num_classes: int, average: str | None, thresholds: Array | None) -> Array:
    """The areas (C,), or their average."""
    return _averaged(multiclass_roc_of(state, num_classes, thresholds), average, positives(state, num_classes))


def multilabel_auroc_of(state: State, average: str | None, thresholds: Array | None, ignore_index: int | None) -> Array:
    """The areas (L,), or their average."""
    if average == "micro":
        return binary_auroc_of(flattened(state, ignore_index), thresholds)
    return _averaged(multilabel_roc_of(state, thresholds, ignore_index), average, positives(state, None))


def binary_auroc(
    preds: ArrayLike,
    target: ArrayLike,
    max_fpr: float | None = None,
    thresholds: Thresholds = None,
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """The area under the ROC curve: the chance that a positive scores higher than a negative.

    With ``max_fpr`` the area up to this false positive rate, scaled so that chance is 1/2.

    Raises:
        ArgumentError: ``thresholds=None`` in a compiled step.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1])
        >>> print(M.binary_auroc(preds, target), M.binary_auroc(preds, target, thresholds=5))
        0.75 0.625
    """
    if validate_args:
        check_max_fpr(max_fpr)
        check_options(thresholds, ignore_index)
    at = as_thresholds(thresholds)
    state = binary_state(preds, target, at, ignore_index, validate_args, "binary_auroc")
    return binary_auroc_of(state, at, max_fpr)


def multiclass_auroc(
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
        >>> print(M.multiclass_auroc(preds, jnp.array([0, 1, 2]), num_classes=3, average=None))
        [1.   0.75 0.5 ]
    """
    if validate_args:
        check_multiclass(num_classes, average, thresholds, ignore_index)
    at = as_thresholds(thresholds)
    where = "multiclass_auroc"
    state = multiclass_state(preds, target, num_classes, at, None, ignore_index, validate_args, where)
    return multiclass_auroc_of(state, num_classes, average, at)


def multilabel_auroc(
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
        >>> print(M.multilabel_auroc(preds, target, num_labels=2, average=None))
        [1. 0.]
    """
    if validate_args:
        check_multilabel(num_labels, average, thresholds, ignore_index)
    at = as_thresholds(thresholds)
    state = multilabel_state(preds, target, num_labels, at, ignore_index, validate_args, "multilabel_auroc")
    return multilabel_auroc_of(state, average, at, ignore_index)


def auroc(
    preds: ArrayLike,
    target: ArrayLike,
    task: str,
    thresholds: Thresholds = None,
    num_classes: int | None = None,
    num_labels: int | None = None,
    average: str | None = "macro",
    max_fpr: float | None = None,
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """The function of the task: ``"binary"``, ``"multiclass"`` or ``"multilabel"``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1])
        >>> print(M.auroc(preds, target, "binary"))
        0.75
    """
    common = thresholds, ignore_index, validate_args
    return by_task(
        task,
        lambda: binary_auroc(preds, target, max_fpr, *common),
        lambda: multiclass_auroc(preds, target, given(num_classes, "num_classes"), average, *common),
        lambda: multilabel_auroc(preds, target, given(num_labels, "num_labels"), average, *common),
    )
