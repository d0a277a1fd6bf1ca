"""Linear maps: the facade of `fnn.layers.linear`."""

from fnn.layers import linear as layers
from fnn.nn.modules.layer_module import LayerModule
from fnn.nn.modules.lazy import LazyLeaf, last_size

__all__ = ["Bilinear", "Identity", "LazyLinear", "Linear"]


class Identity(LayerModule, layer=layers.Identity): ...


class Linear(LayerModule, layer=layers.Linear): ...


class NonDynamicallyQuantizableLinear(Linear, layer=layers.Linear):
    """The output projection of `MultiheadAttention`: a `Linear` that says in its name what it is for."""


class Bilinear(LayerModule, layer=layers.Bilinear): ...


class LazyLinear(LazyLeaf, Linear, materializes=Linear, infer={"in_features": last_size}): ...
