"""Precision, the share of positives that are right; recall, the share of what is true that is found.

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

__all__ = [
    "binary_precision",
    "multiclass_precision",
    "multilabel_precision",
    "precision",
    "binary_recall",
    "multiclass_recall",
    "multilabel_recall",
    "recall",
]


def precision_of(
    counts: Counts,
    average: str | None,
    multidim_average: str,
    multilabel: bool = False,
    top_k: int = 1,
    zero_division: float = 0,
) -> Array:
    """Precision from counts: tp / (tp + fp)."""
    return _share(counts, counts.fp, average, multidim_average, multilabel, top_k, zero_division)


def recall_of(
    counts: Counts,
    average: str | None,
    multidim_average: str,
    multilabel: bool = False,
    top_k: int = 1,
    zero_division: float = 0,
) -> Array:
    """Recall from counts: tp / (tp + fn)."""
    return _share(counts, counts.fn, average, multidim_average, multilabel, top_k, zero_division)


def _share(
    counts: Counts,
    wrong: Array,
    average: str | None,
    multidim_average: str,
    multilabel: bool,
    top_k: int,
    zero_division: float,
) -> Array:
    tp, fp, _, fn = counts
    if average == "micro":
        right, wrong = totalled(tp, multidim_average), totalled(wrong, multidim_average)
        return divided(right, right + wrong, zero_division)
    score = divided(tp, tp + wrong, zero_division)
    if average == "binary":
        return score
    absent = tp + fn == 0 if top_k != 1 else tp + fp + fn == 0
    return averaged(score, average, multilabel, tp + fn, absent)


def binary_precision(
    preds: ArrayLike,
    target: ArrayLike,
    threshold: float = 0.5,
    multidim_average: str = "global",
    ignore_index: int | None = None,
    validate_args: bool = True,
    zero_division: float = 0,
) -> Array:
    """Precision: tp / (tp + fp).

    Returns:
        (), or (N,) if samplewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> print(M.binary_precision(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1])))
        0.6666667
    """
    if validate_args:
        check_binary_options(threshold, multidim_average, ignore_index, zero_division)
    counts = binary_counts(preds, target, threshold, multidim_average, ignore_index, validate_args)
    return precision_of(counts, "binary", multidim_average, zero_division=zero_division)


def multiclass_precision(
    preds: ArrayLike,
    target: ArrayLike,
    num_classes: int,
    average: str | None = "macro",
    top_k: int = 1,
    multidim_average: str = "global",
    ignore_index: int | None = None,
    validate_args: bool = True,
    zero_division: float = 0,
) -> Array:
    """Precision of classes.

    Returns:
        (), or (C,) with ``average="none"``; a first axis N if samplewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0])
        >>> print(M.multiclass_precision(preds, target, num_classes=3, average=None))
        [1.  0.5 1. ]
    """
    if validate_args:
        check_multiclass_options(num_classes, top_k, average, multidim_average, ignore_index, zero_division)
    counts = multiclass_counts(
        preds, target, num_classes, top_k, average, multidim_average, ignore_index, validate_args
    )
    return precision_of(counts, average, multidim_average, top_k=top_k, zero_division=zero_division)


def multilabel_precision(
    preds: ArrayLike,
    target: ArrayLike,
    num_labels: int,
    threshold: float = 0.5,
    average: str | None = "macro",
    multidim_average: str = "global",
    ignore_index: int | None = None,
    validate_args: bool = True,
    zero_division: float = 0,
) -> Array:
    """Precision of labels.

    Returns:
        (), or (L,) with ``average="none"``; a first axis N if samplewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([[0, 1], [1, 1]]), jnp.array([[0, 1], [1, 0]])
        >>> print(M.multilabel_precision(preds, target, num_labels=2, average=None))
        [1.  0.5]
    """
    if validate_args:
        check_multilabel_options(num_labels, threshold, average, multidim_average, ignore_index, zero_division)
    counts = multilabel_counts(preds, target, num_labels, threshold, multidim_average, ignore_index, validate_args)
    return precision_of(counts, average, multidim_average, multilabel=True, zero_division=zero_division)


def precision(
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
    zero_division: float = 0,
) -> Array:
    """The function of the task: ``"binary"``, ``"multiclass"`` or ``"multilabel"``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0])
        >>> print(M.precision(preds, target, "multiclass", num_classes=3))
        0.75
    """
    common = multidim_average, ignore_index, validate_args, zero_division
    return by_task(
        task,
        lambda: binary_precision(preds, target, threshold, *common),
        lambda: multiclass_precision(
            preds, target, given(num_classes, "num_classes"), average, given(top_k, "top_k"), *common
        ),
        lambda: multilabel_precision(preds, target, given(num_labels, "num_labels"), threshold, average, *common),
    )


def binary_recall(
    preds: ArrayLike,
    target: ArrayLike,
    threshold: float = 0.5,
    multidim_average: str = "global",
    ignore_index: int | None = None,
    validate_args: bool = True,
    zero_division: float = 0,
) -> Array:
    """Recall: tp / (tp + fn).

    Returns:
        (), or (N,) if samplewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> print(M.binary_recall(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1])))
        1.0
    """
    if validate_args:
        check_binary_options(threshold, multidim_average, ignore_index, zero_division)
    counts = binary_counts(preds, target, threshold, multidim_average, ignore_index, validate_args)
    return recall_of(counts, "binary", multidim_average, zero_division=zero_division)


def multiclass_recall(
    preds: ArrayLike,
    target: ArrayLike,
    num_classes: int,
    average: str | None = "macro",
    top_k: int = 1,
    multidim_average: str = "global",
    ignore_index: int | None = None,
    validate_args: bool = True,
    zero_division: float = 0,
) -> Array:
    """Recall of classes.

    Returns:
        (), or (C,) with ``average="none"``; a first axis N if samplewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0])
        >>> print(M.multiclass_recall(preds, target, num_classes=3, average=None))
        [0.5 1.  1. ]
    """
    if validate_args:
        check_multiclass_options(num_classes, top_k, average, multidim_average, ignore_index, zero_division)
    counts = multiclass_counts(
        preds, target, num_classes, top_k, average, multidim_average, ignore_index, validate_args
    )
    return recall_of(counts, average, multidim_average, top_k=top_k, zero_division=zero_division)


def multilabel_recall(
    preds: ArrayLike,
    target: ArrayLike,
    num_labels: int,
    threshold: float = 0.5,
    average: str | None = "macro",
    multidim_average: str = "global",
    ignore_index: int | None = None,
    validate_args: bool = True,
    zero_division: float = 0,
) -> Array:
    """Recall of labels.

    Returns:
        (), or (L,) with ``average="none"``; a first axis N if samplewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([[0, 1], [1, 1]]), jnp.array([[0, 1], [1, 0]])
        >>> print(M.multilabel_recall(preds, target, num_labels=2, average=None))
        [1. 1.]
    """
    if validate_args:
        check_multilabel_options(num_labels, threshold, average, multidim_average, ignore_index, zero_division)
    counts = multilabel_counts(preds, target, num_labels, threshold, multidim_average, ignore_index, validate_args)
    return recall_of(counts, average, multidim_average, multilabel=True, zero_division=zero_division)


def recall(
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
    zero_division: float = 0,
) -> Array:
    """The function of the task: ``"binary"``, ``"multiclass"`` or ``"multilabel"``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0])
        >>> print(M.recall(preds, target, "multiclass", num_classes=3))
        0.75
    """
    common = multidim_average, ignore_index, validate_args, zero_division
    return by_task(
        task,
        lambda: binary_recall(preds, target, threshold, *common),
        lambda: multiclass_recall(
            preds, target, given(num_classes, "num_classes"), average, given(top_k, "top_k"), *common
        ),
        lambda: multilabel_recall(preds, target, given(num_labels, "num_labels"), threshold, average, *common),
    )
