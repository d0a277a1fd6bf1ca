"""Written by tools/make_stubs.py from rnn.py and its layers; do not edit."""

import jax
from collections.abc import Sequence
from typing import Any
from fnn.state.parameter import Parameter
from fnn.typing import ArrayLike, DType, Device
from fnn.functional.packed import PackedSequence
from fnn.nn.modules.layer_module import LayerModule
from fnn.nn.parameter import Parameter

__all__ = ['GRU', 'LSTM', 'RNN', 'GRUCell', 'LSTMCell', 'RNNBase', 'RNNCell', 'RNNCellBase']

class RNNBase(LayerModule):
    """A recurrent network of the kind that ``mode`` names: the base of `RNN`, `LSTM` and `GRU`.

    Args:
        mode: 'RNN_TANH', 'RNN_RELU', 'LSTM' or 'GRU'.
        input_size: I, the features of an input.
        hidden_size: H, the features of a hidden state.
        num_layers: K; each layer reads the states of the one before.
        bias: whether the gates have biases, two each.
        batch_first: whether input and output are (N, T, .) and not (T, N, .); the states never are.
        dropout: the probability of an element of a layer's output to be dropped in training, the last layer's excepted.
        bidirectional: whether each layer also reads the sequence from its end; then D is 2, else 1.
        proj_size: P, of a projection of h, smaller than H; 0 is none, and P is H.  Only LSTM has one.
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Shape:
        (T, N, I), (K D, N, P) -> (T, N, D P), (K D, N, P); or without N.  A `PackedSequence` gives a `PackedSequence`,
        and its states are in the order of the sequences as they were packed.

    Example:
        >>> from fnn import nn
        >>> network = nn.RNNBase("GRU", 3, 4)
        >>> network.weight_ih_l0.data.shape
        (12, 3)
    """
    mode: str
    input_size: int
    hidden_size: int
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    proj_size: int
    device: Device | None
    dtype: DType | None
    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    forward: Any
    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters: a list for each layer and, within it, direction."""
        ...
    @property
    def _flat_weights_names(self) -> list[str]:
        ...
    @property
    def _flat_weights(self) -> list[Parameter]:
        ...
    def flatten_parameters(self) -> None:
        """Changes nothing, as torch's on the CPU: it is for cuDNN, and how arrays lie in memory is up to XLA."""
        ...

class RNN(RNNBase):
    """Elman's network: ``h[t] = tanh(W_ih x[t] + b_ih + W_hh h[t - 1] + b_hh)`` in each layer; G is H.

    Elman, "Finding Structure in Time" (1990).

    Args:
        input_size: I, the features of an input.
        hidden_size: H, the features of a hidden state.
        num_layers: K; each layer reads the states of the one before.
        nonlinearity: 'tanh' or 'relu'.
        bias: whether the gates have biases, two each.
        batch_first: whether input and output are (N, T, .) and not (T, N, .); the states never are.
        dropout: the probability of an element of a layer's output to be dropped in training, the last layer's excepted.
        bidirectional: whether each layer also reads the sequence from its end; then D is 2, else 1.
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Shape:
        (T, N, I), (K D, N, P) -> (T, N, D P), (K D, N, P); or without N.  A `PackedSequence` gives a `PackedSequence`,
        and its states are in the order of the sequences as they were packed.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> network = nn.RNN(3, 4, 2)
        >>> output, h = network(jnp.ones((5, 2, 3)))
        >>> output.shape, h.shape
        ((5, 2, 4), (2, 2, 4))
    """
    input_size: int
    hidden_size: int
    num_layers: int
    nonlinearity: str
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    device: Device | None
    dtype: DType | None
    mode: str
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = 'tanh',
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> tuple[Any, Any]: ...
    def __call__(self, input: ArrayLike | PackedSequence, hx: Any = None) -> tuple[Any, Any]: ...

class LSTM(RNNBase):
    """Long short-term memory: ``c[t] = f c[t - 1] + i g``, ``h[t] = o tanh(c[t])`` in each layer; G is 4 H.

    The gates i, f, o are sigmoids of ``W_ih x[t] + b_ih + W_hh h[t - 1] + b_hh``, g is a tanh.  Hochreiter and
    Schmidhuber (1997); with forget gates Gers et al. (2000); with a projection of h Sak et al. (2014), arXiv:1402.1128.

    Args:
        input_size: I, the features of an input.
        hidden_size: H, the features of a hidden state.
        num_layers: K; each layer reads the states of the one before.
        bias: whether the gates have biases, two each.
        batch_first: whether input and output are (N, T, .) and not (T, N, .); the states never are.
        dropout: the probability of an element of a layer's output to be dropped in training, the last layer's excepted.
        bidirectional: whether each layer also reads the sequence from its end; then D is 2, else 1.
        proj_size: P, of a projection of h, smaller than H; 0 is none, and P is H.  Only LSTM has one.
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Shape:
        (T, N, I), ((K D, N, P), (K D, N, H)) -> (T, N, D P), ((K D, N, P), (K D, N, H)); or without N.  A
        `PackedSequence` gives a `PackedSequence`, and its states are in the order of the sequences as they were packed.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> network = nn.LSTM(3, 4, bidirectional=True)
        >>> output, (h, c) = network(jnp.ones((5, 2, 3)))
        >>> output.shape, h.shape, c.shape
        ((5, 2, 8), (2, 2, 4), (2, 2, 4))
    """
    input_size: int
    hidden_size: int
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    proj_size: int
    device: Device | None
    dtype: DType | None
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> tuple[Any, Any]: ...
    def __call__(self, input: ArrayLike | PackedSequence, hx: Any = None) -> tuple[Any, Any]: ...

