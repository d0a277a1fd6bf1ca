"""What a trace read of the Python state around it, and whether that still stands.

A *place* is where a value was found: an attribute of a node, a cell of a function's closure, one of its globals.  While
a function is traced, a `Recorder` notes each place that is read with the description of the value found there (see
`describe`).  The list of places is a program's *template*.  `Template.match` walks it from other roots: where all
descriptions are equal, the program is theirs too, and the walk has found their boxes in the program's order.

`Guards` are the fast form of the same question for the very objects of the last walk: nearly all checks are one
look-up and one comparison by identity.  What a Module's own ``__setattr__`` sees (nearly everything about Modules)
needs no check: the structure epoch moves.  Nothing here keeps an object of the user's alive.
"""

from __future__ import annotations

import builtins
import functools
import sys
import types
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import is_
from typing import Any, NamedTuple, cast

import jax
import numpy as np

from fnn.state.box import Box
from fnn.state.code import is_library, names_of
from fnn.state.contents import content_of
from fnn.state.describe import Content, Survey, by_value, copied, has_state, is_whole, of_container, watchable
from fnn.state.numbers import Number
from fnn.state.parameter import is_lazy
from fnn.state.recipes import slots_of
from fnn.state.scope import epoch, watched_names
from fnn.state.watch import Watch, recorder
from fnn.tracing import Tracer

__all__ = ["ANYTHING", "MISSING", "Guards", "Place", "Recorder", "Template", "fetch", "guess", "own_dict"]


class _Missing:
    def __repr__(self) -> str:
        return "(missing)"


MISSING = _Missing()


class _Anything:
    """The description of a place whose value does not matter."""

    def __repr__(self) -> str:
        return "(anything)"


ANYTHING = _Anything()
ROOT = -1


class Place(NamedTuple):
    """Where a value is found: ``kind`` of ``name``, of the node with this number."""

    node: int
    kind: str
    name: Any


def fetch(node: Any, place: Place) -> Any:
    """The value at ``place``, whose node this is; MISSING if there is none."""
    kind, name = place.kind, place.name
    if kind == "attr":
        return own_dict(node).get(name, MISSING)
    if kind == "slot":
        return slot(node, name)
    if kind == "class":
        return on_class(type(node), name)
    if kind == "of class":
        return on_class(node, name)
    if kind == "cell":
        try:
            return node.__closure__[name].cell_contents
        except ValueError:
            return MISSING
    if kind == "global":
        value = node.__globals__.get(name, MISSING)
        return vars(builtins).get(name, MISSING) if value is MISSING else value
    if kind == "defaults":
        return (node.__defaults__, node.__kwdefaults__)
    if kind == "module":
        return sys.modules.get(name, MISSING)
    return own_dict(node)  # the whole of it


def own_dict(value: object) -> dict[str, Any]:
    """``value.__dict__``, which does not count as reading it; empty if there is none."""
    try:
        return object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}


def on_class(cls: type, name: str) -> Any:
    """What the classes of ``cls``'s method resolution order have under ``name``, as it stands there."""
    for base in cls.__mro__:
        found = base.__dict__.get(name, MISSING)
        if found is not MISSING:
            return found
    return MISSING


