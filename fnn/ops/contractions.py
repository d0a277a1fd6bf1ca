"""Products of several arrays, and over chosen dimensions: `einsum`, `tensordot`, `kron`, `chain_matmul`."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from types import EllipsisType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.arguments import wrap_dim
from fnn.autocasting import region
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._document import op
from fnn.ops._einsum import composed, written
from fnn.ops._operands import array
from fnn.ops._promote import promoted
from fnn.ops.products import check, factors
from fnn.typing import ArrayLike

__all__ = [
    "chain_matmul", "einsum", "kron", "tensordot",
]  # fmt: skip


def einsum(
    equation: str | ArrayLike, *operands: ArrayLike | Sequence[ArrayLike] | Sequence[int | EllipsisType]
) -> jax.Array:
    """Sums of products over the dimensions that an equation names.

    Args:
        equation: the letters of the dimensions of each operand, and after ``->`` of the result; ``...`` are others. Or
            the first array, if the dimensions have numbers.
        operands: the arrays, one by one or in one list; each followed by the list of its dimensions' numbers, and at
            the end by that of the result's, if there is no equation: ``einsum(a, [0, 1], b, [1, 2], [0, 2])``.

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
    if not isinstance(equation, str):
        equation, operands = _with_letters([equation, *operands])
    given = operands[0] if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else operands
    arrays = [array(x, "einsum", "operands") for x in given]  # type: ignore[union-attr]
    if not arrays:
        raise ArgumentError("einsum(): must provide at least one operand")
    products_are_cast = region() is not None and len(arrays) > 1
    if not products_are_cast and any(x.dtype != arrays[0].dtype for x in arrays):
        raise ArgumentTypeError(f"einsum(): expected operands of one dtype, got {[str(x.dtype) for x in arrays]}")
    try:
        if products_are_cast:
            jax.eval_shape(functools.partial(jnp.einsum, equation), *arrays)  # says what does not fit
            return composed(equation, arrays)
        return jnp.einsum(equation, *arrays)
    except (ValueError, TypeError, IndexError) as error:
        raise ArgumentError(
            f"einsum(): {error}; got equation={equation!r}, {[list(x.shape) for x in arrays]}"
        ) from None


def _with_letters(given: Sequence[Any]) -> tuple[str, tuple[Any, ...]]:
    """The equation and the operands of a call that gives each array with the list of its dimensions."""
    if len(given) < 2 or not isinstance(given[1], (list, tuple)):
        raise ArgumentTypeError(f"einsum(): argument 'equation' must be str, not {type(given[0]).__name__}")
    arrays, terms = tuple(given[: len(given) // 2 * 2 : 2]), given[1::2]
    result = f"->{written(given[-1])}" if len(given) % 2 else ""
    return ",".join(map(written, terms)) + result, arrays


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
        check(m.ndim == 2, "chain_matmul", "expected matrices", m)
    for m, following in itertools.pairwise(arrays):
        check(m.shape[1] == following.shape[0], "chain_matmul", "shapes cannot be multiplied", m, following)
        factors("chain_matmul", m, following)
    return arrays[0] if len(arrays) == 1 else jnp.linalg.multi_dot(arrays) if len(arrays) > 2 else arrays[0] @ arrays[1]
