"""Compiled programs on disk: a second process finds what the first has compiled."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest

from fnn.errors import ArgumentError
from fnn.utils import compilation_cache

PROGRAM = """
import collections, json, sys
import jax, jax.numpy as jnp
from fnn.utils import compilation_cache

if sys.argv[1:]:
    compilation_cache.enable(sys.argv[1])
counts = collections.Counter()
jax.monitoring.register_event_listener(lambda event, **_: counts.update([event.rsplit("/")[-1]]))

import fnn
from fnn import nn, optim

fnn.manual_seed(0)
model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(0.5))
optimizer = optim.SGD(model.parameters(), lr=0.1)

@fnn.jit
def step(model, optimizer, x):
    loss, gradients = fnn.value_and_grad(lambda model: (model(x) ** 3).sum())(model)
    optimizer.step(gradients)
    return loss

loss = float(step(model, optimizer, jnp.arange(32.0).reshape(2, 1, 4, 4)))
print(json.dumps({"loss": loss} | counts))
"""


def run(*arguments: str) -> dict:
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_a_second_process_compiles_nothing(tmp_path):
    folder = tmp_path / "programs"
    first, second = run(str(folder)), run(str(folder))
    assert first["cache_misses"] > 0
    assert second.get("cache_misses", 0) == 0
    assert second["cache_hits"] == second["compile_requests_use_cache"] == first["compile_requests_use_cache"]
    assert second["loss"] == first["loss"]
    assert folder.stat().st_mode & 0o777 == 0o700 or os.name != "posix"


def test_bad_folders_and_sizes_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)
    for arguments, part in (
        ((tmp_path / "file",), "cannot make the folder"),
        ((tmp_path / "file" / "below",), "cannot make the folder"),
        ((tmp_path / "shared",), "others may write to it"),
        ((tmp_path / "new", 0), "max_bytes must be a positive integer or None, got 0"),
        ((tmp_path / "new", True), "max_bytes must be a positive integer or None, got True"),
    ):
        if part != "others may write to it" or os.name == "posix":
            with pytest.raises(ArgumentError, match=part):
                compilation_cache.enable(*arguments)
    assert not (tmp_path / "new").exists()


def test_a_bound_needs_what_jax_counts_with(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r'max_bytes needs filelock, .* pip install "fnn\[examples\]"'):
        compilation_cache.enable(tmp_path / "new", 1 << 20)
    assert not (tmp_path / "new").exists()


def test_the_folder_is_the_users_own_by_default(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert compilation_cache.default_folder() == tmp_path / "fnn" / "compiled"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert compilation_cache.default_folder() == tmp_path / ".cache" / "fnn" / "compiled"
