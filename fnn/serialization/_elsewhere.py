"""Arrays that this process cannot write, since it holds only parts of them."""

from fnn.errors import ArgumentError
from fnn.tracing import is_elsewhere


def check_here(array: object, place: str) -> None:
    """Raises if parts of an array are in other processes; ``place`` begins the message."""
    if is_elsewhere(array):
        raise ArgumentError(
            f"{place} is spread over several processes; gather it first, by fnn.distributed.gather in every process, "
            "or write a folder by fnn.distributed.save_sharded"
        )
