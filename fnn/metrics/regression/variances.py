"""R² and the explained variance; arrays and arguments are those of their functions."""

from __future__ import annotations

import numpy as np

from fnn.dtypes import index_dtype, to_array
from fnn.metrics.functional.regression.explained_variance import (
    Moments,
    check_multioutput,
    explained_variance_of,
    variance_sums,
)
from fnn.metrics.functional.regression.r2 import Sums, check_options, r2_of, r2_sums
from fnn.metrics.metric import Metric
from fnn.typing import Array, ArrayLike

__all__ = ["ExplainedVariance", "R2Score"]


class _OfTheTarget(Metric):
    """A share of the targets' variance, from sums."""

    is_differentiable = True
    higher_is_better = True
    full_state_update = False

    def _create(self, *names: str) -> None:
        for name in names:
            self.add_state(name, np.zeros((), np.float32), dist_reduce_fx="sum")

    def _sums(self, *names: str) -> list[Array]:
        return [to_array(getattr(self, name)) for name in names]


class R2Score(_OfTheTarget):
    """R² = 1 - Σ (target - preds)² / Σ (target - mean)².

    The states are scalars and take the shape of a sample with the first batch.  Where samples are vectors, give it
    before the compiled step, which then finds states of the right shape.

    Args:
        adjusted: the number of regressors of the adjusted R².
        multioutput: ``"raw_values"``, ``"uniform_average"`` or ``"variance_weighted"``.
        **kwargs: none, see `Metric`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import R2Score
        >>> metric = R2Score()
        >>> metric.update(jnp.array([1.0, 2.0, 4.0]), jnp.array([1.0, 2.0, 3.0]))
        >>> print(metric.compute())
        0.5
    """

    _NAMES = "sum_squared_error", "sum_error", "residual"

    def __init__(self, adjusted: int = 0, multioutput: str = "uniform_average", **kwargs: object) -> None:
        super().__init__(**kwargs)
        check_options(adjusted, multioutput)
        self.adjusted = adjusted
        self.multioutput = multioutput
        self._create(*self._NAMES)
        self.add_state("total", np.zeros((), index_dtype()), dist_reduce_fx="sum")

    def update(self, preds: ArrayLike, target: ArrayLike) -> None:
        """Adds a batch (N,) or (N, M)."""
        sums, count = r2_sums(preds, target)
        for name, value in zip(self._NAMES, sums, strict=True):
            self._add(name, value)
        self._add("total", count)

    def compute(self) -> Array:
        """The value of all batches."""
        self._counts("total")
        (count,) = self._sums("total")
        return r2_of(Sums(*self._sums(*self._NAMES)), count, self.adjusted, self.multioutput)


class ExplainedVariance(_OfTheTarget):
    """1 - Var(target - preds) / Var(target).

    The states take the shape of a sample with the first batch, as those of `R2Score`.

    Args:
        multioutput: ``"raw_values"``, ``"uniform_average"`` or ``"variance_weighted"``.
        **kwargs: none, see `Metric`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import ExplainedVariance
        >>> metric = ExplainedVariance()
        >>> metric.update(jnp.array([2.0, 3.0, 4.0]), jnp.array([1.0, 2.0, 3.0]))
        >>> print(metric.compute())
        1.0
    """

    _NAMES = "sum_error", "sum_squared_error", "sum_target", "sum_squared_target"

    def __init__(self, multioutput: str = "uniform_average", **kwargs: object) -> None:
        super().__init__(**kwargs)
        check_multioutput(multioutput)
        self.multioutput = multioutput
        self._create(*self._NAMES, "num_obs")

    def update(self, preds: ArrayLike, target: ArrayLike) -> None:
        """Adds a batch (N, ...)."""
        sums, count = variance_sums(preds, target)
        for name, value in zip(self._NAMES, sums, strict=True):
            self._add(name, value)
        self._add("num_obs", count)

    def compute(self) -> Array:
        """The value of all batches."""
        (count,) = self._sums("num_obs")
        return explained_variance_of(Moments(*self._sums(*self._NAMES)), count, self.multioutput)
