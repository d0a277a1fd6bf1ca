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
from fnn.text.generation._defaults import with_models_defaults
from fnn.text.generation._form import Form, Numbers
from fnn.text.generation._inputs import MODELS, FromModel, Inputs, inputs_of, setting
from fnn.text.generation._listening import Callback, listening, within
from fnn.text.generation._settings import ROUNDING, SequenceBias, Settings, tokens
from fnn.text.generation._single import single
from fnn.text.generation._speculative import speculative
from fnn.text.generation._steps import Steps
from fnn.text.generation._stopping import stops_of
from fnn.typing import ArrayLike

__all__ = ["generate"]

Tokens = int | Sequence[int] | None


@with_models_defaults
def generate(
    model: Module,
    input_ids: ArrayLike | Sequence[Sequence[int]],
    attention_mask: ArrayLike | None = None,
    *,
    max_new_tokens: int | None = None,
    max_length: int | None = None,
    min_new_tokens: int = 0,
    min_length: int = 0,
    do_sample: bool = False,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    typical_p: float | None = None,
    epsilon_cutoff: float = 0.0,
    eta_cutoff: float = 0.0,
    repetition_penalty: float = 1.0,
    encoder_repetition_penalty: float = 1.0,
    no_repeat_ngram_size: int = 0,
    encoder_no_repeat_ngram_size: int = 0,
    bad_words_ids: Sequence[Sequence[int]] | None = None,
    sequence_bias: SequenceBias | None = None,
    exponential_decay_length_penalty: tuple[int, float] | None = None,
    forced_bos_token_id: int | None = None,
    forced_eos_token_id: Tokens = None,
    renormalize_logits: bool = False,
    num_beams: int = 1,
    length_penalty: float = 1.0,
    early_stopping: bool | str = False,
    num_return_sequences: int = 1,
    eos_token_id: Tokens | FromModel = MODELS,
    pad_token_id: int | FromModel | None = MODELS,
    suppress_tokens: Sequence[int] | FromModel | None = MODELS,
    begin_suppress_tokens: Sequence[int] | FromModel | None = MODELS,
    decoder_input_ids: ArrayLike | None = None,
    max_time: float | None = None,
    stop_strings: str | Sequence[str] | None = None,
    tokenizer: Any = None,
    callback: Callback | None = None,
    assistant_model: Module | None = None,
    num_assistant_tokens: int = 5,
) -> jax.Array:
    """Continues texts: prompt and loop are one compiled program, with keys and values in arrays of fixed length.

    The arguments mean what they mean to transformers, and without ``do_sample`` the tokens are the same.  What a call
    leaves out is as the model's ``generation_config.json`` says, where it was read with one
    (``model.generation_config = None`` forgets it), and else as below.  Lengths are rounded up, so that prompts and
    continuations of similar length share a program; numbers are inputs of it.

    Args:
        model: a Module with the cache protocol (see `fnn.text.cache`).
        input_ids: (N, L) tokens, shorter texts padded on the left; of an encoder-decoder model what its encoder takes.
        attention_mask: (N, L), 0 for padding. None: what is ``pad_token_id``, unless that also ends texts.
        max_new_tokens: how many tokens are made at most; None: 20, or up to ``max_length``.
        max_length: the length of the longest text, with what it begins with.
        min_new_tokens: how many are made before a text may end.
        min_length: the length before which a text may not end, with what it begins with.
        do_sample: whether to draw tokens, from `fnn.manual_seed`'s generator; else the likeliest are taken.
        temperature: what scores are divided by, for draws.
        top_k: draw from so many likeliest tokens.
        top_p: draw from the likeliest tokens that together have this probability.
        min_p: draw from the tokens with at least this share of the likeliest one's probability.
        typical_p: draw from the tokens whose information is nearest to the entropy and that together have this
            probability.
        epsilon_cutoff: draw from the tokens of at least this probability; 0: from all.
        eta_cutoff: the same, but that the bound is lower where the entropy is high.
        repetition_penalty: makes tokens that the text has less likely, if above 1.
        encoder_repetition_penalty: makes tokens of the prompt, or of the encoder's inputs, likelier, if above 1.
        no_repeat_ngram_size: no sequence of so many tokens occurs twice; 0: any may.
        encoder_no_repeat_ngram_size: none is made that the prompt, or the encoder's inputs, have.
        bad_words_ids: sequences of tokens that are never made.
        sequence_bias: by sequence, a tuple of tokens, what is added to the score of the token that completes it.
        exponential_decay_length_penalty: (start, factor): behind so many tokens the end becomes likelier with each.
        forced_bos_token_id: the second token of a text that begins with one.
        forced_eos_token_id: the last token, or one of several, where ``max_new_tokens`` are made.
        renormalize_logits: whether the scores of beams are normalised again when all this is done.
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
        max_time: seconds from the call on, compiling included, after which no token is begun; the first is made in any
            case. Not with beams.
        stop_strings: a text ends with the token by which it holds one of these strings, behind the prompt or reaching
            into it. The string may end within the token.
        tokenizer: the model's, a `fnn.text.Tokenizer` or transformers', for ``stop_strings``: what its tokens read.
        callback: called with the tokens (N,) of each step as soon as they are made; if it returns True, that is the
            end. Not with beams.
        assistant_model: a smaller model of the same tokens, which proposes ``num_assistant_tokens`` at a time for the
            model to check in one call (speculative decoding). What is made is the same, or has the same distribution.
            Not with beams.
        num_assistant_tokens: how many it proposes.

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
    settings = Settings(
        max_new_tokens=max_new_tokens, max_length=max_length, min_new_tokens=min_new_tokens, min_length=min_length,
        do_sample=do_sample, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p, typical_p=typical_p,
        epsilon_cutoff=epsilon_cutoff, eta_cutoff=eta_cutoff, repetition_penalty=repetition_penalty,
        encoder_repetition_penalty=encoder_repetition_penalty, no_repeat_ngram_size=no_repeat_ngram_size,
        encoder_no_repeat_ngram_size=encoder_no_repeat_ngram_size, bad_words_ids=bad_words_ids,
        sequence_bias=sequence_bias, exponential_decay_length_penalty=exponential_decay_length_penalty,
        forced_bos_token_id=forced_bos_token_id, forced_eos_token_id=forced_eos_token_id,
        renormalize_logits=renormalize_logits, num_beams=num_beams, length_penalty=length_penalty,
        early_stopping=early_stopping, num_return_sequences=num_return_sequences,
        num_assistant_tokens=num_assistant_tokens, max_time=max_time,
    )  # fmt: skip
    _check_models(model, assistant_model, num_beams, callback)
    if max_time is not None:
        callback = within(max_time, callback)
    ends = tokens(setting(model, "eos_token_id", eos_token_id), "eos_token_id").tolist()
    pad = setting(model, "pad_token_id", pad_token_id)
    inputs = inputs_of(model, np.asarray(input_ids), attention_mask, decoder_input_ids, pad, ends)
    most = settings.most(inputs.length)
    vocabulary = getattr(getattr(model, "config", None), "vocab_size", None)
    processors = settings.processors(inputs.length, ends, vocabulary)
    _check_source(inputs, processors)
    suppressed = tokens(setting(model, "suppress_tokens", suppress_tokens), "suppress_tokens")
    first = tokens(setting(model, "begin_suppress_tokens", begin_suppress_tokens), "begin_suppress_tokens")
    if suppressed.size:
        processors["suppress_tokens"] = (suppressed,)
    if first.size:
        when = inputs.length == 1 and forced_bos_token_id is not None  # behind the forced one
        processors["begin_suppress_tokens"] = (first, np.int32(when))
    stops = stops_of(stop_strings, tokenizer, inputs)
    form = Form(
        room=-(-most // ROUNDING) * ROUNDING, beams=num_beams, copies=num_return_sequences, samples=do_sample,
        ends=bool(ends), early=early_stopping, encodes=inputs.source is not None, listens=callback is not None,
        drafts=0 if assistant_model is None else num_assistant_tokens,
    )  # fmt: skip
    with listening(callback) as number:
        numbers: dict[str, Any] = dict(
            most=np.int32(most), length=np.int32(inputs.length), source_length=np.int32(inputs.source_length),
            length_penalty=np.float32(length_penalty), ends=np.asarray(ends, np.int32),
            pad=np.int32(pad if pad is not None else (ends[0] if ends else 0)),
            # transformers takes the first end for a pad token 0, and -1 where nothing ends
            fill=np.int32((pad or ends[0]) if ends else -1), listener=np.int32(number), stops=stops,
            processors=processors,
        )  # fmt: skip
        run = _program(form)
        texts, made = run(
            model, assistant_model, inputs.ids, inputs.mask, inputs.source, inputs.source_mask, Numbers(**numbers)
        )
        count = int(made)
    start = inputs.ids.shape[1]
    # On the host: a slice of each size would compile.
    return jax.device_put(np.asarray(texts)[:, start - inputs.length : start + count])


@functools.lru_cache(maxsize=64)
def _program(form: Form) -> Callable[..., Any]:
    """The compiled program for a form."""

    def generation(
        model: Module,
        assistant: Module | None,
        ids: jax.Array,
        mask: jax.Array,
        source: jax.Array | None,
        source_mask: jax.Array | None,
        numbers: Numbers,
    ) -> tuple[jax.Array, jax.Array]:
        steps = Steps(model, ids, mask, source, source_mask, form, numbers)
        if assistant is not None:
            helper = Steps(assistant, ids, mask, source, source_mask, form, numbers)
            return speculative(steps, helper, form, numbers)
        return (beams if form.beams > 1 else single)(steps, form, numbers)

    return jit(generation)


def _check_models(model: Module, assistant: Module | None, width: int, callback: Callback | None) -> None:
    for part in (model,) if assistant is None else (model, assistant):
        for method in ("make_cache", "forward"):
            if not callable(getattr(part, method, None)):
                what = f"generate: {type(part).__name__} has no method {method!r} of the cache protocol"
                raise ArgumentTypeError(f"{what}; see fnn.text.cache")
    if width > 1 and callback is not None:
        raise ArgumentError(f"generate: callback must be None with num_beams > 1, got {callback!r}")
    if assistant is not None:
        if width > 1:
            raise ArgumentError(f"generate: assistant_model must be None with num_beams > 1, got {width} beams")
        if callable(getattr(model, "encode", None)) != callable(getattr(assistant, "encode", None)):
            raise ArgumentError(
                f"generate: assistant_model must have an encoder if the model has one, and only then; got "
                f"{type(assistant).__name__} for {type(model).__name__}"
            )


def _check_source(inputs: Inputs, processors: dict[str, Any]) -> None:
    if inputs.source is not None and not (inputs.source.ndim == 2 and inputs.source.dtype.kind in "iu"):
        asked = [name for name in processors if name.startswith("encoder_")]
        if asked:
            raise ArgumentError(f"generate: {asked[0]} needs an encoder of tokens")
