"""DistilBERT's heads: masked tokens, and classifiers of texts, tokens and spans."""

from __future__ import annotations

import jax

from fnn import functional as F
from fnn import nn
from fnn.dtypes import to_array
from fnn.text._activations import activation
from fnn.text._losses import span_loss, text_loss, token_loss
from fnn.text.models.distilbert import DistilBertConfig, DistilBertModel, Given, _DistilBert
from fnn.text.outputs import LMOutput, QuestionAnsweringOutput

__all__ = [
    "DistilBertForMaskedLM",
    "DistilBertForMultipleChoice",
    "DistilBertForQuestionAnswering",
    "DistilBertForSequenceClassification",
    "DistilBertForTokenClassification",
]


class _Head(_DistilBert):
    """A head."""

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__(config)
        self.distilbert = DistilBertModel(config)
        self.make_head(config)
        self.post_init()

    def make_head(self, config: DistilBertConfig) -> None:
        """Makes the layers on top."""
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(config.dim, config.num_labels)


class _Labelled(_Head):
    """A head with one result."""

    def logits(self, x: jax.Array) -> jax.Array:
        """Of the last states."""
        return self.classifier(self.dropout(x))

    def loss(self, logits: jax.Array, labels: Given) -> jax.Array | None:
        """Of the logits and the labels, None without labels."""
        return token_loss(logits, labels)

    def forward(
        self,
        input_ids: Given = None,
        attention_mask: Given = None,
        inputs_embeds: Given = None,
        labels: Given = None,
        position_ids: Given = None,
        output_hidden_states: bool = False,
    ) -> LMOutput:
        """The logits, and the loss if there are labels; see `DistilBertModel.forward`."""
        out = self.distilbert(input_ids, attention_mask, inputs_embeds, position_ids, output_hidden_states)
        logits = self.logits(out.last_hidden_state)
        return LMOutput(self.loss(logits, labels), logits, out.hidden_states)


class DistilBertForMaskedLM(_Labelled):
    """DistilBERT with the logits of the tokens that are masked."""

    tied = {"vocab_projector.weight": "distilbert.embeddings.word_embeddings.weight"}

    def make_head(self, config: DistilBertConfig) -> None:
        self.act = activation(config.activation)
        self.vocab_transform = nn.Linear(config.dim, config.dim)
        self.vocab_layer_norm = nn.LayerNorm(config.dim, eps=1e-12)
        self.vocab_projector = nn.Linear(config.dim, config.vocab_size)

    def logits(self, x: jax.Array) -> jax.Array:
        return self.vocab_projector(self.vocab_layer_norm(self.act(self.vocab_transform(x))))


class DistilBertForSequenceClassification(_Labelled):
    """DistilBERT with classes of texts."""

    def make_head(self, config: DistilBertConfig) -> None:
        self.pre_classifier = nn.Linear(config.dim, config.dim)
        self.classifier = nn.Linear(config.dim, config.num_labels)
        self.dropout = nn.Dropout(config.seq_classif_dropout)

    def logits(self, x: jax.Array) -> jax.Array:
        return self.classifier(self.dropout(F.relu(self.pre_classifier(x[:, 0]))))

    def loss(self, logits: jax.Array, labels: Given) -> jax.Array | None:
        return text_loss(logits, labels, self.config)


class DistilBertForMultipleChoice(DistilBertForSequenceClassification):
    """DistilBERT with a choice among several texts: inputs are (N, choices, L), logits (N, choices)."""

    def make_head(self, config: DistilBertConfig) -> None:
        super().make_head(config)
        self.classifier = nn.Linear(config.dim, 1)

    def forward(
        self,
        input_ids: Given = None,
        attention_mask: Given = None,
        inputs_embeds: Given = None,
        labels: Given = None,
        position_ids: Given = None,
        output_hidden_states: bool = False,
    ) -> LMOutput:
        """The logits of each choice; ``position_ids`` are of all choices, (N * choices, L)."""
        given = [None if x is None else to_array(x, "input") for x in (input_ids, attention_mask, inputs_embeds)]
        choices = next(x.shape[1] for x in given if x is not None)
        flat = [None if x is None else x.reshape(-1, *x.shape[2:]) for x in given]
        out = self.distilbert(*flat, position_ids, output_hidden_states)
        logits = self.logits(out.last_hidden_state).reshape(-1, choices)
        return LMOutput(token_loss(logits, labels), logits, out.hidden_states)


class DistilBertForTokenClassification(_Labelled):
    """DistilBERT with classes of tokens."""


class DistilBertForQuestionAnswering(_Head):
    """DistilBERT with the ends of an answer."""

    def make_head(self, config: DistilBertConfig) -> None:
        self.qa_outputs = nn.Linear(config.dim, 2)
        self.dropout = nn.Dropout(config.qa_dropout)

    def forward(
        self,
        input_ids: Given = None,
        attention_mask: Given = None,
        inputs_embeds: Given = None,
        start_positions: Given = None,
        end_positions: Given = None,
        position_ids: Given = None,
        output_hidden_states: bool = False,
    ) -> QuestionAnsweringOutput:
        """The logits of an answer's first and last token, (N, L) each."""
        out = self.distilbert(input_ids, attention_mask, inputs_embeds, position_ids, output_hidden_states)
        both = self.qa_outputs(self.dropout(out.last_hidden_state))
        start, end = both[..., 0], both[..., 1]
        return QuestionAnsweringOutput(
            span_loss(start, end, start_positions, end_positions), start, end, out.hidden_states
        )
