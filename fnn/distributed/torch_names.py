"""``torch.distributed`` for ported scripts, on JAX's processes.

PyTorch's processes hold one device each and exchange tensors; here every process runs the same program over the devices
of all.  So the collectives below are for what a script does between its steps, such as adding up counts: they return
the result, and gradients need none of them.
"""

from __future__ import annotations

import os
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from fnn.distributed import processes
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.state.box import Box
from fnn.tracing import Tracer
from fnn.typing import ArrayLike

__all__ = [
    "ReduceOp", "all_reduce", "broadcast", "destroy_process_group", "get_backend", "get_rank", "get_world_size",
    "init_process_group", "is_available",
]  # fmt: skip

_BACKENDS = (None, "gloo", "nccl", "cpu:gloo,cuda:nccl", "mpi", "ucc", "xla")


class ReduceOp:
    """How `all_reduce` combines what the processes have."""

    SUM = "sum"
    AVG = "avg"
    PRODUCT = "product"
    MIN = "min"
    MAX = "max"


_REDUCE = {"sum": np.sum, "avg": np.mean, "product": np.prod, "min": np.min, "max": np.max}


def init_process_group(
    backend: str | None = None,
    init_method: str | None = None,
    timeout: Any = None,
    world_size: int = -1,
    rank: int = -1,
) -> None:
    """Joins the job, as `fnn.distributed.init`.

    Args:
        backend: PyTorch's names are taken; JAX chooses how its devices exchange data.
        init_method: ``"env://"`` (None), or ``"tcp://host:port"`` with ``world_size`` and ``rank``.
        timeout: seconds, or a `datetime.timedelta`, to wait for the others.
        world_size: the number of processes; -1 is what the launcher says.
        rank: which this is; -1 is what the launcher says.

    Raises:
        ArgumentError: an unknown backend or method, or a rank without a world size.

    Example:
        >>> import fnn
        >>> fnn.distributed.init_process_group("gloo", "tcp://localhost:29500", world_size=1, rank=0)
        >>> fnn.distributed.get_rank(), fnn.distributed.get_world_size()
        (0, 1)
    """
    if backend not in _BACKENDS:
        raise ArgumentError(f"init_process_group: unknown backend {backend!r}; expected one of {_BACKENDS[1:]}")
    seconds = 300 if timeout is None else int(getattr(timeout, "total_seconds", lambda: timeout)())
    if (rank >= 0) != (world_size >= 0):
        raise ArgumentError(f"init_process_group: rank and world_size go together, got {rank=}, {world_size=}")
    if init_method in (None, "env://"):
        if rank < 0:
            processes.init(timeout=seconds)
            return
        processes.init(_address_of_environment(), world_size, rank, timeout=seconds)
        return
    if not init_method.startswith("tcp://"):
        raise ArgumentError(f"init_process_group: init_method must be env:// or tcp://host:port, got {init_method!r}")
    if rank < 0:
        raise ArgumentError("init_process_group: tcp:// needs rank and world_size")
    processes.init(init_method.removeprefix("tcp://"), world_size, rank, timeout=seconds)


def _address_of_environment() -> str:
    return f"{os.environ.get('MASTER_ADDR', 'localhost')}:{os.environ.get('MASTER_PORT', '29500')}"


def destroy_process_group() -> None:
    """Leaves the job, as `fnn.distributed.shutdown`.

    Example:
        >>> import fnn
        >>> fnn.distributed.destroy_process_group()
    """
    processes.shutdown()


def is_available() -> bool:
    """True: JAX always can.

    Example:
        >>> import fnn
        >>> fnn.distributed.is_available()
        True
    """
    return True


def get_backend() -> str:
    """How the devices exchange data: ``"gloo"`` on CPUs, ``"nccl"`` on GPUs, ``"xla"`` on TPUs.

    Example:
        >>> import fnn
        >>> fnn.distributed.get_backend() in ("gloo", "nccl", "xla")
        True
    """
    return {"cpu": "gloo", "gpu": "nccl"}.get(jax.default_backend(), "xla")


def get_rank() -> int:
    """The number of this process, `fnn.distributed.process_index`.

    Example:
        >>> import fnn
        >>> fnn.distributed.get_rank()
        0
    """
    return processes.process_index()


def get_world_size() -> int:
    """The number of processes, `fnn.distributed.process_count`.

    Example:
        >>> import fnn
        >>> fnn.distributed.get_world_size()
        1
    """
    return processes.process_count()


def _host(tensor: ArrayLike, what: str) -> np.ndarray:
    value = tensor.data if isinstance(tensor, Box) else tensor
    if isinstance(value, Tracer):
        raise ArgumentTypeError(
            f"{what}: called in a compiled function, where values are those of all processes already: leave it out"
        )
    array = to_array(value, "tensor", f"{what}: ")
    if not array.is_fully_addressable:
        raise ArgumentError(
            f"{what}: the array is spread over all processes, so it is the whole already; fnn.distributed.gather(x) "
            "makes a numpy array of it"
        )
    return np.asarray(array)


def _stored(tensor: ArrayLike, value: np.ndarray) -> Any:
    if isinstance(tensor, Box):
        tensor.data = value
        return tensor
    return jax.numpy.asarray(value)


def all_reduce(tensor: ArrayLike, op: str = ReduceOp.SUM) -> Any:
    """What the processes have, combined; in PyTorch it is written to ``tensor``, here it is returned.

    Args:
        tensor: an array of the same shape in each process; a Parameter or Buffer is written to as well.
        op: of `ReduceOp`.

    Returns:
        The combined array.

    Raises:
        ArgumentTypeError: the array is traced.
        ArgumentError: an unknown operation, or an array that is spread over the processes.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.distributed.all_reduce(jnp.arange(3.0))
        Array([0., 1., 2.], dtype=float32)
    """
    if op not in _REDUCE:
        raise ArgumentError(f"all_reduce: unknown op {op!r}; expected one of {', '.join(_REDUCE)}")
    host = _host(tensor, "all_reduce")
    if op == "avg" and host.dtype.kind in "iub":
        raise ArgumentError(f"all_reduce: op AVG needs a floating dtype, got {host.dtype}")
    if jax.process_count() == 1:
        return _stored(tensor, host)
    every = np.asarray(multihost_utils.process_allgather(host)).reshape(jax.process_count(), *host.shape)
    return _stored(tensor, _REDUCE[op](every, axis=0).astype(host.dtype))


def broadcast(tensor: ArrayLike, src: int = 0) -> Any:
    """What process ``src`` has; in PyTorch it is written to ``tensor``, here it is returned.

    Args:
        tensor: an array of the same shape in each process; a Parameter or Buffer is written to as well.
        src: the process whose values they are.

    Returns:
        The array of that process.

    Raises:
        ArgumentTypeError: the array is traced.
        ArgumentError: there is no such process, or the array is spread over the processes.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.distributed.broadcast(jnp.arange(2.0), src=0)
        Array([0., 1.], dtype=float32)
    """
    return _stored(tensor, processes.broadcast_from(_host(tensor, "broadcast"), src))
