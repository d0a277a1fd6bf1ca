"""GPT-2's heads: a language model, and classifiers of texts, tokens and spans."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.text._activations import activation
from fnn.text._heads import last_logits, last_token
from fnn.text._losses import next_token_loss, span_loss, text_loss, token_loss
from fnn.text.cache import KVCache
from fnn.text.models.gpt2 import _GPT2, GPT2Config, GPT2Model
from fnn.text.outputs import DoubleHeadsOutput, LMOutput, QuestionAnsweringOutput
from fnn.typing import ArrayLike, DType

__all__ = [
    "GPT2DoubleHeadsModel", "GPT2ForQuestionAnswering", "GPT2ForSequenceClassification", "GPT2ForTokenClassification",
    "GPT2LMHeadModel",
]  # fmt: skip


class GPT2LMHeadModel(_GPT2):
    """GPT-2 with the logits of the next token."""

    tied = {"lm_head.weight": "transformer.wte.weight"}

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.transformer = GPT2Model(config)
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.post_init()

    def make_cache(self, batch_size: int, length: int, dtype: DType | None = None) -> KVCache:
        """An empty cache for ``batch_size`` texts of up to ``length`` tokens."""
        return self.transformer.make_cache(batch_size, length, dtype)

    def forward(
        self,
        input_ids: ArrayLike | None = None,
        attention_mask: ArrayLike | None = None,
        position_ids: ArrayLike | None = None,
        cache: KVCache | None = None,
        inputs_embeds: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        output_hidden_states: bool = False,
        logits_to_keep: int = 0,
        token_type_ids: ArrayLike | None = None,
    ) -> LMOutput:
        """The logits of the token after each one; see `GPT2Model.forward`.

        Args:
            input_ids: (N, L).
            attention_mask: (N, S).
            position_ids: (N, L).
            cache: of the tokens before.
            inputs_embeds: (N, L, E).
            labels: (N, L), the tokens themselves; -100 where there is no loss.
            output_hidden_states: whether to return all states.
            logits_to_keep: compute the logits of so many last places only; 0: of all.
            token_type_ids: (N, L).
        """
        out = self.transformer(
            input_ids, attention_mask, position_ids, cache, inputs_embeds, output_hidden_states, token_type_ids
        )
        logits = self.lm_head(last_logits(out.last_hidden_state, logits_to_keep))
        return LMOutput(next_token_loss(logits, labels), logits, out.hidden_states)


class _Summary(nn.Module):
    """The state of one token, projected."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        if config.summary_type != "cls_index":
            raise ArgumentError(f"GPT2DoubleHeadsModel: summary_type must be 'cls_index', got {config.summary_type!r}")
        out = 1 if config.summary_proj_to_labels else config.n_embd
        self.summary = nn.Linear(config.n_embd, out) if config.summary_use_proj else nn.Identity()
        self.first_dropout = nn.Dropout(config.summary_first_dropout)
        self.act = None if config.summary_activation is None else activation(config.summary_activation)

    def forward(self, x: jax.Array, token: ArrayLike | None) -> jax.Array:
        """(*, L, E) and the places (*) -> (*, E) or (*, 1)."""
        if token is None:
            x = x[..., -1, :]
        else:
            x = jnp.take_along_axis(x, to_array(token, "mc_token_ids")[..., None, None], -2)[..., 0, :]
        x = self.summary(self.first_dropout(x))
        return x if self.act is None else self.act(x)


