"""Losses over class labels: cross entropy, negative log likelihood, and the fused linear form."""

from __future__ import annotations

import math
import warnings

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.arguments import widen
from fnn.autocasting import cast, region
from fnn.dtypes import is_floating, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional import _loss_common as common
from fnn.functional import _promotion as promotion
from fnn.functional.linear import linear
from fnn.functional.linear_cross_entropy_options import LinearCrossEntropyOptions
from fnn.functional.reduction import Unreduced, reduced, total
from fnn.kernels.exponentials import log_softmax
from fnn.kernels.mesh import select
from fnn.typing import ArrayLike, DType

__all__ = ["cross_entropy", "linear_cross_entropy", "nll_loss"]


@reduced
def nll_loss(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Unreduced:
    """The negative log likelihood ``-weight[t] * input[t]`` of the target class ``t``.

    The mean divides by the sum of the weights of the targets that are not ignored; it is NaN if there are none.

    Args:
        input: log-probabilities (C,), (N, C) or (N, C, d1, ..., dK).
        target: class indices (), (N,) or (N, d1, ..., dK).  An index outside [0, C) raises IndexError; where the
            target is traced (under ``jit``) it cannot be checked, and gives NaN.
        weight: a weight for each class (C,).
        ignore_index: a target that contributes neither to the loss nor to the gradient.

    Returns:
        A scalar, or the target's shape if ``reduction='none'``.

    Raises:
        ArgumentError: shapes do not agree or ``reduction`` is unknown.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.nll_loss(jnp.log(jnp.array([[0.5, 0.5], [0.25, 0.75]])), jnp.array([0, 1])).round(4)
        Array(0.4904, dtype=float32)
    """
    (x,) = common.arrays("nll_loss", "floating", input=input)
    return _nll("nll_loss", x, to_array(target, "target", "nll_loss: "), weight, ignore_index, 0.0)


@reduced
def cross_entropy(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Unreduced:
    """The cross entropy between logits and target classes or target probabilities.

    With class indices: ``-weight[t] * log_softmax(input)[t]``, its mean taken over the weights of the targets that
    are not ignored.  With probabilities: ``-sum_c weight[c] * p[c] * log_softmax(input)[c]``, its mean taken over
    the samples.  Label smoothing mixes the target with the uniform distribution (Szegedy et al. 2015,
    https://arxiv.org/abs/1512.00567).

    Args:
        input: logits (C,), (N, C) or (N, C, d1, ..., dK).
        target: class indices (), (N,) or (N, d1, ..., dK); or probabilities of the shape of ``input``.  An index
            outside [0, C) raises IndexError; where the target is traced (under ``jit``) it cannot be checked, and
            gives NaN.
        weight: a weight for each class (C,).
        ignore_index: a target index that contributes neither to the loss nor to the gradient.
        label_smoothing: the share of the uniform distribution, in [0, 1].

    Returns:
        A scalar; if ``reduction='none'``, (), (N,) or (N, d1, ..., dK).

    Raises:
        ArgumentError: shapes do not agree, ``reduction`` is unknown or ``label_smoothing`` out of range.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.cross_entropy(jnp.array([[2.0, 0.0], [0.0, 2.0]]), jnp.array([0, 1])).round(4)
        Array(0.1269, dtype=float32)
    """
    return _cross_entropy(input, target, weight, ignore_index, label_smoothing)


@reduced
def linear_cross_entropy(
    input: ArrayLike,
    linear_weight: ArrayLike,
    target: ArrayLike,
    *,
    linear_bias: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: LinearCrossEntropyOptions | None = None,
) -> Unreduced:
    """`cross_entropy` of ``linear(input, linear_weight, linear_bias)``.

    Args:
        input: (E,) or (N, E).
        linear_weight: (C, E) or (C, d1, ..., dK, E).
        target: class indices or probabilities as of `cross_entropy` for logits (N, C, d1, ..., dK).
        linear_bias: (C,) or (C, d1, ..., dK).
        weight: a weight for each class (C,).
        ignore_index: a target index to leave out; None means -100, and must be None with probabilities.
        label_smoothing: the share of the uniform distribution, in [0, 1].
        options: a `LinearCrossEntropyOptions`, to go through the batch in chunks and never hold all logits; used for
            class indices, without label smoothing and K-dimensional losses (else ignored, with a warning).

    Returns:
        A scalar; if ``reduction='none'``, the shape of the class indices.

    Raises:
        ArgumentError: shapes do not agree.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.linear_cross_entropy(jnp.ones((1, 2)), jnp.eye(2), jnp.array([0])).round(4)
        Array(0.6931, dtype=float32)
    """
    where = "linear_cross_entropy: "
    x, w = to_array(input, "input", where), to_array(linear_weight, "linear_weight", where)
    t = to_array(target, "target", where)
    b = None if linear_bias is None else to_array(linear_bias, "linear_bias", where)
    if x.ndim not in (1, 2):
        raise ArgumentError(f"{where}expected input with dimensionality 1 or 2, got {x.ndim}")
    if w.ndim < 2:
        raise ArgumentError(f"{where}expected linear_weight with dimensionality at least 2, got {w.ndim}")
    if x.shape[-1] != w.shape[-1]:
        raise ArgumentError(
            f"{where}expected equal input and linear_weight last dimensions (in_features), got {x.shape[-1]} and "
            f"{w.shape[-1]}, respectively"
        )
    outer = w.shape[:-1]
    if b is not None and b.shape != outer:
        raise ArgumentError(f"{where}expected linear_bias shape {outer}, got {b.shape}")
    if len(outer) > 1 and x.ndim == 1:
        raise ArgumentError(
            f"{where}K-dimensional loss defined by linear_weight shape {w.shape} requires batched input, "
            f"(N, {x.shape[-1]}), got unbatched input with shape {x.shape}"
        )
    if t.shape == (*x.shape[:-1], *outer) and ignore_index is not None:
        raise ArgumentError(f"{where}ignore_index cannot be specified when target contains probabilities")
    ignored = -100 if ignore_index is None else ignore_index
    if options is not None:
        if w.ndim == 2 and label_smoothing == 0 and jnp.issubdtype(t.dtype, jnp.integer):
            return _in_chunks(x, w, t, b, weight, ignored, options)
        warnings.warn(
            f"linear_cross_entropy: ``options`` ignored; the chunked path needs label_smoothing == 0, class indices "
            f"and a weight (C, E). Got label_smoothing={label_smoothing}, target.dtype={t.dtype}, "
            f"linear_weight.shape={w.shape}.",
            UserWarning,
            stacklevel=3,
        )
    logits = linear(x, w.reshape(math.prod(outer), -1), None if b is None else b.reshape(-1))
    return _cross_entropy(*_autocast(logits.reshape(*x.shape[:-1], *outer), t, weight), ignored, label_smoothing)


def _autocast(
    input: jax.Array, target: jax.Array, weight: ArrayLike | None
) -> tuple[jax.Array, jax.Array, ArrayLike | None]:
    """What `cross_entropy` computes with: in a region of autocast float32."""
    given = input, target, weight
    return given if region() is None else cast(given, np.dtype(np.float32))


def _cross_entropy(
    input: ArrayLike, target: ArrayLike, weight: ArrayLike | None, ignore_index: int, label_smoothing: float
) -> Unreduced:
    """The terms of `cross_entropy`."""
    x = to_array(input, "input", "cross_entropy: ")
    t = to_array(target, "target", "cross_entropy: ")
    if not 0.0 <= label_smoothing <= 1.0:
        raise ArgumentError(f"cross_entropy: label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if x.ndim == 0:
        raise ArgumentError("cross_entropy: Expected 1 or more dimensions for input (got 0)")
    promotion.require("cross_entropy: ", "floating", input=x)
    axis = min(x.ndim - 1, 1)
    if x.shape != t.shape:
        log_p = log_softmax(widen(x), axis)
        return _nll("cross_entropy", log_p, t, weight, ignore_index, label_smoothing, x.dtype)
    if not is_floating(t):
        raise ArgumentTypeError(
            f"cross_entropy: Expected floating point type for target with class probabilities, got {t.dtype}"
        )
    if ignore_index >= 0:
        raise ArgumentError(
            f"cross_entropy: ignore_index is not supported for floating point target, got ignore_index={ignore_index}"
        )
    log_p = log_softmax(widen(x), axis)
    classes = x.shape[axis]
    dtype = promotion.result_type(x, t)
    t = widen(t.astype(dtype))
    if label_smoothing > 0:
        t = t * (1 - label_smoothing) + label_smoothing / classes
    loss = -(log_p.astype(t.dtype) * t)
    if weight is not None:
        w = _class_weight("cross_entropy", weight, classes, None)
        dtype = jnp.promote_types(dtype, to_array(weight).dtype)  # that of w is widened
        loss, w = (widen(a.astype(dtype)) for a in (loss, w))
        loss = loss * lax.broadcast_in_dim(w, loss.shape, (axis,))
    return Unreduced(lax.reduce_sum(loss, (axis,)), dtype)


def _in_chunks(
    x: jax.Array,
    w: jax.Array,
    t: jax.Array,
    b: jax.Array | None,
    weight: ArrayLike | None,
    ignore_index: int,
    options: LinearCrossEntropyOptions,
) -> Unreduced:
    """The loss in a loop over rows of the batch, whose logits are computed again for the gradient."""
    name = "linear_cross_entropy"
    unbatched = x.ndim == 1
    if unbatched:
        x, t = x[None], t[None] if t.ndim == 0 else t
    if t.shape != x.shape[:1]:
        raise ArgumentError(f"{name}: Expected target size {[x.shape[0]]}, got {list(t.shape)}")
    common.index_target(name, t)
    common.check_class_range(name, t, w.shape[0], ignore_index)
    wide = widen(x).dtype if options.acc_dtype is None else jnp.dtype(options.acc_dtype)
    weights = None if weight is None else _class_weight(name, weight, w.shape[0], x.dtype).astype(wide)

    @jax.checkpoint
    def losses(rows: jax.Array, targets: jax.Array) -> jax.Array:
        logits = linear(rows.astype(wide), w.astype(wide), None if b is None else b.astype(wide))
        return cross_entropy(logits, targets, weights, ignore_index=ignore_index, reduction="none")

    size = options.rows(x.shape[0], x.shape[1], w.shape[0])
    whole = x.shape[0] // size * size
    parts = [jnp.zeros((0,), wide)]
    if whole:
        chunks = x[:whole].reshape(-1, size, x.shape[1]), t[:whole].reshape(-1, size)
        parts.append(lax.map(lambda chunk: losses(*chunk), chunks).reshape(-1))
    if whole < x.shape[0]:
        parts.append(losses(x[whole:], t[whole:]))
    loss = jnp.concatenate(parts)

    def mean() -> jax.Array:
        kept = t != ignore_index
        share = kept.astype(wide) if weights is None else select(kept, _lookup(weights, t), jnp.zeros(t.shape, wide))
        return total(loss) / total(share)

    return Unreduced(loss[0] if unbatched else loss, _autocast(x, t, None)[0].dtype, mean)


def _class_weight(name: str, weight: ArrayLike, classes: int, dtype: DType | None) -> jax.Array:
    """The weights of the classes, checked; of ``dtype`` unless that is None."""
    w = to_array(weight, "weight", f"{name}: ")
    if w.shape != (classes,):
        raise ArgumentError(
            f"{name}: weight tensor should be defined either for all {classes} classes or no classes "
            f"but got weight tensor of shape: {list(w.shape)}"
        )
    if dtype is not None and w.dtype != dtype:
        raise ArgumentTypeError(f"{name}: expected scalar type {dtype} for weight, but found {w.dtype}")
    return widen(w)


def _check_shapes(name: str, x: jax.Array, t: jax.Array) -> None:
    """PyTorch's checks of (N, C, d1, ..., dK) against (N, d1, ..., dK)."""
    if x.ndim == 0:
        raise ArgumentError(f"{name}: Expected 1 or more dimensions for input (got 0)")
    if x.ndim == 1:
        if t.ndim != 0:
            raise ArgumentError(
                f"{name}: size mismatch (got input: {list(x.shape)}, target: {list(t.shape)}); "
                "the target of an unbatched input (C,) is a scalar"
            )
        return
    if t.ndim == 0 or x.shape[0] != t.shape[0]:
        got = t.shape[0] if t.ndim else "none"
        raise ArgumentError(f"{name}: Expected input batch_size ({x.shape[0]}) to match target batch_size ({got}).")
    if x.ndim == 2 and t.ndim != 1:
        raise ArgumentError(
            f"{name}: 0D or 1D target tensor expected, multi-target not supported; "
            f"got input {list(x.shape)}, target {list(t.shape)}"
        )
    if t.shape != (x.shape[0], *x.shape[2:]):
        raise ArgumentError(f"{name}: Expected target size {[x.shape[0], *x.shape[2:]]}, got {list(t.shape)}")


def _nll(
    name: str,
    log_p: jax.Array,
    target: jax.Array,
    weight: ArrayLike | None,
    ignore_index: int,
    smoothing: float,
    dtype: DType | None = None,
) -> Unreduced:
    """The (smoothed) loss of class indices; ``dtype`` is the one the weight must have, if not that of ``log_p``.

    What is ignored leaves by `lax.select`, not by a product with 0: its gradient is exactly zero even where the
    mean divides by zero.
    """
    _check_shapes(name, log_p, target)
    common.index_target(name, target)
    if log_p.ndim == 1:
        log_p, target = log_p[None], target[None]
        unbatched = True
    else:
        unbatched = False
    out_dtype, classes = log_p.dtype, log_p.shape[1]
    common.check_class_range(name, target, classes, ignore_index)
    log_p = widen(log_p)
    kept = target != ignore_index
    zero = lax.full(target.shape, 0, log_p.dtype)
    loss = -common.pick_class(log_p, target)
    weights = w = None
    if weight is not None:
        w = _class_weight(name, weight, classes, dtype or out_dtype)
        weights = select(kept, _lookup(w, target), zero)
        loss = loss * _lookup(w, target)
    loss = select(kept, loss, zero)
    uniform = None
    if smoothing > 0:
        weighed = log_p if w is None else log_p * lax.broadcast_in_dim(w, log_p.shape, (1,))
        uniform = select(kept, -lax.reduce_sum(weighed, (1,)), zero)

    def smoothed(loss: jax.Array, uniform: jax.Array | None) -> jax.Array:
        return loss if uniform is None else (1 - smoothing) * loss + (smoothing / classes) * uniform

    def mean() -> jax.Array:
        count = total(kept.astype(loss.dtype) if weights is None else weights)
        # Each is divided by itself, so that one without weight is NaN (0 / 0) under smoothing too, as in PyTorch.
        return smoothed(total(loss) / count, None if uniform is None else total(uniform) / count)

    terms = smoothed(loss, uniform)
    return Unreduced(terms[0] if unbatched else terms, dtype or out_dtype, mean)


def _lookup(weight: jax.Array, target: jax.Array) -> jax.Array:
    """``weight[target]``; NaN where the target is out of range."""
    numbers = lax.GatherDimensionNumbers(offset_dims=(), collapsed_slice_dims=(0,), start_index_map=(0,))
    mode = lax.GatherScatterMode.FILL_OR_DROP
    return lax.gather(weight, target[..., None], numbers, (1,), mode=mode)
