"""Channel shuffling: the facade of `fnn.layers.vision`."""

from fnn.layers import vision as layers
from fnn.nn.modules.layer_module import LayerModule

__all__ = [
    "ChannelShuffle",
]


class ChannelShuffle(LayerModule, layer=layers.ChannelShuffle): ...
