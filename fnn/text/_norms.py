"""Normalisation by the root mean square (Zhang and Sennrich, arXiv:1910.07467), computed in float32."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from fnn import nn


def _standardised(x: jax.Array, eps: float) -> jax.Array:
    x = x.astype(jnp.float32)
    return x * lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + eps)


class RMSNorm(nn.Module):
    """``weight * x / sqrt(mean(x²) + eps)``, rounded to the dtype of ``x`` before the weight, as Llama has it.

    Args:
        size: E.
        eps: keeps zeros from being divided by.
    """

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(jnp.ones(size))
        self.eps = eps

    def forward(self, x: jax.Array) -> jax.Array:
        weight = self.weight.data
        normed = _standardised(x, self.eps).astype(x.dtype)
        return jnp.broadcast_to(weight, normed.shape) * normed

    def extra_repr(self) -> str:
        return f"{tuple(self.weight.shape)}, eps={self.eps}"


class OffsetRMSNorm(RMSNorm):
    """``(1 + weight) * x / sqrt(mean(x²) + eps)``, rounded at the end, as Gemma has it."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__(size, eps)
        self.weight.data = jnp.zeros(size)

    def forward(self, x: jax.Array) -> jax.Array:
        normed = _standardised(x, self.eps)
        scale = 1.0 + self.weight.data.astype(jnp.float32)
        return (normed * jnp.broadcast_to(scale, normed.shape)).astype(x.dtype)
