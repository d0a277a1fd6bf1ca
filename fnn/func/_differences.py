"""In words: what is no longer as it was when a program was traced.

`differences` walks the places of a program's template, as `Template.match` does, and compares the description of what
is there now with the one of then.
"""

from __future__ import annotations

import dataclasses
import types
from typing import Any, NamedTuple

import numpy as np

from fnn.func._labels import Labels, variable
from fnn.state.box import Box
from fnn.state.describe import Content, Identity, Same, Survey
from fnn.state.places import MISSING, fetch
from fnn.state.template import Log, Template

_MOST = 4  # differences that are told
_HOOKS = {
    "_forward_hooks": "forward hook",
    "_forward_pre_hooks": "forward pre-hook",
    "_backward_hooks": "backward hook",
    "_backward_pre_hooks": "backward pre-hook",
}


class Difference(NamedTuple):
    """One thing that has changed: where, and how, in words.

    ``minor``: told only where there is nothing else.  ``structure``: another model, as in a search over models.
    """

    where: str
    what: str
    minor: bool = False
    structure: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.what else self.where


def array(shape: Any, dtype: object) -> str:
    """``float32[64, 1, 28, 28]``."""
    return f"{dtype}[{', '.join(map(str, shape))}]"


def differences(template: Template, roots: list[Any], names: list[str]) -> tuple[list[Difference], Survey]:
    """What the template says that is not so with these roots: the first few, in the order of the trace.

    Returns:
        The differences, and the survey of what is there now, as far as it is alike.
    """
    survey, labels = Survey(), Labels()
    words = _Words()
    found: list[Difference] = []
    for root, expected, name in zip(roots, template.roots, names, strict=False):
        labels.add(root, name)
        if not _unread(expected):
            found += words.compared(expected, survey.root(root), name)
    for place, expected in zip(template.places, template.prints, strict=True):
        if words.shifted or sum(not d.minor for d in found) >= _MOST or place.node >= len(survey.nodes):
            break  # from here on the numbers of nodes mean others
        node = survey.nodes[place.node]
        value = fetch(node, place)
        name = variable(node, place, labels)
        labels.add(value, name)
        if isinstance(expected, tuple) and expected[:1] == ("number",) and type(value) is expected[1]:
            continue
        if type(expected) is Log:
            if isinstance(value, (list, dict, set)):
                survey.skip(value)
            if not expected.admits(value):
                found.append(Difference(name, "other content"))
            continue
        found += words.compared(expected, MISSING if value is MISSING else survey.value(value), name)
    if not found:
        found = _boxes(template, survey, labels.finish())
    telling = [d for d in found if not d.minor]
    return list(dict.fromkeys(telling or found))[:_MOST], survey


def _boxes(template: Template, survey: Survey, labels: Labels) -> list[Difference]:
    """Boxes, among them gradients, that hold arrays of other shapes, or none."""
    found = []
    for box, aval in zip(survey.boxes, template.avals, strict=False):
        value = box._value
        now = None if value is None else (value.shape, value.dtype)
        if (aval is None or isinstance(aval, tuple)) and now != aval:
            found.append(Difference(labels[box], f"{_held(aval)} is now {_held(now)}"))
    return found


def _held(aval: Any) -> str:
    return "None" if aval is None else array(*aval)


def _unread(expected: object) -> bool:
    return isinstance(expected, tuple) and expected[:1] == ("unread",)


