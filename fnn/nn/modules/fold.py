"""Sliding blocks: the facade of `fnn.layers.fold`."""

from fnn.layers import fold as layers
from fnn.nn.modules.layer_module import LayerModule

__all__ = ["Fold", "Unfold"]


class Fold(LayerModule, layer=layers.Fold): ...


class Unfold(LayerModule, layer=layers.Unfold): ...
