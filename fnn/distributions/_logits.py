"""Distributions of events with given probabilities or their logarithms: what the two share."""

from __future__ import annotations

from typing import ClassVar

import jax

from fnn.distributions.distribution import Distribution
from fnn.distributions.utils import broadcast_all, lazy_property, logits_to_probs, probs_to_logits
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.typing import ArrayLike

__all__ = ["OfCategories", "OfProbabilities"]


class OfProbabilities(Distribution):
    """Has ``probs`` or ``logits``; the other follows from it when it is asked for."""

    _PARAMS = {"probs": 0, "logits": 0}
    _BINARY: ClassVar[bool] = True
    _given: str

    def _take(self, probs: ArrayLike | None, logits: ArrayLike | None, **others: ArrayLike) -> tuple[int, ...]:
        """Takes one of the two, and other parameters that broadcast with it; gives their shape."""
        self._choose(probs, logits)
        given = probs if probs is not None else logits
        assert given is not None
        *rest, value = broadcast_all(*others.values(), given)
        vars(self).update(zip(others, (r.astype(value.dtype) for r in rest), strict=True))
        vars(self)[self._given] = value
        return value.shape

    def _choose(self, probs: ArrayLike | None, logits: ArrayLike | None) -> None:
        if (probs is None) == (logits is None):
            raise ArgumentError("Either `probs` or `logits` must be specified, but not both.")
        self._given = "probs" if probs is not None else "logits"

    @lazy_property
    def logits(self) -> jax.Array:
        """The log odds, or the logarithms of the probabilities of several categories."""
        return probs_to_logits(self.probs, is_binary=self._BINARY)

    @lazy_property
    def probs(self) -> jax.Array:
        """The probabilities."""
        return self._probabilities()

    def _probabilities(self) -> jax.Array:
        return logits_to_probs(self.logits, is_binary=self._BINARY)

    @property
    def _param(self) -> jax.Array:
        return vars(self)[self._given]

    @property
    def param_shape(self) -> tuple[int, ...]:
        """The shape of the parameter that was given."""
        return tuple(self._param.shape)


class OfCategories(OfProbabilities):
    """Of K categories along the last dimension, whose probabilities are normalised."""

    _PARAMS = {"probs": 1, "logits": 1}
    _BINARY = False

    def _take_categories(self, probs: ArrayLike | None, logits: ArrayLike | None) -> tuple[int, ...]:
        """Takes one of the two; gives the batch shape."""
        self._choose(probs, logits)
        value = to_array(probs if probs is not None else logits, self._given, f"{type(self).__name__}: ")
        if value.ndim < 1:
            raise ArgumentError(f"`{self._given}` parameter must be at least one-dimensional.")
        if self._given == "probs":
            value = value / value.sum(-1, keepdims=True)
        else:
            value = value - jax.nn.logsumexp(value, axis=-1, keepdims=True)
        vars(self)[self._given] = value
        return value.shape[:-1]

    @property
    def _num_events(self) -> int:
        return self._param.shape[-1]
