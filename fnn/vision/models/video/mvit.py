"""Multiscale vision transformers (Fan et al., arXiv:2104.11227; version 2: Li et al., arXiv:2112.01526).

The builders take ``weights`` (published weights or their name, by default None), ``progress`` (whether a download
shows a progress bar) and the keyword arguments of `MViT`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from fnn import nn
from fnn.errors import ArgumentError
from fnn.vision.models._registry import build, builder, expect
from fnn.vision.models._weights import WeightsEnum
from fnn.vision.models.video._multiscale import MSBlockConfig, MultiscaleBlock, PositionalEncoding
from fnn.vision.models.video._weights import MViT_V1_B_Weights, MViT_V2_S_Weights

__all__ = ["MViT", "MViT_V1_B_Weights", "MViT_V2_S_Weights", "mvit_v1_b", "mvit_v2_s"]

Make = Callable[..., nn.Module]


class MViT(nn.Module):
    """A transformer that lowers the resolution and widens the features from stage to stage.

    Args:
        spatial_size: height and width of the input.
        temporal_size: its frames.
        block_setting: the blocks.
        residual_pool: whether pooled queries are added to what the attention gives.
        residual_with_cls_embed: whether the class token's are, too.
        rel_pos_embed: embeddings of distances instead of places.
        proj_after_attn: whether features are widened in the attention, or in the MLP.
        dropout: the probability of the dropout before the classifier.
        attention_dropout: that of the dropouts behind linear layers.
        stochastic_depth_prob: the last block's probability of leaving a branch out; that of the others grows from 0.
        num_classes: the number of outputs.
        block: makes a block. Default: `MultiscaleBlock`.
        norm_layer: makes a normalisation of so many features. Default: `fnn.nn.LayerNorm` with eps 1e-6.
        patch_embed_kernel: of the convolution that makes the tokens.
        patch_embed_stride: of it.
        patch_embed_padding: of it.

    Shape:
        Input (N, 3, T, H, W), output (N, num_classes).

    Example:
        >>> from fnn.vision.models import video
        >>> block = video.mvit.MSBlockConfig(1, 8, 8, [3, 3, 3], [3, 3, 3], [1, 1, 1], [1, 2, 2])
        >>> model = video.MViT(
        ...     (32, 32), temporal_size=4, block_setting=[block, block], residual_pool=True,
        ...     residual_with_cls_embed=True, rel_pos_embed=False, proj_after_attn=False, num_classes=10,
        ... )
        >>> sum(p.numel() for p in model.parameters())
        7322
    """

    def __init__(
        self,
        spatial_size: tuple[int, int],
        temporal_size: int,
        block_setting: Sequence[MSBlockConfig],
        residual_pool: bool,
        residual_with_cls_embed: bool,
        rel_pos_embed: bool,
        proj_after_attn: bool,
        dropout: float = 0.5,
        attention_dropout: float = 0.0,
        stochastic_depth_prob: float = 0.0,
        num_classes: int = 400,
        block: Make | None = None,
        norm_layer: Make | None = None,
        patch_embed_kernel: tuple[int, int, int] = (3, 7, 7),
        patch_embed_stride: tuple[int, int, int] = (2, 4, 4),
        patch_embed_padding: tuple[int, int, int] = (1, 3, 3),
    ) -> None:
        super().__init__()
        total = len(block_setting)
        if total == 0:
            raise ArgumentError("The configuration parameter can't be empty.")
        make = MultiscaleBlock if block is None else block
        norm = partial(nn.LayerNorm, eps=1e-6) if norm_layer is None else norm_layer
        channels = block_setting[0].input_channels
        self.conv_proj = nn.Conv3d(
            3, channels, kernel_size=patch_embed_kernel, stride=patch_embed_stride, padding=patch_embed_padding
        )
        grid = [size // step for size, step in zip((temporal_size, *spatial_size), self.conv_proj.stride, strict=True)]
        self.pos_encoding = PositionalEncoding(channels, (grid[1], grid[2]), grid[0], rel_pos_embed)
        self.blocks = nn.ModuleList()
        for i, cnf in enumerate(block_setting):
            self.blocks.append(
                make(
                    input_size=grid,
                    cnf=cnf,
                    residual_pool=residual_pool,
                    residual_with_cls_embed=residual_with_cls_embed,
                    rel_pos_embed=rel_pos_embed,
                    proj_after_attn=proj_after_attn,
                    dropout=attention_dropout,
                    stochastic_depth_prob=stochastic_depth_prob * i / (total - 1.0),
                    norm_layer=norm,
                )
            )
            if len(cnf.stride_q) > 0:
                grid = [size // step for size, step in zip(grid, cnf.stride_q, strict=True)]
        self.norm = norm(block_setting[-1].output_channels)
        self.head = nn.Sequential(
            nn.Dropout(dropout, inplace=True), nn.Linear(block_setting[-1].output_channels, num_classes)
        )
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, PositionalEncoding):
                for parameter in module.parameters():
                    nn.init.trunc_normal_(parameter, std=0.02)

    def forward(self, x: jax.Array) -> jax.Array:
        if x.ndim not in (4, 5):
            raise ArgumentError(f"Unsupported input dimension {x.shape}")
        x = self.conv_proj(x if x.ndim == 5 else x[:, :, None])
        x = self.pos_encoding(jnp.swapaxes(lax.collapse(x, 2), 1, 2))  # (N, 1 + T' * H' * W', C)
        thw = (self.pos_encoding.temporal_size, *self.pos_encoding.spatial_size)
        for block in self.blocks:
            x, thw = block(x, thw)
        return self.head(self.norm(x)[:, 0])


_KERNEL = [3, 3, 3]
_HALF = {1, 3, 14}  # the blocks that halve the resolution
_HEADS = [1, 2, 2, *[4] * 11, 8, 8]
_STRIDES_KV = [8, 4, 4, *[2] * 11, 1, 1]


def _blocks(inputs: list[int], outputs: list[int], always: bool) -> list[MSBlockConfig]:
    """``always``: whether queries are convolved where the resolution stays, too."""
    setting = []
    for i, (heads, channels, out, step) in enumerate(zip(_HEADS, inputs, outputs, _STRIDES_KV, strict=True)):
        kernel_q = list(_KERNEL) if always or i in _HALF else []
        stride_q = [1, 2, 2] if i in _HALF else [1, 1, 1] if always else []
        setting.append(MSBlockConfig(heads, channels, out, kernel_q, list(_KERNEL), stride_q, [1, step, step]))
    return setting


def _mvit(
    setting: list[MSBlockConfig],
    defaults: dict[str, Any],
    weights: WeightsEnum | None,
    progress: bool,
    kwargs: dict[str, Any],
) -> MViT:
    if weights is not None:
        expect(kwargs, "spatial_size", weights.meta["min_size"])
        expect(kwargs, "temporal_size", weights.meta["min_temporal_size"])
    options = {"spatial_size": (224, 224), "temporal_size": 16, "stochastic_depth_prob": 0.2, **defaults, **kwargs}
    return build(partial(MViT, block_setting=setting), weights, progress, options)


@builder(MViT_V1_B_Weights.KINETICS400_V1)
def mvit_v1_b(*, weights: MViT_V1_B_Weights | str | None = None, progress: bool = True, **kwargs: object) -> MViT:
    """The base MViT."""
    inputs = [96, *[192] * 2, *[384] * 11, *[768] * 2]
    outputs = [*[192] * 2, *[384] * 11, *[768] * 3]
    options = {
        "residual_pool": False,
        "residual_with_cls_embed": False,
        "rel_pos_embed": False,
        "proj_after_attn": False,
    }
    return _mvit(_blocks(inputs, outputs, False), options, MViT_V1_B_Weights.verify(weights), progress, kwargs)


@builder(MViT_V2_S_Weights.KINETICS400_V1)
def mvit_v2_s(*, weights: MViT_V2_S_Weights | str | None = None, progress: bool = True, **kwargs: object) -> MViT:
    """The small MViT, version 2."""
    inputs = [*[96] * 2, *[192] * 2, *[384] * 11, 768]
    outputs = [96, *[192] * 2, *[384] * 11, *[768] * 2]
    options = {
        "residual_pool": True,
        "residual_with_cls_embed": False,
        "rel_pos_embed": True,
        "proj_after_attn": True,
    }
    return _mvit(_blocks(inputs, outputs, True), options, MViT_V2_S_Weights.verify(weights), progress, kwargs)