class Recorder:
    """Notes what one trace reads.

    Attributes:
        survey: the nodes, boxes, arrays and containers met, in order.
        places: the places read, in order; `prints` their descriptions.
    """

    def __init__(self, roots: list[Any], symbolic: frozenset[Place] = frozenset(),
                 unread: frozenset[int] = frozenset()) -> None:  # fmt: skip
        self.watch = Watch()
        self.survey = Survey(self._meet)
        self.places: list[Place] = []
        self.prints: list[Any] = []
        self.before: dict[int, dict[str, dict[str, Any]]] = {}  # see `_snapshot`
        self.slots: dict[int, dict[str, Any]] = {}  # those of objects, likewise
        self.classes: dict[int, dict[str, Any]] = {}  # the data of classes: a class's own, or an object's
        # What has attributes whose reads nobody notices, and the names that any code met may read of it.
        self._named: dict[str, None] = {}
        self._owners: dict[int, tuple[Any, set[str]]] = {}
        self.stored: dict[Place, Any] = {}  # globals and cells that the code assigns, with their values before
        self._seen: set[Place] = set()
        self._busy = self._looking = False
        self.newborn: dict[int, Any] = {}
        # Numbers that are no constants of this trace: their places, and what makes them (see `fnn.state.numbers`).
        self.symbolic = symbolic
        self.numbers: Any = None
        self.lazy: set[int] = set()  # modules whose parameters have no shape yet
        self.materialised = False  # whether one of them got its shapes
        self.unrooted: Any = None
        self._met: deque[tuple[Any, int]] = deque()
        self.roots = tuple(
            ("unread", type(root)) if i in unread else self.survey.root(root) for i, root in enumerate(roots)
        )
        self._look_into()

    def __enter__(self) -> Recorder:
        self._token = recorder.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        recorder.reset(self._token)
        self.watch.close()

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Inside the ``with`` block nothing counts as read."""
        before, self._busy = self._busy, True
        try:
            yield
        finally:
            self._busy = before

    def born(self, value: object) -> None:
        """``value`` is made inside the trace: no state that the trace depends on."""
        self.newborn[id(value)] = value

    def ignore_logs(self) -> set[int]:
        """Lists, sets and dicts of variables that the trace filled with plain values: logs, counts of traces, caches.

        They are filled when the function is traced, as under `jax.jit`, and no program depends on them.

        Returns:
            The numbers of these containers.
        """
        ignored = set()
        for number, (container, before) in enumerate(zip(self.survey.containers, self.survey.contents, strict=True)):
            at = self.survey.found[number]
            if at is None or type(container) not in _COUNTED or self.places[at].kind not in ("cell", "global"):
                continue
            node = self.survey.nodes[self.places[at].node]
            if fetch(node, self.places[at]) is not container:
                continue
            now = copied(container)
            if _atoms(now) and _atoms(before) and now != before:
                ignored.add(number)
                self.prints[at] = ANYTHING
        return ignored

    def template(self, unread: set[Box]) -> Template:
        """What was read, for `Template.match`; of the ``unread`` boxes it does not matter what they hold."""
        survey = self.survey
        avals = tuple(
            ANYTHING if box in unread else None if box._value is None else (box._value.shape, box._value.dtype)
            for box in survey.boxes
        )
        return Template(self.roots, list(self.places), list(self.prints), avals)

    # -- what is read --------------------------------------------------------------------------------------

    def attribute(self, value: object, name: str) -> None:
        """``value.name`` is about to be read."""
        if self._busy:
            return  # what describing reads is not what the program reads
        number = self.survey.numbers.get(id(value))
        if number is None:
            if name[:2] != "__" and self.unrooted is None and has_state(type(value)) and id(value) not in self.newborn:
                if "_parameters" in own_dict(value):
                    self.unrooted = value
            return
        if name[:2] == "__":
            if name in ("__dict__", "__reduce_ex__") and not has_state(type(value)):  # the latter is for copies
                self._read(Place(number, "dict", "__dict__"), value)
            return
        if has_state(type(value)) and (_describes_itself(value) or is_whole(name) or name == "_compiled_call_impl"):
            return
        self._busy = True  # describing must not count as reading
        try:
            self._attribute(number, value, name)
        finally:
            self._busy = False

    def shown(self, value: object, name: str, found: Any) -> Any:
        """``found``, or the `Number` that stands for it."""
        if not self.symbolic or type(found) not in (int, float) or self._busy:
            return found
        place = Place(self.survey.numbers.get(id(value), ROOT), "attr", name)
        return Number(self.numbers, ("place", place), found) if place in self.symbolic else found

    def _attribute(self, number: int, value: object, name: str) -> None:
        place = Place(number, "attr", name)
        if place in self._seen:
            return
        found = self._read(place, value)
        if found is not MISSING:
            return
        found = on_class(type(value), name)
        if found is MISSING:
            return
        if isinstance(found, types.MemberDescriptorType):
            self._read(Place(number, "slot", name), value)
        elif not is_library(_module_of(found) or type(value).__module__):
            self._read(Place(number, "class", name), value)

    def _read(self, place: Place, node: object) -> Any:
        if place in self._seen:
            return MISSING
        self._seen.add(place)
        value = fetch(node, place)
        self.places.append(place)
        at = len(self.prints)
        self.prints.append(None)
        self.survey.origin = at
        if place in self.symbolic:
            self.prints[at] = ("number", type(value))
        else:
            self.prints[at] = MISSING if value is MISSING else self.survey.value(value)
        if place.kind == "attr" and type(place.name) is str:
            watched_names.add(place.name)
        self._look_into()
        return value

    def _look_into(self) -> None:
        """Reads what the functions name that were met; never in the middle of a description, whose order counts."""
        if self._looking:
            return
        self._looking = True
        try:
            while self._met:
                value, number = self._met.popleft()
                if isinstance(value, types.FunctionType):
                    self._function(value, number)
                elif isinstance(value, (type, types.ModuleType)):
                    pass
                else:
                    self._operators(value, number)
                if not self._met:
                    self._owned()
        finally:
            self._looking = False

    # -- what is met -----------------------------------------------------------------------------------------

    def _meet(self, value: object, number: int) -> None:
        if isinstance(value, types.FunctionType):
            self.before[number] = _snapshot(value)
            self._owners[number] = value, set()
            self._met.append((value, number))
        elif isinstance(value, (type, types.ModuleType)):
            if isinstance(value, type):
                self.classes[number] = data_of(value)
            else:
                self.before[number] = _snapshot(value)
            self._owners[number] = value, set()
            self._met.append((value, number))
        else:
            slots = slots_of(type(value)) if watchable(type(value)) else ()
            if slots:
                self.slots[number] = {name: slot(value, name) for name in slots}
            if not is_library(type(value).__module__):
                self.classes[number] = data_of(type(value))
                self._owners[number] = value, set()
            if watchable(type(value)):
                self.watch.add(_topmost(type(value)))
            if has_state(type(value)) and _holds_lazy(value):
                self.lazy.add(number)
            if not _describes_itself(value):
                self.before[number] = _snapshot(value)
            if not has_state(type(value)):
                self._met.append((value, number))

    def _operators(self, value: object, number: int) -> None:
        """The methods that Python calls without reading an attribute: ``__call__``, ``__getitem__``, ..."""
        for base in type(value).__mro__:
            if is_library(base.__module__):
                continue
            reader = vars(base).get("__getattribute__")
            if getattr(reader, "own", reader) is not None:
                self._read(Place(number, "dict", "__dict__"), value)  # it may read anything, past the watch
            for name, found in vars(base).items():
                if name[:2] == "__" and isinstance(found, types.FunctionType) and name not in _NOT_CALLED:
                    self._read(Place(number, "class", name), value)

    def _owned(self) -> None:
        """Attributes of classes, Python modules and functions that any of the functions met may read."""
        for number, (value, done) in list(self._owners.items()):
            for name in [name for name in self._named if name not in done]:
                done.add(name)
                if isinstance(value, (types.ModuleType, types.FunctionType)):
                    if name in own_dict(value) and name[:2] != "__":
                        self._read(Place(number, "attr", name), value)
                elif name[:2] != "__" and _is_data(on_class(value if isinstance(value, type) else type(value), name)):
                    self._read(Place(number, "of class" if isinstance(value, type) else "class", name), value)

    def _function(self, function: types.FunctionType, number: int) -> None:
        names = names_of(function.__code__)
        self._named.update(dict.fromkeys(names.named))
        cells = {name: i for i, name in enumerate(function.__code__.co_freevars)}
        if function.__defaults__ or function.__kwdefaults__:
            self._read(Place(number, "defaults", ""), function)
        for name in names.stored_globals:
            place = Place(number, "global", name)
            self.stored[place] = fetch(function, place)
        for name in names.stored_cells:
            place = Place(number, "cell", cells[name])
            self.stored[place] = fetch(function, place)
        for path in names.globals:
            self._path(Place(number, "global", path[0]), function, path[1:])
        for path in names.cells:
            self._path(Place(number, "cell", cells[path[0]]), function, path[1:])
        for module, *attributes in names.imports:
            if not is_library(module) and module in sys.modules:
                for name in attributes:
                    if name in vars(sys.modules[module]):
                        self._path(Place(number, "module", module), function, (name,))

    def _path(self, place: Place, node: object, rest: tuple[str, ...]) -> None:
        self._read(place, node)
        value = fetch(node, place)
        if not rest:
            return
        if isinstance(value, types.ModuleType):
            if not is_library(value.__name__) and rest[0] in vars(value):
                self._path(Place(self.survey.node(value), "attr", rest[0]), value, rest[1:])
        elif isinstance(value, type) and not is_library(value.__module__):
            if on_class(value, rest[0]) is not MISSING:
                self._path(Place(self.survey.node(value), "of class", rest[0]), value, rest[1:])


_NOT_CALLED = frozenset({"__init__", "__new__", "__getattribute__", "__init_subclass__", "__del__"})
_COUNTED = (list, dict, set)


def _atoms(content: Any) -> bool:
    values = [*content, *content.values()] if isinstance(content, dict) else content
    return all(by_value(v) or (type(v) is tuple and _atoms(v)) for v in values)


def guess(survey: Survey) -> Survey:
    """The Modules, Optimizers and boxes that a user's objects hold: a trace will probably read them."""
    found = Survey()
    seen: set[int] = set()

    def look(value: object, depth: int) -> None:
        if id(value) in seen or depth > 5 or by_value(value):
            return
        seen.add(id(value))
        if isinstance(value, Box):
            if not is_lazy(value):
                found.box(value)
        elif has_state(type(value)):
            found.object(value)
        elif isinstance(value, (list, tuple, set, dict)):
            if len(value) <= 256:
                for inner in value.values() if isinstance(value, dict) else value:
                    look(inner, depth + 1)
        elif watchable(type(value)):
            for inner in own_dict(value).values():
                look(inner, depth + 1)

    for node in list(survey.nodes):
        if not isinstance(node, (types.FunctionType, type, types.ModuleType)):
            for inner in own_dict(node).values():
                look(inner, 0)
    return found


