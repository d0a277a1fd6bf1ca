"""What the segmentation models share: features, classifiers, and the size of the input."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

import jax

from fnn import nn
from fnn.nn import functional as F
from fnn.vision.models._draws import skipped_draws
from fnn.vision.models._features import IntermediateLayerGetter
from fnn.vision.models._registry import settled
from fnn.vision.models._weights import WeightsEnum
from fnn.vision.models.resnet import ResNet

__all__ = ["Segmenter", "dilated_features", "with_backbone"]

_S = TypeVar("_S", bound=nn.Module)


def resized(x: jax.Array, size: tuple[int, ...]) -> jax.Array:
    """Bilinear interpolation to (N, C, *size)."""
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


class Segmenter(nn.Module):
    """Features, classified at each place, at the input's size.

    Args:
        backbone: gives a dict with ``"out"`` and, for the auxiliary classifier, ``"aux"``.
        classifier: makes logits of ``"out"``.
        aux_classifier: makes logits of ``"aux"``, for an auxiliary loss; None: there is none.

    Shape:
        Input (N, 3, H, W); a dict with ``"out"`` and perhaps ``"aux"``, (N, num_classes, H, W).
    """

    def __init__(self, backbone: nn.Module, classifier: nn.Module, aux_classifier: nn.Module | None = None) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = classifier
        self.aux_classifier = aux_classifier

    def forward(self, x: jax.Array) -> OrderedDict[str, jax.Array]:
        size = x.shape[-2:]
        features = self.backbone(x)
        result = OrderedDict(out=resized(self.classifier(features["out"]), size))
        if self.aux_classifier is not None:
            result["aux"] = resized(self.aux_classifier(features["aux"]), size)
        return result


def dilated_features(backbone: ResNet, aux: bool | None) -> IntermediateLayerGetter:
    """The last stage's output, and the one before for an auxiliary classifier."""
    return IntermediateLayerGetter(backbone, {"layer4": "out", **({"layer3": "aux"} if aux else {})})


def with_backbone(
    make_backbone: Callable[..., Any],
    make: Callable[..., _S],
    weights: WeightsEnum | None,
    weights_backbone: WeightsEnum | None,
    progress: bool,
    num_classes: int | None,
    **aux: bool | None,
) -> _S:
    """``make(make_backbone(weights=...), num_classes, **aux)``, with published weights if there are any.

    Weights of the whole model take the place of the backbone's, and decide ``num_classes`` and ``aux``.
    """
    if weights is None:
        return make(make_backbone(weights=weights_backbone), 21 if num_classes is None else num_classes, **aux)
    num_classes = settled("num_classes", num_classes, len(weights.meta["categories"]))
    aux = {name: settled("aux_loss", value, True) for name, value in aux.items()}
    state = weights.get_state_dict(progress=progress, check_hash=True)
    with skipped_draws():
        model = make(make_backbone(weights=None), num_classes, **aux)
    model.load_state_dict(state)
    return model
