"""The examples of models and configurations: the smallest model of an architecture, and the shape of its output.

They follow from the fields of the configuration and from the name of the head, so that no class writes one.
"""

from __future__ import annotations

import inspect
import textwrap
from typing import Any

__all__ = ["of_config", "of_model"]

# Of the fields of all architectures those that make a model large, with what makes it small.
_SMALL: dict[str, Any] = {
    "vocab_size": 8, "hidden_size": 4, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
    "num_key_value_heads": 1, "head_dim": 2, "n_embd": 4, "n_layer": 1, "n_head": 2, "n_layers": 1, "n_heads": 2,
    "dim": 4, "hidden_dim": 8, "d_model": 4, "d_kv": 2, "d_ff": 8, "num_layers": 1, "num_heads": 2,
    "encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 8, "decoder_layers": 1,
    "decoder_attention_heads": 2, "decoder_ffn_dim": 8, "num_mel_bins": 4, "max_source_positions": 3, "image_size": 4,
    "patch_size": 2, "projection_dim": 3, "encoder_stride": 2, "classifier_proj_size": 4,
}  # fmt: skip
_TOWERS = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
_SMALL["text_config"] = {name: _SMALL[name] for name in ("vocab_size", *_TOWERS)}
_SMALL["vision_config"] = {name: _SMALL[name] for name in (*_TOWERS, "image_size", "patch_size")}

_IDS, _IMAGES = "jnp.array([[1, 2, 3]])", "jnp.ones((1, 3, 4, 4))"
_SOUND = "jnp.ones((1, 4, 6))"
_ANSWER = "decoder_input_ids=jnp.array([[0, 1]])"
# By the end of a class's name, the first that fits: what the model is called with, a part of its output, its shape.
_OUTPUTS: dict[str, tuple[str, str, tuple[int, ...]]] = {
    "WhisperModel": (f"{_SOUND}, {_ANSWER}", "last_hidden_state", (1, 2, 4)),
    "WhisperForConditionalGeneration": (f"{_SOUND}, {_ANSWER}", "logits", (1, 2, 8)),
    "WhisperForAudioClassification": (_SOUND, "logits", (1, 2)),
    "T5ForSequenceClassification": (f"jnp.array([[3, 1]]), {_ANSWER}", "logits", (1, 2)),
    "T5ForQuestionAnswering": (f"{_IDS}, {_ANSWER}", "start_logits", (1, 2)),
    "GPT2DoubleHeadsModel": ("jnp.ones((1, 4, 3), int)", "mc_logits", (1, 4)),
    "ForMaskedImageModeling": (_IMAGES, "reconstruction", (1, 3, 4, 4)),
    "T5Model": (f"{_IDS}, {_ANSWER}", "last_hidden_state", (1, 2, 4)),
    "ForConditionalGeneration": (f"{_IDS}, {_ANSWER}", "logits", (1, 2, 8)),
    "CLIPModel": (f"{_IDS}, {_IMAGES}", "logits_per_image", (1, 1)),
    "CLIPTextModelWithProjection": (_IDS, "embeds", (1, 3)),
    "CLIPVisionModelWithProjection": (_IMAGES, "embeds", (1, 3)),
    "CLIPVisionModel": (_IMAGES, "last_hidden_state", (1, 5, 4)),
    "ViTModel": (_IMAGES, "last_hidden_state", (1, 5, 4)),
    "Dinov2Model": (_IMAGES, "last_hidden_state", (1, 5, 4)),
    "ForImageClassification": (_IMAGES, "logits", (1, 2)),
    "ForCausalLM": (_IDS, "logits", (1, 3, 8)),
    "LMHeadModel": (_IDS, "logits", (1, 3, 8)),
    "ForMaskedLM": (_IDS, "logits", (1, 3, 8)),
    "ForMultipleChoice": ("jnp.ones((1, 4, 3), int)", "logits", (1, 4)),
    "ForNextSentencePrediction": (_IDS, "logits", (1, 2)),
    "ForPreTraining": (_IDS, "prediction_logits", (1, 3, 8)),
    "ForQuestionAnswering": (_IDS, "start_logits", (1, 3)),
    "ForSequenceClassification": (_IDS, "logits", (1, 2)),
    "ForTokenClassification": (_IDS, "logits", (1, 3, 2)),
    "Model": (_IDS, "last_hidden_state", (1, 3, 4)),
}


def of_config(cls: type) -> str | None:
    """The docstring of a configuration with an example; None: it needs none.

    Args:
        cls: the class, of fnn or of a user.
    """
    small = _small(cls)
    if not _described(cls, cls) or not small:
        return None
    name = next(iter(small))
    return _with_example(cls, [*_construction(cls), f">>> config.{name}", repr(small[name])])


def of_model(cls: type, config: type) -> str | None:
    """The docstring of a model with an example; None: it needs none.

    Args:
        cls: the class, of fnn or of a user.
        config: the class of its configuration.
    """
    shown = next((output for end, output in _OUTPUTS.items() if cls.__name__.endswith(end)), None)
    if not _described(cls, config) or shown is None:
        return None
    inputs, part, shape = shown
    lines = [
        ">>> import jax.numpy as jnp",
        *_construction(config),
        f">>> model = text.{cls.__name__}(config).eval()",
        f">>> model({inputs}).{part}.shape",
        repr(shape),
    ]
    return _with_example(cls, lines)


def _described(cls: type, config: type) -> bool:
    """Whether it is one of the public classes of `fnn.text`, of one architecture, and has no example of its own."""
    ours = cls.__module__.startswith("fnn.text.models.") and not cls.__name__.startswith("_")
    return ours and bool(getattr(config, "model_type", "")) and ">>> " not in (cls.__dict__.get("__doc__") or ">>> ")


def _small(config: type) -> dict[str, Any]:
    fields = {name for base in config.__mro__ for name in inspect.get_annotations(base)}
    small = {name: value for name, value in _SMALL.items() if name in fields}
    padding = getattr(config, "pad_token_id", None)
    if "vocab_size" in small and padding is not None and padding >= small["vocab_size"]:
        small["pad_token_id"] = 0
    return small


def _construction(config: type) -> list[str]:
    given = ", ".join(f"{name}={value!r}" for name, value in _small(config).items())
    lines = textwrap.wrap(given, 90, break_long_words=False, break_on_hyphens=False)
    call = f"text.{config.__name__}"
    return [">>> from fnn import text", f">>> config = {call}(", *(f"...     {line}" for line in lines), "... )"]


def _with_example(cls: type, lines: list[str]) -> str:
    return "\n".join([inspect.cleandoc(cls.__doc__ or ""), "", "Example:", *(f"    {line}" for line in lines), ""])
