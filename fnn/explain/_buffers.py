"""The arrays that a compiled program keeps in memory, read off XLA's text of it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Buffer", "arrays_of", "largest"]

_ARRAY = re.compile(r"\b(pred|[a-z]+\d+\w*)\[([\d,]*)\]")
_BITS = re.compile(r"\d+")
_DTYPE = re.compile(r"(bf|f|s|u|c)(\d+)")
_WORDS = {"bf": "bfloat", "f": "float", "s": "int", "u": "uint", "c": "complex"}
_HEAD = re.compile(r"(ENTRY )?%?([\w.\-]+) \(.*\{$")
_LINE = re.compile(r"\s+(ROOT )?%?([\w.\-]+) = (\(.*?\)|\S+) ([\w\-]+)\((.*?)\)(?:,|$)")
_CALLED = re.compile(r"\b(?:calls|to_apply)=%?([\w.\-]+)")
_NAME = re.compile(r'op_name="([^"]*)"')
# Operations that make no array of their own: what is there already, views of it, and carried through a loop.
_VIEWS = frozenset({
    "add-dependency", "after-all", "bitcast", "call", "conditional", "constant", "domain", "get-tuple-element",
    "optimization-barrier", "parameter", "partition-id", "replica-id", "tuple", "while",
})  # fmt: skip


class Buffer(NamedTuple):
    """One array of a compiled program: its type, size, and the name of the operation that it comes from."""

    dtype: str
    shape: tuple[int, ...]
    size: int
    name: str


def arrays_of(type_: str) -> list[tuple[str, tuple[int, ...], int]]:
    """The arrays of a type as XLA writes it, ``(f32[2,3]{1,0}, s32[])``: dtype, shape and bytes of each."""
    found = []
    for dtype, dims in _ARRAY.findall(type_):
        shape = tuple(int(n) for n in dims.split(",") if n)
        bits = _BITS.search(dtype)
        found.append((dtype, shape, math.prod(shape) * (max(int(bits[0]), 8) // 8 if bits else 1)))
    return found


def largest(text: str) -> Buffer | None:
    """The largest array that a compiled program makes, results apart; None if it makes none."""
    return max(_made(text), key=lambda buffer: buffer.size, default=None)


def _made(text: str) -> Iterator[Buffer]:
    lines = text.splitlines()
    inner = {name for line in lines if " call(" not in line for name in _CALLED.findall(line)}
    results = _results(lines)
    skipped = entry = False
    for line in lines:
        if head := _HEAD.match(line):
            entry, skipped = bool(head[1]), head[2] in inner  # what is fused has no memory
            continue
        match = _LINE.match(line)
        if match is None or skipped or match[4] in _VIEWS or (entry and (match[1] or match[2] in results)):
            continue
        name = _NAME.search(line)
        for dtype, shape, size in arrays_of(match[3]):
            yield Buffer(_word(dtype), shape, size, name[1] if name else "")


def _results(lines: list[str]) -> set[str]:
    """The operations whose results the program returns together."""
    begin = next((at for at, line in enumerate(lines) if line.startswith("ENTRY ")), len(lines))
    for line in lines[begin:]:
        match = _LINE.match(line)
        if match and match[1] and match[4] == "tuple":
            return set(re.findall(r"[\w.\-]+", match[5]))
    return set()


def _word(dtype: str) -> str:
    """XLA's name of a type in NumPy's words."""
    match = _DTYPE.fullmatch(dtype)
    return "bool" if dtype == "pred" else _WORDS[match[1]] + match[2] if match else dtype
