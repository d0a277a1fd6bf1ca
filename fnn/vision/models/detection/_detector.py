"""How the builders put a detector and published weights together."""

from collections.abc import Callable
from typing import TypeVar

from fnn import nn
from fnn.vision.models._draws import skipped_draws
from fnn.vision.models._registry import settled
from fnn.vision.models._weights import WeightsEnum
from fnn.vision.models.detection.backbone_utils import trainable_layers_of
from fnn.vision.ops.misc import FrozenBatchNorm2d

__all__ = ["detector"]

_D = TypeVar("_D", bound=nn.Module)


def detector(
    make: Callable[[WeightsEnum | None, int, bool, int], _D],
    weights: WeightsEnum | None,
    weights_backbone: WeightsEnum | None,
    progress: bool,
    num_classes: int | None,
    trainable: int | None,
    most: int,
    default: int = 3,
    *,
    without_eps: bool = False,
) -> _D:
    """A detector, with published weights if there are any.

    Args:
        make: of the backbone's weights, the number of classes, whether anything is trained already, and how many of the
            backbone's layers are trained.
        weights: of the detector.
        weights_backbone: of the backbone, unless there are ``weights``.
        progress: whether a download shows a progress bar.
        num_classes: classes with the background.
        trainable: how many layers of the backbone are trained, as asked for.
        most: how many there are.
        default: how many are, if nothing is asked for.
        without_eps: whether the weights were trained with frozen normalisations without eps.
    """
    if weights is None:
        trained = weights_backbone is not None
        layers = trainable_layers_of(trained, trainable, most, default)
        return make(weights_backbone, 91 if num_classes is None else num_classes, trained, layers)
    classes = settled("num_classes", num_classes, len(weights.meta["categories"]))
    layers = trainable_layers_of(True, trainable, most, default)
    state = weights.get_state_dict(progress=progress, check_hash=True)
    with skipped_draws():
        model = make(None, classes, True, layers)
    model.load_state_dict(state)
    if without_eps:
        for module in model.modules():
            if isinstance(module, FrozenBatchNorm2d):
                module.eps = 0.0
    return model
