"""Written by tools/make_stubs.py from pixelshuffle.py and its layers; do not edit."""

import jax
from typing import Any
from fnn.typing import ArrayLike
from fnn.nn.modules.layer_module import LayerModule

__all__ = ['PixelShuffle', 'PixelUnshuffle']

class PixelShuffle(LayerModule):
    """Moves groups of r² channels into r x r blocks of pixels (r = ``upscale_factor``).

    Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional
    Neural Network" (2016), https://arxiv.org/abs/1609.05158

    Args:
        upscale_factor: r.

    Shape:
        input: (*, C * r², H, W).
        output: (*, C, H * r, W * r).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.PixelShuffle(2)(jnp.arange(4).reshape(4, 1, 1)).tolist()
        [[[0, 1], [2, 3]]]
    """
    upscale_factor: int
    def __init__(self, upscale_factor: int) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class PixelUnshuffle(LayerModule):
    """Moves r x r blocks of pixels into r² channels each (r = ``downscale_factor``): the inverse of PixelShuffle.

    Args:
        downscale_factor: r.

    Shape:
        input: (*, C, H * r, W * r).
        output: (*, C * r², H, W).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.PixelUnshuffle(2)(jnp.arange(4).reshape(1, 2, 2)).tolist()
        [[[0]], [[1]], [[2]], [[3]]]
    """
    downscale_factor: int
    def __init__(self, downscale_factor: int) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...
