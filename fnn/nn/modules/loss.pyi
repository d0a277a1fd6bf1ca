"""Written by tools/make_stubs.py from loss.py and its layers; do not edit."""

import jax
from collections.abc import Callable
from typing import Any
from fnn.state.parameter import Buffer
from fnn.typing import ArrayLike, DType, Device
from fnn.layers.layer import Layer
from fnn.nn.modules.layer_module import LayerModule
from fnn.nn.modules.linear_cross_entropy_options import LinearCrossEntropyOptions

__all__ = ['BCELoss', 'BCEWithLogitsLoss', 'CTCLoss', 'CosineEmbeddingLoss', 'CrossEntropyLoss', 'GaussianNLLLoss', 'HingeEmbeddingLoss', 'HuberLoss', 'KLDivLoss', 'L1Loss', 'LinearCrossEntropyLoss', 'MSELoss', 'MarginRankingLoss', 'MultiLabelMarginLoss', 'MultiLabelSoftMarginLoss', 'MultiMarginLoss', 'NLLLoss', 'NLLLoss2d', 'PoissonNLLLoss', 'SmoothL1Loss', 'SoftMarginLoss', 'TripletMarginLoss', 'TripletMarginWithDistanceLoss']

class _Loss(LayerModule):
    """Base of all losses, for ``isinstance``."""
    ...

class _WeightedLoss(_Loss):
    """Base of the losses with a buffer ``weight``, for ``isinstance``."""
    ...

class L1Loss(_Loss):
    """The absolute error ``|input - target|``; its gradient is 0 where the two are equal.

    Args:
        size_average: deprecated, see ``reduction``.
        reduce: deprecated, see ``reduction``.
        reduction: 'none', 'mean' or 'sum'.

    Shape:
        (*), (*) -> (), or (*) with ``reduction='none'``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> loss = nn.L1Loss()
        >>> loss(jnp.array([1.0, 3.0]), jnp.array([1.0, 1.0])).round(4)
        Array(1., dtype=float32)
    """
    size_average: bool | None
    reduce: bool | None
    reduction: str
    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = 'mean',
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> jax.Array: ...

class NLLLoss(_WeightedLoss):
    """The negative log likelihood ``-weight[t] * input[t]`` of the target class ``t``.

    The mean is taken over the weights of the targets that are not ignored.

    Args:
        weight: a weight for each class (C,).
        size_average: deprecated, see ``reduction``.
        ignore_index: a target that contributes neither to the loss nor to the gradient.
        reduce: deprecated, see ``reduction``.
        reduction: 'none', 'mean' or 'sum'.

    Attributes:
        weight: the argument; in the state unless it is None.

    Shape:
        (C,), () -> (); (N, C, d1, ..., dK), (N, d1, ..., dK) -> (), or the target's shape with ``reduction='none'``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> loss = nn.NLLLoss()
        >>> loss(jnp.log(jnp.array([[0.5, 0.5], [0.25, 0.75]])), jnp.array([0, 1])).round(4)
        Array(0.4904, dtype=float32)
    """
    size_average: bool | None
    ignore_index: int
    reduce: bool | None
    reduction: str
    weight: Buffer | None
    def __init__(
        self,
        weight: ArrayLike | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = 'mean',
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> jax.Array: ...

class NLLLoss2d(NLLLoss):
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
    size_average: bool | None
    ignore_index: int
    reduce: bool | None
    reduction: str
    weight: Buffer | None
    def __init__(
        self,
        weight: ArrayLike | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = 'mean',
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> jax.Array: ...
    def _install(self, layer: Layer) -> None:
        ...

class PoissonNLLLoss(_Loss):
    """The negative log likelihood of counts under a Poisson distribution, up to a constant.

    Args:
        log_input: whether the input is the logarithm of the rate, or the rate.
        full: add Stirling's approximation of ``log(target!)`` where ``target > 1``.
        size_average: deprecated, see ``reduction``.
        eps: keeps the logarithm finite when ``log_input`` is False.
        reduce: deprecated, see ``reduction``.
        reduction: 'none', 'mean' or 'sum'.

    Shape:
        (*), (*) -> (), or (*) with ``reduction='none'``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> loss = nn.PoissonNLLLoss()
        >>> loss(jnp.array([0.0, 0.0]), jnp.array([1.0, 2.0])).round(4)
        Array(1., dtype=float32)
    """
    log_input: bool
    full: bool
    size_average: bool | None
    eps: float
    reduce: bool | None
    reduction: str
    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        size_average: bool | None = None,
        eps: float = 1e-08,
        reduce: bool | None = None,
        reduction: str = 'mean',
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, log_input: ArrayLike, target: ArrayLike) -> jax.Array: ...

class GaussianNLLLoss(_Loss):
    """The negative log likelihood of the target under a normal distribution of mean ``input`` and variance ``var``.

    Nix and Weigend 1994, https://doi.org/10.1109/ICNN.1994.374138.

    Args:
        full: add the constant ``0.5 * log(2 * pi)``.
        eps: the least variance; the gradient does not see it.
        reduction: 'none', 'mean' or 'sum'.

    Shape:
        (N, *), (N, *), and variances of that shape, of (N,), or of a last axis of 1 -> (), or (N, *) with
        ``reduction='none'``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> loss = nn.GaussianNLLLoss()
        >>> loss(jnp.array([0.0, 1.0]), jnp.array([0.0, 3.0]), jnp.array([1.0, 1.0])).round(4)
        Array(1., dtype=float32)
    """
    full: bool
    eps: float
    reduction: str
    def __init__(self, *, full: bool = False, eps: float = 1e-06, reduction: str = 'mean') -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, target: ArrayLike, var: ArrayLike) -> jax.Array: ...

