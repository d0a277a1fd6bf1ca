"""Stochastic depth: a residual branch is left out at random (Huang et al., arXiv:1603.09382)."""

from typing import Any

import jax

from fnn import nn, random
from fnn.errors import ArgumentError

__all__ = ["StochasticDepth", "stochastic_depth"]


def stochastic_depth(
    input: jax.Array, p: float, mode: str, training: bool = True, *, key: Any = random.AMBIENT
) -> jax.Array:
    """Sets a residual branch's output to 0 with probability ``p``, and else scales it by ``1 / (1 - p)``.

    Args:
        input: the branch's output, (N, ...).
        p: the probability.
        mode: ``"batch"``: one draw for the whole batch; ``"row"``: one for each sample.
        training: if False, the input is returned as it is.
        key: what to draw from.

    Returns:
        An array like ``input``.

    >>> import jax.numpy as jnp
    >>> jnp.unique(stochastic_depth(jnp.ones((100, 1)), 0.5, "row", key=jax.random.key(0)))
    Array([0., 2.], dtype=float32)
    """
    if not 0.0 <= p <= 1.0:
        raise ArgumentError(f"drop probability has to be between 0 and 1, but got {p}")
    if mode not in ("batch", "row"):
        raise ArgumentError(f"mode has to be either 'batch' or 'row', but got {mode}")
    if not training or p == 0.0:
        return input
    shape = (input.shape[0] if mode == "row" else 1, *(1,) * (input.ndim - 1))
    survival = 1.0 - p
    noise = random.bernoulli(random.resolve(key, "stochastic_depth"), survival, shape).astype(input.dtype)
    return input * (noise / survival if survival > 0.0 else noise)


class StochasticDepth(nn.Module):
    """Leaves a residual branch out at random while training; see `stochastic_depth`.

    Args:
        p: the probability.
        mode: ``"batch"`` or ``"row"``.

    Example:
        >>> import jax.numpy as jnp
        >>> drop = StochasticDepth(0.5, "row").eval()
        >>> print(drop, drop(jnp.ones((2, 1))).tolist())
        StochasticDepth(p=0.5, mode=row) [[1.0], [1.0]]
    """

    def __init__(self, p: float, mode: str) -> None:
        super().__init__()
        self.p = p
        self.mode = mode

    def forward(self, input: jax.Array) -> jax.Array:
        return stochastic_depth(input, self.p, self.mode, self.training)

    def __repr__(self) -> str:
        return f"{self._get_name()}(p={self.p}, mode={self.mode})"
