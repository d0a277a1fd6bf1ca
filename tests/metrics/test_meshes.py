"""Metrics on a mesh of devices, in a process of their own."""

import os
import subprocess
import sys
from pathlib import Path


def test_eight_devices():
    command = [sys.executable, "-m", "tests.metrics.meshes"]
    env = os.environ | {"JAX_PLATFORMS": "cpu"}
    root = Path(__file__).parents[2]
    result = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, f"after {result.stdout.splitlines()[-1:]}: {result.stderr[-3000:]}"
