"""The named tuples that functions with several results return, as ``torch.return_types``."""

from __future__ import annotations

from typing import NamedTuple

import jax

__all__ = [
    "Eigen", "Histogram", "Histogramdd", "Householder", "InverseAndInfo", "LDLFactors", "LDLFactorsEx", "LUFactors",
    "LUFactorsEx", "LeastSquares", "MantissaAndExponent", "MinAndMax", "PLU", "QR", "SignAndLogAbsDet", "Singular",
    "SingularValues", "SolutionAndInfo", "Solved", "TriangularAndInfo", "ValuesAndIndices",
]  # fmt: skip


class ValuesAndIndices(NamedTuple):
    """What ``max(dim)``, ``min(dim)``, ``median(dim)``, ``sort`` and ``topk`` return.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> values, indices = fnn.max(jnp.array([[1.0, 3.0], [5.0, 2.0]]), 1)
        >>> indices.tolist()
        [1, 0]
    """

    values: jax.Array
    indices: jax.Array


class MinAndMax(NamedTuple):
    """What ``aminmax`` returns.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.aminmax(jnp.array([3, 1, 2])).max.tolist()
        3
    """

    min: jax.Array
    max: jax.Array


class MantissaAndExponent(NamedTuple):
    """What ``frexp`` returns.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.frexp(jnp.array([8.0])).exponent.tolist()
        [4]
    """

    mantissa: jax.Array
    exponent: jax.Array


class Histogram(NamedTuple):
    """What ``histogram`` returns.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.histogram(jnp.array([0.0, 0.1, 1.0]), bins=2).hist.tolist()
        [2.0, 1.0]
    """

    hist: jax.Array
    bin_edges: jax.Array


class Histogramdd(NamedTuple):
    """What ``histogramdd`` returns.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.histogramdd(jnp.array([[0.0, 0.0], [1.0, 1.0]]), bins=[2, 2]).hist.shape
        (2, 2)
    """

    hist: jax.Array
    bin_edges: tuple[jax.Array, ...]


class Eigen(NamedTuple):
    """What ``linalg.eig`` and ``linalg.eigh`` return.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.eigh(jnp.eye(2)).eigenvalues.tolist()
        [1.0, 1.0]
    """

    eigenvalues: jax.Array
    eigenvectors: jax.Array


class Householder(NamedTuple):
    """What ``geqrf`` returns.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.geqrf(jnp.array([[3.0], [4.0]])).a.tolist()
        [[-5.0], [0.5]]
    """

    a: jax.Array
    tau: jax.Array


class LDLFactors(NamedTuple):
    """What ``linalg.ldl_factor`` returns.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.ldl_factor(jnp.array([[4.0, 2.0], [2.0, 2.0]])).LD.tolist()
        [[4.0, 0.0], [0.5, 1.0]]
    """

    LD: jax.Array
    pivots: jax.Array


class LDLFactorsEx(NamedTuple):
    """What ``linalg.ldl_factor_ex`` returns.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.ldl_factor_ex(jnp.zeros((1, 1))).info.tolist()
        1
    """

    LD: jax.Array
    pivots: jax.Array
    info: jax.Array


class QR(NamedTuple):
    """What ``qr`` returns.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> Q, R = fnn.linalg.qr(jnp.ones((3, 2)))
        >>> Q.shape, R.shape
        ((3, 2), (2, 2))
    """

    Q: jax.Array
    R: jax.Array


class Singular(NamedTuple):
    """What ``linalg.svd`` returns.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.svd(jnp.ones((3, 2))).S.shape
        (2,)
    """

    U: jax.Array
    S: jax.Array
    Vh: jax.Array


class SingularValues(NamedTuple):
    """What ``svd`` returns: ``V``, not its conjugate transpose.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.svd(jnp.ones((3, 2)), full_matrices=False).Vh.shape
        (2, 2)
    """

    U: jax.Array
    S: jax.Array
    V: jax.Array


class SignAndLogAbsDet(NamedTuple):
    """What ``linalg.slogdet`` returns.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> float(fnn.linalg.slogdet(-jnp.eye(1)).sign)
        -1.0
    """

    sign: jax.Array
    logabsdet: jax.Array


class LeastSquares(NamedTuple):
    """What ``linalg.lstsq`` returns.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.lstsq(jnp.eye(2), jnp.ones((2, 1))).solution.shape
        (2, 1)
    """

    solution: jax.Array
    residuals: jax.Array
    rank: jax.Array
    singular_values: jax.Array


class PLU(NamedTuple):
    """What ``linalg.lu`` and ``lu_unpack`` return.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.lu(jnp.eye(2)).L.tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """

    P: jax.Array
    L: jax.Array
    U: jax.Array


class LUFactors(NamedTuple):
    """What ``linalg.lu_factor`` returns.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.lu_factor(jnp.eye(2)).pivots.tolist()
        [1, 2]
    """

    LU: jax.Array
    pivots: jax.Array


class LUFactorsEx(NamedTuple):
    """What ``linalg.lu_factor_ex`` returns.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.lu_factor_ex(jnp.eye(2)).info.tolist()
        0
    """

    LU: jax.Array
    pivots: jax.Array
    info: jax.Array


class TriangularAndInfo(NamedTuple):
    """What ``linalg.cholesky_ex`` returns.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.cholesky_ex(jnp.eye(2)).L.tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """

    L: jax.Array
    info: jax.Array


class InverseAndInfo(NamedTuple):
    """What ``linalg.inv_ex`` returns.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.inv_ex(2 * jnp.eye(1)).inverse.tolist()
        [[0.5]]
    """

    inverse: jax.Array
    info: jax.Array


class SolutionAndInfo(NamedTuple):
    """What ``linalg.solve_ex`` returns.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.linalg.solve_ex(2 * jnp.eye(1), jnp.ones(1)).result.tolist()
        [0.5]
    """

    result: jax.Array
    info: jax.Array


class Solved(NamedTuple):
    """What ``triangular_solve`` returns.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.triangular_solve(jnp.ones((1, 1)), 2 * jnp.eye(1)).solution.tolist()
        [[0.5]]
    """

    solution: jax.Array
    cloned_coefficient: jax.Array
