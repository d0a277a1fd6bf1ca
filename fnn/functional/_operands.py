"""How a floating operation takes its operands: what it refuses, and what precision it computes in."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from fnn.dtypes import get_default_dtype, is_complex, is_floating, to_array
from fnn.errors import ArgumentTypeError

_HALF = (jnp.bfloat16, jnp.float16)


def floating(x: Any, where: str, name: str = "input", complex_too: bool = False) -> jax.Array:
    """``x`` as an array of a floating dtype (a complex one too, if asked for).

    Raises:
        ArgumentTypeError: any other dtype; PyTorch has no kernel for it either.
    """
    x = to_array(x, name, where)
    if is_floating(x) or (complex_too and is_complex(x)):
        return x
    raise ArgumentTypeError(f"{where}not implemented for {name}.dtype={x.dtype}; expected a floating dtype")


def inexact(x: Any, where: str) -> jax.Array:
    """``x`` as a floating or complex array; integers and booleans become the default float dtype."""
    x = to_array(x, "input", where)
    return x if is_floating(x) or is_complex(x) else x.astype(get_default_dtype())


def widen(x: jax.Array) -> jax.Array:
    """bfloat16 and float16 as float32, in which PyTorch computes for them; the rest as it is."""
    return lax.convert_element_type(x, jnp.float32) if x.dtype in _HALF else x


def narrow(x: jax.Array, like: jax.Array) -> jax.Array:
    """``x`` rounded to the dtype of ``like``: the end of what `widen` began."""
    return lax.convert_element_type(x, like.dtype)


def broadcast(vector: jax.Array, like: jax.Array, dims: tuple[int, ...]) -> jax.Array:
    """``vector``, whose dimensions are the ``dims`` of ``like``, in the shape of ``like``."""
    return lax.broadcast_in_dim(vector, like.shape, dims)
