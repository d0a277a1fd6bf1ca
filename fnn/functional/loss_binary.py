"""Losses over probabilities: binary cross entropies, the soft margins built on them, and the KL divergence."""

from __future__ import annotations

import warnings

import jax
import jax.numpy as jnp
from jax import lax

from fnn.arguments import widen
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.functional import _loss_common as common
from fnn.functional import _promotion as promotion
from fnn.functional.reduction import Unreduced, reduced
from fnn.tracing import concrete
from fnn.typing import ArrayLike

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "kl_div",
    "multilabel_soft_margin_loss",
    "soft_margin_loss",
]

_KL_MEAN = (
    "reduction: 'mean' divides the total loss by both the batch size and the support size.'batchmean' divides only "
    "by the batch size, and aligns with the KL div math definition.'mean' will be changed to behave the same as "
    "'batchmean' in the next major release."
)


@reduced
def binary_cross_entropy(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Unreduced:
    """``-weight * (target * log(input) + (1 - target) * log(1 - input))``.

    The logarithms are raised to at least -100, so that the loss is finite at 0 and 1; the gradient is
    ``(input - target) / max(input * (1 - input), 1e-12)``.  That of the target uses the bounded logarithms too, and is
    finite (PyTorch's is infinite where ``input`` is 0 or 1).

    Args:
        input: probabilities, any shape.  A value outside [0, 1] raises, where the values are known (not under
            ``jit``).
        target: probabilities of the same shape.
        weight: weights of a shape that broadcasts.

    Returns:
        A scalar, or the shape of ``input`` if ``reduction='none'``.

    Raises:
        ArgumentError: shapes differ, a value is outside [0, 1] or ``reduction`` is unknown.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.binary_cross_entropy(jnp.array([0.5, 1.0]), jnp.array([1.0, 0.0]), reduction="none").round(4)
        Array([  0.6931, 100.    ], dtype=float32)
    """
    name = "binary_cross_entropy"
    x, t = common.arrays(name, "floating", input=input, target=target)
    promotion.require_same(f"{name}: ", input=x, target=t)
    x, t, dtype = common.promote(name, input=x, target=t)
    if x.shape != t.shape:
        raise ArgumentError(
            f"{name}: Using a target size ({list(t.shape)}) that is different to the input size ({list(x.shape)}) is "
            "deprecated. Please ensure they have the same size."
        )
    for array, what in ((x, "input"), (t, "target")):
        values = concrete(array)
        if values is not None and not ((values >= 0) & (values <= 1)).all():
            raise ArgumentError(f"{name}: all elements of {what} should be between 0 and 1")
    loss = _bce(x, t)
    if weight is not None:
        loss = common.times(name, loss, weight, dtype)
    return Unreduced(loss, dtype)


@reduced
def binary_cross_entropy_with_logits(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: ArrayLike | None = None,
) -> Unreduced:
    """`binary_cross_entropy` of ``sigmoid(input)``, without overflow.

    ``-weight * (pos_weight * target * log(sigmoid(input)) + (1 - target) * log(1 - sigmoid(input)))``.

    Args:
        input: logits, any shape.
        target: probabilities of the same shape.
        weight: weights of a shape that broadcasts.
        pos_weight: weights of the positive class, of a shape that broadcasts.

    Returns:
        A scalar, or the shape of ``input`` if ``reduction='none'``.

    Raises:
        ArgumentError: shapes do not agree or ``reduction`` is unknown.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.binary_cross_entropy_with_logits(jnp.array([0.0, 100.0]), jnp.array([1.0, 0.0])).round(4)
        Array(50.3466, dtype=float32)
    """
    name = "binary_cross_entropy_with_logits"
    # PyTorch writes into 1 - target: the result has the target's dtype.
    (x,) = common.arrays(name, "floating", input=input)
    (t,) = common.arrays(name, "floating or complex", target=target)
    dtype = t.dtype
    x, t, _ = common.promote(name, "any", "any", input=x, target=t)
    if x.shape != t.shape:
        raise ArgumentError(f"{name}: Target size ({list(t.shape)}) must be the same as input size ({list(x.shape)})")
    negative = common.softplus(-x.real).astype(x.dtype)  # -log(sigmoid(x))
    if pos_weight is not None:
        (p,) = common.arrays(name, "real number", pos_weight=pos_weight)
        t, factor = common.expand_to_first(name, "target", t, p.astype(x.dtype))
        negative = ((factor - 1) * t + 1) * negative
    loss = (1 - t) * x + negative
    if weight is not None:
        loss = common.times(name, loss, weight, dtype)
    return Unreduced(loss, dtype)


@reduced
def kl_div(
    input: ArrayLike,
    target: ArrayLike,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Unreduced:
    """The Kullback-Leibler divergence ``target * (log(target) - input)``, elementwise, then reduced.

    Args:
        input: log-probabilities, any shape.
        target: probabilities (log-probabilities if ``log_target``), of a shape that broadcasts.
        reduction: 'none', 'sum', 'batchmean' (the divergence: the sum divided by the first dimension) or 'mean'
            (divided by the number of elements, with a warning that this is not the divergence).
        log_target: whether ``target`` is given as logarithms.

    Returns:
        A scalar, or the broadcast shape if ``reduction='none'``.

    Raises:
        ArgumentError: shapes do not agree or ``reduction`` is unknown.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.kl_div(jnp.log(jnp.array([[0.5, 0.5]])), jnp.array([[1.0, 0.0]]), reduction="batchmean").round(4)
        Array(0.6931, dtype=float32)
    """
    legacy = size_average is not None or reduce is not None
    if not legacy and reduction == "mean":
        warnings.warn(_KL_MEAN, UserWarning, stacklevel=3)
    x, t, dtype = common.promote("kl_div", "floating", input=input, target=target)
    batch = x.shape[0] if x.ndim else 1
    x, t = common.expand("kl_div", x, t)
    if log_target:
        loss = lax.exp(t) * (t - x)
    else:
        positive = t != 0
        log_t = lax.log(lax.select(positive, t, lax.full_like(t, 1)))
        loss = t * log_t - t * x
    return Unreduced(loss, dtype, batch=batch)


@reduced
def soft_margin_loss(
    input: ArrayLike,
    target: ArrayLike,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Unreduced:
    """``log(1 + exp(-target * input))`` for targets of 1 or -1.

    Computed without overflow: where PyTorch's exponential overflows (a product below about -88 in float32), this
    gives the finite loss and gradient, not infinity and NaN.

    Args:
        input: scores, any shape.
        target: 1 or -1, of a shape that broadcasts to that of ``input``.

    Returns:
        A scalar, or the shape of ``input`` if ``reduction='none'``; the dtype of ``input``.

    Raises:
        ArgumentError: shapes do not agree or ``reduction`` is unknown.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.soft_margin_loss(jnp.array([0.0, 2.0]), jnp.array([1.0, -1.0]), reduction="none").round(4)
        Array([0.6931, 2.1269], dtype=float32)
    """
    x, t, dtype = common.like_input("soft_margin_loss", "floating or complex", input=input, target=target)
    x, t = common.expand_to_first("soft_margin_loss", "input", x, t)
    product = -t * x
    loss = lax.log1p(lax.exp(product)) if jnp.iscomplexobj(product) else common.softplus(product)
    return Unreduced(loss, dtype)


@reduced
def multilabel_soft_margin_loss(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Unreduced:
    """The mean over the classes of the binary cross entropy of each label, one against all.

    Args:
        input: logits (N, C) or (C,).
        target: labels 0 or 1, of the same shape.
        weight: a weight for each class (C,).

    Returns:
        A scalar, or (N,) if ``reduction='none'``.

    Raises:
        ArgumentError: shapes do not agree or ``reduction`` is unknown.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.multilabel_soft_margin_loss(jnp.array([[0.0, 2.0]]), jnp.array([[1.0, 1.0]])).round(4)
        Array(0.41, dtype=float32)
    """
    name = "multilabel_soft_margin_loss"
    (x,) = common.arrays(name, "floating", input=input)
    (t,) = common.arrays(name, "number", target=target)
    x, t, dtype = common.promote(name, "any", "any", input=x, target=t)
    if x.ndim == 0:
        raise ArgumentError(f"{name}: expected an input (N, C) or (C,), got a scalar")
    axis, classes = x.ndim - 1, x.shape[-1]  # of the input, from the front, also where the target has more dimensions
    x, t = common.expand(name, x, t)
    loss = t * common.softplus(-x.real) + (1 - t) * common.softplus(x.real)
    if weight is not None:
        w = to_array(weight, "weight", f"{name}: ")
        dtype = promotion.result_type(lax.full(loss.shape, 0, dtype), w)
        loss, factor = common.expand(name, loss, widen(w.astype(dtype)))
        loss = loss * factor
    loss = jnp.sum(loss, axis) / classes
    return Unreduced(loss, dtype)


@jax.custom_jvp
def _bce(x: jax.Array, t: jax.Array) -> jax.Array:
    """Elementwise binary cross entropy; with its logarithms bounded, it needs its own derivative."""
    log_x, log_1x = _bounded_logs(x)
    return (t - 1) * log_1x - t * log_x


@_bce.defjvp
def _bce_jvp(primals: tuple, tangents: tuple) -> tuple:
    (x, t), (x_dot, t_dot) = primals, tangents
    log_x, log_1x = _bounded_logs(x)
    slope = (x - t) / lax.max((1 - x) * x, lax.full_like(x, 1e-12))
    return _bce(x, t), slope * x_dot + (log_1x - log_x) * t_dot


def _bounded_logs(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """``log(x)`` and ``log(1 - x)``, at least -100."""
    least = lax.full_like(x, -100)
    return lax.max(lax.log(x), least), lax.max(lax.log1p(-x), least)
