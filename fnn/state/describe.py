"""Describing Python state: what a trace read, as a value that can be compared, and what stands in it, in order.

`Survey.value` turns any object into a hashable *description*.  Two objects of one description trace to one program:
numbers, strings and the like stand for themselves, functions and classes for their identity, containers for their
content, arrays for their shapes and dtypes.  What has state (a Module, an Optimizer, a box, an object of a user's
class) is described by its class and by its number in the order in which it was met, so that an alias stays an alias;
the survey keeps these *nodes*, the boxes and the arrays in the same order.  A Module's tables (parameters, buffers,
children, hooks, mode) are described as a whole.  Its plain attributes, and those of a user's objects, are described
one by one when they are read; see `fnn.state.recorder`.
"""

from __future__ import annotations

import builtins
import enum
import functools
import inspect
import math
import operator
import types
import weakref
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from fnn.state import hooks
from fnn.state.box import Box
from fnn.state.code import is_library
from fnn.state.compared import Content, Identity, Same
from fnn.state.consumed import Consumables, is_consumable
from fnn.state.contents import SHUT, content_of
from fnn.state.parameter import is_lazy
from fnn.tracing import Tracer

__all__ = [
    "TABLES",
    "Content",
    "Identity",
    "Same",
    "Survey",
    "array_like_type",
    "by_value",
    "global_hooks",
    "has_state",
    "is_constant",
    "register_constant",
]

_PLAIN = (type(None), bool, int, str, bytes, complex, range, slice, np.dtype, enum.Enum, type(Ellipsis))
TABLES = ("_parameters", "_buffers", "_modules")
# Hooks that take no part in a forward or backward pass.
_OTHER_HOOKS = frozenset({
    "_state_dict_hooks", "_state_dict_pre_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks",
})  # fmt: skip
# What `Survey.object` describes of a Module as a whole; the rest of its __dict__ is described where it is read.
WHOLE = frozenset({*TABLES, "_non_persistent_buffers_set", "training", "_is_full_backward_hook"})
_HEAP, _IMMUTABLE = 1 << 9, 1 << 8  # Py_TPFLAGS_HEAPTYPE, Py_TPFLAGS_IMMUTABLETYPE

_BUILTINS = vars(builtins)  # in the globals of all code, and changed by `watch`

_constants: list[type] = []


def register_constant(cls: type) -> type:
    """Says that instances of ``cls`` are immutable and compare by value, as layers do."""
    _constants.append(cls)
    return cls


def by_value(value: object) -> bool:
    """Whether ``value`` is immutable and stands for itself."""
    return isinstance(value, (*_PLAIN, float, np.generic, *_constants))


def is_constant(value: object) -> bool:
    """Whether ``value`` stands for itself and nothing can be put into it, as attributes into a member of an enum."""
    return by_value(value) and not isinstance(value, enum.Enum)


def has_state(cls: type) -> bool:
    """Whether instances of ``cls`` hold boxes: Modules and Optimizers."""
    return hasattr(cls, "_fnn_gather")


def array_like_type(cls: type) -> bool:
    """Whether values of this type are traced arguments of `fnn.jit`."""
    return issubclass(cls, (jax.Array, np.ndarray, np.generic, int, float, complex, Tracer)) and not issubclass(
        cls, Box
    )


def is_whole(name: str) -> bool:
    """Whether this entry of a Module's ``__dict__`` is described with the Module itself."""
    return name in WHOLE or (name[0] == "_" and name.endswith(("_hooks", "_with_kwargs", "_always_called")))


def watchable(cls: type) -> bool:
    """Whether reads of attributes of ``cls``'s instances can be noticed: a class written in Python, of no library."""
    found = _watchable.get(cls)
    if found is None:
        found = _watchable[cls] = _is_watchable(cls)
    return found


_watchable: weakref.WeakKeyDictionary[type, bool] = weakref.WeakKeyDictionary()


def _is_watchable(cls: type) -> bool:
    if not cls.__flags__ & _HEAP or cls.__flags__ & _IMMUTABLE or issubclass(cls, (type, Box)):
        return False
    if not cls.__dictoffset__ and issubclass(cls, (tuple, *_PLAIN, float)):  # nothing can be put into it
        return False
    if has_state(cls):
        return True
    module = getattr(cls, "__module__", None)
    if module in ("argparse", "dataclasses", "fnn.optim.lr_scheduler"):
        return True
    return not is_library(module) and getattr(cls, "__getattribute__", None) is not None


