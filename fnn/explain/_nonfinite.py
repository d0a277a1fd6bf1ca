"""Where the first NaN or infinity comes from.

The step's program is evaluated once more, compiled, with a look at every intermediate value; nothing is stored.  From
the results that are not finite the search goes back through values that are not finite either, to the operation that
made the first of them out of finite numbers.  So an infinity that does no harm (a mask of ``-inf``) is not reported.
Loops are unrolled where they are at fault, and branches entered.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn import tracing
from fnn.explain._program import Flat, Step, flattened, run
from fnn.explain._report import Finding, Report, Table
from fnn.func.inspection import Inspection, inspect

__all__ = ["nonfinite"]

_NAN, _INF = 0, 1
_TITLE = "Numbers that are not finite"
_ROUNDS = 10_000  # of a while loop, until the search in it is given up

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
    "convert_element_type": "the number does not fit into the dtype",
}


@dataclasses.dataclass(frozen=True)
class _Birth:
    """A step whose inputs are free of what its result holds."""

    step: Step
    kind: int
    inputs: list[Any]
    rounds: tuple[int, ...] = ()  # the iterations of the loops around it


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
    flags, _, _ = _evaluated(flat, values)
    bad = [n for n, atom in enumerate(flat.outputs) if type(atom) is int and flags.get(atom, _FINE).any()]
    inputs = [n for n, atom in enumerate(flat.inputs) if flags.get(atom, _FINE)[_NAN]]
    inputs += [n for n, atom in enumerate(flat.inputs) if n not in inputs and flags.get(atom, _FINE)[_INF]]
    births = _births(flat, values, flags, [flat.outputs[n] for n in bad])
    lines: list[str] = []
    tables: list[Table] = []
    findings: list[Finding] = []
    reached = _ancestors(flat, flags, [flat.outputs[n] for n in bad])
    for n in inputs:
        if flat.inputs[n] in reached:
            entry = found.inputs[n]
            what = f"holds {_counted(entry.value)} before the step"
            lines.append(f"{entry.name} ({entry.kind}) {what}")
            findings.append(Finding(entry.name, what))
    for birth in births:
        text, table = _told(birth)
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


# -- evaluation ------------------------------------------------------------------------------------------

_FINE = np.zeros(2, bool)


def _inexact(value: Any) -> bool:
    dtype = getattr(value, "dtype", None)
    return dtype is not None and jnp.issubdtype(dtype, jnp.inexact)


def _flags(value: Any) -> jax.Array:
    return jnp.stack([jnp.isnan(value).any(), jnp.isinf(value).any()])


def _compiled(function: Callable[..., Any], *args: Any) -> Any:
    """The results of ``function``, compiled so that half types are rounded where the program says so."""
    lowered = jax.jit(function).lower(*args)
    try:
        compiled = lowered.compile({"xla_allow_excess_precision": False})
    except Exception:  # a backend that has no such option
        compiled = lowered.compile()
    return compiled(*args)


def _evaluated(
    flat: Flat, values: list[Any], wanted: Iterable[int] = ()
) -> tuple[dict[int, np.ndarray], list[Any], dict[int, Any]]:
    """The flags of all values, the results, and the values of certain numbers."""
    order: list[int] = []
    wanted = list(wanted)

    def function(values: list[Any]) -> tuple[Any, list[Any], dict[int, Any]]:
        order.clear()
        taken: list[Any] = []
        held: dict[int, Any] = {}

        def look(number: int, value: Any) -> None:
            if number in wanted:
                held[number] = value
            if _inexact(value):
                order.append(number)
                taken.append(_flags(value))

        for number, value in (*flat.consts.items(), *zip(flat.inputs, values, strict=True)):
            look(number, value)

        def tap(step: Step, given: list[Any], results: list[Any]) -> None:
            for number, value in zip(step.outs, results, strict=True):
                look(number, value)

        results = run(flat, values, tap)
        return (jnp.stack(taken) if taken else jnp.zeros((0, 2), bool)), results, held

    flags, results, held = _compiled(function, values)
    return dict(zip(order, np.asarray(flags), strict=True)), results, held


# -- the search ------------------------------------------------------------------------------------------


def _ancestors(flat: Flat, flags: dict[int, np.ndarray], targets: Iterable[Any]) -> set[int]:
    """The values that are not finite and lead to the targets through others."""
    makers = flat.makers()
    seen: set[int] = set()
    open_ = [atom for atom in targets if type(atom) is int]
    while open_:
        atom = open_.pop()
        if atom in seen or not flags.get(atom, _FINE).any():
            continue
        seen.add(atom)
        if atom in makers:
            open_ += [a for a in flat.steps[makers[atom]].ins if type(a) is int]
    return seen


def _births(flat: Flat, values: list[Any], flags: dict[int, np.ndarray], targets: list[Any]) -> list[_Birth]:
    """The first step that makes a NaN that matters, and the first that makes an infinity behind it."""
    reached = _ancestors(flat, flags, targets)
    first: list[tuple[Step, int]] = []
    nan = _first(flat, flags, reached, _NAN)
    if nan is not None:
        reached = _ancestors(flat, flags, nan.ins)
        first.append((nan, _NAN))
    if nan is None or any(flags.get(a, _FINE)[_INF] for a in nan.ins if type(a) is int):
        inf = _first(flat, flags, reached, _INF)
        if inf is not None:
            first.insert(0, (inf, _INF))
    if not first:
        return []
    numbers = {a for step, _ in first for a in step.ins if type(a) is int}
    held = _evaluated(flat, values, numbers)[2]
    held.update((n, v) for n, v in flat.consts.items() if n in numbers)
    births = []
    for step, kind in first:
        if step.phase == "forward" and _serves_derivatives(flat, step, flags, targets):
            step = dataclasses.replace(step, phase="backward")
        given = [held[a] if type(a) is int else a.val for a in step.ins]
        births.append(_inside(step, given) or _Birth(step, kind, given))
    return births


def _serves_derivatives(flat: Flat, step: Step, flags: dict[int, np.ndarray], targets: list[Any]) -> bool:
    """Whether only backward steps take what is not finite of a step's results: a factor of the chain rule."""
    outs = {out for out in step.outs if flags.get(out, _FINE).any()}
    takers = [taker for taker in flat.steps if outs.intersection(a for a in taker.ins if type(a) is int)]
    return bool(takers) and outs.isdisjoint(a for a in targets if type(a) is int) and all(
        taker.phase == "backward" for taker in takers
    )  # fmt: skip


