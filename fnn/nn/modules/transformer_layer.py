"""One layer of a Transformer's encoder, and one of its decoder."""

from __future__ import annotations

from collections.abc import Callable

import jax

from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.functional.attention_masks import additive_mask
from fnn.functional.dropout import laid_out
from fnn.nn import functional
from fnn.nn._module import Module
from fnn.nn.modules.activation import GELU, ReLU
from fnn.nn.modules.attention import MultiheadAttention
from fnn.nn.modules.dropout import Dropout
from fnn.nn.modules.linear import Linear
from fnn.nn.modules.normalization import LayerNorm
from fnn.typing import ArrayLike, Device, DType

__all__ = ["TransformerDecoderLayer", "TransformerEncoderLayer"]

Activation = Callable[[jax.Array], jax.Array]


class _TransformerLayer(Module):
    """What both kinds have: attention of a sequence to itself, and two linear maps with an activation between."""

    self_attn: MultiheadAttention
    linear1: Linear
    linear2: Linear
    dropout: Dropout
    dropout1: Dropout

    def _activate_with(self, activation: str | Activation) -> None:
        if isinstance(activation, str):
            named: dict[str, Activation] = {"relu": functional.relu, "gelu": functional.gelu}
            if activation not in named:
                raise ArgumentError(f"{type(self).__name__}: activation should be relu/gelu, not {activation}")
            activation = named[activation]
        self.activation = activation

    def _sa_block(
        self, x: jax.Array, attn_mask: ArrayLike | None, key_padding_mask: ArrayLike | None, is_causal: bool = False
    ) -> jax.Array:
        attended = self.self_attn(x, x, x, key_padding_mask, False, attn_mask, is_causal=is_causal)[0]
        return _dropped(self.dropout1, attended, self.self_attn)

    def _feed_forward(self, x: jax.Array) -> jax.Array:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


def _dropped(dropout: Module, attended: jax.Array, attention: Module) -> jax.Array:
    """Dropout of what attention returns; with batches first that is a transposed array in PyTorch: (N, L, E)."""
    with laid_out((1, 0, 2) if getattr(attention, "batch_first", False) else None):
        return dropout(attended)