def _module_of(found: object) -> Any:
    """Where a function, a class or another descriptor is from; of plain data, nothing."""
    if isinstance(found, type) or hasattr(type(found), "__get__"):
        return getattr(found, "__module__", None)
    return None


def data_of(cls: type) -> dict[str, Any]:
    """What a user's class itself holds besides methods and descriptors."""
    if is_library(cls.__module__):
        return {}
    return {name: value for name, value in vars(cls).items() if name[:2] != "__" and _is_data(value)}


def _is_data(value: object) -> bool:
    return value is not MISSING and not isinstance(value, type) and not hasattr(type(value), "__get__")


def slot(value: object, name: str) -> Any:
    """The content of a slot."""
    try:
        return object.__getattribute__(value, name)
    except AttributeError:
        return MISSING


def _snapshot(value: object) -> dict[str, dict[str, Any]]:
    """The entries of an object's ``__dict__`` under "", and those of a Module's tables under their names."""
    own = own_dict(value)
    taken = {"": dict(own)}
    if "_parameters" in own and has_state(type(value)):
        taken.update((name, dict(table)) for name, table in own.items() if is_whole(name) and isinstance(table, dict))
    return taken


def _describes_itself(value: object) -> bool:
    """Whether ``_fnn_gather`` describes all of an object: of an Optimizer, not of a Module's plain attributes."""
    return has_state(type(value)) and "_parameters" not in own_dict(value)


