"""Scripts of many kinds and styles, our own: converted without a hand, run, and equal to PyTorch."""

from pathlib import Path

import pytest

pytest.importorskip("libcst")
pytest.importorskip("torch")
pytest.importorskip("einops")

from fnn.port.check import check
from fnn.port.convert import convert
from tests import extent

FOLDER = Path(__file__).parent / "scripts"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py"))
# Cheap ones, for each costs two processes: an operation of one's own, one process or many, losses held by an object,
# one loop for two ways to learn, a branch on a value, names of one branch, rows of different lengths, pictures that are
# mixed by the host, coins of a forward pass.
FIRST = [
    "cut_in", "either_updater", "held_losses", "margin_by_value", "maybe_hidden", "parallel", "quantised",
    "sorted_lengths", "told_or_guessed",
]  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_convert_without_a_hand(name):
    conversion = convert((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    left = [note for note in conversion.notes if note.status == "not converted"]
    assert not [note for note in conversion.notes if "a fault of" in note.text]
    assert conversion.complete, left


@pytest.mark.parametrize("name", SCRIPTS if extent.ALL else FIRST)
def test_the_losses_are_torchs(name, tmp_path):
    original, port = FOLDER / f"{name}.py", tmp_path / f"{name}_fnn.py"
    port.write_text(convert(original.read_text(encoding="utf-8")).code, encoding="utf-8")
    result = check(original, port, steps=20)
    assert not result.errors
    assert len(result.losses) == len(result.expected) > 5
    assert result.first is None, (result.layer, list(zip(result.expected, result.losses, strict=True)))


def test_the_first_layer_that_departs_is_named(tmp_path):
    original, port = FOLDER / "parallel.py", tmp_path / "port.py"
    code = convert(original.read_text(encoding="utf-8")).code
    port.write_text(code.replace("return self.out(", "return self.out(2 * "), encoding="utf-8")
    result = check(original, port, steps=2)
    assert result.first == 0 and "out (Linear)" in result.layer
    assert len(result.rounding) == 2 and max(result.rounding) < 1e-5 < result.differences[0]  # and not by rounding
