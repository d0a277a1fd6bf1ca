"""Divergences between distributions of one class, or of one family."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax.scipy.special import digamma, gammaln

from fnn.distributions import _linalg
from fnn.distributions._logits import OfCategories
from fnn.distributions.bernoulli import Bernoulli
from fnn.distributions.beta import Beta
from fnn.distributions.binomial import Binomial
from fnn.distributions.categorical import Categorical
from fnn.distributions.cauchy import Cauchy
from fnn.distributions.continuous_bernoulli import ContinuousBernoulli
from fnn.distributions.dirichlet import Dirichlet
from fnn.distributions.exp_family import ExponentialFamily, with_gradients
from fnn.distributions.exponential import Exponential
from fnn.distributions.gamma import Gamma
from fnn.distributions.geometric import Geometric
from fnn.distributions.gumbel import Gumbel
from fnn.distributions.half_normal import HalfNormal
from fnn.distributions.independent import Independent
from fnn.distributions.kl import between, kl_divergence, register_kl
from fnn.distributions.laplace import Laplace
from fnn.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal
from fnn.distributions.multivariate_normal import MultivariateNormal
from fnn.distributions.normal import Normal
from fnn.distributions.one_hot_categorical import OneHotCategorical
from fnn.distributions.pareto import Pareto
from fnn.distributions.poisson import Poisson
from fnn.distributions.transformed_distribution import TransformedDistribution
from fnn.distributions.uniform import Uniform
from fnn.distributions.utils import aligned, column, embedded, euler_constant, sum_rightmost
from fnn.errors import ArgumentError
from fnn.tracing import concrete

# -- discrete ---------------------------------------------------------------------------------------


@between(Bernoulli, Bernoulli)
def _bernoulli(p: Bernoulli, q: Bernoulli) -> jax.Array:
    softplus = jax.nn.softplus
    of_one = jnp.where(q.probs == 0, math.inf, p.probs * (softplus(-q.logits) - softplus(-p.logits)))
    of_zero = jnp.where(q.probs == 1, math.inf, (1 - p.probs) * (softplus(q.logits) - softplus(p.logits)))
    return jnp.where(p.probs == 0, 0.0, of_one) + jnp.where(p.probs == 1, 0.0, of_zero)


@between(Binomial, Binomial)
def _binomial(p: Binomial, q: Binomial) -> jax.Array:
    fewer = concrete(p.total_count < q.total_count)
    if fewer is not None and fewer.any():
        raise NotImplementedError("KL between Binomials where q.total_count > p.total_count is not implemented")
    each = p.probs * (p.logits - q.logits) + jnp.log1p(-p.probs) - jnp.log1p(-q.probs)
    return jnp.where(p.total_count > q.total_count, math.inf, p.total_count * each)


@between(Categorical, Categorical)
@between(OneHotCategorical, OneHotCategorical)
def _categorical(p: OfCategories, q: OfCategories) -> jax.Array:
    terms = jnp.where(q.probs == 0, math.inf, p.probs * (p.logits - q.logits))
    return jnp.where(p.probs == 0, 0.0, terms).sum(-1)


@between(Geometric, Geometric)
def _geometric(p: Geometric, q: Geometric) -> jax.Array:
    return -p.entropy() - jnp.log1p(-q.probs) / p.probs - q.logits


@between(Poisson, Poisson)
def _poisson(p: Poisson, q: Poisson) -> jax.Array:
    return p.rate * (jnp.log(p.rate) - jnp.log(q.rate)) - (p.rate - q.rate)


# -- of numbers -------------------------------------------------------------------------------------


@between(Normal, Normal)
def _normal(p: Normal, q: Normal) -> jax.Array:
    ratio = (p.scale / q.scale) ** 2
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale) ** 2 - 1 - jnp.log(ratio))


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p: HalfNormal, q: HalfNormal) -> jax.Array:
    return kl_divergence(p.base_dist, q.base_dist)


@between(Laplace, Laplace)
def _laplace(p: Laplace, q: Laplace) -> jax.Array:
    ratio, distance = p.scale / q.scale, abs(p.loc - q.loc)
    return -jnp.log(ratio) + distance / q.scale + ratio * jnp.exp(-distance / p.scale) - 1


@between(Cauchy, Cauchy)
def _cauchy(p: Cauchy, q: Cauchy) -> jax.Array:
    return jnp.log((p.scale + q.scale) ** 2 + (p.loc - q.loc) ** 2) - jnp.log(4 * p.scale * q.scale)


@between(Gumbel, Gumbel)
def _gumbel(p: Gumbel, q: Gumbel) -> jax.Array:
    ratio, shift = p.scale / q.scale, (p.loc - q.loc) / q.scale
    return -jnp.log(ratio) + shift + ratio * euler_constant + jnp.exp(gammaln(1 + ratio) - shift) - 1 - euler_constant


@between(Exponential, Exponential)
def _exponential(p: Exponential, q: Exponential) -> jax.Array:
    ratio = q.rate / p.rate
    return -jnp.log(ratio) + ratio - 1


@between(Gamma, Gamma)
def _gamma(p: Gamma, q: Gamma) -> jax.Array:
    a, b = p.concentration, q.concentration
    of_shape = gammaln(b) - gammaln(a) + (a - b) * digamma(a)
    return b * jnp.log(p.rate / q.rate) + of_shape + (q.rate - p.rate) * (a / p.rate)


@between(Beta, Beta)
def _beta(p: Beta, q: Beta) -> jax.Array:
    return _of_concentrations(
        jnp.stack([p.concentration1, p.concentration0], -1), jnp.stack([q.concentration1, q.concentration0], -1)
    )


@between(Dirichlet, Dirichlet)
def _dirichlet(p: Dirichlet, q: Dirichlet) -> jax.Array:
    return _of_concentrations(p.concentration, q.concentration)


def _of_concentrations(a: jax.Array, b: jax.Array) -> jax.Array:
    of_sums = gammaln(a.sum(-1)) - gammaln(b.sum(-1))
    means = digamma(a) - digamma(a.sum(-1, keepdims=True))
    return of_sums + (gammaln(b) - gammaln(a) + (a - b) * means).sum(-1)


@between(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli(p: ContinuousBernoulli, q: ContinuousBernoulli) -> jax.Array:
    of_p, of_q = (d._log_norm() + jnp.log1p(-d.probs) for d in (p, q))
    return p.mean * (p.logits - q.logits) + of_p - of_q


@between(Pareto, Pareto)
def _pareto(p: Pareto, q: Pareto) -> jax.Array:
    ratio = q.alpha / p.alpha
    result = q.alpha * jnp.log(p.scale / q.scale) - jnp.log(ratio) + ratio - 1
    return jnp.where(p.scale < q.scale, math.inf, result)


@between(Uniform, Uniform)
def _uniform(p: Uniform, q: Uniform) -> jax.Array:
    result = jnp.log((q.high - q.low) / (p.high - p.low))
    return jnp.where((q.low > p.low) | (q.high < p.high), math.inf, result)


# -- of vectors -------------------------------------------------------------------------------------


def _same_event(p: MultivariateNormal | LowRankMultivariateNormal, q: object) -> int:
    other = getattr(q, "event_shape", None)
    if p.event_shape != other:
        raise ArgumentError(
            "KL-divergence between two (Low Rank) Multivariate Normals with different event shapes cannot be "
            f"computed, got {p.event_shape} and {other}"
        )
    return p.event_shape[0]


@between(MultivariateNormal, MultivariateNormal)
def _multivariate_normal(p: MultivariateNormal, q: MultivariateNormal) -> jax.Array:
    n = _same_event(p, q)
    log_det = _linalg.log_diagonal(q._factor) - _linalg.log_diagonal(p._factor)
    trace = _linalg.trace_of_square(_linalg.solve(q._factor, p._factor))
    return log_det + 0.5 * (trace + _linalg.mahalanobis(q._factor, q.loc - p.loc) - n)


@between(LowRankMultivariateNormal, MultivariateNormal)
def _lowrank_to_full(p: LowRankMultivariateNormal, q: MultivariateNormal) -> jax.Array:
    n = _same_event(p, q)
    log_det = 2 * _linalg.log_diagonal(q._factor) - p._log_det()
    parts = p.cov_factor, embedded(jnp.sqrt(p.cov_diag))
    trace = sum(_linalg.trace_of_square(_linalg.solve(q._factor, part)) for part in parts)
    return 0.5 * (log_det + trace + _linalg.mahalanobis(q._factor, q.loc - p.loc) - n)


@between(MultivariateNormal, LowRankMultivariateNormal)
def _full_to_lowrank(p: MultivariateNormal, q: LowRankMultivariateNormal) -> jax.Array:
    n = _same_event(p, q)
    log_det = q._log_det() - 2 * _linalg.log_diagonal(p._factor)
    return 0.5 * (log_det + _trace_under(q, p._factor) + q._distance(q.loc - p.loc) - n)


@between(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _lowrank(p: LowRankMultivariateNormal, q: LowRankMultivariateNormal) -> jax.Array:
    n = _same_event(p, q)
    trace = _trace_under(q, p.cov_factor) + _trace_under(q, embedded(jnp.sqrt(p.cov_diag)))
    return 0.5 * (q._log_det() - p._log_det() + trace + q._distance(q.loc - p.loc) - n)


def _trace_under(q: LowRankMultivariateNormal, x: jax.Array) -> jax.Array:
    """trace(covariance^-1 x x^T), by Woodbury's formula."""
    of_diag = _linalg.trace_of_square(x / column(jnp.sqrt(q.cov_diag)))
    return of_diag - _linalg.trace_of_square(_linalg.solve(q._capacitance, q._over_diag @ x))


# -- of families ------------------------------------------------------------------------------------


@register_kl(ExponentialFamily, ExponentialFamily)
def _exponential_family(p: ExponentialFamily, q: ExponentialFamily) -> jax.Array:
    if type(p) is not type(q):
        raise NotImplementedError(
            "The cross KL-divergence between different exponential families cannot be computed using Bregman "
            "divergences"
        )
    natural = p._natural_params
    of_p, gradients = with_gradients(p, natural)
    of_q, result = aligned(q._log_normalizer(*q._natural_params), of_p)
    result = of_q - result
    for a, b, g in zip(natural, q._natural_params, gradients, strict=True):
        a, b, g = aligned(a, b, g)
        term = sum_rightmost((b - a) * g, a.ndim - result.ndim)
        result = result - term
    return result


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: TransformedDistribution, q: TransformedDistribution) -> jax.Array:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError(
            "KL(p || q) of transformed distributions needs equal transforms and event shapes; transforms of traced "
            f"arrays are equal only if the arrays are the same, got {p.transforms} and {q.transforms}"
        )
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(Independent, Independent)
def _independent(p: Independent, q: Independent) -> jax.Array:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError("KL(p || q) of Independents needs equal reinterpreted_batch_ndims")
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)