def _holds_lazy(value: object) -> bool:
    own = own_dict(value)
    return any(is_lazy(box) for name in ("_parameters", "_buffers") for box in own.get(name, {}).values())


def _topmost(cls: type) -> type:
    """The highest class to watch: one above all of a family costs one change of a class, not many."""
    found = cls
    for base in cls.__mro__:
        if watchable(base) and has_state(base):
            found = base
    return found


class Template:
    """What a program's trace read, without the objects that it read it from."""

    def __init__(self, roots: tuple[Any, ...], places: list[Place], prints: list[Any], avals: tuple[Any, ...]) -> None:
        self.roots, self.places, self.prints, self.avals = roots, places, prints, avals

    def match(self, roots: list[Any]) -> Survey | None:
        """The survey of these roots if they are described alike in everything that was read, else None."""
        survey = Survey()
        if not self._same_roots(survey, roots):
            return None
        for place, expected in zip(self.places, self.prints, strict=True):
            if place.node >= len(survey.nodes):
                return None
            value = fetch(survey.nodes[place.node], place)
            if _is_number(expected) and type(value) is cast(Any, expected)[1]:
                continue
            if expected is ANYTHING and type(value) in _COUNTED:
                survey.skip(value)
            elif (MISSING if value is MISSING else survey.value(value)) != expected:
                return None
        if len(survey.boxes) != len(self.avals):
            return None
        for box, aval in zip(survey.boxes, self.avals, strict=True):
            value = box._value
            if aval is not ANYTHING and (None if value is None else (value.shape, value.dtype)) != aval:
                return None
        return survey

    def _same_roots(self, survey: Survey, roots: list[Any]) -> bool:
        if len(roots) != len(self.roots):
            return False
        return all(
            type(root) is cast(Any, expected)[1] if _is_unread(expected) else survey.root(root) == expected
            for root, expected in zip(roots, self.roots, strict=True)
        )

    def texts(self, roots: list[Any]) -> frozenset[int]:
        """The numbers of roots that are strings here and there, and other ones here, or of no interest there."""
        if len(roots) != len(self.roots):
            return frozenset()
        return frozenset(
            i
            for i, (root, expected) in enumerate(zip(roots, self.roots, strict=True))
            if type(root) in (str, bytes) and isinstance(expected, tuple)
            and (expected == ("unread", type(root)) or (expected[0] is type(root) and expected[1] != root))
        )  # fmt: skip

    def for_any_text(self, numbers: frozenset[int]) -> Template:
        """The template with these roots of no interest."""
        roots = tuple(("unread", r[0]) if i in numbers and r[0] != "unread" else r for i, r in enumerate(self.roots))
        return Template(roots, self.places, self.prints, self.avals)

    def moved(self, roots: list[Any]) -> frozenset[Place] | None:
        """The places of numbers that differ, if nothing else does; those that may differ already among them."""
        survey = Survey()
        if not self._same_roots(survey, roots):
            return None
        found = set()
        for place, expected in zip(self.places, self.prints, strict=True):
            if place.node >= len(survey.nodes):
                return None
            value = fetch(survey.nodes[place.node], place)
            if _is_number(expected):
                if type(value) is not cast(Any, expected)[1]:
                    return None
                found.add(place)
            elif expected is ANYTHING and type(value) in _COUNTED:
                survey.skip(value)
            elif (now := MISSING if value is MISSING else survey.value(value)) != expected:
                if place.kind != "attr" or type(value) not in (int, float) or not isinstance(expected, tuple):
                    return None
                if isinstance(survey.nodes[place.node], (types.ModuleType, types.FunctionType)):
                    return None  # nobody notices where it is read
                if not isinstance(now, tuple) or expected[0] is not now[0]:
                    return None
                found.add(place)
        return frozenset(found)


