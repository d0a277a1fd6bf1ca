"""MaxViT: convolution, attention within windows and attention over a grid (Tu et al., arXiv:2204.01697)."""

from collections.abc import Callable, Sequence
from functools import partial

import jax
import numpy as np

from fnn import nn
from fnn.errors import ArgumentError
from fnn.vision.models._draws import unit_norm
from fnn.vision.models._maxvit_blocks import MaxVitBlock, halved
from fnn.vision.models._registry import build, builder, expect
from fnn.vision.models._small_weights import MaxVit_T_Weights
from fnn.vision.ops.misc import Conv2dNormActivation

__all__ = ["MaxVit", "MaxVit_T_Weights", "maxvit_t"]

Make = Callable[..., nn.Module]


class MaxVit(nn.Module):
    """A stem, stages of `MaxVitLayer`, and a classifier with one hidden layer.

    Args:
        input_size: height and width of the input.
        stem_channels: channels of the stem.
        partition_size: height and width of a window, and of the grid. It divides each stage's resolution.
        block_channels: output channels of each stage.
        block_layers: the number of layers of each stage.
        head_dim: features of an attention's head.
        stochastic_depth_prob: the last layer's probability of leaving a branch out; that of the others grows from 0.
        norm_layer: makes a normalisation of so many channels. Default: `fnn.nn.BatchNorm2d` with eps 1e-3 and
            momentum 0.01.
        activation_layer: makes an activation.
        squeeze_ratio: how many times a layer's channels the block that weighs channels has inside.
        expansion_ratio: how many times a layer's channels its convolution has inside.
        mlp_ratio: how many times its features an MLP has inside.
        mlp_dropout: the probability of the dropout behind an MLP.
        attention_dropout: that of the dropout behind an attention.
        num_classes: the number of outputs.

    Shape:
        Input (N, 3, *input_size), output (N, num_classes).

    Example:
        >>> from fnn.vision import models
        >>> model = models.MaxVit(
        ...     (32, 32), stem_channels=8, partition_size=4, block_channels=[8, 16], block_layers=[1, 1], head_dim=4,
        ...     stochastic_depth_prob=0.1, num_classes=10,
        ... )
        >>> sum(p.numel() for p in model.parameters())
        14482
    """

    def __init__(
        self,
        input_size: tuple[int, int],
        stem_channels: int,
        partition_size: int,
        block_channels: Sequence[int],
        block_layers: Sequence[int],
        head_dim: int,
        stochastic_depth_prob: float,
        norm_layer: Make | None = None,
        activation_layer: Make = nn.GELU,
        squeeze_ratio: float = 0.25,
        expansion_ratio: float = 4,
        mlp_ratio: int = 4,
        mlp_dropout: float = 0.0,
        attention_dropout: float = 0.0,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        norm = partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01) if norm_layer is None else norm_layer
        size = halved(input_size)
        sizes = [size := halved(size) for _ in block_channels]
        for i, size in enumerate(sizes):
            if size[0] % partition_size or size[1] % partition_size:
                raise ArgumentError(
                    f"Input size {size} of block {i} is not divisible by partition size {partition_size}. Consider "
                    "changing the partition size or the input size.\n"
                    f"Current configuration yields the following block input sizes: {sizes}."
                )
        self.stem = nn.Sequential(
            Conv2dNormActivation(
                3,
                stem_channels,
                3,
                stride=2,
                norm_layer=norm,
                activation_layer=activation_layer,
                bias=False,
                inplace=None,
            ),
            Conv2dNormActivation(stem_channels, stem_channels, 3, norm_layer=None, activation_layer=None, bias=True),
        )
        self.partition_size = partition_size
        probabilities = np.linspace(0, stochastic_depth_prob, sum(block_layers)).tolist()
        self.blocks = nn.ModuleList()
        channels, size = stem_channels, halved(input_size)
        for out, layers in zip(block_channels, block_layers, strict=False):
            block = MaxVitBlock(
                channels,
                out,
                squeeze_ratio,
                expansion_ratio,
                norm,
                activation_layer,
                head_dim,
                mlp_ratio,
                mlp_dropout,
                attention_dropout,
                partition_size,
                size,
                layers,
                [probabilities.pop(0) for _ in range(layers)],
            )
            self.blocks.append(block)
            channels, size = out, block.grid_size
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.LayerNorm(channels),
            nn.Linear(channels, channels),
            nn.Tanh(),
            nn.Linear(channels, num_classes, bias=False),
        )
        self._init_weights()

    def _init_weights(self) -> None:
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.BatchNorm2d):
                unit_norm(module)

    def forward(self, x: jax.Array) -> jax.Array:
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.classifier(x)


@builder(MaxVit_T_Weights.IMAGENET1K_V1)
def maxvit_t(*, weights: MaxVit_T_Weights | str | None = None, progress: bool = True, **kwargs: object) -> MaxVit:
    """The tiny MaxViT.

    Args:
        weights: published weights, or their name; None leaves the model untrained.
        progress: whether a download shows a progress bar.
        **kwargs: arguments of `MaxVit`.
    """
    verified = MaxVit_T_Weights.verify(weights)
    if verified is not None:
        expect(kwargs, "input_size", verified.meta["min_size"])
    make = partial(
        MaxVit,
        stem_channels=64,
        block_channels=[64, 128, 256, 512],
        block_layers=[2, 2, 5, 2],
        head_dim=32,
        stochastic_depth_prob=0.2,
        partition_size=7,
    )
    return build(make, verified, progress, {"input_size": (224, 224), **kwargs})