class _Words:
    def __init__(self) -> None:
        self.shifted = False  # whether more or fewer things were met than then

    def compared(self, before: Any, now: Any, name: str) -> list[Difference]:
        """The differences of two descriptions of what is called ``name``."""
        if before == now and type(before) is type(now):
            return []
        if before is MISSING or now is MISSING:
            self.shifted = True
            return [Difference(name, "is new" if before is MISSING else "is gone")]
        if not isinstance(before, tuple) or not isinstance(now, tuple):
            return self._single(before, now, name)
        if not before or not now or _kind(before) != _kind(now):
            self.shifted = True
            return [Difference(name, f"{_shown(before)} is now {_shown(now)}")]
        return getattr(self, f"_{_kind(before)}")(before, now, name)

    def _single(self, before: Any, now: Any, name: str) -> list[Difference]:
        if type(before) is int and type(now) is int:
            return []  # the number of a node or a box
        if isinstance(before, Content) and isinstance(now, Content):
            same = (before.shape, before.dtype) == (now.shape, now.dtype)
            what = "" if same else f"{array(before.shape, before.dtype)} is now {array(now.shape, now.dtype)}"
            return [Difference(name, what or "a numpy array, which holds other numbers now")]
        return [Difference(name, f"{_shown(before)} is now {_shown(now)}")]

    def _plain(self, before: tuple, now: tuple, name: str) -> list[Difference]:
        old, new = before[1], now[1]
        if dataclasses.is_dataclass(old) and type(old) is type(new):  # a layer: the Module has its fields
            owner = name.removesuffix("._layer")
            pairs = [(f.name, getattr(old, f.name), getattr(new, f.name)) for f in dataclasses.fields(old)]
            return [
                Difference(f"{owner}.{field}", f"{_brief(a)} is now {_brief(b)}") for field, a, b in pairs if a != b
            ]
        return [Difference(name, f"{_shown(before)} is now {_shown(now)}")]

    def _array(self, before: tuple, now: tuple, name: str) -> list[Difference]:
        if before[2:] == now[2:]:
            return []
        return [Difference(name, f"{array(*before[2:4])} is now {array(*now[2:4])}")]

    def _function(self, before: tuple, now: tuple, name: str) -> list[Difference]:
        if before[2] == now[2]:
            return []
        self.shifted = True
        return [Difference(name, f"is another function than before, {_shown(now)}; a function that is defined anew "
                                 "at each call is another one, define it once")]  # fmt: skip

    def _box(self, before: tuple, now: tuple, name: str) -> list[Difference]:
        found = []
        if len(before) < 4 or len(now) < 4:
            return [Difference(name, "has got its shape")]
        if before[2] != now[2]:
            found.append(Difference(name, f"{_held(before[2])} is now {_held(now[2])}", structure=True))
        if before[3] != now[3]:
            found.append(Difference(f"{name}.requires_grad", f"{before[3]} is now {now[3]}"))
        if not found and len(before) != len(now):
            more = len(now) > len(before)
            found.append(Difference(name, "a gradient or a hook was " + ("added" if more else "removed"), minor=True))
        return found

    def _object(self, before: tuple, now: tuple, name: str) -> list[Difference]:
        if before[1] != now[1]:
            self.shifted = True
            return [Difference(name, f"{_shown(before)} is now {_shown(now)}", structure=True)]
        if _kind(before[2]) == _kind(now[2]) == "module":
            return self._module(before[2], now[2], name)
        if before[2] == now[2]:
            return []
        return self._optimizer(before[2], now[2], name)

    def _optimizer(self, before: tuple, now: tuple, name: str) -> list[Difference]:
        old, new = (dict(p for p in parts[1:] if _is_entry(p)) for parts in (before, now))
        found = []
        for key in old:
            if key in new:
                found += self.compared(old[key], new[key], f"{name}.{key}")
        if not found:
            found = [Difference(name, "its parameters, their groups, or the form of its state changed", minor=True)]
        self.shifted |= _leaves(before) != _leaves(now)
        return found

    def _module(self, before: tuple, now: tuple, name: str) -> list[Difference]:
        found = []
        if before[0] != now[0]:
            found.append(Difference(f"{name}.training", f"{before[0]} is now {now[0]}"))
        old, new = dict(before[1:]), dict(now[1:])
        for key in dict.fromkeys([*old, *new]):
            if key in _HOOKS:
                many = len(_items(new.get(key))) - len(_items(old.get(key)))
                did = "was added to" if many > 0 else "was removed from" if many < 0 else "is another one of"
                if old.get(key) != new.get(key):
                    self.shifted = True
                    found.append(Difference(name, f"a {_HOOKS[key]} {did} {name}"))
            elif key[0] == "_" and key.endswith(("_with_kwargs", "_always_called")):
                continue
            elif key not in old or key not in new:
                self.shifted = True
                did = "was added" if key in new else "was removed"
                found.append(Difference(f"{name}.{key}", did, structure=True))
            else:
                found += self.compared(old[key], new[key], f"{name}.{key}")
        mode = [d for d in found if d.where.endswith(".training")]
        return [d for d in found if d not in mode[1:]]  # those of the children follow

    def _container(self, before: tuple, now: tuple, name: str) -> list[Difference]:
        if before[0] != now[0]:
            return self._single(before[0], now[0], name)
        old, new = before[1], now[1]
        if isinstance(old, frozenset) or isinstance(new, frozenset) or len(old) != len(new):
            self.shifted = True
            return [Difference(name, f"{_class(before[0])} of {len(old)} entries, now {_extent(old, new)}")]
        found = []
        for n, (a, b) in enumerate(zip(old, new, strict=True)):
            if _is_pair(a) and _is_pair(b) and a[0] == b[0]:
                found += self.compared(a[1], b[1], f"{name}[{a[0][1]!r}]")
            else:
                found += self.compared(a, b, f"{name}[{n}]")
        return found

    def _nest(self, before: tuple, now: tuple, name: str) -> list[Difference]:
        if len(before) != len(now):
            return [Difference(name, f"its structure: {_brief(before)} is now {_brief(now)}")]
        found = []
        for a, b in zip(before, now, strict=True):
            found += self.compared(a, b, name)
        return found

    def _named(self, before: tuple, now: tuple, name: str) -> list[Difference]:
        if before[0] != now[0]:
            return [Difference(name, f"{_shown(before)} is now {_shown(now)}")]
        return self.compared(before[1], now[1], f"{name}.{before[0]}")


