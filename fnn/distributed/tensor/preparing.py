"""Styles that spread what goes into a module and comes out of it, and no parameter."""

from __future__ import annotations

from collections.abc import Mapping

from jax.sharding import Mesh

from fnn.distributed.placements import Placement
from fnn.distributed.rules import Placed
from fnn.distributed.tensor.styles import (
    Layouts,
    ParallelStyle,
    checked,
    tuple_of,
)
from fnn.errors import ArgumentError
from fnn.nn import Module

__all__ = ["PrepareModuleInput", "PrepareModuleInputOutput", "PrepareModuleOutput"]


class PrepareModuleInput(ParallelStyle):
    """Spreads what a module is called with.

    Args:
        input_layouts: how the positional arguments come: one placement, or a tuple of one for each, None for those that
            are no arrays.
        desired_input_layouts: how they are spread, likewise.
        input_kwarg_layouts: how keyword arguments come, by name.
        desired_input_kwarg_layouts: how they are spread, likewise.
        use_local_output: either: an array is whole for Python.

    Raises:
        ArgumentError: layouts without those that are desired, or of another number.

    Example:
        >>> from fnn.distributed.tensor import Replicate, Shard
        >>> from fnn.distributed.tensor.parallel import PrepareModuleInput
        >>> PrepareModuleInput(input_layouts=(Shard(1),), desired_input_layouts=(Replicate(),)).desired_input_layouts
        (Replicate(),)
    """

    def __init__(
        self,
        *,
        input_layouts: Layouts = None,
        desired_input_layouts: Layouts = None,
        input_kwarg_layouts: dict[str, Placement] | None = None,
        desired_input_kwarg_layouts: dict[str, Placement] | None = None,
        use_local_output: bool = False,
    ) -> None:
        where = type(self).__name__
        self.input_layouts = tuple_of(checked(input_layouts, "input_layouts", where))
        self.desired_input_layouts = tuple_of(checked(desired_input_layouts, "desired_input_layouts", where))
        self.input_kwarg_layouts = dict(checked(input_kwarg_layouts or {}, "input_kwarg_layouts", where))
        self.desired_input_kwarg_layouts = dict(
            checked(desired_input_kwarg_layouts or {}, "desired_input_kwarg_layouts", where)
        )
        self.use_local_output = use_local_output
        if len(self.input_layouts) != len(self.desired_input_layouts):
            raise ArgumentError("input_layouts and desired_input_layouts should have same length!")
        if self.input_kwarg_layouts.keys() != self.desired_input_kwarg_layouts.keys():
            raise ArgumentError("input_kwarg_layouts and desired_input_kwarg_layouts should have the same names!")

    def _inputs(self) -> tuple[Layouts, Mapping[str, Placement]]:
        return self.desired_input_layouts or None, self.desired_input_kwarg_layouts

    def _plan(self, module: Module, mesh: Mesh, axis: str) -> list[Placed]:
        return []


class PrepareModuleOutput(ParallelStyle):
    """Spreads what a module returns.

    Args:
        output_layouts: how the results come: one placement, or a tuple of one for each.
        desired_output_layouts: how they are spread, likewise.
        use_local_output: either: an array is whole for Python.

    Raises:
        ArgumentError: as many layouts as are desired are needed.

    Example:
        >>> from fnn.distributed.tensor import Replicate, Shard
        >>> from fnn.distributed.tensor.parallel import PrepareModuleOutput
        >>> PrepareModuleOutput(output_layouts=Shard(1), desired_output_layouts=Replicate()).desired_output_layouts
        (Replicate(),)
    """

    def __init__(
        self, *, output_layouts: Layouts, desired_output_layouts: Layouts, use_local_output: bool = True
    ) -> None:
        where = type(self).__name__
        self.output_layouts = tuple_of(checked(output_layouts, "output_layouts", where))
        self.desired_output_layouts = tuple_of(checked(desired_output_layouts, "desired_output_layouts", where))
        self.use_local_output = use_local_output
        if len(self.output_layouts) != len(self.desired_output_layouts):
            raise ArgumentError("output_layouts and desired_output_layouts should have same length!")

    def _outputs(self) -> Layouts:
        return self.desired_output_layouts

    def _plan(self, module: Module, mesh: Mesh, axis: str) -> list[Placed]:
        return []


class PrepareModuleInputOutput(ParallelStyle):
    """`PrepareModuleInput` and `PrepareModuleOutput` of one module.

    Args:
        input_layouts: see `PrepareModuleInput`.
        desired_input_layouts: likewise.
        input_kwarg_layouts: likewise.
        desired_input_kwarg_layouts: likewise.
        use_local_input: either: an array is whole for Python.
        output_layouts: see `PrepareModuleOutput`.
        desired_output_layouts: likewise.
        use_local_output: either.

    Example:
        >>> from fnn.distributed.tensor import Replicate, Shard
        >>> from fnn.distributed.tensor.parallel import PrepareModuleInputOutput
        >>> style = PrepareModuleInputOutput(output_layouts=Shard(1), desired_output_layouts=Replicate())
        >>> style.prepare_module_input.desired_input_layouts
        ()
    """

    def __init__(
        self,
        *,
        input_layouts: Layouts = None,
        desired_input_layouts: Layouts = None,
        input_kwarg_layouts: dict[str, Placement] | None = None,
        desired_input_kwarg_layouts: dict[str, Placement] | None = None,
        use_local_input: bool = False,
        output_layouts: Layouts,
        desired_output_layouts: Layouts,
        use_local_output: bool = True,
    ) -> None:
        self.prepare_module_input = PrepareModuleInput(
            input_layouts=input_layouts,
            desired_input_layouts=desired_input_layouts,
            input_kwarg_layouts=input_kwarg_layouts,
            desired_input_kwarg_layouts=desired_input_kwarg_layouts,
            use_local_output=use_local_input,
        )
        self.prepare_module_output = PrepareModuleOutput(
            output_layouts=output_layouts,
            desired_output_layouts=desired_output_layouts,
            use_local_output=use_local_output,
        )

    def _inputs(self) -> tuple[Layouts, Mapping[str, Placement]]:
        return self.prepare_module_input._inputs()

    def _outputs(self) -> Layouts:
        return self.prepare_module_output._outputs()

    def _plan(self, module: Module, mesh: Mesh, axis: str) -> list[Placed]:
        return []
