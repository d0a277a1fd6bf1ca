"""Layers of smooth activations, their piecewise approximations, and gates."""

from __future__ import annotations

from typing import ClassVar

import jax

from fnn.functional import activation
from fnn.layers._activation import _Activation
from fnn.typing import ArrayLike

__all__ = [
    "GELU", "GLU", "Hardsigmoid", "Hardswish", "LogSigmoid", "Mish", "SiLU", "Sigmoid",
    "Softplus", "Softsign", "Tanh",
]  # fmt: skip


class Sigmoid(_Activation):
    """The logistic function, ``1 / (1 + exp(-x))``.

    Example:
        >>> layers.Sigmoid().apply({}, {}, jnp.array([0.0, jnp.inf]))[0]
        Array([0.5, 1. ], dtype=float32)
    """

    def _activate(self, x: ArrayLike) -> jax.Array:
        return activation.sigmoid(x)


class Hardsigmoid(_Activation):
    """The line ``x / 6 + 1/2`` clamped to [0, 1]; the gradient is 0 at -3 and at 3.

    Example:
        >>> layers.Hardsigmoid().apply({}, {}, jnp.array([-4.0, 0.0, 3.0]))[0]
        Array([0. , 0.5, 1. ], dtype=float32)
    """

    inplace: bool = False

    def _activate(self, x: ArrayLike) -> jax.Array:
        return activation.hardsigmoid(x)

    def extra_repr(self) -> str:
        return ""


class Tanh(_Activation):
    """The hyperbolic tangent.

    Example:
        >>> layers.Tanh().apply({}, {}, jnp.array([0.0, jnp.inf]))[0]
        Array([0., 1.], dtype=float32)
    """

    def _activate(self, x: ArrayLike) -> jax.Array:
        return activation.tanh(x)


class SiLU(_Activation):
    """The sigmoid linear unit, also called swish: ``x * sigmoid(x)``.

    Example:
        >>> layers.SiLU().apply({}, {}, jnp.array([0.0, 1.0]))[0]
        Array([0.       , 0.7310586], dtype=float32)
    """

    inplace: bool = False

    def _activate(self, x: ArrayLike) -> jax.Array:
        return activation.silu(x)


class Mish(_Activation):
    """``x * tanh(softplus(x))`` (arXiv:1908.08681).

    Example:
        >>> layers.Mish().apply({}, {}, jnp.array([0.0, 1.0]))[0]
        Array([0.        , 0.86509836], dtype=float32)
    """

    inplace: bool = False

    def _activate(self, x: ArrayLike) -> jax.Array:
        return activation.mish(x)


class Hardswish(_Activation):
    """``x * relu6(x + 3) / 6`` (arXiv:1905.02244).

    Example:
        >>> layers.Hardswish().apply({}, {}, jnp.array([-4.0, 0.0, 3.0]))[0]
        Array([0., 0., 3.], dtype=float32)
    """

    inplace: bool = False

    def _activate(self, x: ArrayLike) -> jax.Array:
        return activation.hardswish(x)

    def extra_repr(self) -> str:
        return ""


class GLU(_Activation):
    """The gated linear unit (arXiv:1612.08083): the first half times the sigmoid of the second.

    Args:
        dim: the dimension to halve.

    Shape:
        (*, 2 E, *) -> (*, E, *).

    Example:
        >>> layers.GLU().apply({}, {}, jnp.array([2.0, 3.0, 0.0, jnp.inf]))[0]
        Array([1., 3.], dtype=float32)
    """

    SHOWN: ClassVar = ("dim",)

    dim: int = -1

    def _activate(self, x: ArrayLike) -> jax.Array:
        return activation.glu(x, self.dim)


class GELU(_Activation):
    """The Gaussian error linear unit (arXiv:1606.08415): ``x * Phi(x)`` with the normal distribution function.

    Args:
        approximate: ``"none"``, or ``"tanh"`` for the approximation by a hyperbolic tangent.

    Example:
        >>> layers.GELU().apply({}, {}, jnp.array([0.0, 1.0]))[0]
        Array([0.       , 0.8413447], dtype=float32)
    """

    approximate: str = "none"

    def _activate(self, x: ArrayLike) -> jax.Array:
        return activation.gelu(x, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class LogSigmoid(_Activation):
    """``log(sigmoid(x))``, computed without overflow.

    Example:
        >>> layers.LogSigmoid().apply({}, {}, jnp.array([-1000.0, 0.0]))[0]
        Array([-1.000000e+03, -6.931472e-01], dtype=float32)
    """

    def _activate(self, x: ArrayLike) -> jax.Array:
        return activation.logsigmoid(x)


class Softplus(_Activation):
    """A smooth rectifier, ``log(1 + exp(beta * x)) / beta``.

    Args:
        beta: the sharpness of the bend.
        threshold: where ``beta * x`` exceeds it the result is ``x`` itself.

    Example:
        >>> layers.Softplus().apply({}, {}, jnp.array([0.0, 30.0]))[0]
        Array([ 0.6931472, 30.       ], dtype=float32)
    """

    SHOWN: ClassVar = (
        "beta",
        "threshold",
    )

    beta: float = 1.0
    threshold: float = 20.0

    def _activate(self, x: ArrayLike) -> jax.Array:
        return activation.softplus(x, self.beta, self.threshold)


class Softsign(_Activation):
    """``x / (1 + |x|)``.

    Example:
        >>> layers.Softsign().apply({}, {}, jnp.array([-1.0, 3.0]))[0]
        Array([-0.5 ,  0.75], dtype=float32)
    """

    def _activate(self, x: ArrayLike) -> jax.Array:
        return activation.softsign(x)
