"""`Compiled`: what `fnn.jit` sees of an optimizer: boxes, what a program is compiled for, and numbers."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import jax

from fnn.optim._groups import ParamGroup, adopted
from fnn.optim._hooks import KINDS, Hooked
from fnn.optim._ruled import Ruled
from fnn.optim._slots import Slot
from fnn.optim._state import State
from fnn.state.box import Box
from fnn.state.describe import Same, Survey
from fnn.state.parameter import is_lazy
from fnn.state.scope import innermost
from fnn.tracing import Tracer
from fnn.typing import PyTree

__all__ = ["INTERNAL", "Compiled"]

INTERNAL = frozenset({
    "defaults", "param_groups", "_groups", "_born", "_token", "_level", "_own", "_state", "_structures", "_stepping",
    "_programs_seen", "_source", "_warned", "_opt_called", "step",
})  # fmt: skip
_NO_VALUE = INTERNAL | {f"_{kind}_hooks" for kind in KINDS}
_MANY = 16
_COMPILES = """\
fnn.jit has compiled a step of {name} for more than {many} values of a number that the step asks Python for: by if, \
int() or a function of math. Where such a number changes at every step, so does the program. Compute with jax.numpy:

    math.sqrt(1 - beta2 ** state["step"])            # asks: compiled for each step
    (1 - beta2 ** state["step"]) ** 0.5              # does not
    if state["step"] > 5: p.sub_(update)             # asks
    p.sub_(jnp.where(state["step"] > 5, update, 0))  # does not"""


class Compiled(Ruled, Hooked):
    """The part of `Optimizer` that describes it to `fnn.jit`."""

    _state: State
    _own: dict[str, Slot]  # the attributes that a trace has written
    _token: int
    _level: int

    def _adopt(self) -> None:
        """Sees to it that the groups, which a subclass may have assigned, are `ParamGroup`s."""
        groups = self.param_groups
        for n, group in enumerate(groups):
            if not isinstance(group, ParamGroup) or group.hyper.asked < self._own_step:
                groups[n] = adopted(group, self._own_step)

    def _fnn_gather(self, survey: Survey) -> tuple[Hashable, ...]:
        self._adopt()
        parts: list[Hashable] = [type(self)]
        for n, group in enumerate(self.param_groups):
            if self._lazy(n):  # the step will say what to do
                parts.append(tuple(is_lazy(p) for p in group["params"]))
                continue
            boxes: list[Box] = []
            structure: Hashable = None
            if self._rule is not None:
                state = self._state_of(n)
                state.follow()
                boxes, structure = list(state.boxes), state.treedef
            parts.append((
                tuple((survey.box(p, donate=True), p._requires_grad) for p in group["params"]),
                # Made here if need be: a gradient that turned up in the middle of a trace would mean another trace.
                tuple(survey.box(p._grad_box()) for p in group["params"]),
                tuple(group.get("param_names", ())),
                tuple(survey.box(box, donate=True) for box in boxes),
                structure,
            ))  # fmt: skip
        parts += [survey.object(group.hyper) for group in self.param_groups if isinstance(group, ParamGroup)]
        tables: list[OrderedDict[int, Callable]] = [self._step_pre_hooks, self._step_post_hooks]
        parts += [tuple(map(Same, table.values())) for table in tables]
        boxes = self._state.boxes + [box for slot in self._own.values() for box in slot.boxes]
        if self._own_step or boxes:
            # What such a step does is known of this optimizer only.
            parts.append(self._token)
            parts += [survey.box(box, donate=box._value is not None) for box in boxes]
        parts += [(name, survey.value(value)) for name, value in self._attributes()]
        return tuple(parts)

    def _fnn_box_names(self, name_of: Callable[[Any], str | None]) -> list[tuple[Box, str]]:
        """The boxes of the state, and what a user calls them: ``state[model.weight]['exp_avg']``."""
        found: list[tuple[Box, str]] = []
        for n in range(len(self.param_groups)):
            if self._rule is None or self._lazy(n):
                continue
            state = self._state_of(n)
            held, _ = jax.tree_util.tree_flatten_with_path(state.box_tree(), lambda x: isinstance(x, Box))
            for path, box in held:
                part = getattr(path[0], "name", str(path[0])) if path else "state"
                at = getattr(path[1], "idx", None) if len(path) > 1 else None
                owner = "" if at is None else name_of(state.params[at]) or f"parameter {at} of group {n}"
                found.append((box, f"state[{owner}][{part!r}]" if owner else f"state[...][{part!r}] of group {n}"))
        return found + [(box, "state") for box in self._state.boxes]

    def _attributes(self) -> list[tuple[str, Any]]:
        return [
            (name, value)
            for name, value in self.__dict__.items()
            if name not in _NO_VALUE and not isinstance(value, (State, Tracer))
        ]

    def _fnn_dynamic(self) -> tuple[tuple[Hashable, ...], list[PyTree]]:
        flags: list[Hashable] = []
        values: list[PyTree] = []
        rule = self._rule
        for group in self.param_groups:
            if rule is None:
                break
            plain = group.plain()
            numbers = rule.numbers(plain)
            flags.append(rule.form(group.structure() if group.hyper.slots else plain))
            flags.append(tuple([number is None for number in numbers]))
            # An int and a float would be two programs: momentum=1, later 0.9.
            values.append(tuple([float(v) if type(v) is int else v for v in numbers]))
        if self._own_step or self._state.held or self._own:
            flags.append(self._state.fixed())
            flags += [slot.fixed(self._level > 1) for slot in self._own.values()]
            flags.append(self._level)
            if self._level > 0 and innermost.get() is None:
                self._count(tuple(flags))
        return tuple(flags), values

    def _count(self, static: Hashable) -> None:
        """Warns where a program after another is compiled."""
        seen = self.__dict__.setdefault("_programs_seen", set())
        if seen is None:
            return
        seen.add((static, *(group.hyper._fnn_dynamic()[0] for group in self.param_groups)))
        if len(seen) > _MANY:
            self.__dict__["_programs_seen"] = None
            warnings.warn(_COMPILES.format(name=type(self).__name__, many=_MANY), UserWarning, stacklevel=2)

    def _pin(self, level: int) -> None:
        """Makes more of the numbers constants of a compiled step; see `fnn.optim._stepping`."""
        self._level = level
        self._state.pinned = level > 1
        for group in self.param_groups:
            group.hyper.level = 2 if level > 2 else min(level, 1)