def _is_unread(described: object) -> bool:
    return type(described) is tuple and type(described[0]) is str and described[0] == "unread"


def _is_number(described: object) -> bool:
    return type(described) is tuple and described[0] == "number" and type(described[0]) is str


class Guards:
    """The fast checks for the objects of one survey."""

    __slots__ = ("checks", "classes", "moves", "numbers", "refs", "slow", "structure", "weak")

    def __init__(self, template: Template, survey: Survey, roots: list[Any], lost: Callable[[Any], None]) -> None:
        self.structure = epoch.structure
        self.moves = epoch.numbers
        self.numbers: list[tuple[Callable[[], Any], str, Any]] = []  # of Modules: reference, name, value
        self.checks: list[tuple[Callable, Any, Any]] = []  # get, key, the immutable expected
        self.weak: list[tuple[Callable, Any, Callable[[], Any]]] = []  # get, key, reference to the expected
        self.slow: list[Callable[[], bool]] = []
        self.classes: set[tuple[type, str]] = set()
        # ``lost`` is called when one of the objects is gone.
        self.refs = []
        for thing in [*roots, *survey.nodes]:
            if not by_value(thing) and not isinstance(thing, (Box, type, types.ModuleType)):
                try:
                    self.refs.append(weakref.ref(thing, lost))
                except TypeError:
                    pass
        for place, described in zip(template.places, template.prints, strict=True):
            if _is_number(described):
                ref, cls = _reference(survey.nodes[place.node]), described[1]
                self.slow.append(lambda ref=ref, place=place, cls=cls: type(fetch(ref(), place)) is cls)
            elif described is not ANYTHING:
                node = survey.nodes[place.node]
                self._guard(place, node, fetch(node, place))
        for node in survey.nodes:
            if has_state(type(node)):
                self._hooks(node)
        self.classes.clear()
        for array in survey.numpy:
            if array.flags.writeable or array.base is not None:
                self.slow.append(_same_content(array))

    def hold(self) -> bool:
        """Whether everything that was read is as it was."""
        if self.structure != epoch.structure:
            return False
        if self.moves != epoch.numbers:
            moves = epoch.numbers
            for ref, name, value in self.numbers:
                if own_dict(ref()).get(name, MISSING) is not value:
                    return False
            self.moves = moves
        for get, key, expected in self.checks:
            if get(key, MISSING) is not expected:
                return False
        for get, key, ref in self.weak:
            if get(key, MISSING) is not ref():
                return False
        for check in self.slow:
            if not check():
                return False
        return True

    def _guard(self, place: Place, node: Any, value: Any) -> None:
        kind, name = place.kind, place.name
        simple = not isinstance(value, _CONTAINERS) and content_of(value) is None and not of_container(value)
        if kind == "attr" and "_parameters" in own_dict(node):
            if simple:  # seen by Module.__setattr__: the epoch moves
                if type(value) in (int, float):
                    self.numbers.append((weakref.ref(node), name, value))
                return None
        elif kind in ("class", "of class"):
            cls = node if kind == "of class" else type(node)
            if (cls, name) in self.classes:
                return None
            self.classes.add((cls, name))
        elif simple and kind == "global" and name in node.__globals__:
            return self._expect(node.__globals__.get, name, value)
        elif simple and kind == "attr" and isinstance(node, types.ModuleType):
            return self._expect(vars(node).get, name, value)
        elif simple and kind == "module":
            return self._expect(sys.modules.get, name, value)
        same = _matcher(value, set())
        if kind == "cell" and place.node == 0:
            cell = node.__closure__[name]  # of the jitted function itself, which holds it

            def check() -> bool:
                try:
                    return same(cell.cell_contents)
                except ValueError:
                    return value is MISSING

        else:
            ref = _reference(node)

            def check() -> bool:
                node = ref()
                return node is not None and same(fetch(node, place))

        self.slow.append(check)

    def _expect(self, get: Callable, key: object, value: object) -> None:
        if value is MISSING or by_value(value) or isinstance(value, types.ModuleType):
            self.checks.append((get, key, value))
        else:
            self.weak.append((get, key, _reference(value)))

    def _hooks(self, node: object) -> None:
        # Registering and removing a hook moves the epoch; clearing the table by hand does not.
        for name, table in vars(node).items():
            if isinstance(table, dict) and table and name[0] == "_" and name.endswith("_hooks"):
                ref, keys = weakref.ref(node), list(table)
                self.slow.append(lambda ref=ref, name=name, keys=keys: list(getattr(ref(), name, ())) == keys)


