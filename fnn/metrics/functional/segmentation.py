"""Metrics of segmentation."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn.dtypes import index_dtype, is_floating
from fnn.errors import ArgumentError
from fnn.metrics._checks import arrays, check_range, same_shape
from fnn.typing import Array, ArrayLike

__all__ = ["mean_iou"]
_FORMATS = ("one-hot", "index", "mixed")


def check_options(num_classes: int | None, include_background: bool, per_class: bool, input_format: str) -> None:
    """Raises on a bad option."""
    if input_format == "index" and num_classes is None:
        raise ArgumentError("Argument `num_classes` must be provided when `input_format` is 'index'.")
    if num_classes is not None and num_classes <= 0:
        raise ArgumentError(
            f"Expected argument `num_classes` must be `None` or a positive integer, but got {num_classes}."
        )
    for name, value in (("include_background", include_background), ("per_class", per_class)):
        if not isinstance(value, bool):
            raise ArgumentError(f"Expected argument `{name}` must be a boolean, but got {value}.")
    if input_format not in _FORMATS:
        raise ArgumentError(f"Expected argument `input_format` to be one of {_FORMATS}, but got {input_format}.")


def overlaps(
    preds: ArrayLike, target: ArrayLike, num_classes: int | None, include_background: bool, input_format: str
) -> tuple[Array, Array]:
    """The sizes of intersection and union (N, C)."""
    preds, target = arrays(preds, target)
    if input_format != "one-hot":
        preds, target = _batched(preds), _batched(target)
    if input_format != "mixed":
        same_shape(preds, target)
        hot = (input_format == "index",) * 2
    else:
        hot = preds.ndim < target.ndim, target.ndim < preds.ndim
        shapes = [
            x.shape if is_index else x.shape[:1] + x.shape[2:] for x, is_index in zip((preds, target), hot, strict=True)
        ]
        if shapes[0] != shapes[1] or hot[0] == hot[1]:
            raise ArgumentError(
                f"Predictions and targets are expected to have the same shape, got {preds.shape} and {target.shape}."
            )
    if num_classes is None:
        scores = target if hot[0] else preds
        if scores.ndim < 2:
            raise IndexError(f"Cannot determine `num_classes` from an array of shape {scores.shape}.")
        num_classes = scores.shape[1]
    masks = [
        _mask(x, name, num_classes, is_index)
        for x, name, is_index in zip((preds, target), ("preds", "target"), hot, strict=True)
    ]
    if masks[0].ndim < 3:
        raise ArgumentError(
            f"Expected both `preds` and `target` to have at least 3 dimensions, but got {masks[0].ndim}."
        )
    if not include_background:
        masks = [mask[:, 1:] if mask.shape[1] > 1 else mask for mask in masks]
    axes = tuple(range(2, masks[0].ndim))
    both, first, second = (x.sum(axes, dtype=index_dtype()) for x in (masks[0] & masks[1], *masks))
    return both, first + second - both


def _batched(x: Array) -> Array:
    return x[None, None] if x.ndim == 1 else x[None] if x.ndim == 2 else x


def _mask(x: Array, name: str, num_classes: int, is_index: bool) -> Array:
    if is_index:
        check_range(x, name, num_classes, None)
    elif not is_floating(x):
        return x.astype(index_dtype())
    else:
        x = x.argmax(1)
    return jnp.moveaxis(jax.nn.one_hot(x, num_classes, dtype=index_dtype()), -1, 1)


def mean_iou(
    preds: ArrayLike,
    target: ArrayLike,
    num_classes: int | None = None,
    include_background: bool = True,
    per_class: bool = False,
    input_format: str = "one-hot",
) -> Array:
    """The mean intersection over union of the classes that occur in a sample.

    Args:
        preds: (N, C, ...) one-hot, or scores, of which the largest counts; with ``"index"`` classes (N, ...).
        target: the same shape; with ``"mixed"`` one of both is (N, ...).
        num_classes: C; needed for ``"index"``.
        include_background: whether class 0 counts.
        per_class: whether there is a value for each class, -1 where it does not occur.
        input_format: ``"one-hot"``, ``"index"`` or ``"mixed"``.

    Returns:
        (N,), or (N, C).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> preds, target = jnp.array([[[0, 0], [1, 1]]]), jnp.array([[[0, 0], [0, 1]]])
        >>> print(M.mean_iou(preds, target, num_classes=2, input_format="index"))
        [0.5833334]
    """
    check_options(num_classes, include_background, per_class, input_format)
    both, either = overlaps(preds, target, num_classes, include_background, input_format)
    occurs = either > 0
    scores = jnp.where(occurs, both / jnp.where(occurs, either, 1), 0)
    return jnp.where(occurs, scores, -1) if per_class else scores.sum(-1) / occurs.sum(-1)
