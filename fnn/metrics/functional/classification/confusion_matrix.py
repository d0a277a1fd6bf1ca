"""Confusion matrices: what the Jaccard index, Cohen's kappa and Matthews' coefficient are made from.

`stat_scores` describes arrays and arguments.  Rows are true classes, columns predicted ones.
"""

from __future__ import annotations

import jax.numpy as jnp

from fnn.dtypes import is_floating
from fnn.metrics._arithmetic import histogram, probabilities, warned
from fnn.metrics._checks import (
    arrays,
    as_labels,
    by_task,
    check_binary,
    check_classes,
    check_ignore_index,
    check_labels,
    check_number,
    check_threshold,
    given,
    one_of,
)
from fnn.typing import Array, ArrayLike

__all__ = [
    "binary_confusion_matrix",
    "confusion_matrix",
    "multiclass_confusion_matrix",
    "multilabel_confusion_matrix",
]
_NORMALIZE = ("true", "pred", "all", "none", None)


def check_binary_options(threshold: float, ignore_index: int | None, normalize: str | None = None) -> None:
    """Raises on a bad option."""
    check_threshold(threshold)
    check_ignore_index(ignore_index)
    one_of(normalize, "normalize", _NORMALIZE)


def check_multiclass_options(num_classes: int, ignore_index: int | None, normalize: str | None = None) -> None:
    """Raises on a bad option."""
    check_number(num_classes, "num_classes")
    check_ignore_index(ignore_index)
    one_of(normalize, "normalize", _NORMALIZE)


def check_multilabel_options(
    num_labels: int, threshold: float, ignore_index: int | None, normalize: str | None = None
) -> None:
    """Raises on a bad option."""
    check_number(num_labels, "num_labels")
    check_binary_options(threshold, ignore_index, normalize)


def binary_matrix(
    preds: ArrayLike, target: ArrayLike, threshold: float, ignore_index: int | None, validate_args: bool
) -> Array:
    """The counts (2, 2)."""
    preds, target = arrays(preds, target)
    if validate_args:
        check_binary(preds, target, ignore_index)
    preds, target = preds.reshape(-1), as_labels(target, "target").reshape(-1)
    kept = jnp.ones(target.shape, bool) if ignore_index is None else target != ignore_index
    positive = probabilities(preds, kept, "sigmoid") > threshold if is_floating(preds) else as_labels(preds, "preds")
    return histogram(2 * target + positive, kept, 4).reshape(2, 2)


def multiclass_matrix(
    preds: ArrayLike, target: ArrayLike, num_classes: int, ignore_index: int | None, validate_args: bool
) -> Array:
    """The counts (C, C)."""
    preds, target = arrays(preds, target)
    if validate_args:
        check_classes(preds, target, num_classes, ignore_index)
    if preds.ndim == target.ndim + 1:
        preds = preds.argmax(1)
    preds, target = as_labels(preds, "preds").reshape(-1), as_labels(target, "target").reshape(-1)
    kept = (target >= 0) & (target < num_classes) & (preds >= 0) & (preds < num_classes)
    if ignore_index is not None:
        kept = kept & (target != ignore_index)
    return histogram(num_classes * target + preds, kept, num_classes**2).reshape(num_classes, num_classes)


def multilabel_matrix(
    preds: ArrayLike,
    target: ArrayLike,
    num_labels: int,
    threshold: float,
    ignore_index: int | None,
    validate_args: bool,
) -> Array:
    """The counts (L, 2, 2)."""
    preds, target = arrays(preds, target)
    if validate_args:
        check_labels(preds, target, num_labels, ignore_index)
    positive = probabilities(preds, None, "sigmoid") > threshold if is_floating(preds) else as_labels(preds, "preds")
    positive = jnp.moveaxis(positive, 1, -1).reshape(-1, num_labels)
    target = jnp.moveaxis(as_labels(target, "target"), 1, -1).reshape(-1, num_labels)
    kept = jnp.ones(target.shape, bool) if ignore_index is None else target != ignore_index
    bins = 4 * jnp.arange(num_labels)[None] + 2 * target + positive
    return histogram(bins, kept & ((target == 0) | (target == 1)), 4 * num_labels).reshape(num_labels, 2, 2)