def _first(flat: Flat, flags: dict[int, np.ndarray], reached: set[int], kind: int) -> Step | None:
    for step in flat.steps:
        if not any(out in reached and flags.get(out, _FINE)[kind] for out in step.outs):
            continue
        if any(_holds(atom, flags, kind) for atom in step.ins):
            continue
        return step
    return None


def _holds(atom: Any, flags: dict[int, np.ndarray], kind: int) -> bool:
    if type(atom) is int:
        return bool(flags.get(atom, _FINE)[kind])
    if not _inexact(np.asarray(atom.val)):
        return False
    return bool((np.isnan if kind == _NAN else np.isinf)(np.asarray(atom.val, np.float32)).any())


def _inside(step: Step, given: list[Any]) -> _Birth | None:
    """The birth inside a loop or a branch."""
    params = step.equation.params
    if step.name == "scan":
        return _in_scan(step, params, given)
    if step.name == "cond":
        which = int(np.clip(int(given[0]), 0, len(params["branches"]) - 1))
        return _within(step, _body(step, params["branches"][which]), given[1:])
    if step.name == "while":
        return _in_while(step, params, given)
    return None


def _body(step: Step, closed: Any) -> Flat:
    flat = flattened(closed)
    for inner in flat.steps:
        inner.path = "/".join(part for part in (step.path, inner.path) if part)
        inner.phase = step.phase if inner.phase == "forward" else inner.phase
    return flat


def _within(step: Step, flat: Flat, values: list[Any], rounds: tuple[int, ...] = ()) -> _Birth | None:
    flags, _, _ = _evaluated(flat, values)
    births = _births(flat, values, flags, flat.outputs)
    return dataclasses.replace(births[0], rounds=rounds + births[0].rounds) if births else None


def _in_scan(step: Step, params: dict[str, Any], given: list[Any]) -> _Birth | None:
    flat = _body(step, params["jaxpr"])
    consts, carried = params["num_consts"], params["num_carry"]
    carry = given[consts : consts + carried]
    order = range(params["length"])
    for n in reversed(order) if params["reverse"] else order:
        values = [*given[:consts], *carry, *(x[n] for x in given[consts + carried :])]
        flags, results, _ = _evaluated(flat, values)
        births = _births(flat, values, flags, flat.outputs)
        if births:
            return dataclasses.replace(births[0], rounds=(n, *births[0].rounds))
        carry = results[:carried]
    return None


def _in_while(step: Step, params: dict[str, Any], given: list[Any]) -> _Birth | None:
    first, second = params["cond_nconsts"], params["cond_nconsts"] + params["body_nconsts"]
    flat, carry = _body(step, params["body_jaxpr"]), given[second:]
    condition = params["cond_jaxpr"]
    for n in range(_ROUNDS):
        (goes_on,) = tracing.eval_jaxpr(condition, condition.consts, *given[:first], *carry)
        if not bool(goes_on):
            return None
        values = [*given[first:second], *carry]
        flags, carry, _ = _evaluated(flat, values)
        births = _births(flat, values, flags, flat.outputs)
        if births:
            return dataclasses.replace(births[0], rounds=(n, *births[0].rounds))
    return None


# -- words -----------------------------------------------------------------------------------------------


def _told(birth: _Birth) -> tuple[str, Table]:
    step = birth.step
    what = "nan" if birth.kind == _NAN else _sign(birth)
    where = step.path or "outside of modules"
    hint = _HINTS.get(step.name, "")
    out = step.equation.outvars[0].aval
    if birth.kind == _INF and step.name in ("mul", "add", "dot_general", "conv_general_dilated", "reduce_sum",
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


def _sign(birth: _Birth) -> str:
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
