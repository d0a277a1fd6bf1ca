"""`Ruled`: what an optimizer does with its update rule, an optax transformation with a named tuple for a state.

A subclass says which of a group's hyper-parameters are structure (`_flags`), which are values (`_values`, traced,
so that changing one recompiles nothing), and which transformation they make.  The transformation's state, trees like
the parameters or vectors with one entry a parameter, is held in boxes, so that `fnn.jit` carries it.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from fnn.errors import ArgumentError
from fnn.optim._groups import ParamGroup
from fnn.optim._slots import Moment, Source, owned_values, same
from fnn.optim._tree import is_sparse
from fnn.state.parameter import Parameter, is_lazy
from fnn.state.scope import Scope, epoch, innermost, no_scope
from fnn.tracing import Tracer, in_trace

__all__ = ["NOT_INITIALISED", "RuleState", "Ruled"]

NOT_INITIALISED = (
    "a parameter is not initialised yet; call the lazy module once on an example input before the first step"
)


class RuleState:
    """The state of the rule for one parameter group."""

    __slots__ = ("boxes", "initial", "params", "shelf", "treedef")

    def __init__(self, state: Any, params: list[Parameter], shelf: dict[str, Any] | None = None, born: int = 0) -> None:
        # Parts that the rule has no use for at present, such as a velocity while momentum is 0; torch keeps them too.
        self.shelf = shelf or {}
        self.params = list(params)
        leaves, self.treedef = jax.tree.flatten(state)
        self.boxes = [Moment() for _ in leaves]
        for box, leaf in zip(self.boxes, leaves, strict=True):
            box._value, box._exposed, box._born = leaf, False, born
        # The first values: a state that still is its first value has not been stepped.
        self.initial = list(leaves)

    def mark_started(self) -> None:
        """Says that this is the state after some step."""
        self.initial = [None] * len(self.boxes)

    @property
    def started(self) -> bool:
        """Whether there was a step."""
        if innermost.get() is not None:
            return any(box._peek() is not first for box, first in zip(self.boxes, self.initial, strict=True))
        return any(box._value is not first for box, first in zip(self.boxes, self.initial, strict=True))

    def tree(self, host: bool = False) -> Any:
        """The state; ``host``: outside of any trace."""
        return self.treedef.unflatten([box._value if host else box.data for box in self.boxes])

    def box_tree(self) -> Any:
        """The state, with boxes for arrays."""
        return self.treedef.unflatten(self.boxes)


class Ruled:
    """See the module's text."""

    param_groups: list[Any]
    defaults: dict[str, Any]
    _groups: list[RuleState | None]
    _born: int
    _source: Source | None = None
    # Parts of the state that torch does not have.
    _internal: frozenset[str] = frozenset({"started"})

    def _flags(self, group: dict[str, Any]) -> tuple[Any, ...]:
        """The hyper-parameters that change the program; hashable."""
        raise TypeError(f"{type(self).__name__} defines no _flags")

    def _values(self, group: dict[str, Any]) -> tuple[Any, ...]:
        """The hyper-parameters that are numbers."""
        raise TypeError(f"{type(self).__name__} defines no _values")

    def _transformation(self, values: tuple[Any, ...], flags: tuple[Any, ...]) -> optax.GradientTransformation:
        """The update rule for these hyper-parameters."""
        raise TypeError(f"{type(self).__name__} defines no _transformation")

    def _has_rule(self) -> bool:
        return type(self)._transformation is not Ruled._transformation

    def _rule(self, n: int) -> optax.GradientTransformation:
        """The rule of group ``n``, with hyper-parameters that may be traced."""
        group: ParamGroup = self.param_groups[n]
        flags, values = self._flags(group.structure()), self._values(group.plain())
        now = self._values(group.now()) if group.aside(self.defaults) else values
        passed, given = owned_values(self), values
        if self._source is not None and passed is None and n < len(self._source.owner.param_groups):
            passed = owned_values(self._source.owner)
            given = self._values(self._source.owner.param_groups[n].plain())
        if passed is None:
            return self._transformation(now, flags)
        # What was written since is not what the compiled call was given.
        rows = zip(now, given, passed[n], strict=True)
        values = tuple(traced if same(new, old) else new for new, old, traced in rows)
        return self._transformation(values, flags)

    def _lazy(self, n: int) -> bool:
        return any(is_lazy(p) for p in self.param_groups[n]["params"])

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
        make = self._transformation(self._values(plain), self._flags(plain)).init
        params = plain["params"]
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

    def _expected_structure(self, n: int) -> Any:
        plain = self.param_groups[n].structure()
        params = plain["params"]
        flags = (self._flags(plain), len(params))
        cached = self.__dict__.setdefault("_structures", {})
        if (n, flags) not in cached:
            make = self._transformation(self._values(self.param_groups[n].plain()), flags[0]).init
            shapes = [jax.ShapeDtypeStruct(p._value.shape, p._value.dtype) for p in params]
            cached[(n, flags)] = jax.tree.structure(jax.eval_shape(make, shapes))
        return cached[(n, flags)]

    def _regrow(self, n: int, old: RuleState) -> None:
        """A flag changed the form of the state (momentum switched on): keeps the parts that are still there."""
        fields = {**old.shelf, **_present(old.tree(host=True))}
        started = old.started
        self._groups[n] = None
        fresh = self._state_of(n)
        tree = fresh.tree(host=True)
        wanted = _present(tree)
        kept = {
            name: fields[name]
            for name, value in wanted.items()
            if jax.tree.structure(fields.get(name)) == jax.tree.structure(value)
        }
        if "started" in wanted and "started" not in kept and "momentum_buffer" in kept:
            kept["started"] = jnp.asarray(np.array([bool(np.any(b)) for b in kept["momentum_buffer"]]))
        initial = fresh.initial
        shelf = {k: v for k, v in fields.items() if k not in wanted and k not in self._internal}
        self._groups[n] = fresh = RuleState(tree._replace(**kept), fresh.params, shelf, self._born)
        if started:
            fresh.initial = initial

    def _replaced(self, n: int, old: RuleState) -> None:
        """Other parameters stand in the group: those that are still there keep their state."""
        started, before = old.started, dict(zip(map(id, old.params), range(len(old.params)), strict=True))
        self._groups[n] = None
        self.__dict__.pop("_structures", None)
        fresh = self._state_of(n)
        if started and hasattr(fresh.box_tree(), "_asdict"):
            ours, theirs = _present(fresh.box_tree()), _present(old.tree())
            for i, p in enumerate(fresh.params):
                for name in ours if id(p) in before else ():
                    if name in theirs:
                        _set_row(ours[name], i, _row(theirs[name], before[id(p)]))

    # -- the update ---------------------------------------------------------------------------------------------

    def _update(self, grads: list[list[Any]]) -> None:
        for n, (group, some) in enumerate(zip(self.param_groups, grads, strict=True)):
            if all(g is None for g in some):
                continue
            state = self._state_of(n)
            params = [p.data for p in group["params"]]
            updates: Any
            updates, new = self._rule(n).update(some, state.tree(), params)
            for p, value, update, g in zip(group["params"], params, updates, some, strict=True):
                if g is not None:
                    p.data = _moved(value, update)
            for box, value in zip(state.boxes, state.treedef.flatten_up_to(new), strict=True):
                box.data = value

    # -- the state of one parameter, by torch's names -------------------------------------------------------------

    def rule_parameters(self) -> list[Any]:
        """All parameters."""
        return [p for group in self.param_groups for p in group["params"]]

    def _place(self, parameter: Any) -> tuple[int, int] | None:
        for n, group in enumerate(self.param_groups):
            for i, p in enumerate(group["params"]):
                if p is parameter:
                    return n, i
        return None

    def rule_entries(self, parameter: Any) -> dict[str, Any]:
        """The state of ``parameter``; empty before its first update."""
        place = self._place(parameter)
        return {} if place is None else self._entry(*place, live=True)

    def set_rule_entry(self, parameter: Any, name: str, value: Any) -> bool:
        """Replaces an entry; False where the rule has none of this name."""
        place = self._place(parameter)
        if place is None or name in self._internal or not self._has_rule() or self._lazy(place[0]):
            return False
        state = self._state_of(place[0])
        fields = state.box_tree()
        if not hasattr(fields, "_asdict") or name not in _present(fields):
            return False
        _set_row(getattr(fields, name), place[1], value)
        if "started" in _present(fields) and name == "momentum_buffer":
            _set_row(fields.started, place[1], True)
        return True

    def reset_rule_entries(self, parameter: Any) -> None:
        """Sets the state of ``parameter`` to what it was before the first update."""
        place = self._place(parameter)
        old = None if place is None else self._rule_state(place[0])
        if place is None or old is None or not hasattr(old.box_tree(), "_asdict"):
            return
        first = _present(self._first(place[0]).tree())
        for name, boxes in _present(old.box_tree()).items():
            _set_row(boxes, place[1], _row(first[name], place[1]))

    def _entry(self, n: int, i: int, live: bool = False) -> dict[str, Any]:
        """The state of parameter ``i`` of group ``n``; ``live``: with boxes, which write to it."""
        group = self._rule_state(n)
        if group is None or not group.started:
            return {}
        fields = {**group.shelf, **_present(group.box_tree())}
        if not _stepped(fields, i):
            return {}
        entry: dict[str, Any] = {}
        for name, value in fields.items():
            row = None if name in self._internal else _row(value, i)
            if row is not None:
                entry[name] = row.data if isinstance(row, Moment) and not live else row
        return entry