def of_container(value: object) -> bool:
    """Whether a value is a method like ``list.append`` of an object that is described by its content."""
    if not isinstance(value, types.BuiltinFunctionType):
        return False
    owner = value.__self__  # of a function the module
    return isinstance(owner, (list, dict, set, deque)) or content_of(owner) is not None


def _functions_of(value: object) -> list[Any]:
    """The functions that an object of a library's class holds in attributes."""
    try:
        return [held for held in vars(value).values() if isinstance(held, types.FunctionType)]
    except TypeError:
        return []


class Survey:
    """What was met while values were described, each thing once and in order."""

    def __init__(self, meet: Callable[[Any, int], None] | None = None) -> None:
        self.boxes: list[Box] = []
        self.index: dict[Box, int] = {}
        self.likely: set[int] = set()  # indices of boxes that a step probably replaces
        self.nodes: list[Any] = []
        self.numbers: dict[int, int] = {}
        self.containers: list[Any] = []
        self.contents: list[Any] = []  # of the containers, when they were met
        self.found: list[Any] = []  # and where: what `origin` was then
        self.origin: Any = None
        self.arrays: list[Any] = []
        self.numpy: list[np.ndarray] = []
        self.numpy_contents: list[Content] = []  # when they were met
        self._kept: list[Any] = []  # so that an id stays unique
        self._met: dict[int, tuple[str, int]] = {}  # containers and numpy arrays, by id
        self._meet = meet  # called for each new node
        self.consumables = Consumables() if meet is not None else None  # iterators and the like, of a trace

    def done(self) -> None:
        """Nobody is to be told of new nodes any more."""
        self._meet = None

    # -- boxes and nodes ----------------------------------------------------------------------------------

    def box(self, box: Box, donate: bool = False) -> int:
        """The index of ``box``, which is added if new."""
        at = self.index.get(box)
        if at is None:
            at = self.index[box] = len(self.boxes)
            self.boxes.append(box)
        if donate:
            self.likely.add(at)
        return at

    def box_print(self, box: Box, donate: bool = False) -> Any:
        """The description of a box: its number, class, the type of its array, and what else a trace asks of it."""
        if is_lazy(box):
            return (type(box),)
        value = box._value
        aval = None if value is None else (value.shape, value.dtype)
        described = (type(box), self.box(box, donate), aval, getattr(box, "_requires_grad", None))
        if box._layout is not None:
            described += (box._layout,)
        grad, hooks = getattr(box, "_grad", None), getattr(box, "_grad_hooks", None)
        if grad is not None:
            described += (self.box(grad),)  # its type is compared with those of all boxes, if it matters
        if hooks:
            described += (tuple(map(self.value, hooks.values())),)
        after = getattr(box, "_post_hooks", None)
        return (*described, "after", tuple(map(self.value, after.values()))) if after else described

    def node(self, value: object) -> int:
        """The number of an object with state or of a function; ``meet`` is told of a new one."""
        number = self.numbers.get(id(value))
        if number is None:
            number = self.numbers[id(value)] = len(self.nodes)
            self.nodes.append(value)
            if self._meet is not None:
                self._meet(value, number)
        return number

    def object(self, value: Any) -> Any:
        """The description of a Module or an Optimizer; a repeated one is named by its number."""
        at = self.numbers.get(id(value))
        if at is not None:
            return ("again", at)
        number = self.node(value)
        return (number, *self._of_class(value), value._fnn_gather(self))

    # -- values -------------------------------------------------------------------------------------------

    def value(self, value: object) -> Any:
        """The description of any value."""
        describe = _BY_TYPE.get(type(value))
        if describe is not None:
            return describe(self, value)
        return self._general(value)

    def root(self, value: object) -> Any:
        """The description of a jitted function or an argument: a function is looked into, whoever wrote it."""
        if isinstance(value, types.FunctionType):
            return ("function", self.node(value), Same(value))
        return self.value(value)

    def _plain(self, value: object) -> Any:
        return (type(value), value)

    def _float(self, value: float) -> Any:
        return (float, "nan" if value != value else value, math.copysign(1.0, value))

    def _array(self, value: Any) -> Any:
        at = next((i for i, known in enumerate(self.arrays) if known is value), None)
        if at is None:
            at = len(self.arrays)
            self.arrays.append(value)
        return ("array", at, value.shape, value.dtype, getattr(value, "weak_type", False))

    def _numpy(self, value: np.ndarray) -> Any:
        known = self._met.get(id(value))
        if known is None:
            known = self._met[id(value)] = ("numpy", len(self.numpy))
            self.numpy.append(value)
            self.numpy_contents.append(Content(value))
            inner = (self.value(value.ravel().tolist()),) if value.dtype.hasobject else ()
            return (*known, self.numpy_contents[-1], *inner)
        return known

    def _function(self, value: object) -> Any:
        if is_library(getattr(value, "__module__", None)):
            return Same(value)
        return ("function", self.node(value), Same(value))

    def skip(self, value: object) -> None:
        """Counts a container without describing its content, which is atoms."""
        self._met[id(value)] = ("container", len(self.containers))
        self.containers.append(value)
        self.contents.append(copied(value))
        self.found.append(self.origin)

    def _container(self, value: object) -> Any:
        known = self._met.get(id(value))
        if known is not None:
            return known
        if value is _BUILTINS:
            return ("builtins",)
        self._met[id(value)] = ("container", len(self.containers))
        self.containers.append(value)
        content = copied(value)
        self.contents.append(content)
        self.found.append(self.origin)
        if isinstance(content, dict):
            inner = tuple((self.value(k), self.value(v)) for k, v in content.items())
        elif isinstance(value, (set, frozenset)):
            inner = frozenset(self.value(v) for v in content)
        else:
            inner = tuple(map(self.value, content))
        if isinstance(value, defaultdict):
            return (Same(type(value)), inner, self.value(value.default_factory))
        if isinstance(value, deque) and value.maxlen is not None:
            return (Same(type(value)), inner, value.maxlen)
        return (Same(type(value)), inner)

    def _tuple(self, value: Any) -> Any:
        cls = type(value)
        of_class = Same(cls) if is_library(cls.__module__) else self._class(cls)
        return (of_class, tuple(map(self.value, value)))

    def _method(self, value: Any) -> Any:
        return ("method", self.value(value.__self__), self.value(value.__func__))

    def _builtin(self, value: Any) -> Any:
        if of_container(value):
            return ("builtin", value.__name__, self.value(value.__self__))
        if is_consumable(value.__self__):
            return ("builtin", value.__name__, self._consumable(value.__self__))
        return Same(value)

    def _consumable(self, value: object) -> Any:
        if self.consumables is not None:
            self.consumables.add(value)
        return Same(value)

    def _partial(self, value: Any) -> Any:
        parts = (value.func, value.args, value.keywords, value.__dict__)
        return ("partial", *map(self.value, parts))

    def _proxy(self, value: Any) -> Any:
        try:
            return ("proxy", Same(value), self.value(value.__init__.__self__))  # what it stands for
        except (ReferenceError, AttributeError):
            return ("proxy", Same(value))

    def _general(self, value: Any) -> Any:
        if isinstance(value, Box):
            return self.box_print(value)
        cls = type(value)
        if has_state(cls):
            return self.object(value)
        if isinstance(value, (jax.Array, Tracer)):
            return self._array(value)
        if isinstance(value, np.generic):
            return (cls, value.tobytes())
        if issubclass(cls, enum.Enum) and watchable(cls):
            return (Same(value), self._instance(value))  # it may have attributes
        if isinstance(value, (*_PLAIN, *_constants)):
            return self._of_ones_own((cls, value), value)
        if isinstance(value, float):
            return self._of_ones_own((cls, self._float(float(value))), value)
        if isinstance(value, (np.ndarray, tuple)):
            inner = self._tuple(value) if isinstance(value, tuple) else self._numpy(value)
            return (inner, self._instance(value)) if watchable(cls) else inner
        if isinstance(value, functools.partial):
            return (self._partial(value), self._instance(value)) if watchable(cls) else self._partial(value)
        if isinstance(value, (list, dict, set, frozenset, deque, types.MappingProxyType)):
            inner = self._container(value)
            return (inner, self._instance(value)) if watchable(cls) else inner
        if isinstance(value, (operator.attrgetter, operator.methodcaller)):
            return ("getter", self.node(value), Same(value))
        if isinstance(value, types.MethodWrapperType):
            return ("builtin", value.__name__, self.value(value.__self__))
        content = content_of(value)
        if (is_consumable(value) and not watchable(cls)) or isinstance(value, SHUT):
            self._consumable(value)
            if content is None:
                return Same(value)
        if content is not None:
            inner = (Same(cls), "holds", self.value(content))
            return (inner, self._instance(value)) if watchable(cls) else inner
        if isinstance(value, types.SimpleNamespace):
            return (Same(cls), self._container(value.__dict__))
        if isinstance(value, weakref.ref):
            return ("weak", self.value(value()))
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, types.ModuleType):
            return ("module", self.node(value), Same(value)) if not is_library(value.__name__) else Same(value)
        if isinstance(value, property):
            return ("property", self.value(value.fget), self.value(value.fset))
        if isinstance(value, functools.partialmethod):
            return (cls, Same(value), *map(self.value, (value.func, value.args, value.keywords)))
        if isinstance(value, functools.cached_property):
            return (cls, Same(value), self.value(value.func))
        if isinstance(value, functools.singledispatchmethod):
            return (cls, self.value(value.dispatcher))
        if isinstance(value, (classmethod, staticmethod)):
            return (cls, self.value(value.__func__))
        if is_library(cls.__module__) and hasattr(value, "__self__") and hasattr(value, "__func__"):
            return (Same(cls), self.value(value.__self__), self.value(value.__func__))  # a method of a special kind
        wrapped = inspect.getattr_static(value, "__wrapped__", None)
        if wrapped is None:
            wrapped = getattr(value, "__wrapped__", None) if callable(value) and is_library(cls.__module__) else None
        if wrapped is not None and callable(wrapped) and not watchable(cls):
            if self.consumables is not None and isinstance(value, functools._lru_cache_wrapper):
                self.consumables.memos.append(value)
            # A derivative of one's own (jax.custom_vjp) has more functions than the one it wraps.
            more = [f for f in _functions_of(value) if f is not wrapped]
            return ("wrapper", Same(value), self.value(wrapped), *map(self.value, more))
        if watchable(cls):
            return self._instance(value)
        return Same(value)

    def _of_ones_own(self, inner: tuple[Any, ...], value: object) -> tuple[Any, ...]:
        """The description of a plain value, and what a user's class adds to it: attributes, or methods alone."""
        cls = type(value)
        if watchable(cls):
            return (*inner, self._instance(value))
        return inner if is_library(cls.__module__) else (*inner, self._class(cls))

    def _class(self, value: type) -> Any:
        if is_library(value.__module__):
            return Same(value)
        if issubclass(value, enum.Enum) and id(value) not in self.numbers:
            # Members can be had without a look at an attribute: Color["RED"], Color(1), list(Color).
            return ("class", self.node(value), Same(value), tuple(map(self.value, value.__members__.values())))
        return ("class", self.node(value), Same(value))

    def _instance(self, value: object) -> Any:
        at = self.numbers.get(id(value))
        return ("again", at) if at is not None else ("object", self.node(value), *self._of_class(value))

    def _of_class(self, value: object) -> tuple[Any, ...]:
        """The class of an object; one whose own class is a user's is looked into."""
        cls = type(value)
        return (Same(cls),) if is_library(type(cls).__module__) else (Same(cls), self._class(cls))


