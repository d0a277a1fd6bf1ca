"""Divergences against torch, for every pair of classes that torch has a formula for."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import distributions as ours
from tests.distributions.both import arrays, build, close, rebuild, theirs
from tests.distributions.table import CASES, Case
from tests.extent import some
from tests.reference import torch

PAIRS = sorted(theirs.kl._KL_REGISTRY, key=lambda pair: tuple(c.__name__ for c in pair))
FIRST = {c.name: c for c in reversed(CASES)}
# Of two elements, so that any two of them go together, inside and outside of each other's supports.
UNIVARIATE = {
    c.name: c
    for c in (
        Case("Normal", lambda d, a: d.Normal(a([0.5, -1.0]), a([1.0, 2.0]))),
        Case("Laplace", lambda d, a: d.Laplace(a([0.5, -1.0]), a([1.0, 2.0]))),
        Case("Gumbel", lambda d, a: d.Gumbel(a([0.5, -1.0]), a([1.0, 2.0]))),
        Case("Cauchy", lambda d, a: d.Cauchy(a([0.5, -1.0]), a([1.0, 2.0]))),
        Case("HalfNormal", lambda d, a: d.HalfNormal(a([0.5, 1.0]))),
        Case("Exponential", lambda d, a: d.Exponential(a([0.5, 2.0]))),
        Case("Gamma", lambda d, a: d.Gamma(a([0.5, 2.0]), a([1.0, 2.0]))),
        Case("Beta", lambda d, a: d.Beta(a([0.5, 2.0]), a([1.5, 3.0]))),
        Case("Uniform", lambda d, a: d.Uniform(a([0.2, -1.0]), a([0.8, 2.0]))),
        Case("Pareto", lambda d, a: d.Pareto(a([0.1, 1.5]), a([2.5, 0.9]))),
        Case("ContinuousBernoulli", lambda d, a: d.ContinuousBernoulli(a([0.3, 0.5]))),
        Case("Bernoulli", lambda d, a: d.Bernoulli(a([0.3, 0.9]))),
        Case("Binomial", lambda d, a: d.Binomial(10, a([0.3, 0.9]))),
        Case("Poisson", lambda d, a: d.Poisson(a([0.3, 4.0]))),
        Case("Geometric", lambda d, a: d.Geometric(a([0.3, 0.9]))),
    )
}
SECOND = {
    "Normal": lambda d, a: d.Normal(a([0.1, 1.0]), a([2.0, 0.5])),
    "Uniform": lambda d, a: d.Uniform(a([-0.5, 0.0]), a([1.5, 3.0])),
    "Pareto": lambda d, a: d.Pareto(a([0.05, 2.5]), a([1.0, 2.0])),
    "Beta": lambda d, a: d.Beta(a([1.5, 0.7]), a([2.5, 1.0])),
    "Gamma": lambda d, a: d.Gamma(a([1.5, 0.7]), a([2.5, 1.0])),
    "Exponential": lambda d, a: d.Exponential(a([1.5, 0.7])),
    "Bernoulli": lambda d, a: d.Bernoulli(a([0.6, 0.2])),
    "Categorical": lambda d, a: d.Categorical(a([0.1, 0.8, 0.1])),
    "Binomial": lambda d, a: d.Binomial(10, a([0.5, 0.6])),
    "Dirichlet": lambda d, a: d.Dirichlet(a([1.0, 2.0, 0.5])),
    "MultivariateNormal": lambda d, a: d.MultivariateNormal(a([1.0, 0.0]), a([[1.0, 0.2], [0.2, 3.0]])),
    "LowRankMultivariateNormal": lambda d, a: d.LowRankMultivariateNormal(
        a([1.0, 0.0, 0.5]), a([[0.3], [1.0], [0.5]]), a([0.5, 1.0, 1.5])
    ),
}
FULL3 = lambda d, a: d.MultivariateNormal(  # noqa: E731
    a([1.0, 0.0, 0.5]), a([[2.0, 0.2, 0.0], [0.2, 3.0, 0.1], [0.0, 0.1, 1.0]])
)


def pair_of(p, q):
    names = p.__name__, q.__name__
    if set(names) == {"MultivariateNormal", "LowRankMultivariateNormal"}:
        return tuple(Case(n, FULL3 if n == "MultivariateNormal" else FIRST[n].make) for n in names)
    if "ExponentialFamily" in names:
        return (FIRST["Wishart"],) * 2
    if "TransformedDistribution" in names:
        name = "TransformedDistribution"
        return FIRST[name], Case(
            name,
            lambda d, a: d.TransformedDistribution(
                d.Normal(a([0.1, 2.0]), a([1.5, 1.0])),
                [d.AffineTransform(a(1.0), a([2.0, -1.0])), d.SigmoidTransform()],
            ),
        )
    first = UNIVARIATE.get(names[0], FIRST[names[0]])
    second = UNIVARIATE.get(names[1], FIRST[names[1]])
    return first, Case(names[1], SECOND.get(names[1], second.make))


def test_every_pair_is_registered():
    mine = {(p.__name__, q.__name__) for p, q in ours.kl._formulas if p.__module__.startswith("fnn.")}
    assert mine == {(p.__name__, q.__name__) for p, q in PAIRS}


@pytest.mark.parametrize("pair", some(PAIRS, 30), ids=lambda pair: "-".join(c.__name__ for c in pair))
def test_values(pair):
    p, q = pair_of(*pair)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        want = theirs.kl_divergence(build(p)[0], build(q)[0])
        found = ours.kl_divergence(rebuild(p, arrays(p)), rebuild(q, arrays(q)))
    close(found, want, repr(pair), rtol=1e-3, atol=1e-4)


# torch cannot give the gradients of these: it cuts the natural parameters off (between equal Wishart distributions the
# gradient is 0, and torch's is not); transforms of traced arrays are not known to be equal; a total count has none.
UNGRADED = ("ExponentialFamily", "TransformedDistribution", "Binomial")


@pytest.mark.parametrize(
    "pair",
    some([p for p in PAIRS if p[0] is p[1] and p[0].__name__ not in UNGRADED], 6),
    ids=lambda pair: pair[0].__name__,
)
def test_gradients(pair):
    p, q = pair_of(*pair)
    (first, ps), (second, qs) = build(p, grad=True), build(q, grad=True)
    want = theirs.kl_divergence(first, second)
    weights = np.random.default_rng(0).standard_normal(want.shape).astype(np.float32)
    other = torch.autograd.grad((want * torch.from_numpy(weights)).sum(), ps + qs, allow_unused=True)
    both = lambda ps, qs: (ours.kl_divergence(rebuild(p, ps), rebuild(q, qs)) * weights).sum()  # noqa: E731
    mine = jax.jit(jax.grad(both, (0, 1)))(arrays(p), arrays(q))
    for n, (a, b) in enumerate(zip(jax.tree.leaves(mine), other, strict=True)):
        if b is not None:
            close(a, b, f"{pair}: gradient {n}", rtol=2e-3, atol=1e-3)


def test_dispatch():
    class Mine(ours.Normal):
        pass

    class Other(ours.Normal):
        pass

    plain = ours.kl_divergence(Mine(0.0, 1.0), ours.Normal(1.0, 1.0))
    assert float(plain) == 0.5
    ours.register_kl(Mine, ours.Normal)(lambda p, q: jnp.ones(()))
    ours.register_kl(ours.Normal, Other)(lambda p, q: jnp.zeros(()))
    try:
        with pytest.warns(RuntimeWarning, match=r"Ambiguous kl_divergence\(Mine, Other\). Please register_kl"):
            assert float(ours.kl_divergence(Mine(0.0, 1.0), Other(1.0, 1.0))) == 1
    finally:
        for pair in ((Mine, ours.Normal), (ours.Normal, Other)):
            del ours.kl._formulas[pair]
        ours.kl._found.clear()
    with pytest.raises(NotImplementedError, match="No KL\\(p \\|\\| q\\) is implemented for p type Normal"):
        ours.kl_divergence(ours.Normal(0.0, 1.0), ours.StudentT(1.0))
    with pytest.raises(TypeError, match="Expected type_p to be a Distribution subclass"):
        ours.register_kl(int, ours.Normal)
    with pytest.raises(NotImplementedError, match="cross KL-divergence"):
        ours.kl_divergence(ours.Dirichlet(jnp.ones(3)), ours.Wishart(3.0, jnp.eye(2)))


def test_batches_of_different_shapes():
    p, q = ours.Normal(jnp.zeros((2, 3)), 1.0), ours.Normal(jnp.zeros(3), 1.0)
    assert ours.kl_divergence(p, q).shape == (2, 3)
