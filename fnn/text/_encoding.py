"""The tokens of texts, as models take them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fnn.errors import ArgumentError


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


Row = tuple[list[int], list[int], list[int]]


def padded(row: Row, length: int, side: str, pad: int | None, kind: int) -> Row:
    """Tokens, mask and segments of a text, with padding up to a length.

    Args:
        row: the three lists.
        length: how long they are to be at least.
        side: ``"left"`` or ``"right"``.
        pad: the token of the padding.
        kind: its segment.

    Raises:
        ArgumentError: there is no such side, or no such token.
    """
    if side not in ("left", "right"):
        raise ArgumentError(f"Tokenizer: padding_side must be 'left' or 'right', got {side!r}")
    if pad is None:
        raise ArgumentError("Tokenizer: padding needs a pad_token; set tokenizer.special['pad_token']")
    more = max(0, length - len(row[0]))
    ids, mask, kinds = (
        [value] * more + part if side == "left" else part + [value] * more
        for part, value in zip(row, (pad, 0, kind), strict=True)
    )
    return ids, mask, kinds
