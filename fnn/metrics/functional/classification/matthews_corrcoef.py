"""Matthews' correlation coefficient; `confusion_matrix` describes arrays and arguments."""

from __future__ import annotations

import jax.numpy as jnp

from fnn.metrics._checks import by_task, given
from fnn.metrics.functional.classification.confusion_matrix import (
    binary_matrix,
    check_binary_options,
    check_multiclass_options,
    check_multilabel_options,
    multiclass_matrix,
    multilabel_matrix,
)
from fnn.typing import Array, ArrayLike

__all__ = [
    "binary_matthews_corrcoef",
    "matthews_corrcoef",
    "multiclass_matthews_corrcoef",
    "multilabel_matthews_corrcoef",
]


def matthews_of(matrix: Array) -> Array:
    """The coefficient from counts (C, C), or (L, 2, 2), which are added up.

    The correlation of the true and the predicted class.  Where one of both never varies it is 0; of two classes it is
    then torchmetrics' limit, the numerator of the terms that are left over the root of (tp + fp + ε) (tp + fn + ε)
    (tn + fp + ε) (tn + fn + ε).
    """
    matrix = (matrix.sum(0) if matrix.ndim == 3 else matrix).astype(jnp.float32)
    true, predicted, total = matrix.sum(1), matrix.sum(0), matrix.sum()
    covariance = jnp.trace(matrix) * total - (true * predicted).sum()
    variances = (total**2 - (predicted**2).sum()) * (total**2 - (true**2).sum())
    constant = variances == 0
    usual = jnp.where(constant, 0, covariance / jnp.sqrt(jnp.where(constant, 1, variances)))
    if matrix.size != 4:
        return usual
    tn, fp, fn, tp = matrix.reshape(-1)
    eps = jnp.finfo(jnp.float32).eps
    root = jnp.sqrt(eps)
    numerator = jnp.select(
        [(fn == 0) & (tn == 0), (fp == 0) & (tn == 0), (tp == 0) & (fn == 0), (tp == 0) & (fp == 0), tp == 0, tn == 0],
        [root * (tp - fp), root * (tp - fn), root * (tn - fp), root * (tn - fn), tn - fp * fn, tp - fp * fn],
        tp * tn,
    )
    limit = numerator / jnp.sqrt((tp + fp + eps) * (tp + fn + eps) * (tn + fp + eps) * (tn + fn + eps))
    limit = jnp.where((fp == 0) | (fn == 0) | (tp == 0) | (tn == 0), limit, 0)
    right, wrong = tp + tn, fp + fn
    return jnp.select(
        [(right != 0) & (wrong == 0), (right == 0) & (wrong != 0), constant],
        [jnp.float32(1), jnp.float32(-1), limit],
        usual,
    )


def binary_matthews_corrcoef(
    preds: ArrayLike,
    target: ArrayLike,
    threshold: float = 0.5,
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """Matthews' coefficient (tp tn - fp fn) / √((tp + fp) (tp + fn) (tn + fp) (tn + fn)).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> print(M.binary_matthews_corrcoef(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1])))
        0.57735026
    """
    if validate_args:
        check_binary_options(threshold, ignore_index)
    return matthews_of(binary_matrix(preds, target, threshold, ignore_index, validate_args))


def multiclass_matthews_corrcoef(
    preds: ArrayLike,
    target: ArrayLike,
    num_classes: int,
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """Matthews' coefficient of classes.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> print(M.multiclass_matthews_corrcoef(jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0]), num_classes=3))
        0.7
    """
    if validate_args:
        check_multiclass_options(num_classes, ignore_index)
    return matthews_of(multiclass_matrix(preds, target, num_classes, ignore_index, validate_args))


def multilabel_matthews_corrcoef(
    preds: ArrayLike,
    target: ArrayLike,
    num_labels: int,
    threshold: float = 0.5,
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """Matthews' coefficient of all labels together.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([[0, 1], [1, 1]]), jnp.array([[0, 1], [1, 0]])
        >>> print(M.multilabel_matthews_corrcoef(preds, target, num_labels=2))
        0.57735026
    """
    if validate_args:
        check_multilabel_options(num_labels, threshold, ignore_index)
    return matthews_of(multilabel_matrix(preds, target, num_labels, threshold, ignore_index, validate_args))


def matthews_corrcoef(
    preds: ArrayLike,
    target: ArrayLike,
    task: str,
    threshold: float = 0.5,
    num_classes: int | None = None,
    num_labels: int | None = None,
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """The function of the task: ``"binary"``, ``"multiclass"`` or ``"multilabel"``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> print(M.matthews_corrcoef(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1]), "binary"))
        0.57735026
    """
    common = ignore_index, validate_args
    return by_task(
        task,
        lambda: binary_matthews_corrcoef(preds, target, threshold, *common),
        lambda: multiclass_matthews_corrcoef(preds, target, given(num_classes, "num_classes"), *common),
        lambda: multilabel_matthews_corrcoef(preds, target, given(num_labels, "num_labels"), threshold, *common),
    )
