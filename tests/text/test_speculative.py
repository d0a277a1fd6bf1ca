"""Tokens that an assistant proposes are checked so that nothing changes but the time."""

import numpy as np
import pytest

import fnn
from fnn import nn, text
from tests.extent import ALL


def made(seed, size, **more):
    fnn.manual_seed(seed)
    config = text.GPT2Config(
        vocab_size=8, n_positions=64, n_embd=size, n_layer=1, n_head=2, initializer_range=0.6, pad_token_id=0,
        eos_token_id=None, **more,
    )  # fmt: skip
    return text.GPT2LMHeadModel(config).eval()


@pytest.fixture(scope="module")
def model():
    return made(0, 16)


@pytest.fixture(scope="module")
def assistant():
    return made(1, 4)


def test_greedy_tokens_are_the_models_own(model, assistant):
    """Of texts with padding, that end at different steps, penalised, up to the last position of the model."""
    rng = np.random.default_rng(0)
    how = {"eos_token_id": [3, 7], "repetition_penalty": 1.2, "no_repeat_ngram_size": 3}
    lengths, rounds = set(), 0
    for n in range(6):
        ids = rng.integers(1, 8, (2, 5 if n else 44))
        ids[0, :2] = 0
        plain = np.asarray(fnn.generate(model, ids, max_new_tokens=20, **how))
        told = []
        found = np.asarray(
            fnn.generate(
                model, ids, max_new_tokens=20, assistant_model=assistant, num_assistant_tokens=3, callback=told.append,
                **how,
            )
        )  # fmt: skip
        assert np.array_equal(found, plain)
        assert np.array_equal(np.stack(told, 1), plain[:, ids.shape[1] :])
        lengths.add(found.shape[1] - ids.shape[1])
        rounds += len(told)
    assert len(lengths) > 1 and rounds > 12

    stopped = fnn.generate(
        model, ids, max_new_tokens=20, assistant_model=assistant, num_assistant_tokens=3,
        callback=lambda tokens: True, **how,
    )  # fmt: skip
    assert np.array_equal(stopped, plain[:, : ids.shape[1] + 1])


def whisper(seed, size):
    fnn.manual_seed(seed)
    config = text.WhisperConfig(
        vocab_size=20, d_model=size, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=9, decoder_ffn_dim=9, num_mel_bins=4, max_source_positions=4,
        max_target_positions=21, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1, init_std=0.5,
    )  # fmt: skip
    return text.WhisperForConditionalGeneration(config).eval()


def t5(seed, size, vocabulary):
    fnn.manual_seed(seed)
    config = text.T5Config(
        vocab_size=vocabulary, d_model=size, d_kv=4, d_ff=9, num_layers=1, num_heads=2, decoder_start_token_id=0,
        initializer_range=0.6,
    )  # fmt: skip
    return text.T5ForConditionalGeneration(config).eval()


@pytest.mark.skipif(not ALL, reason="FNN_TEST_ALL=1 runs it")
def test_encoders():
    """Up to the last position of Whisper's decoder; with vocabularies that are rounded up differently."""
    rng = np.random.default_rng(0)
    ids, mask = rng.integers(2, 20, (2, 8)), np.ones((2, 8), int)
    mask[0, 4:] = 0
    sounds = rng.standard_normal((2, 4, 8)).astype(np.float32)
    for model, assistant, given, how in (
        (whisper(0, 8), whisper(1, 4), (sounds,), {"max_length": 21, "repetition_penalty": 1.2}),
        (t5(0, 8, 20), t5(1, 4, 23), (ids, mask), {"eos_token_id": [1, 5], "encoder_repetition_penalty": 1.5}),
        (t5(0, 8, 20), t5(1, 4, 19), (ids, mask), {"eos_token_id": None}),
    ):
        plain = np.asarray(fnn.generate(model, *given, **how))
        found = fnn.generate(model, *given, assistant_model=assistant, num_assistant_tokens=3, **how)
        assert np.array_equal(found, plain) and plain.shape[1] > 4


def test_draws_have_the_models_distribution(model, assistant):
    """A chi-square test of pairs of tokens."""
    ids, count = np.array([[1, 5, 3]]), 20_000
    fnn.manual_seed(0)
    drawn = np.asarray(
        fnn.generate(
            model, ids, do_sample=True, temperature=1.7, top_k=5, num_return_sequences=count, max_new_tokens=3,
            eos_token_id=None, assistant_model=assistant, num_assistant_tokens=2,
        )
    )[:, 3:]  # fmt: skip

    # of the last two tokens given the commonest first one, so that drafts, replacements and the token behind are tested
    first = int(np.argmax(np.bincount(drawn[:, 0])))
    pairs = drawn[drawn[:, 0] == first][:, 1:]
    texts = np.array([[*ids[0], first, n] for n in range(8)])
    logits = np.asarray(fnn.jit(lambda model, ids: model(ids).logits)(model, texts), np.float64)[:, 2:] / 1.7
    logits[logits < np.sort(logits, -1)[..., -5:-4]] = -np.inf
    share = np.exp(logits - logits.max(-1, keepdims=True))
    share /= share.sum(-1, keepdims=True)
    second, third = share[0, 1], share[:, 2]
    expected = len(pairs) * second[:, None] * third
    found = np.zeros((8, 8))
    np.add.at(found, (pairs[:, 0], pairs[:, 1]), 1)
    assert np.all(found[expected == 0] == 0) and len(pairs) > 2000
    common = expected > 5
    squares = ((found - expected)[common] ** 2 / expected[common]).sum()
    freedom = common.sum() - 1
    assert abs(squares - freedom) < 4 * np.sqrt(2 * freedom), (squares, freedom)
    shares = np.bincount(drawn[:, 0], minlength=8) / count
    np.testing.assert_allclose(shares, share[0, 0], atol=4 * np.sqrt(0.25 / count))


def test_errors(model, assistant):
    ids = np.array([[1, 2]])
    with pytest.raises(fnn.ArgumentError, match=r"assistant_model must be None with num_beams > 1, got 2 beams"):
        fnn.generate(model, ids, num_beams=2, assistant_model=assistant)
    with pytest.raises(fnn.ArgumentError, match=r"num_assistant_tokens must be a positive int, got 0"):
        fnn.generate(model, ids, assistant_model=assistant, num_assistant_tokens=0)
    with pytest.raises(fnn.ArgumentTypeError, match=r"Linear has no method 'make_cache'"):
        fnn.generate(model, ids, assistant_model=nn.Linear(2, 2))
    config = text.T5Config(vocab_size=8, d_model=4, d_kv=2, d_ff=4, num_layers=1, num_heads=2)
    with pytest.raises(fnn.ArgumentError, match=r"assistant_model must have an encoder if the model has one"):
        fnn.generate(model, ids, assistant_model=text.T5ForConditionalGeneration(config))
