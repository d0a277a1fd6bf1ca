"""Every method of every distribution of the table against torch, values and gradients."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import distributions as ours
from fnn import random
from fnn.distributions import constraints
from tests.distributions.both import arrays, build, close, rebuild, text, theirs
from tests.distributions.table import BASES, CASES
from tests.extent import ALL, some
from tests.reference import to_numpy, torch

PROPERTIES = ("mean", "mode", "variance", "stddev")
UNDIFFERENTIABLE = ("mode", "perplexity")


def of(cases, most):
    return pytest.mark.parametrize("case", some(cases, most), ids=lambda c: c.name)


ONE_EACH = list({c.name: c for c in reversed(CASES)}.values())


def test_the_table_is_complete():
    classes = {
        n
        for n in theirs.__all__
        if isinstance(getattr(theirs, n), type) and issubclass(getattr(theirs, n), theirs.Distribution)
    }
    assert classes - {c.name for c in CASES} == BASES
    assert ours.__all__ == theirs.__all__
    assert set(ours.transforms.__all__) == set(theirs.transforms.__all__)
    assert ours.constraints.__all__ == theirs.constraints.__all__
    for name in ours.constraints.__all__:
        assert hasattr(ours.constraints, name)
    for name in theirs.utils.__all__:
        assert hasattr(ours.utils, name)


def outputs(dist, value, quantile):
    """All that a distribution says, less what it does not implement."""
    found = {}

    def note(name, ask):
        try:
            found[name] = ask()
        except NotImplementedError:
            pass

    for name in PROPERTIES:
        note(name, lambda: getattr(dist, name))  # noqa: B023
    note("entropy", dist.entropy)
    note("log_prob", lambda: dist.log_prob(value))
    note("cdf", lambda: dist.cdf(value))
    note("icdf", lambda: dist.icdf(quantile))
    note("support", lambda: dist.enumerate_support())
    note("support unexpanded", lambda: dist.enumerate_support(expand=False))
    for name in ("covariance_matrix", "precision_matrix", "scale_tril", "probs", "logits"):
        if hasattr(dist, name):
            found[name] = getattr(dist, name)
    return found


@of(CASES, 13)
def test_values_and_gradients(case):
    torch.manual_seed(0)
    dist, parameters = build(case, grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Wishart's, of torch's second draw
        value = dist.sample((2,)).detach()
    if value.is_floating_point():
        value.requires_grad_()
    quantile = torch.rand(2, *dist.batch_shape) * 0.8 + 0.1
    want = outputs(dist, value, quantile)
    ours_value = jnp.asarray(to_numpy(value))
    smooth = [
        k
        for k, v in want.items()
        if v.requires_grad and k not in (*UNDIFFERENTIABLE, *case.ungraded) and v.isfinite().all()
    ]
    rng = np.random.default_rng(0)
    weights = {k: rng.standard_normal(want[k].shape).astype(np.float32) for k in smooth}

    @jax.jit
    def run(parameters, value):
        def total(parameters, value):
            found = outputs(rebuild(case, parameters), value, jnp.asarray(quantile.numpy()))
            return sum((jnp.asarray(weights[k]) * found[k]).sum() for k in smooth), found

        # a sample of a discrete distribution that has a float dtype is differentiated, too, as in torch
        argnums = (0, 1) if jnp.issubdtype(value.dtype, jnp.floating) else (0,)
        grads, found = jax.grad(total, argnums, has_aux=True)(parameters, value)
        return found, jax.tree.leaves(grads)

    found, grads = run(arrays(case), ours_value)
    assert found.keys() == want.keys()
    for name in want:
        close(found[name], want[name], f"{case.name}.{name}", rtol=1e-3, atol=5e-5)
    if not smooth:
        return
    total = sum((torch.from_numpy(weights[k]) * want[k]).sum() for k in smooth)
    inputs = parameters + ([value] if value.requires_grad else [])
    for n, (mine, other) in enumerate(zip(grads, torch.autograd.grad(total, inputs, allow_unused=True), strict=True)):
        if other is not None:
            if case.lower and other.ndim > 1 and n:
                mine, other = jnp.tril(mine), other.tril()
            close(mine, other, f"{case.name}: gradient {n}", rtol=3e-3, atol=1e-3)


@of(CASES[1:], 11)
def test_form(case):
    dist, _ = build(case)
    mine = rebuild(case, arrays(case))
    assert (mine.batch_shape, mine.event_shape) == (tuple(dist.batch_shape), tuple(dist.event_shape))
    assert (mine.has_rsample, mine.has_enumerate_support) == (dist.has_rsample, dist.has_enumerate_support)
    # torch shows no parameters where a class keeps them inside another distribution
    if repr(dist) != f"{case.name}()":
        assert text(repr(mine)) == text(repr(dist))
    assert text(repr(mine.support)) == text(repr(dist.support))
    assert mine.support.is_discrete == dist.support.is_discrete and mine.support.event_dim == dist.support.event_dim
    assert mine.arg_constraints.keys() == dist.arg_constraints.keys()
    assert [type(c).__name__ for c in mine.arg_constraints.values()] == [
        type(c).__name__ for c in dist.arg_constraints.values()
    ]
    shape = (3, *dist.batch_shape)
    larger, theirs_larger = mine.expand(shape), dist.expand(shape)
    assert type(larger) is type(mine) and larger.batch_shape == tuple(theirs_larger.batch_shape)
    assert text(repr(larger)) == text(repr(theirs_larger)) or repr(dist) == f"{case.name}()"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = jnp.asarray(to_numpy(dist.sample()))
    close(larger.log_prob(value), theirs_larger.log_prob(torch.from_numpy(np.array(value))), "expand", 1e-3, 5e-5)
    assert larger.sample((2,)).shape == (2, *shape, *dist.event_shape)


@of(CASES if ALL else ONE_EACH, len(CASES))
@pytest.mark.parametrize("shape", some([(3, 7), ()], 1), ids=str)
def test_samples_for_a_seed(case, shape):
    """The numbers, and the state of the generator after them."""
    dist, _ = build(case)
    mine = rebuild(case, arrays(case))
    for method in ("sample", "rsample"):
        torch.manual_seed(1), random.manual_seed(1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                want = getattr(dist, method)(shape)
            except NotImplementedError:
                with pytest.raises(NotImplementedError):
                    getattr(mine, method)(shape)
                continue
        close(getattr(mine, method)(shape), want, f"{case.name}.{method}", rtol=2e-5, atol=case.atol)
        np.testing.assert_array_equal(random.get_rng_state(), torch.get_rng_state().numpy())


@of([c for c in CASES if build(c)[0].has_rsample], 7)
def test_gradients_of_samples(case):
    torch.manual_seed(1), random.manual_seed(1)
    dist, parameters = build(case, grad=True)
    how = {"max_try_correction": 0} if case.name == "Wishart" else {}  # torch cannot differentiate its corrections
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Wishart's
        want = dist.rsample((4,), **how)
    weights = np.random.default_rng(0).standard_normal(want.shape).astype(np.float32)
    if not parameters:
        return
    other = torch.autograd.grad((want * torch.from_numpy(weights)).sum(), parameters, allow_unused=True)
    mine = jax.grad(lambda ps: (rebuild(case, ps).rsample((4,), **how) * weights).sum())(arrays(case))
    for n, (a, b) in enumerate(zip(mine, other, strict=True)):
        if case.lower and a.ndim > 1 and n:
            a, b = jnp.tril(a), b.tril()
        # torch approximates the derivative of beta numbers to about three digits
        close(a, np.zeros(a.shape, np.float32) if b is None else b, f"{case.name}: gradient {n}", rtol=5e-3, atol=5e-3)


@of(CASES, 6)
def test_keys_and_programs(case):
    """Under JAX keys the same distribution; as argument and result of a program; in a vmap."""
    mine = rebuild(case, arrays(case))

    @jax.jit
    def run(dist, key):
        samples = dist.sample((4000,), generator=key)
        return dist, samples, dist.log_prob(samples)

    again, samples, _ = run(mine, jax.random.key(0))
    assert type(again) is type(mine) and repr(again) == repr(mine)
    assert (again.batch_shape, again.event_shape) == (mine.batch_shape, mine.event_shape)
    assert constraints.holds(mine.support, samples) or case.name == "LKJCholesky"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = build(case)[0].sample((4000,)).numpy().astype(np.float64)
    # the medians and quartiles, within five standard errors of those of torch's samples
    for q in (0.25, 0.5, 0.75):
        low, high = (np.quantile(reference, min(max(q + s, 0), 1), axis=0) for s in (-0.055, 0.055))
        found = np.quantile(np.asarray(samples, np.float64), q, axis=0)
        assert ((low - 1e-6 <= found) & (found <= high + 1e-6)).all(), (q, low, found, high)
