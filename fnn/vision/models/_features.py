"""Features from the middle of a model, by the names of its children."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import jax

from fnn import nn
from fnn.errors import ArgumentError

__all__ = ["IntermediateLayerGetter", "strided_stages"]


class IntermediateLayerGetter(nn.ModuleDict):
    """Runs a model's children one after another and gives the outputs of some of them.

    Args:
        model: whose children are called in the order in which they stand there.
        return_layers: for a child's name, that of its output in the result.

    Raises:
        ArgumentError: there is no child of one of the names.

    >>> model = nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Tanh(), c=nn.Tanh()))
    >>> list(IntermediateLayerGetter(model, {"b": "feature"}))
    ['a', 'b']
    """

    _version = 2

    def __init__(self, model: nn.Module, return_layers: Mapping[str, str]) -> None:
        children = OrderedDict(model.named_children())
        if not set(return_layers) <= set(children):
            raise ArgumentError(f"return_layers are not present in model: {sorted(set(return_layers) - set(children))}")
        missing = {str(name) for name in return_layers}
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for name, module in children.items():
            layers[name] = module
            missing.discard(name)
            if not missing:
                break
        super().__init__(layers)
        self.return_layers = return_layers

    def forward(self, x: jax.Array) -> OrderedDict[str, jax.Array]:
        found: OrderedDict[str, jax.Array] = OrderedDict()
        for name, module in self.items():
            x = module(x)
            if name in self.return_layers:
                found[self.return_layers[name]] = x
        return found


def strided_stages(features: nn.Sequential) -> list[int]:
    """The indices of a MobileNet's blocks that lower the resolution, with the first and the last one."""
    children: list[Any] = list(features)
    return [0, *(i for i, block in enumerate(children) if getattr(block, "_is_cn", False)), len(children) - 1]
