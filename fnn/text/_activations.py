"""Activations under the names that configurations use."""

from __future__ import annotations

from collections.abc import Callable

import jax

from fnn import functional as F
from fnn.errors import ArgumentError

Activation = Callable[[jax.Array], jax.Array]


def _gelu_tanh(x: jax.Array) -> jax.Array:
    return F.gelu(x, approximate="tanh")


def _quick_gelu(x: jax.Array) -> jax.Array:
    return x * F.sigmoid(1.702 * x)


def _relu2(x: jax.Array) -> jax.Array:
    return F.relu(x) ** 2


def _linear(x: jax.Array) -> jax.Array:
    return x


_BY_NAME: dict[str, Activation] = {
    "gelu": F.gelu,
    "gelu_fast": _gelu_tanh,
    "gelu_new": _gelu_tanh,
    "gelu_python": F.gelu,
    "gelu_python_tanh": _gelu_tanh,
    "gelu_pytorch_tanh": _gelu_tanh,
    "hardswish": F.hardswish,
    "leaky_relu": F.leaky_relu,
    "linear": _linear,
    "mish": F.mish,
    "quick_gelu": _quick_gelu,
    "relu": F.relu,
    "relu2": _relu2,
    "relu6": F.relu6,
    "sigmoid": F.sigmoid,
    "silu": F.silu,
    "swish": F.silu,
    "tanh": F.tanh,
}


def activation(name: str) -> Activation:
    """The activation of this name.

    Raises:
        ArgumentError: there is none.
    """
    if name not in _BY_NAME:
        raise ArgumentError(f"unknown activation {name!r}; known are {', '.join(_BY_NAME)}")
    return _BY_NAME[name]
