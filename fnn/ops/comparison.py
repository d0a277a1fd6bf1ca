"""Comparisons, and what an element is: finite, NaN, real, one of a set."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._document import COMMON, Binary, alias, op, set_identity
from fnn.ops._operands import COMPLEX, FLOATING, array, no_complex, pair, refuse_numbers
from fnn.ops._promote import kind_of, result_type
from fnn.ops._unary import keeping_function as _of
from fnn.tracing import Tracer
from fnn.typing import ArrayLike

__all__ = [
    "allclose", "eq", "equal", "ge", "greater", "greater_equal", "gt", "isclose", "isfinite", "isin", "isinf", "isnan",
    "isneginf", "isposinf", "isreal", "le", "less", "less_equal", "lt", "ne", "not_equal",
]  # fmt: skip

_DOC = """{formula}

Args:
    input: {input}
    other: {other}

Returns:
    The broadcast shape, bool.

Example:
    >>> import jax.numpy as jnp
    >>> import fnn
    >>> fnn.{name}(jnp.array([1, 2, 3]), 2)
    Array([{result}], dtype=bool)
"""


def _compared(name: str, compare: Callable, formula: str, result: str, ordered: bool = True) -> Binary:
    def fun(input: ArrayLike, other: ArrayLike) -> jax.Array:
        x, y = pair(name, input, other, "other")
        if ordered:
            no_complex(name, x)
        return compare(x, y)

    doc = _DOC.format(name=name, formula=formula, result=result, input=COMMON["input"], other=COMMON["other"])
    return set_identity(fun, name, __name__, doc)


eq = _compared("eq", lambda x, y: x == y, "Whether elements are equal.", "False,  True, False", ordered=False)
ne = _compared("ne", lambda x, y: x != y, "Whether elements differ.", " True, False,  True", ordered=False)
lt = _compared("lt", lambda x, y: x < y, "Whether elements are smaller.", " True, False, False")
le = _compared("le", lambda x, y: x <= y, "Whether elements are smaller or equal.", " True,  True, False")
gt = _compared("gt", lambda x, y: x > y, "Whether elements are greater.", "False, False,  True")
ge = _compared("ge", lambda x, y: x >= y, "Whether elements are greater or equal.", "False,  True,  True")
not_equal, less, less_equal = alias(ne, "not_equal"), alias(lt, "less"), alias(le, "less_equal")
greater, greater_equal = alias(gt, "greater"), alias(ge, "greater_equal")

# -- what an element is -------------------------------------------------------------------------------

_ANY, _REAL = (True, True, True, True), (True, True, True, False)


def _floating_only(test: Callable[[jax.Array], jax.Array], otherwise: bool) -> Callable[[jax.Array], jax.Array]:
    return lambda x: test(x) if kind_of(x.dtype) >= FLOATING else jnp.full(x.shape, otherwise)


def _test(name: str, test: Callable, otherwise: bool, formula: str, shown: str, result: str, complex_too: bool = True):
    return _of(
        name, _floating_only(test, otherwise), formula, shown, f"Array([{result}], dtype=bool)", module=__name__,
        takes=_ANY if complex_too else _REAL, gives=", bool.",
    )  # fmt: skip


isnan = _test("isnan", jnp.isnan, False, "Whether an element is NaN.", "[1.0, jnp.nan]", "False,  True")
isinf = _test("isinf", jnp.isinf, False, "Whether an element is infinite.", "[1.0, -jnp.inf]", "False,  True")
isfinite = _test("isfinite", jnp.isfinite, True, "Whether an element is neither infinite nor NaN.", "[1.0, jnp.nan]",
                 " True, False")  # fmt: skip
isposinf = _test("isposinf", lambda x: x == jnp.inf, False, "Whether an element is infinity.", "[1.0, jnp.inf]",
                 "False,  True", complex_too=False)  # fmt: skip
isneginf = _test("isneginf", lambda x: x == -jnp.inf, False, "Whether an element is minus infinity.",
                 "[1.0, -jnp.inf]", "False,  True", complex_too=False)  # fmt: skip
isreal = _of("isreal", lambda x: lax.imag(x) == 0 if kind_of(x.dtype) == COMPLEX else jnp.full(x.shape, True),
             "Whether the imaginary part is 0.", "[1 + 1j, 2]", "Array([False,  True], dtype=bool)", module=__name__,
             takes=_ANY, gives=", bool.")  # fmt: skip


# -- nearly, all, one of ------------------------------------------------------------------------------


@op(
    rtol="the relative tolerance, of ``|other|``.",
    atol="the absolute tolerance.",
    equal_nan="whether NaN counts as equal to NaN.",
)
def isclose(
    input: ArrayLike, other: ArrayLike, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> jax.Array:
    """Whether ``|input - other| <= atol + rtol * |other|``, or both are the same.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.isclose(jnp.array([1.0, 2.0]), jnp.array([1.0000001, 2.1]))
        Array([ True, False], dtype=bool)
    """
    refuse_numbers("isclose", input, other, "none")
    given, against = array(input, "isclose"), array(other, "isclose", "other")
    if given.dtype != against.dtype:
        raise ArgumentTypeError(f"isclose: {given.dtype} did not match {against.dtype}")
    if rtol < 0 or atol < 0:
        raise ArgumentError(
            f"isclose: rtol and atol must be greater than or equal to zero, got rtol={rtol}, atol={atol}"
        )
    x, y = pair("isclose", given, against)
    close = x == y
    if equal_nan and kind_of(x.dtype) >= FLOATING:
        close = close | ((x != x) & (y != y))
    if rtol == 0 and atol == 0:
        return close
    if kind_of(x.dtype) < FLOATING:
        x, y = x.astype(result_type(1.0)), y.astype(result_type(1.0))
    error = jnp.abs(x - y)
    return close | (jnp.isfinite(error) & (error <= atol + jnp.abs(rtol * y)))


def _truth(where: str, x: jax.Array, instead: str) -> bool:
    if isinstance(x, Tracer):
        raise ArgumentError(
            f"{where}: gives a Python bool, which depends on values that are not known under jit, "
            f"grad or vmap. {instead}"
        )
    return bool(x)


@op(
    rtol="the relative tolerance, of ``|other|``.",
    atol="the absolute tolerance.",
    equal_nan="whether NaN counts as equal to NaN.",
)
def allclose(
    input: ArrayLike, other: ArrayLike, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Whether all elements are close (`isclose`).

    Raises:
        ArgumentError: the arrays are traced: ``fnn.isclose(...).all()`` is what a program can compute with.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.allclose(jnp.array([1.0]), jnp.array([1.0000001]))
        True
    """
    close = jnp.all(isclose(input, other, rtol, atol, equal_nan))
    return _truth("allclose", close, "Write fnn.isclose(input, other).all() for an array.")


