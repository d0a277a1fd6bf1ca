"""What models with an encoder and a decoder return."""

from __future__ import annotations

import jax

from fnn.text._output import Output, _registered

__all__ = ["Seq2SeqLMOutput", "Seq2SeqModelOutput", "Seq2SeqQuestionAnsweringOutput"]


@_registered
class Seq2SeqModelOutput(Output):
    """Of an encoder and a decoder.

    Attributes:
        last_hidden_state: (N, L, E), the decoder's.
        decoder_hidden_states: see `BaseModelOutput`.
        encoder_last_hidden_state: (N, S, E).
        encoder_hidden_states: see `BaseModelOutput`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import text
        >>> x, encoded = jnp.zeros((1, 2, 4)), jnp.zeros((1, 3, 4))
        >>> output = text.outputs.Seq2SeqModelOutput(x, encoder_last_hidden_state=encoded)
        >>> [array.shape for array in output]
        [(1, 2, 4), (1, 3, 4)]
    """

    last_hidden_state: jax.Array | None = None
    decoder_hidden_states: tuple[jax.Array, ...] | None = None
    encoder_last_hidden_state: jax.Array | None = None
    encoder_hidden_states: tuple[jax.Array, ...] | None = None


@_registered
class Seq2SeqLMOutput(Output):
    """Of an encoder and a decoder with a head for tokens.

    Attributes:
        loss: a scalar, where there are labels.
        logits: (N, L, V).
        decoder_hidden_states: see `BaseModelOutput`.
        encoder_last_hidden_state: (N, S, E).
        encoder_hidden_states: see `BaseModelOutput`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import text
        >>> logits, encoded = jnp.zeros((1, 2, 8)), jnp.zeros((1, 3, 4))
        >>> output = text.outputs.Seq2SeqLMOutput(logits=logits, encoder_last_hidden_state=encoded)
        >>> output.keys()
        ('logits', 'encoder_last_hidden_state')
    """

    loss: jax.Array | None = None
    logits: jax.Array | None = None
    decoder_hidden_states: tuple[jax.Array, ...] | None = None
    encoder_last_hidden_state: jax.Array | None = None
    encoder_hidden_states: tuple[jax.Array, ...] | None = None


@_registered
class Seq2SeqQuestionAnsweringOutput(Output):
    """Of an encoder and a decoder with the ends of an answer.

    Attributes:
        loss: a scalar, where there are positions.
        start_logits: (N, L), of the first token.
        end_logits: (N, L), of the last.
        decoder_hidden_states: see `BaseModelOutput`.
        encoder_last_hidden_state: (N, S, E).
        encoder_hidden_states: see `BaseModelOutput`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import text
        >>> start, end = jnp.array([[0.0, 3.0]]), jnp.array([[1.0, 2.0]])
        >>> output = text.outputs.Seq2SeqQuestionAnsweringOutput(start_logits=start, end_logits=end)
        >>> int(output.start_logits.argmax()), output.keys()
        (1, ('start_logits', 'end_logits'))
    """

    loss: jax.Array | None = None
    start_logits: jax.Array | None = None
    end_logits: jax.Array | None = None
    decoder_hidden_states: tuple[jax.Array, ...] | None = None
    encoder_last_hidden_state: jax.Array | None = None
    encoder_hidden_states: tuple[jax.Array, ...] | None = None
