"""What CLIP returns."""

from __future__ import annotations

import jax

from fnn.text._output import BaseModelOutput, Output, _registered

__all__ = ["CLIPEmbedsOutput", "CLIPOutput"]


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
