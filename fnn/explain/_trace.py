"""A profile as a trace: when each operation ran, and in which module, for Perfetto (https://ui.perfetto.dev)."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fnn.errors import ArgumentError
from fnn.explain._names import shared_beginning

__all__ = ["Event", "write"]


class Event(NamedTuple):
    """One run of one operation.

    Attributes:
        device: what it ran on, and which line of it.
        start: in nanoseconds.
        duration: likewise.
        operation: its name in the compiled program.
        path: its module's.
        phase: "forward", "backward", "optimizer".
    """

    device: tuple[str, str]
    start: float
    duration: float
    operation: str
    path: str
    phase: str


def write(events: Iterable[Event], path: str | os.PathLike[str]) -> None:
    """Writes the events in the JSON format that Perfetto and Chrome read: on each line, modules around operations.

    Raises:
        ArgumentError: the file's name ends in neither .json nor .json.gz.
    """
    name = os.fspath(path)
    if not name.endswith((".json", ".json.gz")):
        raise ArgumentError(f"trace: the file must end in .json or .json.gz, got path={name!r}")
    text = json.dumps({"displayTimeUnit": "ns", "traceEvents": list(_slices(list(events)))})
    with gzip.open(name, "wt", encoding="utf-8") if name.endswith(".gz") else open(name, "w", encoding="utf-8") as file:
        file.write(text)


def _slices(events: list[Event]) -> Iterator[dict[str, object]]:
    begin = min((event.start for event in events), default=0.0)
    devices = sorted({event.device[0] for event in events})
    for number, device in enumerate(devices):
        yield {"ph": "M", "name": "process_name", "pid": number, "args": {"name": device}}
    for thread, line in enumerate(sorted({event.device for event in events})):
        where = {"pid": devices.index(line[0]), "tid": thread}
        yield {"ph": "M", "name": "thread_name", **where, "args": {"name": line[1]}}
        own = sorted(
            (event for event in events if event.device == line), key=lambda event: (event.start, -event.duration)
        )
        for name, phase, start, end in _modules(own):
            yield {
                "ph": "X",
                "name": name,
                "cat": phase,
                "ts": (start - begin) / 1e3,
                "dur": (end - start) / 1e3,
                **where,
            }
        for event in own:
            yield {
                "ph": "X", "name": event.operation, "cat": event.phase, "ts": (event.start - begin) / 1e3,
                "dur": event.duration / 1e3, **where, "args": {"module": event.path, "phase": event.phase},
            }  # fmt: skip


def _modules(events: list[Event]) -> Iterator[tuple[str, str, float, float]]:
    """The modules as slices around the operations that follow each other in them: name, phase, start and end."""
    opened: list[tuple[str, str, float]] = []
    end = 0.0
    for event in [*events, None]:
        names = [event.phase, *event.path.split(", ")[0].split("/")] if event else []
        names = [name for name in names if name]
        inside = event is not None and event.start < end  # an operation inside of another one, which is open
        if inside:
            end = max(end, event.start + event.duration) if event else end
            continue
        shared = len(shared_beginning([name for name, _, _ in opened], names))
        for name, phase, start in reversed(opened[shared:]):
            yield name, phase, start, end
        del opened[shared:]
        if event is not None:
            opened += [(name, event.phase, event.start) for name in names[shared:]]
            end = event.start + event.duration
