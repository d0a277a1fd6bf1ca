"""Layers of a Transformer one after the other: its encoder and its decoder."""

from __future__ import annotations

import copy
import warnings

import jax
import jax.numpy as jnp
from jax import lax

from fnn.arguments import integer
from fnn.dtypes import to_array
from fnn.functional.attention_masks import additive_mask, is_causal_mask, padding_at_the_end
from fnn.nn._module import Module
from fnn.nn.modules.container import ModuleList
from fnn.nn.modules.transformer_layer import TransformerEncoderLayer
from fnn.tracing import differentiated
from fnn.typing import ArrayLike

__all__ = ["TransformerDecoder", "TransformerEncoder"]


class TransformerEncoder(Module):
    """``num_layers`` copies of an encoder layer, one after the other, and a norm.  arXiv:1706.03762.

    The copies begin with the same parameters; initialise them anew where that is not wanted.

    Args:
        encoder_layer: a `TransformerEncoderLayer`, or another Module that is called like one and has a ``self_attn``.
        num_layers: how many copies.
        norm: a Module for the end, or None.
        enable_nested_tensor: in evaluation leave padded positions out, as PyTorch does with nested tensors: what comes
            out of the last layer, before ``norm``, is zero there.  That happens where nothing is to be differentiated
            (the first layer's parameters have ``requires_grad=False`` and ``src`` is not being differentiated), for a
            batch with ``src_key_padding_mask`` and without ``mask``, and with layers that PyTorch has a fast path for;
            for others there is a warning, and ``use_nested_tensor`` is False.  All other positions are the same.
        mask_check: look whether the padding of each sequence is at its end, and leave it in where it is not.  Without
            the check a sequence with as many padded positions, but at its end, is computed.

    Shape:
        (S, N, E), with ``batch_first`` (N, S, E), or (S, E) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)
        >>> encoder(jnp.ones((4, 5, 8))).shape
        (4, 5, 8)
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers = _copies(encoder_layer, num_layers, "TransformerEncoder: ")
        self.num_layers = num_layers
        self.norm = norm
        self.enable_nested_tensor = enable_nested_tensor  # as given
        self.use_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check
        reason = _no_fast_path(encoder_layer)
        if enable_nested_tensor and reason:
            warnings.warn(
                f"enable_nested_tensor is True, but self.use_nested_tensor is False because encoder_layer{reason}",
                stacklevel=2,
            )
            self.use_nested_tensor = False

    def forward(
        self,
        src: ArrayLike,
        mask: ArrayLike | None = None,
        src_key_padding_mask: ArrayLike | None = None,
        is_causal: bool | None = None,
    ) -> jax.Array:
        """The last layer's output, normalised.  In masks True means "do not attend"; floats are added to the scores.

        Args:
            src: (S, N, E), with ``batch_first`` (N, S, E), or (S, E).
            mask: (S, S) or (N H, S, S).
            src_key_padding_mask: (N, S) or (S,).
            is_causal: says that ``mask``, which must be given, is the causal mask; None looks (under `fnn.jit` a mask
                has no values to look at, and is used as any other).

        Returns:
            An array of the shape of ``src``.
        """
        where = "TransformerEncoder: "
        x = to_array(src, "src", where)
        mask = None if mask is None else to_array(mask, "mask", where)
        padding = additive_mask(src_key_padding_mask, "src_key_padding_mask", x.dtype, where, mask, "mask")
        mask = additive_mask(mask, "mask", x.dtype, where)
        is_causal = _causal(x, self.layers[0], mask, is_causal)
        left_out: jax.Array | None = None
        if padding is not None and mask is None and x.ndim == 3 and self._leaves_padding_out(x):
            left_out, unchanged = padding_at_the_end(padding)
            if self.mask_check:
                left_out = left_out & unchanged
            else:
                padding = additive_mask(left_out, "src_key_padding_mask", x.dtype, where)
        for layer in self.layers:
            x = layer(x, src_mask=mask, is_causal=is_causal, src_key_padding_mask=padding)
        if left_out is not None:
            x = jnp.where(lax.broadcast_in_dim(left_out, x.shape, (0, 1)), 0, x)
        return x if self.norm is None else self.norm(x)

    def _leaves_padding_out(self, x: jax.Array) -> bool:
        first = self.layers[0]
        trainable = any(p.requires_grad for p in first.parameters())
        return self.use_nested_tensor and not first.training and not trainable and not differentiated(x)


class TransformerDecoder(Module):
    """``num_layers`` copies of a decoder layer, one after the other, and a norm.  arXiv:1706.03762.

    The copies begin with the same parameters; initialise them anew where that is not wanted.

    Args:
        decoder_layer: a `TransformerDecoderLayer`, or another Module that is called like one and has a ``self_attn``.
        num_layers: how many copies.
        norm: a Module for the end, or None.

    Shape:
        (T, N, E), (S, N, E) -> (T, N, E); with ``batch_first`` N comes first; without a batch (T, E), (S, E) -> (T, E).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16, batch_first=True), 2)
        >>> decoder(jnp.ones((4, 3, 8)), jnp.ones((4, 5, 8))).shape
        (4, 3, 8)
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers = _copies(decoder_layer, num_layers, "TransformerDecoder: ")
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt: ArrayLike,
        memory: ArrayLike,
        tgt_mask: ArrayLike | None = None,
        memory_mask: ArrayLike | None = None,
        tgt_key_padding_mask: ArrayLike | None = None,
        memory_key_padding_mask: ArrayLike | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> jax.Array:
        """The last layer's output, normalised.  In masks True means "do not attend"; floats are added to the scores.

        Args:
            tgt: (T, N, E), with ``batch_first`` (N, T, E), or (T, E).
            memory: the encoder's output, (S, N, E), (N, S, E) or (S, E).
            tgt_mask: (T, T) or (N H, T, T).
            memory_mask: (T, S) or (N H, T, S).
            tgt_key_padding_mask: (N, T) or (T,).
            memory_key_padding_mask: (N, S) or (S,).
            tgt_is_causal: says that ``tgt_mask``, which must be given, is the causal mask; None looks (under `fnn.jit`
                a mask has no values to look at, and is used as any other).
            memory_is_causal: says so of ``memory_mask``.

        Returns:
            An array of the shape of ``tgt``.
        """
        x = to_array(tgt, "tgt", "TransformerDecoder: ")
        memory = to_array(memory, "memory", "TransformerDecoder: ")
        tgt_is_causal = _causal(x, self.layers[0], tgt_mask, tgt_is_causal)
        for layer in self.layers:
            x = layer(
                x,
                memory,
                tgt_mask=tgt_mask,
                memory_mask=memory_mask,
                tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask,
                tgt_is_causal=tgt_is_causal,
                memory_is_causal=memory_is_causal,
            )
        return x if self.norm is None else self.norm(x)


