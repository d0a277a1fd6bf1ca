"""Dropout: the facade of `fnn.layers.dropout`."""

from fnn.layers import dropout as layers
from fnn.nn.modules.layer_module import LayerModule

__all__ = [
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "AlphaDropout",
    "FeatureAlphaDropout",
]


class _DropoutNd(LayerModule):
    """Base, for ``isinstance``."""


class Dropout(_DropoutNd, layer=layers.Dropout): ...


class Dropout1d(_DropoutNd, layer=layers.Dropout1d): ...


class Dropout2d(_DropoutNd, layer=layers.Dropout2d): ...


class Dropout3d(_DropoutNd, layer=layers.Dropout3d): ...


class AlphaDropout(_DropoutNd, layer=layers.AlphaDropout): ...


class FeatureAlphaDropout(_DropoutNd, layer=layers.FeatureAlphaDropout): ...
