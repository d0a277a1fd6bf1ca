"""Random arrays by PyTorch's names: ``rand``, ``randn``, ``randint``, ``randperm``, ``normal``, ``bernoulli``, ...

The signatures, refusals and numbers of the functions of the same names in ``torch``.  Without a ``generator`` they
draw from the global one, from the scope's key inside `fnn.jit`, and from the construction's source inside a module
constructor; ``generator`` may also be a JAX key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn import dtypes, random, tracing
from fnn.devices import to_device
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.random import Generator
from fnn.typing import ArrayLike, Device, DType, Ints, Key

__all__ = [
    "rand",
    "randn",
    "randint",
    "randperm",
    "rand_like",
    "randn_like",
    "randint_like",
    "normal",
    "bernoulli",
    "multinomial",
]


def rand(
    *sizes: Ints,
    size: Ints | None = None,
    generator: Key | None = None,
    dtype: DType | None = None,
    device: Device | None = None,
) -> jax.Array:
    """Uniform numbers from [0, 1).

    Args:
        *sizes: the shape, as several integers or one sequence.
        size: the shape by name.
        generator: a `fnn.random.Generator` or a JAX key.
        dtype: a floating dtype.
        device: where the result lies.

    >>> import fnn.random
    >>> rand(2, generator=fnn.random.Generator().manual_seed(0))
    Array([0.4962566, 0.7682218], dtype=float32)
    """
    dtype = _floating(dtype, "rand")
    shape = _named_shape(sizes, size, "rand")
    return _place(random.uniform(_key(generator, "rand"), shape, dtype), device, "rand")


def randn(
    *sizes: Ints,
    size: Ints | None = None,
    generator: Key | None = None,
    dtype: DType | None = None,
    device: Device | None = None,
) -> jax.Array:
    """Numbers from the standard normal distribution; the arguments are those of `rand`.

    Example:
        >>> import fnn
        >>> _ = fnn.manual_seed(0)
        >>> print(fnn.randn(3))
        [ 1.5409961 -0.2934289 -2.1787894]
    """
    dtype = _floating(dtype, "randn")
    shape = _named_shape(sizes, size, "randn")
    return _place(random.normal(_key(generator, "randn"), shape, dtype), device, "randn")


def randint(
    *args: Ints,
    low: int | None = None,
    high: int | None = None,
    size: Sequence[int] | None = None,
    generator: Key | None = None,
    dtype: DType | None = None,
    device: Device | None = None,
) -> jax.Array:
    """Integers from [low, high): ``randint(high, size)`` or ``randint(low, high, size)``.

    Args:
        *args: [low,] high, size, where these are not given by name.
        low: the lowest integer to be drawn (0).
        high: one above the highest.
        size: the shape.
        generator: a `fnn.random.Generator` or a JAX key.
        dtype: PyTorch's int64 where x64 mode is on, else int32.
        device: where the result lies.

    Example:
        >>> import fnn
        >>> _ = fnn.manual_seed(0)
        >>> print(fnn.randint(0, 10, (4,)))
        [4 9 3 0]
    """
    bounds = list(args)
    if size is None and bounds and not isinstance(bounds[-1], (int, np.integer)):
        size = cast("Sequence[int]", bounds.pop())
    low, high = _bounds(bounds, low, high, "randint")
    if size is None or isinstance(size, (int, np.integer)):
        raise ArgumentTypeError(f"randint: expected size as a sequence of integers, got args={args}, size={size!r}")
    return _integers(low, high, _shape((size,), "randint"), generator, dtype, device, "randint")


def randperm(
    n: int, *, generator: Key | None = None, dtype: DType | None = None, device: Device | None = None
) -> jax.Array:
    """A random permutation of 0, ..., n-1; ``dtype`` None is int64 where x64 mode is on, else int32.

    Example:
        >>> import fnn
        >>> _ = fnn.manual_seed(0)
        >>> print(fnn.randperm(5))
        [4 0 1 3 2]
    """
    if n < 0:
        raise ArgumentError(f"randperm: Trying to create tensor with negative dimension {n}: [{n}]")
    dtype = dtypes.index_dtype() if dtype is None else dtypes.canonical(dtype, "randperm: ")
    if jnp.issubdtype(dtype, jnp.integer) and n - 1 > jnp.iinfo(dtype).max:
        raise ArgumentError(f"randperm: n - 1 is out of bounds for dtype={dtype.name}, got n={n}")
    return _place(random.randperm(_key(generator, "randperm"), n).astype(dtype), device, "randperm")


def rand_like(
    input: ArrayLike, *, generator: Key | None = None, dtype: DType | None = None, device: Device | None = None
) -> jax.Array:
    """`rand` with the shape and, unless given, the dtype of ``input``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.rand_like(jnp.ones((2, 3))).shape
        (2, 3)
    """
    x = to_array(input, "input", "rand_like: ")
    return rand(x.shape, generator=generator, dtype=x.dtype if dtype is None else dtype, device=device)


def randn_like(
    input: ArrayLike, *, generator: Key | None = None, dtype: DType | None = None, device: Device | None = None
) -> jax.Array:
    """`randn` with the shape and, unless given, the dtype of ``input``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.randn_like(jnp.ones((2, 3))).shape
        (2, 3)
    """
    x = to_array(input, "input", "randn_like: ")
    return randn(x.shape, generator=generator, dtype=x.dtype if dtype is None else dtype, device=device)


def randint_like(
    input: ArrayLike,
    *args: int,
    low: int | None = None,
    high: int | None = None,
    generator: Key | None = None,
    dtype: DType | None = None,
    device: Device | None = None,
) -> jax.Array:
    """`randint` with the shape and, unless given, the dtype of ``input``: ``randint_like(input, [low,] high)``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.randint_like(jnp.ones((2, 3)), 10).shape
        (2, 3)
    """
    x = to_array(input, "input", "randint_like: ")
    low, high = _bounds(list(args), low, high, "randint_like")
    return _integers(low, high, x.shape, generator, x.dtype if dtype is None else dtype, device, "randint_like")


def normal(
    mean: ArrayLike,
    std: ArrayLike = 1.0,
    size: Sequence[int] | None = None,
    *,
    generator: Key | None = None,
    dtype: DType | None = None,
    device: Device | None = None,
) -> jax.Array:
    """Normal numbers, with a mean and a standard deviation each (arrays) or for all of ``size`` (numbers).

    Args:
        mean: a number, or an array that broadcasts with ``std``.
        std: a number, or an array that broadcasts with ``mean``.
        size: the shape, if both are numbers, and only then.
        generator: a `fnn.random.Generator` or a JAX key.
        dtype: with ``size`` only; otherwise it is the array's.
        device: where the result lies.

    Example:
        >>> import fnn
        >>> _ = fnn.manual_seed(0)
        >>> print(fnn.normal(10.0, 0.5, (2,)))
        [10.770498  9.853286]
    """
    numbers = [not hasattr(v, "shape") or isinstance(v, np.generic) for v in (mean, std)]
    if all(numbers) != (size is not None) or (dtype is not None and size is None):
        raise ArgumentTypeError(
            "normal: expected normal(mean, std, size) for numbers or normal(mean, std) with an array among them, "
            f"got mean={mean!r}, std={std!r}, size={size}, dtype={dtype}"
        )
    if numbers[1] and not cast(float, std) >= 0:
        raise ArgumentError(f"normal expects std >= 0.0, but found std {std}")
    key = _key(generator, "normal")
    if size is not None:
        dtype = _floating(dtype, "normal")
        return _place(
            random.normal(key, _shape((size,), "normal"), dtype, cast(float, mean), cast(float, std)), device, "normal"
        )
    centre = to_array(std if numbers[0] else mean, "std" if numbers[0] else "mean", "normal: ")
    dtype = _floating(centre.dtype, "normal")
    if numbers[1]:
        return _place(random.normal(key, centre.shape, dtype, 0.0, cast(float, std)) + centre, device, "normal")
    spread = to_array(std, "std", "normal: ")
    if not isinstance(spread, tracing.Tracer) and (np.asarray(spread) < 0).any():
        raise ArgumentError(f"normal expects all elements of std >= 0.0, got std={spread}")
    try:
        shape = spread.shape if numbers[0] else jnp.broadcast_shapes(centre.shape, spread.shape)
    except ValueError:
        raise ArgumentError(
            f"normal: The size of mean {list(centre.shape)} must match the size of std {list(spread.shape)}"
        ) from None
    draws = random.normal(key, shape, dtype) * jnp.broadcast_to(spread, shape).astype(dtype)
    shift = jnp.asarray(mean, dtype) if numbers[0] else jnp.broadcast_to(centre, shape)
    return _place(draws + shift, device, "normal")


def bernoulli(input: ArrayLike, p: float | None = None, *, generator: Key | None = None) -> jax.Array:
    """Ones with the probabilities ``input`` (or ``p``), zeros otherwise, in the shape and dtype of ``input``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> print(fnn.bernoulli(jnp.array([0.0, 1.0, 1.0])))
        [0. 1. 1.]
    """
    x = to_array(input, "input", "bernoulli: ")
    key = _key(generator, "bernoulli")
    if p is not None:
        if not 0 <= p <= 1:
            raise ArgumentError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
        return random.bernoulli(key, p, x.shape).astype(x.dtype)
    _floating(x.dtype, "bernoulli")
    if isinstance(key, Generator):
        if isinstance(x, tracing.Tracer):  # as `bernoulli_each`
            return (random.uniform(key, x.shape, jnp.promote_types(x.dtype, jnp.float32)) < x).astype(x.dtype)
        return random.on_device(key.bernoulli_each(np.asarray(x)).astype(x.dtype))
    return jax.random.bernoulli(key, x).astype(x.dtype)


def multinomial(
    input: ArrayLike, num_samples: int, replacement: bool = False, *, generator: Key | None = None
) -> jax.Array:
    """Indices drawn with probabilities proportional to each row of ``input``.

    Args:
        input: weights, (categories,) or (rows, categories); they need not sum to 1.
        num_samples: how many indices a row.
        replacement: whether an index may be drawn twice.
        generator: a `fnn.random.Generator` or a JAX key.

    Returns:
        indices, (num_samples,) or (rows, num_samples).

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> print(fnn.multinomial(jnp.array([0.0, 1.0, 0.0]), 2, replacement=True))
        [1 1]
    """
    weights = to_array(input, "input", "multinomial: ")
    if weights.ndim not in (1, 2):
        raise ArgumentError(f"multinomial: prob_dist must be 1 or 2 dim, got shape={list(weights.shape)}")
    if not dtypes.is_floating(weights):
        raise ArgumentTypeError(f"multinomial only supports floating-point dtypes for input, got: {weights.dtype}")
    categories = weights.shape[-1]
    if num_samples <= 0:
        raise ArgumentError(f"multinomial: cannot sample n_sample <= 0 samples, got num_samples={num_samples}")
    if not replacement and num_samples > categories:
        raise ArgumentError(
            "multinomial: cannot sample n_sample > prob_dist.size(-1) samples without replacement, "
            f"got num_samples={num_samples}, shape={list(weights.shape)}"
        )
    if categories > 1 << 24:
        raise ArgumentError(f"multinomial: number of categories cannot exceed 2^24, got {categories}")
    key = _key(generator, "multinomial")
    weights = lax.stop_gradient(weights)  # under `jax.grad` alone an array again
    if isinstance(key, Generator) and isinstance(weights, tracing.Tracer):
        if replacement and num_samples > 1:
            return _looked_up(weights, key, num_samples)
        scores = weights / random.exponential(key, weights.shape, weights.dtype)
        return jnp.argsort(-scores, axis=-1, stable=True)[..., :num_samples].astype(dtypes.index_dtype())
    if isinstance(key, Generator):
        drawn = key.multinomial(np.asarray(weights), num_samples, replacement)
        return random.on_device(drawn.astype(dtypes.index_dtype()))
    logits = lax.log(weights)
    shape = (*weights.shape[:-1], num_samples)
    if replacement:
        moved = jax.random.categorical(key, logits, shape=(num_samples, *weights.shape[:-1]), axis=-1)
        return jnp.moveaxis(moved, 0, -1).reshape(shape).astype(dtypes.index_dtype())
    scores = logits + jax.random.gumbel(key, weights.shape, weights.dtype)
    return lax.top_k(scores, num_samples)[1].astype(dtypes.index_dtype())


def _looked_up(weights: jax.Array, key: Generator, num_samples: int) -> jax.Array:
    """What `Generator.multinomial` draws with replacement, in a program: weights are added one after the other."""
    work = weights.astype(np.promote_types(np.float32, weights.dtype) if weights.dtype.itemsize > 2 else np.float32)
    rows = work.reshape(-1, work.shape[-1])

    def added(total: jax.Array, row: jax.Array) -> tuple[jax.Array, jax.Array]:
        return total + row, total + row

    total, cumulated = lax.scan(added, jnp.zeros_like(rows[:, 0]), rows.T)
    # By a division each: one by an array that is broadcast XLA takes for products with its reciprocal.
    cumulated = lax.map(lambda sums: sums / total, cumulated).T.at[:, -1].set(1)
    thresholds = random.on_device(key.thresholds((len(rows), num_samples), work.dtype))
    found = jax.vmap(jnp.searchsorted)(cumulated, thresholds)
    return found.astype(dtypes.index_dtype()).reshape(*weights.shape[:-1], num_samples)


def _key(generator: Key | None, what: str) -> Any:
    return random.draw_key(what) if generator is None else random.resolve(generator, what)


def _floating(dtype: DType | None, what: str) -> np.dtype:
    dtype = dtypes.canonical(dtype, f"{what}: ")
    if not jnp.issubdtype(dtype, jnp.inexact):
        raise ArgumentTypeError(f"{what}: not implemented for dtype={dtype.name}, expected a floating dtype")
    return dtype


def _named_shape(sizes: tuple[Ints, ...], size: Ints | None, name: str) -> tuple[int, ...]:
    if sizes and size is not None:
        raise ArgumentTypeError(f"{name}: the shape must be given once, got {sizes} and size={size!r}")
    return _shape(sizes if size is None else (size,), name)


def _shape(size: Sequence[Any], what: str) -> tuple[int, ...]:
    if not size:
        raise ArgumentTypeError(f"{what}: expected a size such as {what}(2, 3) or {what}(()), got none")
    given = size[0] if len(size) == 1 and not isinstance(size[0], (int, np.integer)) else size
    try:
        shape = tuple(n.__index__() for n in given)
    except (AttributeError, TypeError):
        raise ArgumentTypeError(f"{what}: expected size as integers or one sequence of them, got {size}") from None
    if any(n < 0 for n in shape):
        raise ArgumentError(f"{what}: Trying to create tensor with negative dimension {min(shape)}: {list(shape)}")
    return shape


def _bounds(given: list[Any], low: int | None, high: int | None, what: str) -> tuple[int, int]:
    top = given.pop() if high is None and given else high
    bottom = low if low is not None else given.pop() if given else 0
    if given or not isinstance(top, (int, np.integer)) or not isinstance(bottom, (int, np.integer)):
        raise ArgumentTypeError(f"{what}: expected [low,] high as integers, got low={bottom!r}, high={top!r}")
    return int(bottom), int(top)


def _integers(
    low: int,
    high: int,
    shape: tuple[int, ...],
    generator: Key | None,
    dtype: DType | None,
    device: Device | None,
    what: str,
) -> jax.Array:
    if low >= high:
        raise ArgumentError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    dtype = dtypes.index_dtype() if dtype is None else dtypes.canonical(dtype, f"{what}: ")
    if jnp.issubdtype(dtype, jnp.integer):
        for name, bound in (("from", low), ("to - 1", high - 1)):
            if not jnp.iinfo(dtype).min <= bound <= jnp.iinfo(dtype).max:
                raise ArgumentError(f"{what}: {name} is out of bounds for {dtype.name}, got low={low}, high={high}")
    return _place(random.randint(_key(generator, what), low, high, shape, dtype), device, what)


def _place(x: jax.Array, device: Device | None, what: str) -> jax.Array:
    return x if device is None else jax.device_put(x, to_device(device, f"{what}: "))
