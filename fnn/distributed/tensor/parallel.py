"""``torch.distributed.tensor.parallel`` for ported scripts: which matrices are spread, and how what goes in and out is.

PyTorch's modules see the part of an array that their process holds; here arrays are whole wherever Python sees them,
and a style says how the compiled program spreads them.  So a script does not divide its number of heads by the number
of devices, ``use_local_output`` makes no difference, and ``Partial()`` is not needed.  Values never depend on a style.
"""

from __future__ import annotations

import fnmatch
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from jax.sharding import Mesh, PartitionSpec

from fnn.distributed.device_mesh import DeviceMesh, jax_mesh
from fnn.distributed.distributing import Spread, check_alike, spread_by, watch
from fnn.distributed.meshes import rule_axis
from fnn.distributed.placements import Partial, Placement, Replicate, Shard, constrained
from fnn.distributed.rules import Placed, resolved
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.nn import Embedding, Linear, Module

__all__ = [
    "ColwiseParallel", "ParallelStyle", "PrepareModuleInput", "PrepareModuleInputOutput", "PrepareModuleOutput",
    "RowwiseParallel", "SequenceParallel", "parallelize_module",
]  # fmt: skip

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
            hook = _Hook(_tuple(layouts), tuple(named.items()), mesh, axis, where, isinstance(layouts, Placement))
            module.register_forward_pre_hook(hook.before, with_kwargs=True)
        layouts = self._outputs()
        if layouts is not None:
            hook = _Hook(_tuple(layouts), (), mesh, axis, where, isinstance(layouts, Placement))
            module.register_forward_hook(hook.after)
        return self._plan(module, mesh, axis)


def _tuple(layouts: Layouts) -> tuple[Placement | None, ...]:
    return () if layouts is None else (layouts,) if isinstance(layouts, Placement) else tuple(layouts)


def _checked(layouts: object, name: str, where: str) -> Any:
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
        self.input_layouts = (_checked(input_layouts, "input_layouts", where) or self._default[0],)
        self.output_layouts = (_checked(output_layouts, "output_layouts", where) or self._default[1],)
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
        self.input_layouts = _tuple(_checked(input_layouts, "input_layouts", where))
        self.desired_input_layouts = _tuple(_checked(desired_input_layouts, "desired_input_layouts", where))
        self.input_kwarg_layouts = dict(_checked(input_kwarg_layouts or {}, "input_kwarg_layouts", where))
        self.desired_input_kwarg_layouts = dict(
            _checked(desired_input_kwarg_layouts or {}, "desired_input_kwarg_layouts", where)
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
        self.output_layouts = _tuple(_checked(output_layouts, "output_layouts", where))
        self.desired_output_layouts = _tuple(_checked(desired_output_layouts, "desired_output_layouts", where))
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


def parallelize_module(
    module: Module,
    device_mesh: DeviceMesh | Mesh | None = None,
    parallelize_plan: ParallelStyle | dict[str, ParallelStyle] | None = None,
    *,
    src_data_rank: int | None = 0,
) -> Module:
    """Spreads the matrices of a module over the devices of one axis, in place; what no style names is whole on each.

    Args:
        module: the module.
        device_mesh: one axis of a mesh (``mesh["tp"]``); None is all devices.
        parallelize_plan: a style, or a dict from paths of modules below, with ``*``, to styles.
        src_data_rank: the process whose values they are; all must hold the same, which is checked. None: each process
            gives the values of its own devices.

    Returns:
        The module.

    Raises:
        ArgumentTypeError: a plan that is none, or a style for another kind of module.
        ArgumentError: a mesh of several axes, or processes that hold different values.

    Example:
        >>> import fnn
        >>> from fnn import nn
        >>> from fnn.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> model = parallelize_module(model, None, {"0": ColwiseParallel(), "2": RowwiseParallel()})
        >>> tuple(model[0].weight.data.sharding.spec), tuple(model[2].weight.data.sharding.spec)
        (('tp', None), (None, 'tp'))
    """
    where = "parallelize_module"
    if parallelize_plan is None:
        warnings.warn(
            "No parallelize_plan is provided and auto-parallel is not supported at the moment, so this "
            "parallelize_module call will do nothing.",
            stacklevel=2,
        )
        return module
    if not isinstance(parallelize_plan, (ParallelStyle, dict)):
        raise ArgumentTypeError(
            "Expect Union[ParallelStyle, Dict[str, ParallelStyle]] for"
            f" parallelize_plan, {type(parallelize_plan)} found!"
        )
    mesh, axes = jax_mesh(device_mesh, ("tp",), where)
    if len(axes) != 1:
        raise ArgumentError(f'{where}: device_mesh must be one axis, such as mesh["tp"], got {axes}')
    axis = axes[0]
    if rule_axis(mesh, "column", where) != axis:
        raise ArgumentError(f"{where}: the axis of matrices is {rule_axis(mesh, 'column', where)!r}, got {axis!r}")
    if src_data_rank is not None and src_data_rank < 0:
        raise ArgumentError(f"{where}: src_data_rank must not be negative, got {src_data_rank}")
    styles = {"": parallelize_plan} if isinstance(parallelize_plan, ParallelStyle) else parallelize_plan
    plan: dict[int, Placed] = {}
    for path, style in styles.items():
        found = list(_below(module, path.split("."))) if path else [module]
        if not found:
            warnings.warn(
                f"Parallelize plan key '{path}' could not be resolved: no submodule matching it in module {module}, "
                "skipping this plan entry.",
                stacklevel=2,
            )
        for each in found:
            plan |= {id(entry.box): entry for entry in style.apply(each, mesh, axis)}
    for entry in resolved(module, mesh, None, where):
        layout = entry.box._layout
        held = PartitionSpec() if layout is None or layout.sharding.mesh != mesh else layout.sharding.spec
        plan.setdefault(id(entry.box), Placed(entry.names, entry.box, held, entry.rule))
    if src_data_rank is not None:
        check_alike(list(plan.values()))
    spread_by(list(plan.values()), mesh)
    watch(module, Spread(mesh, 0))
    return module


def _below(module: Module, path: list[str]) -> Iterable[Module]:
    """The modules that a path with wildcards leads to."""
    for name, child in module.named_children():
        if fnmatch.fnmatch(name, path[0]):
            yield from _below(child, path[1:]) if path[1:] else [child]