class TransformerEncoderLayer(_TransformerLayer):
    """Self-attention and a feed-forward network, each with a residual connection and a layer norm.

    ``x = norm1(x + attention(x)); x = norm2(x + linear2(activation(linear1(x))))``; with ``norm_first``
    ``x = x + attention(norm1(x)); x = x + linear2(activation(linear1(norm2(x))))``.  Vaswani et al., "Attention Is All
    You Need" (2017), arXiv:1706.03762.

    In evaluation the same is computed as in training without dropout, which is what PyTorch's fast path gives for
    boolean masks; a query that may attend to no key attends to nothing, where the fast path gives NaN.

    Args:
        d_model: E, the features of the input.
        nhead: H, the heads of the attention; a divisor of E.
        dim_feedforward: the features between the two linear maps.
        dropout: the probability of dropping, in training.
        activation: ``"relu"``, ``"gelu"`` or a function of one array.
        layer_norm_eps: the epsilon of the layer norms.
        batch_first: whether inputs are (N, S, E) and not (S, N, E).
        norm_first: whether norms come before what they surround.
        bias: whether linear maps and norms have biases.
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Shape:
        (S, N, E), with ``batch_first`` (N, S, E), or (S, E) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        >>> layer(jnp.ones((4, 5, 8))).shape
        (4, 5, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Activation = functional.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout=dropout, bias=bias, batch_first=batch_first, device=device, dtype=dtype
        )
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, device=device, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, device=device, dtype=dtype)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, device=device, dtype=dtype)
        self.norm2 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, device=device, dtype=dtype)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self._activate_with(activation)
        # torch's attribute: 1 and 2 say so, 0 is anything else.
        relu = self.activation is functional.relu or isinstance(self.activation, ReLU)
        gelu = self.activation is functional.gelu or isinstance(self.activation, GELU)
        self.activation_relu_or_gelu = 1 if relu else 2 if gelu else 0

    def forward(
        self,
        src: ArrayLike,
        src_mask: ArrayLike | None = None,
        src_key_padding_mask: ArrayLike | None = None,
        is_causal: bool = False,
    ) -> jax.Array:
        """The layer's output.  In masks True means "do not attend"; floats are added to the scores.

        Args:
            src: (S, N, E), with ``batch_first`` (N, S, E), or (S, E).
            src_mask: (S, S) or (N H, S, S).
            src_key_padding_mask: (N, S) or (S,).
            is_causal: says that ``src_mask``, which must be given, is the causal mask.

        Returns:
            An array of the shape of ``src``.
        """
        where = "TransformerEncoderLayer: "
        x = to_array(src, "src", where)
        mask = None if src_mask is None else to_array(src_mask, "src_mask", where)
        padding = additive_mask(src_key_padding_mask, "src_key_padding_mask", x.dtype, where, mask, "src_mask")
        mask = additive_mask(mask, "src_mask", x.dtype, where)
        if self.norm_first:
            x = x + self._sa_block(self.norm1(x), mask, padding, is_causal)
            return x + self._ff_block(self.norm2(x))
        x = self.norm1(x + self._sa_block(x, mask, padding, is_causal))
        return self.norm2(x + self._ff_block(x))

    def _ff_block(self, x: jax.Array) -> jax.Array:
        return self.dropout2(self._feed_forward(x))


class TransformerDecoderLayer(_TransformerLayer):
    """Self-attention, attention to an encoder's output, and a feed-forward network, each with residual and norm.

    Vaswani et al., "Attention Is All You Need" (2017), arXiv:1706.03762.

    Args:
        d_model: E, the features of the input.
        nhead: H, the heads of the attention; a divisor of E.
        dim_feedforward: the features between the two linear maps.
        dropout: the probability of dropping, in training.
        activation: ``"relu"``, ``"gelu"`` or a function of one array.
        layer_norm_eps: the epsilon of the layer norms.
        batch_first: whether inputs are (N, T, E) and not (T, N, E).
        norm_first: whether norms come before what they surround.
        bias: whether linear maps and norms have biases.
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Shape:
        (T, N, E), (S, N, E) -> (T, N, E); with ``batch_first`` N comes first; without a batch (T, E), (S, E) -> (T, E).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> layer = nn.TransformerDecoderLayer(8, 2, 16, batch_first=True)
        >>> layer(jnp.ones((4, 3, 8)), jnp.ones((4, 5, 8))).shape
        (4, 3, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Activation = functional.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout=dropout, batch_first=batch_first, bias=bias, device=device, dtype=dtype
        )
        self.multihead_attn = MultiheadAttention(
            d_model, nhead, dropout=dropout, batch_first=batch_first, bias=bias, device=device, dtype=dtype
        )
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, device=device, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, device=device, dtype=dtype)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, device=device, dtype=dtype)
        self.norm2 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, device=device, dtype=dtype)
        self.norm3 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, device=device, dtype=dtype)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.dropout3 = Dropout(dropout)
        self._activate_with(activation)

    def forward(
        self,
        tgt: ArrayLike,
        memory: ArrayLike,
        tgt_mask: ArrayLike | None = None,
        memory_mask: ArrayLike | None = None,
        tgt_key_padding_mask: ArrayLike | None = None,
        memory_key_padding_mask: ArrayLike | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> jax.Array:
        """The layer's output.  In masks True means "do not attend"; floats are added to the scores.

        Args:
            tgt: (T, N, E), with ``batch_first`` (N, T, E), or (T, E).
            memory: the encoder's output, (S, N, E), (N, S, E) or (S, E).
            tgt_mask: (T, T) or (N H, T, T).
            memory_mask: (T, S) or (N H, T, S).
            tgt_key_padding_mask: (N, T) or (T,).
            memory_key_padding_mask: (N, S) or (S,).
            tgt_is_causal: says that ``tgt_mask``, which must be given, is the causal mask.
            memory_is_causal: says so of ``memory_mask``.

        Returns:
            An array of the shape of ``tgt``.
        """
        x = to_array(tgt, "tgt", "TransformerDecoderLayer: ")
        own = tgt_mask, tgt_key_padding_mask, tgt_is_causal
        other = memory_mask, memory_key_padding_mask, memory_is_causal
        if self.norm_first:
            x = x + self._sa_block(self.norm1(x), *own)
            x = x + self._mha_block(self.norm2(x), memory, *other)
            return x + self._ff_block(self.norm3(x))
        x = self.norm1(x + self._sa_block(x, *own))
        x = self.norm2(x + self._mha_block(x, memory, *other))
        return self.norm3(x + self._ff_block(x))

    def _mha_block(
        self,
        x: jax.Array,
        mem: ArrayLike,
        attn_mask: ArrayLike | None,
        key_padding_mask: ArrayLike | None,
        is_causal: bool = False,
    ) -> jax.Array:
        attended = self.multihead_attn(x, mem, mem, key_padding_mask, False, attn_mask, is_causal=is_causal)
        return _dropped(self.dropout2, attended[0], self.multihead_attn)

    def _ff_block(self, x: jax.Array) -> jax.Array:
        return self.dropout3(self._feed_forward(x))
