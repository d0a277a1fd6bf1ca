"""Padding of all spatial axes, by a constant, by reflection, by the edge, or around the circle."""

from __future__ import annotations

from typing import ClassVar

import jax

from fnn.arguments import ntuple
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.functional import padding as functional
from fnn.layers.layer import Layer, Params, State
from fnn.typing import ArrayLike, Key, Tupled

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]


class _PadNd(Layer):
    """Base of layers that share what follows.

    Shape:
        $shape -> the same with
        $grown.
    """

    RANK: ClassVar[int]
    MODE: ClassVar[str]

    padding: Tupled

    def __post_init__(self) -> None:
        self._set(padding=ntuple(self.padding, 2 * self.RANK, "padding", f"{type(self).__name__}: "))

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        del params, training, key
        return functional.pad(input, self.padding, self.MODE), state

    def extra_repr(self) -> str:
        return str(self.padding)


class _ReflectionPadNd(_PadNd):
    """Base of layers that share what follows.

    Args:
        padding: amounts $sides, less than the sizes; one int stands for all.
    """

    MODE = "reflect"


class _ReplicationPadNd(_PadNd):
    """Base of layers that share what follows.

    Args:
        padding: amounts $sides; one int stands for all.
    """

    MODE = "replicate"


class _CircularPadNd(_PadNd):
    """Base of layers that share what follows.

    Args:
        padding: amounts $sides, up to the sizes; one int stands for all.
    """

    MODE = "circular"

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        input = to_array(input, "input")
        if input.ndim not in (self.RANK + 1, self.RANK + 2):
            raise ArgumentError(f"expected {self.RANK + 1}D or {self.RANK + 2}D input (got {input.ndim}D input)")
        return super().apply(params, state, input, training=training, key=key)


class _ConstantPadNd(_PadNd):
    """Base of layers that share what follows.

    Args:
        value: what is filled in.
        padding: amounts $sides; one int stands for all.
    """

    value: float

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        del params, training, key
        return functional.pad(input, self.padding, "constant", self.value), state

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class _ZeroPadNd(_PadNd):
    """Base of layers that share what follows.

    Args:
        padding: amounts $sides; one int stands for all.
    """

    MODE = "constant"

    @property
    def value(self) -> float:
        """What is filled in: 0."""
        return 0.0


class ConstantPad1d(_ConstantPadNd):
    """Adds a constant at both ends of a signal; a negative amount cuts off.

    Example:
        >>> layers.ConstantPad1d((1, 2), 9.0).apply({}, {}, jnp.array([[1.0, 2.0, 3.0]]))[0].tolist()
        [[9.0, 1.0, 2.0, 3.0, 9.0, 9.0]]
    """

    RANK = 1


class ConstantPad2d(_ConstantPadNd):
    """Adds a constant at the sides of an image; a negative amount cuts off.

    Example:
        >>> layers.ConstantPad2d(1, 9.0).apply({}, {}, jnp.array([[[1.0, 2.0], [3.0, 4.0]]]))[0][0, 0].tolist()
        [9.0, 9.0, 9.0, 9.0]
    """

    RANK = 2


class ConstantPad3d(_ConstantPadNd):
    """Adds a constant at the sides of a volume; a negative amount cuts off.

    Example:
        >>> layers.ConstantPad3d(1, 9.0).apply({}, {}, jnp.arange(1.0, 9.0).reshape(1, 2, 2, 2))[0][0, 0, 0].tolist()
        [9.0, 9.0, 9.0, 9.0]
    """

    RANK = 3


class ZeroPad1d(_ZeroPadNd):
    """Adds zeros at both ends of a signal; a negative amount cuts off.

    Example:
        >>> layers.ZeroPad1d((1, 2)).apply({}, {}, jnp.array([[1.0, 2.0, 3.0]]))[0].tolist()
        [[0.0, 1.0, 2.0, 3.0, 0.0, 0.0]]
    """

    RANK = 1


