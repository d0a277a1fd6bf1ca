"""How much memory a step takes, and what for; and what holds memory now.

XLA's own figures (`memory_analysis` of the compiled program) are exact, and totals only.  By module and kind it is an
estimate (`_peak`).  Where XLA keeps much more than that, the report says so, and names the largest array of the
compiled program.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import jax

from fnn.explain._buffers import largest
from fnn.explain._names import place_of
from fnn.explain._peak import Held, held_at_peak, size_of
from fnn.explain._program import Flat, flattened
from fnn.explain._report import Finding, Report, Table, amount
from fnn.func.inspection import Inspection, inspect, names_below
from fnn.nn import Module
from fnn.optim import Optimizer

__all__ = ["live", "memory"]

_ROWS = 16
_SLACK = 4096  # bytes by which XLA's temporaries may differ from the estimate without a word


def memory(step: Callable[..., Any], *args: Any, **kwargs: Any) -> Report:
    """The memory of a step at its peak, by kind and by module; the step is compiled and not run.

    The totals are XLA's, exact.  The tables estimate: they count what is held at the fullest moment of the program,
    operation by operation, where activations are what the backward pass waits for, and temporaries all other
    intermediate values.  If XLA's temporaries are more than twice what the tables list, a line says so and names the
    largest array of the compiled program, its module and phase.

    Args:
        step: a function, under `fnn.jit` or not.
        *args: its arguments.
        **kwargs: likewise.

    Returns:
        The report; its first finding is the module whose values take most.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> model = nn.Sequential(nn.Linear(2, 1000), nn.Linear(1000, 1))
        >>> report = fnn.explain.memory(lambda x: model(x).sum(), jnp.ones((64, 2)))
        >>> report.findings[0].where
        'Sequential/0'
    """
    return report(inspect(step, args, kwargs, "explain.memory"))


def report(found: Inspection) -> Report:
    """The report on a step that is laid open."""
    flat = flattened(found.jaxpr, found.optimizers)
    held = _at_peak(flat, found)
    compiled = found.lowered().compile()
    lines = _totals(compiled)
    lines.append(f"at the fullest moment, about: {amount(sum(size for *_, size in held))}")
    kinds: dict[str, int] = defaultdict(int)
    places: dict[tuple[str, str, str], int] = defaultdict(int)
    for kind, where, phase, size in held:
        kinds[kind] += size
        places[where, phase, kind] += size
    first = Table(("kind", "size"), [(k, amount(v)) for k, v in sorted(kinds.items(), key=lambda i: -i[1]) if v])
    inner = [(where, phase, kind, size) for (where, phase, kind), size in places.items() if where and size]
    inner.sort(key=lambda entry: -entry[3])
    second = Table(("module", "phase", "kind", "size"),
                   [(where, phase, kind, amount(size)) for where, phase, kind, size in inner[:_ROWS]])  # fmt: skip
    findings = [Finding(where, f"{amount(size)} of {kind}", phase) for where, phase, kind, size in inner[:_ROWS]
                if kind in ("activations", "temporaries")]  # fmt: skip
    listed = sum(size for kind, *_, size in held if kind in ("activations", "temporaries"))
    more, larger = _unlisted(compiled, found, listed)
    lines, findings = [*lines, *more], [*larger, *findings]
    tables = [table for table in (first, second) if table.rows]
    return Report(f"Memory of {found.name}", lines, tables, findings)


def _unlisted(compiled: Any, found: Inspection, listed: int) -> tuple[list[str], list[Finding]]:
    """What there is to say where XLA keeps much more than the tables list."""
    stats = compiled.memory_analysis()
    if stats is None or stats.temp_size_in_bytes <= 2 * listed + _SLACK:
        return [], []
    line = (f"the tables do not add up: XLA has temporaries of {amount(stats.temp_size_in_bytes)}, of which the "
            f"activations and temporaries below are {amount(listed)}")  # fmt: skip
    array = largest(compiled.as_text() or "")
    if array is None:
        return [line], []
    path, phase = place_of(array.name, found.optimizers)
    kind = f"{array.dtype}[{', '.join(map(str, array.shape))}]"
    finding = Finding(path or "(outside of modules)", f"{amount(array.size)}, the largest array, {kind}", phase)
    place = f"in {path}" if path else "outside of modules"
    return [f"{line}; the largest array is {kind}, {amount(array.size)}, made {place} ({phase})"], [finding]


def _totals(compiled: Any) -> list[str]:
    stats = compiled.memory_analysis()
    if stats is None:
        return ["XLA says nothing about the memory of programs for this device"]
    arguments, outputs = stats.argument_size_in_bytes, stats.output_size_in_bytes
    shared, temporary = stats.alias_size_in_bytes, stats.temp_size_in_bytes
    whole = arguments + outputs - shared + temporary
    return [f"compiled: {amount(whole)} in all: arguments {amount(arguments)}, results {amount(outputs)} "
            f"(of which {amount(shared)} take the place of arguments), temporaries {amount(temporary)}"]  # fmt: skip


def _at_peak(flat: Flat, found: Inspection) -> list[Held]:
    """What is held at the fullest moment: what was there before, and what the program has made."""
    kinds = {"parameter": "parameters", "optimizer": "optimizer", "buffer": "buffers", "gradient": "gradients"}
    given = [Held(kinds.get(entry.kind, "arguments"), "", "", size_of(flat.avals[atom]))
             for entry, atom in zip(found.inputs, flat.inputs, strict=True)]  # fmt: skip
    given += [Held("constants", "", "", size_of(flat.avals[atom])) for atom in flat.consts]
    reused = {id(entry.box) for entry in found.inputs if entry.donated}
    outputs = zip(flat.outputs, found.outputs, strict=False)
    free = frozenset(atom for atom, entry in outputs if type(atom) is int and id(entry.box) in reused)
    return given + held_at_peak(flat, free)


# -- what is there now -----------------------------------------------------------------------------------


def live(*objects: Any, **named: Any) -> Report:
    """What holds device memory now, by name.

    Args:
        *objects: Modules, Optimizers, nests of arrays, which are named by their classes; without any (and without
            ``named``) all Modules and Optimizers that exist.
        **named: likewise, with names of your own.

    Returns:
        The report; a finding for each entry of the table, the largest first.

    Example:
        >>> import fnn
        >>> from fnn import nn
        >>> model = nn.Linear(1000, 1000)
        >>> report = fnn.explain.live(model=model)
        >>> next(f for f in report.findings if f.where == "model.weight").what
        '3.8 MiB, float32[1000, 1000]'
    """
    given = {type(value).__name__: value for value in objects} | named
    if not given:
        given = _all_owners()
    names = names_below(given)
    rows: list[tuple[str, str, int]] = []
    nameless: dict[tuple[str, bool], list[int]] = defaultdict(list)
    total = 0
    for array in jax.live_arrays():
        if array.is_deleted():
            continue
        kind = f"{array.dtype}{list(array.shape)}"
        size = sum(shard.data.size for shard in array.addressable_shards) * getattr(array.dtype, "itemsize", 4)
        total += size
        name = names.get(id(array))
        if name is None:
            nameless[kind, False].append(size)
        else:
            rows.append((name, kind, size))
    rows += [(f"{len(sizes)} without a name", kind, sum(sizes)) for (kind, _), sizes in nameless.items()]
    rows.sort(key=lambda row: -row[2])
    shown = Table(("name", "type", "size"), [(name, kind, amount(size)) for name, kind, size in rows[: 2 * _ROWS]])
    findings = [Finding(name, f"{amount(size)}, {kind}") for name, kind, size in rows]
    return Report("Memory that is held now", [f"{len(rows)} entries, {amount(total)}"], [shown], findings)


def _all_owners() -> dict[str, Any]:
    found = [value for value in gc.get_objects() if isinstance(value, (Module, Optimizer))]
    inner = {id(child) for value in found if isinstance(value, Module) for child in value.children()}
    owners: dict[str, Any] = {}
    for value in sorted((v for v in found if id(v) not in inner), key=lambda v: isinstance(v, Optimizer)):
        name = type(value).__name__
        count = sum(known.split(" ")[0] == name for known in owners)
        owners[f"{name} {count + 1}" if count else name] = value
    return owners
