"""Pure initialisers: ``f(key, shape, dtype=None, ...) -> jax.Array``.

The distributions, defaults and (under a `fnn.random.Generator`) the numbers of ``torch.nn.init``.  ``key`` is
anything that `fnn.random` draws from; the initialisers that draw nothing take one too, and ignore it, so that
all have one signature.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn import dtypes, random
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.random import AnyKey, Generator, normal, uniform
from fnn.typing import DType, Scalar, Shape

__all__ = [
    "calculate_gain",
    "constant",
    "dirac",
    "eye",
    "fan_in_and_fan_out",
    "full",
    "kaiming_normal",
    "kaiming_uniform",
    "normal",
    "ones",
    "orthogonal",
    "sparse",
    "trunc_normal",
    "uniform",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]


# -- fans and gains ---------------------------------------------------------------------------------

_LINEAR = {"linear", "sigmoid"} | {f"conv{t}{n}d" for t in ("", "_transpose") for n in (1, 2, 3)}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The recommended gain before this nonlinearity (``param``: the negative slope of a leaky_relu).

    Example:
        >>> from fnn import init
        >>> init.calculate_gain("leaky_relu", 3**0.5)
        0.7071067811865476
    """
    if nonlinearity in _LINEAR:
        return 1
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ArgumentError(f"negative_slope {slope} not a valid number")
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity == "selu":
        return 3.0 / 4
    raise ArgumentError(f"Unsupported nonlinearity {nonlinearity}")


def fan_in_and_fan_out(shape: Shape) -> tuple[int, int]:
    """The inputs of an output and the outputs of an input, of a weight (out, in, *kernel).

    Example:
        >>> from fnn import init
        >>> init.fan_in_and_fan_out((16, 3, 5, 5))
        (75, 400)
    """
    if len(shape) < 2:
        raise ArgumentError(
            f"Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, got shape={tuple(shape)}"
        )
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def _fan(shape: Shape, mode: str) -> int:
    modes = ["fan_in", "fan_out"]
    if mode.lower() not in modes:
        raise ArgumentError(f"Mode {mode} not supported, please use one of {modes}")
    return fan_in_and_fan_out(shape)[modes.index(mode.lower())]


# -- constants --------------------------------------------------------------------------------------


def full(key: AnyKey, shape: Shape, value: Scalar, dtype: DType | None = None) -> jax.Array:
    """``value`` everywhere. Eager it compiles nothing; in a trace it is a broadcast.

    Example:
        >>> import jax
        >>> from fnn import init
        >>> print(init.full(jax.random.key(0), (2,), 7.0))
        [7. 7.]
    """
    del key
    shape, dtype = tuple(shape), dtypes.canonical(dtype, "full: ")
    if isinstance(value, jax.Array) or random.is_staging():
        return lax.full(shape, value, dtype)
    return random.on_device(np.full(shape, value, dtype))


def constant(key: AnyKey, shape: Shape, dtype: DType | None = None, val: float = 0.0) -> jax.Array:
    """``val`` everywhere: `full` with the argument order of the other initialisers.

    Example:
        >>> import jax
        >>> from fnn import init
        >>> print(init.constant(jax.random.key(0), (2,), val=0.3))
        [0.3 0.3]
    """
    return full(key, shape, val, dtype)


def zeros(key: AnyKey, shape: Shape, dtype: DType | None = None) -> jax.Array:
    """0 everywhere.

    Example:
        >>> import jax
        >>> from fnn import init
        >>> print(init.zeros(jax.random.key(0), (2,)))
        [0. 0.]
    """
    return full(key, shape, 0, dtype)


def ones(key: AnyKey, shape: Shape, dtype: DType | None = None) -> jax.Array:
    """1 everywhere.

    Example:
        >>> import jax
        >>> from fnn import init
        >>> print(init.ones(jax.random.key(0), (2,)))
        [1. 1.]
    """
    return full(key, shape, 1, dtype)


def eye(key: AnyKey, shape: Shape, dtype: DType | None = None) -> jax.Array:
    """The identity matrix, cut or padded to ``shape``.

    Example:
        >>> import jax
        >>> from fnn import init
        >>> print(init.eye(jax.random.key(0), (2, 3)))
        [[1. 0. 0.]
         [0. 1. 0.]]
    """
    del key
    if len(shape) != 2:
        raise ArgumentError(f"Only tensors with 2 dimensions are supported, got shape={tuple(shape)}")
    return random.on_device(np.eye(*shape, dtype=dtypes.canonical(dtype, "eye: ")))


