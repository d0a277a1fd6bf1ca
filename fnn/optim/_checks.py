"""Checks of hyper-parameters, with PyTorch's texts."""

from typing import Any

from fnn.errors import ArgumentError


def at_least_zero(value: Any, what: str) -> None:
    """Raises unless ``value`` is a number of at least zero."""
    if not value >= 0.0:
        raise ArgumentError(f"{what}: {value}")


def betas_in_range(betas: Any) -> None:
    """Raises unless both betas are in [0, 1)."""
    if not (isinstance(betas, (tuple, list)) and len(betas) == 2):
        raise ArgumentError(f"Invalid betas: expected a pair, got betas={betas!r}")
    for i, beta in enumerate(betas):
        if not 0.0 <= beta < 1.0:
            raise ArgumentError(f"Invalid beta parameter at index {i}: {beta}")
