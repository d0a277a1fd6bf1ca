"""Settings of the process that functions of libraries tell, and that lie in no object that a program leads to.

`SETTINGS` has, by what it is called in messages, the names in code that ask for one and what tells it now.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["SETTINGS", "Setting"]


class Setting(NamedTuple):
    """What asks for a setting, and what tells it."""

    names: frozenset[str]
    read: Callable[[], Any]


def _decimal() -> Any:
    """Of the context of `decimal` what changes results; its flags tell what has happened."""
    module = sys.modules.get("decimal")
    if module is None:
        return None
    c = module.getcontext()
    return (c.prec, c.rounding, c.Emin, c.Emax, c.capitals, c.clamp, tuple(name for name, on in c.traps.items() if on))


def _levels() -> Any:
    """The levels of the loggers that have one of their own."""
    module = sys.modules.get("logging")
    if module is None:
        return None
    manager = module.root.manager
    own = [(name, held.level, held.disabled) for name, held in list(manager.loggerDict.items())
           if getattr(held, "level", 0) or getattr(held, "disabled", False)]  # fmt: skip
    return (manager.disable, module.root.level, *sorted(own))


SETTINGS = {
    "the environment": Setting(frozenset({"environ", "getenv"}), lambda: os.environ),
    "the command line": Setting(frozenset({"argv"}), lambda: sys.argv),
    "the working directory": Setting(frozenset({"getcwd", "cwd"}), os.getcwd),
    "the levels of logging": Setting(frozenset({"isEnabledFor", "getEffectiveLevel"}), _levels),
    "the context of decimal": Setting(frozenset({"Decimal", "getcontext", "localcontext"}), _decimal),
    "numpy's handling of errors": Setting(frozenset({"geterr", "errstate"}), lambda: tuple(np.geterr().items())),
    "the recursion limit": Setting(frozenset({"getrecursionlimit"}), sys.getrecursionlimit),
}