class ZeroPad2d(_ZeroPadNd):
    """Adds zeros at the sides of an image; a negative amount cuts off.

    Example:
        >>> layers.ZeroPad2d(1).apply({}, {}, jnp.array([[[1.0, 2.0], [3.0, 4.0]]]))[0][0, 0].tolist()
        [0.0, 0.0, 0.0, 0.0]
    """

    RANK = 2


class ZeroPad3d(_ZeroPadNd):
    """Adds zeros at the sides of a volume; a negative amount cuts off.

    Example:
        >>> layers.ZeroPad3d(1).apply({}, {}, jnp.arange(1.0, 9.0).reshape(1, 2, 2, 2))[0][0, 0, 0].tolist()
        [0.0, 0.0, 0.0, 0.0]
    """

    RANK = 3


class ReflectionPad1d(_ReflectionPadNd):
    """Mirrors the input at both ends of a signal, without repeating the edge.

    Example:
        >>> layers.ReflectionPad1d((1, 2)).apply({}, {}, jnp.array([[1.0, 2.0, 3.0]]))[0].tolist()
        [[2.0, 1.0, 2.0, 3.0, 2.0, 1.0]]
    """

    RANK = 1


class ReflectionPad2d(_ReflectionPadNd):
    """Mirrors the input at the sides of an image, without repeating the edge.

    Example:
        >>> layers.ReflectionPad2d(1).apply({}, {}, jnp.array([[[1.0, 2.0], [3.0, 4.0]]]))[0][0, 0].tolist()
        [4.0, 3.0, 4.0, 3.0]
    """

    RANK = 2


class ReflectionPad3d(_ReflectionPadNd):
    """Mirrors the input at the sides of a volume, without repeating the edge.

    Example:
        >>> layers.ReflectionPad3d(1).apply({}, {}, jnp.arange(1.0, 9.0).reshape(1, 2, 2, 2))[0][0, 0, 0].tolist()
        [8.0, 7.0, 8.0, 7.0]
    """

    RANK = 3


class ReplicationPad1d(_ReplicationPadNd):
    """Repeats the edge at both ends of a signal.

    Example:
        >>> layers.ReplicationPad1d((1, 2)).apply({}, {}, jnp.array([[1.0, 2.0, 3.0]]))[0].tolist()
        [[1.0, 1.0, 2.0, 3.0, 3.0, 3.0]]
    """

    RANK = 1


class ReplicationPad2d(_ReplicationPadNd):
    """Repeats the edge at the sides of an image.

    Example:
        >>> layers.ReplicationPad2d(1).apply({}, {}, jnp.array([[[1.0, 2.0], [3.0, 4.0]]]))[0][0, 0].tolist()
        [1.0, 1.0, 2.0, 2.0]
    """

    RANK = 2


class ReplicationPad3d(_ReplicationPadNd):
    """Repeats the edge at the sides of a volume.

    Example:
        >>> layers.ReplicationPad3d(1).apply({}, {}, jnp.arange(1.0, 9.0).reshape(1, 2, 2, 2))[0][0, 0, 0].tolist()
        [1.0, 1.0, 2.0, 2.0]
    """

    RANK = 3


class CircularPad1d(_CircularPadNd):
    """Wraps the input around at both ends of a signal.

    Example:
        >>> layers.CircularPad1d((1, 2)).apply({}, {}, jnp.array([[1.0, 2.0, 3.0]]))[0].tolist()
        [[3.0, 1.0, 2.0, 3.0, 1.0, 2.0]]
    """

    RANK = 1


class CircularPad2d(_CircularPadNd):
    """Wraps the input around at the sides of an image.

    Example:
        >>> layers.CircularPad2d(1).apply({}, {}, jnp.array([[[1.0, 2.0], [3.0, 4.0]]]))[0][0, 0].tolist()
        [4.0, 3.0, 4.0, 3.0]
    """

    RANK = 2


class CircularPad3d(_CircularPadNd):
    """Wraps the input around at the sides of a volume.

    Example:
        >>> layers.CircularPad3d(1).apply({}, {}, jnp.arange(1.0, 9.0).reshape(1, 2, 2, 2))[0][0, 0, 0].tolist()
        [8.0, 7.0, 8.0, 7.0]
    """

    RANK = 3
