"""Rules: which axis of a mesh each dimension of a parameter is spread over.

A rule is a name, a `PartitionSpec`, or a choice of these by the parameter's name:

* ``"replicate"``: every device holds the whole.
* ``"fsdp"``: the largest dimension that divides is spread over the axis ``"fsdp"`` (or ``"data"``); whoever computes
  with the parameter gathers it first.
* ``"column"``: the outputs of a matrix are spread over ``"model"``: dimension 0 of a weight ``(out, in, ...)`` and its
  bias, dimension 1 of a transposed convolution's ``(in, out, ...)`` and of an embedding ``(number, size)``.
* ``"row"``: its inputs are: the other one of these dimensions; the bias is whole.
* ``"expert"``: the first dimension, of weights that experts have in common, is spread over ``"expert"``.
* several of these, ``("column", "fsdp")``: each takes a dimension that those before it have left whole.

A dimension that the devices do not divide is not spread, and the plan says so in a word.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jax.sharding import AbstractMesh, Mesh, NamedSharding, PartitionSpec

from fnn.distributed.choices import NAMES, Choice, Found, Rule, chooser, near, shown
from fnn.distributed.meshes import batch_axes, rule_axis, size_of
from fnn.errors import ArgumentError
from fnn.nn import Module
from fnn.state.layout import Layout
from fnn.state.parameter import Parameter, is_lazy

__all__ = ["NAMES", "Placed", "Rule", "extended", "resolved"]


_LAZY = "{where}: {name} is not initialised yet: call the lazy module once on an example input before"


@dataclass(frozen=True)
class Placed:
    """One array of a model and where it goes.

    Args:
        names: all of its names; more than one if it is tied.
        box: the Parameter or Buffer.
        spec: over which axes each dimension is spread.
        rule: what was asked for.
        word: why it is not spread as asked for; empty if it is.
    """

    names: tuple[str, ...]
    box: Any
    spec: PartitionSpec
    rule: str
    word: str = ""

    def layout(self, mesh: Mesh, again: bool = True) -> Layout:
        """The box's layout on this mesh; ``again``: whether a backward pass gathers it again."""
        sharding = NamedSharding(mesh, self.spec)
        batch = {axis for axis in batch_axes(mesh) if mesh.shape[axis] > 1}
        read = PartitionSpec(*(_without(part, batch) for part in self.spec))
        return Layout(sharding, None if read == self.spec else NamedSharding(mesh, read), again)


def resolved(model: Module, mesh: Mesh | AbstractMesh, rule: Rule, where: str = "distribute") -> list[Placed]:
    """Where each array of a model goes.

    Args:
        model: the model; its arrays may be abstract.
        mesh: the mesh.
        rule: see the module's text; None is "replicate".
        where: the caller, for messages.

    Raises:
        ArgumentError: an unknown rule, a pattern that matches nothing, an axis that the mesh has not.
    """
    found = _members(model, where)
    choose = chooser(found, rule, where)
    placed = []
    for entry in found:
        choice = choose(entry) if isinstance(entry.box, Parameter) else None
        spec, word = _spec(choice, entry, mesh, where)
        placed.append(Placed(tuple(entry.names), entry.box, spec, shown(choice), word))
    return placed


def _members(model: Module, where: str) -> list[Found]:
    """The parameters, then the buffers, each once with all its names."""
    found: dict[int, Found] = {}
    for table in ("_parameters", "_buffers"):
        for path, module in model.named_modules(remove_duplicate=False):
            for name, box in module.__dict__[table].items():
                if box is None:
                    continue
                full = f"{path}.{name}" if path else name
                if is_lazy(box):
                    raise ArgumentError(_LAZY.format(where=where, name=full))
                entry = found.setdefault(id(box), Found(box, [], []))
                if full not in entry.names:
                    entry.names.append(full)
                    entry.owners.append(module)
    return list(found.values())


def _without(part: Any, axes: set[str]) -> Any:
    left = tuple(name for name in _axes(part) if name not in axes)
    return None if not left else left[0] if len(left) == 1 else left


def _axes(part: Any) -> tuple[str, ...]:
    return () if part is None else (part,) if isinstance(part, str) else tuple(part)


