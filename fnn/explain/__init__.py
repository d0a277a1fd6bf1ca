"""Seeing inside a step: why it was compiled again, where a NaN was born, what takes its memory and its time.

``fnn.explain(step, *args)`` says it all; ``fnn.explain.nonfinite(step, *args)`` and its kin one thing each.  The
answers name modules by their paths, ``ResNet/layer1/0/conv1``, which all operations of a compiled program carry.
"""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from fnn.explain._anomaly import backward_nan
from fnn.explain._collectives import Transfer, collectives, transfers
from fnn.explain._gradients import dead, gradients
from fnn.explain._keys import keys
from fnn.explain._memory import live, memory
from fnn.explain._nonfinite import nonfinite
from fnn.explain._recompiles import recompiles
from fnn.explain._report import Finding, Report, Table
from fnn.explain._time import Profile, time
from fnn.explain.entry import explain

__all__ = [
    "Finding", "Profile", "Report", "Table", "Transfer", "backward_nan", "collectives", "dead", "explain", "gradients",
    "keys", "live", "memory", "nonfinite", "recompiles", "time", "transfers",
]  # fmt: skip


class _Callable(ModuleType):
    """This module, which is called like a function."""

    def __call__(self, step: Callable[..., Any], *args: Any, **kwargs: Any) -> Report:
        return explain(step, *args, **kwargs)


sys.modules[__name__].__class__ = _Callable
