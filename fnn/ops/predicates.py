"""What an array is: questions that are answered from its dtype and shape, and ``is_nonzero``."""

from __future__ import annotations

import jax
import numpy as np

from fnn import dtypes
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.typing import ArrayLike

__all__ = ["is_complex", "is_floating_point", "is_nonzero", "is_same_size", "is_signed", "is_tensor"]


def is_tensor(obj: object) -> bool:
    """Whether ``obj`` is an array of JAX's, a Parameter or a Buffer.

    >>> import jax.numpy as jnp
    >>> is_tensor(jnp.ones(2)), is_tensor([1, 1])
    (True, False)
    """
    return isinstance(obj, jax.Array)


def is_floating_point(input: ArrayLike) -> bool:
    """Whether the dtype is a real floating one.

    >>> import jax.numpy as jnp
    >>> is_floating_point(jnp.ones(2, jnp.bfloat16))
    True
    """
    return dtypes.is_floating(to_array(input, "input", "is_floating_point: "))


def is_complex(input: ArrayLike) -> bool:
    """Whether the dtype is complex.

    >>> import jax.numpy as jnp
    >>> is_complex(jnp.ones(2))
    False
    """
    return dtypes.is_complex(to_array(input, "input", "is_complex: "))


def is_signed(input: ArrayLike) -> bool:
    """Whether the dtype has negative numbers.

    >>> import jax.numpy as jnp
    >>> is_signed(jnp.ones(2, jnp.uint8))
    False
    """
    return to_array(input, "input", "is_signed: ").dtype.kind not in "bu"


def is_same_size(input: ArrayLike, other: ArrayLike) -> bool:
    """Whether two arrays have the same shape.

    >>> import jax.numpy as jnp
    >>> is_same_size(jnp.ones(2), jnp.ones((2, 1)))
    False
    """
    first, second = to_array(input, "input", "is_same_size: "), to_array(other, "other", "is_same_size: ")
    return first.shape == second.shape


def is_nonzero(input: ArrayLike) -> bool:
    """Whether the one element is not zero.

    Raises:
        ArgumentError: there is more than one, or none.

    >>> import jax.numpy as jnp
    >>> is_nonzero(jnp.array([2]))
    True
    """
    x = to_array(input, "input", "is_nonzero: ")
    if x.size != 1:
        raise ArgumentError(
            f"is_nonzero: Boolean value of Tensor with {x.size} values is ambiguous, got shape={x.shape}"
        )
    return bool(np.asarray(x).reshape(()))
