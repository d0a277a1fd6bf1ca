"""GPT-2 (Radford et al., "Language Models are Unsupervised Multitask Learners", 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.text._activations import activation
from fnn.text._attention import attend, join_heads, split_heads
from fnn.text._heads import Conv1D, embedded, positions_of
from fnn.text._masks import causal_mask, padding_mask
from fnn.text.cache import KVCache, length_of
from fnn.text.config import Config
from fnn.text.outputs import BaseModelOutput
from fnn.text.pretrained import PreTrainedModel
from fnn.typing import ArrayLike, DType

__all__ = ["GPT2Config", "GPT2Model"]


@dataclass(frozen=True, kw_only=True)
class GPT2Config(Config):
    """GPT-2's configuration.

    Args:
        vocab_size: V.
        n_positions: the longest text.
        n_embd: E.
        n_layer: the number of blocks.
        n_head: H.
        n_inner: the features inside a block's MLP; None: 4 E.
        activation_function: of the MLP.
        resid_pdrop: the probability of dropping elements of what a block adds.
        embd_pdrop: of dropping elements of the embeddings.
        attn_pdrop: of dropping weights of attention.
        layer_norm_epsilon: of the norms.
        initializer_range: the standard deviation of initial weights.
        scale_attn_weights: whether scores are divided by the root of D.
        scale_attn_by_inverse_layer_idx: whether they are divided by the number of the layer, too.
        add_cross_attention: not supported.
        classifier_dropout: of the head for tokens.
        summary_type: which state `GPT2DoubleHeadsModel` chooses by: ``"cls_index"``, that of a token which is named.
        summary_use_proj: whether the state is projected.
        summary_activation: ``"tanh"``, or another activation behind the projection; None: none.
        summary_proj_to_labels: whether it is projected to one number; else to E.
        summary_first_dropout: the probability of dropping elements before the projection.
    """

    model_type: ClassVar[str] = "gpt2"
    renamed: ClassVar[Mapping[str, str]] = {
        "hidden_size": "n_embd", "max_position_embeddings": "n_positions", "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer",
    }  # fmt: skip

    vocab_size: int = 50257
    n_positions: int = 1024
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    n_inner: int | None = None
    activation_function: str = "gelu_new"
    resid_pdrop: float = 0.1
    embd_pdrop: float = 0.1
    attn_pdrop: float = 0.1
    layer_norm_epsilon: float = 1e-5
    initializer_range: float = 0.02
    scale_attn_weights: bool = True
    scale_attn_by_inverse_layer_idx: bool = False
    add_cross_attention: bool = False
    classifier_dropout: float | None = None
    summary_type: str = "cls_index"
    summary_use_proj: bool = True
    summary_activation: str | None = None
    summary_proj_to_labels: bool = True
    summary_first_dropout: float = 0.1
    bos_token_id: int | None = 50256
    eos_token_id: int | list[int] | None = 50256

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_embd % self.n_head:
            raise ArgumentError(f"GPT2Config: n_head must divide n_embd, got {self.n_head} and {self.n_embd}")
        if self.add_cross_attention:
            raise ArgumentError("GPT2Config: add_cross_attention=True is not supported")


class GPT2Attention(nn.Module):
    """Self-attention whose three projections are one.

    Args:
        config: of the model.
        layer: the number of the layer.
    """

    def __init__(self, config: GPT2Config, layer: int) -> None:
        super().__init__()
        self.layer, self.size, self.dropout = layer, config.n_embd // config.n_head, config.attn_pdrop
        self.scale = self.size**-0.5 if config.scale_attn_weights else 1.0
        if config.scale_attn_by_inverse_layer_idx:
            self.scale /= layer + 1
        self.c_attn = Conv1D(3 * config.n_embd, config.n_embd)
        self.c_proj = Conv1D(config.n_embd, config.n_embd)
        self.resid_dropout = nn.Dropout(config.resid_pdrop)

    def forward(self, x: jax.Array, mask: jax.Array, cache: KVCache | None) -> jax.Array:
        q, k, v = (split_heads(part, self.size) for part in jnp.split(self.c_attn(x), 3, -1))
        if cache is not None:
            k, v = cache.update(self.layer, k, v)
        attended = attend(q, k, v, mask, scale=self.scale, dropout=self.dropout if self.training else 0.0)
        return self.resid_dropout(self.c_proj(join_heads(attended)))


class GPT2MLP(nn.Module):
    """Two layers with an activation between.

    Args:
        inner: the features between.
        config: of the model.
    """

    def __init__(self, inner: int, config: GPT2Config) -> None:
        super().__init__()
        self.c_fc = Conv1D(inner, config.n_embd)
        self.c_proj = Conv1D(config.n_embd, inner)
        self.act = activation(config.activation_function)
        self.dropout = nn.Dropout(config.resid_pdrop)

    def forward(self, x: jax.Array) -> jax.Array:
        return self.dropout(self.c_proj(self.act(self.c_fc(x))))


class GPT2Block(nn.Module):
    """Attention and MLP, each around which its normalised input is added.

    Args:
        config: of the model.
        layer: its number.
    """

    def __init__(self, config: GPT2Config, layer: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.attn = GPT2Attention(config, layer)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.mlp = GPT2MLP(config.n_inner or 4 * config.n_embd, config)

    def forward(self, x: jax.Array, mask: jax.Array, cache: KVCache | None) -> jax.Array:
        x = x + self.attn(self.ln_1(x), mask, cache)
        return x + self.mlp(self.ln_2(x))


class _GPT2(PreTrainedModel[GPT2Config]):
    config_class = GPT2Config
    base_model_prefix = "transformer"
    obsolete = (".attn.bias", ".attn.masked_bias")


class GPT2Model(_GPT2):
    """GPT-2 without a head."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.n_positions, config.n_embd)
        self.drop = nn.Dropout(config.embd_pdrop)
        self.h = nn.ModuleList([GPT2Block(config, n) for n in range(config.n_layer)])
        self.ln_f = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.post_init()

    def make_cache(self, batch_size: int, length: int, dtype: DType | None = None) -> KVCache:
        """An empty cache for ``batch_size`` texts of up to ``length`` tokens."""
        shape = (batch_size, self.config.n_head, length, self.config.n_embd // self.config.n_head)
        return KVCache(self.config.n_layer, shape, self.wte.weight.dtype if dtype is None else dtype)

    def forward(
        self,
        input_ids: ArrayLike | None = None,
        attention_mask: ArrayLike | None = None,
        position_ids: ArrayLike | None = None,
        cache: KVCache | None = None,
        inputs_embeds: ArrayLike | None = None,
        output_hidden_states: bool = False,
        token_type_ids: ArrayLike | None = None,
    ) -> BaseModelOutput:
        """The states of all tokens.

        Args:
            input_ids: (N, L) tokens.
            attention_mask: (N, S) where a key may be attended to, S = L, or the cache's length.
            position_ids: (N, L); None: from the cache's length on.
            cache: what was kept of the tokens before; the new ones are added to it.
            inputs_embeds: (N, L, E), in place of the tokens.
            output_hidden_states: whether to return the states after each layer.
            token_type_ids: (N, L), further tokens whose embeddings are added.
        """
        x = embedded("GPT2Model", self.wte, input_ids, inputs_embeds)
        queries, start = x.shape[1], length_of(cache)
        keys = queries if cache is None else cache.capacity
        mask = causal_mask(queries, keys, start, padding_mask(attention_mask, keys, "GPT2Model"))
        x = x + self.wpe(positions_of(position_ids, start, queries))
        if token_type_ids is not None:
            x = x + self.wte(to_array(token_type_ids, "token_type_ids"))
        x = self.drop(x)
        states = [x]
        for block in self.h:
            x = block(x, mask, cache)
            states.append(x)
        if cache is not None:
            cache.advance(queries)
        x = self.ln_f(x)
        return BaseModelOutput(last_hidden_state=x, hidden_states=(*states[:-1], x) if output_hidden_states else None)
