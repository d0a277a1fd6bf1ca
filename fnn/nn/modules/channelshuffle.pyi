"""Written by tools/make_stubs.py from channelshuffle.py and its layers; do not edit."""

import jax
from typing import Any
from fnn.typing import ArrayLike
from fnn.nn.modules.layer_module import LayerModule

__all__ = ['ChannelShuffle']

class ChannelShuffle(LayerModule):
    """Interleaves ``groups`` blocks of channels: the first of each, then the second of each, and so on.

    Zhang et al., "ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices" (2017).

    Args:
        groups: the number of blocks, which divides C.

    Shape:
        input and output: (N, C, *), with at least one spatial axis.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.ChannelShuffle(2)(jnp.arange(6).reshape(1, 6, 1)).ravel().tolist()
        [0, 3, 1, 4, 2, 5]
    """
    groups: int
    def __init__(self, groups: int) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...
