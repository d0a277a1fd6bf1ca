"""Convolutions: the facade of `fnn.layers.conv`."""

import jax

from fnn.layers import conv as layers
from fnn.nn.modules.layer_module import LayerModule
from fnn.nn.modules.lazy import LazyLeaf, channels
from fnn.typing import ArrayLike

__all__ = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "LazyConv1d",
    "LazyConv2d",
    "LazyConv3d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyConvTranspose3d",
]


class _ConvNd(LayerModule):
    """Base of all convolutions, transposed ones included, for ``isinstance``."""

    def _conv_forward(self, input: ArrayLike, weight: ArrayLike, bias: ArrayLike | None) -> jax.Array:
        """The convolution with another weight and bias, which subclasses of PyTorch's classes call."""
        return self._layer._conv_forward(input, weight, bias)


class _ConvTransposeNd(_ConvNd):
    """Base of the transposed convolutions, for ``isinstance``."""


class Conv1d(_ConvNd, layer=layers.Conv1d): ...


class Conv2d(_ConvNd, layer=layers.Conv2d): ...


class Conv3d(_ConvNd, layer=layers.Conv3d): ...


class ConvTranspose1d(_ConvTransposeNd, layer=layers.ConvTranspose1d): ...


class ConvTranspose2d(_ConvTransposeNd, layer=layers.ConvTranspose2d): ...


class ConvTranspose3d(_ConvTransposeNd, layer=layers.ConvTranspose3d): ...


class LazyConv1d(LazyLeaf, Conv1d, materializes=Conv1d, infer={"in_channels": channels}): ...


class LazyConv2d(LazyLeaf, Conv2d, materializes=Conv2d, infer={"in_channels": channels}): ...


class LazyConv3d(LazyLeaf, Conv3d, materializes=Conv3d, infer={"in_channels": channels}): ...


class LazyConvTranspose1d(LazyLeaf, ConvTranspose1d, materializes=ConvTranspose1d, infer={"in_channels": channels}): ...


class LazyConvTranspose2d(LazyLeaf, ConvTranspose2d, materializes=ConvTranspose2d, infer={"in_channels": channels}): ...


class LazyConvTranspose3d(LazyLeaf, ConvTranspose3d, materializes=ConvTranspose3d, infer={"in_channels": channels}): ...
