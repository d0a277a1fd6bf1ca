"""Normalisation without running statistics: layer, group and RMS norm, and unit vectors.

Half inputs are normalised in float32 and rounded once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from fnn.arguments import floating, integer, integers, listed, narrow, norm_parameters, widen, wrap_dim
from fnn.autocasting import governed
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.functional.vector_norm import divided_by_norm
from fnn.kernels.normalise import normalise
from fnn.kernels.squares import scaled_squares
from fnn.tracing import transposition
from fnn.typing import ArrayLike, Ints

__all__ = ["group_norm", "layer_norm", "normalize", "rms_norm"]


def _trailing(where: str, x: jax.Array, normalized_shape: Ints, params: dict[str, jax.Array | None]) -> tuple[int, ...]:
    """The axes of ``normalized_shape``, which the input's shape must end in and the parameters' must be."""
    shape = integers(normalized_shape, "normalized_shape", where)
    if isinstance(shape, int) or not shape:
        raise ArgumentError(
            f"{where}Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, "
            f"but got normalized_shape = {shape if isinstance(shape, int) else []}"
        )
    for name, value in params.items():
        if value is not None and value.shape != shape:
            raise ArgumentError(
                f"{where}Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{listed(value.shape)} and normalized_shape = {listed(shape)}"
            )
    if x.shape[x.ndim - len(shape) :] != shape or x.ndim < len(shape):
        raise ArgumentError(
            f"{where}Given normalized_shape={listed(shape)}, expected input with shape "
            f"[*, {', '.join(map(str, shape))}], but got input of size{listed(x.shape)}"
        )
    return tuple(range(x.ndim - len(shape), x.ndim))


@governed
def layer_norm(
    input: ArrayLike,
    normalized_shape: Sequence[int],
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    eps: float = 1e-5,
) -> jax.Array:
    r"""Normalises over the last dimensions (arXiv:1607.06450): ``(x - mean) / sqrt(var + eps) * weight + bias``.

    Args:
        input: (\*, \*normalized_shape), floating.
        normalized_shape: the sizes of the dimensions to normalise over.
        weight: of shape normalized_shape, or None.
        bias: of shape normalized_shape, or None.
        eps: added to the (biased) variance.

    Returns:
        The shape and dtype of ``input``.

    Raises:
        ArgumentError: the shapes do not fit together.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.layer_norm(jnp.array([[1.0, 3.0], [10.0, 10.0]]), (2,), bias=jnp.ones(2)).round(3)
        Array([[0., 2.],
               [1., 1.]], dtype=float32)
    """
    where = "layer_norm: "
    x = floating(input, where)
    params = norm_parameters(where, x, {"weight": weight, "bias": bias})
    axes = _trailing(where, x, normalized_shape, params)
    if x.size == 0:
        return x
    weight, bias = params["weight"], params["bias"]
    first = x.ndim - 1
    if len(axes) == 1 and transposition(x) == (0, *range(2, x.ndim), 1):
        # channels that were first and will be again: where they were the transpositions cancel, and none is made
        back = lax.transpose(widen(x), (0, first, *range(1, first)))
        y = _standard(back, (1,), eps, weight, bias, (1,))
        return narrow(lax.transpose(y, (0, *range(2, x.ndim), 1)), x)
    return narrow(_standard(widen(x), axes, eps, weight, bias, axes), x)


def _standard(
    x: jax.Array,
    axes: tuple[int, ...],
    eps: float,
    weight: jax.Array | None,
    bias: jax.Array | None,
    dims: tuple[int, ...],
) -> jax.Array:
    """Standardised over ``axes``, then scaled and shifted along ``dims``."""
    weight, bias = (None if p is None else widen(p) for p in (weight, bias))
    return normalise(x, axes, eps, weight, bias, dims).y


@governed
def rms_norm(
    input: ArrayLike, normalized_shape: Sequence[int], weight: ArrayLike | None = None, eps: float | None = None
) -> jax.Array:
    r"""Divides by the root mean square over the last dimensions (arXiv:1910.07467).

    ``x / sqrt(mean(x^2) + eps) * weight``.

    Args:
        input: (\*, \*normalized_shape), floating or complex.
        normalized_shape: the sizes of the dimensions to normalise over.
        weight: of shape normalized_shape and any dtype, or None.
        eps: added to the mean square; None: the machine epsilon of the dtype that it is computed in.

    Returns:
        The shape and dtype of ``input``.

    Raises:
        ArgumentError: the shapes do not fit together.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.rms_norm(jnp.array([[1.0, 7.0]]), (2,))
        Array([[0.2, 1.4]], dtype=float32)
    """
    where = "rms_norm: "
    x = floating(input, where, complex_too=True)
    gain = None if weight is None else to_array(weight, "weight", where)
    axes = _trailing(where, x, normalized_shape, {"weight": gain})
    if x.size == 0:
        return x
    wide = widen(x)
    n = math.prod(x.shape[i] for i in axes)
    eps = float(jnp.finfo(wide.dtype).eps) if eps is None else eps
    if jnp.iscomplexobj(wide):  # PyTorch squares complex numbers as they are
        factors = [lax.rsqrt(lax.reduce_sum(wide * wide, axes) / n + eps)]
    else:
        squares, scale = scaled_squares(wide, axes, eps=eps)
        factors = [scale, lax.rsqrt(squares / n + eps * scale * scale)]  # whose product may be subnormal
    y = wide
    for factor in factors:
        y = y * lax.broadcast_in_dim(factor, x.shape, tuple(range(x.ndim - len(axes))))
    if gain is not None:
        y = y * lax.broadcast_in_dim((gain if jnp.iscomplexobj(y) else gain.real).astype(y.dtype), y.shape, axes)
    return narrow(y, x)


@governed
def group_norm(
    input: ArrayLike, num_groups: int, weight: ArrayLike | None = None, bias: ArrayLike | None = None, eps: float = 1e-5
) -> jax.Array:
    r"""Normalises groups of channels of each sample (arXiv:1803.08494).

    Args:
        input: (N, C, \*), floating.
        num_groups: how many groups the channels are divided into.
        weight: (C,) or None.
        bias: (C,) or None.
        eps: added to the (biased) variance.

    Returns:
        The shape and dtype of ``input``.

    Raises:
        ArgumentError: C is not divisible by ``num_groups``, or a parameter has not C elements.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.group_norm(jnp.array([[1.0, 3.0, 5.0, 5.0]]), 2).round(3)
        Array([[-1.,  1.,  0.,  0.]], dtype=float32)
    """
    where = "group_norm: "
    x = floating(input, where)
    groups = integer(num_groups, "num_groups", where)
    if x.ndim < 2:
        raise ArgumentError(f"{where}Expected at least 2 dimensions for input tensor but received {x.ndim}")
    n, channels, *space = x.shape
    if groups <= 0:
        raise ArgumentError(f"{where}Expected num groups to be greater than 0, got {groups}")
    if channels % groups:
        raise ArgumentError(
            f"{where}Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{listed(x.shape)} and num_groups={groups}"
        )
    if n * channels // groups * math.prod(space) == 1:
        raise ArgumentError(
            f"{where}Expected more than 1 value per channel when training, got input size "
            f"{[n * channels // groups, groups, *space]}"
        )
    params = norm_parameters(where, x, {"weight": weight, "bias": bias})
    for name, value in params.items():
        if value is not None and value.shape != (channels,):
            raise ArgumentError(
                f"{where}Expected {name} to be a vector of size equal to the number of channels in input, but got "
                f"{name} of shape {listed(value.shape)} and input of shape {listed(x.shape)}"
            )
    if x.size == 0:
        return x
    each = channels // groups
    grouped = lax.reshape(widen(x), (n, groups, each, *space))
    weight, bias = (None if p is None else lax.reshape(p, (groups, each)) for p in (params["weight"], params["bias"]))
    y = _standard(grouped, tuple(range(2, grouped.ndim)), eps, weight, bias, (1, 2))
    return narrow(lax.reshape(y, x.shape), x)


# -- unit vectors -------------------------------------------------------------------------------------


@governed
def normalize(input: ArrayLike, p: float = 2.0, dim: Ints = 1, eps: float = 1e-12, out: None = None) -> jax.Array:
    r"""Divides vectors by their p-norm: ``x / max(norm(x, p), eps)``.

    Args:
        input: (\*), floating or complex.
        p: the exponent of the norm: any real number, inf or -inf.
        dim: the dimension or dimensions that hold the vectors; None: all.
        eps: the least divisor.
        out: must be None: arrays are immutable.

    Returns:
        (\*); the norm's gradient at the zero vector is 0.

    Raises:
        IndexError: no such dimension.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.normalize(jnp.array([[3.0, 4.0], [0.0, 0.0]]))
        Array([[0.6, 0.8],
               [0. , 0. ]], dtype=float32)
    """
    where = "normalize: "
    if out is not None:
        raise ArgumentError(f"{where}out must be None, since arrays are immutable; got {type(out).__name__}")
    x = floating(input, where, complex_too=True)
    dims = range(x.ndim) if dim is None else dim if isinstance(dim, (tuple, list)) else (dim,)
    axes = tuple(wrap_dim(d, x.ndim, where) for d in dims) if x.ndim else ()
    p = 2.0 if p == "fro" else p
    if isinstance(p, str):
        raise ArgumentError(f"{where}expected a number or 'fro', got p={p!r}")
    return narrow(divided_by_norm(widen(x), p, axes, eps), x)
