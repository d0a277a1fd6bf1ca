"""The generated stubs are fresh, and show a type checker what the leaf modules are."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GENERATOR = ROOT / "tools" / "make_stubs.py"


@pytest.fixture
def generator(tmp_path, monkeypatch):
    """tools/make_stubs.py over a folder that holds fold.py alone."""
    spec = importlib.util.spec_from_file_location("make_stubs", GENERATOR)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path / "fnn" / "nn" / "modules"
    folder.mkdir(parents=True)
    shutil.copy(module.MODULES / "fold.py", folder)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "MODULES", folder)
    return module


def test_every_stub_is_fresh():
    done = subprocess.run([sys.executable, GENERATOR, "--check"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_stale_missing_and_left_over_stubs_are_caught(generator, capsys):
    stub = generator.MODULES / "fold.pyi"
    assert generator.main(["--check"]) == 1
    assert "fold.pyi is stale" in capsys.readouterr().out
    assert generator.main([]) == 0 and generator.main(["--check"]) == 0
    stub.write_text(stub.read_text().replace("kernel_size", "size"))
    assert generator.main(["--check"]) == 1
    generator.main([])
    assert generator.main(["--check"]) == 0
    (generator.MODULES / "fold.py").write_text("class Fold: ...")
    capsys.readouterr()
    assert generator.main(["--check"]) == 1 and "fold.pyi is left over" in capsys.readouterr().out
    generator.main([])
    assert not stub.exists()


# Each line, and what pyright must say of it; None: nothing.
SAMPLE = {
    "conv = nn.Conv2d(3, 8, 3, padding='same')": None,
    "reveal_type(conv)": 'is "Conv2d"',
    "reveal_type(conv.weight)": 'is "Parameter"',
    "reveal_type(conv.bias)": 'is "Parameter | None"',
    "reveal_type(conv.groups)": 'is "int"',
    "reveal_type(conv(jnp.zeros((1, 3, 8, 8))))": 'is "Array"',
    "nn.Conv2d(3, 8)": 'Argument missing for parameter "kernel_size"',
    "nn.Conv2d(3, 8, kernel_size='x')": '"Literal[\'x\']" cannot be assigned to parameter "kernel_size" of',
    "nn.Conv2d(3, 8, 3, paddin=1)": 'No parameter named "paddin"',
    "conv(1, 2, 3)": "Expected 1 positional argument",
    "nn.LazyConv2d(8, 3)": None,
    "nn.LazyConv2d(3, 8, 3, in_channels=3)": 'No parameter named "in_channels"',
    "reveal_type(nn.BatchNorm2d(8).running_mean)": 'is "Buffer | None"',
    "nn.ReLU(inplace='yes')": '"Literal[\'yes\']" cannot be assigned to parameter "inplace" of type "bool"',
    "nn.Sequential(nn.Linear(2, 3), nn.ReLU())": None,
}


def test_pyright_sees_the_constructors(tmp_path):
    pyright = shutil.which("pyright", path=str(Path(sys.executable).parent)) or shutil.which("pyright")
    if pyright is None:
        pytest.skip("pyright is not installed")
    sample = tmp_path / "sample.py"
    sample.write_text("\n".join(["import jax.numpy as jnp; from fnn import nn", *SAMPLE]))
    (tmp_path / "pyrightconfig.json").write_text(
        json.dumps({"extraPaths": [str(ROOT)], "typeCheckingMode": "standard"})
    )
    command = [pyright, "--outputjson", "--pythonpath", sys.executable, "-p", str(tmp_path)]
    report = json.loads(subprocess.run(command, capture_output=True, text=True, cwd=tmp_path).stdout)
    said: dict[int, str] = {}
    for entry in report["generalDiagnostics"]:
        line = entry["range"]["start"]["line"] - 1
        said[line] = said.get(line, "") + entry["message"]
    for line, (source, expected) in enumerate(SAMPLE.items()):
        if expected is None:
            assert line not in said, (source, said[line])
        else:
            assert re.search(re.escape(expected), said.get(line, "")), (source, said.get(line))
