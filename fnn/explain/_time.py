"""Where the time of a step goes, by module: JAX's profile of the compiled program, folded by names."""

from __future__ import annotations

import contextlib
import dataclasses
import glob
import os
import tempfile
import time as clock
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax

from fnn.errors import ArgumentError
from fnn.explain import _flame, _trace
from fnn.explain._names import operations, place_of
from fnn.explain._report import Finding, Report, Table, seconds
from fnn.func.inspection import Inspection, inspect

__all__ = ["Profile", "time"]

_ROWS = 24
_REPEATS = 5


@dataclasses.dataclass(frozen=True)
class Profile(Report):
    """A report on time, which can be drawn.

    Attributes:
        places: the seconds that each path and phase take in one step.
        events: the runs of operations in the last step that was recorded.

    Example:
        >>> import os, tempfile
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> model = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        >>> profile = fnn.explain.time(lambda x: model(x).sum(), jnp.ones((512, 64)))
        >>> folder = tempfile.mkdtemp()
        >>> profile.flame_graph(os.path.join(folder, "step.html"))
        >>> profile.trace(os.path.join(folder, "step.json.gz"))
        >>> sorted(os.listdir(folder))
        ['step.html', 'step.json.gz']
    """

    places: Mapping[tuple[str, str], float] = dataclasses.field(default_factory=dict)
    events: Sequence[_trace.Event] = ()

    def flame_graph(self, path: str | os.PathLike[str]) -> None:
        """Draws what each module takes below the module that it is in, forward, backward and optimizer apart.

        Args:
            path: the file to write: ``.html`` and ``.svg`` say more where one points at, ``.png`` needs matplotlib.

        Raises:
            ArgumentError: another ending.
            ImportError: matplotlib is not there.
        """
        _flame.write(_flame.tree(self.title, self.places), path)

    def trace(self, path: str | os.PathLike[str]) -> None:
        """Writes when each operation ran, and in which module, for https://ui.perfetto.dev.

        Args:
            path: the file to write, ``.json`` or ``.json.gz``.

        Raises:
            ArgumentError: another ending.
        """
        _trace.write(self.events, path)

    def _picture(self) -> str:
        return _flame.svg(_flame.tree(self.title, self.places)) if self.places else ""


def time(
    step: Callable[..., Any],
    *args: Any,
    repeats: int = _REPEATS,
    folder: str | os.PathLike[str] | None = None,
    **kwargs: Any,
) -> Profile:
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
        The report; a finding for each place, the slowest first. It draws itself: ``.flame_graph("step.html")``,
        ``.flame_graph("step.png")``, and ``.trace("step.json.gz")`` for Perfetto.

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


def report(found: Inspection, repeats: int = _REPEATS, kept: str | os.PathLike[str] | None = None) -> Profile:
    """The report on a step that is laid open."""
    reader = getattr(jax.profiler, "ProfileData", None)
    if reader is None:
        raise ArgumentError("explain.time: this version of JAX cannot read its profiles (jax.profiler.ProfileData)")
    lowered: Any = found.compiled
    compiled = lowered.lower(*found.arguments).compile()
    jax.block_until_ready(compiled(*found.arguments))
    names = operations(compiled.as_text())

    def place(operation: str) -> tuple[str, str]:
        return place_of(names.get(operation, ""), found.optimizers)

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
            profile = reader.from_file(max(files, key=os.path.getmtime)) if files else None
            events = list(_events(profile, place)) if profile else []
    folded: dict[tuple[str, str], float] = defaultdict(float)
    for event, own in _own_times(events):
        folded[event.path, event.phase] += own / repeats * 1e-9
    whole = sum(folded.values())
    order = sorted(folded.items(), key=lambda entry: -entry[1])
    rows = [(path or "(outside of modules)", phase, seconds(spent), f"{spent / whole:.0%}")
            for (path, phase), spent in order[:_ROWS]]  # fmt: skip
    findings = [Finding(path, seconds(spent), phase) for (path, phase), spent in order]
    lines = [f"{seconds(passed)} a step by the clock, {seconds(whole)} in operations (mean of {repeats} runs)"]
    if not rows:
        lines.append("the profiler has recorded no operations on this device")
    tables = [Table(("module", "phase", "time", "share"), rows)] if rows else []
    return Profile(f"Time of {found.name}", lines, tables, findings, places=dict(order), events=_last(events, repeats))


def _events(profile: Any, place: Callable[[str], tuple[str, str]]) -> Iterator[_trace.Event]:
    """The runs of the program's operations, line by line, in their order."""
    for plane in profile.planes:
        for line in plane.lines:
            found = []
            for event in line.events:
                operation = next((str(value) for key, value in event.stats if key == "hlo_op"), None)
                if operation is not None:
                    at = (str(plane.name), str(line.name))
                    found.append(_trace.Event(at, event.start_ns, event.duration_ns, operation, *place(operation)))
            yield from sorted(found, key=lambda event: (event.start, -event.duration))


def _own_times(events: Sequence[_trace.Event]) -> Iterator[tuple[_trace.Event, float]]:
    """Nanoseconds that belong to each event: its own, and as negative ones those of the events inside it."""
    open_: list[_trace.Event] = []
    for event in events:
        while open_ and (open_[-1].device != event.device or open_[-1].start + open_[-1].duration <= event.start):
            open_.pop()
        if open_:
            yield open_[-1], -event.duration
        yield event, event.duration
        open_.append(event)


def _last(events: Sequence[_trace.Event], repeats: int) -> list[_trace.Event]:
    """The events of the last of several equal runs: on each line, of each operation its share at the end."""
    by_operation: dict[tuple[tuple[str, str], str], list[_trace.Event]] = defaultdict(list)
    for event in events:
        by_operation[event.device, event.operation].append(event)
    return [event for runs in by_operation.values() for event in runs[-max(1, len(runs) // repeats) :]]
