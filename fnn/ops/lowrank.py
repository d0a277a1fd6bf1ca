"""A few singular or eigenvectors of large matrices: ``svd_lowrank``, ``pca_lowrank``, ``lobpcg``."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from fnn import random
from fnn.errors import ArgumentError
from fnn.ops._operands import array
from fnn.ops.linalg.decompositions import qr
from fnn.ops.linalg.eigen import svd
from fnn.ops.returns import SingularValues
from fnn.typing import ArrayLike

__all__ = ["lobpcg", "pca_lowrank", "svd_lowrank"]


def _adjoint(x: jax.Array) -> jax.Array:
    return jnp.conj(jnp.swapaxes(x, -1, -2))


def svd_lowrank(A: ArrayLike, q: int | None = 6, niter: int | None = 2, M: ArrayLike | None = None) -> SingularValues:
    """The largest singular values of ``A - M`` and their vectors, by a random basis of its range.

    N. Halko, P.-G. Martinsson, J. Tropp, Finding structure with randomness (2009), algorithm 5.1.

    Args:
        A: (..., m, n).
        q: how many; somewhat more than the rank that is looked for.
        niter: how often the basis is improved.
        M: broadcast with A, subtracted from it.

    Returns:
        ``(U, S, V)``: (..., m, q), (..., q), (..., n, q).

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> print(fnn.svd_lowrank(jnp.diag(jnp.array([3.0, 2.0, 0.0])), q=2).S.round(2))
        [3. 2.]
    """
    x = array(A, "svd_lowrank", "A")
    if x.ndim < 2:
        raise ArgumentError(f"svd_lowrank: expected a tensor with 2 or more dimensions, got shape={list(x.shape)}")
    x = x if M is None else x - jnp.broadcast_to(array(M, "svd_lowrank", "M"), x.shape)
    count, wide = 6 if q is None else q, x.shape[-2] < x.shape[-1]
    if not 0 <= count <= min(x.shape[-2:]):
        raise ArgumentError(f"svd_lowrank: q must be in [0, {min(x.shape[-2:])}] for shape={list(x.shape)}, got q={q}")
    x = _adjoint(x) if wide else x
    start = random.normal(random.draw_key("svd_lowrank"), (x.shape[-1], count), x.dtype)
    basis = qr(x @ start).Q
    for _ in range(2 if niter is None else niter):
        basis = qr(_adjoint(x) @ basis).Q
        basis = qr(x @ basis).Q
    u, s, vh = svd(_adjoint(basis) @ x, full_matrices=False)
    left, right = basis @ u, _adjoint(vh)
    return SingularValues(right, s, left) if wide else SingularValues(left, s, right)


def pca_lowrank(A: ArrayLike, q: int | None = None, center: bool = True, niter: int = 2) -> SingularValues:
    """The principal components of the rows of a matrix; see `svd_lowrank`.

    Args:
        A: (..., samples, features).
        q: how many; None: 6, or fewer if A is smaller.
        center: whether to subtract the mean of the rows.
        niter: how often the basis is improved.

    Returns:
        ``(U, S, V)``: the columns of V (..., features, q) are the principal directions, ``S**2 / (samples - 1)``
        their variances, and ``A @ V`` the projections.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> rows = jnp.array([[1.0, 0.0], [-1.0, 0.0], [3.0, 0.0], [-3.0, 0.0]])
        >>> abs(fnn.pca_lowrank(rows, q=1).V).round(3).tolist()
        [[1.0], [0.0]]
    """
    x = array(A, "pca_lowrank", "A")
    if x.ndim < 2:
        raise ArgumentError(f"pca_lowrank: expected a tensor with 2 or more dimensions, got shape={list(x.shape)}")
    least = min(x.shape[-2:])
    count = min(6, least) if q is None else q
    if not 0 <= count <= least:
        raise ArgumentError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={least}")
    if niter < 0:
        raise ArgumentError(f"niter(={niter}) must be non-negative integer")
    return svd_lowrank(x - jnp.mean(x, -2, keepdims=True) if center else x, count, niter)


def lobpcg(
    A: ArrayLike,
    k: int | None = None,
    B: ArrayLike | None = None,
    X: ArrayLike | None = None,
    n: int | None = None,
    iK: ArrayLike | None = None,
    niter: int | None = None,
    tol: float | None = None,
    largest: bool | None = None,
    method: str | None = None,
) -> tuple[jax.Array, jax.Array]:
    """The largest or smallest eigenvalues of ``A x = e B x``, and their vectors, by products with A and B alone.

    A. Knyazev, Toward the optimal preconditioned eigensolver (2001): Rayleigh's and Ritz' approximation in the space
    of the vectors, their residuals, and the last changes.

    Args:
        A: (..., m, m), symmetric or Hermitian.
        k: how many eigenvalues; None: as many as X has columns, or 1.
        B: (..., m, m), positive definite; None: the identity.
        X: (..., m, n), where to begin; None: normal numbers.
        n: how many vectors are iterated, at least k; None: k.
        iK: (..., m, m), applied to the residuals, about the inverse of ``A - e B``; None: the identity.
        niter: the most iterations; None: 1000, negative: until ``tol`` is reached (at most 100,000).
        tol: below which relative residual a vector is found; None: the precision of the dtype.
        largest: whether the largest ones; None: yes.
        method: ``"basic"`` or ``"ortho"``; both names stand for the orthogonal basis that is used here.

    Returns:
        ``(E, X)``: (..., k), the largest first, or the smallest first; (..., m, k), orthonormal by B.  Their gradient
        with respect to A and B takes all eigenvectors.

    Raises:
        ArgumentError: m is smaller than ``3 n``: `fnn.linalg.eigh` is what computes all of them.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> print(fnn.lobpcg(jnp.diag(jnp.arange(1.0, 10.0)), k=2)[0].round(2))
        [9. 8.]
    """
    a = array(A, "lobpcg", "A")
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ArgumentError(f"lobpcg: expected square matrices A, got shape={list(a.shape)}")
    start = None if X is None else array(X, "lobpcg", "X")
    wanted = (1 if start is None else start.shape[-1]) if k is None else k
    columns = (wanted if n is None else n) if start is None else start.shape[-1]
    m = a.shape[-1]
    if m < 3 * columns:
        raise ArgumentError(
            f"lobpcg: is not applicable when the number of A rows (={m}) is smaller than 3 x the number of requested "
            f"eigenpairs (={columns}); use fnn.linalg.eigh"
        )
    if not 0 < wanted <= columns:
        raise ArgumentError(f"lobpcg: k must be in [1, {columns}], the number of vectors, got k={wanted}")
    if method not in (None, "basic", "ortho"):
        raise ArgumentError(f"lobpcg: method must be 'basic' or 'ortho', got method={method!r}")
    if start is None:
        start = random.normal(random.draw_key("lobpcg"), (*a.shape[:-1], columns), a.dtype)
    most = 1000 if niter is None else niter if niter >= 0 else 100_000
    least = float(jnp.finfo(a.dtype).eps) if tol is None else float(tol)
    identity = jnp.eye(m, dtype=a.dtype)
    b, preconditioner = (None if y is None else array(y, "lobpcg", name) for y, name in ((B, "B"), (iK, "iK")))
    others = [identity if y is None else y for y in (b, preconditioner)]
    batch = a.shape[:-2]
    parts = [jnp.broadcast_to(y, (*batch, *y.shape[-2:])).reshape(-1, *y.shape[-2:]) for y in (a, *others, start)]
    run = partial(_eigenpairs, sign=1.0 if largest in (None, True) else -1.0, most=most, least=least)
    values, vectors = jax.vmap(run)(*parts)
    return values[:, :wanted].reshape(*batch, wanted), vectors[..., :wanted].reshape(*batch, m, wanted)


def _ritz(a: jax.Array, b: jax.Array, basis: jax.Array, count: int, sign: float) -> tuple[jax.Array, jax.Array]:
    """The best eigenvalues in the span of a basis, which may be dependent, and the vectors' coefficients in it."""
    gram = _adjoint(basis) @ b @ basis
    size = jnp.sqrt(jnp.maximum(jnp.real(jnp.diagonal(gram)), 0))
    unit = jnp.where(size > 0, 1 / jnp.where(size > 0, size, 1), 0).astype(gram.dtype)
    lengths, directions = jnp.linalg.eigh(unit[:, None] * gram * unit[None])
    kept = lengths > 10 * jnp.finfo(lengths.dtype).eps * lengths[-1]
    scale = jnp.where(kept, 1 / jnp.sqrt(jnp.where(kept, lengths, 1)), 0).astype(gram.dtype)
    change = unit[:, None] * directions * scale[None]  # to an orthonormal basis, with columns of zeros
    inside = sign * (_adjoint(change) @ (_adjoint(basis) @ a @ basis) @ change)
    outside = jnp.where(kept, 0, -2 * jnp.max(jnp.abs(inside).sum(-1)) - 1)  # directions that are none: the last ones
    found, mixed = jnp.linalg.eigh(inside + jnp.diag(outside.astype(inside.dtype)))
    return sign * found[::-1][:count], change @ mixed[:, ::-1][:, :count]


