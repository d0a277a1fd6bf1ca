"""`check`: the original and its port run from one seed, their losses compared."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

__all__ = ["TOLERANCE", "Check", "check", "entries", "passed", "ports"]

TOLERANCE = 1e-4  # relative
_LEAST = 1e-6  # losses below count as this much
_LAYER_TOLERANCE = 1e-4
_TAIL = 12  # lines of an error
# The same operations of PyTorch by other instructions: nothing but the rounding of sums is another.
_ROUNDED_OTHERWISE = {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Check:
    """What two runs gave.

    Attributes:
        expected: the losses of the original, one for each ``backward``.
        losses: those of the port.
        errors: what either run said when it failed; empty if none did.
        layer: where the losses differ, the first call of a layer that gave something else, in words.
        rounded: where the losses differ, those of the original once more, rounded otherwise: by other instructions.
    """

    expected: tuple[float, ...]
    losses: tuple[float, ...]
    errors: tuple[str, ...] = ()
    layer: str = ""
    rounded: tuple[float, ...] = ()

    @property
    def differences(self) -> tuple[float, ...]:
        """The relative differences, step by step."""
        return self._relative(self.losses)

    @property
    def rounding(self) -> tuple[float, ...]:
        """The relative differences of PyTorch from itself, rounded otherwise; empty where the losses agree."""
        return self._relative(self.rounded)

    def _relative(self, others: Sequence[float]) -> tuple[float, ...]:
        pairs = zip(self.expected, others, strict=False)
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

    @property
    def silent(self) -> bool:
        """Whether both ran and differentiated nothing, as a script that only draws samples does."""
        return not (self.errors or self.expected or self.losses)


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
    scripts = (("torch", original), ("fnn", port))
    runs = [_run(kind, path, steps, seed, arguments, timeout) for kind, path in scripts]
    errors = tuple(f"{kind}: {run.error}" for (kind, _), run in zip(scripts, runs, strict=True) if run.error)
    found = Check(runs[0].losses, runs[1].losses, errors)
    if found.first is None:
        return found
    again = [_run(kind, path, found.first + 1, seed, arguments, timeout, "layers") for kind, path in scripts]
    other = _run("torch", original, steps, seed, arguments, timeout, settings=_ROUNDED_OTHERWISE)
    return replace(found, layer=_departing(again[0].layers, again[1].layers), rounded=other.losses)


def passed(checks: Iterable[Check]) -> bool:
    """Whether every script that differentiates agrees, and one does.

    Args:
        checks: what was found, one for each script.

    Returns:
        The answer.
    """
    learning = [c for c in checks if not c.silent]
    return bool(learning) and all(c.agrees for c in learning)


def entries(scripts: Mapping[Path, str]) -> list[Path]:
    """The files that are run: those that no other of them imports.

    Args:
        scripts: their texts.

    Returns:
        Their paths, in order; all of them, if they import each other.
    """
    imported: set[Path] = set()
    for path, source in scripts.items():
        try:
            tree = ast.parse(source)
        except SyntaxError:  # of a later Python
            continue
        imported |= {found for name in _imports(tree) for found in scripts if found != path and _is(found, name)}
    return [path for path in scripts if path not in imported] or list(scripts)


def _imports(tree: ast.Module) -> Iterator[str]:
    """The dotted names of the modules that a file may import; of ``from a import b`` both ``a`` and ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield module
            yield from (f"{module}.{alias.name}".strip(".") for alias in node.names)


def _is(path: Path, module: str) -> bool:
    """Whether a file may be a module of that name."""
    words = tuple(filter(None, module.split(".")))
    parts = path.with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return bool(words) and parts[-len(words) :] == words


@contextmanager
def ports(made: Mapping[Path, tuple[Path, bytes]]) -> Iterator[dict[Path, Path]]:
    """Writes converted files to where they can run, for as long as the context lasts.

    One file is written beside its original: it may import its neighbours and read files by where it lies. Several
    are written into a folder of their own, so that they import each other, with links to what else the originals'
    folders hold.

    Args:
        made: by the originals' paths, where each lies below what is converted, and its new text.

    Yields:
        Where the ports are, by the originals' paths.
    """
    if len(made) == 1:
        ((path, (_, text)),) = made.items()
        with tempfile.NamedTemporaryFile(suffix=".py", prefix=f"{path.stem}_fnn_", dir=path.resolve().parent) as port:
            port.write(text)
            port.flush()
            yield {path: Path(port.name)}
        return
    with tempfile.TemporaryDirectory(prefix="fnn_port_") as folder:
        placed = {path: Path(folder) / relative for path, (relative, _) in made.items()}
        for path, port in placed.items():
            port.parent.mkdir(parents=True, exist_ok=True)
            port.write_bytes(made[path][1])
        for path, port in placed.items():
            for other in path.resolve().parent.iterdir():
                link = port.parent / other.name
                if not link.exists() and other.name != "__pycache__":
                    link.symlink_to(other)
        yield placed


class _Run(NamedTuple):
    losses: tuple[float, ...] = ()
    layers: tuple[tuple[str, float], ...] = ()
    error: str = ""


def _departing(expected: Sequence[tuple[str, float]], given: Sequence[tuple[str, float]]) -> str:
    """The first call of a layer whose output has another size."""
    for i, ((name, size), (other, found)) in enumerate(zip(expected, given, strict=False)):
        if name != other:
            return f"call {i} of a layer is of {name} in torch and of {other} in fnn"
        if not abs(size - found) <= _LAYER_TOLERANCE * max(abs(size), _LEAST):
            return (
                f"the first layer that departs is {name}, at call {i}: sum |output| is {size:.6g}, and {found:.6g} here"
            )
    return "no layer departs: the losses are formed of the same outputs in another way"


def _run(
    kind: str,
    path: Path,
    steps: int,
    seed: int,
    arguments: Sequence[str],
    timeout: float,
    what: str = "losses",
    settings: Mapping[str, str] | None = None,
) -> _Run:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "losses.json"
        command = [sys.executable, "-m", "fnn.port._record", kind, str(steps), str(seed), str(out), what, str(path)]
        paths = [str(Path(__file__).resolve().parents[2]), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        environment = {
            **os.environ,
            **(settings or {}),
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
            return _Run(error=f"took more than {timeout:g} s")
        told = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {"losses": (), "layers": ()}
        losses = tuple(float(v) for v in told["losses"])
        layers = tuple((str(name), float(size)) for name, size in told["layers"])
        error = "\n".join(done.stderr.strip().splitlines()[-_TAIL:]) if done.returncode else ""
        if done.returncode and not error:
            error = f"ended with status {done.returncode}"
        return _Run(losses, layers, error)
