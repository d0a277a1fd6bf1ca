"""What all losses share: reductions, promotion, broadcasting, checks of targets.

Every loss ends in `reduce`; half-precision inputs are computed in float32 between `widen` and `reduce`, as
PyTorch accumulates them, and the result is cast back.
"""

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn._trace import Tracer
from fnn.dtypes import is_floating, to_array
from fnn.errors import ArgumentError, ArgumentTypeError

_LEGACY = "size_average and reduce args will be deprecated, please use reduction='{}' instead."
_ELEMENTWISE_MEAN = "reduction='elementwise_mean' is deprecated. Please use reduction='mean' instead."
_BROADCAST = (
    "Using a target size ({target}) that is different to the input size ({input}). This will likely lead to "
    "incorrect results due to broadcasting. Please ensure they have the same size."
)


def legacy_reduction(size_average: bool | None, reduce: bool | None, stacklevel: int = 3) -> str:
    """The ``reduction`` that the deprecated pair means; warns as PyTorch does."""
    size_average = True if size_average is None else size_average
    reduce = True if reduce is None else reduce
    result = ("mean" if size_average else "sum") if reduce else "none"
    warnings.warn(_LEGACY.format(result), UserWarning, stacklevel=stacklevel)
    return result


def resolve_reduction(name: str, size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """``reduction`` of the loss called ``name``, validated, with the deprecated arguments taken into account."""
    if size_average is not None or reduce is not None:
        return legacy_reduction(size_average, reduce, stacklevel=4)
    if reduction == "elementwise_mean":
        warnings.warn(_ELEMENTWISE_MEAN, UserWarning, stacklevel=3)
        return "mean"
    if reduction not in ("none", "mean", "sum"):
        raise ArgumentError(f"{name}: {reduction} is not a valid value for reduction; expected 'none', 'mean' or 'sum'")
    return reduction


def total(x: jax.Array) -> jax.Array:
    """The sum over all axes."""
    return lax.reduce_sum(x, tuple(range(x.ndim)))


def reduce(loss: jax.Array, reduction: str, dtype: Any = None) -> jax.Array:
    """Applies 'none', 'mean' or 'sum' and casts to ``dtype``; the mean of nothing is NaN."""
    if reduction != "none":
        size = loss.size
        loss = total(loss)
        if reduction == "mean":
            loss = loss / size
    return loss if dtype is None else loss.astype(dtype)


def widen(x: jax.Array) -> jax.Array:
    """Half types as float32, others as they are."""
    return x.astype(jnp.float32) if x.dtype.itemsize == 2 and is_floating(x) else x


def require_floating(name: str, dtype: Any) -> None:
    """Refuses integer and boolean computation, as PyTorch's kernels do."""
    if not jnp.issubdtype(dtype, jnp.inexact):
        raise ArgumentTypeError(f"{name}: not implemented for {dtype}; expected a floating dtype")


def promote(name: str, *arrays: Any, names: tuple[str, ...] = ("input", "target")) -> tuple[Any, ...]:
    """The arrays, widened to their common dtype, and that dtype (of the result) last."""
    converted = [to_array(a, n, f"{name}: ") for a, n in zip(arrays, names, strict=True)]
    dtype = converted[0].dtype
    for other in converted[1:]:
        if other.dtype != dtype:
            dtype = jnp.promote_types(dtype, other.dtype)
    require_floating(name, dtype)
    return *(widen(a.astype(dtype)) for a in converted), dtype


def expand(name: str, *arrays: jax.Array) -> list[jax.Array]:
    """The arrays broadcast against one another, explicitly."""
    if all(a.shape == arrays[0].shape for a in arrays):
        return list(arrays)
    try:
        shape = jnp.broadcast_shapes(*(a.shape for a in arrays))
    except ValueError:
        shapes = " and ".join(str(list(a.shape)) for a in arrays)
        raise ArgumentError(f"{name}: shapes {shapes} must match or be broadcastable") from None
    return [jnp.broadcast_to(a, shape) for a in arrays]


def pair(name: str, input: Any, target: Any) -> tuple[jax.Array, jax.Array, Any]:
    """Input and target, promoted and broadcast (with PyTorch's warning), and the result's dtype."""
    x, y, dtype = promote(name, input, target)
    if x.shape != y.shape:
        text = _BROADCAST.format(target=list(y.shape), input=list(x.shape))
        warnings.warn(text, UserWarning, stacklevel=3)
        x, y = expand(name, x, y)
    return x, y, dtype


def absolute(x: jax.Array) -> jax.Array:
    """``|x|`` whose gradient at 0 is 0, as PyTorch's (`lax.abs` has 1 there)."""
    return x * lax.sign(x)


def clamp_min_zero(x: jax.Array) -> jax.Array:
    """``max(x, 0)`` whose gradient at 0 is 1, PyTorch's for ``clamp``."""
    return lax.select(x < 0, lax.full_like(x, 0), x)


@jax.custom_jvp
def softplus(x: jax.Array) -> jax.Array:
    """``log(1 + exp(x))`` without overflow; ``-softplus(-x)`` is the logarithm of the sigmoid."""
    return lax.max(x, lax.full_like(x, 0)) + lax.log1p(lax.exp(-lax.abs(x)))


@softplus.defjvp
def _softplus_jvp(primals: tuple, tangents: tuple) -> tuple:
    (x,), (x_dot,) = primals, tangents
    return softplus(x), lax.logistic(x) * x_dot


def straight_through(value: jax.Array, x: jax.Array) -> jax.Array:
    """``value``, with the gradient of ``x``."""
    return lax.stop_gradient(value) + (x - lax.stop_gradient(x))


def concrete(x: jax.Array) -> np.ndarray | None:
    """The values of ``x`` for a check, or None while it is traced and has none."""
    return None if isinstance(x, Tracer) else np.asarray(x)


def index_target(name: str, target: jax.Array) -> None:
    """Refuses a target that is not of an integer dtype."""
    if not jnp.issubdtype(target.dtype, jnp.integer):
        raise ArgumentTypeError(
            f"{name}: expected scalar type Long (any integer dtype) for target, but found {target.dtype}"
        )


def check_class_range(name: str, target: jax.Array, classes: int, ignore_index: int | None = None) -> None:
    """Raises IndexError for a class outside ``[0, classes)``; a traced target cannot be checked."""
    values = concrete(target)
    if values is None or values.size == 0:
        return
    wrong = (values < 0) | (values >= classes)
    if ignore_index is not None:
        wrong &= values != ignore_index
    if wrong.any():
        raise IndexError(f"{name}: Target {values[wrong].flat[0]} is out of bounds; there are {classes} classes")


def pick_class(x: jax.Array, target: jax.Array) -> jax.Array:
    """``x[n, target[n, ...], ...]`` for (N, C, ...) and (N, ...); NaN where the target is out of range."""
    others = tuple(i for i in range(x.ndim) if i != 1)
    numbers = lax.GatherDimensionNumbers(
        offset_dims=(),
        collapsed_slice_dims=(1,),
        start_index_map=(1,),
        operand_batching_dims=others,
        start_indices_batching_dims=tuple(range(target.ndim)),
    )
    mode = lax.GatherScatterMode.FILL_OR_DROP
    return lax.gather(x, target[..., None], numbers, (1,) * x.ndim, mode=mode)
