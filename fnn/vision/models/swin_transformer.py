"""Swin transformers: attention within shifted windows (Liu et al., arXiv:2103.14030; version 2: arXiv:2111.09883).

The builders take ``weights`` (published weights or their name, by default None), ``progress`` (whether a download
shows a progress bar) and the keyword arguments of `SwinTransformer`.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn import init, nn
from fnn.vision.models._draws import skipped_draws
from fnn.vision.models._registry import build, builder
from fnn.vision.models._swin_weights import (
    Swin_B_Weights,
    Swin_S_Weights,
    Swin_T_Weights,
    Swin_V2_B_Weights,
    Swin_V2_S_Weights,
    Swin_V2_T_Weights,
)
from fnn.vision.models._weights import WeightsEnum
from fnn.vision.models._windows import WindowAttention, window_attention
from fnn.vision.ops.misc import MLP, Permute
from fnn.vision.ops.stochastic_depth import StochasticDepth

__all__ = [
    "SwinTransformer",
    "Swin_B_Weights",
    "Swin_S_Weights",
    "Swin_T_Weights",
    "Swin_V2_B_Weights",
    "Swin_V2_S_Weights",
    "Swin_V2_T_Weights",
    "swin_b",
    "swin_s",
    "swin_t",
    "swin_v2_b",
    "swin_v2_s",
    "swin_v2_t",
]

Make = Callable[..., nn.Module]


class PatchMerging(nn.Module):
    """Halves the resolution: the features of four neighbours are normalised and projected to twice their number.

    Args:
        dim: C.
        norm_layer: makes a normalisation of so many features.

    Shape:
        Input (..., H, W, C), output (..., H / 2, W / 2, 2 * C), rounded up.
    """

    def __init__(self, dim: int, norm_layer: Make = nn.LayerNorm) -> None:
        super().__init__()
        self.dim = dim
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)
        self.norm = norm_layer(self._normalised * dim)

    _normalised = 4

    @staticmethod
    def _neighbours(x: jax.Array) -> jax.Array:
        h, w, _ = x.shape[-3:]
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 3) + [(0, h % 2), (0, w % 2), (0, 0)])
        return jnp.concatenate([x[..., i::2, j::2, :] for j in (0, 1) for i in (0, 1)], -1)

    def forward(self, x: jax.Array) -> jax.Array:
        return self.reduction(self.norm(self._neighbours(x)))


class PatchMergingV2(PatchMerging):
    """`PatchMerging` that normalises after the projection; arguments as there."""

    _normalised = 2

    def forward(self, x: jax.Array) -> jax.Array:
        return self.norm(self.reduction(self._neighbours(x)))


shifted_window_attention = window_attention


class ShiftedWindowAttention(WindowAttention):
    """Attention within windows of (N, H, W, C).

    Args:
        dim: C.
        window_size: height and width.
        shift_size: of the windows, down and to the right.
        num_heads: the number of heads.
        qkv_bias: whether queries, keys and values have biases.
        proj_bias: whether the projection behind has one.
        attention_dropout: the probability of the dropout of the attention's weights.
        dropout: that of the dropout behind the projection.
    """

    _axes = 2

    def get_relative_position_bias(self) -> jax.Array:
        """What is added to the logits, (1, num_heads, P, P)."""
        return self._bias(self.relative_position_bias_table.data, self.relative_position_index.data)

    def _attend(self, x: jax.Array, logit_scale: jax.Array | None = None) -> jax.Array:
        return window_attention(
            x,
            self.qkv.weight,
            self.proj.weight,
            self.get_relative_position_bias(),
            self.window_size,
            self.num_heads,
            self.shift_size,
            self.attention_dropout,
            self.dropout,
            self.qkv.bias,
            self.proj.bias,
            logit_scale,
            self.training,
        )

    def forward(self, x: jax.Array) -> jax.Array:
        return self._attend(x)


class ShiftedWindowAttentionV2(ShiftedWindowAttention):
    """`ShiftedWindowAttention` by scaled cosines, with biases that a small network makes of distances.

    Arguments as there.
    """

    def __init__(
        self,
        dim: int,
        window_size: Sequence[int],
        shift_size: Sequence[int],
        num_heads: int,
        qkv_bias: bool = True,
        proj_bias: bool = True,
        attention_dropout: float = 0.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(dim, window_size, shift_size, num_heads, qkv_bias, proj_bias, attention_dropout, dropout)
        self.logit_scale = nn.Parameter(init.full(None, (num_heads, 1, 1), math.log(10.0)))
        self.cpb_mlp = nn.Sequential(
            nn.Linear(2, 512, bias=True), nn.ReLU(inplace=True), nn.Linear(512, num_heads, bias=False)
        )
        if self.qkv.bias is not None:
            self.qkv.bias.data = self.qkv.bias.data.at[dim : 2 * dim].set(0)

    def define_relative_position_bias_table(self) -> None:
        """Makes the distances, on a logarithmic scale, from which the biases are computed: (1, ..., 2)."""
        steps = [np.arange(-(w - 1), w, dtype=np.float32) / np.float32(w - 1) for w in self.window_size]
        distances = np.stack(np.meshgrid(*steps, indexing="ij"), -1)[None] * np.float32(8)
        scaled = np.sign(distances) * np.log2(np.abs(distances) + np.float32(1)) / np.float32(3)
        self.register_buffer("relative_coords_table", jnp.asarray(scaled))

    def get_relative_position_bias(self) -> jax.Array:
        """What is added to the logits, (1, num_heads, P, P)."""
        table = self.cpb_mlp(self.relative_coords_table.data).reshape(-1, self.num_heads)
        return 16 * jax.nn.sigmoid(self._bias(table, self.relative_position_index.data))

    def forward(self, x: jax.Array) -> jax.Array:
        return self._attend(x, self.logit_scale.data)


class SwinTransformerBlock(nn.Module):
    """Attention within windows and an MLP, each after a normalisation and with the input added.

    Args:
        dim: features of input and output.
        num_heads: of the attention.
        window_size: of the attention.
        shift_size: of the attention.
        mlp_ratio: how many times ``dim`` the MLP has features inside.
        dropout: the probability of the dropouts behind attention and linear layers.
        attention_dropout: that of the attention's weights.
        stochastic_depth_prob: that of leaving a branch out.
        norm_layer: makes a normalisation of so many features.
        attn_layer: makes the attention.
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        window_size: Sequence[int],
        shift_size: Sequence[int],
        mlp_ratio: float = 4.0,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        stochastic_depth_prob: float = 0.0,
        norm_layer: Make = nn.LayerNorm,
        attn_layer: Make = ShiftedWindowAttention,
    ) -> None:
        super().__init__()
        self.norm1 = norm_layer(dim)
        self.attn = attn_layer(
            dim, window_size, shift_size, num_heads, attention_dropout=attention_dropout, dropout=dropout
        )
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")
        self.norm2 = norm_layer(dim)
        with skipped_draws():
            self.mlp = MLP(dim, [int(dim * mlp_ratio), dim], activation_layer=nn.GELU, inplace=None, dropout=dropout)
        for module in self.mlp.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.normal_(module.bias, std=1e-6)

    def forward(self, x: jax.Array) -> jax.Array:
        x = x + self.stochastic_depth(self.attn(self.norm1(x)))
        return x + self.stochastic_depth(self.mlp(self.norm2(x)))


