"""Products of Householder reflections, as LAPACK keeps the Q of a QR decomposition.

`geqrf` and `ormqr` are names of ``torch`` itself.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from fnn.errors import ArgumentError
from fnn.ops._document import op
from fnn.ops._operands import array
from fnn.ops.linalg._operands import adjoint, identity, matrix, numeric, same_dtype
from fnn.ops.returns import Householder
from fnn.typing import ArrayLike

__all__ = ["householder_product"]


@op(A="(..., m, n), n <= m: the vectors below its diagonal.", tau="(..., k), k <= n: the scales.")
def householder_product(A: ArrayLike, tau: ArrayLike) -> jax.Array:
    """The first n columns of a product of Householder reflections.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.householder_product(jnp.eye(2), jnp.zeros(2))
        Array([[1., 0.],
               [0., 1.]], dtype=float32)
    """
    where = "linalg.householder_product"
    x, scales = matrix(A, where), array(tau, where, "tau")
    numeric(scales, where, "tau")
    same_dtype(where, x, scales)
    if x.shape[-2] < x.shape[-1]:
        raise ArgumentError(
            f"{where}: input.shape[-2] must be greater than or equal to input.shape[-1], got {list(x.shape)}"
        )
    if scales.ndim != x.ndim - 1 or scales.shape[:-1] != x.shape[:-2] or scales.shape[-1] > x.shape[-1]:
        raise ArgumentError(f"{where}: tau of shape {list(scales.shape)} does not fit input of shape {list(x.shape)}")
    rows, columns = x.shape[-2:]
    return _reflected(x, scales, jnp.broadcast_to(identity(x, rows, columns), x.shape))


@op(input="(..., m, n).")
def geqrf(input: ArrayLike) -> Householder:
    """The QR decomposition as LAPACK leaves it: R, and below its diagonal the vectors of Householder reflections.

    Returns:
        ``(a, tau)``: (..., m, n), and the scales of the reflections (..., k), k the smaller of m and n. `orgqr` and
        `ormqr` take both. As in PyTorch there is no gradient.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> a, tau = fnn.geqrf(jnp.ones((3, 2)))
        >>> a.shape, tau.shape
        ((3, 2), (2,))
    """
    x = lax.stop_gradient(matrix(input, "geqrf", "input"))
    if not x.size:
        return Householder(x, jnp.zeros((*x.shape[:-2], min(x.shape[-2:])), x.dtype))
    transposed, tau = jnp.linalg.qr(x, "raw")
    return Householder(jnp.swapaxes(transposed, -1, -2), tau)


@op(input="(..., m, k), of `geqrf`.", tau="(..., k), of `geqrf`.", other="(..., m, n), or (..., n, m) on the right.",
    left="whether Q is on the left of ``other``.", transpose="whether it is conjugated and transposed.")  # fmt: skip
def ormqr(input: ArrayLike, tau: ArrayLike, other: ArrayLike, left: bool = True, transpose: bool = False) -> jax.Array:
    """The product of ``other`` with the (m, m) matrix Q of `geqrf`: ``Q other``, or ``other Q``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> a, tau = fnn.geqrf(jnp.array([[1.0, 2.0], [2.0, 1.0]]))
        >>> fnn.ormqr(a, tau, jnp.triu(a)).round(5)
        Array([[1., 2.],
               [2., 1.]], dtype=float32)
    """
    x, scales, y = matrix(input, "ormqr", "input"), array(tau, "ormqr", "tau"), matrix(other, "ormqr", "other")
    same_dtype("ormqr", x, scales)
    same_dtype("ormqr", x, y)
    if scales.ndim != x.ndim - 1 or scales.shape[:-1] != x.shape[:-2] or scales.shape[-1] > min(x.shape[-2:]):
        raise ArgumentError(f"ormqr: tau of shape {list(scales.shape)} does not fit input of shape {list(x.shape)}")
    if y.shape[-2 if left else -1] != x.shape[-2] or y.shape[:-2] != x.shape[:-2]:
        side = "other.shape[-2]" if left else "other.shape[-1]"
        raise ArgumentError(
            f"ormqr: {side} must be equal to input.shape[-2], and the batches equal, got {list(y.shape)} and "
            f"{list(x.shape)}"
        )
    if left:
        return _reflected(x, scales, y, adjoint_of=transpose)
    return adjoint(_reflected(x, scales, adjoint(y), adjoint_of=not transpose))


def _reflected(x: jax.Array, scales: jax.Array, result: jax.Array, adjoint_of: bool = False) -> jax.Array:
    """``Q result``, or ``Q^H result``, for the product Q of the Householder reflections below the diagonal of ``x``."""
    below = jnp.tril(x, -1) + identity(x, *x.shape[-2:])
    order = range(scales.shape[-1])
    for i in order if adjoint_of else reversed(order):
        v = below[..., :, i : i + 1]
        scale = scales[..., i : i + 1, None]
        result = result - (jnp.conj(scale) if adjoint_of else scale) * (v @ (adjoint(v) @ result))
    return result
