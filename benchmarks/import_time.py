"""How long ``import fnn`` takes beside ``import jax``: ``python benchmarks/import_time.py``.

Each import runs in a fresh interpreter, in turn; the figure is the CPU time of the whole process, less
that of an empty one.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys

STATEMENTS = {
    "import jax": "import jax",
    "import fnn": "import fnn",
    "import jax, fnn": "import jax, fnn",
    "from fnn import nn": "from fnn import nn",
    "from fnn import nn, optim; fnn.jit": "import fnn; from fnn import nn, optim; fnn.jit",
}


def cpu_seconds(statement: str) -> float:
    """User and system time of an interpreter that runs ``statement``."""
    before = os.times()
    subprocess.run([sys.executable, "-c", statement], check=True, env={**os.environ, "JAX_PLATFORMS": "cpu"})
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    for statement in STATEMENTS.values():
        cpu_seconds(statement)  # fills the caches of bytecode and files
    times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(runs):
        empty = cpu_seconds("pass")
        for name, statement in STATEMENTS.items():
            times[name].append(cpu_seconds(statement) - empty)
    base = times["import jax"]
    print(f"{'':38}{'CPU ms':>8}{'ratio':>8}")
    for name, values in times.items():
        ratio = statistics.median(a / b for a, b in zip(values, base, strict=True))
        print(f"{name:38}{statistics.median(values) * 1e3:8.0f}{ratio:8.2f}")


if __name__ == "__main__":
    main()
