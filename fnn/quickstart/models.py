"""Two networks for images of 8 x 8 pixels."""

import jax

from fnn import nn

__all__ = ["CNN", "MLP", "MODELS"]


def convolution(inputs: int, outputs: int) -> nn.Sequential:
    """A 3 x 3 convolution that keeps height and width, normalised: (N, inputs, H, W) -> (N, outputs, H, W)."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class CNN(nn.Module):
    """Three convolutions, then a linear classifier; 31,000 parameters.

    Args:
        classes: the number of classes.
        width: channels of the first convolution.
        dropout: the share of features that a training step leaves out.
    """

    def __init__(self, classes: int = 10, width: int = 32, dropout: float = 0.25) -> None:
        super().__init__()
        self.features = nn.Sequential(
            convolution(1, width),  # (N, width, 8, 8)
            convolution(width, width),
            nn.MaxPool2d(2),  # (N, width, 4, 4)
            convolution(width, 2 * width),
            nn.MaxPool2d(2),  # (N, 2 * width, 2, 2)
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Dropout(dropout), nn.Linear(8 * width, classes))

    def forward(self, images: jax.Array) -> jax.Array:
        """The logits of images: (N, 1, 8, 8) -> (N, classes)."""
        return self.classifier(self.features(images))


class MLP(nn.Module):
    """Two hidden layers over the flattened pixels; 85,000 parameters.

    Args:
        classes: the number of classes.
        width: size of the hidden layers.
        dropout: the share of hidden features that a training step leaves out.
    """

    def __init__(self, classes: int = 10, width: int = 256, dropout: float = 0.25) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(64, width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(width, classes),
        )

    def forward(self, images: jax.Array) -> jax.Array:
        """The logits of images: (N, 1, 8, 8) -> (N, classes)."""
        return self.layers(images)


MODELS = {"cnn": CNN, "mlp": MLP}
