"""Scripts in the manner of tutorials and repositories: converted without a hand, run, and equal to PyTorch."""

from pathlib import Path

import pytest

pytest.importorskip("libcst")
pytest.importorskip("torch")

from fnn.port.check import check
from fnn.port.convert import convert
from tests import extent

FOLDER = Path(__file__).parent / "scripts"
# What is drawn inside a compiled step comes from JAX's keys: the losses cannot be PyTorch's.
DRAWS = {"vae"}
FIRST = ["mnist_cnn", "transformer_lm"]
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py")) if extent.ALL else FIRST


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_losses_are_torchs(name, tmp_path):
    original, port = FOLDER / f"{name}.py", tmp_path / f"{name}_fnn.py"
    conversion = convert(original.read_text(encoding="utf-8"))
    assert conversion.complete, [note for note in conversion.notes if note.status == "not converted"]
    port.write_text(conversion.code, encoding="utf-8")
    result = check(original, port, steps=6)
    assert not result.errors
    assert len(result.losses) == len(result.expected) == 6
    if name not in DRAWS:
        assert result.first is None, list(zip(result.expected, result.losses, strict=True))