class SwinTransformerBlockV2(SwinTransformerBlock):
    """`SwinTransformerBlock` that normalises after attention and MLP; arguments as there."""

    def __init__(
        self,
        dim: int,
        num_heads: int,
        window_size: Sequence[int],
        shift_size: Sequence[int],
        mlp_ratio: float = 4.0,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        stochastic_depth_prob: float = 0.0,
        norm_layer: Make = nn.LayerNorm,
        attn_layer: Make = ShiftedWindowAttentionV2,
    ) -> None:
        super().__init__(
            dim,
            num_heads,
            window_size,
            shift_size,
            mlp_ratio,
            dropout,
            attention_dropout,
            stochastic_depth_prob,
            norm_layer,
            attn_layer,
        )

    def forward(self, x: jax.Array) -> jax.Array:
        x = x + self.stochastic_depth(self.norm1(self.attn(x)))
        return x + self.stochastic_depth(self.norm2(self.mlp(x)))


class SwinTransformer(nn.Module):
    """Stages of attention within windows, with half the resolution and twice the features from one to the next.

    Args:
        patch_size: height and width of a patch.
        embed_dim: features of the first stage.
        depths: the number of blocks of each stage.
        num_heads: of each stage.
        window_size: height and width of a window.
        mlp_ratio: how many times its features a block's MLP has inside.
        dropout: the probability of the dropouts behind attention and linear layers.
        attention_dropout: that of the attention's weights.
        stochastic_depth_prob: the last block's probability of leaving a branch out; that of the others grows from 0.
        num_classes: the number of outputs.
        norm_layer: makes a normalisation of so many features. Default: `fnn.nn.LayerNorm`.
        block: makes a block. Default: `SwinTransformerBlock`.
        downsample_layer: makes what stands between two stages.

    Shape:
        Input (N, 3, H, W), output (N, num_classes).

    Example:
        >>> from fnn.vision import models
        >>> model = models.SwinTransformer(
        ...     patch_size=[4, 4], embed_dim=8, depths=[2, 2], num_heads=[1, 2], window_size=[7, 7], num_classes=10
        ... )
        >>> sum(p.numel() for p in model.parameters())
        10504
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
        num_classes: int = 1000,
        norm_layer: Make | None = None,
        block: Make | None = None,
        downsample_layer: Make = PatchMerging,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        make = SwinTransformerBlock if block is None else block
        norm = partial(nn.LayerNorm, eps=1e-5) if norm_layer is None else norm_layer
        patch = (patch_size[0], patch_size[1])
        layers: list[nn.Module] = [
            nn.Sequential(
                nn.Conv2d(3, embed_dim, kernel_size=patch, stride=patch), Permute([0, 2, 3, 1]), norm(embed_dim)
            )
        ]
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
                    )
                )
                depth += 1
            layers.append(nn.Sequential(*parts))
            if stage < len(depths) - 1:
                layers.append(downsample_layer(dim, norm))
                dim *= 2
        self.features = nn.Sequential(*layers)
        self.norm = norm(dim)
        self.permute = Permute([0, 3, 1, 2])
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten(1)
        with skipped_draws():
            self.head = nn.Linear(dim, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: jax.Array) -> jax.Array:
        x = self.norm(self.features(x))  # (N, H / 32, W / 32, C)
        return self.head(self.flatten(self.avgpool(self.permute(x))))


def _swin_transformer(
    embed_dim: int,
    depths: Sequence[int],
    num_heads: Sequence[int],
    window: int,
    stochastic_depth_prob: float,
    weights: WeightsEnum | None,
    progress: bool,
    kwargs: dict[str, Any],
) -> SwinTransformer:
    make = partial(
        SwinTransformer,
        patch_size=[4, 4],
        embed_dim=embed_dim,
        depths=list(depths),
        num_heads=list(num_heads),
        window_size=[window, window],
    )
    return build(make, weights, progress, {"stochastic_depth_prob": stochastic_depth_prob, **kwargs})


_V2 = {"block": SwinTransformerBlockV2, "downsample_layer": PatchMergingV2}
_SMALL, _DEEP = (2, 2, 6, 2), (2, 2, 18, 2)
_HEADS, _MORE_HEADS = (3, 6, 12, 24), (4, 8, 16, 32)


@builder(Swin_T_Weights.IMAGENET1K_V1)
def swin_t(*, weights: Swin_T_Weights | str | None = None, progress: bool = True, **kwargs: object) -> SwinTransformer:
    """The tiny Swin transformer."""
    return _swin_transformer(96, _SMALL, _HEADS, 7, 0.2, Swin_T_Weights.verify(weights), progress, kwargs)


@builder(Swin_S_Weights.IMAGENET1K_V1)
def swin_s(*, weights: Swin_S_Weights | str | None = None, progress: bool = True, **kwargs: object) -> SwinTransformer:
    """The small Swin transformer."""
    return _swin_transformer(96, _DEEP, _HEADS, 7, 0.3, Swin_S_Weights.verify(weights), progress, kwargs)


@builder(Swin_B_Weights.IMAGENET1K_V1)
def swin_b(*, weights: Swin_B_Weights | str | None = None, progress: bool = True, **kwargs: object) -> SwinTransformer:
    """The base Swin transformer."""
    return _swin_transformer(128, _DEEP, _MORE_HEADS, 7, 0.5, Swin_B_Weights.verify(weights), progress, kwargs)


@builder(Swin_V2_T_Weights.IMAGENET1K_V1)
def swin_v2_t(
    *, weights: Swin_V2_T_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> SwinTransformer:
    """The tiny Swin transformer, version 2."""
    return _swin_transformer(96, _SMALL, _HEADS, 8, 0.2, Swin_V2_T_Weights.verify(weights), progress, {**_V2, **kwargs})


@builder(Swin_V2_S_Weights.IMAGENET1K_V1)
def swin_v2_s(
    *, weights: Swin_V2_S_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> SwinTransformer:
    """The small Swin transformer, version 2."""
    return _swin_transformer(96, _DEEP, _HEADS, 8, 0.3, Swin_V2_S_Weights.verify(weights), progress, {**_V2, **kwargs})


@builder(Swin_V2_B_Weights.IMAGENET1K_V1)
def swin_v2_b(
    *, weights: Swin_V2_B_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> SwinTransformer:
    """The base Swin transformer, version 2."""
    return _swin_transformer(
        128, _DEEP, _MORE_HEADS, 8, 0.5, Swin_V2_B_Weights.verify(weights), progress, {**_V2, **kwargs}
    )
