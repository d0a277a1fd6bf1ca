"""Cohen's kappa: agreement beyond chance; `confusion_matrix` describes arrays and arguments."""

from __future__ import annotations

import jax.numpy as jnp

from fnn.metrics._checks import by_task, given, one_of
from fnn.metrics.functional.classification.confusion_matrix import (
    binary_matrix,
    check_binary_options,
    check_multiclass_options,
    multiclass_matrix,
)
from fnn.typing import Array, ArrayLike

__all__ = ["binary_cohen_kappa", "cohen_kappa", "multiclass_cohen_kappa"]
WEIGHTS = ("linear", "quadratic", "none", None)


def cohen_kappa_of(matrix: Array, weights: str | None) -> Array:
    """Kappa from counts (C, C): 1 - Σ w · matrix / Σ w · expected."""
    matrix = matrix.astype(jnp.float32)
    predicted, true = matrix.sum(0, keepdims=True), matrix.sum(1, keepdims=True)
    expected = jnp.matmul(true, predicted, precision="highest") / predicted.sum()
    distance = jnp.abs(jnp.arange(len(matrix))[:, None] - jnp.arange(len(matrix))[None]).astype(jnp.float32)
    if weights is None or weights == "none":
        distance = (distance != 0).astype(jnp.float32)
    elif weights == "quadratic":
        distance = distance**2
    return 1 - (distance * matrix).sum() / (distance * expected).sum()


def binary_cohen_kappa(
    preds: ArrayLike,
    target: ArrayLike,
    threshold: float = 0.5,
    weights: str | None = None,
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """Cohen's kappa.

    Args:
        preds: (N, ...).
        target: (N, ...).
        threshold: see `stat_scores`.
        weights: how much a confusion weighs: None or ``"none"`` all the same, ``"linear"`` and ``"quadratic"`` by the
            distance of the classes.
        ignore_index: see `stat_scores`.
        validate_args: see `stat_scores`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> print(M.binary_cohen_kappa(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1])))
        0.5
    """
    if validate_args:
        check_binary_options(threshold, ignore_index)
        one_of(weights, "weight", WEIGHTS)
    return cohen_kappa_of(binary_matrix(preds, target, threshold, ignore_index, validate_args), weights)


def multiclass_cohen_kappa(
    preds: ArrayLike,
    target: ArrayLike,
    num_classes: int,
    weights: str | None = None,
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """Cohen's kappa of classes.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> print(M.multiclass_cohen_kappa(jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0]), num_classes=3))
        0.6363636
    """
    if validate_args:
        check_multiclass_options(num_classes, ignore_index)
        one_of(weights, "weight", WEIGHTS)
    return cohen_kappa_of(multiclass_matrix(preds, target, num_classes, ignore_index, validate_args), weights)


def cohen_kappa(
    preds: ArrayLike,
    target: ArrayLike,
    task: str,
    threshold: float = 0.5,
    num_classes: int | None = None,
    weights: str | None = None,
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """The function of the task: ``"binary"`` or ``"multiclass"``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> print(M.cohen_kappa(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1]), "binary"))
        0.5
    """
    common = weights, ignore_index, validate_args
    return by_task(
        task,
        lambda: binary_cohen_kappa(preds, target, threshold, *common),
        lambda: multiclass_cohen_kappa(preds, target, given(num_classes, "num_classes"), *common),
        None,
    )
