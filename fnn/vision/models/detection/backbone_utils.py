"""Classifiers as backbones: which of their parts are trained, and a feature pyramid on top."""

import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.errors import ArgumentError
from fnn.vision.models import mobilenet, resnet
from fnn.vision.models._features import IntermediateLayerGetter, strided_stages
from fnn.vision.models._weights import WeightsEnum
from fnn.vision.ops.feature_pyramid_network import ExtraFPNBlock, FeaturePyramidNetwork, LastLevelMaxPool
from fnn.vision.ops.misc import FrozenBatchNorm2d

__all__ = [
    "BackboneWithFPN",
    "mobilenet_backbone",
    "mobilenet_features",
    "out_channels_of",
    "resnet_features",
    "resnet_fpn_backbone",
    "trainable_layers_of",
    "xavier_init",
]

Make = Callable[..., nn.Module]


class BackboneWithFPN(nn.Module):
    """A model's inner features, and a feature pyramid of them.

    Args:
        backbone: the model.
        return_layers: for each child's name that of its output.
        in_channels_list: the channels of each output.
        out_channels: those of the pyramid.
        extra_blocks: adds levels. Default: `LastLevelMaxPool`.
        norm_layer: makes a normalisation of so many channels; None for none.

    Shape:
        Input (N, 3, H, W); a dict of (N, out_channels, H_i, W_i).
    """

    def __init__(
        self,
        backbone: nn.Module,
        return_layers: Mapping[str, str],
        in_channels_list: Sequence[int],
        out_channels: int,
        extra_blocks: ExtraFPNBlock | None = None,
        norm_layer: Make | None = None,
    ) -> None:
        super().__init__()
        blocks = LastLevelMaxPool() if extra_blocks is None else extra_blocks
        self.body = IntermediateLayerGetter(backbone, return_layers)
        self.fpn = FeaturePyramidNetwork(in_channels_list, out_channels, blocks, norm_layer)
        self.out_channels = out_channels

    def forward(self, x: jax.Array) -> OrderedDict[str, jax.Array]:
        return self.fpn(self.body(x))


def resnet_fpn_backbone(
    *,
    backbone_name: str,
    weights: WeightsEnum | None,
    norm_layer: Make = FrozenBatchNorm2d,
    trainable_layers: int = 3,
    returned_layers: Sequence[int] | None = None,
    extra_blocks: ExtraFPNBlock | None = None,
) -> BackboneWithFPN:
    """A ResNet with a feature pyramid.

    Args:
        backbone_name: of its builder, such as ``"resnet50"``.
        weights: published weights of it.
        norm_layer: makes its normalisations.
        trainable_layers: how many of its five parts are trained, from the last one on.
        returned_layers: the stages, 1 to 4, that the pyramid is made of. Default: all.
        extra_blocks: adds levels. Default: `LastLevelMaxPool`.

    Raises:
        ArgumentError: there are no such layers.
    """
    backbone = getattr(resnet, backbone_name)(weights=weights, norm_layer=norm_layer)
    return resnet_features(backbone, trainable_layers, returned_layers, extra_blocks)


def resnet_features(
    backbone: resnet.ResNet,
    trainable_layers: int,
    returned_layers: Sequence[int] | None = None,
    extra_blocks: ExtraFPNBlock | None = None,
    norm_layer: Make | None = None,
) -> BackboneWithFPN:
    """A feature pyramid on a ResNet; arguments as of `resnet_fpn_backbone`, ``norm_layer`` of the pyramid."""
    if not 0 <= trainable_layers <= 5:
        raise ArgumentError(f"Trainable layers should be in the range [0,5], got {trainable_layers}")
    trained = ["layer4", "layer3", "layer2", "layer1", "conv1"][:trainable_layers]
    if trainable_layers == 5:
        trained.append("bn1")
    for name, parameter in backbone.named_parameters():
        if not name.startswith(tuple(trained)):
            parameter.requires_grad_(False)
    stages = [1, 2, 3, 4] if returned_layers is None else list(returned_layers)
    if min(stages) <= 0 or max(stages) >= 5:
        raise ArgumentError(f"Each returned layer should be in the range [1,4]. Got {returned_layers}")
    channels = backbone.inplanes // 8
    return BackboneWithFPN(
        backbone,
        {f"layer{k}": str(i) for i, k in enumerate(stages)},
        [channels * 2 ** (k - 1) for k in stages],
        256,
        extra_blocks=extra_blocks,
        norm_layer=norm_layer,
    )


