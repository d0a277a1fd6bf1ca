"""T5 (Raffel et al., arXiv:1910.10683)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.dtypes import to_array
from fnn.text._activations import activation
from fnn.text._heads import embedded
from fnn.text._losses import shifted_right, token_loss
from fnn.text._masks import causal_mask, padding_mask
from fnn.text._norms import RMSNorm
from fnn.text._projected import ProjectedAttention
from fnn.text.cache import KVCache, length_of
from fnn.text.config import Config
from fnn.text.outputs import BaseModelOutput, Seq2SeqLMOutput, Seq2SeqModelOutput
from fnn.text.pretrained import PreTrainedModel
from fnn.typing import ArrayLike, DType

__all__ = ["T5Config", "T5EncoderModel", "T5ForConditionalGeneration", "T5Model"]

Given = ArrayLike | None


@dataclass(frozen=True, kw_only=True)
class T5Config(Config):
    """T5's configuration.

    Args:
        vocab_size: V.
        d_model: E.
        d_kv: D.
        d_ff: the features inside a block's MLP.
        num_layers: the encoder's blocks.
        num_decoder_layers: the decoder's; None: as many.
        num_heads: H.
        relative_attention_num_buckets: the number of distances that are told apart.
        relative_attention_max_distance: the distance from which on they are all one.
        dropout_rate: the probability of dropping elements.
        layer_norm_epsilon: of the norms.
        feed_forward_proj: the activation of the MLP, ``"relu"``, ``"gated-gelu"``, ...
        scale_decoder_outputs: whether the decoder's last states are divided by the root of E; None: if embeddings are
            tied, as in the first version.
        decoder_start_token_id: what the decoder begins with.
        initializer_range: the standard deviation of initial weights.
    """

    model_type: ClassVar[str] = "t5"
    renamed: ClassVar[Mapping[str, str]] = {
        "hidden_size": "d_model", "num_attention_heads": "num_heads", "num_hidden_layers": "num_layers",
        "head_dim": "d_kv",
    }  # fmt: skip

    vocab_size: int = 32128
    d_model: int = 512
    d_kv: int = 64
    d_ff: int = 2048
    num_layers: int = 6
    num_decoder_layers: int | None = None
    num_heads: int = 8
    relative_attention_num_buckets: int = 32
    relative_attention_max_distance: int = 128
    dropout_rate: float = 0.1
    layer_norm_epsilon: float = 1e-6
    feed_forward_proj: str = "relu"
    scale_decoder_outputs: bool | None = None
    decoder_start_token_id: int | None = None
    initializer_range: float = 0.05
    is_encoder_decoder: bool = True
    pad_token_id: int | None = 0
    eos_token_id: int | list[int] | None = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_decoder_layers is None:
            self._set(num_decoder_layers=self.num_layers)
        if self.scale_decoder_outputs is None:
            self._set(scale_decoder_outputs=self.tie_word_embeddings)

    @property
    def act(self) -> tuple[bool, str]:
        """Whether the MLP is gated, and its activation."""
        gated, name = self.feed_forward_proj.startswith("gated-"), self.feed_forward_proj.removeprefix("gated-")
        return gated, "gelu_new" if gated and name == "gelu" else name


class _MLP(nn.Module):
    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.gated, name = config.act
        for layer in ("wi_0", "wi_1") if self.gated else ("wi",):
            setattr(self, layer, nn.Linear(config.d_model, config.d_ff, bias=False))
        self.wo = nn.Linear(config.d_ff, config.d_model, bias=False)
        self.dropout = nn.Dropout(config.dropout_rate)
        self.act = activation(name)

    def forward(self, x: jax.Array) -> jax.Array:
        inner = self.act(self.wi_0(x)) * self.wi_1(x) if self.gated else self.act(self.wi(x))
        return self.wo(self.dropout(inner))


class _Attention(ProjectedAttention):
    """T5's attention: scores are not scaled; the first of a stack has the table of distances."""

    def __init__(self, config: T5Config, layer: int, two_sided: bool | None) -> None:
        names, inner = ("q", "k", "v", "o"), config.num_heads * config.d_kv
        super().__init__(
            config.d_model, config.num_heads, names, (False, False, False, False), inner=inner, scale=1.0,
            dropout=config.dropout_rate, layer=layer,
        )  # fmt: skip
        self.two_sided = bool(two_sided)
        self.buckets, self.farthest = config.relative_attention_num_buckets, config.relative_attention_max_distance
        if two_sided is not None:
            self.relative_attention_bias = nn.Embedding(self.buckets, config.num_heads)

    def distances(self, queries: int, keys: int, start: jax.Array | int) -> jax.Array:
        """(1, H, L, S): what is added to the scores, by the distance from query to key."""
        distance = jnp.arange(keys)[None, :] - (jnp.arange(queries)[:, None] + start)
        count, first = self.buckets, jnp.zeros_like(distance)
        if self.two_sided:
            count //= 2
            first = jnp.where(distance > 0, count, 0)
            distance = jnp.abs(distance)
        else:
            distance = -jnp.minimum(distance, 0)
        exact = count // 2
        far = jnp.log(jnp.maximum(distance, 1).astype(jnp.float32) / exact) / math.log(self.farthest / exact)
        far = jnp.minimum(exact + (far * (count - exact)).astype(jnp.int32), count - 1)
        bucket = first + jnp.where(distance < exact, distance, far)
        return jnp.moveaxis(self.relative_attention_bias(bucket), -1, 0)[None]


