"""Metrics of segmentation."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from fnn.dtypes import to_array
from fnn.metrics.functional.segmentation import check_options, overlaps
from fnn.metrics.metric import Metric
from fnn.typing import Array, ArrayLike

__all__ = ["MeanIoU"]


class MeanIoU(Metric):
    """The mean intersection over union of the classes that occur in a sample.

    Args:
        num_classes: C; needed for ``"index"``, and in compiled steps, where a state keeps its shape.
        include_background: whether class 0 counts.
        per_class: whether there is a value for each class, -1 where it does not occur.
        input_format: ``"one-hot"`` (N, C, ...), also scores, of which the largest counts; ``"index"`` (N, ...);
            ``"mixed"``, one of each.
        **kwargs: none, see `Metric`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MeanIoU
        >>> metric = MeanIoU(num_classes=2, input_format="index")
        >>> metric.update(jnp.array([[[0, 0], [1, 1]]]), jnp.array([[[0, 0], [0, 1]]]))
        >>> print(metric.compute())
        0.5833334
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    score: Array
    num_batches: Array

    def __init__(
        self,
        num_classes: int | None = None,
        include_background: bool = True,
        per_class: bool = False,
        input_format: str = "one-hot",
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        check_options(num_classes, include_background, per_class, input_format)
        self.num_classes = num_classes
        self.include_background = include_background
        self.per_class = per_class
        self.input_format = input_format
        size = 1 if num_classes is None else num_classes - (not include_background)
        self.add_state("score", np.zeros(size if per_class else 1, np.float32), dist_reduce_fx="sum")
        self.add_state("num_batches", np.zeros(size, np.float32), dist_reduce_fx="sum")

    def update(self, preds: ArrayLike, target: ArrayLike) -> None:
        """Adds a batch."""
        options = self.num_classes, self.include_background, self.input_format
        both, either = overlaps(preds, target, *options)  # (N, C)
        occurs = either > 0
        axis = 0 if self.per_class else None
        self._add("score", jnp.where(occurs, both / jnp.where(occurs, either, 1), 0).sum(axis))
        self._add("num_batches", occurs.sum(axis).astype(jnp.float32))

    def compute(self) -> Array:
        """The mean of all batches: (), or (C,)."""
        score, count = to_array(self.score), to_array(self.num_batches)
        mean = score / jnp.broadcast_to(count, jnp.broadcast_shapes(score.shape, count.shape))
        return jnp.nan_to_num(mean, nan=-1.0) if self.per_class else jnp.nanmean(mean)
