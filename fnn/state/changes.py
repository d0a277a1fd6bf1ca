"""What a traced function changed besides boxes: undone after the trace, and done at every call.

A trace runs the Python code once.  What it assigned to attributes, put into lists and dicts, or stored in globals is
compared with what was there before, put back, and kept as *effects* relative to the nodes of the survey: at each call
they are carried out with the arrays of that call.  So ``self.attention = weights`` works under `fnn.jit`, an exception
leaves everything as it was, and a second trace changes nothing twice.
"""

from __future__ import annotations

import functools
import types
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

from fnn.errors import TracerEscapeError
from fnn.state.box import Box
from fnn.state.describe import Content, Survey, by_value, copied, has_state
from fnn.state.held import refill
from fnn.state.numbers import Number
from fnn.state.places import MISSING, Place, data_of, fetch, own_dict, slot
from fnn.state.recipes import Packer, build
from fnn.state.recorder import Recorder
from fnn.state.scope import Scope, Slot, epoch, innermost, keepers, unset
from fnn.state.watch import recorder as recorder_of
from fnn.tracing import Tracer, alive, current_trace

__all__ = ["Effects", "apply", "changed", "traced_here", "undo"]


_IN_NUMPY = """\
A numpy array of shape {shape} is written to in place while the function is traced, which happens once and not at each
call.

    self.counts[i] += 1                                    # wrong, if counts is a numpy array
    self.register_buffer("counts", jnp.zeros(n))           # right: in __init__; a Buffer is written to at each call"""


_REPEATED = """\
{what} is changed from {before!r} to {now!r} in a body of {transform}, which Python runs once, {however}.

    self.steps += 1                                        # wrong
    self.register_buffer("steps", jnp.zeros((), int))      # right: in __init__; {transform} carries what is written

Use a Buffer, carry the number through the arguments, or change it outside."""


class Change(NamedTuple):
    """One change: where, and what was there before and is there now."""

    where: tuple[Any, ...]
    before: Any
    now: Any


def changed(recorder: Recorder) -> list[Change]:
    """Everything that differs from what it was when the recorder met it."""
    survey = recorder.survey
    found: list[Change] = []
    for number, snapshot in recorder.before.items():
        node = survey.nodes[number]
        now = own_dict(node)
        found += _differences(("attr", number), snapshot[""], now)
        for name, table in snapshot.items():
            if name and isinstance(now.get(name), dict):
                found += _differences(("table", number, name), table, now[name])
    for number, before in recorder.slots.items():
        node = survey.nodes[number]
        found += _differences(("slot", number), before, {name: slot(node, name) for name in before})
    met: set[type] = set()
    for number, before in recorder.classes.items():
        cls = _class_of(survey.nodes[number])
        if cls not in met:
            met.add(cls)
            found += _differences(("class", number), before, data_of(cls))
    for n, (array, content) in enumerate(zip(survey.numpy, survey.numpy_contents, strict=True)):
        if not content.matches(array):
            found.append(Change(("numpy", n), content, Content(array)))
    logs = recorder.ignore_logs()
    for number, (container, content) in enumerate(zip(survey.containers, survey.contents, strict=True)):
        if number in logs:
            continue
        now = copied(container)
        same = len(now) == len(content) and (
            all(k in now and now[k] is v for k, v in content.items())
            if isinstance(content, dict)
            else all(a is b for a, b in zip(now, content, strict=True))
        )
        if not same:
            found.append(Change(("container", number), content, now))
    for place, before in recorder.stored.items():
        now = fetch(survey.nodes[place.node], place)
        if now is not before:
            found.append(Change(("place", place), before, now))
    return found


def _differences(where: tuple[Any, ...], before: dict[str, Any], now: dict[str, Any]) -> list[Change]:
    found = []
    for name in [*before, *(name for name in now if name not in before)]:
        old, new = before.get(name, MISSING), now.get(name, MISSING)
        if old is not new:
            found.append(Change((*where, name), old, new))
    return found


def undo(recorder: Recorder, changes: list[Change]) -> None:
    """Puts everything back."""
    survey = recorder.survey
    for change in changes:
        _put(change.where, change.before, survey)


