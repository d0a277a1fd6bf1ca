"""Specificity: the share of negatives that are recognised.

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

__all__ = ["binary_specificity", "multiclass_specificity", "multilabel_specificity", "specificity"]


def specificity_of(counts: Counts, average: str | None, multidim_average: str, multilabel: bool = False) -> Array:
    """Specificity from counts: tn / (tn + fp)."""
    tp, fp, tn, fn = counts
    if average == "micro":
        tn, fp = totalled(tn, multidim_average), totalled(fp, multidim_average)
    score = divided(tn, tn + fp)
    if average in ("binary", "micro"):
        return score
    return averaged(score, average, multilabel, tp + fn, tp + fp + fn == 0)


def binary_specificity(
    preds: ArrayLike,
    target: ArrayLike,
    threshold: float = 0.5,
    multidim_average: str = "global",
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """Specificity: tn / (tn + fp).

    Returns:
        (), or (N,) if samplewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> print(M.binary_specificity(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1])))
        0.5
    """
    if validate_args:
        check_binary_options(threshold, multidim_average, ignore_index)
    counts = binary_counts(preds, target, threshold, multidim_average, ignore_index, validate_args)
    return specificity_of(counts, "binary", multidim_average)


def multiclass_specificity(
    preds: ArrayLike,
    target: ArrayLike,
    num_classes: int,
    average: str | None = "macro",
    top_k: int = 1,
    multidim_average: str = "global",
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """Specificity of classes.

    Returns:
        (), or (C,) with ``average="none"``; a first axis N if samplewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0])
        >>> print(M.multiclass_specificity(preds, target, num_classes=3, average=None))
        [1.        0.6666667 1.       ]
    """
    if validate_args:
        check_multiclass_options(num_classes, top_k, average, multidim_average, ignore_index)
    counts = multiclass_counts(
        preds, target, num_classes, top_k, average, multidim_average, ignore_index, validate_args
    )
    return specificity_of(counts, average, multidim_average)


def multilabel_specificity(
    preds: ArrayLike,
    target: ArrayLike,
    num_labels: int,
    threshold: float = 0.5,
    average: str | None = "macro",
    multidim_average: str = "global",
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """Specificity of labels.

    Returns:
        (), or (L,) with ``average="none"``; a first axis N if samplewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([[0, 1], [1, 1]]), jnp.array([[0, 1], [1, 0]])
        >>> print(M.multilabel_specificity(preds, target, num_labels=2, average=None))
        [1. 0.]
    """
    if validate_args:
        check_multilabel_options(num_labels, threshold, average, multidim_average, ignore_index)
    counts = multilabel_counts(preds, target, num_labels, threshold, multidim_average, ignore_index, validate_args)
    return specificity_of(counts, average, multidim_average, multilabel=True)


def specificity(
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
        >>> print(M.specificity(preds, target, "multiclass", num_classes=3))
        0.875
    """
    common = multidim_average, ignore_index, validate_args
    return by_task(
        task,
        lambda: binary_specificity(preds, target, threshold, *common),
        lambda: multiclass_specificity(
            preds, target, given(num_classes, "num_classes"), average, given(top_k, "top_k"), *common
        ),
        lambda: multilabel_specificity(preds, target, given(num_labels, "num_labels"), threshold, average, *common),
    )
