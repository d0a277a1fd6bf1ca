"""What models have in common besides their blocks: initial weights, and checks of inputs."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn import functional as F
from fnn import nn
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.text._unfilled import blank, is_unfilled
from fnn.typing import ArrayLike


class Conv1D(nn.Module):
    """GPT-2's linear layer, whose weight is (in, out).

    Args:
        nf: the features of the output.
        nx: those of the input.
    """

    weight_is_transposed = True  # for fnn.nn.utils.lora

    def __init__(self, nf: int, nx: int) -> None:
        super().__init__()
        self.nf, self.nx = nf, nx
        self.weight = nn.Parameter(blank((nx, nf)))
        self.bias = nn.Parameter(jnp.zeros(nf))

    def forward(self, x: jax.Array) -> jax.Array:
        return F.linear(x, jnp.transpose(self.weight), self.bias)

    def extra_repr(self) -> str:
        return f"nf={self.nf}, nx={self.nx}"


def initialise(model: nn.Module, std: float, only: set[int] | None = None) -> None:
    """Draws the weights of linear layers, convolutions and tables from N(0, std²), and sets their biases to zero.

    Args:
        model: whose layers.
        std: the standard deviation.
        only: the ids of the weights that are drawn; None: all.
    """
    if is_unfilled():
        return
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Embedding, Conv1D)):
            if only is not None and id(module.weight) not in only:
                continue
            nn.init.normal_(module.weight, 0.0, std)
            bias = getattr(module, "bias", None)
            if bias is not None:
                nn.init.zeros_(bias)
            padding = getattr(module, "padding_idx", None)
            if padding is not None:
                module.weight.data = module.weight.data.at[padding].set(0)


def embedded(what: str, table: nn.Module, input_ids: ArrayLike | None, inputs_embeds: ArrayLike | None) -> jax.Array:
    """(N, L, E), of tokens or as given.

    Raises:
        ArgumentError: both are given, or none, or the tokens are not (N, L).
    """
    if (input_ids is None) == (inputs_embeds is None):
        raise ArgumentError(f"{what}: give either input_ids or inputs_embeds")
    if inputs_embeds is not None:
        return to_array(inputs_embeds, "inputs_embeds", f"{what}: ")
    ids = to_array(input_ids, "input_ids", f"{what}: ")
    if ids.ndim != 2:
        raise ArgumentError(f"{what}: input_ids must be of shape (N, L), got {ids.shape}")
    return table(ids)


def positions_of(position_ids: ArrayLike | None, start: jax.Array | int, length: int) -> jax.Array:
    """(N, L) as given, or (1, L) from ``start``."""
    if position_ids is None:
        return (jnp.arange(length) + start)[None]
    return to_array(position_ids, "position_ids")


def last_logits(x: jax.Array, keep: int) -> jax.Array:
    """The last ``keep`` places of (N, L, E), all for 0."""
    return x[:, -keep:] if keep else x


def last_token(input_ids: ArrayLike | None, logits: jax.Array, pad: int | None, what: str) -> jax.Array:
    """Of (N, L, C) the logits at the last token of each text that is no padding, (N, C)."""
    if input_ids is None or pad is None:
        if pad is None and logits.shape[0] != 1:
            raise ArgumentError(f"{what}: batches of more than one text need pad_token_id in the configuration")
        return logits[:, -1]
    ids = to_array(input_ids, "input_ids", f"{what}: ")
    at = jnp.argmax(jnp.where(ids != pad, jnp.arange(ids.shape[1])[None], 0), -1)
    return jnp.take_along_axis(logits, at[:, None, None], 1)[:, 0]
