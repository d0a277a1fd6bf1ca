"""How much of the largest tables a run takes: enough for every class, or with ``FNN_TEST_ALL=1`` everything.

Compiling is most of what a test costs, and a suite that takes longer than a few minutes is not run.  ``thinned.json``
names the parametrised tests that take longest, and of how many of their cases one is run: one of each so many, with
another beginning in each test, so that a class which one leaves out another one takes; 0 for a test that runs with
``FNN_TEST_ALL=1`` only, as a tool that CI runs by itself, too.  ``tools/thin_tests.py`` writes the file.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

ALL = os.environ.get("FNN_TEST_ALL") == "1"
_T = TypeVar("_T")
THINNED: dict[str, dict[str, int]] = json.loads((Path(__file__).parent / "thinned.json").read_text())


def some(cases: Iterable[_T], most: int) -> list[_T]:
    """At most ``most`` of the cases, evenly chosen, the first among them; all with ``FNN_TEST_ALL=1``."""
    cases = list(cases)
    return cases if ALL else cases[:: max(1, -(-len(cases) // most))]


def thinned(names: Iterable[str]) -> list[bool]:
    """Which of the tests with these names (``"layers/test_properties.py::test_pickles[Conv2d]"``) are run."""
    seen: dict[str, int] = {}
    kept = []
    for name in names:
        path, _, case = name.partition("::")
        function = case.partition("[")[0]
        every = 1 if ALL else THINNED.get(path, {}).get(function, 1)
        n = seen[path + function] = seen.get(path + function, -1) + 1
        kept.append(every > 0 and (n + len(function)) % every == 0)
    return kept
