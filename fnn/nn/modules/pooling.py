"""Pooling: the facade of the pooling layers."""

from fnn.layers import adaptive_pooling, fractional_pooling, pooling, unpooling
from fnn.nn.modules.layer_module import LayerModule

__all__ = [
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "FractionalMaxPool2d",
    "FractionalMaxPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
]


class _MaxPoolNd(LayerModule):
    """Base, for ``isinstance``."""


class _MaxUnpoolNd(LayerModule):
    """Base, for ``isinstance``."""


class _AvgPoolNd(LayerModule):
    """Base, for ``isinstance``."""


class _LPPoolNd(LayerModule):
    """Base, for ``isinstance``."""


class _AdaptiveMaxPoolNd(LayerModule):
    """Base, for ``isinstance``."""


class _AdaptiveAvgPoolNd(LayerModule):
    """Base, for ``isinstance``."""


class MaxPool1d(_MaxPoolNd, layer=pooling.MaxPool1d): ...


class MaxPool2d(_MaxPoolNd, layer=pooling.MaxPool2d): ...


class MaxPool3d(_MaxPoolNd, layer=pooling.MaxPool3d): ...


class MaxUnpool1d(_MaxUnpoolNd, layer=unpooling.MaxUnpool1d): ...


class MaxUnpool2d(_MaxUnpoolNd, layer=unpooling.MaxUnpool2d): ...


class MaxUnpool3d(_MaxUnpoolNd, layer=unpooling.MaxUnpool3d): ...


class AvgPool1d(_AvgPoolNd, layer=pooling.AvgPool1d): ...


class AvgPool2d(_AvgPoolNd, layer=pooling.AvgPool2d): ...


class AvgPool3d(_AvgPoolNd, layer=pooling.AvgPool3d): ...


class FractionalMaxPool2d(LayerModule, layer=fractional_pooling.FractionalMaxPool2d): ...


class FractionalMaxPool3d(LayerModule, layer=fractional_pooling.FractionalMaxPool3d): ...


class LPPool1d(_LPPoolNd, layer=pooling.LPPool1d): ...


class LPPool2d(_LPPoolNd, layer=pooling.LPPool2d): ...


class LPPool3d(_LPPoolNd, layer=pooling.LPPool3d): ...


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd, layer=adaptive_pooling.AdaptiveMaxPool1d): ...


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd, layer=adaptive_pooling.AdaptiveMaxPool2d): ...


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd, layer=adaptive_pooling.AdaptiveMaxPool3d): ...


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd, layer=adaptive_pooling.AdaptiveAvgPool1d): ...


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd, layer=adaptive_pooling.AdaptiveAvgPool2d): ...


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd, layer=adaptive_pooling.AdaptiveAvgPool3d): ...
