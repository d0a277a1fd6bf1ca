"""Weights computed from other arrays: normalised, orthogonal, or with a batch normalisation folded in.

Legend: a weight is (*shape); its matrix has the sizes (shape[dim], all others).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from fnn.errors import ArgumentError
from fnn.functional.norm import normalize
from fnn.functional.vector_norm import vector_norm

ORTHOGONAL_MAPS = ("matrix_exp", "cayley", "householder")


def norm_except(v: jax.Array, dim: int) -> jax.Array:
    """The 2-norms of the slices of ``v`` along ``dim``, of its rank; one number, of rank 0, for -1."""
    wide = v.astype(jnp.float32) if v.dtype in (jnp.float16, jnp.bfloat16) else v
    axes = tuple(i for i in range(v.ndim) if dim == -1 or i != dim)
    norm = vector_norm(wide, 2.0, axes, keepdims=dim != -1)
    return norm.astype(jnp.finfo(v.dtype).dtype)


def weight_norm(v: jax.Array, g: jax.Array, dim: int) -> jax.Array:
    """``g v / ||v||``, the norms being those of `norm_except` (https://arxiv.org/abs/1602.07868)."""
    scale = g / norm_except(v, dim)
    return v * (scale.reshape((1,) * v.ndim) if scale.ndim == 0 else scale)


def weight_matrix(weight: jax.Array, dim: int) -> jax.Array:
    """The weight as a matrix whose rows belong to ``dim``."""
    return jnp.moveaxis(weight, dim, 0).reshape(weight.shape[dim], -1)


def power_iteration(
    matrix: jax.Array, adjoint: jax.Array, u: jax.Array, v: jax.Array, times: int, eps: float
) -> tuple[jax.Array, jax.Array]:
    """Singular vectors, improved: ``u = matrix v / |.|``, then ``v = adjoint u / |.|``; without gradient.

    Args:
        matrix: (m, n).
        adjoint: (n, m).
        u: (m,).
        v: (n,).
        times: how often.
        eps: the least norm that is divided by.
    """
    matrix, adjoint, u, v = (lax.stop_gradient(x) for x in (matrix, adjoint, u, v))
    for _ in range(times):
        u = normalize(matrix @ v, dim=0, eps=eps)
        v = normalize(adjoint @ u, dim=0, eps=eps)
    return u, v


def folded_batch_norm(
    weight: jax.Array,
    bias: jax.Array | None,
    mean: jax.Array,
    var: jax.Array,
    eps: float,
    scale: jax.Array | None,
    shift: jax.Array | None,
    dim: int,
) -> tuple[jax.Array, jax.Array]:
    """Weight and bias of a linear map that is followed by batch normalisation in evaluation.

    ``w' = w s`` and ``b' = (b - mean) s + shift``, where ``s = scale / sqrt(var + eps)`` along ``dim``.
    """
    factor = lax.rsqrt(var + eps)
    if scale is not None:
        factor = factor * scale
    moved = (-mean if bias is None else bias - mean) * factor
    if shift is not None:
        moved = moved + shift
    shape = [1] * weight.ndim
    shape[dim] = -1
    folded = (weight * factor.reshape(shape)).astype(weight.dtype)
    return folded, moved.astype(weight.dtype if bias is None else bias.dtype)


def orthogonal_matrix(x: jax.Array, how: str) -> jax.Array:
    """A matrix with orthonormal columns that is parametrised by ``x``.

    Args:
        x: (*, n, k) with n >= k.
        how: ``"matrix_exp"``: ``exp(A)``; ``"cayley"``: ``(I + A/2)(I - A/2)^-1``, both of the skew-Hermitian ``A``
            whose lower triangle is that of ``x``; ``"householder"``: the product of the reflectors below the diagonal
            of ``x``, its columns times the diagonal.

    Returns:
        (*, n, k)
    """
    if how == "householder":
        return _reflected(x)
    n, k = x.shape[-2:]
    lower = jnp.tril(x)
    if n != k:
        lower = jnp.concatenate([lower, jnp.zeros((*x.shape[:-1], n - k), x.dtype)], axis=-1)
    skew = lower - lower.mT.conj()
    if how == "matrix_exp":
        return jax.scipy.linalg.expm(skew)[..., :k]
    eye = jnp.broadcast_to(jnp.eye(n, dtype=x.dtype), skew.shape)
    return jnp.linalg.solve(eye - skew / 2, eye + skew / 2)[..., :k]


def _reflected(x: jax.Array) -> jax.Array:
    # H_1 ... H_k = I - V U^-1 V^T, where U is the upper triangle of V^T V with its diagonal halved: the UT transform,
    # Joffrain et al., Accumulating Householder transformations, revisited (2006). Each H_i is I - 2 v v^T / |v|^2.
    n, k = x.shape[-2:]
    eye = jnp.broadcast_to(jnp.eye(n, k, dtype=x.dtype), x.shape)
    v = jnp.tril(x, -1) + eye
    gram = v.mT @ v
    upper = jnp.triu(gram) - gram * jnp.broadcast_to(jnp.eye(k, dtype=x.dtype), gram.shape) / 2
    q = eye - v @ jax.scipy.linalg.solve_triangular(upper, v[..., :k, :].mT)
    signs = jnp.trunc(lax.stop_gradient(jnp.diagonal(x, axis1=-2, axis2=-1)))
    return q * signs[..., None, :]


def orthogonalised(x: jax.Array) -> jax.Array:
    """The Q of ``x = Q R`` whose R has a real diagonal that is not negative; x is (*, n, k) with n >= k."""
    q, r = jnp.linalg.qr(x)
    return q * jnp.sign(jnp.diagonal(r, axis1=-2, axis2=-1))[..., None, :]


def is_orthogonal(q: jax.Array) -> jax.Array:
    """Whether the columns of ``q``, (*, n, k), are orthonormal to rounding."""
    n, k = q.shape[-2:]
    found = q.mT.conj() @ q
    eye = jnp.broadcast_to(jnp.eye(k, dtype=q.dtype), found.shape)
    return jnp.allclose(found, eye, atol=10.0 * n * float(jnp.finfo(q.dtype).eps))


def householder_inverse(q: jax.Array) -> jax.Array:
    """The ``x`` for which `orthogonal_matrix` ``(x, "householder")`` is ``q``, real and with orthonormal columns."""
    if jnp.iscomplexobj(q):
        raise ArgumentError("The householder parametrization does not support complex tensors.")
    raw, tau = jnp.linalg.qr(q, mode="raw")
    packed = raw.mT
    k = packed.shape[-1]
    on = jnp.broadcast_to(jnp.eye(packed.shape[-2], k, dtype=bool), packed.shape)
    # tau is 0 where LAPACK uses no reflection, which leaves the sign of the column as it was.
    sign = jnp.sign(packed) * jnp.where(tau == 0, -1, 1).astype(packed.dtype)[..., None, :]
    return jnp.where(on, sign, packed)
