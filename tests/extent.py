"""How much of the largest tables a run takes: enough for every class, or with ``FNN_TEST_ALL=1`` everything."""

import os
from collections.abc import Iterable
from typing import TypeVar

ALL = os.environ.get("FNN_TEST_ALL") == "1"
_T = TypeVar("_T")


def some(cases: Iterable[_T], most: int) -> list[_T]:
    """At most ``most`` of the cases, evenly chosen, the first among them; all with ``FNN_TEST_ALL=1``."""
    cases = list(cases)
    return cases if ALL else cases[:: max(1, -(-len(cases) // most))]