@partial(jax.custom_jvp, nondiff_argnums=(4, 5, 6))
def _eigenpairs(
    a: jax.Array, b: jax.Array, k: jax.Array, start: jax.Array, sign: float, most: int, least: float
) -> tuple[jax.Array, jax.Array]:
    count = start.shape[-1]
    norm_a, norm_b = jnp.linalg.norm(a), jnp.linalg.norm(b)

    def residual(values: jax.Array, vectors: jax.Array) -> tuple[jax.Array, jax.Array]:
        rest = a @ vectors - (b @ vectors) * values[None].astype(a.dtype)
        size = jnp.linalg.norm(vectors, axis=0) * (norm_a + jnp.abs(values) * norm_b)
        return rest, jnp.linalg.norm(rest, axis=0) / size

    def unfinished(carry: Any) -> jax.Array:
        step, values, vectors, _ = carry
        return (step < most) & jnp.any(residual(values, vectors)[1] > least)

    def improved(carry: Any) -> Any:
        step, values, vectors, last = carry
        rest = k @ residual(values, vectors)[0]
        rest = rest - vectors @ (_adjoint(vectors) @ (b @ rest))
        basis = jnp.concatenate([vectors, rest, last], -1)
        values, mixed = _ritz(a, b, basis, count, sign)
        return step + 1, values, basis @ mixed, basis[:, count:] @ mixed[count:]

    values, mixed = _ritz(a, b, start, count, sign)
    first = (jnp.zeros((), jnp.int32), values, start @ mixed, jnp.zeros_like(start))
    _, values, vectors, _ = lax.while_loop(unfinished, improved, first)
    return values, vectors


