"""What an import brings in: no package that it does not need, and none of JAX's large optional parts."""

import os
import subprocess
import sys

import pytest

# JAX's and optax's own imports are not ours to judge, so what counts is what comes on top of theirs.
CODE = """
import sys
{before}
before = set(sys.modules)
{statement}
print(*sorted(set(sys.modules) - before))
"""
HEAVY = {
    "IPython", "PIL", "cloudpickle", "jax.experimental.sparse", "matplotlib", "optax", "orbax", "rich", "safetensors",
    "sklearn", "tensorboardX", "torch", "torchvision", "treescope",
}  # fmt: skip


def brought_in(statement: str, before: str) -> set[str]:
    code = CODE.format(statement=statement, before=before)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "before"),
    [
        ("import fnn", "import jax"),
        ("from fnn import nn", "import jax"),
        ("from fnn import layers, functional", "import jax"),
        ("from fnn import creation, init, random", "import jax"),
        ("import fnn.func", "import jax"),
        ("import fnn.optim", "import jax, optax"),
        ("from fnn.optim import lr_scheduler, swa_utils", "import jax, optax"),
        ("import fnn.serialization", "import jax"),
        ("import fnn.testing", "import jax"),
        ("import fnn.utils.data", "import jax"),
        ("from fnn.utils import hub, summary, visdom", "import jax"),
        ("from fnn.vision import datasets, models, ops, transforms, tv_tensors, utils", "import jax"),
        ("import fnn.quickstart.cli", "import jax"),
        ("import fnn; fnn.save, fnn.load, fnn.summary, fnn.jit, fnn.utils.data.DataLoader", "import jax"),
        ("import fnn; fnn.optim.Adam", "import jax, optax"),
    ],
)
def test_an_import_brings_in_no_more_than_it_needs(statement, before):
    got = brought_in(statement, before)
    assert {name for name in got if name in HEAVY} == set()
    assert {name for name in got if "pallas" in name or "mosaic" in name} == set()


@pytest.mark.parametrize(
    "statement",
    ["import fnn", "import fnn.utils.data", "from fnn.vision import datasets; from fnn.vision.transforms import v2"],
)
def test_what_needs_no_jax_does_not_load_it(statement):
    assert "jax" not in brought_in(statement, "")
