"""Functions of ``torch.nn.functional`` whose namesakes in ``torch`` take their arguments in another form."""

from __future__ import annotations

from collections.abc import Sequence

import jax

from fnn import functional as F
from fnn.typing import ArrayLike, DType, Ints, Key, Scalar

__all__ = [
    "adaptive_max_pool1d", "alpha_dropout", "batch_norm", "constant_pad_nd", "dropout", "embedding",
    "feature_alpha_dropout", "feature_dropout", "instance_norm", "log_softmax", "softmax",
]  # fmt: skip


def softmax(input: ArrayLike, dim: int, dtype: DType | None = None) -> jax.Array:
    """``exp(x) / sum(exp(x))`` along a dimension.

    Args:
        input: any shape.
        dim: the dimension that sums to 1.
        dtype: what ``input`` is converted to first.

    >>> import jax.numpy as jnp
    >>> softmax(jnp.zeros(2), 0)
    Array([0.5, 0.5], dtype=float32)
    """
    return F.softmax(input, dim, dtype=dtype)


def log_softmax(input: ArrayLike, dim: int, dtype: DType | None = None) -> jax.Array:
    """The logarithm of `softmax`; the arguments are the same.

    >>> import jax.numpy as jnp
    >>> log_softmax(jnp.zeros(1), 0)
    Array([0.], dtype=float32)
    """
    return F.log_softmax(input, dim, dtype=dtype)


def dropout(input: ArrayLike, p: float, train: bool, *, key: Key | None = None) -> jax.Array:
    """Elements set to zero with probability ``p``, the others divided by ``1 - p``, if ``train``.

    Args:
        input: any shape.
        p: the probability.
        train: whether anything is dropped.
        key: a source of random numbers; that of the scope, or the global one, if None.

    >>> import jax.numpy as jnp
    >>> dropout(jnp.ones(2), 0.5, False)
    Array([1., 1.], dtype=float32)
    """
    return F.dropout(input, p, train, key=key)


def alpha_dropout(input: ArrayLike, p: float, train: bool, *, key: Key | None = None) -> jax.Array:
    """`fnn.functional.alpha_dropout`; the arguments are those of `dropout`.

    >>> import jax.numpy as jnp
    >>> alpha_dropout(jnp.ones(2), 0.5, False)
    Array([1., 1.], dtype=float32)
    """
    return F.alpha_dropout(input, p, train, key=key)


def feature_alpha_dropout(input: ArrayLike, p: float, train: bool, *, key: Key | None = None) -> jax.Array:
    """`alpha_dropout` of whole channels, (N, C, ...).

    >>> import jax.numpy as jnp
    >>> feature_alpha_dropout(jnp.ones((1, 2)), 0.5, False)
    Array([[1., 1.]], dtype=float32)
    """
    return F.feature_alpha_dropout(input, p, train, key=key)


def feature_dropout(input: ArrayLike, p: float, train: bool, *, key: Key | None = None) -> jax.Array:
    """`dropout` of whole channels, (N, C, ...).

    >>> import jax.numpy as jnp
    >>> feature_dropout(jnp.ones((1, 2, 1, 1)), 0.5, False).shape
    (1, 2, 1, 1)
    """
    return F.dropout2d(input, p, train, key=key)


def batch_norm(
    input: ArrayLike,
    weight: ArrayLike | None,
    bias: ArrayLike | None,
    running_mean: ArrayLike | None,
    running_var: ArrayLike | None,
    training: bool,
    momentum: Scalar,
    eps: float,
) -> jax.Array:
    """`fnn.functional.batch_norm`, with the parameters before the statistics.

    Args:
        input: (N, C, ...).
        weight: (C,) or None.
        bias: (C,) or None.
        running_mean: (C,) or None.
        running_var: (C,) or None.
        training: whether the batch's own statistics are used.
        momentum: how much the running ones move.
        eps: added to the variance.

    >>> import jax.numpy as jnp
    >>> batch_norm(jnp.ones((1, 2)), None, None, jnp.ones(2), jnp.ones(2), False, 0.1, 1e-5)
    Array([[0., 0.]], dtype=float32)
    """
    return F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(
    input: ArrayLike,
    weight: ArrayLike | None,
    bias: ArrayLike | None,
    running_mean: ArrayLike | None,
    running_var: ArrayLike | None,
    use_input_stats: bool,
    momentum: Scalar,
    eps: float,
) -> jax.Array:
    """`fnn.functional.instance_norm`, with the parameters before the statistics; see `batch_norm`.

    >>> import jax.numpy as jnp
    >>> instance_norm(jnp.ones((1, 1, 2)), None, None, None, None, True, 0.1, 1e-5)
    Array([[[0., 0.]]], dtype=float32)
    """
    return F.instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def embedding(
    weight: ArrayLike, indices: ArrayLike, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False
) -> jax.Array:
    """The rows of a table, which comes first here, unlike in `fnn.functional.embedding`.

    Args:
        weight: (rows, features).
        indices: integers of any shape.
        padding_idx: the row that gets no gradient; none if -1.
        scale_grad_by_freq: whether gradients are divided by how often a row is taken.
        sparse: see `fnn.functional.embedding`.

    >>> import jax.numpy as jnp
    >>> embedding(jnp.ones((3, 2)), jnp.array([0])).shape
    (1, 2)
    """
    row = None if padding_idx == -1 else padding_idx
    return F.embedding(indices, weight, row, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)


def adaptive_max_pool1d(input: ArrayLike, output_size: Ints) -> tuple[jax.Array, jax.Array]:
    """The largest elements of ``output_size`` windows, and where they are.

    >>> import jax.numpy as jnp
    >>> values, indices = adaptive_max_pool1d(jnp.array([[1.0, 3.0, 2.0, 0.0]]), 2)
    >>> values, indices
    (Array([[3., 2.]], dtype=float32), Array([[1, 2]], dtype=int32))
    """
    return F.adaptive_max_pool1d_with_indices(input, output_size)


def constant_pad_nd(input: ArrayLike, pad: Sequence[int], value: float = 0) -> jax.Array:
    """One number around an array: before and after the last dimension, then before and after the one in front of it.

    >>> import jax.numpy as jnp
    >>> constant_pad_nd(jnp.ones(1), (1, 2))
    Array([0., 1., 0., 0.], dtype=float32)
    """
    return F.pad(input, pad, "constant", value)
