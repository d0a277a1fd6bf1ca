"""`functional_call` under its older name."""

from __future__ import annotations

import warnings
from typing import Any

from fnn import late
from fnn.nn._module import Module

__all__ = ["functional_call"]

_DEPRECATED = (
    "This API is deprecated as of PyTorch 2.0 and will be removed in a future version of PyTorch. "
    "Please use torch.func.functional_call instead which is a drop-in replacement."
)


def functional_call(
    module: Module,
    parameters_and_buffers: dict[str, Any],
    args: object = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """`fnn.func.functional_call`; deprecated, as in PyTorch.

    Args:
        module: the module.
        parameters_and_buffers: arrays by name; what is not named keeps the module's value.
        args: the positional arguments: a tuple, or a single argument.
        kwargs: the keyword arguments.
        tie_weights: whether a value given under one name of a tied parameter holds for all its names.
        strict: whether every parameter and buffer must be given, and no other name.

    Returns:
        What the module returns.

    Example:
        >>> import warnings
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore", FutureWarning)
        ...     y = nn.utils.stateless.functional_call(nn.Linear(1, 1), {"bias": jnp.zeros(1)}, jnp.zeros(1))
        >>> print(y)
        [0.]
    """
    warnings.warn(_DEPRECATED, FutureWarning, stacklevel=2)
    call = late.lookup("func").functional_call
    return call(module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict)
