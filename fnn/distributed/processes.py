"""Processes of one job: joining it, and who is who.

Several processes run one program on the devices of all: each executes the same lines, and JAX moves data where a
computation needs it.  `init` finds the others by the variables that a launcher sets, and does nothing for a process
that is alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax

from fnn.distributed import progress
from fnn.errors import ArgumentError

__all__ = [
    "init",
    "is_initialized",
    "process_count",
    "process_index",
    "shutdown",
]

TOO_LATE = """\
distributed.init: JAX has used its devices already, and cannot join a job of {count} processes any more.

    model = Net()                    # wrong: makes arrays, hence takes the devices of this process alone
    fnn.distributed.init()

    fnn.distributed.init()           # right: the first lines of the script
    model = Net()"""

_joined = False


class _Job(NamedTuple):
    """What a launcher says of a job."""

    address: str | None  # None: JAX finds it
    size: int
    rank: int | None
    local: Sequence[int] | None


def init(
    coordinator_address: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
    local_device_ids: int | Sequence[int] | None = None,
    timeout: int = 300,
    heartbeat_timeout: int = 60,
) -> None:
    """Joins the job that this process was started for; does nothing for a process that is alone.

    Without arguments the variables of torchrun and of ``python -m fnn.distributed.launch`` (``MASTER_ADDR``,
    ``MASTER_PORT``, ``RANK``, ``WORLD_SIZE``, ``LOCAL_RANK``), of Slurm, of MPI (Open MPI, MPICH and its kin) and of
    Cloud TPUs are read, in this order.  Call it before anything makes an array.  A second call does nothing.

    Args:
        coordinator_address: ``"host:port"`` of process 0.
        num_processes: how many processes there are.
        process_id: which of them this is, from 0.
        local_device_ids: the accelerators of this machine that belong to this process; None is all, or the one of
            ``LOCAL_RANK`` where several processes share a machine.
        timeout: seconds to wait for the others.
        heartbeat_timeout: seconds without a sign of life after which a process counts as lost, and the others end.

    Raises:
        ArgumentError: arguments or variables that contradict each other, or JAX's devices have been used already.

    Example:
        >>> import fnn
        >>> fnn.distributed.init()
        >>> fnn.distributed.process_index(), fnn.distributed.process_count()
        (0, 1)
    """
    global _joined
    if _joined:
        return
    given = {
        "coordinator_address": coordinator_address,
        "num_processes": num_processes,
        "process_id": process_id,
    }
    if any(value is not None for value in given.values()):
        missing = [name for name, value in given.items() if value is None]
        if missing or num_processes is None or process_id is None:
            raise ArgumentError(f"distributed.init: {', '.join(missing)} must be given with the other ones")
        job = _Job(coordinator_address, num_processes, process_id, _ids(local_device_ids))
    else:
        found = _job(os.environ)
        if found is None:
            return
        job = found if local_device_ids is None else found._replace(local=_ids(local_device_ids))
    if job.rank is not None and not 0 <= job.rank < job.size:
        raise ArgumentError(f"distributed.init: process_id must be from 0 to {job.size - 1}, got {job.rank}")
    if job.size == 1:
        return
    arguments: dict[str, Any] = {"initialization_timeout": timeout, "heartbeat_timeout_seconds": heartbeat_timeout}
    if job.address is not None:
        arguments |= {"coordinator_address": job.address, "num_processes": job.size, "process_id": job.rank}
    if job.local is not None:
        arguments["local_device_ids"] = job.local
    try:
        jax.distributed.initialize(**arguments)
    except RuntimeError as error:
        if "before any JAX" not in str(error):
            raise
        raise ArgumentError(TOO_LATE.format(count=job.size)) from None
    _joined = True
    progress.begin()


def _ids(value: int | Sequence[int] | None) -> Sequence[int] | None:
    return [value] if isinstance(value, int) else value


def _job(variables: Mapping[str, str]) -> _Job | None:
    """The job that the variables of a launcher tell of; None for a process that is alone."""

    def number(name: str) -> int:
        try:
            return int(variables[name])
        except ValueError:
            raise ArgumentError(f"distributed.init: {name} must be an integer, got {variables[name]!r}") from None

    if "WORLD_SIZE" in variables and "RANK" in variables:
        missing = [name for name in ("MASTER_ADDR", "MASTER_PORT") if name not in variables]
        if number("WORLD_SIZE") > 1 and missing:
            raise ArgumentError(f"distributed.init: RANK and WORLD_SIZE are set, but {' and '.join(missing)} is not")
        if number("WORLD_SIZE") == 1:
            return None
        # torchrun's agent listens at the port itself
        port = number("MASTER_PORT") + (variables.get("TORCHELASTIC_USE_AGENT_STORE") == "True")
        local = None
        if "FNN_LOCAL_DEVICES" in variables:  # of fnn's launcher: several accelerators for one process
            local = [int(text) for text in variables["FNN_LOCAL_DEVICES"].split(",")]
        elif int(variables.get("LOCAL_WORLD_SIZE", "1")) > 1 and "LOCAL_RANK" in variables:
            local = [number("LOCAL_RANK")]
        return _Job(f"{variables['MASTER_ADDR']}:{port}", number("WORLD_SIZE"), number("RANK"), local)
    if "SLURM_PROCID" in variables and "SLURM_STEP_NODELIST" in variables:
        count = int(variables.get("SLURM_STEP_NUM_TASKS", variables.get("SLURM_NTASKS", "1")))
        return _Job(None, count, None, None) if count > 1 else None
    for prefix, rank, size in (("OMPI_COMM_WORLD", "RANK", "SIZE"), ("PMI", "RANK", "SIZE")):
        if f"{prefix}_{rank}" in variables and f"{prefix}_{size}" in variables:
            count, index = number(f"{prefix}_{size}"), number(f"{prefix}_{rank}")
            if count == 1:
                return None
            local = variables.get("OMPI_COMM_WORLD_LOCAL_RANK", variables.get("MPI_LOCALRANKID"))
            here = variables.get("OMPI_COMM_WORLD_LOCAL_SIZE", variables.get("MPI_LOCALNRANKS", "1"))
            ids = [int(local)] if local is not None and int(here) > 1 else None
            if "MASTER_ADDR" in variables:
                return _Job(f"{variables['MASTER_ADDR']}:{variables.get('MASTER_PORT', '29500')}", count, index, ids)
            if "OMPI_MCA_orte_hnp_uri" in variables:
                return _Job(None, count, index, None)
            if here == str(count):
                return _Job(f"localhost:{variables.get('MASTER_PORT', '29500')}", count, index, ids)
            raise ArgumentError(
                f"distributed.init: {prefix}_{size}={count} processes on several machines: set MASTER_ADDR to the "
                "machine of process 0 (mpirun -x MASTER_ADDR=...)"
            )
    hosts = variables.get("TPU_WORKER_HOSTNAMES", "")
    if "," in hosts and "TPU_WORKER_ID" in variables:
        return _Job(None, hosts.count(",") + 1, None, None)
    return None


def is_initialized() -> bool:
    """Whether `init` has joined a job of several processes.

    Returns:
        False for a process that is alone.

    Example:
        >>> import fnn
        >>> fnn.distributed.is_initialized()
        False
    """
    return _joined


def shutdown() -> None:
    """Leaves the job; nothing more can be computed on the devices of all.

    Example:
        >>> import fnn
        >>> fnn.distributed.shutdown()  # of a process that is alone: nothing to leave
    """
    global _joined
    if _joined:
        progress.end()
        jax.distributed.shutdown()
        _joined = False


def process_index() -> int:
    """The number of this process, from 0; 0 for one that is alone.

    Example:
        >>> import fnn
        >>> if fnn.distributed.process_index() == 0:
        ...     print("said once")
        said once
    """
    return jax.process_index()


def process_count() -> int:
    """The number of processes of the job; 1 for one that is alone.

    Example:
        >>> import fnn
        >>> fnn.distributed.process_count()
        1
    """
    return jax.process_count()
