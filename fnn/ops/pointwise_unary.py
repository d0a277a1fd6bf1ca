"""Functions of one array whose result is floating: exponentials, logarithms, roots, trigonometry, special functions.

bfloat16 and float16 are computed in float32 and rounded once.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy import special

from fnn.ops._document import alias
from fnn.ops._gamma import digamma_of, lgamma_of
from fnn.ops._operands import FLOATING
from fnn.ops._unary import inexact_function as _of

__all__ = [
    "acos", "acosh", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "asin", "asinh", "atan", "atanh",
    "cos", "cosh", "deg2rad", "digamma", "erf", "erfc", "erfinv", "exp", "exp2", "expm1", "i0", "lgamma", "log",
    "log10", "log1p", "log2", "rad2deg", "reciprocal", "rsqrt", "sin", "sinc", "sinh", "sqrt", "tan",
]  # fmt: skip


@jax.custom_jvp
def _i0(x: jax.Array) -> jax.Array:
    return lax.exp(lax.abs(x)) * lax.bessel_i0e(x)


@_i0.defjvp
def _i0_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    (x,), (t,) = primals, tangents
    return _i0(x), t * special.i1(x)


# -- exponentials, logarithms, roots ------------------------------------------------------------------

exp = _of("exp", lax.exp, "``e^x``.", "[0.0, 1.0]", "Array([1.      , 2.718282], dtype=float32)")
exp2 = _of("exp2", jnp.exp2, "``2^x``.", "[0.0, 3.0]", "Array([1., 8.], dtype=float32)")
expm1 = _of("expm1", lax.expm1, "``e^x - 1``, exact for small x.", "[1e-8]", "Array([1.e-08], dtype=float32)")
log = _of("log", lax.log, "The natural logarithm.", "[1.0, 0.0]", "Array([  0., -inf], dtype=float32)")
log2 = _of("log2", jnp.log2, "The logarithm to base 2.", "[8.0]", "Array([3.], dtype=float32)")
log10 = _of("log10", jnp.log10, "The logarithm to base 10.", "[100.0]", "Array([2.], dtype=float32)")
log1p = _of("log1p", lax.log1p, "``log(1 + x)``, exact for small x.", "[1e-8]", "Array([1.e-08], dtype=float32)")
sqrt = _of("sqrt", lax.sqrt, "The square root.", "[4.0, -1.0]", "Array([ 2., nan], dtype=float32)")
rsqrt = _of("rsqrt", lax.rsqrt, "``1 / sqrt(x)``.", "[4.0]", "Array([0.5], dtype=float32)")
reciprocal = _of("reciprocal", lambda x: 1 / x, "``1 / x``.", "[4, 0]", "Array([0.25,  inf], dtype=float32)")

# -- trigonometry -------------------------------------------------------------------------------------

sin = _of("sin", lax.sin, "The sine.", "[0.0, 1.0]", "Array([0.       , 0.841471], dtype=float32)")
cos = _of("cos", lax.cos, "The cosine.", "[0.0, 1.0]", "Array([1.       , 0.5403023], dtype=float32)")
tan = _of("tan", lax.tan, "The tangent.", "[0.0, 1.0]", "Array([0.      , 1.557408], dtype=float32)")
asin = _of("asin", jnp.arcsin, "The inverse sine.", "[0.0, 1.0]", "Array([0.      , 1.570796], dtype=float32)")
acos = _of("acos", jnp.arccos, "The inverse cosine.", "[0.0, 1.0]", "Array([1.570796, 0.      ], dtype=float32)")
atan = _of("atan", jnp.arctan, "The inverse tangent.", "[0.0, 1.0]", "Array([0.       , 0.7853982], dtype=float32)")
sinh = _of("sinh", lax.sinh, "The hyperbolic sine.", "[0.0, 1.0]", "Array([0.      , 1.175201], dtype=float32)")
cosh = _of("cosh", lax.cosh, "The hyperbolic cosine.", "[0.0, 1.0]", "Array([1.      , 1.543081], dtype=float32)")
asinh = _of("asinh", jnp.arcsinh, "The inverse hyperbolic sine.", "[1.0]", "Array([0.8813736], dtype=float32)")
acosh = _of("acosh", jnp.arccosh, "The inverse hyperbolic cosine.", "[2.0]", "Array([1.316958], dtype=float32)")
atanh = _of("atanh", jnp.arctanh, "The inverse hyperbolic tangent.", "[0.5]", "Array([0.5493061], dtype=float32)")
arcsin, arccos, arctan = alias(asin, "arcsin"), alias(acos, "arccos"), alias(atan, "arctan")
arcsinh, arccosh, arctanh = alias(asinh, "arcsinh"), alias(acosh, "arccosh"), alias(atanh, "arctanh")
sinc = _of("sinc", jnp.sinc, "``sin(pi x) / (pi x)``, 1 at 0.", "[0.0, 0.5]", "Array([1., 0.6366197], dtype=float32)")
deg2rad = _of(
    "deg2rad", lambda x: x * (math.pi / 180), "Degrees as radians.", "[180.0]", "Array([3.141593], dtype=float32)",
    highest=FLOATING,
)  # fmt: skip
rad2deg = _of(
    "rad2deg", lambda x: x * (180 / math.pi), "Radians as degrees.", "[1.0]", "Array([57.29578], dtype=float32)",
    highest=FLOATING,
)  # fmt: skip

# -- special functions --------------------------------------------------------------------------------

erf = _of(
    "erf", lax.erf, "The error function, ``2/sqrt(pi) * integral of exp(-t^2) from 0 to x``.", "[0.0, 1.0]",
    "Array([0., 0.8427007], dtype=float32)", highest=FLOATING,
)  # fmt: skip
erfc = _of(
    "erfc", lax.erfc, "``1 - erf(x)``, exact for large x.", "[0.0, 1.0]", "Array([1., 0.1572992], dtype=float32)",
    highest=FLOATING,
)  # fmt: skip
erfinv = _of(
    "erfinv", lax.erf_inv, "The inverse of `erf`.", "[0.0, 0.5]", "Array([0., 0.4769363], dtype=float32)",
    highest=FLOATING,
)  # fmt: skip
lgamma = _of("lgamma", lgamma_of, "``log(|gamma(x)|)``.", "[4.0]", "Array([1.791759], dtype=float32)", highest=FLOATING)
digamma = _of(
    "digamma",
    digamma_of,
    "The derivative of `lgamma`.",
    "[1.0]",
    "Array([-0.5772157], dtype=float32)",
    highest=FLOATING,
)
i0 = _of(
    "i0", _i0, "The modified Bessel function of the first kind, of order 0.", "[0.0, 1.0]",
    "Array([1., 1.266066], dtype=float32)", highest=FLOATING,
)  # fmt: skip
