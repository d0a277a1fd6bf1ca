"""Transforms from unconstrained arrays to constraints: `biject_to`, `transform_to`.

``biject_to(constraint)`` is a bijection, whose Jacobian is that of a change of variables (Hamiltonian Monte Carlo);
``transform_to(constraint)`` is any map onto the region, cheap and good for optimization.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from fnn.distributions import constraints, transforms
from fnn.distributions.constraints import Constraint
from fnn.distributions.transforms import Transform
from fnn.distributions.utils import aligned, is_array, is_number
from fnn.errors import ArgumentTypeError

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]

Factory: TypeAlias = Callable[[Any], Transform]
_F = TypeVar("_F", bound=Callable[[Any], Transform])


class ConstraintRegistry:
    """Finds a transform for a constraint by the constraint's class.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions import constraints, transform_to
        >>> print(transform_to(constraints.positive)(jnp.zeros(2)))
        [1. 1.]
    """

    def __init__(self) -> None:
        self._registry: dict[type[Constraint], Factory] = {}

    def register(self, constraint: Constraint | type[Constraint], factory: Any = None) -> Any:
        """Registers ``factory(constraint) -> Transform`` for a class of constraints; without it, a decorator.

        Args:
            constraint: a constraint or a class of them.
            factory: makes the transform.

        Raises:
            ArgumentTypeError: ``constraint`` is neither.
        """
        if factory is None:
            return lambda factory: self.register(constraint, factory)
        kind = type(constraint) if isinstance(constraint, Constraint) else constraint
        if not isinstance(kind, type) or not issubclass(kind, Constraint):
            raise ArgumentTypeError(
                f"Expected constraint to be either a Constraint subclass or instance, but got {constraint}"
            )
        self._registry[kind] = factory
        return factory

    def __call__(self, constraint: Constraint) -> Transform:
        factory = self._registry.get(type(constraint))
        if factory is None:
            raise NotImplementedError(f"Cannot transform {type(constraint).__name__} constraints")
        return factory(constraint)


biject_to = ConstraintRegistry()
transform_to = ConstraintRegistry()


def _both(*of: Constraint | type[Constraint]) -> Callable[[_F], _F]:
    def register(factory: _F) -> _F:
        for constraint in of:
            biject_to.register(constraint, factory)
            transform_to.register(constraint, factory)
        return factory

    return register


def _chain(first: Transform, loc: Any, scale: Any) -> Transform:
    return transforms.ComposeTransform([first, transforms.AffineTransform(loc, scale)])


@_both(constraints.real)
def _real(constraint: Any) -> Transform:
    return transforms.identity_transform


@_both(constraints.greater_than, constraints.greater_than_eq)
def _greater_than(constraint: Any) -> Transform:
    return _chain(transforms.ExpTransform(), constraint.lower_bound, 1)


@_both(constraints.less_than)
def _less_than(constraint: Any) -> Transform:
    return _chain(transforms.ExpTransform(), constraint.upper_bound, -1)


@_both(constraints.interval, constraints.half_open_interval)
def _interval(constraint: Any) -> Transform:
    low, high = constraint.lower_bound, constraint.upper_bound
    if is_number(low) and is_number(high) and (low, high) == (0, 1):
        return transforms.SigmoidTransform()
    if is_array(low) or is_array(high):
        low, high = aligned(low, high)
    return _chain(transforms.SigmoidTransform(), low, high - low)


biject_to.register(constraints.simplex, lambda constraint: transforms.StickBreakingTransform())
transform_to.register(constraints.simplex, lambda constraint: transforms.SoftmaxTransform())
transform_to.register(constraints.lower_cholesky, lambda constraint: transforms.LowerCholeskyTransform())
for _constraint in (constraints.positive_definite, constraints.positive_semidefinite):
    transform_to.register(_constraint, lambda constraint: transforms.PositiveDefiniteTransform())


@_both(constraints.corr_cholesky)
def _corr_cholesky(constraint: Any) -> Transform:
    return transforms.CorrCholeskyTransform()


def _of_parts(registry: ConstraintRegistry) -> None:
    """What is made of other constraints takes the registry's own transforms of these."""
    registry.register(
        constraints.independent,
        lambda c: transforms.IndependentTransform(registry(c.base_constraint), c.reinterpreted_batch_ndims),
    )
    registry.register(
        constraints.cat, lambda c: transforms.CatTransform([registry(part) for part in c.cseq], c.dim, c.lengths)
    )
    registry.register(constraints.stack, lambda c: transforms.StackTransform([registry(p) for p in c.cseq], c.dim))


_of_parts(biject_to)
_of_parts(transform_to)
