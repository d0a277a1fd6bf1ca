"""Tokens, padding and chats are transformers'."""

import json

import numpy as np
import pytest

pytest.importorskip("tokenizers")

import tokenizers

import fnn
from fnn import text

TEXTS = ["hello world", "the quick brown fox jumps", "fox", "ünïcödé 123 !?"]
TEMPLATE = (
    "{% for m in messages %}{% if m.role not in ['user', 'assistant'] %}{{ raise_exception('no ' + m.role) }}"
    "{% endif %}<{{ m['role'] }}>{{ m.content | trim }}{{ eos_token }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}{{ messages | tojson }}"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer")
    made = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=300, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "</s>"], show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    made.train_from_iterator(TEXTS * 3, trainer)
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.save(str(path / "tokenizer.json"))
    config = {
        "pad_token": "[PAD]", "eos_token": "</s>", "unk_token": "[UNK]", "chat_template": TEMPLATE,
        "model_max_length": 12, "tokenizer_class": "PreTrainedTokenizerFast", "padding_side": "left",
    }  # fmt: skip
    (path / "tokenizer_config.json").write_text(json.dumps(config))
    return path


def test_equals_transformers(folder, tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from tests.text.oracle import transformers

    theirs = transformers.PreTrainedTokenizerFast.from_pretrained(str(folder))
    ours = text.Tokenizer.from_pretrained(folder)
    ours.save_pretrained(tmp_path)
    for tokenizer in (ours, text.Tokenizer.from_pretrained(tmp_path)):
        for how in (
            {}, {"padding": True}, {"padding": "max_length"}, {"padding": True, "truncation": True, "max_length": 4},
            {"add_special_tokens": False}, {"padding": True, "padding_side": "right"},
        ):  # fmt: skip
            a, b = tokenizer(TEXTS, **how), theirs(TEXTS, **how, return_token_type_ids=True)
            for name in ("input_ids", "attention_mask", "token_type_ids"):
                assert a[name] == b[name], (how, name)
        pair = theirs("hello", "fox", return_token_type_ids=True)
        assert tokenizer("hello", "fox").token_type_ids == pair["token_type_ids"]
        ids = tokenizer(TEXTS).input_ids
        for skip in (False, True):
            assert tokenizer.batch_decode(ids, skip_special_tokens=skip) == theirs.batch_decode(
                ids, skip_special_tokens=skip
            )
        chat = [{"role": "user", "content": " hi <b> "}, {"role": "assistant", "content": "yo"}]
        for prompt in (False, True):
            how = {"add_generation_prompt": prompt}
            told = theirs.apply_chat_template(chat, tokenize=False, **how)
            assert tokenizer.apply_chat_template(chat, tokenize=False, **how) == told
            assert tokenizer.decode(tokenizer.apply_chat_template(chat, **how)) == told
    assert (ours.pad_token_id, ours.eos_token_id, ours.bos_token_id, len(ours)) == (0, 4, None, len(theirs))


def test_arrays(folder):
    tokenizer = text.Tokenizer.from_pretrained(folder)
    made = tokenizer(TEXTS, padding=True, return_tensors="np")
    assert made.input_ids.dtype == np.int32 and made.input_ids.shape == made.attention_mask.shape
    assert tokenizer(TEXTS[0], return_tensors="jax").input_ids.shape[0] == 1


def test_errors(folder, tmp_path):
    tokenizer = text.Tokenizer.from_pretrained(folder)
    with pytest.raises(fnn.ArgumentError, match=r"the chat template refuses: no system"):
        tokenizer.apply_chat_template([{"role": "system", "content": ""}])
    tokenizer.chat_template = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
    with pytest.raises(fnn.ArgumentError, match=r"unsafe"):
        tokenizer.apply_chat_template([])
    tokenizer.chat_template = None
    with pytest.raises(fnn.ArgumentError, match=r"the files have no chat_template"):
        tokenizer.apply_chat_template([])
    with pytest.raises(fnn.ArgumentError, match=r"several lengths make no array"):
        tokenizer(TEXTS, return_tensors="np")
    with pytest.raises(fnn.ArgumentError, match=r"padding must be a bool"):
        tokenizer(TEXTS, padding="all")
    del tokenizer.special["pad_token"]
    with pytest.raises(fnn.ArgumentError, match=r"padding needs a pad_token"):
        tokenizer(TEXTS, padding=True)
    with pytest.raises(fnn.ArgumentError, match=r"there is no tokenizer.json in"):
        text.Tokenizer.from_pretrained(tmp_path)
    with pytest.raises(fnn.ArgumentError, match=r"not the content of a tokenizer.json"):
        text.Tokenizer("{}")
