"""Parameters that a step does not train, and units that are never active."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.explain._program import Flat, Step, flattened, run
from fnn.explain._report import Finding, Report, Table
from fnn.func.inspection import Input, Inspection, inspect

__all__ = ["dead", "gradients"]

_NAMED = 8  # frozen parameters that are listed
_MANY = 0.5  # the share of dead units that is a finding


def gradients(step: Callable[..., Any], *args: Any, **kwargs: Any) -> Report:
    """The parameters that get no gradient: not used, detached, frozen, or not given to the optimizer.

    It is read off the program, whatever the numbers: a parameter with ``requires_grad`` gets none if it influences
    nothing but itself, or if its update depends on no argument and on no other parameter.  Those that are frozen on
    purpose, or by mistake, are listed, and are no findings.

    Args:
        step: a training step, under `fnn.jit` or not.
        *args: its arguments.
        **kwargs: likewise.

    Returns:
        The report; a finding for each parameter.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> model = nn.ModuleDict({"used": nn.Linear(2, 1), "spare": nn.Linear(2, 1, bias=False)})
        >>> @fnn.jit
        ... def step(x):
        ...     loss = model["used"](x).sum()
        ...     fnn.backward(loss)
        ...     return loss
        >>> [finding.where for finding in fnn.explain.gradients(step, jnp.ones((3, 2))).findings]
        ['model.spare.weight']
    """
    return gradients_report(inspect(step, args, kwargs, "explain.gradients"))


def dead(step: Callable[..., Any], *args: Any, **kwargs: Any) -> Report:
    """The rectified units (ReLU) that are 0 for the whole batch, by module; nothing is stored.

    Args:
        step: a function, under `fnn.jit` or not.
        *args: its arguments.
        **kwargs: likewise.

    Returns:
        The report; a finding for each place where half of the units or more are dead.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> model = nn.Sequential(nn.Linear(2, 8), nn.ReLU())
        >>> model[0].bias.data = jnp.full(8, -100.0)
        >>> print(fnn.explain.dead(lambda x: model(x).sum(), jnp.ones((3, 2))).findings[0].where)
        Sequential/1
    """
    return dead_report(inspect(step, args, kwargs, "explain.dead"))


# -- gradients -------------------------------------------------------------------------------------------


def gradients_report(found: Inspection) -> Report:
    """The report on a step that is laid open."""
    flat = flattened(found.jaxpr, found.optimizers)
    depends = _dependence(flat)
    after = [depends.get(atom, 0) if type(atom) is int else 0 for atom in flat.outputs]
    by_box = {id(output.box): n for n, output in enumerate(found.outputs) if output.box is not None}
    trains = any(entry.trained and id(entry.box) in by_box for entry in found.inputs)
    findings = [Finding(entry.name, "is not used") for entry in found.others]
    for n, entry in enumerate(found.inputs):
        if entry.trained:
            own = {m for m, other in enumerate(found.inputs) if m == n or _belongs(other.name, other.kind, entry)}
            what = _fault(found, n, own, after, by_box, trains)
            if what:
                findings.append(Finding(entry.name, what))
    count = sum(entry.trained for entry in found.inputs) + len(found.others)
    if not count:
        lines = ["there is no parameter with requires_grad"]
    elif not findings:
        lines = [f"each of {count} parameters gets one"]
    else:
        lines = [f"{len(findings)} of {count} parameters get none", *(f"{f.where}: {f.what}" for f in findings)]
    frozen = [entry.name for entry in found.inputs if entry.kind == "parameter" and not entry.trained]
    if frozen:
        more = ", ..." if len(frozen) > _NAMED else ""
        are = "1 more is" if len(frozen) == 1 else f"{len(frozen)} more are"
        lines.append(f"{are} frozen (requires_grad=False): {', '.join(frozen[:_NAMED])}{more}")
    return Report(f"Gradients in {found.name}", lines, (), findings)


def _belongs(name: str, kind: str, parameter: Input) -> bool:
    if kind == "optimizer":
        return f"[{parameter.name}]" in name or "[...]" in name
    return kind == "gradient" and name == f"{parameter.name}.grad"


def _fault(
    found: Inspection, n: int, own: set[int], after: list[int], by_box: dict[int, int], trains: bool
) -> str:  # fmt: skip
    entry = found.inputs[n]
    bit = 1 << n
    others = [m for m, output in enumerate(found.outputs)
              if output.box is not entry.box and not _belongs(output.name, output.kind, entry)]  # fmt: skip
    if not any(after[m] & bit for m in others if m < len(after)):
        return "is not used: it influences no result"
    at = by_box.get(id(entry.box))
    if at is None:
        if not trains:
            return ""
        written = {output.name for output in found.outputs if output.kind == "gradient"}
        if written and f"{entry.name}.grad" in written:
            return "is not updated by this step: no optimizer has it"
        if written:
            return "has no gradient (detach, no_grad?)"
        return "is not updated by this step: it has no gradient (detach, no_grad?), or no optimizer has it"
    outside = [
        m
        for m, other in enumerate(found.inputs)
        if after[at] >> m & 1 and m not in own and other.kind in ("parameter", "argument", "buffer", "constant")
    ]
    if not outside and trains:
        return "has no gradient: its update depends on no argument and no other parameter (detach, no_grad?)"
    return ""


def _dependence(flat: Flat) -> dict[int, int]:
    """For each value the inputs of the program on which it depends, as bits."""
    depends = {number: 1 << n for n, number in enumerate(flat.inputs)}
    for step in flat.steps:
        bits = 0
        for atom in step.ins:
            if type(atom) is int:
                bits |= depends.get(atom, 0)
        for out in step.outs:
            depends[out] = bits
    return depends


# -- dead units ------------------------------------------------------------------------------------------


def dead_report(found: Inspection) -> Report:
    """The report on a step that is laid open."""
    flat = flattened(found.jaxpr, found.optimizers)
    chosen = {id(step) for step in _rectifiers(flat)}
    steps: list[Step] = []

    def function(values: list[Any]) -> list[Any]:
        steps.clear()
        shares: list[Any] = []

        def tap(step: Step, given: list[Any], results: list[Any]) -> None:
            if id(step) in chosen:
                steps.append(step)
                shares.append(_dead(results[0]))

        run(flat, values, tap)
        return shares

    counts = jax.jit(function)([entry.value for entry in found.inputs])
    rows, findings = [], []
    for step, zeros in zip(steps, counts, strict=True):
        units = np.asarray(zeros)
        count = int(units.sum())
        if count:
            what = f"{count} of {units.size} units are 0 for the whole batch"
            rows.append((step.place, str(count), str(units.size), f"{count / units.size:.0%}"))
            if count >= _MANY * units.size:
                findings.append(Finding(step.path, what, step.phase))
    line = f"{len(rows)} of {len(steps)} rectifiers have dead units" if steps else "there are no rectifiers"
    tables = [Table(("module", "dead", "units", "share"), rows)] if rows else []
    return Report(f"Dead units in {found.name}", [line], tables, findings)


def _dead(value: Any) -> Any:
    if value.ndim == 0:
        return (value == 0)[None]
    unit = 1 if value.ndim > 3 else value.ndim - 1  # (N, C, H, W); (N, E) and (N, L, E)
    return (value == 0).all(tuple(axis for axis in range(value.ndim) if axis != unit))


def _rectifiers(flat: Flat) -> list[Step]:
    """Forward steps that put 0 in the place of what is negative."""
    makers = flat.makers()
    found = []
    for step in flat.steps:
        if step.phase != "forward" or not jnp.issubdtype(step.equation.outvars[0].aval.dtype, jnp.floating):
            continue
        if step.name == "max" and any(_is_zero(flat, makers, atom) for atom in step.ins):
            found.append(step)
        elif step.name == "select_n" and len(step.ins) == 3:
            by = makers.get(step.ins[0]) if type(step.ins[0]) is int else None
            compares = by is not None and flat.steps[by].name in ("le", "lt", "gt", "ge")
            values = set(step.ins[1:]) if all(type(a) is int for a in step.ins[1:]) else set()
            if by is None or not compares or not any(_is_zero(flat, makers, a) for a in step.ins[1:]):
                continue
            if any(_is_zero(flat, makers, a) for a in flat.steps[by].ins) and values.intersection(
                a for a in flat.steps[by].ins if type(a) is int
            ):
                found.append(step)
    return found


def _is_zero(flat: Flat, makers: dict[int, int], atom: Any) -> bool:
    if type(atom) is not int:
        return bool(np.ndim(atom.val) == 0 and np.asarray(atom.val).astype(np.float64) == 0)
    at = makers.get(atom)
    if at is None:
        return False
    step = flat.steps[at]
    return step.name in ("broadcast_in_dim", "convert_element_type") and _is_zero(flat, makers, step.ins[0])
