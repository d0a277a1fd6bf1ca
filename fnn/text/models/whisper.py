"""Whisper (Radford et al., arXiv:2212.04356): speech, as mel spectrograms, to text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.text._losses import shifted_right, token_loss
from fnn.text.cache import KVCache
from fnn.text.models.whisper_config import WhisperConfig
from fnn.text.models.whisper_stacks import _Decoder, _Encoder
from fnn.text.outputs import BaseModelOutput, Seq2SeqLMOutput, Seq2SeqModelOutput
from fnn.text.pretrained import PreTrainedModel
from fnn.typing import ArrayLike, DType

__all__ = ["WhisperForConditionalGeneration", "WhisperModel"]


Given = ArrayLike | None


class _Whisper(PreTrainedModel[WhisperConfig]):
    config_class = WhisperConfig
    base_model_prefix = "model"
    weight_std = "init_std"

    def encode(self, input_features: ArrayLike) -> jax.Array:
        """The encoder's last states, (N, S, E), of (N, mel bands, 2 S)."""
        return self.base_model.encoder(input_features)[0]

    def make_cache(self, batch_size: int, length: int, encoder_length: int, dtype: DType | None = None) -> KVCache:
        """An empty cache for ``batch_size`` texts of up to ``length`` tokens."""
        config, decoder = self.config, self.base_model.decoder
        heads = config.decoder_attention_heads
        size = config.d_model // heads
        dtype = decoder.embed_tokens.weight.dtype if dtype is None else dtype
        cross = (batch_size, heads, encoder_length, size)
        return KVCache(config.decoder_layers, (batch_size, heads, length, size), dtype, cross)


class WhisperModel(_Whisper):
    """Whisper without a head."""

    def __init__(self, config: WhisperConfig) -> None:
        super().__init__(config)
        self.encoder = _Encoder(config)
        self.decoder = _Decoder(config)
        self.post_init()

    def post_init(self) -> None:
        super().post_init()
        self.encoder.set_positions()

    def forward(
        self,
        input_features: Given = None,
        decoder_input_ids: Given = None,
        decoder_attention_mask: Given = None,
        encoder_outputs: Any = None,
        cache: KVCache | None = None,
        decoder_inputs_embeds: Given = None,
        decoder_position_ids: Given = None,
        output_hidden_states: bool = False,
    ) -> Seq2SeqModelOutput:
        """The states of all tokens.

        Args:
            input_features: (N, mel bands, 2 S), the spectrograms.
            decoder_input_ids: (N, L) tokens.
            decoder_attention_mask: (N, L), 0 for padding.
            encoder_outputs: (N, S, E), in place of the spectrograms.
            cache: of the tokens before, and of the encoder's output.
            decoder_inputs_embeds: (N, L, E), in place of the tokens.
            decoder_position_ids: (N, L).
            output_hidden_states: whether to return the states after each block.
        """
        encoder_states = None
        if isinstance(encoder_outputs, BaseModelOutput):
            source = encoder_outputs.last_hidden_state
        elif encoder_outputs is not None:
            source = encoder_outputs
        elif input_features is None and cache is not None:
            source = None  # what is needed of it is in the cache
        elif input_features is None:
            raise ArgumentError(f"{type(self).__name__}: give input_features or encoder_outputs")
        else:
            source, encoder_states = self.encoder(input_features)
        x, states = self.decoder(
            decoder_input_ids, decoder_attention_mask, decoder_position_ids, decoder_inputs_embeds, source, cache
        )
        keep = output_hidden_states
        return Seq2SeqModelOutput(x, states if keep else None, source, encoder_states if keep else None)


