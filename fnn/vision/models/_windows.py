"""Attention within windows of a grid, for images and for videos (Liu et al., arXiv:2103.14030, 2106.13230)."""

import itertools
import math
from collections.abc import Sequence
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from fnn import init, nn
from fnn.errors import ArgumentError
from fnn.nn import functional as F
from fnn.typing import ArrayLike

__all__ = ["WindowAttention", "relative_index", "window_attention"]

_Array = TypeVar("_Array", jax.Array, np.ndarray)


def relative_index(window: Sequence[int]) -> np.ndarray:
    """For each pair of places in a window, the row of the table of their distance: (P, P) with P places."""
    places = np.stack(np.meshgrid(*map(np.arange, window), indexing="ij")).reshape(len(window), -1)
    distance = (places[:, :, None] - places[:, None, :]).astype(np.int32)  # (D, P, P)
    index = np.zeros(distance.shape[1:], np.int32)
    for size, steps in zip(window, distance, strict=True):
        index = index * (2 * size - 1) + steps + (size - 1)
    return index


def _partition(x: _Array, window: Sequence[int]) -> _Array:
    """(N, *S, C) to (N * windows, P, C)."""
    n, *space, channels = x.shape
    split = [part for size, w in zip(space, window, strict=True) for part in (size // w, w)]
    d = len(window)
    order = (0, *range(1, 2 * d, 2), *range(2, 2 * d + 1, 2), 2 * d + 1)
    return x.reshape(n, *split, channels).transpose(order).reshape(-1, math.prod(window), channels)


def _assemble(x: jax.Array, space: Sequence[int], window: Sequence[int]) -> jax.Array:
    """The inverse of `_partition`."""
    counts = [size // w for size, w in zip(space, window, strict=True)]
    d = len(window)
    order = (0, *itertools.chain(*((i, d + i) for i in range(1, d + 1))), 2 * d + 1)
    return x.reshape(-1, *counts, *window, x.shape[-1]).transpose(order).reshape(-1, *space, x.shape[-1])


def _regions(space: Sequence[int], window: Sequence[int], shift: Sequence[int]) -> np.ndarray:
    """Which places of each window were neighbours before the shift: (windows, 1, P, P), -100 where they were not."""
    region = np.zeros((1, *space, 1), np.int32)
    cuts = []
    for w, s in zip(window, shift, strict=True):
        cuts.append((slice(None, -w), slice(-w, -s), slice(-s, None)) if s else (slice(None),))
    for number, place in enumerate(itertools.product(*cuts)):
        region[(0, *place)] = number
    numbers = _partition(region, window)[..., 0]  # (windows, P)
    return np.where(numbers[:, None, :, None] == numbers[:, None, None, :], 0.0, -100.0)


def window_attention(
    input: jax.Array,
    qkv_weight: ArrayLike,
    proj_weight: ArrayLike,
    relative_position_bias: ArrayLike,
    window_size: Sequence[int],
    num_heads: int,
    shift_size: Sequence[int],
    attention_dropout: float = 0.0,
    dropout: float = 0.0,
    qkv_bias: ArrayLike | None = None,
    proj_bias: ArrayLike | None = None,
    logit_scale: ArrayLike | None = None,
    training: bool = True,
) -> jax.Array:
    """Multi-head attention within the windows of a grid that may be shifted, cyclically.

    Args:
        input: (N, *S, C).
        qkv_weight: (3 * C, C), for queries, keys and values.
        proj_weight: (C, C), of the projection behind.
        relative_position_bias: (1, num_heads, P, P), added to the logits of a window with P places.
        window_size: for each axis of S.
        num_heads: the number of heads.
        shift_size: for each axis of S; an axis that a window covers is not shifted.
        attention_dropout: the probability of the dropout of the attention's weights.
        dropout: that of the dropout behind the projection.
        qkv_bias: (3 * C,).
        proj_bias: (C,).
        logit_scale: (num_heads, 1, 1), the logarithm of the factor of cosines, which then take the place of products.
        training: whether there is dropout.

    Returns:
        (N, *S, C).
    """
    n, *space, channels = input.shape
    padding = [(w - size % w) % w for size, w in zip(space, window_size, strict=True)]
    x = jnp.pad(input, [(0, 0), *((0, p) for p in padding), (0, 0)])
    padded = x.shape[1:-1]
    shift = [0 if w >= size else s for w, size, s in zip(window_size, padded, shift_size, strict=True)]
    axes = tuple(range(1, len(space) + 1))
    if sum(shift) > 0:
        x = jnp.roll(x, [-s for s in shift], axes)
    x = _partition(x, window_size)  # (N * windows, P, C)

    if logit_scale is not None and qkv_bias is not None:  # keys have no bias
        # By no scatter and no concatenation: with these jax2onnx takes the bias's length for that of a symbolic batch.
        of_keys = np.arange(3 * channels) // channels == 1
        qkv_bias = jnp.where(of_keys, 0, jnp.asarray(qkv_bias))
    qkv = F.linear(x, qkv_weight, qkv_bias).reshape(*x.shape[:2], 3, num_heads, channels // num_heads)
    q, k, v = qkv.transpose(2, 0, 3, 1, 4)  # (N * windows, heads, P, C / heads) each
    if logit_scale is None:
        logits = (q * (channels // num_heads) ** -0.5) @ jnp.swapaxes(k, -2, -1)
    else:
        scale, limit = jnp.asarray(logit_scale), math.log(100.0)
        cosines = F.normalize(q, dim=-1) @ jnp.swapaxes(F.normalize(k, dim=-1), -2, -1)
        logits = cosines * jnp.exp(jnp.where(scale > limit, limit, scale))[None]
    logits = logits + jnp.asarray(relative_position_bias)
    if sum(shift) > 0:
        apart = jnp.asarray(_regions(padded, window_size, shift), logits.dtype)
        parts = logits.reshape(n, -1, *logits.shape[1:]) + apart[None]
        logits = parts.reshape(logits.shape)
    weights = F.dropout(F.softmax(logits, dim=-1), attention_dropout, training)
    x = jnp.swapaxes(weights @ v, 1, 2).reshape(x.shape)
    x = F.dropout(F.linear(x, proj_weight, proj_bias), dropout, training)

    x = _assemble(x, padded, window_size)
    if sum(shift) > 0:
        x = jnp.roll(x, shift, axes)
    return x[(slice(None), *(slice(size) for size in space))]


class WindowAttention(nn.Module):
    """`window_attention` with its weights and a table of biases, one for each distance within a window.

    Args:
        dim: C.
        window_size: for each axis.
        shift_size: for each axis.
        num_heads: the number of heads.
        qkv_bias: whether queries, keys and values have biases.
        proj_bias: whether the projection behind has one.
        attention_dropout: the probability of the dropout of the attention's weights.
        dropout: that of the dropout behind the projection.
    """

    _axes: int

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
        super().__init__()
        if len(window_size) != self._axes or len(shift_size) != self._axes:
            raise ArgumentError(
                f"window_size and shift_size must be of length {self._axes}, got {window_size} and {shift_size}"
            )
        self.window_size = window_size
        self.shift_size = shift_size
        self.num_heads = num_heads
        self.attention_dropout = attention_dropout
        self.dropout = dropout
        self.qkv = nn.Linear(dim, dim * 3, bias=qkv_bias)
        self.proj = nn.Linear(dim, dim, bias=proj_bias)
        self.define_relative_position_bias_table()
        self.define_relative_position_index()

    def define_relative_position_bias_table(self) -> None:
        """Makes the table of biases, (distances, num_heads)."""
        distances = math.prod(2 * size - 1 for size in self.window_size)
        self.relative_position_bias_table = nn.Parameter(init.zeros(None, (distances, self.num_heads)))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def define_relative_position_index(self) -> None:
        """Makes the rows of the table for each pair of places."""
        self.register_buffer("relative_position_index", jnp.asarray(self._index()))

    def _index(self) -> np.ndarray:
        return relative_index(self.window_size).reshape(-1)

    def _bias(self, table: jax.Array, index: jax.Array) -> jax.Array:
        """(1, num_heads, P, P)."""
        places = math.isqrt(index.size)
        return jnp.moveaxis(table[index.reshape(-1)].reshape(places, places, -1), -1, 0)[None]
