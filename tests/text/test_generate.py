"""`fnn.generate` makes transformers' tokens, in one program."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import jax

import fnn
from fnn import nn, text
from tests.extent import ALL
from tests.text.oracle import CASES, folder_of, torch, transformers

# Every generative architecture, with what its attention may differ in.
MODELS = [
    "GPT2LMHeadModel", "T5ForConditionalGeneration", "LlamaForCausalLM", "LlamaForCausalLM-llama3",
    "MistralForCausalLM", "Qwen2ForCausalLM-window", "Qwen3ForCausalLM", "GemmaForCausalLM", "Gemma2ForCausalLM",
    "Gemma3ForCausalLM", "T5ForConditionalGeneration-gated", "WhisperForConditionalGeneration",
]  # fmt: skip
WAYS = {
    "greedy": {},
    "beams": {"num_beams": 3, "num_return_sequences": 2},
    "penalties": {"repetition_penalty": 1.3, "min_new_tokens": 4, "no_repeat_ngram_size": 2},
    "early": {"num_beams": 3, "early_stopping": True, "length_penalty": 2.0, "no_repeat_ngram_size": 3,
              "bad_words_ids": [[5], [6, 7], [8, 9, 10], [2]], "min_length": 11},
    "never": {"num_beams": 2, "early_stopping": "never", "length_penalty": -0.5, "renormalize_logits": True,
              "sequence_bias": {(4,): 2.0, (11, 12): -3.0, (13,): 1.5}},
    "encoder": {"encoder_repetition_penalty": 1.5, "encoder_no_repeat_ngram_size": 2, "forced_eos_token_id": 7,
                "exponential_decay_length_penalty": (3, 1.2), "no_repeat_ngram_size": 1},
    "forced": {"begin_suppress_tokens": [4, 5, 6, 20], "suppress_tokens": [30, 31, 32], "forced_bos_token_id": 9},
}  # fmt: skip
ENDS = [2, 7, 9, 16, 23, 30]
PAIRS = [(model, way) for model in MODELS for way in WAYS]
SCALES = {"T5ForConditionalGeneration-gated": 2.0}  # of weights; at 3 hypotheses of beams tie
CONSTANT = ("WhisperForConditionalGeneration", "LlamaForCausalLM-llama3")  # so small that they soon repeat one token
DEFAULT = [("GPT2LMHeadModel", "early"), ("GPT2LMHeadModel", "penalties"), ("T5ForConditionalGeneration", "greedy")]


_compiled = [0]  # how many programs were compiled so far


def _counted(event, duration, **_):
    if event == "/jax/core/compile/backend_compile_duration":
        _compiled[0] += 1


jax.monitoring.register_event_duration_secs_listener(_counted)


def prompts(case, count, seed=0):
    """Inputs with their masks: texts with padding on the left, or sounds."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        if case.startswith("Whisper"):
            yield rng.standard_normal((2, 8, 32)).astype(np.float32), None
            continue
        length = int(rng.integers(3, 20))
        ids, mask = rng.integers(3, 50, (2, length)), np.ones((2, length), np.int64)
        mask[0, : rng.integers(0, length - 1)] = 0
        yield ids, mask


@pytest.mark.parametrize(("case", "way"), PAIRS if ALL else DEFAULT)
def test_tokens_equal_transformers(case, way):
    """Of 20 prompts (6 by default), for which two programs at most are compiled."""
    folder = folder_of(case, SCALES.get(case, 3.0))
    reference = getattr(transformers, CASES[case][0]).from_pretrained(folder).eval()
    model = text.from_pretrained(folder)
    how = {"max_new_tokens": 10, "eos_token_id": ENDS, "pad_token_id": 0, **WAYS[way]}
    if case.startswith("Whisper"):
        how = {name: value for name, value in how.items() if not name.startswith("encoder_")}
    ended = 0
    for n, (ids, mask) in enumerate(prompts(case, 20 if ALL else 6)):
        given = {} if mask is None else {"attention_mask": torch.tensor(mask)}
        with torch.no_grad():  # not Whisper's own, which cuts long sounds into pieces and takes off the start token
            theirs = transformers.GenerationMixin.generate(
                reference, torch.tensor(ids), do_sample=False, **given, **how
            ).numpy()
        ours = np.asarray(fnn.generate(model, ids, mask, **how))
        assert np.array_equal(ours, theirs), (ids, ours, theirs)
        start = 1 if model.config.is_encoder_decoder else ids.shape[1]
        ended += int(np.isin(ours[:, start:-1], ENDS).any())  # and something stands behind
        if n == 1:
            before = _compiled[0]
    assert _compiled[0] == before
    assert ours.dtype == np.int32 and (ended or way != "greedy" or case in CONSTANT)


