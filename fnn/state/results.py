"""What a traced function returned, in a form that JAX's transforms carry out, and back in the form it had.

JAX knows containers and registered classes.  An object of another class (an unregistered dataclass, a plain object)
passes through a transform untouched, full of tracers; and the keys of a dict come back sorted.  `pack` takes the
arrays out of such objects, and out of dicts whose keys have several types; its ``rebuild`` puts the results in and
the keys in order::

    tree, rebuild = pack(function(...))      # inside the transform: return tree
    result = rebuild(carried_out_tree)       # outside, for each call
"""

from __future__ import annotations

import copy
import functools
import types
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import jax
import numpy as np
from jax.tree_util import tree_leaves, tree_map

from fnn.errors import ArgumentTypeError
from fnn.state.box import Box
from fnn.state.recipes import refuse_hidden
from fnn.tracing import Tracer, current_trace

_ATOMS = (
    type(None), bool, int, float, complex, str, bytes, np.ndarray, np.generic, np.dtype, type, Box,
    types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType,
)  # fmt: skip

_STUCK = """\
A traced function returned {what}, which holds a traced array in {path} and cannot be copied with the result in its
place ({error}).
Return the array itself, or register the class: jax.tree_util.register_dataclass({cls})."""


class _Hole:
    """Stands for the n-th array of an object."""

    __slots__ = ("n",)

    def __init__(self, n: int) -> None:
        self.n = n


class _Walk:
    """Finds the arrays in an object, and everything on the way to which none of them belongs."""

    def __init__(self, root: object) -> None:
        self.arrays: list[Any] = []
        self.paths: list[str] = []
        self.memo: dict[int, Any] = {}  # as of copy.deepcopy: what stands in a copy for the object of this id
        self.kept: list[Any] = []  # what stands for itself
        self.traced = False
        self._open: set[int] = set()
        self._walk(root, type(root).__name__)

    def _walk(self, value: object, path: str) -> bool:
        """Whether ``value`` holds arrays."""
        if id(value) in self.memo:
            return isinstance(self.memo[id(value)], _Hole)
        if isinstance(value, jax.Array):
            self.memo[id(value)] = _Hole(len(self.arrays))
            self.arrays.append(value)
            self.paths.append(path)
            self.traced |= isinstance(value, Tracer)
            return True
        if id(value) in self._open:
            return True
        self._open.add(id(value))
        # A list, since one array must not end the search for the next.
        if not any([self._walk(child, path + name) for name, child in _children(value)]):
            self.memo[id(value)] = value
            self.kept.append(value)
            return False
        return True


def _children(value: object) -> list[tuple[str, Any]]:
    if isinstance(value, _ATOMS) or hasattr(type(value), "_fnn_gather"):
        return []
    if isinstance(value, dict):
        found = [(f"[{key!r}]", child) for key, child in value.items()]
    elif isinstance(value, (list, tuple, deque)):
        found = [(f"[{i}]", child) for i, child in enumerate(value)]
    elif isinstance(value, functools.partial):
        found = [(".func", value.func), (".args", value.args), (".keywords", value.keywords)]
    else:
        found = []
    found += [(f".{name}", child) for name, child in getattr(value, "__dict__", {}).items()]
    slots = {name for cls in type(value).__mro__ for name in _as_tuple(cls.__dict__.get("__slots__", ()))}
    found += [(f".{name}", getattr(value, name)) for name in sorted(slots) if hasattr(value, name)]
    return found


def _as_tuple(names: Any) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


class _Skeleton:
    """An object without its arrays; equal to another one of the same class, places and other contents."""

    def __init__(self, value: object, walk: _Walk) -> None:
        self.cls, self.paths, self.kept = type(value), walk.paths, walk.kept
        self.holes = [walk.memo[id(array)] for array in walk.arrays]
        self.value = self._copied(value, walk.memo)

    def filled(self, arrays: list[Any]) -> Any:
        memo = {id(part): part for part in self.kept}
        memo |= {id(hole): array for hole, array in zip(self.holes, arrays, strict=True)}
        return self._copied(self.value, memo)

    def _copied(self, value: object, memo: dict[int, Any]) -> Any:
        try:
            return copy.deepcopy(value, dict(memo))
        except Exception as error:
            what = f"an object of class {self.cls.__qualname__}"
            raise ArgumentTypeError(
                _STUCK.format(what=what, path=self.paths[0], error=error, cls=self.cls.__name__)
            ) from error

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Skeleton)
            and (self.cls, self.paths, len(self.kept)) == (other.cls, other.paths, len(other.kept))
            and all(map(_same, self.kept, other.kept))
        )

    def __hash__(self) -> int:
        return hash(self.cls)


