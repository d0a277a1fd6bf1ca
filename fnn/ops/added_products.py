"""Products of vectors and matrices to which something is added: ``beta * input + alpha * product``."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._document import op
from fnn.ops._operands import array
from fnn.ops._promote import result_type
from fnn.ops.products import bmm, check, mm, mv, outer
from fnn.typing import ArrayLike, Scalar

__all__ = [
    "addbmm", "addmm", "addmv", "addr", "baddbmm",
]  # fmt: skip

_BETA = "the factor of ``input``; if it is 0, ``input`` is ignored, NaN too."


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
    check(a.ndim == b.ndim == 1, "addr", "Expected 1-D arguments vec1 and vec2", a, b)
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