def _kind(described: tuple) -> str:
    first = described[0] if described else None
    if first == "array" and len(described) == 5:
        return "array"
    if first == "function" and len(described) == 3:
        return "function"
    if isinstance(first, type) and issubclass(first, Box):
        return "box"
    if isinstance(first, type) and len(described) in (2, 3) and not isinstance(described[1], tuple):
        return "plain"
    if len(described) == 3 and type(first) is int and isinstance(described[1], Same):
        return "object"
    if type(first) is bool and all(_is_entry(part) for part in described[1:]):
        return "module"
    if len(described) == 2 and isinstance(first, Same) and isinstance(described[1], (tuple, frozenset)):
        return "container"
    if len(described) == 2 and type(first) is str and first not in ("again", "container", "numpy", "unread"):
        return "named"
    return "nest"


def _is_entry(part: object) -> bool:
    return isinstance(part, tuple) and len(part) == 2 and type(part[0]) is str


def _is_pair(part: object) -> bool:
    """Whether this describes an entry of a dict whose key is plain."""
    return isinstance(part, tuple) and len(part) == 2 and isinstance(part[0], tuple) and _kind(part[0]) == "plain"


def _leaves(described: Any) -> int:
    return sum(map(_leaves, described)) if isinstance(described, tuple) else 1


def _items(described: Any) -> tuple[Any, ...]:
    found = described
    while isinstance(found, tuple) and len(found) == 2 and isinstance(found[0], (Same, tuple)):
        if isinstance(found[0], Same):
            found = found[1]
        else:
            break
    return found if isinstance(found, tuple) else ()


def _extent(old: Any, new: Any) -> str:
    return str(len(new)) if len(old) != len(new) else "others"


def _class(same: Any) -> str:
    value = same.ref() if isinstance(same, Same) else same
    return getattr(value, "__name__", str(value))


def _shown(described: Any) -> str:
    """A description for a message."""
    if isinstance(described, (Same, Identity)):
        value = described.ref() if isinstance(described, Same) else described.value
        if isinstance(value, (type, types.FunctionType)):
            return f"{value.__module__}.{value.__qualname__}"
        return "an object that is gone" if value is None else f"another {type(value).__name__}"
    if not isinstance(described, tuple) or not described:
        return _brief(described)
    kind = _kind(described)
    if kind == "array":
        return array(*described[2:4])
    if kind == "plain":
        return _brief(float(described[1]) if described[0] is float else described[1])
    if kind == "box":
        return described[0].__name__
    if kind == "function":
        return f"the function {_shown(described[2])}"
    if kind == "object":
        return f"a {_class(described[1])}"
    if kind == "container":
        return f"a {_class(described[0])} of {len(described[1])} entries"
    if described[0] == "object":
        return f"a {_class(described[2])}"
    if isinstance(described[0], str) and described[0] in ("again", "container", "numpy"):
        return "the same object as elsewhere" if len(described) == 2 else "a numpy array"
    if isinstance(described[0], type):
        return _brief(described[1])
    return _brief(described)


def _brief(value: object) -> str:
    if isinstance(value, bytes) and len(value) <= 16:
        return repr(np.frombuffer(value, np.uint8).tolist())
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:56]}..."