def _spec(choice: Choice, entry: Found, mesh: Mesh | AbstractMesh, where: str) -> tuple[PartitionSpec, str]:
    shape = tuple(entry.box.shape)
    if isinstance(choice, PartitionSpec):
        return _fitted(choice, shape, mesh, f"{where}: {entry.names[0]}")
    parts: list[str | None] = [None] * len(shape)
    words = []
    for name in (choice,) if isinstance(choice, str) else choice or ():
        if name == "replicate":
            continue
        axis = rule_axis(mesh, name, where)
        dim, word = _dim(name, entry, shape, parts, mesh.shape[axis])
        if dim is not None:
            parts[dim] = axis
        words += [word] if word else []
    return PartitionSpec(*parts) if any(parts) else PartitionSpec(), "; ".join(words)


def extended(entry: Placed, mesh: Mesh, rule: str, where: str) -> Placed:
    """An array that a rule spreads over one axis more, by a dimension that is whole so far.

    Args:
        entry: the array.
        mesh: the mesh.
        rule: the name of a rule.
        where: the caller, for messages.
    """
    shape = tuple(entry.box.shape)
    parts: list[Any] = [*entry.spec, *(None,) * (len(shape) - len(entry.spec))]
    axis = rule_axis(mesh, rule, where)
    dim, word = _dim(rule, Found(entry.box, list(entry.names), []), shape, parts, mesh.shape[axis])
    if dim is not None:
        parts[dim] = axis
    spec = PartitionSpec(*parts) if any(parts) else PartitionSpec()
    return replace(entry, spec=spec, rule=rule, word=word)


def _dim(rule: str, entry: Found, shape: tuple[int, ...], taken: list[str | None], size: int) -> tuple[int | None, str]:
    """Which dimension a rule spreads over ``size`` devices, or None, and why not."""
    if rule == "fsdp":
        dims = [dim for dim, n in enumerate(shape) if n and n % size == 0 and taken[dim] is None]
        if dims:
            return max(dims, key=lambda dim: (shape[dim], -dim)), ""
        return None, f"whole: {size} divides no dimension" if not any(taken) else f"{size} divides no other dimension"
    dim = (0 if shape else None) if rule == "expert" else _matrix_dim(rule, entry, shape)
    if dim is None or taken[dim] is not None:
        return None, ""
    return (dim, "") if shape[dim] % size == 0 else (None, f"whole: {size} does not divide {shape[dim]}")


def _matrix_dim(choice: str, entry: Found, shape: tuple[int, ...]) -> int | None:
    """The dimension of outputs ("column") or of inputs ("row"); None where the parameter has none."""
    owner = type(entry.owners[0]).__mro__
    names = {cls.__name__ for cls in owner}
    swapped = bool(names & {"Embedding", "EmbeddingBag"}) or any(name.startswith("ConvTranspose") for name in names)
    if len(shape) < 2:
        return 0 if choice == "column" and len(shape) == 1 else None
    return int((choice == "row") != swapped)


def _fitted(
    spec: PartitionSpec, shape: tuple[int, ...], mesh: Mesh | AbstractMesh, where: str
) -> tuple[PartitionSpec, str]:
    if len(spec) > len(shape):
        raise ArgumentError(f"{where}: P{tuple(spec)} has more entries than the shape {shape} has dimensions")
    parts, word = [], ""
    for dim, size in enumerate(shape):
        part = spec[dim] if dim < len(spec) else None
        unknown = [name for name in _axes(part) if name not in mesh.axis_names]
        if unknown:
            meant = near(unknown[0], mesh.axis_names)
            raise ArgumentError(f"{where}: the mesh has no axis {unknown[0]!r}, only {mesh.axis_names}{meant}")
        if part is not None and size % size_of(mesh, _axes(part)):
            word = f"whole: {size_of(mesh, _axes(part))} does not divide {size}"
            part = None
        parts.append(part)
    return PartitionSpec(*parts) if any(part is not None for part in parts) else PartitionSpec(), word


def bytes_of(shape: Iterable[int], dtype: Any) -> int:
    """The bytes of a whole array."""
    return int(np.prod(list(shape), dtype=np.int64)) * np.dtype(dtype).itemsize
