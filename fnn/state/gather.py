"""Gathering: the boxes of an object, in order, and a fingerprint of everything else a trace may depend on.

An object that holds boxes (Module, Optimizer) has a method ``_fnn_gather(gather) -> hashable``: it hands its
boxes to ``gather.box`` and returns its structure as a value.  Two objects with equal fingerprints trace to the
same program, so `fnn.jit` compiles once for both.  An object with hyper-parameters that are values, not
constants, also has ``_fnn_dynamic() -> (static, [values])``, asked at every call.
"""

from __future__ import annotations

import enum
import types
from typing import Any

import jax
import numpy as np

from fnn._trace import Tracer
from fnn.state import hooks
from fnn.state.box import Box
from fnn.state.parameter import is_lazy

_PLAIN = (type(None), bool, int, float, complex, str, bytes, enum.Enum, np.dtype, np.generic)
_BY_HASH = (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType)
_CONSTANTS: list[type] = []  # classes of hashable constants, see `register_constant`
_TABLES = frozenset({"_parameters", "_buffers", "_modules", "_non_persistent_buffers_set"})
# Hooks that do not take part in a forward or backward pass.
_IGNORED = frozenset({
    "_state_dict_hooks", "_state_dict_pre_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks",
    "_compiled_call_impl",
})  # fmt: skip


def register_constant(cls: type) -> None:
    """Says that instances of ``cls`` are immutable and compare by value, as layers do."""
    _CONSTANTS.append(cls)


class Identity:
    """A value compared by identity, and kept alive so that the identity stays unique."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)

    def __repr__(self) -> str:
        return repr(self.value)


class Gather:
    """Collects boxes (each once, in order) while fingerprints are made."""

    def __init__(self) -> None:
        self.boxes: list[Box] = []
        self.index: dict[Box, int] = {}
        self.donate: set[int] = set()  # indices of boxes that a step is likely to replace
        self.seen: dict[int, int] = {}
        self.objects: list[Any] = []

    def box(self, box: Box, donate: bool = False) -> int:
        """The index of ``box``, which is added if new."""
        at = self.index.get(box)
        if at is None:
            at = self.index[box] = len(self.boxes)
            self.boxes.append(box)
        if donate:
            self.donate.add(at)
        return at

    def object(self, value: Any) -> Any:
        """The fingerprint of a Module or Optimizer; a repeated one is named by its number."""
        at = self.seen.get(id(value))
        if at is not None:
            return ("again", at)
        self.seen[id(value)] = len(self.objects)
        self.objects.append(value)
        return value._fnn_gather(self)

    def value(self, value: Any) -> Any:
        """The fingerprint of a plain attribute."""
        if isinstance(value, _PLAIN):
            return (type(value), value)
        if isinstance(value, (*_BY_HASH, *_CONSTANTS)):
            return value
        if isinstance(value, Box):
            return ("box", self.box(value), type(value))
        if hasattr(type(value), "_fnn_gather"):
            return self.object(value)
        if isinstance(value, (list, tuple)):
            return (type(value), *map(self.value, value))
        if isinstance(value, dict):
            return (type(value), *((self.value(k), self.value(v)) for k, v in value.items()))
        if isinstance(value, (set, frozenset)):
            return (type(value), frozenset(self.value(v) for v in value))
        if isinstance(value, Tracer):
            return Tracer  # left over from a trace: no part of the structure, and not to be kept alive
        return Identity(value)


def gather_module(module: Any, gather: Gather) -> Any:
    """The ``_fnn_gather`` of `Module`."""
    tables = module.__dict__
    parts: list[Any] = [type(module)]
    for name, box in tables["_parameters"].items():
        if box is None or is_lazy(box):
            parts.append((name, type(box)))
        else:
            parts.append((name, gather.box(box), box._requires_grad))
            if box._grad is not None:
                parts.append(gather.box(box._grad))
            if box._grad_hooks:
                parts.append(tuple(map(Identity, box._grad_hooks.values())))
    training = tables["training"]
    for name, box in tables["_buffers"].items():
        if box is None or is_lazy(box):
            parts.append((name, type(box)))
        else:
            parts.append((name, gather.box(box, donate=training)))
    for name, child in tables["_modules"].items():
        parts.append((name, None if child is None else gather.object(child)))
    for name, value in tables.items():
        if name in _TABLES or name in _IGNORED:
            continue
        if name[0] == "_" and name.endswith(("_hooks", "_with_kwargs", "_always_called")):
            if value:
                parts.append((name, tuple((key, Identity(hook)) for key, hook in value.items())))
        else:
            parts.append((name, gather.value(value)))
    return tuple(parts)


def global_hooks() -> tuple[Any, ...]:
    """The fingerprint of the hooks that every module runs."""
    tables = (
        hooks.global_forward_pre_hooks,
        hooks.global_forward_hooks,
        hooks.global_backward_hooks,
        hooks.global_backward_pre_hooks,
    )
    return tuple(tuple((key, Identity(hook)) for key, hook in table.items()) for table in tables)


def array_like_type(cls: type) -> bool:
    """Whether values of this type are traced arguments of `fnn.jit`."""
    return issubclass(cls, (jax.Array, np.ndarray, np.generic, int, float, complex, Tracer))