def of_lazy_module(recorder: Recorder, change: Change) -> bool:
    """Whether a change is part of a lazy module's getting its shapes."""
    if not recorder.materialised or change.where[0] in ("place", "numpy"):
        return False
    at = change.where[1]
    if change.where[0] != "container":
        return at in recorder.lazy
    container = recorder.survey.containers[at]
    return any(table is container for n in recorder.lazy for table in own_dict(recorder.survey.nodes[n]).values())


def _put(where: tuple[Any, ...], value: Any, survey: Any) -> None:
    kind = where[0]
    if kind == "place":
        place: Place = where[1]
        node = survey.nodes[place.node]
        if place.kind == "global":
            _set(node.__globals__, place.name, value)
        elif value is MISSING:
            del node.__closure__[place.name].cell_contents
        else:
            node.__closure__[place.name].cell_contents = value
    elif kind == "container":
        if isinstance(survey.containers[where[1]], (dict, set, list, deque)):
            refill(survey.containers[where[1]], value)
    elif kind == "numpy":
        value.restore(survey.numpy[where[1]])
    elif kind in ("slot", "class"):
        node = survey.nodes[where[1]]
        owner = node if kind == "slot" else _class_of(node)
        store, drop = (object.__setattr__, object.__delattr__) if kind == "slot" else (setattr, delattr)
        if value is not MISSING:
            store(owner, where[2], value)
        elif (slot(owner, where[2]) if kind == "slot" else vars(owner).get(where[2], MISSING)) is not MISSING:
            drop(owner, where[2])
    elif kind == "attr":
        node = survey.nodes[where[1]]
        table = own_dict(node)
        number = type(value) in (int, float) and type(table.get(where[2])) in (type(value), Number)
        _set(table, where[2], value)
        if has_state(type(node)):
            if number:
                epoch.numbers += 1
            else:
                epoch.structure += 1
    else:
        table = own_dict(survey.nodes[where[1]])[where[2]]
        if isinstance(table, dict):
            _set(table, where[3], value)
        epoch.structure += 1


def _class_of(node: object) -> type:
    return node if isinstance(node, type) else type(node)


def _set(table: dict[str, Any], name: str, value: object) -> None:
    if value is MISSING:
        table.pop(name, None)
    else:
        table[name] = value


class Effects:
    """The changes of one trace, as recipes relative to a survey.

    Attributes:
        leaves: the traced arrays in them; the program returns them.
    """

    def __init__(self, changes: list[Change], survey: Survey, scope: Scope) -> None:
        numbers = survey.numbers
        containers = {id(c): i for i, c in enumerate(survey.containers)}

        def known(value: object) -> Any:
            at = numbers.get(id(value))
            if at is not None and not isinstance(value, types.FunctionType):
                return ("node", at)
            if isinstance(value, Box):
                at = survey.index.get(value)
                return None if at is None else ("box", at)
            at = containers.get(id(value))
            return None if at is None else ("container", at)

        self._packer = Packer(known, scope.read, every=True)
        self.steps: list[tuple[tuple[Any, ...], Any]] = []
        for change in changes:
            if change.where[0] == "numpy":
                shape = survey.numpy[change.where[1]].shape
                raise TracerEscapeError(_IN_NUMPY.format(shape=shape))
            if change.where[0] == "container":
                self._container(change, survey)
            else:
                now = change.now
                self.steps.append((change.where, None if now is MISSING else self._packed(change.where, now, survey)))
        self.leaves = self._packer.leaves
        self.numbers = [("place", place) for place in _places([recipe for _, recipe in self.steps])]
        self.containers = any(where[0] == "container" or "container" in str(recipe) for where, recipe in self.steps)
        del self._packer

    def _container(self, change: Change, survey: Survey) -> None:
        container = survey.containers[change.where[1]]
        before, now = change.before, change.now
        if isinstance(container, types.MappingProxyType):
            return
        if isinstance(before, dict):
            for key in before:
                if key not in now:
                    self.steps.append(((*change.where, "drop", key), None))
            for key, value in now.items():
                if before.get(key, MISSING) is not value:
                    where = (*change.where, "set", key)
                    self.steps.append((where, self._packed(where, value, survey)))
        elif (
            not isinstance(container, set)
            and len(now) >= len(before)
            and all(a is b for a, b in zip(before, now, strict=False))
        ):
            # Appended: also where the list has grown by the effect of the last call.
            for value in now[len(before) :]:
                self.steps.append(((*change.where, "append"), self._packed(change.where, value, survey)))
        else:
            recipes = [self._packed(change.where, value, survey) for value in now]
            self.steps.append(((*change.where, "all"), ("list", [], recipes, -1)))

    def _packed(self, where: tuple[Any, ...], value: object, survey: Survey) -> Any:
        try:
            return self._packer.pack(value)
        except TracerEscapeError as error:
            raise TracerEscapeError(f"{named(where, survey)}: {error}") from None


