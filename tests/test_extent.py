"""What `extent.THINNED` leaves out."""

import re
from pathlib import Path

from tests import extent


def test_every_thinned_test_exists():
    for path, functions in extent.THINNED.items():
        text = (Path(__file__).parent / path).read_text()
        for name in functions:
            assert re.search(rf"^ *def {name}\(", text, re.M), f"{path} has no {name}"


def test_one_of_so_many_cases_is_run(monkeypatch):
    monkeypatch.setattr(extent, "ALL", False)
    monkeypatch.setattr(extent, "THINNED", {"a.py": {"test_x": 3, "test_z": 0}})
    names = [f"a.py::test_x[{n}]" for n in range(6)] + ["a.py::test_y[0]", "b.py::test_x[0]", "a.py::test_z"]
    kept = extent.thinned(names)
    assert sum(kept[:6]) == 2 and kept[6:] == [True, True, False]
    monkeypatch.setattr(extent, "ALL", True)
    assert all(extent.thinned(names))
