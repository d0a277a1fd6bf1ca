"""What a script's command line holds: the options of an ``argparse`` parser, and their kinds."""

from __future__ import annotations

import libcst as cst

from fnn.port._kinds import NUMBER, TEXT, Kind, list_of
from fnn.port._scopes import dotted

__all__ = ["OPTIONS", "option"]

OPTIONS = Kind("options")  # what ``parse_args`` gives
_TYPES = {"int": NUMBER, "float": NUMBER, "bool": NUMBER, "str": TEXT}
_ACTIONS = frozenset(("store_true", "store_false", "count"))


def option(node: cst.Call) -> tuple[str, Kind] | None:
    """The name and the kind of an option that ``add_argument`` adds; None: its kind is not told."""
    names = [t for a in node.args if a.keyword is None and (t := _text(a.value)) is not None]
    given = {a.keyword.value: a.value for a in node.args if a.keyword is not None}
    if not names:
        return None
    long = next((n for n in names if n.startswith("--")), names[0])
    called = _text(given["dest"]) if "dest" in given else long.lstrip("-").replace("-", "_")
    held = NUMBER if "action" in given and _text(given["action"]) in _ACTIONS else None
    if "type" in given:
        held = _TYPES.get(dotted(given["type"]) or "")
    if called is None or held is None:
        return None
    return called, list_of(held) if "nargs" in given else held


def _text(node: cst.BaseExpression) -> str | None:
    value = node.evaluated_value if isinstance(node, cst.SimpleString) else None
    return value if isinstance(value, str) else None
