"""What the layers without parameters or state share that apply one function to their input."""

from __future__ import annotations

from typing import ClassVar

import jax

from fnn.layers.layer import Layer, Params, State
from fnn.typing import ArrayLike, Key


class _Activation(Layer):
    """A layer that is a function of its input and its fields.

    Shape:
        (*) -> the same.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ()  # the fields that PyTorch prints; ``inplace`` it prints when it is set

    def _activate(self, x: ArrayLike) -> jax.Array:
        raise TypeError(f"{type(self).__name__} defines no _activate")

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        del params, training, key
        return self._activate(input), state

    def extra_repr(self) -> str:
        shown = [f"{name}={getattr(self, name)}" for name in self.SHOWN]
        if getattr(self, "inplace", False):
            shown.append("inplace=True")
        return ", ".join(shown)
