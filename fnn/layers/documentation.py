"""The documentation of layers: each fact is written once, each face shows its own example.

A layer's docstring says what is the class's own.  What it leaves out comes from its private bases, down to the first
public one: the paragraphs after their summary, the entries of ``Args`` and ``Attributes`` by name, other sections as a
whole.  ``$space`` and the other words of `RANKS` in a text stand for those of a class with so many spatial axes as
its name says, ``Conv2d``.  What `COMMON` says of an argument holds for every layer that has it.

The example is written for the layer, without its imports.  Its module's follows from it (`fnn.nn.modules._example`).

Texts are put together when somebody asks for ``__doc__``, not when a class is made.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import string
from collections.abc import Callable, Sequence

from fnn.functional.reduction import DESCRIPTIONS

__all__: list[str] = []

# What an argument means wherever it occurs.
COMMON = {
    "device": "where the parameters go.",
    "dtype": "of the parameters; None is the default dtype.",
    "inplace": "accepted for compatibility; arrays are immutable.",
    **DESCRIPTIONS,
}
# By the number of spatial axes.
RANKS = {
    1: {
        "space": "a signal",
        "shape": "(N, C, L) or (C, L)",
        "pooled": "(N, C, L_out) or (C, L_out)",
        "window": "one number",
        "sides": "(left, right)",
        "grown": "``L' = L + left + right``",
    },
    2: {
        "space": "an image",
        "shape": "(N, C, H, W) or (C, H, W)",
        "pooled": "(N, C, H_out, W_out) or (C, H_out, W_out)",
        "window": "one number or (kH, kW)",
        "sides": "(left, right, top, bottom)",
        "grown": "``H' = H + top + bottom``, ``W' = W + left + right``",
    },
    3: {
        "space": "a volume",
        "shape": "(N, C, D, H, W) or (C, D, H, W)",
        "pooled": "(N, C, D_out, H_out, W_out) or without N",
        "window": "one number or (kD, kH, kW)",
        "sides": "(left, right, top, bottom, front, back)",
        "grown": "``D' = D + front + back``, ``H' = H + top + bottom``, ``W' = W + left + right``",
    },
}
# Their entries are found by name; of all others, the sections are taken as a whole.
_BY_NAME = ("Args", "Attributes")
_ORDER = ("Args", "Attributes", "Shape", "Returns", "Raises", "Example")
_HEADING = re.compile(r"([A-Z][a-z]+):")
_ENTRY = re.compile(r"(\*{0,2}\w+): ?(.*)", re.DOTALL)
_PLAIN_NAME = re.compile(r"(?<![\w.])(jax|jnp|np)\.")


class Documentation:
    """A class's ``__doc__``, put together when it is asked for.

    Args:
        source: what the class's source says.
        make: makes the text.
    """

    def __init__(self, source: str | None, make: Callable[[], object]) -> None:
        self.source = source
        self._make = make
        self._text: str | None = None

    def __get__(self, instance: object, cls: type) -> str:
        if self._text is None:
            self._text = str(self._make())
        return self._text


def written(cls: type) -> str | None:
    """What the source of a class says as its documentation."""
    found = cls.__dict__.get("__doc__")
    return found.source if isinstance(found, Documentation) else found


@dataclasses.dataclass
class Text:
    """A docstring in parts: paragraphs, and sections by heading, each as its lines."""

    paragraphs: list[str]
    sections: dict[str, str]

    @classmethod
    def of(cls, docstring: str) -> Text:
        """The parts of a docstring."""
        paragraphs, sections = [], {}
        for block in re.split(r"\n\n(?=\S)", inspect.cleandoc(docstring)):
            first, _, rest = block.partition("\n")
            heading = _HEADING.fullmatch(first)
            if heading:
                sections[heading[1]] = inspect.cleandoc("\n" + rest)
            elif block:
                paragraphs.append(block)
        return cls(paragraphs, sections)

    def __str__(self) -> str:
        names = sorted(self.sections, key=lambda name: _ORDER.index(name) if name in _ORDER else 0)
        indented = {name: re.sub(r"(?m)^(?=.)", "    ", self.sections[name]) for name in names}
        return "\n\n".join([*self.paragraphs, *(f"{name}:\n{text}" for name, text in indented.items())])


def entries(section: str) -> dict[str, str]:
    """The entries of ``Args`` or ``Attributes`` by name.

    Example:
        >>> from fnn.layers.documentation import entries
        >>> entries("bias: whether there is one.")
        {'bias': 'whether there is one.'}
    """
    found = (_ENTRY.fullmatch(entry) for entry in re.split(r"\n(?=\S)", section) if entry)
    return {match[1]: match[2] for match in found if match}


def _is_public(cls: type) -> bool:
    return not cls.__name__.startswith("_") and not cls.__module__.rpartition(".")[2].startswith("_")


def _merged(own: Text, base: Text) -> Text:
    """``own``, and what it leaves out from ``base``."""
    sections = dict(base.sections)
    for name, text in own.sections.items():
        if name in _BY_NAME and name in sections:
            joined = entries(sections[name]) | entries(text)
            text = "\n".join(f"{entry}: {words}" for entry, words in joined.items())
        sections[name] = text
    return Text([*own.paragraphs, *base.paragraphs[1:]], sections)


def layer_text(cls: type, fields: Sequence[str]) -> Text:
    """The documentation of a layer class; ``fields`` are its constructor's arguments, in order."""
    text = Text.of(written(cls) or "")
    own = entries(text.sections.get("Attributes", ""))
    for base in cls.__mro__[1:]:
        if _is_public(base):
            break
        if words := written(base):
            text = _merged(text, Text.of(words))
    arguments = entries(text.sections.get("Args", ""))
    arguments = {name: value for name in fields if (value := arguments.get(name) or COMMON.get(name))}
    if arguments:
        text.sections["Args"] = "\n".join(f"{name}: {value}" for name, value in arguments.items())
    if "Attributes" in text.sections:
        known = (*getattr(cls, "PARAMS", ()), *getattr(cls, "STATE", ()))
        boxes = entries(text.sections["Attributes"])
        boxes = {name: boxes[name] for name in known if name in boxes} | own
        text.sections["Attributes"] = "\n".join(f"{name}: {value}" for name, value in boxes.items())
        if not boxes:
            del text.sections["Attributes"]
    if "Example" in text.sections:
        text.sections["Example"] = with_imports(text.sections["Example"], "layers")
    rank = re.search(r"([123])d$", cls.__name__)
    words = RANKS[int(rank[1])] if rank else {}

    def fill(value: str) -> str:
        return string.Template(value).safe_substitute(words) if "$" in value else value

    return Text([fill(p) for p in text.paragraphs], {name: fill(value) for name, value in text.sections.items()})


# -- examples ----------------------------------------------------------------------------------------------


def with_imports(example: str, face: str) -> str:
    """An example with the imports that it needs, if it has none."""
    if re.search(r">>> (import|from) ", example):
        return example
    used = set(_PLAIN_NAME.findall(example))
    modules = {"jax": "jax", "jnp": "jax.numpy as jnp", "np": "numpy as np"}
    imports = [full for name, full in modules.items() if name in used]
    lines = [f">>> import {', '.join(imports)}"] if imports else []
    return "\n".join([*lines, f">>> from fnn import {face}", example])
