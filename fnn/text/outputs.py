"""What models return, by the kind of head; see `Output`."""

from __future__ import annotations

import jax

from fnn.text._output import BaseModelOutput, Output, _registered
from fnn.text._outputs_clip import CLIPEmbedsOutput, CLIPOutput
from fnn.text._outputs_seq2seq import Seq2SeqLMOutput, Seq2SeqModelOutput, Seq2SeqQuestionAnsweringOutput

__all__ = [
    "BaseModelOutput", "CLIPEmbedsOutput", "CLIPOutput", "DoubleHeadsOutput", "LMOutput", "MaskedImageOutput",
    "Output", "PreTrainingOutput", "QuestionAnsweringOutput", "Seq2SeqLMOutput", "Seq2SeqModelOutput",
    "Seq2SeqQuestionAnsweringOutput",
]  # fmt: skip


@_registered
class LMOutput(Output):
    """Of a head with one result: language models, classifiers.

    Attributes:
        loss: a scalar, where there are labels.
        logits: (N, L, V) of tokens, (N, C) of texts and images.
        hidden_states: see `BaseModelOutput`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import text
        >>> loss, logits = text.outputs.LMOutput(loss=jnp.array(2.5), logits=jnp.zeros((1, 3, 8)))
        >>> float(loss), logits.shape
        (2.5, (1, 3, 8))
    """

    loss: jax.Array | None = None
    logits: jax.Array | None = None
    hidden_states: tuple[jax.Array, ...] | None = None


@_registered
class PreTrainingOutput(Output):
    """Of BERT with both heads of its training.

    Attributes:
        loss: a scalar, where there are labels.
        prediction_logits: (N, L, V).
        seq_relationship_logits: (N, 2).
        hidden_states: see `BaseModelOutput`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import text
        >>> output = text.outputs.PreTrainingOutput(None, jnp.zeros((1, 3, 8)), jnp.zeros((1, 2)))
        >>> output["seq_relationship_logits"].shape
        (1, 2)
    """

    loss: jax.Array | None = None
    prediction_logits: jax.Array | None = None
    seq_relationship_logits: jax.Array | None = None
    hidden_states: tuple[jax.Array, ...] | None = None


@_registered
class QuestionAnsweringOutput(Output):
    """Of a head that finds a span.

    Attributes:
        loss: a scalar, where there are positions.
        start_logits: (N, L).
        end_logits: (N, L).
        hidden_states: see `BaseModelOutput`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import text
        >>> output = text.outputs.QuestionAnsweringOutput(
        ...     start_logits=jnp.array([[0.0, 4.0, 1.0]]), end_logits=jnp.array([[0.0, 1.0, 4.0]])
        ... )
        >>> int(output.start_logits.argmax()), int(output.end_logits.argmax())
        (1, 2)
    """

    loss: jax.Array | None = None
    start_logits: jax.Array | None = None
    end_logits: jax.Array | None = None
    hidden_states: tuple[jax.Array, ...] | None = None


@_registered
class MaskedImageOutput(Output):
    """Of a head that restores images.

    Attributes:
        loss: a scalar, where patches are masked.
        reconstruction: (N, C, H, W).
        hidden_states: see `BaseModelOutput`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import text
        >>> text.outputs.MaskedImageOutput(reconstruction=jnp.zeros((1, 3, 4, 4))).keys()
        ('reconstruction',)
    """

    loss: jax.Array | None = None
    reconstruction: jax.Array | None = None
    hidden_states: tuple[jax.Array, ...] | None = None


@_registered
class DoubleHeadsOutput(Output):
    """Of GPT-2 with the next token's logits and those of a choice.

    Attributes:
        loss: a scalar, where there are labels of tokens.
        mc_loss: a scalar, where there are labels of the choice.
        logits: (N, choices, L, V).
        mc_logits: (N, choices).
        hidden_states: see `BaseModelOutput`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import text
        >>> int(text.outputs.DoubleHeadsOutput(mc_logits=jnp.array([[1.0, 4.0]])).mc_logits.argmax())
        1
    """

    loss: jax.Array | None = None
    mc_loss: jax.Array | None = None
    logits: jax.Array | None = None
    mc_logits: jax.Array | None = None
    hidden_states: tuple[jax.Array, ...] | None = None
