"""Every docstring's example runs and prints what it says, but for the last digits of numbers.

Versions of XLA round differently, so that an example's floating numbers hold to about six digits of the largest one.
"""

import ast
import doctest
import importlib
import pydoc
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from fnn import layers, nn
from fnn.layers import combinators

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


def composed() -> list[Path]:
    """The files in whose docstrings examples may be put that stand in none: models of texts, published weights."""
    weights = (ROOT / "fnn" / "vision" / "models").rglob("*_weights.py")
    return [*(ROOT / "fnn" / "text" / "models").glob("[a-z]*.py"), *weights]


def modules_with_examples() -> list[str]:
    """The modules that hold examples, those whose classes have theirs from their layers, and the `composed` ones."""
    facade = [p for p in (ROOT / "fnn" / "nn" / "modules").glob("[a-z]*.py") if p.with_suffix(".pyi").exists()]
    written = [p for p in (ROOT / "fnn").rglob("*.py") if ">>> " in p.read_text(encoding="utf-8")]
    # Of docstrings: tests/ops/test_examples.py, or the test of the modules that get them, runs what they become.
    fnn = ROOT / "fnn"
    templates = {fnn / "ops/_unary.py", fnn / "vision/models/_documentation.py", fnn / "text/_examples.py"}
    return [module_name(path) for path in sorted({*written, *facade, *composed()} - templates)]


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples(name, capsys):
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(Checker(), optionflags=FLAGS)
    for test in doctest.DocTestFinder(exclude_empty=False).find(module, name):
        runner.run(test)
    result = runner.summarize()
    assert not result.failed, capsys.readouterr().out
    assert result.attempted or name in map(module_name, composed())


def documentation(paths):
    """The lines of the public docstrings in some files, less the headings of sections."""
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and getattr(node, "name", "a")[0] != "_":
                lines = map(str.strip, (ast.get_docstring(node) or "").splitlines())
                yield from (line for line in lines if line and not re.fullmatch(r"[A-Z][a-z]+:", line))


def test_layers_say_each_fact_once():
    """At most a fifth of the lines stands there more than once: what classes share stands in their base."""
    count = Counter(documentation((ROOT / "fnn" / "layers").glob("[a-z]*.py")))
    repeated = {line: n for line, n in count.most_common() if n > 1}
    share = sum(repeated.values()) / count.total()
    assert share <= 0.2, f"{share:.1%}: write them in a private base class, see fnn/layers/documentation.py: {repeated}"


def classes(face, base):
    """The public classes of a face, less those that are old names of others."""
    found = [name for name in face.__all__ if isinstance(cls := getattr(face, name), type) and issubclass(cls, base)]
    return [name for name in found if name not in ("Layer", "Lambda", "Container", "NLLLoss2d")]


@pytest.mark.parametrize("face", [layers, nn], ids=["layers", "nn"])
def test_each_face_shows_its_own_example(face):
    """``help(nn.Conv2d)`` calls ``nn.Conv2d``, ``help(layers.Conv2d)`` ``layers.Conv2d``."""
    this, other = ("layers", "nn") if face is layers else ("nn", "layers")
    made = (*combinators.__all__, "Repeat", "Remat")  # their functions have the examples
    for name in classes(face, layers.Layer if face is layers else nn.Module):
        text = pydoc.render_doc(getattr(face, name), renderer=pydoc.plaintext).partition("Method resolution order")[0]
        assert name in made or re.search(rf">>> .*\b{this}\.{name}\b|>>> class .*\b{this}\.{name}\b", text), name
        assert name == "LayerModule" or not re.search(rf">>> .*(?<![\w.]){other}\.", text), (name, text)


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
