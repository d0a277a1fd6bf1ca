"""Inception v3 (Szegedy et al., arXiv:1512.00567), for pictures of 299 x 299."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
from jax import lax

from fnn import nn
from fnn.errors import ArgumentError
from fnn.vision.models._inception import BasicConv2d, draw_truncated, rescaled
from fnn.vision.models._inception_blocks import (
    InceptionA,
    InceptionAux,
    InceptionB,
    InceptionC,
    InceptionD,
    InceptionE,
    Make,
)
from fnn.vision.models._registry import build, builder, expect
from fnn.vision.models._weights import WeightsEnum, imagenet

__all__ = ["Inception3", "InceptionOutputs", "Inception_V3_Weights", "inception_v3"]


class InceptionOutputs(NamedTuple):
    """What `Inception3` returns while it trains: the logits, and those of the auxiliary head.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.vision import models
        >>> logits, aux_logits = models.InceptionOutputs(jnp.zeros((1, 10)), jnp.ones((1, 10)))
        >>> float((logits + 0.4 * aux_logits).sum())
        4.000000476837158
    """

    logits: jax.Array
    aux_logits: jax.Array | None


class Inception3(nn.Module):
    """Inception v3.

    Args:
        num_classes: the number of outputs.
        aux_logits: whether there is an auxiliary head; in training the output is then an `InceptionOutputs`.
        transform_input: whether the input is normalised by ImageNet's statistics, as torchvision's preprocessing does,
            and has to be mapped to what the published weights expect.
        inception_blocks: makers of the convolution, of the blocks A to E and of the auxiliary head.
        init_weights: whether to draw the weights anew, from a normal distribution. Default: True.
        dropout: the probability of the dropout before the linear layer.

    Shape:
        Input (N, 3, H, W) with H, W >= 75, output (N, num_classes).

    Example:
        >>> import jax
        >>> import fnn
        >>> from fnn.vision import models
        >>> init, apply = fnn.pure(models.Inception3)(num_classes=10, init_weights=False)  # nothing is drawn here
        >>> params, state = jax.eval_shape(init, jax.random.key(0))
        >>> sum(p.size for p in jax.tree.leaves(params))
        24371444
    """

    def __init__(
        self,
        num_classes: int = 1000,
        aux_logits: bool = True,
        transform_input: bool = False,
        inception_blocks: Sequence[Make] | None = None,
        init_weights: bool | None = None,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        makers: Sequence[Make] = inception_blocks or (
            BasicConv2d,
            InceptionA,
            InceptionB,
            InceptionC,
            InceptionD,
            InceptionE,
            InceptionAux,
        )
        if len(makers) != 7:
            raise ArgumentError(f"length of inception_blocks should be 7 instead of {len(makers)}")
        conv, a, b, c, d, e, aux = makers
        self.aux_logits = aux_logits
        self.transform_input = transform_input
        self.Conv2d_1a_3x3 = conv(3, 32, kernel_size=3, stride=2)
        self.Conv2d_2a_3x3 = conv(32, 32, kernel_size=3)
        self.Conv2d_2b_3x3 = conv(32, 64, kernel_size=3, padding=1)
        self.maxpool1 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.Conv2d_3b_1x1 = conv(64, 80, kernel_size=1)
        self.Conv2d_4a_3x3 = conv(80, 192, kernel_size=3)
        self.maxpool2 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.Mixed_5b = a(192, pool_features=32)
        self.Mixed_5c = a(256, pool_features=64)
        self.Mixed_5d = a(288, pool_features=64)
        self.Mixed_6a = b(288)
        self.Mixed_6b = c(768, channels_7x7=128)
        self.Mixed_6c = c(768, channels_7x7=160)
        self.Mixed_6d = c(768, channels_7x7=160)
        self.Mixed_6e = c(768, channels_7x7=192)
        self.AuxLogits = aux(768, num_classes) if aux_logits else None
        self.Mixed_7a = d(768)
        self.Mixed_7b = e(1280)
        self.Mixed_7c = e(2048)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(p=dropout)
        self.fc = nn.Linear(2048, num_classes)
        if init_weights is None or init_weights:
            draw_truncated(self, 0.1)

    def forward(self, x: jax.Array) -> Any:
        if self.transform_input:
            x = rescaled(x)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(self.maxpool1(x)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(self.maxpool2(x))))  # (N, 288, 35, 35) of 299 x 299
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))  # (N, 768, 17, 17)
        aux = self.AuxLogits(x) if self.AuxLogits is not None and self.training else None
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))  # (N, 2048, 8, 8)
        x = self.fc(lax.collapse(self.dropout(self.avgpool(x)), 1))
        return InceptionOutputs(x, aux) if self.training and self.aux_logits else x


class Inception_V3_Weights(WeightsEnum):
    """Published weights of `inception_v3`."""

    IMAGENET1K_V1 = imagenet(
        "inception_v3_google-0cc3c7bd",
        27_161_264,
        (77.294, 93.45),
        5.713,
        103.903,
        "#inception-v3",
        min_size=(75, 75),
        crop_size=299,
        resize_size=342,
    )
    DEFAULT = IMAGENET1K_V1


@builder(Inception_V3_Weights.IMAGENET1K_V1)
def inception_v3(
    *, weights: Inception_V3_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> Inception3:
    """Inception v3.

    Args:
        weights: published weights, or their name; None leaves the model untrained.
        progress: whether a download shows a progress bar.
        **kwargs: arguments of `Inception3`.
    """
    chosen = Inception_V3_Weights.verify(weights)
    if chosen is not None:
        kwargs.setdefault("transform_input", True)
        expect(kwargs, "aux_logits", True)
        expect(kwargs, "init_weights", False)
    return build(Inception3, chosen, progress, kwargs)
