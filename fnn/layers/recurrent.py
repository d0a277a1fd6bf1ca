"""Recurrent networks and their cells."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import numpy as np

from fnn import init, random
from fnn.arguments import integer
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional.packed import PackedSequence
from fnn.functional.recurrent import gru, gru_cell, lstm, lstm_cell, rnn, rnn_cell
from fnn.layers.layer import Layer, Params, State
from fnn.typing import ArrayLike, Device, DType, Key

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNBase", "RNNCell", "RNNCellBase"]

# How many gates a cell has.
_GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "LSTM": 4, "GRU": 3}


class _Recurrent(Layer):
    """What the networks share.

    Args:
        input_size: I, the features of an input.
        hidden_size: H, the features of a hidden state.
        num_layers: K; each layer reads the states of the one before.
        bias: whether the gates have biases, two each.
        batch_first: whether input and output are (N, T, .) and not (T, N, .); the states never are.
        dropout: the probability of an element of a layer's output to be dropped in training, the last layer's excepted.
        bidirectional: whether each layer also reads the sequence from its end; then D is 2, else 1.
        proj_size: P, of a projection of h, smaller than H; 0 is none, and P is H.  Only LSTM has one.

    Attributes:
        weight_ih_l0: (G, I), from the uniform distribution in ±1 / sqrt(H), as all; (G, D P) in later layers.
        weight_hh_l0: (G, P).
        bias_ih_l0: (G,).
        bias_hh_l0: (G,).
        weight_hr_l0: (P, H), with ``proj_size``.

    Shape:
        (T, N, I), (K D, N, P) -> (T, N, D P), (K D, N, P); or without N.  A `PackedSequence` gives a `PackedSequence`,
        and its states are in the order of the sequences as they were packed.
    """

    def _mode(self) -> str:
        return type(self).__name__

    def _checked(self) -> None:
        """Refuses what torch refuses, in its words."""
        name, held = type(self).__name__, vars(self)
        dropout = held["dropout"]
        if (
            not isinstance(dropout, (int, float, np.number))
            or isinstance(dropout, bool)
            or not 0 <= float(dropout) <= 1
        ):
            raise ArgumentError(
                f"{name}: dropout should be a number in range [0, 1] representing the probability of an element being "
                f"zeroed, got dropout={dropout!r}"
            )
        for field in ("bias", "batch_first"):
            if not isinstance(held[field], bool):
                raise ArgumentTypeError(
                    f"{name}: {field} should be of type bool, got: {type(held[field]).__name__} (={held[field]!r})"
                )
        for field in ("input_size", "hidden_size", "num_layers", "proj_size"):
            value = held.get(field, 0)
            if isinstance(value, bool) or not hasattr(value, "__index__"):
                raise ArgumentTypeError(
                    f"{name}: {field} should be of type int, got: {type(value).__name__} (={value!r})"
                )
            if field != "proj_size" and value <= 0:
                raise ArgumentError(f"{name}: {field} must be greater than zero, got {field}={value}")
            self._set(**{field: integer(value, field, name)})
        self._set(dropout=float(dropout), bidirectional=bool(held["bidirectional"]))
        size, hidden = held["proj_size"], held["hidden_size"]
        if size < 0:
            raise ArgumentError(
                f"{name}: proj_size should be a positive integer or zero to disable projections, got proj_size={size}"
            )
        if size >= hidden:
            raise ArgumentError(
                f"{name}: proj_size has to be smaller than hidden_size, got proj_size={size} and hidden_size={hidden}"
            )
        if self._mode() not in _GATES:
            raise ArgumentError(f"{name}: Unrecognized RNN mode: {self._mode()}; expected one of {list(_GATES)}")
        if size and self._mode() != "LSTM":
            raise ArgumentError(
                f"{name}: proj_size argument is only supported for LSTM, not RNN or GRU, got proj_size={size}"
            )
        if held["dropout"] > 0 and held["num_layers"] == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
                f"num_layers greater than 1, but got dropout={dropout} and num_layers={held['num_layers']}",
                stacklevel=5,
            )

    def names(self) -> list[list[str]]:
        """The names of the parameters: a list for each layer and, within it, direction."""
        held = vars(self)
        kinds = ["weight_ih", "weight_hh"]
        kinds += ["bias_ih", "bias_hh"] if held["bias"] else []
        kinds += ["weight_hr"] if held["proj_size"] else []
        ends = ("", "_reverse") if held["bidirectional"] else ("",)
        return [[f"{kind}_l{n}{end}" for kind in kinds] for n in range(held["num_layers"]) for end in ends]

    def init(self, key: Key) -> tuple[Params, State]:
        held = vars(self)
        stream, hidden = random.stream(key), held["hidden_size"]
        gates, state = _GATES[self._mode()] * hidden, held["proj_size"] or hidden
        bound = 1 / math.sqrt(hidden)
        above = state * (2 if held["bidirectional"] else 1)
        params = {}
        for name in (name for part in self.names() for name in part):
            inputs = held["input_size"] if "_l0" in name else above
            shape = {
                "weight_ih": (gates, inputs),
                "weight_hh": (gates, state),
                "bias_ih": (gates,),
                "bias_hh": (gates,),
                "weight_hr": (state, hidden),
            }[name.partition("_l")[0]]
            params[name] = init.uniform(stream(), shape, held["dtype"], -bound, bound)
        return params, {}

    def apply(
        self,
        params: Params,
        state: State,
        input: ArrayLike | PackedSequence,
        hx: Any = None,
        *,
        training: bool = False,
        key: Key | None = None,
    ) -> tuple[tuple[Any, Any], State]:
        packed = input if isinstance(input, PackedSequence) else None
        x, held = (input if packed is None else packed.padded), vars(self)
        missing = [name for part in self.names() for name in part if name not in params]
        if missing:
            raise ArgumentError(
                f"{type(self).__name__}: params has no {missing[0]!r}, it has {sorted(params)}; pass what init "
                "returned, or an update of it"
            )
        options: dict[str, Any] = {
            "lengths": None if packed is None else packed.lengths,
            "batch_first": held["batch_first"] and packed is None,
            "bidirectional": held["bidirectional"],
            "dropout": held["dropout"],
            "training": training,
            "key": key,
        }
        function, mode = {"LSTM": lstm, "GRU": gru}.get(self._mode(), rnn), self._mode()
        if function is rnn:
            options["nonlinearity"] = "tanh" if mode == "RNN_TANH" else "relu"
        weights = [[params[name] for name in part] for part in self.names()]
        output, last = function(x, weights, hx, **options)
        return (output if packed is None else packed.replace(output), last), state

    def extra_repr(self) -> str:
        held = vars(self)
        text = f"{held['input_size']}, {held['hidden_size']}"
        plain = {
            "proj_size": 0,
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0,
            "bidirectional": False,
        }
        return text + "".join(f", {name}={held[name]}" for name, value in plain.items() if held[name] != value)


class RNNBase(_Recurrent):
    """A recurrent network of the kind that ``mode`` names: the base of `RNN`, `LSTM` and `GRU`.

    Args:
        mode: 'RNN_TANH', 'RNN_RELU', 'LSTM' or 'GRU'.

    Example:
        >>> network = layers.RNNBase("GRU", 3, 4)
        >>> params, state = network.init(jax.random.key(0))
        >>> (output, h), state = network.apply(params, state, jnp.ones((5, 2, 3)))
        >>> output.shape, h.shape
        ((5, 2, 4), (1, 2, 4))
    """

    mode: str
    input_size: int
    hidden_size: int
    num_layers: int = 1
    bias: bool = True
    batch_first: bool = False
    dropout: float = 0.0
    bidirectional: bool = False
    proj_size: int = 0
    device: Device | None = None
    dtype: DType | None = None

    def __post_init__(self) -> None:
        self._checked()

    def _mode(self) -> str:
        return self.mode


class RNN(_Recurrent):
    """Elman's network: ``h[t] = tanh(W_ih x[t] + b_ih + W_hh h[t - 1] + b_hh)`` in each layer; G is H.

    Elman, "Finding Structure in Time" (1990).

    Args:
        nonlinearity: 'tanh' or 'relu'.

    Example:
        >>> network = layers.RNN(3, 4, 2)
        >>> params, state = network.init(jax.random.key(0))
        >>> (output, h), state = network.apply(params, state, jnp.ones((5, 2, 3)))
        >>> output.shape, h.shape
        ((5, 2, 4), (2, 2, 4))
    """

    input_size: int
    hidden_size: int
    num_layers: int = 1
    nonlinearity: str = "tanh"
    bias: bool = True
    batch_first: bool = False
    dropout: float = 0.0
    bidirectional: bool = False
    proj_size: int = 0
    device: Device | None = None
    dtype: DType | None = None

    def __post_init__(self) -> None:
        if self.nonlinearity not in ("tanh", "relu"):
            raise ArgumentError(f"RNN: Unknown nonlinearity '{self.nonlinearity}'. Select from 'tanh' or 'relu'.")
        self._checked()

    @property
    def mode(self) -> str:
        """'RNN_TANH' or 'RNN_RELU'."""
        return f"RNN_{self.nonlinearity.upper()}"

    def _mode(self) -> str:
        return self.mode


class LSTM(_Recurrent):
    """Long short-term memory: ``c[t] = f c[t - 1] + i g``, ``h[t] = o tanh(c[t])`` in each layer; G is 4 H.

    The gates i, f, o are sigmoids of ``W_ih x[t] + b_ih + W_hh h[t - 1] + b_hh``, g is a tanh.  Hochreiter and
    Schmidhuber (1997); with forget gates Gers et al. (2000); with a projection of h Sak et al. (2014), arXiv:1402.1128.

    Shape:
        (T, N, I), ((K D, N, P), (K D, N, H)) -> (T, N, D P), ((K D, N, P), (K D, N, H)); or without N.  A
        `PackedSequence` gives a `PackedSequence`, and its states are in the order of the sequences as they were packed.

    Example:
        >>> network = layers.LSTM(3, 4, bidirectional=True)
        >>> params, state = network.init(jax.random.key(0))
        >>> (output, (h, c)), state = network.apply(params, state, jnp.ones((5, 2, 3)))
        >>> output.shape, h.shape, c.shape
        ((5, 2, 8), (2, 2, 4), (2, 2, 4))
    """

    mode: ClassVar[str] = "LSTM"

    input_size: int
    hidden_size: int
    num_layers: int = 1
    bias: bool = True
    batch_first: bool = False
    dropout: float = 0.0
    bidirectional: bool = False
    proj_size: int = 0
    device: Device | None = None
    dtype: DType | None = None

    def __post_init__(self) -> None:
        self._checked()

    def _mode(self) -> str:
        return "LSTM"


class GRU(_Recurrent):
    """Gated recurrent units: ``h[t] = (1 - z) n + z h[t - 1]`` in each layer; G is 3 H.

    ``n = tanh(W_in x[t] + b_in + r (W_hn h[t - 1] + b_hn))``; the gates r and z are sigmoids of
    ``W_ih x[t] + b_ih + W_hh h[t - 1] + b_hh``.  Cho et al. (2014), arXiv:1406.1078, with r applied after the
    product, as cuDNN has it.

    Example:
        >>> network = layers.GRU(3, 4, batch_first=True)
        >>> params, state = network.init(jax.random.key(0))
        >>> (output, h), state = network.apply(params, state, jnp.ones((2, 5, 3)))
        >>> output.shape, h.shape
        ((2, 5, 4), (1, 2, 4))
    """

    mode: ClassVar[str] = "GRU"

    input_size: int
    hidden_size: int
    num_layers: int = 1
    bias: bool = True
    batch_first: bool = False
    dropout: float = 0.0
    bidirectional: bool = False
    proj_size: int = 0
    device: Device | None = None
    dtype: DType | None = None

    def __post_init__(self) -> None:
        self._checked()

    def _mode(self) -> str:
        return "GRU"


# -- cells ------------------------------------------------------------------------------------------


class _Cell(Layer):
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
        held = vars(self)
        stream, hidden = random.stream(key), held["hidden_size"]
        gates, bound = self._gates() * hidden, 1 / math.sqrt(hidden) if hidden else 0.0
        shapes: list[tuple[int, ...]] = [(gates, held["input_size"]), (gates, hidden)]
        shapes += [(gates,), (gates,)] if held["bias"] else []
        dtype = held["dtype"]
        return {
            name: init.uniform(stream(), shape, dtype, -bound, bound)
            for name, shape in zip(self.PARAMS, shapes, strict=False)
        }, {}

    def _weights(self, params: Params) -> tuple[Any, ...]:
        return params["weight_ih"], params["weight_hh"], params.get("bias_ih"), params.get("bias_hh")

    def extra_repr(self) -> str:
        held = vars(self)
        text = f"{held['input_size']}, {held['hidden_size']}"
        if held["bias"] is not True:
            text += f", bias={held['bias']}"
        if held.get("nonlinearity", "tanh") != "tanh":
            text += f", nonlinearity={held['nonlinearity']}"
        return text


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
