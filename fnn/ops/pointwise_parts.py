"""Functions of one array that keep its dtype, or take a part of its numbers: signs, rounding, parts."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.arguments import integer, narrow, widen
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._document import alias, op
from fnn.ops._operands import COMPLEX, array, computed_wide, no_complex, refuse_bool
from fnn.ops._promote import as_inexact, kind_of
from fnn.ops._unary import keeping_function as _of
from fnn.ops._unary import unchanged_integers
from fnn.ops.returns import MantissaAndExponent
from fnn.typing import ArrayLike

__all__ = [
    "abs", "absolute", "angle", "bitwise_not", "ceil", "conj", "conj_physical", "fix", "floor", "frac", "frexp",
    "imag", "logical_not", "logit", "nan_to_num", "neg", "negative", "positive", "real", "resolve_conj", "resolve_neg",
    "round", "sgn", "sign", "signbit", "square", "trunc",
]  # fmt: skip

_HERE = "fnn.ops.pointwise_parts"
_ANY, _NO_BOOL, _REAL = (True, True, True, True), (False, True, True, True), (True, True, True, False)
_REAL_NUMBER = (False, True, True, False)


def _no_gradient(x: jax.Array) -> jax.Array:
    return lax.stop_gradient(x)


def _abs(x: jax.Array) -> jax.Array:
    if kind_of(x.dtype) == COMPLEX:
        zero = x == 0
        return jnp.where(zero, 0, lax.abs(jnp.where(zero, 1, x)))
    return x if x.dtype == np.bool_ or jnp.issubdtype(x.dtype, np.unsignedinteger) else lax.abs(x)


def _sgn(x: jax.Array) -> jax.Array:
    if kind_of(x.dtype) != COMPLEX:
        return _sign(x)
    size = _abs(x)
    return jnp.where(size == 0, 0, x / jnp.where(size == 0, 1, size))


def _sign(x: jax.Array) -> jax.Array:
    x = _no_gradient(x)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        return x if x.dtype == np.bool_ else lax.sign(x)
    return jnp.where(jnp.isnan(x), 0, lax.sign(x))  # PyTorch's sign of NaN is 0


def _signbit(x: jax.Array) -> jax.Array:
    if jnp.issubdtype(x.dtype, jnp.floating):
        return jnp.signbit(x)
    return jnp.zeros(x.shape, bool) if x.dtype == np.bool_ else x < 0


def _square(x: jax.Array) -> jax.Array:
    return x.astype(_index()) if x.dtype == np.bool_ else computed_wide(lambda w: w * w, x)


def _index() -> np.dtype:
    return to_array(0).dtype


# -- signs ------------------------------------------------------------------------------------------

abs = _of("abs", _abs, "The absolute value.", "[-1.5, 2.0]", "Array([1.5, 2. ], dtype=float32)", module=_HERE,
          takes=_ANY, gives=", real if it is complex.")  # fmt: skip
absolute = alias(abs, "absolute")
neg = _of("neg", lambda x: -x, "``-x``.", "[1, -2]", "Array([-1,  2], dtype=int32)", module=_HERE, takes=_NO_BOOL)
negative = alias(neg, "negative")
positive = _of("positive", lambda x: x, "``x`` itself.", "[1, -2]", "Array([ 1, -2], dtype=int32)", module=_HERE,
               takes=_NO_BOOL)  # fmt: skip
sign = _of("sign", _sign, "-1, 0 or 1; 0 for NaN. Its gradient is 0.",
           "[-2.0, 0.0]", "Array([-1.,  0.], dtype=float32)",
           module=_HERE, takes=_REAL)  # fmt: skip
sgn = _of("sgn", _sgn, "``x / |x|``, 0 at 0: the sign, also of complex numbers.", "[-2.0, 0.0]",
          "Array([-1.,  0.], dtype=float32)", module=_HERE, takes=_ANY)  # fmt: skip
signbit = _of("signbit", _signbit, "Whether the sign is negative, that of -0.0 too.", "[-0.0, 1.0]",
              "Array([ True, False], dtype=bool)", module=_HERE, takes=_REAL, gives=", bool.")  # fmt: skip
square = _of("square", _square, "``x * x``.", "[-3, 2]", "Array([9, 4], dtype=int32)", module=_HERE, takes=_ANY)

# -- rounding: the gradients are 0 ------------------------------------------------------------------

ceil = _of("ceil", unchanged_integers(lambda x: jnp.ceil(_no_gradient(x))), "The least integer that is not smaller.",
           "[1.2, -1.2]", "Array([ 2., -1.], dtype=float32)", module=_HERE, takes=_REAL_NUMBER)  # fmt: skip
floor = _of("floor", unchanged_integers(lambda x: jnp.floor(_no_gradient(x))),
            "The greatest integer that is not greater.",
            "[1.2, -1.2]", "Array([ 1., -2.], dtype=float32)", module=_HERE, takes=_REAL_NUMBER)  # fmt: skip
trunc = _of("trunc", unchanged_integers(lambda x: jnp.trunc(_no_gradient(x))), "The integer part, rounded towards 0.",
            "[1.7, -1.7]", "Array([ 1., -1.], dtype=float32)", module=_HERE, takes=_REAL_NUMBER)  # fmt: skip
fix = alias(trunc, "fix")
frac = _of("frac", lambda x: x - jnp.trunc(_no_gradient(x)), "``x - trunc(x)``, with the sign of x.", "[1.5, -1.5]",
           "Array([ 0.5, -0.5], dtype=float32)", module=_HERE, takes=(False, False, True, False))  # fmt: skip


@op(decimals="digits after the point that are kept; negative: before it.")
def round(input: ArrayLike, *, decimals: int = 0) -> jax.Array:
    """The nearest integer, halves to the even one; the gradient is 0.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.round(jnp.array([0.5, 1.5, 1.25]))
        Array([0., 2., 1.], dtype=float32)
    """
    x = array(input, "round")
    refuse_bool("round", x)
    no_complex("round", x)
    digits = integer(decimals, "decimals", "round: ")
    if not jnp.issubdtype(x.dtype, jnp.floating):
        if digits:
            raise ArgumentTypeError(f"round: decimals={decimals} needs a floating input, got {x.dtype}")
        return x
    x = _no_gradient(x)
    if digits == 0:
        return lax.round(x, lax.RoundingMethod.TO_NEAREST_EVEN)
    scale = float(10 ** np.abs(digits))
    wide = widen(x)
    rounded = jnp.round(wide * scale) / scale if digits > 0 else jnp.round(wide / scale) * scale
    return narrow(rounded, x)


# -- complex numbers --------------------------------------------------------------------------------


def _angle(x: jax.Array) -> jax.Array:
    if kind_of(x.dtype) == COMPLEX:
        return jnp.angle(x)
    x = _no_gradient(as_inexact(x))
    return jnp.where(jnp.isnan(x), x, jnp.where(x < 0, np.pi, 0).astype(x.dtype))


def _imag(x: jax.Array) -> jax.Array:
    if kind_of(x.dtype) != COMPLEX:
        raise ArgumentError(f"imag is not implemented for arrays with non-complex dtypes, got {x.dtype}")
    return lax.imag(x)


angle = _of("angle", _angle, "The argument of complex numbers; 0 or pi for real ones.", "[-1.0, 2.0]",
            "Array([3.141593, 0.], dtype=float32)", module=_HERE, takes=_ANY, gives=", floating.")  # fmt: skip
conj = _of("conj", jnp.conj, "The complex conjugate.", "[1 + 2j]", "Array([1.-2.j], dtype=complex64)", module=_HERE,
           takes=_ANY)  # fmt: skip
conj_physical = alias(conj, "conj_physical")
real = _of("real", lambda x: lax.real(x) if kind_of(x.dtype) == COMPLEX else x, "The real part.", "[1 + 2j]",
           "Array([1.], dtype=float32)", module=_HERE, takes=_ANY, gives=", real.")  # fmt: skip
imag = _of("imag", _imag, "The imaginary part.", "[1 + 2j]", "Array([2.], dtype=float32)", module=_HERE,
           takes=_ANY, gives=", real.")  # fmt: skip
resolve_conj = _of("resolve_conj", lambda x: x, "``x``: JAX's conjugates are never pending.", "[1 + 2j]",
                   "Array([1.+2.j], dtype=complex64)", module=_HERE, takes=_ANY)  # fmt: skip
resolve_neg = _of("resolve_neg", lambda x: x, "``x``: JAX's negations are never pending.", "[1.0]",
                  "Array([1.], dtype=float32)", module=_HERE, takes=_ANY)  # fmt: skip

# -- bits and truth ---------------------------------------------------------------------------------

logical_not = _of("logical_not", lambda x: x == 0, "Whether an element is 0.", "[0, 2]",
                  "Array([ True, False], dtype=bool)", module=_HERE, takes=_ANY, gives=", bool.")  # fmt: skip
bitwise_not = _of("bitwise_not", lax.bitwise_not, "Every bit inverted.", "[0, 2]", "Array([-1, -3], dtype=int32)",
                  module=_HERE, takes=(True, True, False, False))  # fmt: skip


# -- with options -----------------------------------------------------------------------------------


@op(eps="clamps ``input`` to ``[eps, 1 - eps]`` first; outside, the gradient is 0. None: no clamping.")
def logit(input: ArrayLike, eps: float | None = None) -> jax.Array:
    """``log(x / (1 - x))``, the inverse of `sigmoid`.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.logit(jnp.array([0.5, 1.0]))
        Array([ 0., inf], dtype=float32)
    """
    x = as_inexact(array(input, "logit"))
    no_complex("logit", x)

    def compute(w: jax.Array) -> jax.Array:
        if eps is not None:
            low, high = jnp.asarray(eps, w.dtype), jnp.asarray(1 - eps, w.dtype)
            w = jnp.where(w < low, low, jnp.where(w > high, high, w))
        else:
            w = jnp.where((w < 0) | (w > 1), jnp.nan, w)
        return lax.log(w / (1 - w))

    return computed_wide(compute, x)


@op(
    nan="what NaN becomes, 0 by default.",
    posinf="what infinity becomes; None: the greatest finite number.",
    neginf="what minus infinity becomes; None: the least finite number.",
)
def nan_to_num(
    input: ArrayLike, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> jax.Array:
    """Finite numbers in place of NaN and infinities; the gradient there is 0.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.nan_to_num(jnp.array([jnp.nan, 1.0, jnp.inf]), posinf=9.0)
        Array([0., 1., 9.], dtype=float32)
    """
    x = array(input, "nan_to_num")
    if kind_of(x.dtype) == COMPLEX:
        parts = (nan_to_num(part, nan, posinf, neginf) for part in (lax.real(x), lax.imag(x)))
        return lax.complex(*parts)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        return x
    limits = jnp.finfo(x.dtype)
    x = jnp.where(jnp.isnan(x), jnp.asarray(0 if nan is None else nan, x.dtype), x)
    x = jnp.where(x == jnp.inf, jnp.asarray(limits.max if posinf is None else posinf, x.dtype), x)
    return jnp.where(x == -jnp.inf, jnp.asarray(limits.min if neginf is None else neginf, x.dtype), x)


@op()
def frexp(input: ArrayLike) -> MantissaAndExponent:
    """Numbers as ``mantissa * 2^exponent`` with a mantissa in [0.5, 1).

    Returns:
        ``(mantissa, exponent)``; the exponent is int32.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.frexp(jnp.array([3.0])).exponent
        Array([2], dtype=int32)
    """
    x = array(input, "frexp")
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise ArgumentTypeError(f"frexp() only supports floating-point dtypes, got {x.dtype}")
    wide = lax.stop_gradient(widen(x))
    exponent = jnp.frexp(wide)[1].astype(np.int32)
    scaled = jnp.ldexp(widen(x), -exponent)  # the gradient of the mantissa is 2^-exponent
    return MantissaAndExponent(narrow(jnp.where(jnp.isfinite(wide), scaled, wide), x), exponent)
