"""CLIP's towers: of texts and of images."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.text._activations import activation
from fnn.text._heads import embedded, positions_of
from fnn.text._masks import causal_mask, padding_mask
from fnn.text._projected import ProjectedAttention
from fnn.text.models.clip_config import CLIPTextConfig, CLIPVisionConfig
from fnn.text.models.image_embeddings import resized_positions
from fnn.text.outputs import BaseModelOutput
from fnn.text.pretrained import PreTrainedModel
from fnn.typing import ArrayLike

__all__ = ["CLIPTextModel", "CLIPVisionModel"]


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