class WhisperForConditionalGeneration(_Whisper):
    """Whisper with the logits of the next token."""

    tied = {"proj_out.weight": "model.decoder.embed_tokens.weight"}

    def __init__(self, config: WhisperConfig) -> None:
        super().__init__(config)
        self.model = WhisperModel(config)
        self.proj_out = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self.post_init()

    def post_init(self) -> None:
        super().post_init()
        self.model.encoder.set_positions()

    def _told(self, name: str) -> Any:
        """What the files say of generation under this name."""
        found = (self.generation_config or {}).get(name)
        if found is None:
            raise ArgumentError(f"WhisperForConditionalGeneration: generation_config has no {name}")
        return found

    def detect_language(self, input_features: ArrayLike) -> jax.Array:
        """The tokens (N,) of the languages that are spoken in (N, mel bands, 2 S), of those in ``lang_to_id``."""
        features = to_array(input_features, "input_features")
        start = jnp.full((features.shape[0], 1), self._told("decoder_start_token_id"), jnp.int32)
        languages = jnp.asarray(sorted(self._told("lang_to_id").values()), jnp.int32)
        logits = self(features, start).logits[:, -1]
        return languages[jnp.argmax(jnp.take(logits, languages, axis=-1), -1)]

    def prompt_ids(
        self,
        language: str | Sequence[str] | ArrayLike | None = None,
        task: str = "transcribe",
        timestamps: bool = False,
    ) -> jax.Array:
        """What the decoder begins with: the ``decoder_input_ids`` of `fnn.generate`.

        Its tokens stand in ``generation_config``, as in the files of the published models.

        Args:
            language: ``"en"`` or another code of ``lang_to_id``, one for all sounds or one for each; or tokens (N,), as
                `detect_language` returns them. None: of models that know one language only.
            task: a name of ``task_to_id``: ``"transcribe"``, or ``"translate"`` into English.
            timestamps: whether the text is to have them.

        Returns:
            (1, L) or (N, L).

        Raises:
            ArgumentError: there is no such language or task, or none is named and the model knows several.
        """
        what, parts = "WhisperForConditionalGeneration.prompt_ids", [self._told("decoder_start_token_id")]
        if language is None:
            if (self.generation_config or {}).get("is_multilingual", False):
                raise ArgumentError(f"{what}: language must be given for a model that knows several, got None")
            rows = jnp.zeros((1, 0), jnp.int32)
        else:
            if isinstance(language, str) or (isinstance(language, Sequence) and isinstance(language[0], str)):
                codes, known = [language] if isinstance(language, str) else list(language), self._told("lang_to_id")
                names = [code if str(code).startswith("<|") else f"<|{str(code).lower()}|>" for code in codes]
                unknown = [name for name in names if name not in known]
                if unknown:
                    raise ArgumentError(f"{what}: language must be one of {', '.join(known)}, got {unknown[0]!r}")
                language = [known[name] for name in names]
            tasks = self._told("task_to_id")
            if task not in tasks:
                raise ArgumentError(f"{what}: task must be one of {', '.join(tasks)}, got {task!r}")
            tokens = to_array(language, "language").reshape(-1, 1).astype(jnp.int32)
            rows = jnp.concatenate((tokens, jnp.full_like(tokens, tasks[task])), 1)
        last = [] if timestamps else [self._told("no_timestamps_token_id")]
        ends = [jnp.broadcast_to(jnp.asarray(x, jnp.int32)[None], (rows.shape[0], len(x))) for x in (parts, last)]
        return jnp.concatenate((ends[0], rows, ends[1]), 1)

    def forward(
        self,
        input_features: Given = None,
        decoder_input_ids: Given = None,
        decoder_attention_mask: Given = None,
        encoder_outputs: Any = None,
        cache: KVCache | None = None,
        decoder_inputs_embeds: Given = None,
        decoder_position_ids: Given = None,
        labels: Given = None,
        output_hidden_states: bool = False,
    ) -> Seq2SeqLMOutput:
        """The logits of the token after each one; see `WhisperModel.forward`.

        ``labels``, (N, L) with -100 where there is no loss, are also the decoder's inputs, shifted, if there are none.
        """
        if labels is not None and decoder_input_ids is None and decoder_inputs_embeds is None:
            start, pad = self.config.decoder_start_token_id, self.config.pad_token_id
            what = "WhisperForConditionalGeneration"
            decoder_input_ids = shifted_right(to_array(labels, "labels"), start, pad, what)
        out = self.model(
            input_features, decoder_input_ids, decoder_attention_mask, encoder_outputs, cache, decoder_inputs_embeds,
            decoder_position_ids, output_hidden_states,
        )  # fmt: skip
        logits = self.proj_out(out.last_hidden_state)
        return Seq2SeqLMOutput(
            token_loss(logits, labels), logits, out.decoder_hidden_states, out.encoder_last_hidden_state,
            out.encoder_hidden_states,
        )  # fmt: skip