def _row(value: Any, i: int) -> Any:
    """What ``value``, a list with one array for each parameter or a vector, has for parameter ``i``."""
    return value[i]


def _set_row(held: Any, i: int, value: Any) -> None:
    if isinstance(held, Moment):
        held.data = held.data.at[i].set(jnp.asarray(value, held.dtype))
    elif held[i] is not None:
        held[i].data = jnp.asarray(value)


def _moved(value: Any, update: Any) -> Any:
    """The parameter after an update; of a sparse one only the places that it has are touched."""
    if not is_sparse(update):
        return value + update.astype(value.dtype)
    at = tuple(update.indices[:, k] for k in range(update.n_sparse))
    return value.at[at].add(update.data.astype(value.dtype), mode="drop")  # BCOO pads with indices out of bounds


def _present(state: Any) -> dict[str, Any]:
    """The parts of a rule's state that it has."""
    return {name: value for name, value in state._asdict().items() if value is not None}


def _stepped(fields: dict[str, Any], i: int) -> bool:
    """Whether parameter ``i`` has been updated; otherwise it has no state in torch."""
    for name in ("step", "started"):
        if name in fields:
            counts = fields[name].data
            return True if isinstance(counts, Tracer) else bool(np.asarray(counts)[i])
    if "momentum_buffer" in fields:  # a velocity of zeros acts as none
        buffer = jnp.asarray(fields["momentum_buffer"][i])
        return True if isinstance(buffer, Tracer) else bool(np.any(np.asarray(buffer)))
    return True
