"""Arguments, normalised: integers (``kernel_size=3``, ``stride=(2, 1)``), dimensions (``dim=-1``), floating operands.

What is refused is refused here in PyTorch's words, with ``where`` (``"conv2d: "``) in front and the argument's name.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from typing import SupportsIndex, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.dtypes import get_default_dtype, is_complex, is_floating, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.tracing import ARRAYS
from fnn.typing import ArrayLike

_WORDS = {1: "one int", 2: "two ints", 3: "three ints"}
_ONE_OR_ALL = "{name} must either be a single int, or a tuple of {words}, but got {name}={value!r}"
_HALF = frozenset({np.dtype(jnp.bfloat16), np.dtype(np.float16)})
_FLOATING = _HALF | {np.dtype(np.float32), np.dtype(np.float64)}


def integers(value: object, name: str, where: str = "") -> int | tuple[int, ...]:
    """``value`` as a Python int, or as a tuple of them; numpy integers count, bools and floats do not."""
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)) and getattr(value, "ndim", 1) != 0:
        return tuple(_element(v, name, value, where) for v in value)
    return _element(value, name, value, where)


def ntuple(value: object, n: int, name: str, where: str = "") -> tuple[int, ...]:
    """An int repeated ``n`` times; a sequence as it is, whatever its length."""
    value = integers(value, name, where)
    return (value,) * n if isinstance(value, int) else value


def per_axis(
    value: object, n: int, name: str, where: str, expected: str = _ONE_OR_ALL, repeats: bool = True
) -> tuple[int, ...]:
    """``n`` ints: from one int or a sequence of ``n``; from a sequence of one, too, if that ``repeats``.

    Args:
        value: the argument.
        n: how many there are to be.
        name: the argument's.
        where: the function's.
        expected: the message for another number, a format of ``name``, ``n``, ``words``, ``value``, ``values``.
        repeats: see above.
    """
    values = ntuple(value, n, name, where)
    if repeats and len(values) == 1:
        values = values * n
    if len(values) != n:
        text = expected.format(name=name, n=n, words=_WORDS.get(n), value=value, values=list(values), found=len(values))
        raise ArgumentError(where + text)
    return values


def listed(shape: Iterable[int]) -> str:
    """A shape as PyTorch prints it: ``[2, 3]``."""
    return f"[{', '.join(map(str, shape))}]"  # of numbers of any kind, symbolic ones among them


def integer(value: object, name: str, where: str = "") -> int:
    """``value`` as a Python int; numpy integers count, bools and floats do not."""
    if not isinstance(value, (bool, np.bool_)):
        try:
            return operator.index(cast(SupportsIndex, value))
        except TypeError:
            pass
    raise ArgumentTypeError(f"{where}argument '{name}' must be int, not {type(value).__name__} (={value!r})")


def wrap_dim(dim: object, ndim: int, where: str) -> int:
    """``dim`` counted from the front.

    Raises:
        IndexError: there is no such dimension (a 0-d array is taken to have one).
    """
    try:
        index = operator.index(cast(SupportsIndex, dim))
    except TypeError:
        raise ArgumentTypeError(f"{where}argument 'dim' must be int, got dim={dim!r}") from None
    size = max(ndim, 1)
    if not -size <= index < size:
        raise IndexError(
            f"{where}Dimension out of range (expected to be in range of [{-size}, {size - 1}], but got {index})"
        )
    return index % size


def _element(value: object, name: str, whole: object, where: str) -> int:
    try:
        return integer(value, name)
    except ArgumentTypeError:
        found = "" if value is whole else f", but found element of type {type(value).__name__}"
        raise ArgumentTypeError(
            f"{where}argument '{name}' must be tuple of ints, not {type(whole).__name__} (={whole!r}){found}"
        ) from None


# -- floating operands ------------------------------------------------------------------------------


def floating(x: ArrayLike, where: str, name: str = "input", complex_too: bool = False) -> jax.Array:
    """``x`` as an array of a floating dtype (a complex one too, if asked for).

    Raises:
        ArgumentTypeError: any other dtype; PyTorch has no kernel for it either.
    """
    if isinstance(x, ARRAYS) and x.dtype in _FLOATING:  # nearly always: nothing to convert
        return x
    x = to_array(x, name, where)
    if is_floating(x) or (complex_too and is_complex(x)):
        return x
    raise ArgumentTypeError(f"{where}not implemented for {name}.dtype={x.dtype}; expected a floating dtype")


def norm_parameters(where: str, x: jax.Array, given: Mapping[str, ArrayLike | None]) -> dict[str, jax.Array | None]:
    """The parameters of a normalisation as arrays; None stays None.

    Raises:
        ArgumentTypeError: not all of them have the dtype of ``x`` (or, for a half ``x``, all float32).
    """
    arrays = {name: None if v is None else floating(v, where, name) for name, v in given.items()}
    present = {name: v.dtype for name, v in arrays.items() if v is not None}
    mixed = set(present.values()) - {x.dtype}
    if mixed and not (x.dtype in _HALF and set(present.values()) == {np.dtype(np.float32)}):
        found = ", ".join(f"{name}.dtype={dtype}" for name, dtype in present.items())
        raise ArgumentTypeError(
            f"{where}mixed dtype: expect parameter to have scalar type {x.dtype}"
            f"{'' if x.dtype == jnp.float32 else ', or all float32 for a half input'}; "
            f"got input.dtype={x.dtype}, {found}"
        )
    return arrays


def inexact(x: ArrayLike, where: str) -> jax.Array:
    """``x`` as a floating or complex array; integers and booleans become the default float dtype."""
    x = to_array(x, "input", where)
    return x if is_floating(x) or is_complex(x) else x.astype(get_default_dtype())


def widen(x: jax.Array) -> jax.Array:
    """bfloat16 and float16 as float32, in which PyTorch computes for them; the rest as it is."""
    return lax.convert_element_type(x, jnp.float32) if x.dtype in _HALF else x


def narrow(x: jax.Array, like: jax.Array) -> jax.Array:
    """``x`` rounded to the dtype of ``like``: the end of what `widen` began."""
    same = x.dtype == like.dtype and not getattr(x, "weak_type", False)
    return x if same else lax.convert_element_type(x, like.dtype)
