"""True and false positives and negatives: what accuracy, precision, recall, F and specificity are made from.

Arrays, here and in the files beside: ``preds`` are scores (N, ...), probabilities or logits, which become probabilities
by sigmoid if any lies outside [0, 1], or labels; for several classes scores (N, C, ...) or labels (N, ...).  ``target``
are labels: 0 and 1 in the shape of ``preds``, or classes (N, ...).

What the arguments mean:

* ``threshold``: a score above it is a positive.
* ``num_classes`` C, ``num_labels`` L: their number.
* ``average``: ``"micro"`` counts all together, ``"macro"`` averages the classes' values, ``"weighted"`` weights them
  by how often a class is true, ``"none"`` or None gives one for each class.
* ``top_k``: a prediction is right if the true class is among those with the ``top_k`` highest scores.
* ``multidim_average``: ``"global"`` takes the dimensions ``...`` for further samples, ``"samplewise"`` gives a value
  for each sample (N, ...).
* ``ignore_index``: a label in ``target`` that marks places to leave out.
* ``zero_division``: the value of 0 / 0.
* ``validate_args``: whether arguments and arrays are checked; labels outside of the classes are not counted if not, or
  in a compiled step.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax

from fnn.dtypes import is_floating
from fnn.errors import ArgumentError
from fnn.metrics._arithmetic import histogram, number, probabilities
from fnn.metrics._checks import (
    AVERAGES,
    MULTIDIM,
    arrays,
    as_labels,
    by_task,
    check_binary,
    check_classes,
    check_ignore_index,
    check_labels,
    check_number,
    check_samplewise,
    check_threshold,
    check_zero_division,
    given,
    one_of,
)
from fnn.typing import Array, ArrayLike

__all__ = ["binary_stat_scores", "multiclass_stat_scores", "multilabel_stat_scores", "stat_scores"]


class Counts(NamedTuple):
    """How many are true and false positives and negatives: () or (C,), with a first axis (N,) if samplewise."""

    tp: Array
    fp: Array
    tn: Array
    fn: Array


COUNTS = "tp", "fp", "tn", "fn"


def check_binary_options(
    threshold: float, multidim_average: str, ignore_index: int | None, zero_division: float = 0
) -> None:
    """Raises on a bad option of a binary metric."""
    check_threshold(threshold)
    one_of(multidim_average, "multidim_average", MULTIDIM)
    check_ignore_index(ignore_index)
    check_zero_division(zero_division)


def check_multiclass_options(
    num_classes: int | None,
    top_k: int,
    average: str | None,
    multidim_average: str,
    ignore_index: int | None,
    zero_division: float = 0,
) -> None:
    """Raises on a bad option of a metric of classes."""
    if num_classes is None and average != "micro":
        raise ArgumentError(
            f"Argument `num_classes` can only be `None` for `average='micro'`, but got `average={average}`."
        )
    if num_classes is not None:
        check_number(num_classes, "num_classes")
    if not isinstance(top_k, int) or top_k < 1:
        raise ArgumentError(f"Expected argument `top_k` to be an integer larger than or equal to 1, but got {top_k}")
    if top_k > (num_classes or 1):
        raise ArgumentError(
            f"Expected argument `top_k` to be smaller or equal to `num_classes` but got {top_k} and {num_classes}"
        )
    one_of(average, "average", AVERAGES)
    one_of(multidim_average, "multidim_average", MULTIDIM)
    if num_classes is None and multidim_average == "samplewise":
        raise ArgumentError("Argument `num_classes` can only be `None` for `multidim_average='global'`.")
    check_ignore_index(ignore_index)
    check_zero_division(zero_division)


def check_multilabel_options(
    num_labels: int,
    threshold: float,
    average: str | None,
    multidim_average: str,
    ignore_index: int | None,
    zero_division: float = 0,
) -> None:
    """Raises on a bad option of a metric of labels."""
    check_number(num_labels, "num_labels")
    one_of(average, "average", AVERAGES)
    check_binary_options(threshold, multidim_average, ignore_index, zero_division)


def binary_counts(
    preds: ArrayLike,
    target: ArrayLike,
    threshold: float,
    multidim_average: str,
    ignore_index: int | None,
    validate_args: bool,
) -> Counts:
    """The counts of arrays (N, ...): (), or (N,) if samplewise."""
    preds, target = arrays(preds, target)
    if validate_args:
        check_binary(preds, target, ignore_index)
        check_samplewise(preds, multidim_average, 2)
    samples = len(preds) if preds.ndim else 1
    positive = _positive(preds, threshold).reshape(samples, -1)
    axis = None if multidim_average == "global" else 1
    return _compared(positive, target.reshape(samples, -1), ignore_index, axis)


def multilabel_counts(
    preds: ArrayLike,
    target: ArrayLike,
    num_labels: int,
    threshold: float,
    multidim_average: str,
    ignore_index: int | None,
    validate_args: bool,
) -> Counts:
    """The counts of arrays (N, L, ...): (L,), or (N, L) if samplewise."""
    preds, target = arrays(preds, target)
    if validate_args:
        check_labels(preds, target, num_labels, ignore_index)
        check_samplewise(preds, multidim_average, 3)
    positive = _positive(preds, threshold).reshape(*preds.shape[:2], -1)
    axis = (0, 2) if multidim_average == "global" else 2
    return _compared(positive, target.reshape(*target.shape[:2], -1), ignore_index, axis)


def _positive(preds: Array, threshold: float) -> Array:
    return probabilities(preds, None, "sigmoid") > threshold if is_floating(preds) else preds == 1


def _compared(positive: Array, target: Array, ignore_index: int | None, axis: int | tuple[int, ...] | None) -> Counts:
    kept = jnp.ones(target.shape, bool) if ignore_index is None else target != ignore_index
    true, false = (target == 1) & kept, (target == 0) & kept
    return Counts(
        number(true & positive, axis),
        number(false & positive, axis),
        number(false & ~positive, axis),
        number(true & ~positive, axis),
    )


def multiclass_counts(
    preds: ArrayLike,
    target: ArrayLike,
    num_classes: int | None,
    top_k: int,
    average: str | None,
    multidim_average: str,
    ignore_index: int | None,
    validate_args: bool,
) -> Counts:
    """The counts of scores (N, C, ...) or labels (N, ...): (C,), or (N, C) if samplewise.

    With ``average="micro"`` and ``top_k=1`` they are counted together, (1,), unless samplewise.
    """
    preds, target = arrays(preds, target)
    if validate_args:
        check_classes(preds, target, num_classes, ignore_index)
        check_samplewise(preds, multidim_average, 2 + (preds.ndim > target.ndim))
    samples, scored = len(target) if target.ndim else 1, preds.ndim == target.ndim + 1
    target = as_labels(target, "target").reshape(samples, -1)  # (N, S)
    preds = _chosen(preds, target, top_k, scored)
    kept = jnp.ones(target.shape, bool) if ignore_index is None else target != ignore_index
    if multidim_average == "global" and average == "micro" and top_k == 1:
        right, of = number(kept & (preds == target)), number(kept)
        wrong = of - right
        return Counts(*(x.reshape(1) for x in (right, wrong, (num_classes or 1) * of - wrong - of, wrong)))
    classes = given(num_classes, "num_classes")
    rows = 1 if multidim_average == "global" else samples
    first = jnp.arange(samples)[:, None] * classes if rows > 1 else jnp.zeros((1, 1), target.dtype)

    def count(labels: Array, where: Array) -> Array:
        where = where & (labels >= 0) & (labels < classes)
        bins = jnp.broadcast_to(first, labels.shape) + labels
        return histogram(bins, where, rows * classes).reshape(rows, classes)

    tp, predicted, true = count(target, kept & (preds == target)), count(preds, kept), count(target, kept)
    of = number(kept, 1)[:, None] if rows > 1 else number(kept)
    counts = Counts(tp, predicted - tp, of - (predicted + true - tp), true - tp)
    return counts if multidim_average == "samplewise" else Counts(*(x.reshape(classes) for x in counts))


def _chosen(preds: Array, target: Array, top_k: int, scored: bool) -> Array:
    """The classes (N, S) that are predicted: the true one if it is among the ``top_k``, else the first."""
    samples, places = target.shape
    if not scored:
        if top_k != 1:
            raise ArgumentError(f"top_k={top_k} needs scores (N, C, ...), but `preds` holds labels {preds.shape}")
        return as_labels(preds, "preds").reshape(samples, places)
    scores = preds.reshape(samples, preds.shape[1], places)  # (N, C, S)
    if top_k == 1:
        return scores.argmax(1).astype(target.dtype)
    best = lax.top_k(jnp.moveaxis(scores, 1, -1), top_k)[1].astype(target.dtype)  # (N, S, k)
    return jnp.where((best == target[..., None]).any(-1), target, best[..., 0])


def totalled(x: Array, multidim_average: str) -> Array:
    """The sum over the classes."""
    return x.sum(0 if multidim_average == "global" else 1)


def stat_scores_of(counts: Counts, average: str | None, multidim_average: str, multilabel: bool = False) -> Array:
    """The counts and the support along a last axis of 5, averaged over the classes."""
    tp, fp, tn, fn = counts
    stacked = jnp.stack([tp, fp, tn, fn, tp + fn], -1)
    if average == "binary":
        return stacked.reshape(5) if multidim_average == "global" else stacked
    if average is None or average == "none":
        return stacked
    axis = 0 if multidim_average == "global" else 1
    if average == "micro":
        return stacked.sum(axis)
    if average == "macro":
        return stacked.astype(jnp.float32).mean(axis)
    weights = tp + fn  # of labels the total is that of all samples, as in torchmetrics; NaN where nothing is true
    weights = weights / (weights.sum() if multilabel else weights.sum(-1, keepdims=True))
    return (stacked * weights[..., None]).sum(axis)


def binary_stat_scores(
    preds: ArrayLike,
    target: ArrayLike,
    threshold: float = 0.5,
    multidim_average: str = "global",
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """True and false positives, true and false negatives, and the support tp + fn.

    Returns:
        (5,), or (N, 5) if samplewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> M.binary_stat_scores(jnp.array([0, 1, 1]), jnp.array([0, 1, 0])).tolist()
        [1, 1, 1, 0, 1]
    """
    if validate_args:
        check_binary_options(threshold, multidim_average, ignore_index)
    counts = binary_counts(preds, target, threshold, multidim_average, ignore_index, validate_args)
    return stat_scores_of(counts, "binary", multidim_average)


def multiclass_stat_scores(
    preds: ArrayLike,
    target: ArrayLike,
    num_classes: int,
    average: str | None = "macro",
    top_k: int = 1,
    multidim_average: str = "global",
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """True and false positives, true and false negatives, and the support of classes.

    Returns:
        (5,), or (C, 5) with ``average="none"``; a first axis N if samplewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> M.multiclass_stat_scores(jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0]), 3, average="micro").tolist()
        [3, 1, 7, 1, 4]
    """
    if validate_args:
        check_multiclass_options(num_classes, top_k, average, multidim_average, ignore_index)
    counts = multiclass_counts(
        preds, target, num_classes, top_k, average, multidim_average, ignore_index, validate_args
    )
    return stat_scores_of(counts, average, multidim_average)


def multilabel_stat_scores(
    preds: ArrayLike,
    target: ArrayLike,
    num_labels: int,
    threshold: float = 0.5,
    average: str | None = "macro",
    multidim_average: str = "global",
    ignore_index: int | None = None,
    validate_args: bool = True,
) -> Array:
    """True and false positives, true and false negatives, and the support of labels.

    Returns:
        (5,), or (L, 5) with ``average="none"``; a first axis N if samplewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> M.multilabel_stat_scores(jnp.array([[0, 1], [1, 1]]), jnp.array([[0, 1], [1, 0]]), 2, average=None).tolist()
        [[1, 0, 1, 0, 1], [1, 1, 0, 0, 1]]
    """
    if validate_args:
        check_multilabel_options(num_labels, threshold, average, multidim_average, ignore_index)
    counts = multilabel_counts(preds, target, num_labels, threshold, multidim_average, ignore_index, validate_args)
    return stat_scores_of(counts, average, multidim_average, multilabel=True)


def stat_scores(
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
        >>> M.stat_scores(jnp.array([0, 1, 1]), jnp.array([0, 1, 0]), "binary").tolist()
        [1, 1, 1, 0, 1]
    """
    common = multidim_average, ignore_index, validate_args
    return by_task(
        task,
        lambda: binary_stat_scores(preds, target, threshold, *common),
        lambda: multiclass_stat_scores(
            preds, target, given(num_classes, "num_classes"), average, given(top_k, "top_k"), *common
        ),
        lambda: multilabel_stat_scores(preds, target, given(num_labels, "num_labels"), threshold, average, *common),
    )
