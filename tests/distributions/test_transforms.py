"""Every transform, constraint and registered bijection against torch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import distributions as ours
from fnn.distributions import biject_to, constraints, transform_to
from tests.distributions.both import close, same_error, text, theirs
from tests.extent import some
from tests.reference import to_numpy, torch

T = {
    "AbsTransform": lambda d, a: d.AbsTransform(),
    "AffineTransform": lambda d, a: d.AffineTransform(a([1.0, -1.0, 0.5]), a([2.0, -1.0, 0.5])),
    "AffineTransform of numbers": lambda d, a: d.AffineTransform(1, -2.0, event_dim=1),
    "CatTransform": lambda d, a: d.CatTransform([d.ExpTransform(), d.TanhTransform()], dim=-1, lengths=[1, 2]),
    "ComposeTransform": lambda d, a: d.ComposeTransform([d.AffineTransform(0.5, 2.0), d.StickBreakingTransform()]),
    "CorrCholeskyTransform": lambda d, a: d.CorrCholeskyTransform(),
    "CumulativeDistributionTransform": lambda d, a: d.CumulativeDistributionTransform(d.Normal(a(0.5), a(2.0))),
    "ExpTransform": lambda d, a: d.ExpTransform(),
    "IndependentTransform": lambda d, a: d.IndependentTransform(d.ExpTransform(), 1),
    "LowerCholeskyTransform": lambda d, a: d.LowerCholeskyTransform(),
    "PositiveDefiniteTransform": lambda d, a: d.PositiveDefiniteTransform(),
    "PowerTransform": lambda d, a: d.PowerTransform(a([1.0, 2.0, 0.5])),
    "ReshapeTransform": lambda d, a: d.ReshapeTransform((3,), (3, 1)),
    "SigmoidTransform": lambda d, a: d.SigmoidTransform(),
    "SoftplusTransform": lambda d, a: d.SoftplusTransform(),
    "TanhTransform": lambda d, a: d.TanhTransform(),
    "SoftmaxTransform": lambda d, a: d.SoftmaxTransform(),
    "StackTransform": lambda d, a: d.StackTransform([d.ExpTransform(), d.TanhTransform(), d.AbsTransform()], dim=1),
    "StackTransform, bijective": lambda d, a: d.StackTransform(
        [d.ExpTransform(), d.TanhTransform(), d.SigmoidTransform()], dim=1
    ),
    "StickBreakingTransform": lambda d, a: d.StickBreakingTransform(),
    "identity_transform": lambda d, a: d.identity_transform,
    "inverse": lambda d, a: d.ExpTransform().inv,
}
POSITIVE = {"PowerTransform", "inverse"}
SQUARE = {"LowerCholeskyTransform", "PositiveDefiniteTransform"}
tensor = lambda v: torch.tensor(v)  # noqa: E731


def inputs(name):
    x = np.random.default_rng(0).standard_normal((2, 3, 3) if name in SQUARE else (2, 3)).astype(np.float32)
    return np.abs(x) + 0.1 if name in POSITIVE else x


def test_all_are_here():
    assert set(theirs.transforms.__all__) - {n.split(",")[0] for n in T} == {"Transform"}


@pytest.mark.parametrize("name", some(T, 12))
def test_values(name):
    """Forward, back, log-determinants, shapes, signs, texts, and gradients."""
    mine, other = T[name](ours, jnp.asarray), T[name](theirs, tensor)
    x = inputs(name)
    tx = torch.from_numpy(x).requires_grad_()
    ty = other(tx)
    y = mine(jnp.asarray(x))
    close(y, ty, "forward")
    back, tback = mine.inv(y), other.inv(ty)
    close(back, tback, "inverse", rtol=1e-3, atol=1e-4)
    close(mine.inv.inv(jnp.asarray(x)), ty, "inverse of the inverse")
    try:
        tlog = other.log_abs_det_jacobian(tx, ty)
    except NotImplementedError:
        tlog = None
        with pytest.raises(NotImplementedError):
            mine.log_abs_det_jacobian(jnp.asarray(x), y)
    if tlog is not None:
        close(mine.log_abs_det_jacobian(jnp.asarray(x), y), tlog, "log_abs_det_jacobian", rtol=1e-3)
        close(mine.inv.log_abs_det_jacobian(y, jnp.asarray(x)), -tlog, "of the inverse", rtol=1e-3)
    weights = np.random.default_rng(1).standard_normal(y.shape).astype(np.float32)

    def total(x):
        y = mine(x)
        return (y * weights).sum() + (0 if tlog is None else mine.log_abs_det_jacobian(x, y).sum())

    scalar = (ty * torch.from_numpy(weights)).sum() + (0 if tlog is None else tlog.sum())
    close(jax.jit(jax.grad(total))(x), torch.autograd.grad(scalar, tx)[0], "gradient", rtol=2e-3, atol=1e-4)
    assert mine.bijective == other.bijective and text(repr(mine)) == text(repr(other))
    assert text(repr(mine.inv)) == text(repr(other.inv))
    assert mine.forward_shape(x.shape) == tuple(other.forward_shape(torch.Size(x.shape)))
    assert mine.inverse_shape(y.shape) == tuple(other.inverse_shape(ty.shape))
    for side in ("domain", "codomain"):
        if "Cat" not in name and "Stack" not in name and "Cumulative" not in name:
            assert text(repr(getattr(mine, side))) == text(repr(getattr(other, side)))
        assert getattr(mine, side).event_dim == getattr(other, side).event_dim
    try:
        sign = other.sign
    except NotImplementedError:
        with pytest.raises(NotImplementedError):
            _ = mine.sign
    else:
        np.testing.assert_array_equal(mine.sign, to_numpy(torch.as_tensor(sign)))


@pytest.mark.parametrize("name", T)
def test_cache_copies_and_programs(name):
    """With a cache the inverse gives the very input back; a transform is a pytree; equal ones are equal."""
    mine, again, other = T[name](ours, jnp.asarray), T[name](ours, jnp.asarray), T[name](theirs, tensor)
    assert (mine == again) == (other == T[name](theirs, tensor))
    if name != "inverse":
        cached = mine.with_cache()
        assert cached.with_cache() is cached
        x = jnp.asarray(inputs(name))
        y = cached(x)
        assert (name == "identity_transform" or cached.inv(y) is x) or "Compose" in name
        assert cached(x) is y or name in ("ComposeTransform", "identity_transform")
    leaves, tree = jax.tree.flatten(mine)
    rebuilt = jax.tree.unflatten(tree, leaves)
    assert type(rebuilt) is type(mine)
    np.testing.assert_array_equal(rebuilt(jnp.asarray(inputs(name))), mine(jnp.asarray(inputs(name))))


def test_refusals():
    for make in (
        lambda d: d.ExpTransform(cache_size=2),
        lambda d: d.ReshapeTransform((2,), (3,)).inv,
        lambda d: d.ReshapeTransform((2,), (1, 2)).forward_shape((3,)),
        lambda d: d.ReshapeTransform((2, 1), (1, 2)).forward_shape((2,)),
        lambda d: d.CorrCholeskyTransform().forward_shape((4,)),
        lambda d: d.CorrCholeskyTransform().inverse_shape((3, 2)),
        lambda d: d.StickBreakingTransform().forward_shape(()),
        lambda d: d.CatTransform([1]),
        lambda d: d.CatTransform([d.ExpTransform()], lengths=[1, 2]),
        lambda d: d.StickBreakingTransform().event_dim and d.ReshapeTransform((2,), (1, 2)).event_dim,
        lambda d: d.biject_to(d.constraints.positive_definite),
        lambda d: d.transform_to.register(int, lambda c: c),
        lambda d: d.constraints.dependent.check(1),
        lambda d: d.constraints.dependent.event_dim,
    ):
        same_error(lambda make=make: make(ours), lambda make=make: make(theirs), exactly=False)


C = {
    "boolean": ((), [[0.0, 1.0, 0.5]]),
    "one_hot": ((), [[0.0, 1.0, 0.0], [1.0, 1.0, 0.0]]),
    "nonnegative_integer": ((), [0.0, 1.5, -1.0, 3.0]),
    "positive_integer": ((), [0.0, 1.5, -1.0, 3.0]),
    "integer_interval": ((1, 3), [0.0, 1.5, 2.0, 4.0]),
    "real": ((), [0.0, float("nan"), float("inf")]),
    "real_vector": ((), [[0.0, float("nan")], [0.0, 1.0]]),
    "positive": ((), [0.0, 1.0, -1.0]),
    "nonnegative": ((), [0.0, 1.0, -1.0]),
    "greater_than": ((1.0,), [0.0, 1.0, 2.0]),
    "greater_than_eq": ((1.0,), [0.0, 1.0, 2.0]),
    "less_than": ((1.0,), [0.0, 1.0, 2.0]),
    "multinomial": ((3,), [[1.0, 2.0], [2.0, 2.0], [-1.0, 2.0]]),
    "unit_interval": ((), [0.0, 1.0, 2.0, -0.5]),
    "interval": ((1.0, 2.0), [0.0, 1.0, 2.0]),
    "half_open_interval": ((1.0, 2.0), [0.0, 1.0, 2.0]),
    "simplex": ((), [[0.5, 0.5], [0.5, 0.6], [1.5, -0.5]]),
    "lower_triangular": ((), [[[1.0, 0.0], [1.0, -1.0]], [[1.0, 1.0], [0.0, 1.0]]]),
    "lower_cholesky": ((), [[[1.0, 0.0], [1.0, -1.0]], [[1.0, 0.0], [2.0, 1.0]]]),
    "corr_cholesky": ((), [[[1.0, 0.0], [0.6, 0.8]], [[1.0, 0.0], [2.0, 1.0]]]),
    "square": ((), [[[1.0, 0.0], [0.6, 0.8]]]),
    "symmetric": ((), [[[1.0, 0.5], [0.5, 0.8]]]),
    "positive_semidefinite": ((), [[[1.0, 0.5], [0.5, 0.8]], [[1.0, 2.0], [2.0, 1.0]]]),
    "positive_definite": ((), [[[1.0, 0.5], [0.5, 0.8]], [[1.0, 2.0], [2.0, 1.0]]]),
}


def constraint(d, name):
    c = d.constraints
    if name == "independent":
        return c.independent(c.positive, 1)
    if name == "cat":
        return c.cat([c.positive, c.unit_interval], dim=-1, lengths=[1, 2])
    if name == "stack":
        return c.stack([c.positive, c.unit_interval], dim=-1)
    if name == "MixtureSameFamilyConstraint":
        return c.MixtureSameFamilyConstraint(c.positive)
    return getattr(c, name)(*C[name][0]) if C[name][0] else getattr(c, name)


VALUES = {
    **{n: v for n, (_, v) in C.items()},
    "independent": [[1.0, 2.0], [1.0, -2.0]],
    "cat": [[1.0, 0.5, 2.0], [-1.0, 0.5, 0.2]],
    "stack": [[1.0, 0.5], [1.0, 2.0]],
    "MixtureSameFamilyConstraint": [1.0, -1.0],
}
OTHERS = {"Constraint", "dependent", "dependent_property", "is_dependent"}


@pytest.mark.parametrize("name", some([n for n in theirs.constraints.__all__ if n not in OTHERS], 14))
def test_constraints(name):
    mine, other = constraint(ours, name), constraint(theirs, name)
    value = np.asarray(VALUES[name], np.float32)
    want = other.check(torch.from_numpy(value)).numpy()
    np.testing.assert_array_equal(mine.check(jnp.asarray(value)), want)
    np.testing.assert_array_equal(jax.jit(mine.check)(value), want)
    assert constraints.holds(mine, jnp.asarray(value)) == bool(want.all())
    if name not in ("cat", "stack"):
        assert text(repr(mine)) == text(repr(other))
    assert (mine.is_discrete, mine.event_dim) == (other.is_discrete, other.event_dim)
    for registry in ("biject_to", "transform_to"):
        try:
            expected = getattr(theirs, registry)(other)
        except NotImplementedError:
            with pytest.raises(NotImplementedError):
                getattr(ours, registry)(mine)
            continue
        found = getattr(ours, registry)(mine)
        assert type(found).__name__ == type(expected).__name__
        event = 2 if mine.event_dim == 2 and name != "corr_cholesky" else 1
        x = np.random.default_rng(0).standard_normal((2, 3)[:1] + (3,) * event).astype(np.float32)
        if name == "stack":
            x = x[:, :2]
        close(found(jnp.asarray(x)), expected(torch.from_numpy(x)), registry)


def test_registering():
    class Odd(constraints.Constraint):
        pass

    @transform_to.register(Odd)
    def made(constraint):
        return ours.ExpTransform()

    assert isinstance(transform_to(Odd()), ours.ExpTransform)
    with pytest.raises(NotImplementedError, match="Cannot transform Odd constraints"):
        biject_to(Odd())