FILES = [
    ({"max_length": 24, "repetition_penalty": 1.3, "eos_token_id": 7, "pad_token_id": 0}, {}),
    ({"max_new_tokens": 6, "num_beams": 3, "length_penalty": 2.0, "eos_token_id": None}, {"num_return_sequences": 2}),
    ({"max_length": 90, "num_beams": 3, "eos_token_id": [2, 7]}, {"max_new_tokens": 5, "num_beams": 1}),
    ({"do_sample": True, "temperature": 0.2, "top_p": 0.5, "max_new_tokens": 4}, {"do_sample": False}),
]  # fmt: skip


@pytest.mark.parametrize(("file", "call"), FILES)
def test_what_a_call_leaves_out_is_the_files(tmp_path, file, call):
    reference = transformers.GPT2LMHeadModel.from_pretrained(folder_of("GPT2LMHeadModel", 3.0)).eval()
    reference.generation_config = transformers.GenerationConfig(**file)
    reference.save_pretrained(tmp_path)
    model = text.from_pretrained(tmp_path)
    ids = np.array([[5, 6, 7, 8]])
    theirs = reference.generate(torch.tensor(ids), **call).numpy()
    assert np.array_equal(fnn.generate(model, ids, **call), theirs)
    model.generation_config = {**file, "guidance_scale": 2.0}
    with pytest.warns(UserWarning, match="generation_config sets guidance_scale=2.0") as told:
        fnn.generate(model, ids, **call)
    assert told[0].filename == __file__


def test_whispers_prompt_says_language_and_task():
    """With it the tokens are those of Whisper's own method, which takes the prompt off."""
    case = "WhisperForConditionalGeneration"
    reference = getattr(transformers, case).from_pretrained(folder_of(case, 3.0)).eval()
    model = text.from_pretrained(folder_of(case, 3.0))
    said = {
        "lang_to_id": {"<|en|>": 40, "<|de|>": 41}, "task_to_id": {"transcribe": 42, "translate": 43},
        "no_timestamps_token_id": 44, "is_multilingual": True, "decoder_start_token_id": 1,
    }  # fmt: skip
    for name, value in said.items():
        setattr(reference.generation_config, name, value)
    model.generation_config = said
    features, _ = next(prompts(case, 1))
    sounds, how = torch.tensor(features), {"max_new_tokens": 8, "eos_token_id": ENDS, "pad_token_id": 0}
    detected = model.detect_language(features)
    assert np.array_equal(detected, reference.detect_language(sounds).numpy())
    for language, task in (("de", "translate"), (["en", "de"], "transcribe"), (None, "transcribe")):
        with torch.no_grad():
            theirs = reference.generate(sounds, language=language, task=task, do_sample=False, **how).numpy()
        begin = model.prompt_ids(detected if language is None else language, task)
        begin = np.broadcast_to(begin, (2, 4))
        ours = np.asarray(fnn.generate(model, features, decoder_input_ids=begin, **how))
        assert np.array_equal(ours[:, :4], begin)
        ours = ours[:, 4:]
        ours = np.where(np.isin(ours, ENDS), 0, ours)  # it takes the end off, too
        theirs = np.pad(theirs, ((0, 0), (0, ours.shape[1] - theirs.shape[1])))
        assert np.array_equal(ours, np.where(np.isin(theirs, ENDS), 0, theirs))
    assert model.prompt_ids("en", timestamps=True).tolist() == [[1, 40, 42]]
    for how, message in (
        ({"language": "fr"}, r"language must be one of <\|en\|>, <\|de\|>, got '<\|fr\|>'"),
        ({"language": "en", "task": "sing"}, "task must be one of transcribe, translate, got 'sing'"),
        ({}, "language must be given for a model that knows several"),
    ):
        with pytest.raises(fnn.ArgumentError, match=message):
            model.prompt_ids(**how)


@pytest.fixture(scope="module")
def model():
    config = text.GPT2Config(
        vocab_size=12, n_positions=200, n_embd=16, n_layer=1, n_head=2, initializer_range=0.6, pad_token_id=0,
        eos_token_id=None,
    )  # fmt: skip
    return text.GPT2LMHeadModel(config).eval()


def test_lengths_and_numbers_share_a_program(model):
    calls = [(5, 9), (7, 4), (30, 20), (16, 32)]
    for n, (length, new) in enumerate(calls):
        how = {"do_sample": True, "temperature": 1.5 + n, "top_k": n + 3, "top_p": 0.8 + 0.01 * n}
        assert fnn.generate(model, np.ones((1, length), int), max_new_tokens=new, **how).shape == (1, length + new)
        if n == 1:
            before = _compiled[0]
    assert _compiled[0] == before


def test_draws_follow_the_distribution(model):
    ids, temperature = np.array([[1, 5, 3]]), 1.7
    logits = np.asarray(model(ids).logits[0, -1], np.float64) / temperature
    order = np.argsort(-logits)
    kept = order[:6]
    share = np.exp(logits[kept] - logits[kept].max())
    share /= share.sum()
    keep = (np.cumsum(share) - share) < 0.9
    expected = np.zeros(12)
    expected[kept[keep]] = share[keep] / share[keep].sum()
    fnn.manual_seed(0)
    drawn = fnn.generate(
        model, ids, do_sample=True, temperature=temperature, top_k=6, top_p=0.9, num_return_sequences=4000,
        max_new_tokens=1,
    )[:, -1]  # fmt: skip
    found = np.bincount(np.asarray(drawn), minlength=12) / 4000
    assert np.all(found[expected == 0] == 0)
    np.testing.assert_allclose(found, expected, atol=4 * np.sqrt(0.25 / 4000))


