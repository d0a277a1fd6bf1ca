"""Rotary position embeddings (Su et al., arXiv:2104.09864) and the ways in which their range is extended.

Frequencies are formed in float32, in the order of operations of the original, since the angle of a position far from
the beginning shows each rounding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn import nn
from fnn.errors import ArgumentError

Rope = Mapping[str, Any]


def rope_parameters(given: Rope | None, extra: Rope, max_positions: int, default_theta: float = 10000.0) -> Rope:
    """What a configuration says of rotary embeddings, in the present form and in the earlier one.

    Earlier files have ``rope_theta`` beside ``rope_scaling``, whose kind may be called ``type``.
    """
    rope = dict(given or extra.get("rope_scaling") or {})
    rope.setdefault("rope_theta", extra.get("rope_theta", default_theta))
    kind = rope.setdefault("rope_type", rope.get("type", "default"))
    if kind in ("dynamic", "llama3", "longrope", "yarn"):
        original = extra.get("original_max_position_embeddings", max_positions)
        rope.setdefault("original_max_position_embeddings", original)
    return rope


def _frequencies(base: float, size: int) -> np.ndarray:
    powers = np.arange(0, size, 2, dtype=np.float32) / np.float32(size)
    return (np.float32(1) / np.power(np.float32(base), powers)).astype(np.float32)


def _linear(rope: Rope, size: int, most: int) -> tuple[np.ndarray, float]:
    return _frequencies(rope["rope_theta"], size) / np.float32(rope["factor"]), 1.0


def _default(rope: Rope, size: int, most: int) -> tuple[np.ndarray, float]:
    return _frequencies(rope["rope_theta"], size), 1.0


def _llama3(rope: Rope, size: int, most: int) -> tuple[np.ndarray, float]:
    plain, old = _frequencies(rope["rope_theta"], size), rope["original_max_position_embeddings"]
    low, high, factor = rope["low_freq_factor"], rope["high_freq_factor"], np.float32(rope["factor"])
    wavelength = np.float32(2 * math.pi) / plain
    scaled = np.where(wavelength > old / low, plain / factor, plain)
    smooth = (np.float32(old) / wavelength - np.float32(low)) / np.float32(high - low)
    between = (1 - smooth) * scaled / factor + smooth * scaled
    medium = ~(wavelength < old / high) & ~(wavelength > old / low)
    return np.where(medium, between, scaled).astype(np.float32), 1.0


def _yarn(rope: Rope, size: int, most: int) -> tuple[np.ndarray, float]:
    """Peng et al., arXiv:2309.00071."""
    base, old = rope["rope_theta"], rope["original_max_position_embeddings"]
    factor = rope.get("factor") or most / old

    def magnitude(scale: float, m: float = 1.0) -> float:
        return 1.0 if scale <= 1 else 0.1 * m * math.log(scale) + 1.0

    attention = rope.get("attention_factor")
    if attention is None:
        one, all_ = rope.get("mscale"), rope.get("mscale_all_dim")
        attention = magnitude(factor, one) / magnitude(factor, all_) if one and all_ else magnitude(factor)

    def dimension(rotations: float) -> float:
        return size * math.log(old / (rotations * 2 * math.pi)) / (2 * math.log(base))

    low, high = dimension(rope.get("beta_fast") or 32), dimension(rope.get("beta_slow") or 1)
    if rope.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, size - 1)
    high += 0.001 if low == high else 0
    ramp = np.clip((np.arange(size // 2, dtype=np.float32) - np.float32(low)) / np.float32(high - low), 0, 1)
    powers = np.arange(0, size, 2, dtype=np.float32) / np.float32(size)
    spread = np.power(np.float32(base), powers)
    far, near = np.float32(1) / (np.float32(factor) * spread), np.float32(1) / spread
    return (far * ramp + near * (1 - ramp)).astype(np.float32), float(attention)


def _longrope(rope: Rope, size: int, most: int, long: bool = False) -> tuple[np.ndarray, float]:
    old = rope["original_max_position_embeddings"]
    factor = rope.get("factor") or most / old
    attention = rope.get("attention_factor")
    if attention is None:
        attention = 1.0 if factor <= 1 else math.sqrt(1 + math.log(factor) / math.log(old))
    stretch = np.asarray(rope["long_factor" if long else "short_factor"], np.float32)
    powers = np.arange(0, size, 2, dtype=np.float32) / np.float32(size)
    return (np.float32(1) / (stretch * np.power(np.float32(rope["rope_theta"]), powers))).astype(np.float32), attention


_KINDS = {"default": _default, "dynamic": _default, "linear": _linear, "llama3": _llama3, "longrope": _longrope,
          "yarn": _yarn}  # fmt: skip


class RotaryEmbedding(nn.Module):
    """Cosines and sines of positions.

    Args:
        rope: see `rope_parameters`.
        head_dim: D.
        max_positions: the positions that the model was made for.
    """

    def __init__(self, rope: Rope, head_dim: int, max_positions: int) -> None:
        super().__init__()
        kind = rope["rope_type"]
        if kind not in _KINDS:
            raise ArgumentError(f"rope_type must be one of {', '.join(_KINDS)}, got {kind!r}")
        size = int(head_dim * rope.get("partial_rotary_factor", 1.0))
        frequencies, self.attention_scaling = _KINDS[kind](rope, size, max_positions)
        self.register_buffer("inv_freq", jnp.asarray(frequencies), persistent=False)
        self.kind, self.size, self.max_positions = kind, size, max_positions
        self.theta, self.factor = float(rope["rope_theta"]), float(rope.get("factor") or 1.0)
        if kind == "longrope":
            self.original = rope["original_max_position_embeddings"]
            self.register_buffer(
                "long_inv_freq", jnp.asarray(_longrope(rope, size, max_positions, True)[0]), persistent=False
            )

    def _at(self, positions: jax.Array) -> jax.Array:
        """The frequencies, which two kinds choose by the length of the text."""
        if self.kind == "longrope":
            return jnp.where(jnp.max(positions) + 1 > self.original, self.long_inv_freq.data, self.inv_freq.data)
        if self.kind == "dynamic":
            length = jnp.maximum(jnp.max(positions) + 1, self.max_positions).astype(jnp.float32)
            grown = self.factor * length / self.max_positions - (self.factor - 1)
            base = self.theta * grown ** (self.size / (self.size - 2))
            return 1.0 / base ** (jnp.arange(0, self.size, 2, dtype=jnp.float32) / self.size)
        return self.inv_freq.data

    def forward(self, positions: jax.Array, dtype: Any) -> tuple[jax.Array, jax.Array]:
        """(N, L) -> cosines and sines, (N, 1, L, D) each."""
        frequencies = self._at(positions).astype(jnp.float32)
        angles = positions[:, None, :, None].astype(jnp.float32) * frequencies[None, None, None]
        angles = jnp.concatenate((angles, angles), -1)
        cos, sin = jnp.cos(angles) * self.attention_scaling, jnp.sin(angles) * self.attention_scaling
        return cos.astype(dtype), sin.astype(dtype)


def rotated(x: jax.Array, cos: jax.Array, sin: jax.Array) -> jax.Array:
    """Each pair (x[i], x[i + D / 2]) turned by the angle of its position: (N, H, L, D)."""
    half = x.shape[-1] // 2
    turned = jnp.concatenate((-x[..., half:], x[..., :half]), -1)
    return x * cos + turned * sin
