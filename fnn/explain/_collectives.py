"""What the devices of a mesh send each other in a step, by module."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from fnn.explain._names import place_of
from fnn.explain._report import Finding, Report, Table, amount
from fnn.func.inspection import Inspection, inspect

__all__ = ["collectives"]

_KINDS = "all-reduce|all-gather|reduce-scatter|collective-permute|all-to-all|collective-broadcast|ragged-all-to-all"
_LINE = re.compile(rf" = (.*?) ({_KINDS})(?:-start)?\(")
_ARRAY = re.compile(r"\b(pred|[a-z]+\d+\w*)\[([\d,]*)\]")
_NAME = re.compile(r'op_name="([^"]*)"')
_BITS = re.compile(r"\d+")


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
    for line in found.lowered().compile().as_text().splitlines():
        match = _LINE.search(line)
        if match:
            name = _NAME.search(line)
            path, phase = place_of(name[1] if name else "", found.optimizers)
            counts[path, phase, match[2]].append(_size(match[1]))
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


def _size(result: str) -> int:
    size = 0
    for kind, shape in _ARRAY.findall(result):
        bits = _BITS.search(kind)
        size += math.prod(int(n) for n in shape.split(",") if n) * (max(int(bits[0]), 8) // 8 if bits else 1)
    return size