_CONTAINERS = (
    list, dict, set, frozenset, tuple, deque, types.MappingProxyType, types.SimpleNamespace, functools.partial,
    types.MethodType,
)  # fmt: skip


def _matcher(value: Any, above: set[int]) -> Callable[[Any], bool]:
    """A test for being ``value``, or a container of the same content; it keeps neither alive."""
    if id(value) in above:
        return lambda now: True
    above = above | {id(value)}
    cls = type(value)
    if isinstance(value, functools.partial):
        inner = _matcher((value.func, value.args, value.keywords), above)
        return lambda now: type(now) is cls and inner((now.func, now.args, now.keywords))
    if isinstance(value, types.MethodType):
        inner = _matcher((value.__self__, value.__func__), above)
        return lambda now: type(now) is cls and inner((now.__self__, now.__func__))
    if of_container(value):
        inner, name = _matcher(value.__self__, above), value.__name__
        return lambda now: type(now) is cls and now.__name__ == name and inner(now.__self__)
    content = content_of(value)
    if content is not None:
        if isinstance(content, (list, dict)):
            inner = _matcher(content, above)
            return lambda now: type(now) is cls and inner(content_of(now))
        return lambda now: type(now) is cls and content_of(now) == content
    if isinstance(value, types.SimpleNamespace):
        inner = _matcher(value.__dict__, above)
        return lambda now: type(now) is cls and inner(now.__dict__)
    if isinstance(value, (dict, types.MappingProxyType)):
        keys, items = list(value), [_matcher(v, above) for v in value.values()]
        size = len(keys)
        return lambda now: (
            type(now) is cls
            and len(now) == size
            and (all(map(is_, now, keys)) or list(now) == keys)
            and all(same(v) for same, v in zip(items, now.values(), strict=True))
        )
    if isinstance(value, (list, tuple, set, frozenset, deque)):
        if isinstance(value, (list, deque)) and all(type(v) in _ATOMS for v in value):
            plain = list(value)
            size = len(plain)
            return lambda now: type(now) is cls and len(now) == size and all(map(is_, now, plain))
        items = [_matcher(v, above) for v in value]
        size = len(items)
        return lambda now: (
            type(now) is cls and len(now) == size and all(same(v) for same, v in zip(items, now, strict=True))
        )
    ref = _reference(value)
    return lambda now: now is ref()


_ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes})


def _same_content(array: np.ndarray) -> Callable[[], bool]:
    content, ref = Content(array), weakref.ref(array)
    return lambda: content.matches(ref())


def _reference(value: object) -> Callable[[], Any]:
    """A call that gives ``value``; it does not keep alive what can be referred to weakly."""
    if value is MISSING or by_value(value) or isinstance(value, (jax.Array, Tracer)):
        return lambda: value
    try:
        return weakref.ref(value)
    except TypeError:
        return lambda: value
