"""Activations: the facade of `fnn.layers`' `rectifier`, `activation`, `shrink` and `simplex`."""

from typing import Any

from fnn.layers import activation, rectifier, shrink, simplex
from fnn.nn.modules.attention import MultiheadAttention
from fnn.nn.modules.layer_module import LayerModule

__all__ = [
    "Threshold", "ReLU", "RReLU", "Hardtanh", "ReLU6", "Sigmoid", "Hardsigmoid", "Tanh", "SiLU", "Mish", "Hardswish",
    "ELU", "CELU", "SELU", "GLU", "GELU", "Hardshrink", "LeakyReLU", "LogSigmoid", "Softplus", "Softshrink", "PReLU",
    "Softsign", "Tanhshrink", "Softmin", "Softmax", "Softmax2d", "LogSoftmax",
    "MultiheadAttention",
]  # fmt: skip


class Threshold(LayerModule, layer=rectifier.Threshold): ...


class ReLU(LayerModule, layer=rectifier.ReLU): ...


class RReLU(LayerModule, layer=rectifier.RReLU): ...


class Hardtanh(LayerModule, layer=rectifier.Hardtanh): ...


class ReLU6(Hardtanh, layer=rectifier.ReLU6): ...


class Sigmoid(LayerModule, layer=activation.Sigmoid): ...


class Hardsigmoid(LayerModule, layer=activation.Hardsigmoid): ...


class Tanh(LayerModule, layer=activation.Tanh): ...


class SiLU(LayerModule, layer=activation.SiLU): ...


class Mish(LayerModule, layer=activation.Mish): ...


class Hardswish(LayerModule, layer=activation.Hardswish): ...


class ELU(LayerModule, layer=rectifier.ELU): ...


class CELU(LayerModule, layer=rectifier.CELU): ...


class SELU(LayerModule, layer=rectifier.SELU): ...


class GLU(LayerModule, layer=activation.GLU): ...


class GELU(LayerModule, layer=activation.GELU): ...


class Hardshrink(LayerModule, layer=shrink.Hardshrink): ...


class LeakyReLU(LayerModule, layer=rectifier.LeakyReLU): ...


class LogSigmoid(LayerModule, layer=activation.LogSigmoid): ...


class Softplus(LayerModule, layer=activation.Softplus): ...


class Softshrink(LayerModule, layer=shrink.Softshrink): ...


class PReLU(LayerModule, layer=rectifier.PReLU):
    @property
    def init(self) -> Any:
        """The initial slope."""
        return self._layer.initial

    @init.setter
    def init(self, value: Any) -> None:
        self._layer = self._layer.replace(initial=value)


class Softsign(LayerModule, layer=activation.Softsign): ...


class Tanhshrink(LayerModule, layer=shrink.Tanhshrink): ...


class Softmin(LayerModule, layer=simplex.Softmin): ...


class Softmax(LayerModule, layer=simplex.Softmax): ...


class Softmax2d(LayerModule, layer=simplex.Softmax2d): ...


class LogSoftmax(LayerModule, layer=simplex.LogSoftmax): ...
