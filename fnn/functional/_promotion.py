"""Which dtypes an operation takes, and which it gives: PyTorch's rules, in one place.

There are four *kinds* of dtype, each of which contains those before it: bool, integer, floating, complex.  An operation
that combines arrays computes in their `result_type`; one that PyTorch writes in place gives the dtype of the array
that is written, and refuses a result of a higher kind (`require_fits`).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from fnn.dtypes import get_default_dtype, index_dtype
from fnn.errors import ArgumentTypeError
from fnn.typing import DType

_BOOL, _INTEGER, _FLOATING, _COMPLEX = range(4)

# What an operation may take, as the messages say it.
_ALLOWED = {
    "real": (_BOOL, _INTEGER, _FLOATING),
    "number": (_INTEGER, _FLOATING, _COMPLEX),
    "real number": (_INTEGER, _FLOATING),
    "floating": (_FLOATING,),
    "floating or complex": (_FLOATING, _COMPLEX),
    "any": (_BOOL, _INTEGER, _FLOATING, _COMPLEX),
}


def kind(dtype: DType) -> int:
    """0 of bool, 1 of integers, 2 of floating dtypes, 3 of complex ones."""
    if jnp.issubdtype(dtype, jnp.floating):
        return _FLOATING
    if jnp.issubdtype(dtype, jnp.complexfloating):
        return _COMPLEX
    return _BOOL if dtype == jnp.bool_ else _INTEGER


def result_type(*arrays: jax.Array) -> np.dtype:
    """The common dtype; one without dimensions counts only if it is of a higher kind than all that have some."""
    dtypes = {a.dtype for a in arrays}
    if len(dtypes) == 1:
        return dtypes.pop()
    full = [a.dtype for a in arrays if a.ndim]
    highest = max(map(kind, full), default=-1)
    counted = full + [a.dtype for a in arrays if not a.ndim and kind(a.dtype) > highest]
    return _promoted(counted)


def _promoted(dtypes: list[np.dtype]) -> np.dtype:
    result = dtypes[0]
    for dtype in dtypes[1:]:
        result = jnp.promote_types(result, dtype)
    return result


def floating_type(dtype: DType) -> np.dtype:
    """What a function of real numbers makes of ``dtype``: the default float dtype of integers and booleans."""
    return get_default_dtype() if kind(dtype) < _FLOATING else jnp.dtype(dtype)


def real_type(dtype: DType) -> np.dtype:
    """The dtype of the absolute value."""
    return jnp.finfo(dtype).dtype if kind(dtype) == _COMPLEX else jnp.dtype(dtype)


def sum_type(dtype: DType) -> np.dtype:
    """The dtype of a sum: integers and booleans add up in the index dtype."""
    return index_dtype() if kind(dtype) < _FLOATING else jnp.dtype(dtype)


def require(where: str, allowed: str, **arrays: jax.Array) -> None:
    """Refuses arrays of a kind that is not ``allowed`` (a key of the table above).

    Raises:
        ArgumentTypeError: the message names the function, the argument, its dtype and what was expected.
    """
    kinds = _ALLOWED[allowed]
    for name, array in arrays.items():
        if kind(array.dtype) not in kinds:
            raise ArgumentTypeError(f"{where}not implemented for {name}.dtype={array.dtype}; {_expected(allowed)}")


def require_result(where: str, allowed: str, dtype: DType, **arrays: jax.Array) -> None:
    """Refuses arrays whose common ``dtype`` is of a kind that is not ``allowed``, though each by itself may be."""
    if kind(dtype) not in _ALLOWED[allowed]:
        found = ", ".join(f"{name}.dtype={array.dtype}" for name, array in arrays.items())
        raise ArgumentTypeError(f"{where}not implemented for {found}; {_expected(allowed)} for at least one of them")


def require_fits(where: str, dtype: DType, **array: jax.Array) -> None:
    """Refuses a result of ``dtype`` that the dtype of ``array`` cannot hold: PyTorch would write it there in place."""
    for name, value in array.items():
        if kind(dtype) > kind(value.dtype):
            raise ArgumentTypeError(f"{where}result type {dtype} can't be cast to that of {name}, {value.dtype}")


def require_same(where: str, **arrays: jax.Array) -> None:
    """Refuses arrays of more than one dtype where PyTorch promotes nothing."""
    if len({a.dtype for a in arrays.values()}) > 1:
        found = ", ".join(f"{name}.dtype={array.dtype}" for name, array in arrays.items())
        raise ArgumentTypeError(f"{where}expected arrays of the same dtype, got {found}")


def _expected(allowed: str) -> str:
    what = "numeric" if allowed == "number" else allowed
    return f"expected {'an' if what[0] in 'aeiou' else 'a'} {what} dtype"
