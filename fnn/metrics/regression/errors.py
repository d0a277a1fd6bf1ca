"""Mean errors; arrays are those of `fnn.metrics.functional.regression.errors`."""

from __future__ import annotations

import numpy as np

from fnn.dtypes import index_dtype, to_array
from fnn.errors import ArgumentError
from fnn.metrics.functional.regression.errors import absolute_error, relative_error, squared_error
from fnn.metrics.metric import Metric
from fnn.typing import Array, ArrayLike

__all__ = ["MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredError"]


class _Error(Metric):
    """A sum of errors and how many there are."""

    is_differentiable = True
    higher_is_better = False
    full_state_update = False
    total: Array

    def _create(self, name: str, num_outputs: int) -> None:
        if not (isinstance(num_outputs, int) and num_outputs > 0):
            raise ArgumentError(f"Expected num_outputs to be a positive integer but got {num_outputs}")
        self.num_outputs = num_outputs
        self.add_state(name, np.zeros(num_outputs, np.float32), dist_reduce_fx="sum")
        self.add_state("total", np.zeros((), index_dtype()), dist_reduce_fx="sum")

    def _mean(self, name: str) -> Array:
        self._counts("total")
        return to_array(getattr(self, name)) / to_array(self.total)


class MeanSquaredError(_Error):
    """The mean of (preds - target)², or its root.

    Args:
        squared: False gives the root.
        num_outputs: above 1 arrays are (N, num_outputs) and there is a value for each column.
        **kwargs: none, see `Metric`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MeanSquaredError
        >>> metric = MeanSquaredError()
        >>> metric.update(jnp.array([1.0, 2.0]), jnp.array([1.0, 4.0]))
        >>> print(metric.compute())
        2.0
    """

    def __init__(self, squared: bool = True, num_outputs: int = 1, **kwargs: object) -> None:
        super().__init__(**kwargs)
        if not isinstance(squared, bool):
            raise ArgumentError(f"Expected argument `squared` to be a boolean but got {squared}")
        self.squared = squared
        self._create("sum_squared_error", num_outputs)

    def update(self, preds: ArrayLike, target: ArrayLike) -> None:
        """Adds a batch (N, ...)."""
        total, count = squared_error(preds, target, self.num_outputs)
        self._add("sum_squared_error", total)
        self._add("total", count)

    def compute(self) -> Array:
        """The error of all batches."""
        mean = self._mean("sum_squared_error")
        return mean if self.squared else mean**0.5


class MeanAbsoluteError(_Error):
    """The mean of |preds - target|.

    Args:
        num_outputs: above 1 arrays are (N, num_outputs) and there is a value for each column.
        **kwargs: none, see `Metric`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MeanAbsoluteError
        >>> metric = MeanAbsoluteError()
        >>> metric.update(jnp.array([1.0, 2.0]), jnp.array([1.0, 4.0]))
        >>> print(metric.compute())
        1.0
    """

    def __init__(self, num_outputs: int = 1, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self._create("sum_abs_error", num_outputs)

    def update(self, preds: ArrayLike, target: ArrayLike) -> None:
        """Adds a batch (N, ...)."""
        total, count = absolute_error(preds, target, self.num_outputs)
        self._add("sum_abs_error", total)
        self._add("total", count)

    def compute(self) -> Array:
        """The error of all batches."""
        return self._mean("sum_abs_error")


class MeanAbsolutePercentageError(_Error):
    """The mean of |preds - target| / max(|target|, 1.17e-6).

    Args:
        **kwargs: none, see `Metric`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MeanAbsolutePercentageError
        >>> metric = MeanAbsolutePercentageError()
        >>> metric.update(jnp.array([1.0, 2.0]), jnp.array([1.0, 4.0]))
        >>> print(metric.compute())
        0.25
    """

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.add_state("sum_abs_per_error", np.zeros((), np.float32), dist_reduce_fx="sum")
        self.add_state("total", np.zeros((), np.float32), dist_reduce_fx="sum")

    def update(self, preds: ArrayLike, target: ArrayLike) -> None:
        """Adds a batch (N, ...)."""
        total, count = relative_error(preds, target)
        self._add("sum_abs_per_error", total)
        self._add("total", count)

    def compute(self) -> Array:
        """The error of all batches."""
        return self._mean("sum_abs_per_error")
