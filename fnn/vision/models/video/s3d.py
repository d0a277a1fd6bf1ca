"""S3D: Inception over frames and over time (Xie et al., arXiv:1712.04851)."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.vision.models._registry import build, builder
from fnn.vision.models.video._weights import S3D_Weights
from fnn.vision.ops.misc import Conv3dNormActivation

__all__ = ["S3D", "S3D_Weights", "s3d"]

Make = Callable[..., nn.Module]


class TemporalSeparableConv(nn.Sequential):
    """A convolution over each frame, then one over the time.

    Args:
        in_planes: input channels.
        out_planes: output channels.
        kernel_size: along all axes.
        stride: along all axes.
        padding: along all axes.
        norm_layer: makes a normalisation of so many channels.
    """

    def __init__(
        self, in_planes: int, out_planes: int, kernel_size: int, stride: int, padding: int, norm_layer: Make
    ) -> None:
        unit = partial(Conv3dNormActivation, bias=False, norm_layer=norm_layer)
        super().__init__(
            unit(in_planes, out_planes, (1, kernel_size, kernel_size), (1, stride, stride), (0, padding, padding)),
            unit(out_planes, out_planes, (kernel_size, 1, 1), (stride, 1, 1), (padding, 0, 0)),
        )


class SepInceptionBlock3D(nn.Module):
    """Four branches, side by side.

    Args:
        in_planes: input channels.
        b0_out: output channels of the first branch.
        b1_mid: channels within the second.
        b1_out: its output channels.
        b2_mid: channels within the third.
        b2_out: its output channels.
        b3_out: output channels of the fourth.
        norm_layer: makes a normalisation of so many channels.
    """

    def __init__(
        self,
        in_planes: int,
        b0_out: int,
        b1_mid: int,
        b1_out: int,
        b2_mid: int,
        b2_out: int,
        b3_out: int,
        norm_layer: Make,
    ) -> None:
        super().__init__()
        unit = partial(Conv3dNormActivation, kernel_size=1, stride=1, norm_layer=norm_layer)
        self.branch0 = unit(in_planes, b0_out)
        self.branch1 = nn.Sequential(
            unit(in_planes, b1_mid), TemporalSeparableConv(b1_mid, b1_out, 3, 1, 1, norm_layer)
        )
        self.branch2 = nn.Sequential(
            unit(in_planes, b2_mid), TemporalSeparableConv(b2_mid, b2_out, 3, 1, 1, norm_layer)
        )
        self.branch3 = nn.Sequential(nn.MaxPool3d(kernel_size=(3, 3, 3), stride=1, padding=1), unit(in_planes, b3_out))

    def forward(self, x: jax.Array) -> jax.Array:
        return jnp.concatenate([self.branch0(x), self.branch1(x), self.branch2(x), self.branch3(x)], 1)


class S3D(nn.Module):
    """A stack of `SepInceptionBlock3D`.

    Args:
        num_classes: the number of outputs.
        dropout: the probability of the dropout before the classifier.
        norm_layer: makes a normalisation of so many channels. Default: `fnn.nn.BatchNorm3d` with eps and momentum
            0.001.

    Shape:
        Input (N, 3, T, H, W) with T >= 14 and H, W >= 193, output (N, num_classes).

    Example:
        >>> from fnn.vision.models import video
        >>> model = video.S3D(num_classes=10)
        >>> sum(p.numel() for p in model.parameters())
        7920298
    """

    def __init__(self, num_classes: int = 400, dropout: float = 0.2, norm_layer: Make | None = None) -> None:
        super().__init__()
        norm = partial(nn.BatchNorm3d, eps=0.001, momentum=0.001) if norm_layer is None else norm_layer

        def pool(
            kernel: tuple[int, int, int], stride: tuple[int, int, int], padding: tuple[int, int, int]
        ) -> nn.Module:
            return nn.MaxPool3d(kernel_size=kernel, stride=stride, padding=padding)

        self.features = nn.Sequential(
            TemporalSeparableConv(3, 64, 7, 2, 3, norm),
            pool((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            Conv3dNormActivation(64, 64, kernel_size=1, stride=1, norm_layer=norm),
            TemporalSeparableConv(64, 192, 3, 1, 1, norm),
            pool((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            SepInceptionBlock3D(192, 64, 96, 128, 16, 32, 32, norm),
            SepInceptionBlock3D(256, 128, 128, 192, 32, 96, 64, norm),
            pool((3, 3, 3), (2, 2, 2), (1, 1, 1)),
            SepInceptionBlock3D(480, 192, 96, 208, 16, 48, 64, norm),
            SepInceptionBlock3D(512, 160, 112, 224, 24, 64, 64, norm),
            SepInceptionBlock3D(512, 128, 128, 256, 24, 64, 64, norm),
            SepInceptionBlock3D(512, 112, 144, 288, 32, 64, 64, norm),
            SepInceptionBlock3D(528, 256, 160, 320, 32, 128, 128, norm),
            pool((2, 2, 2), (2, 2, 2), (0, 0, 0)),
            SepInceptionBlock3D(832, 256, 160, 320, 32, 128, 128, norm),
            SepInceptionBlock3D(832, 384, 192, 384, 48, 128, 128, norm),
        )
        self.avgpool = nn.AvgPool3d(kernel_size=(2, 7, 7), stride=1)
        self.classifier = nn.Sequential(
            nn.Dropout(p=dropout), nn.Conv3d(1024, num_classes, kernel_size=1, stride=1, bias=True)
        )

    def forward(self, x: jax.Array) -> jax.Array:
        return self.classifier(self.avgpool(self.features(x))).mean((2, 3, 4))


@builder(S3D_Weights.KINETICS400_V1)
def s3d(*, weights: S3D_Weights | str | None = None, progress: bool = True, **kwargs: object) -> S3D:
    """S3D.

    Args:
        weights: published weights, or their name; None leaves the model untrained.
        progress: whether a download shows a progress bar.
        **kwargs: arguments of `S3D`.
    """
    return build(S3D, S3D_Weights.verify(weights), progress, kwargs)
