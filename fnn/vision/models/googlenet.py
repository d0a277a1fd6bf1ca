"""GoogLeNet (Szegedy et al., arXiv:1409.4842)."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from fnn import nn
from fnn.errors import ArgumentError
from fnn.nn import functional as F
from fnn.vision.models._inception import BasicConv2d, draw_truncated, rescaled
from fnn.vision.models._registry import build, builder, expect
from fnn.vision.models._weights import WeightsEnum, imagenet

__all__ = ["GoogLeNet", "GoogLeNetOutputs", "GoogLeNet_Weights", "googlenet"]

Make = Callable[..., nn.Module]


class GoogLeNetOutputs(NamedTuple):
    """What `GoogLeNet` returns while it trains: the logits, and those of the two auxiliary heads.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.vision import models
        >>> logits, aux_logits2, aux_logits1 = models.GoogLeNetOutputs(jnp.zeros((1, 10)), jnp.ones((1, 10)), None)
        >>> float((logits + 0.3 * aux_logits2).sum())
        2.999999761581421
    """

    logits: jax.Array
    aux_logits2: jax.Array | None
    aux_logits1: jax.Array | None


class Inception(nn.Module):
    """Four branches side by side: 1x1, 3x3, twice 3x3, and a pooling.

    Args:
        in_channels: input channels.
        ch1x1: output channels of the first branch.
        ch3x3red: channels before the second branch's 3x3 convolution.
        ch3x3: output channels of the second branch.
        ch5x5red: channels before the third branch's convolution, which is 5x5 in the paper, and 3x3 in the published
            weights.
        ch5x5: output channels of the third branch.
        pool_proj: output channels of the fourth branch.
        conv_block: makes a convolution. Default: `BasicConv2d`.
    """

    def __init__(
        self,
        in_channels: int,
        ch1x1: int,
        ch3x3red: int,
        ch3x3: int,
        ch5x5red: int,
        ch5x5: int,
        pool_proj: int,
        conv_block: Make | None = None,
    ) -> None:
        super().__init__()
        conv = BasicConv2d if conv_block is None else conv_block
        self.branch1 = conv(in_channels, ch1x1, kernel_size=1)
        self.branch2 = nn.Sequential(
            conv(in_channels, ch3x3red, kernel_size=1), conv(ch3x3red, ch3x3, kernel_size=3, padding=1)
        )
        self.branch3 = nn.Sequential(
            conv(in_channels, ch5x5red, kernel_size=1), conv(ch5x5red, ch5x5, kernel_size=3, padding=1)
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=1, padding=1, ceil_mode=True),
            conv(in_channels, pool_proj, kernel_size=1),
        )

    def forward(self, x: jax.Array) -> jax.Array:
        return jnp.concatenate([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class InceptionAux(nn.Module):
    """A head on an inner layer, for training.

    Args:
        in_channels: input channels.
        num_classes: the number of outputs.
        conv_block: makes a convolution. Default: `BasicConv2d`.
        dropout: the probability of the dropout.
    """

    def __init__(
        self, in_channels: int, num_classes: int, conv_block: Make | None = None, dropout: float = 0.7
    ) -> None:
        super().__init__()
        self.conv = (BasicConv2d if conv_block is None else conv_block)(in_channels, 128, kernel_size=1)
        self.fc1 = nn.Linear(2048, 1024)
        self.fc2 = nn.Linear(1024, num_classes)
        self.dropout = nn.Dropout(p=dropout)

    def forward(self, x: jax.Array) -> jax.Array:
        x = lax.collapse(self.conv(F.adaptive_avg_pool2d(x, (4, 4))), 1)  # (N, 2048)
        return self.fc2(self.dropout(F.relu(self.fc1(x))))


class GoogLeNet(nn.Module):
    """Nine `Inception` blocks, and two auxiliary heads.

    Args:
        num_classes: the number of outputs.
        aux_logits: whether there are auxiliary heads; in training the output is then a `GoogLeNetOutputs`.
        transform_input: whether the input is normalised by ImageNet's statistics, as torchvision's preprocessing does,
            and has to be mapped to what the published weights expect.
        init_weights: whether to draw the weights anew, from a normal distribution. Default: True.
        blocks: makers of the convolution, of the `Inception` block and of the `InceptionAux` head.
        dropout: the probability of the dropout before the linear layer.
        dropout_aux: that of the auxiliary heads.

    Shape:
        Input (N, 3, H, W) with H, W >= 15, output (N, num_classes).

    Example:
        >>> from fnn.vision import models
        >>> model = models.GoogLeNet(num_classes=10, aux_logits=False, init_weights=False)
        >>> sum(p.numel() for p in model.parameters())
        5610154
    """

    def __init__(
        self,
        num_classes: int = 1000,
        aux_logits: bool = True,
        transform_input: bool = False,
        init_weights: bool | None = None,
        blocks: Sequence[Make] | None = None,
        dropout: float = 0.2,
        dropout_aux: float = 0.7,
    ) -> None:
        super().__init__()
        makers: Sequence[Make] = (BasicConv2d, Inception, InceptionAux) if blocks is None else blocks
        if len(makers) != 3:
            raise ArgumentError(f"blocks length should be 3 instead of {len(makers)}")
        conv, inception, aux = makers
        self.aux_logits = aux_logits
        self.transform_input = transform_input
        self.conv1 = conv(3, 64, kernel_size=7, stride=2, padding=3)
        self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv2 = conv(64, 64, kernel_size=1)
        self.conv3 = conv(64, 192, kernel_size=3, padding=1)
        self.maxpool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception3a = inception(192, 64, 96, 128, 16, 32, 32)
        self.inception3b = inception(256, 128, 128, 192, 32, 96, 64)
        self.maxpool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception4a = inception(480, 192, 96, 208, 16, 48, 64)
        self.inception4b = inception(512, 160, 112, 224, 24, 64, 64)
        self.inception4c = inception(512, 128, 128, 256, 24, 64, 64)
        self.inception4d = inception(512, 112, 144, 288, 32, 64, 64)
        self.inception4e = inception(528, 256, 160, 320, 32, 128, 128)
        self.maxpool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.inception5a = inception(832, 256, 160, 320, 32, 128, 128)
        self.inception5b = inception(832, 384, 192, 384, 48, 128, 128)
        self.aux1 = aux(512, num_classes, dropout=dropout_aux) if aux_logits else None
        self.aux2 = aux(528, num_classes, dropout=dropout_aux) if aux_logits else None
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(p=dropout)
        self.fc = nn.Linear(1024, num_classes)
        if init_weights is None or init_weights:
            draw_truncated(self, 0.01)

    def forward(self, x: jax.Array) -> Any:
        if self.transform_input:
            x = rescaled(x)
        x = self.maxpool1(self.conv1(x))  # (N, 64, H/4, W/4)
        x = self.maxpool2(self.conv3(self.conv2(x)))  # (N, 192, H/8, W/8)
        x = self.maxpool3(self.inception3b(self.inception3a(x)))  # (N, 480, H/16, W/16)
        x = self.inception4a(x)
        aux1 = self.aux1(x) if self.aux1 is not None and self.training else None
        x = self.inception4d(self.inception4c(self.inception4b(x)))
        aux2 = self.aux2(x) if self.aux2 is not None and self.training else None
        x = self.maxpool4(self.inception4e(x))  # (N, 832, H/32, W/32)
        x = self.avgpool(self.inception5b(self.inception5a(x)))  # (N, 1024, 1, 1)
        x = self.fc(self.dropout(lax.collapse(x, 1)))
        return GoogLeNetOutputs(x, aux2, aux1) if self.training and self.aux_logits else x


class GoogLeNet_Weights(WeightsEnum):
    """Published weights of `googlenet`."""

    IMAGENET1K_V1 = imagenet(
        "googlenet-1378be20", 6_624_904, (69.778, 89.53), 1.498, 49.731, "#googlenet", min_size=(15, 15)
    )
    DEFAULT = IMAGENET1K_V1


@builder(GoogLeNet_Weights.IMAGENET1K_V1)
def googlenet(*, weights: GoogLeNet_Weights | str | None = None, progress: bool = True, **kwargs: Any) -> GoogLeNet:
    """GoogLeNet.

    Args:
        weights: published weights, or their name; None leaves the model untrained. Those of the auxiliary heads are
            not trained: with weights, the heads are left out unless ``aux_logits=True``.
        progress: whether a download shows a progress bar.
        **kwargs: arguments of `GoogLeNet`.
    """
    chosen = GoogLeNet_Weights.verify(weights)
    if chosen is None:
        return GoogLeNet(**kwargs)
    keep = kwargs.get("aux_logits", False)
    kwargs.setdefault("transform_input", True)
    expect(kwargs, "aux_logits", True)
    expect(kwargs, "init_weights", False)
    model = build(GoogLeNet, chosen, progress, kwargs)
    if keep:
        warnings.warn(
            "auxiliary heads in the pretrained googlenet model are NOT pretrained, so make sure to train them",
            stacklevel=3,
        )
    else:
        model.aux_logits = False
        model.aux1 = model.aux2 = None
    return model
