"""The constraints of numbers, vectors and matrices."""

from __future__ import annotations

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from fnn.distributions._constraint import Constraint, Values
from fnn.distributions.utils import aligned
from fnn.tracing import Tracer
from fnn.typing import ArrayLike

Bound: TypeAlias = ArrayLike


class _Boolean(Constraint):
    """0 or 1."""

    is_discrete = True

    def check(self, value: Values) -> Values:
        return (value == 0) | (value == 1)


class _Bounded(Constraint):
    """Between bounds, which may be arrays."""

    def __init__(self, lower_bound: Bound | None = None, upper_bound: Bound | None = None) -> None:
        if lower_bound is not None:
            self.lower_bound: Any = lower_bound
        if upper_bound is not None:
            self.upper_bound: Any = upper_bound
        super().__init__()

    def _shown(self) -> dict[str, object]:
        return {name: _text(vars(self)[name]) for name in ("lower_bound", "upper_bound") if name in vars(self)}


def _text(bound: object) -> object:
    return np.asarray(bound) if isinstance(bound, jax.Array) and not isinstance(bound, Tracer) else bound


class _IntegerInterval(_Bounded):
    """The integers in [lower_bound, upper_bound]."""

    is_discrete = True

    def __init__(self, lower_bound: Bound, upper_bound: Bound) -> None:
        super().__init__(lower_bound, upper_bound)

    def check(self, value: Values) -> Values:
        return (value % 1 == 0) & _le(self.lower_bound, value) & _le(value, self.upper_bound)


class _IntegerLessThan(_Bounded):
    """The integers up to ``upper_bound``."""

    is_discrete = True

    def __init__(self, upper_bound: Bound) -> None:
        super().__init__(upper_bound=upper_bound)

    def check(self, value: Values) -> Values:
        return (value % 1 == 0) & _le(value, self.upper_bound)


class _IntegerGreaterThan(_Bounded):
    """The integers from ``lower_bound``."""

    is_discrete = True

    def __init__(self, lower_bound: Bound) -> None:
        super().__init__(lower_bound)

    def check(self, value: Values) -> Values:
        return (value % 1 == 0) & _le(self.lower_bound, value)


class _Real(Constraint):
    """Anything but NaN."""

    def check(self, value: Values) -> Values:
        return value == value


class _GreaterThan(_Bounded):
    """(lower_bound, inf]."""

    def __init__(self, lower_bound: Bound) -> None:
        super().__init__(lower_bound)

    def check(self, value: Values) -> Values:
        return _lt(self.lower_bound, value)


class _GreaterThanEq(_Bounded):
    """[lower_bound, inf]."""

    def __init__(self, lower_bound: Bound) -> None:
        super().__init__(lower_bound)

    def check(self, value: Values) -> Values:
        return _le(self.lower_bound, value)


class _LessThan(_Bounded):
    """[-inf, upper_bound)."""

    def __init__(self, upper_bound: Bound) -> None:
        super().__init__(upper_bound=upper_bound)

    def check(self, value: Values) -> Values:
        return _lt(value, self.upper_bound)


class _Interval(_Bounded):
    """[lower_bound, upper_bound]."""

    def __init__(self, lower_bound: Bound, upper_bound: Bound) -> None:
        super().__init__(lower_bound, upper_bound)

    def check(self, value: Values) -> Values:
        return _le(self.lower_bound, value) & _le(value, self.upper_bound)


class _HalfOpenInterval(_Bounded):
    """[lower_bound, upper_bound)."""

    def __init__(self, lower_bound: Bound, upper_bound: Bound) -> None:
        super().__init__(lower_bound, upper_bound)

    def check(self, value: Values) -> Values:
        return _le(self.lower_bound, value) & _lt(value, self.upper_bound)


def _le(a: Values, b: Values) -> Values:
    return np.less_equal(*pair) if (pair := _concrete(a, b)) else jnp.less_equal(*aligned(a, b))


def _lt(a: Values, b: Values) -> Values:
    return np.less(*pair) if (pair := _concrete(a, b)) else jnp.less(*aligned(a, b))


def _concrete(a: Values, b: Values) -> tuple[Values, Values] | None:
    """Both for numpy, which broadcasts without being told, unless JAX must compare them."""
    if isinstance(a, Tracer) or isinstance(b, Tracer):
        return None
    return np.asarray(a), np.asarray(b)


# -- of vectors -------------------------------------------------------------------------------------


class _OneHot(Constraint):
    """Vectors of zeros and a single one."""

    is_discrete = True
    event_dim = 1

    def check(self, value: Values) -> Values:
        return ((value == 0) | (value == 1)).all(-1) & (value.sum(-1) == 1)


class _Simplex(Constraint):
    """Vectors of numbers >= 0 whose sum is 1."""

    event_dim = 1

    def check(self, value: Values) -> Values:
        return (value >= 0).all(-1) & (abs(value.sum(-1) - 1) < 1e-6)


class _Multinomial(Constraint):
    """Vectors of counts whose sum is at most ``upper_bound``."""

    is_discrete = True
    event_dim = 1

    def __init__(self, upper_bound: Bound) -> None:
        self.upper_bound = upper_bound
        super().__init__()

    def check(self, value: Values) -> Values:
        return (value >= 0).all(-1) & _le(value.sum(-1), self.upper_bound)


# -- of matrices ------------------------------------------------------------------------------------


class _Matrices(Constraint):
    event_dim = 2


class _LowerTriangular(_Matrices):
    """Nothing above the diagonal."""

    def check(self, value: Values) -> Values:
        return (jnp.tril(value) == value).all((-2, -1))


class _LowerCholesky(_LowerTriangular):
    """Nothing above the diagonal, and positive numbers on it."""

    def check(self, value: Values) -> Values:
        return super().check(value) & (jnp.diagonal(value, axis1=-2, axis2=-1) > 0).all(-1)


class _CorrCholesky(_LowerCholesky):
    """Cholesky factors of correlation matrices: their rows are of unit length."""

    def check(self, value: Values) -> Values:
        tolerance = float(jnp.finfo(value.dtype).eps) * value.shape[-1] * 10
        lengths = jnp.sqrt((value * value).sum(-1))
        return super().check(value) & (abs(lengths - 1.0) <= tolerance).all(-1)


class _Square(_Matrices):
    """As many rows as columns."""

    def check(self, value: Values) -> Values:
        return np.full(value.shape[:-2], value.shape[-2] == value.shape[-1])


class _Symmetric(_Square):
    """Equal to the transpose."""

    def check(self, value: Values) -> Values:
        if value.shape[-2] != value.shape[-1]:
            return super().check(value)
        return jnp.isclose(value, jnp.swapaxes(value, -1, -2), atol=1e-6).all((-2, -1))


class _PositiveSemidefinite(_Symmetric):
    """Symmetric, with no negative eigenvalue."""

    def check(self, value: Values) -> Values:
        symmetric = super().check(value)
        if not isinstance(symmetric, Tracer) and not symmetric.all():
            return symmetric
        return symmetric & (jnp.linalg.eigvalsh(value) >= 0).all(-1)


class _PositiveDefinite(_Symmetric):
    """Symmetric, with a Cholesky factor."""

    def check(self, value: Values) -> Values:
        symmetric = super().check(value)
        if not isinstance(symmetric, Tracer) and not symmetric.all():
            return symmetric
        return symmetric & jnp.isfinite(jnp.linalg.cholesky(value)).all((-2, -1))