@_eigenpairs.defjvp
def _eigenpairs_jvp(
    sign: float, most: int, least: float, primals: tuple[jax.Array, ...], tangents: tuple[jax.Array, ...]
) -> tuple[tuple[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]:
    """That of all eigenpairs, of which these are some: only with the other vectors it is known."""
    (a, b), (change_a, change_b) = primals[:2], tangents[:2]
    values, vectors = _eigenpairs(*primals, sign, most, least)
    lower = jnp.linalg.cholesky(b)
    solve = partial(lax.linalg.triangular_solve, lower, lower=True)
    whitened = solve(solve(a, left_side=True), left_side=False, transpose_a=True, conjugate_a=True)
    every, basis = jnp.linalg.eigh(whitened)
    basis = solve(basis, left_side=True, transpose_a=True, conjugate_a=True)
    stretched = change_b @ vectors
    moved = change_a @ vectors - stretched * values[None].astype(a.dtype)
    slopes = jnp.real(jnp.sum(jnp.conj(vectors) * moved, 0)).astype(values.dtype)
    total, count = every.shape[0], values.shape[0]
    own = jnp.arange(total)[:, None] == (total - 1 - jnp.arange(count) if sign > 0 else jnp.arange(count))[None]
    weights = jnp.where(own, 0, 1 / jnp.where(own, 1, values[None] - every[:, None])).astype(a.dtype)
    shrunk = jnp.sum(jnp.conj(vectors) * stretched, 0)[None] / 2
    return (values, vectors), (slopes, basis @ (weights * (_adjoint(basis) @ moved)) - vectors * shrunk)
