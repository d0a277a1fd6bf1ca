"""transformers as the oracle: tiny models of every architecture, and folders that transformers saved."""

import contextlib
import functools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from tests.vision.oracle import torchvision  # noqa: E402, F401  transformers takes a torchvision that it can import

transformers = pytest.importorskip("transformers")
transformers.logging.set_verbosity_error()
with contextlib.suppress(AttributeError):
    transformers.logging.disable_progress_bar()

TEXT = dict(vocab_size=50, hidden_size=32, intermediate_size=37, num_hidden_layers=2, num_attention_heads=4,
            max_position_embeddings=64)  # fmt: skip
DECODER = dict(TEXT, num_key_value_heads=2, bos_token_id=1, eos_token_id=2, pad_token_id=0)
IMAGE = dict(hidden_size=32, intermediate_size=37, num_hidden_layers=2, num_attention_heads=4, image_size=16,
             patch_size=4, num_channels=3)  # fmt: skip
DINO = {name: value for name, value in IMAGE.items() if name != "intermediate_size"} | {"mlp_ratio": 2}
T5 = dict(vocab_size=50, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4, decoder_start_token_id=0)
WHISPER = dict(vocab_size=50, d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
               decoder_attention_heads=4, encoder_ffn_dim=37, decoder_ffn_dim=37, num_mel_bins=8,
               max_source_positions=16, max_target_positions=32, pad_token_id=0, bos_token_id=1, eos_token_id=2,
               decoder_start_token_id=1, suppress_tokens=None, begin_suppress_tokens=None)  # fmt: skip
