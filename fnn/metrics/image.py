"""Metrics of images."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from fnn.dtypes import index_dtype, to_array
from fnn.metrics.functional.image import check_options, psnr_of, squared_errors, value_range
from fnn.metrics.metric import Metric
from fnn.typing import Array, ArrayLike

__all__ = ["PeakSignalNoiseRatio"]


class PeakSignalNoiseRatio(Metric):
    """The peak signal-to-noise ratio 10 log10(range² / MSE); with ``dim`` its states are lists.

    Args:
        data_range: the width of the values' range; a pair of the least and the largest clips to it.
        base: of the logarithm.
        reduction: of the ratios along ``dim``: ``"elementwise_mean"``, ``"sum"``, ``"none"`` or None.
        dim: the dimensions over which errors are averaged; None: all.
        **kwargs: none, see `Metric`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import PeakSignalNoiseRatio
        >>> metric = PeakSignalNoiseRatio(data_range=1.0)
        >>> metric.update(jnp.array([0.0, 1.0]), jnp.array([0.1, 0.9]))
        >>> print(metric.compute())
        20.0
    """

    is_differentiable = True
    higher_is_better = True
    full_state_update = False
    _instead = "pass dim=None"
    data_range: Array

    def __init__(
        self,
        data_range: float | tuple[float, float],
        base: float = 10.0,
        reduction: str | None = "elementwise_mean",
        dim: int | Sequence[int] | None = None,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        check_options(reduction, dim)
        if dim is None:
            self.add_state("sum_squared_error", np.zeros((), np.float32), dist_reduce_fx="sum")
            self.add_state("total", np.zeros((), index_dtype()), dist_reduce_fx="sum")
        else:
            self.add_state("sum_squared_error", [], dist_reduce_fx="cat")
            self.add_state("total", [], dist_reduce_fx="cat")
        self.add_state("data_range", np.asarray(value_range(data_range), np.float32), dist_reduce_fx="mean")
        self.limits = data_range
        self.base = base
        self.reduction = reduction
        self.dim = dim if dim is None or isinstance(dim, int) else tuple(dim)

    def update(self, preds: ArrayLike, target: ArrayLike) -> None:
        """Adds a batch of any shape."""
        for name, value in zip(
            ("sum_squared_error", "total"), squared_errors(preds, target, self.limits, self.dim), strict=True
        ):
            if self.dim is None:
                self._add(name, value)
            else:
                getattr(self, name).append(value)

    def compute(self) -> Array:
        """The ratio of all batches."""
        self._counts("total")
        total, count = (self._joined(name) for name in ("sum_squared_error", "total"))
        return psnr_of(total, count, to_array(self.data_range), self.base, self.reduction)

    def _joined(self, name: str) -> Array:
        state = self._state(name)
        return jnp.concatenate([x.reshape(-1) for x in state]) if isinstance(state, list) else state
