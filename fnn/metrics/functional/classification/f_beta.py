"""F_β: the harmonic mean of precision and recall, of which recall has the weight β².

`stat_scores` describes arrays and arguments.
"""

from __future__ import annotations

from fnn.errors import ArgumentError
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
    "binary_fbeta_score",
    "multiclass_fbeta_score",
    "multilabel_fbeta_score",
    "fbeta_score",
    "binary_f1_score",
    "multiclass_f1_score",
    "multilabel_f1_score",
    "f1_score",
]


def check_beta(beta: float) -> None:
    """Raises if β is no positive float."""
    if not (isinstance(beta, float) and beta > 0):
        raise ArgumentError(f"Expected argument `beta` to be a float larger than 0, but got {beta}.")


def fbeta_of(
    counts: Counts,
    average: str | None,
    multidim_average: str,
    multilabel: bool = False,
    beta: float = 1.0,
    zero_division: float = 0,
) -> Array:
    """F_β from counts: (1 + β²) tp / ((1 + β²) tp + β² fn + fp)."""
    tp, fp, _, fn = counts
    if average == "micro":
        tp, fp, fn = (totalled(x, multidim_average) for x in (tp, fp, fn))
    right = (1 + beta**2) * tp
    score = divided(right, right + beta**2 * fn + fp, zero_division)
    if average in ("binary", "micro"):
        return score
    return averaged(score, average, multilabel, tp + fn, tp + fp + fn == 0)


def binary_fbeta_score(
    preds: ArrayLike,
    target: ArrayLike,
    beta: float,
    threshold: float = 0.5,
    multidim_average: str = "global",
    ignore_index: int | None = None,
    validate_args: bool = True,
    zero_division: float = 0,
) -> Array:
    """F_β: (1 + β²) tp / ((1 + β²) tp + β² fn + fp).

    Returns:
        (), or (N,) if samplewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> print(M.binary_fbeta_score(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1]), beta=0.5))
        0.71428573
    """
    if validate_args:
        check_beta(beta)
        check_binary_options(threshold, multidim_average, ignore_index, zero_division)
    counts = binary_counts(preds, target, threshold, multidim_average, ignore_index, validate_args)
    return fbeta_of(counts, "binary", multidim_average, beta=beta, zero_division=zero_division)


def multiclass_fbeta_score(
    preds: ArrayLike,
    target: ArrayLike,
    beta: float,
    num_classes: int,
    average: str | None = "macro",
    top_k: int = 1,
    multidim_average: str = "global",
    ignore_index: int | None = None,
    validate_args: bool = True,
    zero_division: float = 0,
) -> Array:
    """F_β of classes.

    Returns:
        (), or (C,) with ``average="none"``; a first axis N if samplewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0])
        >>> print(M.multiclass_fbeta_score(preds, target, beta=0.5, num_classes=3, average=None))
        [0.8333333  0.5555556  1.        ]
    """
    if validate_args:
        check_beta(beta)
        check_multiclass_options(num_classes, top_k, average, multidim_average, ignore_index, zero_division)
    counts = multiclass_counts(
        preds, target, num_classes, top_k, average, multidim_average, ignore_index, validate_args
    )
    return fbeta_of(counts, average, multidim_average, beta=beta, zero_division=zero_division)


def multilabel_fbeta_score(
    preds: ArrayLike,
    target: ArrayLike,
    beta: float,
    num_labels: int,
    threshold: float = 0.5,
    average: str | None = "macro",
    multidim_average: str = "global",
    ignore_index: int | None = None,
    validate_args: bool = True,
    zero_division: float = 0,
) -> Array:
    """F_β of labels.

    Returns:
        (), or (L,) with ``average="none"``; a first axis N if samplewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([[0, 1], [1, 1]]), jnp.array([[0, 1], [1, 0]])
        >>> print(M.multilabel_fbeta_score(preds, target, beta=0.5, num_labels=2, average=None))
        [1.         0.5555556]
    """
    if validate_args:
        check_beta(beta)
        check_multilabel_options(num_labels, threshold, average, multidim_average, ignore_index, zero_division)
    counts = multilabel_counts(preds, target, num_labels, threshold, multidim_average, ignore_index, validate_args)
    return fbeta_of(counts, average, multidim_average, multilabel=True, beta=beta, zero_division=zero_division)


def fbeta_score(
    preds: ArrayLike,
    target: ArrayLike,
    task: str,
    beta: float = 1.0,
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
        >>> print(M.fbeta_score(preds, target, "multiclass", num_classes=3))
        0.75
    """
    common = multidim_average, ignore_index, validate_args, zero_division
    return by_task(
        task,
        lambda: binary_fbeta_score(preds, target, beta, threshold, *common),
        lambda: multiclass_fbeta_score(
            preds, target, beta, given(num_classes, "num_classes"), average, given(top_k, "top_k"), *common
        ),
        lambda: multilabel_fbeta_score(
            preds, target, beta, given(num_labels, "num_labels"), threshold, average, *common
        ),
    )


def binary_f1_score(
    preds: ArrayLike,
    target: ArrayLike,
    threshold: float = 0.5,
    multidim_average: str = "global",
    ignore_index: int | None = None,
    validate_args: bool = True,
    zero_division: float = 0,
) -> Array:
    """F1: 2 tp / (2 tp + fn + fp).

    Returns:
        (), or (N,) if samplewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> print(M.binary_f1_score(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1])))
        0.8
    """
    if validate_args:
        check_binary_options(threshold, multidim_average, ignore_index, zero_division)
    counts = binary_counts(preds, target, threshold, multidim_average, ignore_index, validate_args)
    return fbeta_of(counts, "binary", multidim_average, beta=1.0, zero_division=zero_division)


def multiclass_f1_score(
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
    """F1 of classes.

    Returns:
        (), or (C,) with ``average="none"``; a first axis N if samplewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0])
        >>> print(M.multiclass_f1_score(preds, target, num_classes=3, average=None))
        [0.6666667 0.6666667 1.       ]
    """
    if validate_args:
        check_multiclass_options(num_classes, top_k, average, multidim_average, ignore_index, zero_division)
    counts = multiclass_counts(
        preds, target, num_classes, top_k, average, multidim_average, ignore_index, validate_args
    )
    return fbeta_of(counts, average, multidim_average, beta=1.0, zero_division=zero_division)


def multilabel_f1_score(
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
    """F1 of labels.

    Returns:
        (), or (L,) with ``average="none"``; a first axis N if samplewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([[0, 1], [1, 1]]), jnp.array([[0, 1], [1, 0]])
        >>> print(M.multilabel_f1_score(preds, target, num_labels=2, average=None))
        [1.        0.6666667]
    """
    if validate_args:
        check_multilabel_options(num_labels, threshold, average, multidim_average, ignore_index, zero_division)
    counts = multilabel_counts(preds, target, num_labels, threshold, multidim_average, ignore_index, validate_args)
    return fbeta_of(counts, average, multidim_average, multilabel=True, beta=1.0, zero_division=zero_division)


def f1_score(
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
        >>> print(M.f1_score(preds, target, "multiclass", num_classes=3))
        0.75
    """
    common = multidim_average, ignore_index, validate_args, zero_division
    return by_task(
        task,
        lambda: binary_f1_score(preds, target, threshold, *common),
        lambda: multiclass_f1_score(
            preds, target, given(num_classes, "num_classes"), average, given(top_k, "top_k"), *common
        ),
        lambda: multilabel_f1_score(preds, target, given(num_labels, "num_labels"), threshold, average, *common),
    )
