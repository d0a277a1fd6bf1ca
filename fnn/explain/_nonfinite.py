"""Where the first NaN or infinity comes from.

The step's program is evaluated once more, compiled, with a look at every intermediate value; nothing is stored.  From
the results that are not finite the search goes back through values that are not finite either, to the operation that
made the first of them out of finite numbers.  So an infinity that does no harm (a mask of ``-inf``) is not reported.
Loops are unrolled where they are at fault, and branches entered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn import tracing
from fnn.explain._births import FINE, INF, NAN, Birth, ancestors, births_of, evaluated
from fnn.explain._program import flattened
from fnn.explain._report import Finding, Report, Table
from fnn.func.inspection import Inspection, inspect

__all__ = ["nonfinite"]

_TITLE = "Numbers that are not finite"

_HINTS = {
    "log": "log of a number that is not positive",
    "log1p": "log1p of a number that is not above -1",
    "div": "a division by zero, or a quotient that is too large",
    "rsqrt": "rsqrt of a number that is not positive",
    "sqrt": "sqrt of a negative number",
    "pow": "a power that is too large, or of a negative number",
    "integer_pow": "a power that is too large, or 1/0",
    "exp": "exp of a number that is too large",
    "exp2": "exp2 of a number that is too large",
    "gather": "an index that is out of range",
    "convert_element_type": "the number does not fit into the dtype",
}


def nonfinite(step: Callable[..., Any], *args: Any, **kwargs: Any) -> Report:
    """Where the first NaN or infinity of a step is born: module, phase, operation, and the ranges of its inputs.

    Nothing is stored: parameters, optimizer and random numbers are as before.  With `fnn.jit`, `fnn.backward`,
    `fnn.value_and_grad` and arrays on a mesh.

    Args:
        step: a function, under `fnn.jit` or not.
        *args: its arguments.
        **kwargs: likewise.

    Returns:
        The report; its ``findings`` are empty if all results are finite.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        >>> @fnn.jit
        ... def step(x):
        ...     return jnp.log(model(x) * 0).mean()
        >>> report = fnn.explain.nonfinite(step, jnp.ones((3, 2)))
        >>> print(report.lines[0].splitlines()[0])
        -inf is born outside of modules, in log (forward): log of a number that is not positive
    """
    found = inspect(step, args, kwargs, "explain.nonfinite")
    return report(found)


def report(found: Inspection) -> Report:
    """The report on a step that is laid open."""
    flat = flattened(found.jaxpr, found.optimizers)
    values = [entry.value for entry in found.inputs]
    flags, _, _ = evaluated(flat, values)
    bad = [n for n, atom in enumerate(flat.outputs) if type(atom) is int and flags.get(atom, FINE).any()]
    inputs = [n for n, atom in enumerate(flat.inputs) if flags.get(atom, FINE)[NAN]]
    inputs += [n for n, atom in enumerate(flat.inputs) if n not in inputs and flags.get(atom, FINE)[INF]]
    births = births_of(flat, values, flags, [flat.outputs[n] for n in bad])
    lines: list[str] = []
    tables: list[Table] = []
    findings: list[Finding] = []
    reached = ancestors(flat, flags, [flat.outputs[n] for n in bad])
    for n in inputs:
        if flat.inputs[n] in reached:
            entry = found.inputs[n]
            what = f"holds {_counted(entry.value)} before the step"
            lines.append(f"{entry.name} ({entry.kind}) {what}")
            findings.append(Finding(entry.name, what))
    for birth in births:
        text, table = told(birth)
        lines.append(text)
        tables.append(table)
        findings.append(Finding(birth.step.path, text, birth.step.phase))
    if not bad:
        lines.append("all results are finite")
    else:
        outputs = sorted((found.outputs[n] for n in bad), key=lambda output: output.kind != "result")
        names = [output.name for output in outputs]
        more = ", ..." if len(names) > 5 else ""
        lines.append(f"{len(bad)} of {len(flat.outputs)} results are not finite: {', '.join(names[:5])}{more}")
        if not findings:
            lines.append("no operation made them out of finite numbers: they are constants of the program")
            findings.append(Finding(names[0] if names else "", "is not finite"))
    return Report(f"{_TITLE} in {found.name}", lines, tables, findings)


# -- words -----------------------------------------------------------------------------------------------


def told(birth: Birth) -> tuple[str, Table]:
    """A birth in words, and the ranges of what went in."""
    step = birth.step
    what = "nan" if birth.kind == NAN else _sign(birth)
    where = step.path or "outside of modules"
    hint = _HINTS.get(step.name, "")
    out = step.equation.outvars[0].aval
    if birth.kind == INF and step.name in ("mul", "add", "dot_general", "conv_general_dilated", "reduce_sum",
                                            "add_any", "convert_element_type", "square", "sub"):  # fmt: skip
        hint = f"the result exceeds {float(jnp.finfo(out.dtype).max):.5g}, the largest {out.dtype}"
    at = tracing.written_at(step.equation)
    rounds = "".join(f", iteration {n}" for n in birth.rounds)
    text = f"{what} is born {'in ' if step.path else ''}{where}, in {step.name} ({step.phase}{rounds})"
    text += f": {hint}" if hint else ""
    if at and step.phase != "backward":
        text += f"\n  at {at}"
    elif at:
        text += f"\n  the derivative of {at}"
    rows = [_row(n, value) for n, value in enumerate(birth.inputs)]
    return text, Table(("input", "type", "smallest", "largest", "not finite"), rows)


def _sign(birth: Birth) -> str:
    return "-inf" if birth.step.name == "log" else "inf"


def _row(n: int, value: Any) -> tuple[str, ...]:
    kind = f"{value.dtype}{list(np.shape(value))}" if hasattr(value, "dtype") else type(value).__name__
    if hasattr(value, "dtype") and jnp.issubdtype(value.dtype, jax.dtypes.extended):
        return (str(n), kind, "", "", "")
    numbers = _numbers(value)
    if numbers.size == 0:
        return (str(n), kind, "", "", "")
    finite = numbers[np.isfinite(numbers)]
    ends = (f"{finite.min():.6g}", f"{finite.max():.6g}") if finite.size else ("", "")
    return (str(n), kind, *ends, _counted(value) if finite.size < numbers.size else "")


def _numbers(value: Any) -> np.ndarray:
    numbers = np.asarray(value)
    if np.iscomplexobj(numbers):
        numbers = np.abs(numbers)
    return numbers.astype(np.float64)


def _counted(value: Any) -> str:
    numbers = _numbers(value)
    nans, infs = int(np.isnan(numbers).sum()), int(np.isinf(numbers).sum())
    parts = [f"{count} {name}" for count, name in ((nans, "nan"), (infs, "inf")) if count]
    return f"{' and '.join(parts) or 'nothing wrong'} of {numbers.size}"