class GPT2DoubleHeadsModel(_GPT2):
    """GPT-2 with the logits of the next token and a choice among several texts: inputs are (N, choices, L)."""

    tied = {"lm_head.weight": "transformer.wte.weight"}

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.transformer = GPT2Model(config)
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.multiple_choice_head = _Summary(config)
        self.post_init()

    def forward(
        self,
        input_ids: ArrayLike | None = None,
        attention_mask: ArrayLike | None = None,
        token_type_ids: ArrayLike | None = None,
        position_ids: ArrayLike | None = None,
        inputs_embeds: ArrayLike | None = None,
        mc_token_ids: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        mc_labels: ArrayLike | None = None,
        output_hidden_states: bool = False,
    ) -> DoubleHeadsOutput:
        """The logits of the token after each one, and of each choice.

        Args:
            input_ids: (N, choices, L).
            attention_mask: (N, choices, L), 0 for padding.
            token_type_ids: (N, choices, L), further tokens whose embeddings are added.
            position_ids: (N * choices, L).
            inputs_embeds: (N, choices, L, E), in place of the tokens.
            mc_token_ids: (N, choices), the place of the token whose state is chosen by; None: the last.
            labels: (N, choices, L), the tokens themselves; -100 where there is no loss.
            mc_labels: (N,), which choice is right.
            output_hidden_states: whether to return all states, (N * choices, L, E), the last (N, choices, L, E).
        """
        names = ("input_ids", "attention_mask", "token_type_ids", "inputs_embeds")
        given = zip(names, (input_ids, attention_mask, token_type_ids, inputs_embeds), strict=True)
        arrays = {name: to_array(x, name) for name, x in given if x is not None}
        flat = {name: x.reshape(-1, *x.shape[2:]) for name, x in arrays.items()}
        out = self.transformer(**flat, position_ids=position_ids, output_hidden_states=output_hidden_states)
        shape = next(x.shape[:2] for x in arrays.values())
        x = out.last_hidden_state.reshape(*shape, *out.last_hidden_state.shape[1:])
        logits, choice = self.lm_head(x), self.multiple_choice_head(x, mc_token_ids)
        choice = choice[..., 0] if choice.shape[-1] == 1 else choice
        loss = None if labels is None else token_loss(logits[..., :-1, :], to_array(labels, "labels")[..., 1:])
        states = None if out.hidden_states is None else (*out.hidden_states[:-1], x)
        return DoubleHeadsOutput(loss, token_loss(choice, mc_labels), logits, choice, states)


class GPT2ForSequenceClassification(_GPT2):
    """GPT-2 with classes of texts, read at the last token that is no padding."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.transformer = GPT2Model(config)
        self.score = nn.Linear(config.n_embd, config.num_labels, bias=False)
        self.post_init()

    def forward(
        self,
        input_ids: ArrayLike | None = None,
        attention_mask: ArrayLike | None = None,
        position_ids: ArrayLike | None = None,
        inputs_embeds: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        output_hidden_states: bool = False,
    ) -> LMOutput:
        """The logits of each text's class, (N, C)."""
        out = self.transformer(input_ids, attention_mask, position_ids, None, inputs_embeds, output_hidden_states)
        each = self.score(out.last_hidden_state)
        logits = last_token(input_ids, each, self.config.pad_token_id, "GPT2ForSequenceClassification")
        return LMOutput(text_loss(logits, labels, self.config), logits, out.hidden_states)


class GPT2ForTokenClassification(_GPT2):
    """GPT-2 with classes of tokens."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.transformer = GPT2Model(config)
        self.dropout = nn.Dropout(0.1 if config.classifier_dropout is None else config.classifier_dropout)
        self.classifier = nn.Linear(config.n_embd, config.num_labels)
        self.post_init()

    def forward(
        self,
        input_ids: ArrayLike | None = None,
        attention_mask: ArrayLike | None = None,
        position_ids: ArrayLike | None = None,
        inputs_embeds: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        output_hidden_states: bool = False,
    ) -> LMOutput:
        """The logits of each token's class, (N, L, C)."""
        out = self.transformer(input_ids, attention_mask, position_ids, None, inputs_embeds, output_hidden_states)
        logits = self.classifier(self.dropout(out.last_hidden_state))
        return LMOutput(token_loss(logits, labels), logits, out.hidden_states)


class GPT2ForQuestionAnswering(_GPT2):
    """GPT-2 with the ends of an answer."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.transformer = GPT2Model(config)
        self.qa_outputs = nn.Linear(config.n_embd, 2)
        self.post_init()

    def forward(
        self,
        input_ids: ArrayLike | None = None,
        attention_mask: ArrayLike | None = None,
        position_ids: ArrayLike | None = None,
        inputs_embeds: ArrayLike | None = None,
        start_positions: ArrayLike | None = None,
        end_positions: ArrayLike | None = None,
        output_hidden_states: bool = False,
    ) -> QuestionAnsweringOutput:
        """The logits of an answer's first and last token, (N, L) each."""
        out = self.transformer(input_ids, attention_mask, position_ids, None, inputs_embeds, output_hidden_states)
        logits = self.qa_outputs(out.last_hidden_state)
        start, end = logits[..., 0], logits[..., 1]
        loss = span_loss(start, end, start_positions, end_positions)
        return QuestionAnsweringOutput(loss, start, end, out.hidden_states)
