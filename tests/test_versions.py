"""The versions that are promised and those that CI tests, and compiler flags that not every version knows."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import jax.numpy as jnp
import pytest
import xla_flags
from jax.test_util import check_grads

import fnn
from fnn import nn
from fnn.nn import functional as F

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


def recurrent(cls):
    layer = cls(3, 4, bidirectional=True)
    return lambda x: layer(x)[0]


OWN = {  # what has a rule for its derivative, written for JAX's own rules of its version
    "LSTM": lambda: recurrent(nn.LSTM),
    "GRU": lambda: recurrent(nn.GRU),
    "RNN": lambda: recurrent(nn.RNN),
    "Conv1d": lambda: nn.Conv1d(5, 4, 3),
    "LayerNorm": lambda: nn.LayerNorm(3),
    "BatchNorm1d": lambda: nn.BatchNorm1d(5),
    "GroupNorm": lambda: nn.GroupNorm(5, 5),
    "softmax": lambda: lambda x: F.softmax(x, dim=-1),
    "logsumexp": lambda: lambda x: fnn.logsumexp(x, dim=-1),
    "max_pool1d": lambda: lambda x: F.max_pool1d(x, 2),
    "avg_pool1d": lambda: lambda x: F.avg_pool1d(x, 2),
    "cross_entropy": lambda: lambda x: F.cross_entropy(x.reshape(-1, 3), jnp.arange(10) % 3),
    "attention": lambda: lambda x: F.scaled_dot_product_attention(x, x, x),
    "embedding": lambda: lambda x: F.embedding(jnp.arange(4) % 5, x[0]),
    "interpolate": lambda: lambda x: F.interpolate(x, scale_factor=2, mode="linear"),
    "digamma": lambda: lambda x: fnn.lgamma(abs(x) + 1),
    "norm": lambda: lambda x: fnn.linalg.norm(x, dim=-1),
}


@pytest.mark.parametrize("name", OWN)
def test_derivatives_of_our_own_hold_in_this_version(name):
    check_grads(OWN[name](), (fnn.randn(2, 5, 3),), order=1, modes=("fwd", "rev"), atol=0.05, rtol=0.05)
