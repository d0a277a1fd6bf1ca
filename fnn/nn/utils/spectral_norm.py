"""Spectral normalisation by a hook: the older form of `nn.utils.parametrizations.spectral_norm`."""

from __future__ import annotations

from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import lax

from fnn import random
from fnn.errors import ArgumentError
from fnn.functional import normalize, reparametrized
from fnn.nn._module import Module
from fnn.nn.modules.conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from fnn.nn.utils._arrays import array, initialised
from fnn.nn.utils._outside import check_outside
from fnn.state.parameter import Parameter

__all__ = ["SpectralNorm", "remove_spectral_norm", "spectral_norm"]

_M = TypeVar("_M", bound=Module)


class SpectralNorm:
    """The hook that computes ``<name>`` from ``<name>_orig`` before each forward.

    Args:
        name: the parameter's name.
        n_power_iterations: how often the singular vectors are improved at each forward in training.
        dim: the dimension of the outputs.
        eps: the least norm that is divided by.
    """

    _version: int = 1

    def __init__(self, name: str = "weight", n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        if n_power_iterations <= 0:
            raise ArgumentError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.name, self.dim = name, dim
        self.n_power_iterations, self.eps = n_power_iterations, eps

    def reshape_weight_to_matrix(self, weight: jax.Array) -> jax.Array:
        """(shape[dim], all others)."""
        return reparametrized.weight_matrix(weight, self.dim)

    def compute_weight(self, module: Module, do_power_iteration: bool) -> jax.Array:
        """``weight / (u @ weight @ v)``, after an improvement of ``u`` and ``v`` if asked for."""
        weight, u, v = (array(module, f"{self.name}_{part}") for part in ("orig", "u", "v"))
        matrix = self.reshape_weight_to_matrix(weight)
        if do_power_iteration:
            # v first here, u first in the parametrisation: the same iteration, with their parts exchanged
            v, u = reparametrized.power_iteration(matrix.T, matrix, v, u, self.n_power_iterations, self.eps)
            setattr(module, f"{self.name}_u", u)
            setattr(module, f"{self.name}_v", v)
        u, v = lax.stop_gradient(u), lax.stop_gradient(v)
        return weight / jnp.dot(u, matrix @ v)

    def remove(self, module: Module) -> None:
        """Makes the weight a parameter again, with its present value."""
        weight = self.compute_weight(module, do_power_iteration=False)
        for suffix in ("", "_u", "_v", "_orig"):
            delattr(module, self.name + suffix)
        module.register_parameter(self.name, Parameter(weight))

    def __call__(self, module: Module, inputs: object) -> None:
        """Computes the weight."""
        setattr(module, self.name, self.compute_weight(module, do_power_iteration=module.training))

    @staticmethod
    def apply(module: Module, name: str, n_power_iterations: int, dim: int, eps: float) -> SpectralNorm:
        """Registers the hook and its buffers; use `spectral_norm`."""
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, SpectralNorm) and hook.name == name:
                raise ArgumentError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
        check_outside("spectral_norm", module)
        hook = SpectralNorm(name, n_power_iterations, dim, eps)
        weight = initialised("SpectralNorm", module, name)
        key = random.initialisation_key()
        stream = random.stream(key)
        matrix = hook.reshape_weight_to_matrix(weight.data)
        u, v = (normalize(random.normal(stream(), (n,), weight.dtype), dim=0, eps=eps) for n in matrix.shape)
        delattr(module, name)
        module.register_parameter(f"{name}_orig", weight)
        setattr(module, name, weight.data)
        module.register_buffer(f"{name}_u", u)
        module.register_buffer(f"{name}_v", v)
        module.register_forward_pre_hook(hook)
        module._register_state_dict_hook(_say_version(hook))
        return hook


class _say_version:
    """Writes the format's version into the metadata of a ``state_dict``, as PyTorch does."""

    def __init__(self, hook: SpectralNorm) -> None:
        self.hook = hook

    def __call__(self, module: Module, state_dict: Any, prefix: str, local_metadata: dict[str, Any]) -> None:
        versions = local_metadata.setdefault("spectral_norm", {})
        versions[f"{self.hook.name}.version"] = self.hook._version


def spectral_norm(
    module: _M, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> _M:
    """Divides a weight by its largest singular value, as the power method estimates it.

    Miyato et al. 2018, https://arxiv.org/abs/1802.05957.  `nn.utils.parametrizations.spectral_norm` is the newer form.

    Args:
        module: the module.
        name: the parameter's name.
        n_power_iterations: how often the estimate is improved at each forward in training.
        eps: the least norm that is divided by.
        dim: the dimension of the outputs; None is 1 for transposed convolutions, else 0.

    Returns:
        ``module``; it has the parameter ``<name>_orig`` and the buffers ``<name>_u`` and ``<name>_v``.

    Raises:
        ArgumentError: the parameter is normalised already, None or uninitialised.

    Example:
        >>> from fnn import nn
        >>> m = nn.utils.spectral_norm(nn.Linear(20, 40))
        >>> m.weight_u.shape, list(m.state_dict())
        ((40,), ['bias', 'weight_orig', 'weight_u', 'weight_v'])
    """
    if dim is None:
        dim = 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)) else 0
    SpectralNorm.apply(module, name, n_power_iterations, dim, eps)
    return module


def remove_spectral_norm(module: _M, name: str = "weight") -> _M:
    """Makes a weight that `spectral_norm` divides a parameter again.

    Args:
        module: the module.
        name: the parameter's name.

    Returns:
        ``module``.

    Raises:
        ArgumentError: it was not normalised.

    Example:
        >>> from fnn import nn
        >>> m = nn.utils.spectral_norm(nn.Linear(2, 2))
        >>> list(nn.utils.remove_spectral_norm(m).state_dict())
        ['bias', 'weight']
    """
    check_outside("remove_spectral_norm", module)
    for key, hook in list(module._forward_pre_hooks.items()):
        if isinstance(hook, SpectralNorm) and hook.name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            break
    else:
        raise ArgumentError(f"spectral_norm of '{name}' not found in {module}")
    for key, hook in list(module._state_dict_hooks.items()):
        if isinstance(hook, _say_version) and hook.hook.name == name:
            del module._state_dict_hooks[key]
    return module