def normalized(matrix: Array, normalize: str | None) -> Array:
    """The shares among the true ones (rows), the predicted ones (columns) or all; counts with ``"none"``."""
    if normalize is None or normalize == "none":
        return matrix
    axis: dict[str, int | tuple[int, int]] = {"true": -1, "pred": -2, "all": (-2, -1)}
    shares = matrix.astype(jnp.float32) / matrix.sum(axis[normalize], keepdims=True)
    empty = jnp.isnan(shares)
    warned(empty.any(), "NaN values found in confusion matrix have been replaced with zeros.")
    return jnp.where(empty, 0, shares)


def binary_confusion_matrix(
    preds: ArrayLike,
    target: ArrayLike,
    threshold: float = 0.5,
    normalize: str | None = None,
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """How often each label is predicted for each.

    Args:
        preds: (N, ...).
        target: (N, ...).
        threshold: see `stat_scores`.
        normalize: ``"true"``, ``"pred"``, ``"all"`` give shares instead of counts.
        ignore_index: see `stat_scores`.
        validate_args: see `stat_scores`.

    Returns:
        (2, 2): ``[[tn, fp], [fn, tp]]``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> M.binary_confusion_matrix(jnp.array([0, 1, 1]), jnp.array([0, 1, 0])).tolist()
        [[1, 1], [0, 1]]
    """
    if validate_args:
        check_binary_options(threshold, ignore_index, normalize)
    return normalized(binary_matrix(preds, target, threshold, ignore_index, validate_args), normalize)


def multiclass_confusion_matrix(
    preds: ArrayLike,
    target: ArrayLike,
    num_classes: int,
    normalize: str | None = None,
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """How often each class is predicted for each, (C, C).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> M.multiclass_confusion_matrix(jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0]), num_classes=3).tolist()
        [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    """
    if validate_args:
        check_multiclass_options(num_classes, ignore_index, normalize)
    return normalized(multiclass_matrix(preds, target, num_classes, ignore_index, validate_args), normalize)


def multilabel_confusion_matrix(
    preds: ArrayLike,
    target: ArrayLike,
    num_labels: int,
    threshold: float = 0.5,
    normalize: str | None = None,
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """The confusion matrix of each label, (L, 2, 2).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> M.multilabel_confusion_matrix(jnp.array([[0, 1], [1, 1]]), jnp.array([[0, 1], [1, 0]]), 2).tolist()
        [[[1, 0], [0, 1]], [[0, 1], [0, 1]]]
    """
    if validate_args:
        check_multilabel_options(num_labels, threshold, ignore_index, normalize)
    return normalized(multilabel_matrix(preds, target, num_labels, threshold, ignore_index, validate_args), normalize)


def confusion_matrix(
    preds: ArrayLike,
    target: ArrayLike,
    task: str,
    threshold: float = 0.5,
    num_classes: int | None = None,
    num_labels: int | None = None,
    normalize: str | None = None,
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """The function of the task: ``"binary"``, ``"multiclass"`` or ``"multilabel"``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> M.confusion_matrix(jnp.array([0, 1, 1]), jnp.array([0, 1, 0]), "binary").tolist()
        [[1, 1], [0, 1]]
    """
    common = normalize, ignore_index, validate_args
    return by_task(
        task,
        lambda: binary_confusion_matrix(preds, target, threshold, *common),
        lambda: multiclass_confusion_matrix(preds, target, given(num_classes, "num_classes"), *common),
        lambda: multilabel_confusion_matrix(preds, target, given(num_labels, "num_labels"), threshold, *common),
    )