def _places(recipe: object) -> set[Place]:
    """The places of numbers in the expressions of a recipe."""
    if isinstance(recipe, Place):
        return {recipe}
    if isinstance(recipe, dict):
        return set().union(*map(_places, recipe.values()))
    if isinstance(recipe, (tuple, list)):
        return set().union(*map(_places, recipe))
    return set()


def named(where: tuple[Any, ...], survey: Survey) -> str:
    """Where a change was made, in words."""
    if where[0] == "class":
        return f"'{where[-1]}' of {_class_of(survey.nodes[where[1]]).__name__}"
    if where[0] in ("attr", "table", "slot"):
        return f"'{where[-1]}' of {type(survey.nodes[where[1]]).__name__}"
    if where[0] == "place":
        return f"the variable {where[1].name!r}"
    return f"a {type(survey.containers[where[1]]).__name__}"


def apply(effects: Effects, leaves: list[Any], survey: Any, number: Callable[[Any], Any]) -> None:
    """Carries the effects out on the objects of a survey, with the arrays of a call.

    Args:
        effects: the effects.
        leaves: the arrays.
        survey: the objects.
        number: gives the value of an expression over the numbers before the call.
    """
    made: dict[int, Any] = {}

    def known(tag: tuple[str, Any]) -> Any:
        kind, at = tag
        if kind == "number":
            return number(at)
        return (survey.nodes if kind == "node" else survey.boxes if kind == "box" else survey.containers)[at]

    for where, recipe in effects.steps:
        value = MISSING if recipe is None else build(recipe, leaves, known, made)
        if where[0] != "container":
            _put(where, value, survey)
            continue
        container, how = survey.containers[where[1]], where[2]
        if how == "drop":
            container.pop(where[3], None)
        elif how == "set":
            container[where[3]] = value
        elif how == "append":
            container.append(value)
        else:
            refill(container, value)


def _leaving(scope: Scope) -> list[Slot]:
    """The slots of traced arrays that a scope's function assigned to attributes or put into lists and dicts.

    What was assigned is put back until the arrays are there.
    """
    inside = recorder_of.get()
    held = scope.held
    slots: list[Slot] = []
    changes: list[tuple[Change, Callable[[Any], None], str, bool]] = []
    if isinstance(inside, Recorder):
        with inside.quiet():
            survey = inside.survey
            for change in changed(inside):
                if traced_here(change.now):
                    _put(change.where, change.before, survey)
                    back = functools.partial(_put, change.where, survey=survey)
                    changes.append((change, back, named(change.where, survey), False))
    elif held is not None:
        for before, now, store, what in held.differences():
            if traced_here(now):
                changes.append((Change(("held",), before, now), store, what, False))
                store(before)
            elif scope.rehearses:
                store(before)  # a log, which is filled when the function runs in earnest
    for table, name, before, owner in scope.touched.values():
        now = table.get(name, MISSING)
        if now is not MISSING and traced_here(now):
            _set(table, name, MISSING if before is unset else before)

            def put(value: Any, table: Any = table, name: str = name, owner: Any = owner) -> None:
                outer = innermost.get()
                if outer is not None:
                    outer.touch(table, name, owner)
                _set(table, name, value)
                epoch.structure += 1

            what, fresh = f"'{name}' of {type(owner).__name__}", id(owner) in scope.newborn
            changes.append((Change(("attr",), before, now), put, what, fresh))
        elif scope.rehearses:
            _set(table, name, MISSING if before is unset else before)
            if id(owner) not in scope.newborn:
                refuse_repeated(scope.rehearses, f"'{name}' of {type(owner).__name__}", before, now)
            epoch.structure += 1
        elif scope.parent is not None:
            scope.parent.touched.setdefault((id(table), name), (table, name, before, owner))
    scope.touched.clear()
    for change, store, what, fresh in changes:
        earlier = _elements(change.before)

        def known(value: Any, earlier: Any = earlier) -> Any:
            return ("same", value) if id(value) in earlier or _kept(value, scope) else None

        packer = Packer(known, scope.read, every=False)
        try:
            recipe = packer.pack(change.now)
        except TracerEscapeError as error:
            raise TracerEscapeError(f"{what}: {error}") from None
        received: dict[int, Any] = {}

        def arrived(
            value: Any, n: int, received: Any = received, recipe: Any = recipe, size: int = len(packer.leaves),
            store: Any = store,
        ) -> None:  # fmt: skip
            received[n] = value
            if len(received) == size:
                store(build(recipe, [received[i] for i in range(size)], lambda tag: tag[1], {}))

        for n, leaf in enumerate(packer.leaves):
            slot = Slot(functools.partial(arrived, n=n), what, fresh)
            scope.values[cast(Any, slot)] = leaf
            slots.append(slot)
    return slots


