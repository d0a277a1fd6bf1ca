"""Arguments that are integers (``kernel_size=3``, ``stride=(2, 1)``, ``dim=-1``), and the text of shapes in errors."""

import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

from fnn.errors import ArgumentTypeError


def integers(value: Any, name: str, where: str = "") -> int | tuple[int, ...]:
    """``value`` as a Python int, or as a tuple of them; numpy integers count, bools and floats do not."""
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)) and getattr(value, "ndim", 1) != 0:
        return tuple(_element(v, name, value, where) for v in value)
    return _element(value, name, value, where)


def ntuple(value: Any, n: int, name: str, where: str = "") -> tuple[int, ...]:
    """An int repeated ``n`` times; a sequence as it is, whatever its length."""
    value = integers(value, name, where)
    return (value,) * n if isinstance(value, int) else value


def listed(shape: Iterable[int]) -> str:
    """A shape as PyTorch prints it: ``[2, 3]``."""
    return str([int(s) for s in shape])


def integer(value: Any, name: str, where: str = "") -> int:
    """``value`` as a Python int; numpy integers count, bools and floats do not."""
    if not isinstance(value, (bool, np.bool_)):
        try:
            return operator.index(value)
        except TypeError:
            pass
    raise ArgumentTypeError(f"{where}argument '{name}' must be int, not {type(value).__name__} (={value!r})")


def wrap_dim(dim: Any, ndim: int, where: str) -> int:
    """``dim`` counted from the front.

    Raises:
        IndexError: there is no such dimension (a 0-d array is taken to have one).
    """
    try:
        index = operator.index(dim)
    except TypeError:
        raise ArgumentTypeError(f"{where}argument 'dim' must be int, got dim={dim!r}") from None
    size = max(ndim, 1)
    if not -size <= index < size:
        raise IndexError(
            f"{where}Dimension out of range (expected to be in range of [{-size}, {size - 1}], but got {index})"
        )
    return index % size


def _element(value: Any, name: str, whole: Any, where: str) -> int:
    try:
        return integer(value, name)
    except ArgumentTypeError:
        found = "" if value is whole else f", but found element of type {type(value).__name__}"
        raise ArgumentTypeError(
            f"{where}argument '{name}' must be tuple of ints, not {type(whole).__name__} (={whole!r}){found}"
        ) from None
