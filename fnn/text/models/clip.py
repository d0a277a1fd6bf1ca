"""CLIP (Radford et al., arXiv:2103.00020): a text and an image tower with projections to one space."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp

from fnn import functional as F
from fnn import nn
from fnn.text._losses import text_loss
from fnn.text.models.clip_config import CLIPConfig, CLIPTextConfig, CLIPVisionConfig
from fnn.text.models.clip_towers import CLIPTextModel, CLIPVisionModel
from fnn.text.outputs import BaseModelOutput, CLIPEmbedsOutput, CLIPOutput, LMOutput
from fnn.text.pretrained import PreTrainedModel
from fnn.typing import ArrayLike

__all__ = ["CLIPForImageClassification", "CLIPModel", "CLIPTextModelWithProjection", "CLIPVisionModelWithProjection"]


class CLIPModel(PreTrainedModel[CLIPConfig]):
    """Both towers and their projections."""

    config_class = CLIPConfig
    obsolete = ("embeddings.position_ids",)

    def __init__(self, config: CLIPConfig) -> None:
        super().__init__(config)
        self.text_model = CLIPTextModel(config.text_config)
        self.vision_model = CLIPVisionModel(config.vision_config)
        self.visual_projection = nn.Linear(config.vision_config.hidden_size, config.projection_dim, bias=False)
        self.text_projection = nn.Linear(config.text_config.hidden_size, config.projection_dim, bias=False)
        self.logit_scale = nn.Parameter(jnp.asarray(config.logit_scale_init_value, jnp.float32))
        self.post_init()

    def get_text_features(
        self,
        input_ids: ArrayLike,
        attention_mask: ArrayLike | None = None,
        position_ids: ArrayLike | None = None,
        output_hidden_states: bool = False,
    ) -> BaseModelOutput:
        """The text tower's output, its pooled states projected, (N, P); see `CLIPTextModel.forward`."""
        out = self.text_model(input_ids, attention_mask, position_ids, output_hidden_states)
        return dataclasses.replace(out, pooler_output=self.text_projection(out.pooler_output))

    def get_image_features(
        self, pixel_values: ArrayLike, interpolate_pos_encoding: bool = False, output_hidden_states: bool = False
    ) -> BaseModelOutput:
        """The image tower's output, its pooled states projected, (N, P); see `CLIPVisionModel.forward`."""
        out = self.vision_model(pixel_values, interpolate_pos_encoding, output_hidden_states)
        return dataclasses.replace(out, pooler_output=self.visual_projection(out.pooler_output))

    def forward(
        self,
        input_ids: ArrayLike,
        pixel_values: ArrayLike,
        attention_mask: ArrayLike | None = None,
        position_ids: ArrayLike | None = None,
        return_loss: bool = False,
        interpolate_pos_encoding: bool = False,
        output_hidden_states: bool = False,
    ) -> CLIPOutput:
        """How well texts and images match.

        Args:
            input_ids: (texts, L).
            pixel_values: (images, C, H, W).
            attention_mask: (texts, L), 0 for padding.
            position_ids: (texts, L).
            return_loss: whether to compute the loss of pairs, of as many texts as images.
            interpolate_pos_encoding: whether images may be of another size than the configuration's.
            output_hidden_states: whether to return all states of both towers.
        """
        texts = self.get_text_features(input_ids, attention_mask, position_ids, output_hidden_states)
        images = self.get_image_features(pixel_values, interpolate_pos_encoding, output_hidden_states)
        text_embeds = _unit(texts.pooler_output)
        image_embeds = _unit(images.pooler_output)
        per_text = text_embeds @ image_embeds.T * jnp.exp(self.logit_scale.data).reshape(1, 1)
        loss = None
        if return_loss:
            pairs = jnp.arange(per_text.shape[0])
            loss = (F.cross_entropy(per_text, pairs) + F.cross_entropy(per_text.T, pairs)) / 2
        return CLIPOutput(loss, per_text.T, per_text, text_embeds, image_embeds, texts, images)


def _unit(x: jax.Array | None) -> jax.Array:
    assert x is not None
    return x / jnp.sqrt(jnp.sum(x * x, -1, keepdims=True))


class CLIPTextModelWithProjection(PreTrainedModel[CLIPTextConfig]):
    """The text tower and its projection."""

    config_class = CLIPTextConfig
    base_model_prefix = "text_model"
    obsolete = ("embeddings.position_ids",)

    def __init__(self, config: CLIPTextConfig) -> None:
        super().__init__(config)
        self.text_model = CLIPTextModel(config)
        self.text_projection = nn.Linear(config.hidden_size, config.projection_dim, bias=False)
        self.post_init()

    def forward(
        self,
        input_ids: ArrayLike,
        attention_mask: ArrayLike | None = None,
        position_ids: ArrayLike | None = None,
        output_hidden_states: bool = False,
    ) -> CLIPEmbedsOutput:
        """The projected states, (N, P); see `CLIPTextModel.forward`."""
        out = self.text_model(input_ids, attention_mask, position_ids, output_hidden_states)
        return CLIPEmbedsOutput(self.text_projection(out.pooler_output), out.last_hidden_state, out.hidden_states)


class CLIPVisionModelWithProjection(PreTrainedModel[CLIPVisionConfig]):
    """The image tower and its projection."""

    config_class = CLIPVisionConfig
    base_model_prefix = "vision_model"
    obsolete = ("embeddings.position_ids",)

    def __init__(self, config: CLIPVisionConfig) -> None:
        super().__init__(config)
        self.vision_model = CLIPVisionModel(config)
        self.visual_projection = nn.Linear(config.hidden_size, config.projection_dim, bias=False)
        self.post_init()

    def forward(
        self, pixel_values: ArrayLike, interpolate_pos_encoding: bool = False, output_hidden_states: bool = False
    ) -> CLIPEmbedsOutput:
        """The projected states, (N, P); see `CLIPVisionModel.forward`."""
        out = self.vision_model(pixel_values, interpolate_pos_encoding, output_hidden_states)
        return CLIPEmbedsOutput(self.visual_projection(out.pooler_output), out.last_hidden_state, out.hidden_states)


class CLIPForImageClassification(PreTrainedModel[CLIPConfig]):
    """The image tower with classes, of the mean over the patches."""

    config_class = CLIPConfig
    obsolete = ("embeddings.position_ids",)

    def __init__(self, config: CLIPConfig) -> None:
        super().__init__(config)
        self.vision_model = CLIPVisionModel(config.vision_config)
        self.classifier = nn.Linear(config.vision_config.hidden_size, config.num_labels)
        self.post_init()

    def forward(
        self, pixel_values: ArrayLike, labels: ArrayLike | None = None, output_hidden_states: bool = False
    ) -> LMOutput:
        """The logits, (N, C)."""
        out = self.vision_model(pixel_values, output_hidden_states=output_hidden_states)
        logits = self.classifier(out.last_hidden_state[:, 1:].mean(1))
        return LMOutput(text_loss(logits, labels, self.config), logits, out.hidden_states)
