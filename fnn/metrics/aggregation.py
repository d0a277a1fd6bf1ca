"""Sums, means, extremes of values."""

from __future__ import annotations

import warnings

import jax.numpy as jnp
import numpy as np

from fnn.dtypes import get_default_dtype, to_array
from fnn.errors import ArgumentError
from fnn.metrics._states import Reduction, joined
from fnn.metrics.metric import Metric
from fnn.tracing import concrete
from fnn.typing import Array, ArrayLike

__all__ = ["CatMetric", "MaxMetric", "MeanMetric", "MinMetric", "SumMetric"]
_STRATEGIES = ("error", "warn", "ignore", "disable")


class _Aggregator(Metric):
    """What is done about NaN, for all of them.

    Args:
        nan_strategy: ``"error"`` raises (and refuses a compiled step, where values are not known), ``"warn"`` warns
            (not there) and leaves them out, ``"ignore"`` leaves them out, ``"disable"`` does not look for them, a
            number is put in their place.
        **kwargs: none, see `Metric`.
    """

    full_state_update = False

    def __init__(
        self,
        reduction: Reduction,
        default: np.ndarray | list[Array],
        nan_strategy: str | float,
        state_name: str,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        if nan_strategy not in _STRATEGIES and not isinstance(nan_strategy, float):
            raise ArgumentError(
                f"Arg `nan_strategy` should either be a float or one of {_STRATEGIES} but got {nan_strategy}."
            )
        self.nan_strategy = nan_strategy
        self.state_name = state_name
        self.add_state(state_name, default, dist_reduce_fx=reduction)

    def _checked(self, value: ArrayLike, weight: ArrayLike | None = None) -> tuple[Array, Array, Array]:
        """Values and weights, and which of them count."""
        value = to_array(value, "value").astype(self.dtype)
        weight = jnp.ones_like(value) if weight is None else to_array(weight, "weight").astype(self.dtype)
        weight = jnp.broadcast_to(weight, value.shape)
        if self.nan_strategy == "disable":
            return value, weight, jnp.ones(value.shape, bool)
        missing = jnp.isnan(value) | jnp.isnan(weight)
        if isinstance(self.nan_strategy, float):
            value, weight = jnp.where(missing, self.nan_strategy, value), jnp.where(missing, 1, weight)
            return value, weight, jnp.ones(value.shape, bool)
        if self.nan_strategy != "ignore":
            self._complain(missing)
        return value, weight, ~missing

    def _complain(self, missing: Array) -> None:
        known = concrete(missing)
        if known is None and self.nan_strategy == "error":
            raise ArgumentError(
                f"{type(self).__name__}: nan_strategy='error' looks at values, which a compiled step does not have; "
                "pass 'ignore', 'disable' or a number ('warn' leaves NaN out there without a warning)"
            )
        if known is not None and known.any():
            if self.nan_strategy == "error":
                raise ArgumentError(f"{type(self).__name__}: Encountered `nan` values in tensor")
            warnings.warn("Encountered `nan` values in tensor. Will be removed.", UserWarning, stacklevel=5)

    def compute(self) -> Array:
        """The value of all batches."""
        return to_array(getattr(self, self.state_name))


class MaxMetric(_Aggregator):
    """The largest value.

    Args:
        nan_strategy: ``"error"``, ``"warn"``, ``"ignore"``, ``"disable"`` or a number for NaN: see `MeanMetric`.
        **kwargs: none, see `Metric`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MaxMetric
        >>> metric = MaxMetric()
        >>> metric.update(1)
        >>> metric.update(jnp.array([2.0, 3.0]))
        >>> print(metric.compute())
        3.0
    """

    full_state_update = True

    def __init__(self, nan_strategy: str | float = "warn", **kwargs: object) -> None:
        super().__init__("max", np.full((), -np.inf, get_default_dtype()), nan_strategy, "max_value", **kwargs)

    def update(self, value: ArrayLike) -> None:
        """Adds values of any shape."""
        value, _, counts = self._checked(value)
        if value.size:
            largest = jnp.where(counts, value, -jnp.inf).max()
            self._set_state("max_value", jnp.maximum(to_array(getattr(self, self.state_name)), largest))


class MinMetric(_Aggregator):
    """The smallest value.

    Args:
        nan_strategy: ``"error"``, ``"warn"``, ``"ignore"``, ``"disable"`` or a number for NaN: see `MeanMetric`.
        **kwargs: none, see `Metric`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MinMetric
        >>> metric = MinMetric()
        >>> metric.update(1)
        >>> metric.update(jnp.array([2.0, 3.0]))
        >>> print(metric.compute())
        1.0
    """

    full_state_update = True

    def __init__(self, nan_strategy: str | float = "warn", **kwargs: object) -> None:
        super().__init__("min", np.full((), np.inf, get_default_dtype()), nan_strategy, "min_value", **kwargs)

    def update(self, value: ArrayLike) -> None:
        """Adds values of any shape."""
        value, _, counts = self._checked(value)
        if value.size:
            smallest = jnp.where(counts, value, jnp.inf).min()
            self._set_state("min_value", jnp.minimum(to_array(getattr(self, self.state_name)), smallest))


class SumMetric(_Aggregator):
    """The sum of all values, in float32.

    Args:
        nan_strategy: ``"error"``, ``"warn"``, ``"ignore"``, ``"disable"`` or a number for NaN: see `MeanMetric`.
        **kwargs: none, see `Metric`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import SumMetric
        >>> metric = SumMetric()
        >>> metric.update(1)
        >>> metric.update(jnp.array([2.0, 3.0]))
        >>> print(metric.compute())
        6.0
    """

    def __init__(self, nan_strategy: str | float = "warn", **kwargs: object) -> None:
        super().__init__("sum", np.zeros((), get_default_dtype()), nan_strategy, "sum_value", **kwargs)

    def update(self, value: ArrayLike) -> None:
        """Adds values of any shape."""
        value, _, counts = self._checked(value)
        self._add("sum_value", jnp.where(counts, value, 0).sum())


class CatMetric(_Aggregator):
    """All values, one after the other; a list, so for use outside of compiled steps.

    Args:
        nan_strategy: ``"error"``, ``"warn"``, ``"ignore"``, ``"disable"`` or a number for NaN: see `MeanMetric`.
        **kwargs: none, see `Metric`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import CatMetric
        >>> metric = CatMetric()
        >>> metric.update(1)
        >>> metric.update(jnp.array([2.0, 3.0]))
        >>> print(metric.compute())
        [1. 2. 3.]
    """

    value: list[Array]

    def __init__(self, nan_strategy: str | float = "warn", **kwargs: object) -> None:
        super().__init__("cat", [], nan_strategy, "value", **kwargs)

    def update(self, value: ArrayLike) -> None:
        """Adds values of any shape (N, ...), less those left out."""
        values, _, counts = self._checked(value)
        known = concrete(counts)
        if known is not None and not known.all():
            values = values[known]
        if values.size:
            self.value.append(values)

    def compute(self) -> Array | list[Array]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The values of all batches; an empty list if there are none."""
        return joined(self.value) if self.value else []


class MeanMetric(_Aggregator):
    """The weighted mean of all values.

    Sum and weight are float32: means of more than 2^24 values of weight 1 grow inexact.

    Args:
        nan_strategy: ``"error"`` raises (and refuses a compiled step, where values are not known), ``"warn"`` warns
            (not there) and leaves them out, ``"ignore"`` leaves them out, ``"disable"`` does not look for them, a
            number is put in their place.
        **kwargs: none, see `Metric`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MeanMetric
        >>> metric = MeanMetric()
        >>> metric.update(1)
        >>> metric.update(jnp.array([2.0, 3.0]), weight=2)
        >>> print(metric.compute())
        2.2
    """

    def __init__(self, nan_strategy: str | float = "warn", **kwargs: object) -> None:
        super().__init__("sum", np.zeros((), get_default_dtype()), nan_strategy, "mean_value", **kwargs)
        self.add_state("weight", np.zeros((), get_default_dtype()), dist_reduce_fx="sum")

    def update(self, value: ArrayLike, weight: ArrayLike | None = None) -> None:
        """Adds values of any shape.

        Args:
            value: the values.
            weight: what they weigh, of a shape that broadcasts to that of ``value``; None: 1.
        """
        value, weight, counts = self._checked(value, weight)
        self._add("mean_value", jnp.where(counts, value * weight, 0).sum())
        self._add("weight", jnp.where(counts, weight, 0).sum())

    def compute(self) -> Array:
        """The mean of all batches."""
        return super().compute() / to_array(getattr(self, "weight"))  # noqa: B009
