"""What `generate` begins with: prompts and an encoder's inputs on the host, with padding up to common lengths."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np

from fnn.errors import ArgumentError
from fnn.text.generation._settings import ROUNDING
from fnn.typing import ArrayLike


class FromModel:
    def __repr__(self) -> str:
        return "the model's"


MODELS = FromModel()  # the default of the tokens that the model's configuration names


@dataclass(frozen=True)
class Inputs:
    """What the texts begin with.

    Attributes:
        ids: (N, P) tokens of the decoder.
        mask: (N, P), where they are no padding.
        length: of the tokens as they were given.
        source: of the encoder; None without one.
        source_mask: (N, S).
        source_length: as it was given.
    """

    ids: np.ndarray
    mask: np.ndarray
    length: int
    source: np.ndarray | None = None
    source_mask: np.ndarray | None = None
    source_length: int = 0


def inputs_of(
    model: Any, given: np.ndarray, attention_mask: ArrayLike | None, decoder_input_ids: ArrayLike | None,
    pad: int | None, ends: list[int],
) -> Inputs:  # fmt: skip
    """The inputs, in lengths for which there is a program."""
    encodes = callable(getattr(model, "encode", None))
    if attention_mask is not None and encodes and "attention_mask" not in inspect.signature(model.encode).parameters:
        raise ArgumentError(f"generate: the encoder of {type(model).__name__} takes no attention_mask, it must be None")
    mask = _mask(given, attention_mask, pad, ends, encodes)
    if encodes:
        ids = _started(model, given.shape[0], decoder_input_ids)
        there = np.ones(ids.shape, bool)
        if given.ndim != 2:
            return Inputs(ids.astype(np.int32), there, ids.shape[1], given, mask)
        source, source_mask = _rounded(given, mask, left=False)
        return Inputs(ids.astype(np.int32), there, ids.shape[1], source, source_mask, given.shape[1])
    if decoder_input_ids is not None:
        raise ArgumentError(f"generate: {type(model).__name__} has no encoder, so decoder_input_ids must be None")
    if given.ndim != 2 or given.size == 0:
        raise ArgumentError(f"generate: input_ids must be of shape (N, L), not empty, got {given.shape}")
    ids, there = _rounded(given, mask, left=True)
    return Inputs(ids.astype(np.int32), there, given.shape[1])


def setting(model: Any, name: str, given: Any = MODELS) -> Any:
    """As given, or what the model's files say of generation, or else its configuration."""
    if given is not MODELS:
        return given
    settings = getattr(model, "generation_config", None) or {}
    if settings.get(name) is not None:
        return settings[name]
    config = getattr(model, "config", None)
    extra = getattr(config, "extra", None) or {}
    return getattr(config, name, extra.get(name))


def _mask(
    ids: np.ndarray, given: ArrayLike | None, pad: int | None, ends: list[int], encodes: bool
) -> np.ndarray | None:
    if given is not None:
        mask = np.asarray(given) != 0
        if mask.shape != ids.shape[:2]:
            raise ArgumentError(
                f"generate: attention_mask must be of the shape of input_ids, {ids.shape[:2]}, got {mask.shape}"
            )
    elif ids.ndim != 2 or ids.dtype.kind not in "iu":
        return None
    elif pad is None or pad in ends:
        return np.ones(ids.shape, bool)
    else:
        mask = ids != pad
    if not encodes and ids.ndim == 2 and not mask[:, -1].all():
        raise ArgumentError(
            "generate: each text must end in a token that is no padding; pad shorter texts on the left, and give "
            "attention_mask if the padding token may end a text"
        )
    return mask


def _rounded(ids: np.ndarray, mask: np.ndarray | None, left: bool) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and mask with padding up to the next length for which there is a program."""
    assert mask is not None
    more = -ids.shape[1] % ROUNDING
    wide = ((0, 0), (more, 0) if left else (0, more))
    return np.pad(ids, wide).astype(np.int32), np.pad(mask, wide)


def _started(model: Any, rows: int, given: ArrayLike | None) -> np.ndarray:
    """What the decoder begins with."""
    if given is not None:
        ids = np.asarray(given)
        if ids.ndim != 2 or ids.shape[0] != rows:
            raise ArgumentError(f"generate: decoder_input_ids must be of shape ({rows}, L), got {ids.shape}")
        return ids
    start = setting(model, "decoder_start_token_id")
    start = setting(model, "bos_token_id") if start is None else start
    if start is None:
        raise ArgumentError("generate: give decoder_input_ids, for the configuration has no decoder_start_token_id")
    return np.full((rows, 1), start)
