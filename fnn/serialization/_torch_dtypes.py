"""PyTorch's dtypes by name, as the numpy dtypes that hold their bytes.

Three kinds have no counterpart in JAX.  ``complex32`` is read as its two halves and widened to complex64, which
loses nothing.  Bit patterns (``bits8``, ``float4_e2m1fn_x2``, ...) are read as the unsigned integers that hold
them.  Quantised integers occur only inside quantised tensors.
"""

import jax.numpy as jnp
import numpy as np

from fnn.typing import DType

__all__ = ["COMPLEX32", "DTYPES", "QUANTISED", "STORAGES", "STORAGE_OF", "component_size", "torch_name"]

COMPLEX32 = np.dtype([("real", np.float16), ("imag", np.float16)])

# The dtypes that have a storage class of their own; newer ones are written as bytes beside the dtype's name.
_CLASSIC = {
    "float64": "Double",
    "float32": "Float",
    "float16": "Half",
    "bfloat16": "BFloat16",
    "int64": "Long",
    "int32": "Int",
    "int16": "Short",
    "int8": "Char",
    "uint8": "Byte",
    "bool": "Bool",
    "complex128": "ComplexDouble",
    "complex64": "ComplexFloat",
}
_FLOAT8 = ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu")
_BITS = {"bits8": 1, "bits1x8": 1, "bits2x4": 1, "bits4x2": 1, "bits16": 2, "float4_e2m1fn_x2": 1}

_EXACT: dict[str, np.dtype] = {
    **{name: np.dtype(jnp.bfloat16 if name == "bfloat16" else name) for name in _CLASSIC},
    **{name: np.dtype(name) for name in ("uint16", "uint32", "uint64")},
    **{name: np.dtype(getattr(jnp, name)) for name in _FLOAT8},
}
DTYPES: dict[str, np.dtype] = {
    **_EXACT,
    "complex32": COMPLEX32,
    **{name: np.dtype(f"u{size}") for name, size in _BITS.items()},
}
QUANTISED: dict[str, np.dtype] = {"qint8": np.dtype("i1"), "quint8": np.dtype("u1"), "qint32": np.dtype("i4")}

# What an element of a storage is, by the name of the storage's class.
STORAGES: dict[str, np.dtype] = {
    **{f"{prefix}Storage": _EXACT[name] for name, prefix in _CLASSIC.items()},
    "QInt8Storage": QUANTISED["qint8"],
    "QUInt8Storage": QUANTISED["quint8"],
    "QInt32Storage": QUANTISED["qint32"],
    "QUInt4x2Storage": np.dtype("u1"),
    "QUInt2x4Storage": np.dtype("u1"),
    "UntypedStorage": np.dtype("u1"),
    "_UntypedStorage": np.dtype("u1"),
}
STORAGE_OF: dict[str, str] = {name: f"{prefix}Storage" for name, prefix in _CLASSIC.items()}

_NAMES = {dtype: name for name, dtype in _EXACT.items()}


def torch_name(dtype: DType | None) -> str | None:
    """PyTorch's name of a numpy dtype (of any byte order), or None."""
    return _NAMES.get(np.dtype(dtype).newbyteorder("="))


def component_size(dtype: np.dtype) -> int:
    """The bytes of one number; a complex element is two."""
    return dtype.itemsize // 2 if dtype.kind == "c" or dtype == COMPLEX32 else dtype.itemsize
