"""Tokenizers: ``tokenizer.json`` by the tokenizers library, and what transformers keeps beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import jax.numpy as jnp
import numpy as np

from fnn.errors import ArgumentError
from fnn.text._chat import Message, rendered
from fnn.text._encoding import Encoding, padded
from fnn.text.config import read_json
from fnn.text.hub import fetched
from fnn.typing import ArrayLike

__all__ = ["Encoding", "Tokenizer"]

NEEDS_TOKENIZERS = 'tokenizers need the tokenizers library: pip install "fnn[text]"'
_SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


class Tokenizer:
    """Text to tokens and back.

    Args:
        tokenizer: of the tokenizers library, or the content of a ``tokenizer.json``.
        config: the content of ``tokenizer_config.json``: special tokens, ``padding_side``, ``model_max_length``,
            ``chat_template``.

    Example:
        >>> import json
        >>> from fnn import text
        >>> words = {"[PAD]": 0, "hello": 1, "world": 2, "[UNK]": 3}
        >>> model = {"type": "WordLevel", "vocab": words, "unk_token": "[UNK]"}
        >>> content = {"version": "1.0", "model": model, "pre_tokenizer": {"type": "Whitespace"}}
        >>> tokenizer = text.Tokenizer(json.dumps(content), {"pad_token": "[PAD]"})
        >>> tokenizer(["hello world", "world"], padding=True).input_ids
        [[1, 2], [2, 0]]
        >>> tokenizer.decode([1, 2])
        'hello world'
    """

    def __init__(self, tokenizer: Any, config: Mapping[str, Any] | None = None) -> None:
        try:
            import tokenizers
        except ImportError as error:
            raise ImportError(NEEDS_TOKENIZERS) from error
        if isinstance(tokenizer, str):
            try:
                tokenizer = tokenizers.Tokenizer.from_str(tokenizer)
            except Exception as error:  # the library raises no narrower class
                raise ArgumentError(f"Tokenizer: not the content of a tokenizer.json: {error}") from error
        self.backend: Any = tokenizer
        self.backend.no_padding()
        self.backend.no_truncation()
        self.config: dict[str, Any] = dict(config or {})
        self.padding_side: str = self.config.get("padding_side", "right")
        self.chat_template: Any = self.config.get("chat_template")
        longest = self.config.get("model_max_length")
        self.model_max_length: int | None = int(longest) if longest is not None and longest < 1e15 else None
        self.special: dict[str, str] = {}
        for name in _SPECIAL:
            given = self.config.get(name)
            text = given.get("content") if isinstance(given, Mapping) else given
            if isinstance(text, str):
                self.special[name] = text
        unknown = [text for text in self.special.values() if self.backend.token_to_id(text) is None]
        if unknown:
            self.backend.add_special_tokens(unknown)

    @classmethod
    def from_pretrained(
        cls,
        name: str | os.PathLike[str],
        *,
        revision: str = "main",
        token: str | None = None,
        local_files_only: bool = False,
    ) -> Self:
        """The tokenizer of a folder, or of a repository on the Hugging Face hub.

        Args:
            name: a folder with ``tokenizer.json``, or the name of a repository.
            revision: of a repository.
            token: of a private repository.
            local_files_only: whether to look only at what has been downloaded before.

        Raises:
            ArgumentError: there is no such folder or repository, or it has no ``tokenizer.json``.
        """
        how: dict[str, Any] = {"revision": revision, "token": token, "local_files_only": local_files_only}
        path = fetched(name, "tokenizer.json", **how)
        assert path is not None
        config: dict[str, Any] = {}
        for file in ("special_tokens_map.json", "tokenizer_config.json"):
            found = fetched(name, file, optional=True, **how)
            config |= {} if found is None else read_json(found)
        template = fetched(name, "chat_template.jinja", optional=True, **how)
        if template is not None:
            config["chat_template"] = template.read_text(encoding="utf-8")
        return cls(path.read_text(encoding="utf-8"), config)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Writes ``tokenizer.json`` and ``tokenizer_config.json``."""
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        self.backend.save(str(path / "tokenizer.json"))
        text = json.dumps(self.config, indent=2, ensure_ascii=False)
        (path / "tokenizer_config.json").write_text(text + "\n", encoding="utf-8")

    # -- tokens ------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self.backend.get_vocab_size(with_added_tokens=True)

    def token_id(self, name: str) -> int | None:
        """The number of a special token, such as ``"pad_token"``; None if there is none."""
        return self.backend.token_to_id(self.special[name]) if name in self.special else None

    @property
    def pad_token_id(self) -> int | None:
        """The number of the token that fills up shorter texts."""
        return self.token_id("pad_token")

    @property
    def eos_token_id(self) -> int | None:
        """The number of the token that ends a text."""
        return self.token_id("eos_token")

    @property
    def bos_token_id(self) -> int | None:
        """The number of the token that begins a text."""
        return self.token_id("bos_token")

    def __call__(
        self,
        text: str | Sequence[str],
        text_pair: str | Sequence[str] | None = None,
        *,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool = False,
        max_length: int | None = None,
        padding_side: str | None = None,
        return_tensors: str | None = None,
    ) -> Encoding:
        """The tokens of a text, or of each of several.

        Args:
            text: a text, or a list.
            text_pair: what comes behind it, as a second segment.
            add_special_tokens: whether to put the tokens around texts that the tokenizer says.
            padding: True or ``"longest"``: to the longest; ``"max_length"``: to ``max_length``.
            truncation: whether to cut what is longer than ``max_length``.
            max_length: None: the configuration's ``model_max_length``.
            padding_side: ``"left"`` or ``"right"``; None: the configuration's. Generation needs ``"left"``.
            return_tensors: ``"np"`` or ``"jax"`` for arrays (N, L); None: lists.

        Raises:
            ArgumentError: padding without a padding token, or texts of several lengths as arrays.
        """
        one = isinstance(text, str)
        texts = [text] if isinstance(text, str) else list(text)
        pairs = [text_pair] if isinstance(text_pair, str) else None if text_pair is None else list(text_pair)
        if pairs is not None and len(pairs) != len(texts):
            raise ArgumentError(f"Tokenizer: text_pair must be as many as text, got {len(pairs)} and {len(texts)}")
        if padding not in (True, False, "longest", "max_length", "do_not_pad"):
            raise ArgumentError(f"Tokenizer: padding must be a bool, 'longest' or 'max_length', got {padding!r}")
        if return_tensors not in (None, "np", "jax"):
            raise ArgumentError(f"Tokenizer: return_tensors must be None, 'np' or 'jax', got {return_tensors!r}")
        limit = self.model_max_length if max_length is None else max_length
        if (truncation or padding == "max_length") and limit is None:
            raise ArgumentError("Tokenizer: give max_length, for the configuration has no model_max_length")
        self.backend.no_truncation()
        if truncation:
            self.backend.enable_truncation(limit)
        batch = texts if pairs is None else list(zip(texts, pairs, strict=True))
        try:
            found = self.backend.encode_batch(batch, add_special_tokens=add_special_tokens)
        finally:
            self.backend.no_truncation()
        rows = [(list(e.ids), [1] * len(e.ids), list(e.type_ids)) for e in found]
        if padding in (True, "longest", "max_length"):
            longest = limit if padding == "max_length" else max((len(ids) for ids, _, _ in rows), default=0)
            kind = self.config.get("pad_token_type_id", 0)
            rows = [
                padded(row, longest or 0, padding_side or self.padding_side, self.pad_token_id, kind) for row in rows
            ]
        ids, mask, kinds = ([row[n] for row in rows] for n in range(3))
        if return_tensors is None:
            return Encoding(ids[0], mask[0], kinds[0]) if one else Encoding(ids, mask, kinds)
        if len({len(row) for row in ids}) > 1:
            raise ArgumentError("Tokenizer: texts of several lengths make no array; pass padding=True")
        arrays = [np.asarray(part, np.int32) for part in (ids, mask, kinds)]
        return Encoding(*(arrays if return_tensors == "np" else map(jnp.asarray, arrays)))

    def encode(self, text: str, text_pair: str | None = None, *, add_special_tokens: bool = True) -> list[int]:
        """The tokens of one text."""
        return self(text, text_pair, add_special_tokens=add_special_tokens).input_ids

    def decode(self, ids: Sequence[int] | ArrayLike, *, skip_special_tokens: bool = False) -> str:
        """The text of some tokens.

        Args:
            ids: (L,).
            skip_special_tokens: whether to leave out those that are no text.
        """
        numbers = [int(n) for n in np.asarray(ids).reshape(-1)]
        return self.backend.decode(numbers, skip_special_tokens=skip_special_tokens)

    def batch_decode(self, ids: Sequence[Any] | ArrayLike, *, skip_special_tokens: bool = False) -> list[str]:
        """The text of each of several rows of tokens."""
        rows: Any = ids if isinstance(ids, (list, tuple)) else np.asarray(ids)
        return [self.decode(row, skip_special_tokens=skip_special_tokens) for row in rows]

    # -- chats -------------------------------------------------------------------------------------------

    def apply_chat_template(
        self,
        messages: Sequence[Message],
        *,
        add_generation_prompt: bool = False,
        tokenize: bool = True,
        tools: Sequence[Mapping[str, Any]] | None = None,
        **variables: Any,
    ) -> Any:
        """A conversation as the model was trained on it.

        The template comes with the files and is run in a sandbox, where it can neither reach Python nor change
        anything.

        Args:
            messages: ``{"role": ..., "content": ...}`` each.
            add_generation_prompt: whether to end with what begins the model's answer.
            tokenize: whether to return tokens; else the text.
            tools: what the model may call, for templates that know of it.
            **variables: further variables of the template.

        Returns:
            A list of tokens, or a text.

        Raises:
            ArgumentError: there is no template, or it refuses the messages.
        """
        text = rendered(
            self.chat_template, messages, tools=tools, add_generation_prompt=add_generation_prompt,
            **{**self.special, **variables},
        )  # fmt: skip
        return self.encode(text, add_special_tokens=False) if tokenize else text