class KLDivLoss(_Loss):
    """The Kullback-Leibler divergence ``target * (log(target) - input)``, elementwise, then reduced.

    Args:
        size_average: deprecated, see ``reduction``.
        reduce: deprecated, see ``reduction``.
        reduction: 'none', 'sum', 'batchmean' (the divergence) or 'mean' (over the elements, with a warning).
        log_target: whether the target is given as logarithms.

    Shape:
        (*), (*) of log-probabilities and probabilities -> (), or (*) with ``reduction='none'``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> loss = nn.KLDivLoss(reduction="batchmean")
        >>> loss(jnp.log(jnp.array([[0.5, 0.5]])), jnp.array([[1.0, 0.0]])).round(4)
        Array(0.6931, dtype=float32)
    """
    size_average: bool | None
    reduce: bool | None
    reduction: str
    log_target: bool
    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = 'mean',
        log_target: bool = False,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> jax.Array: ...

class MSELoss(_Loss):
    """The squared error ``(input - target)**2``.

    Args:
        size_average: deprecated, see ``reduction``.
        reduce: deprecated, see ``reduction``.
        reduction: 'none', 'mean' or 'sum'.

    Shape:
        (*), (*) -> (), or (*) with ``reduction='none'``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> loss = nn.MSELoss()
        >>> loss(jnp.array([1.0, 3.0]), jnp.array([1.0, 1.0])).round(4)
        Array(2., dtype=float32)
    """
    size_average: bool | None
    reduce: bool | None
    reduction: str
    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = 'mean',
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> jax.Array: ...

