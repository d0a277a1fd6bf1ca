"""Gemma 1, 2 and 3 (arXiv:2403.08295, 2408.00118, 2503.19786)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.text._norms import OffsetRMSNorm
from fnn.text._rotary import Rope, RotaryEmbedding, rope_parameters
from fnn.text.cache import KVCache
from fnn.text.models.decoder import FULL, SLIDING, Attention, DecoderConfig, DecoderModel, GatedMLP
from fnn.text.models.decoder_heads import CausalLM, SequenceClassification, TokenClassification
from fnn.typing import ArrayLike, DType

__all__ = [
    "Gemma2Config",
    "Gemma2ForCausalLM",
    "Gemma2ForSequenceClassification",
    "Gemma2ForTokenClassification",
    "Gemma2Model",
    "Gemma3ForCausalLM",
    "Gemma3TextConfig",
    "Gemma3TextForSequenceClassification",
    "Gemma3TextModel",
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


@dataclass(frozen=True, kw_only=True)
class Gemma2Config(GemmaConfig):
    """Gemma 2's configuration; see `GemmaConfig`.

    Args:
        query_pre_attn_scalar: scores are divided by its root.
        final_logit_softcapping: c of ``c * tanh(logits / c)``.
        attn_logit_softcapping: the same, of scores.
    """

    model_type: ClassVar[str] = "gemma2"

    hidden_size: int = 2304
    intermediate_size: int = 9216
    num_hidden_layers: int = 26
    num_attention_heads: int = 8
    num_key_value_heads: int | None = 4
    hidden_activation: str = "gelu_pytorch_tanh"
    query_pre_attn_scalar: int = 256
    sliding_window: int | None = 4096
    final_logit_softcapping: float | None = 30.0
    attn_logit_softcapping: float | None = 50.0

    def kind(self, layer: int) -> str:
        """As `layer_types` says, or else in turn."""
        return (FULL if layer % 2 else SLIDING) if self.layer_types is None else self.layer_types[layer]

    @property
    def mlp_activation(self) -> str:
        """The activation."""
        return self.hidden_activation

    @property
    def sandwiched(self) -> bool:
        """They are there."""
        return True

    @property
    def score_scale(self) -> float:
        """By the number of the configuration."""
        return self.query_pre_attn_scalar**-0.5

    @property
    def score_cap(self) -> float | None:
        """As the configuration says."""
        return self.attn_logit_softcapping


class Gemma2Model(GemmaModel):
    """Gemma2 without a head; see `DecoderModel`."""

    config_class = Gemma2Config


class Gemma2ForCausalLM(CausalLM[Gemma2Config]):
    """Gemma2 with the logits of the next token."""

    config_class = Gemma2Config
    model_class = Gemma2Model

    def make_head(self, config: Gemma2Config) -> None:
        super().make_head(config)
        self.softcap = config.final_logit_softcapping


class Gemma2ForSequenceClassification(SequenceClassification[Gemma2Config]):
    """Gemma2 with classes of texts."""

    config_class = Gemma2Config
    model_class = Gemma2Model


class Gemma2ForTokenClassification(TokenClassification[Gemma2Config]):
    """Gemma2 with classes of tokens."""

    config_class = Gemma2Config
    model_class = Gemma2Model


@dataclass(frozen=True, kw_only=True)
class Gemma3TextConfig(Gemma2Config):
    """Gemma 3's configuration, of its text model; see `Gemma2Config`.

    ``rope_parameters`` has an entry for each kind of layer; older files say ``rope_local_base_freq`` besides.
    """

    model_type: ClassVar[str] = "gemma3_text"

    vocab_size: int = 262208
    max_position_embeddings: int = 131072
    final_logit_softcapping: float | None = None
    attn_logit_softcapping: float | None = None
    use_bidirectional_attention: bool | None = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.use_bidirectional_attention and self.sliding_window is not None:
            self._set(sliding_window=self.sliding_window // 2 + 1)

    def to_dict(self) -> dict[str, Any]:
        """The content of a ``config.json`` that says the same."""
        content = super().to_dict()
        if self.use_bidirectional_attention and self.sliding_window is not None:
            content["sliding_window"] = (self.sliding_window - 1) * 2
        return content

    def kind(self, layer: int) -> str:
        """As `layer_types` says, or else full attention in each sixth layer."""
        every = self.extra.get("sliding_window_pattern") or self.extra.get("_sliding_window_pattern") or 6
        return (SLIDING if (layer + 1) % every else FULL) if self.layer_types is None else self.layer_types[layer]

    def rope(self, kind: str) -> Rope:
        """Of each kind its own."""
        given: Mapping[str, Any] = self.rope_parameters or {}
        if kind in given:
            return rope_parameters(given[kind], {}, self.max_position_embeddings)
        if kind == SLIDING:
            theta = self.extra.get("rope_local_base_freq", 10000.0)
            return rope_parameters({"rope_theta": theta}, {}, self.max_position_embeddings)
        return rope_parameters(None, self.extra, self.max_position_embeddings, 1000000.0)

    @property
    def normalises_heads(self) -> bool:
        """They are."""
        return True

    @property
    def score_cap(self) -> float | None:
        """None: the original has the field and does not use it."""
        return None


class Gemma3TextModel(GemmaModel):
    """Gemma3 without a head; see `DecoderModel`."""

    config_class = Gemma3TextConfig

    def make_rotary(self, config: Any) -> None:
        self.rotary_emb = nn.ModuleDict(
            {
                kind: RotaryEmbedding(config.rope(kind), config.head_size, config.max_position_embeddings)
                for kind in dict.fromkeys(self.kinds)
            }
        )

    def turns(self, positions: jax.Array, dtype: DType) -> dict[str, tuple[jax.Array, jax.Array]]:
        """Cosines and sines, of each kind of layer its own."""
        return {kind: rotary(positions, dtype) for kind, rotary in self.rotary_emb.items()}


class Gemma3ForCausalLM(CausalLM[Gemma3TextConfig]):
    """Gemma3 with the logits of the next token."""

    config_class = Gemma3TextConfig
    model_class = Gemma3TextModel

    def make_head(self, config: Gemma3TextConfig) -> None:
        super().make_head(config)
        self.softcap = config.final_logit_softcapping


class Gemma3TextForSequenceClassification(SequenceClassification[Gemma3TextConfig]):
    """Gemma3 with classes of texts."""

    config_class = Gemma3TextConfig
    model_class = Gemma3TextModel
