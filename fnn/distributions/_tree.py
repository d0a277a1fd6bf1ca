"""Objects as pytrees: the arrays among an object's attributes are its leaves, the rest is static."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import jax
import numpy as np
from jax.tree_util import GetAttrKey, register_pytree_with_keys

from fnn.tracing import ARRAYS
from fnn.typing import PyTree

__all__ = ["Tree"]

_ARRAYS = (*ARRAYS, np.ndarray)
_T = TypeVar("_T", bound="Tree")


class _Listed(tuple):
    """A list among the static attributes, which must hash."""


class Tree:
    """Base of what registers its classes, those of users too, as pytrees."""

    # Attributes that no copy takes along.
    _TRANSIENT: frozenset[str] = frozenset()

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        register_pytree_with_keys(cls, _flatten_with_keys, lambda aux, leaves: _unflatten(cls, aux, leaves), _flatten)

    def _refit(self, old: tuple[int, ...], new: tuple[int, ...]) -> None:
        """Told after copying that the first array had the shape ``old`` and has ``new`` now."""


def _flatten(tree: Tree) -> tuple[list[PyTree], Any]:
    attributes = vars(tree)
    transient = {*tree._TRANSIENT, *attributes.get("_lazy", ()), "_lazy", "_leaves"}
    kept = attributes.get("_leaves", ())
    dynamic, static = [], []
    for name in sorted(attributes.keys() - transient):
        value = attributes[name]
        if name in kept or _is_dynamic(value):
            dynamic.append(name)
        else:
            static.append((name, _Listed(value) if type(value) is list else value))
    children = [attributes[name] for name in dynamic]
    return children, (tuple(dynamic), tuple(static), _first_shape(children))


def _flatten_with_keys(tree: Tree) -> tuple[list[tuple[Any, PyTree]], Any]:
    children, aux = _flatten(tree)
    return [(GetAttrKey(name), child) for name, child in zip(aux[0], children, strict=True)], aux


def _unflatten(cls: type[_T], aux: Any, children: Iterable[Any]) -> _T:
    names, static, shape = aux
    children = list(children)
    tree = object.__new__(cls)
    vars(tree).update((name, list(value) if type(value) is _Listed else value) for name, value in static)
    vars(tree).update(zip(names, children, strict=True), _leaves=names)
    found = _first_shape(children)
    if shape is not None and found is not None and found != shape:
        tree._refit(shape, found)
    return tree


def _is_dynamic(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(_is_dynamic, value))
    return isinstance(value, (*_ARRAYS, Tree))


def _first_shape(children: list[PyTree]) -> tuple[int, ...] | None:
    for leaf in jax.tree_util.tree_leaves(children):
        return tuple(leaf.shape) if isinstance(leaf, (*_ARRAYS, jax.ShapeDtypeStruct)) else None
    return None
