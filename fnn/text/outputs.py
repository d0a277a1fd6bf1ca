"""What models return: named arrays, of which those that were not asked for are None.

An output is a pytree, so it goes through transforms, and a sequence of what it has, as transformers' outputs are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, dataclass_transform

import jax

__all__ = [
    "BaseModelOutput", "CLIPOutput", "LMOutput", "Output", "QuestionAnsweringOutput", "Seq2SeqLMOutput",
    "Seq2SeqModelOutput",
]  # fmt: skip

_T = TypeVar("_T", bound=type)


@dataclass_transform(frozen_default=True, eq_default=False)
def _registered(cls: _T) -> _T:
    """``cls`` as a frozen dataclass that is a pytree."""
    made = dataclass(frozen=True, eq=False)(cls)
    jax.tree_util.register_dataclass(made, [f.name for f in dataclasses.fields(made)], [])
    return made


@_registered
class Output:
    """The base of outputs: fields by name, ``output["logits"]`` and ``output[0]``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import text
        >>> output = text.outputs.LMOutput(logits=jnp.zeros((1, 2, 3)))
        >>> output.loss is None, output[0].shape, output.keys()
        (True, (1, 2, 3), ('logits',))
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def keys(self) -> tuple[str, ...]:
        """The names of the fields that are not None."""
        return tuple(f.name for f in dataclasses.fields(self) if getattr(self, f.name) is not None)

    def to_tuple(self) -> tuple[Any, ...]:
        """The fields that are not None."""
        return tuple(getattr(self, name) for name in self.keys())

    def __getitem__(self, index: str | int | slice) -> Any:
        return getattr(self, index) if isinstance(index, str) else self.to_tuple()[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.to_tuple())

    def __len__(self) -> int:
        return len(self.keys())


@_registered
class BaseModelOutput(Output):
    """Of a model without a head.

    Attributes:
        last_hidden_state: (N, L, E).
        pooler_output: (N, E), of one position of each sequence, where the model has it.
        hidden_states: (N, L, E) each: before the first layer, after each layer; on demand.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import text
        >>> output = text.outputs.BaseModelOutput(last_hidden_state=jnp.zeros((1, 3, 4)))
        >>> output.last_hidden_state.shape, output.pooler_output is None, output.keys()
        ((1, 3, 4), True, ('last_hidden_state',))
    """

    last_hidden_state: jax.Array | None = None
    pooler_output: jax.Array | None = None
    hidden_states: tuple[jax.Array, ...] | None = None


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
class CLIPOutput(Output):
    """Of both of CLIP's towers.

    Attributes:
        loss: a scalar, on demand.
        logits_per_image: (images, texts).
        logits_per_text: (texts, images).
        text_embeds: (texts, P), of length 1.
        image_embeds: (images, P), of length 1.
        text_model_output: a `BaseModelOutput`.
        vision_model_output: a `BaseModelOutput`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import text
        >>> output = text.outputs.CLIPOutput(logits_per_image=jnp.array([[9.0, 2.0]]))
        >>> int(output.logits_per_image.argmax(1)[0])  # the text that fits the first image best
        0
    """

    loss: jax.Array | None = None
    logits_per_image: jax.Array | None = None
    logits_per_text: jax.Array | None = None
    text_embeds: jax.Array | None = None
    image_embeds: jax.Array | None = None
    text_model_output: BaseModelOutput | None = None
    vision_model_output: BaseModelOutput | None = None


@_registered
class CLIPEmbedsOutput(Output):
    """Of one of CLIP's towers with its projection.

    Attributes:
        embeds: (N, P).
        last_hidden_state: (N, L, E).
        hidden_states: see `BaseModelOutput`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import text
        >>> text.outputs.CLIPEmbedsOutput(embeds=jnp.zeros((1, 3)))["embeds"].shape
        (1, 3)
    """

    embeds: jax.Array | None = None
    last_hidden_state: jax.Array | None = None
    hidden_states: tuple[jax.Array, ...] | None = None
