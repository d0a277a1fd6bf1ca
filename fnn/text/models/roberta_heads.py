"""RoBERTa's heads: those of BERT, but for what predicts tokens and what classifies texts."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.text._activations import activation
from fnn.text._losses import text_loss
from fnn.text.models.bert import RobertaModel
from fnn.text.models.bert_config import BertConfig, RobertaConfig
from fnn.text.models.bert_heads import (
    BertForMultipleChoice,
    BertForQuestionAnswering,
    BertForTokenClassification,
    Given,
    _Labelled,
    classifier_dropout,
)

__all__ = [
    "RobertaForMaskedLM",
    "RobertaForMultipleChoice",
    "RobertaForQuestionAnswering",
    "RobertaForSequenceClassification",
    "RobertaForTokenClassification",
]


class _RobertaLMHead(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)
        self.bias = nn.Parameter(jnp.zeros(config.vocab_size))
        self.act = activation("gelu")

    def forward(self, x: jax.Array) -> jax.Array:
        return self.decoder(self.layer_norm(self.act(self.dense(x))))


class _RobertaClassificationHead(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = classifier_dropout(config)
        self.out_proj = nn.Linear(config.hidden_size, config.num_labels)
        self.act = activation("tanh")

    def forward(self, x: jax.Array) -> jax.Array:
        return self.out_proj(self.dropout(self.act(self.dense(self.dropout(x[:, 0])))))


class RobertaForMaskedLM(_Labelled):
    """RoBERTa with the logits of the tokens that are masked."""

    config_class = RobertaConfig
    base_model_prefix = "roberta"
    model_class = RobertaModel
    tied = {
        "lm_head.decoder.weight": "roberta.embeddings.word_embeddings.weight",
        "lm_head.decoder.bias": "lm_head.bias",
    }

    def make_head(self, config: BertConfig) -> None:
        self.lm_head = _RobertaLMHead(config)

    def logits(self, out: Any) -> jax.Array:
        return self.lm_head(out.last_hidden_state)


class RobertaForSequenceClassification(_Labelled):
    """RoBERTa with classes of texts."""

    config_class = RobertaConfig
    base_model_prefix = "roberta"
    model_class = RobertaModel

    def make_head(self, config: BertConfig) -> None:
        self.classifier = _RobertaClassificationHead(config)

    def logits(self, out: Any) -> jax.Array:
        return self.classifier(out.last_hidden_state)

    def loss(self, logits: jax.Array, labels: Given) -> jax.Array | None:
        return text_loss(logits, labels, self.config)


class RobertaForTokenClassification(BertForTokenClassification):
    """RoBERTa with classes of tokens."""

    config_class = RobertaConfig
    base_model_prefix = "roberta"
    model_class = RobertaModel


class RobertaForMultipleChoice(BertForMultipleChoice):
    """RoBERTa with a choice among several texts; see `BertForMultipleChoice`."""

    config_class = RobertaConfig
    base_model_prefix = "roberta"
    model_class = RobertaModel


class RobertaForQuestionAnswering(BertForQuestionAnswering):
    """RoBERTa with the ends of an answer."""

    config_class = RobertaConfig
    base_model_prefix = "roberta"
    model_class = RobertaModel
