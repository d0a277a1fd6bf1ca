"""`Transformer`, an encoder and a decoder; what these are made of is handed on from here, as in torch."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from fnn.arguments import integer
from fnn.devices import to_device
from fnn.dtypes import canonical, get_default_dtype, to_array
from fnn.errors import ArgumentError
from fnn.functional.attention_masks import causal_mask
from fnn.nn import functional
from fnn.nn._module import Module
from fnn.nn.init import xavier_uniform_
from fnn.nn.modules.normalization import LayerNorm
from fnn.nn.modules.transformer_layer import Activation, TransformerDecoderLayer, TransformerEncoderLayer
from fnn.nn.modules.transformer_stack import TransformerDecoder, TransformerEncoder
from fnn.typing import ArrayLike, Device, DType

__all__ = [
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
]


class Transformer(Module):
    """An encoder of one sequence, and a decoder of another that attends to it, each with a layer norm at its end.

    Vaswani et al., "Attention Is All You Need" (2017), arXiv:1706.03762.

    Args:
        d_model: E, the features of the inputs.
        nhead: H, the heads of each attention; a divisor of E.
        num_encoder_layers: the layers of the encoder.
        num_decoder_layers: the layers of the decoder.
        dim_feedforward: the features between the two linear maps of a layer.
        dropout: the probability of dropping, in training.
        activation: ``"relu"``, ``"gelu"`` or a function of one array.
        custom_encoder: takes the encoder's place; it is called like a `TransformerEncoder`.
        custom_decoder: takes the decoder's place; it is called like a `TransformerDecoder`.
        layer_norm_eps: the epsilon of the layer norms.
        batch_first: whether inputs are (N, S, E) and (N, T, E), and not (S, N, E) and (T, N, E).
        norm_first: whether norms come before what they surround.
        bias: whether linear maps and norms have biases.
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Attributes:
        encoder: a `TransformerEncoder`, or ``custom_encoder``.
        decoder: a `TransformerDecoder`, or ``custom_decoder``.

    Every parameter of more than one dimension, those of custom parts too, is drawn by `init.xavier_uniform_`.

    Shape:
        (S, N, E), (T, N, E) -> (T, N, E); with ``batch_first`` N comes first; without a batch (S, E), (T, E) -> (T, E).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> transformer = nn.Transformer(8, 2, 1, 1, 16, batch_first=True)
        >>> transformer(jnp.ones((4, 5, 8)), jnp.ones((4, 3, 8))).shape
        (4, 3, 8)
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Activation = functional.relu,
        custom_encoder: Callable[..., jax.Array] | None = None,
        custom_decoder: Callable[..., jax.Array] | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        layer = d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias

        def norm() -> LayerNorm:
            return LayerNorm(d_model, eps=layer_norm_eps, bias=bias, device=device, dtype=dtype)

        if custom_encoder is None:
            of_encoder = TransformerEncoderLayer(*layer, device=device, dtype=dtype)
            custom_encoder = TransformerEncoder(of_encoder, num_encoder_layers, norm())
        self.encoder = custom_encoder
        if custom_decoder is None:
            of_decoder = TransformerDecoderLayer(*layer, device=device, dtype=dtype)
            custom_decoder = TransformerDecoder(of_decoder, num_decoder_layers, norm())
        self.decoder = custom_decoder
        self._reset_parameters()
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def forward(
        self,
        src: ArrayLike,
        tgt: ArrayLike,
        src_mask: ArrayLike | None = None,
        tgt_mask: ArrayLike | None = None,
        memory_mask: ArrayLike | None = None,
        src_key_padding_mask: ArrayLike | None = None,
        tgt_key_padding_mask: ArrayLike | None = None,
        memory_key_padding_mask: ArrayLike | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> jax.Array:
        """The decoder's output.  In masks True means "do not attend"; floats are added to the scores.

        Args:
            src: (S, N, E), with ``batch_first`` (N, S, E), or (S, E).
            tgt: (T, N, E), (N, T, E) or (T, E).
            src_mask: (S, S) or (N H, S, S).
            tgt_mask: (T, T) or (N H, T, T).
            memory_mask: (T, S) or (N H, T, S).
            src_key_padding_mask: (N, S) or (S,), for the encoder.
            tgt_key_padding_mask: (N, T) or (T,).
            memory_key_padding_mask: (N, S) or (S,), for the decoder's attention to the encoder's output.
            src_is_causal: says that ``src_mask``, which must be given, is the causal mask; None looks.
            tgt_is_causal: says so of ``tgt_mask``; None looks.
            memory_is_causal: says so of ``memory_mask``.

        Returns:
            An array of the shape of ``tgt``.

        Raises:
            ArgumentError: batches differ, or features are not ``d_model``.
        """
        where = "Transformer: "
        source, target = to_array(src, "src", where), to_array(tgt, "tgt", where)
        shapes = f"got src of shape {list(source.shape)} and tgt of shape {list(target.shape)}"
        batch = slice(0, 1) if self.batch_first else slice(1, 2)
        if source.ndim == 3 and source.shape[batch] != target.shape[batch]:
            raise ArgumentError(f"{where}the batch number of src and tgt must be equal, {shapes}")
        if not source.shape[-1:] == target.shape[-1:] == (self.d_model,):
            raise ArgumentError(
                f"{where}the feature number of src and tgt must be equal to d_model (={self.d_model}), {shapes}"
            )
        memory = self.encoder(source, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal)
        return self.decoder(
            target,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Device | None = None, dtype: DType | None = None) -> jax.Array:
        """The causal mask: minus infinity above the diagonal, zeros elsewhere.

        Args:
            sz: the length of the sequence.
            device: where it goes.
            dtype: of the mask; None is the default dtype, and of booleans those above the diagonal are True.

        Returns:
            (sz, sz)

        Example:
            >>> from fnn import nn
            >>> nn.Transformer.generate_square_subsequent_mask(2)
            Array([[  0., -inf],
                   [  0.,   0.]], dtype=float32)
        """
        where = "generate_square_subsequent_mask: "
        size = integer(sz, "sz", where)
        if size < 0:
            raise ArgumentError(f"{where}Trying to create tensor with negative dimension {size}: sz={size}")
        made = get_default_dtype() if dtype is None else canonical(dtype, where)
        if jnp.issubdtype(made, np.integer):
            raise ArgumentError(f"{where}value cannot be converted to type {made}: minus infinity for dtype={made}")
        mask = causal_mask(size, made)
        return mask if device is None else jax.device_put(mask, to_device(device, where))

    def _reset_parameters(self) -> None:
        for p in self.parameters():
            if p.ndim > 1:
                xavier_uniform_(p)
