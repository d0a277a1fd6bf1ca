"""Ready parametrisations: ``torch.nn.utils.parametrizations``."""

from __future__ import annotations

from typing import Any, cast

import jax
import jax.numpy as jnp

from fnn.errors import ArgumentError
from fnn.nn import functional as F
from fnn.nn import init
from fnn.nn._module import Module
from fnn.nn.modules.conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from fnn.nn.utils.parametrize import register_parametrization
from fnn.state.box import Box
from fnn.state.parameter import Buffer

__all__ = ["spectral_norm", "weight_norm"]


def _tensor(module: Module, name: str) -> Any:
    value = getattr(module, name, None)
    if not isinstance(value, (jax.Array, Box)):
        raise ArgumentError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return value


def _array(value: Any) -> jax.Array:
    return value.data if isinstance(value, Box) else jnp.asarray(value)


def _norm_except(v: jax.Array, dim: int) -> jax.Array:
    """The norms of ``v``'s slices along ``dim``, of its rank; one number for -1."""
    if dim == -1:
        return jnp.linalg.norm(v.reshape(-1))
    return jnp.sqrt(jnp.sum(jnp.square(jnp.abs(v)), axis=[i for i in range(v.ndim) if i != dim], keepdims=True))


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Any, weight_v: Any) -> jax.Array:
        g, v = _array(weight_g), _array(weight_v)
        scale = g / _norm_except(v, self.dim)
        return v * (scale.reshape((1,) * v.ndim) if scale.ndim == 0 else scale)

    def right_inverse(self, weight: Any) -> tuple[jax.Array, jax.Array]:
        weight = _array(weight)
        return _norm_except(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Splits a weight into length and direction: ``w = g v / ||v||`` (https://arxiv.org/abs/1602.07868).

    ``parametrizations.<name>.original0`` is g, ``original1`` v.

    Args:
        module: the module.
        name: the parameter's name.
        dim: the dimension along which every slice has a length of its own; None for one length.

    Returns:
        ``module``.

    Example:
        >>> from fnn import nn
        >>> linear = nn.utils.parametrizations.weight_norm(nn.Linear(20, 40))
        >>> linear.parametrizations.weight.original0.shape
        (40, 1)
    """
    _tensor(module, name)
    return register_parametrization(module, name, _WeightNorm(dim), unsafe=True)


class _SpectralNorm(Module):
    def __init__(self, weight: Any, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        weight = _array(weight)
        ndim = weight.ndim
        if not -ndim <= dim < ndim:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] but got dim={dim})"
            )
        if n_power_iterations <= 0:
            raise ArgumentError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim = dim % ndim
        self.eps = eps
        if ndim == 1:
            return
        self.n_power_iterations = n_power_iterations
        matrix = self._matrix(weight)
        for name, size in zip(("_u", "_v"), matrix.shape, strict=True):
            drawn = Buffer(jnp.zeros(size, matrix.dtype))
            init.normal_(drawn)
            self.register_buffer(name, F.normalize(drawn.data, dim=0, eps=eps))
        self._iterate(matrix, 15)

    def _matrix(self, weight: jax.Array) -> jax.Array:
        return jnp.moveaxis(weight, self.dim, 0).reshape(weight.shape[self.dim], -1)

    def _iterate(self, matrix: jax.Array, times: int) -> None:
        matrix = jax.lax.stop_gradient(matrix)
        u, v = _array(self._u), _array(self._v)
        for _ in range(times):
            u = F.normalize(matrix @ v, dim=0, eps=self.eps)
            v = F.normalize(matrix.conj().T @ u, dim=0, eps=self.eps)
        self._u, self._v = u, v

    def forward(self, weight: Any) -> jax.Array:
        weight = _array(weight)
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._iterate(matrix, self.n_power_iterations)
        u, v = (jax.lax.stop_gradient(_array(box)) for box in (self._u, self._v))
        return weight / jnp.vdot(u, matrix @ v)

    def right_inverse(self, value: Any) -> Any:
        return value


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """Divides a weight, as a matrix, by its largest singular value (https://arxiv.org/abs/1802.05957).

    The value is ``u^T W v``; in training each use of the weight moves the buffers ``_u`` and ``_v`` on by power
    iterations.

    Args:
        module: the module.
        name: the parameter's name.
        n_power_iterations: how many iterations each use in training makes.
        eps: the least norm that is divided by.
        dim: the dimension of the matrix's rows; None for 0, or 1 in transposed convolutions.

    Returns:
        ``module``.

    Raises:
        ArgumentError: no such tensor, or ``n_power_iterations`` below one.

    Example:
        >>> from fnn import nn
        >>> linear = nn.utils.parametrizations.spectral_norm(nn.Linear(20, 40))
        >>> [name for name, _ in linear.named_buffers()]
        ['parametrizations.weight.0._u', 'parametrizations.weight.0._v']
    """
    weight = _tensor(module, name)
    if dim is None:
        dim = 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)) else 0
    return register_parametrization(module, name, cast(Module, _SpectralNorm(weight, n_power_iterations, dim, eps)))
