"""What a trace reads of the Python state around it.

While a function is traced, a `Recorder` notes each place (see `places`) that is read with the description of the value
found there (see `describe`).  The list of places is the program's *template* (see `template`).
"""

from __future__ import annotations

import functools
import operator
import sys
import types
from abc import ABCMeta
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from fnn.errors import TracerEscapeError
from fnn.state.box import Box
from fnn.state.calls import NOTICED
from fnn.state.code import is_library, names_of
from fnn.state.consumed import text_of
from fnn.state.describe import TABLES, Survey, by_value, copied, has_state, is_whole, watchable
from fnn.state.namespace import Namespace
from fnn.state.numbers import Number
from fnn.state.parameter import is_lazy
from fnn.state.places import (
    ANYTHING,
    MISSING,
    ROOT,
    Place,
    data_of,
    definitions,
    fetch,
    in_library,
    is_data,
    module_of,
    on_class,
    own_dict,
    slot,
)
from fnn.state.recipes import slots_of
from fnn.state.scope import watched_names
from fnn.state.settings import SETTINGS
from fnn.state.template import Log, Template
from fnn.state.watch import Watch, recorder

__all__ = ["Recorder"]


class Recorder:
    """Notes what one trace reads.

    Attributes:
        survey: the nodes, boxes, arrays and containers met, in order.
        places: the places read, in order; `prints` their descriptions.
    """

    def __init__(self, roots: list[Any], symbolic: frozenset[Place] = frozenset(),
                 unread: frozenset[int] = frozenset(), name: str = "fnn.jit") -> None:  # fmt: skip
        self.name = name  # of the function, for messages
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
        self._ran: set[type] = set()  # the classes of Modules and Optimizers that were met
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
        self.survey.done()  # no circle that holds what was met until the garbage collector runs

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
        """Lists, sets and dicts of variables to which the trace added plain values: logs and caches.

        They are filled when the function is traced, as under `jax.jit`, and no program depends on them.

        Returns:
            The numbers of these containers.
        """
        ignored = set()
        for number, (container, before) in enumerate(zip(self.survey.containers, self.survey.contents, strict=True)):
            at = self.survey.found[number]
            if at is None or type(container) not in (list, dict, set) or self.places[at].kind not in ("cell", "global"):
                continue
            node = self.survey.nodes[self.places[at].node]
            if fetch(node, self.places[at]) is not container:
                continue
            now = copied(container)
            named = isinstance(now, dict) and any(type(key) is str for key in now)  # no cache by shapes and the like
            if _atoms(now) and _atoms(before) and len(now) > len(before) and not named:
                log = Log(type(container), before, now)
                if log.admits(container):
                    ignored.add(number)
                    self.prints[at] = log
        return ignored

    def template(self, unread: set[Box]) -> Template:
        """What was read, for `Template.match`; of the ``unread`` boxes it does not matter what they hold."""
        survey = self.survey
        avals = tuple(
            ANYTHING if box in unread else None if box._value is None else (box._value.shape, box._value.dtype)
            for box in survey.boxes
        )
        return Template(self.roots, list(self.places), list(self.prints), avals)

    def consumed(self) -> Any:
        """An iterator, a generator of random numbers or a stream of which something was taken, or None."""
        return self.survey.consumables.moved() if self.survey.consumables is not None else None

    def taken_from(self, value: object) -> None:
        """``next(value)`` is about to be called.

        Raises:
            TracerEscapeError: of an iterator that was there before.
        """
        if self.survey.consumables is not None and value in self.survey.consumables:
            raise TracerEscapeError(text_of(value, self.name))

    def evaluates(self, code: types.CodeType, table: dict[str, Any]) -> None:
        """``code`` is about to run, with ``table`` as its globals: text that was made at run time names things, too."""
        if self._busy:
            return
        names = names_of(code)
        if isinstance(table, Namespace):  # C code looks past what notices
            for name in {path[0] for path in names.globals}:
                table.get(name)
        self._busy = True
        try:
            self._named.update(dict.fromkeys(names.named))
            self.watch.add_calls(names.named)
            owner = next((n for n, (value, _) in self._owners.items()
                          if isinstance(value, types.FunctionType) and value.__globals__ is table), None)  # fmt: skip
            if owner is not None:
                function = self.survey.nodes[owner]
                for path in names.globals:
                    if path[0] in table:
                        self._path(Place(owner, "global", path[0]), function, path[1:])
            self._look_into()
            self._owned()
        finally:
            self._busy = False

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
            if issubclass(type(value), types.ModuleType):
                return  # what is read of it is noticed: see `shown`
            if name in ("__dict__", "__reduce_ex__") and not has_state(type(value)):  # the latter is for copies
                self._read(Place(number, "dict", "__dict__"), value)
            return
        if has_state(type(value)) and (_describes_itself(value) or is_whole(name) or name == "_compiled_call_impl"):
            found = on_class(type(value), name)
            if isinstance(found, _METHODS) and not is_library(module_of(found)):
                self._named_on(number, value, name)
            return
        self._busy = True  # describing must not count as reading
        try:
            self._attribute(number, value, name)
        finally:
            self._busy = False

    def shown(self, value: object, name: str, found: Any) -> Any:
        """``found``, or what stands for it: a `Number`, or the `Namespace` of a Python module."""
        if self._busy:
            return found
        if name == "__dict__" and issubclass(type(value), types.ModuleType):
            number = self.survey.numbers.get(id(value))
            return found if number is None else Namespace(found, functools.partial(self._named_in, number, value))
        if not self.symbolic or type(found) not in (int, float):
            return found
        place = Place(self.survey.numbers.get(id(value), ROOT), "attr", name)
        return Number(self.numbers, ("place", place), found) if place in self.symbolic else found

    def namespace(self, table: dict[str, Any]) -> dict[str, Any]:
        """What stands for ``table``, the globals of the code that asks for them."""
        if not self._busy:
            for number, (value, _) in self._owners.items():
                if isinstance(value, types.FunctionType) and value.__globals__ is table:
                    return Namespace(table, functools.partial(self._named_in, number, value))
        return table

    def looked_up(self, value: object, name: str) -> None:
        """``getattr(value, name)`` is about to be read, of a class or a function."""
        number = self.survey.numbers.get(id(value))
        if self._busy or number is None or name[:2] == "__":
            return
        self._busy = True
        try:
            if isinstance(value, type):
                self._of_class(number, value, name, missing=True)
            else:
                self._read(Place(number, "attr", name), value)
        finally:
            self._busy = False

    def _named_in(self, number: int, node: Any, name: str | None, writes: bool = False) -> None:
        """``name`` of the globals or of the Python module is about to be read or written; None if all names are."""
        if self._busy or (name is not None and name[:2] == "__"):
            return
        self._busy = True
        try:
            kind = "global" if isinstance(node, types.FunctionType) else "attr"
            place = Place(number, "names", "") if name is None else Place(number, kind, name)
            if writes and kind == "global":  # of a module they are seen anyway
                self.stored.setdefault(place, fetch(node, place))
            self._read(place, node)
        finally:
            self._busy = False

    def _named_on(self, number: int, value: object, name: str) -> None:
        self._busy = True
        try:
            self._read(Place(number, "class", name), value)
        finally:
            self._busy = False

    def _attribute(self, number: int, value: object, name: str) -> None:
        place = Place(number, "attr", name)
        if place in self._seen or self._assigned(number, value, name):
            return
        found = self._read(place, value)
        if found is not MISSING:
            return
        found = on_class(type(value), name)
        if found is MISSING:
            if not is_library(type(value).__module__) and not any(name in own_dict(value).get(t, ()) for t in TABLES):
                self._read(Place(number, "class", name), value)  # it was asked for in vain
            return
        if isinstance(found, types.MemberDescriptorType):
            self._read(Place(number, "slot", name), value)
        elif not is_library(module_of(found) or type(value).__module__) or not is_library(type(value).__module__):
            self._read(Place(number, "class", name), value)  # of a library's class above: one's own may get another

    def _assigned(self, number: int, value: object, name: str) -> bool:
        """Whether the trace itself has assigned the attribute: what it held before does not matter."""
        before, now = self.before.get(number), own_dict(value)
        return before is not None and name in now and before[""].get(name, MISSING) is not now[name]

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
                elif isinstance(value, types.ModuleType):
                    if "__getattr__" in own_dict(value):
                        self._read(Place(number, "attr", "__getattr__"), value)
                elif has_state(type(value)):
                    for name in _RUNS:  # nobody reads what its class has, where somebody may put another
                        if on_class(type(value), name) is not MISSING:
                            self._read(Place(number, "class", name), value)
                elif not isinstance(value, type) or not is_library(type(value).__module__):
                    self._operators(value, number)
                if isinstance(value, type):
                    self._called_by_others(value, number)
                if not self._met:
                    self._owned()
        finally:
            self._looking = False

    # -- what is met -----------------------------------------------------------------------------------------

    def _meet(self, value: object, number: int) -> None:
        if isinstance(value, (operator.attrgetter, operator.methodcaller)):
            parts = [part for text in value.__reduce__()[1] if isinstance(text, str) for part in text.split(".")]
            self._named.update(dict.fromkeys(parts))
        elif isinstance(value, types.FunctionType):
            self.before[number] = _snapshot(value)
            self._owners[number] = value, set()
            self._met.append((value, number))
        elif isinstance(value, (type, types.ModuleType)):
            if isinstance(value, type):
                self.classes[number] = data_of(value)
            else:
                self.before[number] = _snapshot(value)
                if type(value) is types.ModuleType or type(value).__module__ == "fnn.state.watch":
                    self.watch.add_module(value)
                elif watchable(type(value)):
                    self.watch.add(type(value))
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
            if has_state(type(value)):
                if type(value) not in self._ran:
                    self._ran.add(type(value))
                    self._met.append((value, number))
                if _holds_lazy(value):
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
            if getattr(reader, "own", reader) is not None and not isinstance(value, type):
                self._read(Place(number, "dict", "__dict__"), value)  # it may read anything, past the watch
            for name, found in vars(base).items():
                if name[:2] == "__" and isinstance(found, types.FunctionType) and name not in _NOT_CALLED:
                    self._read(Place(number, "class", name), value)

    def _called_by_others(self, cls: type, number: int) -> None:
        """The methods of a class that no code need name: operators, the constructor, what overrides a library's."""
        libraries = [base for base in cls.__mro__ if is_library(base.__module__) and base is not object]
        for base in cls.__mro__:
            if base in libraries or is_library(base.__module__):
                continue
            for name, found in vars(base).items():
                if isinstance(found, _METHODS) and name not in _NOT_READ:
                    if name[:2] == "__" or any(name in vars(library) for library in libraries):
                        self._read(Place(number, "of class", name), cls)

    def _owned(self) -> None:
        """Attributes of classes, Python modules and functions that any of the functions met may read."""
        for number, (value, done) in list(self._owners.items()):
            if "super" in self._named:
                self._above(number, value, done)
            for name in [name for name in self._named if name not in done]:
                done.add(name)
                if isinstance(value, type) and name in _LOOKS_AT_ALL:
                    self._read(Place(number, "names", ""), value)
                    for held in data_of(value):
                        self._read(Place(number, "of class", held), value)
                if name in _PAST_THE_WATCH and not isinstance(value, (type, types.ModuleType, types.FunctionType)):
                    self._read(Place(number, "dict", "__dict__"), value)
                if name == "__subclasses__" and not isinstance(value, (types.ModuleType, types.FunctionType)):
                    self._read(Place(number, "subclasses", ""), value)
                if name in _ASKS_FOR_CLASSES and isinstance(value, ABCMeta):
                    self._read(Place(number, "registered", ""), value)
                if name[:2] == "__":
                    continue
                if isinstance(value, (types.ModuleType, types.FunctionType)):
                    if name in own_dict(value):
                        self._read(Place(number, "attr", name), value)
                elif isinstance(value, type):
                    self._of_class(number, value, name)
                elif is_data(on_class(type(value), name)):
                    self._read(Place(number, "class", name), value)

    def _above(self, number: int, value: object, done: set[str]) -> None:
        """What ``super()`` finds: of the names in the code, those that several of the user's classes define."""
        if isinstance(value, (types.ModuleType, types.FunctionType)):
            return
        for name in [name for name in self._named if f"super {name}" not in done]:
            done.add(f"super {name}")
            if name not in _NOT_CALLED and len(definitions(value, name)) > 1:
                self._read(Place(number, "definitions", name), value)

    def _of_class(self, number: int, cls: type, name: str, missing: bool = False) -> None:
        """What a class has under a name, or its metaclass: nobody notices when it is read."""
        if missing or on_class(cls, name) is not MISSING:
            self._read(Place(number, "of class", name), cls)
        if not is_library(type(cls).__module__) and on_class(type(cls), name) is not MISSING:
            self._read(Place(number, "class", name), cls)
            self._read(Place(number, "of class", name), cls)  # which may get one of its own

    def _function(self, function: types.FunctionType, number: int) -> None:
        names = names_of(function.__code__)
        self._read(Place(number, "code", ""), function)
        if isinstance(own_dict(function).get("registry"), types.MappingProxyType):  # functools.singledispatch
            self._read(Place(number, "attr", "registry"), function)
        self._named.update(dict.fromkeys(names.named))
        self.watch.add_calls(names.named)
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
            if path[0] not in NOTICED or path[0] in function.__globals__:  # else it is the one of `watch`
                self._path(Place(number, "global", path[0]), function, path[1:])
            if path[1:]:
                found = in_library(function, path)  # what somebody may put another thing in the place of: F.relu
                if (callable(found) or by_value(found)) and not isinstance(found, types.ModuleType):
                    self._read(Place(number, "library", path), function)
        for path in names.cells:
            self._path(Place(number, "cell", cells[path[0]]), function, path[1:])
        for setting, (asked, _) in SETTINGS.items():
            if not asked.isdisjoint(names.named):
                self._read(Place(number, "setting", setting), function)
        if "random" in names.named:
            self._add_hidden(load=False)
        if any(_draws(module, attributes) for module, *attributes in names.imports):
            self._add_hidden()
        own = [(function.__globals__.get("__name__"), *names.named)] if names.finds_modules else []
        for module, *attributes in [*names.imports, *own]:
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
            if _draws(value.__name__, rest[:1]):
                self._add_hidden()
            if not is_library(value.__name__) and rest[0] in vars(value):
                self._path(Place(self.survey.node(value), "attr", rest[0]), value, rest[1:])
        elif isinstance(value, type) and not is_library(value.__module__):
            if on_class(value, rest[0]) is not MISSING:
                self._path(Place(self.survey.node(value), "of class", rest[0]), value, rest[1:])
            elif not is_library(type(value).__module__) and on_class(type(value), rest[0]) is not MISSING:
                self._path(Place(self.survey.node(value), "class", rest[0]), value, rest[1:])
            else:
                self._read(Place(self.survey.node(value), "of class", rest[0]), value)  # asked for in vain

    def _add_hidden(self, load: bool = True) -> None:
        if self.survey.consumables is not None:
            self.survey.consumables.add_hidden(load)


def _draws(module: str, attributes: Sequence[str]) -> bool:
    """Whether what is taken from this module may draw from a generator that the module holds."""
    return module in ("random", "numpy.random") or (module == "numpy" and "random" in attributes)


_LOOKS_AT_ALL = frozenset({"__dict__", "vars", "dir", "getmembers", "getattr_static", "attrgetter", "__getattribute__"})
_PAST_THE_WATCH = frozenset({"getattr_static", "__getattribute__"})
_ASKS_FOR_CLASSES = frozenset({"isinstance", "issubclass"})
_METHODS = (types.FunctionType, staticmethod, classmethod)
_RUNS = ("__call__", "forward", "step")
_NOT_READ = frozenset({"__getattribute__", "__init_subclass__", "__del__", "__repr__", "__reduce__", "__getstate__"})
_NOT_CALLED = frozenset({"__init__", "__new__", "__getattribute__", "__init_subclass__", "__del__"})


def _atoms(content: Any) -> bool:
    values = [*content, *content.values()] if isinstance(content, dict) else content
    return all(by_value(v) or (type(v) is tuple and _atoms(v)) for v in values)


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