def dirac(key: AnyKey, shape: Shape, dtype: DType | None = None, groups: int = 1) -> jax.Array:
    """The convolution kernel (out, in, *kernel) that hands channels on unchanged, within each group.

    Example:
        >>> import jax
        >>> from fnn import init
        >>> print(init.dirac(jax.random.key(0), (1, 1, 3)))
        [[[0. 1. 0.]]]
    """
    del key
    if len(shape) not in (3, 4, 5):
        raise ArgumentError(f"Only tensors with 3, 4, or 5 dimensions are supported, got shape={tuple(shape)}")
    if shape[0] % groups:
        raise ArgumentError(f"dim 0 must be divisible by groups, got shape={tuple(shape)}, groups={groups}")
    kernel = np.zeros(shape, dtypes.canonical(dtype, "dirac: "))
    centre = tuple(n // 2 for n in shape[2:])
    per_group = shape[0] // groups
    for g in range(groups):
        for d in range(min(per_group, shape[1])):
            kernel[(g * per_group + d, d, *centre)] = 1
    return random.on_device(kernel)


# -- distributions ----------------------------------------------------------------------------------


def xavier_uniform(key: AnyKey, shape: Shape, dtype: DType | None = None, gain: float = 1.0) -> jax.Array:
    """U(-a, a) with a = gain * sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010).

    Example:
        >>> import jax
        >>> from fnn import init
        >>> w = init.xavier_uniform(jax.random.key(0), (100, 50))
        >>> bool(abs(w).max() <= (6 / 150) ** 0.5)
        True
    """
    bound = math.sqrt(3.0) * (gain * math.sqrt(2.0 / float(sum(fan_in_and_fan_out(shape)))))
    return uniform(key, shape, dtype, -bound, bound)


def xavier_normal(key: AnyKey, shape: Shape, dtype: DType | None = None, gain: float = 1.0) -> jax.Array:
    """N(0, std^2) with std = gain * sqrt(2 / (fan_in + fan_out)) (Glorot & Bengio 2010).

    Example:
        >>> import jax
        >>> from fnn import init
        >>> w = init.xavier_normal(jax.random.key(0), (200, 200))
        >>> print(w.std().round(2))
        0.07
    """
    return normal(key, shape, dtype, 0.0, gain * math.sqrt(2.0 / float(sum(fan_in_and_fan_out(shape)))))


def kaiming_uniform(
    key: AnyKey,
    shape: Shape,
    dtype: DType | None = None,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
) -> jax.Array:
    """U(-b, b) with b = gain * sqrt(3 / fan) (He et al. 2015).

    Example:
        >>> import jax
        >>> from fnn import init
        >>> w = init.kaiming_uniform(jax.random.key(0), (100, 50))
        >>> bool(abs(w).max() <= (6 / 50) ** 0.5)
        True
    """
    if 0 in shape:
        return zeros(None, shape, dtype)
    bound = math.sqrt(3.0) * (calculate_gain(nonlinearity, a) / math.sqrt(_fan(shape, mode)))
    return uniform(key, shape, dtype, -bound, bound)


def kaiming_normal(
    key: AnyKey,
    shape: Shape,
    dtype: DType | None = None,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
) -> jax.Array:
    """N(0, std^2) with std = gain / sqrt(fan) (He et al. 2015).

    Example:
        >>> import jax
        >>> from fnn import init
        >>> w = init.kaiming_normal(jax.random.key(0), (200, 200))
        >>> print(w.std().round(2))
        0.099999994
    """
    if 0 in shape:
        return zeros(None, shape, dtype)
    return normal(key, shape, dtype, 0.0, calculate_gain(nonlinearity, a) / math.sqrt(_fan(shape, mode)))


def trunc_normal(
    key: AnyKey,
    shape: Shape,
    dtype: DType | None = None,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
) -> jax.Array:
    """N(mean, std^2) restricted to [a, b].

    Args:
        key: a JAX key or a Generator.
        shape: of the result.
        dtype: of the result.
        mean: of the normal distribution before the cut.
        std: of the normal distribution before the cut.
        a: the lower bound, as a value (not in units of ``std``).
        b: the upper bound.

    Example:
        >>> import jax
        >>> from fnn import init
        >>> w = init.trunc_normal(jax.random.key(0), (1000,), std=1.0, a=-2.0, b=2.0)
        >>> bool(abs(w).max() <= 2)
        True
    """
    lower, upper = (a - mean) / std, (b - mean) / std
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect.",
            stacklevel=2,
        )
    key, dtype = random.resolve(key, "trunc_normal"), dtypes.canonical(dtype, "trunc_normal: ")
    if not isinstance(key, Generator):
        unit = jax.random.truncated_normal(key, lower, upper, tuple(shape), dtype)
        scaled = unit * jnp.asarray(std, dtype) + jnp.asarray(mean, dtype)
        return lax.clamp(jnp.asarray(a, dtype), scaled, jnp.asarray(b, dtype))
    return random.on_device(_truncated(key, tuple(shape), dtype, mean, std, a, b))


