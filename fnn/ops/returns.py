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
    """What ``max(dim)``, ``min(dim)``, ``median(dim)``, ``sort`` and ``topk`` return."""

    values: jax.Array
    indices: jax.Array


class MinAndMax(NamedTuple):
    """What ``aminmax`` returns."""

    min: jax.Array
    max: jax.Array


class MantissaAndExponent(NamedTuple):
    """What ``frexp`` returns."""

    mantissa: jax.Array
    exponent: jax.Array


class Histogram(NamedTuple):
    """What ``histogram`` returns."""

    hist: jax.Array
    bin_edges: jax.Array


class Histogramdd(NamedTuple):
    """What ``histogramdd`` returns."""

    hist: jax.Array
    bin_edges: tuple[jax.Array, ...]


class Eigen(NamedTuple):
    """What ``linalg.eig`` and ``linalg.eigh`` return."""

    eigenvalues: jax.Array
    eigenvectors: jax.Array


class Householder(NamedTuple):
    """What ``geqrf`` returns."""

    a: jax.Array
    tau: jax.Array


class LDLFactors(NamedTuple):
    """What ``linalg.ldl_factor`` returns."""

    LD: jax.Array
    pivots: jax.Array


class LDLFactorsEx(NamedTuple):
    """What ``linalg.ldl_factor_ex`` returns."""

    LD: jax.Array
    pivots: jax.Array
    info: jax.Array


class QR(NamedTuple):
    """What ``qr`` returns."""

    Q: jax.Array
    R: jax.Array


class Singular(NamedTuple):
    """What ``linalg.svd`` returns."""

    U: jax.Array
    S: jax.Array
    Vh: jax.Array


class SingularValues(NamedTuple):
    """What ``svd`` returns: ``V``, not its conjugate transpose."""

    U: jax.Array
    S: jax.Array
    V: jax.Array


class SignAndLogAbsDet(NamedTuple):
    """What ``linalg.slogdet`` returns."""

    sign: jax.Array
    logabsdet: jax.Array


class LeastSquares(NamedTuple):
    """What ``linalg.lstsq`` returns."""

    solution: jax.Array
    residuals: jax.Array
    rank: jax.Array
    singular_values: jax.Array


class PLU(NamedTuple):
    """What ``linalg.lu`` and ``lu_unpack`` return."""

    P: jax.Array
    L: jax.Array
    U: jax.Array


class LUFactors(NamedTuple):
    """What ``linalg.lu_factor`` returns."""

    LU: jax.Array
    pivots: jax.Array


class LUFactorsEx(NamedTuple):
    """What ``linalg.lu_factor_ex`` returns."""

    LU: jax.Array
    pivots: jax.Array
    info: jax.Array


class TriangularAndInfo(NamedTuple):
    """What ``linalg.cholesky_ex`` returns."""

    L: jax.Array
    info: jax.Array


class InverseAndInfo(NamedTuple):
    """What ``linalg.inv_ex`` returns."""

    inverse: jax.Array
    info: jax.Array


class SolutionAndInfo(NamedTuple):
    """What ``linalg.solve_ex`` returns."""

    result: jax.Array
    info: jax.Array


class Solved(NamedTuple):
    """What ``triangular_solve`` returns."""

    solution: jax.Array
    cloned_coefficient: jax.Array
