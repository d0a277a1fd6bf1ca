"""Decoders with rotary embeddings: the configuration, the blocks, the model without a head.

Llama, Mistral, Qwen 2 and Qwen 3 differ in which projections have a bias, whether queries and keys are normalised, and
which layers see a window of the text only; `DecoderConfig` says so, and the blocks are written once.  Gemma's are
variations of them.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

import jax

from fnn import nn
from fnn.errors import ArgumentError
from fnn.text._activations import activation
from fnn.text._attention import attend, join_heads, split_heads
from fnn.text._heads import embedded, positions_of
from fnn.text._masks import causal_mask, padding_mask
from fnn.text._norms import RMSNorm
from fnn.text._rotary import RotaryEmbedding, rotated
from fnn.text.cache import KVCache, length_of
from fnn.text.models.decoder_config import FULL, SLIDING, DecoderConfig
from fnn.text.outputs import BaseModelOutput
from fnn.text.pretrained import PreTrainedModel
from fnn.typing import ArrayLike, DType

__all__ = ["Attention", "DecoderLayer", "DecoderModel", "GatedMLP"]


class Attention(nn.Module):
    """Self-attention with rotary embeddings.

    Args:
        config: of the model.
        layer: the number of the layer.
    """

    norm: ClassVar[type[RMSNorm]] = RMSNorm

    def __init__(self, config: DecoderConfig, layer: int) -> None:
        super().__init__()
        self.layer, self.size, self.dropout = layer, config.head_size, config.attention_dropout
        self.scale, self.softcap = config.head_size**-0.5, None
        inner, outer, (biased, out_biased) = config.head_size, config.hidden_size, config.biases
        self.q_proj = nn.Linear(outer, config.num_attention_heads * inner, bias=biased)
        self.k_proj = nn.Linear(outer, config.kv_heads * inner, bias=biased)
        self.v_proj = nn.Linear(outer, config.kv_heads * inner, bias=biased)
        self.o_proj = nn.Linear(config.num_attention_heads * inner, outer, bias=out_biased)
        self.normalises = config.normalises_heads
        if self.normalises:
            self.q_norm = self.norm(inner, config.rms_norm_eps)
            self.k_norm = self.norm(inner, config.rms_norm_eps)

    def forward(
        self, x: jax.Array, mask: jax.Array, turn: tuple[jax.Array, jax.Array], cache: KVCache | None
    ) -> jax.Array:
        q, k, v = (split_heads(project(x), self.size) for project in (self.q_proj, self.k_proj, self.v_proj))
        if self.normalises:
            q, k = self.q_norm(q), self.k_norm(k)
        q, k = rotated(q, *turn), rotated(k, *turn)
        if cache is not None:
            k, v = cache.update(self.layer, k, v)
        dropout = self.dropout if self.training else 0.0
        return self.o_proj(join_heads(attend(q, k, v, mask, scale=self.scale, softcap=self.softcap, dropout=dropout)))


class GatedMLP(nn.Module):
    """``down(act(gate(x)) * up(x))`` (Shazeer, arXiv:2002.05202).

    Args:
        size: E.
        inner: the features between.
        act: the name of the activation.
        bias: whether the projections have biases.
    """

    def __init__(self, size: int, inner: int, act: str, bias: bool = False) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(size, inner, bias=bias)
        self.up_proj = nn.Linear(size, inner, bias=bias)
        self.down_proj = nn.Linear(inner, size, bias=bias)
        self.act_fn = activation(act)

    def forward(self, x: jax.Array) -> jax.Array:
        return self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))


class DecoderLayer(nn.Module):
    """Attention and MLP, each around which its normalised input is added.

    Args:
        config: of the model.
        layer: its number.
    """

    def __init__(self, config: DecoderConfig, layer: int) -> None:
        super().__init__()
        self.self_attn = Attention(config, layer)
        self.mlp = GatedMLP(config.hidden_size, config.intermediate_size, config.hidden_act, config.mlp_bias)
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(
        self, x: jax.Array, mask: jax.Array, turn: tuple[jax.Array, jax.Array], cache: KVCache | None
    ) -> jax.Array:
        x = x + self.self_attn(self.input_layernorm(x), mask, turn, cache)
        return x + self.mlp(self.post_attention_layernorm(x))


D = TypeVar("D", bound=DecoderConfig)


class DecoderModel(PreTrainedModel[D]):
    """The blocks of a decoder between its embedding and its last norm."""

    config_class = DecoderConfig
    base_model_prefix = "model"
    obsolete = ("rotary_emb.inv_freq",)
    causal = True

    def __init__(self, config: D) -> None:
        super().__init__(config)
        self.embed_tokens = self.embedding(config)
        self.layers = nn.ModuleList([self.block(config, n) for n in range(config.num_hidden_layers)])
        self.norm = self.last_norm(config)
        self.kinds = tuple(config.kind(n) for n in range(config.num_hidden_layers))
        self.windows = {SLIDING: config.sliding_window, FULL: None}
        unknown = set(self.kinds) - set(self.windows)
        if unknown:
            raise ArgumentError(f"layer_types must be of {SLIDING!r} and {FULL!r}, got {sorted(unknown)}")
        self.make_rotary(config)
        self.post_init()

    def embedding(self, config: D) -> nn.Module:
        """The embedding of tokens."""
        return nn.Embedding(config.vocab_size, config.hidden_size, config.pad_token_id)

    def block(self, config: D, layer: int) -> nn.Module:
        """A block."""
        return DecoderLayer(config, layer)

    def last_norm(self, config: D) -> nn.Module:
        """The norm at the end."""
        return RMSNorm(config.hidden_size, config.rms_norm_eps)

    def make_rotary(self, config: D) -> None:
        """Makes what `turns` needs."""
        self.rotary_emb = RotaryEmbedding(config.rope(FULL), config.head_size, config.max_position_embeddings)

    def turns(self, positions: jax.Array, dtype: Any) -> dict[str, tuple[jax.Array, jax.Array]]:
        """Cosines and sines for each kind of layer."""
        turn = self.rotary_emb(positions, dtype)
        return {kind: turn for kind in self.windows}

    def make_cache(self, batch_size: int, length: int, dtype: DType | None = None) -> KVCache:
        """An empty cache for ``batch_size`` texts of up to ``length`` tokens."""
        shape = (batch_size, self.config.kv_heads, length, self.config.head_size)
        return KVCache(len(self.layers), shape, self.embed_tokens.weight.dtype if dtype is None else dtype)

    def forward(
        self,
        input_ids: ArrayLike | None = None,
        attention_mask: ArrayLike | None = None,
        position_ids: ArrayLike | None = None,
        cache: KVCache | None = None,
        inputs_embeds: ArrayLike | None = None,
        output_hidden_states: bool = False,
    ) -> BaseModelOutput:
        """The states of all tokens.

        Args:
            input_ids: (N, L) tokens.
            attention_mask: (N, S) where a key may be attended to, S = L, or the cache's length.
            position_ids: (N, L); None: from the cache's length on.
            cache: what was kept of the tokens before; the new ones are added to it.
            inputs_embeds: (N, L, E), in place of the tokens.
            output_hidden_states: whether to return the states after each layer.
        """
        what = type(self).__name__
        x = embedded(what, self.embed_tokens, input_ids, inputs_embeds)
        queries, start = x.shape[1], length_of(cache)
        keys = queries if cache is None else cache.capacity
        padding = padding_mask(attention_mask, keys, what)
        masks = {
            kind: causal_mask(queries, keys, start, padding, self.windows[kind], self.causal)
            for kind in dict.fromkeys(self.kinds)
        }
        turns = self.turns(positions_of(position_ids, start, queries), x.dtype)
        states = [x]
        for kind, layer in zip(self.kinds, self.layers, strict=True):
            x = layer(x, masks[kind], turns[kind], cache)
            states.append(x)
        if cache is not None:
            cache.advance(queries)
        x = self.norm(x)
        return BaseModelOutput(last_hidden_state=x, hidden_states=(*states[:-1], x) if output_hidden_states else None)
