"""Divergences between distributions of numbers of different classes.

KL(p || q) = -H(p) - E_p[log q(X)], and log q needs only a few means of p: of X, X², log X, exp X.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax.scipy.special import digamma, erf, gammaln

from fnn.distributions.bernoulli import Bernoulli
from fnn.distributions.beta import Beta
from fnn.distributions.binomial import Binomial
from fnn.distributions.continuous_bernoulli import ContinuousBernoulli
from fnn.distributions.exponential import Exponential
from fnn.distributions.gamma import Gamma
from fnn.distributions.gumbel import Gumbel
from fnn.distributions.kl import between
from fnn.distributions.laplace import Laplace
from fnn.distributions.normal import Normal
from fnn.distributions.pareto import Pareto
from fnn.distributions.poisson import Poisson
from fnn.distributions.uniform import Uniform
from fnn.distributions.utils import euler_constant, xlogy

# -- p reaches where q does not ---------------------------------------------------------------------


def _infinite(p: Normal, q: object) -> jax.Array:
    name = next(iter(type(p)._PARAMS), "probs")
    return jnp.full_like(getattr(p, name), math.inf)


_UNIT_OR_MORE = (Beta, ContinuousBernoulli, Pareto, Uniform)
between(Beta, Pareto)(_infinite)
between(ContinuousBernoulli, Pareto)(_infinite)
between(Exponential, *_UNIT_OR_MORE)(_infinite)
between(Gamma, *_UNIT_OR_MORE)(_infinite)
between(Gumbel, *_UNIT_OR_MORE, Exponential, Gamma)(_infinite)
between(Laplace, *_UNIT_OR_MORE, Exponential, Gamma)(_infinite)
between(Normal, *_UNIT_OR_MORE, Exponential, Gamma)(_infinite)
between(Pareto, Beta, ContinuousBernoulli, Uniform)(_infinite)
between(Poisson, Bernoulli, Binomial)(_infinite)


# -- means under p ----------------------------------------------------------------------------------


def _mean_log(p: object) -> jax.Array:
    match p:
        case Beta():
            return digamma(p.concentration1) - digamma(p.concentration1 + p.concentration0)
        case Gamma():
            return digamma(p.concentration) - jnp.log(p.rate)
        case Exponential():
            return -euler_constant - jnp.log(p.rate)
        case Pareto():
            return jnp.log(p.scale) + 1 / p.alpha
        case Uniform():
            return _mean_log_between(p.low, p.high)
    raise AssertionError(p)


def _mean_log_between(low: jax.Array, high: jax.Array) -> jax.Array:
    return (xlogy(high, high) - xlogy(low, low)) / (high - low) - 1


def _mean_exp(p: object, t: jax.Array) -> jax.Array:
    """E[exp(-t X)]."""
    match p:
        case Exponential():
            return p.rate / (p.rate + t)
        case Gamma():
            return (1 + t / p.rate) ** -p.concentration
        case Normal():
            return jnp.exp(-t * p.loc + 0.5 * (t * p.scale) ** 2)
        case Uniform():
            return (jnp.exp(-t * p.low) - jnp.exp(-t * p.high)) / (t * (p.high - p.low))
    raise AssertionError(p)


# -- by q -------------------------------------------------------------------------------------------


def _to_exponential(p: Beta, q: Exponential) -> jax.Array:
    return -p.entropy() - jnp.log(q.rate) + q.rate * p.mean


def _to_gamma(p: Beta, q: Gamma) -> jax.Array:
    a = q.concentration
    return -p.entropy() + gammaln(a) - a * jnp.log(q.rate) - (a - 1) * _mean_log(p) + q.rate * p.mean


def _to_normal(p: Beta, q: Normal) -> jax.Array:
    spread = (p.variance + (p.mean - q.loc) ** 2) / (2 * q.scale**2)
    return -p.entropy() + 0.5 * math.log(2 * math.pi) + jnp.log(q.scale) + spread


def _to_gumbel(p: Exponential, q: Gumbel) -> jax.Array:
    shift = (p.mean - q.loc) / q.scale
    return -p.entropy() + jnp.log(q.scale) + shift + jnp.exp(q.loc / q.scale) * _mean_exp(p, 1 / q.scale)


def _to_continuous_bernoulli(p: Beta, q: ContinuousBernoulli) -> jax.Array:
    return -p.entropy() - p.mean * q.logits - jnp.log1p(-q.probs) - q._log_norm()


between(Beta, Exponential)(_to_exponential)
between(ContinuousBernoulli, Exponential)(_to_exponential)
between(Gamma, Exponential)(_to_exponential)
between(Pareto, Exponential)(_to_exponential)
between(Beta, Gamma)(_to_gamma)
between(Exponential, Gamma)(_to_gamma)
between(Pareto, Gamma)(_to_gamma)
for _kind in (Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Pareto, Uniform):
    between(_kind, Normal)(_to_normal)
for _kind in (Exponential, Gamma, Normal, Uniform):
    between(_kind, Gumbel)(_to_gumbel)
between(Beta, ContinuousBernoulli)(_to_continuous_bernoulli)


@between(Normal, Laplace)
def _normal_to_laplace(p: Normal, q: Laplace) -> jax.Array:
    distance = p.loc - q.loc
    z = distance / p.scale
    mean_abs = math.sqrt(2 / math.pi) * p.scale * jnp.exp(-0.5 * z**2) + distance * erf(math.sqrt(0.5) * z)
    return -p.entropy() + jnp.log(2 * q.scale) + mean_abs / q.scale


@between(Bernoulli, Poisson)
def _bernoulli_to_poisson(p: Bernoulli, q: Poisson) -> jax.Array:
    return -p.entropy() - (p.probs * jnp.log(q.rate) - q.rate)


@between(Beta, Uniform)
def _beta_to_uniform(p: Beta, q: Uniform) -> jax.Array:
    result = -p.entropy() + jnp.log(q.high - q.low)
    return jnp.where((q.low > 0) | (q.high < 1), math.inf, result)


# PyTorch's conditions between the next two, which are stricter than they need be at the ends.
@between(ContinuousBernoulli, Uniform)
def _continuous_bernoulli_to_uniform(p: ContinuousBernoulli, q: Uniform) -> jax.Array:
    result = -p.entropy() + jnp.log(q.high - q.low)
    return jnp.where((q.low >= 0) | (q.high <= 1), math.inf, result)


@between(Uniform, ContinuousBernoulli)
def _uniform_to_continuous_bernoulli(p: Uniform, q: ContinuousBernoulli) -> jax.Array:
    result = -p.entropy() - p.mean * q.logits - jnp.log1p(-q.probs) - q._log_norm()
    return jnp.where((p.high >= 1) | (p.low <= 0), math.inf, result)


@between(Uniform, Beta)
def _uniform_to_beta(p: Uniform, q: Beta) -> jax.Array:
    a, b = q.concentration1, q.concentration0
    norm = gammaln(a) + gammaln(b) - gammaln(a + b)
    means = (a - 1) * _mean_log(p) + (b - 1) * _mean_log_between(1 - p.high, 1 - p.low)
    return jnp.where((p.high > 1) | (p.low < 0), math.inf, -p.entropy() + norm - means)


@between(Uniform, Exponential)
def _uniform_to_exponential(p: Uniform, q: Exponential) -> jax.Array:
    return jnp.where(p.low < 0, math.inf, -p.entropy() - jnp.log(q.rate) + q.rate * p.mean)


@between(Uniform, Gamma)
def _uniform_to_gamma(p: Uniform, q: Gamma) -> jax.Array:
    a = q.concentration
    result = -p.entropy() + gammaln(a) - a * jnp.log(q.rate) - (a - 1) * _mean_log(p) + q.rate * p.mean
    return jnp.where(p.low < 0, math.inf, result)


@between(Uniform, Pareto)
def _uniform_to_pareto(p: Uniform, q: Pareto) -> jax.Array:
    result = -p.entropy() - jnp.log(q.alpha) - q.alpha * jnp.log(q.scale) + (q.alpha + 1) * _mean_log(p)
    return jnp.where(p.low < q.scale, math.inf, result)
