"""The names under which an object with boxes describes itself: see `fnn.state.describe`."""

from __future__ import annotations

from fnn.state.describe import Survey as Gather
from fnn.state.describe import register_constant

__all__ = ["Gather", "Identity", "register_constant"]


class Identity:
    """A value compared by identity, and kept alive so that the identity stays unique."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)

    def __repr__(self) -> str:
        return repr(self.value)
