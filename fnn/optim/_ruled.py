"""`Ruled`: what an optimizer does with its update rule, an optax transformation with a named tuple for a state.

A subclass declares a `Rule`: which of a group's hyper-parameters are what a program is compiled for, which are numbers
(traced, so that changing one recompiles nothing), and which transformation they make.  The transformation's state,
trees like the parameters or vectors with one entry a parameter, is held in boxes, so that `fnn.jit` carries it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax

from fnn.errors import ArgumentError
from fnn.optim._births import Source, owned_values
from fnn.optim._grouping import Grouped
from fnn.optim._kinds import same
from fnn.optim._rule import Rule
from fnn.optim._rule_state import RuleState, is_named, moved, parts, row, set_row
from fnn.optim._slots import Moment
from fnn.optim._tree import Gradient
from fnn.state.box import Box
from fnn.state.parameter import Parameter
from fnn.state.scope import Scope, epoch, innermost, no_scope
from fnn.tracing import Tracer, in_trace, is_elsewhere
from fnn.typing import ArrayLike, PyTree

__all__ = ["NOT_INITIALISED", "Ruled"]

NOT_INITIALISED = (
    "a parameter is not initialised yet; call the lazy module once on an example input before the first step"
)


class Ruled(Grouped):
    """See the module's text."""

    _rule: ClassVar[Rule[Any, Any] | None] = None
    _groups: list[RuleState | None]
    _born: int
    _source: Source | None = None

    @property
    def _declared(self) -> Rule[Any, Any]:
        """The rule of an optimizer that has one."""
        if self._rule is None:
            raise TypeError(f"{type(self).__name__} declares no rule, and defines no step")
        return self._rule

    def _transformation(self, n: int) -> optax.GradientTransformation:
        """The rule of group ``n``, with hyper-parameters that may be traced."""
        rule, group = self._declared, self.param_groups[n]
        form, numbers = rule.form(group.structure()), rule.numbers(group.plain())
        now = rule.numbers(group.now()) if group.aside(self.defaults) else numbers
        passed, given = owned_values(self), numbers
        if self._source is not None and passed is None and n < len(self._source.owner.param_groups):
            passed = owned_values(self._source.owner)
            given = rule.numbers(self._source.owner.param_groups[n].plain())
        if passed is None:
            return rule.transformation(now, form)
        # What was written since is not what the compiled call was given.
        rows = zip(now, given, passed[n], strict=True)
        return rule.transformation(now._make(traced if same(new, old) else new for new, old, traced in rows), form)

    # -- the boxes ----------------------------------------------------------------------------------------------

    def _rule_state(self, n: int) -> RuleState | None:
        """The boxes of group ``n``'s state if there are any, also after its list of parameters was changed."""
        self._groups += [None] * (len(self.param_groups) - len(self._groups))
        group, params = self._groups[n], self.param_groups[n]["params"]
        if group is not None and (
            len(group.params) != len(params) or any(a is not b for a, b in zip(group.params, params, strict=True))
        ):
            self._replaced(n, group)
        return self._groups[n]

    def _state_of(self, n: int) -> RuleState:
        """The boxes of group ``n``'s state, made (from concrete values, if it can be) when first needed."""
        group = self._rule_state(n)
        if group is None:
            if self._lazy(n):
                raise ArgumentError(f"{type(self).__name__}: {NOT_INITIALISED}")
            group = self._groups[n] = self._first(n)
            epoch.structure += 1
        elif group.treedef != self._expected_structure(n):
            self._regrow(n, group)
            group = self._groups[n]
            assert group is not None
        return group

    def _first(self, n: int) -> RuleState:
        plain = self.param_groups[n].plain()
        make, params = self._declared.of(plain).init, plain["params"]
        home = self._home()
        if home is not None:
            # The optimizer was made in a trace, and its state belongs there, also if the first step is in a loop.
            with in_trace(home.trace):
                return RuleState(make([home.read(p) for p in params]), params, born=self._born)
        with no_scope(), jax.ensure_compile_time_eval():
            return RuleState(make([p._value for p in params]), params)

    def _home(self) -> Scope | None:
        """The open scope that the optimizer was made in."""
        scope = innermost.get()
        while scope is not None and scope.serial != self._born:
            if self._born > scope.serial:
                return scope  # it was made in one within, which is closed
            scope = scope.parent
        return scope

    def _expected_structure(self, n: int) -> object:
        rule, group = self._declared, self.param_groups[n]
        params, form = group["params"], rule.form(group.structure())
        cached = self.__dict__.setdefault("_structures", {})
        key = (n, form, len(params))
        if key not in cached:
            make = rule.transformation(rule.numbers(group.plain()), form).init
            shapes = [jax.ShapeDtypeStruct(p._value.shape, p._value.dtype) for p in params]
            cached[key] = jax.tree.structure(jax.eval_shape(make, shapes))
        return cached[key]

    def _regrow(self, n: int, old: RuleState) -> None:
        """A flag changed the form of the state (momentum switched on): keeps the parts that are still there."""
        fields = {**old.shelf, **parts(old.tree(host=True))}
        started = old.started
        self._groups[n] = None
        fresh = self._state_of(n)
        tree = fresh.tree(host=True)
        wanted = parts(tree)
        kept = {
            name: fields[name]
            for name, value in wanted.items()
            if jax.tree.structure(fields.get(name)) == jax.tree.structure(value)
        }
        own, velocity = self._declared.own, self._declared.velocity
        if own is not None and own in wanted and own not in kept and velocity in kept:
            kept[own] = jnp.asarray(np.array([bool(np.any(b)) for b in kept[velocity]]))
        initial = fresh.initial
        shelf = {k: v for k, v in fields.items() if k not in wanted and k != own}
        self._groups[n] = fresh = RuleState(tree._replace(**kept), fresh.params, shelf, self._born)
        if started:
            fresh.initial = initial

    def _replaced(self, n: int, old: RuleState) -> None:
        """Other parameters stand in the group: those that are still there keep their state."""
        started, before = old.started, dict(zip(map(id, old.params), range(len(old.params)), strict=True))
        self._groups[n] = None
        self.__dict__.pop("_structures", None)
        fresh = self._state_of(n)
        if started and is_named(fresh.box_tree()):
            ours, theirs = parts(fresh.box_tree()), parts(old.tree())
            for i, p in enumerate(fresh.params):
                for name in ours if id(p) in before else ():
                    if name in theirs:
                        set_row(ours[name], i, row(theirs[name], before[id(p)]))

    # -- the update ---------------------------------------------------------------------------------------------

    def _update(self, grads: list[list[Gradient | None]]) -> None:
        for n, (group, some) in enumerate(zip(self.param_groups, grads, strict=True)):
            if all(g is None for g in some):
                continue
            state = self._state_of(n)
            params = [p._peek() for p in group["params"]]  # not gathered, where they are spread over devices
            rule, given = self._transformation(n), cast(PyTree, some)
            updates, new = rule.update(given, state.tree(), params)
            changes = cast(list[Gradient], updates)
            for p, value, change, g in zip(group["params"], params, changes, some, strict=True):
                if g is not None:
                    p.data = moved(value, change)
            for box, value in zip(state.boxes, state.treedef.flatten_up_to(new), strict=True):
                box.data = value

    # -- the state of one parameter, by torch's names -------------------------------------------------------------

    def rule_parameters(self) -> list[Parameter]:
        """All parameters."""
        return [p for group in self.param_groups for p in group["params"]]

    def _place(self, parameter: Box) -> tuple[int, int] | None:
        for n, group in enumerate(self.param_groups):
            for i, p in enumerate(group["params"]):
                if p is parameter:
                    return n, i
        return None

    def rule_entries(self, parameter: Box) -> dict[str, Any]:
        """The state of ``parameter``; empty before its first update."""
        place = self._place(parameter)
        return {} if place is None else self._entry(*place, live=True)

    def set_rule_entry(self, parameter: Box, name: str, value: ArrayLike) -> bool:
        """Replaces an entry; False where the rule has none of this name."""
        place = self._place(parameter)
        rule = self._rule
        if place is None or rule is None or name == rule.own or self._lazy(place[0]):
            return False
        state = self._state_of(place[0])
        fields = state.box_tree()
        if not is_named(fields) or name not in parts(fields):
            return False
        set_row(getattr(fields, name), place[1], value)
        if name == rule.velocity and rule.own in parts(fields):
            set_row(parts(fields)[rule.own], place[1], True)
        return True

    def reset_rule_entries(self, parameter: Box) -> None:
        """Sets the state of ``parameter`` to what it was before the first update."""
        place = self._place(parameter)
        old = None if place is None else self._rule_state(place[0])
        if place is None or old is None or not is_named(old.box_tree()):
            return
        first = parts(self._first(place[0]).tree())
        for name, boxes in parts(old.box_tree()).items():
            set_row(boxes, place[1], row(first[name], place[1]))

    def _entry(self, n: int, i: int, live: bool = False) -> dict[str, Any]:
        """The state of parameter ``i`` of group ``n``; ``live``: with boxes, which write to it."""
        group = self._rule_state(n)
        if group is None or not group.started:
            return {}
        fields = {**group.shelf, **parts(group.box_tree())}
        if not self._updated(fields, i):
            return {}
        entry: dict[str, Any] = {}
        for name, value in fields.items():
            part = None if name == self._declared.own else row(value, i)
            if part is not None:
                entry[name] = part.data if isinstance(part, Moment) and not live else part
        return entry

    def _updated(self, fields: Mapping[str, Any], i: int) -> bool:
        """Whether parameter ``i`` has been updated; otherwise it has no state in torch."""
        rule = self._declared
        if rule.updated is not None and rule.updated in fields:
            counts = fields[rule.updated].data
            return True if isinstance(counts, Tracer) else bool(np.asarray(counts)[i])
        if rule.velocity is not None and rule.velocity in fields:  # a velocity of zeros acts as none
            buffer = jnp.asarray(fields[rule.velocity][i])
            if isinstance(buffer, Tracer) or is_elsewhere(buffer):
                return True  # of several processes, of which this one may ask alone: nothing may be computed
            return bool(np.any(np.asarray(buffer)))
        return True
