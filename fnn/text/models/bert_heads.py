"""BERT's heads: masked tokens, and classifiers of texts, tokens and spans."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.dtypes import to_array
from fnn.text._activations import activation
from fnn.text._losses import span_loss, text_loss, token_loss
from fnn.text.models.bert import BertModel
from fnn.text.models.bert_config import BertConfig
from fnn.text.outputs import LMOutput, PreTrainingOutput, QuestionAnsweringOutput
from fnn.text.pretrained import PreTrainedModel
from fnn.typing import ArrayLike

__all__ = [
    "BertForMaskedLM",
    "BertForMultipleChoice",
    "BertForNextSentencePrediction",
    "BertForPreTraining",
    "BertForQuestionAnswering",
    "BertForSequenceClassification",
    "BertForTokenClassification",
]


Given = ArrayLike | None


def classifier_dropout(config: BertConfig) -> nn.Dropout:
    """What elements are dropped by before a classifier."""
    return nn.Dropout(config.hidden_dropout_prob if config.classifier_dropout is None else config.classifier_dropout)


class _BertHead(PreTrainedModel[BertConfig]):
    """A head; `pooled` says whether it takes the pooled state."""

    config_class = BertConfig
    base_model_prefix = "bert"
    obsolete = BertModel.obsolete
    model_class: ClassVar[type[BertModel]] = BertModel
    pooled: ClassVar[bool] = False

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        setattr(self, self.base_model_prefix, self.model_class(config, add_pooling_layer=self.pooled))
        self.make_head(config)
        self.post_init()

    def make_head(self, config: BertConfig) -> None:
        """Makes the layers on top."""
        self.dropout = classifier_dropout(config)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)


class _Labelled(_BertHead):
    """A head with one result."""

    def logits(self, out: Any) -> jax.Array:
        """Of the model's output."""
        return self.classifier(self.dropout(out.pooler_output if self.pooled else out.last_hidden_state))

    def loss(self, logits: jax.Array, labels: Given) -> jax.Array | None:
        """Of the logits and the labels, None without labels."""
        return token_loss(logits, labels)

    def forward(
        self,
        input_ids: Given = None,
        attention_mask: Given = None,
        token_type_ids: Given = None,
        position_ids: Given = None,
        inputs_embeds: Given = None,
        labels: Given = None,
        output_hidden_states: bool = False,
    ) -> LMOutput:
        """The logits, and the loss if there are labels; see `BertModel.forward`."""
        out = self.base_model(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds, output_hidden_states
        )
        logits = self.logits(out)
        return LMOutput(self.loss(logits, labels), logits, out.hidden_states)


class _Transform(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.act = activation(config.hidden_act)

    def forward(self, x: jax.Array) -> jax.Array:
        return self.LayerNorm(self.act(self.dense(x)))


class _Predictions(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.transform = _Transform(config)
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)
        self.bias = nn.Parameter(jnp.zeros(config.vocab_size))

    def forward(self, x: jax.Array) -> jax.Array:
        return self.decoder(self.transform(x))


class _PreTrainingHeads(nn.Module):
    def __init__(self, config: BertConfig, predicts: bool = True, relates: bool = True) -> None:
        super().__init__()
        if predicts:
            self.predictions = _Predictions(config)
        if relates:
            self.seq_relationship = nn.Linear(config.hidden_size, 2)


_TIED = {
    "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
    "cls.predictions.decoder.bias": "cls.predictions.bias",
}


class BertForMaskedLM(_Labelled):
    """BERT with the logits of the tokens that are masked."""

    tied = _TIED

    def make_head(self, config: BertConfig) -> None:
        self.cls = _PreTrainingHeads(config, relates=False)

    def logits(self, out: Any) -> jax.Array:
        return self.cls.predictions(out.last_hidden_state)


class BertForNextSentencePrediction(_Labelled):
    """BERT with the logits of whether the second segment follows the first."""

    pooled = True

    def make_head(self, config: BertConfig) -> None:
        self.cls = _PreTrainingHeads(config, predicts=False)

    def logits(self, out: Any) -> jax.Array:
        return self.cls.seq_relationship(out.pooler_output)


class BertForPreTraining(_BertHead):
    """BERT with both heads of its training."""

    tied = _TIED
    pooled = True

    def make_head(self, config: BertConfig) -> None:
        self.cls = _PreTrainingHeads(config)

    def forward(
        self,
        input_ids: Given = None,
        attention_mask: Given = None,
        token_type_ids: Given = None,
        position_ids: Given = None,
        inputs_embeds: Given = None,
        labels: Given = None,
        next_sentence_label: Given = None,
        output_hidden_states: bool = False,
    ) -> PreTrainingOutput:
        """The logits of both heads; the loss if there are labels of both."""
        out = self.base_model(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds, output_hidden_states
        )
        tokens, relation = self.cls.predictions(out.last_hidden_state), self.cls.seq_relationship(out.pooler_output)
        losses = token_loss(tokens, labels), token_loss(relation, next_sentence_label)
        loss = None if losses[0] is None or losses[1] is None else losses[0] + losses[1]
        return PreTrainingOutput(loss, tokens, relation, out.hidden_states)


class BertForSequenceClassification(_Labelled):
    """BERT with classes of texts."""

    pooled = True

    def loss(self, logits: jax.Array, labels: Given) -> jax.Array | None:
        return text_loss(logits, labels, self.config)


class BertForTokenClassification(_Labelled):
    """BERT with classes of tokens."""


class BertForMultipleChoice(_Labelled):
    """BERT with a choice among several texts: inputs are (N, choices, L), logits (N, choices)."""

    pooled = True

    def make_head(self, config: BertConfig) -> None:
        self.dropout = classifier_dropout(config)
        self.classifier = nn.Linear(config.hidden_size, 1)

    def forward(
        self,
        input_ids: Given = None,
        attention_mask: Given = None,
        token_type_ids: Given = None,
        position_ids: Given = None,
        inputs_embeds: Given = None,
        labels: Given = None,
        output_hidden_states: bool = False,
    ) -> LMOutput:
        """The logits of each choice."""
        given = [
            None if x is None else to_array(x, "input")
            for x in (input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds)
        ]
        choices = next(x.shape[1] for x in given if x is not None)
        flat = [None if x is None else x.reshape(-1, *x.shape[2:]) for x in given]
        out = self.base_model(*flat, output_hidden_states)
        logits = self.logits(out).reshape(-1, choices)
        return LMOutput(token_loss(logits, labels), logits, out.hidden_states)


class BertForQuestionAnswering(_BertHead):
    """BERT with the ends of an answer."""

    def make_head(self, config: BertConfig) -> None:
        self.qa_outputs = nn.Linear(config.hidden_size, 2)

    def forward(
        self,
        input_ids: Given = None,
        attention_mask: Given = None,
        token_type_ids: Given = None,
        position_ids: Given = None,
        inputs_embeds: Given = None,
        start_positions: Given = None,
        end_positions: Given = None,
        output_hidden_states: bool = False,
    ) -> QuestionAnsweringOutput:
        """The logits of an answer's first and last token, (N, L) each."""
        out = self.base_model(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds, output_hidden_states
        )
        both = self.qa_outputs(out.last_hidden_state)
        start, end = both[..., 0], both[..., 1]
        return QuestionAnsweringOutput(
            span_loss(start, end, start_positions, end_positions), start, end, out.hidden_states
        )
