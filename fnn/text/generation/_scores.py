"""What is done to the logits of the next token before one is chosen, in transformers' order."""

from __future__ import annotations

from collections.abc import Callable

import jax

from fnn.text.generation import _processors as processors
from fnn.text.generation import _warpers as warpers
from fnn.text.generation._processors import Context

# By the names of the arguments of `generate`; the first are applied first.
ORDER: dict[str, Callable[..., jax.Array]] = {
    "sequence_bias": processors.sequence_bias,
    "encoder_repetition_penalty": processors.encoder_repetition_penalty,
    "repetition_penalty": processors.repetition_penalty,
    "no_repeat_ngram_size": processors.no_repeat_ngram_size,
    "encoder_no_repeat_ngram_size": processors.encoder_no_repeat_ngram_size,
    "bad_words_ids": processors.sequence_bias,
    "min_new_tokens": processors.min_new_tokens,
    "forced_bos_token_id": processors.forced_bos_token_id,
    "forced_eos_token_id": processors.forced_eos_token_id,
    "exponential_decay_length_penalty": processors.exponential_decay_length_penalty,
    "suppress_tokens": processors.suppress_tokens,
    "begin_suppress_tokens": processors.begin_suppress_tokens,
    "temperature": warpers.temperature,
    "top_k": warpers.top_k,
    "top_p": warpers.top_p,
    "min_p": warpers.min_p,
    "typical_p": warpers.typical_p,
    "epsilon_cutoff": warpers.epsilon_cutoff,
    "eta_cutoff": warpers.eta_cutoff,
    "renormalize_logits": warpers.renormalize_logits,
}


def processed(scores: jax.Array, context: Context, acting: dict[str, tuple[jax.Array, ...]]) -> jax.Array:
    """The scores (N, V) that remain; tokens that are ruled out have minus infinity.

    Args:
        scores: (N, V), float32.
        context: the texts.
        acting: by name the numbers of what is done.
    """
    for name, process in ORDER.items():
        if name in acting:
            scores = process(scores, context, *acting[name])
    return scores
