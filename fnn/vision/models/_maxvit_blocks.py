"""The blocks of `fnn.vision.models.maxvit`."""

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp

from fnn import init, nn
from fnn.errors import ArgumentError
from fnn.nn import functional as F
from fnn.vision.models._windows import relative_index
from fnn.vision.ops.misc import Conv2dNormActivation, SqueezeExcitation
from fnn.vision.ops.stochastic_depth import StochasticDepth

__all__ = ["MaxVitBlock", "halved"]

Make = Callable[..., nn.Module]


def halved(size: tuple[int, int]) -> tuple[int, int]:
    """The size after a 3x3 convolution with stride 2 and padding 1."""
    return (size[0] - 1) // 2 + 1, (size[1] - 1) // 2 + 1


class MBConv(nn.Module):
    """Normalises, expands, convolves each channel by itself, weighs the channels, projects; the input is added.

    Args:
        in_channels: input channels.
        out_channels: output channels.
        expansion_ratio: how many times ``out_channels`` there are inside.
        squeeze_ratio: how many times ``out_channels`` the block that weighs channels has inside.
        stride: of the depthwise convolution.
        activation_layer: makes an activation.
        norm_layer: makes a normalisation of so many channels.
        p_stochastic_dropout: the probability of leaving the branch out.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        expansion_ratio: float,
        squeeze_ratio: float,
        stride: int,
        activation_layer: Make,
        norm_layer: Make,
        p_stochastic_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.proj: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=1, bias=True)
            pool = [nn.AvgPool2d(kernel_size=3, stride=stride, padding=1)] if stride == 2 else []
            self.proj = nn.Sequential(*pool, project)
        inside = int(out_channels * expansion_ratio)
        self.stochastic_depth: nn.Module = nn.Identity()
        if p_stochastic_dropout:
            self.stochastic_depth = StochasticDepth(p_stochastic_dropout, mode="row")
        unit = partial(Conv2dNormActivation, activation_layer=activation_layer, norm_layer=norm_layer, inplace=None)
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["pre_norm"] = norm_layer(in_channels)
        layers["conv_a"] = unit(in_channels, inside, kernel_size=1, stride=1, padding=0)
        layers["conv_b"] = unit(inside, inside, kernel_size=3, stride=stride, padding=1, groups=inside)
        layers["squeeze_excitation"] = SqueezeExcitation(inside, int(out_channels * squeeze_ratio), activation=nn.SiLU)
        layers["conv_c"] = nn.Conv2d(inside, out_channels, kernel_size=1, bias=True)
        self.layers = nn.Sequential(layers)

    def forward(self, x: jax.Array) -> jax.Array:
        return self.proj(x) + self.stochastic_depth(self.layers(x))


class RelativePositionalMultiHeadAttention(nn.Module):
    """Attention within each group of places, with learned biases for the distances within a square.

    Args:
        feat_dim: D, the features of input and output.
        head_dim: those of a head.
        max_seq_len: P, the places of a group, a square number.

    Shape:
        (N, G, P, D) -> the same.
    """

    def __init__(self, feat_dim: int, head_dim: int, max_seq_len: int) -> None:
        super().__init__()
        if feat_dim % head_dim != 0:
            raise ArgumentError(f"feat_dim: {feat_dim} must be divisible by head_dim: {head_dim}")
        self.n_heads = feat_dim // head_dim
        self.head_dim = head_dim
        self.size = int(math.sqrt(max_seq_len))
        self.max_seq_len = max_seq_len
        self.to_qkv = nn.Linear(feat_dim, self.n_heads * self.head_dim * 3)
        self.scale_factor = feat_dim**-0.5
        self.merge = nn.Linear(self.head_dim * self.n_heads, feat_dim)
        self.relative_position_bias_table = nn.Parameter(init.zeros(None, ((2 * self.size - 1) ** 2, self.n_heads)))
        self.register_buffer("relative_position_index", jnp.asarray(relative_index((self.size, self.size))))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def get_relative_positional_bias(self) -> jax.Array:
        """What is added to the logits, (1, heads, P, P)."""
        bias = self.relative_position_bias_table.data[self.relative_position_index.data.reshape(-1)]
        return jnp.moveaxis(bias.reshape(self.max_seq_len, self.max_seq_len, -1), -1, 0)[None]

    def forward(self, x: jax.Array) -> jax.Array:
        n, groups, places, features = x.shape
        qkv = self.to_qkv(x).reshape(n, groups, places, 3, self.n_heads, self.head_dim)
        q, k, v = qkv.transpose(3, 0, 1, 4, 2, 5)  # (N, G, heads, P, head_dim) each
        logits = q @ jnp.swapaxes(k * self.scale_factor, -2, -1)
        weights = F.softmax(logits + self.get_relative_positional_bias()[None], dim=-1)
        out = jnp.swapaxes(weights @ v, 2, 3).reshape(n, groups, places, features)
        return self.merge(out)


class SwapAxes(nn.Module):
    """Swaps two axes.

    Args:
        a: one axis.
        b: the other.
    """

    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.a = a
        self.b = b

    def forward(self, x: jax.Array) -> jax.Array:
        return jnp.swapaxes(x, self.a, self.b)


class WindowPartition(nn.Module):
    """(N, C, H, W) to (N, windows, p * p, C)."""

    def forward(self, x: jax.Array, p: int) -> jax.Array:
        n, c, h, w = x.shape
        x = x.reshape(n, c, h // p, p, w // p, p).transpose(0, 2, 4, 3, 5, 1)
        return x.reshape(n, (h // p) * (w // p), p * p, c)


class WindowDepartition(nn.Module):
    """The inverse of `WindowPartition`."""

    def forward(self, x: jax.Array, p: int, h_partitions: int, w_partitions: int) -> jax.Array:
        n, _, _, c = x.shape
        x = x.reshape(n, h_partitions, w_partitions, p, p, c).transpose(0, 5, 1, 3, 2, 4)
        return x.reshape(n, c, h_partitions * p, w_partitions * p)


class PartitionAttentionLayer(nn.Module):
    """Attention and an MLP within windows, or among the places that are a window apart.

    Args:
        in_channels: channels of input and output.
        head_dim: features of a head.
        partition_size: height and width of a window, or of the grid.
        partition_type: ``"window"`` or ``"grid"``.
        grid_size: height and width of the input.
        mlp_ratio: how many times its features the MLP has inside.
        activation_layer: makes an activation.
        norm_layer: makes a normalisation of so many features.
        attention_dropout: the probability of the dropout behind the attention.
        mlp_dropout: that of the dropout behind the MLP.
        p_stochastic_dropout: that of leaving a branch out.
    """

    def __init__(
        self,
        in_channels: int,
        head_dim: int,
        partition_size: int,
        partition_type: str,
        grid_size: tuple[int, int],
        mlp_ratio: int,
        activation_layer: Make,
        norm_layer: Make,
        attention_dropout: float,
        mlp_dropout: float,
        p_stochastic_dropout: float,
    ) -> None:
        super().__init__()
        self.n_heads = in_channels // head_dim
        self.head_dim = head_dim
        self.n_partitions = grid_size[0] // partition_size
        self.partition_type = partition_type
        self.grid_size = grid_size
        if partition_type not in ("grid", "window"):
            raise ArgumentError(f"partition_type must be either 'grid' or 'window', got {partition_type!r}")
        grid = partition_type == "grid"
        self.p, self.g = (self.n_partitions, partition_size) if grid else (partition_size, self.n_partitions)
        self.partition_op = WindowPartition()
        self.departition_op = WindowDepartition()
        self.partition_swap = SwapAxes(-2, -3) if grid else nn.Identity()
        self.departition_swap = SwapAxes(-2, -3) if grid else nn.Identity()
        self.attn_layer = nn.Sequential(
            norm_layer(in_channels),
            RelativePositionalMultiHeadAttention(in_channels, head_dim, partition_size**2),
            nn.Dropout(attention_dropout),
        )
        self.mlp_layer = nn.Sequential(
            nn.LayerNorm(in_channels),
            nn.Linear(in_channels, in_channels * mlp_ratio),
            activation_layer(),
            nn.Linear(in_channels * mlp_ratio, in_channels),
            nn.Dropout(mlp_dropout),
        )
        self.stochastic_dropout = StochasticDepth(p_stochastic_dropout, mode="row")

    def forward(self, x: jax.Array) -> jax.Array:
        if self.grid_size[0] % self.p or self.grid_size[1] % self.p:
            raise ArgumentError(
                f"Grid size must be divisible by partition size. Got grid size of {self.grid_size} and partition size "
                f"of {self.p}"
            )
        x = self.partition_swap(self.partition_op(x, self.p))
        x = x + self.stochastic_dropout(self.attn_layer(x))
        x = x + self.stochastic_dropout(self.mlp_layer(x))
        x = self.departition_swap(x)
        return self.departition_op(x, self.p, self.grid_size[0] // self.p, self.grid_size[1] // self.p)


class MaxVitLayer(nn.Module):
    """`MBConv`, then attention within windows, then attention over the grid; arguments as of these."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        squeeze_ratio: float,
        expansion_ratio: float,
        stride: int,
        norm_layer: Make,
        activation_layer: Make,
        head_dim: int,
        mlp_ratio: int,
        mlp_dropout: float,
        attention_dropout: float,
        p_stochastic_dropout: float,
        partition_size: int,
        grid_size: tuple[int, int],
    ) -> None:
        super().__init__()
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["MBconv"] = MBConv(
            in_channels,
            out_channels,
            expansion_ratio,
            squeeze_ratio,
            stride,
            activation_layer,
            norm_layer,
            p_stochastic_dropout,
        )
        for kind in ("window", "grid"):
            layers[f"{kind}_attention"] = PartitionAttentionLayer(
                out_channels,
                head_dim,
                partition_size,
                kind,
                grid_size,
                mlp_ratio,
                activation_layer,
                nn.LayerNorm,
                attention_dropout,
                mlp_dropout,
                p_stochastic_dropout,
            )
        self.layers = nn.Sequential(layers)

    def forward(self, x: jax.Array) -> jax.Array:
        return self.layers(x)


