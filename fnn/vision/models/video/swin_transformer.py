"""Swin transformers for videos (Liu et al., arXiv:2106.13230).

The builders take ``weights`` (published weights or their name, by default None), ``progress`` (whether a download
shows a progress bar) and the keyword arguments of `SwinTransformer3d`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn import nn
from fnn.vision.models._draws import skipped_draws
from fnn.vision.models._registry import build, builder
from fnn.vision.models._weights import WeightsEnum
from fnn.vision.models._windows import WindowAttention, relative_index, window_attention
from fnn.vision.models.swin_transformer import PatchMerging, SwinTransformerBlock
from fnn.vision.models.video._weights import Swin3D_B_Weights, Swin3D_S_Weights, Swin3D_T_Weights

__all__ = [
    "Swin3D_B_Weights",
    "Swin3D_S_Weights",
    "Swin3D_T_Weights",
    "SwinTransformer3d",
    "swin3d_b",
    "swin3d_s",
    "swin3d_t",
]

Make = Callable[..., nn.Module]


class ShiftedWindowAttention3d(WindowAttention):
    """Attention within windows of (N, T, H, W, C); a window is at most as large as the input.

    Args:
        dim: C.
        window_size: frames, height and width.
        shift_size: of the windows.
        num_heads: the number of heads.
        qkv_bias: whether queries, keys and values have biases.
        proj_bias: whether the projection behind has one.
        attention_dropout: the probability of the dropout of the attention's weights.
        dropout: that of the dropout behind the projection.
    """

    _axes = 3

    def _index(self) -> np.ndarray:
        return relative_index(self.window_size)

    def get_relative_position_bias(self, window_size: Sequence[int]) -> jax.Array:
        """What is added to the logits of a window of this size, (1, num_heads, P, P)."""
        places = int(np.prod(window_size))
        return self._bias(self.relative_position_bias_table.data, self.relative_position_index.data[:places, :places])

    def forward(self, x: jax.Array) -> jax.Array:
        window = [min(w, size) for w, size in zip(self.window_size, x.shape[1:-1], strict=True)]
        return window_attention(
            x,
            self.qkv.weight,
            self.proj.weight,
            self.get_relative_position_bias(window),
            window,
            self.num_heads,
            [
                0 if size <= w else s
                for s, w, size in zip(self.shift_size, self.window_size, x.shape[1:-1], strict=True)
            ],
            self.attention_dropout,
            self.dropout,
            self.qkv.bias,
            self.proj.bias,
            training=self.training,
        )


class PatchEmbed3d(nn.Module):
    """Patches of a video, projected and normalised.

    Args:
        patch_size: frames, height and width.
        in_channels: input channels.
        embed_dim: features of a patch.
        norm_layer: makes a normalisation of so many features; None for none.

    Shape:
        Input (N, C, T, H, W), output (N, T', H', W', embed_dim), rounded up.
    """

    def __init__(
        self, patch_size: Sequence[int], in_channels: int = 3, embed_dim: int = 96, norm_layer: Make | None = None
    ) -> None:
        super().__init__()
        self.tuple_patch_size = (patch_size[0], patch_size[1], patch_size[2])
        self.proj = nn.Conv3d(in_channels, embed_dim, kernel_size=self.tuple_patch_size, stride=self.tuple_patch_size)
        self.norm = nn.Identity() if norm_layer is None else norm_layer(embed_dim)

    def forward(self, x: jax.Array) -> jax.Array:
        missing = [-size % patch for size, patch in zip(x.shape[2:], self.tuple_patch_size, strict=True)]
        x = jnp.pad(x, [(0, 0), (0, 0), *((0, m) for m in missing)])
        return self.norm(jnp.moveaxis(self.proj(x), 1, -1))


class SwinTransformer3d(nn.Module):
    """Stages of attention within windows, with half the resolution and twice the features from one to the next.

    Args:
        patch_size: frames, height and width of a patch.
        embed_dim: features of the first stage.
        depths: the number of blocks of each stage.
        num_heads: of each stage.
        window_size: frames, height and width of a window.
        mlp_ratio: how many times its features a block's MLP has inside.
        dropout: the probability of the dropouts behind attention and linear layers.
        attention_dropout: that of the attention's weights.
        stochastic_depth_prob: the last block's probability of leaving a branch out; that of the others grows from 0.
        num_classes: the number of outputs.
        norm_layer: makes a normalisation of so many features. Default: `fnn.nn.LayerNorm`.
        block: makes a block. Default: `SwinTransformerBlock`.
        downsample_layer: makes what stands between two stages.
        patch_embed: makes what turns a video into patches. Default: `PatchEmbed3d`.

    Shape:
        Input (N, 3, T, H, W), output (N, num_classes).

    Example:
        >>> from fnn.vision.models import video
        >>> model = video.SwinTransformer3d(
        ...     patch_size=[2, 4, 4], embed_dim=8, depths=[2, 2], num_heads=[1, 2], window_size=[2, 7, 7],
        ...     num_classes=10,
        ... )
        >>> sum(p.numel() for p in model.parameters())
        12916
    """

    def __init__(
        self,
        patch_size: Sequence[int],
        embed_dim: int,
        depths: Sequence[int],
        num_heads: Sequence[int],
        window_size: Sequence[int],
        mlp_ratio: float = 4.0,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        stochastic_depth_prob: float = 0.1,
        num_classes: int = 400,
        norm_layer: Make | None = None,
        block: Make | None = None,
        downsample_layer: Make = PatchMerging,
        patch_embed: Make | None = None,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        make = SwinTransformerBlock if block is None else block
        norm = partial(nn.LayerNorm, eps=1e-5) if norm_layer is None else norm_layer
        embed = PatchEmbed3d if patch_embed is None else patch_embed
        self.patch_embed = embed(patch_size=patch_size, embed_dim=embed_dim, norm_layer=norm)
        self.pos_drop = nn.Dropout(p=dropout)
        layers: list[nn.Module] = []
        depth, total, dim = 0, sum(depths), embed_dim
        for stage, blocks in enumerate(depths):
            parts = []
            for i in range(blocks):
                parts.append(
                    make(
                        dim,
                        num_heads[stage],
                        window_size=window_size,
                        shift_size=[0 if i % 2 == 0 else w // 2 for w in window_size],
                        mlp_ratio=mlp_ratio,
                        dropout=dropout,
                        attention_dropout=attention_dropout,
                        stochastic_depth_prob=stochastic_depth_prob * float(depth) / (total - 1),
                        norm_layer=norm,
                        attn_layer=ShiftedWindowAttention3d,
                    )
                )
                depth += 1
            layers.append(nn.Sequential(*parts))
            if stage < len(depths) - 1:
                layers.append(downsample_layer(dim, norm))
                dim *= 2
        self.features = nn.Sequential(*layers)
        self.num_features = dim
        self.norm = norm(dim)
        self.avgpool = nn.AdaptiveAvgPool3d(1)
        with skipped_draws():
            self.head = nn.Linear(dim, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: jax.Array) -> jax.Array:
        x = self.norm(self.features(self.pos_drop(self.patch_embed(x))))  # (N, T', H', W', C)
        return self.head(lax.collapse(self.avgpool(jnp.moveaxis(x, -1, 1)), 1))


def _swin_transformer3d(
    embed_dim: int,
    depths: Sequence[int],
    num_heads: Sequence[int],
    weights: WeightsEnum | None,
    progress: bool,
    kwargs: dict[str, Any],
) -> SwinTransformer3d:
    make = partial(
        SwinTransformer3d,
        patch_size=[2, 4, 4],
        embed_dim=embed_dim,
        depths=list(depths),
        num_heads=list(num_heads),
        window_size=[8, 7, 7],
    )
    return build(make, weights, progress, {"stochastic_depth_prob": 0.1, **kwargs})


@builder(Swin3D_T_Weights.KINETICS400_V1)
def swin3d_t(
    *, weights: Swin3D_T_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> SwinTransformer3d:
    """The tiny Swin transformer for videos."""
    return _swin_transformer3d(96, (2, 2, 6, 2), (3, 6, 12, 24), Swin3D_T_Weights.verify(weights), progress, kwargs)


@builder(Swin3D_S_Weights.KINETICS400_V1)
def swin3d_s(
    *, weights: Swin3D_S_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> SwinTransformer3d:
    """The small Swin transformer for videos."""
    return _swin_transformer3d(96, (2, 2, 18, 2), (3, 6, 12, 24), Swin3D_S_Weights.verify(weights), progress, kwargs)


@builder(Swin3D_B_Weights.KINETICS400_V1)
def swin3d_b(
    *, weights: Swin3D_B_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> SwinTransformer3d:
    """The base Swin transformer for videos."""
    return _swin_transformer3d(128, (2, 2, 18, 2), (4, 8, 16, 32), Swin3D_B_Weights.verify(weights), progress, kwargs)
