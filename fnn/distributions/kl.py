"""`kl_divergence` and `register_kl`: KL(p || q) = E_p[log p(X) - log q(X)], by a formula for each pair of classes."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import jax

from fnn.distributions.distribution import Distribution
from fnn.distributions.utils import common_shape
from fnn.errors import ArgumentTypeError

__all__ = ["register_kl", "kl_divergence"]

Pair: TypeAlias = tuple[type, type]
# A formula for two classes takes distributions of these classes, which no type can say here.
Formula: TypeAlias = Callable[[Any, Any], jax.Array]
_F = TypeVar("_F", bound=Formula)

_formulas: dict[Pair, Formula] = {}
_found: dict[Pair, Formula | None] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[_F], _F]:
    """Registers a function for the divergence between two classes, and those derived from them.

    Args:
        type_p: a class of distributions.
        type_q: another, or the same.

    Returns:
        a decorator of ``f(p, q)``.

    Raises:
        ArgumentTypeError: one is no class of distributions.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import distributions
        >>> class Mine(distributions.Normal): ...
        >>> @distributions.register_kl(Mine, Mine)
        ... def kl(p, q):
        ...     return jnp.zeros(())
        >>> print(distributions.kl_divergence(Mine(0.0, 1.0), Mine(1.0, 1.0)))
        0.0
    """
    for name, kind in (("type_p", type_p), ("type_q", type_q)):
        if not (isinstance(kind, type) and issubclass(kind, Distribution)):
            raise ArgumentTypeError(f"Expected {name} to be a Distribution subclass but got {kind}")

    def decorator(fun: _F) -> _F:
        _formulas[type_p, type_q] = fun
        _found.clear()
        return fun

    return decorator


def kl_divergence(p: Distribution, q: Distribution) -> jax.Array:
    """KL(p || q), of the shape that the batch shapes broadcast to.

    Args:
        p: the distribution over which the mean is taken.
        q: the other one.

    Raises:
        NotImplementedError: no formula is registered for their classes.

    Example:
        >>> from fnn import distributions
        >>> print(distributions.kl_divergence(distributions.Normal(1.0, 1.0), distributions.Normal(0.0, 1.0)))
        0.5
    """
    kinds = type(p), type(q)
    if kinds not in _found:
        _found[kinds] = _dispatch(*kinds)
    formula = _found[kinds]
    if formula is None:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {kinds[0].__name__} and q type {kinds[1].__name__}"
        )
    return formula(p, q)


def _dispatch(type_p: type, type_q: type) -> Formula | None:
    """The formula of the nearest classes: nearest to p first, and to q first; both should agree."""
    fitting = [pair for pair in _formulas if issubclass(type_p, pair[0]) and issubclass(type_q, pair[1])]
    if not fitting:
        return None
    first = min(fitting, key=functools.cmp_to_key(_nearer))
    q, p = min(((q, p) for p, q in fitting), key=functools.cmp_to_key(_nearer))
    second = p, q
    if _formulas[first] is not _formulas[second]:
        warnings.warn(
            f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). "
            f"Please register_kl({first[0].__name__}, {second[1].__name__})",
            RuntimeWarning,
            stacklevel=3,
        )
    return _formulas[first]


def _nearer(a: Pair, b: Pair) -> int:
    """-1 where the first class in which the pairs differ is the more derived in ``a``."""
    for x, y in zip(a, b, strict=True):
        if x is not y:
            return -1 if issubclass(x, y) else 1
    return 0


def between(type_p: type, *types_q: type) -> Callable[[_F], _F]:
    """`register_kl` for formulas that take distributions of one batch shape, to which both are expanded."""

    def decorator(fun: _F) -> _F:
        @functools.wraps(fun)
        def paired(p: Distribution, q: Distribution) -> jax.Array:
            shape = common_shape(p.batch_shape, q.batch_shape)
            return fun(*(d if d.batch_shape == shape else d.expand(shape) for d in (p, q)))

        for type_q in types_q:
            register_kl(type_p, type_q)(paired)
        return fun

    return decorator
