"""The losses of the heads, where labels are given."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn import functional as F
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.text.config import Config
from fnn.typing import ArrayLike


def token_loss(logits: jax.Array, labels: ArrayLike | None) -> jax.Array | None:
    """The cross entropy over the tokens; a label of -100 does not count."""
    if labels is None:
        return None
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]).astype(jnp.float32), _flat(labels))


def next_token_loss(logits: jax.Array, labels: ArrayLike | None) -> jax.Array | None:
    """`token_loss` of each token given those before it: labels are the tokens themselves."""
    if labels is None:
        return None
    return token_loss(logits[:, :-1], to_array(labels, "labels")[:, 1:])


def text_loss(logits: jax.Array, labels: ArrayLike | None, config: Config) -> jax.Array | None:
    """The loss of whole texts, by ``config.problem_type`` or else by what the labels are."""
    if labels is None:
        return None
    target = to_array(labels, "labels")
    kind = config.problem_type
    if kind is None:
        if config.num_labels == 1:
            kind = "regression"
        else:
            integers = jnp.issubdtype(target.dtype, jnp.integer)
            kind = "single_label_classification" if integers else "multi_label_classification"
    if kind == "regression":
        return F.mse_loss(logits.squeeze(), target.squeeze()) if config.num_labels == 1 else F.mse_loss(logits, target)
    if kind == "single_label_classification":
        return F.cross_entropy(logits.reshape(-1, config.num_labels), target.reshape(-1))
    if kind == "multi_label_classification":
        return F.binary_cross_entropy_with_logits(logits, target)
    raise ArgumentError(
        "problem_type must be 'regression', 'single_label_classification' or 'multi_label_classification', got "
        f"{kind!r}"
    )


def span_loss(
    start_logits: jax.Array, end_logits: jax.Array, start: ArrayLike | None, end: ArrayLike | None
) -> jax.Array | None:
    """The mean of the cross entropies of both ends; one outside of the text does not count."""
    if start is None or end is None:
        return None
    outside = start_logits.shape[1]
    ends = ((start_logits, start), (end_logits, end))
    losses = [
        F.cross_entropy(logits, jnp.clip(_flat(position), 0, outside), ignore_index=outside)
        for logits, position in ends
    ]
    return (losses[0] + losses[1]) / 2


def _flat(labels: ArrayLike) -> jax.Array:
    return to_array(labels, "labels").reshape(-1)


def shifted_right(labels: jax.Array, start: int | None, pad: int | None, what: str) -> jax.Array:
    """A decoder's inputs for these labels: the start token, then all labels but the last."""
    if start is None or pad is None:
        raise ArgumentError(f"{what}: labels need decoder_start_token_id and pad_token_id in the configuration")
    first = jnp.full_like(labels[:, :1], start)
    return jnp.concatenate((first, jnp.where(labels[:, :-1] == -100, pad, labels[:, :-1])), 1)
