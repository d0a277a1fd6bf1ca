"""Feature pyramids: coarse maps are carried down to fine ones (Lin et al., arXiv:1612.03144)."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from fnn import nn
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.nn import functional as F
from fnn.vision.ops.misc import Conv2dNormActivation

__all__ = ["ExtraFPNBlock", "FeaturePyramidNetwork", "LastLevelMaxPool", "LastLevelP6P7"]

Extended = tuple[list[jax.Array], list[str]]


class ExtraFPNBlock(nn.Module):
    """Base of what adds levels to a pyramid: ``forward(results, x, names) -> (results, names)``."""

    def forward(self, results: list[jax.Array], x: list[jax.Array], names: list[str]) -> Extended:
        del x
        return results, names


class FeaturePyramidNetwork(nn.Module):
    """Maps of the same number of channels at each resolution, each with what the coarser ones know.

    Args:
        in_channels_list: the channels of each map, the finest first.
        out_channels: those of each result.
        extra_blocks: adds levels.
        norm_layer: makes a normalisation of so many channels; None for none.

    Shape:
        A dict of (N, C_i, H_i, W_i), the finest first; the same names with (N, out_channels, H_i, W_i).

    >>> import jax.numpy as jnp
    >>> pyramid = FeaturePyramidNetwork([2, 3], 4)
    >>> {name: x.shape for name, x in pyramid({"a": jnp.ones((1, 2, 8, 8)), "b": jnp.ones((1, 3, 4, 4))}).items()}
    {'a': (1, 4, 8, 8), 'b': (1, 4, 4, 4)}
    """

    _version = 2

    def __init__(
        self,
        in_channels_list: Sequence[int],
        out_channels: int,
        extra_blocks: ExtraFPNBlock | None = None,
        norm_layer: Callable[..., nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.inner_blocks = nn.ModuleList()
        self.layer_blocks = nn.ModuleList()
        for channels in in_channels_list:
            if channels == 0:
                raise ArgumentError("in_channels=0 is currently not supported")
            self.inner_blocks.append(
                Conv2dNormActivation(
                    channels, out_channels, kernel_size=1, padding=0, norm_layer=norm_layer, activation_layer=None
                )
            )
            self.layer_blocks.append(
                Conv2dNormActivation(
                    out_channels, out_channels, kernel_size=3, norm_layer=norm_layer, activation_layer=None
                )
            )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight, a=1)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        if extra_blocks is not None and not isinstance(extra_blocks, ExtraFPNBlock):
            raise ArgumentTypeError(f"extra_blocks should be of type ExtraFPNBlock not {type(extra_blocks)}")
        self.extra_blocks = extra_blocks

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *args: Any, **kwargs: Any
    ) -> None:
        version = local_metadata.get("version")
        if version is None or version < 2:  # its convolutions stood alone
            for kind in ("inner_blocks", "layer_blocks"):
                for i in range(len(self.inner_blocks)):
                    for name in ("weight", "bias"):
                        old = f"{prefix}{kind}.{i}.{name}"
                        if old in state_dict:
                            state_dict[f"{prefix}{kind}.{i}.0.{name}"] = state_dict.pop(old)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args, **kwargs)

    def forward(self, x: Mapping[str, jax.Array]) -> OrderedDict[str, jax.Array]:
        names, maps = list(x), list(x.values())
        inner = self.inner_blocks[len(maps) - 1](maps[-1])
        results = [self.layer_blocks[len(maps) - 1](inner)]
        for i in range(len(maps) - 2, -1, -1):
            lateral = self.inner_blocks[i](maps[i])
            inner = lateral + F.interpolate(inner, size=lateral.shape[-2:], mode="nearest")
            results.insert(0, self.layer_blocks[i](inner))
        if self.extra_blocks is not None:
            results, names = self.extra_blocks(results, maps, names)
        return OrderedDict(zip(names, results, strict=False))


class LastLevelMaxPool(ExtraFPNBlock):
    """Adds every other pixel of the coarsest map, as the level ``"pool"``."""

    def forward(self, results: list[jax.Array], x: list[jax.Array], names: list[str]) -> Extended:
        del x
        return [*results, F.max_pool2d(results[-1], kernel_size=1, stride=2, padding=0)], [*names, "pool"]


class LastLevelP6P7(ExtraFPNBlock):
    """Adds two levels by convolutions with stride 2, as RetinaNet does.

    Args:
        in_channels: of the coarsest map before the pyramid; if there are ``out_channels`` of them, the coarsest
            result is taken instead.
        out_channels: of the pyramid.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.p6 = nn.Conv2d(in_channels, out_channels, 3, 2, 1)
        self.p7 = nn.Conv2d(out_channels, out_channels, 3, 2, 1)
        for module in (self.p6, self.p7):
            nn.init.kaiming_uniform_(module.weight, a=1)
            nn.init.zeros_(module.bias)
        self.use_P5 = in_channels == out_channels

    def forward(self, results: list[jax.Array], x: list[jax.Array], names: list[str]) -> Extended:
        p6 = self.p6(results[-1] if self.use_P5 else x[-1])
        return [*results, p6, self.p7(F.relu(p6))], [*names, "p6", "p7"]
