"""Functions of two arrays: angles, extremes, integer and bit arithmetic, truth, and special functions."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy import special

from fnn.errors import ArgumentTypeError
from fnn.ops._document import COMMON, Binary, alias, set_identity
from fnn.ops._operands import FLOATING, array, computed_wide, inexact_pair, no_complex, pair, refuse_numbers, same_rank
from fnn.ops._promote import as_inexact, kind_of
from fnn.typing import ArrayLike

__all__ = [
    "arctan2", "atan2", "bitwise_and", "bitwise_left_shift", "bitwise_or", "bitwise_right_shift", "bitwise_xor",
    "copysign", "fmax", "fmin", "gcd", "heaviside", "hypot", "igamma", "igammac", "lcm", "ldexp", "logaddexp",
    "logaddexp2", "logical_and", "logical_or", "logical_xor", "maximum", "minimum", "nextafter", "xlogy",
]  # fmt: skip

_DOC = """{formula}

Args:
    input: {input}
    other: {other}

Returns:
    The broadcast shape{gives}

Example:
    >>> import jax.numpy as jnp
    >>> import fnn
    >>> fnn.{name}(jnp.array({first}), jnp.array({second}))
    {result}
"""
_Compute = Callable[[jax.Array, jax.Array], jax.Array]


def _made(fun: Binary, name: str, formula: str, shown: tuple[str, str, str], gives: str) -> Binary:
    first, second, result = shown
    doc = _DOC.format(name=name, formula=formula, first=first, second=second, result=result, gives=gives, **_BOTH)
    return set_identity(fun, name, __name__, doc)


_BOTH = {"input": COMMON["input"], "other": COMMON["other"]}


def _floating(
    name: str, compute: _Compute, formula: str, *shown: str, integers: bool = True, numbers: str = "none"
) -> Binary:
    """Real operands; integers become the default floating dtype, or are refused."""

    def fun(input: ArrayLike, other: ArrayLike) -> jax.Array:
        x, y = pair(name, input, other, numbers)
        no_complex(name, x)
        if not integers and kind_of(x.dtype) < FLOATING:
            raise ArgumentTypeError(f"{name}: expected floating arrays, got {x.dtype}")
        return computed_wide(compute, as_inexact(x), as_inexact(y))

    gives = "; integers give the default floating dtype." if integers else ", floating."
    return _made(fun, name, formula, (shown[0], shown[1], shown[2]), gives)


def _ordered(name: str, compute: _Compute, formula: str, *shown: str) -> Binary:
    """Real operands, the result in their dtype."""

    def fun(input: ArrayLike, other: ArrayLike) -> jax.Array:
        x, y = pair(name, input, other, "none")
        no_complex(name, x)
        return compute(x, y)

    return _made(fun, name, formula, (shown[0], shown[1], shown[2]), ", in the common dtype.")


def _integral(
    name: str, compute: _Compute, formula: str, *shown: str, bools: bool = True, numbers: str = "one"
) -> Binary:
    """Integer operands (and booleans)."""

    def fun(input: ArrayLike, other: ArrayLike) -> jax.Array:
        x, y = pair(name, input, other, numbers)
        if kind_of(x.dtype) >= FLOATING or (not bools and x.dtype == np.bool_):
            wanted = "integer or bool" if bools else "integer"
            raise ArgumentTypeError(f"{name}: expected {wanted} arrays, got {x.dtype}")
        return compute(x, y)

    return _made(fun, name, formula, (shown[0], shown[1], shown[2]), ", in the common dtype.")


def _logical(name: str, compute: _Compute, formula: str, *shown: str) -> Binary:
    """Any operands; what is not 0 is true."""

    def fun(input: ArrayLike, other: ArrayLike) -> jax.Array:
        refuse_numbers(name, input, other, "none")
        x, y = same_rank(name, array(input, name), array(other, name, "other"))
        return compute(x != 0, y != 0)

    return _made(fun, name, formula, (shown[0], shown[1], shown[2]), ", bool.")


# -- extremes: at a tie each operand of maximum and minimum has half of the gradient ------------------


def _extreme(pick: _Compute) -> _Compute:
    return lambda x, y: (x | y if pick is lax.max else x & y) if x.dtype == np.bool_ else pick(*_filled(x, y))


def _filled(x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
    shape = jnp.broadcast_shapes(x.shape, y.shape)
    return jnp.broadcast_to(x, shape), jnp.broadcast_to(y, shape)


def _first(better: _Compute) -> _Compute:
    return lambda x, y: jnp.where(better(x, y) | (y != y), x, y)


maximum = _ordered("maximum", _extreme(lax.max), "The larger of two elements; NaN if one is.", "[1, 5]", "[3, 2]",
                   "Array([3, 5], dtype=int32)")  # fmt: skip
minimum = _ordered("minimum", _extreme(lax.min), "The smaller of two elements; NaN if one is.", "[1, 5]", "[3, 2]",
                   "Array([1, 2], dtype=int32)")  # fmt: skip
fmax = _ordered("fmax", _first(lambda x, y: x >= y), "The larger of two elements; NaN only if both are.",
                "[1.0, jnp.nan]", "[3.0, 2.0]", "Array([3., 2.], dtype=float32)")  # fmt: skip
fmin = _ordered("fmin", _first(lambda x, y: x <= y), "The smaller of two elements; NaN only if both are.",
                "[1.0, jnp.nan]", "[3.0, 2.0]", "Array([1., 2.], dtype=float32)")  # fmt: skip


# -- angles, lengths, signs ---------------------------------------------------------------------------


def _hypot(x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.hypot(*_filled(x, y))


def _copysign(x: jax.Array, y: jax.Array) -> jax.Array:
    x, y = _filled(x, lax.stop_gradient(y))
    still = lax.stop_gradient(x)
    slope = jnp.where(still == 0, 0, jnp.where(jnp.signbit(still) == jnp.signbit(y), 1, -1)).astype(x.dtype)
    return _sloped(jnp.copysign(still, y), x, slope)


@jax.custom_jvp
def _sloped(value: jax.Array, x: jax.Array, slope: jax.Array) -> jax.Array:
    return value


@_sloped.defjvp
def _sloped_jvp(primals: tuple[jax.Array, ...], tangents: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
    return primals[0], primals[2] * tangents[1]


atan2 = _floating("atan2", lambda x, y: lax.atan2(*_filled(x, y)),
                  "The angle of the point ``(other, input)``, in (-pi, pi].",
                  "[1.0]", "[-1.0]", "Array([2.356194], dtype=float32)")  # fmt: skip
arctan2 = alias(atan2, "arctan2")
hypot = _floating("hypot", _hypot, "``sqrt(input^2 + other^2)``, without overflow.", "[3.0]", "[4.0]",
                  "Array([5.], dtype=float32)", integers=False)  # fmt: skip
copysign = _floating("copysign", _copysign, "The size of ``input`` with the sign of ``other``.", "[1.0, -2.0]",
                     "[-0.0, 3.0]", "Array([-1.,  2.], dtype=float32)", numbers="other")  # fmt: skip


def nextafter(input: ArrayLike, other: ArrayLike) -> jax.Array:
    """The next number of the dtype after ``input`` in the direction of ``other``.

    Args:
        input: floating.
        other: floating; it is broadcast against ``input``.

    Returns:
        The broadcast shape.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.nextafter(jnp.array([1.0]), jnp.array([2.0])) > 1
        Array([ True], dtype=bool)
    """
    x, y = pair("nextafter", input, other, "none")
    if kind_of(x.dtype) != FLOATING:
        raise ArgumentTypeError(f"nextafter: not implemented for {x.dtype}")
    given = x
    x, y = _filled(lax.stop_gradient(x), lax.stop_gradient(y))
    # XLA may flush subnormal numbers, so that "next after 0" is found in bits.
    word = {2: np.int16, 4: np.int32, 8: np.int64}[x.dtype.itemsize]
    bits = lax.bitcast_convert_type(x, word)
    smallest = jnp.where(jnp.signbit(y), np.iinfo(word).min + 1, 1).astype(word)
    away = (x < y) == (bits >= 0)
    moved = jnp.where((bits & np.iinfo(word).max) == 0, smallest, bits + jnp.where(away, 1, -1).astype(word))
    found = lax.bitcast_convert_type(moved, x.dtype)
    value = jnp.where(jnp.isnan(x) | jnp.isnan(y), jnp.nan, jnp.where(x == y, y, found)).astype(x.dtype)
    return _sloped(value, jnp.broadcast_to(given, x.shape), jnp.ones_like(x))


def ldexp(input: ArrayLike, other: ArrayLike) -> jax.Array:
    """``input * 2^other``.

    Args:
        input: the mantissas.
        other: the exponents; they are broadcast against ``input``.

    Returns:
        The broadcast shape, floating.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.ldexp(jnp.array([1.0]), jnp.array([1, 3]))
        Array([2., 8.], dtype=float32)
    """
    refuse_numbers("ldexp", input, other, "none")
    exponent = as_inexact(array(other, "ldexp", "other"))
    x, y = inexact_pair("ldexp", input, jnp.exp2(exponent))
    return x * y


def heaviside(input: ArrayLike, values: ArrayLike) -> jax.Array:
    """0 below 0, 1 above, and ``values`` at 0.

    Args:
        input: the array, not complex.
        values: what 0 gives; the dtype is that of ``input``, the shape is broadcast.

    Returns:
        The broadcast shape.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.heaviside(jnp.array([-1.0, 0.0, 2.0]), jnp.array([0.5]))
        Array([0. , 0.5, 1. ], dtype=float32)
    """
    refuse_numbers("heaviside", input, values, "none")
    x, y = array(input, "heaviside"), array(values, "heaviside", "values")
    no_complex("heaviside", x, y)
    if x.dtype != y.dtype:
        raise ArgumentTypeError(
            f"heaviside is not yet implemented for tensors with different dtypes: {x.dtype}, {y.dtype}"
        )
    x, y = same_rank("heaviside", lax.stop_gradient(x), lax.stop_gradient(y))
    return jnp.where(x == 0, y, (x > 0).astype(x.dtype))


# -- integers and bits --------------------------------------------------------------------------------


def _shift(shift: _Compute) -> _Compute:
    def compute(x: jax.Array, y: jax.Array) -> jax.Array:
        x, y = _filled(x, y)
        out = y >= np.asarray(x.dtype.itemsize * 8, y.dtype)
        signed = not jnp.issubdtype(x.dtype, jnp.unsignedinteger)
        out = out | (y < 0) if signed else out
        shifted = shift(x, jnp.where(out, 0, y))
        # Too far: no bit is left, or only those of the sign.
        rest = jnp.where(x < 0, -1, 0).astype(x.dtype) if signed and shift is _right else jnp.zeros_like(x)
        return jnp.where(out, rest, shifted)

    return compute


def _right(x: jax.Array, y: jax.Array) -> jax.Array:
    unsigned = jnp.issubdtype(x.dtype, jnp.unsignedinteger)
    return lax.shift_right_logical(x, y) if unsigned else lax.shift_right_arithmetic(x, y)


gcd = _integral("gcd", jnp.gcd, "The greatest common divisor.", "[12]", "[18]", "Array([6], dtype=int32)", bools=False,
                numbers="none")  # fmt: skip
lcm = _integral("lcm", jnp.lcm, "The least common multiple.", "[4]", "[6]", "Array([12], dtype=int32)", bools=False,
                numbers="none")  # fmt: skip
bitwise_and = _integral("bitwise_and", lambda x, y: x & y, "Bits that are set in both.", "[6]", "[3]",
                        "Array([2], dtype=int32)")  # fmt: skip
bitwise_or = _integral("bitwise_or", lambda x, y: x | y, "Bits that are set in one or both.", "[6]", "[3]",
                       "Array([7], dtype=int32)")  # fmt: skip
bitwise_xor = _integral("bitwise_xor", lambda x, y: x ^ y, "Bits that are set in just one.", "[6]", "[3]",
                        "Array([5], dtype=int32)")  # fmt: skip
bitwise_left_shift = _integral("bitwise_left_shift", _shift(lax.shift_left), "``input * 2^other``, by moving bits.",
                               "[3]", "[2]", "Array([12], dtype=int32)", bools=False)  # fmt: skip
bitwise_right_shift = _integral("bitwise_right_shift", _shift(_right), "``floor(input / 2^other)``, by moving bits.",
                                "[12]", "[2]", "Array([3], dtype=int32)", bools=False)  # fmt: skip

# -- truth --------------------------------------------------------------------------------------------

logical_and = _logical("logical_and", lambda x, y: x & y, "Whether both are not 0.", "[0, 1]", "[2, 3]",
                       "Array([False,  True], dtype=bool)")  # fmt: skip
logical_or = _logical("logical_or", lambda x, y: x | y, "Whether one is not 0.", "[0, 1]", "[2, 0]",
                      "Array([ True,  True], dtype=bool)")  # fmt: skip
logical_xor = _logical("logical_xor", lambda x, y: x ^ y, "Whether just one is not 0.", "[0, 1]", "[2, 3]",
                       "Array([ True, False], dtype=bool)")  # fmt: skip


# -- special functions --------------------------------------------------------------------------------


def _logaddexp(x: jax.Array, y: jax.Array) -> jax.Array:
    x, y = _filled(x, y)
    if kind_of(x.dtype) == FLOATING:
        return jnp.logaddexp(x, y)
    first = lax.real(x) >= lax.real(y)
    large, small = jnp.where(first, x, y), jnp.where(first, y, x)
    return large + lax.log1p(lax.exp(small - large))  # PyTorch does not wrap the imaginary part around either


def _xlogy(x: jax.Array, y: jax.Array) -> jax.Array:
    zero = (x == 0) & ((y <= 0) | (y == jnp.inf))
    return jnp.where(zero, 0, x * lax.log(jnp.where(zero, 1, y)))


def _complex_too(name: str, compute: _Compute, formula: str, *shown: str) -> Binary:
    def fun(input: ArrayLike, other: ArrayLike) -> jax.Array:
        x, y = pair(name, input, other, "none")
        if kind_of(x.dtype) < FLOATING:
            raise ArgumentTypeError(f"{name}: expected floating arrays, got {x.dtype}")
        return computed_wide(compute, x, y)

    return _made(fun, name, formula, (shown[0], shown[1], shown[2]), ", floating.")


logaddexp = _complex_too("logaddexp", _logaddexp,
                         "``log(e^input + e^other)``, without overflow.", "[1000.0]", "[1000.0]",
                         "Array([1000.693], dtype=float32)")  # fmt: skip
logaddexp2 = _complex_too("logaddexp2", lambda x, y: jnp.logaddexp2(*_filled(x, y)),
                          "``log2(2^input + 2^other)``, without overflow.", "[1000.0]", "[1000.0]",
                          "Array([1001.], dtype=float32)")  # fmt: skip
xlogy = _floating("xlogy", _xlogy, "``input * log(other)``, 0 where ``input`` is 0.", "[0.0, 2.0]", "[0.0, 1.0]",
                  "Array([0., 0.], dtype=float32)", numbers="one")  # fmt: skip
igamma = _floating("igamma", lambda x, y: special.gammainc(*_filled(x, y)),
                   "The regularised lower incomplete gamma function ``P(input, other)``.", "[1.0]", "[1.0]",
                   "Array([0.6321206], dtype=float32)", integers=False)  # fmt: skip
igammac = _floating("igammac", lambda x, y: special.gammaincc(*_filled(x, y)),
                    "The regularised upper incomplete gamma function ``Q(input, other)``.", "[1.0]", "[1.0]",
                    "Array([0.3678794], dtype=float32)", integers=False)  # fmt: skip
