"""Pearson's correlation coefficient."""

from __future__ import annotations

from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.metrics.functional.regression.pearson import MOMENTS, Moments, no_moments, pearson_moments, pearson_of
from fnn.metrics.metric import Metric
from fnn.typing import Array, ArrayLike

__all__ = ["PearsonCorrCoef"]


class PearsonCorrCoef(Metric):
    """Pearson's correlation coefficient of predictions and targets.

    Args:
        num_outputs: above 1 arrays are (N, num_outputs) and there is a value for each column.
        **kwargs: none, see `Metric`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import PearsonCorrCoef
        >>> metric = PearsonCorrCoef()
        >>> metric.update(jnp.array([1.0, 2.0, 3.0]), jnp.array([3.0, 2.0, 1.0]))
        >>> print(metric.compute())
        -1.0
    """

    is_differentiable = True
    full_state_update = True

    def __init__(self, num_outputs: int = 1, **kwargs: object) -> None:
        super().__init__(**kwargs)
        if not isinstance(num_outputs, int) or num_outputs < 1:
            raise ArgumentError(f"Expected argument `num_outputs` to be an int larger than 0, but got {num_outputs}")
        self.num_outputs = num_outputs
        for name, value in zip(MOMENTS, no_moments(num_outputs), strict=True):
            self.add_state(name, value, dist_reduce_fx=None)

    def _moments(self) -> Moments:
        return Moments(*(to_array(getattr(self, name)) for name in MOMENTS))

    def update(self, preds: ArrayLike, target: ArrayLike) -> None:
        """Adds a batch (N,) or (N, num_outputs)."""
        moments = pearson_moments(self._moments(), preds, target, self.num_outputs)
        for name, value in zip(MOMENTS, moments, strict=True):
            self._set_state(name, value)

    def compute(self) -> Array:
        """The coefficient of all batches; NaN where one of both is (nearly) constant."""
        return pearson_of(self._moments())
