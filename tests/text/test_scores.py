"""What is done to scores before a token is chosen is what transformers' logits processors do."""

import functools

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import jax

import fnn
from fnn.text.generation._processors import Context
from fnn.text.generation._scores import ORDER, processed
from fnn.text.generation._settings import Settings
from tests.text.oracle import torch, transformers

V, LENGTH, MADE, ROOM = 23, 9, 4, 3
ENDS = [2, 7]
_DEFAULTS = dict(
    max_new_tokens=MADE + 1, max_length=None, min_new_tokens=0, min_length=0, do_sample=True, temperature=1.0,
    top_k=None, top_p=None, min_p=None, typical_p=None, epsilon_cutoff=0.0, eta_cutoff=0.0, repetition_penalty=1.0,
    encoder_repetition_penalty=1.0, no_repeat_ngram_size=0, encoder_no_repeat_ngram_size=0, bad_words_ids=None,
    sequence_bias=None, exponential_decay_length_penalty=None, forced_bos_token_id=None, forced_eos_token_id=None,
    renormalize_logits=False, num_beams=1, length_penalty=1.0, early_stopping=False, num_return_sequences=1,
    num_assistant_tokens=1, max_time=None,
)  # fmt: skip

# How the argument of `generate` is given, and transformers' class for it.
_P = transformers.generation.logits_process
CASES = {
    "temperature": (dict(temperature=0.7), lambda **_: _P.TemperatureLogitsWarper(0.7)),
    "top_k": (dict(top_k=5), lambda **k: _P.TopKLogitsWarper(5, **k)),
    "top_p": (dict(top_p=0.8), lambda **k: _P.TopPLogitsWarper(0.8, **k)),
    "top_p-little": (dict(top_p=0.05), lambda **k: _P.TopPLogitsWarper(0.05, **k)),
    "min_p": (dict(min_p=0.2), lambda **k: _P.MinPLogitsWarper(0.2, **k)),
    "typical_p": (dict(typical_p=0.6), lambda **k: _P.TypicalLogitsWarper(0.6, **k)),
    "typical_p-little": (dict(typical_p=0.1), lambda **k: _P.TypicalLogitsWarper(0.1, **k)),
    "epsilon_cutoff": (dict(epsilon_cutoff=0.04), lambda **k: _P.EpsilonLogitsWarper(0.04, **k)),
    "epsilon_cutoff-all": (dict(epsilon_cutoff=0.99), lambda **k: _P.EpsilonLogitsWarper(0.99, **k)),
    "eta_cutoff": (dict(eta_cutoff=0.1), lambda **k: _P.EtaLogitsWarper(0.1, **k)),
    "renormalize_logits": (dict(renormalize_logits=True), lambda **_: _P.LogitNormalization()),
    "repetition_penalty": (dict(repetition_penalty=1.4), lambda **_: _P.RepetitionPenaltyLogitsProcessor(
        1.4, prompt_ignore_length=torch.tensor([2, 0]))),
    "encoder_repetition_penalty": (dict(encoder_repetition_penalty=1.4),
        lambda **_: _P.EncoderRepetitionPenaltyLogitsProcessor(1.4, texts()[:, :LENGTH])),
    "encoder_no_repeat_ngram_size": (dict(encoder_no_repeat_ngram_size=2),
        lambda **_: _P.EncoderNoRepeatNGramLogitsProcessor(2, texts()[:, :LENGTH])),
    "bad_words_ids": (dict(bad_words_ids=[[4], [5, 11], [3, 5, 12], [2], list(range(20))]),
        lambda **_: _P.NoBadWordsLogitsProcessor([[4], [5, 11], [3, 5, 12], [2], list(range(20))], ENDS)),
    "sequence_bias": (dict(sequence_bias=[[[4], 1.5], [[5, 11], -2.0], [[3, 5, 11], -1.0], [[6, 5, 1], 9.0]]),
        lambda **_: _P.SequenceBiasLogitsProcessor([[[4], 1.5], [[5, 11], -2.0], [[3, 5, 11], -1.0],
                                                    [[6, 5, 1], 9.0]])),
    "min_length": (dict(min_length=LENGTH + MADE + 1, max_new_tokens=9), lambda **_: _P.MinLengthLogitsProcessor(
        LENGTH + MADE + 1, ENDS)),
    "min_length-reached": (dict(min_length=LENGTH + MADE), lambda **_: _P.MinLengthLogitsProcessor(
        LENGTH + MADE, ENDS)),
    "min_new_tokens": (dict(min_new_tokens=MADE + 1), lambda **_: _P.MinNewTokensLengthLogitsProcessor(
        LENGTH, MADE + 1, ENDS)),
    "forced_eos_token_id": (dict(forced_eos_token_id=[7, 9]), lambda **_: _P.ForcedEOSTokenLogitsProcessor(
        LENGTH + MADE + 1, [7, 9])),
    "exponential_decay_length_penalty": (dict(exponential_decay_length_penalty=(1, 1.3)),
        lambda **_: _P.ExponentialDecayLengthPenalty((1, 1.3), ENDS, LENGTH)),
}  # fmt: skip
CASES |= {
    f"no_repeat_ngram_size-{n}": (dict(no_repeat_ngram_size=n), lambda n=n, **_: _P.NoRepeatNGramLogitsProcessor(n))
    for n in (1, 2, 3, 4, 14)
}