class _SelfAttention(nn.Module):
    def __init__(self, config: T5Config, layer: int, two_sided: bool | None) -> None:
        super().__init__()
        self.SelfAttention = _Attention(config, layer, two_sided)
        self.layer_norm = RMSNorm(config.d_model, config.layer_norm_epsilon)
        self.dropout = nn.Dropout(config.dropout_rate)

    def forward(self, x: jax.Array, mask: jax.Array | None, bias: jax.Array, cache: KVCache | None) -> jax.Array:
        return x + self.dropout(self.SelfAttention(self.layer_norm(x), mask, cache=cache, bias=bias))


class _CrossAttention(nn.Module):
    def __init__(self, config: T5Config, layer: int) -> None:
        super().__init__()
        self.EncDecAttention = _Attention(config, layer, None)
        self.layer_norm = RMSNorm(config.d_model, config.layer_norm_epsilon)
        self.dropout = nn.Dropout(config.dropout_rate)

    def forward(
        self, x: jax.Array, mask: jax.Array | None, source: jax.Array | None, cache: KVCache | None
    ) -> jax.Array:
        attended = self.EncDecAttention(self.layer_norm(x), mask, cache=cache, crosses=True, source=source)
        return x + self.dropout(attended)


class _FF(nn.Module):
    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.DenseReluDense = _MLP(config)
        self.layer_norm = RMSNorm(config.d_model, config.layer_norm_epsilon)
        self.dropout = nn.Dropout(config.dropout_rate)

    def forward(self, x: jax.Array) -> jax.Array:
        return x + self.dropout(self.DenseReluDense(self.layer_norm(x)))


class _Block(nn.Module):
    def __init__(self, config: T5Config, n: int, decodes: bool) -> None:
        super().__init__()
        parts: list[nn.Module] = [_SelfAttention(config, n, (not decodes) if n == 0 else None)]
        if decodes:
            parts.append(_CrossAttention(config, n))
        self.layer = nn.ModuleList([*parts, _FF(config)])


