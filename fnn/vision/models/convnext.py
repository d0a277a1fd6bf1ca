"""ConvNeXt: a ResNet with a transformer's proportions (Liu et al., arXiv:2201.03545).

The builders take ``weights`` (published weights or their name, by default None), ``progress`` (whether a download
shows a progress bar) and the keyword arguments of `ConvNeXt`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from fnn import init, nn
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision.models._draws import skipped_draws
from fnn.vision.models._registry import build, builder
from fnn.vision.models._weights import WeightsEnum, imagenet
from fnn.vision.ops.misc import Conv2dNormActivation, Permute
from fnn.vision.ops.stochastic_depth import StochasticDepth

__all__ = [
    "ConvNeXt",
    "ConvNeXt_Base_Weights",
    "ConvNeXt_Large_Weights",
    "ConvNeXt_Small_Weights",
    "ConvNeXt_Tiny_Weights",
    "convnext_base",
    "convnext_large",
    "convnext_small",
    "convnext_tiny",
]

Make = Callable[..., nn.Module]


class LayerNorm2d(nn.LayerNorm):
    """LayerNorm over the channels of (N, C, H, W)."""

    def forward(self, input: jax.Array) -> jax.Array:
        return jnp.moveaxis(super().forward(jnp.moveaxis(input, 1, -1)), -1, 1)


class CNBlock(nn.Module):
    """7x7 depthwise convolution and an MLP over the channels, scaled, around which the input is added.

    Args:
        dim: channels of input and output.
        layer_scale: the initial value of the learned scale of each channel.
        stochastic_depth_prob: the probability of leaving the branch out.
        norm_layer: makes a normalisation of the last axis. Default: `fnn.nn.LayerNorm` with eps 1e-6.
    """

    def __init__(
        self, dim: int, layer_scale: float, stochastic_depth_prob: float, norm_layer: Make | None = None
    ) -> None:
        super().__init__()
        norm = partial(nn.LayerNorm, eps=1e-6) if norm_layer is None else norm_layer
        self.block = nn.Sequential(
            nn.Conv2d(dim, dim, kernel_size=7, padding=3, groups=dim, bias=True),
            Permute([0, 2, 3, 1]),
            norm(dim),
            nn.Linear(in_features=dim, out_features=4 * dim, bias=True),
            nn.GELU(),
            nn.Linear(in_features=4 * dim, out_features=dim, bias=True),
            Permute([0, 3, 1, 2]),
        )
        self.layer_scale = nn.Parameter(init.full(None, (dim, 1, 1), layer_scale))
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")

    def forward(self, input: jax.Array) -> jax.Array:
        scale = self.layer_scale.data[None]  # (1, C, 1, 1)
        return self.stochastic_depth(scale * self.block(input)) + input


class CNBlockConfig:
    """One stage.

    Args:
        input_channels: the channels of its blocks.
        out_channels: the channels that it is followed by; None for the last stage.
        num_layers: how many blocks it has.
    """

    def __init__(self, input_channels: int, out_channels: int | None, num_layers: int) -> None:
        self.input_channels = input_channels
        self.out_channels = out_channels
        self.num_layers = num_layers

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(input_channels={self.input_channels}, out_channels={self.out_channels}, "
            f"num_layers={self.num_layers})"
        )


class ConvNeXt(nn.Module):
    """Stages of `CNBlock`, each but the last followed by a 2x2 convolution with stride 2.

    Args:
        block_setting: the stages.
        stochastic_depth_prob: the last block's probability of leaving its branch out; that of the others grows
            from 0 to it.
        layer_scale: the initial value of each block's learned scale.
        num_classes: the number of outputs.
        block: makes a block. Default: `CNBlock`.
        norm_layer: makes a normalisation of the channels. Default: `LayerNorm2d` with eps 1e-6.

    Shape:
        Input (N, 3, H, W) with H, W >= 32, output (N, num_classes).

    Example:
        >>> from fnn.vision import models
        >>> stages = [models.convnext.CNBlockConfig(8, 16, 1), models.convnext.CNBlockConfig(16, None, 2)]
        >>> model = models.ConvNeXt(stages, num_classes=10)
        >>> sum(p.numel() for p in model.parameters())
        8082
    """

    def __init__(
        self,
        block_setting: Sequence[CNBlockConfig],
        stochastic_depth_prob: float = 0.0,
        layer_scale: float = 1e-6,
        num_classes: int = 1000,
        block: Make | None = None,
        norm_layer: Make | None = None,
    ) -> None:
        super().__init__()
        if not block_setting:
            raise ArgumentError("The block_setting should not be empty")
        if not isinstance(block_setting, Sequence) or not all(isinstance(s, CNBlockConfig) for s in block_setting):
            raise ArgumentTypeError(f"The block_setting should be List[CNBlockConfig], got {block_setting!r}")
        make = CNBlock if block is None else block
        norm = partial(LayerNorm2d, eps=1e-6) if norm_layer is None else norm_layer
        first, last = block_setting[0].input_channels, block_setting[-1]
        with skipped_draws(block is None and norm_layer is None):
            layers: list[nn.Module] = [
                Conv2dNormActivation(
                    3, first, kernel_size=4, stride=4, padding=0, norm_layer=norm, activation_layer=None, bias=True
                )
            ]
            depth, total = 0, sum(cnf.num_layers for cnf in block_setting)
            for cnf in block_setting:
                stage = []
                for _ in range(cnf.num_layers):
                    probability = stochastic_depth_prob * depth / max(total - 1.0, 1.0)
                    stage.append(make(cnf.input_channels, layer_scale, probability))
                    depth += 1
                layers.append(nn.Sequential(*stage))
                if cnf.out_channels is not None:
                    layers.append(
                        nn.Sequential(
                            norm(cnf.input_channels),
                            nn.Conv2d(cnf.input_channels, cnf.out_channels, kernel_size=2, stride=2),
                        )
                    )
            self.features = nn.Sequential(*layers)
            self.avgpool = nn.AdaptiveAvgPool2d(1)
            channels = last.input_channels if last.out_channels is None else last.out_channels
            self.classifier = nn.Sequential(norm(channels), nn.Flatten(1), nn.Linear(channels, num_classes))
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def _forward_impl(self, x: jax.Array) -> jax.Array:
        return self.classifier(self.avgpool(self.features(x)))

    def forward(self, x: jax.Array) -> jax.Array:
        return self._forward_impl(x)


def _convnext(
    channels: tuple[int, ...],
    depths: tuple[int, ...],
    stochastic_depth_prob: float,
    weights: WeightsEnum | None,
    progress: bool,
    kwargs: dict[str, Any],
) -> ConvNeXt:
    following = (*channels[1:], None)
    setting = [CNBlockConfig(*stage) for stage in zip(channels, following, depths, strict=True)]
    probability = kwargs.pop("stochastic_depth_prob", stochastic_depth_prob)
    return build(partial(ConvNeXt, setting, probability), weights, progress, kwargs)


_published = partial(imagenet, recipe="#convnext", min_size=(32, 32))


class ConvNeXt_Tiny_Weights(WeightsEnum):
    """Published weights of `convnext_tiny`."""

    IMAGENET1K_V1 = _published("convnext_tiny-983f1562", 28_589_128, (82.52, 96.146), 4.456, 109.119, resize_size=236)
    DEFAULT = IMAGENET1K_V1


class ConvNeXt_Small_Weights(WeightsEnum):
    """Published weights of `convnext_small`."""

    IMAGENET1K_V1 = _published("convnext_small-0c510722", 50_223_688, (83.616, 96.65), 8.684, 191.703, resize_size=230)
    DEFAULT = IMAGENET1K_V1


class ConvNeXt_Base_Weights(WeightsEnum):
    """Published weights of `convnext_base`."""

    IMAGENET1K_V1 = _published("convnext_base-6075fbad", 88_591_464, (84.062, 96.87), 15.355, 338.064, resize_size=232)
    DEFAULT = IMAGENET1K_V1


class ConvNeXt_Large_Weights(WeightsEnum):
    """Published weights of `convnext_large`."""

    IMAGENET1K_V1 = _published(
        "convnext_large-ea097f82", 197_767_336, (84.414, 96.976), 34.361, 754.537, resize_size=232
    )
    DEFAULT = IMAGENET1K_V1


@builder(ConvNeXt_Tiny_Weights.IMAGENET1K_V1)
def convnext_tiny(
    *, weights: ConvNeXt_Tiny_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> ConvNeXt:
    """The tiny ConvNeXt."""
    return _convnext((96, 192, 384, 768), (3, 3, 9, 3), 0.1, ConvNeXt_Tiny_Weights.verify(weights), progress, kwargs)


@builder(ConvNeXt_Small_Weights.IMAGENET1K_V1)
def convnext_small(
    *, weights: ConvNeXt_Small_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> ConvNeXt:
    """The small ConvNeXt."""
    return _convnext((96, 192, 384, 768), (3, 3, 27, 3), 0.4, ConvNeXt_Small_Weights.verify(weights), progress, kwargs)


@builder(ConvNeXt_Base_Weights.IMAGENET1K_V1)
def convnext_base(
    *, weights: ConvNeXt_Base_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> ConvNeXt:
    """The base ConvNeXt."""
    return _convnext((128, 256, 512, 1024), (3, 3, 27, 3), 0.5, ConvNeXt_Base_Weights.verify(weights), progress, kwargs)


@builder(ConvNeXt_Large_Weights.IMAGENET1K_V1)
def convnext_large(
    *, weights: ConvNeXt_Large_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> ConvNeXt:
    """The large ConvNeXt."""
    return _convnext(
        (192, 384, 768, 1536), (3, 3, 27, 3), 0.5, ConvNeXt_Large_Weights.verify(weights), progress, kwargs
    )
