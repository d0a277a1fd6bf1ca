"""What a policy makes of a call's arguments."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.autocasting._regions import Region, region
from fnn.autocasting._tables import TABLES, Policy
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.tracing import ARRAYS
from fnn.typing import ArrayLike, DType

__all__ = ["Policy", "admit", "cast", "lower", "softmax_is_wide", "wide_dtype"]

Arguments: TypeAlias = tuple[tuple[Any, ...], dict[str, Any]]

_BANNED = (
    "fnn.nn.functional.binary_cross_entropy and fnn.nn.BCELoss are unsafe to autocast.\n"
    "Many models use a sigmoid layer right before the binary cross entropy layer.\n"
    "In this case, combine the two layers using fnn.nn.functional.binary_cross_entropy_with_logits\n"
    "or fnn.nn.BCEWithLogitsLoss.  binary_cross_entropy_with_logits and BCEWithLogits are\n"
    "safe to autocast."
)
_MIXED = (
    "{}: Unexpected floating ScalarType in at::autocast::prioritize: got {} where autocast's dtype is {}; expected "
    "that or float32"
)
_FLOAT32 = np.dtype(np.float32)


def admit(where: Region, name: str, function: Callable[..., Any], arguments: Arguments) -> Arguments | None:
    """The arguments with which ``function`` is to be called, with no region open; None if it is in no table.

    Args:
        where: the region.
        name: in the tables.
        function: its parameters tell where ``dtype`` is, and what an argument is called.
        arguments: by position and by name, as they were given.

    Raises:
        ArgumentError: PyTorch refuses the function in such a region.
    """
    entry = TABLES[where.device].get(name)
    if entry is not None and not isinstance(entry, Policy):
        bound = _signature(function).bind(*arguments[0], **arguments[1])
        bound.apply_defaults()
        entry = entry(bound.arguments)
    if entry is None:
        return None
    if entry is Policy.BANNED:
        raise ArgumentError(_BANNED)
    if entry is Policy.OPTION:
        return _with_option(function, arguments)
    if entry is Policy.PROMOTE:
        return cast(arguments, _widest(where, name, arguments))
    return cast(arguments, where.dtype if entry is Policy.LOWER else _FLOAT32)


def lower(first: ArrayLike | None, *others: ArrayLike | None) -> Any:
    """The arrays (one, or a tuple) as a function of the lower precision takes them; as they are outside of a region."""
    where, arrays = region(), (first, *others)
    lowered = arrays if where is None else cast(arrays, where.dtype)
    return lowered if others else lowered[0]


def softmax_is_wide() -> bool:
    """Whether a softmax in the middle of a function of the lower precision gives float32, as in the GPU's table."""
    where = region()
    return where is not None and TABLES[where.device].get("softmax") is Policy.OPTION


def wide_dtype(name: str, value: jax.Array, dtype: DType | None) -> DType | None:
    """The argument ``dtype`` of a method of this name on ``value``: float32 where the table asks for it."""
    where = region()
    if where is None or dtype is not None or not _eligible(value):
        return dtype
    return _FLOAT32 if TABLES[where.device].get(name) in (Policy.OPTION, Policy.FLOAT32) else None


def _eligible(value: object) -> bool:
    """Whether PyTorch would cast it: an array of a floating dtype other than float64."""
    if not isinstance(value, (*ARRAYS, np.ndarray)) and not hasattr(value, "__jax_array__"):
        return False
    dtype = getattr(value, "dtype", None)
    return dtype is not None and bool(jnp.issubdtype(dtype, jnp.floating)) and dtype != np.float64


def cast(value: Any, dtype: np.dtype) -> Any:
    """``value``, a nest of arrays and others, with the arrays that PyTorch would cast in this dtype."""
    if isinstance(value, (tuple, list)):
        parts = [cast(part, dtype) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if type(value) is dict:
        return {key: cast(part, dtype) for key, part in value.items()}
    if not _eligible(value):
        return value
    array = to_array(value)
    return array if array.dtype == dtype else lax.convert_element_type(array, dtype)


def _arrays(value: Any) -> Iterator[jax.Array]:
    if isinstance(value, (tuple, list)):
        for part in value:
            yield from _arrays(part)
    elif _eligible(value):
        yield value


def _widest(where: Region, name: str, arguments: Arguments) -> np.dtype:
    args, kwargs = arguments
    widest = where.dtype
    for array in _arrays([*args, *kwargs.values()]):
        if _FLOAT32 in (widest, array.dtype):
            widest = _FLOAT32
        elif array.dtype != where.dtype:
            raise ArgumentError(_MIXED.format(name, array.dtype, where.dtype))
    return widest


@functools.lru_cache(maxsize=512)
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


def _with_option(function: Callable[..., Any], arguments: Arguments) -> Arguments:
    args, kwargs = arguments
    first = args[0] if args else next(iter(kwargs.values()), None)
    if kwargs.get("dtype") is not None or not _eligible(first):
        return arguments
    places = list(_signature(function).parameters)
    at = places.index("dtype") if "dtype" in places else len(args)
    if at >= len(args):
        return args, {**kwargs, "dtype": _FLOAT32}
    return arguments if args[at] is not None else ((*args[:at], _FLOAT32, *args[at + 1 :]), kwargs)
