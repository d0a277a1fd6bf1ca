"""What a compiled step is called with: the arguments of one call, what is traced apart from the objects."""

from __future__ import annotations

from typing import Any

from fnn.state.results import reordered
from fnn.typing import PyTree


class Rerun(Exception):
    """Not an error: JAX traces a finished program again, since something else than its structure changed."""


class Call:
    """The arguments of one call: what is traced, and the objects."""

    __slots__ = ("drawn", "dynamic", "objects", "order", "pattern", "treedef")

    def __init__(
        self, treedef: PyTree, pattern: tuple[int, ...], dynamic: list[Any], objects: list[Any], order: object = None
    ) -> None:
        self.treedef, self.pattern, self.dynamic, self.objects = treedef, pattern, dynamic, objects
        self.order = order  # of the keys of dicts, where it is not JAX's
        self.drawn: list[Any] = []  # its seed, which is the same for a program that turns out not to fit and the next

    @property
    def order_key(self) -> Any:
        """The order of the keys as something to look up by."""
        return None if self.order is None else _frozen(self.order)

    def replaced(self, dynamic: list[Any], objects: list[Any]) -> Call:
        """The call with other leaves."""
        call = Call(self.treedef, self.pattern, dynamic, objects, self.order)
        call.drawn = self.drawn
        return call

    def arguments(self, dynamic: Any) -> tuple[tuple, dict[str, Any]]:
        """``(args, kwargs)`` with these values of what is traced."""
        sources = (iter(dynamic), iter(self.objects))
        given = self.treedef.unflatten([next(sources[kind]) for kind in self.pattern])
        return given if self.order is None else reordered(given, self.order)


def _frozen(order: object) -> Any:
    if isinstance(order, dict):
        return tuple((key, _frozen(part)) for key, part in order.items())
    return tuple(map(_frozen, order)) if isinstance(order, list) else order