def _truncated(
    generator: Generator, shape: tuple[int, ...], dtype: np.dtype, mean: float, std: float, a: float, b: float
) -> np.ndarray:
    """PyTorch's draws: normals redrawn until inside; where that is wasteful, rejection from the uniform."""

    def cdf(x: float) -> float:
        return (1.0 + math.erf(x / math.sqrt(2.0))) / 2.0

    if cdf((b - mean) / std) - cdf((a - mean) / std) > 0.3:
        low, high = dtype.type(a), dtype.type(b)
        result = generator.normal(shape, dtype, mean, std)
        while (outside := (result < low) | (result > high)).any():
            result = np.where(outside, generator.normal(shape, dtype, mean, std), result)
        return result
    mode = max(a, min(mean, b))
    log_peak = -0.5 * ((mode - mean) / std) ** 2
    result, pending = np.empty(shape, dtype), np.ones(shape, bool)
    while pending.any():
        candidates = generator.uniform(shape, dtype, a, b)
        result = np.where(pending, candidates, result)
        # Below the density of the normal, relative to its peak in [a, b]; every step rounded to dtype.
        work = np.dtype(np.float64 if dtype == np.float64 else np.float32).type
        density = candidates
        steps = ((np.subtract, mean), (np.divide, std), (np.power, 2), (np.multiply, -0.5), (np.subtract, log_peak))
        for step, value in steps:
            density = step(density.astype(work), work(value)).astype(dtype)
        with np.errstate(divide="ignore"):
            height = np.log(generator.uniform(shape, dtype).astype(work)).astype(dtype)
        pending &= height > density
    return result


def orthogonal(key: AnyKey, shape: Shape, dtype: DType | None = None, gain: float = 1) -> jax.Array:
    """A (semi-)orthogonal matrix (out, everything else) times ``gain`` (Saxe et al. 2013).

    Example:
        >>> import jax
        >>> from fnn import init
        >>> w = init.orthogonal(jax.random.key(0), (3, 3))
        >>> print(abs((w @ w.T).round(3)))
        [[1. 0. 0.]
         [0. 1. 0.]
         [0. 0. 1.]]
    """
    if len(shape) < 2:
        raise ArgumentError(f"Only tensors with 2 or more dimensions are supported, got shape={tuple(shape)}")
    if 0 in shape:
        return zeros(None, shape, dtype)
    key, dtype = random.resolve(key, "orthogonal"), dtypes.canonical(dtype, "orthogonal: ")
    if dtype.itemsize < 4:
        raise ArgumentTypeError(f"orthogonal: the QR decomposition is not implemented for dtype={dtype}")
    rows, cols = shape[0], math.prod(shape[1:])
    if not isinstance(key, Generator):
        return _orthogonal(jnp, normal(key, (rows, cols), dtype)).reshape(tuple(shape)) * jnp.asarray(gain, dtype)
    matrix = _orthogonal(np, key.normal((rows, cols), dtype)) * dtype.type(gain)
    return random.on_device(np.ascontiguousarray(matrix).reshape(tuple(shape)))


def _orthogonal(xp: Any, normals: Any) -> Any:
    wide = normals.shape[0] < normals.shape[1]
    q, r = xp.linalg.qr(normals.T if wide else normals)
    q = q * xp.sign(xp.diagonal(r))[None, :]  # makes q uniform over the group (arXiv:math-ph/0609050)
    return q.T if wide else q


def sparse(
    key: AnyKey, shape: Shape, dtype: DType | None = None, sparsity: float = 0.1, std: float = 0.01
) -> jax.Array:
    """N(0, std^2) with the fraction ``sparsity`` of each column set to 0 (Martens 2010).

    Example:
        >>> import jax
        >>> from fnn import init
        >>> w = init.sparse(jax.random.key(0), (10, 4), sparsity=0.3)
        >>> print((w == 0).sum(0))
        [3 3 3 3]
    """
    if len(shape) != 2:
        raise ArgumentError(f"Only tensors with 2 dimensions are supported, got shape={tuple(shape)}")
    key, dtype = random.resolve(key, "sparse"), dtypes.canonical(dtype, "sparse: ")
    rows, cols = shape
    zeroed = math.ceil(sparsity * rows)
    if isinstance(key, Generator):
        matrix = key.normal((rows, cols), dtype, 0.0, std)
        for column in range(cols):
            # PyTorch draws these from the global generator, even where another one drew the values.
            matrix[random.default_generator.randperm(rows)[:zeroed], column] = 0
        return random.on_device(matrix)
    of_values, of_order = jax.random.split(key)
    ranks = lax.broadcasted_iota(jnp.int32, (rows, cols), 0)
    ranks = jax.random.permutation(of_order, ranks, axis=0, independent=True)
    return jnp.where(ranks < zeroed, jnp.zeros((), dtype), normal(of_values, (rows, cols), dtype, 0.0, std))
