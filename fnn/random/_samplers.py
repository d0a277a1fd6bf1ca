"""The samplers that every layer draws from: `jax.random` under a JAX key, PyTorch's numbers under a `Generator`."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from fnn import dtypes, tracing
from fnn.drawn import Drawn
from fnn.host_random import Generator
from fnn.random._keys import AnyKey, usable
from fnn.typing import ArrayLike, DType

__all__ = ["bernoulli", "exponential", "normal", "on_device", "randint", "randperm", "uniform"]


def on_device(values: np.ndarray) -> jax.Array:
    """A concrete JAX array that takes over freshly made host values, also in a trace; compiles nothing.

    Example:
        >>> import numpy as np
        >>> from fnn import random
        >>> random.on_device(np.arange(3, dtype=np.float32))
        Array([0., 1., 2.], dtype=float32)
    """
    draw = values.draw if isinstance(values, Drawn) else None
    if draw is not None and draw.given is not None:
        draw.array = draw.given
        return draw.given
    if draw is not None:
        values = np.array(values)
    array = tracing.on_default_device(values)
    if draw is None:
        return array
    draw.array = array
    return tracing.as_traced(array)  # so that Python cannot compute with the numbers of this call


def uniform(
    key: AnyKey, shape: Sequence[int], dtype: DType | None = None, low: float = 0.0, high: float = 1.0
) -> jax.Array:
    """Numbers from the uniform distribution on [low, high).

    Example:
        >>> import jax
        >>> from fnn import init
        >>> w = init.uniform(jax.random.key(0), (100,), low=-1.0, high=1.0)
        >>> bool(abs(w).max() <= 1)
        True
    """
    key, shape, dtype = usable(key, "uniform"), tuple(shape), dtypes.canonical(dtype, "uniform: ")
    if isinstance(key, Generator):
        return on_device(key.uniform(shape, dtype, low, high))
    return jax.random.uniform(key, shape, dtype, low, high)


def normal(
    key: AnyKey, shape: Sequence[int], dtype: DType | None = None, mean: float = 0.0, std: float = 1.0
) -> jax.Array:
    """Numbers from the normal distribution with this mean and standard deviation.

    Example:
        >>> import jax
        >>> from fnn import init
        >>> init.normal(jax.random.key(0), (2, 3), std=0.1).shape
        (2, 3)
    """
    key, shape, dtype = usable(key, "normal"), tuple(shape), dtypes.canonical(dtype, "normal: ")
    if isinstance(key, Generator):
        return on_device(key.normal(shape, dtype, mean, std))
    return jax.random.normal(key, shape, dtype) * jnp.asarray(std, dtype) + jnp.asarray(mean, dtype)


def bernoulli(key: AnyKey, p: ArrayLike, shape: Sequence[int]) -> jax.Array:
    """Booleans that are True with probability ``p``.

    Example:
        >>> import jax
        >>> from fnn import random
        >>> random.bernoulli(jax.random.key(0), 0.5, (3,)).shape
        (3,)
    """
    key, shape = usable(key, "bernoulli"), tuple(shape)
    if isinstance(key, Generator):
        return on_device(key.bernoulli(float(np.asarray(p)), shape))
    return jax.random.bernoulli(key, jnp.asarray(p), shape)


def exponential(key: AnyKey, shape: Sequence[int], dtype: DType | None = None) -> jax.Array:
    """Numbers from the exponential distribution of rate 1.

    Example:
        >>> import jax
        >>> from fnn import random
        >>> random.exponential(jax.random.key(0), (3,)).shape
        (3,)
    """
    key, shape, dtype = usable(key, "exponential"), tuple(shape), dtypes.canonical(dtype, "exponential: ")
    if isinstance(key, Generator):
        return on_device(key.exponential(shape, dtype))
    return jax.random.exponential(key, shape, dtype)


def randint(key: AnyKey, low: int, high: int, shape: Sequence[int], dtype: DType | None = None) -> jax.Array:
    """Integers in [low, high); ``dtype`` None is PyTorch's int64 where x64 mode is on, else int32.

    Example:
        >>> import jax
        >>> from fnn import random
        >>> random.randint(jax.random.key(0), 0, 9, (3,)).shape
        (3,)
    """
    key, shape = usable(key, "randint"), tuple(shape)
    dtype = dtypes.index_dtype() if dtype is None else dtypes.canonical(dtype, "randint: ")
    if isinstance(key, Generator):
        return on_device(key.randint(low, high, shape, dtype))
    if jnp.issubdtype(dtype, jnp.integer):
        return jax.random.randint(key, shape, low, high, dtype)
    return jax.random.randint(key, shape, low, high).astype(dtype)


def randperm(key: AnyKey, n: int) -> jax.Array:
    """A permutation of 0, ..., n-1.

    Example:
        >>> import jax
        >>> from fnn import random
        >>> random.randperm(jax.random.key(0), 3).shape
        (3,)
    """
    key = usable(key, "randperm")
    if isinstance(key, Generator):
        return on_device(key.randperm(n).astype(dtypes.index_dtype()))
    return jax.random.permutation(key, n).astype(dtypes.index_dtype())
