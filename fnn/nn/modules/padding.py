"""Padding: the facade of `fnn.layers.padding`."""

from fnn.layers import padding as layers
from fnn.nn.modules.layer_module import LayerModule

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]


class _ConstantPadNd(LayerModule):
    """Base, for ``isinstance``."""


class _ReflectionPadNd(LayerModule):
    """Base, for ``isinstance``."""


class _ReplicationPadNd(LayerModule):
    """Base, for ``isinstance``."""


class _CircularPadNd(LayerModule):
    """Base, for ``isinstance``."""


class ConstantPad1d(_ConstantPadNd, layer=layers.ConstantPad1d): ...


class ConstantPad2d(_ConstantPadNd, layer=layers.ConstantPad2d): ...


class ConstantPad3d(_ConstantPadNd, layer=layers.ConstantPad3d): ...


class ZeroPad1d(ConstantPad1d, layer=layers.ZeroPad1d): ...


class ZeroPad2d(ConstantPad2d, layer=layers.ZeroPad2d): ...


class ZeroPad3d(ConstantPad3d, layer=layers.ZeroPad3d): ...


class ReflectionPad1d(_ReflectionPadNd, layer=layers.ReflectionPad1d): ...


class ReflectionPad2d(_ReflectionPadNd, layer=layers.ReflectionPad2d): ...


class ReflectionPad3d(_ReflectionPadNd, layer=layers.ReflectionPad3d): ...


class ReplicationPad1d(_ReplicationPadNd, layer=layers.ReplicationPad1d): ...


class ReplicationPad2d(_ReplicationPadNd, layer=layers.ReplicationPad2d): ...


class ReplicationPad3d(_ReplicationPadNd, layer=layers.ReplicationPad3d): ...


class CircularPad1d(_CircularPadNd, layer=layers.CircularPad1d): ...


class CircularPad2d(_CircularPadNd, layer=layers.CircularPad2d): ...


class CircularPad3d(_CircularPadNd, layer=layers.CircularPad3d): ...
