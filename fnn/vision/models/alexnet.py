"""AlexNet (Krizhevsky, arXiv:1404.5997)."""

import jax
from jax import lax

from fnn import nn
from fnn.vision.models._registry import build, builder
from fnn.vision.models._weights import WeightsEnum, imagenet

__all__ = ["AlexNet", "AlexNet_Weights", "alexnet"]


class AlexNet(nn.Module):
    """AlexNet, the variant with one column.

    Args:
        num_classes: the number of outputs.
        dropout: the probability of both dropout layers.

    Shape:
        Input (N, 3, H, W) with H, W >= 63, output (N, num_classes).

    Example:
        >>> import jax
        >>> import fnn
        >>> from fnn.vision import models
        >>> init, apply = fnn.pure(models.AlexNet)(num_classes=10)  # 57 million weights, not drawn here
        >>> params, state = jax.eval_shape(init, jax.random.key(0))
        >>> params["classifier.6.weight"].shape
        (10, 4096)
    """

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(64, 192, kernel_size=5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(192, 384, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(p=dropout),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(p=dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, num_classes),
        )

    def forward(self, x: jax.Array) -> jax.Array:
        x = self.avgpool(self.features(x))  # (N, 256, 6, 6)
        return self.classifier(lax.collapse(x, 1))


class AlexNet_Weights(WeightsEnum):
    """Published weights of `alexnet`."""

    IMAGENET1K_V1 = imagenet(
        "alexnet-owt-7be5be79", 61_100_840, (56.522, 79.066), 0.714, 233.087, "#alexnet-and-vgg", min_size=(63, 63)
    )
    DEFAULT = IMAGENET1K_V1


@builder(AlexNet_Weights.IMAGENET1K_V1)
def alexnet(*, weights: AlexNet_Weights | str | None = None, progress: bool = True, **kwargs: object) -> AlexNet:
    """AlexNet.

    Args:
        weights: published weights, or their name; None leaves the model untrained.
        progress: whether a download shows a progress bar.
        **kwargs: arguments of `AlexNet`.
    """
    return build(AlexNet, AlexNet_Weights.verify(weights), progress, kwargs)
