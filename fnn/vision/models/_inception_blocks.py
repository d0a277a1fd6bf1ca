"""The blocks of `fnn.vision.models.inception`."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from fnn import nn
from fnn.nn import functional as F
from fnn.vision.models._inception import BasicConv2d

__all__ = ["InceptionA", "InceptionAux", "InceptionB", "InceptionC", "InceptionD", "InceptionE", "Make"]

Make = Callable[..., nn.Module]


class InceptionA(nn.Module):
    """Branches 1x1, 5x5, twice 3x3, and a pooling; keeps height and width.

    Args:
        in_channels: input channels.
        pool_features: output channels of the branch with the pooling.
        conv_block: makes a convolution. Default: `BasicConv2d`.
    """

    def __init__(self, in_channels: int, pool_features: int, conv_block: Make | None = None) -> None:
        super().__init__()
        conv = BasicConv2d if conv_block is None else conv_block
        self.branch1x1 = conv(in_channels, 64, kernel_size=1)
        self.branch5x5_1 = conv(in_channels, 48, kernel_size=1)
        self.branch5x5_2 = conv(48, 64, kernel_size=5, padding=2)
        self.branch3x3dbl_1 = conv(in_channels, 64, kernel_size=1)
        self.branch3x3dbl_2 = conv(64, 96, kernel_size=3, padding=1)
        self.branch3x3dbl_3 = conv(96, 96, kernel_size=3, padding=1)
        self.branch_pool = conv(in_channels, pool_features, kernel_size=1)

    def forward(self, x: jax.Array) -> jax.Array:
        five = self.branch5x5_2(self.branch5x5_1(x))
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        pooled = self.branch_pool(F.avg_pool2d(x, kernel_size=3, stride=1, padding=1))
        return jnp.concatenate([self.branch1x1(x), five, double, pooled], 1)


class InceptionB(nn.Module):
    """Branches 3x3, twice 3x3, and a pooling; halves height and width.

    Args:
        in_channels: input channels.
        conv_block: makes a convolution. Default: `BasicConv2d`.
    """

    def __init__(self, in_channels: int, conv_block: Make | None = None) -> None:
        super().__init__()
        conv = BasicConv2d if conv_block is None else conv_block
        self.branch3x3 = conv(in_channels, 384, kernel_size=3, stride=2)
        self.branch3x3dbl_1 = conv(in_channels, 64, kernel_size=1)
        self.branch3x3dbl_2 = conv(64, 96, kernel_size=3, padding=1)
        self.branch3x3dbl_3 = conv(96, 96, kernel_size=3, stride=2)

    def forward(self, x: jax.Array) -> jax.Array:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        pooled: Any = F.max_pool2d(x, kernel_size=3, stride=2)
        return jnp.concatenate([self.branch3x3(x), double, pooled], 1)


class InceptionC(nn.Module):
    """Branches 1x1, 7x7 and twice 7x7, each as 1x7 and 7x1, and a pooling; keeps height and width.

    Args:
        in_channels: input channels.
        channels_7x7: inner channels of the 7x7 branches.
        conv_block: makes a convolution. Default: `BasicConv2d`.
    """

    def __init__(self, in_channels: int, channels_7x7: int, conv_block: Make | None = None) -> None:
        super().__init__()
        conv = BasicConv2d if conv_block is None else conv_block
        inner = channels_7x7
        self.branch1x1 = conv(in_channels, 192, kernel_size=1)
        self.branch7x7_1 = conv(in_channels, inner, kernel_size=1)
        self.branch7x7_2 = conv(inner, inner, kernel_size=(1, 7), padding=(0, 3))
        self.branch7x7_3 = conv(inner, 192, kernel_size=(7, 1), padding=(3, 0))
        self.branch7x7dbl_1 = conv(in_channels, inner, kernel_size=1)
        self.branch7x7dbl_2 = conv(inner, inner, kernel_size=(7, 1), padding=(3, 0))
        self.branch7x7dbl_3 = conv(inner, inner, kernel_size=(1, 7), padding=(0, 3))
        self.branch7x7dbl_4 = conv(inner, inner, kernel_size=(7, 1), padding=(3, 0))
        self.branch7x7dbl_5 = conv(inner, 192, kernel_size=(1, 7), padding=(0, 3))
        self.branch_pool = conv(in_channels, 192, kernel_size=1)

    def forward(self, x: jax.Array) -> jax.Array:
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        pooled = self.branch_pool(F.avg_pool2d(x, kernel_size=3, stride=1, padding=1))
        return jnp.concatenate([self.branch1x1(x), seven, double, pooled], 1)


class InceptionD(nn.Module):
    """Branches 3x3, 7x7 then 3x3, and a pooling; halves height and width.

    Args:
        in_channels: input channels.
        conv_block: makes a convolution. Default: `BasicConv2d`.
    """

    def __init__(self, in_channels: int, conv_block: Make | None = None) -> None:
        super().__init__()
        conv = BasicConv2d if conv_block is None else conv_block
        self.branch3x3_1 = conv(in_channels, 192, kernel_size=1)
        self.branch3x3_2 = conv(192, 320, kernel_size=3, stride=2)
        self.branch7x7x3_1 = conv(in_channels, 192, kernel_size=1)
        self.branch7x7x3_2 = conv(192, 192, kernel_size=(1, 7), padding=(0, 3))
        self.branch7x7x3_3 = conv(192, 192, kernel_size=(7, 1), padding=(3, 0))
        self.branch7x7x3_4 = conv(192, 192, kernel_size=3, stride=2)

    def forward(self, x: jax.Array) -> jax.Array:
        three = self.branch3x3_2(self.branch3x3_1(x))
        seven = self.branch7x7x3_2(self.branch7x7x3_1(x))
        seven = self.branch7x7x3_4(self.branch7x7x3_3(seven))
        pooled: Any = F.max_pool2d(x, kernel_size=3, stride=2)
        return jnp.concatenate([three, seven, pooled], 1)


class InceptionE(nn.Module):
    """Branches 1x1, 3x3 and twice 3x3, whose last convolutions are 1x3 beside 3x1, and a pooling.

    Args:
        in_channels: input channels.
        conv_block: makes a convolution. Default: `BasicConv2d`.
    """

    def __init__(self, in_channels: int, conv_block: Make | None = None) -> None:
        super().__init__()
        conv = BasicConv2d if conv_block is None else conv_block
        self.branch1x1 = conv(in_channels, 320, kernel_size=1)
        self.branch3x3_1 = conv(in_channels, 384, kernel_size=1)
        self.branch3x3_2a = conv(384, 384, kernel_size=(1, 3), padding=(0, 1))
        self.branch3x3_2b = conv(384, 384, kernel_size=(3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = conv(in_channels, 448, kernel_size=1)
        self.branch3x3dbl_2 = conv(448, 384, kernel_size=3, padding=1)
        self.branch3x3dbl_3a = conv(384, 384, kernel_size=(1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = conv(384, 384, kernel_size=(3, 1), padding=(1, 0))
        self.branch_pool = conv(in_channels, 192, kernel_size=1)

    def forward(self, x: jax.Array) -> jax.Array:
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        branches = [
            self.branch1x1(x),
            self.branch3x3_2a(three),
            self.branch3x3_2b(three),
            self.branch3x3dbl_3a(double),
            self.branch3x3dbl_3b(double),
            self.branch_pool(F.avg_pool2d(x, kernel_size=3, stride=1, padding=1)),
        ]
        return jnp.concatenate(branches, 1)


class InceptionAux(nn.Module):
    """A head on an inner layer, for training.

    Args:
        in_channels: input channels.
        num_classes: the number of outputs.
        conv_block: makes a convolution. Default: `BasicConv2d`.
    """

    def __init__(self, in_channels: int, num_classes: int, conv_block: Make | None = None) -> None:
        super().__init__()
        conv = BasicConv2d if conv_block is None else conv_block
        self.conv0 = conv(in_channels, 128, kernel_size=1)
        self.conv1 = conv(128, 768, kernel_size=5)
        self.conv1.stddev = 0.01
        self.fc = nn.Linear(768, num_classes)
        self.fc.stddev = 0.001

    def forward(self, x: jax.Array) -> jax.Array:
        x = self.conv1(self.conv0(F.avg_pool2d(x, kernel_size=5, stride=3)))  # (N, 768, 1, 1)
        return self.fc(lax.collapse(F.adaptive_avg_pool2d(x, (1, 1)), 1))
