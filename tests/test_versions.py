"""The versions that are promised and those that CI tests, and compiler flags that not every version knows."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import xla_flags

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_ci_tests_the_lowest_versions_that_are_promised():
    lines = (ROOT / "tests" / "lowest.txt").read_text(encoding="utf-8").splitlines()
    tested = dict(line.split("==") for line in lines if not line.startswith("#"))
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["data"]]
    promised = dict(requirement.split(">=") for requirement in wanted)
    assert tested.pop("jaxlib") == tested["jax"]
    assert {name: f"{version}.0" for name, version in promised.items()} == tested


def test_the_torch_extra_is_for_one_version_of_python():
    """On later ones it would fetch another build of PyTorch, with gigabytes of CUDA."""
    for requirement in PROJECT["optional-dependencies"]["torch"]:
        assert requirement.endswith("; python_version < '3.12'")


def test_the_quick_part_names_files_that_exist():
    names = (ROOT / "tests" / "quick.txt").read_text(encoding="utf-8").splitlines()
    assert names and [name for name in names if not (ROOT / name.partition("::")[0]).exists()] == []


def test_a_flag_that_the_compiler_does_not_know_is_left_out(monkeypatch):
    known = "--xla_backend_optimization_level=0"
    monkeypatch.setattr(xla_flags, "_WANTED", (known, "--xla_no_such_flag=1"))
    assert xla_flags.quick_compilation() == known


def test_the_flags_of_the_tests_compile():
    code = "import jax; print(jax.jit(lambda x: x + 1)(1))"
    flags = xla_flags.quick_compilation()
    assert re.fullmatch(r"(--xla_\w+=\w+ ?)*", flags)
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "XLA_FLAGS": flags}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "2\n"