def _same(a: object, b: object) -> bool:
    if a is b:
        return True
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and np.array_equal(a, b)
    try:
        return bool(a == b)
    except Exception:  # a class that compares with its own kind only
        return False


class _Parts:
    """The arrays of an object of no registered class, as a pytree node."""

    __slots__ = ("arrays", "skeleton")

    def __init__(self, skeleton: _Skeleton, arrays: Iterable[Any]) -> None:
        self.skeleton, self.arrays = skeleton, arrays


jax.tree_util.register_pytree_node(_Parts, lambda p: (p.arrays, p.skeleton), _Parts)


def _is_parts(value: object) -> bool:
    return isinstance(value, _Parts)


def _parts_of(leaf: object, every: bool) -> Any:
    if is_unsorted(leaf):
        walk = _Walk(leaf)
        return _Parts(_Skeleton(leaf, walk), tuple(walk.arrays))
    refuse_hidden(leaf, lambda content: content._trace is current_trace())
    if isinstance(leaf, (jax.Array, *_ATOMS)):
        return leaf
    walk = _Walk(leaf)
    return _Parts(_Skeleton(leaf, walk), tuple(walk.arrays)) if walk.traced or (every and walk.arrays) else leaf


def _whole(part: Any) -> Any:
    return part.skeleton.filled(list(part.arrays)) if isinstance(part, _Parts) else part


def pack(result: object, every: bool = False) -> tuple[Any, Callable[[Any], Any]]:
    """``result`` as a tree of what JAX carries out, and the function that undoes this for the tree that comes out.

    Args:
        result: what a traced function returned: arrays, containers, registered classes, and other objects. The latter
            are copied if they hold traced arrays, in attributes, slots, or containers and objects in these.
        every: whether concrete arrays count as traced ones do, for results that have been carried out already.

    Returns:
        ``(tree, rebuild)``. ``rebuild`` keeps no tracer alive and may be called for many trees.

    Raises:
        ArgumentTypeError: an object with a traced array cannot be copied; the attribute is named.
    """
    tree = tree_map(lambda leaf: _parts_of(leaf, every), result, is_leaf=is_unsorted)
    packed = any(map(_is_parts, tree_leaves(tree, is_leaf=_is_parts)))
    order = order_of(result)

    def rebuild(tree: object) -> Any:
        return reordered(tree_map(_whole, tree, is_leaf=_is_parts) if packed else tree, order)

    return tree, rebuild


def combined(function: Callable[..., Any], *results: object) -> Any:
    """``function`` of the corresponding arrays of alike results, in their form."""
    trees, rebuilds = zip(*(pack(result, every=True) for result in results), strict=True)
    return rebuilds[0](tree_map(function, *trees))


def order_of(tree: Any) -> Any:
    """The order of the keys of the dicts in ``tree``, for `reordered`; None if JAX keeps it anyway."""
    if type(tree) is dict and not is_unsorted(tree):
        parts = {key: order_of(value) for key, value in tree.items()}
        keys = list(tree)
        if all(part is None for part in parts.values()) and _is_sorted(keys):
            return None
        return parts
    if type(tree) in (list, tuple) or (isinstance(tree, tuple) and hasattr(tree, "_fields")):
        parts = [order_of(value) for value in tree]
        return None if all(part is None for part in parts) else parts
    return None


def _is_sorted(keys: list[Any]) -> bool:
    try:
        return keys == sorted(keys)
    except TypeError:
        return False


def is_unsorted(value: object) -> bool:
    """Whether ``value`` is a dict whose keys cannot be sorted, of several types say: JAX cannot flatten it."""
    if not isinstance(value, dict):
        return False
    try:
        sorted(value)
    except TypeError:
        return True
    return False


def reordered(tree: Any, order: Any) -> Any:
    """``tree`` with its dicts in the order that `order_of` noted of another tree of this structure."""
    if order is None:
        return tree
    if isinstance(order, dict):
        return {key: reordered(tree[key], part) for key, part in order.items()}
    parts = [reordered(value, part) for value, part in zip(tree, order, strict=True)]
    if hasattr(tree, "_fields"):
        return type(tree)(*parts)
    return type(tree)(parts)
