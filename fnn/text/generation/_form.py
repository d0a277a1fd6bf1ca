"""What a program of a generation is compiled for, and the numbers that it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax

from fnn.text.generation._stopping import Stops


@dataclass(frozen=True)
class Form:
    """What is static: a change of it compiles a new program.

    Attributes:
        room: how many tokens there is room for, at least as many as are asked for.
        beams: the number of beams; 1: none.
        copies: how many sequences are made of each text.
        samples: whether tokens are drawn; else the likeliest is taken.
        ends: whether there are tokens that end a text.
        early: `early_stopping` of beams.
        encodes: whether the model has an encoder.
        listens: whether a callback is called.
        drafts: how many tokens an assistant proposes at once; 0: there is none.
    """

    room: int
    beams: int = 1
    copies: int = 1
    samples: bool = False
    ends: bool = False
    early: bool | str = False
    encodes: bool = False
    listens: bool = False
    drafts: int = 0


class Numbers(NamedTuple):
    """What varies from call to call without a new program."""

    most: jax.Array  # new tokens
    length: jax.Array  # of the texts to begin with, without what they were rounded up by
    source_length: jax.Array  # the same of an encoder's inputs
    length_penalty: jax.Array
    ends: jax.Array  # (any,) tokens
    pad: jax.Array
    fill: jax.Array  # behind the end of a beam
    listener: jax.Array
    stops: Stops | None  # strings that end a text
    processors: dict[str, tuple[jax.Array, ...]]  # those that act, with their numbers; others take no part
