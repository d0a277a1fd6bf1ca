"""What a program's trace read, as descriptions: `Template.match` asks the same of other objects.

It walks the places from other roots: where all descriptions are equal, the program is theirs too, and the walk has
found their boxes in the program's order.
"""

from __future__ import annotations

import types
from typing import Any, cast

from fnn.state.describe import Survey
from fnn.state.places import ANYTHING, MISSING, Place, fetch

__all__ = ["Log", "Template", "is_number"]


class Log:
    """The description of a list, dict or set to which the trace added plain values.

    Another one fits that holds what was there before, and for what was added the same or nothing.
    """

    __slots__ = ("_added", "_before", "_cls")

    def __init__(self, cls: type, before: Any, now: Any) -> None:
        self._cls, self._before = cls, before
        self._added = {k: v for k, v in now.items() if k not in before} if cls is dict else None

    def admits(self, value: Any) -> bool:
        """Whether ``value`` fits."""
        if type(value) is not self._cls or len(value) < len(self._before):
            return False
        if self._cls is list:
            return all(map(_alike, value, self._before))
        if self._cls is set:
            return value.issuperset(self._before)
        return all(name in value and _alike(value[name], held) for name, held in self._before.items()) and all(
            name not in value or _alike(value[name], held) for name, held in cast(Any, self._added).items()
        )


def _alike(a: object, b: object) -> bool:
    return a is b or (type(a) is type(b) and a == b)


class Template:
    """What a program's trace read, without the objects that it read it from."""

    def __init__(self, roots: tuple[Any, ...], places: list[Place], prints: list[Any], avals: tuple[Any, ...]) -> None:
        self.roots, self.places, self.prints, self.avals = roots, places, prints, avals

    def match(self, roots: list[Any]) -> Survey | None:
        """The survey of these roots if they are described alike in everything that was read, else None."""
        survey = Survey()
        if not self._same_roots(survey, roots):
            return None
        for place, expected in zip(self.places, self.prints, strict=True):
            if place.node >= len(survey.nodes):
                return None
            value = fetch(survey.nodes[place.node], place)
            if is_number(expected) and type(value) is cast(Any, expected)[1]:
                continue
            if type(expected) is Log:
                if not expected.admits(value):
                    return None
                survey.skip(value)
            elif (MISSING if value is MISSING else survey.value(value)) != expected:
                return None
        if len(survey.boxes) != len(self.avals):
            return None
        for box, aval in zip(survey.boxes, self.avals, strict=True):
            value = box._value
            if aval is not ANYTHING and (None if value is None else (value.shape, value.dtype)) != aval:
                return None
        return survey

    def _same_roots(self, survey: Survey, roots: list[Any]) -> bool:
        if len(roots) != len(self.roots):
            return False
        return all(
            type(root) is cast(Any, expected)[1] if _is_unread(expected) else survey.root(root) == expected
            for root, expected in zip(roots, self.roots, strict=True)
        )

    def texts(self, roots: list[Any]) -> frozenset[int]:
        """The numbers of roots that are strings here and there, and other ones here, or of no interest there."""
        if len(roots) != len(self.roots):
            return frozenset()
        return frozenset(
            i
            for i, (root, expected) in enumerate(zip(roots, self.roots, strict=True))
            if type(root) in (str, bytes) and isinstance(expected, tuple)
            and (expected == ("unread", type(root)) or (expected[0] is type(root) and expected[1] != root))
        )  # fmt: skip

    def for_any_text(self, numbers: frozenset[int]) -> Template:
        """The template with these roots of no interest."""
        roots = tuple(("unread", r[0]) if i in numbers and r[0] != "unread" else r for i, r in enumerate(self.roots))
        return Template(roots, self.places, self.prints, self.avals)

    def moved(self, roots: list[Any]) -> frozenset[Place] | None:
        """The places of numbers that differ, if nothing else does; those that may differ already among them."""
        survey = Survey()
        if not self._same_roots(survey, roots):
            return None
        found = set()
        for place, expected in zip(self.places, self.prints, strict=True):
            if place.node >= len(survey.nodes):
                return None
            value = fetch(survey.nodes[place.node], place)
            if is_number(expected):
                if type(value) is not cast(Any, expected)[1]:
                    return None
                found.add(place)
            elif type(expected) is Log:
                if not expected.admits(value):
                    return None
                survey.skip(value)
            elif (now := MISSING if value is MISSING else survey.value(value)) != expected:
                if place.kind != "attr" or type(value) not in (int, float) or not isinstance(expected, tuple):
                    return None
                if isinstance(survey.nodes[place.node], (types.ModuleType, types.FunctionType)):
                    return None  # nobody notices where it is read
                if not isinstance(now, tuple) or expected[0] is not now[0]:
                    return None
                found.add(place)
        return frozenset(found)


def _is_unread(described: object) -> bool:
    return type(described) is tuple and type(described[0]) is str and described[0] == "unread"


def is_number(described: object) -> bool:
    """Whether a description is that of a number which may be another at each call."""
    return type(described) is tuple and described[0] == "number" and type(described[0]) is str
