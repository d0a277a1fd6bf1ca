"""Type checkers take programs as users write them: pyright in both modes, and mypy where it is installed."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = sorted((ROOT / "tests" / "programs").glob("*.py"))

WRONG = """
import jax
import jax.numpy as jnp
import fnn
from fnn import nn
from fnn.nn import functional as F

@fnn.jit
def step(model: nn.Linear, x: jax.Array) -> jax.Array:
    return model(x)

class Trainer:
    @fnn.jit
    def step(self, x: jax.Array) -> jax.Array:
        return x

def loss(x: jax.Array) -> jax.Array:
    return x.sum()

class Scaled(nn.Module):
    def forward(self, x: jax.Array, factor: float = 2.0) -> jax.Array:
        return factor * x

def longer(model: Scaled) -> str:
    return model(x)                      # an array: what forward returns

x = jnp.ones(2)
step(x)                                  # an argument is missing
step(nn.Linear(2, 2), "text")            # a string
Trainer().step(x, x)                     # one too many
fnn.value_and_grad(loss)("text")         # a string
fnn.vmap(loss)(x, x)                     # one too many
F.relu("text")                           # a string
nn.Linear("2", 2)                        # a string
nn.BatchNorm1d(2)(x).weight              # an array has none
Scaled()(x, bias=1.0)                    # forward has no such argument
fnn.jit(Scaled())(x, factor="text")      # a string
"""


def _is_jaxs(message: str) -> bool:
    """What strict mode says of JAX's own `jnp.ones` and `jnp.zeros`, whose ``device`` has no type that it knows."""
    return bool(
        re.match(r'Type of "(ones|zeros)" is partially unknown\s+Type of "\1" is "\(shape: Any, dtype: ', message)
    )


def _pyright(folder: Path, mode: str) -> list[dict]:
    config = {"include": ["."], "pythonVersion": "3.11", "extraPaths": [str(ROOT)], "typeCheckingMode": mode}
    config["reportMissingTypeStubs"] = False
    (folder / "pyrightconfig.json").write_text(json.dumps(config))
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "-p", str(folder), "--pythonpath", sys.executable, "--outputjson"],
        capture_output=True,
        text=True,
        timeout=600,
    )
    try:
        return json.loads(done.stdout)["generalDiagnostics"]
    except ValueError:
        pytest.fail(f"pyright did not run: {done.stdout[-500:]}{done.stderr[-500:]}")


@pytest.fixture
def folder(tmp_path):
    if importlib.util.find_spec("pyright") is None:
        pytest.skip("pyright is not installed")
    for program in PROGRAMS:
        shutil.copy(program, tmp_path)
    return tmp_path


@pytest.mark.parametrize("mode", ["standard", "strict"])
def test_pyright(folder, mode):
    """Nothing is wrong with the programs; in standard mode, all that is marked in another one is found, and no more."""
    if mode == "standard":
        (folder / "wrong.py").write_text(WRONG)
    errors = [e for e in _pyright(folder, mode) if e["severity"] == "error" and not _is_jaxs(e["message"])]
    found = [(Path(e["file"]).name, e["range"]["start"]["line"], e["message"]) for e in errors]
    assert [error for error in found if error[0] != "wrong.py"] == []
    marked = {n for n, line in enumerate(WRONG.splitlines()) if "  # " in line}
    assert mode == "strict" or {line for name, line, _ in found if name == "wrong.py"} == marked, found


@pytest.mark.skipif(not os.environ.get("FNN_TEST_ALL"), reason="a minute; with FNN_TEST_ALL=1")
def test_mypy(folder):
    pytest.importorskip("mypy")
    # The call of a container is Any to a checker, as torch's is, and optax has no types.
    apart = ["--no-warn-return-any", "--disable-error-code=import-untyped", "--follow-imports=silent"]
    command = [sys.executable, "-m", "mypy", "--strict", *apart, *map(str, folder.glob("*.py"))]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=600, env={**os.environ, "MYPYPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.stem)
def test_the_programs_run(program):
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr[-2000:]
