"""Models of pictures, under torchvision's names.

Same arguments, same ``state_dict`` keys, same initial weights after the same seed; ``weights=`` downloads the
published ones into the folder that torch uses, too.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fnn.vision.models._registry import get_model as get_model
from fnn.vision.models._registry import get_model_builder as get_model_builder
from fnn.vision.models._registry import get_model_weights as get_model_weights
from fnn.vision.models._registry import get_weight as get_weight
from fnn.vision.models._registry import list_models as list_models
from fnn.vision.models._weights import Weights as Weights
from fnn.vision.models._weights import WeightsEnum as WeightsEnum
from fnn.vision.models.alexnet import *
from fnn.vision.models.convnext import *
from fnn.vision.models.densenet import *
from fnn.vision.models.efficientnet import *
from fnn.vision.models.googlenet import *
from fnn.vision.models.inception import *
from fnn.vision.models.maxvit import *
from fnn.vision.models.mnasnet import *
from fnn.vision.models.mobilenet import *
from fnn.vision.models.regnet import *
from fnn.vision.models.resnet import *
from fnn.vision.models.shufflenetv2 import *
from fnn.vision.models.squeezenet import *
from fnn.vision.models.swin_transformer import *
from fnn.vision.models.vgg import *
from fnn.vision.models.vision_transformer import *

if TYPE_CHECKING:
    from fnn.vision.models import detection as detection
    from fnn.vision.models import optical_flow as optical_flow
    from fnn.vision.models import segmentation as segmentation
    from fnn.vision.models import video as video

_LATER = ("detection", "optical_flow", "segmentation", "video")


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
