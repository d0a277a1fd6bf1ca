"""Ready parametrisations: ``torch.nn.utils.parametrizations``."""

from __future__ import annotations

import functools
from typing import Any, cast

import jax
import jax.numpy as jnp

from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.functional import reparametrized
from fnn.nn import functional as F
from fnn.nn import init
from fnn.nn._module import Module
from fnn.nn.modules.conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from fnn.nn.utils._arrays import named
from fnn.nn.utils._orthogonal import orthogonal
from fnn.nn.utils.parametrize import register_parametrization
from fnn.state.parameter import Buffer

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Any, weight_v: Any) -> jax.Array:
        return reparametrized.weight_norm(to_array(weight_v), to_array(weight_g), self.dim)

    def right_inverse(self, weight: Any) -> tuple[jax.Array, jax.Array]:
        weight = to_array(weight)
        return reparametrized.norm_except(weight, self.dim), weight


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
    named(module, name)
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)
    module._register_load_state_dict_pre_hook(functools.partial(_rename_older, name))
    return module


def _rename_older(name: str, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
    """Takes what the older `nn.utils.weight_norm` saved."""
    del rest
    keys = f"{prefix}{name}_g", f"{prefix}{name}_v"
    if all(key in state_dict for key in keys):
        for number, key in enumerate(keys):
            state_dict[f"{prefix}parametrizations.{name}.original{number}"] = state_dict.pop(key)


class _SpectralNorm(Module):
    def __init__(self, weight: Any, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        weight = to_array(weight)
        ndim = weight.ndim
        if not -ndim <= dim < ndim:
            raise IndexError(f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] but got {dim})")
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
        return reparametrized.weight_matrix(weight, self.dim)

    def _iterate(self, matrix: jax.Array, times: int) -> None:
        u, v = to_array(self._u), to_array(self._v)
        self._u, self._v = reparametrized.power_iteration(matrix, matrix.conj().T, u, v, times, self.eps)

    def forward(self, weight: Any) -> jax.Array:
        weight = to_array(weight)
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._iterate(matrix, self.n_power_iterations)
        u, v = (jax.lax.stop_gradient(to_array(box)) for box in (self._u, self._v))
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
    weight = named(module, name)
    if dim is None:
        dim = 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)) else 0
    return register_parametrization(module, name, cast(Module, _SpectralNorm(weight, n_power_iterations, dim, eps)))
