"""CLIP (Radford et al., arXiv:2103.00020): a text and an image tower with projections to one space."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from fnn import functional as F
from fnn import nn
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.text._activations import activation
from fnn.text._heads import embedded, positions_of
from fnn.text._losses import text_loss
from fnn.text._masks import causal_mask, padding_mask
from fnn.text._projected import ProjectedAttention
from fnn.text.config import Config
from fnn.text.models.vit import resized_positions
from fnn.text.outputs import BaseModelOutput, CLIPEmbedsOutput, CLIPOutput, LMOutput
from fnn.text.pretrained import PreTrainedModel
from fnn.typing import ArrayLike

__all__ = [
    "CLIPConfig", "CLIPForImageClassification", "CLIPModel", "CLIPTextConfig", "CLIPTextModel",
    "CLIPTextModelWithProjection", "CLIPVisionConfig", "CLIPVisionModel", "CLIPVisionModelWithProjection",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CLIPTextConfig(Config):
    """The text tower's configuration.

    Args:
        vocab_size: V.
        hidden_size: E.
        intermediate_size: the features between the two layers of a block's MLP.
        projection_dim: P.
        num_hidden_layers: the number of blocks.
        num_attention_heads: H.
        max_position_embeddings: the longest text.
        hidden_act: the activation of the MLP.
        layer_norm_eps: of the norms.
        attention_dropout: the probability of dropping weights of attention.
        initializer_range: the standard deviation of initial weights.
    """

    model_type: ClassVar[str] = "clip_text_model"

    vocab_size: int = 49408
    hidden_size: int = 512
    intermediate_size: int = 2048
    projection_dim: int = 512
    num_hidden_layers: int = 12
    num_attention_heads: int = 8
    max_position_embeddings: int = 77
    hidden_act: str = "quick_gelu"
    layer_norm_eps: float = 1e-5
    attention_dropout: float = 0.0
    initializer_range: float = 0.02
    pad_token_id: int | None = 1
    bos_token_id: int | None = 49406
    eos_token_id: int | list[int] | None = 49407


@dataclass(frozen=True, kw_only=True)
class CLIPVisionConfig(Config):
    """The image tower's configuration; see `CLIPTextConfig`.

    Args:
        num_channels: of the images.
        image_size: their height and width.
        patch_size: of the patches that they are cut into.
    """

    model_type: ClassVar[str] = "clip_vision_model"

    hidden_size: int = 768
    intermediate_size: int = 3072
    projection_dim: int = 512
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    num_channels: int = 3
    image_size: int = 224
    patch_size: int = 32
    hidden_act: str = "quick_gelu"
    layer_norm_eps: float = 1e-5
    attention_dropout: float = 0.0
    initializer_range: float = 0.02


@dataclass(frozen=True, kw_only=True)
class CLIPConfig(Config):
    """CLIP's configuration.

    Args:
        text_config: of the text tower, or a dict of it.
        vision_config: of the image tower, or a dict of it.
        projection_dim: P.
        logit_scale_init_value: the initial logarithm of what similarities are multiplied with.
        initializer_range: the standard deviation of initial weights.
    """

    model_type: ClassVar[str] = "clip"

    text_config: Any = field(default_factory=dict)
    vision_config: Any = field(default_factory=dict)
    projection_dim: int = 512
    logit_scale_init_value: float = 2.6592
    initializer_range: float = 0.02

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, kind in (("text_config", CLIPTextConfig), ("vision_config", CLIPVisionConfig)):
            given = getattr(self, name)
            if isinstance(given, Mapping) or given is None:
                self._set(**{name: kind.from_dict(given or {})})


Tower = CLIPTextConfig | CLIPVisionConfig


class _MLP(nn.Module):
    def __init__(self, config: Tower) -> None:
        super().__init__()
        self.fc1 = nn.Linear(config.hidden_size, config.intermediate_size)
        self.fc2 = nn.Linear(config.intermediate_size, config.hidden_size)
        self.act = activation(config.hidden_act)

    def forward(self, x: jax.Array) -> jax.Array:
        return self.fc2(self.act(self.fc1(x)))


class _Layer(nn.Module):
    def __init__(self, config: Tower) -> None:
        super().__init__()
        self.self_attn = ProjectedAttention(
            config.hidden_size, config.num_attention_heads, ("q_proj", "k_proj", "v_proj", "out_proj"),
            dropout=config.attention_dropout,
        )  # fmt: skip
        self.layer_norm1 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.mlp = _MLP(config)
        self.layer_norm2 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, x: jax.Array, mask: jax.Array | None) -> jax.Array:
        x = x + self.self_attn(self.layer_norm1(x), mask)
        return x + self.mlp(self.layer_norm2(x))


class _Encoder(nn.Module):
    def __init__(self, config: Tower) -> None:
        super().__init__()
        self.layers = nn.ModuleList([_Layer(config) for _ in range(config.num_hidden_layers)])

    def forward(self, x: jax.Array, mask: jax.Array | None = None) -> list[jax.Array]:
        states = [x]
        for layer in self.layers:
            states.append(layer(states[-1], mask))
        return states


class _TextEmbeddings(nn.Module):
    def __init__(self, config: CLIPTextConfig) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.position_embedding = nn.Embedding(config.max_position_embeddings, config.hidden_size)

    def forward(self, input_ids: ArrayLike, position_ids: ArrayLike | None) -> jax.Array:
        x = embedded("CLIPTextModel", self.token_embedding, input_ids, None)
        return x + self.position_embedding(positions_of(position_ids, 0, x.shape[1]))


class CLIPTextModel(PreTrainedModel[CLIPTextConfig]):
    """The text tower."""

    config_class = CLIPTextConfig
    base_model_prefix = "text_model"
    obsolete = ("embeddings.position_ids",)

    def __init__(self, config: CLIPTextConfig) -> None:
        super().__init__(config)
        self.embeddings = _TextEmbeddings(config)
        self.encoder = _Encoder(config)
        self.final_layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.end = config.eos_token_id
        self.post_init()

    def forward(
        self,
        input_ids: ArrayLike,
        attention_mask: ArrayLike | None = None,
        position_ids: ArrayLike | None = None,
        output_hidden_states: bool = False,
    ) -> BaseModelOutput:
        """The states of all tokens; the pooled one is that of the token that ends the text.

        Args:
            input_ids: (N, L) tokens.
            attention_mask: (N, L), 0 for padding.
            position_ids: (N, L).
            output_hidden_states: whether to return the states after each block.
        """
        x = self.embeddings(input_ids, position_ids)
        ids, length = to_array(input_ids, "input_ids"), x.shape[1]
        mask = causal_mask(length, length, 0, padding_mask(attention_mask, length, "CLIPTextModel"))
        states = self.encoder(x, mask)
        x = self.final_layer_norm(states[-1])
        # the first files say that 2 is the end, which is the largest token
        at = jnp.argmax(ids if self.end == 2 else ids == self.end, -1)
        pooled = jnp.take_along_axis(x, at[:, None, None], 1)[:, 0]
        return BaseModelOutput(x, pooled, tuple(states) if output_hidden_states else None)


class _VisionEmbeddings(nn.Module):
    def __init__(self, config: CLIPVisionConfig) -> None:
        super().__init__()
        self.image, self.patch = config.image_size, config.patch_size
        self.class_embedding = nn.Parameter(jnp.zeros(config.hidden_size))
        self.patch_embedding = nn.Conv2d(
            config.num_channels, config.hidden_size, kernel_size=self.patch, stride=self.patch, bias=False
        )
        self.position_embedding = nn.Embedding((self.image // self.patch) ** 2 + 1, config.hidden_size)

    def forward(self, pixel_values: ArrayLike, resizes: bool) -> jax.Array:
        pixels = to_array(pixel_values, "pixel_values")
        height, width = pixels.shape[-2:]
        positions = self.position_embedding.weight[None]
        if (height, width) != (self.image, self.image):
            if not resizes:
                raise ArgumentError(
                    f"Input image size ({height}*{width}) doesn't match model ({self.image}*{self.image}); "
                    "interpolate_pos_encoding=True resamples the positions"
                )
            positions = resized_positions(positions, (height // self.patch, width // self.patch))
        x = self.patch_embedding(pixels.astype(self.patch_embedding.weight.dtype))
        x = jnp.swapaxes(x.reshape(*x.shape[:2], -1), 1, 2)
        first = jnp.broadcast_to(self.class_embedding.data, (x.shape[0], 1, x.shape[2])).astype(x.dtype)
        return jnp.concatenate((first, x), 1) + positions


class CLIPVisionModel(PreTrainedModel[CLIPVisionConfig]):
    """The image tower."""

    config_class = CLIPVisionConfig
    base_model_prefix = "vision_model"
    obsolete = ("embeddings.position_ids",)

    def __init__(self, config: CLIPVisionConfig) -> None:
        super().__init__(config)
        self.embeddings = _VisionEmbeddings(config)
        self.pre_layrnorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.encoder = _Encoder(config)
        self.post_layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.post_init()

    def forward(
        self, pixel_values: ArrayLike, interpolate_pos_encoding: bool = False, output_hidden_states: bool = False
    ) -> BaseModelOutput:
        """The states of all patches; the pooled one is the first, normalised.

        Args:
            pixel_values: (N, C, H, W).
            interpolate_pos_encoding: whether images may be of another size than the configuration's.
            output_hidden_states: whether to return the states after each block.
        """
        states = self.encoder(self.pre_layrnorm(self.embeddings(pixel_values, interpolate_pos_encoding)))
        pooled = self.post_layernorm(states[-1][:, 0])
        return BaseModelOutput(states[-1], pooled, tuple(states) if output_hidden_states else None)


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