LLAMA3 = {"rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 16}  # fmt: skip
YARN = {"rope_type": "yarn", "rope_theta": 500.0, "factor": 4.0, "original_max_position_embeddings": 16}
WINDOW = {"sliding_window": 5}

# name of a case: (class, configuration, its fields)
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {}


def _case(name: str, config: str, fields: dict[str, Any], *classes: str) -> None:
    for cls in classes:
        CASES[f"{cls}-{name}" if name else cls] = (cls, config, fields)


_HEADS = ("ForCausalLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering")
_case("", "GPT2Config", dict(vocab_size=50, n_embd=32, n_layer=2, n_head=4, n_positions=64, pad_token_id=0,
      bos_token_id=1, eos_token_id=2), "GPT2LMHeadModel", "GPT2Model", "GPT2ForSequenceClassification",
      "GPT2ForTokenClassification", "GPT2ForQuestionAnswering", "GPT2DoubleHeadsModel")  # fmt: skip
_case("", "LlamaConfig", DECODER, "LlamaModel", *("Llama" + head for head in _HEADS))
_case("llama3", "LlamaConfig", dict(DECODER, rope_parameters=LLAMA3, attention_bias=True, mlp_bias=True,
      tie_word_embeddings=True), "LlamaForCausalLM")  # fmt: skip
_case("yarn", "LlamaConfig", dict(DECODER, rope_parameters=YARN), "LlamaForCausalLM")
_case("linear", "LlamaConfig", dict(DECODER, rope_parameters={"rope_type": "linear", "rope_theta": 50.0,
      "factor": 2.0}), "LlamaForCausalLM")  # fmt: skip
_case("", "MistralConfig", dict(DECODER, **WINDOW), "MistralModel", *("Mistral" + head for head in _HEADS))
_case("", "Qwen2Config", DECODER, "Qwen2Model", *("Qwen2" + head for head in _HEADS))
_case("window", "Qwen2Config", dict(DECODER, **WINDOW, use_sliding_window=True, max_window_layers=1),
      "Qwen2ForCausalLM")  # fmt: skip
_case("", "Qwen3Config", dict(DECODER, head_dim=8), "Qwen3Model", *("Qwen3" + head for head in _HEADS))
_case("", "GemmaConfig", dict(DECODER, head_dim=8), "GemmaModel", *("Gemma" + head for head in _HEADS[:3]))
_case("", "Gemma2Config", dict(DECODER, head_dim=8, **WINDOW), "Gemma2Model", *("Gemma2" + h for h in _HEADS[:3]))
_case("", "Gemma3TextConfig", dict(DECODER, head_dim=8, layer_types=["sliding_attention", "full_attention"],
      final_logit_softcapping=5.0, **WINDOW), "Gemma3TextModel", "Gemma3ForCausalLM",
      "Gemma3TextForSequenceClassification")  # fmt: skip
_BERT = ("MaskedLM", "SequenceClassification", "TokenClassification", "QuestionAnswering", "MultipleChoice")
_case("", "BertConfig", TEXT, "BertModel", "BertForPreTraining", "BertForNextSentencePrediction",
      *("BertFor" + head for head in _BERT))  # fmt: skip
_case("untied", "BertConfig", dict(TEXT, tie_word_embeddings=False), "BertForMaskedLM")
_case("", "RobertaConfig", TEXT, "RobertaModel", *("RobertaFor" + head for head in _BERT))
_case("", "DistilBertConfig", dict(vocab_size=50, dim=32, hidden_dim=37, n_layers=2, n_heads=4,
      max_position_embeddings=64), "DistilBertModel", *("DistilBertFor" + head for head in _BERT))  # fmt: skip
_case("", "T5Config", T5, "T5Model", "T5EncoderModel", "T5ForConditionalGeneration",
      "T5ForSequenceClassification", "T5ForTokenClassification", "T5ForQuestionAnswering")  # fmt: skip
_case("gated", "T5Config", dict(T5, feed_forward_proj="gated-gelu", tie_word_embeddings=False, num_decoder_layers=1),
      "T5ForConditionalGeneration")  # fmt: skip
_case("", "ViTConfig", dict(IMAGE, encoder_stride=4), "ViTModel", "ViTForImageClassification",
      "ViTForMaskedImageModeling")  # fmt: skip
_case("", "Dinov2Config", DINO, "Dinov2Model", "Dinov2ForImageClassification")
_case("swiglu", "Dinov2Config", dict(DINO, use_swiglu_ffn=True), "Dinov2Model")
_case("", "CLIPConfig", dict(text_config=TEXT, vision_config=IMAGE, projection_dim=16), "CLIPModel",
      "CLIPForImageClassification")  # fmt: skip
_case("", "CLIPTextConfig", dict(TEXT, projection_dim=16, eos_token_id=2), "CLIPTextModelWithProjection")
_case("", "CLIPVisionConfig", dict(IMAGE, projection_dim=16), "CLIPVisionModelWithProjection")
_case("", "WhisperConfig", WHISPER, "WhisperModel", "WhisperForConditionalGeneration",
      "WhisperForAudioClassification")  # fmt: skip
_case("weighted", "WhisperConfig", dict(WHISPER, use_weighted_layer_sum=True, classifier_proj_size=9, num_labels=3),
      "WhisperForAudioClassification")  # fmt: skip


# Options of configurations that change what is computed or which parameters there are.
_case("longrope", "LlamaConfig", dict(DECODER, rope_parameters={"rope_type": "longrope", "rope_theta": 500.0,
      "factor": 4.0, "original_max_position_embeddings": 16, "short_factor": [1.0, 1.5, 2.0, 2.5],
      "long_factor": [2.0, 3.0, 4.0, 5.0]}), "LlamaForCausalLM")  # fmt: skip
_case("dynamic", "LlamaConfig", dict(DECODER, max_position_embeddings=6, rope_parameters={"rope_type": "dynamic",
      "rope_theta": 500.0, "factor": 4.0}), "LlamaForCausalLM")  # fmt: skip
_case("gelu", "LlamaConfig", dict(DECODER, hidden_act="gelu", num_key_value_heads=1, head_dim=16), "LlamaForCausalLM")
_case("full", "MistralConfig", dict(DECODER, sliding_window=None, head_dim=16), "MistralForCausalLM")
_case("tied", "Qwen2Config", dict(DECODER, tie_word_embeddings=True), "Qwen2ForCausalLM")
_case("biased", "Qwen3Config", dict(DECODER, head_dim=8, attention_bias=True, use_sliding_window=True,
      max_window_layers=0, **WINDOW), "Qwen3ForCausalLM")  # fmt: skip
_case("untied", "GemmaConfig", dict(DECODER, head_dim=16, tie_word_embeddings=False, hidden_act="gelu"),
      "GemmaForCausalLM")  # fmt: skip
_case("uncapped", "Gemma2Config", dict(DECODER, head_dim=8, attn_logit_softcapping=None, final_logit_softcapping=None,
      query_pre_attn_scalar=17, **WINDOW), "Gemma2ForCausalLM")  # fmt: skip
_case("relu", "BertConfig", dict(TEXT, hidden_act="relu", type_vocab_size=3, layer_norm_eps=1e-3, pad_token_id=4),
      "BertForMaskedLM")  # fmt: skip
_case("one", "BertConfig", dict(TEXT, num_labels=1), "BertForSequenceClassification")
_case("untied", "RobertaConfig", dict(TEXT, tie_word_embeddings=False, pad_token_id=3), "RobertaForMaskedLM")
_case("untied", "DistilBertConfig", dict(vocab_size=50, dim=32, hidden_dim=37, n_layers=1, n_heads=4, activation="relu",
      tie_word_embeddings=False, sinusoidal_pos_embds=True), "DistilBertForMaskedLM")  # fmt: skip
_case("scaled", "GPT2Config", dict(vocab_size=50, n_embd=32, n_layer=2, n_head=4, n_positions=64, n_inner=21,
      scale_attn_by_inverse_layer_idx=True, activation_function="relu", tie_word_embeddings=False,
      reorder_and_upcast_attn=True), "GPT2LMHeadModel")  # fmt: skip
_case("relative", "T5Config", dict(T5, feed_forward_proj="gated-silu", relative_attention_num_buckets=6,
      relative_attention_max_distance=7, num_layers=1, num_decoder_layers=2), "T5ForConditionalGeneration")  # fmt: skip
_case("wide", "ViTConfig", dict(IMAGE, qkv_bias=False, patch_size=8, hidden_act="gelu_new", pooler_output_size=9,
      pooler_act="relu"), "ViTModel")  # fmt: skip
_case("unmasked", "Dinov2Config", dict(DINO, use_mask_token=False, layerscale_value=0.3, qkv_bias=False),
      "Dinov2ForImageClassification")  # fmt: skip
_case("gelu", "CLIPConfig", dict(text_config=dict(TEXT, hidden_act="gelu", eos_token_id=7), vision_config=dict(
      IMAGE, hidden_act="gelu", layer_norm_eps=1e-3), projection_dim=16, logit_scale_init_value=1.0),
      "CLIPModel")  # fmt: skip
_case("relu", "WhisperConfig", dict(WHISPER, activation_function="relu", scale_embedding=True, encoder_layers=1,
      decoder_layers=3), "WhisperForConditionalGeneration")  # fmt: skip


def model_of(case: str, scale: float = 1.0) -> Any:
    """transformers' model of a case, in evaluation mode; its matrices ``scale`` times as large as usual."""
    cls, config, fields = CASES[case]
    torch.manual_seed(0)
    model = getattr(transformers, cls)(getattr(transformers, config)(**fields)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(scale)
            elif parameter.dim() == 1:
                parameter.add_(torch.randn(parameter.shape) * 0.1)  # norms and biases that could be confused
    return model


@functools.cache
def folder_of(case: str, scale: float = 1.0) -> str:
    """A folder that transformers saved the model of a case to."""
    folder = Path(tempfile.mkdtemp()) / case
    model_of(case, scale).save_pretrained(folder)
    return str(folder)


def inputs_of(case: str) -> dict[str, np.ndarray]:
    """Inputs that fit, texts with padding among them."""
    cls, _, _ = CASES[case]
    rng = np.random.default_rng(0)
    ids = rng.integers(3, 50, (2, 9)).astype(np.int32)
    mask = np.ones((2, 9), np.int32)
    mask[0, 6:] = 0
    pixels = rng.standard_normal((2, 3, 16, 16)).astype(np.float32)
    if cls == "ViTForMaskedImageModeling":
        return {"pixel_values": pixels, "bool_masked_pos": np.arange(32).reshape(2, 16) % 3 == 0}
    if cls.startswith(("ViT", "Dinov2", "CLIPVision")) or cls == "CLIPForImageClassification":
        return {"pixel_values": pixels}
    if cls == "CLIPModel":
        return {"input_ids": ids, "attention_mask": mask, "pixel_values": pixels}
    if cls.startswith("Whisper"):
        mel = rng.standard_normal((2, 8, 32)).astype(np.float32)
        return {"input_features": mel} | ({} if "Audio" in cls else {"decoder_input_ids": ids[:, :5]})
    given = {"input_ids": ids, "attention_mask": mask}
    if cls == "T5ForSequenceClassification":
        ids[:, 5] = 1  # the end
    elif cls.startswith("T5") and cls not in ("T5EncoderModel", "T5ForTokenClassification"):
        given["decoder_input_ids"] = ids[:, :5]
    if cls.startswith("Bert"):
        given["token_type_ids"] = (ids > 20).astype(np.int32)
    if "MultipleChoice" in cls or cls == "GPT2DoubleHeadsModel":
        return {name: np.stack((value, value[:, ::-1]), 1).copy() for name, value in given.items()}
    return given


def to_torch(given: dict[str, Any]) -> dict[str, Any]:
    """Arrays as tensors, integers as PyTorch's."""
    return {
        name: torch.tensor(value, dtype=torch.long if value.dtype.kind == "i" else None)
        if isinstance(value, np.ndarray) else value
        for name, value in given.items()
    }  # fmt: skip
