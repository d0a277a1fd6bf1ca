"""Rectifier layers: the identity on one side and something flatter on the other."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any, ClassVar

import jax

from fnn import init
from fnn.arguments import integer
from fnn.errors import ArgumentError
from fnn.functional import rectifier
from fnn.layers._activation import _Activation
from fnn.layers.layer import Layer, Params, State
from fnn.typing import ArrayLike, Device, DType, Key

__all__ = ["CELU", "ELU", "Hardtanh", "LeakyReLU", "PReLU", "RReLU", "ReLU", "ReLU6", "SELU", "Threshold"]


class Threshold(_Activation):
    """Keeps what exceeds a threshold and replaces the rest.

    Args:
        threshold: what an element must exceed to be kept.
        value: what the others become.

    Example:
        >>> layers.Threshold(2.0, 20.0).apply({}, {}, jnp.array([1.0, 2.0, 3.0]))[0]
        Array([20., 20.,  3.], dtype=float32)
    """

    SHOWN: ClassVar = (
        "threshold",
        "value",
    )

    threshold: float
    value: float
    inplace: bool = False

    def _activate(self, x: ArrayLike) -> jax.Array:
        return rectifier.threshold(x, self.threshold, self.value)


class ReLU(_Activation):
    """The rectified linear unit, ``max(0, x)``; its gradient at 0 is 0.

    Example:
        >>> layers.ReLU().apply({}, {}, jnp.array([-1.0, 2.0]))[0]
        Array([0., 2.], dtype=float32)
    """

    inplace: bool = False

    def _activate(self, x: ArrayLike) -> jax.Array:
        return rectifier.relu(x)


class Hardtanh(_Activation):
    """Clamps to ``[min_val, max_val]``; the gradient is 0 at both ends.

    Args:
        min_val: the least value.
        max_val: the greatest value, above ``min_val``.
        min_value: deprecated name of ``min_val``.
        max_value: deprecated name of ``max_val``.

    Example:
        >>> layers.Hardtanh().apply({}, {}, jnp.array([-3.0, 0.5, 3.0]))[0]
        Array([-1. ,  0.5,  1. ], dtype=float32)
    """

    SHOWN: ClassVar = ("min_val", "max_val")

    min_val: float = -1.0
    max_val: float = 1.0
    inplace: bool = False
    min_value: dataclasses.InitVar[float | None] = None
    max_value: dataclasses.InitVar[float | None] = None

    def __post_init__(self, min_value: float | None, max_value: float | None) -> None:
        for old, new, value in (("min_value", "min_val", min_value), ("max_value", "max_val", max_value)):
            if value is not None:
                message = f"keyword argument `{old}` is deprecated and renamed to `{new}`"
                warnings.warn(message, FutureWarning, stacklevel=4)
                self._set(**{new: value})
        if self.max_val <= self.min_val:
            raise ArgumentError(f"Hardtanh: max_val ({self.max_val}) must be greater than min_val ({self.min_val})")

    def _activate(self, x: ArrayLike) -> jax.Array:
        return rectifier.hardtanh(x, self.min_val, self.max_val)


class ReLU6(_Activation):
    """``min(max(0, x), 6)``; the gradient is 0 at 0 and at 6.

    Example:
        >>> layers.ReLU6().apply({}, {}, jnp.array([-1.0, 3.0, 8.0]))[0]
        Array([0., 3., 6.], dtype=float32)
    """

    min_val: ClassVar[float] = 0.0
    max_val: ClassVar[float] = 6.0

    inplace: bool = False

    def _activate(self, x: ArrayLike) -> jax.Array:
        return rectifier.relu6(x)


class ELU(_Activation):
    """The exponential linear unit: ``x`` above 0, ``alpha * (exp(x) - 1)`` from 0 down (arXiv:1511.07289).

    Args:
        alpha: minus the value at minus infinity.

    Example:
        >>> layers.ELU().apply({}, {}, jnp.array([-jnp.inf, 2.0]))[0]
        Array([-1.,  2.], dtype=float32)
    """

    SHOWN: ClassVar = ("alpha",)

    alpha: float = 1.0
    inplace: bool = False

    def _activate(self, x: ArrayLike) -> jax.Array:
        return rectifier.elu(x, self.alpha)


class CELU(_Activation):
    """``max(0, x) + min(0, alpha * (exp(x / alpha) - 1))`` (arXiv:1704.07483).

    Args:
        alpha: minus the value at minus infinity; not 0.

    Example:
        >>> layers.CELU(2.0).apply({}, {}, jnp.array([-jnp.inf, 2.0]))[0]
        Array([-2.,  2.], dtype=float32)
    """

    SHOWN: ClassVar = ("alpha",)

    alpha: float = 1.0
    inplace: bool = False

    def _activate(self, x: ArrayLike) -> jax.Array:
        return rectifier.celu(x, self.alpha)


class SELU(_Activation):
    """The self-normalising `ELU` (arXiv:1706.02515): ``scale * elu(x, alpha)`` with fixed constants.

    Example:
        >>> layers.SELU().apply({}, {}, jnp.array([0.0, 1.0]))[0]
        Array([0.      , 1.050701], dtype=float32)
    """

    inplace: bool = False

    def _activate(self, x: ArrayLike) -> jax.Array:
        return rectifier.selu(x)


class LeakyReLU(_Activation):
    """``x`` above 0, ``negative_slope * x`` from 0 down.

    Args:
        negative_slope: the slope from 0 down.

    Example:
        >>> layers.LeakyReLU(0.5).apply({}, {}, jnp.array([-2.0, 3.0]))[0]
        Array([-1.,  3.], dtype=float32)
    """

    SHOWN: ClassVar = ("negative_slope",)

    negative_slope: float = 1e-2
    inplace: bool = False

    def _activate(self, x: ArrayLike) -> jax.Array:
        return rectifier.leaky_relu(x, self.negative_slope)


class PReLU(Layer):
    """A leaky rectifier with learned slopes (arXiv:1502.01852): ``x`` above 0, ``weight * x`` from 0 down.

    Args:
        num_parameters: 1, or the number of channels C for a slope each.
        init: the initial slope (the field is called ``initial``, since ``init`` is a method).

    Attributes:
        weight: (num_parameters,), initially ``init``.

    Shape:
        (N, C, *), or any shape if there is one slope -> the same.

    Example:
        >>> prelu = layers.PReLU(init=0.5)
        >>> params, state = prelu.init(jax.random.key(0))
        >>> prelu.apply(params, state, jnp.array([-2.0, 3.0]))[0]
        Array([-1.,  3.], dtype=float32)
    """

    PARAMS: ClassVar = ("weight",)

    num_parameters: int
    initial: float
    device: Device | None
    dtype: DType | None

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Device | None = None, dtype: DType | None = None
    ) -> None:
        count = integer(num_parameters, "num_parameters", "PReLU: ")
        if count < 0:
            raise ArgumentError(f"PReLU: Trying to create tensor with negative dimension: num_parameters={count}")
        self._set(num_parameters=count, initial=init, device=device, dtype=dtype)

    def replace(self, **changes: object) -> PReLU:
        values: dict[str, Any] = {
            name: getattr(self, name) for name in ("num_parameters", "initial", "device", "dtype")
        } | changes
        return PReLU(init=values.pop("initial"), **values)

    def __repr__(self) -> str:
        return super().__repr__().replace("initial=", "init=")

    def init(self, key: Key) -> tuple[Params, State]:
        return {"weight": init.full(key, (self.num_parameters,), self.initial, self.dtype)}, {}

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        del training, key
        return rectifier.prelu(input, params["weight"]), state

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class RReLU(_Activation):
    """A leaky rectifier with random slopes (arXiv:1505.00853).

    While training each element at or below 0 is multiplied by a number from U(lower, upper), else by the mean
    ``(lower + upper) / 2``.

    Args:
        lower: the least slope.
        upper: the greatest slope.

    Example:
        >>> layers.RReLU(0.25, 0.75).apply({}, {}, jnp.array([-2.0, 3.0]), training=False)[0]
        Array([-1.,  3.], dtype=float32)
    """

    SHOWN: ClassVar = ("lower", "upper")

    lower: float = 1.0 / 8
    upper: float = 1.0 / 3
    inplace: bool = False

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        del params
        return rectifier.rrelu(input, self.lower, self.upper, training, key=key), state
