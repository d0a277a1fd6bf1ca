"""Every docstring's example runs and prints what it says, but for the last digits of numbers.

Versions of XLA round differently, so that an example's floating numbers hold to about six digits of the largest one.
"""

import doctest
import importlib
import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOAT = re.compile(r"(?<![\w.])[-+]?(?:\d+\.\d*(?:e[-+]?\d+)?|\d+e[-+]?\d+)(?![\w])")
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


class Checker(doctest.OutputChecker):
    """Takes outputs that differ in the rounding of floating numbers alone."""

    def check_output(self, want, got, optionflags):
        if super().check_output(want, got, optionflags):
            return True
        bare = [re.sub(r"\s", "", FLOAT.sub("#", text)) for text in (want, got)]
        wanted, found = (np.array(FLOAT.findall(text), np.float64) for text in (want, got))
        if bare[0] != bare[1] or not wanted.size:
            return False
        return np.allclose(found, wanted, rtol=1e-5, atol=1e-6 * min(1.0, abs(wanted).max()))


def modules_with_examples() -> list[str]:
    paths = [p for p in sorted((ROOT / "fnn").rglob("*.py")) if ">>> " in p.read_text(encoding="utf-8")]
    return [".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for p in paths]


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples(name, capsys):
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(Checker(), optionflags=FLAGS)
    for test in doctest.DocTestFinder(exclude_empty=False).find(module, name):
        runner.run(test)
    result = runner.summarize()
    assert result.attempted and not result.failed, capsys.readouterr().out


@pytest.mark.parametrize(
    ("want", "got", "same"),
    [
        ("Array([5.00679e-06, 1.999995], dtype=float32)", "Array([4.947185e-06,  1.9999951], dtype=float32)", True),
        ("Array([5.00679e-06, 1.999995], dtype=float32)", "Array([4.947185e-06, 1.9998], dtype=float32)", False),
        ("Array([1, 2])", "Array([1, 3])", False),
        ("(2, 3.0)", "(3, 3.0)", False),
        ("(2, 3.0)", "(2, 3.000001)", True),
        ("1e-08", "2e-08", False),
        ("Array([1.], dtype=float32)", "Array([1.], dtype=bfloat16)", False),
        ("[1.0, 2.0]", "[1.0]", False),
        ("0.25", "nan", False),
    ],
)
def test_what_counts_as_the_same(want, got, same):
    assert Checker().check_output(f"{want}\n", f"{got}\n", FLAGS) is same
