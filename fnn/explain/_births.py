"""The search for the operation that made the first value that is not finite out of finite ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn import tracing
from fnn.explain._program import Flat, Step, flattened, run

__all__ = ["FINE", "INF", "NAN", "Birth", "ancestors", "births_of", "evaluated"]

NAN, INF = 0, 1
_ROUNDS = 10_000  # of a while loop, until the search in it is given up


@dataclasses.dataclass(frozen=True)
class Birth:
    """A step whose inputs are free of what its result holds."""

    step: Step
    kind: int
    inputs: list[Any]
    rounds: tuple[int, ...] = ()  # the iterations of the loops around it


# -- evaluation ------------------------------------------------------------------------------------------

FINE = np.zeros(2, bool)


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


def evaluated(
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


def ancestors(flat: Flat, flags: dict[int, np.ndarray], targets: Iterable[Any]) -> set[int]:
    """The values that are not finite and lead to the targets through others."""
    makers = flat.makers()
    seen: set[int] = set()
    open_ = [atom for atom in targets if type(atom) is int]
    while open_:
        atom = open_.pop()
        if atom in seen or not flags.get(atom, FINE).any():
            continue
        seen.add(atom)
        if atom in makers:
            open_ += [a for a in flat.steps[makers[atom]].ins if type(a) is int]
    return seen


def births_of(flat: Flat, values: list[Any], flags: dict[int, np.ndarray], targets: list[Any]) -> list[Birth]:
    """The first step that makes a NaN that matters, and the first that makes an infinity behind it."""
    reached = ancestors(flat, flags, targets)
    first: list[tuple[Step, int]] = []
    nan = _first(flat, flags, reached, NAN)
    if nan is not None:
        reached = ancestors(flat, flags, nan.ins)
        first.append((nan, NAN))
    if nan is None or any(flags.get(a, FINE)[INF] for a in nan.ins if type(a) is int):
        inf = _first(flat, flags, reached, INF)
        if inf is not None:
            first.insert(0, (inf, INF))
    if not first:
        return []
    numbers = {a for step, _ in first for a in step.ins if type(a) is int}
    held = evaluated(flat, values, numbers)[2]
    held.update((n, v) for n, v in flat.consts.items() if n in numbers)
    births = []
    for step, kind in first:
        if step.phase == "forward" and _serves_derivatives(flat, step, flags, targets):
            step = dataclasses.replace(step, phase="backward")
        given = [held[a] if type(a) is int else a.val for a in step.ins]
        births.append(_inside(step, given) or Birth(step, kind, given))
    return births


def _serves_derivatives(flat: Flat, step: Step, flags: dict[int, np.ndarray], targets: list[Any]) -> bool:
    """Whether only backward steps take what is not finite of a step's results: a factor of the chain rule."""
    outs = {out for out in step.outs if flags.get(out, FINE).any()}
    takers = [taker for taker in flat.steps if outs.intersection(a for a in taker.ins if type(a) is int)]
    return bool(takers) and outs.isdisjoint(a for a in targets if type(a) is int) and all(
        taker.phase == "backward" for taker in takers
    )  # fmt: skip


def _first(flat: Flat, flags: dict[int, np.ndarray], reached: set[int], kind: int) -> Step | None:
    for step in flat.steps:
        if not any(out in reached and flags.get(out, FINE)[kind] for out in step.outs):
            continue
        if any(_holds(atom, flags, kind) for atom in step.ins):
            continue
        return step
    return None


def _holds(atom: Any, flags: dict[int, np.ndarray], kind: int) -> bool:
    if type(atom) is int:
        return bool(flags.get(atom, FINE)[kind])
    if not _inexact(np.asarray(atom.val)):
        return False
    return bool((np.isnan if kind == NAN else np.isinf)(np.asarray(atom.val, np.float32)).any())


def _inside(step: Step, given: list[Any]) -> Birth | None:
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


def _within(step: Step, flat: Flat, values: list[Any], rounds: tuple[int, ...] = ()) -> Birth | None:
    flags, _, _ = evaluated(flat, values)
    births = births_of(flat, values, flags, flat.outputs)
    return dataclasses.replace(births[0], rounds=rounds + births[0].rounds) if births else None


def _in_scan(step: Step, params: dict[str, Any], given: list[Any]) -> Birth | None:
    flat = _body(step, params["jaxpr"])
    consts, carried = tracing.scan_counts(params)
    carry = given[consts : consts + carried]
    order = range(params["length"])
    for n in reversed(order) if params["reverse"] else order:
        values = [*given[:consts], *carry, *(x[n] for x in given[consts + carried :])]
        flags, results, _ = evaluated(flat, values)
        births = births_of(flat, values, flags, flat.outputs)
        if births:
            return dataclasses.replace(births[0], rounds=(n, *births[0].rounds))
        carry = results[:carried]
    return None


def _in_while(step: Step, params: dict[str, Any], given: list[Any]) -> Birth | None:
    first, second = params["cond_nconsts"], params["cond_nconsts"] + params["body_nconsts"]
    flat, carry = _body(step, params["body_jaxpr"]), given[second:]
    condition = params["cond_jaxpr"]
    for n in range(_ROUNDS):
        (goes_on,) = tracing.eval_jaxpr(condition, condition.consts, *given[:first], *carry)
        if not bool(goes_on):
            return None
        values = [*given[first:second], *carry]
        flags, carry, _ = evaluated(flat, values)
        births = births_of(flat, values, flags, flat.outputs)
        if births:
            return dataclasses.replace(births[0], rounds=(n, *births[0].rounds))
    return None
