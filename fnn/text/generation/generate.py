"""`generate`: arguments checked and brought to the sizes for which there is a program."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.func import jit
from fnn.nn import Module
from fnn.text.generation._beams import beams
from fnn.text.generation._form import Form, Numbers
from fnn.text.generation._listening import Callback, listening
from fnn.text.generation._single import single
from fnn.text.generation._steps import Steps
from fnn.typing import ArrayLike

__all__ = ["generate"]

# Lengths are rounded up to multiples of it, so that texts of similar length share a program.
ROUNDING = 32


class _Model:
    def __repr__(self) -> str:
        return "the model's"


MODELS = _Model()  # the default of the tokens that the model's configuration names
Tokens = int | Sequence[int] | None


def generate(
    model: Module,
    input_ids: ArrayLike | Sequence[Sequence[int]],
    attention_mask: ArrayLike | None = None,
    *,
    max_new_tokens: int = 20,
    min_new_tokens: int = 0,
    do_sample: bool = False,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    repetition_penalty: float = 1.0,
    num_beams: int = 1,
    length_penalty: float = 1.0,
    early_stopping: bool | str = False,
    num_return_sequences: int = 1,
    eos_token_id: Tokens | _Model = MODELS,
    pad_token_id: int | _Model | None = MODELS,
    suppress_tokens: Sequence[int] | _Model | None = MODELS,
    begin_suppress_tokens: Sequence[int] | _Model | None = MODELS,
    decoder_input_ids: ArrayLike | None = None,
    callback: Callback | None = None,
) -> jax.Array:
    """Continues texts: prompt and loop are one compiled program, with keys and values in arrays of fixed length.

    The arguments mean what they mean to transformers, and without ``do_sample`` the tokens are the same.  Lengths are
    rounded up, so that prompts and continuations of similar length share a program; numbers are inputs of it.

    Args:
        model: a Module with the cache protocol (see `fnn.text.cache`).
        input_ids: (N, L) tokens, shorter texts padded on the left; of an encoder-decoder model what its encoder takes.
        attention_mask: (N, L), 0 for padding. None: what is ``pad_token_id``, unless that also ends texts.
        max_new_tokens: how many tokens are made at most.
        min_new_tokens: how many before a text may end.
        do_sample: whether to draw tokens, from `fnn.manual_seed`'s generator; else the likeliest are taken.
        temperature: what scores are divided by, for draws.
        top_k: draw from so many likeliest tokens.
        top_p: draw from the likeliest tokens that together have this probability.
        min_p: draw from the tokens with at least this share of the likeliest one's probability.
        repetition_penalty: makes tokens that the text has less likely, if above 1.
        num_beams: how many hypotheses a beam search keeps; 1: no search.
        length_penalty: the score of a hypothesis is divided by its length to this power.
        early_stopping: True: a search ends as soon as there are ``num_beams`` finished hypotheses; False: when a better
            one is unlikely; ``"never"``: when none can be better.
        num_return_sequences: how many continuations of each text; by draws or of the beams.
        eos_token_id: the tokens that end a text; None: none.
        pad_token_id: what follows the end of a text. None: the first token that ends one.
        suppress_tokens: tokens that are never made.
        begin_suppress_tokens: tokens that are not made first.
        decoder_input_ids: (N, L) of an encoder-decoder model: what its texts begin with. None: the configuration's
            ``decoder_start_token_id``.
        callback: called with the tokens (N,) of each step as soon as they are made; if it returns True, that is the
            end. Not with beams.

    Returns:
        (N * num_return_sequences, L + new) of int32: the texts with their continuations, of the decoder.

    Raises:
        ArgumentError: an argument is out of range, or does not go with another.
        ArgumentTypeError: the model has no cache protocol.

    Example:
        >>> import fnn
        >>> from fnn import text
        >>> model = text.GPT2LMHeadModel(text.GPT2Config(vocab_size=10, n_positions=64, n_embd=4, n_layer=1, n_head=2))
        >>> fnn.generate(model.eval(), [[1, 2, 3]], max_new_tokens=5, eos_token_id=None).shape
        (1, 8)
    """
    for method in ("make_cache", "forward"):
        if not callable(getattr(model, method, None)):
            raise ArgumentTypeError(
                f"generate: {type(model).__name__} has no method {method!r} of the cache protocol; see fnn.text.cache"
            )
    form, numbers = _checked(
        max_new_tokens, min_new_tokens, do_sample, temperature, top_k, top_p, min_p, repetition_penalty, num_beams,
        length_penalty, early_stopping, num_return_sequences, callback,
    )  # fmt: skip
    ends = _tokens(_setting(model, "eos_token_id", eos_token_id), "eos_token_id")
    pad = _setting(model, "pad_token_id", pad_token_id)
    suppressed = _tokens(_setting(model, "suppress_tokens", suppress_tokens), "suppress_tokens")
    first = _tokens(_setting(model, "begin_suppress_tokens", begin_suppress_tokens), "begin_suppress_tokens")
    encodes = callable(getattr(model, "encode", None))
    given = np.asarray(input_ids)
    given_mask = _mask(given, attention_mask, pad, ends, encodes)
    if encodes:
        inputs, inputs_mask = _rounded(given, given_mask, left=False) if given.ndim == 2 else (given, given_mask)
        ids = _started(model, given.shape[0], decoder_input_ids)
        mask = np.ones(ids.shape, bool)
        length = ids.shape[1]
    else:
        if decoder_input_ids is not None:
            raise ArgumentError(f"generate: {type(model).__name__} has no encoder, so decoder_input_ids must be None")
        if given.ndim != 2 or given.size == 0:
            raise ArgumentError(f"generate: input_ids must be of shape (N, L), not empty, got {given.shape}")
        inputs, inputs_mask, length = None, None, given.shape[1]
        assert given_mask is not None
        ids, mask = _rounded(given, given_mask, left=True)
    filler = pad if pad is not None else (ends[0] if ends else 0)
    form = {
        **form, "encodes": encodes, "ends": bool(ends), "suppresses": bool(suppressed), "begins": bool(first),
        "holds": bool(ends) and min_new_tokens > 0,
    }  # fmt: skip
    with listening(callback) as number:
        tokens = {"ends": ends, "suppressed": suppressed, "suppressed_first": first}
        numbers |= {name: np.asarray(value, np.int32) for name, value in tokens.items()}
        # transformers takes the first end for a pad token 0, and -1 where nothing ends
        numbers |= {"pad": np.int32(filler), "fill": np.int32((pad or ends[0]) if ends else -1)}
        numbers["listener"] = np.int32(number)
        run = _program(Form(**form))
        texts, made = run(model, ids.astype(np.int32), mask, inputs, inputs_mask, Numbers(**numbers))
        count = int(made)
    start = ids.shape[1]
    made_texts = np.asarray(texts)[:, start - length : start + count]  # on the host: a slice of each size would compile
    return jax.device_put(made_texts)


@functools.lru_cache(maxsize=64)
def _program(form: Form) -> Callable[..., Any]:
    """The compiled program for a form."""

    def generation(
        model: Module,
        ids: jax.Array,
        mask: jax.Array,
        inputs: jax.Array | None,
        inputs_mask: jax.Array | None,
        numbers: Numbers,
    ) -> tuple[jax.Array, jax.Array]:
        steps = Steps(model, ids, mask, inputs, inputs_mask, form)
        return (beams if form.beams > 1 else single)(steps, form, numbers)

    return jit(generation)


def _checked(
    most: int, least: int, samples: bool, temperature: float, top_k: int | None, top_p: float | None,
    min_p: float | None, penalty: float, width: int, length_penalty: float, early: bool | str, copies: int,
    callback: Callback | None,
) -> tuple[dict[str, Any], dict[str, Any]]:  # fmt: skip
    """What `Form` and `Numbers` hold of the arguments."""

    def demand(holds: bool, what: str, got: object) -> None:
        if not holds:
            raise ArgumentError(f"generate: {what}, got {got!r}")

    demand(isinstance(most, int) and most > 0, "max_new_tokens must be a positive int", most)
    demand(isinstance(least, int) and 0 <= least <= most, f"min_new_tokens must be from 0 to {most}", least)
    demand(temperature > 0, "temperature must be positive (do_sample=False takes the likeliest token)", temperature)
    demand(top_k is None or (isinstance(top_k, int) and top_k >= 0), "top_k must be an int from 0 on", top_k)
    demand(top_p is None or 0 <= top_p <= 1, "top_p must be from 0 to 1", top_p)
    demand(min_p is None or 0 <= min_p <= 1, "min_p must be from 0 to 1", min_p)
    demand(penalty > 0, "repetition_penalty must be positive", penalty)
    demand(isinstance(width, int) and width > 0, "num_beams must be a positive int", width)
    demand(early in (True, False, "never"), "early_stopping must be True, False or 'never'", early)
    demand(isinstance(copies, int) and copies > 0, "num_return_sequences must be a positive int", copies)
    if width > 1:
        demand(copies <= width, f"num_return_sequences must be at most num_beams={width}", copies)
        demand(callback is None, "callback must be None with num_beams > 1", callback)
    elif not samples:
        demand(copies == 1, "num_return_sequences > 1 needs do_sample=True or num_beams > 1", copies)
    if not samples:
        names = ("temperature", "top_k", "top_p", "min_p")
        unused = [
            name
            for name, value, default in zip(
                names, (temperature, top_k, top_p, min_p), (1.0, None, None, None), strict=True
            )
            if value != default
        ]
        demand(not unused, f"{', '.join(unused)} need do_sample=True", samples)
    form = {
        "room": -(-most // ROUNDING) * ROUNDING, "beams": width, "copies": copies, "samples": samples,
        "cools": temperature != 1.0, "top_k": bool(top_k), "top_p": top_p is not None and top_p < 1.0,
        "min_p": min_p is not None, "penalises": penalty != 1.0, "early": early, "listens": callback is not None,
    }  # fmt: skip
    real = {
        "temperature": temperature, "top_p": 1.0 if top_p is None else top_p, "min_p": min_p or 0.0,
        "penalty": penalty, "length_penalty": length_penalty,
    }  # fmt: skip
    numbers: dict[str, Any] = {name: np.float32(value) for name, value in real.items()}
    whole = {"most": most, "least": least, "top_k": top_k or 1}
    return form, numbers | {name: np.int32(value) for name, value in whole.items()}


def _setting(model: Any, name: str, given: Any) -> Any:
    """As given, or what the model's files say of generation, or else its configuration."""
    if given is not MODELS:
        return given
    settings = getattr(model, "generation_config", None) or {}
    if settings.get(name) is not None:
        return settings[name]
    config = getattr(model, "config", None)
    extra = getattr(config, "extra", None) or {}
    return getattr(config, name, extra.get(name))


def _tokens(given: Any, name: str) -> list[int]:
    tokens = [] if given is None else [given] if isinstance(given, (int, np.integer)) else list(given)
    if not all(isinstance(token, (int, np.integer)) and token >= 0 for token in tokens):
        raise ArgumentError(f"generate: {name} must be tokens, got {given!r}")
    return [int(token) for token in tokens]


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
    start = _setting(model, "decoder_start_token_id", MODELS)
    start = _setting(model, "bos_token_id", MODELS) if start is None else start
    if start is None:
        raise ArgumentError("generate: give decoder_input_ids, for the configuration has no decoder_start_token_id")
    return np.full((rows, 1), start)
