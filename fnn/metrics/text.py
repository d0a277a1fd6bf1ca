"""Metrics of language models."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.metrics.functional.text import log_likelihood
from fnn.metrics.metric import Metric
from fnn.typing import Array, ArrayLike

__all__ = ["Perplexity"]


class Perplexity(Metric):
    """The exponential of the mean negative log-likelihood of the tokens.

    Args:
        ignore_index: a token that marks places to leave out.
        **kwargs: none, see `Metric`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import Perplexity
        >>> metric = Perplexity(ignore_index=-100)
        >>> metric.update(jnp.zeros((1, 3, 8)), jnp.array([[0, 5, -100]]))
        >>> print(metric.compute())
        8.0
    """

    is_differentiable = True
    higher_is_better = False
    full_state_update = False
    total_log_probs: Array
    count: Array

    def __init__(self, ignore_index: int | None = None, **kwargs: object) -> None:
        super().__init__(**kwargs)
        if ignore_index is not None and not isinstance(ignore_index, int):
            raise ArgumentError(
                f"Argument `ignore_index` expected to either be `None` or an `int` but got {ignore_index}"
            )
        self.ignore_index = ignore_index
        self.add_state("total_log_probs", np.zeros((), np.float32), dist_reduce_fx="sum")
        self.add_state("count", np.zeros((), np.float32), dist_reduce_fx="sum")

    def update(self, preds: ArrayLike, target: ArrayLike) -> None:
        """Adds a batch: logits (B, L, V) and tokens (B, L)."""
        total, count = log_likelihood(preds, target, self.ignore_index)
        self._add("total_log_probs", total)
        self._add("count", count)

    def compute(self) -> Array:
        """The perplexity of all batches."""
        return jnp.exp(to_array(self.total_log_probs) / to_array(self.count))
