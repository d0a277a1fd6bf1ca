"""Types of arguments: what a signature says in place of ``Any``.

Example:
    >>> from fnn.typing import ArrayLike, Ints
    >>> def pool(input: ArrayLike, kernel_size: Ints) -> None: ...
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeAlias, TypeVar, Union, runtime_checkable

import jax
import numpy as np

if TYPE_CHECKING:
    from fnn.host_random import Generator

__all__ = [
    "Array", "ArrayLike", "AxisName", "DType", "Device", "Floats", "Held", "Ints", "Key", "OneDevice", "PyTree",
    "Real", "Scalar", "Shape", "Size", "SupportsArray", "Tupled",
]  # fmt: skip


@runtime_checkable
class SupportsArray(Protocol):
    """What JAX takes for an array: a Parameter, a Buffer.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> from fnn.typing import SupportsArray
        >>> isinstance(nn.Parameter(jnp.ones(2)), SupportsArray), isinstance([1.0], SupportsArray)
        (True, False)
    """

    def __jax_array__(self) -> jax.Array: ...


class OneDevice(Protocol):
    """A device of JAX's.

    Example:
        >>> import jax
        >>> from fnn.typing import OneDevice
        >>> def name(device: OneDevice) -> str:
        ...     return f"{device.platform}:{device.id}"
        >>> name(jax.devices("cpu")[0])
        'cpu:0'
    """

    @property
    def platform(self) -> str:
        """``"cpu"``, ``"gpu"``, ``"tpu"``."""
        ...

    @property
    def id(self) -> int:
        """Its number."""
        ...


_Passed = TypeVar("_Passed", contravariant=True)
_Kept = TypeVar("_Kept", covariant=True)


class Held(Protocol[_Passed, _Kept]):
    """A field that its constructor normalises: what may be passed for it, and what it holds.

    Only type checkers look at it; its default is ``fnn.layers.layer.given(default=value)``.

    Example:
        >>> from fnn import layers
        >>> from fnn.layers.layer import given
        >>> from fnn.typing import Held
        >>> class Shift(layers.Layer):
        ...     by: Held[int | tuple[int, ...], tuple[int, ...]] = given(default=1)
        ...     def __post_init__(self):
        ...         self._set(by=(self.by,) if isinstance(self.by, int) else self.by)
        ...     def apply(self, params, state, input, *, training=False, key=None):
        ...         return input + sum(self.by), state
        >>> Shift().by, Shift((1, 2)).by
        ((1,), (1, 2))
    """

    def __get__(self, instance: object, owner: object) -> _Kept: ...

    def __set__(self, instance: object, value: _Passed) -> None: ...


Array: TypeAlias = jax.Array

# A number, also a traced one.
Scalar: TypeAlias = bool | int | float | complex | np.number | np.bool_ | jax.Array

# A real one.
Real: TypeAlias = "int | float | np.floating | np.integer | jax.Array"

# Whatever `jnp.asarray` takes that is no list.
ArrayLike: TypeAlias = jax.Array | np.ndarray | np.number | np.bool_ | bool | int | float | complex | SupportsArray

# A source of random numbers: a JAX key, or a host generator, which draws what PyTorch draws.
Key: TypeAlias = Union[jax.Array, "Generator"]

DType: TypeAlias = str | type | np.dtype

# "cpu", "cuda:1", a device of JAX's, or how an array is laid out over several.
Device: TypeAlias = str | OneDevice | jax.sharding.Sharding

Shape: TypeAlias = Sequence[int]

# An axis that a transform maps over (``jax.vmap(f, axis_name="batch")``, an axis of a mesh), or several.
AxisName: TypeAlias = str | tuple[str, ...]

# One number for all axes, or one per axis.
Ints: TypeAlias = int | Sequence[int]
# The same as a field that holds a tuple.
Tupled: TypeAlias = "Held[int | Sequence[int], tuple[int, ...]]"
Floats: TypeAlias = float | Sequence[float]

# An output size: None leaves an axis as it is.
Size: TypeAlias = int | Sequence[int | None] | None

# Arrays in lists, tuples, dicts and whatever else is registered with JAX.  No type checker knows more of it.
PyTree: TypeAlias = Any

# The parameters and the result of a function that a transform takes, and whose signature it keeps.
P = ParamSpec("P")
R = TypeVar("R")
