"""Joining and splitting axes: the facade of `fnn.layers.shape`."""

from fnn.layers import shape as layers
from fnn.nn.modules.layer_module import LayerModule

__all__ = ["Flatten", "Unflatten"]


class Flatten(LayerModule, layer=layers.Flatten): ...


class Unflatten(LayerModule, layer=layers.Unflatten): ...
