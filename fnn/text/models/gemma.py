"""Gemma (arXiv:2403.08295), and the blocks that its later versions share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.text._norms import OffsetRMSNorm
from fnn.text.cache import KVCache
from fnn.text.models.decoder import Attention, DecoderModel, GatedMLP
from fnn.text.models.decoder_config import DecoderConfig
from fnn.text.models.decoder_heads import CausalLM, SequenceClassification, TokenClassification
from fnn.typing import ArrayLike

__all__ = [
    "GemmaAttention",
    "GemmaConfig",
    "GemmaForCausalLM",
    "GemmaForSequenceClassification",
    "GemmaForTokenClassification",
    "GemmaLayer",
    "GemmaModel",
    "ScaledEmbedding",
]


@dataclass(frozen=True, kw_only=True)
class GemmaConfig(DecoderConfig):
    """Gemma's configuration; see `DecoderConfig`.

    Args:
        hidden_activation: the activation of the MLP of later versions.
        use_bidirectional_attention: whether a query sees later keys, too.
    """

    model_type: ClassVar[str] = "gemma"

    vocab_size: int = 256000
    hidden_size: int = 3072
    intermediate_size: int = 24576
    num_hidden_layers: int = 28
    num_attention_heads: int = 16
    num_key_value_heads: int | None = 16
    head_dim: int | None = 256
    hidden_act: str = "gelu_pytorch_tanh"
    max_position_embeddings: int = 8192
    use_bidirectional_attention: bool | None = None
    tie_word_embeddings: bool = True
    pad_token_id: int | None = 0
    eos_token_id: int | list[int] | None = 1
    bos_token_id: int | None = 2

    @property
    def mlp_activation(self) -> str:
        """The activation; the first files say "gelu" and mean the approximation."""
        return "gelu_pytorch_tanh" if self.hidden_act == "gelu" else self.hidden_act

    @property
    def sandwiched(self) -> bool:
        """Whether there are norms behind attention and MLP."""
        return False

    @property
    def score_scale(self) -> float:
        """What scores are multiplied by."""
        return self.head_size**-0.5

    @property
    def score_cap(self) -> float | None:
        """Where scores are capped."""
        return None


class ScaledEmbedding(nn.Embedding):
    """An embedding whose rows are multiplied by the square root of their length, rounded as they are."""

    def forward(self, input: ArrayLike) -> jax.Array:
        rows = super().forward(input)
        return rows * jnp.asarray(self.embedding_dim**0.5, rows.dtype)


class GemmaAttention(Attention):
    """Attention with Gemma's norms, its own scale, and scores that are capped."""

    norm = OffsetRMSNorm

    def __init__(self, config: GemmaConfig, layer: int) -> None:
        super().__init__(config, layer)
        self.scale, self.softcap = config.score_scale, config.score_cap


class GemmaLayer(nn.Module):
    """Attention and MLP between norms: before each, and for later versions behind each, too.

    Args:
        config: of the model.
        layer: its number.
    """

    def __init__(self, config: GemmaConfig, layer: int) -> None:
        super().__init__()
        self.self_attn = GemmaAttention(config, layer)
        self.mlp = GatedMLP(config.hidden_size, config.intermediate_size, config.mlp_activation)
        self.sandwiched = config.sandwiched
        names = ["input_layernorm", "post_attention_layernorm"]
        names += ["pre_feedforward_layernorm", "post_feedforward_layernorm"] if self.sandwiched else []
        for name in names:
            setattr(self, name, OffsetRMSNorm(config.hidden_size, config.rms_norm_eps))

    def forward(
        self, x: jax.Array, mask: jax.Array, turn: tuple[jax.Array, jax.Array], cache: KVCache | None
    ) -> jax.Array:
        attended = self.self_attn(self.input_layernorm(x), mask, turn, cache)
        if not self.sandwiched:
            x = x + attended
            return x + self.mlp(self.post_attention_layernorm(x))
        x = x + self.post_attention_layernorm(attended)
        return x + self.post_feedforward_layernorm(self.mlp(self.pre_feedforward_layernorm(x)))


class GemmaModel(DecoderModel[GemmaConfig]):
    """Gemma without a head; see `DecoderModel`."""

    config_class = GemmaConfig

    def __init__(self, config: Any) -> None:
        self.causal = not config.use_bidirectional_attention
        super().__init__(config)

    def embedding(self, config: Any) -> nn.Module:
        return ScaledEmbedding(config.vocab_size, config.hidden_size, config.pad_token_id)

    def block(self, config: Any, layer: int) -> nn.Module:
        return GemmaLayer(config, layer)

    def last_norm(self, config: Any) -> nn.Module:
        return OffsetRMSNorm(config.hidden_size, config.rms_norm_eps)


class GemmaForCausalLM(CausalLM[GemmaConfig]):
    """Gemma with the logits of the next token."""

    config_class = GemmaConfig
    model_class = GemmaModel


class GemmaForSequenceClassification(SequenceClassification[GemmaConfig]):
    """Gemma with classes of texts."""

    config_class = GemmaConfig
    model_class = GemmaModel


class GemmaForTokenClassification(TokenClassification[GemmaConfig]):
    """Gemma with classes of tokens."""

    config_class = GemmaConfig
    model_class = GemmaModel
