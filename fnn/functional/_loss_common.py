"""What all losses share: reduction, promotion, broadcasting, checks of targets.

Half-precision inputs are computed in float32 between `widen` and the end of a loss (see `reduction`), as PyTorch
accumulates them, and the result is cast back.
"""

from __future__ import annotations

import warnings
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from fnn.arguments import widen
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional import _promotion as promotion
from fnn.tracing import concrete
from fnn.typing import ArrayLike, DType

_BROADCAST = (
    "Using a target size ({target}) that is different to the input size ({input}). This will likely lead to "
    "incorrect results due to broadcasting. Please ensure they have the same size."
)


def arrays(name: str, allowed: str, **given: ArrayLike) -> list[jax.Array]:
    """The arguments as arrays of an allowed kind of dtype (see `_promotion`)."""
    found = {what: to_array(value, what, f"{name}: ") for what, value in given.items()}
    promotion.require(f"{name}: ", allowed, **found)
    return list(found.values())


def promote(name: str, allowed: str = "real", result: str = "floating", **given: ArrayLike) -> tuple[Any, ...]:
    """The arguments, widened to their common dtype, and that dtype (of the result) last.

    Args:
        name: the loss.
        allowed: the kinds of dtype that an argument may have.
        result: the kinds that the common dtype may have.
        **given: the arguments.
    """
    converted = arrays(name, allowed, **given)
    dtype = promotion.result_type(*converted)
    promotion.require_result(f"{name}: ", result, dtype, **dict(zip(given, converted, strict=True)))
    return *(widen(a.astype(dtype)) for a in converted), dtype


def like_input(name: str, allowed: str = "floating", **given: ArrayLike) -> tuple[Any, ...]:
    """The arguments, widened to their common dtype, and last the dtype of the first, which the result has.

    Args:
        name: the loss.
        allowed: the kinds of dtype that the first may have; the common one must not be of a higher kind.
        **given: the arguments.
    """
    converted = arrays(name, "any", **given)
    first = next(iter(given))
    promotion.require(f"{name}: ", allowed, **{first: converted[0]})
    dtype = promotion.result_type(*converted)
    promotion.require_fits(f"{name}: ", dtype, **{first: converted[0]})
    return *(widen(a.astype(dtype)) for a in converted), converted[0].dtype


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


def expand_to_first(name: str, what: str, first: jax.Array, *others: jax.Array) -> list[jax.Array]:
    """The others broadcast to the shape of the first, the argument ``what``, which PyTorch writes in place."""
    expanded = expand(name, first, *others)
    if expanded[0].shape != first.shape:
        raise ArgumentError(
            f"{name}: the shape {list(first.shape)} of {what} doesn't match the broadcast shape "
            f"{list(expanded[0].shape)}; the other argument must broadcast to it"
        )
    return expanded


def match(name: str, input: ArrayLike, target: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Input and target broadcast against one another before anything else, with PyTorch's warning (to the caller)."""
    x, y = arrays(name, "any", input=input, target=target)
    if x.shape == y.shape:
        return x, y
    warnings.warn(_BROADCAST.format(target=list(y.shape), input=list(x.shape)), UserWarning, stacklevel=4)
    x, y = expand(name, x, y)
    return x, y


def times(name: str, loss: jax.Array, weight: ArrayLike, dtype: DType) -> jax.Array:
    """The loss times a weight that broadcasts to it; the result stays of ``dtype``, as PyTorch multiplies in place."""
    (w,) = arrays(name, "any", weight=weight)
    promotion.require_fits(f"{name}: ", w.dtype, input=loss.astype(dtype))
    loss, w = expand_to_first(name, "input", loss, w)
    return loss * w.astype(loss.dtype)


def absolute(x: jax.Array) -> jax.Array:
    """``|x|``, real, whose gradient at 0 is 0, as PyTorch's (`lax.abs` has 1 there for real numbers)."""
    return lax.abs(x) if jnp.iscomplexobj(x) else x * lax.sign(x)


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


@jax.custom_jvp
def straight_through(value: jax.Array, x: jax.Array) -> jax.Array:
    """``value``, with the gradient of ``x``."""
    del x
    return value


@straight_through.defjvp
def _straight_through_jvp(primals: tuple, tangents: tuple) -> tuple[jax.Array, jax.Array]:
    return primals[0], tangents[1]


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
