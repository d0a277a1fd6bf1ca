"""Accuracy: the share of right predictions.

`stat_scores` describes arrays and arguments.
"""

from __future__ import annotations

from fnn.metrics._arithmetic import averaged, divided
from fnn.metrics._checks import by_task, given
from fnn.metrics.functional.classification.stat_scores import (
    Counts,
    binary_counts,
    check_binary_options,
    check_multiclass_options,
    check_multilabel_options,
    multiclass_counts,
    multilabel_counts,
    totalled,
)
from fnn.typing import Array, ArrayLike

__all__ = ["binary_accuracy", "multiclass_accuracy", "multilabel_accuracy", "accuracy"]


def accuracy_of(
    counts: Counts, average: str | None, multidim_average: str, multilabel: bool = False, top_k: int = 1
) -> Array:
    """Accuracy from counts: of all, or of labels, (tp + tn) / all; of classes tp / (tp + fn)."""
    tp, fp, tn, fn = counts
    if average == "micro":
        tp, fp, tn, fn = (totalled(x, multidim_average) for x in counts)
    score = divided(tp + tn, tp + tn + fp + fn) if multilabel or average == "binary" else divided(tp, tp + fn)
    if average in ("binary", "micro"):
        return score
    absent = tp + fn == 0 if top_k != 1 else tp + fp + fn == 0
    return averaged(score, average, multilabel, tp + fn, absent)


def binary_accuracy(
    preds: ArrayLike,
    target: ArrayLike,
    threshold: float = 0.5,
    multidim_average: str = "global",
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """Accuracy: (tp + tn) / (tp + tn + fp + fn).

    Returns:
        (), or (N,) if samplewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> print(M.binary_accuracy(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1])))
        0.75
    """
    if validate_args:
        check_binary_options(threshold, multidim_average, ignore_index)
    counts = binary_counts(preds, target, threshold, multidim_average, ignore_index, validate_args)
    return accuracy_of(counts, "binary", multidim_average)


def multiclass_accuracy(
    preds: ArrayLike,
    target: ArrayLike,
    num_classes: int | None = None,
    average: str | None = "macro",
    top_k: int = 1,
    multidim_average: str = "global",
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """Accuracy of classes.

    Returns:
        (), or (C,) with ``average="none"``; a first axis N if samplewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0])
        >>> print(M.multiclass_accuracy(preds, target, num_classes=3, average=None))
        [0.5 1.  1. ]
    """
    if validate_args:
        check_multiclass_options(num_classes, top_k, average, multidim_average, ignore_index)
    counts = multiclass_counts(
        preds, target, num_classes, top_k, average, multidim_average, ignore_index, validate_args
    )
    return accuracy_of(counts, average, multidim_average, top_k=top_k)


def multilabel_accuracy(
    preds: ArrayLike,
    target: ArrayLike,
    num_labels: int,
    threshold: float = 0.5,
    average: str | None = "macro",
    multidim_average: str = "global",
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """Accuracy of labels.

    Returns:
        (), or (L,) with ``average="none"``; a first axis N if samplewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([[0, 1], [1, 1]]), jnp.array([[0, 1], [1, 0]])
        >>> print(M.multilabel_accuracy(preds, target, num_labels=2, average=None))
        [1.  0.5]
    """
    if validate_args:
        check_multilabel_options(num_labels, threshold, average, multidim_average, ignore_index)
    counts = multilabel_counts(preds, target, num_labels, threshold, multidim_average, ignore_index, validate_args)
    return accuracy_of(counts, average, multidim_average, multilabel=True)


def accuracy(
    preds: ArrayLike,
    target: ArrayLike,
    task: str,
    threshold: float = 0.5,
    num_classes: int | None = None,
    num_labels: int | None = None,
    average: str | None = "micro",
    multidim_average: str = "global",
    top_k: int = 1,
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """The function of the task: ``"binary"``, ``"multiclass"`` or ``"multilabel"``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0])
        >>> print(M.accuracy(preds, target, "multiclass", num_classes=3))
        0.75
    """
    common = multidim_average, ignore_index, validate_args
    return by_task(
        task,
        lambda: binary_accuracy(preds, target, threshold, *common),
        lambda: multiclass_accuracy(
            preds, target, given(num_classes, "num_classes"), average, given(top_k, "top_k"), *common
        ),
        lambda: multilabel_accuracy(preds, target, given(num_labels, "num_labels"), threshold, average, *common),
    )
