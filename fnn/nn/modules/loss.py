"""Losses: the facade of `fnn.layers.loss`."""

import math
import warnings

import jax

from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.functional import loss as functional
from fnn.layers import loss as layers
from fnn.layers.layer import Layer
from fnn.nn._module import Module
from fnn.nn.modules.distance import PairwiseDistance
from fnn.nn.modules.layer_module import LayerModule
from fnn.nn.modules.linear import Linear
from fnn.nn.modules.linear_cross_entropy_options import LinearCrossEntropyOptions
from fnn.typing import ArrayLike, Device, DType

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CTCLoss",
    "CosineEmbeddingLoss",
    "CrossEntropyLoss",
    "GaussianNLLLoss",
    "HingeEmbeddingLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "LinearCrossEntropyLoss",
    "MSELoss",
    "MarginRankingLoss",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "NLLLoss",
    "NLLLoss2d",
    "PoissonNLLLoss",
    "SmoothL1Loss",
    "SoftMarginLoss",
    "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
]


class _Loss(LayerModule):
    """Base of all losses, for ``isinstance``."""


class _WeightedLoss(_Loss):
    """Base of the losses with a buffer ``weight``, for ``isinstance``."""


class L1Loss(_Loss, layer=layers.L1Loss): ...


class NLLLoss(_WeightedLoss, layer=layers.NLLLoss): ...


class NLLLoss2d(NLLLoss, layer=layers.NLLLoss):
    """Deprecated name of `NLLLoss`.

    Example:
        >>> import warnings
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> with warnings.catch_warnings(action="ignore"):
        ...     loss = nn.NLLLoss2d()
        >>> print(loss(jnp.array([[-0.5, -1.5]]), jnp.array([1])))
        1.5
    """

    def _install(self, layer: Layer) -> None:
        warnings.warn(
            "`NLLLoss2d` has been deprecated. Please use `NLLLoss` instead as a drop-in replacement.",
            FutureWarning,
            stacklevel=4,  # below are LayerModule's constructor and the one that is made of the layer
        )
        super()._install(layer)


class PoissonNLLLoss(_Loss, layer=layers.PoissonNLLLoss): ...


class GaussianNLLLoss(_Loss, layer=layers.GaussianNLLLoss): ...


class KLDivLoss(_Loss, layer=layers.KLDivLoss): ...


class MSELoss(_Loss, layer=layers.MSELoss): ...


class BCELoss(_WeightedLoss, layer=layers.BCELoss): ...


class BCEWithLogitsLoss(_Loss, layer=layers.BCEWithLogitsLoss): ...


class HingeEmbeddingLoss(_Loss, layer=layers.HingeEmbeddingLoss): ...


class MultiLabelMarginLoss(_Loss, layer=layers.MultiLabelMarginLoss): ...


class SmoothL1Loss(_Loss, layer=layers.SmoothL1Loss): ...


class HuberLoss(_Loss, layer=layers.HuberLoss): ...


class SoftMarginLoss(_Loss, layer=layers.SoftMarginLoss): ...


class CrossEntropyLoss(_WeightedLoss, layer=layers.CrossEntropyLoss): ...


class LinearCrossEntropyLoss(_WeightedLoss):
    """`CrossEntropyLoss` of the logits of a `Linear` that it owns.

    Args:
        in_features: E, the size of the input's last dimension.
        num_classes: C.
        out_features: (d1, ..., dK), the further dimensions of the logits.
        bias: whether the linear map has a bias.
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.
        reduction: 'none', 'mean' or 'sum'.
        weight: a weight for each class (C,).
        ignore_index: a target to leave out; None means -100, and must be None with probabilities.
        label_smoothing: the share of the uniform distribution, in [0, 1].
        options: a `LinearCrossEntropyOptions`, to go through the batch in chunks.

    Attributes:
        linear: the `Linear` from E to C * d1 * ... * dK.
        weight: the buffer of class weights, or None.

    Shape:
        (N, E) or (E,), and targets as of `CrossEntropyLoss` for logits (N, C, d1, ..., dK) -> (), or the shape of the
        class indices with ``reduction='none'``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> loss = nn.LinearCrossEntropyLoss(5, 3)
        >>> loss(jnp.zeros((2, 5)), jnp.array([0, 2])).round(4)
        Array(1.0986, dtype=float32)
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: Device | None = None,
        dtype: DType | None = None,
        reduction: str = "mean",
        weight: ArrayLike | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: LinearCrossEntropyOptions | None = None,
    ) -> None:
        Module.__init__(self)
        where = "LinearCrossEntropyLoss: "
        if weight is not None:
            weight = to_array(weight, "weight", where)
            if weight.shape != (num_classes,):
                raise ArgumentError(f"{where}expected weight shape to be {(num_classes,)}, got {weight.shape}")
        if not 0 <= label_smoothing <= 1:
            raise ArgumentError(f"{where}expected label_smoothing to be in range [0, 1], got {label_smoothing}")
        self.register_buffer("weight", weight)
        self.reduction, self.num_classes, self.out_features = reduction, num_classes, out_features
        self.ignore_index, self.label_smoothing, self.options = ignore_index, label_smoothing, options
        self.linear = Linear(in_features, math.prod(out_features, start=num_classes), bias, device, dtype)

    def forward(self, input: ArrayLike, target: ArrayLike) -> jax.Array:
        """The loss."""
        shape = (self.num_classes, *self.out_features)
        bias = self.linear.bias
        return functional.linear_cross_entropy(
            input,
            to_array(self.linear.weight).reshape(*shape, self.linear.in_features),
            target,
            linear_bias=None if bias is None else to_array(bias).reshape(shape),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
        )

    def reset_parameters(self) -> None:
        """Draws the parameters of the linear map anew."""
        self.linear.reset_parameters()

    def extra_repr(self) -> str:
        return (
            f"in_features={self.linear.in_features}, num_classes={self.num_classes}, out_features={self.out_features}, "
            f"bias={self.linear.bias is not None}, reduction={self.reduction}, ignore_index={self.ignore_index}, "
            f"label_smoothing={self.label_smoothing}, options={self.options}"
        )


class MultiLabelSoftMarginLoss(_WeightedLoss, layer=layers.MultiLabelSoftMarginLoss): ...


class CosineEmbeddingLoss(_Loss, layer=layers.CosineEmbeddingLoss): ...


class MarginRankingLoss(_Loss, layer=layers.MarginRankingLoss): ...


class MultiMarginLoss(_WeightedLoss, layer=layers.MultiMarginLoss): ...


class TripletMarginLoss(_Loss, layer=layers.TripletMarginLoss): ...


class TripletMarginWithDistanceLoss(_Loss, layer=layers.TripletMarginWithDistanceLoss):
    def _install(self, layer: Layer) -> None:
        distance = vars(layer)["distance_function"]
        super()._install(layer.replace(distance_function=None))
        # A Module (the default one, too) becomes a submodule, with its parameters.
        self.distance_function = PairwiseDistance() if distance is None else distance

    def forward(self, anchor: ArrayLike, positive: ArrayLike, negative: ArrayLike) -> jax.Array:
        """The loss."""
        layer = self._present_layer().replace(distance_function=self.distance_function)
        return layer.apply({}, {}, anchor, positive, negative, training=self.training)[0]


class CTCLoss(_Loss, layer=layers.CTCLoss): ...
