"""MNASNet, the variant B1 (Tan et al., arXiv:1807.11626).

The builders take ``weights`` (published weights or their name, by default None), ``progress`` (whether a download
shows a progress bar) and the keyword arguments of `MNASNet`.
"""

import warnings
from functools import partial
from typing import Any

import jax

from fnn import nn
from fnn.errors import ArgumentError
from fnn.vision.models._draws import make_divisible, skipped_draws
from fnn.vision.models._registry import build, builder
from fnn.vision.models._small_weights import (
    MNASNet0_5_Weights,
    MNASNet0_75_Weights,
    MNASNet1_0_Weights,
    MNASNet1_3_Weights,
)
from fnn.vision.models._weights import WeightsEnum

__all__ = [
    "MNASNet",
    "MNASNet0_5_Weights",
    "MNASNet0_75_Weights",
    "MNASNet1_0_Weights",
    "MNASNet1_3_Weights",
    "mnasnet0_5",
    "mnasnet0_75",
    "mnasnet1_0",
    "mnasnet1_3",
]

_MOMENTUM = 1 - 0.9997  # the paper's 0.9997 is the weight of the old value
_CHANNELS = (32, 16, 24, 40, 80, 96, 192, 320)
# of the stacks: kernel, stride, expansion, blocks
_STACKS = ((3, 2, 3, 3), (5, 2, 3, 3), (5, 2, 6, 3), (3, 1, 6, 2), (5, 2, 6, 4), (3, 1, 6, 1))


class _InvertedResidual(nn.Module):
    """Expands, convolves each channel by itself, projects; the input is added where the shapes allow."""

    def __init__(
        self, in_ch: int, out_ch: int, kernel_size: int, stride: int, expansion_factor: int, bn_momentum: float = 0.1
    ) -> None:
        super().__init__()
        if stride not in (1, 2):
            raise ArgumentError(f"stride should be 1 or 2 instead of {stride}")
        if kernel_size not in (3, 5):
            raise ArgumentError(f"kernel_size should be 3 or 5 instead of {kernel_size}")
        inside = in_ch * expansion_factor
        self.apply_residual = in_ch == out_ch and stride == 1
        self.layers = nn.Sequential(
            nn.Conv2d(in_ch, inside, 1, bias=False),
            nn.BatchNorm2d(inside, momentum=bn_momentum),
            nn.ReLU(inplace=True),
            nn.Conv2d(inside, inside, kernel_size, stride, kernel_size // 2, groups=inside, bias=False),
            nn.BatchNorm2d(inside, momentum=bn_momentum),
            nn.ReLU(inplace=True),
            nn.Conv2d(inside, out_ch, 1, bias=False),
            nn.BatchNorm2d(out_ch, momentum=bn_momentum),
        )

    def forward(self, input: jax.Array) -> jax.Array:
        return self.layers(input) + input if self.apply_residual else self.layers(input)


def _stack(in_ch: int, out_ch: int, kernel_size: int, stride: int, expansion: int, blocks: int) -> nn.Sequential:
    block = partial(_InvertedResidual, kernel_size=kernel_size, expansion_factor=expansion, bn_momentum=_MOMENTUM)
    return nn.Sequential(
        block(in_ch, out_ch, stride=stride), *(block(out_ch, out_ch, stride=1) for _ in range(1, blocks))
    )


def _stem(first: int, second: int) -> list[nn.Module]:
    return [
        nn.Conv2d(3, first, 3, padding=1, stride=2, bias=False),
        nn.BatchNorm2d(first, momentum=_MOMENTUM),
        nn.ReLU(inplace=True),
        nn.Conv2d(first, first, 3, padding=1, stride=1, groups=first, bias=False),
        nn.BatchNorm2d(first, momentum=_MOMENTUM),
        nn.ReLU(inplace=True),
        nn.Conv2d(first, second, 1, padding=0, stride=1, bias=False),
        nn.BatchNorm2d(second, momentum=_MOMENTUM),
    ]


class MNASNet(nn.Module):
    """A stem and stacks of inverted residual blocks.

    Args:
        alpha: a factor of all channels.
        num_classes: the number of outputs.
        dropout: the probability of the dropout before the linear layer.

    Shape:
        Input (N, 3, H, W), output (N, num_classes).

    Example:
        >>> from fnn.vision import models
        >>> model = models.MNASNet(alpha=0.25, num_classes=10)
        >>> sum(p.numel() for p in model.parameters())
        337834
    """

    _version = 2  # in version 1 the stem did not depend on alpha

    def __init__(self, alpha: float, num_classes: int = 1000, dropout: float = 0.2) -> None:
        super().__init__()
        if alpha <= 0.0:
            raise ArgumentError(f"alpha should be greater than 0.0 instead of {alpha}")
        self.alpha = alpha
        self.num_classes = num_classes
        channels = self._channels()
        with skipped_draws():
            layers = _stem(*channels[:2])
            for i, (kernel, stride, expansion, blocks) in enumerate(_STACKS, 1):
                layers.append(_stack(channels[i], channels[i + 1], kernel, stride, expansion, blocks))
            layers += [
                nn.Conv2d(channels[7], 1280, 1, padding=0, stride=1, bias=False),
                nn.BatchNorm2d(1280, momentum=_MOMENTUM),
                nn.ReLU(inplace=True),
            ]
            self.layers = nn.Sequential(*layers)
            self.classifier = nn.Sequential(nn.Dropout(p=dropout, inplace=True), nn.Linear(1280, num_classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, nn.Linear):
                nn.init.kaiming_uniform_(module.weight, mode="fan_out", nonlinearity="sigmoid")
                nn.init.zeros_(module.bias)

    def _channels(self) -> list[int]:
        return [make_divisible(channels * self.alpha, 8) for channels in _CHANNELS]

    def forward(self, x: jax.Array) -> jax.Array:
        return self.classifier(self.layers(x).mean((2, 3)))

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *args: Any, **kwargs: Any
    ) -> None:
        version = local_metadata.get("version")
        if version not in (1, 2):
            raise ArgumentError(f"version should be set to 1 or 2 instead of {version}")
        if version == 1 and self.alpha != 1.0:
            stack = _stack(16, self._channels()[2], *_STACKS[0])
            for i, layer in enumerate([*_stem(32, 16), stack]):
                self.layers[i] = layer
            self._version = 1
            warnings.warn(
                "A new version of MNASNet model has been implemented. Your checkpoint was saved using the previous "
                "version. This checkpoint will load and work as before, but you may want to upgrade by training a "
                "newer model or transfer learning from an updated ImageNet checkpoint.",
                UserWarning,
                stacklevel=2,
            )
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args, **kwargs)


