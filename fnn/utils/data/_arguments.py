"""The arguments of a loader: what contradicts what, and what is worth a warning."""

import os
import warnings
from typing import Any

from fnn.errors import ArgumentError, ArgumentTypeError

__all__ = ["UnusableError", "check_stream", "checked_prefetch_factor", "pins_memory", "warn_of_many_workers"]


class UnusableError(ArgumentError, AssertionError):
    """A loader that can be made but not iterated over; PyTorch raises an AssertionError."""


def checked_prefetch_factor(workers: Any, timeout: Any, factor: Any, persistent: bool) -> int | None:
    """The prefetch factor, or its default; refuses numbers that are out of range or contradict each other."""
    if not hasattr(workers, "__index__"):
        raise ArgumentTypeError(f"DataLoader: num_workers must be an int, got {workers!r}")
    if workers < 0:
        raise ArgumentError(
            "DataLoader: num_workers option should be non-negative; use num_workers=0 to disable multiprocessing. "
            f"Got num_workers={workers}"
        )
    if timeout < 0:
        raise ArgumentError(f"DataLoader: timeout option should be non-negative, got {timeout=}")
    if workers == 0 and factor is not None:
        raise ArgumentError(
            "DataLoader: prefetch_factor option could only be specified in multiprocessing.let num_workers > 0 to "
            f"enable multiprocessing, otherwise set prefetch_factor to None. Got prefetch_factor={factor}"
        )
    if workers > 0 and factor is None:
        factor = 2
    elif factor is not None and factor < 0:
        raise ArgumentError(f"DataLoader: prefetch_factor option should be non-negative, got {factor}")
    if persistent and workers == 0:
        raise ArgumentError("DataLoader: persistent_workers option needs num_workers > 0")
    return factor


def check_stream(shuffle: object, sampler: object, batch_sampler: object) -> None:
    """A stream has an order of its own."""
    expected = "DataLoader with IterableDataset: expected unspecified"
    if shuffle not in {False, None}:
        raise ArgumentError(f"{expected} shuffle option, but got shuffle={shuffle}")
    if sampler is not None:
        raise ArgumentError(f"{expected} sampler option, but got sampler={sampler}")
    if batch_sampler is not None:
        raise ArgumentError(f"{expected} batch_sampler option, but got batch_sampler={batch_sampler}")


def warn_of_many_workers(count: int, stacklevel: int) -> None:
    """Warns of more workers than the machine has processors for this process."""
    affinity = hasattr(os, "sched_getaffinity")
    processors = len(os.sched_getaffinity(0)) if affinity else os.cpu_count()
    if processors is None or count <= processors:
        return
    unsure = "" if affinity else " (`cpuset` is not taken into account)"
    warnings.warn(
        f"This DataLoader will create {count} worker processes in total. Our suggested max number of worker in current "
        f"system is {processors}{unsure}, which is smaller than what this DataLoader is going to create. Please be "
        "aware that excessive worker creation might get DataLoader running slow or even freeze, lower the worker "
        "number to avoid potential slowness/freeze if necessary.",
        stacklevel=stacklevel,
    )


def pins_memory(device: str, stacklevel: int) -> bool:
    """Whether ``pin_memory`` means anything on this machine; warns as PyTorch does if not."""
    import jax

    if device:
        warnings.warn(
            "pin_memory_device is deprecated, the current accelerator will be used as the device,"
            f"ignore pin_memory_device='{device}'.",
            stacklevel=stacklevel,
        )
    if jax.default_backend() != "cpu":
        return True
    warnings.warn(
        "'pin_memory' argument is set as true but no accelerator is found, then device pinned memory won't be used.",
        stacklevel=stacklevel,
    )
    return False
