"""Connectionist temporal classification."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.arguments import widen
from fnn.dtypes import index_dtype, to_array
from fnn.errors import ArgumentError
from fnn.functional import _loss_common as common
from fnn.functional.reduction import Unreduced, reduced
from fnn.tracing import Tracer, concrete
from fnn.typing import ArrayLike

__all__ = ["ctc_loss"]


@reduced
def ctc_loss(
    log_probs: ArrayLike,
    targets: ArrayLike,
    input_lengths: ArrayLike | Sequence[int],
    target_lengths: ArrayLike | Sequence[int],
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Unreduced:
    """The negative log likelihood of label sequences summed over all alignments with the input.

    Graves et al. 2006, https://www.cs.toronto.edu/~graves/icml_2006.pdf.  As in PyTorch, the gradient is that with
    respect to the logits whose `log_softmax` is ``log_probs`` (it contains the term ``exp(log_probs)``); through
    the `log_softmax` the two are the same.

    Args:
        log_probs: (T, N, C) or (T, C), logarithms of probabilities.
        targets: labels (N, S), of which the first ``target_lengths[n]`` count, or all of them concatenated.
        input_lengths: (N,), the steps of each input, at most T; a tuple or list of integers or an array.
        target_lengths: (N,), the labels of each target.  Lengths are checked where they are known (not under
            ``jit``).
        blank: the class of the blank.
        reduction: 'none', 'mean' (each loss is divided by its target's length, then the mean over the batch) or
            'sum'.
        zero_infinity: replace infinite losses (a target too long for its input) and their gradients by zero.

    Returns:
        A scalar, or (N,) ((), if unbatched) if ``reduction='none'``.

    Raises:
        ArgumentError: shapes or lengths do not agree, ``blank`` is no class or ``reduction`` is unknown.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> log_probs = jnp.log(jnp.full((2, 1, 2), 0.5))
        >>> F.ctc_loss(log_probs, jnp.array([[1]]), (2,), (1,)).round(4)
        Array(0.2877, dtype=float32)
    """
    name = "ctc_loss"
    (x,) = common.arrays(name, "floating", log_probs=log_probs)
    t = to_array(targets, "targets", f"{name}: ")
    t = t if jnp.issubdtype(t.dtype, jnp.integer) else t.real.astype(index_dtype())  # as PyTorch converts them
    if x.ndim not in (2, 3) or x.size == 0:
        raise ArgumentError(
            f"{name}: log_probs tensor must not be empty and of shape (T, N, C) or (T, C), got {list(x.shape)}"
        )
    unbatched = x.ndim == 2
    dtype = x.dtype
    x = widen(x[:, None] if unbatched else x)
    steps, batch, classes = x.shape
    if not 0 <= blank < classes:
        raise ArgumentError(f"{name}: blank must be in label range [0, {classes - 1}], got blank={blank}")
    input_len = _lengths(name, "input_lengths", input_lengths, batch, steps)
    target_len = _lengths(name, "target_lengths", target_lengths, batch, None)
    t = _padded(name, t.reshape(1, -1) if unbatched and t.ndim == 1 else t, target_len)
    loss = _alignments(x, t, input_len, target_len, blank)
    infinite = jnp.isinf(loss)
    step = lax.broadcasted_iota(input_len.dtype, x.shape, 0)
    inside = (step < input_len[None, :, None]) & ~infinite[None, :, None]
    mass = jnp.sum(jnp.where(inside, lax.exp(x), 0), (0, 2))
    loss = jnp.where(infinite, loss, loss + (mass - lax.stop_gradient(mass)))
    if zero_infinity:
        loss = jnp.where(infinite, 0, loss)
    if reduction == "mean":
        loss = loss / lax.max(target_len, lax.full_like(target_len, 1)).astype(loss.dtype)
    return Unreduced(loss[0] if unbatched else loss, dtype)


def _lengths(name: str, what: str, lengths: ArrayLike | Sequence[int], batch: int, most: int | None) -> jax.Array:
    """Lengths as an array (N,), checked where their values are known."""
    if isinstance(lengths, (tuple, list)):
        # Plain numbers stay on the host, where they can be checked; arguments of a jitted function are arrays.
        traced = any(isinstance(n, Tracer) for n in lengths)
        lengths = jnp.stack([jnp.asarray(n) for n in lengths]) if traced else np.asarray(lengths)
    array = to_array(lengths, what, f"{name}: ")
    array = array.reshape(-1).astype(index_dtype()) if array.ndim == 0 else array
    if array.shape != (batch,):
        raise ArgumentError(f"{name}: {what} must be of size batch_size={batch}, got shape {list(array.shape)}")
    common.index_target(f"{name} {what}", array)
    values = concrete(array)
    if values is not None and (values < 0).any():
        raise ArgumentError(f"{name}: Expected {what} to have value at least 0, but got value {values.min()}")
    if values is not None and most is not None and (values > most).any():
        raise ArgumentError(f"{name}: Expected {what} to have value at most {most}, but got value {values.max()}")
    return array


def _padded(name: str, targets: jax.Array, lengths: jax.Array) -> jax.Array:
    """The targets as (N, S), from that form or from all of them concatenated."""
    batch, known = lengths.shape[0], concrete(lengths)
    if targets.ndim == 2:
        if targets.shape[0] != batch:
            raise ArgumentError(f"{name}: targets must have batch_size={batch} rows, got shape {list(targets.shape)}")
        if known is not None and (known > targets.shape[1]).any():
            raise ArgumentError(
                f"{name}: Expected tensor to have size at least {known.max()} at dimension 1, but got targets of size "
                f"{list(targets.shape)}"
            )
        return targets
    if targets.ndim != 1:
        raise ArgumentError(f"{name}: targets should be 1 or 2 dimensional, got shape {list(targets.shape)}")
    if known is not None and known.sum() != targets.shape[0]:
        raise ArgumentError(
            f"{name}: Expected concatenated targets of size {known.sum()} (the sum of target_lengths), "
            f"got {targets.shape[0]}"
        )
    longest = targets.shape[0] if known is None else int(known.max(initial=0))
    start = jnp.cumsum(lengths) - lengths
    at = start[:, None] + jnp.arange(longest, dtype=start.dtype)[None]
    return targets.at[at].get(mode="fill", fill_value=0)


def _log_sum_exp(terms: list[jax.Array]) -> jax.Array:
    """The logarithm of a sum of exponentials; -inf from nothing but -inf, without NaN in its gradient."""
    stacked = jnp.stack(terms)
    most = lax.stop_gradient(jnp.max(stacked, 0))
    most = jnp.where(jnp.isneginf(most), 0, most)
    total = jnp.sum(jnp.exp(stacked - most[None]), 0)
    empty = total == 0
    return jnp.where(empty, -jnp.inf, jnp.log(jnp.where(empty, 1, total)) + most)


def _alignments(x: jax.Array, targets: jax.Array, input_len: jax.Array, target_len: jax.Array, blank: int) -> jax.Array:
    """The forward recursion over states: blank, label, blank, ..., label, blank; (N,)."""
    batch, labels = targets.shape
    states = 2 * labels + 1
    extended = jnp.full((batch, states), blank, targets.dtype).at[:, 1::2].set(targets)
    before = jnp.pad(extended, ((0, 0), (2, 0)), constant_values=blank)[:, :states]
    # A label may follow another one directly, unless it is the same.
    may_skip = (extended != blank) & (extended != before) & (jnp.arange(states) >= 2)[None]
    emitted = jnp.take_along_axis(x, extended[None], 2, mode="fill")  # (T, N, states)
    nothing = jnp.full((batch, states), -jnp.inf, x.dtype)
    alpha = jnp.where((jnp.arange(states) < 2)[None], emitted[0], nothing)

    def step(alpha: jax.Array, inputs: tuple) -> tuple[jax.Array, None]:
        emission, time = inputs
        one = jnp.concatenate([nothing[:, :1], alpha[:, :-1]], 1)
        two = jnp.concatenate([nothing[:, :2], alpha[:, :-2]], 1)[:, :states]
        new = _log_sum_exp([alpha, one, jnp.where(may_skip, two, -jnp.inf)]) + emission
        return jnp.where((time < input_len)[:, None], new, alpha), None

    alpha, _ = lax.scan(step, alpha, (emitted[1:], jnp.arange(1, x.shape[0])))
    last = (2 * target_len)[:, None]
    end_blank = jnp.take_along_axis(alpha, last, 1)[:, 0]
    end_label = jnp.take_along_axis(alpha, lax.max(last - 1, lax.full_like(last, 0)), 1)[:, 0]
    end_label = jnp.where(target_len > 0, end_label, -jnp.inf)
    loss = -_log_sum_exp([end_blank, end_label])
    # With no steps there is only the empty alignment.
    return jnp.where(input_len > 0, loss, jnp.where(target_len > 0, jnp.inf, 0))
