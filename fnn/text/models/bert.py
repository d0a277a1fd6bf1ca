"""BERT without a head (Devlin et al., arXiv:1810.04805); the embeddings of RoBERTa (arXiv:1907.11692)."""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.text._activations import activation
from fnn.text._heads import embedded
from fnn.text._masks import padding_mask
from fnn.text._projected import ProjectedAttention
from fnn.text.models.bert_config import BertConfig, RobertaConfig
from fnn.text.outputs import BaseModelOutput
from fnn.text.pretrained import PreTrainedModel
from fnn.typing import ArrayLike

__all__ = ["BertModel", "RobertaModel"]


class BertEmbeddings(nn.Module):
    """The sum of the embeddings of tokens, positions and segments, normalised.

    Args:
        config: of the model.
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden_size, config.pad_token_id)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def positions(self, input_ids: ArrayLike | None, length: int) -> jax.Array:
        """(1, L) or (N, L)."""
        return jnp.arange(length)[None]

    def forward(
        self,
        input_ids: ArrayLike | None,
        token_type_ids: ArrayLike | None,
        position_ids: ArrayLike | None,
        inputs_embeds: ArrayLike | None,
        what: str,
    ) -> jax.Array:
        x = embedded(what, self.word_embeddings, input_ids, inputs_embeds)
        if position_ids is None:
            position_ids = self.positions(input_ids, x.shape[1])
        kinds = (
            jnp.zeros((1, x.shape[1]), jnp.int32)
            if token_type_ids is None
            else to_array(token_type_ids, "token_type_ids")
        )
        x = x + self.token_type_embeddings(kinds) + self.position_embeddings(to_array(position_ids, "position_ids"))
        return self.dropout(self.LayerNorm(x))


class RobertaEmbeddings(BertEmbeddings):
    """BERT's, but that positions count the tokens that are no padding, from behind the padding token's number on."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.padding_idx = config.pad_token_id
        if self.padding_idx is None:
            raise ArgumentError("RobertaModel: the configuration needs pad_token_id")
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, config.hidden_size, self.padding_idx)

    def positions(self, input_ids: ArrayLike | None, length: int) -> jax.Array:
        first = self.padding_idx or 0
        if input_ids is None:
            return jnp.arange(first + 1, length + first + 1)[None]
        there = (to_array(input_ids, "input_ids") != first).astype(jnp.int32)
        return jnp.cumsum(there, axis=1) * there + first


class Dense(nn.Module):
    """A linear layer under the name ``dense``, with an activation behind it.

    Args:
        features: of the input.
        out: of the output.
        act: the name of the activation; None: none.
    """

    def __init__(self, features: int, out: int, act: str | None = None) -> None:
        super().__init__()
        self.dense = nn.Linear(features, out)
        self.act = None if act is None else activation(act)

    def forward(self, x: jax.Array) -> jax.Array:
        x = self.dense(x)
        return x if self.act is None else self.act(x)


class AddedDense(nn.Module):
    """A linear layer to whose output another array is added before it is normalised.

    Args:
        features: of the input.
        config: of the model.
    """

    def __init__(self, features: int, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(features, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, x: jax.Array, residual: jax.Array) -> jax.Array:
        return self.LayerNorm(self.dropout(self.dense(x)) + residual)


class BertAttention(nn.Module):
    """Self-attention and what is added to it.

    Args:
        config: of the model.
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        names = ("query", "key", "value", None)
        attention = ProjectedAttention(
            config.hidden_size, config.num_attention_heads, names, dropout=config.attention_probs_dropout_prob
        )
        self.add_module("self", attention)
        self.output = AddedDense(config.hidden_size, config)

    def forward(self, x: jax.Array, mask: jax.Array | None) -> jax.Array:
        return self.output(self._modules["self"](x, mask), x)


class BertLayer(nn.Module):
    """A block.

    Args:
        config: of the model.
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.attention = BertAttention(config)
        self.intermediate = Dense(config.hidden_size, config.intermediate_size, config.hidden_act)
        self.output = AddedDense(config.intermediate_size, config)

    def forward(self, x: jax.Array, mask: jax.Array | None) -> jax.Array:
        x = self.attention(x, mask)
        return self.output(self.intermediate(x), x)


class BertEncoder(nn.Module):
    """The blocks.

    Args:
        config: of the model.
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList([BertLayer(config) for _ in range(config.num_hidden_layers)])

    def forward(self, x: jax.Array, mask: jax.Array | None) -> list[jax.Array]:
        """The states before the first block and after each."""
        states = [x]
        for layer in self.layer:
            states.append(layer(states[-1], mask))
        return states


class BertModel(PreTrainedModel[BertConfig]):
    """BERT without a head.

    Args:
        config: of the model.
        add_pooling_layer: whether to have the layer that is fed the first token's state.
    """

    config_class = BertConfig
    base_model_prefix = "bert"
    obsolete = ("embeddings.position_ids", "embeddings.token_type_ids")
    embeddings_class: ClassVar[type[BertEmbeddings]] = BertEmbeddings

    def __init__(self, config: BertConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config)
        self.embeddings = self.embeddings_class(config)
        self.encoder = BertEncoder(config)
        self.pooler = Dense(config.hidden_size, config.hidden_size, "tanh") if add_pooling_layer else None
        self.post_init()

    def forward(
        self,
        input_ids: ArrayLike | None = None,
        attention_mask: ArrayLike | None = None,
        token_type_ids: ArrayLike | None = None,
        position_ids: ArrayLike | None = None,
        inputs_embeds: ArrayLike | None = None,
        output_hidden_states: bool = False,
    ) -> BaseModelOutput:
        """The states of all tokens.

        Args:
            input_ids: (N, L) tokens.
            attention_mask: (N, L), 0 for padding.
            token_type_ids: (N, L), the segment of each token; None: the first.
            position_ids: (N, L).
            inputs_embeds: (N, L, E), in place of the tokens.
            output_hidden_states: whether to return the states after each block.
        """
        what = type(self).__name__
        x = self.embeddings(input_ids, token_type_ids, position_ids, inputs_embeds, what)
        states = self.encoder(x, padding_mask(attention_mask, x.shape[1], what))
        pooled = None if self.pooler is None else self.pooler(states[-1][:, 0])
        return BaseModelOutput(states[-1], pooled, tuple(states) if output_hidden_states else None)


class RobertaModel(BertModel):
    """RoBERTa without a head; see `BertModel`."""

    config_class = RobertaConfig
    base_model_prefix = "roberta"
    embeddings_class = RobertaEmbeddings
