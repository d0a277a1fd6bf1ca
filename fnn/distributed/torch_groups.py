"""``torch.distributed``'s process groups for ported scripts: there is one, that of all processes of the job."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, TypeAlias

import jax

from fnn.errors import ArgumentError

__all__ = [
    "Group", "GroupMember", "ProcessGroup", "WORLD", "get_global_rank", "get_group_rank", "get_node_local_rank",
    "get_process_group_ranks", "group", "group_member", "is_gloo_available", "is_mpi_available", "is_nccl_available",
    "is_torchelastic_launched", "is_ucc_available", "new_group",
]  # fmt: skip


class ProcessGroup:
    """All processes of the job; `new_group` gives it.

    Example:
        >>> import fnn
        >>> group = fnn.distributed.new_group()
        >>> group.rank(), group.size()
        (0, 1)
    """

    def rank(self) -> int:
        """The number of this process."""
        return jax.process_index()

    def size(self) -> int:
        """The number of processes."""
        return jax.process_count()

    def name(self) -> str:
        """How the devices exchange data, as `get_backend`."""
        return {"cpu": "gloo", "gpu": "nccl"}.get(jax.default_backend(), "xla")

    def __repr__(self) -> str:
        return "fnn.distributed.group.WORLD"


WORLD = ProcessGroup()
Group: TypeAlias = ProcessGroup | None


class GroupMember:
    """Where PyTorch keeps the group of all processes.

    Example:
        >>> import fnn
        >>> fnn.distributed.GroupMember.WORLD
        fnn.distributed.group.WORLD
    """

    WORLD = WORLD
    NON_GROUP_MEMBER = -100


class group(GroupMember):
    """PyTorch's other name of `GroupMember`.

    Example:
        >>> import fnn
        >>> fnn.distributed.get_world_size(fnn.distributed.group.WORLD)
        1
    """


def group_member(group: Group, where: str) -> None:
    """Refuses groups of some processes.

    Raises:
        ArgumentError: it is another than that of all processes.
    """
    if group is not None and not isinstance(group, ProcessGroup):
        raise ArgumentError(
            f"{where}: group must be None, all processes, got {group!r}: groups of devices are axes of a mesh"
        )


def new_group(
    ranks: Iterable[int] | None = None,
    timeout: Any = None,
    backend: str | None = None,
    pg_options: None = None,
    use_local_synchronization: bool = False,
    group_desc: str | None = None,
    device_id: Any = None,
) -> ProcessGroup:
    """The group of all processes.

    Args:
        ranks: None, or all of them.
        timeout: either: those who wait look after the others.
        backend: either: JAX chooses.
        pg_options: None.
        use_local_synchronization: either: there is nothing to agree on.
        group_desc: either: a text.
        device_id: either: JAX knows the devices.

    Raises:
        ArgumentError: some processes only; groups of devices are axes of a mesh.

    Example:
        >>> import fnn
        >>> fnn.distributed.new_group([0])
        fnn.distributed.group.WORLD
    """
    del timeout, backend, use_local_synchronization, group_desc, device_id
    if pg_options is not None:
        raise ArgumentError(f"new_group: pg_options must be None, got {pg_options!r}")
    chosen = list(range(jax.process_count())) if ranks is None else sorted(ranks)
    if chosen != list(range(jax.process_count())):
        raise ArgumentError(
            f"new_group: ranks must be all {jax.process_count()} processes, got {chosen}: groups of devices are axes "
            "of a mesh, fnn.distributed.mesh(data=-1, model=2)"
        )
    return WORLD


def get_process_group_ranks(group: Group = None) -> list[int]:
    """The numbers of all processes.

    Args:
        group: None: all processes.

    Example:
        >>> import fnn
        >>> fnn.distributed.get_process_group_ranks()
        [0]
    """
    group_member(group, "get_process_group_ranks")
    return list(range(jax.process_count()))


def get_group_rank(group: Group, global_rank: int) -> int:
    """The number of a process in the group, which is its own.

    Args:
        group: all processes.
        global_rank: the number of the process.

    Raises:
        ArgumentError: there is no such process.

    Example:
        >>> import fnn
        >>> fnn.distributed.get_group_rank(fnn.distributed.group.WORLD, 0)
        0
    """
    return _numbered(group, global_rank, "get_group_rank")


def get_global_rank(group: Group, group_rank: int) -> int:
    """The number of a process of the group in the job, which is the same.

    Args:
        group: all processes.
        group_rank: the number of the process.

    Raises:
        ArgumentError: there is no such process.

    Example:
        >>> import fnn
        >>> fnn.distributed.get_global_rank(fnn.distributed.group.WORLD, 0)
        0
    """
    return _numbered(group, group_rank, "get_global_rank")


def _numbered(group: Group, rank: int, where: str) -> int:
    group_member(group, where)
    if not 0 <= rank < jax.process_count():
        raise ArgumentError(f"{where}: the rank must be from 0 to {jax.process_count() - 1}, got {rank}")
    return rank


def get_node_local_rank(fallback_rank: int | None = None) -> int:
    """The number of this process on its machine, ``LOCAL_RANK``.

    Args:
        fallback_rank: what it is where the launcher does not say; None is an error.

    Raises:
        ArgumentError: the launcher does not say, and there is no fallback.

    Example:
        >>> import fnn
        >>> fnn.distributed.get_node_local_rank(fallback_rank=0)
        0
    """
    if "LOCAL_RANK" in os.environ:
        return int(os.environ["LOCAL_RANK"])
    if fallback_rank is None:
        raise ArgumentError("get_node_local_rank: LOCAL_RANK is not in the environment, and there is no fallback_rank")
    return int(fallback_rank)


def is_torchelastic_launched() -> bool:
    """Whether torchrun has started this process.

    Example:
        >>> import fnn
        >>> fnn.distributed.is_torchelastic_launched()
        False
    """
    return os.environ.get("TORCHELASTIC_RUN_ID") is not None


def is_nccl_available() -> bool:
    """Whether there are GPUs, which exchange data by NCCL.

    Example:
        >>> import fnn
        >>> fnn.distributed.is_nccl_available() in (True, False)
        True
    """
    return jax.default_backend() == "gpu"


def is_gloo_available() -> bool:
    """True: CPUs exchange data by Gloo.

    Example:
        >>> import fnn
        >>> fnn.distributed.is_gloo_available()
        True
    """
    return True


def is_mpi_available() -> bool:
    """False: MPI starts processes here, and does not exchange data.

    Example:
        >>> import fnn
        >>> fnn.distributed.is_mpi_available()
        False
    """
    return False


def is_ucc_available() -> bool:
    """False.

    Example:
        >>> import fnn
        >>> fnn.distributed.is_ucc_available()
        False
    """
    return False
