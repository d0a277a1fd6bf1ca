"""Weight normalisation by a hook: the older form of `nn.utils.parametrizations.weight_norm`."""

from __future__ import annotations

import warnings
from typing import TypeVar

import jax

from fnn.errors import ArgumentError
from fnn.functional import reparametrized
from fnn.nn._module import Module
from fnn.nn.utils._arrays import array, initialised
from fnn.nn.utils._outside import check_outside
from fnn.state.parameter import Parameter

__all__ = ["WeightNorm", "remove_weight_norm", "weight_norm"]

_M = TypeVar("_M", bound=Module)
_DEPRECATED = "`torch.nn.utils.weight_norm` is deprecated in favor of `torch.nn.utils.parametrizations.weight_norm`."


class WeightNorm:
    """The hook that computes ``<name>`` from ``<name>_g`` and ``<name>_v`` before each forward.

    Args:
        name: the parameter's name.
        dim: the dimension along which every slice has a length of its own; None or -1 for one length.
    """

    name: str
    dim: int

    def __init__(self, name: str, dim: int | None) -> None:
        self.name, self.dim = name, -1 if dim is None else dim

    def compute_weight(self, module: Module) -> jax.Array:
        """``g v / ||v||``."""
        g, v = (array(module, f"{self.name}_{part}") for part in "gv")
        return reparametrized.weight_norm(v, g, self.dim)

    @staticmethod
    def apply(module: Module, name: str, dim: int | None) -> WeightNorm:
        """Splits ``module.<name>`` and registers the hook; use `weight_norm`."""
        warnings.warn(_DEPRECATED, FutureWarning, stacklevel=3)
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, WeightNorm) and hook.name == name:
                raise ArgumentError(f"Cannot register two weight_norm hooks on the same parameter {name}")
        check_outside("weight_norm", module)
        weight = initialised("WeightNorm", module, name)
        hook = WeightNorm(name, dim)
        delattr(module, name)
        module.register_parameter(f"{name}_g", Parameter(reparametrized.norm_except(weight.data, hook.dim)))
        module.register_parameter(f"{name}_v", Parameter(weight.data))
        setattr(module, name, hook.compute_weight(module))
        module.register_forward_pre_hook(hook)
        return hook

    def remove(self, module: Module) -> None:
        """Makes the weight a parameter again, with its present value."""
        weight = self.compute_weight(module)
        for name in (self.name, f"{self.name}_g", f"{self.name}_v"):
            delattr(module, name)
        module.register_parameter(self.name, Parameter(weight))

    def __call__(self, module: Module, inputs: object) -> None:
        """Computes the weight."""
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module: _M, name: str = "weight", dim: int | None = 0) -> _M:
    """Splits a weight into length and direction: ``w = g v / ||v||``.

    Salimans and Kingma 2016, https://arxiv.org/abs/1602.07868.  Deprecated, as in PyTorch: it changes the names in
    ``state_dict`` to ``<name>_g`` and ``<name>_v``; `nn.utils.parametrizations.weight_norm` is the newer form.

    Args:
        module: the module.
        name: the parameter's name.
        dim: the dimension along which every slice has a length of its own; None for one length.

    Returns:
        ``module``.

    Raises:
        ArgumentError: the parameter is normalised already, None or uninitialised.

    Example:
        >>> import warnings
        >>> from fnn import nn
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore", FutureWarning)
        ...     linear = nn.utils.weight_norm(nn.Linear(20, 40))
        >>> linear.weight_g.shape, linear.weight_v.shape
        ((40, 1), (40, 20))
    """
    WeightNorm.apply(module, name, dim)
    return module


def remove_weight_norm(module: _M, name: str = "weight") -> _M:
    """Makes a weight that `weight_norm` split a parameter again.

    Args:
        module: the module.
        name: the parameter's name.

    Returns:
        ``module``.

    Raises:
        ArgumentError: it was not split.

    Example:
        >>> import warnings
        >>> from fnn import nn
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore", FutureWarning)
        ...     linear = nn.utils.weight_norm(nn.Linear(2, 2))
        >>> list(nn.utils.remove_weight_norm(linear).state_dict())
        ['bias', 'weight']
    """
    check_outside("remove_weight_norm", module)
    for key, hook in list(module._forward_pre_hooks.items()):
        if isinstance(hook, WeightNorm) and hook.name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ArgumentError(f"weight_norm of '{name}' not found in {module}")
