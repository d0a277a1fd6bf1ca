"""Every architecture and head gives what transformers gives, from its folder, and writes a folder that it reads."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import jax.numpy as jnp

import fnn
from fnn import text
from tests.extent import some
from tests.text.oracle import CASES, folder_of, inputs_of, model_of, to_torch, torch, transformers

_RENAMED = {"text_embeds": "embeds", "image_embeds": "embeds"}


def differences(ours, theirs, path=""):
    """The largest difference of each array of an output."""
    if isinstance(theirs, (tuple, list)):
        assert len(ours) == len(theirs), path
        found = {}
        for n, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            found |= differences(a, b, f"{path}[{n}]")
        return found
    if hasattr(theirs, "keys"):
        found = {}
        for name in theirs:
            if name in ("cache", "past_key_values") or theirs[name] is None:
                continue
            own = _RENAMED.get(name, name) if type(ours).__name__ == "CLIPEmbedsOutput" else name
            found |= differences(getattr(ours, own), theirs[name], f"{path}.{name}")
        return found
    assert tuple(ours.shape) == tuple(theirs.shape), path
    return {path: float(np.max(np.abs(np.asarray(ours) - theirs.detach().numpy())))}


@pytest.mark.parametrize("case", some(CASES, 12))
def test_output_equals_transformers(case, tmp_path):
    given = inputs_of(case)
    reference = getattr(transformers, CASES[case][0]).from_pretrained(folder_of(case)).eval()
    with torch.no_grad():
        theirs = reference(**to_torch(given), output_hidden_states=True)
    model = text.from_pretrained(folder_of(case))
    assert type(model).__name__ == CASES[case][0] and not model.training
    found = differences(model(**given, output_hidden_states=True), theirs)
    assert len(found) > 1 and max(found.values()) < 1e-5, found

    model.save_pretrained(tmp_path)
    back, info = getattr(transformers, CASES[case][0]).from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values()), info
    for name, value in reference.state_dict().items():
        assert torch.equal(back.state_dict()[name], value), name
    again = getattr(text, CASES[case][0]).from_pretrained(tmp_path)
    assert again.config.to_dict() == text.from_pretrained(tmp_path).config.to_dict()
    for name, value in model.state_dict().items():
        assert np.array_equal(again.state_dict()[name], value), name


# labels, and the heads that take them
_LABELLED = {
    "LlamaForCausalLM": {"labels": np.arange(18).reshape(2, 9) % 50},
    "BertForMaskedLM": {"labels": np.where(np.arange(18).reshape(2, 9) % 3, -100, 7)},
    "RobertaForSequenceClassification": {"labels": np.array([1, 0])},
    "DistilBertForQuestionAnswering": {"start_positions": np.array([1, 12]), "end_positions": np.array([3, 4])},
    "T5ForConditionalGeneration": {"labels": np.array([[5, 6, -100, 7]] * 2)},
    "WhisperForConditionalGeneration": {"labels": np.array([[5, 6, -100, 7]] * 2)},
    "CLIPModel": {"return_loss": True},
    "BertForPreTraining": {"labels": np.full((2, 9), 4), "next_sentence_label": np.array([0, 1])},
    "GPT2ForTokenClassification": {"labels": np.arange(18).reshape(2, 9) % 2},
    "ViTForImageClassification": {"labels": np.array([1, 0])},
    "GPT2DoubleHeadsModel": {
        "labels": np.arange(36).reshape(2, 2, 9) % 50,
        "mc_token_ids": np.array([[3, 8], [1, 0]]),
        "mc_labels": np.array([1, 0]),
    },
    "T5ForSequenceClassification": {"labels": np.array([1, 0])},
    "T5ForQuestionAnswering": {"start_positions": np.array([1, 2]), "end_positions": np.array([3, 4])},
    "DistilBertForMultipleChoice": {"labels": np.array([1, 0])},
    "WhisperForAudioClassification": {"labels": np.array([1, 0])},
}


@pytest.mark.parametrize("case", some(_LABELLED, 4))
def test_loss_and_gradients_equal_transformers(case):
    given = {n: v for n, v in inputs_of(case).items() if "labels" not in _LABELLED[case] or n != "decoder_input_ids"}
    given |= _LABELLED[case]
    reference = model_of(case)
    loss = reference(**to_torch(given)).loss
    loss.backward()
    model = text.from_pretrained(folder_of(case))
    ours, gradients = fnn.value_and_grad(lambda model: model(**given).loss)(model)
    np.testing.assert_allclose(ours, loss.item(), rtol=2e-6)
    theirs = {name: p.grad for name, p in reference.named_parameters() if p.grad is not None}
    compared = 0
    for name, gradient in gradients.items():
        if name in theirs:  # ViT's parameters have other names in memory than in files
            np.testing.assert_allclose(gradient, theirs[name].numpy(), rtol=1e-3, atol=2e-6, err_msg=name)
            compared += 1
    assert compared == len(theirs) or case.startswith("ViT")


def test_images_of_another_size_resample_the_positions():
    pixels = np.random.default_rng(0).standard_normal((1, 3, 24, 20)).astype(np.float32)
    for case in ("ViTModel", "CLIPVisionModelWithProjection"):
        reference, model = model_of(case), text.from_pretrained(folder_of(case))
        with torch.no_grad():
            theirs = reference(torch.tensor(pixels), interpolate_pos_encoding=True).last_hidden_state.numpy()
        ours = model(pixels, interpolate_pos_encoding=True).last_hidden_state
        np.testing.assert_allclose(ours, theirs, atol=2e-5)
        with pytest.raises(fnn.ArgumentError, match=r"Input image size"):
            model(pixels)


def test_a_cache_gives_what_the_whole_text_gives():
    model = text.from_pretrained(folder_of("MistralForCausalLM"))
    ids = inputs_of("MistralForCausalLM")["input_ids"]
    whole = model(ids).logits
    cache = model.make_cache(2, 12)
    parts = [model(ids[:, a:b], cache=cache).logits for a, b in ((0, 6), (6, 7), (7, 9))]
    np.testing.assert_allclose(jnp.concatenate(parts, 1), whole, atol=1e-5)
    assert int(cache.length) == 9
    with pytest.raises(fnn.ArgumentError, match=r"13 tokens do not fit into a cache of length 12"):
        model(np.ones((2, 13), np.int32), cache=cache)


def test_dropout_acts_in_training_only():
    model = text.BertModel(text.BertConfig(vocab_size=50, hidden_size=32, num_hidden_layers=1, num_attention_heads=4))
    ids = np.arange(6)[None]
    a, b = (np.asarray(model(ids).last_hidden_state) for _ in range(2))
    assert not np.allclose(a, b)
    model.eval()
    a, b = (np.asarray(model(ids).last_hidden_state) for _ in range(2))
    assert np.array_equal(a, b)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: text.LlamaConfig(num_attention_heads=4, num_key_value_heads=3), "multiple of num_key_value_heads"),
        (lambda: text.BertConfig(is_decoder=True), "is_decoder and add_cross_attention are not supported"),
        (lambda: text.GPT2Config.from_dict({"model_type": "bert"}), "model_type must be 'gpt2', got 'bert'"),
        (lambda: text.GPT2Model(text.BertConfig()), "config must be a GPT2Config, got BertConfig"),
        (lambda: text.from_pretrained(folder_of("GPT2Model"))(), "give either input_ids or inputs_embeds"),
        (lambda: text.from_pretrained(folder_of("GPT2Model"))(np.ones(3, int)), r"must be of shape \(N, L\)"),
        (
            lambda: text.from_pretrained(folder_of("GPT2Model"))(np.ones((1, 3), int), np.ones((1, 2))),
            r"attention_mask must be of shape \(N, 3\)",
        ),
    ],
)
def test_errors(make, message):
    with pytest.raises(fnn.ArgumentError, match=message):
        make()


def test_a_configuration_keeps_what_it_does_not_know():
    said = {
        "model_type": "qwen3",
        "hidden_size": 8,
        "mood": {"good": [1, 2]},
        "id2label": {"0": "a", "1": "b", "2": "c"},
    }
    config = text.Qwen3Config.from_dict(said)
    assert config.num_labels == 3 and config.to_dict().items() >= said.items()
    assert text.Qwen3Config.from_dict(config.to_dict()) == config