class _Stack(nn.Module):
    """The encoder or the decoder."""

    def __init__(self, config: T5Config, layers: int, decodes: bool) -> None:
        super().__init__()
        self.decodes = decodes
        self.embed_tokens = nn.Embedding(config.vocab_size, config.d_model)
        self.block = nn.ModuleList([_Block(config, n, decodes) for n in range(layers)])
        self.final_layer_norm = RMSNorm(config.d_model, config.layer_norm_epsilon)
        self.dropout = nn.Dropout(config.dropout_rate)

    def forward(
        self,
        input_ids: Given,
        attention_mask: Given,
        inputs_embeds: Given,
        source: jax.Array | None = None,
        source_mask: jax.Array | None = None,
        cache: KVCache | None = None,
    ) -> tuple[jax.Array, tuple[jax.Array, ...]]:
        """The last states, and those before each block with the last."""
        what = "T5's decoder" if self.decodes else "T5's encoder"
        x = self.dropout(embedded(what, self.embed_tokens, input_ids, inputs_embeds))
        queries, start = x.shape[1], length_of(cache)
        keys = queries if cache is None else cache.capacity
        mask = padding_mask(attention_mask, keys, what)
        if self.decodes:
            mask = causal_mask(queries, keys, start, mask)
        bias = self.block[0].layer[0].SelfAttention.distances(queries, keys, start)
        states = []
        for block in self.block:
            states.append(x)
            x = block.layer[0](x, mask, bias, cache)
            if self.decodes:
                x = block.layer[1](x, source_mask, source, cache)
            x = block.layer[-1](x)
        if cache is not None:
            cache.advance(queries)
        x = self.dropout(self.final_layer_norm(x))
        return x, (*states, x)


class _T5(PreTrainedModel[T5Config]):
    config_class = T5Config
    obsolete = ("decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight",)
    tied = {"encoder.embed_tokens.weight": "shared.weight", "decoder.embed_tokens.weight": "shared.weight"}

    def __init__(self, config: T5Config, decodes: bool = True) -> None:
        super().__init__(config)
        self.shared = nn.Embedding(config.vocab_size, config.d_model)
        self.encoder = _Stack(config, config.num_layers, False)
        if decodes:
            self.decoder = _Stack(config, config.num_decoder_layers or config.num_layers, True)

    def post_init(self) -> None:
        if not self.config.tie_word_embeddings:  # only the output layer may have a weight of its own
            for name in ("encoder", "decoder"):
                if hasattr(self, name):
                    getattr(self, name).embed_tokens.weight = self.shared.weight
        super().post_init()

    def encode(self, input_ids: ArrayLike, attention_mask: Given = None) -> jax.Array:
        """The encoder's last states, (N, S, E)."""
        return self.encoder(input_ids, attention_mask, None)[0]

    def make_cache(self, batch_size: int, length: int, encoder_length: int, dtype: DType | None = None) -> KVCache:
        """An empty cache for ``batch_size`` texts of up to ``length`` tokens, of inputs of ``encoder_length``."""
        heads, size = self.config.num_heads, self.config.d_kv
        dtype = self.shared.weight.dtype if dtype is None else dtype
        cross = (batch_size, heads, encoder_length, size)
        return KVCache(len(self.decoder.block), (batch_size, heads, length, size), dtype, cross)

    def _run(
        self,
        input_ids: Given,
        attention_mask: Given,
        decoder_input_ids: Given,
        decoder_attention_mask: Given,
        encoder_outputs: Any,
        cache: KVCache | None,
        inputs_embeds: Given,
        decoder_inputs_embeds: Given,
    ) -> tuple[jax.Array, tuple[jax.Array, ...], jax.Array | None, tuple[jax.Array, ...] | None]:
        """The decoder's and the encoder's last states and all of theirs."""
        states = None
        if encoder_outputs is not None:
            source = (
                encoder_outputs.last_hidden_state if isinstance(encoder_outputs, BaseModelOutput) else encoder_outputs
            )
        elif input_ids is None and inputs_embeds is None and cache is not None:
            source = None  # what is needed of it is in the cache
        else:
            source, states = self.encoder(input_ids, attention_mask, inputs_embeds)
        mask = None
        if attention_mask is not None:
            given = to_array(attention_mask, "attention_mask")
            mask = padding_mask(given, given.shape[-1], type(self).__name__)
        x, decoder_states = self.decoder(
            decoder_input_ids, decoder_attention_mask, decoder_inputs_embeds, source, mask, cache
        )
        return x, decoder_states, source, states


