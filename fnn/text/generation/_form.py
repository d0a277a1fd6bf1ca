"""What a program of a generation is compiled for, and the numbers that it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax


@dataclass(frozen=True)
class Form:
    """What is static: a change of it compiles a new program.

    Attributes:
        room: how many tokens there is room for, at least as many as are asked for.
        beams: the number of beams; 1: none.
        copies: how many sequences are made of each text.
        samples: whether tokens are drawn; else the likeliest is taken.
        cools: whether scores are divided by a temperature, and so on for each number.
        top_k: whether the k likeliest tokens are kept.
        top_p: whether the likeliest tokens up to a probability are kept.
        min_p: whether tokens are kept by their share of the likeliest one's probability.
        penalises: whether repeated tokens are penalised.
        suppresses: whether some tokens are forbidden.
        begins: whether some are forbidden at the beginning.
        holds: whether the end is forbidden for some tokens.
        ends: whether there are tokens that end a text.
        early: `early_stopping` of beams.
        encodes: whether the model has an encoder.
        listens: whether a callback is called.
    """

    room: int
    beams: int = 1
    copies: int = 1
    samples: bool = False
    cools: bool = False
    top_k: bool = False
    top_p: bool = False
    min_p: bool = False
    penalises: bool = False
    suppresses: bool = False
    begins: bool = False
    holds: bool = False
    ends: bool = False
    early: bool | str = False
    encodes: bool = False
    listens: bool = False


class Numbers(NamedTuple):
    """What varies from call to call without a new program."""

    most: jax.Array  # new tokens
    least: jax.Array
    temperature: jax.Array
    top_k: jax.Array
    top_p: jax.Array
    min_p: jax.Array
    penalty: jax.Array
    length_penalty: jax.Array
    ends: jax.Array  # (any,) tokens
    pad: jax.Array
    fill: jax.Array  # behind the end of a beam
    suppressed: jax.Array  # (any,) tokens
    suppressed_first: jax.Array
    listener: jax.Array
