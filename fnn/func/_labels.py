"""Names for what a compiled step reads, as the user would write them: ``model.layer1.0.weight``, ``batch['x']``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from jax.tree_util import tree_flatten_with_path

from fnn.state.box import Box
from fnn.state.describe import has_state
from fnn.state.places import MISSING, Place, fetch, own_dict
from fnn.typing import PyTree

_DEPTH = 4


class Labels:
    """Names of objects, by identity; the first one given to an object is kept."""

    def __init__(self) -> None:
        self.of: dict[int, str] = {}
        self.seen: list[Any] = []  # boxes and other leaves that have a name
        self._late: list[tuple[Any, str]] = []  # optimizers, whose states are named by parameters

    def __getitem__(self, value: object) -> str:
        return self.of.get(id(value), type(value).__name__)

    def add(self, value: Any, name: str, depth: int = 0) -> None:
        """Names ``value`` and what it holds."""
        if id(value) in self.of and not isinstance(value, (bool, int, str)):
            return
        if isinstance(value, Box):
            self._leaf(value, name)
            grad = getattr(value, "_grad", None)
            if grad is not None:
                self._leaf(grad, f"{name}.grad")
        elif has_state(type(value)):
            self.of[id(value)] = name
            if "_parameters" in own_dict(value):
                self._module(value, name, depth)
            elif hasattr(type(value), "_fnn_box_names"):
                self._late.append((value, name))
        elif isinstance(value, (list, tuple)) and depth < _DEPTH:
            self.of[id(value)] = name
            for n, inner in enumerate(value):
                self.add(inner, f"{name}[{n}]", depth + 1)
        elif isinstance(value, dict) and depth < _DEPTH:
            self.of[id(value)] = name
            for key, inner in value.items():
                self.add(inner, f"{name}[{key!r}]", depth + 1)
        elif value is not None and not isinstance(value, (bool, int, float, str)):
            self._leaf(value, name)

    def _leaf(self, value: Any, name: str) -> None:
        if id(value) not in self.of:
            self.of[id(value)] = name
            self.seen.append(value)

    def _module(self, module: Any, name: str, depth: int) -> None:
        own = own_dict(module)
        for table in ("_parameters", "_buffers", "_modules"):
            for key, inner in own[table].items():
                if inner is not None:
                    self.add(inner, f"{name}.{key}" if name else key, depth)

    def finish(self) -> Labels:
        """Names the states of optimizers, when all parameters have names."""
        for optimizer, name in self._late:
            for box, text in optimizer._fnn_box_names(lambda box: self.of.get(id(box))):
                self._leaf(box, f"{name}.{text}")
        self._late.clear()
        return self


def argument_names(function: Callable[..., Any], treedef: PyTree, static: Sequence[int]) -> list[str]:
    """What each leaf of the arguments ``(args, kwargs)`` is called."""
    found, _ = tree_flatten_with_path(treedef.unflatten(range(treedef.num_leaves)))
    names: list[str] = []
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    positional = [name for n, name in enumerate(positional) if n not in static]
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "args")
    for path, _ in found:
        first = getattr(path[1], "idx", None)
        if first is None:
            name = str(getattr(path[1], "key", path[1]))
        elif first < len(positional):
            name = positional[first]
        else:
            name = f"{rest}[{first - len(positional)}]"
        names.append(name + "".join(map(str, path[2:])))
    return names


def variable(node: Any, place: Place, labels: Labels) -> str:
    """What the user calls the value at a place."""
    if place.kind == "cell":
        return str(node.__code__.co_freevars[place.name])
    if place.kind == "defaults":
        return f"a default argument of {getattr(node, '__name__', 'a function')}"
    if place.kind == "code":
        return f"the code of {getattr(node, '__name__', 'a function')}"
    if place.kind == "setting":
        return str(place.name)
    if place.kind == "library":
        return ".".join(place.name)
    if place.kind == "names":
        return f"the names in {getattr(node, '__module__', None) or labels[node]}"
    if place.kind in ("global", "module"):
        return str(place.name)
    if place.kind == "dict":
        return f"the attributes of {labels[node]}"
    return f"{labels[node]}.{place.name}"


def labelled(roots: Sequence[Any], names: Sequence[str], places: Sequence[Place], nodes: Sequence[Any]) -> Labels:
    """The names of what was met at the places of these nodes; ``names`` are those of the roots."""
    labels = Labels()
    for root, name in zip(roots, names, strict=True):
        labels.add(root, name)
    for place in places:
        if place.node >= len(nodes):
            break
        node = nodes[place.node]
        value = fetch(node, place)
        if value is not MISSING:
            labels.add(value, variable(node, place, labels))
    return labels.finish()
