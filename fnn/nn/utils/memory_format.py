"""Conversions of convolutions' memory formats, which arrays do not have: XLA chooses layouts by itself."""

from __future__ import annotations

from typing import TypeVar

from fnn.errors import ArgumentTypeError
from fnn.nn._module import Module

__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format"]

_M = TypeVar("_M", bound=Module)


def convert_conv2d_weight_memory_format(module: _M, memory_format: object) -> _M:
    """Returns ``module`` as it is: how an array lies in memory is XLA's choice, for each operation anew.

    Args:
        module: a module that may hold ``Conv2d`` or ``ConvTranspose2d``.
        memory_format: what PyTorch would convert their weights to; it says nothing to XLA.

    Returns:
        ``module``.

    Example:
        >>> from fnn import nn
        >>> nn.utils.convert_conv2d_weight_memory_format(nn.Conv2d(1, 1, 3), "channels_last")
        Conv2d(1, 1, kernel_size=(3, 3), stride=(1, 1))
    """
    return _as_it_is("convert_conv2d_weight_memory_format", module)


def convert_conv3d_weight_memory_format(module: _M, memory_format: object) -> _M:
    """Returns ``module`` as it is; see `convert_conv2d_weight_memory_format`.

    Args:
        module: a module that may hold ``Conv3d`` or ``ConvTranspose3d``.
        memory_format: what PyTorch would convert their weights to; it says nothing to XLA.

    Returns:
        ``module``.

    Example:
        >>> from fnn import nn
        >>> nn.utils.convert_conv3d_weight_memory_format(nn.Conv3d(1, 1, 3), "channels_last_3d")
        Conv3d(1, 1, kernel_size=(3, 3, 3), stride=(1, 1, 1))
    """
    return _as_it_is("convert_conv3d_weight_memory_format", module)


def _as_it_is(name: str, module: _M) -> _M:
    if not isinstance(module, Module):
        raise ArgumentTypeError(f"{name}: expected a Module, got {module!r}")
    return module
