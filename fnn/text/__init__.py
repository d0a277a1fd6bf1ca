"""Language models and their kin, in transformers' own files: architectures, generation, tokenizers.

    model = fnn.text.from_pretrained("openai-community/gpt2")          # or a folder
    tokenizer = fnn.text.Tokenizer.from_pretrained("openai-community/gpt2")
    ids = fnn.generate(model, tokenizer(["Once upon a time"]).input_ids, max_new_tokens=20)

A model's parameters have the names and layouts of transformers' files, so they are read and written as they are.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fnn.text import outputs
    from fnn.text.adapters import load_adapter, save_adapter
    from fnn.text.auto import from_pretrained
    from fnn.text.cache import KVCache
    from fnn.text.config import Config
    from fnn.text.models.bert import BertModel, RobertaModel
    from fnn.text.models.bert_config import BertConfig, RobertaConfig
    from fnn.text.models.bert_heads import (
        BertForMaskedLM,
        BertForMultipleChoice,
        BertForNextSentencePrediction,
        BertForPreTraining,
        BertForQuestionAnswering,
        BertForSequenceClassification,
        BertForTokenClassification,
    )
    from fnn.text.models.clip import (
        CLIPForImageClassification,
        CLIPModel,
        CLIPTextModelWithProjection,
        CLIPVisionModelWithProjection,
    )
    from fnn.text.models.clip_config import CLIPConfig, CLIPTextConfig, CLIPVisionConfig
    from fnn.text.models.clip_towers import CLIPTextModel, CLIPVisionModel
    from fnn.text.models.dinov2 import Dinov2Config, Dinov2ForImageClassification, Dinov2Model
    from fnn.text.models.distilbert import DistilBertConfig, DistilBertModel
    from fnn.text.models.distilbert_heads import (
        DistilBertForMaskedLM,
        DistilBertForMultipleChoice,
        DistilBertForQuestionAnswering,
        DistilBertForSequenceClassification,
        DistilBertForTokenClassification,
    )
    from fnn.text.models.gemma import (
        GemmaConfig,
        GemmaForCausalLM,
        GemmaForSequenceClassification,
        GemmaForTokenClassification,
        GemmaModel,
    )
    from fnn.text.models.gemma2 import (
        Gemma2Config,
        Gemma2ForCausalLM,
        Gemma2ForSequenceClassification,
        Gemma2ForTokenClassification,
        Gemma2Model,
    )
    from fnn.text.models.gemma3 import (
        Gemma3ForCausalLM,
        Gemma3TextConfig,
        Gemma3TextForSequenceClassification,
        Gemma3TextModel,
    )
    from fnn.text.models.gpt2 import GPT2Config, GPT2Model
    from fnn.text.models.gpt2_heads import (
        GPT2DoubleHeadsModel,
        GPT2ForQuestionAnswering,
        GPT2ForSequenceClassification,
        GPT2ForTokenClassification,
        GPT2LMHeadModel,
    )
    from fnn.text.models.llama import (
        LlamaConfig,
        LlamaForCausalLM,
        LlamaForQuestionAnswering,
        LlamaForSequenceClassification,
        LlamaForTokenClassification,
        LlamaModel,
    )
    from fnn.text.models.mistral import (
        MistralConfig,
        MistralForCausalLM,
        MistralForQuestionAnswering,
        MistralForSequenceClassification,
        MistralForTokenClassification,
        MistralModel,
    )
    from fnn.text.models.qwen import (
        Qwen2Config,
        Qwen2ForCausalLM,
        Qwen2ForQuestionAnswering,
        Qwen2ForSequenceClassification,
        Qwen2ForTokenClassification,
        Qwen2Model,
        Qwen3Config,
        Qwen3ForCausalLM,
        Qwen3ForQuestionAnswering,
        Qwen3ForSequenceClassification,
        Qwen3ForTokenClassification,
        Qwen3Model,
    )
    from fnn.text.models.roberta_heads import (
        RobertaForMaskedLM,
        RobertaForMultipleChoice,
        RobertaForQuestionAnswering,
        RobertaForSequenceClassification,
        RobertaForTokenClassification,
    )
    from fnn.text.models.t5 import T5EncoderModel, T5ForConditionalGeneration, T5Model
    from fnn.text.models.t5_config import T5Config
    from fnn.text.models.t5_heads import T5ForQuestionAnswering, T5ForSequenceClassification, T5ForTokenClassification
    from fnn.text.models.vit import ViTForImageClassification, ViTForMaskedImageModeling, ViTModel
    from fnn.text.models.vit_config import ViTConfig
    from fnn.text.models.whisper import WhisperForConditionalGeneration, WhisperModel
    from fnn.text.models.whisper_config import WhisperConfig
    from fnn.text.models.whisper_heads import WhisperForAudioClassification
    from fnn.text.pretrained import PreTrainedModel
    from fnn.text.tokenizer import Encoding, Tokenizer

_NAMES = {
    "adapters": ("load_adapter", "save_adapter"),
    "auto": ("from_pretrained",),
    "cache": ("KVCache",),
    "config": ("Config",),
    "models.bert": ("BertModel", "RobertaModel"),
    "models.bert_config": ("BertConfig", "RobertaConfig"),
    "models.bert_heads": (
        "BertForMaskedLM", "BertForMultipleChoice", "BertForNextSentencePrediction", "BertForPreTraining",
        "BertForQuestionAnswering", "BertForSequenceClassification", "BertForTokenClassification",
    ),
    "models.clip": (
        "CLIPForImageClassification", "CLIPModel", "CLIPTextModelWithProjection",
        "CLIPVisionModelWithProjection",
    ),
    "models.clip_config": ("CLIPConfig", "CLIPTextConfig", "CLIPVisionConfig"),
    "models.clip_towers": ("CLIPTextModel", "CLIPVisionModel"),
    "models.dinov2": ("Dinov2Config", "Dinov2ForImageClassification", "Dinov2Model"),
    "models.distilbert": ("DistilBertConfig", "DistilBertModel"),
    "models.distilbert_heads": (
        "DistilBertForMaskedLM", "DistilBertForMultipleChoice", "DistilBertForQuestionAnswering",
        "DistilBertForSequenceClassification", "DistilBertForTokenClassification",
    ),
    "models.gemma": (
        "GemmaConfig", "GemmaForCausalLM", "GemmaForSequenceClassification", "GemmaForTokenClassification",
        "GemmaModel",
    ),
    "models.gemma2": (
        "Gemma2Config", "Gemma2ForCausalLM", "Gemma2ForSequenceClassification", "Gemma2ForTokenClassification",
        "Gemma2Model",
    ),
    "models.gemma3": (
        "Gemma3ForCausalLM", "Gemma3TextConfig", "Gemma3TextForSequenceClassification", "Gemma3TextModel",
    ),
    "models.gpt2": ("GPT2Config", "GPT2Model"),
    "models.gpt2_heads": (
        "GPT2DoubleHeadsModel", "GPT2ForQuestionAnswering", "GPT2ForSequenceClassification",
        "GPT2ForTokenClassification", "GPT2LMHeadModel",
    ),
    "models.llama": (
        "LlamaConfig", "LlamaForCausalLM", "LlamaForQuestionAnswering", "LlamaForSequenceClassification",
        "LlamaForTokenClassification", "LlamaModel",
    ),
    "models.mistral": (
        "MistralConfig", "MistralForCausalLM", "MistralForQuestionAnswering",
        "MistralForSequenceClassification", "MistralForTokenClassification", "MistralModel",
    ),
    "models.qwen": (
        "Qwen2Config", "Qwen2ForCausalLM", "Qwen2ForQuestionAnswering", "Qwen2ForSequenceClassification",
        "Qwen2ForTokenClassification", "Qwen2Model", "Qwen3Config", "Qwen3ForCausalLM",
        "Qwen3ForQuestionAnswering", "Qwen3ForSequenceClassification", "Qwen3ForTokenClassification",
        "Qwen3Model",
    ),
    "models.roberta_heads": (
        "RobertaForMaskedLM", "RobertaForMultipleChoice", "RobertaForQuestionAnswering",
        "RobertaForSequenceClassification", "RobertaForTokenClassification",
    ),
    "models.t5": ("T5EncoderModel", "T5ForConditionalGeneration", "T5Model"),
    "models.t5_config": ("T5Config",),
    "models.t5_heads": ("T5ForQuestionAnswering", "T5ForSequenceClassification", "T5ForTokenClassification"),
    "models.vit": ("ViTForImageClassification", "ViTForMaskedImageModeling", "ViTModel"),
    "models.vit_config": ("ViTConfig",),
    "models.whisper": ("WhisperForConditionalGeneration", "WhisperModel"),
    "models.whisper_config": ("WhisperConfig",),
    "models.whisper_heads": ("WhisperForAudioClassification",),
    "pretrained": ("PreTrainedModel",),
    "tokenizer": ("Encoding", "Tokenizer"),
}  # fmt: skip
_HOME = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "BertConfig", "BertForMaskedLM", "BertForMultipleChoice", "BertForNextSentencePrediction", "BertForPreTraining",
    "BertForQuestionAnswering", "BertForSequenceClassification", "BertForTokenClassification", "BertModel",
    "CLIPConfig", "CLIPForImageClassification", "CLIPModel", "CLIPTextConfig", "CLIPTextModel",
    "CLIPTextModelWithProjection", "CLIPVisionConfig", "CLIPVisionModel", "CLIPVisionModelWithProjection", "Config",
    "Dinov2Config", "Dinov2ForImageClassification", "Dinov2Model", "DistilBertConfig", "DistilBertForMaskedLM",
    "DistilBertForMultipleChoice", "DistilBertForQuestionAnswering", "DistilBertForSequenceClassification",
    "DistilBertForTokenClassification", "DistilBertModel", "Encoding", "GPT2Config", "GPT2DoubleHeadsModel",
    "GPT2ForQuestionAnswering", "GPT2ForSequenceClassification", "GPT2ForTokenClassification", "GPT2LMHeadModel",
    "GPT2Model", "Gemma2Config", "Gemma2ForCausalLM", "Gemma2ForSequenceClassification",
    "Gemma2ForTokenClassification", "Gemma2Model", "Gemma3ForCausalLM", "Gemma3TextConfig",
    "Gemma3TextForSequenceClassification", "Gemma3TextModel", "GemmaConfig", "GemmaForCausalLM",
    "GemmaForSequenceClassification", "GemmaForTokenClassification", "GemmaModel", "KVCache", "LlamaConfig",
    "LlamaForCausalLM", "LlamaForQuestionAnswering", "LlamaForSequenceClassification",
    "LlamaForTokenClassification", "LlamaModel", "MistralConfig", "MistralForCausalLM",
    "MistralForQuestionAnswering", "MistralForSequenceClassification", "MistralForTokenClassification",
    "MistralModel", "PreTrainedModel", "Qwen2Config", "Qwen2ForCausalLM", "Qwen2ForQuestionAnswering",
    "Qwen2ForSequenceClassification", "Qwen2ForTokenClassification", "Qwen2Model", "Qwen3Config",
    "Qwen3ForCausalLM", "Qwen3ForQuestionAnswering", "Qwen3ForSequenceClassification",
    "Qwen3ForTokenClassification", "Qwen3Model", "RobertaConfig", "RobertaForMaskedLM", "RobertaForMultipleChoice",
    "RobertaForQuestionAnswering", "RobertaForSequenceClassification", "RobertaForTokenClassification",
    "RobertaModel", "T5Config", "T5EncoderModel", "T5ForConditionalGeneration", "T5ForQuestionAnswering",
    "T5ForSequenceClassification", "T5ForTokenClassification", "T5Model", "Tokenizer", "ViTConfig",
    "ViTForImageClassification", "ViTForMaskedImageModeling", "ViTModel", "WhisperConfig",
    "WhisperForAudioClassification", "WhisperForConditionalGeneration", "WhisperModel", "from_pretrained",
    "load_adapter", "outputs", "save_adapter",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "outputs":
        value: Any = import_module("fnn.text.outputs")
    elif name in _HOME:
        value = getattr(import_module(f"fnn.text.{_HOME[name]}"), name)
    else:
        raise AttributeError(f"module 'fnn.text' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*(name for name in globals() if name.startswith("__")), *__all__})
