"""Gemma 3 (arXiv:2503.19786), its text model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax

from fnn import nn
from fnn.text._rotary import Rope, RotaryEmbedding, rope_parameters
from fnn.text.models.decoder_config import FULL, SLIDING
from fnn.text.models.decoder_heads import CausalLM, SequenceClassification
from fnn.text.models.gemma import GemmaModel
from fnn.text.models.gemma2 import Gemma2Config
from fnn.typing import DType

__all__ = ["Gemma3ForCausalLM", "Gemma3TextConfig", "Gemma3TextForSequenceClassification", "Gemma3TextModel"]


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
