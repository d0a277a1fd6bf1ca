"""What the distributions share, under the names of ``torch.distributions.utils``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar, overload

import jax
import jax.numpy as jnp
import numpy as np

from fnn.dtypes import get_default_dtype, to_array
from fnn.errors import ArgumentError
from fnn.tracing import Tracer
from fnn.typing import ArrayLike, Shape, SupportsArray

__all__ = [
    "broadcast_all",
    "logits_to_probs",
    "clamp_probs",
    "probs_to_logits",
    "lazy_property",
    "tril_matrix_to_vec",
    "vec_to_tril_matrix",
]

euler_constant: Final = 0.57721566490153286060
T = TypeVar("T")
S = TypeVar("S")


def is_number(value: object) -> bool:
    """Whether ``value`` is a Python or numpy number, not an array."""
    return isinstance(value, (int, float, np.number, np.bool_))


def is_array(value: object) -> bool:
    """Whether ``value`` is an array, a tracer or a box."""
    return isinstance(value, (jax.Array, np.ndarray, SupportsArray))


def expanded(x: jax.Array, shape: Shape) -> jax.Array:
    """``x`` broadcast to ``shape``.

    Raises:
        ArgumentError: it does not broadcast.
    """
    try:
        return jnp.broadcast_to(x, tuple(shape))
    except ValueError:
        raise ArgumentError(
            f"The expanded size {list(shape)} must match the existing size {list(x.shape)} at non-singleton dimensions"
        ) from None


def common_shape(*shapes: Shape) -> tuple[int, ...]:
    """The shape that all broadcast to.

    Raises:
        ArgumentError: there is none.
    """
    try:
        return jnp.broadcast_shapes(*map(tuple, shapes))
    except ValueError:
        listed = ", ".join(str(list(s)) for s in shapes)
        raise ArgumentError(f"The shapes of the arguments do not broadcast: {listed}") from None


def aligned(*values: ArrayLike) -> tuple[jax.Array, ...]:
    """The values as arrays of one shape, each with its own dtype; numbers stay weakly typed scalars."""
    arrays = [to_array(v) for v in values]
    shape = common_shape(*(a.shape for a in arrays))
    return tuple(expanded(a, shape) for a in arrays)


def broadcast_all(*values: ArrayLike) -> tuple[jax.Array, ...]:
    """The values as arrays of one shape; numbers take the dtype of the first array (without one, the default).

    Args:
        *values: numbers, arrays or boxes.

    Raises:
        ArgumentError: a value is none of these, or the shapes do not broadcast.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions.utils import broadcast_all
        >>> [v.shape for v in broadcast_all(jnp.zeros(3), 1.0)]
        [(3,), (3,)]
    """
    for value in values:
        if not (is_number(value) or is_array(value)):
            raise ArgumentError(f"Input arguments must all be instances of Number or arrays, got {value!r}")
    arrays = [to_array(v) if is_array(v) else None for v in values]
    dtype = next((a.dtype for a in arrays if a is not None), get_default_dtype())
    return aligned(*(jnp.asarray(v, dtype) if a is None else a for a, v in zip(arrays, values, strict=True)))


def logits_to_probs(logits: ArrayLike, is_binary: bool = False) -> jax.Array:
    """Probabilities of log odds (``is_binary``) or of unnormalised log probabilities along the last dimension.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions.utils import logits_to_probs
        >>> print(logits_to_probs(jnp.zeros(4)))
        [0.25 0.25 0.25 0.25]
    """
    logits = to_array(logits, "logits", "logits_to_probs: ")
    return jax.nn.sigmoid(logits) if is_binary else jax.nn.softmax(logits, axis=-1)


def clamp_probs(probs: ArrayLike) -> jax.Array:
    """Probabilities kept in [eps, 1 - eps], with the eps of their dtype.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions.utils import clamp_probs
        >>> print(clamp_probs(jnp.array([0.0, 0.5])))
        [1.1920929e-07 5.0000000e-01]
    """
    probs = to_array(probs, "probs", "clamp_probs: ")
    eps = float(jnp.finfo(probs.dtype).eps)
    return clamp(probs, eps, 1 - eps)


def probs_to_logits(probs: ArrayLike, is_binary: bool = False) -> jax.Array:
    """Log odds (``is_binary``) or log probabilities of probabilities that were clamped.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions.utils import probs_to_logits
        >>> print(probs_to_logits(jnp.array([0.5]), is_binary=True))
        [0.]
    """
    kept = clamp_probs(probs)
    return jnp.log(kept) - jnp.log1p(-kept) if is_binary else jnp.log(kept)


class lazy_property(Generic[T, S]):
    """A property that is computed at the first access and then kept as an attribute, unless it is traced.

    A traced value belongs to one program and must not outlive it.

    Example:
        >>> from fnn.distributions.utils import lazy_property
        >>> class Square:
        ...     side = 3
        ...     @lazy_property
        ...     def area(self):
        ...         return self.side**2
        >>> Square().area
        9
    """

    def __init__(self, wrapped: Callable[[T], S]) -> None:
        self.wrapped = wrapped
        functools.update_wrapper(self, wrapped)  # pyright: ignore[reportArgumentType]

    @overload
    def __get__(self, instance: None, obj_type: Any = None) -> lazy_property[T, S]: ...

    @overload
    def __get__(self, instance: T, obj_type: Any = None) -> S: ...

    def __get__(self, instance: T | None, obj_type: Any = None) -> S | lazy_property[T, S]:
        if instance is None:
            return self
        value = self.wrapped(instance)
        if not isinstance(value, Tracer):
            attributes, name = vars(instance), self.wrapped.__name__
            attributes[name] = value
            attributes["_lazy"] = (*attributes.get("_lazy", ()), name)
        return value


def tril_matrix_to_vec(mat: ArrayLike, diag: int = 0) -> jax.Array:
    """The elements on and below a diagonal, row by row: (..., D, D) -> (..., N).

    Args:
        mat: (..., D, D).
        diag: the diagonal, in [-D, D - 1].

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions.utils import tril_matrix_to_vec
        >>> print(tril_matrix_to_vec(jnp.array([[1.0, 0.0], [2.0, 3.0]])))
        [1. 2. 3.]
    """
    mat = to_array(mat, "mat", "tril_matrix_to_vec: ")
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ArgumentError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    rows, columns = np.tril_indices(n, diag)
    return mat[..., rows, columns]


def vec_to_tril_matrix(vec: ArrayLike, diag: int = 0) -> jax.Array:
    """The lower triangular matrices whose elements on and below a diagonal are given: (..., N) -> (..., D, D).

    Args:
        vec: (..., N).
        diag: the diagonal.

    Raises:
        ArgumentError: no matrix has N such elements.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.distributions.utils import vec_to_tril_matrix
        >>> print(vec_to_tril_matrix(jnp.array([1.0, 2.0, 3.0])))
        [[1. 0.]
         [2. 3.]]
    """
    vec = to_array(vec, "vec", "vec_to_tril_matrix: ")
    size = vec.shape[-1]
    n = max(abs(diag), 1)
    while len(np.tril_indices(n, diag)[0]) < size:
        n += 1
    rows, columns = np.tril_indices(n, diag)
    if len(rows) != size:
        raise ArgumentError(
            f"The size of last dimension is {size} which cannot be expressed as "
            "the lower triangular part of a square D x D matrix."
        )
    return jnp.zeros((*vec.shape[:-1], n, n), vec.dtype).at[..., rows, columns].set(vec)


def clamp(x: jax.Array, low: float | None = None, high: float | None = None) -> jax.Array:
    """``x`` in [low, high], with PyTorch's gradient at the bounds: that of ``x``."""
    if low is not None:
        x = jnp.where(x < low, jnp.asarray(low, x.dtype), x)
    return x if high is None else jnp.where(x > high, jnp.asarray(high, x.dtype), x)


