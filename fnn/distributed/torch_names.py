"""``torch.distributed``'s process group for ported scripts: the processes of the job, and which of them this is."""

from __future__ import annotations

import os
from typing import Any

from fnn.distributed import meeting, processes
from fnn.distributed.torch_groups import WORLD, Group, group_member
from fnn.errors import ArgumentError

__all__ = [
    "destroy_process_group", "get_backend", "get_rank", "get_world_size", "init_process_group", "is_available",
    "monitored_barrier",
]  # fmt: skip

_BACKENDS = (None, "gloo", "nccl", "cpu:gloo,cuda:nccl", "mpi", "ucc", "xla")


def init_process_group(
    backend: str | None = None,
    init_method: str | None = None,
    timeout: Any = None,
    world_size: int = -1,
    rank: int = -1,
    store: None = None,
    group_name: str = "",
    pg_options: None = None,
    device_id: str | int | None = None,
) -> None:
    """Joins the job, as `fnn.distributed.init`.

    Args:
        backend: PyTorch's names are taken; JAX chooses how its devices exchange data.
        init_method: ``"env://"`` (None), or ``"tcp://host:port"`` with ``world_size`` and ``rank``.
        timeout: seconds, or a `datetime.timedelta`, to wait for the others.
        world_size: the number of processes; -1 is what the launcher says.
        rank: which this is; -1 is what the launcher says.
        store: None: JAX has its own.
        group_name: ``""``, deprecated in PyTorch.
        pg_options: None.
        device_id: the accelerator of this machine that this process has, ``"cuda:1"`` or its number; None is what the
            launcher says, and a device without a number says nothing more.

    Raises:
        ArgumentError: an unknown backend or method, or a rank without a world size.

    Example:
        >>> import fnn
        >>> fnn.distributed.init_process_group("gloo", "tcp://localhost:29500", world_size=1, rank=0)
        >>> fnn.distributed.get_rank(), fnn.distributed.get_world_size()
        (0, 1)
    """
    for name, value in (("store", store), ("group_name", group_name), ("pg_options", pg_options)):
        if value not in (None, ""):
            raise ArgumentError(f"init_process_group: {name} must be left out, got {value!r}")
    if backend not in _BACKENDS:
        raise ArgumentError(f"init_process_group: unknown backend {backend!r}; expected one of {_BACKENDS[1:]}")
    local = _accelerator(device_id)
    seconds = 300 if timeout is None else int(_seconds(timeout))
    if (rank >= 0) != (world_size >= 0):
        raise ArgumentError(f"init_process_group: rank and world_size go together, got {rank=}, {world_size=}")
    if init_method in (None, "env://"):
        if rank < 0:
            processes.init(local_device_ids=local, timeout=seconds)
            return
        processes.init(_address_of_environment(), world_size, rank, local, timeout=seconds)
        return
    if not init_method.startswith("tcp://"):
        raise ArgumentError(f"init_process_group: init_method must be env:// or tcp://host:port, got {init_method!r}")
    if rank < 0:
        raise ArgumentError("init_process_group: tcp:// needs rank and world_size")
    processes.init(init_method.removeprefix("tcp://"), world_size, rank, local, timeout=seconds)


def _accelerator(device_id: object) -> int | None:
    """The number of an accelerator; None where a device has none, and of a CPU."""
    if device_id is None or (isinstance(device_id, int) and not isinstance(device_id, bool)):
        return device_id
    if not isinstance(device_id, str):
        raise ArgumentError(f"init_process_group: device_id must be a device such as 'cuda:1', got {device_id!r}")
    name, _, number = device_id.partition(":")
    return None if name == "cpu" or not number.isdigit() else int(number)


def _seconds(timeout: Any) -> float:
    return getattr(timeout, "total_seconds", lambda: timeout)()


def monitored_barrier(group: Group = None, timeout: Any = None, wait_all_ranks: bool = False) -> None:
    """Waits until every process has come here; an error names one that does not, as that of `barrier`.

    Args:
        group: None: all processes.
        timeout: seconds, or a `datetime.timedelta`, to wait; None is half an hour.
        wait_all_ranks: either: the first one that is missing is named.

    Raises:
        ArgumentError: a process does not come.

    Example:
        >>> import fnn
        >>> fnn.distributed.monitored_barrier()
    """
    del wait_all_ranks
    group_member(group, "monitored_barrier")
    meeting.barrier("monitored_barrier", 1800.0 if timeout is None else float(_seconds(timeout)))


def _address_of_environment() -> str:
    return f"{os.environ.get('MASTER_ADDR', 'localhost')}:{os.environ.get('MASTER_PORT', '29500')}"


def destroy_process_group(group: Group = None) -> None:
    """Leaves the job, as `fnn.distributed.shutdown`.

    Args:
        group: None: all processes.

    Example:
        >>> import fnn
        >>> fnn.distributed.destroy_process_group()
    """
    group_member(group, "destroy_process_group")
    processes.shutdown()


def is_available() -> bool:
    """True: JAX always can.

    Example:
        >>> import fnn
        >>> fnn.distributed.is_available()
        True
    """
    return True


def get_backend(group: Group = None) -> str:
    """How the devices exchange data: ``"gloo"`` on CPUs, ``"nccl"`` on GPUs, ``"xla"`` on TPUs.

    Args:
        group: None: all processes.

    Example:
        >>> import fnn
        >>> fnn.distributed.get_backend() in ("gloo", "nccl", "xla")
        True
    """
    group_member(group, "get_backend")
    return WORLD.name()


def get_rank(group: Group = None) -> int:
    """The number of this process, `fnn.distributed.process_index`.

    Args:
        group: None: all processes.

    Example:
        >>> import fnn
        >>> fnn.distributed.get_rank()
        0
    """
    group_member(group, "get_rank")
    return processes.process_index()


def get_world_size(group: Group = None) -> int:
    """The number of processes, `fnn.distributed.process_count`.

    Args:
        group: None: all processes.

    Example:
        >>> import fnn
        >>> fnn.distributed.get_world_size()
        1
    """
    group_member(group, "get_world_size")
    return processes.process_count()
