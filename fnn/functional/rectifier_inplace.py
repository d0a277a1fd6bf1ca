"""PyTorch's in-place names of the rectifiers: arrays are immutable, so they return the result."""

from __future__ import annotations

import jax

from fnn.functional import rectifier
from fnn.typing import ArrayLike, Key

__all__ = ["celu_", "elu_", "hardtanh_", "leaky_relu_", "relu_", "rrelu_", "selu_", "threshold_"]


def threshold_(input: ArrayLike, threshold: float, value: float) -> jax.Array:
    """As `threshold`; returns the result and leaves ``input`` as it is.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.threshold_(jnp.array([0.0, 2.0]), 1.0, 9.0).tolist()
        [9.0, 2.0]
    """
    return rectifier.threshold(input, threshold, value)


def relu_(input: ArrayLike) -> jax.Array:
    """As `relu`; returns the result and leaves ``input`` as it is.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.relu_(jnp.array([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """
    return rectifier.relu(input)


def hardtanh_(input: ArrayLike, min_val: float = -1.0, max_val: float = 1.0) -> jax.Array:
    """As `hardtanh`; returns the result and leaves ``input`` as it is.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.hardtanh_(jnp.array([-3.0, 0.5])).tolist()
        [-1.0, 0.5]
    """
    return rectifier.hardtanh(input, min_val, max_val)


def elu_(input: ArrayLike, alpha: float = 1.0) -> jax.Array:
    """As `elu`; returns the result and leaves ``input`` as it is.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.elu_(jnp.array([0.0, 2.0])).tolist()
        [0.0, 2.0]
    """
    return rectifier.elu(input, alpha)


def selu_(input: ArrayLike) -> jax.Array:
    """As `selu`; returns the result and leaves ``input`` as it is.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.selu_(jnp.array([0.0])).tolist()
        [0.0]
    """
    return rectifier.selu(input)


def celu_(input: ArrayLike, alpha: float = 1.0) -> jax.Array:
    """As `celu`; returns the result and leaves ``input`` as it is.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.celu_(jnp.array([0.0, 2.0])).tolist()
        [0.0, 2.0]
    """
    return rectifier.celu(input, alpha)


def leaky_relu_(input: ArrayLike, negative_slope: float = 0.01) -> jax.Array:
    """As `leaky_relu`; returns the result and leaves ``input`` as it is.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.leaky_relu_(jnp.array([-100.0, 2.0])).tolist()
        [-1.0, 2.0]
    """
    return rectifier.leaky_relu(input, negative_slope)


def rrelu_(
    input: ArrayLike, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, *, key: Key | None = None
) -> jax.Array:
    """As `rrelu`; returns the result and leaves ``input`` as it is.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.rrelu_(jnp.array([-1.0, 2.0]), 0.5, 0.5).tolist()
        [-0.5, 2.0]
    """
    return rectifier.rrelu(input, lower, upper, training, key=key)