class BCELoss(_WeightedLoss):
    """``-weight * (target * log(input) + (1 - target) * log(1 - input))``, the logarithms at least -100.

    Args:
        weight: weights of a shape that broadcasts.
        size_average: deprecated, see ``reduction``.
        reduce: deprecated, see ``reduction``.
        reduction: 'none', 'mean' or 'sum'.

    Attributes:
        weight: the argument; in the state unless it is None.

    Shape:
        (*), (*) -> (), or (*) with ``reduction='none'``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> loss = nn.BCELoss()
        >>> loss(jnp.array([0.5, 0.5]), jnp.array([1.0, 0.0])).round(4)
        Array(0.6931, dtype=float32)
    """
    size_average: bool | None
    reduce: bool | None
    reduction: str
    weight: Buffer | None
    def __init__(
        self,
        weight: ArrayLike | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = 'mean',
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> jax.Array: ...

class BCEWithLogitsLoss(_Loss):
    """`BCELoss` of ``sigmoid(input)``, without overflow.

    Args:
        weight: weights of a shape that broadcasts.
        size_average: deprecated, see ``reduction``.
        reduce: deprecated, see ``reduction``.
        reduction: 'none', 'mean' or 'sum'.
        pos_weight: weights of the positive class, of a shape that broadcasts.

    Attributes:
        weight: the argument; in the state unless it is None.
        pos_weight: the argument; in the state unless it is None.

    Shape:
        (*), (*) -> (), or (*) with ``reduction='none'``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> loss = nn.BCEWithLogitsLoss()
        >>> loss(jnp.array([0.0, 100.0]), jnp.array([1.0, 0.0])).round(4)
        Array(50.3466, dtype=float32)
    """
    size_average: bool | None
    reduce: bool | None
    reduction: str
    weight: Buffer | None
    pos_weight: Buffer | None
    def __init__(
        self,
        weight: ArrayLike | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = 'mean',
        pos_weight: ArrayLike | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> jax.Array: ...

class HingeEmbeddingLoss(_Loss):
    """The input where the target is 1, and ``max(0, margin - input)`` where it is -1.

    Args:
        margin: how far dissimilar pairs should be apart.
        size_average: deprecated, see ``reduction``.
        reduce: deprecated, see ``reduction``.
        reduction: 'none', 'mean' or 'sum'.

    Shape:
        (*), (*) -> (), or (*) with ``reduction='none'``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> loss = nn.HingeEmbeddingLoss()
        >>> loss(jnp.array([0.5, 0.25]), jnp.array([1, -1])).round(4)
        Array(0.625, dtype=float32)
    """
    margin: float
    size_average: bool | None
    reduce: bool | None
    reduction: str
    def __init__(
        self,
        margin: float = 1.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = 'mean',
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> jax.Array: ...

class MultiLabelMarginLoss(_Loss):
    """``sum_ij max(0, 1 - x[y[j]] + x[i]) / C`` over the labels ``y[j]`` and the classes ``i`` that are no label.

    Args:
        size_average: deprecated, see ``reduction``.
        reduce: deprecated, see ``reduction``.
        reduction: 'none', 'mean' or 'sum'.

    Shape:
        (N, C), (N, C) -> (), or (N,) with ``reduction='none'``; (C,), (C,) -> ().  The labels of a sample are those
        before its first -1.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> loss = nn.MultiLabelMarginLoss()
        >>> loss(jnp.array([[0.25, 0.5, 0.5, 1.0]]), jnp.array([[3, 0, -1, 1]])).round(4)
        Array(0.875, dtype=float32)
    """
    size_average: bool | None
    reduce: bool | None
    reduction: str
    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = 'mean',
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> jax.Array: ...

class SmoothL1Loss(_Loss):
    """``0.5 * d**2 / beta`` where ``d = |input - target| < beta``, and ``d - 0.5 * beta`` elsewhere.

    Girshick 2015, https://arxiv.org/abs/1504.08083.

    Args:
        size_average: deprecated, see ``reduction``.
        reduce: deprecated, see ``reduction``.
        reduction: 'none', 'mean' or 'sum'.
        beta: where the quadratic part ends; 0 gives `L1Loss`.

    Shape:
        (*), (*) -> (), or (*) with ``reduction='none'``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> loss = nn.SmoothL1Loss()
        >>> loss(jnp.array([0.5, 3.0]), jnp.array([0.0, 0.0])).round(4)
        Array(1.3125, dtype=float32)
    """
    size_average: bool | None
    reduce: bool | None
    reduction: str
    beta: float
    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = 'mean',
        beta: float = 1.0,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> jax.Array: ...

class HuberLoss(_Loss):
    """``0.5 * d**2`` where ``d = |input - target| <= delta``, and ``delta * (d - 0.5 * delta)`` elsewhere.

    Huber 1964, https://doi.org/10.1214/aoms/1177703732.

    Args:
        reduction: 'none', 'mean' or 'sum'.
        delta: where the quadratic part ends; positive.

    Shape:
        (*), (*) -> (), or (*) with ``reduction='none'``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> loss = nn.HuberLoss(delta=2.0)
        >>> loss(jnp.array([0.5, 3.0]), jnp.array([0.0, 0.0])).round(4)
        Array(2.0625, dtype=float32)
    """
    reduction: str
    delta: float
    def __init__(self, reduction: str = 'mean', delta: float = 1.0) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> jax.Array: ...

class SoftMarginLoss(_Loss):
    """``log(1 + exp(-target * input))`` for targets of 1 or -1.

    Args:
        size_average: deprecated, see ``reduction``.
        reduce: deprecated, see ``reduction``.
        reduction: 'none', 'mean' or 'sum'.

    Shape:
        (*), (*) -> (), or (*) with ``reduction='none'``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> loss = nn.SoftMarginLoss()
        >>> loss(jnp.array([0.0, 2.0]), jnp.array([1.0, -1.0])).round(4)
        Array(1.41, dtype=float32)
    """
    size_average: bool | None
    reduce: bool | None
    reduction: str
    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = 'mean',
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> jax.Array: ...

class CrossEntropyLoss(_WeightedLoss):
    """The cross entropy between logits and target classes or target probabilities.

    The mean is taken over the weights of the targets that are not ignored; with probabilities, over the samples.

    Args:
        weight: a weight for each class (C,).
        size_average: deprecated, see ``reduction``.
        ignore_index: a target that contributes neither to the loss nor to the gradient.
        reduce: deprecated, see ``reduction``.
        reduction: 'none', 'mean' or 'sum'.
        label_smoothing: the share of the uniform distribution, in [0, 1].

    Attributes:
        weight: the argument; in the state unless it is None.

    Shape:
        (C,), () -> (); (N, C, d1, ..., dK), (N, d1, ..., dK) -> (), or the target's shape with ``reduction='none'``.
        The target may also be probabilities of the input's shape.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> loss = nn.CrossEntropyLoss()
        >>> loss(jnp.array([[2.0, 0.0], [0.0, 2.0]]), jnp.array([0, 1])).round(4)
        Array(0.1269, dtype=float32)
    """
    size_average: bool | None
    ignore_index: int
    reduce: bool | None
    reduction: str
    label_smoothing: float
    weight: Buffer | None
    def __init__(
        self,
        weight: ArrayLike | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = 'mean',
        label_smoothing: float = 0.0,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> jax.Array: ...

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
    def __init__(self, in_features: int, num_classes: int, *, out_features: tuple[int, ...]=(), bias: bool=False, device: Device | None=None, dtype: DType | None=None, reduction: str='mean', weight: ArrayLike | None=None, ignore_index: int | None=None, label_smoothing: float=0.0, options: LinearCrossEntropyOptions | None=None) -> None:
        ...
    def forward(self, input: ArrayLike, target: ArrayLike) -> jax.Array:
        """The loss."""
        ...
    def reset_parameters(self) -> None:
        """Draws the parameters of the linear map anew."""
        ...
    def extra_repr(self) -> str:
        ...
    linear: Any

class MultiLabelSoftMarginLoss(_WeightedLoss):
    """The mean over the classes of the binary cross entropy of each label, one against all.

    Args:
        weight: a weight for each class (C,).
        size_average: deprecated, see ``reduction``.
        reduce: deprecated, see ``reduction``.
        reduction: 'none', 'mean' or 'sum'.

    Attributes:
        weight: the argument; in the state unless it is None.

    Shape:
        (N, C), (N, C) -> (), or (N,) with ``reduction='none'``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> loss = nn.MultiLabelSoftMarginLoss()
        >>> loss(jnp.array([[0.0, 2.0]]), jnp.array([[1.0, 1.0]])).round(4)
        Array(0.41, dtype=float32)
    """
    size_average: bool | None
    reduce: bool | None
    reduction: str
    weight: Buffer | None
    def __init__(
        self,
        weight: ArrayLike | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = 'mean',
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> jax.Array: ...

class CosineEmbeddingLoss(_Loss):
    """``1 - cos(input1, input2)`` where the target is 1, ``max(0, cos(input1, input2) - margin)`` where it is -1.

    Args:
        margin: the cosine that dissimilar pairs may have, in [-1, 1].
        size_average: deprecated, see ``reduction``.
        reduce: deprecated, see ``reduction``.
        reduction: 'none', 'mean' or 'sum'.

    Shape:
        (N, D), (N, D), (N,) -> (), or (N,) with ``reduction='none'``; (D,), (D,), () -> ().

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> loss = nn.CosineEmbeddingLoss()
        >>> loss(jnp.ones((1, 4)), jnp.array([[2.0, 0.0, 0.0, 0.0]]), jnp.array([1])).round(4)
        Array(0.5, dtype=float32)
    """
    margin: float
    size_average: bool | None
    reduce: bool | None
    reduction: str
    def __init__(
        self,
        margin: float = 0.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = 'mean',
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input1: ArrayLike, input2: ArrayLike, target: ArrayLike) -> jax.Array: ...

class MarginRankingLoss(_Loss):
    """``max(0, -target * (input1 - input2) + margin)``: 1 wants the first input larger, -1 the second.

    Args:
        margin: by how much they should differ.
        size_average: deprecated, see ``reduction``.
        reduce: deprecated, see ``reduction``.
        reduction: 'none', 'mean' or 'sum'.

    Shape:
        (N,), (N,), (N,) -> (), or (N,) with ``reduction='none'``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> loss = nn.MarginRankingLoss()
        >>> loss(jnp.array([1.0]), jnp.array([3.0]), jnp.array([1.0])).round(4)
        Array(2., dtype=float32)
    """
    margin: float
    size_average: bool | None
    reduce: bool | None
    reduction: str
    def __init__(
        self,
        margin: float = 0.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = 'mean',
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input1: ArrayLike, input2: ArrayLike, target: ArrayLike) -> jax.Array: ...

class MultiMarginLoss(_WeightedLoss):
    """``sum_i max(0, margin - x[y] + x[i])**p * weight[y] / C`` over the classes ``i != y``.

    Args:
        p: 1 or 2.
        margin: by how much the right class should lead.
        weight: a weight for each class (C,).
        size_average: deprecated, see ``reduction``.
        reduce: deprecated, see ``reduction``.
        reduction: 'none', 'mean' or 'sum'.

    Attributes:
        weight: the argument; in the state unless it is None.

    Shape:
        (N, C), (N,) -> (), or (N,) with ``reduction='none'``; (C,), () -> ().

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> loss = nn.MultiMarginLoss()
        >>> loss(jnp.array([[1.0, 0.5, 0.0, -1.0]]), jnp.array([0])).round(4)
        Array(0.125, dtype=float32)
    """
    p: int
    margin: float
    size_average: bool | None
    reduce: bool | None
    reduction: str
    weight: Buffer | None
    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: ArrayLike | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = 'mean',
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> jax.Array: ...

class TripletMarginLoss(_Loss):
    """``max(0, d(anchor, positive) - d(anchor, negative) + margin)`` with ``d`` the p-norm distance.

    Balntas et al. 2016, http://www.bmva.org/bmvc/2016/papers/paper119/index.html.

    Args:
        margin: by how much the negative should be farther; positive.
        p: the order of the norm.
        eps: as in `PairwiseDistance`.
        swap: use the distance of positive and negative where it is the smaller one.
        size_average: deprecated, see ``reduction``.
        reduce: deprecated, see ``reduction``.
        reduction: 'none', 'mean' or 'sum'.

    Shape:
        (N, D), (N, D), (N, D) -> (), or (N,) with ``reduction='none'``; (D,), (D,), (D,) -> ().

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> loss = nn.TripletMarginLoss()
        >>> loss(jnp.zeros((1, 2)), jnp.array([[3.0, 4.0]]), jnp.array([[0.0, 2.0]])).round(4)
        Array(4., dtype=float32)
    """
    margin: float
    p: float
    eps: float
    swap: bool
    size_average: bool | None
    reduce: bool | None
    reduction: str
    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-06,
        swap: bool = False,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = 'mean',
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, anchor: ArrayLike, positive: ArrayLike, negative: ArrayLike) -> jax.Array: ...

class TripletMarginWithDistanceLoss(_Loss):
    """`TripletMarginLoss` with any distance.

    Args:
        distance_function: takes two inputs to their distances; a hashable function, or None for the Euclidean distance.
        margin: by how much the negative should be farther; positive.
        swap: use the distance of positive and negative where it is the smaller one.
        reduction: 'none', 'mean' or 'sum'.

    Shape:
        (N, *), (N, *), (N, *) -> (), or the distances' shape with ``reduction='none'``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> loss = nn.TripletMarginWithDistanceLoss()
        >>> loss(jnp.zeros((1, 2)), jnp.array([[3.0, 4.0]]), jnp.array([[0.0, 2.0]])).round(4)
        Array(4., dtype=float32)
    """
    margin: float
    swap: bool
    reduction: str
    def __init__(
        self,
        *,
        distance_function: Callable[[Any, Any], Any] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = 'mean',
    ) -> None: ...
    def _install(self, layer: Layer) -> None:
        ...
    def forward(self, anchor: ArrayLike, positive: ArrayLike, negative: ArrayLike) -> jax.Array:
        """The loss."""
        ...
    distance_function: Any

class CTCLoss(_Loss):
    """Connectionist temporal classification: the negative log likelihood of label sequences over all alignments.

    Graves et al. 2006, https://www.cs.toronto.edu/~graves/icml_2006.pdf.

    Args:
        blank: the class of the blank.
        reduction: 'none', 'mean' (over the batch, of each loss divided by its target's length) or 'sum'.
        zero_infinity: replace infinite losses and their gradients by zero.

    Shape:
        (T, N, C), (N, S) or (sum of lengths,), (N,), (N,) -> (), or (N,) with ``reduction='none'``; unbatched
        (T, C), (S,), (), () -> ().

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> loss = nn.CTCLoss()
        >>> loss(jnp.log(jnp.full((2, 1, 2), 0.5)), jnp.array([[1]]), (2,), (1,)).round(4)
        Array(0.2877, dtype=float32)
    """
    blank: int
    reduction: str
    zero_infinity: bool
    def __init__(self, blank: int = 0, reduction: str = 'mean', zero_infinity: bool = False) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(
        self,
        log_probs: ArrayLike,
        targets: ArrayLike,
        input_lengths: ArrayLike,
        target_lengths: ArrayLike,
    ) -> jax.Array: ...
