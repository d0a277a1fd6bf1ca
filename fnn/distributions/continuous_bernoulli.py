"""`ContinuousBernoulli`."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from fnn.distributions import _draw, constraints
from fnn.distributions._logits import OfProbabilities
from fnn.distributions.exp_family import ExponentialFamily
from fnn.distributions.utils import aligned, binary_log_prob, clamp_probs
from fnn.errors import ArgumentError
from fnn.typing import ArrayLike

__all__ = ["ContinuousBernoulli"]


class ContinuousBernoulli(OfProbabilities, ExponentialFamily):
    """The continuous Bernoulli distribution on [0, 1], p(x) ~ probs^x (1 - probs)^(1 - x).

    After Loaiza-Ganem and Cunningham (2019).

    Args:
        probs: the probabilities, in [0, 1].
        logits: or their log odds.
        lims: where the formulas lose their digits, around 1/2; Taylor's series stand in there.
        validate_args: see `Distribution`.

    Example:
        >>> from fnn import distributions
        >>> print(distributions.ContinuousBernoulli(0.5).mean)
        0.5
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    _PARAMS = {"probs": 0, "logits": 0}

    def __init__(
        self,
        probs: ArrayLike | None = None,
        logits: ArrayLike | None = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:
        shape = self._take(probs, logits)
        if probs is not None:
            if validate_args is not None and not constraints.holds(constraints.unit_interval, self.probs):
                raise ArgumentError("The parameter probs has invalid values")
            vars(self)["probs"] = clamp_probs(self.probs)
        self._lims = tuple(lims)
        super().__init__(shape, (), validate_args)

    def _probabilities(self) -> jax.Array:
        return clamp_probs(super()._probabilities())

    def _outside(self) -> jax.Array:
        return (self.probs <= self._lims[0]) | (self.probs > self._lims[1])

    def _cut(self) -> jax.Array:
        """The probabilities where the formulas are good, elsewhere one that is."""
        return jnp.where(self._outside(), self.probs, self._lims[0])

    def _log_norm(self) -> jax.Array:
        cut = self._cut()
        below = cut <= 0.5
        slope = jnp.log(jnp.abs(jnp.log1p(-cut) - jnp.log(cut)))
        gap = jnp.where(
            below, jnp.log1p(-2.0 * jnp.where(below, cut, 0.0)), jnp.log(2.0 * jnp.where(below, 1.0, cut) - 1.0)
        )
        x = (self.probs - 0.5) ** 2
        return jnp.where(self._outside(), slope - gap, math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x) * x)

    @property
    def mean(self) -> jax.Array:
        cut = self._cut()
        formula = cut / (2.0 * cut - 1.0) + 1.0 / (jnp.log1p(-cut) - jnp.log(cut))
        x = self.probs - 0.5
        return jnp.where(self._outside(), formula, 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x**2) * x)

    @property
    def variance(self) -> jax.Array:
        cut = self._cut()
        formula = cut * (cut - 1.0) / (1.0 - 2.0 * cut) ** 2 + 1.0 / (jnp.log1p(-cut) - jnp.log(cut)) ** 2
        x = (self.probs - 0.5) ** 2
        return jnp.where(self._outside(), formula, 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x) * x)

    def _rsample(self, sample_shape: tuple[int, ...]) -> jax.Array:
        return self.icdf(_draw.uniform(self._extended_shape(sample_shape), self.probs.dtype, "ContinuousBernoulli"))

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value, logits, log_norm = self._at(value, self.logits, self._log_norm())
        return binary_log_prob(logits, value) + log_norm

    def cdf(self, value: ArrayLike) -> jax.Array:
        value, cut, outside = self._at(value, self._cut(), self._outside())
        formula = (cut**value * (1.0 - cut) ** (1.0 - value) + cut - 1.0) / (2.0 * cut - 1.0)
        return jnp.where(value <= 0.0, 0.0, jnp.where(value >= 1.0, 1.0, jnp.where(outside, formula, value)))

    def icdf(self, value: ArrayLike) -> jax.Array:
        value, cut, outside = aligned(value, self._cut(), self._outside())
        above = jnp.log1p(-cut + value * (2.0 * cut - 1.0)) - jnp.log1p(-cut)
        return jnp.where(outside, above / (jnp.log(cut) - jnp.log1p(-cut)), value)

    def entropy(self) -> jax.Array:
        of_zero, of_one = jnp.log1p(-self.probs), jnp.log(self.probs)
        return self.mean * (of_zero - of_one) - self._log_norm() - of_zero

    @property
    def _mean_carrier_measure(self) -> float:
        return 0.0

    @property
    def _natural_params(self) -> tuple[jax.Array, ...]:
        return (self.logits,)

    def _log_normalizer(self, *natural_params: jax.Array) -> jax.Array:
        x = natural_params[0]
        outside = (x <= self._lims[0] - 0.5) | (x > self._lims[1] - 0.5)
        cut = jnp.where(outside, x, self._lims[0] - 0.5)
        formula = jnp.log(jnp.abs(jnp.expm1(cut))) - jnp.log(jnp.abs(cut))
        return jnp.where(outside, formula, 0.5 * x + x**2 / 24.0 - x**4 / 2880.0)
