"""torch.distributions on JAX: distributions, transforms, constraints and divergences.

Samples come from the ambient source, as those of ``fnn.randn``: eagerly PyTorch's numbers from the global generator,
inside `fnn.jit` the program's key.
"""

from fnn.distributions import _kl_of_others as _kl_of_others
from fnn.distributions import _kl_of_own as _kl_of_own
from fnn.distributions import constraint_registry as constraint_registry
from fnn.distributions import constraints as constraints
from fnn.distributions import kl as kl
from fnn.distributions import transforms as transforms
from fnn.distributions import utils as utils
from fnn.distributions.bernoulli import Bernoulli
from fnn.distributions.beta import Beta
from fnn.distributions.binomial import Binomial
from fnn.distributions.categorical import Categorical
from fnn.distributions.cauchy import Cauchy
from fnn.distributions.chi2 import Chi2
from fnn.distributions.constraint_registry import biject_to, transform_to
from fnn.distributions.continuous_bernoulli import ContinuousBernoulli
from fnn.distributions.dirichlet import Dirichlet
from fnn.distributions.distribution import Distribution
from fnn.distributions.exp_family import ExponentialFamily
from fnn.distributions.exponential import Exponential
from fnn.distributions.fishersnedecor import FisherSnedecor
from fnn.distributions.gamma import Gamma
from fnn.distributions.generalized_pareto import GeneralizedPareto
from fnn.distributions.geometric import Geometric
from fnn.distributions.gumbel import Gumbel
from fnn.distributions.half_cauchy import HalfCauchy
from fnn.distributions.half_normal import HalfNormal
from fnn.distributions.independent import Independent
from fnn.distributions.inverse_gamma import InverseGamma
from fnn.distributions.kl import kl_divergence, register_kl
from fnn.distributions.kumaraswamy import Kumaraswamy
from fnn.distributions.laplace import Laplace
from fnn.distributions.lkj_cholesky import LKJCholesky
from fnn.distributions.log_normal import LogNormal
from fnn.distributions.logistic_normal import LogisticNormal
from fnn.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal
from fnn.distributions.mixture_same_family import MixtureSameFamily
from fnn.distributions.multinomial import Multinomial
from fnn.distributions.multivariate_normal import MultivariateNormal
from fnn.distributions.negative_binomial import NegativeBinomial
from fnn.distributions.normal import Normal
from fnn.distributions.one_hot_categorical import OneHotCategorical, OneHotCategoricalStraightThrough
from fnn.distributions.pareto import Pareto
from fnn.distributions.poisson import Poisson
from fnn.distributions.relaxed_bernoulli import RelaxedBernoulli
from fnn.distributions.relaxed_categorical import RelaxedOneHotCategorical
from fnn.distributions.studentT import StudentT
from fnn.distributions.transformed_distribution import TransformedDistribution
from fnn.distributions.transforms import (
    AbsTransform,
    AffineTransform,
    CatTransform,
    ComposeTransform,
    CorrCholeskyTransform,
    CumulativeDistributionTransform,
    ExpTransform,
    IndependentTransform,
    LowerCholeskyTransform,
    PositiveDefiniteTransform,
    PowerTransform,
    ReshapeTransform,
    SigmoidTransform,
    SoftmaxTransform,
    SoftplusTransform,
    StackTransform,
    StickBreakingTransform,
    TanhTransform,
    Transform,
    identity_transform,
)
from fnn.distributions.uniform import Uniform
from fnn.distributions.von_mises import VonMises
from fnn.distributions.weibull import Weibull
from fnn.distributions.wishart import Wishart

__all__ = [
    "Bernoulli",
    "Beta",
    "Binomial",
    "Categorical",
    "Cauchy",
    "Chi2",
    "ContinuousBernoulli",
    "Dirichlet",
    "Distribution",
    "Exponential",
    "ExponentialFamily",
    "FisherSnedecor",
    "Gamma",
    "GeneralizedPareto",
    "Geometric",
    "Gumbel",
    "HalfCauchy",
    "HalfNormal",
    "Independent",
    "InverseGamma",
    "Kumaraswamy",
    "LKJCholesky",
    "Laplace",
    "LogNormal",
    "LogisticNormal",
    "LowRankMultivariateNormal",
    "MixtureSameFamily",
    "Multinomial",
    "MultivariateNormal",
    "NegativeBinomial",
    "Normal",
    "OneHotCategorical",
    "OneHotCategoricalStraightThrough",
    "Pareto",
    "RelaxedBernoulli",
    "RelaxedOneHotCategorical",
    "StudentT",
    "Poisson",
    "Uniform",
    "VonMises",
    "Weibull",
    "Wishart",
    "TransformedDistribution",
    "biject_to",
    "kl_divergence",
    "register_kl",
    "transform_to",
    "AbsTransform",
    "AffineTransform",
    "CatTransform",
    "ComposeTransform",
    "CorrCholeskyTransform",
    "CumulativeDistributionTransform",
    "ExpTransform",
    "IndependentTransform",
    "LowerCholeskyTransform",
    "PositiveDefiniteTransform",
    "PowerTransform",
    "ReshapeTransform",
    "SigmoidTransform",
    "SoftplusTransform",
    "TanhTransform",
    "SoftmaxTransform",
    "StackTransform",
    "StickBreakingTransform",
    "Transform",
    "identity_transform",
]
