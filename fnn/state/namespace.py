"""What ``globals()`` and ``vars(module)`` give while a function is traced: the table, whose reads are noticed."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any, Protocol

__all__ = ["Namespace"]


class _Told(Protocol):
    def __call__(self, name: str | None, writes: bool = False) -> None: ...


# The mapping's methods come first: each goes through the ones below.
class Namespace(MutableMapping, dict):  # pyright: ignore[reportGeneralTypeIssues]
    """``table``, to which it writes through; ``told`` hears of each name, and of None where all are looked at."""

    def __init__(self, table: dict[str, Any], told: _Told) -> None:
        dict.__init__(self, table)  # for C code, which takes it for the dict that it is
        self._table, self._told = table, told

    def __getitem__(self, name: str) -> Any:
        self._told(name)
        return self._table[name]

    def __setitem__(self, name: str, value: object) -> None:
        self._told(name, writes=True)
        self._table[name] = value

    def __delitem__(self, name: str) -> None:
        self._told(name, writes=True)
        del self._table[name]

    def __iter__(self) -> Iterator[str]:
        self._told(None)
        return iter(list(self._table))

    def __len__(self) -> int:
        self._told(None)
        return len(self._table)

    def copy(self) -> dict[str, Any]:
        """A dict of the same content."""
        return dict(self.items())