def sum_rightmost(value: jax.Array, dim: int) -> jax.Array:
    """Sums over the last ``dim`` dimensions."""
    return value.sum(tuple(range(-dim, 0))) if dim else value


def column(x: jax.Array) -> jax.Array:
    """``x`` with a dimension of one at its end."""
    return x[..., None]


def diagonal(x: jax.Array) -> jax.Array:
    """The diagonals of matrices."""
    return jnp.diagonal(x, axis1=-2, axis2=-1)


def embedded(x: jax.Array) -> jax.Array:
    """Diagonal matrices of vectors."""
    return x[..., None] * jnp.eye(x.shape[-1], dtype=x.dtype).reshape((1,) * (x.ndim - 1) + (x.shape[-1],) * 2)


def transposed(x: jax.Array) -> jax.Array:
    """The transposes of matrices."""
    return jnp.swapaxes(x, -1, -2)


def binary_log_prob(logits: jax.Array, value: jax.Array) -> jax.Array:
    """``value * log p + (1 - value) * log(1 - p)`` for the log odds of p."""
    return value * logits - jax.nn.softplus(logits)


def xlogy(x: jax.Array, y: jax.Array) -> jax.Array:
    """``x * log(y)``, 0 where x is 0, there with a gradient of 0 for both if log(y) is infinite."""
    empty = (x == 0) & (y <= 0)
    return jnp.where(empty, 0.0, x) * jnp.log(jnp.where(empty, 1.0, y))


def enumerated(values: jax.Array, batch_shape: tuple[int, ...], expand: bool) -> jax.Array:
    """Values along a first dimension, before the batch's, which are ones unless ``expand``."""
    values = values.reshape(-1, *(1 for _ in batch_shape))
    return expanded(values, (values.shape[0], *batch_shape)) if expand else values
