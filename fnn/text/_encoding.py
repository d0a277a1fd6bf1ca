"""The tokens of texts, as models take them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Encoding:
    """The tokens of a text, or of several.

    Attributes:
        input_ids: a list for each text, or one list for one text; an array (N, L) where arrays were asked for.
        attention_mask: of the same form: 1, and 0 for padding.
        token_type_ids: of the same form: the segment of each token.

    Example:
        >>> from fnn import text
        >>> encoding = text.Encoding(input_ids=[[5, 6, 0]], attention_mask=[[1, 1, 0]], token_type_ids=[[0, 0, 0]])
        >>> encoding["input_ids"], sum(encoding.attention_mask[0])
        ([[5, 6, 0]], 2)
    """

    input_ids: Any
    attention_mask: Any
    token_type_ids: Any

    def keys(self) -> tuple[str, ...]:
        """The names, so that ``model(**encoding)`` works for models that take all three."""
        return ("input_ids", "attention_mask", "token_type_ids")

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)
