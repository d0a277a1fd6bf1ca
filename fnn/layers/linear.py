"""Linear and bilinear maps, and the identity."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import jax

from fnn import init, random
from fnn.arguments import integer
from fnn.errors import ArgumentError
from fnn.functional.linear import bilinear, linear
from fnn.layers.layer import Layer, Params, State
from fnn.typing import ArrayLike, Device, DType, Key

__all__ = ["Bilinear", "Identity", "Linear"]


class Identity(Layer):
    """Returns its input; takes any arguments and ignores them, so that it can stand in for any other.

    Shape:
        (*) -> (*).

    Example:
        >>> layers.Identity(54, unused=True).apply({}, {}, jnp.array([1.0]))[0]
        Array([1.], dtype=float32)
    """

    PARAMS: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *args: object, **kwargs: object) -> None:
        del args, kwargs

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[Any, State]:
        del params, training, key
        return input, state


class Linear(Layer):
    """``input @ weight.T + bias``.

    Args:
        in_features: I, the size of the input's last dimension.
        out_features: O, that of the output's.
        bias: whether to add a learnable bias.

    Attributes:
        weight: (O, I), uniform in ±1 / sqrt(I).
        bias: (O,), from the same distribution.

    Shape:
        (*, I) -> (*, O).

    Example:
        >>> init, apply = layers.Linear(20, 30)
        >>> params, state = init(jax.random.key(0))
        >>> apply(params, state, jnp.ones((128, 20)))[0].shape
        (128, 30)
    """

    PARAMS: ClassVar[tuple[str, ...]] = ("weight", "bias")

    in_features: int
    out_features: int
    bias: bool = True
    device: Device | None = None
    dtype: DType | None = None

    def __post_init__(self) -> None:
        _sizes(self, "in_features", "out_features")

    def init(self, key: Key) -> tuple[Params, State]:
        stream = random.stream(key)
        shape = (self.out_features, self.in_features)
        # This slope makes kaiming_uniform the uniform distribution in ±1 / sqrt(fan_in).
        params = {"weight": init.kaiming_uniform(stream(), shape, self.dtype, a=math.sqrt(5))}
        if self.bias:
            bound = 1 / math.sqrt(self.in_features) if self.in_features else 0.0
            params["bias"] = init.uniform(stream(), shape[:1], self.dtype, -bound, bound)
        return params, {}

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        del training, key
        return linear(input, params["weight"], params.get("bias")), state

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias}"


class Bilinear(Layer):
    """``out[k] = input1 @ weight[k] @ input2 + bias[k]``.

    Args:
        in1_features: I, the size of the first input's last dimension; positive.
        in2_features: J, that of the second's.
        out_features: O, that of the output's.
        bias: whether to add a learnable bias.

    Attributes:
        weight: (O, I, J), uniform in ±1 / sqrt(I).
        bias: (O,), from the same distribution.

    Shape:
        (*, I), (*, J) -> (*, O).

    Example:
        >>> init, apply = layers.Bilinear(20, 30, 40)
        >>> params, state = init(jax.random.key(0))
        >>> apply(params, state, jnp.ones((128, 20)), jnp.ones((128, 30)))[0].shape
        (128, 40)
    """

    PARAMS: ClassVar[tuple[str, ...]] = ("weight", "bias")

    in1_features: int
    in2_features: int
    out_features: int
    bias: bool = True
    device: Device | None = None
    dtype: DType | None = None

    def __post_init__(self) -> None:
        _sizes(self, "in1_features", "in2_features", "out_features")
        if self.in1_features == 0:
            raise ArgumentError("Bilinear: in1_features must be > 0, but got (in1_features=0)")

    def init(self, key: Key) -> tuple[Params, State]:
        stream = random.stream(key)
        bound = 1 / math.sqrt(self.in1_features)
        shape = (self.out_features, self.in1_features, self.in2_features)
        params = {"weight": init.uniform(stream(), shape, self.dtype, -bound, bound)}
        if self.bias:
            params["bias"] = init.uniform(stream(), shape[:1], self.dtype, -bound, bound)
        return params, {}

    def apply(
        self,
        params: Params,
        state: State,
        input1: ArrayLike,
        input2: ArrayLike,
        *,
        training: bool = False,
        key: Key | None = None,
    ) -> tuple[jax.Array, State]:
        del training, key
        return bilinear(input1, input2, params["weight"], params.get("bias")), state

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, out_features={self.out_features}, "
            f"bias={self.bias}"
        )


def _sizes(layer: Any, *names: str) -> None:
    """Normalises the sizes of a layer to ints that are not negative, and its ``bias`` to a bool."""
    where = f"{type(layer).__name__}: "
    for name in names:
        value = getattr(layer, name)
        size = int(value) if isinstance(value, bool) else integer(value, name, where)
        if size < 0:
            raise ArgumentError(f"{where}Trying to create tensor with negative dimension {size}: got {name}={size}")
        layer._set(**{name: size})
    layer._set(bias=bool(layer.bias))
