"""Recurrent networks and their cells."""

from fnn import layers
from fnn.nn._module import Module
from fnn.nn.modules.layer_module import LayerModule
from fnn.nn.parameter import Parameter

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNBase", "RNNCell", "RNNCellBase"]


class RNNBase(LayerModule, layer=layers.RNNBase):
    forward = Module.forward  # missing, as torch's: each network has its own

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters: a list for each layer and, within it, direction."""
        return [[getattr(self, name) for name in part] for part in self._layer.names()]

    # Not public, yet scripts initialise recurrent networks by them.
    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for part in self._layer.names() for name in part]

    @property
    def _flat_weights(self) -> list[Parameter]:
        return [getattr(self, name) for name in self._flat_weights_names]

    def flatten_parameters(self) -> None:
        """Changes nothing, as torch's on the CPU: it is for cuDNN, and how arrays lie in memory is up to XLA."""


class RNN(RNNBase, layer=layers.RNN): ...


class LSTM(RNNBase, layer=layers.LSTM): ...


class GRU(RNNBase, layer=layers.GRU): ...


class RNNCellBase(LayerModule, layer=layers.RNNCellBase):
    forward = Module.forward  # missing, as torch's: each cell has its own


class RNNCell(RNNCellBase, layer=layers.RNNCell): ...


class LSTMCell(RNNCellBase, layer=layers.LSTMCell): ...


class GRUCell(RNNCellBase, layer=layers.GRUCell): ...
