"""What to write instead, noted on JAX's errors about the values of an array that is spread over processes."""

from __future__ import annotations

import os

__all__ = ["hint_on_spread"]

_SPREAD = (
    "Parts of the array are on devices of other processes. fnn.distributed.gather(x), which every process calls, gives "
    "each of them the whole array of numpy; what is one number, such as a loss or a sum, each of them has already."
)
_FETCHED = "that spans non-addressable (non process local) devices"
_ARRAY = os.path.join("jax", "_src", "array.py")
_ITERATED = ("__iter__", "_iter")  # the second from JAX 0.12 on


def hint_on_spread(error: BaseException) -> None:
    """Notes on an error about reading an array, or going over its rows, how every process gets all of it.

    Example:
        >>> from fnn.state.spread_hints import hint_on_spread
        >>> error = RuntimeError("Fetching value for an array that spans non-addressable (non process local) devices")
        >>> hint_on_spread(error)
        >>> "fnn.distributed.gather(x)" in error.__notes__[0]
        True
    """
    fetched = isinstance(error, RuntimeError) and _FETCHED in str(error)
    if (fetched or _iterated(error)) and _SPREAD not in getattr(error, "__notes__", ()):
        error.add_note(_SPREAD)


def _iterated(error: BaseException) -> bool:
    """Whether it is the assertion, which says nothing, of an array that is gone over."""
    step = error.__traceback__ if isinstance(error, AssertionError) and not error.args else None
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    code = None if step is None else step.tb_frame.f_code
    return code is not None and code.co_filename.endswith(_ARRAY) and code.co_name in _ITERATED
