"""The benchmark for accelerators runs where there is none, so that it does not rot."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_benchmark_for_accelerators_runs_on_a_cpu():
    command = [sys.executable, "benchmarks/gpu.py", "ViT", "--tiny", "--no-compile", "--seconds", "0.01"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    name, operations, *columns = done.stdout.splitlines()[-1].split()
    assert name == "ViT-B/16"
    assert float(operations) >= 0
    times = [float(column) for column in columns if column not in "/-"]
    assert len(times) == 2  # fnn's and torch's
    assert min(times) > 0
