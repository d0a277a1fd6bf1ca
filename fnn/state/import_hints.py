"""What to write instead, noted on imports of names that fnn means not to have.

``module.name`` asks the module, whose ``__getattr__`` says what to write; of ``from module import name`` Python tells
only that it cannot.
"""

from __future__ import annotations

import re
import sys

__all__ = ["hint_on_import"]

_NAME = re.compile(r"cannot import name '(\w+)'")


def hint_on_import(error: BaseException) -> None:
    """Notes on an import from fnn that failed what its module says of the name."""
    try:
        if not isinstance(error, ImportError) or (error.name or "").partition(".")[0] != "fnn":
            return
        note = _said(error)
        if note and note not in getattr(error, "__notes__", ()):
            error.add_note(note)
    except Exception:  # a hint must not hide the error
        return


def _said(error: ImportError) -> str:
    module, name = str(error.name), ""
    if found := _NAME.search(str(error)):
        name = found[1]
    else:  # a module that is not there: the last one above it that is knows
        while module not in sys.modules and "." in module:
            module, _, name = module.rpartition(".")
    try:
        getattr(sys.modules[module], name)
    except AttributeError as told:
        _, _, text = str(told).partition(f"has no attribute {name!r}")
        return text.lstrip(":; ")
    return ""
