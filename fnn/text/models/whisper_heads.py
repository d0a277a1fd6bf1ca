"""Whisper's encoder with classes of sounds."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.errors import ArgumentError
from fnn.text._losses import token_loss
from fnn.text.models.whisper_config import WhisperConfig
from fnn.text.models.whisper_stacks import _Encoder
from fnn.text.outputs import BaseModelOutput, LMOutput
from fnn.text.pretrained import PreTrainedModel
from fnn.typing import ArrayLike

__all__ = ["WhisperForAudioClassification"]


class WhisperForAudioClassification(PreTrainedModel[WhisperConfig]):
    """Whisper's encoder with classes of sounds."""

    config_class = WhisperConfig
    weight_std = "init_std"

    def __init__(self, config: WhisperConfig) -> None:
        super().__init__(config)
        self.encoder = _Encoder(config)
        count = config.encoder_layers + 1
        self.layer_weights = nn.Parameter(jnp.ones(count) / count) if config.use_weighted_layer_sum else None
        self.projector = nn.Linear(config.d_model, config.classifier_proj_size)
        self.classifier = nn.Linear(config.classifier_proj_size, config.num_labels)
        self.post_init()

    def post_init(self) -> None:
        super().post_init()
        self.encoder.set_positions()

    def forward(
        self,
        input_features: ArrayLike | None = None,
        encoder_outputs: Any = None,
        labels: ArrayLike | None = None,
        output_hidden_states: bool = False,
    ) -> LMOutput:
        """The logits of each sound's class, (N, C).

        Args:
            input_features: (N, mel bands, 2 S), the spectrograms.
            encoder_outputs: a `BaseModelOutput`, or the (N, S, E) of its last states, in place of the spectrograms.
            labels: (N,).
            output_hidden_states: whether to return the states after each block.
        """
        what = "WhisperForAudioClassification"
        x: Any
        states: tuple[jax.Array, ...] | None = None
        if isinstance(encoder_outputs, BaseModelOutput):
            x, states = encoder_outputs.last_hidden_state, encoder_outputs.hidden_states
        elif encoder_outputs is not None:
            x = encoder_outputs
        elif input_features is None:
            raise ArgumentError(f"{what}: give input_features or encoder_outputs")
        else:
            x, states = self.encoder(input_features)
        if self.layer_weights is not None:
            if states is None:
                raise ArgumentError(f"{what}: use_weighted_layer_sum needs the hidden_states of encoder_outputs")
            weights = jax.nn.softmax(self.layer_weights.data)
            x = jnp.einsum("lnse,l->nse", jnp.stack(states), weights)
        logits = self.classifier(self.projector(x).mean(1))
        return LMOutput(token_loss(logits, labels), logits, states if output_hidden_states else None)
