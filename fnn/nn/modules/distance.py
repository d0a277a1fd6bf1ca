"""Distances: the facade of `fnn.layers.distance`."""

from fnn.layers import distance as layers
from fnn.nn.modules.layer_module import LayerModule

__all__ = ["CosineSimilarity", "PairwiseDistance"]


class PairwiseDistance(LayerModule, layer=layers.PairwiseDistance):
    @property
    def norm(self) -> float:
        """The order of the norm: the constructor's ``p``, under the name of PyTorch's attribute."""
        return self._layer.p

    @norm.setter
    def norm(self, value: float) -> None:
        self.p = value


class CosineSimilarity(LayerModule, layer=layers.CosineSimilarity): ...