class GRU(RNNBase):
    """Gated recurrent units: ``h[t] = (1 - z) n + z h[t - 1]`` in each layer; G is 3 H.

    ``n = tanh(W_in x[t] + b_in + r (W_hn h[t - 1] + b_hn))``; the gates r and z are sigmoids of
    ``W_ih x[t] + b_ih + W_hh h[t - 1] + b_hh``.  Cho et al. (2014), arXiv:1406.1078, with r applied after the
    product, as cuDNN has it.

    Args:
        input_size: I, the features of an input.
        hidden_size: H, the features of a hidden state.
        num_layers: K; each layer reads the states of the one before.
        bias: whether the gates have biases, two each.
        batch_first: whether input and output are (N, T, .) and not (T, N, .); the states never are.
        dropout: the probability of an element of a layer's output to be dropped in training, the last layer's excepted.
        bidirectional: whether each layer also reads the sequence from its end; then D is 2, else 1.
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Shape:
        (T, N, I), (K D, N, P) -> (T, N, D P), (K D, N, P); or without N.  A `PackedSequence` gives a `PackedSequence`,
        and its states are in the order of the sequences as they were packed.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> network = nn.GRU(3, 4, batch_first=True)
        >>> output, h = network(jnp.ones((2, 5, 3)))
        >>> output.shape, h.shape
        ((2, 5, 4), (1, 2, 4))
    """
    input_size: int
    hidden_size: int
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    device: Device | None
    dtype: DType | None
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> tuple[Any, Any]: ...
    def __call__(self, input: ArrayLike | PackedSequence, hx: Any = None) -> tuple[Any, Any]: ...

class RNNCellBase(LayerModule):
    """The parameters of a cell with ``num_chunks`` gates: the base of `RNNCell`, `LSTMCell` and `GRUCell`.

    Args:
        input_size: I, the features of an input.
        hidden_size: H, the features of a hidden state.
        bias: whether the gates have biases, two each.
        num_chunks: how many gates there are; G is so many times H.
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Attributes:
        weight_ih: (G, I), from the uniform distribution in ±1 / sqrt(H), as all.
        weight_hh: (G, H).
        bias_ih: (G,).
        bias_hh: (G,).

    Shape:
        (N, I), (N, H) -> (N, H); or without N.

    Example:
        >>> from fnn import nn
        >>> cell = nn.RNNCellBase(3, 4, True, 2)
        >>> cell.weight_ih.data.shape
        (8, 3)
    """
    input_size: int
    hidden_size: int
    bias: bool
    num_chunks: int
    device: Device | None
    dtype: DType | None
    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter
    bias_hh: Parameter
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    forward: Any

class RNNCell(RNNCellBase):
    """One step of `RNN`: ``tanh(W_ih x + b_ih + W_hh h + b_hh)``; G is H.

    Args:
        input_size: I, the features of an input.
        hidden_size: H, the features of a hidden state.
        bias: whether the gates have biases, two each.
        nonlinearity: 'tanh' or 'relu'.
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Attributes:
        weight_ih: (G, I), from the uniform distribution in ±1 / sqrt(H), as all.
        weight_hh: (G, H).
        bias_ih: (G,).
        bias_hh: (G,).

    Shape:
        (N, I), (N, H) -> (N, H); or without N.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> cell = nn.RNNCell(3, 4)
        >>> cell(jnp.ones((2, 3))).shape
        (2, 4)
    """
    input_size: int
    hidden_size: int
    bias: bool
    nonlinearity: str
    device: Device | None
    dtype: DType | None
    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter
    bias_hh: Parameter
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = 'tanh',
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, hx: ArrayLike | None = None) -> jax.Array: ...

class LSTMCell(RNNCellBase):
    """One step of `LSTM`; G is 4 H.

    Args:
        input_size: I, the features of an input.
        hidden_size: H, the features of a hidden state.
        bias: whether the gates have biases, two each.
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Attributes:
        weight_ih: (G, I), from the uniform distribution in ±1 / sqrt(H), as all.
        weight_hh: (G, H).
        bias_ih: (G,).
        bias_hh: (G,).

    Shape:
        (N, I), ((N, H), (N, H)) -> (N, H), (N, H); or without N.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> cell = nn.LSTMCell(3, 4)
        >>> h, c = cell(jnp.ones((2, 3)))
        >>> h.shape, c.shape
        ((2, 4), (2, 4))
    """
    input_size: int
    hidden_size: int
    bias: bool
    device: Device | None
    dtype: DType | None
    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter
    bias_hh: Parameter
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> tuple[jax.Array, jax.Array]: ...
    def __call__(self, input: ArrayLike, hx: Sequence[ArrayLike] | None = None) -> tuple[jax.Array, jax.Array]: ...

class GRUCell(RNNCellBase):
    """One step of `GRU`; G is 3 H.

    Args:
        input_size: I, the features of an input.
        hidden_size: H, the features of a hidden state.
        bias: whether the gates have biases, two each.
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Attributes:
        weight_ih: (G, I), from the uniform distribution in ±1 / sqrt(H), as all.
        weight_hh: (G, H).
        bias_ih: (G,).
        bias_hh: (G,).

    Shape:
        (N, I), (N, H) -> (N, H); or without N.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> cell = nn.GRUCell(3, 4)
        >>> cell(jnp.ones((2, 3))).shape
        (2, 4)
    """
    input_size: int
    hidden_size: int
    bias: bool
    device: Device | None
    dtype: DType | None
    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter
    bias_hh: Parameter
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, hx: ArrayLike | None = None) -> jax.Array: ...