class MaxVitBlock(nn.Module):
    """One stage of `MaxVitLayer`, the first of which halves the resolution.

    Args:
        in_channels: input channels.
        out_channels: output channels.
        squeeze_ratio: see `MBConv`.
        expansion_ratio: see `MBConv`.
        norm_layer: of the convolutions.
        activation_layer: makes an activation.
        head_dim: see `PartitionAttentionLayer`.
        mlp_ratio: see `PartitionAttentionLayer`.
        mlp_dropout: see `PartitionAttentionLayer`.
        attention_dropout: see `PartitionAttentionLayer`.
        partition_size: see `PartitionAttentionLayer`.
        input_grid_size: height and width of the input.
        n_layers: the number of layers.
        p_stochastic: for each layer, the probability of leaving a branch out.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        squeeze_ratio: float,
        expansion_ratio: float,
        norm_layer: Make,
        activation_layer: Make,
        head_dim: int,
        mlp_ratio: int,
        mlp_dropout: float,
        attention_dropout: float,
        partition_size: int,
        input_grid_size: tuple[int, int],
        n_layers: int,
        p_stochastic: Sequence[float],
    ) -> None:
        super().__init__()
        if len(p_stochastic) != n_layers:
            raise ArgumentError(f"p_stochastic must have length n_layers={n_layers}, got p_stochastic={p_stochastic}.")
        self.layers = nn.ModuleList()
        self.grid_size = halved(input_grid_size)
        for i, probability in enumerate(p_stochastic):
            self.layers.append(
                MaxVitLayer(
                    out_channels if i else in_channels,
                    out_channels,
                    squeeze_ratio,
                    expansion_ratio,
                    1 if i else 2,
                    norm_layer,
                    activation_layer,
                    head_dim,
                    mlp_ratio,
                    mlp_dropout,
                    attention_dropout,
                    probability,
                    partition_size,
                    self.grid_size,
                )
            )

    def forward(self, x: jax.Array) -> jax.Array:
        for layer in self.layers:
            x = layer(x)
        return x
