"""DropBlock: squares and cubes of activations are set to 0 (Ghiasi et al., arXiv:1810.12890)."""

import math

import jax
import jax.numpy as jnp

from fnn import nn, random
from fnn.errors import ArgumentError
from fnn.nn import functional as F
from fnn.typing import ArrayLike

__all__ = ["DropBlock2d", "DropBlock3d", "drop_block2d", "drop_block3d"]


def _drop_block(
    input: ArrayLike, p: float, block_size: int, eps: float, training: bool, key: random.AnyKey, axes: int, name: str
) -> jax.Array:
    x = jnp.asarray(input)
    if p < 0.0 or p > 1.0:
        raise ArgumentError(f"drop probability has to be between 0 and 1, but got {p}.")
    if x.ndim != axes + 2:
        raise ArgumentError(f"input should be {axes + 2} dimensional. Got {x.ndim} dimensions.")
    if not training or p == 0.0:
        return x
    space = x.shape[2:]
    block = min(block_size, *space)
    if block % 2 == 0:
        raise ArgumentError(f"block size should be odd. Got {block} which is even.")
    centres = tuple(size - block + 1 for size in space)
    gamma = p * math.prod(space) / (block**axes * math.prod(centres))
    noise = random.bernoulli(random.resolve(key, name), gamma, (*x.shape[:2], *centres)).astype(x.dtype)
    half = block // 2
    noise = jnp.pad(noise, [(0, 0), (0, 0), *[(half, half)] * axes])
    pool = F.max_pool2d if axes == 2 else F.max_pool3d
    kept = 1 - pool(noise, block, stride=1, padding=half)
    return x * kept * (kept.size / (eps + kept.sum()))


def drop_block2d(
    input: ArrayLike,
    p: float,
    block_size: int,
    inplace: bool = False,
    eps: float = 1e-06,
    training: bool = True,
    *,
    key: random.AnyKey = random.AMBIENT,
) -> jax.Array:
    """Sets squares to 0 and scales what is left so that the mean stays.

    Args:
        input: (N, C, H, W).
        p: the probability of an element to be dropped.
        block_size: the side of a square, odd.
        inplace: of no consequence: the result is a new array.
        eps: added to the number of elements that are kept.
        training: if False, the input is returned as it is.
        key: what to draw from.

    Returns:
        An array like ``input``.

    Raises:
        ArgumentError: ``p``, ``block_size`` or a shape is wrong.

    >>> drop_block2d(jnp.ones((1, 1, 6, 6)), 0.5, 3, key=jax.random.key(0)).shape
    (1, 1, 6, 6)
    """
    del inplace
    return _drop_block(input, p, block_size, eps, training, key, 2, "drop_block2d")


def drop_block3d(
    input: ArrayLike,
    p: float,
    block_size: int,
    inplace: bool = False,
    eps: float = 1e-06,
    training: bool = True,
    *,
    key: random.AnyKey = random.AMBIENT,
) -> jax.Array:
    """Sets cubes to 0 and scales what is left so that the mean stays.

    Args:
        input: (N, C, D, H, W).
        p: the probability of an element to be dropped.
        block_size: the side of a cube, odd.
        inplace: of no consequence: the result is a new array.
        eps: added to the number of elements that are kept.
        training: if False, the input is returned as it is.
        key: what to draw from.

    Returns:
        An array like ``input``.

    Raises:
        ArgumentError: ``p``, ``block_size`` or a shape is wrong.

    >>> drop_block3d(jnp.ones((1, 1, 4, 6, 6)), 0.5, 3, key=jax.random.key(0)).shape
    (1, 1, 4, 6, 6)
    """
    del inplace
    return _drop_block(input, p, block_size, eps, training, key, 3, "drop_block3d")


class DropBlock2d(nn.Module):
    """Sets squares to 0 while training; see `drop_block2d`.

    Args:
        p: the probability of an element to be dropped.
        block_size: the side of a square, odd.
        inplace: of no consequence.
        eps: added to the number of elements that are kept.

    >>> DropBlock2d(0.1, 3)
    DropBlock2d(p=0.1, block_size=3, inplace=False)
    """

    def __init__(self, p: float, block_size: int, inplace: bool = False, eps: float = 1e-06) -> None:
        super().__init__()
        self.p = p
        self.block_size = block_size
        self.inplace = inplace
        self.eps = eps

    def forward(self, input: ArrayLike) -> jax.Array:
        return drop_block2d(input, self.p, self.block_size, self.inplace, self.eps, self.training)

    def __repr__(self) -> str:
        return f"{self._get_name()}(p={self.p}, block_size={self.block_size}, inplace={self.inplace})"


class DropBlock3d(DropBlock2d):
    """Sets cubes to 0 while training; see `drop_block3d`. Arguments as of `DropBlock2d`.

    >>> DropBlock3d(0.1, 3)
    DropBlock3d(p=0.1, block_size=3, inplace=False)
    """

    def forward(self, input: ArrayLike) -> jax.Array:
        return drop_block3d(input, self.p, self.block_size, self.inplace, self.eps, self.training)
