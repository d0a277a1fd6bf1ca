"""Metrics of language models."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn.arguments import widen
from fnn.dtypes import is_floating
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.metrics._arithmetic import number
from fnn.metrics._checks import arrays, check_range
from fnn.typing import Array, ArrayLike

__all__ = ["perplexity"]


def log_likelihood(preds: ArrayLike, target: ArrayLike, ignore_index: int | None) -> tuple[Array, Array]:
    """-Σ log p(target), and how many tokens there are."""
    preds, target = arrays(preds, target)
    if preds.ndim != 3:
        raise ArgumentError(
            "Input tensor `preds` is expected to have 3 dimensions, [batch_size, seq_len, vocab_size],"
            f" but got {preds.ndim}."
        )
    if target.ndim != 2:
        raise ArgumentError(
            f"Input tensor `target` is expected to have 2 dimensions, [batch_size, seq_len], but got {target.ndim}."
        )
    if preds.shape[:2] != target.shape:
        raise ArgumentError(
            "Input tensors `preds` and `target` are expected to have equaling first two dimensions,"
            f" [batch_size, seq_len], but got {preds.shape[:2]} and {target.shape}."
        )
    if not is_floating(preds):
        raise ArgumentTypeError(f"Input tensor `preds` is expected to be of floating point type but got {preds.dtype}.")
    if not jnp.issubdtype(target.dtype, jnp.integer):
        raise ArgumentTypeError(f"Input tensor `target` is expected to be of an integer type but got {target.dtype}.")
    check_range(target, "target", preds.shape[-1], ignore_index)
    kept = jnp.ones(target.shape, bool) if ignore_index is None else target != ignore_index
    log_p = jax.nn.log_softmax(widen(preds), axis=-1)  # (B, L, V)
    chosen = jnp.take_along_axis(log_p, jnp.where(kept, target, 0)[..., None], axis=-1)[..., 0]
    return -jnp.where(kept, chosen, 0).sum(), number(kept)


def perplexity(preds: ArrayLike, target: ArrayLike, ignore_index: int | None = None) -> Array:
    """The exponential of the mean negative log-likelihood of the tokens.

    Args:
        preds: (B, L, V), the logits (or logarithms of probabilities).
        target: (B, L), the tokens.
        ignore_index: a token that marks places to leave out.

    Returns:
        ().

    Raises:
        ArgumentError: the shapes or dtypes do not fit, or a token is none of the V.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import functional as M
        >>> print(M.perplexity(jnp.zeros((1, 3, 8)), jnp.array([[0, 5, 7]])))
        8.0
    """
    total, count = log_likelihood(preds, target, ignore_index)
    return jnp.exp(total / count)
