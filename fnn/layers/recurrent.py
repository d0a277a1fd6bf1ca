"""Recurrent networks."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import numpy as np

from fnn import init, random
from fnn.arguments import integer
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional.packed import PackedSequence
from fnn.functional.recurrent import gru, lstm, rnn
from fnn.layers.layer import Layer, Params, State, field_names
from fnn.typing import ArrayLike, Device, DType, Key

__all__ = ["GRU", "LSTM", "RNN", "RNNBase"]

# How many gates a cell has.
_GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "LSTM": 4, "GRU": 3}

_UNPROJECTED = "{name}: proj_size argument is only supported for LSTM, not RNN or GRU, got proj_size={size}"
_L = TypeVar("_L", bound=Layer)


class _Settings:
    """The fields that all networks have; where they stand among others is each network's own."""

    input_size: int
    hidden_size: int
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    dtype: DType | None


def _unprojected(cls: type[_L]) -> type[_L]:
    """Makes the constructor refuse ``proj_size`` in torch's words: it is no argument of this network's."""
    plain: Callable[..., None] = cls.__init__

    @functools.wraps(plain)
    def __init__(self: Layer, *args: object, **kwargs: object) -> None:
        if "proj_size" in kwargs:
            raise ArgumentError(_UNPROJECTED.format(name=cls.__name__, size=kwargs["proj_size"]))
        plain(self, *args, **kwargs)

    setattr(cls, "__init__", __init__)  # noqa: B010
    return cls


class _Recurrent(_Settings, Layer):
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

    def _projected(self) -> int:
        """``proj_size``, of those that have one."""
        return 0

    def _checked(self) -> None:
        """Refuses what torch refuses, in its words."""
        name, dropout = type(self).__name__, self.dropout
        if (
            not isinstance(dropout, (int, float, np.number))
            or isinstance(dropout, bool)
            or not 0 <= float(dropout) <= 1
        ):
            raise ArgumentError(
                f"{name}: dropout should be a number in range [0, 1] representing the probability of an element being "
                f"zeroed, got dropout={dropout!r}"
            )
        for field, value in (("bias", self.bias), ("batch_first", self.batch_first)):
            if not isinstance(value, bool):
                raise ArgumentTypeError(
                    f"{name}: {field} should be of type bool, got: {type(value).__name__} (={value!r})"
                )
        for field in ("input_size", "hidden_size", "num_layers", "proj_size"):
            value = getattr(self, field)
            if isinstance(value, bool) or not hasattr(value, "__index__"):
                raise ArgumentTypeError(
                    f"{name}: {field} should be of type int, got: {type(value).__name__} (={value!r})"
                )
            if field != "proj_size" and value <= 0:
                raise ArgumentError(f"{name}: {field} must be greater than zero, got {field}={value}")
            if field in field_names(type(self)):
                self._set(**{field: integer(value, field, name)})
        self._set(dropout=float(dropout), bidirectional=bool(self.bidirectional))
        size, hidden = self._projected(), self.hidden_size
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
            raise ArgumentError(_UNPROJECTED.format(name=name, size=size))
        if self.dropout > 0 and self.num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
                f"num_layers greater than 1, but got dropout={dropout} and num_layers={self.num_layers}",
                stacklevel=5,
            )

    def names(self) -> list[list[str]]:
        """The names of the parameters: a list for each layer and, within it, direction."""
        kinds = ["weight_ih", "weight_hh"]
        kinds += ["bias_ih", "bias_hh"] if self.bias else []
        kinds += ["weight_hr"] if self._projected() else []
        ends = ("", "_reverse") if self.bidirectional else ("",)
        return [[f"{kind}_l{n}{end}" for kind in kinds] for n in range(self.num_layers) for end in ends]

    def init(self, key: Key) -> tuple[Params, State]:
        stream, hidden = random.stream(key), self.hidden_size
        gates, state = _GATES[self._mode()] * hidden, self._projected() or hidden
        bound = 1 / math.sqrt(hidden)
        above = state * (2 if self.bidirectional else 1)
        params = {}
        for name in (name for part in self.names() for name in part):
            inputs = self.input_size if "_l0" in name else above
            shape = {
                "weight_ih": (gates, inputs),
                "weight_hh": (gates, state),
                "bias_ih": (gates,),
                "bias_hh": (gates,),
                "weight_hr": (state, hidden),
            }[name.partition("_l")[0]]
            params[name] = init.uniform(stream(), shape, self.dtype, -bound, bound)
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
        x = input if packed is None else packed.padded
        missing = [name for part in self.names() for name in part if name not in params]
        if missing:
            raise ArgumentError(
                f"{type(self).__name__}: params has no {missing[0]!r}, it has {sorted(params)}; pass what init "
                "returned, or an update of it"
            )
        options: dict[str, Any] = {
            "lengths": None if packed is None else packed.lengths,
            "batch_first": self.batch_first and packed is None,
            "bidirectional": self.bidirectional,
            "dropout": self.dropout,
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
        text = f"{self.input_size}, {self.hidden_size}"
        plain = {
            "proj_size": 0,
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0,
            "bidirectional": False,
        }
        held = {name: getattr(self, name) for name in plain}
        return text + "".join(f", {name}={value}" for name, value in held.items() if value != plain[name])


class RNNBase(_Recurrent):
    """A recurrent network of the kind that ``mode`` names: the base of `RNN`, `LSTM` and `GRU`.

    Args:
        mode: 'RNN_TANH', 'RNN_RELU', 'LSTM' or 'GRU'.

    Example:
        >>> network = layers.RNNBase("GRU", 3, 4)
        >>> params, state = network.init(jax.random.key(0))
        >>> params["weight_ih_l0"].shape
        (12, 3)
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

    def _projected(self) -> int:
        return self.proj_size


@_unprojected
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

    proj_size: ClassVar[int] = 0

    input_size: int
    hidden_size: int
    num_layers: int = 1
    nonlinearity: str = "tanh"
    bias: bool = True
    batch_first: bool = False
    dropout: float = 0.0
    bidirectional: bool = False
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

    def _projected(self) -> int:
        return self.proj_size


@_unprojected
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
    proj_size: ClassVar[int] = 0

    input_size: int
    hidden_size: int
    num_layers: int = 1
    bias: bool = True
    batch_first: bool = False
    dropout: float = 0.0
    bidirectional: bool = False
    device: Device | None = None
    dtype: DType | None = None

    def __post_init__(self) -> None:
        self._checked()

    def _mode(self) -> str:
        return "GRU"
