"""The tree of a model's parts, and shapes in the place of arrays."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from fnn.errors import ArgumentError
from fnn.func.pure_module import PureModule
from fnn.layers.layer import Layer
from fnn.nn import Module
from fnn.state.box import Box
from fnn.state.parameter import is_lazy
from fnn.typing import ArrayLike, DType, PyTree


@dataclasses.dataclass(eq=False)
class Part:
    """A Module or a layer, at one place of the model's tree."""

    path: str
    name: str
    depth: int
    kind: str
    value: Any  # the Module or the Layer
    parameters: list[Any]  # boxes, or the layer's arrays as shapes
    buffers: list[Any]
    shared_with: str | None = None  # the path of the same Module, if it has been seen before
    children: list[Part] = dataclasses.field(default_factory=list)
    arrays: Any = None  # of a layer: (params, state), as shapes

    def walk(self) -> Iterator[Part]:
        """This part and all below it, in order."""
        yield self
        for child in self.children:
            yield from child.walk()


def module_part(module: Module, path: str, name: str, depth: int, seen: dict[int, str]) -> Part:
    """The tree of a Module; ``seen`` holds the path of each Module (by id) that stands in it already."""
    part = Part(path, name, depth, module._get_name(), module, list(module.parameters()), list(module.buffers()))
    if id(module) in seen:
        part.shared_with = seen[id(module)]
        return part
    seen[id(module)] = path
    for child_name, child in module._modules.items():
        if child is not None:
            child_path = f"{path}.{child_name}" if path else child_name
            part.children.append(module_part(child, child_path, child_name, depth + 1, seen))
    return part


def layer_part(layer: Layer, path: str, name: str, depth: int, arrays: Any) -> Part:
    """The part of a functional layer, whose own parts are not known yet."""
    kind = layer.extra_repr() if isinstance(layer, PureModule) else type(layer).__name__
    params, state = map(jax.tree.leaves, arrays)
    return Part(path, name, depth, kind, layer, params, state, arrays=arrays)


def refuse_lazy(module: Module, where: str) -> None:
    """Raises for a module with uninitialised parameters."""
    for path, part in module.named_modules():
        if any(map(is_lazy, (*part._parameters.values(), *part._buffers.values()))):
            raise ArgumentError(
                f"{where}: {part._get_name()} at {path or 'the root'!r} is lazy: its shapes are not known before the "
                "first call; call the model once with an example, then ask again"
            )


def shape_of(x: Any) -> jax.ShapeDtypeStruct:
    """An array's shape and dtype."""
    return jax.ShapeDtypeStruct(tuple(x.shape), x.dtype)


def _is_shape(x: ArrayLike) -> bool:
    return isinstance(x, (tuple, list)) and all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in x)


def typed(inputs: tuple, dtype: DType | None, where: str) -> tuple:
    """The inputs, with an abstract array for each that is a bare shape."""
    for x in inputs:
        if _is_shape(x) and any(n < 0 for n in x):
            raise ArgumentError(f"{where}: the sizes of a shape must not be negative, got {x}")
    return tuple(jax.ShapeDtypeStruct(tuple(x), dtype) if _is_shape(x) else x for x in inputs)


def described(tree: PyTree) -> list[jax.ShapeDtypeStruct]:
    """The arrays of a pytree as shapes."""
    leaves = jax.tree.leaves(tree, is_leaf=lambda x: isinstance(x, Box))
    return [shape_of(x) for x in leaves if hasattr(x, "shape") and hasattr(x, "dtype")]


def bytes_of(arrays: list[Any]) -> int:
    """What arrays of these shapes and dtypes take."""
    return sum(math.prod(x.shape) * np.dtype(x.dtype).itemsize for x in arrays)