def _elements(container: Any) -> set[int]:
    """The ids of what stands in a container."""
    if isinstance(container, dict):
        return set(map(id, container.values()))
    return set(map(id, container)) if isinstance(container, (list, tuple, set, deque)) else set()


def _kept(value: object, scope: Scope) -> bool:
    """Whether an object in a packed value is referred to, not made anew: it was there before, and is no container."""
    if isinstance(value, Box):
        return value._born < scope.serial
    return (
        has_state(type(value))
        and "_parameters" in own_dict(value)
        and not any(
            isinstance(box, Box) and box._born >= scope.serial
            for table in (own_dict(value)["_parameters"], own_dict(value)["_buffers"])
            for box in table.values()
        )
    )


def traced_here(value: Any, depth: int = 0) -> bool:
    """Whether a value holds a traced array of the innermost trace, or of one that has ended."""
    if issubclass(type(value), Tracer):  # isinstance would run a __class__ of theirs
        return value._trace is current_trace() or not alive(value)
    if issubclass(type(value), Box):
        return isinstance(value._value, Tracer) and value._value._trace is current_trace()
    if depth > 6 or issubclass(type(value), (types.ModuleType, type)) or by_value(value):
        return False
    if isinstance(value, dict):
        return any(traced_here(v, depth + 1) for v in value.values())
    if isinstance(value, (list, tuple, set, deque)):
        return any(traced_here(v, depth + 1) for v in value)
    if has_state(type(value)) or not hasattr(type(value), "__dict__"):
        tables = own_dict(value)
        return any(traced_here(tables.get(name, {}), depth + 1) for name in ("_parameters", "_buffers"))
    return any(traced_here(v, depth + 1) for v in own_dict(value).values())


def refuse_repeated(transform: str, what: str, before: object, now: object) -> None:
    """Refuses a plain value that changes in the body of a loop or in a branch.

    Raises:
        TracerEscapeError: a number differs from the one before, or in a branch any plain value does.
    """
    if transform == "vmap":  # one call for all, as eagerly
        return
    branch = transform in ("cond", "switch")
    plain = by_value(now) if branch else type(now) in (int, float)
    if not plain or before is now or (type(before) is type(now) and before == now):
        return
    before = None if before is unset or before is MISSING else before
    however = "whether the branch is taken or not" if branch else "however often the loop does"
    raise TracerEscapeError(
        _REPEATED.format(what=what, before=before, now=now, transform=f"fnn.{transform}", however=however)
    )


@contextmanager
def rehearsing(transform: str = "") -> Iterator[None]:
    """Inside the ``with`` block a function runs to learn what it does; what it changes is put back.

    Args:
        transform: the loop or conditional that will run it, in which plain values may not change; "" for others.
    """
    inside = recorder_of.get()
    if not isinstance(inside, Recorder):
        yield
        return
    with inside.quiet():
        earlier = {change.where: change.now for change in changed(inside)}
    try:
        yield
    finally:
        with inside.quiet():
            found = [(c, earlier.get(c.where, c.before)) for c in changed(inside)]
            for change, before in found:
                _put(change.where, before, inside.survey)
    if transform:
        for change, before in found:
            if change.where[0] != "container":  # logs and counts of traces
                refuse_repeated(transform, named(change.where, inside.survey), before, change.now)


keepers.append(_leaving)
