"""`torch.Tensor`'s elementwise methods and products, and their forms in place, as a box has them.

One table of functions of one value, one of functions of two.  For each name that torch has in place too, ``name_``
writes the result to the box.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from fnn.autocasting import governed_as
from fnn.errors import ArgumentError

__all__ = ["install"]

Function = Callable[..., jax.Array]


def _floating(function: Function) -> Function:
    """``function`` of a `jax.lax` that takes no integers."""
    return lambda x: function(x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(jnp.float32))


def _logit(x: jax.Array, eps: float | None = None) -> jax.Array:
    x = x if eps is None else jnp.clip(x, eps, 1 - eps)
    return jnp.log(x) - jnp.log1p(-x)


def _sgn(x: jax.Array) -> jax.Array:
    size = jnp.abs(x)
    return jnp.where(size == 0, 0, x / jnp.where(size == 0, 1, size)) if jnp.iscomplexobj(x) else jnp.sign(x)


def _clamp(x: jax.Array, min: ArrayLike | None = None, max: ArrayLike | None = None) -> jax.Array:
    return jnp.clip(x, min, max)


def _add(x: jax.Array, other: ArrayLike, *, alpha: ArrayLike = 1) -> jax.Array:
    return x + _scaled(other, alpha)


def _sub(x: jax.Array, other: ArrayLike, *, alpha: ArrayLike = 1) -> jax.Array:
    return x - _scaled(other, alpha)


def _scaled(other: ArrayLike, alpha: ArrayLike) -> Any:
    return other if isinstance(alpha, int) and alpha == 1 else alpha * jnp.asarray(other)


def _div(x: jax.Array, other: ArrayLike, *, rounding_mode: str | None = None) -> jax.Array:
    if rounding_mode not in (None, "floor", "trunc"):
        raise ArgumentError(
            f"div: expected rounding_mode to be one of None, 'trunc' or 'floor' but found '{rounding_mode}'"
        )
    if rounding_mode == "floor":
        return jnp.floor_divide(x, other)
    return x / other if rounding_mode is None else jnp.trunc(x / other).astype(jnp.result_type(x, other))


def _reciprocal(x: jax.Array) -> jax.Array:
    return 1 / x


def _lerp(start: jax.Array, end: ArrayLike, weight: ArrayLike) -> jax.Array:
    return start + weight * (jnp.asarray(end) - start)


def _addcmul(x: jax.Array, a: Any, b: Any, *, value: Any = 1) -> jax.Array:
    return x + value * (jnp.asarray(a) * b)


def _addcdiv(x: jax.Array, a: Any, b: Any, *, value: Any = 1) -> jax.Array:
    return x + value * (jnp.asarray(a) / b)


def _clamp_min(x: jax.Array, min: Any) -> jax.Array:
    return jnp.maximum(x, min)


def _clamp_max(x: jax.Array, max: Any) -> jax.Array:
    return jnp.minimum(x, max)


def _masked_fill(x: jax.Array, mask: object, value: object) -> jax.Array:
    return jnp.where(jnp.asarray(mask), jnp.asarray(value, x.dtype), x)


# torch has each of them in place, too.
IN_PLACE_TOO: dict[str, Any] = {
    "abs": jnp.abs, "acos": jnp.arccos, "acosh": jnp.arccosh, "asin": jnp.arcsin, "asinh": jnp.arcsinh,
    "atan": jnp.arctan, "atanh": jnp.arctanh, "bitwise_not": jnp.bitwise_not, "ceil": jnp.ceil, "clamp": _clamp,
    "cos": jnp.cos, "cosh": jnp.cosh, "deg2rad": jnp.deg2rad, "digamma": _floating(lax.digamma),
    "erf": _floating(lax.erf), "erfc": _floating(lax.erfc), "erfinv": _floating(lax.erf_inv), "exp": jnp.exp,
    "exp2": jnp.exp2, "expm1": jnp.expm1, "floor": jnp.floor, "frac": lambda x: x - jnp.trunc(x), "i0": jnp.i0,
    "lgamma": _floating(lax.lgamma), "log": jnp.log, "log10": jnp.log10, "log1p": jnp.log1p, "log2": jnp.log2,
    "logical_not": jnp.logical_not, "logit": _logit, "nan_to_num": jnp.nan_to_num, "neg": operator.neg,
    "rad2deg": jnp.rad2deg, "reciprocal": _reciprocal, "relu": jax.nn.relu, "rsqrt": _floating(lax.rsqrt),
    "sgn": _sgn, "sigmoid": jax.nn.sigmoid, "sign": jnp.sign, "sin": jnp.sin, "sinc": jnp.sinc, "sinh": jnp.sinh,
    "sqrt": jnp.sqrt, "square": jnp.square, "tan": jnp.tan, "tanh": jnp.tanh, "trunc": jnp.trunc,
    "add": _add, "addcdiv": _addcdiv, "addcmul": _addcmul, "atan2": jnp.arctan2, "bitwise_and": jnp.bitwise_and,
    "bitwise_left_shift": jnp.left_shift, "bitwise_or": jnp.bitwise_or, "bitwise_right_shift": jnp.right_shift,
    "bitwise_xor": jnp.bitwise_xor, "clamp_max": _clamp_max, "clamp_min": _clamp_min, "copysign": jnp.copysign,
    "div": _div, "eq": jnp.equal, "floor_divide": jnp.floor_divide, "fmod": jnp.fmod, "ge": jnp.greater_equal,
    "gt": jnp.greater, "hypot": jnp.hypot, "le": jnp.less_equal, "lerp": _lerp, "logical_and": jnp.logical_and,
    "logical_or": jnp.logical_or, "logical_xor": jnp.logical_xor, "lt": jnp.less, "masked_fill": _masked_fill,
    "mul": operator.mul, "ne": jnp.not_equal, "nextafter": jnp.nextafter, "pow": operator.pow,
    "remainder": jnp.remainder, "sub": _sub, "xlogy": jax.scipy.special.xlogy,
}  # fmt: skip
ALONE: dict[str, Function] = {
    "angle": jnp.angle, "bmm": jnp.matmul, "conj": jnp.conj, "dot": jnp.dot, "fmax": jnp.fmax, "fmin": jnp.fmin,
    "heaviside": jnp.heaviside, "inner": jnp.inner, "isclose": jnp.isclose, "isfinite": jnp.isfinite,
    "isinf": jnp.isinf, "isnan": jnp.isnan, "isneginf": jnp.isneginf, "isposinf": jnp.isposinf,
    "isreal": jnp.isreal, "kron": jnp.kron, "logaddexp": jnp.logaddexp, "logaddexp2": jnp.logaddexp2,
    "matmul": jnp.matmul, "maximum": jnp.maximum, "minimum": jnp.minimum, "mm": jnp.matmul, "mv": jnp.matmul,
    "outer": jnp.outer, "positive": jnp.positive, "signbit": jnp.signbit,
    "vdot": jnp.vdot,
}  # fmt: skip
# Other names of the same.
ALIASES = {
    "absolute": "abs", "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh", "arctan": "atan",
    "arctan2": "atan2", "arctanh": "atanh", "clip": "clamp", "divide": "div", "fix": "trunc", "ger": "outer",
    "greater": "gt", "greater_equal": "ge", "less": "lt", "less_equal": "le", "multiply": "mul", "negative": "neg",
    "not_equal": "ne", "subtract": "sub", "true_divide": "div",
}  # fmt: skip


def _method(name: str, function: Function) -> Function:
    function = governed_as(name, function)  # those in place have no door, as in PyTorch

    def method(self: Any, *args: Any, **kwargs: Any) -> jax.Array:
        return function(self.data, *args, **kwargs)

    method.__doc__ = f"``{name}`` of the value, as PyTorch's."
    return method


def _in_place(name: str, function: Function) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._combine(name, function(self.data, *args, **kwargs))

    method.__doc__ = f"Writes ``{name[:-1]}`` of the value to the box; returns the box."
    return method


def _named(function: Callable[..., Any], cls: type, name: str) -> None:
    function.__name__, function.__qualname__, function.__module__ = name, f"{cls.__qualname__}.{name}", cls.__module__
    setattr(cls, name, function)


def install(cls: type) -> None:
    """Gives ``cls``, which has ``data`` and ``_combine``, the methods."""
    every = IN_PLACE_TOO | ALONE
    for name, function in every.items():
        _named(_method(name, function), cls, name)
    for name, function in IN_PLACE_TOO.items():
        _named(_in_place(f"{name}_", function), cls, f"{name}_")
    for name, same in ALIASES.items():
        for suffix in ("", "_") if same in IN_PLACE_TOO else ("",):
            setattr(cls, name + suffix, getattr(cls, same + suffix))
