"""How values are compared that do not stand for themselves: by identity, or by what is in them."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["Content", "Identity", "Same"]

_NOTHING = object()


class Same:
    """A value compared by identity; it is not kept alive where it can be referred to weakly."""

    __slots__ = ("_hash", "_value", "ref")

    def __init__(self, value: object) -> None:
        self._hash = hash(id(value))
        value = _NOTHING if value is None else value  # a reference to what is gone gives None
        self._value = None
        try:
            self.ref: Callable[[], Any] = weakref.ref(value)
        except TypeError:
            self._value = value
            self.ref = self._kept

    def _kept(self) -> Any:
        return self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Same):
            return False
        mine = self.ref()
        return mine is not None and mine is other.ref()

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"Same({self.ref()!r})"


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


class Content:
    """The content of a numpy array, which may be written to at any time."""

    __slots__ = ("dtype", "raw", "shape")

    def __init__(self, value: np.ndarray) -> None:
        self.shape, self.dtype = value.shape, value.dtype
        self.raw = value.tobytes() if not value.dtype.hasobject else tuple(map(Same, value.ravel().tolist()))

    def matches(self, value: object) -> bool:
        """Whether ``value`` is an array of this content."""
        return isinstance(value, np.ndarray) and Content(value) == self

    def restore(self, value: np.ndarray) -> None:
        """Writes the content back."""
        if isinstance(self.raw, bytes):
            value[...] = np.frombuffer(self.raw, self.dtype).reshape(self.shape)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Content)
            and self.shape == other.shape
            and self.dtype == other.dtype
            and self.raw == other.raw
        )

    def __hash__(self) -> int:
        return hash((self.shape, self.raw))
