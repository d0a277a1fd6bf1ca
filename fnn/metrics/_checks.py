"""What arguments and arrays of metrics are held to, in torchmetrics' words.

Shapes and dtypes are checked always, values only where there are some: not inside a compiled step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from fnn.dtypes import is_floating, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.tracing import concrete
from fnn.typing import Array, ArrayLike

AVERAGES = ("micro", "macro", "weighted", "none", None)
MULTIDIM = ("global", "samplewise")
TASKS = ("binary", "multiclass", "multilabel")
_R = TypeVar("_R")


def by_task(
    task: str,
    binary: Callable[[], _R],
    multiclass: Callable[[], _R],
    multilabel: Callable[[], _R] | None,
) -> _R:
    """What one of three functions returns, the one that ``task`` names."""
    of = {"binary": binary, "multiclass": multiclass} | ({} if multilabel is None else {"multilabel": multilabel})
    chosen = of.get(task.lower()) if isinstance(task, str) else None
    if chosen is None:
        raise ArgumentError(f"Invalid Classification: expected one of {tuple(of)}, but got {task}.")
    return chosen()


def given(value: int | None, name: str) -> int:
    """A number that this task needs."""
    if not isinstance(value, int):
        raise ArgumentError(f"`{name}` is expected to be `int` but `{type(value)} was passed.`")
    return value


def one_of(value: object, name: str, allowed: Sequence[object]) -> None:
    """Raises if an argument is none of those allowed."""
    if value not in allowed:
        raise ArgumentError(f"Expected argument `{name}` to be one of {tuple(allowed)}, but got {value}")


def check_threshold(threshold: float) -> None:
    """Raises if the threshold is no probability."""
    if not (isinstance(threshold, float) and 0 <= threshold <= 1):
        raise ArgumentError(f"Expected argument `threshold` to be a float in the [0,1] range, but got {threshold}.")


def check_number(value: int | None, name: str) -> None:
    """Raises if a number of classes or labels is below 2."""
    if not isinstance(value, int) or value < 2:
        raise ArgumentError(f"Expected argument `{name}` to be an integer larger than 1, but got {value}")


def check_ignore_index(ignore_index: int | None) -> None:
    """Raises if it is neither None nor an integer."""
    if ignore_index is not None and not isinstance(ignore_index, int):
        raise ArgumentError(
            f"Expected argument `ignore_index` to either be `None` or an integer, but got {ignore_index}"
        )


def check_zero_division(zero_division: float) -> None:
    """Raises if it is neither 0 nor 1."""
    if zero_division not in (0, 1):
        raise ArgumentError(f"Expected argument `zero_division` to be 0 or 1, but got {zero_division}.")


def arrays(preds: ArrayLike, target: ArrayLike) -> tuple[Array, Array]:
    """Both as arrays."""
    return to_array(preds, "preds"), to_array(target, "target")


def same_shape(preds: Array, target: Array) -> None:
    """Raises if the shapes differ."""
    if preds.shape != target.shape:
        raise ArgumentError(
            f"Predictions and targets are expected to have the same shape, but got {preds.shape} and {target.shape}."
        )


def check_binary(preds: Array, target: Array, ignore_index: int | None) -> None:
    """Raises if the shapes differ, or if labels are neither 0 nor 1."""
    same_shape(preds, target)
    allowed = {0, 1} | ({ignore_index} if ignore_index is not None else set())
    known = concrete(target)
    if known is not None and not allowed.issuperset(found := np.unique(known).tolist()):
        expected = [0, 1] if ignore_index is None else [ignore_index]
        raise ArgumentError(
            f"Detected the following values in `target`: {found} but expected only the following values {expected}."
        )
    known = None if is_floating(preds) else concrete(preds)
    if known is not None and not {0, 1}.issuperset(found := np.unique(known).tolist()):
        raise ArgumentError(
            f"Detected the following values in `preds`: {found} but expected only the following values [0,1] since "
            "`preds` is a label tensor."
        )


def check_labels(preds: Array, target: Array, num_labels: int, ignore_index: int | None) -> None:
    """`check_binary`, and the second size is the number of labels."""
    same_shape(preds, target)
    if preds.ndim < 2 or preds.shape[1] != num_labels:
        found = preds.shape[1] if preds.ndim > 1 else None
        raise ArgumentError(
            "Expected both `target.shape[1]` and `preds.shape[1]` to be equal to the number of labels"
            f" but got {found} and expected {num_labels}"
        )
    check_binary(preds, target, ignore_index)


def check_classes(preds: Array, target: Array, num_classes: int | None, ignore_index: int | None) -> None:
    """Raises if scores (N, C, ...) or labels (N, ...) do not fit the targets (N, ...) or hold no class."""
    if preds.ndim == target.ndim + 1:
        if not is_floating(preds):
            raise ArgumentError(
                "If `preds` have one dimension more than `target`, `preds` should be a float tensor, "
                f"got dtype {preds.dtype}."
            )
        if num_classes is not None and preds.shape[1] != num_classes:
            raise ArgumentError(
                "If `preds` have one dimension more than `target`, `preds.shape[1]` should be equal to number of "
                f"classes, got {preds.shape[1]} and num_classes={num_classes}."
            )
        if preds.shape[:1] + preds.shape[2:] != target.shape:
            raise ArgumentError(
                "If `preds` have one dimension more than `target`, the shape of `preds` should be (N, C, ...), and "
                f"the shape of `target` should be (N, ...), got {preds.shape} and {target.shape}."
            )
    elif preds.ndim == target.ndim:
        if preds.shape != target.shape:
            raise ArgumentError(
                "The `preds` and `target` should have the same shape, got `preds` with "
                f"shape={preds.shape} and `target` with shape={target.shape}."
            )
    else:
        raise ArgumentError(
            "Either `preds` and `target` both should have the (same) shape (N, ...), or `target` should be (N, ...) "
            f"and `preds` should be (N, C, ...), got {preds.shape} and {target.shape}."
        )
    if num_classes is not None:
        check_range(target, "target", num_classes, ignore_index)
        if not is_floating(preds):
            check_range(preds, "preds", num_classes, ignore_index)


def check_range(labels: Array, name: str, num_classes: int, ignore_index: int | None) -> None:
    """Raises if there are labels that are no classes; torchmetrics counts the different ones, or fails to reshape."""
    known = concrete(labels)
    if known is None:
        return
    found = np.unique(known)
    outside = found[(found < 0) | (found >= num_classes)]
    if any(value != ignore_index for value in outside.tolist()):
        raise ArgumentError(
            f"Detected more unique values in `{name}` than expected. Expected only {num_classes}, from 0 to "
            f"{num_classes - 1}, but found {found.tolist()} in `{name}`."
        )


def check_samplewise(preds: Array, multidim_average: str, least: int) -> None:
    """Raises if there is nothing to average over within a sample."""
    if multidim_average != "global" and preds.ndim < least:
        raise ArgumentError(
            f"Expected input to be at least {least}D when multidim_average is set to `samplewise`, "
            f"got shape {preds.shape}"
        )


def check_scores(preds: Array, target: Array) -> None:
    """Raises if the scores are no floating numbers or the targets are."""
    if is_floating(target):
        raise ArgumentError(
            "Expected argument `target` to be an int or long tensor with ground truth labels"
            f" but got tensor with dtype {target.dtype}"
        )
    if not is_floating(preds):
        raise ArgumentError(
            "Expected argument `preds` to be an floating tensor with probability/logit scores,"
            f" but got tensor with dtype {preds.dtype}"
        )


def check_thresholds(thresholds: object) -> None:
    """Raises if they are neither None, an int above 1, a list of probabilities nor a vector."""
    if thresholds is None:
        return
    if isinstance(thresholds, (jax.Array, np.ndarray)):
        if thresholds.ndim != 1:
            raise ArgumentError(
                "If argument `thresholds` is an tensor, expected the tensor to be 1d, "
                f"got shape {tuple(thresholds.shape)}"
            )
    elif isinstance(thresholds, list):
        if not all(isinstance(t, float) and 0 <= t <= 1 for t in thresholds):
            raise ArgumentError(
                "If argument `thresholds` is a list, expected all elements to be floats in the [0,1] range, "
                f"but got {thresholds}"
            )
    elif not isinstance(thresholds, int):
        raise ArgumentError(
            "Expected argument `thresholds` to either be an integer, list of floats or tensor of floats, "
            f"but got {thresholds}"
        )
    elif thresholds < 2:
        raise ArgumentError(
            f"If argument `thresholds` is an integer, expected it to be larger than 1, but got {thresholds}"
        )


def as_labels(x: Array, name: str) -> Array:
    """Labels as integers."""
    if jnp.issubdtype(x.dtype, jnp.complexfloating):
        raise ArgumentTypeError(f"argument '{name}' must hold labels, got dtype {x.dtype}")
    return x.astype(jnp.result_type(int))
