"""`distribution` of a model, and the `plan` of one that nobody has allocated."""

from __future__ import annotations

import html
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax
from jax.sharding import AbstractMesh, Mesh, PartitionSpec

from fnn.distributed.born import abstractly
from fnn.distributed.distributing import Spread, mesh_of
from fnn.distributed.meshes import checked, size_of
from fnn.distributed.rules import Placed, Rule, bytes_of, resolved
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.nn import Module

__all__ = ["Distribution", "Row", "distribution", "plan"]

_HEADS = ("name", "shape", "spec", "bytes per device", "note")


@dataclass(frozen=True)
class Row:
    """One array of a model.

    Args:
        name: its name; its other ones, if it is tied, are in the note.
        shape: the whole array's.
        dtype: its dtype.
        spec: over which axes each dimension is spread.
        bytes: of the whole array.
        bytes_per_device: of the part of one device.
        is_parameter: or a buffer.
        note: why it is not spread as asked for, and its other names.

    Example:
        >>> import fnn
        >>> from fnn import nn
        >>> model = fnn.distributed.distribute(nn.Linear(4, 2), fnn.distributed.mesh(data=1))
        >>> row = fnn.distributed.distribution(model).rows[0]
        >>> row.name, row.shape, row.bytes_per_device
        ('weight', (2, 4), 32)
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    spec: PartitionSpec
    bytes: int
    bytes_per_device: int
    is_parameter: bool
    note: str = ""


@dataclass(frozen=True)
class Distribution:
    """How a model is spread over a mesh: a table that prints itself.

    Args:
        rows: one for each array.
        axes: the axes of the mesh with their sizes.

    Example:
        >>> import fnn
        >>> from fnn import nn
        >>> model = fnn.distributed.distribute(nn.Linear(4, 2), fnn.distributed.mesh(data=1))
        >>> table = fnn.distributed.distribution(model)
        >>> table.devices, table.bytes, table.training_bytes_per_device()
        (1, 40, 160)
        >>> print(table)
        name    shape   spec  bytes per device  note
        weight  (2, 4)  ()                  32
        bias    (2,)    ()                   8
        total: 40 bytes, 40 on each of 1 devices (data=1)
    """

    rows: tuple[Row, ...]
    axes: tuple[tuple[str, int], ...]

    @property
    def devices(self) -> int:
        """The number of devices."""
        return math.prod(size for _, size in self.axes)

    @property
    def bytes(self) -> int:
        """Bytes of the whole model."""
        return sum(row.bytes for row in self.rows)

    @property
    def bytes_per_device(self) -> int:
        """Bytes of it on each device."""
        return sum(row.bytes_per_device for row in self.rows)

    def training_bytes_per_device(self, moments: int = 2) -> int:
        """Bytes on each device of parameters, gradients and an optimizer's state between two steps.

        Args:
            moments: arrays of a parameter's shape that the optimizer keeps: 2 for Adam, 1 for momentum, 0 for SGD.
        """
        return self.bytes_per_device + (1 + moments) * sum(r.bytes_per_device for r in self.rows if r.is_parameter)

    def _cells(self) -> list[tuple[str, ...]]:
        return [
            (row.name, str(row.shape), str(tuple(row.spec)), f"{row.bytes_per_device:,}", row.note) for row in self.rows
        ]

    def _total(self) -> str:
        axes = ", ".join(f"{name}={size}" for name, size in self.axes)
        each = f"{self.bytes_per_device:,} on each of {self.devices:,} devices ({axes})"
        return f"total: {self.bytes:,} bytes, {each}"

    def __str__(self) -> str:
        cells = [_HEADS, *self._cells()]
        widths = [max(len(row[n]) for row in cells) for n in range(len(_HEADS))]
        lines = [
            "  ".join(
                cell.rjust(w) if n == 3 else cell.ljust(w) for n, (cell, w) in enumerate(zip(row, widths, strict=True))
            )
            for row in cells
        ]
        return "\n".join([*(line.rstrip() for line in lines), self._total()])

    def _repr_html_(self) -> str:
        def line(cells: tuple[str, ...], tag: str) -> str:
            return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

        body = "".join(line(row, "td") for row in self._cells())
        head = line(_HEADS, "th")
        return f"<table><thead>{head}</thead><tbody>{body}</tbody></table><p>{html.escape(self._total())}</p>"


def distribution(model: Module) -> Distribution:
    """How a model's arrays are spread.

    Args:
        model: a model that `distribute` was given.

    Returns:
        A table; ``print`` it, or look at its ``rows``.

    Raises:
        ArgumentError: the model is not distributed.

    Example:
        >>> import fnn
        >>> from fnn import nn
        >>> model = fnn.distributed.distribute(nn.Linear(4, 2), fnn.distributed.mesh(data=1))
        >>> fnn.distributed.distribution(model).bytes_per_device
        40
    """
    mesh = mesh_of(model)
    if mesh is None:
        raise ArgumentError("distribution: the model is not distributed; see fnn.distributed.distribute")
    hook = next((hook for hook in model._forward_pre_hooks.values() if isinstance(hook, Spread)), None)
    words = {} if hook is None else dict(hook.words)
    entries = resolved(model, mesh, _present, "distribution")
    return _table([replace(entry, word=words.get(entry.names[0], "")) for entry in entries], mesh)


def _present(name: str, box: Any) -> PartitionSpec:
    del name
    return PartitionSpec() if box._layout is None else box._layout.sharding.spec


def plan(model_or_factory: Module | Callable[[], Module], mesh: Mesh | AbstractMesh, rule: Rule = None) -> Distribution:
    """What `distribute` would do, without allocating anything: of any model, on any mesh.

    Args:
        model_or_factory: a Module, or a function that makes one, which is called abstractly.
        mesh: see `fnn.distributed.mesh`; a `jax.sharding.AbstractMesh` of more devices than there are will do.
        rule: as for `distribute`.

    Returns:
        The table.

    Example:
        >>> from jax.sharding import AbstractMesh
        >>> import fnn
        >>> from fnn import nn
        >>> table = fnn.distributed.plan(lambda: nn.Linear(2**20, 2**20), AbstractMesh((1024,), ("data",)), "fsdp")
        >>> table.bytes_per_device, table.training_bytes_per_device()
        (4294971392, 17179885568)
    """
    if not isinstance(mesh, AbstractMesh):
        mesh = checked(mesh, "plan")
    if isinstance(model_or_factory, Module):
        return _table(resolved(model_or_factory, mesh, rule, "plan"), mesh)
    if not callable(model_or_factory):
        raise ArgumentTypeError(f"plan: expected a Module or a function, got {type(model_or_factory).__name__}")
    factory = model_or_factory
    tables: list[Distribution] = []

    def construct(key: jax.Array) -> None:
        model, _ = abstractly(factory, key, "plan")
        tables.append(_table(resolved(model, mesh, rule, "plan"), mesh))

    jax.eval_shape(construct, jax.random.key(0))
    return tables[0]


def _table(placed: list[Placed], mesh: Mesh | AbstractMesh) -> Distribution:
    rows = []
    for entry in placed:
        shape, dtype = tuple(entry.box.shape), entry.box.dtype
        parts = math.prod(size_of(mesh, part) for part in entry.spec)
        whole = bytes_of(shape, dtype)
        first, *others = entry.names
        ties = f"also {', '.join(others)}" if others else ""
        note = "; ".join(text for text in (entry.word, ties) if text)
        is_parameter = hasattr(entry.box, "_requires_grad")
        rows.append(Row(first, shape, str(dtype), entry.spec, whole, whole // parts, is_parameter, note))
    return Distribution(tuple(rows), tuple(mesh.shape.items()))
