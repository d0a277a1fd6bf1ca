"""Normalisation without running statistics: the facade of `fnn.layers.norm`."""

from fnn.layers import norm as layers
from fnn.nn.modules.layer_module import LayerModule

__all__ = ["CrossMapLRN2d", "GroupNorm", "LayerNorm", "LocalResponseNorm", "RMSNorm"]


class LocalResponseNorm(LayerModule, layer=layers.LocalResponseNorm): ...


class CrossMapLRN2d(LayerModule, layer=layers.CrossMapLRN2d): ...


class LayerNorm(LayerModule, layer=layers.LayerNorm): ...


class GroupNorm(LayerModule, layer=layers.GroupNorm): ...


class RMSNorm(LayerModule, layer=layers.RMSNorm): ...
