"""`check`: the original and its port run from one seed, their losses compared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["TOLERANCE", "Check", "check"]

TOLERANCE = 1e-4  # relative
_LEAST = 1e-6  # losses below count as this much
_TAIL = 12  # lines of an error


@dataclass(frozen=True)
class Check:
    """What two runs gave.

    Attributes:
        expected: the losses of the original, one for each ``backward``.
        losses: those of the port.
        errors: what either run said when it failed; empty if none did.
    """

    expected: tuple[float, ...]
    losses: tuple[float, ...]
    errors: tuple[str, ...] = ()

    @property
    def differences(self) -> tuple[float, ...]:
        """The relative differences, step by step."""
        pairs = zip(self.expected, self.losses, strict=False)
        return tuple(0.0 if a == b or a != a != b else abs(a - b) / max(abs(a), _LEAST) for a, b in pairs)

    @property
    def first(self) -> int | None:
        """The first step whose losses differ by more than `TOLERANCE`; None: there is none."""
        return next((i for i, d in enumerate(self.differences) if not d <= TOLERANCE), None)

    @property
    def agrees(self) -> bool:
        """Whether both ran, as long as each other, and agree at every step."""
        same = len(self.expected) == len(self.losses) > 0
        return not self.errors and same and self.first is None


def check(
    original: Path, port: Path, steps: int = 20, seed: int = 0, arguments: Sequence[str] = (), timeout: float = 600.0
) -> Check:
    """Runs both scripts in processes of their own, on the CPU, until so many losses were differentiated.

    Args:
        original: the PyTorch script.
        port: the converted one.
        steps: after how many losses the runs end.
        seed: of both frameworks', numpy's and Python's generators; a script may set its own.
        arguments: what the scripts are given on the command line.
        timeout: seconds that either may take.

    Returns:
        Their losses.
    """
    runs = [_run(kind, path, steps, seed, arguments, timeout) for kind, path in (("torch", original), ("fnn", port))]
    errors = tuple(f"{kind}: {error}" for kind, (_, error) in zip(("torch", "fnn"), runs, strict=True) if error)
    return Check(runs[0][0], runs[1][0], errors)


def _run(
    kind: str, path: Path, steps: int, seed: int, arguments: Sequence[str], timeout: float
) -> tuple[tuple[float, ...], str]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "losses.json"
        command = [sys.executable, "-m", "fnn.port._record", kind, str(steps), str(seed), str(out), str(path)]
        paths = [str(Path(__file__).resolve().parents[2]), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        environment = {
            **os.environ,
            "CUDA_VISIBLE_DEVICES": "",
            "JAX_PLATFORMS": "cpu",
            "MPLBACKEND": "Agg",
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        }
        try:
            done = subprocess.run(
                [*command, *arguments], env=environment, capture_output=True, text=True, timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired:
            return (), f"took more than {timeout:g} s"
        losses = tuple(float(v) for v in json.loads(out.read_text(encoding="utf-8"))) if out.exists() else ()
        error = "\n".join(done.stderr.strip().splitlines()[-_TAIL:]) if done.returncode else ""
        if done.returncode and not error:
            error = f"ended with status {done.returncode}"
        return losses, error
