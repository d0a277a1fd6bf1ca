"""DenseNet: every layer sees the outputs of all layers before it (Huang et al., arXiv:1608.06993).

The builders take ``weights`` (published weights or their name, by default None), ``progress`` (whether a download
shows a progress bar) and the keyword arguments of `DenseNet`.
"""

import functools
import re
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from fnn import nn
from fnn.nn import functional as F
from fnn.tracing import tracing
from fnn.vision.models._draws import skipped_draws
from fnn.vision.models._registry import build, builder
from fnn.vision.models._weights import WeightsEnum, imagenet

__all__ = [
    "DenseNet",
    "DenseNet121_Weights",
    "DenseNet161_Weights",
    "DenseNet169_Weights",
    "DenseNet201_Weights",
    "densenet121",
    "densenet161",
    "densenet169",
    "densenet201",
]

# The published files have the names from when a module's name could hold a dot.
_OLD_NAME = re.compile(r"(norm|conv)\.([12]\.(?:weight|bias|running_mean|running_var))")


class _DenseLayer(nn.Module):
    """1x1 convolution to ``bn_size * growth_rate`` channels, 3x3 one to ``growth_rate``.

    Args:
        num_input_features: the channels of all inputs together.
        growth_rate: output channels.
        bn_size: see above.
        drop_rate: the probability of dropping an output value.
        memory_efficient: whether the first half is recomputed in the backward pass.
    """

    def __init__(
        self, num_input_features: int, growth_rate: int, bn_size: int, drop_rate: float, memory_efficient: bool = False
    ) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(num_input_features)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(num_input_features, bn_size * growth_rate, kernel_size=1, stride=1, bias=False)
        self.norm2 = nn.BatchNorm2d(bn_size * growth_rate)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(bn_size * growth_rate, growth_rate, kernel_size=3, stride=1, padding=1, bias=False)
        self.drop_rate = float(drop_rate)
        self.memory_efficient = memory_efficient

    def bn_function(self, inputs: Sequence[jax.Array]) -> jax.Array:
        """The first half: joins the inputs, and squeezes them."""
        return self.conv1(self.relu1(self.norm1(jnp.concatenate(inputs, 1))))

    def forward(self, input: jax.Array | Sequence[jax.Array]) -> jax.Array:
        inputs: Any = input if isinstance(input, (list, tuple)) else [input]
        first = self.bn_function
        if self.memory_efficient and tracing():  # outside a trace nothing is differentiated, hence nothing recomputed
            from fnn.func import checkpoint

            first = checkpoint(self.bn_function)
        out = self.conv2(self.relu2(self.norm2(first(inputs))))
        return F.dropout(out, self.drop_rate, self.training) if self.drop_rate > 0 else out

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any) -> None:
        for key in [key for key in state_dict if key.startswith(prefix)]:
            old = _OLD_NAME.fullmatch(key, len(prefix))
            if old is not None:
                state_dict[prefix + old[1] + old[2]] = state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