def test_tokens_are_told_as_they_are_made(model):
    told = []
    ids = np.array([[3, 4, 5], [0, 6, 7]])
    made = np.asarray(fnn.generate(model, ids, max_new_tokens=6, callback=told.append))
    assert np.array_equal(np.stack(told, 1), made[:, 3:])
    short = fnn.generate(model, ids, max_new_tokens=6, callback=lambda tokens: len(told) and True)
    assert np.array_equal(short, made[:, :4])

    def fails(tokens):
        raise KeyError("mine")

    with pytest.raises(KeyError, match=r"mine"):
        fnn.generate(model, ids, max_new_tokens=6, callback=fails)


def test_the_time_is_bounded(model):
    """Transformers, too, makes one token where there is no time at all."""
    told, ids = [], np.array([[3, 4, 5], [0, 6, 7]])
    made = fnn.generate(model, ids, max_new_tokens=6)
    assert np.array_equal(fnn.generate(model, ids, max_new_tokens=6, max_time=1000.0), made)
    short = fnn.generate(model, ids, max_new_tokens=6, max_time=1e-9, callback=told.append)
    assert np.array_equal(short, made[:, :4]) and np.array_equal(told, [made[:, 3]])
    assert fnn.generate(model, ids, max_new_tokens=6, max_time=1000.0, callback=lambda tokens: True).shape[1] == 4


def test_the_end_is_padded_and_tokens_are_suppressed(model):
    ids = np.array([[3, 4, 5]])
    free = np.asarray(fnn.generate(model, ids, max_new_tokens=8))[0, 3:]
    end = int(free[2])
    first = int(np.argmax(free == end))
    stopped = np.asarray(fnn.generate(model, np.concatenate((ids, ids)), max_new_tokens=8, eos_token_id=end))
    assert stopped.shape[1] == 3 + first + 1 and stopped[0, -1] == end
    without = np.asarray(fnn.generate(model, ids, max_new_tokens=8, suppress_tokens=[end]))
    assert end not in without[0, 3:]


class Counter(nn.Module):
    """The smallest model with the cache protocol: the next token is the sum of all, modulo 10."""

    def __init__(self):
        super().__init__()
        self.one = nn.Parameter(np.ones((), np.float32))

    def make_cache(self, batch_size, length):
        return text.KVCache(1, (batch_size, 1, length, 1))

    def forward(self, input_ids, attention_mask, position_ids, cache):
        n, length = input_ids.shape
        values = (input_ids * self.one.data).reshape(n, 1, length, 1)
        _, kept = cache.update(0, values, values)
        cache.advance(length)
        total = (kept[:, 0, :, 0] * attention_mask).sum(1) % 10
        logits = -abs(np.arange(10)[None, None] - total[:, None, None])
        return text.outputs.LMOutput(logits=logits)


def test_any_module_with_the_protocol_generates():
    ids = np.array([[1, 2], [3, 4]])
    assert fnn.generate(Counter(), ids, max_new_tokens=4, pad_token_id=None).tolist() == [
        [1, 2, 3, 6, 2, 4], [3, 4, 7, 4, 8, 6],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens must be a positive int, got 0"),
        ({"temperature": 0.5}, "temperature need do_sample=True, got False"),
        ({"do_sample": True, "temperature": 0.0}, "temperature must be positive"),
        ({"num_return_sequences": 2}, "num_return_sequences > 1 needs do_sample=True or num_beams > 1"),
        ({"num_beams": 2, "num_return_sequences": 3}, "num_return_sequences must be at most num_beams=2"),
        ({"num_beams": 2, "callback": print}, "callback must be None with num_beams > 1"),
        ({"num_beams": 2, "max_time": 1.0}, "max_time must be None with num_beams > 1, got 1.0"),
        ({"max_time": 0}, "max_time must be positive, got 0"),
        ({"attention_mask": np.array([[1, 1, 0]])}, "pad shorter texts on the left"),
        ({"decoder_input_ids": np.ones((1, 1))}, "has no encoder"),
        ({"eos_token_id": -1}, "eos_token_id must be tokens, got -1"),
    ],
)
def test_errors(model, how, message):
    with pytest.raises(fnn.ArgumentError, match=message):
        fnn.generate(model, np.array([[3, 4, 5]]), **how)


def test_a_module_without_the_protocol_is_refused():
    with pytest.raises(fnn.ArgumentTypeError, match=r"Linear has no method 'make_cache' of the cache protocol"):
        fnn.generate(nn.Linear(2, 2), [[1]])
