"""DistilBERT (Sanh et al., arXiv:1910.01108)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import jax

from fnn import nn
from fnn.text._activations import activation
from fnn.text._heads import embedded, positions_of
from fnn.text._masks import padding_mask
from fnn.text._projected import ProjectedAttention
from fnn.text.config import Config
from fnn.text.outputs import BaseModelOutput
from fnn.text.pretrained import PreTrainedModel
from fnn.typing import ArrayLike

__all__ = ["DistilBertConfig", "DistilBertModel"]


Given = ArrayLike | None


@dataclass(frozen=True, kw_only=True)
class DistilBertConfig(Config):
    """DistilBERT's configuration.

    Args:
        vocab_size: V.
        max_position_embeddings: the longest text.
        n_layers: the number of blocks.
        n_heads: H.
        dim: E.
        hidden_dim: the features between the two layers of a block's MLP.
        dropout: the probability of dropping elements.
        attention_dropout: of dropping weights of attention.
        activation: between the layers of an MLP.
        initializer_range: the standard deviation of initial weights.
        qa_dropout: of dropping elements before the ends of an answer.
        seq_classif_dropout: of dropping elements before classes of texts.
    """

    model_type: ClassVar[str] = "distilbert"
    renamed: ClassVar[Mapping[str, str]] = {
        "hidden_size": "dim", "num_attention_heads": "n_heads", "num_hidden_layers": "n_layers"
    }  # fmt: skip

    vocab_size: int = 30522
    max_position_embeddings: int = 512
    n_layers: int = 6
    n_heads: int = 12
    dim: int = 768
    hidden_dim: int = 4 * 768
    dropout: float = 0.1
    attention_dropout: float = 0.1
    activation: str = "gelu"
    initializer_range: float = 0.02
    qa_dropout: float = 0.1
    seq_classif_dropout: float = 0.2
    pad_token_id: int | None = 0


class _Embeddings(nn.Module):
    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.dim, config.pad_token_id)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, config.dim)
        self.LayerNorm = nn.LayerNorm(config.dim, eps=1e-12)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, input_ids: Given, position_ids: Given, inputs_embeds: Given) -> jax.Array:
        x = embedded("DistilBertModel", self.word_embeddings, input_ids, inputs_embeds)
        x = x + self.position_embeddings(positions_of(position_ids, 0, x.shape[1]))
        return self.dropout(self.LayerNorm(x))


class _FFN(nn.Module):
    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__()
        self.lin1 = nn.Linear(config.dim, config.hidden_dim)
        self.lin2 = nn.Linear(config.hidden_dim, config.dim)
        self.dropout = nn.Dropout(config.dropout)
        self.act = activation(config.activation)

    def forward(self, x: jax.Array) -> jax.Array:
        return self.dropout(self.lin2(self.act(self.lin1(x))))


class _Block(nn.Module):
    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__()
        names = ("q_lin", "k_lin", "v_lin", "out_lin")
        self.attention = ProjectedAttention(config.dim, config.n_heads, names, dropout=config.attention_dropout)
        self.sa_layer_norm = nn.LayerNorm(config.dim, eps=1e-12)
        self.ffn = _FFN(config)
        self.output_layer_norm = nn.LayerNorm(config.dim, eps=1e-12)

    def forward(self, x: jax.Array, mask: jax.Array | None) -> jax.Array:
        x = self.sa_layer_norm(self.attention(x, mask) + x)
        return self.output_layer_norm(self.ffn(x) + x)


class _Transformer(nn.Module):
    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList([_Block(config) for _ in range(config.n_layers)])

    def forward(self, x: jax.Array, mask: jax.Array | None) -> list[jax.Array]:
        states = [x]
        for layer in self.layer:
            states.append(layer(states[-1], mask))
        return states


class _DistilBert(PreTrainedModel[DistilBertConfig]):
    config_class = DistilBertConfig
    base_model_prefix = "distilbert"
    obsolete = ("embeddings.position_ids",)


class DistilBertModel(_DistilBert):
    """DistilBERT without a head."""

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__(config)
        self.embeddings = _Embeddings(config)
        self.transformer = _Transformer(config)
        self.post_init()

    def forward(
        self,
        input_ids: Given = None,
        attention_mask: Given = None,
        inputs_embeds: Given = None,
        position_ids: Given = None,
        output_hidden_states: bool = False,
    ) -> BaseModelOutput:
        """The states of all tokens.

        Args:
            input_ids: (N, L) tokens.
            attention_mask: (N, L), 0 for padding.
            inputs_embeds: (N, L, E), in place of the tokens.
            position_ids: (N, L).
            output_hidden_states: whether to return the states after each block.
        """
        x = self.embeddings(input_ids, position_ids, inputs_embeds)
        states = self.transformer(x, padding_mask(attention_mask, x.shape[1], "DistilBertModel"))
        return BaseModelOutput(states[-1], hidden_states=tuple(states) if output_hidden_states else None)
