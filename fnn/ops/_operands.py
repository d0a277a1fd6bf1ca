"""Operands before anything is computed: converted, promoted, brought to one rank, refused in PyTorch's words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import numpy as np
from jax import lax

from fnn.arguments import narrow, widen, wrap_dim
from fnn.dtypes import canonical, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._promote import as_inexact, kind_of, promoted
from fnn.tracing import known
from fnn.typing import ArrayLike, DType, Ints

__all__ = [
    "array", "axes_of", "computed_wide", "concrete_only", "converted", "inexact_pair", "is_number", "narrow_to",
    "no_complex", "pair", "refuse_bool", "refuse_numbers", "require_inexact", "same_rank",
]  # fmt: skip

BOOL, INTEGER, FLOATING, COMPLEX = range(4)


def array(x: object, where: str, name: str = "input") -> jax.Array:
    """``x`` as an array."""
    return to_array(x, name, f"{where}: ")


def same_rank(where: str, *arrays: jax.Array) -> list[jax.Array]:
    """The arrays with dimensions of size 1 in front, so that all have as many.

    Raises:
        ArgumentError: their shapes do not broadcast.
    """
    ndim = max(x.ndim for x in arrays)
    shape: list[int] = [1] * ndim
    for x in arrays:
        for axis, size in enumerate(x.shape, ndim - x.ndim):
            if size != 1 and shape[axis] not in (1, size):
                raise ArgumentError(
                    f"{where}: The size of tensor a ({shape[axis]}) must match the size of tensor b ({size}) at "
                    f"non-singleton dimension {axis}, got shapes {', '.join(str(list(a.shape)) for a in arrays)}"
                )
            shape[axis] = size if shape[axis] == 1 else shape[axis]
    return [x if x.ndim == ndim else lax.expand_dims(x, range(ndim - x.ndim)) for x in arrays]


def is_number(x: object) -> bool:
    """Whether ``x`` is a Python number, which has no dtype of its own."""
    return isinstance(x, (bool, int, float, complex)) and not isinstance(x, np.generic)


def refuse_numbers(where: str, input: ArrayLike, other: ArrayLike, numbers: str) -> None:
    """Raises where PyTorch wants an array and was given a Python number.

    Args:
        where: the function's name.
        input: its first operand.
        other: its second operand.
        numbers: which may be numbers: ``"any"``, ``"one"`` of them, ``"other"``, ``"none"``.
    """
    allowed = {"any": (True, True), "one": (not is_number(other), True), "other": (False, True), "none": (False, False)}
    for name, x, may in zip(("input", "other"), (input, other), allowed[numbers], strict=True):
        if is_number(x) and not may:
            raise ArgumentTypeError(f"{where}: argument '{name}' must be an array, not {type(x).__name__} (={x!r})")


def pair(where: str, input: ArrayLike, other: ArrayLike, numbers: str = "any") -> list[jax.Array]:
    """Two operands in their common dtype and with as many dimensions; see `refuse_numbers`."""
    refuse_numbers(where, input, other, numbers)
    for name, x in (("input", input), ("other", other)):
        if not is_number(x):
            array(x, where, name)
    return same_rank(where, *promoted(input, other))


def converted(x: jax.Array, dtype: DType | None, where: str) -> jax.Array:
    """``x`` in ``dtype``, if one is given."""
    return x if dtype is None else x.astype(canonical(dtype, f"{where}: "))


def computed_wide(compute: Callable[..., jax.Array], *xs: jax.Array) -> jax.Array:
    """``compute(*xs)`` for floating operands of one dtype; halves are computed in float32 and rounded once."""
    return narrow_to(compute(*(widen(x) for x in xs)), xs[0])


def narrow_to(y: jax.Array, like: jax.Array) -> jax.Array:
    """``y`` in the dtype of ``like`` if that is a half one."""
    return narrow(y, like) if like.dtype.itemsize == 2 and kind_of(like.dtype) == FLOATING else y


def axes_of(
    dim: Ints | None, ndim: int, where: str, empty_is_all: bool = True, keepdim: bool = False
) -> tuple[int, ...]:
    """The axes that a reduction is over, each once.

    Raises:
        ArgumentError: an axis comes twice.
        IndexError: there is no such axis.
        ArgumentTypeError: ``keepdim`` is no bool: dims were given one by one, which PyTorch refuses, too.
    """
    if not isinstance(keepdim, (bool, np.bool_)):
        raise ArgumentTypeError(f"{where}: keepdim must be a bool, got keepdim={keepdim!r}; give dims as a tuple")
    if dim is None or (empty_is_all and isinstance(dim, Sequence) and not len(dim)):
        return tuple(range(ndim))
    given = dim if isinstance(dim, Sequence) else (dim,)
    axes = tuple(wrap_dim(d, ndim, f"{where}: ") for d in given)
    for n, axis in enumerate(axes):
        if axis in axes[:n]:
            raise ArgumentError(f"{where}: dim {axis} appears multiple times in the list of dims, got dim={dim}")
    return axes if ndim else ()


def refuse_bool(where: str, *xs: jax.Array, hint: str = "") -> None:
    """Raises for booleans."""
    if any(x.dtype == np.bool_ for x in xs):
        raise ArgumentTypeError(f"{where}: not implemented for bool arrays{hint}")


def no_complex(where: str, *xs: jax.Array) -> None:
    """Raises for complex arrays."""
    for x in xs:
        if kind_of(x.dtype) == COMPLEX:
            raise ArgumentTypeError(f"{where}: not implemented for complex arrays, got {x.dtype}")


def require_inexact(where: str, *xs: jax.Array, complex_too: bool = True) -> None:
    """Raises for integers and booleans, which PyTorch has no kernel for."""
    for x in xs:
        kind = kind_of(x.dtype)
        if kind < FLOATING or (kind == COMPLEX and not complex_too):
            wanted = "a floating or complex" if complex_too else "a floating"
            raise ArgumentTypeError(f"{where}: expected {wanted} dtype, got {x.dtype}")


def inexact_pair(where: str, input: ArrayLike, other: ArrayLike) -> list[jax.Array]:
    """As `pair`, with integers in the default floating dtype."""
    return [as_inexact(x) for x in pair(where, input, other)]


def concrete_only(where: str, x: jax.Array, instead: str) -> np.ndarray:
    """The values of ``x``, for a result whose shape depends on them.

    Raises:
        ArgumentError: ``x`` is traced and depends on what the program is given.
    """
    values = known(x)
    if values is None:
        raise ArgumentError(
            f"{where}: the shape of the result depends on the values of input, which are not known under jit, grad or "
            f"vmap (shape={list(x.shape)}, dtype={x.dtype}). {instead}"
        )
    return values
