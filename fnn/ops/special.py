"""``torch.special``: special functions, as ``fnn.special``."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy import special as _special

from fnn.functional import simplex
from fnn.ops import _bessel
from fnn.ops._document import COMMON, Binary, alias, op, set_identity
from fnn.ops._gamma import zeta_of
from fnn.ops._operands import FLOATING, array, computed_wide, narrow_to, no_complex, pair, refuse_numbers, same_rank
from fnn.ops._promote import as_inexact, promoted
from fnn.ops._unary import inexact_function
from fnn.ops.pointwise_binary import igamma, igammac, xlogy
from fnn.ops.pointwise_clamp import mvlgamma
from fnn.ops.pointwise_clamp import polygamma as _polygamma
from fnn.ops.pointwise_parts import logit
from fnn.ops.pointwise_parts import round as _round
from fnn.ops.pointwise_unary import digamma, erf, erfc, erfinv, exp2, expm1, i0, lgamma, log1p, sinc
from fnn.ops.reductions import logsumexp
from fnn.typing import ArrayLike, DType

__all__ = [
    "airy_ai", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "chebyshev_polynomial_t",
    "chebyshev_polynomial_u", "chebyshev_polynomial_v", "chebyshev_polynomial_w", "digamma", "entr", "erf", "erfc",
    "erfcx", "erfinv", "exp2", "expit", "expm1", "gammainc", "gammaincc", "gammaln", "hermite_polynomial_h",
    "hermite_polynomial_he", "i0", "i0e", "i1", "i1e", "laguerre_polynomial_l", "legendre_polynomial_p", "log1p",
    "log_ndtr", "log_softmax", "logit", "logsumexp", "modified_bessel_i0", "modified_bessel_i1",
    "modified_bessel_k0", "modified_bessel_k1", "multigammaln", "ndtr", "ndtri", "polygamma", "psi", "round",
    "scaled_modified_bessel_k0", "scaled_modified_bessel_k1", "shifted_chebyshev_polynomial_t",
    "shifted_chebyshev_polynomial_u", "shifted_chebyshev_polynomial_v", "shifted_chebyshev_polynomial_w", "sinc",
    "softmax", "spherical_bessel_j0", "xlog1py", "xlogy", "zeta",
]  # fmt: skip


def _of(name: str, compute: Callable, formula: str, shown: str, result: str):  # type: ignore[no-untyped-def]
    return inexact_function(
        name, compute, formula, shown, f"Array([{result}], dtype=float32)", module=__name__, path="special.",
        highest=FLOATING,
    )  # fmt: skip


psi, gammaln, multigammaln = alias(digamma, "psi"), alias(lgamma, "gammaln"), alias(mvlgamma, "multigammaln")
gammainc, gammaincc = alias(igamma, "gammainc"), alias(igammac, "gammaincc")
polygamma, round = alias(_polygamma, "polygamma"), alias(_round, "round")


@jax.custom_jvp
def _entr(x: jax.Array) -> jax.Array:
    safe = jnp.where(x > 0, x, 1)
    value = jnp.where(x > 0, -safe * lax.log(safe), jnp.where(x == 0, 0, -jnp.inf))
    return jnp.where(jnp.isnan(x), x, value)


@_entr.defjvp
def _entr_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    (x,), (t,) = primals, tangents
    return _entr(x), -(1 + lax.log(x)) * t


@jax.custom_jvp
def _erfcx(x: jax.Array) -> jax.Array:
    """exp(x^2) erfc(x); a continued fraction (Lentz) where the product would be 0 times infinity."""
    large = x > 3
    small = jnp.where(large, 0, x)
    near = lax.exp(small * small) * lax.erfc(small)
    far = jnp.where(large, x, 4)
    fraction = jnp.zeros_like(far)
    for k in range(30, 0, -1):
        fraction = (k / 2) / (far + fraction)
    return jnp.where(large, 1 / (math.sqrt(math.pi) * (far + fraction)), near)


@_erfcx.defjvp
def _erfcx_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    (x,), (t,) = primals, tangents
    value = _erfcx(x)
    return value, t * (2 * x * value - 2 / math.sqrt(math.pi))


def _spherical(x: jax.Array) -> jax.Array:
    small = lax.abs(x) < 0.5
    square = x * x
    series = 1 - square / 6 * (1 - square / 20 * (1 - square / 42 * (1 - square / 72)))
    return jnp.where(small, series, jnp.where(jnp.isinf(x), 0, jnp.sin(x) / jnp.where(small, 1, x)))


@jax.custom_jvp
def _i1(x: jax.Array) -> jax.Array:
    return _special.i1(x)


@_i1.defjvp
def _i1_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    (x,), (t,) = primals, tangents
    value = _i1(x)
    return value, t * (_special.i0(x) - jnp.where(x == 0, 0.5, value / jnp.where(x == 0, 1, x)))


expit = _of("expit", lax.logistic, "The logistic function, ``1 / (1 + exp(-x))``.", "[0.0]", "0.5")
entr = _of("entr", _entr, "``-x log(x)``, 0 at 0, minus infinity below.", "[0.0, 1.0]", "0., 0.")
erfcx = _of("erfcx", _erfcx, "``exp(x^2) erfc(x)``, without overflow.", "[0.0, 10.0]", "1., 0.05614099")
i0e = _of("i0e", lax.bessel_i0e, "``exp(-|x|) i0(x)``.", "[0.0]", "1.")
i1 = _of("i1", _i1, "The modified Bessel function of the first kind, of order 1.", "[1.0]", "0.5651591")
i1e = _of("i1e", lax.bessel_i1e, "``exp(-|x|) i1(x)``.", "[1.0]", "0.2079104")
modified_bessel_i0, modified_bessel_i1 = alias(i0, "modified_bessel_i0"), alias(i1, "modified_bessel_i1")
ndtr = _of("ndtr", lambda x: 0.5 * lax.erfc(-x * math.sqrt(0.5)),
           "The distribution function of the normal distribution.",
           "[0.0]", "0.5")  # fmt: skip
ndtri = _of("ndtri", _special.ndtri, "The inverse of `ndtr`.", "[0.5]", "0.")
log_ndtr = _of("log_ndtr", _special.log_ndtr, "The logarithm of `ndtr`.", "[0.0]", "-0.6931472")
bessel_j0, bessel_j1, bessel_y0, bessel_y1 = (
    _of(
        f"bessel_{letter}{order}", lambda x, f=compute: f(lax.stop_gradient(x)),
        f"The Bessel function of the {kind} kind, of order {order}; as in PyTorch there is no gradient.",
        "[1.0]", result,
    )
    for letter, kind, order, compute, result in (
        ("j", "first", 0, _bessel.bessel_j0, "0.7651977"),
        ("j", "first", 1, _bessel.bessel_j1, "0.44005057"),
        ("y", "second", 0, _bessel.bessel_y0, "0.08825697"),
        ("y", "second", 1, _bessel.bessel_y1, "-0.7812128"),
    )
)  # fmt: skip
modified_bessel_k0, modified_bessel_k1, scaled_modified_bessel_k0, scaled_modified_bessel_k1 = (
    _of(
        f"{scaled}modified_bessel_k{order}", lambda x, f=compute: f(lax.stop_gradient(x)),
        f"{formula}, of order {order}; as in PyTorch there is no gradient.", "[1.0]", result,
    )
    for scaled, formula, order, compute, result in (
        ("", "The modified Bessel function of the second kind", 0, _bessel.k0, "0.42102444"),
        ("", "The modified Bessel function of the second kind", 1, _bessel.k1, "0.6019072"),
        ("scaled_", "``exp(x)`` times the modified Bessel function of the second kind", 0, _bessel.k0e, "1.1444632"),
        ("scaled_", "``exp(x)`` times the modified Bessel function of the second kind", 1, _bessel.k1e, "1.6361536"),
    )
)  # fmt: skip
airy_ai = _of(
    "airy_ai", lambda x: _bessel.airy_ai(lax.stop_gradient(x)),
    "The Airy function Ai; as in PyTorch there is no gradient.", "[0.0]", "0.3550281",
)  # fmt: skip
spherical_bessel_j0 = _of("spherical_bessel_j0", _spherical, "``sin(x) / x``, 1 at 0.", "[0.0]", "1.")


# -- softmax and its logarithm, over a dimension that must be named ------------------------------------


@op(input="floating.")
def softmax(input: ArrayLike, dim: int, *, dtype: DType | None = None) -> jax.Array:
    """``exp(x) / sum(exp(x))`` over ``dim``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.special.softmax(jnp.array([0.0, 0.0]), 0)
        Array([0.5, 0.5], dtype=float32)
    """
    return simplex.softmax(input, dim, dtype=dtype)


@op(input="floating.")
def log_softmax(input: ArrayLike, dim: int, *, dtype: DType | None = None) -> jax.Array:
    """The logarithm of `softmax`.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.special.log_softmax(jnp.array([0.0, 1000.0]), 0)
        Array([-1000.,     0.], dtype=float32)
    """
    return simplex.log_softmax(input, dim, dtype=dtype)


# -- functions of two arrays --------------------------------------------------------------------------

_DOC = """{formula}

