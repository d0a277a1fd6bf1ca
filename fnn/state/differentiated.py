"""Which parameters were differentiated together, and in what form their gradients came back.

Gradients are plain dicts, lists and arrays.  An optimizer of several models, whose parameters may have equal names,
must know which dict is whose; so every gradient transform leaves a record, which lives as long as the parameters do.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fnn.state.parameter import Parameter

__all__ = ["Record", "note", "records"]

_records: dict[Any, Record] = {}
_by_parameter: dict[int, list[Record]] = {}


class Record:
    """The parameters of one form of gradients."""

    __slots__ = ("_refs", "parts", "treedef")

    def __init__(self, treedef: Any, parts: list[Any], forget: Any) -> None:
        self.treedef = treedef
        # A {name: parameter} for each Module, a parameter for each Parameter, None for an array; all weak.
        self._refs: list[Any] = []
        for part in parts:
            if isinstance(part, dict):
                self._refs.append({name: weakref.ref(p, forget) for name, p in part.items()})
            else:
                self._refs.append(weakref.ref(part, forget) if isinstance(part, Parameter) else None)

    def matched(self, grads: Any) -> list[tuple[str, Parameter, Any]] | None:
        """``(name, parameter, gradient)`` of all parameters, or None if ``grads`` is of another form."""
        try:
            parts = self.treedef.flatten_up_to(grads)
        except (ValueError, TypeError, KeyError):
            return None
        found: list[tuple[str, Any, Any]] = []
        for at, (refs, part) in enumerate(zip(self._refs, parts, strict=True)):
            if isinstance(refs, dict):
                if not isinstance(part, Mapping) or part.keys() != refs.keys():
                    return None
                found += [(name, ref(), part[name]) for name, ref in refs.items()]
            elif isinstance(part, Mapping):
                return None
            elif refs is not None:
                found.append((f"[{at}]", refs(), part))
        return found if all(p is not None for _, p, _ in found) else None


def _parameters(parts: Iterable[Any]) -> Iterator[Parameter]:
    for part in parts:
        if isinstance(part, dict):
            yield from part.values()
        elif isinstance(part, Parameter):
            yield part


def note(treedef: Any, single: bool, parts: list[Any]) -> None:
    """Records that the parameters of ``parts``, the leaves of the differentiated arguments, belong together.

    Args:
        treedef: the structure of the tuple of arguments.
        single: whether gradients come back for its only entry and not as a tuple.
        parts: for each leaf ``{name: parameter}``, a parameter, or None.
    """
    if single:
        treedef = treedef.children()[0]
    key = (treedef, *(tuple(map(id, part.values())) if isinstance(part, dict) else id(part) for part in parts))
    if key in _records:
        return
    ids = [id(p) for p in _parameters(parts)]

    def forget(_: object) -> None:
        record = _records.pop(key, None)
        for at in ids if record is not None else ():
            others = [r for r in _by_parameter.get(at, ()) if r is not record]
            if others:
                _by_parameter[at] = others
            else:
                _by_parameter.pop(at, None)

    record = _records[key] = Record(treedef, parts, forget)
    for at in ids:
        _by_parameter.setdefault(at, []).append(record)


def records(parameters: Iterable[Parameter]) -> list[Record]:
    """The records of any of ``parameters``."""
    found = itertools.chain.from_iterable(_by_parameter.get(id(p), ()) for p in parameters)
    return list({id(record): record for record in found}.values())
