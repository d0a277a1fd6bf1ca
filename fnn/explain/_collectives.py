"""What the devices of a mesh send each other in a step, by module."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fnn.explain._buffers import arrays_of
from fnn.explain._names import place_of
from fnn.explain._report import Finding, Report, Table, amount
from fnn.func.inspection import Inspection, inspect

__all__ = ["Transfer", "collectives", "transfers"]

_KINDS = "all-reduce|all-gather|reduce-scatter|collective-permute|all-to-all|collective-broadcast|ragged-all-to-all"
_LINE = re.compile(rf"(\S+) = (.*?) ({_KINDS})(-start)?\(")
_PART = re.compile(r"get-tuple-element\((?:\S+ )?(%?[\w.\-]+)\), index=(\d+)")
_NAME = re.compile(r'op_name="([^"]*)"')
_GROUPS = re.compile(r"replica_groups=(?:\{\{([\d,]*)\}|\[\d+,(\d+)\]|mesh\[(.*?)\] ?\{(.*?)\})")
_AXIS = re.compile(r"'([^']+)'(?:=|:\(\d+\))?(\d+)?")


@dataclass(frozen=True)
class Transfer:
    """One array that devices send each other in a compiled step.

    Attributes:
        kind: XLA's name: ``"all-gather"``, ``"all-reduce"``, ``"reduce-scatter"``, ``"collective-permute"``, ...
        shape: of the result on one device.
        bytes: of the result on one device.
        devices: how many exchange it with each other; 0 is all.
        path: of the module that it belongs to; empty outside of modules.
        phase: "forward", "backward", "optimizer", or empty.

    Example:
        >>> from fnn import explain
        >>> gathered = explain.Transfer("all-gather", (1024,), 4096, devices=4, path="layer1/0", phase="forward")
        >>> gathered.sent(devices=4)
        3072.0
    """

    kind: str
    shape: tuple[int, ...]
    bytes: int
    devices: int
    path: str
    phase: str

    def sent(self, devices: int) -> float:
        """The bytes that each device sends if rings carry it, on a mesh of so many devices.

        ``(n-1)/n`` of the result for an all-gather or all-to-all, twice that for an all-reduce, ``n-1`` times the
        result for a reduce-scatter, and the result for others.
        """
        n = self.devices or devices
        share = {"all-gather": (n - 1) / n, "all-to-all": (n - 1) / n, "all-reduce": 2 * (n - 1) / n,
                 "reduce-scatter": n - 1}  # fmt: skip
        return self.bytes * share.get(self.kind, 1.0)


def transfers(step: Callable[..., Any], *args: Any, **kwargs: Any) -> list[Transfer]:
    """The arrays that the devices of a mesh send each other in a step, one by one, in the order of the program.

    They are read off the compiled program; nothing is run. What stands in a loop is counted once.

    Args:
        step: a function, under `fnn.jit` or not.
        *args: its arguments, on a mesh.
        **kwargs: likewise.

    Returns:
        The transfers; none where each device needs what it has only.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.explain.transfers(lambda x: x + 1, jnp.ones(3))
        []
    """
    return _transfers(inspect(step, args, kwargs, "explain.transfers"))


def _transfers(found: Inspection) -> list[Transfer]:
    made = []
    lines = found.lowered().compile().as_text().splitlines()
    parts = _parts(lines)
    for line in lines:
        match = _LINE.search(line)
        if not match:
            continue
        result, type_, kind, start = match.groups()
        name, groups = _NAME.search(line), _GROUPS.search(line)
        devices = 0 if groups is None else _devices(*groups.groups())
        arrays = arrays_of(type_)
        if start and kind in ("all-gather", "collective-permute"):
            arrays = arrays[len(arrays) // 2 :]  # behind the operands, which such a start hands on
        for at, (_, shape, size) in enumerate(arrays):
            own = parts.get((result.lstrip("%"), at)) if len(arrays) > 1 else None
            path, phase = place_of(own or (name[1] if name else ""), found.optimizers)
            made.append(Transfer(kind, shape, size, devices, path, phase))
    return made


def _parts(lines: list[str]) -> dict[tuple[str, int], str]:
    """What the parts of tuples are, by operation and number: XLA makes one reduction of several, named as the first."""
    found = {}
    for line in lines:
        match, name = _PART.search(line), _NAME.search(line)
        if match and name:
            found[match[1].lstrip("%"), int(match[2])] = name[1]
    return found


def _devices(listed: str | None, sized: str | None, axes: str | None, used: str | None) -> int:
    """How many devices exchange data, by any of XLA's three ways to write it; 0 where it is not said."""
    if sized:
        return int(sized)
    if listed:
        return listed.count(",") + 1
    sizes = {name: int(size) for name, size in _AXIS.findall(axes or "") if size}
    return math.prod(int(part) if part else sizes[name] for name, part in _AXIS.findall(used)) if used else 0


def collectives(step: Callable[..., Any], *args: Any, **kwargs: Any) -> Report:
    """The collective operations of a step on a mesh, by module: how many, and the bytes of their results on a device.

    They are read off the compiled program; nothing is run.

    Args:
        step: a function, under `fnn.jit` or not.
        *args: its arguments, on a mesh.
        **kwargs: likewise.

    Returns:
        The report; a finding for each place and kind.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> print(fnn.explain.collectives(lambda x: x + 1, jnp.ones(3)).lines[0])
        there are none: it runs on one device, or each device needs what it has only
    """
    return report(inspect(step, args, kwargs, "explain.collectives"))


def report(found: Inspection) -> Report:
    """The report on a step that is laid open."""
    counts: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for one in _transfers(found):
        counts[one.path, one.phase, one.kind].append(one.bytes)
    order = sorted(counts.items(), key=lambda entry: -sum(entry[1]))
    rows = [(path or "(outside of modules)", phase, kind, str(len(sizes)), amount(sum(sizes)))
            for (path, phase, kind), sizes in order]  # fmt: skip
    findings = [Finding(path, f"{len(sizes)} {kind}, {amount(sum(sizes))}", phase)
                for (path, phase, kind), sizes in order]  # fmt: skip
    if not rows:
        return Report(f"Collectives of {found.name}",
                      ["there are none: it runs on one device, or each device needs what it has only"])  # fmt: skip
    total = sum(sum(sizes) for _, sizes in order)
    line = f"{sum(len(sizes) for _, sizes in order)} collectives, {amount(total)} on each device"
    table = Table(("module", "phase", "kind", "number", "size"), rows)
    return Report(f"Collectives of {found.name}", [line], [table], findings)
