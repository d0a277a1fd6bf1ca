"""DINOv2 (Oquab et al., arXiv:2304.07193)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp

from fnn import functional as F
from fnn import nn
from fnn.text._activations import activation
from fnn.text._losses import text_loss
from fnn.text.models.image_embeddings import ImageEmbeddings
from fnn.text.models.vit import ImageAttention, Layers
from fnn.text.models.vit_config import ViTConfig
from fnn.text.outputs import BaseModelOutput, LMOutput
from fnn.text.pretrained import PreTrainedModel
from fnn.typing import ArrayLike
from fnn.vision.ops.stochastic_depth import StochasticDepth

__all__ = ["Dinov2Config", "Dinov2ForImageClassification", "Dinov2Model"]


@dataclass(frozen=True, kw_only=True)
class Dinov2Config(ViTConfig):
    """DINOv2's configuration; see `ViTConfig`.

    Args:
        mlp_ratio: the features inside a block's MLP, in multiples of E.
        layerscale_value: the initial scale of what a block adds.
        drop_path_rate: the probability of leaving a block out, for each image.
        use_swiglu_ffn: whether the MLP is gated.
        use_mask_token: whether there is a state in place of patches that are masked.
    """

    model_type: ClassVar[str] = "dinov2"

    mlp_ratio: float = 4
    layer_norm_eps: float = 1e-6
    patch_size: int | list[int] = 14
    layerscale_value: float = 1.0
    drop_path_rate: float = 0.0
    use_swiglu_ffn: bool = False
    use_mask_token: bool = True


class _LayerScale(nn.Module):
    def __init__(self, config: Dinov2Config) -> None:
        super().__init__()
        self.lambda1 = nn.Parameter(jnp.full(config.hidden_size, config.layerscale_value))

    def forward(self, x: jax.Array) -> jax.Array:
        return x * jnp.broadcast_to(self.lambda1.data, x.shape)


class _MLP(nn.Module):
    def __init__(self, config: Dinov2Config) -> None:
        super().__init__()
        inner = int(config.hidden_size * config.mlp_ratio)
        self.fc1 = nn.Linear(config.hidden_size, inner)
        self.fc2 = nn.Linear(inner, config.hidden_size)
        self.act = activation(config.hidden_act)

    def forward(self, x: jax.Array) -> jax.Array:
        return self.fc2(self.act(self.fc1(x)))


class _SwiGLU(nn.Module):
    def __init__(self, config: Dinov2Config) -> None:
        super().__init__()
        inner = (int(int(config.hidden_size * config.mlp_ratio) * 2 / 3) + 7) // 8 * 8
        self.weights_in = nn.Linear(config.hidden_size, 2 * inner)
        self.weights_out = nn.Linear(inner, config.hidden_size)

    def forward(self, x: jax.Array) -> jax.Array:
        gate, up = jnp.split(self.weights_in(x), 2, -1)
        return self.weights_out(F.silu(gate) * up)


class _Layer(nn.Module):
    def __init__(self, config: Dinov2Config) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.attention = ImageAttention(config)
        self.layer_scale1 = _LayerScale(config)
        drops = config.drop_path_rate > 0
        self.drop_path = StochasticDepth(config.drop_path_rate, "row") if drops else nn.Identity()
        self.norm2 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.mlp = _SwiGLU(config) if config.use_swiglu_ffn else _MLP(config)
        self.layer_scale2 = _LayerScale(config)

    def forward(self, x: jax.Array) -> jax.Array:
        x = x + self.drop_path(self.layer_scale1(self.attention(self.norm1(x))))
        return x + self.drop_path(self.layer_scale2(self.mlp(self.norm2(x))))


class Dinov2Model(PreTrainedModel[Dinov2Config]):
    """DINOv2 without a head.  Its parameters have the names of its files."""

    config_class = Dinov2Config
    base_model_prefix = "dinov2"

    def __init__(self, config: Dinov2Config) -> None:
        super().__init__(config)
        self.embeddings = ImageEmbeddings(config, (1,) if config.use_mask_token else None)
        self.encoder = Layers([_Layer(config) for _ in range(config.num_hidden_layers)])
        self.layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.post_init()

    def forward(
        self,
        pixel_values: ArrayLike,
        bool_masked_pos: ArrayLike | None = None,
        output_hidden_states: bool = False,
    ) -> BaseModelOutput:
        """The states of all patches; the pooled one is the first.

        Args:
            pixel_values: (N, C, H, W), of any size.
            bool_masked_pos: (N, patches), True for those that are masked.
            output_hidden_states: whether to return the states after each block.
        """
        states = self.encoder(self.embeddings(pixel_values, True, bool_masked_pos))
        x = self.layernorm(states[-1])
        return BaseModelOutput(x, x[:, 0], tuple(states) if output_hidden_states else None)


class Dinov2ForImageClassification(PreTrainedModel[Dinov2Config]):
    """DINOv2 with classes of images, of the first state beside the mean of the others."""

    config_class = Dinov2Config
    base_model_prefix = "dinov2"

    def __init__(self, config: Dinov2Config) -> None:
        super().__init__(config)
        self.dinov2 = Dinov2Model(config)
        self.classifier = nn.Linear(2 * config.hidden_size, config.num_labels)
        self.post_init()

    def forward(
        self, pixel_values: ArrayLike, labels: ArrayLike | None = None, output_hidden_states: bool = False
    ) -> LMOutput:
        """The logits, (N, C); see `Dinov2Model.forward`."""
        out = self.dinov2(pixel_values, output_hidden_states=output_hidden_states)
        x = out.last_hidden_state
        logits = self.classifier(jnp.concatenate((x[:, 0], x[:, 1:].mean(1)), 1))
        return LMOutput(text_loss(logits, labels, self.config), logits, out.hidden_states)
