"""Dtypes: PyTorch's names and defaults over JAX's, and the conversion of anything array-like.

``float64`` and ``int64`` exist only when JAX runs in x64 mode.  An explicit request for one without it is
an error, never a silent float32.  Where PyTorch's *default* is int64 (counters, indices) fnn uses int32
without x64, as JAX itself does.
"""

import math
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import tree_map

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.typing import DType

_default = np.dtype("float32")

_X64_OFF = (
    "{where}dtype={name} needs 64-bit mode, which is off; call jax.config.update('jax_enable_x64', True) "
    "before the first array is made, or ask for {alternative}"
)


def get_default_dtype() -> np.dtype:
    """The floating dtype of new parameters and random numbers (float32 unless changed).

    Example:
        >>> import fnn
        >>> fnn.get_default_dtype()
        dtype('float32')
    """
    return _default


def set_default_dtype(dtype: DType | None) -> None:
    """Sets the floating dtype of new parameters and random numbers.

    Args:
        dtype: a floating dtype: float32, float64 (x64 mode only), bfloat16 or float16.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> fnn.set_default_dtype(jnp.bfloat16)
        >>> nn.Linear(2, 2).weight.dtype
        dtype(bfloat16)
        >>> fnn.set_default_dtype(jnp.float32)
    """
    global _default
    dtype = canonical(dtype)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise ArgumentTypeError(f"set_default_dtype: expected a floating dtype, got dtype={dtype.name}")
    _default = dtype


def x64() -> bool:
    """Whether JAX is in 64-bit mode."""
    return jnp.result_type(float) == np.float64


def canonical(dtype: object, where: str = "") -> np.dtype:
    """The numpy dtype of ``dtype`` (``None``: the default float dtype).

    Raises:
        ArgumentError: a 64-bit dtype without x64 mode.
    """
    if dtype is None:
        return _default
    try:
        result = np.dtype(cast(Any, dtype))
    except TypeError:
        raise ArgumentTypeError(f"{where}expected a dtype such as jnp.float32, got dtype={dtype!r}") from None
    if (result.itemsize == 8 and result.kind in "fiu") or result == np.complex128:
        if not x64():
            smaller = {"f": "float32", "i": "int32", "u": "uint32", "c": "complex64"}[result.kind]
            raise ArgumentError(_X64_OFF.format(where=where, name=result.name, alternative=smaller))
    return result


def index_dtype() -> np.dtype:
    """PyTorch's int64 where x64 mode is on, else int32."""
    return np.dtype("int64" if x64() else "int32")


def to_array(x: object, name: str = "input", where: str = "") -> jax.Array:
    """``x`` as a `jax.Array`: arrays and tracers as they are, boxes by their value, the rest converted."""
    unbox = getattr(x, "__jax_array__", None)
    if unbox is not None:
        return unbox()
    if isinstance(x, jax.Array):
        return x
    if x is None or isinstance(x, (str, bytes)):
        raise ArgumentTypeError(f"{where}argument '{name}' must be an array, got {x!r}")
    try:
        return jnp.asarray(x)
    except (TypeError, ValueError):
        raise ArgumentTypeError(f"{where}argument '{name}' must be an array, got {type(x).__name__}") from None


def number_in(value: complex, dtype: np.dtype, where: str = "") -> np.ndarray:
    """A Python number as PyTorch writes it into an array of a dtype: integers have no fraction, unsigned ones wrap.

    Raises:
        ArgumentError: the dtype cannot hold it.
    """
    given, kind = value, "V" if jnp.issubdtype(dtype, jnp.floating) else dtype.kind
    fits = True
    if isinstance(value, complex) and kind not in "bc":
        value, fits = value.real, not value.imag
    if kind in "iu" and fits:
        low, high = int(jnp.iinfo(dtype).min), int(jnp.iinfo(dtype).max)
        if isinstance(value, int):
            fits = (-high if kind == "u" else low) <= value <= high
            value = value % (high + 1) if kind == "u" and fits else value
        else:
            fits = math.isfinite(value.real) and low <= value.real <= high
            value = int(value.real) if fits else value
    elif kind in "Vc" and fits:
        top = float(jnp.finfo(dtype).max)
        fits = not any(math.isfinite(part) and abs(part) > top for part in (value.real, value.imag))
    if not fits:
        raise ArgumentError(
            f"{where}value cannot be converted to type {dtype.name} without overflow, got value={given}"
        )
    return np.asarray(value, dtype)


def operand_in(value: complex, dtype: np.dtype, where: str = "") -> np.ndarray:
    """As `number_in`, for an operand: to the half dtypes it goes through wider ones, and becomes infinite."""
    through = np.dtype("float64") if jnp.issubdtype(dtype, jnp.floating) and dtype.itemsize == 2 else dtype
    with np.errstate(over="ignore"):
        return number_in(value, through, where).astype(dtype)


def conjugated(tree: object) -> Any:
    """``tree`` with its complex arrays conjugated: from JAX's gradients to PyTorch's, and back."""
    return tree_map(lambda x: jnp.conj(x) if jnp.iscomplexobj(x) else x, tree)


def is_floating(x: jax.Array | np.ndarray) -> bool:
    """Whether ``x`` has a real floating dtype."""
    return bool(jnp.issubdtype(x.dtype, jnp.floating))


def is_complex(x: jax.Array | np.ndarray) -> bool:
    """Whether ``x`` has a complex dtype."""
    return bool(jnp.issubdtype(x.dtype, jnp.complexfloating))
