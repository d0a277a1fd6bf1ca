"""Sums, products, quotients and powers of two arrays, and what combines three."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.dtypes import index_dtype
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._document import alias, op
from fnn.ops._indices import number_for
from fnn.ops._operands import (
    COMPLEX,
    FLOATING,
    array,
    computed_wide,
    inexact_pair,
    no_complex,
    pair,
    refuse_bool,
    refuse_numbers,
    same_rank,
)
from fnn.ops._promote import as_inexact, complex_of, kind_of, promoted, result_type
from fnn.typing import ArrayLike, Scalar

__all__ = [
    "add", "addcdiv", "addcmul", "div", "divide", "float_power", "floor_divide", "fmod", "lerp", "mul", "multiply",
    "pow", "remainder", "rsub", "sub", "subtract", "true_divide",
]  # fmt: skip


def _scaled(where: str, y: jax.Array, alpha: Scalar, name: str = "alpha") -> jax.Array:
    """``alpha * y`` in the dtype of ``y``, which PyTorch demands to hold alpha."""
    if isinstance(alpha, (bool, int)) and alpha == 1 and not (isinstance(alpha, bool) and y.dtype != np.bool_):
        return y
    if isinstance(alpha, bool) and y.dtype != np.bool_:
        raise ArgumentTypeError(f"{where}: Boolean {name} only supported for Boolean results, got {name}={alpha}")
    kind = kind_of(result_type(alpha))
    if kind > max(kind_of(y.dtype), 1) or (kind_of(y.dtype) < FLOATING and kind >= FLOATING):
        raise ArgumentTypeError(
            f"{where}: For integral input tensors, argument {name} must not be a floating point number, "
            f"got {name}={alpha} for {y.dtype}"
        )
    return y & jnp.asarray(bool(alpha)) if y.dtype == np.bool_ else y * number_for(alpha, y.dtype, f"{where}: ")


@op(alpha="multiplies ``other``; an integer for integer arrays.")
def add(input: ArrayLike, other: ArrayLike, *, alpha: Scalar = 1) -> jax.Array:
    """``input + alpha * other``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.add(jnp.array([1, 2]), 3, alpha=10)
        Array([31, 32], dtype=int32)
    """
    x, y = pair("add", input, other)
    y = _scaled("add", y, alpha)
    return x | y if x.dtype == np.bool_ else x + y


@op(alpha="multiplies ``other``; an integer for integer arrays.")
def sub(input: ArrayLike, other: ArrayLike, *, alpha: Scalar = 1) -> jax.Array:
    """``input - alpha * other``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.sub(jnp.array([1, 2]), 3)
        Array([-2, -1], dtype=int32)
    """
    for name, x in (("input", input), ("other", other)):
        if array(x, "sub", name).dtype == np.bool_:
            raise ArgumentTypeError(
                f"sub: Subtraction, the `-` operator, with a bool tensor is not supported ({name}); "
                "use logical_xor or logical_not"
            )
    x, y = pair("sub", input, other)
    return x - _scaled("sub", y, alpha)


@op(alpha="multiplies ``input``; an integer for integer arrays.")
def rsub(input: ArrayLike, other: ArrayLike, *, alpha: Scalar = 1) -> jax.Array:
    """``other - alpha * input``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.rsub(jnp.array([1, 2]), 3)
        Array([2, 1], dtype=int32)
    """
    refuse_numbers("rsub", input, other, "other")
    return sub(other, input, alpha=alpha)


@op()
def mul(input: ArrayLike, other: ArrayLike) -> jax.Array:
    """``input * other``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.mul(jnp.array([1, 2]), 2.5)
        Array([2.5, 5. ], dtype=float32)
    """
    x, y = pair("mul", input, other)
    return x & y if x.dtype == np.bool_ else x * y


def _floor_quotient(x: jax.Array, y: jax.Array) -> jax.Array:
    """Rounds down as PyTorch and Python do: from the exact remainder, not from the rounded quotient."""
    if kind_of(x.dtype) < FLOATING:
        return jnp.floor_divide(x, y)
    remainder = lax.rem(x, y)
    quotient = (x - remainder) / y
    quotient = quotient - ((remainder != 0) & ((y < 0) != (remainder < 0)))
    floor = jnp.floor(quotient)
    floor = jnp.where(quotient - floor > 0.5, floor + 1, floor)
    signed_zero = jnp.copysign(jnp.zeros_like(x), x / y)
    return jnp.where(y == 0, x / y, jnp.where(quotient == 0, signed_zero, floor))


@op(rounding_mode="None: true division; ``'trunc'``: rounded towards 0; ``'floor'``: rounded down; without gradient.")
def div(input: ArrayLike, other: ArrayLike, *, rounding_mode: str | None = None) -> jax.Array:
    """``input / other``.

    Returns:
        The broadcast shape; floating unless ``rounding_mode`` is given.  An integer divided by 0 has no meaning, but is
        not refused.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.div(jnp.array([7, -7]), 2, rounding_mode="trunc")
        Array([ 3, -3], dtype=int32)
    """
    if rounding_mode is None:
        return computed_wide(lax.div, *_filled(*inexact_pair("div", input, other)))
    if rounding_mode not in ("trunc", "floor"):
        raise ArgumentError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found {rounding_mode!r}"
        )
    x, y = map(lax.stop_gradient, pair(f"div(rounding_mode={rounding_mode!r})", input, other))
    no_complex("div", x)
    if x.dtype == np.bool_:
        x, y = x.astype(index_dtype()), y.astype(index_dtype())
    if rounding_mode == "floor":
        return computed_wide(_floor_quotient, x, y)
    if kind_of(x.dtype) < FLOATING:
        return lax.div(*_filled(x, y))
    return jnp.trunc(lax.div(*_filled(x, y)))


def _filled(x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
    shape = jnp.broadcast_shapes(x.shape, y.shape)
    return jnp.broadcast_to(x, shape), jnp.broadcast_to(y, shape)


@op()
def true_divide(input: ArrayLike, other: ArrayLike) -> jax.Array:
    """``input / other``, floating: `div` without rounding.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.true_divide(jnp.array([1, 2]), 2)
        Array([0.5, 1. ], dtype=float32)
    """
    return div(input, other)


@op()
def floor_divide(input: ArrayLike, other: ArrayLike) -> jax.Array:
    """``floor(input / other)``, as ``//``; the gradients are 0.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.floor_divide(jnp.array([7, -7]), 2)
        Array([ 3, -4], dtype=int32)
    """
    return div(input, other, rounding_mode="floor")


subtract, multiply, divide = alias(sub, "subtract"), alias(mul, "multiply"), alias(div, "divide")


@op()
def remainder(input: ArrayLike, other: ArrayLike) -> jax.Array:
    """``input - other * floor(input / other)``: the sign is that of ``other``, as of Python's ``%``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.remainder(jnp.array([-3.0, 3.0]), 2)
        Array([1., 1.], dtype=float32)
    """
    x, y = pair("remainder", input, other, "one")
    no_complex("remainder", x)
    refuse_bool("remainder", x)
    if kind_of(x.dtype) < FLOATING:
        return jnp.remainder(x, y)

    def compute(a: jax.Array, b: jax.Array) -> jax.Array:
        r = lax.rem(lax.stop_gradient(a), lax.stop_gradient(b))
        value = jnp.where((r != 0) & ((b < 0) != (r < 0)), r + lax.stop_gradient(b), r)
        return _with_slopes(value, a, b, -_floor_quotient(lax.stop_gradient(a), lax.stop_gradient(b)))

    return computed_wide(compute, *_filled(x, y))


@jax.custom_jvp
def _with_slopes(value: jax.Array, a: jax.Array, b: jax.Array, slope: jax.Array) -> jax.Array:
    return value


@_with_slopes.defjvp
def _with_slopes_jvp(primals: tuple[jax.Array, ...], tangents: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
    value, _, _, slope = primals
    return value, tangents[1] + slope * tangents[2]


@op()
def fmod(input: ArrayLike, other: ArrayLike) -> jax.Array:
    """``input - other * trunc(input / other)``: the sign is that of ``input``, as of C's ``fmod``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.fmod(jnp.array([-3.0, 3.0]), 2)
        Array([-1.,  1.], dtype=float32)
    """
    x, y = pair("fmod", input, other, "other")
    no_complex("fmod", x)
    refuse_bool("fmod", x)
    x, y = _filled(x, y)
    if kind_of(x.dtype) < FLOATING:
        return lax.rem(x, y)

    def compute(a: jax.Array, b: jax.Array) -> jax.Array:
        still = lax.stop_gradient((a, b))
        return _with_slopes(lax.rem(*still), a, b, -jnp.trunc(still[0] / still[1]))

    return computed_wide(compute, x, y)


@op(input="the base.", exponent="the exponent, an array or a number.")
def pow(input: ArrayLike, exponent: ArrayLike) -> jax.Array:
    """``input ** exponent``.

    Raises:
        ArgumentError: an integer array with a negative number as exponent.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.pow(jnp.array([1, 2, 3]), 2)
        Array([1, 4, 9], dtype=int32)
    """
    x, y = pair("pow", input, exponent, "one")
    if kind_of(x.dtype) < FLOATING and isinstance(exponent, int) and exponent < 0:
        raise ArgumentError(f"pow: Integers to negative integer powers are not allowed, got exponent={exponent}")
    if kind_of(x.dtype) < FLOATING:
        return _integer_power(x, y)
    if isinstance(exponent, int) and not isinstance(exponent, bool) and abs(exponent) < 1 << 31:
        return computed_wide(lambda w: lax.integer_pow(w, exponent), x)
    return computed_wide(_power, x, y)


def _power(x: jax.Array, y: jax.Array) -> jax.Array:
    if kind_of(x.dtype) == COMPLEX:
        return jnp.where(y == 0, 1, jnp.where(x == 0, 0, lax.pow(*_filled(jnp.where(x == 0, 1, x), y))))
    return lax.pow(*_filled(x, y))


def _integer_power(x: jax.Array, y: jax.Array) -> jax.Array:
    if x.dtype == np.bool_:
        return x | ~y
    powered = jnp.power(x, jnp.where(y < 0, 0, y))
    inverse = jnp.where(x == 1, 1, jnp.where(x == -1, jnp.where(y % 2 == 0, 1, -1), 0)).astype(x.dtype)
    return jnp.where(y < 0, inverse, powered)


@op(input="the base.", exponent="the exponent, an array or a number.")
def float_power(input: ArrayLike, exponent: ArrayLike) -> jax.Array:
    """``input ** exponent`` in double precision, which needs JAX's 64-bit mode.

    Raises:
        ArgumentError: JAX is not in 64-bit mode; `pow` computes in the arrays' own precision.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> with jax.enable_x64(True):
        ...     print(fnn.float_power(jnp.array([2, 3]), -1).dtype)
        float64
    """
    refuse_numbers("float_power", input, exponent, "one")
    wanted = complex_of(np.float64) if kind_of(result_type(input, exponent)) == COMPLEX else np.dtype(np.float64)
    if index_dtype() != np.int64:
        raise ArgumentError(
            f"float_power: the result is {wanted}, which needs 64-bit mode; call "
            "jax.config.update('jax_enable_x64', True) before the first array is made, or use pow"
        )
    x, y = same_rank("float_power", *(array(v, "float_power").astype(wanted) for v in (input, exponent)))
    return _power(x, y)


# -- three operands -----------------------------------------------------------------------------------


@op(end="what ``weight=1`` gives.", weight="how far to go from ``input`` to ``end``: a number or an array.")
def lerp(input: ArrayLike, end: ArrayLike, weight: ArrayLike) -> jax.Array:
    """``input + weight * (end - input)``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.lerp(jnp.array([0.0, 10.0]), jnp.array([10.0, 0.0]), 0.25)
        Array([2.5, 7.5], dtype=float32)
    """
    x, y = array(input, "lerp"), array(end, "lerp", "end")
    if x.dtype != y.dtype:
        raise ArgumentTypeError(f"lerp: expected dtype {x.dtype} for `end` but got dtype {y.dtype}")
    if kind_of(x.dtype) < FLOATING:
        raise ArgumentTypeError(f"lerp: not implemented for {x.dtype}")
    if not isinstance(weight, (int, float, complex)):
        w = array(weight, "lerp", "weight")
        if w.dtype != x.dtype and w.ndim:
            raise ArgumentTypeError(f"lerp: expected dtype {x.dtype} for `weight` but got dtype {w.dtype}")
    x, y, w = same_rank("lerp", x, y, jnp.asarray(weight, x.dtype))

    def compute(a: jax.Array, b: jax.Array, c: jax.Array) -> jax.Array:
        near = (jnp.abs(c) if kind_of(c.dtype) == COMPLEX else lax.abs(c)) < 0.5
        return jnp.where(near, a + c * (b - a), b - (b - a) * (1 - c))

    return computed_wide(compute, x, y, w)


def _combined(where: str, input: ArrayLike, a: ArrayLike, b: ArrayLike, value: Scalar) -> list[jax.Array]:
    x, y, z = same_rank(where, *promoted(array(input, where), array(a, where, "tensor1"), array(b, where, "tensor2")))
    number_for(value, x.dtype, f"{where}: ")
    return [x, y, z]


@op(tensor1="the first factor.", tensor2="the second factor.", value="multiplies the product.")
def addcmul(input: ArrayLike, tensor1: ArrayLike, tensor2: ArrayLike, *, value: Scalar = 1) -> jax.Array:
    """``input + value * tensor1 * tensor2``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.addcmul(jnp.array([1.0]), jnp.array([2.0]), jnp.array([3.0]), value=10)
        Array([61.], dtype=float32)
    """
    x, y, z = _combined("addcmul", input, tensor1, tensor2, value)
    refuse_bool("addcmul", x)
    return computed_wide(lambda a, b, c: a + number_for(value, a.dtype, "addcmul: ") * b * c, x, y, z)


@op(tensor1="the numerator.", tensor2="the denominator.", value="multiplies the quotient.")
def addcdiv(input: ArrayLike, tensor1: ArrayLike, tensor2: ArrayLike, *, value: Scalar = 1) -> jax.Array:
    """``input + value * tensor1 / tensor2``.

    Raises:
        ArgumentTypeError: ``tensor1`` and ``tensor2`` are integers.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.addcdiv(jnp.array([1.0]), jnp.array([3.0]), jnp.array([2.0]), value=10)
        Array([16.], dtype=float32)
    """
    if all(kind_of(array(t, "addcdiv").dtype) < FLOATING for t in (tensor1, tensor2)):
        raise ArgumentTypeError(
            "Integer division with addcdiv is not supported; convert tensor1 or tensor2 to floating"
        )
    x, y, z = (as_inexact(v) for v in _combined("addcdiv", input, tensor1, tensor2, value))
    return computed_wide(lambda a, b, c: a + jnp.asarray(value, a.dtype) * (b / c), x, y, z)