def _copies(layer: Module, count: int, where: str) -> ModuleList:
    return ModuleList(copy.deepcopy(layer) for _ in range(integer(count, "num_layers", where)))


def _causal(x: jax.Array, layer: Module, mask: ArrayLike | None, is_causal: bool | None) -> bool:
    """What the caller says of the mask, or else what it is."""
    length = x.shape[1 if layer.self_attn.batch_first and x.ndim == 3 else 0]
    return is_causal_mask(mask, length) if is_causal is None else is_causal


def _no_fast_path(layer: Module) -> str:
    """Why PyTorch has no fast path for an encoder layer, or nothing."""
    if not isinstance(layer, TransformerEncoderLayer):
        return " was not TransformerEncoderLayer"
    attention = layer.self_attn
    reasons = {
        ".norm_first was True": layer.norm_first,
        ".self_attn.batch_first was not True(use batch_first for better inference performance)": (
            not attention.batch_first
        ),
        ".self_attn._qkv_same_embed_dim was not True": attention.in_proj_weight is None,
        ".self_attn was passed bias=False": attention.in_proj_bias is None,
        ".activation_relu_or_gelu was not True": not layer.activation_relu_or_gelu,
        ".norm1.eps was not equal to encoder_layer.norm2.eps": layer.norm1.eps != layer.norm2.eps,
        ".self_attn.num_heads is odd": attention.num_heads % 2 == 1,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")
