"""Weights that stay orthogonal: `nn.utils.parametrizations.orthogonal`."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.functional import reparametrized
from fnn.nn import init
from fnn.nn._module import Module
from fnn.nn.utils._arrays import array
from fnn.nn.utils.parametrize import register_parametrization
from fnn.state.parameter import Buffer
from fnn.typing import ArrayLike


class _Orthogonal(Module):
    base: Buffer

    def __init__(self, weight: jax.Array, orthogonal_map: str, *, use_trivialization: bool = True) -> None:
        super().__init__()
        if jnp.iscomplexobj(weight) and orthogonal_map == "householder":
            raise ArgumentError("The householder parametrization does not support complex tensors.")
        self.shape, self.orthogonal_map = weight.shape, orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: ArrayLike) -> jax.Array:
        x = to_array(X)
        wide = x.shape[-2] < x.shape[-1]
        q = reparametrized.orthogonal_matrix(x.mT if wide else x, self.orthogonal_map)
        if "base" in self._buffers:
            q = to_array(self.base) @ q
        return q.mT if wide else q

    def right_inverse(self, Q: ArrayLike) -> jax.Array:
        q = lax.stop_gradient(to_array(Q))
        if q.shape != self.shape:
            raise ArgumentError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape {q.shape}."
            )
        given, wide = q, q.shape[-2] < q.shape[-1]
        q = q.mT if wide else q
        n, k = q.shape[-2:]
        if "base" not in self._buffers:
            if self.orthogonal_map != "householder":
                raise NotImplementedError(
                    "It is not possible to assign to the matrix exponential or the Cayley parametrizations when "
                    "use_trivialization=False."
                )
            x = reparametrized.householder_inverse(q)
            return x.mT if wide else x
        if n != k:
            more = Buffer(jnp.zeros((*q.shape[:-1], n - k), q.dtype))
            init.normal_(more)
            q = reparametrized.orthogonalised(jnp.concatenate([q, more.data], -1))
        elif not bool(reparametrized.is_orthogonal(q)):
            q = reparametrized.orthogonalised(q)
        setattr(self, "base", q)  # noqa: B010 - a buffer that was None
        return -jnp.broadcast_to(jnp.eye(*given.shape[-2:], dtype=given.dtype), given.shape)


def orthogonal(
    module: Module, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> Module:
    """Keeps a matrix, or each of a batch, orthogonal (unitary): ``Q.mH @ Q = I``, or ``Q @ Q.mH = I`` if it is wide.

    Q is computed from an unconstrained matrix: as the exponential or the Cayley transform ``(I + A/2) (I - A/2)^-1``
    of a skew-Hermitian A, or as a product of Householder reflectors.  Lezcano-Casado 2019, https://arxiv.org/abs/1909.09501.

    Args:
        module: the module.
        name: the name of a parameter (*, m, n).
        orthogonal_map: "matrix_exp", "cayley" or "householder"; None: "matrix_exp" for square or complex matrices, else
            "householder".
        use_trivialization: whether Q is taken relative to a matrix that is kept in the buffer
            ``parametrizations.<name>.0.base``; it starts from the parameter, made orthogonal.

    Returns:
        ``module``.

    Raises:
        ArgumentError: no such parameter, one of less than two dimensions, or an unknown map.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> m = nn.utils.parametrizations.orthogonal(nn.Linear(20, 40))
        >>> bool(jnp.allclose(m.weight.T @ m.weight, jnp.eye(20), atol=1e-5))
        True
    """
    weight = array(module, name)
    if weight.ndim < 2:
        raise ArgumentError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        square = weight.shape[-2] == weight.shape[-1]
        orthogonal_map = "matrix_exp" if square or jnp.iscomplexobj(weight) else "householder"
    if orthogonal_map not in reparametrized.ORTHOGONAL_MAPS:
        raise ArgumentError(
            f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}'
        )
    made = _Orthogonal(weight, orthogonal_map, use_trivialization=use_trivialization)
    return register_parametrization(module, name, made, unsafe=True)
