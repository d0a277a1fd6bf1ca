"""Parameters as one vector, and back."""

from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.state.box import Box
from fnn.typing import ArrayLike

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Any]) -> jax.Array:
    """All elements of the parameters, in order.

    Args:
        parameters: Parameters (or arrays) of any shapes.

    Returns:
        (total number of elements,)

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> print(nn.utils.parameters_to_vector([nn.Parameter(jnp.ones((1, 2))), nn.Parameter(jnp.zeros(1))]))
        [1. 1. 0.]
    """
    arrays = [to_array(p, "parameters", "parameters_to_vector: ").reshape(-1) for p in parameters]
    if not arrays:
        raise ArgumentError("parameters_to_vector: expected a non-empty list of parameters")
    return jnp.concatenate(arrays)


def vector_to_parameters(vec: ArrayLike, parameters: Iterable[Any]) -> None:
    """Assigns consecutive parts of a vector to the parameters.

    Args:
        vec: (at least the total number of elements,)
        parameters: the Parameters to overwrite.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> p = nn.Parameter(jnp.zeros((1, 2)))
        >>> nn.utils.vector_to_parameters(jnp.array([1.0, 2.0]), [p])
        >>> print(p.data)
        [[1. 2.]]
    """
    if not isinstance(vec, (jax.Array, np.ndarray, Box)):
        raise ArgumentTypeError(f"vector_to_parameters: expected an array, but got: {type(vec).__name__}")
    vec = to_array(vec, "vec", "vector_to_parameters: ")
    boxes = list(parameters)
    total = sum(box.size for box in boxes)
    if vec.ndim != 1 or vec.size < total:
        raise ArgumentError(
            f"vector_to_parameters: the parameters have {total} elements, but vec has shape {list(vec.shape)}"
        )
    start = 0
    for box in boxes:
        box.data = vec[start : start + box.size].reshape(box.shape)
        start += box.size