class _DenseBlock(nn.ModuleDict):
    """``num_layers`` dense layers; the output holds the input and all their outputs."""

    _version = 2

    def __init__(
        self,
        num_layers: int,
        num_input_features: int,
        bn_size: int,
        growth_rate: int,
        drop_rate: float,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        for i in range(num_layers):
            channels = num_input_features + i * growth_rate
            layer = _DenseLayer(channels, growth_rate, bn_size, drop_rate, memory_efficient)
            self.add_module(f"denselayer{i + 1}", layer)

    def forward(self, init_features: jax.Array) -> jax.Array:
        features = [init_features]
        for layer in self.values():
            features.append(layer(features))
        return jnp.concatenate(features, 1)


class _Transition(nn.Sequential):
    """Between two blocks: a 1x1 convolution, and half the height and width."""

    def __init__(self, num_input_features: int, num_output_features: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(num_input_features)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(num_input_features, num_output_features, kernel_size=1, stride=1, bias=False)
        self.pool = nn.AvgPool2d(kernel_size=2, stride=2)


class DenseNet(nn.Module):
    """DenseNet-BC.

    Args:
        growth_rate: the channels that each layer adds.
        block_config: how many layers each block has.
        num_init_features: the channels after the first convolution.
        bn_size: a layer's first convolution has ``bn_size * growth_rate`` output channels.
        drop_rate: the probability of dropping a value of a layer's output.
        num_classes: the number of outputs.
        memory_efficient: whether the first half of each layer is recomputed in the backward pass
            (Pleiss et al., arXiv:1707.06990).

    Shape:
        Input (N, 3, H, W) with H, W >= 29, output (N, num_classes).

    Example:
        >>> from fnn.vision import models
        >>> model = models.DenseNet(growth_rate=4, block_config=(2, 2), num_init_features=8, num_classes=10)
        >>> sum(p.numel() for p in model.parameters())
        4706
    """

    def __init__(
        self,
        growth_rate: int = 32,
        block_config: Sequence[int] = (6, 12, 24, 16),
        num_init_features: int = 64,
        bn_size: int = 4,
        drop_rate: float = 0,
        num_classes: int = 1000,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        with skipped_draws():
            self.features = nn.Sequential(
                OrderedDict(
                    conv0=nn.Conv2d(3, num_init_features, kernel_size=7, stride=2, padding=3, bias=False),
                    norm0=nn.BatchNorm2d(num_init_features),
                    relu0=nn.ReLU(inplace=True),
                    pool0=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
                )
            )
            channels = num_init_features
            for i, layers in enumerate(block_config, 1):
                block = _DenseBlock(layers, channels, bn_size, growth_rate, drop_rate, memory_efficient)
                self.features.add_module(f"denseblock{i}", block)
                channels += layers * growth_rate
                if i != len(block_config):
                    self.features.add_module(f"transition{i}", _Transition(channels, channels // 2))
                    channels //= 2
            self.features.add_module("norm5", nn.BatchNorm2d(channels))
        self.classifier = nn.Linear(channels, num_classes)
        nn.init.zeros_(self.classifier.bias)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x: jax.Array) -> jax.Array:
        x = F.relu(self.features(x))
        return self.classifier(lax.collapse(F.adaptive_avg_pool2d(x, (1, 1)), 1))


def _densenet(
    growth_rate: int,
    block_config: tuple[int, int, int, int],
    num_init_features: int,
    weights: WeightsEnum | None,
    progress: bool,
    kwargs: dict[str, Any],
) -> DenseNet:
    make = functools.partial(DenseNet, growth_rate, block_config, num_init_features)
    return build(make, weights, progress, kwargs)


_published = functools.partial(imagenet, recipe="https://github.com/pytorch/vision/pull/116", min_size=(29, 29))


class DenseNet121_Weights(WeightsEnum):
    """Published weights of `densenet121`."""

    IMAGENET1K_V1 = _published("densenet121-a639ec97", 7_978_856, (74.434, 91.972), 2.834, 30.845)
    DEFAULT = IMAGENET1K_V1


class DenseNet161_Weights(WeightsEnum):
    """Published weights of `densenet161`."""

    IMAGENET1K_V1 = _published("densenet161-8d451a50", 28_681_000, (77.138, 93.56), 7.728, 110.369)
    DEFAULT = IMAGENET1K_V1


class DenseNet169_Weights(WeightsEnum):
    """Published weights of `densenet169`."""

    IMAGENET1K_V1 = _published("densenet169-b2777c0a", 14_149_480, (75.6, 92.806), 3.36, 54.708)
    DEFAULT = IMAGENET1K_V1


class DenseNet201_Weights(WeightsEnum):
    """Published weights of `densenet201`."""

    IMAGENET1K_V1 = _published("densenet201-c1103571", 20_013_928, (76.896, 93.37), 4.291, 77.373)
    DEFAULT = IMAGENET1K_V1


@builder(DenseNet121_Weights.IMAGENET1K_V1)
def densenet121(
    *, weights: DenseNet121_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> DenseNet:
    """DenseNet with 121 layers."""
    return _densenet(32, (6, 12, 24, 16), 64, DenseNet121_Weights.verify(weights), progress, kwargs)


@builder(DenseNet161_Weights.IMAGENET1K_V1)
def densenet161(
    *, weights: DenseNet161_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> DenseNet:
    """DenseNet with 161 layers."""
    return _densenet(48, (6, 12, 36, 24), 96, DenseNet161_Weights.verify(weights), progress, kwargs)


@builder(DenseNet169_Weights.IMAGENET1K_V1)
def densenet169(
    *, weights: DenseNet169_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> DenseNet:
    """DenseNet with 169 layers."""
    return _densenet(32, (6, 12, 32, 32), 64, DenseNet169_Weights.verify(weights), progress, kwargs)


@builder(DenseNet201_Weights.IMAGENET1K_V1)
def densenet201(
    *, weights: DenseNet201_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> DenseNet:
    """DenseNet with 201 layers."""
    return _densenet(32, (6, 12, 48, 32), 64, DenseNet201_Weights.verify(weights), progress, kwargs)
