"""Styles: how the matrices of a module are spread, and what goes in and comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from jax.sharding import Mesh

from fnn.distributed.placements import Partial, Placement, Replicate, Shard, constrained
from fnn.distributed.rules import Placed, resolved
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.nn import Embedding, Linear, Module

__all__ = ["ColwiseParallel", "Layouts", "ParallelStyle", "RowwiseParallel", "SequenceParallel", "checked", "tuple_of"]

Layouts = Placement | tuple[Placement | None, ...] | None


@dataclass(frozen=True)
class _Hook:
    """Spreads what goes into a module, or comes out of it."""

    layouts: tuple[Placement | None, ...]
    names: tuple[tuple[str, Placement], ...]
    mesh: Mesh
    axis: str
    where: str
    each: bool = False  # one layout for all arrays

    def before(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        named = dict(self.names)
        return self._several(args), {key: self._one(value, named.get(key)) for key, value in kwargs.items()}

    def after(self, module: Module, args: tuple[Any, ...], output: Any) -> Any:
        return self._several(output) if isinstance(output, tuple) else self._one(output, self.layouts[0])

    def _several(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        if not self.layouts:
            return values
        layouts = self.layouts * len(values) if self.each else self.layouts
        if len(layouts) < len(values) or (not self.each and len(layouts) > len(values)):
            raise ArgumentError(f"{self.where}: {len(self.layouts)} layouts for {len(values)} arrays")
        return tuple(self._one(value, layout) for value, layout in zip(values, layouts, strict=False))

    def _one(self, value: Any, layout: Placement | None) -> Any:
        return constrained(value, layout, self.mesh, self.axis, self.where)

    def __deepcopy__(self, memo: dict[int, object]) -> _Hook:
        return self  # devices cannot be copied


class ParallelStyle:
    """What `parallelize_module` does to a module."""

    rule: ClassVar[str] = "replicate"

    def _plan(self, module: Module, mesh: Mesh, axis: str) -> list[Placed]:
        """Where the module's parameters go."""
        return resolved(module, mesh, self.rule, type(self).__name__)

    def _inputs(self) -> tuple[Layouts, Mapping[str, Placement]]:
        """The layouts of the arguments; None for those that are left alone."""
        return None, {}

    def _outputs(self) -> Layouts:
        return None

    def apply(self, module: Module, mesh: Mesh, axis: str) -> list[Placed]:
        """Registers what spreads inputs and outputs, and says where parameters go.

        Args:
            module: the module.
            mesh: the mesh.
            axis: the one of its axes that is meant.
        """
        where = type(self).__name__
        layouts, named = self._inputs()
        if layouts is not None or named:
            hook = _Hook(tuple_of(layouts), tuple(named.items()), mesh, axis, where, isinstance(layouts, Placement))
            module.register_forward_pre_hook(hook.before, with_kwargs=True)
        layouts = self._outputs()
        if layouts is not None:
            hook = _Hook(tuple_of(layouts), (), mesh, axis, where, isinstance(layouts, Placement))
            module.register_forward_hook(hook.after)
        return self._plan(module, mesh, axis)


def tuple_of(layouts: Layouts) -> tuple[Placement | None, ...]:
    """Layouts as a tuple."""
    return () if layouts is None else (layouts,) if isinstance(layouts, Placement) else tuple(layouts)


def checked(layouts: object, name: str, where: str) -> Any:
    """The layouts, if they are such.

    Raises:
        ArgumentError: for `Partial`, which says of an array that its value is not its value.
        ArgumentTypeError: they are no placements.
    """
    several = layouts.values() if isinstance(layouts, dict) else layouts if isinstance(layouts, tuple) else (layouts,)
    for layout in several:
        if isinstance(layout, Partial):
            raise ArgumentError(
                f"{where}: {name}: Partial() has no meaning here: an array's value is that of the whole"
            )
        if layout is not None and not isinstance(layout, Placement):
            raise ArgumentTypeError(f"{where}: {name} must be Shard(dim) or Replicate(), got {layout!r}")
    return layouts


class _Matrix(ParallelStyle):
    """A style of a Linear or an Embedding."""

    def __init__(
        self,
        *,
        input_layouts: Placement | None = None,
        output_layouts: Placement | None = None,
        use_local_output: bool = True,
    ) -> None:
        where = type(self).__name__
        self.input_layouts = (checked(input_layouts, "input_layouts", where) or self._default[0],)
        self.output_layouts = (checked(output_layouts, "output_layouts", where) or self._default[1],)
        self.use_local_output = use_local_output

    _default: ClassVar[tuple[Placement, Placement]]

    def _plan(self, module: Module, mesh: Mesh, axis: str) -> list[Placed]:
        if not isinstance(module, (Linear, Embedding)):
            name = type(self).__name__
            raise ArgumentTypeError(
                f"{name} currently only support nn.Linear and nn.Embedding! got {type(module).__name__}; "
                "fnn.distributed.distribute takes rules for any module"
            )
        return super()._plan(module, mesh, axis)

    def _inputs(self) -> tuple[Layouts, Mapping[str, Placement]]:
        return self.input_layouts[0], {}

    def _outputs(self) -> Layouts:
        return self.output_layouts[0]


class ColwiseParallel(_Matrix):
    """The outputs of a Linear, or the features of an Embedding, are spread: the rule ``"column"``.

    Args:
        input_layouts: how the input comes, None for ``Replicate()``.
        output_layouts: how the output is spread, None for ``Shard(-1)``.
        use_local_output: either: an array is whole for Python.

    Example:
        >>> from fnn.distributed.tensor.parallel import ColwiseParallel
        >>> ColwiseParallel().output_layouts
        (Shard(dim=-1),)
    """

    rule = "column"
    _default = (Replicate(), Shard(-1))


class RowwiseParallel(_Matrix):
    """The inputs of a Linear, or the entries of an Embedding, are spread: the rule ``"row"``.

    Args:
        input_layouts: how the input comes, None for ``Shard(-1)``.
        output_layouts: how the output is spread, None for ``Replicate()``.
        use_local_output: either: an array is whole for Python.

    Example:
        >>> from fnn.distributed.tensor.parallel import RowwiseParallel
        >>> RowwiseParallel().output_layouts
        (Replicate(),)
    """

    rule = "row"
    _default = (Shard(-1), Replicate())

    def _inputs(self) -> tuple[Layouts, Mapping[str, Placement]]:
        return self.input_layouts[0], {}


class SequenceParallel(ParallelStyle):
    """A LayerNorm, RMSNorm or Dropout computes each device's share of the steps; its parameters are whole.

    Args:
        sequence_dim: the dimension of the steps.
        use_local_output: either: an array is whole for Python.

    Example:
        >>> from fnn.distributed.tensor.parallel import SequenceParallel
        >>> SequenceParallel().sequence_sharding
        (Shard(dim=1),)
    """

    def __init__(self, *, sequence_dim: int = 1, use_local_output: bool = False) -> None:
        self.sequence_sharding = (Shard(sequence_dim),)
        self.use_local_output = use_local_output

    def _inputs(self) -> tuple[Layouts, Mapping[str, Placement]]:
        return self.sequence_sharding[0], {}

    def _outputs(self) -> Layouts:
        return self.sequence_sharding[0]
