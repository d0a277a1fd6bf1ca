"""`distribute`: a model over the devices of a mesh, with the training step as it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from fnn import random
from fnn.distributed.agreement import called_alike
from fnn.distributed.born import born
from fnn.distributed.meshes import batch_sharding, checked
from fnn.distributed.progress import exchanged
from fnn.distributed.rules import Placed, Rule, resolved
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.nn import Module
from fnn.state.layout import Layout, placed
from fnn.state.parameter import Parameter
from fnn.state.scope import epoch, innermost
from fnn.tracing import Tracer, tracing

__all__ = ["Spread", "check_alike", "distribute", "mesh_of", "spread_by", "watch"]

_DIFFERENT = """\
distribute: process {index} holds other {what} than process 0.
Each process runs the same program: seed it alike, fnn.manual_seed(0), or load the same file in each."""


@dataclass(frozen=True)
class Spread:
    """A forward pre-hook of the whole model: its inputs' rows go over the axes of the batch."""

    mesh: Mesh
    dim: int
    sequence_dim: int = 1
    words: tuple[tuple[str, str], ...] = ()  # why parameters are not spread as asked for, by name

    def __call__(self, module: Module, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
        """What the module is called with, its arrays in place."""
        if self.mesh.is_multi_process and not tracing():
            called_alike(type(module).__name__, (args, kwargs))
        return jax.tree.map(self._one, (args, kwargs))

    def _one(self, value: Any) -> Any:
        if not isinstance(value, (jax.Array, np.ndarray)) or value.ndim == 0:
            return value
        sharding = batch_sharding(self.mesh, value.shape, self.dim, self.sequence_dim)
        if isinstance(value, Tracer):
            return jax.lax.with_sharding_constraint(value, sharding)
        if isinstance(value, jax.Array) and value.sharding.device_set == sharding.device_set:
            return value  # placed already
        return placed(value, sharding)

    def __deepcopy__(self, memo: dict[int, object]) -> Spread:
        return self  # devices cannot be copied

    def __reduce__(self) -> Any:
        raise ArgumentError("a distributed model cannot be pickled: save its state_dict(), or use save_sharded")


def distribute(
    model_or_factory: Module | Callable[[], Module],
    mesh: Mesh,
    rule: Rule = None,
    *,
    batch_dim: int = 0,
    sequence_dim: int = 1,
    init: str = "host",
    reshard_after_forward: bool = True,
) -> Any:
    """Spreads a model over a mesh, in place; the training step stays as it is.

    Whatever the rule, a compiled step computes what one device would for the whole batch, to rounding: gradients are
    those of the mean over the global batch, BatchNorm has its statistics, dropout its masks.  Inputs of the model are
    split over the axes of the batch (``"replica"``, ``"data"``, ``"fsdp"``) where these divide their rows, and whole on
    each device where not; on a mesh with an axis ``"sequence"`` their steps are split over it.  Optimizer state follows
    its parameter, whether the optimizer was made before or after.

    Args:
        model_or_factory: a Module, or a function that makes one.
        mesh: see `fnn.distributed.mesh`.
        rule: ``"replicate"`` (None), ``"fsdp"``, ``"column"``, ``"row"``, ``"expert"``, several of them (``("column",
            "fsdp")``), a ``PartitionSpec``; a dict from patterns of
            names (``"*.fc1|*.fc2"``; of parameters, or of modules above them) to these, of which the first that matches
            counts and what matches none is whole; or a function of name and parameter that returns one.
        batch_dim: which dimension of the model's inputs the rows of the batch are.
        sequence_dim: which dimension their steps are.
        init: where a function makes its model: on the ``"host"``, with PyTorch's numbers, from where each array goes to
            the devices part by part; or on the ``"device"``, inside one compiled program, which draws JAX's numbers and
            of which each device makes its part only, for models that no host holds.
        reshard_after_forward: whether what is spread over an axis of the batch is gathered again in the backward pass
            of a compiled step; False keeps what the forward pass has gathered: less to send, more to hold.

    Returns:
        The model.

    Raises:
        ArgumentError: a pattern that matches no parameter, an unknown rule or axis, ``init="device"`` for a model that
            is made already, or processes that hold different values.

    Example:
        >>> import fnn
        >>> from fnn import nn
        >>> mesh = fnn.distributed.mesh(data=-1)
        >>> model = fnn.distributed.distribute(nn.Linear(4, 2), mesh, "fsdp")
        >>> print(fnn.distributed.distribution(model))
        name    shape   spec            bytes per device  note
        weight  (2, 4)  (None, 'data')                32
        bias    (2,)    ('data',)                      8
        total: 40 bytes, 40 on each of 1 devices (data=1)
    """
    mesh = checked(mesh, "distribute")
    if innermost.get() is not None:
        raise ArgumentError("distribute: a model is distributed outside of fnn.jit and other transforms")
    if init not in ("host", "device"):
        raise ArgumentError(f'distribute: init must be "host" or "device", got {init!r}')
    if not isinstance(reshard_after_forward, bool):
        raise ArgumentTypeError(f"distribute: reshard_after_forward must be a bool, got {reshard_after_forward!r}")
    if not isinstance(model_or_factory, Module) and not callable(model_or_factory):
        raise ArgumentTypeError(f"distribute: expected a Module or a function, got {type(model_or_factory).__name__}")
    if init == "device":
        if isinstance(model_or_factory, Module):
            raise ArgumentError(
                f'distribute: init="device" needs a function that makes the model, got one that is made: '
                f"distribute(lambda: {type(model_or_factory).__name__}(...), ...)"
            )
        model, plan = born(model_or_factory, mesh, rule, "distribute")
    else:
        model = model_or_factory if isinstance(model_or_factory, Module) else _on_host(model_or_factory)
        plan = resolved(model, mesh, rule)
    check_alike(plan)
    spread_by(plan, mesh, reshard_after_forward)
    watch(model, Spread(mesh, batch_dim, sequence_dim, tuple((e.names[0], e.word) for e in plan if e.word)))
    return model


def _on_host(factory: Callable[[], Module]) -> Module:
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        model = factory()
    if not isinstance(model, Module):
        raise ArgumentTypeError(f"distribute: the function made {type(model).__name__}, expected a Module")
    return model


def spread_by(plan: list[Placed], mesh: Mesh, again: bool = True) -> None:
    """Puts the arrays of a plan where it says, each with its gradient; they keep their places.

    Args:
        plan: see `fnn.distributed.rules.resolved`.
        mesh: the mesh.
        again: whether a backward pass gathers them again.
    """
    for entry in plan:
        box, layout = entry.box, entry.layout(mesh, again)
        box._layout = layout
        box._value = placed(box._value, layout.sharding)
        box._exposed = True
        grad = box._grad if isinstance(box, Parameter) else None
        if grad is not None:
            grad._layout = Layout(layout.sharding)
            if grad._value is not None:
                grad._value = placed(grad._value, layout.sharding)
    epoch.exposures += 1
    epoch.structure += 1


def watch(model: Module, hook: Spread) -> None:
    """From now on this hook alone spreads the inputs of the model and of its parts."""
    for module in model.modules():
        for id_, other in list(module._forward_pre_hooks.items()):
            if isinstance(other, Spread):
                del module._forward_pre_hooks[id_]
                module._forward_pre_hooks_with_kwargs.pop(id_, None)
    model.register_forward_pre_hook(hook, prepend=True, with_kwargs=True)
    epoch.structure += 1


def mesh_of(model: Module) -> Mesh | None:
    """The mesh of a distributed model; None of another.

    Args:
        model: the model.

    Example:
        >>> import fnn
        >>> from fnn import nn
        >>> fnn.distributed.mesh_of(nn.Linear(2, 2)) is None
        True
    """
    layouts = (box._layout for box in (*model.parameters(), *model.buffers()))
    found = next((layout for layout in layouts if layout is not None), None)
    return found.sharding.mesh if found is not None and isinstance(found.sharding.mesh, Mesh) else None


def check_alike(plan: list[Placed]) -> None:
    """Of several processes: each holds the same values, and draws the same numbers from here on.

    Args:
        plan: see `fnn.distributed.rules.resolved`.

    Raises:
        ArgumentError: a process differs from the first.
    """
    if jax.process_count() == 1:
        return
    drawn = hashlib.sha256(np.asarray(random.get_rng_state()).tobytes()).hexdigest()[:16]
    held = {entry.names[0]: _told(entry.box._value) for entry in plan}
    every = [json.loads(text) for text in exchanged("distribute", json.dumps([drawn, held]))]
    first_drawn, first = every[0]
    for index, (drawn, theirs) in enumerate(every):
        if list(theirs) != list(first):
            name = next(n for n in (*theirs, *first) if n not in first or n not in theirs)
            raise ArgumentError(_DIFFERENT.format(index=index, what=f"parameters ({name} is not in both)"))
        for name, (kind, digest) in theirs.items():
            if kind != first[name][0]:
                what = f"parameters ({name} is {kind}, in process 0 {first[name][0]})"
                raise ArgumentError(_DIFFERENT.format(index=index, what=what))
            if digest != first[name][1]:
                raise ArgumentError(_DIFFERENT.format(index=index, what=f"values ({name})"))
        if drawn != first_drawn:
            what = "random numbers (the state of the generator)"
            raise ArgumentError(_DIFFERENT.format(index=index, what=what))


def _told(value: Any) -> tuple[str, str]:
    """Type and digest of an array, as far as this process has it."""
    kind = f"{np.dtype(value.dtype).name}{list(value.shape)}"
    if not value.is_fully_addressable:
        return kind, ""
    return kind, hashlib.sha256(np.ascontiguousarray(np.asarray(value)).tobytes()).hexdigest()[:16]
