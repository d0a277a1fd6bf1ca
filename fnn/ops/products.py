"""Products of vectors and matrices, and distances.  The operands have one dtype, as in PyTorch."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from fnn.arguments import wrap_dim
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional.vector_norm import vector_norm
from fnn.ops._document import alias, op
from fnn.ops._operands import array, no_complex, pair, require_inexact, same_rank
from fnn.ops._promote import result_type
from fnn.typing import ArrayLike

__all__ = [
    "bmm", "cdist", "cross", "dot", "ger", "inner", "matmul", "mm", "mv", "outer", "vdot",
]  # fmt: skip


def factors(where: str, x: ArrayLike, y: ArrayLike, names: tuple[str, str] = ("input", "other")) -> list[jax.Array]:
    """Two arrays of one dtype.

    Raises:
        ArgumentTypeError: their dtypes differ.
    """
    a, b = array(x, where, names[0]), array(y, where, names[1])
    if a.dtype != b.dtype:
        raise ArgumentTypeError(
            f"{where}: expected {names[0]} and {names[1]} to have the same dtype, but got: {a.dtype} != {b.dtype}"
        )
    return [a, b]


def check(ok: bool, where: str, wanted: str, *arrays: jax.Array) -> None:
    """Raises unless ``ok``."""
    if not ok:
        raise ArgumentError(f"{where}: {wanted}, got shapes {', '.join(str(list(a.shape)) for a in arrays)}")


def _product(where: str, a: jax.Array, b: jax.Array) -> jax.Array:
    if a.dtype == np.bool_:
        raise ArgumentTypeError(f"{where}: not implemented for bool arrays")
    return jnp.matmul(a, b)


@op(mat2="the second matrix, (m, p).", input="the first matrix, (n, m).")
def mm(input: ArrayLike, mat2: ArrayLike) -> jax.Array:
    """The product of two matrices, without broadcasting.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.mm(jnp.array([[1, 2]]), jnp.array([[3], [4]]))
        Array([[11]], dtype=int32)
    """
    a, b = factors("mm", input, mat2, ("input", "mat2"))
    check(a.ndim == b.ndim == 2, "mm", "input and mat2 must be matrices", a, b)
    check(a.shape[1] == b.shape[0], "mm", "mat1 and mat2 shapes cannot be multiplied", a, b)
    return _product("mm", a, b)


@op(mat2="(b, m, p).", input="(b, n, m).")
def bmm(input: ArrayLike, mat2: ArrayLike) -> jax.Array:
    """The products of the matrices of two batches, (b, n, p).

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.bmm(jnp.ones((2, 1, 3)), jnp.ones((2, 3, 4))).shape
        (2, 1, 4)
    """
    a, b = factors("bmm", input, mat2, ("input", "mat2"))
    check(a.ndim == b.ndim == 3, "bmm", "batch1 and batch2 must be 3D", a, b)
    check(a.shape[0] == b.shape[0] and a.shape[2] == b.shape[1], "bmm", "Expected size for input and mat2 to fit", a, b)
    return _product("bmm", a, b)


@op(vec="(m,).", input="(n, m).")
def mv(input: ArrayLike, vec: ArrayLike) -> jax.Array:
    """The product of a matrix and a vector, (n,).

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.mv(jnp.array([[1, 2], [3, 4]]), jnp.array([1, 1]))
        Array([3, 7], dtype=int32)
    """
    a, b = factors("mv", input, vec, ("input", "vec"))
    check(a.ndim == 2 and b.ndim == 1 and a.shape[1] == b.shape[0], "mv", "expected (n, m) and (m,)", a, b)
    return _product("mv", a, b)


@op(input="(..., n, m), or a vector.", other="(..., m, p), or a vector.")
def matmul(input: ArrayLike, other: ArrayLike) -> jax.Array:
    """The product of matrices or vectors; dimensions before the last two are broadcast.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.matmul(jnp.ones((5, 2, 3)), jnp.ones((3, 4))).shape
        (5, 2, 4)
    """
    a, b = factors("matmul", input, other)
    check(a.ndim > 0 and b.ndim > 0, "matmul", "both arguments need to be at least 1D", a, b)
    inner_size = b.shape[0] if b.ndim == 1 else b.shape[-2]
    check(a.shape[-1] == inner_size, "matmul", "the inner sizes must be the same", a, b)
    if a.ndim > 2 or b.ndim > 2:
        batches = [jnp.empty(x.shape[:-2], bool) for x in (a, b)]
        same_rank("matmul", *batches)
    return _product("matmul", a, b)


@op(tensor="(n,).", input="(n,).")
def dot(input: ArrayLike, tensor: ArrayLike) -> jax.Array:
    """The sum of the products of two vectors.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.dot(jnp.array([1, 2]), jnp.array([3, 4]))
        Array(11, dtype=int32)
    """
    a, b = factors("dot", input, tensor, ("input", "tensor"))
    check(a.ndim == b.ndim == 1, "dot", "1D tensors expected", a, b)
    check(a.shape == b.shape, "dot", "inconsistent tensor size", a, b)
    return _product("dot", a, b)


@op(other="(n,).", input="(n,); its conjugate is taken.")
def vdot(input: ArrayLike, other: ArrayLike) -> jax.Array:
    """The sum of the products of the conjugate of a vector with another.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.vdot(jnp.array([1j]), jnp.array([1j]))
        Array(1.+0.j, dtype=complex64)
    """
    a, b = factors("vdot", input, other)
    check(a.ndim == b.ndim == 1 and a.shape == b.shape, "vdot", "1D tensors of one size expected", a, b)
    return _product("vdot", jnp.conj(a), b)


@op(input="(..., n).", other="(..., n).")
def inner(input: ArrayLike, other: ArrayLike) -> jax.Array:
    """The sums of products over the last dimension of both; with a number, the product.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.inner(jnp.array([1, 2]), jnp.array([3, 4]))
        Array(11, dtype=int32)
    """
    a, b = array(input, "inner"), array(other, "inner", "other")
    if a.ndim == 0 or b.ndim == 0:
        x, y = pair("inner", a, b)
        return x * y
    a, b = factors("inner", a, b)
    check(a.shape[-1] == b.shape[-1], "inner", "the last dimension must match on both input tensors", a, b)
    if a.dtype == np.bool_:
        raise ArgumentTypeError("inner: not implemented for bool arrays")
    return jnp.inner(a, b)


@op(vec2="(m,).", input="(n,).")
def outer(input: ArrayLike, vec2: ArrayLike) -> jax.Array:
    """The products of each element of a vector with each of another, (n, m).

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.outer(jnp.array([1, 2]), jnp.array([3, 4]))
        Array([[3, 4],
               [6, 8]], dtype=int32)
    """
    a, b = array(input, "outer"), array(vec2, "outer", "vec2")
    check(a.ndim == b.ndim == 1, "outer", "Expected 1-D arguments input and vec2", a, b)
    x, y = pair("outer", a[:, None], b[None, :])
    return x & y if x.dtype == np.bool_ else x * y


ger = alias(outer, "ger")


@op(dim="the dimension of the vectors, of size 3; None: the first one of that size.")
def cross(input: ArrayLike, other: ArrayLike, dim: int | None = None) -> jax.Array:
    """The cross product of vectors of three components.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.cross(jnp.array([1, 0, 0]), jnp.array([0, 1, 0]))
        Array([0, 0, 1], dtype=int32)
    """
    a, b = array(input, "cross"), array(other, "cross", "other")
    check(a.ndim == b.ndim, "cross", "inputs must have the same number of dimensions", a, b)
    x, y = pair("cross", a, b)
    if dim is None:
        if 3 not in x.shape:
            raise ArgumentError(f"cross: no dimension of size 3 in input, got shape {list(x.shape)}")
        dim = x.shape.index(3)
    return cross_along("cross", x, y, dim)


def cross_along(where: str, x: jax.Array, y: jax.Array, dim: int) -> jax.Array:
    """The cross product along a dimension."""
    axis = wrap_dim(dim, x.ndim, f"{where}: ")
    check(x.shape[axis] == y.shape[axis] == 3, where, f"inputs dimension {dim} must have length 3", x, y)

    def part(v: jax.Array, *index: int) -> jax.Array:
        return jnp.take(v, np.array(index), axis)

    return part(x, 1, 2, 0) * part(y, 2, 0, 1) - part(x, 2, 0, 1) * part(y, 1, 2, 0)


@op(x1="(..., n, d).", x2="(..., m, d).", p="the order of the norm, 0 or more.",
    compute_mode="how PyTorch computes it; all ways give this result, which is computed from differences.")  # fmt: skip
def cdist(
    x1: ArrayLike, x2: ArrayLike, p: float = 2.0, compute_mode: str | None = "use_mm_for_euclid_dist_if_necessary"
) -> jax.Array:
    """The p-norm distances of each point of ``x1`` from each of ``x2``, (..., n, m).

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.cdist(jnp.array([[0.0, 0.0]]), jnp.array([[3.0, 4.0], [0.0, 1.0]]))
        Array([[5., 1.]], dtype=float32)
    """
    modes = (None, "use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")
    if compute_mode not in modes:
        raise ArgumentError(f"cdist: {compute_mode} is not a valid value for compute_mode")
    a, b = array(x1, "cdist", "x1"), array(x2, "cdist", "x2")
    for name, x in (("X1", a), ("X2", b)):
        if x.ndim < 2:
            raise ArgumentError(f"cdist only supports at least 2D tensors, {name} got: {x.ndim}D")
        require_inexact("cdist", x, complex_too=False)
        no_complex("cdist", x)
    check(a.shape[-1] == b.shape[-1], "cdist", "X1 and X2 must have the same number of columns", a, b)
    if not p >= 0:
        raise ArgumentError(f"cdist only supports non-negative p values, got p={p}")
    dtype = result_type(a, b)
    x, y = same_rank("cdist", a.astype(dtype)[..., :, None, :], b.astype(dtype)[..., None, :, :])
    difference = x - y
    return vector_norm(difference, p, (difference.ndim - 1,)).astype(dtype)
