"""Attention over videos whose queries, keys and values are pooled: the blocks of `fnn.vision.models.video.mvit`."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from fnn import init, nn
from fnn.errors import ArgumentError
from fnn.nn import functional as F
from fnn.vision.ops.misc import MLP
from fnn.vision.ops.stochastic_depth import StochasticDepth

__all__ = ["MSBlockConfig", "MultiscaleBlock", "PositionalEncoding"]

Make = Callable[..., nn.Module]
Grid = tuple[int, int, int]  # frames, height and width


@dataclass
class MSBlockConfig:
    """One block: heads, channels, and the kernels and strides that pool queries, and keys and values; [] for none."""

    num_heads: int
    input_channels: int
    output_channels: int
    kernel_q: list[int]
    kernel_kv: list[int]
    stride_q: list[int]
    stride_kv: list[int]


class MaxPool3d(nn.MaxPool3d):
    """A pooling that prints its sizes as the lists that it was made with."""

    def extra_repr(self) -> str:
        return super().extra_repr().replace("(", "[").replace(")", "]")


class Pool(nn.Module):
    """Pools the places of a sequence, all but the class token that it begins with.

    Args:
        pool: pools (N, C, T, H, W).
        norm: normalises the features afterwards; None for none.
        activation: behind it; None for none.
        norm_before_pool: whether these two come first.

    Shape:
        Input (N, L, C) or (N, heads, L, C) with the grid's size; the same with L' and its size.
    """

    def __init__(
        self,
        pool: nn.Module,
        norm: nn.Module | None,
        activation: nn.Module | None = None,
        norm_before_pool: bool = False,
    ) -> None:
        super().__init__()
        self.pool = pool
        layers = [module for module in (norm, activation) if module is not None]
        self.norm_act = nn.Sequential(*layers) if layers else None
        self.norm_before_pool = norm_before_pool

    def forward(self, x: jax.Array, thw: Grid) -> tuple[jax.Array, Grid]:
        if x.ndim not in (3, 4):
            raise ArgumentError(f"Unsupported input dimension {x.shape}")
        heads = x if x.ndim == 4 else x[:, None]
        token, places = heads[:, :, :1], heads[:, :, 1:]
        n, h, _, c = places.shape
        grid = jnp.swapaxes(places, 2, 3).reshape(n * h, c, *thw)
        if self.norm_before_pool and self.norm_act is not None:
            grid = self.norm_act(grid)
        grid = self.pool(grid)
        _, _, *size = grid.shape
        out = jnp.concatenate([token, jnp.swapaxes(grid.reshape(n, h, c, -1), 2, 3)], 2)
        if not self.norm_before_pool and self.norm_act is not None:
            out = self.norm_act(out)
        return (out if x.ndim == 4 else out[:, 0]), (size[0], size[1], size[2])


def _distances(table: jax.Array, queries: int, keys: int) -> jax.Array:
    """The embeddings of the distances between places of two grids over one axis: (queries, keys, C)."""
    rows = 2 * max(queries, keys) - 1
    if table.shape[0] != rows:
        table = F.interpolate(table.T[None], size=rows, mode="linear")[0].T
    # In single precision throughout, as torchvision's: where the grids' ratio is no binary fraction, a distance that
    # should be whole may be rounded to just below it, and is then cut to the one before.
    q_ratio, k_ratio = np.float32(max(keys / queries, 1.0)), np.float32(max(queries / keys, 1.0))
    places_q, places_k = np.arange(queries, dtype=np.float32), np.arange(keys, dtype=np.float32)
    steps = places_q[:, None] * q_ratio - (places_k[None] + np.float32(1 - keys)) * k_ratio
    return table[jnp.asarray(steps.astype(np.int32))]


class MultiscaleAttention(nn.Module):
    """Attention over pooled queries, keys and values.

    Args:
        input_size: frames, height and width of the grid.
        embed_dim: features of the input.
        output_dim: features of the output.
        num_heads: the number of heads.
        kernel_q: of the pooling of queries.
        kernel_kv: of that of keys and of values.
        stride_q: of the pooling of queries.
        stride_kv: of that of keys and of values.
        residual_pool: whether the pooled queries are added to the result.
        residual_with_cls_embed: whether the class token's are, too.
        rel_pos_embed: whether there are embeddings of distances.
        dropout: the probability of the dropout behind the projection.
        norm_layer: makes a normalisation of so many features.
    """

    def __init__(
        self,
        input_size: Sequence[int],
        embed_dim: int,
        output_dim: int,
        num_heads: int,
        kernel_q: Sequence[int],
        kernel_kv: Sequence[int],
        stride_q: Sequence[int],
        stride_kv: Sequence[int],
        residual_pool: bool,
        residual_with_cls_embed: bool,
        rel_pos_embed: bool,
        dropout: float = 0.0,
        norm_layer: Make = nn.LayerNorm,
    ) -> None:
        super().__init__()
        self.embed_dim = embed_dim
        self.output_dim = output_dim
        self.num_heads = num_heads
        self.head_dim = output_dim // num_heads
        self.scaler = 1.0 / math.sqrt(self.head_dim)
        self.residual_pool = residual_pool
        self.residual_with_cls_embed = residual_with_cls_embed
        self.qkv = nn.Linear(embed_dim, 3 * output_dim)
        layers: list[nn.Module] = [nn.Linear(output_dim, output_dim)]
        if dropout > 0.0:
            layers.append(nn.Dropout(dropout, inplace=True))
        self.project = nn.Sequential(*layers)

        def pool(kernel: Sequence[int], stride: Sequence[int]) -> Pool | None:
            if math.prod(kernel) <= 1 and math.prod(stride) <= 1:
                return None
            convolution = nn.Conv3d(
                self.head_dim,
                self.head_dim,
                tuple(kernel),
                stride=tuple(stride),
                padding=tuple(k // 2 for k in kernel),
                groups=self.head_dim,
                bias=False,
            )
            return Pool(convolution, norm_layer(self.head_dim))

        self.pool_q = pool(kernel_q, stride_q)
        self.pool_k = pool(kernel_kv, stride_kv)
        self.pool_v = pool(kernel_kv, stride_kv)
        self.rel_pos_h = self.rel_pos_w = self.rel_pos_t = None
        if rel_pos_embed:
            size = max(input_size[1:])
            finest = max(size // steps[1] if len(steps) > 0 else size for steps in (stride_q, stride_kv))
            self.rel_pos_h = nn.Parameter(init.zeros(None, (2 * finest - 1, self.head_dim)))
            self.rel_pos_w = nn.Parameter(init.zeros(None, (2 * finest - 1, self.head_dim)))
            self.rel_pos_t = nn.Parameter(init.zeros(None, (2 * input_size[0] - 1, self.head_dim)))
            for table in (self.rel_pos_h, self.rel_pos_w, self.rel_pos_t):
                nn.init.trunc_normal_(table, std=0.02)

    def _position_logits(self, q: jax.Array, q_thw: Grid, k_thw: Grid) -> jax.Array:
        """For each query and key the query's products with the embeddings of their distances, (N, heads, L, L')."""
        tables = (self.rel_pos_t, self.rel_pos_h, self.rel_pos_w)
        time, height, width = (
            _distances(table.data, a, b)  # pyright: ignore[reportOptionalMemberAccess]
            for table, a, b in zip(tables, q_thw, k_thw, strict=True)
        )
        n, heads, _, c = q.shape
        grid = q[:, :, 1:].reshape(n, heads, *q_thw, c)
        rows = jnp.einsum("nathwc,hkc->nathwk", grid, height)
        columns = jnp.einsum("nathwc,wkc->nathwk", grid, width)
        frames = jnp.einsum("nathwc,tkc->nathwk", grid, time)
        every = frames[..., :, None, None] + rows[..., None, :, None] + columns[..., None, None, :]
        return every.reshape(n, heads, math.prod(q_thw), math.prod(k_thw))

    def forward(self, x: jax.Array, thw: Grid) -> tuple[jax.Array, Grid]:
        n, length, _ = x.shape
        q, k, v = self.qkv(x).reshape(n, length, 3, self.num_heads, self.head_dim).transpose(2, 0, 3, 1, 4)
        k_thw = thw
        if self.pool_k is not None:
            k, k_thw = self.pool_k(k, thw)
        if self.pool_v is not None:
            v, _ = self.pool_v(v, thw)
        if self.pool_q is not None:
            q, thw = self.pool_q(q, thw)
        logits = (self.scaler * q) @ jnp.swapaxes(k, -2, -1)  # (N, heads, L, L')
        if self.rel_pos_h is not None:
            logits = logits.at[:, :, 1:, 1:].add(self._position_logits(q, thw, k_thw))
        out = F.softmax(logits, dim=-1) @ v
        if self.residual_pool:
            out = out + q if self.residual_with_cls_embed else out.at[:, :, 1:].add(q[:, :, 1:])
        return self.project(jnp.swapaxes(out, 1, 2).reshape(n, -1, self.output_dim)), thw


class MultiscaleBlock(nn.Module):
    """Attention and an MLP, each after a normalisation and with the input added, pooled or projected as need be.

    Args:
        input_size: frames, height and width of the grid.
        cnf: the block's configuration.
        residual_pool: see `MultiscaleAttention`.
        residual_with_cls_embed: see `MultiscaleAttention`.
        rel_pos_embed: see `MultiscaleAttention`.
        proj_after_attn: whether the number of features changes in the attention, or in the MLP.
        dropout: the probability of the dropouts behind linear layers.
        stochastic_depth_prob: that of leaving a branch out.
        norm_layer: makes a normalisation of so many features.
    """

    def __init__(
        self,
        input_size: Sequence[int],
        cnf: MSBlockConfig,
        residual_pool: bool,
        residual_with_cls_embed: bool,
        rel_pos_embed: bool,
        proj_after_attn: bool,
        dropout: float = 0.0,
        stochastic_depth_prob: float = 0.0,
        norm_layer: Make = nn.LayerNorm,
    ) -> None:
        super().__init__()
        self.proj_after_attn = proj_after_attn
        self.pool_skip: nn.Module | None = None
        if math.prod(cnf.stride_q) > 1:
            kernel = tuple(s + 1 if s > 1 else s for s in cnf.stride_q)
            pool = MaxPool3d(
                list(kernel),
                stride=list(cnf.stride_q),
                padding=[k // 2 for k in kernel],
            )
            self.pool_skip = Pool(pool, None)
        inside = cnf.output_channels if proj_after_attn else cnf.input_channels
        self.norm1 = norm_layer(cnf.input_channels)
        self.norm2 = norm_layer(inside)
        self.needs_transposal = isinstance(self.norm1, nn.BatchNorm1d)
        self.attn = MultiscaleAttention(
            input_size,
            cnf.input_channels,
            inside,
            cnf.num_heads,
            cnf.kernel_q,
            cnf.kernel_kv,
            cnf.stride_q,
            cnf.stride_kv,
            residual_pool,
            residual_with_cls_embed,
            rel_pos_embed,
            dropout,
            norm_layer,
        )
        self.mlp = MLP(
            inside, [4 * inside, cnf.output_channels], activation_layer=nn.GELU, dropout=dropout, inplace=None
        )
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")
        self.project: nn.Module | None = None
        if cnf.input_channels != cnf.output_channels:
            self.project = nn.Linear(cnf.input_channels, cnf.output_channels)

    def _normalised(self, norm: nn.Module, x: jax.Array) -> jax.Array:
        return jnp.swapaxes(norm(jnp.swapaxes(x, 1, 2)), 1, 2) if self.needs_transposal else norm(x)

    def forward(self, x: jax.Array, thw: Grid) -> tuple[jax.Array, Grid]:
        first = self._normalised(self.norm1, x)
        attended, new_thw = self.attn(first, thw)
        if self.project is not None and self.proj_after_attn:
            x = self.project(first)
        if self.pool_skip is not None:
            x, _ = self.pool_skip(x, thw)
        x = x + self.stochastic_depth(attended)
        second = self._normalised(self.norm2, x)
        if self.project is not None and not self.proj_after_attn:
            x = self.project(second)
        return x + self.stochastic_depth(self.mlp(second)), new_thw


class PositionalEncoding(nn.Module):
    """Puts a class token before the places, and adds embeddings of frames and of places within a frame.

    Args:
        embed_size: features.
        spatial_size: height and width of the grid.
        temporal_size: its frames.
        rel_pos_embed: whether the blocks have embeddings of distances; there are none here then.
    """

    def __init__(self, embed_size: int, spatial_size: tuple[int, int], temporal_size: int, rel_pos_embed: bool) -> None:
        super().__init__()
        self.spatial_size = spatial_size
        self.temporal_size = temporal_size
        self.class_token = nn.Parameter(init.zeros(None, (embed_size,)))
        self.spatial_pos = self.temporal_pos = self.class_pos = None
        if not rel_pos_embed:
            self.spatial_pos = nn.Parameter(init.zeros(None, (spatial_size[0] * spatial_size[1], embed_size)))
            self.temporal_pos = nn.Parameter(init.zeros(None, (temporal_size, embed_size)))
            self.class_pos = nn.Parameter(init.zeros(None, (embed_size,)))

    def forward(self, x: jax.Array) -> jax.Array:
        token = jnp.broadcast_to(self.class_token.data[None, None], (x.shape[0], 1, x.shape[2])).astype(x.dtype)
        x = jnp.concatenate([token, x], 1)
        if self.spatial_pos is None or self.temporal_pos is None or self.class_pos is None:
            return x
        grid = self.temporal_pos.data[:, None] + self.spatial_pos.data[None]
        every = jnp.concatenate([self.class_pos.data[None], grid.reshape(-1, x.shape[2])])
        return x + every[None]
