"""`ExponentialFamily`: entropies and divergences by Bregman divergences of the log normaliser."""

from __future__ import annotations

import jax

from fnn.distributions.distribution import Distribution

__all__ = ["ExponentialFamily"]


class ExponentialFamily(Distribution):
    r"""Base of the exponential families, p(x; t) = exp(<T(x), t> - F(t) + k(x)) with natural parameters t.

    A class defines ``_natural_params`` (a tuple), ``_log_normalizer(*natural_params)`` and, for `entropy`,
    ``_mean_carrier_measure``, the mean of k.

    Example:
        >>> from fnn import distributions
        >>> issubclass(distributions.Normal, distributions.ExponentialFamily)
        True
    """

    @property
    def _natural_params(self) -> tuple[jax.Array, ...]:
        raise NotImplementedError

    def _log_normalizer(self, *natural_params: jax.Array) -> jax.Array:
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self) -> float:
        raise NotImplementedError

    def entropy(self) -> jax.Array:
        """F(t) - <grad F(t), t> - E[k(x)]."""
        natural = self._natural_params
        value, gradients = with_gradients(self, natural)
        result = value - self._mean_carrier_measure
        for t, g in zip(natural, gradients, strict=True):
            result = result - (t * g).reshape((*self._batch_shape, -1)).sum(-1)
        return result


def with_gradients(family: ExponentialFamily, natural: tuple[jax.Array, ...]) -> tuple[jax.Array, list[jax.Array]]:
    """F and its gradients at natural parameters."""

    def total(natural: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
        value = family._log_normalizer(*natural)
        return value.sum(), value

    gradients, value = jax.grad(total, has_aux=True)(natural)
    return value, list(gradients)
