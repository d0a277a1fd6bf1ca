"""Channel shuffling: the facade of `fnn.layers.vision`."""

from fnn.layers import vision as layers
from fnn.nn.modules._base import LayerModule

__all__ = [
    "ChannelShuffle",
]


class ChannelShuffle(LayerModule, layer=layers.ChannelShuffle): ...