@functools.cache
def texts():
    """Two texts that repeat themselves, the first behind two places of padding."""
    return torch.tensor([[0, 0, 3, 5, 11, 3, 5, 12, 4, 8, 9, 3, 5], [6, 5, 1, 13, 3, 5, 7, 2, 1, 13, 3, 5, 1]])


def scores_of(finite):
    scores = np.random.default_rng(0).standard_normal((2, V)).astype(np.float32) * 2
    if not finite:
        scores[:, [1, 20]] = -np.inf
    return scores


def ours(scores, how, beams=1):
    """The scores behind `texts`, which stand in wider arrays as in a program."""
    settings = Settings(**{**_DEFAULTS, **how, "num_beams": beams})
    wide = np.full((2, 5 + LENGTH + MADE + ROOM), 5, np.int32)
    wide[:, 5 : 5 + LENGTH + MADE] = texts().numpy()
    there = np.ones(wide.shape, bool)
    there[:, :5], there[0, 5:7], there[:, -ROOM:] = False, False, False

    @jax.jit
    def run(scores, processors):
        context = Context(
            wide, there, 5, 5 + LENGTH + MADE, MADE, np.int32(settings.most(LENGTH)), np.asarray(ENDS, np.int32),
            wide[:, : 5 + LENGTH], (5, 5 + LENGTH), len(ENDS) + 1 if beams > 1 else 1,
        )  # fmt: skip
        return processed(scores, context, processors)

    return np.asarray(run(scores, settings.processors(LENGTH, ENDS, V)))


@pytest.mark.parametrize("case", CASES)
def test_scores_equal_transformers(case):
    how, make = CASES[case]
    assert case.partition("-")[0] in ORDER or case.startswith("min_length")
    scores = scores_of(finite="renormalize" in case)
    for beams, kept in ((1, 1), (2, len(ENDS) + 1)) if "cutoff" in case or "_p" in case[:9] else ((1, 1),):
        theirs = make(min_tokens_to_keep=kept)(texts(), torch.tensor(scores)).numpy()
        np.testing.assert_allclose(ours(scores, how, beams), theirs, rtol=2e-6, atol=2e-6)
    changed = ~np.isclose(theirs, scores, equal_nan=True)
    assert changed.any() == (case not in ("min_length-reached", "no_repeat_ngram_size-4", "no_repeat_ngram_size-14"))


def test_all_at_once_in_order():
    """The distribution that tokens are drawn from is transformers', whose order matters."""
    how = dict(
        repetition_penalty=1.4, no_repeat_ngram_size=3, bad_words_ids=[[4]], temperature=1.7, top_k=12, top_p=0.9,
        min_p=0.02, typical_p=0.95, sequence_bias=[[[9], 1.5]], renormalize_logits=True,
    )  # fmt: skip
    config = transformers.GenerationConfig(**how, do_sample=True, eos_token_id=ENDS, max_length=14)
    config._eos_token_tensor = torch.tensor(ENDS)
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=V, n_embd=2, n_layer=1, n_head=1))
    mask = torch.ones(2, LENGTH, dtype=torch.long)
    mask[0, :2] = 0
    steps = model._get_logits_processor(config, LENGTH, texts()[:, :LENGTH], model_kwargs={"attention_mask": mask})
    scores = scores_of(finite=True)
    theirs = steps(texts(), torch.tensor(scores)).softmax(-1).numpy()
    found = np.asarray(jax.nn.softmax(ours(scores, how)))
    np.testing.assert_allclose(found, theirs, atol=1e-6)
    assert np.array_equal(found > 0, theirs > 0) and (found == 0).any()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"bad_words_ids": [[1, V]]}, f"bad_words_ids: tokens must be below the vocabulary's size, {V}, got "),
        ({"bad_words_ids": []}, r"bad_words_ids must not be empty, got \[\]"),
        ({"sequence_bias": {(): 1.0}}, "sequence_bias: no sequence may be empty"),
        ({"sequence_bias": [[1]]}, "sequence_bias must map sequences to numbers"),
        ({"max_length": LENGTH, "max_new_tokens": None}, "max_length must be above the length of what there is, 9"),
        ({"max_length": 40}, r"give max_new_tokens or max_length, not both, got \(5, 40\)"),
        ({"no_repeat_ngram_size": -1}, "no_repeat_ngram_size must be an int from 0 on, got -1"),
        ({"typical_p": 0.0}, r"typical_p must be in \(0, 1\], got 0.0"),
        ({"eta_cutoff": 1.0}, r"eta_cutoff must be in \[0, 1\), got 1.0"),
        ({"do_sample": False, "typical_p": 0.5}, "typical_p need do_sample=True, got False"),
        ({"exponential_decay_length_penalty": (1,)}, r"must be \(start, factor\), got \(1,\)"),
    ],
)
def test_errors(how, message):
    with pytest.raises(fnn.ArgumentError, match=message):
        settings = Settings(**{**_DEFAULTS, **how})
        settings.most(LENGTH)
        settings.processors(LENGTH, ENDS, V)
