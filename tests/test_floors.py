"""No import climbs, and the check that says so catches each way to climb."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CHECK = ROOT / "tools" / "check_floors.py"


def check(root: Path) -> tuple[int, str]:
    done = subprocess.run([sys.executable, CHECK, root], capture_output=True, text=True)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


SOUND = {
    "fnn/__init__.py": "from fnn import nn",
    "fnn/errors.py": "",
    "fnn/functional/__init__.py": "import fnn.errors",
    "fnn/nn/__init__.py": "from fnn.nn.linear import x",
    "fnn/nn/linear.py": "from fnn import functional",
}


def tree(root: Path, sources: dict[str, str]) -> Path:
    """A small sound fnn, with some files replaced or added."""
    for name, source in (SOUND | sources).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return root


def test_the_project_keeps_its_floors():
    code, out = check(ROOT)
    assert code == 0, out


def test_a_sound_tree_passes(tmp_path):
    assert check(tree(tmp_path, {}))[0] == 0


@pytest.mark.parametrize(
    ("source", "climbs_to"),
    [
        ("import fnn.nn", "fnn.nn"),
        ("from fnn import nn", "fnn.nn"),
        ("from fnn.nn.linear import x", "fnn.nn.linear"),
        ("from ..nn import linear", "fnn.nn.linear"),
        ("from .. import nn", "fnn.nn"),
        ("import fnn", "fnn"),
        ("from fnn import jit", "fnn"),
        ("def f():\n    from fnn import nn", "fnn.nn"),
        ("import typing\nif typing.TYPE_CHECKING:\n    import fnn.nn", "fnn.nn"),
        ("import importlib\nnn = importlib.import_module('fnn.nn')", "fnn.nn"),
    ],
)
def test_a_climbing_import_is_caught(tmp_path, source, climbs_to):
    code, out = check(tree(tmp_path, {"fnn/functional/conv.py": source}))
    line = source.count("\n") + 1
    assert code == 1
    assert out.startswith(f"fnn/functional/conv.py:{line}: fnn.functional.conv (floor 1) imports {climbs_to} (floor ")


def test_a_module_without_a_floor_is_caught(tmp_path):
    code, out = check(tree(tmp_path, {"fnn/attic.py": "import fnn.nn"}))
    assert code == 1 and "fnn.attic has no floor" in out


def test_only_the_quickstart_imports_the_roof(tmp_path):
    quickstart = {"fnn/quickstart/__init__.py": "", "fnn/quickstart/cli.py": "import fnn"}
    assert check(tree(tmp_path, quickstart))[0] == 0
    assert check(tree(tmp_path, quickstart | {"fnn/testing.py": "import fnn"}))[0] == 1


def test_a_private_module_stands_with_functional(tmp_path):
    sound = {"fnn/_mt19937.py": "import fnn.errors", "fnn/functional/dropout.py": "import fnn._mt19937"}
    assert check(tree(tmp_path, sound))[0] == 0
    assert check(tree(tmp_path, {"fnn/_mt19937.py": "import fnn.nn"}))[0] == 1
