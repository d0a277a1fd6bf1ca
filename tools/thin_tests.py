"""Writes ``tests/thinned.json`` anew: of how many cases of a parametrised test one is run, so that a run stays short.

Run with ``python tools/thin_tests.py REPORT.xml [--most 3]``, where the report is what
``pytest -n 2 --junitxml=REPORT.xml`` wrote. A function whose cases take longer than so many seconds runs one of so
many cases that it does not. Those of the files in ``WHOLE`` always run whole; a 0, written by hand, stays.
"""

from __future__ import annotations

import argparse
import json
import math
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


def thin(seconds: dict[Function, list[float]], before: dict[Function, int], most: float) -> dict[Function, int]:
    """Of how many cases of each function one is run, so that they take ``most`` seconds; never fewer than one case.

    Args:
        seconds: What the cases took that were run.
        before: Of how many cases one was run then.
        most: The seconds that all cases of a function may take.
    """
    every, cost = {}, 0.0
    for function, cases in seconds.items():
        past = max(1, before.get(function, 1))
        whole, there = sum(cases) * past, len(cases) * past
        every[function] = 1 if function[0] in WHOLE else max(1, min(there, math.ceil(whole / most)))
        cost += whole / every[function]
    print(f"{sum(map(sum, seconds.values())):.0f} s before, {cost:.0f} s now")
    return every


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    parser.add_argument("--most", type=float, default=3, help="seconds for a function (default: %(default)s)")
    options = parser.parse_args()
    before = {(path, name): k for path, names in json.loads(FILE.read_text()).items() for name, k in names.items()}
    every = thin(read(options.report), before, options.most)
    by_hand = {function: k for function, k in before.items() if k == 0}
    kept = before | every | by_hand  # a function that the report lacks stays as it is
    nested: dict[str, dict[str, int]] = defaultdict(dict)
    for (path, name), k in sorted(kept.items()):
        if k != 1:
            nested[path][name] = k
    FILE.write_text(json.dumps(nested, indent=2) + "\n")


if __name__ == "__main__":
    main()