def mobilenet_backbone(
    *,
    backbone_name: str,
    weights: WeightsEnum | None,
    fpn: bool,
    norm_layer: Make = FrozenBatchNorm2d,
    trainable_layers: int = 2,
    returned_layers: Sequence[int] | None = None,
    extra_blocks: ExtraFPNBlock | None = None,
) -> nn.Module:
    """A MobileNet with a feature pyramid, or with a 1x1 convolution.

    Args:
        backbone_name: of its builder, such as ``"mobilenet_v3_large"``.
        weights: published weights of it.
        fpn: whether there is a pyramid.
        norm_layer: makes its normalisations.
        trainable_layers: how many of its stages are trained, from the last one on.
        returned_layers: the stages that the pyramid is made of. Default: the last two.
        extra_blocks: adds levels. Default: `LastLevelMaxPool`.

    Raises:
        ArgumentError: there are no such layers.
    """
    backbone = getattr(mobilenet, backbone_name)(weights=weights, norm_layer=norm_layer)
    return mobilenet_features(backbone, fpn, trainable_layers, returned_layers, extra_blocks)


def mobilenet_features(
    backbone: Any,
    fpn: bool,
    trainable_layers: int,
    returned_layers: Sequence[int] | None = None,
    extra_blocks: ExtraFPNBlock | None = None,
    norm_layer: Make | None = None,
) -> nn.Module:
    """Features of a MobileNet; arguments as of `mobilenet_backbone`."""
    blocks = backbone.features
    stages = strided_stages(blocks)
    count = len(stages)
    if not 0 <= trainable_layers <= count:
        raise ArgumentError(f"Trainable layers should be in the range [0,{count}], got {trainable_layers} ")
    frozen = len(blocks) if trainable_layers == 0 else stages[count - trainable_layers]
    for block in list(blocks)[:frozen]:
        for parameter in block.parameters():
            parameter.requires_grad_(False)
    if not fpn:
        model: Any = nn.Sequential(blocks, nn.Conv2d(blocks[-1].out_channels, 256, 1))
        model.out_channels = 256
        return model
    returned = [count - 2, count - 1] if returned_layers is None else list(returned_layers)
    if min(returned) < 0 or max(returned) >= count:
        raise ArgumentError(f"Each returned layer should be in the range [0,{count - 1}], got {returned} ")
    return BackboneWithFPN(
        blocks,
        {f"{stages[k]}": str(i) for i, k in enumerate(returned)},
        [blocks[stages[k]].out_channels for k in returned],
        256,
        extra_blocks=extra_blocks,
        norm_layer=norm_layer,
    )


def trainable_layers_of(is_trained: bool, asked: int | None, most: int, default: int) -> int:
    """How many of a backbone's layers are trained: all of them, if there are no published weights."""
    if not is_trained:
        if asked is not None:
            warnings.warn(
                "Changing trainable_backbone_layers has no effect if neither pretrained nor pretrained_backbone have "
                f"been set to True, falling back to trainable_backbone_layers={most} so that all layers are trainable",
                stacklevel=4,
            )
        return most
    layers = default if asked is None else asked
    if not 0 <= layers <= most:
        raise ArgumentError(f"Trainable backbone layers should be in the range [0,{most}], got {layers} ")
    return layers


def out_channels_of(backbone: Any, size: tuple[int, int]) -> list[int]:
    """The channels of each of a backbone's outputs: what it says, or what it gives for an image of (width, height)."""
    if hasattr(backbone, "out_channels"):
        channels = backbone.out_channels
        return [channels] if isinstance(channels, int) else list(channels)
    training = backbone.training
    backbone.eval()
    # a function of its own: JAX keeps a trace, and the weights in it, for as long as there is what it traced
    maps = jax.eval_shape(lambda image: backbone(image), jax.ShapeDtypeStruct((1, 3, size[1], size[0]), jnp.float32))
    backbone.train(training)
    return [x.shape[1] for x in (maps.values() if isinstance(maps, Mapping) else [maps])]


def xavier_init(module: nn.Module) -> None:
    """Draws the weights of a module's convolutions anew (Glorot and Bengio 2010); their biases are 0."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
