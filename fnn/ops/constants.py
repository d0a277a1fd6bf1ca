"""Numbers and types that stand beside ``torch``'s functions: ``pi``, ``finfo``, ``Size``, ``device``."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np

from fnn.devices import NO_META
from fnn.dtypes import canonical, get_default_dtype
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.typing import DType

__all__ = ["Size", "device", "e", "finfo", "iinfo", "inf", "nan", "newaxis", "pi"]

e, inf, nan, pi = math.e, math.inf, math.nan, math.pi
newaxis = None

# A shape is a tuple; the name is for programs that ask isinstance(shape, fnn.Size) or make one.
Size = tuple


class device(str):
    """A device by its name, taken wherever a device is: ``fnn.device("cuda", 1)`` is ``"cuda:1"``.

    Args:
        type: ``"cpu"``, ``"cuda"``, ``"tpu"``, with or without a number.
        index: the number.

    Raises:
        ArgumentError: the name is none of a device.

    Example:
        >>> import fnn
        >>> place = fnn.device("cpu", 0)
        >>> place.type, place.index, fnn.zeros(2, device=place).device.platform
        ('cpu', 0, 'cpu')
    """

    __slots__ = ("index_", "type")

    type: str

    def __new__(cls, type: str, index: int | None = None) -> device:
        """Checks the name."""
        name, colon, number = str(type).partition(":")
        if name == "meta":
            raise ArgumentError(f"device: {NO_META}")
        if name not in ("cpu", "cuda", "gpu", "rocm", "tpu", "xla") or (colon and not number.isdigit()):
            raise ArgumentError(
                f"device: Expected one of cpu, cuda, gpu, tpu device type at start of device string: {type}"
            )
        if colon and index is not None:
            raise ArgumentError(f"device: type (string) must not include an index because index was passed: {type}")
        at = int(number) if colon else index
        if at is not None and at < 0:
            raise ArgumentError(f"device: Device index must not be negative, got index={index}")
        self = super().__new__(cls, name if at is None else f"{name}:{at}")
        self.type, self.index_ = name, at
        return self

    def __getnewargs__(self) -> tuple[str]:
        return (str(self),)

    @property
    def index(self) -> int | None:  # type: ignore[override]
        """The number, or None."""
        return self.index_

    def __repr__(self) -> str:
        number = "" if self.index_ is None else f", index={self.index_}"
        return f"device(type={self.type!r}{number})"


class finfo:
    """The limits of a floating dtype, as Python's numbers.

    Args:
        type: the dtype; the default one if None.

    Attributes:
        bits: the size of a number.
        eps: the distance from 1 to the next number.
        max: the largest number.
        min: the smallest, ``-max``.
        tiny: the smallest positive normal one; also ``smallest_normal``.
        resolution: the approximate decimal one.

    Example:
        >>> import fnn
        >>> fnn.finfo(fnn.bfloat16).eps
        0.0078125
    """

    def __init__(self, type: DType | None = None) -> None:
        dtype = get_default_dtype() if type is None else canonical(type, "finfo: ")
        if not jnp.issubdtype(dtype, jnp.inexact):
            raise ArgumentTypeError(f"finfo: expected a floating dtype, got type={dtype.name}; use iinfo")
        found = jnp.finfo(dtype)
        self.dtype, self.bits = np.dtype(found.dtype).name, int(found.bits)
        self.eps, self.max, self.min = float(found.eps), float(found.max), float(found.min)
        self.tiny = self.smallest_normal = float(found.tiny)
        self.resolution = float(f"1e-{found.precision}")

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
            f"smallest_normal={self.tiny:g}, tiny={self.tiny:g}, dtype={self.dtype})"
        )


class iinfo:
    """The limits of an integer dtype.

    Args:
        type: the dtype.

    Attributes:
        bits: the size of a number.
        max: the largest number.
        min: the smallest.

    Example:
        >>> import fnn
        >>> fnn.iinfo(fnn.uint8).max
        255
    """

    def __init__(self, type: DType) -> None:
        dtype = canonical(type, "iinfo: ")
        if dtype.kind not in "iu":
            raise ArgumentTypeError(f"iinfo: expected an integer dtype, got type={dtype.name}; use finfo")
        found = jnp.iinfo(dtype)
        self.dtype, self.bits, self.max, self.min = dtype.name, int(found.bits), int(found.max), int(found.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
