"""One table of all distributions, each made of arrays by ``make(d, a)``: ``d`` is the module, ``a`` makes an array.

Both frameworks go through the same function, so that a case stands here once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Make = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Case:
    name: str
    make: Make
    ungraded: tuple[str, ...] = ()  # methods that torch has no gradient of
    lower: bool = False  # of a factor: what stands above its diagonal has a gradient that means nothing
    atol: float = 2e-6  # of samples

    def __repr__(self) -> str:
        return self.name


CASES: list[Case] = []


def case(name: str, *makes: Make, **how: Any) -> None:
    CASES.extend(Case(name, make, **how) for make in makes)


TRIL = [[1.0, 0.0], [0.5, 2.0]]
SPD = [[2.0, 0.5], [0.5, 1.0]]

case(
    "Normal",
    lambda d, a: d.Normal(a([0.5, -1.0]), a([1.0, 2.0])),
    lambda d, a: d.Normal(a([[0.5], [1.0]]), a([1.0, 2.0, 3.0])),
    lambda d, a: d.Normal(0, 2.0),
)
case("LogNormal", lambda d, a: d.LogNormal(a([0.5, -1.0]), a([0.5, 1.0])))
case("HalfNormal", lambda d, a: d.HalfNormal(a([0.5, 2.0])))
case("Cauchy", lambda d, a: d.Cauchy(a([0.5, -1.0]), a([1.0, 2.0])))
case("HalfCauchy", lambda d, a: d.HalfCauchy(a([0.5, 2.0])))
case("StudentT", lambda d, a: d.StudentT(a([0.5, 1.5, 5.0]), a([0.5, -1.0, 0.0]), a(2.0)))
case("Laplace", lambda d, a: d.Laplace(a([0.5, -1.0]), a([1.0, 2.0])))
case("Gumbel", lambda d, a: d.Gumbel(a([0.5, -1.0]), a([1.0, 2.0])))
case("Weibull", lambda d, a: d.Weibull(a([0.5, 1.5]), a([1.5, 2.0])))
case("Pareto", lambda d, a: d.Pareto(a([0.5, 1.5]), a([1.5, 3.0])))
case("GeneralizedPareto", lambda d, a: d.GeneralizedPareto(a([0.5, 0.0, 1.0]), a([1.0, 2.0, 1.0]), a([0.3, 0.0, -0.5])))
case("Exponential", lambda d, a: d.Exponential(a([0.5, 2.0])), lambda d, a: d.Exponential(3.0))
case("Gamma", lambda d, a: d.Gamma(a([0.5, 1.0, 3.0]), a([1.0, 2.0, 0.5])), ungraded=("cdf",))
case("Chi2", lambda d, a: d.Chi2(a([1.0, 3.0])), ungraded=("cdf",))
case("InverseGamma", lambda d, a: d.InverseGamma(a([0.7, 1.5, 3.0]), a([1.0, 2.0, 0.5])), ungraded=("cdf",))
case("FisherSnedecor", lambda d, a: d.FisherSnedecor(a([1.0, 3.0, 5.0]), a([1.5, 3.0, 6.0])))
case("Beta", lambda d, a: d.Beta(a([0.5, 2.0, 3.0]), a([1.5, 2.0, 1.0])))
case("Kumaraswamy", lambda d, a: d.Kumaraswamy(a([0.5, 2.0]), a([1.5, 3.0])))
case("Dirichlet", lambda d, a: d.Dirichlet(a([[0.5, 2.0, 3.0], [0.3, 0.4, 0.5]])))
case("Uniform", lambda d, a: d.Uniform(a([0.5, -1.0]), a([1.0, 2.0])))
case("VonMises", lambda d, a: d.VonMises(a([0.5, -1.0]), a([1.0, 6.0])))
case(
    "Bernoulli",
    lambda d, a: d.Bernoulli(a([0.3, 0.5, 0.9])),
    lambda d, a: d.Bernoulli(logits=a([[0.3], [-2.0]])),
    lambda d, a: d.Bernoulli(0.3),
)
case(
    "ContinuousBernoulli",
    lambda d, a: d.ContinuousBernoulli(a([0.3, 0.5, 0.9])),
    lambda d, a: d.ContinuousBernoulli(logits=a([0.3, -2.0])),
)
case("Geometric", lambda d, a: d.Geometric(a([0.3, 0.9])), lambda d, a: d.Geometric(logits=a([0.3, -1.0])))
case("Binomial", lambda d, a: d.Binomial(10, a([0.3, 0.9])), lambda d, a: d.Binomial(50, logits=a([0.3, -1.0])))
case(
    "NegativeBinomial",
    lambda d, a: d.NegativeBinomial(a([2.0, 5.0]), a([0.3, 0.6])),
    lambda d, a: d.NegativeBinomial(3, logits=a([0.3, -1.0])),
)
case("Poisson", lambda d, a: d.Poisson(a([0.3, 4.0, 30.0])))
case(
    "Categorical",
    lambda d, a: d.Categorical(a([0.3, 0.2, 0.9])),
    lambda d, a: d.Categorical(logits=a([[0.3, -1.0, 0.0], [1.0, 2.0, 3.0]])),
)
case("OneHotCategorical", lambda d, a: d.OneHotCategorical(a([[0.3, 0.2, 0.9], [0.1, 0.1, 0.2]])))
case("OneHotCategoricalStraightThrough", lambda d, a: d.OneHotCategoricalStraightThrough(a([0.3, 0.2, 0.9])))
case(
    "Multinomial",
    lambda d, a: d.Multinomial(5, a([0.3, 0.2, 0.9])),
    lambda d, a: d.Multinomial(3, logits=a([[0.3, -1.0], [1.0, 2.0]])),
)
case(
    "RelaxedBernoulli",
    lambda d, a: d.RelaxedBernoulli(a(0.7), a([0.3, 0.8])),
    lambda d, a: d.RelaxedBernoulli(a([0.7]), logits=a([0.3, -1.0])),
)
case("LogitRelaxedBernoulli", lambda d, a: d.relaxed_bernoulli.LogitRelaxedBernoulli(a(0.7), a([0.3, 0.8])))
case("RelaxedOneHotCategorical", lambda d, a: d.RelaxedOneHotCategorical(a(0.7), a([[0.3, 0.2, 0.9], [0.1, 0.1, 0.2]])))
case(
    "ExpRelaxedCategorical", lambda d, a: d.relaxed_categorical.ExpRelaxedCategorical(a(0.7), logits=a([0.3, 0.2, 0.9]))
)
case(
    "MultivariateNormal",
    lambda d, a: d.MultivariateNormal(a([0.5, -1.0]), a(SPD)),
    lambda d, a: d.MultivariateNormal(a([[0.5, -1.0], [0.0, 1.0]]), precision_matrix=a(SPD)),
)
case("MultivariateNormal", lambda d, a: d.MultivariateNormal(a([0.5, -1.0]), scale_tril=a([TRIL, TRIL])), lower=True)
case(
    "LowRankMultivariateNormal",
    lambda d, a: d.LowRankMultivariateNormal(
        a([[0.5, -1.0, 0.0], [1.0, 0.0, 1.0]]), a([[1.0], [0.5], [2.0]]), a([1.0, 2.0, 0.5])
    ),
)
case("Wishart", lambda d, a: d.Wishart(a([3.5, 5.0]), a(SPD)), lambda d, a: d.Wishart(4.0, precision_matrix=a(SPD)))
case("Wishart", lambda d, a: d.Wishart(a(4.0), scale_tril=a(TRIL)), lower=True)
case("LKJCholesky", lambda d, a: d.LKJCholesky(3, a([0.5, 2.0])), atol=2e-5)
case("LogisticNormal", lambda d, a: d.LogisticNormal(a([[0.5, -1.0], [0.0, 1.0]]), a([0.5, 1.0])))
case("Independent", lambda d, a: d.Independent(d.Normal(a([[0.5, -1.0], [0.0, 1.0]]), a([1.0, 2.0])), 1))
case(
    "MixtureSameFamily",
    lambda d, a: d.MixtureSameFamily(d.Categorical(a([0.3, 0.7])), d.Normal(a([-1.0, 1.0]), a([1.0, 0.5]))),
    lambda d, a: d.MixtureSameFamily(
        d.Categorical(a([[0.3, 0.7], [0.5, 0.5]])),
        d.Independent(d.Normal(a([[[-1.0, 1.0, 0.0], [0.0, 2.0, 1.0]]]), a([1.0])).expand((2, 2, 3)), 1),
    ),
)
case(
    "TransformedDistribution",
    lambda d, a: d.TransformedDistribution(
        d.Normal(a([0.5, -1.0]), a([1.0, 2.0])), [d.AffineTransform(a(1.0), a([2.0, -1.0])), d.SigmoidTransform()]
    ),
    lambda d, a: d.TransformedDistribution(
        d.Uniform(a([0.0, 0.1]), a([1.0, 0.9])), [d.SigmoidTransform().inv, d.TanhTransform()]
    ),
)

# In torch, not distributions that a table could hold.
BASES = {"Distribution", "ExponentialFamily"}
