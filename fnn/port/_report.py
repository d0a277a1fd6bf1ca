"""What the conversion says of a line."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["CHANGED", "CONVERTED", "LEFT", "Note", "Status"]

Status = Literal["converted", "changed meaning", "not converted"]
CONVERTED: Status = "converted"
CHANGED: Status = "changed meaning"
LEFT: Status = "not converted"


class Note(NamedTuple):
    """One thing that was done, or was not, at a line of the original."""

    line: int
    status: Status
    text: str
    page: str = ""  # of the guide