@op()
def equal(input: ArrayLike, other: ArrayLike) -> bool:
    """Whether two arrays have the same shape and the same elements.

    Raises:
        ArgumentError: the arrays are traced: ``fnn.eq(...).all()`` is what a program can compute with.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.equal(jnp.array([1, 2]), jnp.array([1, 2]))
        True
    """
    x, y = array(input, "equal"), array(other, "equal", "other")
    if x.shape != y.shape:
        return False
    return _truth("equal", jnp.all(x == y), "Write fnn.eq(input, other).all() for an array.")


@op(
    elements="what is looked for, an array or a number.",
    test_elements="the set, an array or a number.",
    assume_unique="whether no element comes twice in either; a hint, the result is the same.",
    invert="whether to tell of the elements that are not in the set.",
)
def isin(
    elements: ArrayLike, test_elements: ArrayLike, *, assume_unique: bool = False, invert: bool = False
) -> jax.Array:
    """Whether each element is one of a set.

    Returns:
        The shape of ``elements``, bool.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.isin(jnp.array([1, 2, 3]), jnp.array([3, 1]))
        Array([ True, False,  True], dtype=bool)
    """
    del assume_unique
    x, y = array(elements, "isin", "elements"), array(test_elements, "isin", "test_elements")
    for v in (x, y):
        no_complex("isin", v)
        if v.dtype == jnp.bool_:
            raise ArgumentTypeError("isin: Unsupported input type encountered for isin(): bool")
    dtype = result_type(x, y)
    return jnp.isin(x.astype(dtype), y.astype(dtype), invert=invert)