def copied(container: Any) -> Any:
    """The content of a container: a dict for a mapping, else a list."""
    return dict(container) if isinstance(container, (dict, types.MappingProxyType)) else list(container)


_BY_TYPE: dict[type, Callable[[Survey, Any], Any]] = {
    **dict.fromkeys((type(None), bool, int, str, bytes, complex, range, type(Ellipsis)), Survey._plain),
    float: Survey._float,
    list: Survey._container,
    dict: Survey._container,
    set: Survey._container,
    tuple: Survey._tuple,
    types.FunctionType: Survey._function,
    types.MethodType: Survey._method,
    types.BuiltinFunctionType: Survey._builtin,
    functools.partial: Survey._partial,
    **dict.fromkeys(weakref.ProxyTypes, Survey._proxy),
}


def module_print(module: object, survey: Survey) -> Any:
    """The ``_fnn_gather`` of `Module`: its tables, as a whole."""
    tables = module.__dict__
    training = tables.get("training")
    parts: list[Any] = [training]
    for name, box in tables["_parameters"].items():
        if box is None:
            parts.append((name, None))
            continue
        parts.append((name, survey.box_print(box)))
    for name, box in tables["_buffers"].items():
        parts.append((name, None if box is None else survey.box_print(box, donate=bool(training))))
    if tables["_non_persistent_buffers_set"]:
        parts.append(("_non_persistent_buffers_set", frozenset(tables["_non_persistent_buffers_set"])))
    for name, child in tables["_modules"].items():
        parts.append((name, None if child is None else survey.object(child)))
    for name, table in tables.items():
        if name[0] == "_" and name.endswith(("_hooks", "_with_kwargs", "_always_called")) and name not in _OTHER_HOOKS:
            if table:
                parts.append((name, survey.value(table)))
    return tuple(parts)


def global_hooks() -> tuple[Any, ...]:
    """The description of the hooks that every module runs."""
    tables = (
        hooks.global_forward_pre_hooks,
        hooks.global_forward_hooks,
        hooks.global_backward_hooks,
        hooks.global_backward_pre_hooks,
    )
    return tuple(tuple((key, Same(hook)) for key, hook in table.items()) for table in tables)
