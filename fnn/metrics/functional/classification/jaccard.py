"""The Jaccard index, intersection over union; `confusion_matrix` describes arrays and arguments."""

from __future__ import annotations

import jax.numpy as jnp

from fnn.metrics._arithmetic import divided
from fnn.metrics._checks import AVERAGES, by_task, given, one_of
from fnn.metrics.functional.classification.confusion_matrix import (
    binary_matrix,
    check_binary_options,
    check_multiclass_options,
    check_multilabel_options,
    multiclass_matrix,
    multilabel_matrix,
)
from fnn.typing import Array, ArrayLike

__all__ = ["binary_jaccard_index", "jaccard_index", "multiclass_jaccard_index", "multilabel_jaccard_index"]


def jaccard_of(
    matrix: Array, average: str | None, ignore_index: int | None = None, zero_division: float = 0.0
) -> Array:
    """The index from counts (2, 2), (C, C) or (L, 2, 2): tp / (tp + fp + fn)."""
    matrix = matrix.astype(jnp.float32)
    if average == "binary":
        return divided(matrix[1, 1], matrix[0, 1] + matrix[1, 0] + matrix[1, 1], zero_division)
    multilabel = matrix.ndim == 3
    if multilabel:
        both, true = matrix[:, 1, 1], matrix[:, 1, 1] + matrix[:, 1, 0]
        either = true + matrix[:, 0, 1]
    else:
        both, true = jnp.diagonal(matrix), matrix.sum(1)
        either = matrix.sum(0) + true - both
    ignored = ignore_index is not None and 0 <= ignore_index < len(matrix)
    if average == "micro":
        return divided(both.sum(), either.sum() - (either[ignore_index] if ignored else 0.0), zero_division)
    index = divided(both, either, zero_division)
    if average is None or average == "none":
        return index
    if average == "weighted":
        weights = true
    else:
        weights = jnp.ones_like(index)
        if ignored:
            weights = weights.at[ignore_index].set(0)
        if not multilabel:
            weights = jnp.where(either == 0, 0, weights)
    return (weights * index / weights.sum()).sum()


def binary_jaccard_index(
    preds: ArrayLike,
    target: ArrayLike,
    threshold: float = 0.5,
    ignore_index: int | None = None,
    validate_args: bool = True,
    zero_division: float = 0.0,
) -> Array:
    """The Jaccard index tp / (tp + fp + fn).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> print(M.binary_jaccard_index(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1])))
        0.6666667
    """
    if validate_args:
        check_binary_options(threshold, ignore_index)
    matrix = binary_matrix(preds, target, threshold, ignore_index, validate_args)
    return jaccard_of(matrix, "binary", zero_division=zero_division)


def multiclass_jaccard_index(
    preds: ArrayLike,
    target: ArrayLike,
    num_classes: int,
    average: str | None = "macro",
    ignore_index: int | None = None,
    validate_args: bool = True,
    zero_division: float = 0.0,
) -> Array:
    """The Jaccard index of classes: (), or (C,) with ``average="none"``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0])
        >>> print(M.multiclass_jaccard_index(preds, target, num_classes=3, average=None))
        [0.5 0.5 1. ]
    """
    if validate_args:
        check_multiclass_options(num_classes, ignore_index)
        one_of(average, "average", AVERAGES)
    matrix = multiclass_matrix(preds, target, num_classes, ignore_index, validate_args)
    return jaccard_of(matrix, average, ignore_index, zero_division)


def multilabel_jaccard_index(
    preds: ArrayLike,
    target: ArrayLike,
    num_labels: int,
    threshold: float = 0.5,
    average: str | None = "macro",
    ignore_index: int | None = None,
    validate_args: bool = True,
    zero_division: float = 0.0,
) -> Array:
    """The Jaccard index of labels: (), or (L,) with ``average="none"``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([[0, 1], [1, 1]]), jnp.array([[0, 1], [1, 0]])
        >>> print(M.multilabel_jaccard_index(preds, target, num_labels=2, average=None))
        [1.  0.5]
    """
    if validate_args:
        check_multilabel_options(num_labels, threshold, ignore_index)
        one_of(average, "average", AVERAGES)
    matrix = multilabel_matrix(preds, target, num_labels, threshold, ignore_index, validate_args)
    return jaccard_of(matrix, average, zero_division=zero_division)


def jaccard_index(
    preds: ArrayLike,
    target: ArrayLike,
    task: str,
    threshold: float = 0.5,
    num_classes: int | None = None,
    num_labels: int | None = None,
    average: str | None = "macro",
    ignore_index: int | None = None,
    validate_args: bool = True,
    zero_division: float = 0.0,
) -> Array:
    """The function of the task: ``"binary"``, ``"multiclass"`` or ``"multilabel"``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> print(M.jaccard_index(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1]), "binary"))
        0.6666667
    """
    common = ignore_index, validate_args, zero_division
    return by_task(
        task,
        lambda: binary_jaccard_index(preds, target, threshold, *common),
        lambda: multiclass_jaccard_index(preds, target, given(num_classes, "num_classes"), average, *common),
        lambda: multilabel_jaccard_index(preds, target, given(num_labels, "num_labels"), threshold, average, *common),
    )
