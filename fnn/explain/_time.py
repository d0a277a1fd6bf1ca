"""Where the time of a step goes, by module: JAX's profile of the compiled program, folded by names."""

from __future__ import annotations

import contextlib
import glob
import os
import tempfile
import time as clock
import warnings
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import jax

from fnn.errors import ArgumentError
from fnn.explain._names import operations, place_of
from fnn.explain._report import Finding, Report, Table, seconds
from fnn.func.inspection import Inspection, inspect

__all__ = ["time"]

_ROWS = 24
_REPEATS = 5


def time(
    step: Callable[..., Any],
    *args: Any,
    repeats: int = _REPEATS,
    folder: str | os.PathLike[str] | None = None,
    **kwargs: Any,
) -> Report:
    """The time that the operations of a step take on the device, by module and phase; nothing is stored.

    The step's compiled program (without donation, which costs it some copies) runs ``repeats`` times under JAX's
    profiler.  What is counted is the time of each operation, without that of the operations inside it, on average.
     A fusion of several modules' operations counts for the module of its last one, which its name says.  On a
    device that runs operations at the same time the sum is more than what passes on the clock, which is told beside it.

    Args:
        step: a function, under `fnn.jit` or not.
        *args: its arguments.
        repeats: how often it is run.
        folder: where JAX's profile is kept, with a ``trace.json.gz`` for Perfetto in it; None: nowhere.
        **kwargs: further arguments.

    Returns:
        The report; a finding for each place, the slowest first.

    Raises:
        ArgumentError: ``repeats`` is not positive, or this version of JAX cannot read profiles.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> model = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        >>> report = fnn.explain.time(lambda x: model(x).sum(), jnp.ones((512, 64)))
        >>> report.tables[0].columns
        ('module', 'phase', 'time', 'share')
    """
    if repeats < 1:
        raise ArgumentError(f"explain.time: repeats must be positive, got repeats={repeats}")
    return report(inspect(step, args, kwargs, "explain.time"), repeats, folder)


def report(found: Inspection, repeats: int = _REPEATS, kept: str | os.PathLike[str] | None = None) -> Report:
    """The report on a step that is laid open."""
    reader = getattr(jax.profiler, "ProfileData", None)
    if reader is None:
        raise ArgumentError("explain.time: this version of JAX cannot read its profiles (jax.profiler.ProfileData)")
    lowered: Any = found.compiled
    compiled = lowered.lower(*found.arguments).compile()
    jax.block_until_ready(compiled(*found.arguments))
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory()) if kept is None else os.fspath(kept)
        begun = clock.perf_counter()
        for _ in range(repeats):
            jax.block_until_ready(compiled(*found.arguments))
        passed = (clock.perf_counter() - begun) / repeats
        with jax.profiler.trace(folder):
            for _ in range(repeats):
                jax.block_until_ready(compiled(*found.arguments))
        files = glob.glob(os.path.join(folder, "**", "*.xplane.pb"), recursive=True)
        with warnings.catch_warnings():
            # JAX 0.12's reader warns of its own types, and ends the process where warnings are errors.
            warnings.simplefilter("ignore", DeprecationWarning)
            durations = _durations(reader.from_file(max(files, key=os.path.getmtime))) if files else {}
    names = operations(compiled.as_text())
    folded: dict[tuple[str, str], float] = defaultdict(float)
    for operation, total in durations.items():
        folded[place_of(names.get(operation, ""), found.optimizers)] += total / repeats * 1e-9
    whole = sum(folded.values())
    order = sorted(folded.items(), key=lambda entry: -entry[1])
    rows = [(path or "(outside of modules)", phase, seconds(spent), f"{spent / whole:.0%}")
            for (path, phase), spent in order[:_ROWS]]  # fmt: skip
    findings = [Finding(path, seconds(spent), phase) for (path, phase), spent in order]
    lines = [f"{seconds(passed)} a step by the clock, {seconds(whole)} in operations (mean of {repeats} runs)"]
    if not rows:
        lines.append("the profiler has recorded no operations on this device")
    tables = [Table(("module", "phase", "time", "share"), rows)] if rows else []
    return Report(f"Time of {found.name}", lines, tables, findings)


def _durations(profile: Any) -> dict[str, float]:
    """The nanoseconds of each operation, without those of the operations inside it."""
    found: dict[str, float] = defaultdict(float)
    for plane in profile.planes:
        for line in plane.lines:
            events = []
            for event in line.events:
                operation = next((value for key, value in event.stats if key == "hlo_op"), None)
                if operation is not None:
                    events.append((event.start_ns, -event.duration_ns, str(operation)))
            open_: list[tuple[float, str]] = []
            for start, negative, operation in sorted(events):
                while open_ and open_[-1][0] <= start:
                    open_.pop()
                if open_:
                    found[open_[-1][1]] += negative
                found[operation] -= negative
                open_.append((start - negative, operation))
    return found
