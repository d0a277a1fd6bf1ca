"""`DataParallel`: a module whose batch is split over devices of this process; `DistributedDataParallel`."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from fnn.arguments import integer, wrap_dim
from fnn.devices import to_device
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.nn._distributed import DistributedDataParallel
from fnn.nn._module import Module
from fnn.tracing import Tracer
from fnn.typing import OneDevice, PyTree

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel"]

_WHERE = "DataParallel: "
_AXIS = "data"


class DataParallel(Module):
    """Splits the batch of a module's inputs over several devices.

    The parameters stand on every device, each device computes its part of the batch, and gradients come out summed:
    XLA divides the one program that the module is. So there are no replicas, and the module sees the whole batch
    wherever PyTorch's replicas see their parts: `BatchNorm1d` normalises with the statistics of the whole, hooks run
    once, what ``forward`` writes to buffers stays, and a scalar stays one. An input whose size along ``dim`` the number
    of devices does not divide goes to every device whole, with the same result.

    Without an accelerator, as in PyTorch, the module is called as it is, unless devices are named. For meshes of more
    than one axis, or of several processes, see `fnn.distributed.distribute`: no module is needed.

    Args:
        module: the module to call.
        device_ids: numbers of devices, or devices; None is all accelerators.
        output_device: where the output goes if it is a concrete array; under a transform (`fnn.jit`, `fnn.grad`), whose
            program runs on all its devices, it is put on each of them. None leaves it split.
        dim: the axis of every input array that is the batch; an array that has no such axis goes to every device whole.

    Raises:
        ArgumentError: an unknown device, a device twice, or none.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> net = nn.DataParallel(nn.Linear(2, 3))
        >>> list(net.state_dict()), net(jnp.ones((4, 2))).shape
        (['module.weight', 'module.bias'], (4, 3))
    """

    def __init__(
        self,
        module: Module,
        device_ids: Sequence[int | str | OneDevice] | None = None,
        output_device: int | str | OneDevice | None = None,
        dim: int = 0,
    ) -> None:
        super().__init__()
        if not isinstance(module, Module):
            raise ArgumentTypeError(f"{_WHERE}module must be a Module, got {type(module).__name__}")
        self.dim = integer(dim, "dim", _WHERE)
        self.module = module
        # names, since a device can be neither copied nor pickled
        self._devices = _chosen(device_ids)
        self._output = None if output_device is None else _name(output_device)
        self.device_ids = [int(name.partition(":")[2]) for name in self._devices]
        self.output_device = None if self._output is None else int(self._output.partition(":")[2])
        if self._devices:
            everywhere = NamedSharding(_mesh(self._devices), PartitionSpec())
            for box in (*module.parameters(), *module.buffers()):
                box.data = jax.device_put(box.data, everywhere)

    def forward(self, *inputs: PyTree, **kwargs: PyTree) -> Any:
        """What the module returns for these inputs, of which arrays in lists, tuples and dicts are split."""
        if not self._devices:
            return self.module(*inputs, **kwargs)
        mesh = _mesh(self._devices)
        inputs, kwargs = jax.tree.map(lambda x: _split(x, mesh, self.dim), (inputs, kwargs))
        output = self.module(*inputs, **kwargs)
        if self._output is None:
            return output
        device = to_device(self._output, _WHERE)
        return jax.tree.map(lambda y: _gathered(y, mesh, device), output)


def data_parallel(
    module: Module,
    inputs: PyTree,
    device_ids: Sequence[int | str | OneDevice] | None = None,
    output_device: int | str | OneDevice | None = None,
    dim: int = 0,
    module_kwargs: dict[str, Any] | None = None,
) -> Any:
    """One call of a module with its batch split over several devices; see `DataParallel`.

    Args:
        module: the module to call; its parameters are put on all devices.
        inputs: its positional arguments as a tuple, or the only one; None is none.
        device_ids: numbers of devices, or devices; None is all accelerators.
        output_device: where the output goes.
        dim: the axis of every input array that is the batch.
        module_kwargs: its keyword arguments.

    Returns:
        What the module returns.

    Raises:
        ArgumentError: an unknown device, a device twice, or none.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.parallel.data_parallel(nn.Linear(2, 3), jnp.ones((4, 2))).shape
        (4, 3)
    """
    if not isinstance(inputs, tuple):
        inputs = () if inputs is None else (inputs,)
    wrapped = DataParallel(module, device_ids, output_device, dim)
    return wrapped(*inputs, **(module_kwargs or {}))


def _name(given: object) -> str:
    device = to_device(given, _WHERE)
    if not isinstance(device, jax.Device):
        raise ArgumentTypeError(f"{_WHERE}device_ids and output_device are single devices, got {given!r}")
    return f"{device.platform}:{jax.devices(device.platform).index(device)}"


def _chosen(device_ids: Sequence[int | str | OneDevice] | None) -> tuple[str, ...]:
    """The devices; none where PyTorch has none, without accelerators and unless they are named."""
    if device_ids is None:
        return () if jax.default_backend() == "cpu" else tuple(map(_name, jax.local_devices()))
    names = tuple(map(_name, device_ids))
    if not names:
        raise ArgumentError(f"{_WHERE}expected at least one device, got device_ids={list(device_ids)}")
    if len(set(names)) != len(names):
        raise ArgumentError(f"{_WHERE}expected different devices, got device_ids={list(device_ids)}")
    return names


@functools.cache
def _mesh(names: tuple[str, ...]) -> Mesh:
    return Mesh(np.array([to_device(name, _WHERE) for name in names]), (_AXIS,))


def _split(x: Any, mesh: Mesh, dim: int) -> Any:
    if not isinstance(x, (jax.Array, np.ndarray)):
        return x
    spec = PartitionSpec()
    if -x.ndim <= dim < x.ndim:
        axis = wrap_dim(dim, x.ndim, _WHERE)
        if x.shape[axis] % mesh.size == 0:
            spec = PartitionSpec(*(None,) * axis, _AXIS)
    return _placed(x, NamedSharding(mesh, spec))


def _placed(x: Any, sharding: NamedSharding) -> Any:
    if isinstance(x, Tracer):
        return jax.lax.with_sharding_constraint(x, sharding)
    return jax.device_put(x, sharding)


def _gathered(y: Any, mesh: Mesh, device: OneDevice) -> Any:
    if isinstance(y, Tracer):
        return _placed(y, NamedSharding(mesh, PartitionSpec()))
    return jax.device_put(y, device) if isinstance(y, jax.Array) else y
