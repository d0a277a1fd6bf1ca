"""Writes ``tests/thinned.json`` anew: of how many cases of a parametrised test one is run, so that a run stays short.

Run with ``python tools/thin_tests.py REPORT.xml [--minutes 9] [--workers 2]``, where the report is what
``pytest -n 2 --junitxml=REPORT.xml`` wrote. Every test function gets the same most time, as large as the whole allows;
one that takes longer runs one case of so many that it keeps to it. Functions in ``WHOLE`` always run whole.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parent.parent
FILE = ROOT / "tests" / "thinned.json"
# What nothing else looks at: each example of the documentation, each published program.
WHOLE = ("test_docstrings.py", "test_docs.py", "test_readme.py")

Function = tuple[str, str]  # the file, relative to tests/, and the function


def read(report: Path) -> dict[Function, list[float]]:
    """The seconds of each case of each test function."""
    seconds: dict[Function, list[float]] = defaultdict(list)
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        parts = case.attrib["classname"].split(".")[1:]
        while parts and not (ROOT / "tests" / Path(*parts)).with_suffix(".py").exists():
            parts.pop()  # a class in the file
        name = case.attrib["name"].partition("[")[0]
        seconds["/".join(parts) + ".py", name].append(float(case.attrib["time"]))
    return seconds


def thin(seconds: dict[Function, list[float]], before: dict[Function, int], total: float) -> dict[Function, int]:
    """Of how many cases one is run, so that all take ``total`` seconds.

    Args:
        seconds: What the cases took that were run.
        before: Of how many cases one was run then.
        total: The seconds that all may take together.
    """

    def plan(most: float) -> tuple[dict[Function, int], float]:
        every, cost = {}, 0.0
        for function, cases in seconds.items():
            whole = sum(cases) * before.get(function, 1)
            there = len(cases) * before.get(function, 1)
            k = 1 if function[0] in WHOLE else min(there, math.ceil(whole / most))
            every[function] = k
            cost += whole / k
        return every, cost

    low, high = 0.1, max(map(sum, seconds.values())) * max(before.values(), default=1)
    if plan(low)[1] > total:
        sys.exit(f"even one case of each takes {plan(low)[1]:.0f} s; {total:.0f} are allowed")
    for _ in range(40):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if plan(middle)[1] <= total else (low, middle)
    every, cost = plan(low)
    print(f"at most {low:.1f} s for a function, {cost:.0f} s in all")
    return every


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    parser.add_argument("--minutes", type=float, default=9, help="how long the tests may take (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="on how many processes (default: %(default)s)")
    options = parser.parse_args()
    before = {(path, name): k for path, names in json.loads(FILE.read_text()).items() for name, k in names.items()}
    every = thin(read(options.report), before, options.minutes * 60 * options.workers)
    kept = before | every  # a function that the report lacks stays as it is
    nested: dict[str, dict[str, int]] = defaultdict(dict)
    for (path, name), k in sorted(kept.items()):
        if k > 1:
            nested[path][name] = k
    FILE.write_text(json.dumps(nested, indent=2) + "\n")


if __name__ == "__main__":
    main()
