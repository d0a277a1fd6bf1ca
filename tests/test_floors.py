"""No import climbs, closes a circle or takes what is private elsewhere, and the check that says so catches each way."""

import re
import subprocess
import sys
from pathlib import Path

import check_floors
import pytest

ROOT = Path(__file__).resolve().parent.parent
CHECK = ROOT / "tools" / "check_floors.py"


def check(root: Path) -> tuple[int, str]:
    done = subprocess.run([sys.executable, CHECK, root], capture_output=True, text=True)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


def test_architecture_the_check_and_the_folders_agree():
    """The table of floors names each part of fnn once, in the order of the check."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = [re.findall(r"`(\w+)/?`", row) for row in re.findall(r"^\| ((?:`\w+/?`(?:, )?)+) \|", text, re.MULTILINE)]
    floors = [{check_floors.floor_of(f"fnn.{name}") for name in row} for row in rows]
    assert all(len(floor) == 1 for floor in floors), list(zip(rows, floors, strict=True))
    order = [number for floor in floors for number in floor]
    assert order == sorted(order)
    parts = [path for path in (ROOT / "fnn").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    public = sorted(path.stem for path in parts if not path.stem.startswith("_"))
    assert sorted(name for row in rows for name in row) == public
    assert sorted(name for names in check_floors.FLOORS for name in names) == public


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
    floor = check_floors.floor_of("fnn.functional.conv")
    assert out.startswith(
        f"fnn/functional/conv.py:{line}: fnn.functional.conv (floor {floor}) imports {climbs_to} (floor "
    )


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


REACHES = [
    ("from fnn.functional._sums import total", "fnn.functional._sums.total"),
    ("from fnn.functional import _sums", "fnn.functional._sums"),
    ("from fnn.functional import _sums as sums\nsums.total, sums._total", "fnn.functional._sums"),
    ("import fnn.functional._sums", "fnn.functional._sums"),
    ("import fnn.functional._sums as sums", "fnn.functional._sums"),
    ("import importlib\nsums = importlib.import_module('fnn.functional._sums')", "fnn.functional._sums"),
    ("from ..functional import _sums", "fnn.functional._sums"),
    ("def f():\n    from fnn.functional import _sums", "fnn.functional._sums"),
    ("import typing\nif typing.TYPE_CHECKING:\n    from fnn.functional import _sums", "fnn.functional._sums"),
    ("from fnn.functional._folder.deep import x", "fnn.functional._folder.deep.x"),
    ("from fnn.functional.linear import _pad", "fnn.functional.linear._pad"),
    ("from fnn.functional import linear\nlinear._pad(1)", "fnn.functional.linear._pad"),
    ("import fnn.functional.linear as f\nf._pad.cache.clear()", "fnn.functional.linear._pad"),
    ("import fnn.functional.linear\nfnn.functional.linear._pad", "fnn.functional.linear._pad"),
    ("from fnn.functional.linear import Pad\nPad._table", "fnn.functional.linear.Pad._table"),
]
FUNCTIONAL = {
    "fnn/functional/_sums.py": "",
    "fnn/functional/linear.py": "",
    "fnn/functional/_folder/__init__.py": "",
    "fnn/functional/_folder/deep.py": "from fnn.functional import _sums\nfrom fnn.functional.linear import _pad",
}


@pytest.mark.parametrize(("source", "name"), REACHES)
def test_a_private_name_taken_from_another_folder_is_caught(tmp_path, source, name):
    code, out = check(tree(tmp_path, FUNCTIONAL | {"fnn/nn/linear.py": source}))
    assert code == 1
    assert [line.partition(": ")[2] for line in out.splitlines()] == [
        f"fnn.nn.linear takes {name}, which is private there"
    ]


@pytest.mark.parametrize("source", [source for source, _ in REACHES])
def test_what_is_private_to_a_folder_is_free_in_it_and_below(tmp_path, source):
    source = source.replace("..functional", "...functional")
    files = FUNCTIONAL | {"fnn/functional/conv/__init__.py": "", "fnn/functional/conv/deep.py": source}
    assert check(tree(tmp_path, files))[0] == 0


def test_a_private_file_directly_in_fnn_is_free_everywhere(tmp_path):
    files = {"fnn/_mt19937.py": "", "fnn/nn/linear.py": "from fnn._mt19937 import _words\nfrom fnn import _mt19937"}
    assert check(tree(tmp_path, files))[0] == 0


def test_what_is_python_s_own_is_not_private(tmp_path):
    source = "from fnn import functional\nfrom fnn.functional import __all__\nfunctional.__name__"
    assert check(tree(tmp_path, {"fnn/nn/linear.py": source}))[0] == 0


def test_the_list_of_shared_names_is_short_and_current(tmp_path):
    assert len(check_floors.SHARED) <= check_floors.MOST_SHARED == 10
    code, out = check(tree(tmp_path, {"fnn/optim/__init__.py": "", "fnn/optim/swa_utils.py": ""}))
    assert code == 1 and "takes no fnn.nn.modules.batchnorm._BatchNorm any more" in out


@pytest.mark.parametrize(
    "there",
    [
        "from fnn.nn import linear",
        "import fnn.nn.linear",
        "from . import linear",
        "from fnn.nn.linear import y",
        "def f():\n    from fnn.nn.linear import y",
        "import importlib\ny = importlib.import_module('fnn.nn.linear')",
        "from fnn.nn import y",  # whose __init__ imports linear
    ],
)
def test_a_circle_of_modules_is_caught(tmp_path, there):
    code, out = check(tree(tmp_path, {"fnn/nn/linear.py": "import fnn.nn.conv", "fnn/nn/conv.py": there}))
    assert code == 1 and len(out.splitlines()) == 1
    assert out.startswith("a circle of modules: fnn/nn/") and "fnn/nn/linear.py:1 imports fnn.nn.conv" in out


def test_a_circle_through_the_package_that_is_run_first_is_caught(tmp_path):
    files = {
        "fnn/utils/__init__.py": "from fnn.utils import b",
        "fnn/utils/a.py": "",
        "fnn/utils/b.py": "import fnn.vision.a",
        "fnn/vision/__init__.py": "import fnn.vision.b",
        "fnn/vision/a.py": "",
        "fnn/vision/b.py": "import fnn.utils.a",
    }
    out = check(tree(tmp_path, files))[1].splitlines()
    assert [line.partition(":")[0] for line in out] == ["a circle of modules", "a circle of packages"]


def test_every_circle_is_named(tmp_path):
    files = {f"fnn/nn/{a}.py": f"import fnn.nn.{b}" for a, b in ("ab", "ba", "cd", "de", "ec")}
    out = check(tree(tmp_path, files))[1].splitlines()
    assert [line.count(" imports ") for line in out] == [2, 3]


def test_modules_of_one_package_may_name_one_another_for_the_type_checker(tmp_path):
    only_typing = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import {}"
    files = {"fnn/nn/linear.py": "import fnn.nn.conv", "fnn/nn/conv.py": only_typing.format("fnn.nn.linear")}
    assert check(tree(tmp_path, files))[0] == 0
    files = {"fnn/utils/__init__.py": only_typing.format("fnn.vision"), "fnn/vision/__init__.py": "import fnn.utils"}
    code, out = check(tree(tmp_path, files))
    assert code == 1 and out == (
        "a circle of packages: fnn/utils/__init__.py:3 imports fnn.vision, fnn/vision/__init__.py:1 imports fnn.utils\n"
    )


@pytest.mark.parametrize(
    ("file", "source", "fault"),
    [
        ("fnn/nn/linear.py", "import jax.numpy as jnp\nfrom numpy import linalg\nimport os.path", None),
        ("fnn/nn/linear.py", "def f():\n    import rich", "which PACKAGES in check_floors.py does not allow"),
        ("fnn/nn/linear.py", "import optax", "which PACKAGES in check_floors.py does not allow"),
        ("fnn/nn/linear.py", "import torch.nn", "which PACKAGES in check_floors.py does not allow"),
        ("fnn/optim/adam.py", "from optax import adam", None),
        ("fnn/utils/show.py", "def f():\n    from rich.table import Table", None),
        ("fnn/utils/show.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import rich", None),
        (
            "fnn/utils/show.py",
            "from rich.table import Table",
            "with the module; import it in the function that needs it",
        ),
        ("fnn/utils/show.py", "import importlib\nimportlib.import_module('rich')", "with the module; import it in the"),
        ("fnn/host_random.py", "import jax", "worker processes run it, which have no JAX"),
        ("fnn/host_random.py", "def f():\n    import jax", None),
    ],
)
def test_a_package_from_outside_is_imported_where_it_may_be(tmp_path, file, source, fault):
    files = {str(Path(file).parent / "__init__.py"): "", file: source}
    code, out = check(tree(tmp_path, {k: v for k, v in files.items() if k not in SOUND or k == file}))
    assert (code, len(out.splitlines())) == (fault is not None, 1), out
    assert fault is None or fault in out