class T5Model(_T5):
    """T5 without a head."""

    def __init__(self, config: T5Config) -> None:
        super().__init__(config)
        self.post_init()

    def forward(
        self,
        input_ids: Given = None,
        attention_mask: Given = None,
        decoder_input_ids: Given = None,
        decoder_attention_mask: Given = None,
        encoder_outputs: Any = None,
        cache: KVCache | None = None,
        inputs_embeds: Given = None,
        decoder_inputs_embeds: Given = None,
        output_hidden_states: bool = False,
    ) -> Seq2SeqModelOutput:
        """The states of all tokens.

        Args:
            input_ids: (N, S) tokens of the encoder.
            attention_mask: (N, S), 0 for padding.
            decoder_input_ids: (N, L) tokens of the decoder.
            decoder_attention_mask: (N, L), 0 for padding.
            encoder_outputs: (N, S, E), in place of the encoder's inputs.
            cache: of the decoder's tokens before, and of the encoder's output.
            inputs_embeds: (N, S, E), in place of the tokens.
            decoder_inputs_embeds: (N, L, E), in place of the tokens.
            output_hidden_states: whether to return the states after each block.
        """
        x, states, source, encoder_states = self._run(
            input_ids, attention_mask, decoder_input_ids, decoder_attention_mask, encoder_outputs, cache,
            inputs_embeds, decoder_inputs_embeds,
        )  # fmt: skip
        keep = output_hidden_states
        return Seq2SeqModelOutput(x, states if keep else None, source, encoder_states if keep else None)


class T5EncoderModel(_T5):
    """T5's encoder."""

    tied = {"encoder.embed_tokens.weight": "shared.weight"}

    def __init__(self, config: T5Config) -> None:
        super().__init__(config, decodes=False)
        self.post_init()

    def forward(
        self,
        input_ids: Given = None,
        attention_mask: Given = None,
        inputs_embeds: Given = None,
        output_hidden_states: bool = False,
    ) -> BaseModelOutput:
        """The states of all tokens; see `T5Model.forward`."""
        x, states = self.encoder(input_ids, attention_mask, inputs_embeds)
        return BaseModelOutput(x, hidden_states=states if output_hidden_states else None)


class T5ForConditionalGeneration(_T5):
    """T5 with the logits of the decoder's next token."""

    tied = {**_T5.tied, "lm_head.weight": "shared.weight"}

    def __init__(self, config: T5Config) -> None:
        super().__init__(config)
        self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self.scale = config.d_model**-0.5 if config.scale_decoder_outputs else 1.0
        self.post_init()

    def forward(
        self,
        input_ids: Given = None,
        attention_mask: Given = None,
        decoder_input_ids: Given = None,
        decoder_attention_mask: Given = None,
        encoder_outputs: Any = None,
        cache: KVCache | None = None,
        inputs_embeds: Given = None,
        decoder_inputs_embeds: Given = None,
        labels: Given = None,
        output_hidden_states: bool = False,
    ) -> Seq2SeqLMOutput:
        """The logits of the token after each of the decoder's; see `T5Model.forward`.

        ``labels``, (N, L) with -100 where there is no loss, are also the decoder's inputs, shifted, if there are none.
        """
        if labels is not None and decoder_input_ids is None and decoder_inputs_embeds is None:
            start, pad = self.config.decoder_start_token_id, self.config.pad_token_id
            decoder_input_ids = shifted_right(to_array(labels, "labels"), start, pad, "T5ForConditionalGeneration")
        x, states, source, encoder_states = self._run(
            input_ids, attention_mask, decoder_input_ids, decoder_attention_mask, encoder_outputs, cache,
            inputs_embeds, decoder_inputs_embeds,
        )  # fmt: skip
        logits = self.lm_head(x * self.scale)
        keep = output_hidden_states
        return Seq2SeqLMOutput(
            token_loss(logits, labels), logits, states if keep else None, source, encoder_states if keep else None
        )