def _mnasnet(alpha: float, weights: WeightsEnum | None, progress: bool, kwargs: dict[str, Any]) -> MNASNet:
    return build(partial(MNASNet, alpha), weights, progress, kwargs)


@builder(MNASNet0_5_Weights.IMAGENET1K_V1)
def mnasnet0_5(*, weights: MNASNet0_5_Weights | str | None = None, progress: bool = True, **kwargs: object) -> MNASNet:
    """MNASNet with 0.5 times the channels."""
    return _mnasnet(0.5, MNASNet0_5_Weights.verify(weights), progress, kwargs)


@builder(MNASNet0_75_Weights.IMAGENET1K_V1)
def mnasnet0_75(
    *, weights: MNASNet0_75_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> MNASNet:
    """MNASNet with 0.75 times the channels."""
    return _mnasnet(0.75, MNASNet0_75_Weights.verify(weights), progress, kwargs)


@builder(MNASNet1_0_Weights.IMAGENET1K_V1)
def mnasnet1_0(*, weights: MNASNet1_0_Weights | str | None = None, progress: bool = True, **kwargs: object) -> MNASNet:
    """MNASNet with 1.0 times the channels."""
    return _mnasnet(1.0, MNASNet1_0_Weights.verify(weights), progress, kwargs)


@builder(MNASNet1_3_Weights.IMAGENET1K_V1)
def mnasnet1_3(*, weights: MNASNet1_3_Weights | str | None = None, progress: bool = True, **kwargs: object) -> MNASNet:
    """MNASNet with 1.3 times the channels."""
    return _mnasnet(1.3, MNASNet1_3_Weights.verify(weights), progress, kwargs)
