"""Checks of hyper-parameters, with PyTorch's texts."""

import math
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from fnn.errors import ArgumentError
from fnn.typing import Real


def at_least_zero(value: Real, what: str) -> None:
    """Raises unless ``value`` is a number of at least zero."""
    if getattr(value, "size", 1) != 1:
        raise ArgumentError(f"{what}: Tensor lr must be 1-element, got shape {np.shape(value)}")
    if not value >= 0.0:
        raise ArgumentError(f"{what}: {value}")


def betas_in_range(betas: Sequence[float]) -> None:
    """Raises unless both betas are in [0, 1)."""
    if not (isinstance(betas, (tuple, list)) and len(betas) == 2):
        raise ArgumentError(f"Invalid betas: expected a pair, got betas={betas!r}")
    for i, beta in enumerate(betas):
        if not 0.0 <= beta < 1.0:
            raise ArgumentError(f"Invalid beta parameter at index {i}: {beta}")


def learning_rate(value: Real, what: str = "Invalid learning rate") -> Real:
    """The learning rate as a scalar; raises unless it is one number of at least zero."""
    if np.size(value) != 1:
        raise ArgumentError(f"Tensor lr must be 1-element, got shape {np.shape(value)}")
    value = value if np.ndim(value) == 0 else jnp.reshape(value, ())
    at_least_zero(value, what)
    return value


def log(beta: float) -> float:
    """The log of β in double precision; -∞ of zero. 1 - βᵗ is -expm1(t log β), exact where βᵗ is near 1."""
    return math.log(beta) if beta > 0 else -math.inf
