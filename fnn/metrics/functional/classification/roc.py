"""The true against the false positives; `curves` describes ``thresholds``, `stat_scores` arrays and other arguments."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from fnn.metrics._arithmetic import divided, warned
from fnn.metrics._checks import by_task, given
from fnn.metrics.functional.classification.curves import (
    Curve,
    Curves,
    Scores,
    State,
    Thresholds,
    as_thresholds,
    binary_state,
    check_multiclass_options,
    check_multilabel_options,
    check_options,
    interpolated,
    kept_labels,
    multiclass_state,
    multilabel_state,
    ranked,
)
from fnn.typing import Array, ArrayLike

__all__ = ["binary_roc", "multiclass_roc", "multilabel_roc", "roc"]
_NONE = (
    "No {kind} samples in targets, {rate} positive value should be meaningless. "
    "Returning zero tensor in {rate} positive score"
)


def binary_roc_of(state: State, thresholds: Array | None, label: int = 1) -> Curve:
    """False and true positive rates and thresholds (T,), falling."""
    if isinstance(state, Scores):
        fps, tps, found = ranked(state.preds, state.target, label)
        rates = []
        for counts, kind, rate in ((fps, "negative", "false"), (tps, "positive", "true")):
            counts = np.append(0, counts).astype(np.float32)
            if counts[-1] <= 0:
                warned(True, _NONE.format(kind=kind, rate=rate))
            rates.append(counts / max(counts[-1], np.float32(1)))
        found = np.append(np.ones(1, found.dtype), found)
        return jnp.asarray(rates[0]), jnp.asarray(rates[1]), jnp.asarray(found)
    assert thresholds is not None
    fpr, tpr = _binned(state[:, None])
    return fpr[0], tpr[0], thresholds[::-1]


def _binned(state: Array) -> tuple[Array, Array]:
    """Both rates (K, T) from counts (T, K, 2, 2)."""
    tpr = divided(state[..., 1, 1], state[..., 1, :].sum(-1))
    fpr = divided(state[..., 0, 1], state[..., 0, :].sum(-1))
    return fpr[::-1].T, tpr[::-1].T


def multiclass_roc_of(state: State, num_classes: int, thresholds: Array | None, average: str | None = None) -> Curves:
    """The curves (C, T), lists of C if exact; one for all with an average."""
    if average == "micro":
        return binary_roc_of(state, thresholds)
    if isinstance(state, Scores):
        curves = [binary_roc_of(Scores(state.preds[:, n], state.target), None, label=n) for n in range(num_classes)]
        fpr, tpr, found = (list(part) for part in zip(*curves, strict=True))
    else:
        assert thresholds is not None
        fpr, tpr = _binned(state)
        found = thresholds[::-1]
    if average != "macro":
        return fpr, tpr, found  # pyright: ignore[reportReturnType]
    mean = jnp.sort(jnp.concatenate(list(fpr)))
    rest = sum(interpolated(mean, f, t) for f, t in zip(fpr, tpr, strict=True)) / num_classes
    found = jnp.concatenate(found) if isinstance(found, list) else jnp.tile(found, num_classes)
    return mean, jnp.asarray(rest), jnp.sort(found)[::-1]


def multilabel_roc_of(state: State, thresholds: Array | None, ignore_index: int | None) -> Curves:
    """The curves (L, T), lists of L if exact."""
    if isinstance(state, Scores):
        curves = [binary_roc_of(label, None) for label in kept_labels(state, ignore_index)]
        fpr, tpr, found = (list(part) for part in zip(*curves, strict=True))
        return fpr, tpr, found
    assert thresholds is not None
    return *_binned(state), thresholds[::-1]


def binary_roc(
    preds: ArrayLike,
    target: ArrayLike,
    thresholds: Thresholds = None,
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Curve:
    """The receiver operating characteristic: fp / (fp + tn) and tp / (tp + fn) at each threshold.

    Returns:
        False positive rate, true positive rate and the falling thresholds, each (T,); with ``thresholds=None`` one more
        than there are different scores.

    Raises:
        ArgumentError: ``thresholds=None`` in a compiled step.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1])
        >>> fpr, tpr, thresholds = M.binary_roc(preds, target, thresholds=3)
        >>> print(fpr, tpr, thresholds)
        [0.  0.5 1. ] [0. 1. 1.] [1.  0.5 0. ]
    """
    if validate_args:
        check_options(thresholds, ignore_index)
    at = as_thresholds(thresholds)
    return binary_roc_of(binary_state(preds, target, at, ignore_index, validate_args, "binary_roc"), at)


def multiclass_roc(
    preds: ArrayLike,
    target: ArrayLike,
    num_classes: int,
    thresholds: Thresholds = None,
    average: str | None = None,
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Curves:
    """The curve of each class against all others, or (``average="micro"``, ``"macro"``) of all in one.

    Returns:
        False and true positive rates (C, T) and thresholds (T,); lists of C arrays with ``thresholds=None``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds = jnp.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.3, 0.3, 0.4]])
        >>> fpr, tpr, thresholds = M.multiclass_roc(preds, jnp.array([0, 1, 1]), 3, thresholds=5)
        >>> fpr.shape
        (3, 5)
    """
    if validate_args:
        check_multiclass_options(num_classes, thresholds, ignore_index, average)
    at = as_thresholds(thresholds)
    state = multiclass_state(preds, target, num_classes, at, average, ignore_index, validate_args, "multiclass_roc")
    return multiclass_roc_of(state, num_classes, at, average)


def multilabel_roc(
    preds: ArrayLike,
    target: ArrayLike,
    num_labels: int,
    thresholds: Thresholds = None,
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Curves:
    """The curve of each label.

    Returns:
        False and true positive rates (L, T) and thresholds (T,); lists of L arrays with ``thresholds=None``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([[0.1, 0.8], [0.7, 0.6]]), jnp.array([[0, 1], [1, 0]])
        >>> fpr, tpr, thresholds = M.multilabel_roc(preds, target, num_labels=2, thresholds=5)
        >>> fpr.shape
        (2, 5)
    """
    if validate_args:
        check_multilabel_options(num_labels, thresholds, ignore_index)
    at = as_thresholds(thresholds)
    state = multilabel_state(preds, target, num_labels, at, ignore_index, validate_args, "multilabel_roc")
    return multilabel_roc_of(state, at, ignore_index)


def roc(
    preds: ArrayLike,
    target: ArrayLike,
    task: str,
    thresholds: Thresholds = None,
    num_classes: int | None = None,
    num_labels: int | None = None,
    average: str | None = None,
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Curves:
    """The function of the task: ``"binary"``, ``"multiclass"`` or ``"multilabel"``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1])
        >>> print(M.roc(preds, target, "binary")[1])
        [0.  0.5 0.5 1.  1. ]
    """
    common = ignore_index, validate_args
    return by_task(
        task,
        lambda: binary_roc(preds, target, thresholds, *common),
        lambda: multiclass_roc(preds, target, given(num_classes, "num_classes"), thresholds, average, *common),
        lambda: multilabel_roc(preds, target, given(num_labels, "num_labels"), thresholds, *common),
    )
