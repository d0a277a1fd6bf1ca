"""Dotted names and nested dicts: two forms of one tree of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Nested = dict[str, Any]


def nest(flat: Mapping[str, Any]) -> Nested:
    """``{"a.b": x}`` as ``{"a": {"b": x}}``."""
    result: Nested = {}
    for name, value in flat.items():
        *path, last = name.split(".")
        inner = result
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return result


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """``{"a": {"b": x}}`` as ``{"a.b": x}``; a flat dict stays as it is."""
    result = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            result.update(flatten(value, f"{prefix}{name}."))
        else:
            result[prefix + name] = value
    return result
