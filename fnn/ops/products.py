"""Products of vectors and matrices, and sums with them.  The operands have one dtype, as in PyTorch."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from fnn.arguments import wrap_dim
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional.vector_norm import vector_norm
from fnn.ops._document import alias, op
from fnn.ops._operands import array, no_complex, pair, require_inexact, same_rank
from fnn.ops._promote import promoted, result_type
from fnn.typing import ArrayLike, Scalar

__all__ = [
    "addbmm", "addmm", "addmv", "addr", "baddbmm", "bmm", "cdist", "chain_matmul", "cross", "dot", "einsum", "ger",
    "inner", "kron", "matmul", "mm", "mv", "outer", "tensordot", "vdot",
]  # fmt: skip

_BETA = "the factor of ``input``; if it is 0, ``input`` is ignored, NaN too."


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


def _check(ok: bool, where: str, wanted: str, *arrays: jax.Array) -> None:
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
    _check(a.ndim == b.ndim == 2, "mm", "input and mat2 must be matrices", a, b)
    _check(a.shape[1] == b.shape[0], "mm", "mat1 and mat2 shapes cannot be multiplied", a, b)
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
    _check(a.ndim == b.ndim == 3, "bmm", "batch1 and batch2 must be 3D", a, b)
    _check(
        a.shape[0] == b.shape[0] and a.shape[2] == b.shape[1], "bmm", "Expected size for input and mat2 to fit", a, b
    )
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
    _check(a.ndim == 2 and b.ndim == 1 and a.shape[1] == b.shape[0], "mv", "expected (n, m) and (m,)", a, b)
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
    _check(a.ndim > 0 and b.ndim > 0, "matmul", "both arguments need to be at least 1D", a, b)
    inner_size = b.shape[0] if b.ndim == 1 else b.shape[-2]
    _check(a.shape[-1] == inner_size, "matmul", "the inner sizes must be the same", a, b)
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
    _check(a.ndim == b.ndim == 1, "dot", "1D tensors expected", a, b)
    _check(a.shape == b.shape, "dot", "inconsistent tensor size", a, b)
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
    _check(a.ndim == b.ndim == 1 and a.shape == b.shape, "vdot", "1D tensors of one size expected", a, b)
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
    _check(a.shape[-1] == b.shape[-1], "inner", "the last dimension must match on both input tensors", a, b)
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
    _check(a.ndim == b.ndim == 1, "outer", "Expected 1-D arguments input and vec2", a, b)
    x, y = pair("outer", a[:, None], b[None, :])
    return x & y if x.dtype == np.bool_ else x * y


ger = alias(outer, "ger")


# -- sums with products -------------------------------------------------------------------------------


def _added(
    where: str, input: ArrayLike, product: jax.Array, beta: Scalar, alpha: Scalar, same: bool = True
) -> jax.Array:
    x = array(input, where)
    if same and x.dtype != product.dtype:
        raise ArgumentTypeError(f"{where}: expected input to have dtype {product.dtype}, got {x.dtype}")
    shape = product.shape
    if x.ndim > len(shape) or any(n not in (1, m) for n, m in zip(x.shape[::-1], shape[::-1], strict=False)):
        raise ArgumentError(f"{where}: input of shape {list(x.shape)} cannot be expanded to {list(shape)}")
    dtype = result_type(x, product)
    product = product.astype(dtype)
    product = product if isinstance(alpha, int) and alpha == 1 else product * jnp.asarray(alpha, dtype)
    if isinstance(beta, (int, float)) and beta == 0:
        return product
    x = jnp.broadcast_to(x.astype(dtype), shape)
    return x + product if isinstance(beta, int) and beta == 1 else jnp.asarray(beta, dtype) * x + product


@op(input="added, broadcast to (n, p).", mat1="(n, m).", mat2="(m, p).", beta=_BETA, alpha="the factor of the product.")
def addmm(input: ArrayLike, mat1: ArrayLike, mat2: ArrayLike, *, beta: Scalar = 1, alpha: Scalar = 1) -> jax.Array:
    """``beta * input + alpha * mat1 @ mat2``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.addmm(jnp.array([1.0]), jnp.ones((1, 2)), jnp.ones((2, 1)))
        Array([[3.]], dtype=float32)
    """
    return _added("addmm", input, mm(mat1, mat2), beta, alpha)


@op(input="added, broadcast to (n,).", mat="(n, m).", vec="(m,).", beta=_BETA, alpha="the factor of the product.")
def addmv(input: ArrayLike, mat: ArrayLike, vec: ArrayLike, *, beta: Scalar = 1, alpha: Scalar = 1) -> jax.Array:
    """``beta * input + alpha * mat @ vec``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.addmv(jnp.array([1.0]), jnp.ones((1, 2)), jnp.ones(2))
        Array([3.], dtype=float32)
    """
    return _added("addmv", input, mv(mat, vec), beta, alpha)


@op(input="added, broadcast to (n, m).", vec1="(n,).", vec2="(m,).", beta=_BETA, alpha="the factor of the product.")
def addr(input: ArrayLike, vec1: ArrayLike, vec2: ArrayLike, *, beta: Scalar = 1, alpha: Scalar = 1) -> jax.Array:
    """``beta * input + alpha * outer(vec1, vec2)``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.addr(jnp.array([1.0]), jnp.array([2.0]), jnp.array([3.0]))
        Array([[7.]], dtype=float32)
    """
    a, b = array(vec1, "addr", "vec1"), array(vec2, "addr", "vec2")
    _check(a.ndim == b.ndim == 1, "addr", "Expected 1-D arguments vec1 and vec2", a, b)
    product = outer(a, b)
    if product.dtype == np.bool_ and array(input, "addr").dtype == np.bool_:
        shifted = product & bool(alpha)
        return shifted | jnp.broadcast_to(array(input, "addr"), product.shape) if beta else shifted
    return _added("addr", input, product, beta, alpha, same=False)


@op(input="added, broadcast to (n, p).", batch1="(b, n, m).", batch2="(b, m, p).", beta=_BETA,
    alpha="the factor of the product.")  # fmt: skip
def addbmm(input: ArrayLike, batch1: ArrayLike, batch2: ArrayLike, *, beta: Scalar = 1, alpha: Scalar = 1) -> jax.Array:
    """``beta * input + alpha * sum of batch1[i] @ batch2[i]``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.addbmm(jnp.array([1.0]), jnp.ones((2, 1, 3)), jnp.ones((2, 3, 1)))
        Array([[7.]], dtype=float32)
    """
    product = bmm(batch1, batch2)
    return _added("addbmm", input, jnp.sum(product, 0, dtype=product.dtype), beta, alpha)


@op(input="added, broadcast to (b, n, p).", batch1="(b, n, m).", batch2="(b, m, p).", beta=_BETA,
    alpha="the factor of the product.")  # fmt: skip
def baddbmm(
    input: ArrayLike, batch1: ArrayLike, batch2: ArrayLike, *, beta: Scalar = 1, alpha: Scalar = 1
) -> jax.Array:
    """``beta * input + alpha * bmm(batch1, batch2)``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.baddbmm(jnp.array([1.0]), jnp.ones((2, 1, 3)), jnp.ones((2, 3, 1))).shape
        (2, 1, 1)
    """
    return _added("baddbmm", input, bmm(batch1, batch2), beta, alpha)


# -- over chosen dimensions ---------------------------------------------------------------------------


def einsum(equation: str, *operands: ArrayLike | Sequence[ArrayLike]) -> jax.Array:
    """Sums of products over the dimensions that an equation names.

    Args:
        equation: the letters of the dimensions of each operand, and after ``->`` of the result; ``...`` are others.
        operands: the arrays, one by one or in one list.

    Returns:
        The result, with the dimensions after ``->``, or else with those that come once, in alphabetical order.

    Raises:
        ArgumentError: the equation does not fit the operands.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.einsum("ij,jk->ik", jnp.ones((2, 3)), jnp.ones((3, 4))).shape
        (2, 4)
    """
    given = operands[0] if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else operands
    arrays = [array(x, "einsum", "operands") for x in given]  # type: ignore[union-attr]
    if not arrays:
        raise ArgumentError("einsum(): must provide at least one operand")
    if not isinstance(equation, str):
        raise ArgumentTypeError(f"einsum(): argument 'equation' must be str, not {type(equation).__name__}")
    if any(x.dtype != arrays[0].dtype for x in arrays):
        raise ArgumentTypeError(f"einsum(): expected operands of one dtype, got {[str(x.dtype) for x in arrays]}")
    try:
        return jnp.einsum(equation, *arrays)
    except (ValueError, TypeError, IndexError) as error:
        raise ArgumentError(
            f"einsum(): {error}; got equation={equation!r}, {[list(x.shape) for x in arrays]}"
        ) from None


@op(a="the first array.", b="the second array.",
    dims="how many last dimensions of ``a`` and first ones of ``b`` are summed over, or lists of them.")  # fmt: skip
def tensordot(a: ArrayLike, b: ArrayLike, dims: int | Sequence[Sequence[int]] = 2) -> jax.Array:
    """Sums of products over several dimensions of both arrays.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.tensordot(jnp.ones((2, 3, 4)), jnp.ones((4, 3, 5)), ([1, 2], [1, 0])).shape
        (2, 5)
    """
    x, y = factors("tensordot", a, b, ("a", "b"))
    if isinstance(dims, int):
        if not 0 <= dims <= min(x.ndim, y.ndim):
            raise ArgumentError(f"tensordot expects dims >= 0 and at most the dimensions, but got dims={dims}")
        left, right = list(range(x.ndim - dims, x.ndim)), list(range(dims))
    else:
        left, right = ([d] if isinstance(d, int) else [int(i) for i in d] for d in dims)
    if len(left) != len(right):
        raise ArgumentError(f"tensordot: both dimension lists should have same length, got dims={dims}")
    left = [wrap_dim(d, x.ndim, "tensordot: ") for d in left]
    right = [wrap_dim(d, y.ndim, "tensordot: ") for d in right]
    # A dimension of size 1 stands for a sum over the other's.
    for i, j in zip(left, right, strict=True):
        if x.shape[i] != y.shape[j]:
            if 1 not in (x.shape[i], y.shape[j]):
                raise ArgumentError(
                    f"tensordot: contracted dimensions need to match, but first has size {x.shape[i]} in dim {i} and "
                    f"second has size {y.shape[j]} in dim {j}"
                )
            if x.shape[i] == 1:
                y = jnp.sum(y, j, keepdims=True)
            else:
                x = jnp.sum(x, i, keepdims=True)
    return jnp.tensordot(x, y, (left, right))


@op()
def kron(input: ArrayLike, other: ArrayLike) -> jax.Array:
    """The Kronecker product: each element of ``input`` times all of ``other``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.kron(jnp.array([1, 10]), jnp.array([1, 2]))
        Array([ 1,  2, 10, 20], dtype=int32)
    """
    x, y = promoted(array(input, "kron"), array(other, "kron", "other"))
    n = max(x.ndim, y.ndim)
    x, y = (v.reshape((1,) * (n - v.ndim) + v.shape) for v in (x, y))
    first = x.reshape([s for size in x.shape for s in (size, 1)])
    second = y.reshape([s for size in y.shape for s in (1, size)])
    product = first & second if x.dtype == np.bool_ else first * second
    return product.reshape([x.shape[i] * y.shape[i] for i in range(n)])


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
    _check(a.ndim == b.ndim, "cross", "inputs must have the same number of dimensions", a, b)
    x, y = pair("cross", a, b)
    if dim is None:
        if 3 not in x.shape:
            raise ArgumentError(f"cross: no dimension of size 3 in input, got shape {list(x.shape)}")
        dim = x.shape.index(3)
    return cross_along("cross", x, y, dim)


def cross_along(where: str, x: jax.Array, y: jax.Array, dim: int) -> jax.Array:
    """The cross product along a dimension."""
    axis = wrap_dim(dim, x.ndim, f"{where}: ")
    _check(x.shape[axis] == y.shape[axis] == 3, where, f"inputs dimension {dim} must have length 3", x, y)

    def part(v: jax.Array, *index: int) -> jax.Array:
        return jnp.take(v, np.array(index), axis)

    return part(x, 1, 2, 0) * part(y, 2, 0, 1) - part(x, 2, 0, 1) * part(y, 1, 2, 0)


def chain_matmul(*matrices: ArrayLike) -> jax.Array:
    """The product of several matrices, in the order that takes the fewest multiplications.

    Args:
        matrices: two or more, each of as many rows as the one before has columns.

    Returns:
        (rows of the first, columns of the last).

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.chain_matmul(jnp.ones((2, 3)), jnp.ones((3, 4)), jnp.ones((4, 5))).shape
        (2, 5)
    """
    arrays = [array(m, "chain_matmul", "matrices") for m in matrices]
    if not arrays:
        raise ArgumentError("chain_matmul: expected one or more matrices")
    for m in arrays:
        _check(m.ndim == 2, "chain_matmul", "expected matrices", m)
    for m, following in itertools.pairwise(arrays):
        _check(m.shape[1] == following.shape[0], "chain_matmul", "shapes cannot be multiplied", m, following)
        factors("chain_matmul", m, following)
    return arrays[0] if len(arrays) == 1 else jnp.linalg.multi_dot(arrays) if len(arrays) > 2 else arrays[0] @ arrays[1]


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
    _check(a.shape[-1] == b.shape[-1], "cdist", "X1 and X2 must have the same number of columns", a, b)
    if not p >= 0:
        raise ArgumentError(f"cdist only supports non-negative p values, got p={p}")
    dtype = result_type(a, b)
    x, y = same_rank("cdist", a.astype(dtype)[..., :, None, :], b.astype(dtype)[..., None, :, :])
    difference = x - y
    return vector_norm(difference, p, (difference.ndim - 1,)).astype(dtype)
