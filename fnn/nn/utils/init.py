"""Making modules without drawing their numbers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import jax.numpy as jnp

from fnn import random
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.nn._module import Module

__all__ = ["skip_init"]

P = ParamSpec("P")
_M = TypeVar("_M", bound=Module)


def skip_init(module_cls: Callable[P, _M], *args: P.args, **kwargs: P.kwargs) -> _M:
    """A module whose parameters hold no particular numbers, and for which none are drawn.

    Arrays have values here: they are zeros.  The global generator is left as it was.

    Args:
        module_cls: a Module class that takes ``device``.
        *args: its arguments.
        **kwargs: its keyword arguments; ``device`` says where the parameters go.

    Returns:
        The module.

    Raises:
        ArgumentTypeError: not a Module class.
        ArgumentError: it takes no ``device``.

    Example:
        >>> from fnn import nn
        >>> m = nn.utils.skip_init(nn.Linear, 5, 1)
        >>> m.weight.shape, float(abs(m.weight).sum())
        ((1, 5), 0.0)
    """
    if not (isinstance(module_cls, type) and issubclass(module_cls, Module)):
        raise ArgumentTypeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise ArgumentError("Module must support a 'device' arg to skip initialization")
    with random.fork_rng():
        module: Any = module_cls(*args, **kwargs)
    for box in (*module.parameters(), *module.buffers()):
        box.data = jnp.zeros_like(box.data)
    return module
