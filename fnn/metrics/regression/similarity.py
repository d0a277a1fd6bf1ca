"""Cosine similarity, and the Kullback-Leibler divergence."""

from __future__ import annotations

import numpy as np

from fnn.dtypes import index_dtype, to_array
from fnn.metrics._states import joined
from fnn.metrics.functional.regression.similarity import (
    check_log_prob,
    check_reduction,
    cosine_of,
    divergence_of,
    divergences,
    rows,
)
from fnn.metrics.metric import Metric
from fnn.typing import Array, ArrayLike

__all__ = ["CosineSimilarity", "KLDivergence"]


class CosineSimilarity(Metric):
    """The cosine of the angle between each row of predictions and of targets; its states are lists.

    Args:
        reduction: ``"sum"``, ``"mean"``, ``"none"`` or None.
        **kwargs: none, see `Metric`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import CosineSimilarity
        >>> metric = CosineSimilarity(reduction="mean")
        >>> metric.update(jnp.array([[1.0, 0.0], [3.0, 4.0]]), jnp.array([[0.0, 1.0], [3.0, 4.0]]))
        >>> print(metric.compute())
        0.5
    """

    is_differentiable = True
    higher_is_better = True
    full_state_update = False
    preds: list[Array]
    target: list[Array]

    def __init__(self, reduction: str | None = "sum", **kwargs: object) -> None:
        super().__init__(**kwargs)
        check_reduction(reduction)
        self.reduction = reduction
        self.add_state("preds", [], dist_reduce_fx="cat")
        self.add_state("target", [], dist_reduce_fx="cat")

    def update(self, preds: ArrayLike, target: ArrayLike) -> None:
        """Adds a batch (N, D)."""
        preds, target = rows(preds, target)
        self.preds.append(preds)
        self.target.append(target)

    def compute(self) -> Array:
        """The value of all batches."""
        return cosine_of(joined(self.preds), joined(self.target), self.reduction)


class KLDivergence(Metric):
    """The Kullback-Leibler divergence Σ p log(p / q) of the rows; a list of them with ``reduction="none"``.

    Args:
        log_prob: whether both are logarithms.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or None.
        **kwargs: none, see `Metric`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import KLDivergence
        >>> metric = KLDivergence()
        >>> metric.update(jnp.array([[0.36, 0.48, 0.16]]), jnp.array([[1 / 3, 1 / 3, 1 / 3]]))
        >>> print(metric.compute())
        0.0852996
    """

    is_differentiable = True
    higher_is_better = False
    full_state_update = False
    _instead = 'pass reduction="mean" or "sum"'
    measures: list[Array]
    total: Array

    def __init__(self, log_prob: bool = False, reduction: str | None = "mean", **kwargs: object) -> None:
        super().__init__(**kwargs)
        check_log_prob(log_prob)
        check_reduction(reduction)
        self.log_prob = log_prob
        self.reduction = reduction
        if reduction in ("mean", "sum"):
            self.add_state("measures", np.zeros((), np.float32), dist_reduce_fx="sum")
        else:
            self.add_state("measures", [], dist_reduce_fx="cat")
        self.add_state("total", np.zeros((), index_dtype()), dist_reduce_fx="sum")

    def update(self, p: ArrayLike, q: ArrayLike) -> None:
        """Adds a batch (N, D)."""
        values, count = divergences(p, q, self.log_prob)
        if self.reduction in ("mean", "sum"):
            self._add("measures", values.sum())
            self._add("total", count)
        else:
            self.measures.append(values)

    def compute(self) -> Array:
        """The value of all batches."""
        self._counts("total")
        return divergence_of(joined(self._state("measures")), to_array(self.total), self.reduction)
