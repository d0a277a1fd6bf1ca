"""The cells of recurrent networks: one step each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import jax

from fnn import init, random
from fnn.arguments import integer
from fnn.errors import ArgumentError
from fnn.functional.recurrent_cells import gru_cell, lstm_cell, rnn_cell
from fnn.layers.layer import Layer, Params, State
from fnn.typing import ArrayLike, Device, DType, Key

__all__ = ["GRUCell", "LSTMCell", "RNNCell", "RNNCellBase"]


class _Settings:
    """The fields that all cells have; where they stand among others is each cell's own."""

    input_size: int
    hidden_size: int
    bias: bool
    dtype: DType | None


class _Cell(_Settings, Layer):
    """What the cells share.

    Args:
        input_size: I, the features of an input.
        hidden_size: H, the features of a hidden state.
        bias: whether the gates have biases, two each.

    Attributes:
        weight_ih: (G, I), from the uniform distribution in ±1 / sqrt(H), as all.
        weight_hh: (G, H).
        bias_ih: (G,).
        bias_hh: (G,).

    Shape:
        (N, I), (N, H) -> (N, H); or without N.
    """

    PARAMS: ClassVar[tuple[str, ...]] = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    _GATES: ClassVar[int] = 1

    def _gates(self) -> int:
        return self._GATES

    def __post_init__(self) -> None:
        for name in ("input_size", "hidden_size"):
            value = integer(getattr(self, name), name, f"{type(self).__name__}: ")
            if value < 0:
                raise ArgumentError(f"{type(self).__name__}: {name} must not be negative, got {name}={value}")
            self._set(**{name: value})

    def init(self, key: Key) -> tuple[Params, State]:
        stream, hidden = random.stream(key), self.hidden_size
        gates, bound = self._gates() * hidden, 1 / math.sqrt(hidden) if hidden else 0.0
        shapes: list[tuple[int, ...]] = [(gates, self.input_size), (gates, hidden)]
        shapes += [(gates,), (gates,)] if self.bias else []
        return {
            name: init.uniform(stream(), shape, self.dtype, -bound, bound)
            for name, shape in zip(self.PARAMS, shapes, strict=False)
        }, {}

    def _weights(self, params: Params) -> tuple[Any, ...]:
        return params["weight_ih"], params["weight_hh"], params.get("bias_ih"), params.get("bias_hh")

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        return text if self.bias is True else f"{text}, bias={self.bias}"


class RNNCellBase(_Cell):
    """The parameters of a cell with ``num_chunks`` gates: the base of `RNNCell`, `LSTMCell` and `GRUCell`.

    Args:
        num_chunks: how many gates there are; G is so many times H.

    Example:
        >>> cell = layers.RNNCellBase(3, 4, True, 2)
        >>> params, state = cell.init(jax.random.key(0))
        >>> params["weight_ih"].shape
        (8, 3)
    """

    input_size: int
    hidden_size: int
    bias: bool
    num_chunks: int
    device: Device | None = None
    dtype: DType | None = None

    def _gates(self) -> int:
        return self.num_chunks


class RNNCell(_Cell):
    """One step of `RNN`: ``tanh(W_ih x + b_ih + W_hh h + b_hh)``; G is H.

    Args:
        nonlinearity: 'tanh' or 'relu'.

    Example:
        >>> cell = layers.RNNCell(3, 4)
        >>> params, state = cell.init(jax.random.key(0))
        >>> cell.apply(params, state, jnp.ones((2, 3)))[0].shape
        (2, 4)
    """

    input_size: int
    hidden_size: int
    bias: bool = True
    nonlinearity: str = "tanh"
    device: Device | None = None
    dtype: DType | None = None

    def extra_repr(self) -> str:
        text = super().extra_repr()
        return text if self.nonlinearity == "tanh" else f"{text}, nonlinearity={self.nonlinearity}"

    def apply(
        self,
        params: Params,
        state: State,
        input: ArrayLike,
        hx: ArrayLike | None = None,
        *,
        training: bool = False,
        key: Key | None = None,
    ) -> tuple[jax.Array, State]:
        del training, key
        return rnn_cell(input, hx, *self._weights(params), nonlinearity=self.nonlinearity), state


class LSTMCell(_Cell):
    """One step of `LSTM`; G is 4 H.

    Shape:
        (N, I), ((N, H), (N, H)) -> (N, H), (N, H); or without N.

    Example:
        >>> cell = layers.LSTMCell(3, 4)
        >>> params, state = cell.init(jax.random.key(0))
        >>> (h, c), state = cell.apply(params, state, jnp.ones((2, 3)))
        >>> h.shape, c.shape
        ((2, 4), (2, 4))
    """

    _GATES: ClassVar[int] = 4

    input_size: int
    hidden_size: int
    bias: bool = True
    device: Device | None = None
    dtype: DType | None = None

    def apply(
        self,
        params: Params,
        state: State,
        input: ArrayLike,
        hx: Sequence[ArrayLike] | None = None,
        *,
        training: bool = False,
        key: Key | None = None,
    ) -> tuple[tuple[jax.Array, jax.Array], State]:
        del training, key
        return lstm_cell(input, hx, *self._weights(params)), state


class GRUCell(_Cell):
    """One step of `GRU`; G is 3 H.

    Example:
        >>> cell = layers.GRUCell(3, 4)
        >>> params, state = cell.init(jax.random.key(0))
        >>> cell.apply(params, state, jnp.ones((2, 3)))[0].shape
        (2, 4)
    """

    _GATES: ClassVar[int] = 3

    input_size: int
    hidden_size: int
    bias: bool = True
    device: Device | None = None
    dtype: DType | None = None

    def apply(
        self,
        params: Params,
        state: State,
        input: ArrayLike,
        hx: ArrayLike | None = None,
        *,
        training: bool = False,
        key: Key | None = None,
    ) -> tuple[jax.Array, State]:
        del training, key
        return gru_cell(input, hx, *self._weights(params)), state