Args:
    {first}: {about}
    {second}: {more}

Returns:
    The broadcast shape; integers give the default floating dtype.

Example:
    >>> import jax.numpy as jnp
    >>> import fnn
    >>> fnn.special.{name}(jnp.array({shown}), jnp.array({other}))
    Array([{result}], dtype=float32)
"""


@op()
def xlog1py(input: ArrayLike, other: ArrayLike) -> jax.Array:
    """``input * log1p(other)``, 0 where ``input`` is 0.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.special.xlog1py(jnp.array([0.0, 2.0]), jnp.array([-1.0, 0.0]))
        Array([0., 0.], dtype=float32)
    """
    x, y = (as_inexact(v) for v in pair("special.xlog1py", input, other, "one"))
    no_complex("special.xlog1py", x)

    def compute(a: jax.Array, b: jax.Array) -> jax.Array:
        zero = (a == 0) & ((b <= -1) | (b == jnp.inf))
        return jnp.where(zero, 0, a * lax.log1p(jnp.where(zero, 0, b)))

    return computed_wide(compute, x, y)


@op(other="the start of the sum.")
def zeta(input: ArrayLike, other: ArrayLike) -> jax.Array:
    """Hurwitz's zeta function, ``sum of (k + other)^-input`` over k from 0.

    Infinite where ``input`` is 1 or a term is; NaN below 1, and where a term is not real.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.special.zeta(jnp.array([2.0]), jnp.array([1.0]))
        Array([1.644934], dtype=float32)
    """
    x, y = (as_inexact(v) for v in pair("special.zeta", input, other, "one"))
    no_complex("special.zeta", x)
    shape = jnp.broadcast_shapes(x.shape, y.shape)
    return computed_wide(zeta_of, jnp.broadcast_to(x, shape), jnp.broadcast_to(y, shape))


# -- orthogonal polynomials, by their recurrences ------------------------------------------------------

_Step = Callable[[jax.Array, jax.Array, jax.Array, jax.Array], jax.Array]
_MOST = 1 << 16


def _recurrence(x: jax.Array, n: jax.Array, first: jax.Array, step: _Step) -> jax.Array:
    """p_n(x) from p_0 = 1, p_1 = first, p_(k+1) = step(k, x, p_k, p_(k-1)); 0 for a negative n."""
    order = jnp.trunc(n)
    wanted = jnp.minimum(order, _MOST)

    def more(carry: tuple[jax.Array, ...]) -> jax.Array:
        return carry[0] < jnp.max(wanted, initial=0)

    def advance(carry: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        k, before, now, found = carry
        following = step(k, x, now, before)
        return k + 1, now, following, jnp.where(wanted == k + 1, following, found)

    found = jnp.where(order == 0, 1, jnp.where(order < 0, 0, first))
    one = jnp.ones((), x.dtype)
    start = (one, jnp.ones_like(x), first, found)
    return lax.while_loop(more, advance, start)[3]


def _polynomial(name: str, first: Callable, step: _Step, formula: str, result: str, shifted: bool = False) -> Binary:
    where = f"special.{name}"

    def fun(input: ArrayLike, n: ArrayLike) -> jax.Array:
        refuse_numbers(where, input, n, "one")
        x, degree = (as_inexact(v) for v in promoted(array(input, where), array(n, where, "n")))
        no_complex(where, x)
        x, degree = same_rank(where, x, degree)
        shape = jnp.broadcast_shapes(x.shape, degree.shape)
        given = jnp.broadcast_to(x, shape)
        wide = given.astype(jnp.promote_types(given.dtype, jnp.float32))
        wide = 2 * wide - 1 if shifted else wide
        degrees = jnp.broadcast_to(degree, shape).astype(wide.dtype)
        value = _recurrence(*lax.stop_gradient((wide, degrees, first(wide))), step)
        return narrow_to(value, given)

    doc = _DOC.format(
        formula=formula, first="input", second="n", about=COMMON["input"], more="the degrees, broadcast; no gradient.",
        name=name, shown="[0.5]", other="[2]", result=result,
    )  # fmt: skip
    return set_identity(fun, name, __name__, doc)  # type: ignore[arg-type, return-value]


def _chebyshev(k: jax.Array, x: jax.Array, now: jax.Array, before: jax.Array) -> jax.Array:
    return 2 * x * now - before


_NO_GRADIENT = "as in PyTorch there is no gradient."
chebyshev_polynomial_t = _polynomial(
    "chebyshev_polynomial_t",
    lambda x: x,
    _chebyshev,
    f"The Chebyshev polynomial of the first kind; {_NO_GRADIENT}",
    "-0.5",
)
chebyshev_polynomial_u = _polynomial(
    "chebyshev_polynomial_u", lambda x: 2 * x, _chebyshev,
    f"The Chebyshev polynomial of the second kind; {_NO_GRADIENT}", "0.",
)  # fmt: skip
chebyshev_polynomial_v = _polynomial(
    "chebyshev_polynomial_v", lambda x: 2 * x - 1, _chebyshev,
    f"The Chebyshev polynomial of the third kind; {_NO_GRADIENT}", "-1.",
)  # fmt: skip
chebyshev_polynomial_w = _polynomial(
    "chebyshev_polynomial_w", lambda x: 2 * x + 1, _chebyshev,
    f"The Chebyshev polynomial of the fourth kind; {_NO_GRADIENT}", "1.",
)  # fmt: skip
shifted_chebyshev_polynomial_t = _polynomial(
    "shifted_chebyshev_polynomial_t", lambda x: x, _chebyshev,
    f"`chebyshev_polynomial_t` of ``2 x - 1``; {_NO_GRADIENT}", "-1.", shifted=True,
)  # fmt: skip
shifted_chebyshev_polynomial_u = _polynomial(
    "shifted_chebyshev_polynomial_u", lambda x: 2 * x, _chebyshev,
    f"`chebyshev_polynomial_u` of ``2 x - 1``; {_NO_GRADIENT}", "-1.", shifted=True,
)  # fmt: skip
shifted_chebyshev_polynomial_v = _polynomial(
    "shifted_chebyshev_polynomial_v", lambda x: 2 * x - 1, _chebyshev,
    f"`chebyshev_polynomial_v` of ``2 x - 1``; {_NO_GRADIENT}", "-1.", shifted=True,
)  # fmt: skip
shifted_chebyshev_polynomial_w = _polynomial(
    "shifted_chebyshev_polynomial_w", lambda x: 2 * x + 1, _chebyshev,
    f"`chebyshev_polynomial_w` of ``2 x - 1``; {_NO_GRADIENT}", "-1.", shifted=True,
)  # fmt: skip
hermite_polynomial_h = _polynomial(
    "hermite_polynomial_h", lambda x: 2 * x, lambda k, x, now, before: 2 * x * now - 2 * k * before,
    f"The physicists' Hermite polynomial; {_NO_GRADIENT}", "-1.",
)  # fmt: skip
hermite_polynomial_he = _polynomial(
    "hermite_polynomial_he", lambda x: x, lambda k, x, now, before: x * now - k * before,
    f"The probabilists' Hermite polynomial; {_NO_GRADIENT}", "-0.75",
)  # fmt: skip
laguerre_polynomial_l = _polynomial(
    "laguerre_polynomial_l", lambda x: 1 - x, lambda k, x, now, before: ((2 * k + 1 - x) * now - k * before) / (k + 1),
    f"The Laguerre polynomial; {_NO_GRADIENT}", "0.125",
)  # fmt: skip
legendre_polynomial_p = _polynomial(
    "legendre_polynomial_p", lambda x: x, lambda k, x, now, before: ((2 * k + 1) * x * now - k * before) / (k + 1),
    f"The Legendre polynomial; {_NO_GRADIENT}", "-0.125",
)  # fmt: skip
