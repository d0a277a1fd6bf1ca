"""Keys that a step uses more than once: the same random numbers in two places, or in every turn of a loop.

Values are numbered: what is made in the same way from the same key is the same key.  A key is *used up* by what draws
from it or splits it; `fold_in` makes a new one for each number and uses nothing up.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fnn import tracing
from fnn.explain._program import Flat, Step, flattened
from fnn.explain._report import Finding, Report, Table
from fnn.func.inspection import Inspection, inspect

__all__ = ["keys"]

_USES = {"random_bits": "draws", "random_gamma": "draws", "threefry2x32": "draws", "random_split": "splits"}
# What makes a key of keys, or of the numbers of one, in a way that its parameters tell.
_MAKES = frozenset({
    "random_seed", "random_wrap", "random_unwrap", "random_split", "random_fold_in", "slice", "squeeze", "reshape",
    "broadcast_in_dim", "dynamic_slice", "convert_element_type", "transpose", "unstack", "copy", "copy_p",
})  # fmt: skip
_AGAIN = "rematted_computation/"  # JAX's name for a checkpointed block in the backward pass
_Id = tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class _Use:
    """A place where a key is used up; ``repeated`` in a loop whose every turn uses the same one."""

    step: Step
    repeated: bool = False

    @property
    def again(self) -> bool:
        """Whether it may be in a block that the backward pass computes once more."""
        return self.step.phase == "backward" or _AGAIN in self.step.path

    def __str__(self) -> str:
        turns = ", in every turn of a loop" if self.repeated else ""
        return f"{self.step.place} ({_USES[self.step.name]}{turns})"


def keys(step: Callable[..., Any], *args: Any, **kwargs: Any) -> Report:
    """The JAX keys that are used more than once in a step: each use gives the same random numbers again.

    It is read off the program; nothing is run.  Drawing and splitting use a key up, `jax.random.fold_in` does not.
    Of the branches of a condition one is counted, and what a checkpointed block computes again is no second use.

    Args:
        step: a function, under `fnn.jit` or not.
        *args: its arguments.
        **kwargs: likewise.

    Returns:
        The report; a finding for each key, at the place of its second use.

    Example:
        >>> import jax
        >>> import fnn
        >>> def noise(key):
        ...     return jax.random.normal(key, (3,)) + jax.random.uniform(key, (3,))
        >>> print(fnn.explain.keys(noise, jax.random.key(0)).findings[0].what)
        key is used 2 times as a key: by (outside of modules) (draws), (outside of modules) (draws)
    """
    return report(inspect(step, args, kwargs, "explain.keys"))


def report(found: Inspection) -> Report:
    """The report on a step that is laid open."""
    flat = flattened(found.jaxpr, found.optimizers)
    uses = _uses(flat, [("input", n) for n in range(len(flat.inputs))])
    names = [entry.name.removeprefix("argument ") for entry in found.inputs]
    findings, rows = [], []
    for key, places in uses.items():
        first = {use.step.path for use in places if not use.again}
        places = [use for use in places if not (use.again and use.step.path.replace(_AGAIN, "") in first)]
        if len(places) > 1 or any(use.repeated for use in places):
            name = _described(key, names)
            count = f"{len(places)} times" if len(places) > 1 else "again and again"
            listed = ", ".join(map(str, places))
            findings.append(Finding(places[-1].step.path or name, f"{name} is used {count} as a key: by {listed}"))
            rows.append((name, count, listed))
    title = f"Keys of {found.name}"
    if not findings:
        return Report(title, ["no key is used twice"])
    return Report(
        title,
        ["the same numbers are drawn again; split a key, k1, k2 = jax.random.split(key), and use each once"],
        [Table(("key", "used", "by"), rows)],
        findings,
    )


def _described(key: _Id, names: Sequence[str]) -> str:
    """A key in the words of the program: ``split(key)[0]``."""
    kind, *rest = key
    if kind == "input":
        n = int(rest[0])
        return names[n] if n < len(names) else f"input {n}"
    if kind == "value":
        return "a key made in the step"
    if kind == "literal":
        return str(rest[0])
    params, part, *sources = rest
    inner = _described(sources[0], names)
    if kind == "slice":
        return f"{inner}[{dict(params)['start_indices'].strip('(),').split(',')[0]}]"
    if kind == "unstack":
        return f"{inner}[{part}]"
    if kind == "random_split":
        return f"split({inner})"
    if kind == "random_fold_in":
        return f"fold_in({inner}, ...)"
    return f"key({inner})" if kind == "random_seed" else inner


def _uses(flat: Flat, inputs: Sequence[_Id]) -> dict[_Id, list[_Use]]:
    """Who uses each key up, in order."""
    ids: dict[int, _Id] = dict(zip(flat.inputs, inputs, strict=True))
    found: dict[_Id, list[_Use]] = defaultdict(list)

    def of(atom: Any) -> _Id:
        if type(atom) is int:
            return ids.setdefault(atom, ("value", id(flat), atom))
        return ("literal", str(np.asarray(atom.val)))

    for step in flat.steps:
        given = [of(atom) for atom in step.ins]
        if step.name in _USES:
            found[given[0]].append(_Use(step))
        if step.name in _MAKES:
            params = tuple((name, str(value)) for name, value in sorted(step.equation.params.items()))
            ids.update({out: (step.name, params, n, *given) for n, out in enumerate(step.outs)})
        for key, uses in _inside(step, given).items():
            found[key] += uses
    return found


def _inside(step: Step, given: list[_Id]) -> dict[_Id, list[_Use]]:
    """Who uses up, in the bodies of a loop or a condition, the keys that come from around it."""
    params = step.equation.params
    if step.name == "cond":
        worst: dict[_Id, list[_Use]] = {}
        for branch in params["branches"]:
            for key, uses in _body(step, branch, given[1:]).items():
                worst[key] = max(worst.get(key, []), uses, key=len)
        return worst
    if step.name == "scan":
        consts, carry = tracing.scan_counts(params)
        kept = _kept(params["jaxpr"].jaxpr, consts, carry)
        ids = [key if n < consts or n in kept else ("value", id(step), n) for n, key in enumerate(given)]
        return _repeated(_body(step, params["jaxpr"], ids), given) if params["length"] > 1 else {}
    if step.name == "while":
        skipped, consts = params["cond_nconsts"], params["body_nconsts"]
        inner = given[skipped:]
        kept = _kept(params["body_jaxpr"].jaxpr, consts, len(inner) - consts)
        ids = [key if n < consts or n in kept else ("value", id(step), n) for n, key in enumerate(inner)]
        return _repeated(_body(step, params["body_jaxpr"], ids), given)
    return {}


def _kept(body: Any, consts: int, carry: int) -> set[int]:
    """The numbers of a body's inputs that it hands on unchanged to its next turn."""
    ins = body.invars[consts : consts + carry]
    return {consts + n for n, (before, after) in enumerate(zip(ins, body.outvars, strict=False)) if before is after}


def _repeated(uses: dict[_Id, list[_Use]], given: list[_Id]) -> dict[_Id, list[_Use]]:
    """Uses in a loop: of what comes from around it, each is one of many."""

    def varies(key: _Id) -> bool:
        if key in given or key[0] == "literal":
            return False
        return key[0] == "value" or any(varies(part) for part in key[3:])

    return {key: [_Use(use.step, not varies(key)) for use in places] for key, places in uses.items()}


def _body(step: Step, closed: Any, ids: list[_Id]) -> dict[_Id, list[_Use]]:
    flat = flattened(closed)
    for inner in flat.steps:
        inner.path = "/".join(part for part in (step.path, inner.path) if part)
        inner.phase = step.phase if inner.phase == "forward" else inner.phase
    return _uses(flat, ids)
