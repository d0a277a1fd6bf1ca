"""Pixel shuffling: the facade of `fnn.layers.vision`."""

from fnn.layers import vision as layers
from fnn.nn.modules.layer_module import LayerModule

__all__ = [
    "PixelShuffle",
    "PixelUnshuffle",
]


class PixelShuffle(LayerModule, layer=layers.PixelShuffle): ...


class PixelUnshuffle(LayerModule, layer=layers.PixelUnshuffle): ...
