"""Upsampling: the facade of `fnn.layers.vision`."""

from fnn.layers import vision as layers
from fnn.nn.modules.layer_module import LayerModule

__all__ = [
    "Upsample",
    "UpsamplingNearest2d",
    "UpsamplingBilinear2d",
]


class Upsample(LayerModule, layer=layers.Upsample): ...


class UpsamplingNearest2d(Upsample, layer=layers.UpsamplingNearest2d): ...


class UpsamplingBilinear2d(Upsample, layer=layers.UpsamplingBilinear2d): ...
