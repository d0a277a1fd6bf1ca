"""The many functions of one array that differ in a formula: made from a line of a table each."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from fnn.ops._document import COMMON, Unary, set_identity
from fnn.ops._operands import COMPLEX, FLOATING, INTEGER, array, computed_wide, no_complex
from fnn.ops._promote import as_inexact, kind_of
from fnn.typing import ArrayLike

__all__ = ["inexact_function", "keeping_function"]

_DOC = """{formula}

Args:
    input: {takes}

Returns:
    The shape of ``input``{gives}

Example:
    >>> import jax.numpy as jnp
    >>> import fnn
    >>> fnn.{module}{name}(jnp.array({shown}))
    {result}
"""


def inexact_function(
    name: str, compute: Callable[[jax.Array], jax.Array], formula: str, shown: str, result: str, *,
    module: str = "fnn.ops.pointwise_unary", path: str = "", highest: int = COMPLEX,
) -> Unary:  # fmt: skip
    """A function whose result is floating (or complex), as PyTorch's: integers become the default floating dtype.

    Args:
        name: its public name.
        compute: the function of an array that is float32, float64 or complex.
        formula: the summary of its documentation.
        shown: what its example is called with.
        result: what the example gives.
        module: the module that has it.
        path: what stands between ``fnn.`` and the name (``"special."``).
        highest: the highest kind of dtype that it takes.
    """

    def fun(input: ArrayLike) -> jax.Array:
        x = as_inexact(array(input, name))
        if highest < COMPLEX:
            no_complex(name, x)
        return computed_wide(compute, x)

    takes = COMMON["input"] + (" Not complex." if highest < COMPLEX else "")
    gives = "; integers and booleans give the default floating dtype."
    doc = _DOC.format(
        formula=formula, takes=takes, gives=gives, name=name, shown=shown, result=result, module=path
    )  # fmt: skip
    return set_identity(fun, name, module, doc)


def keeping_function(
    name: str, compute: Callable[[jax.Array], jax.Array], formula: str, shown: str, result: str, *,
    module: str, takes: tuple[bool, bool, bool, bool], gives: str = ", in its dtype.",
) -> Unary:  # fmt: skip
    """A function that does not convert its array.

    Args:
        name: its public name.
        compute: the function.
        formula: the summary of its documentation.
        shown: what its example is called with.
        result: what the example gives.
        module: the module that has it.
        takes: whether it takes bool, integer, floating, complex arrays.
        gives: what the documentation says of its result.
    """
    kinds = ("bool", "integer", "floating", "complex")

    def fun(input: ArrayLike) -> jax.Array:
        x = array(input, name)
        kind = kind_of(x.dtype)
        if not takes[kind]:
            raise TypeError(f"{name}: not implemented for {kinds[kind]} arrays, got input of dtype {x.dtype}")
        return compute(x)

    allowed = ", ".join(word for word, ok in zip(kinds, takes, strict=True) if ok)
    text = f"{COMMON['input']} Its dtype: {allowed}."
    doc = _DOC.format(formula=formula, takes=text, gives=gives, name=name, shown=shown, result=result, module="")
    return set_identity(fun, name, module, doc)


def unchanged_integers(compute: Callable[[jax.Array], jax.Array]) -> Callable[[jax.Array], jax.Array]:
    """``compute`` for floating arrays; integers are returned as they are."""
    return lambda x: x if kind_of(x.dtype) <= INTEGER else compute(x)


def real_only(x: jax.Array) -> bool:
    """Whether an array is not complex."""
    return kind_of(x.dtype) <= FLOATING


def is_integer(x: jax.Array) -> bool:
    """Whether the dtype is an integer one, or bool."""
    return bool(jnp.issubdtype(x.dtype, np.integer)) or x.dtype == np.bool_
