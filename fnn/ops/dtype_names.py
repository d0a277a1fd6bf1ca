"""PyTorch's dtypes under their names (``fnn.float32``, ``fnn.long``), and what is asked of dtypes.

A `dtype` is taken wherever numpy and JAX take one, and equals theirs: ``x.dtype == fnn.float32``.  Called, it converts,
as the method of a Tensor that has its name: ``fnn.float(x)``, ``fnn.bool(x)``.
"""

from __future__ import annotations

import builtins
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.dtypes import canonical, index_dtype, to_array
from fnn.errors import ArgumentTypeError
from fnn.ops import _promote
from fnn.ops._promote import complex_of, kind_of
from fnn.typing import ArrayLike, DType

__all__ = [
    "bfloat16", "bool", "byte", "can_cast", "cdouble", "cfloat", "char", "complex128", "complex64", "double", "dtype",
    "float", "float16", "float32", "float64", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz",
    "float8_e8m0fnu", "half", "int", "int16", "int32", "int64", "int8", "long", "promote_types", "result_type", "short",
    "uint16", "uint32", "uint64", "uint8",
]  # fmt: skip


class _Kind(type):
    def __instancecheck__(cls, instance: object) -> builtins.bool:
        return isinstance(instance, np.dtype) or type.__instancecheck__(cls, instance)


class dtype(metaclass=_Kind):
    """The type of an array's numbers; ``isinstance(x.dtype, fnn.dtype)`` holds.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.zeros(2, dtype=fnn.int32).dtype == fnn.int32
        True
        >>> fnn.float(jnp.arange(2))
        Array([0., 1.], dtype=float32)
        >>> fnn.bfloat16.is_floating_point, fnn.bfloat16.itemsize
        (True, 2)
    """

    __slots__ = ("_name", "_numpys")

    def __init__(self, name: str, numpys: Any) -> None:
        self._name = name
        self._numpys = None if numpys is None else np.dtype(numpys)

    @property
    def dtype(self) -> np.dtype:
        """numpy's, by which numpy and JAX know it."""
        return index_dtype() if self._numpys is None else self._numpys

    @property
    def name(self) -> str:
        """Numpy's name of it."""
        return self.dtype.name

    @property
    def itemsize(self) -> builtins.int:
        """Bytes of one number."""
        return self.dtype.itemsize

    @property
    def is_floating_point(self) -> builtins.bool:
        """Whether it is a real floating dtype."""
        return kind_of(self.dtype) == 2

    @property
    def is_complex(self) -> builtins.bool:
        """Whether it is a complex dtype."""
        return kind_of(self.dtype) == 3

    @property
    def is_signed(self) -> builtins.bool:
        """Whether it has negative numbers."""
        return self.dtype.kind not in "bu"

    def to_complex(self) -> np.dtype:
        """The complex dtype whose parts are of this one."""
        return complex_of(self.dtype)

    def to_real(self) -> np.dtype:
        """The dtype of the parts of a complex one; of a floating one itself."""
        return np.dtype(jnp.finfo(self.dtype).dtype)

    def __call__(self, input: ArrayLike) -> jax.Array:
        """The array with its numbers of this dtype."""
        return to_array(input, "input", f"{self._name}: ").astype(canonical(self.dtype, f"{self._name}: "))

    def __eq__(self, other: object) -> builtins.bool:
        if other is None:  # for which numpy takes float64
            return False
        try:
            return self.dtype == np.dtype(other)  # type: ignore[call-overload]
        except TypeError:
            return False

    def __hash__(self) -> builtins.int:
        return hash(self.dtype)

    def __repr__(self) -> str:
        return f"fnn.{self._name}"

    def __reduce__(self) -> str:
        return self._name


float16 = half = dtype("float16", "float16")
float32 = float = dtype("float32", "float32")
float64 = double = dtype("float64", "float64")
bfloat16 = dtype("bfloat16", jnp.bfloat16)
float8_e4m3fn = dtype("float8_e4m3fn", jnp.float8_e4m3fn)
float8_e4m3fnuz = dtype("float8_e4m3fnuz", jnp.float8_e4m3fnuz)
float8_e5m2 = dtype("float8_e5m2", jnp.float8_e5m2)
float8_e5m2fnuz = dtype("float8_e5m2fnuz", jnp.float8_e5m2fnuz)
float8_e8m0fnu = dtype("float8_e8m0fnu", jnp.float8_e8m0fnu)
complex64 = cfloat = dtype("complex64", "complex64")
complex128 = cdouble = dtype("complex128", "complex128")
int8 = char = dtype("int8", "int8")
int16 = short = dtype("int16", "int16")
int32 = int = dtype("int32", "int32")
int64 = dtype("int64", "int64")
uint8 = byte = dtype("uint8", "uint8")
uint16 = dtype("uint16", "uint16")
uint32 = dtype("uint32", "uint32")
uint64 = dtype("uint64", "uint64")
bool = dtype("bool", "bool")
# int64 where x64 mode is on, else int32, as in all places where PyTorch's default is int64; int64 is that or an error.
long = dtype("long", None)


def result_type(tensor1: ArrayLike, tensor2: ArrayLike) -> np.dtype:
    """The dtype of an operation on both: arrays with dimensions decide, then those without, then numbers.

    >>> result_type(jnp.ones(2, jnp.bfloat16), 1.0)
    dtype(bfloat16)
    """
    return _promote.result_type(tensor1, tensor2)


def promote_types(type1: DType, type2: DType) -> np.dtype:
    """The smallest dtype to which both can be converted.

    >>> promote_types("uint8", "int8")
    dtype('int16')
    """
    first, second = (_known(d, f"type{n}", "promote_types: ") for n, d in enumerate((type1, type2), 1))
    return np.dtype(jnp.promote_types(first, second))


def can_cast(from_: DType, to: DType) -> builtins.bool:
    """Whether a value may be stored in a dtype: its kind (bool, integer, floating, complex) is not a higher one.

    >>> can_cast("float32", "int32"), can_cast("int32", "bfloat16")
    (False, True)
    """
    source, target = _known(from_, "from_", "can_cast: "), _known(to, "to", "can_cast: ")
    if source.kind in "i" and target.kind == "u":
        return False
    return kind_of(source) <= kind_of(target)


def _known(value: DType, name: str, where: str) -> np.dtype:
    if value is None:
        raise ArgumentTypeError(f"{where}argument '{name}' must be a dtype, got None")
    return canonical(value, where)
