"""Strings that end a text: where transformers ends it, for every kind of tokenizer."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("tokenizers")

import tokenizers

import fnn
from fnn import text
from fnn.text.generation._inputs import Inputs
from fnn.text.generation._stopping import stops_of
from tests.extent import ALL
from tests.text.oracle import torch, transformers

LINES = ["stop here, stopped ünï 12", "the stopper is a top spot", "so it stops: no more st op", "ab cab dabs ß"]
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"]
decoders, models, pre = tokenizers.decoders, tokenizers.models, tokenizers.pre_tokenizers


def _byte_level():
    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = pre.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=340, special_tokens=SPECIAL, show_progress=False, initial_alphabet=pre.ByteLevel.alphabet()
    )
    made.train_from_iterator(LINES * 3, trainer)
    made.add_special_tokens(["<|a stop|>"])  # what the letters of bytes cannot write
    return made


def _byte_fallback():
    made = tokenizers.Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    made.pre_tokenizer = pre.Metaspace()
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    codes = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=340, special_tokens=SPECIAL + codes, show_progress=False)
    made.train_from_iterator(LINES * 3, trainer)
    return made


def _word_piece():
    made = tokenizers.Tokenizer(models.WordPiece(unk_token="<unk>"))
    made.pre_tokenizer, made.decoder = pre.Whitespace(), decoders.WordPiece()
    trainer = tokenizers.trainers.WordPieceTrainer(vocab_size=120, special_tokens=SPECIAL, show_progress=False)
    made.train_from_iterator([*LINES * 3, "abcdef"], trainer)
    return made


def _words():
    words = sorted({word for line in [*LINES, "abcdef"] for word in line.split()})
    vocabulary = {word: n for n, word in enumerate(SPECIAL + words)}
    made = tokenizers.Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = pre.WhitespaceSplit()
    return made


KINDS = {"byte_level": _byte_level, "byte_fallback": _byte_fallback, "word_piece": _word_piece, "words": _words}


def _both(kind):
    backend = KINDS[kind]()
    return text.Tokenizer(backend), transformers.PreTrainedTokenizerFast(tokenizer_object=backend)


STRINGS = [
    "stop",
    ["op s"],
    ["st", "top"],
    [" ", "ü"],
    ["aba", "ab"],
    ["e, st", "s: n", "ß"],
    ["here", "is a top"],
    ["<s>"],
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_finds_what_transformers_criterion_finds(kind):
    """At the end of each beginning of random texts and of real ones; 0 is a token, also where it pads."""
    ours, theirs = _both(kind)
    draws, size = np.random.default_rng(0), len(ours)
    letters = ours.encode("stop ab top", add_special_tokens=False)
    rows = [draws.integers(0, size + 3, 60), draws.choice(letters, 60), np.resize(ours.encode(" ".join(LINES)), 60)]
    ids = np.asarray(rows)
    completed = 0
    for strings in STRINGS:
        try:
            criterion = transformers.StopStringCriteria(theirs, strings)
        except ValueError:
            with pytest.raises(fnn.ArgumentError, match="no token of the tokenizer can complete one of stop_strings"):
                stops_of(strings, ours, Inputs(ids, ids >= 0, 60))
            continue
        expected = np.stack([criterion(torch.tensor(ids[:, : n + 1]), None).numpy() for n in range(60)], 1)
        stops = stops_of(strings, theirs if strings == "stop" else ours, Inputs(ids, ids >= 0, 0))
        state, found = stops.behind_prompts(3), []
        for column in ids.T:
            state, hit = stops.after(state, column)
            found.append(np.asarray(hit))
        np.testing.assert_array_equal(np.stack(found, 1), expected, err_msg=str(strings))
        later = stops_of(strings, ours, Inputs(ids, ids >= 0, 60))
        np.testing.assert_array_equal(np.asarray(later.begin), np.asarray(state))
        completed += expected.sum()
    assert completed > 10


WAYS = {
    "greedy": {},
    "ends": {"eos_token_id": [5, 9, 11], "pad_token_id": 0},
    "beams": {"num_beams": 3, "eos_token_id": [5, 9, 11], "pad_token_id": 0},
    "endless beams": {"num_beams": 2, "num_return_sequences": 2, "early_stopping": True},
}


@pytest.fixture(scope="module", params=KINDS if ALL else ["byte_level"])
def pair(request, tmp_path_factory):
    ours, theirs = _both(request.param)
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=len(ours) + 2, n_embd=32, n_layer=1, n_head=4, n_positions=64, initializer_range=0.4,
        bos_token_id=None, eos_token_id=None, pad_token_id=0,
    )  # fmt: skip
    reference = transformers.GPT2LMHeadModel(config).eval()
    folder = tmp_path_factory.mktemp("model")
    reference.save_pretrained(folder)
    return text.from_pretrained(folder), reference, ours, theirs


@pytest.mark.parametrize("way", WAYS)
def test_texts_end_where_transformers_ends_them(pair, way):
    """Strings are taken from what is made without: of the middle of one text, and a letter and two of others."""
    model, reference, ours, theirs = pair
    draws, shorter = np.random.default_rng(1), 0
    how = {"max_new_tokens": 16, "do_sample": False, **{"eos_token_id": None, "pad_token_id": 0}, **WAYS[way]}
    for n in range(20 if ALL else 4):
        length = int(draws.integers(3, 12))
        ids, mask = draws.integers(4, len(ours), (3, length)), np.ones((3, length), np.int64)
        mask[0, : n % 3] = 0
        ids = np.where(mask == 0, 0, ids)
        given = {"attention_mask": torch.tensor(mask)}
        free = reference.generate(torch.tensor(ids), **given, **how).numpy()
        made = [theirs.decode([token for token in row[length:] if token >= 0]) for row in free]
        made = ["".join(letter for letter in line if letter != "\ufffd") or "s" for line in made]
        strings = [line[len(line) // 2 :][: m + 1] or "s" for m, line in enumerate(made)][: 1 + n % 3]
        expected = reference.generate(torch.tensor(ids), **given, **how, stop_strings=strings, tokenizer=theirs).numpy()
        found = np.asarray(fnn.generate(model, ids, mask, **how, stop_strings=strings, tokenizer=ours))
        np.testing.assert_array_equal(found, expected, err_msg=str(strings))
        shorter += expected.shape[1] < free.shape[1] or not np.array_equal(expected, free)
    assert shorter


@pytest.mark.parametrize("way", ["greedy", "ends"])
def test_an_assistant_changes_nothing(pair, way):
    model, _, ours, _ = pair
    how = {"max_new_tokens": 16, "pad_token_id": 0, "eos_token_id": None, **WAYS[way]}
    ids = np.random.default_rng(2).integers(4, len(ours), (2, 5))
    written = [ours.decode(row[5:]).replace("\ufffd", "") for row in np.asarray(fnn.generate(model, ids, **how))]
    strings = [line[len(line) // 3] for line in written]
    how |= {"stop_strings": strings, "tokenizer": ours}
    alone = np.asarray(fnn.generate(model, ids, **how))
    together = fnn.generate(model, ids, **how, assistant_model=model, num_assistant_tokens=3)
    np.testing.assert_array_equal(np.asarray(together), alone)
    assert alone.shape[1] < 21


def test_strings_of_a_file(pair):
    """transformers, too, asks for the tokenizer then."""
    model, reference, ours, theirs = pair
    ids = np.random.default_rng(3).integers(4, len(ours), (1, 5))
    held = {"max_new_tokens": 16, "eos_token_id": None, "pad_token_id": 0, "stop_strings": ["a", "t"]}
    model.generation_config, reference.generation_config = held, transformers.GenerationConfig(**held)
    try:
        expected = reference.generate(torch.tensor(ids), tokenizer=theirs).numpy()
        np.testing.assert_array_equal(np.asarray(fnn.generate(model, ids, tokenizer=ours)), expected)
        with pytest.raises(fnn.ArgumentError, match=r"stop_strings=\['a', 't'\] need the model's tokenizer, got"):
            fnn.generate(model, ids)
    finally:
        model.generation_config = None


@pytest.mark.parametrize(
    ("strings", "tokenizer", "message"),
    [
        ("", "ours", "stop_strings must be strings of at least one character, got ''"),
        ([], "ours", r"stop_strings must be strings of at least one character, got \[\]"),
        (["a", 3], "ours", r"stop_strings must be strings of at least one character, got \['a', 3\]"),
        ("a", 7, "tokenizer must be a fnn.text.Tokenizer, or one that the tokenizers library .* got int"),
    ],
)
def test_errors(pair, strings, tokenizer, message):
    model, _, ours, _ = pair
    tokenizer = ours if tokenizer == "ours" else tokenizer
    with pytest.raises((fnn.ArgumentError, fnn.ArgumentTypeError), match=message):
        fnn.generate(model, [[5, 6]], stop_strings=strings, tokenizer=tokenizer)
