"""What an import brings in: no package that it does not need, and none of JAX's large optional parts."""

import os
import subprocess
import sys

import pytest

# JAX's own imports are not ours to judge, so what counts is what comes on top of `import jax, optax`.
CODE = """
import sys
{before}
before = set(sys.modules)
{statement}
print(*sorted(set(sys.modules) - before))
"""
HEAVY = {
    "IPython", "PIL", "cloudpickle", "jax.experimental.sparse", "matplotlib", "orbax", "rich", "safetensors", "sklearn",
    "tensorboardX", "torch", "torchvision", "treescope",
}  # fmt: skip


def brought_in(statement: str, before: str) -> set[str]:
    code = CODE.format(statement=statement, before=before)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import fnn",
        "from fnn import nn",
        "from fnn import layers, functional",
        "import fnn.optim",
        "import fnn.func",
        "import fnn.utils.data",
        "import fnn.serialization",
        "from fnn.vision import datasets, models, transforms",
        "import fnn.quickstart.cli",
        "import fnn; fnn.save, fnn.load, fnn.summary, fnn.jit, fnn.optim.Adam, fnn.utils.data.DataLoader",
    ],
)
def test_an_import_brings_in_no_more_than_it_needs(statement):
    got = brought_in(statement, "import jax, optax")
    assert {name for name in got if name in HEAVY} == set()
    assert {name for name in got if "pallas" in name or "mosaic" in name} == set()


@pytest.mark.parametrize("statement", ["import fnn", "import fnn.utils.data", "from fnn.vision import transforms"])
def test_what_needs_no_jax_does_not_load_it(statement):
    assert "jax" not in brought_in(statement, "")
