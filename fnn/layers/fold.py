"""Sliding blocks of an image, taken out and summed back in."""

from __future__ import annotations

from collections.abc import Sequence

import jax

from fnn.arguments import integers
from fnn.functional.fold import fold, unfold
from fnn.layers.layer import Layer, Params, State
from fnn.typing import ArrayLike, Ints, Key

__all__ = ["Fold", "Unfold"]


class Fold(Layer):
    """Sums sliding blocks into the image that they would have been extracted from; the adjoint of `Unfold`.

    ``Fold(Unfold(x))`` is x times the number of blocks that cover each entry.

    Args:
        output_size: (H, W) of the result; one int stands for both, as in the others.
        kernel_size: (k0, k1), size of a block.
        dilation: step between two elements of a block.
        padding: border of the image that the blocks cover and that is dropped.
        stride: step between two blocks.

    Shape:
        (N, C * k0 * k1, L) or (C * k0 * k1, L) -> (N, C, H, W) or (C, H, W), L blocks in row-major order.

    Example:
        >>> output, _ = layers.Fold((2, 3), 2).apply({}, {}, jnp.ones((4, 2)))
        >>> output.tolist()
        [[[1.0, 2.0, 1.0], [1.0, 2.0, 1.0]]]
    """

    output_size: Ints
    kernel_size: Ints
    dilation: Ints = 1
    padding: Ints = 0
    stride: Ints = 1

    def __post_init__(self) -> None:
        _hashable(self, ("output_size", "kernel_size", "dilation", "padding", "stride"))

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        del params, training, key
        image = fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)
        return image, state

    def extra_repr(self) -> str:
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )


class Unfold(Layer):
    """Extracts sliding blocks from an image.

    Args:
        kernel_size: (k0, k1), size of a block; one int stands for both, as in the others.
        dilation: step between two elements of a block.
        padding: zeros around the image.
        stride: step between two blocks.

    Shape:
        (N, C, H, W) or (C, H, W) -> (N, C * k0 * k1, L) or (C * k0 * k1, L), L blocks in row-major order,
        ``(size + 2 * padding - dilation * (k - 1) - 1) // stride + 1`` of them along each axis.

    Example:
        >>> output, _ = layers.Unfold((2, 2)).apply({}, {}, jnp.arange(6.0).reshape(1, 2, 3))
        >>> output.tolist()
        [[0.0, 1.0], [1.0, 2.0], [3.0, 4.0], [4.0, 5.0]]
    """

    kernel_size: Ints
    dilation: Ints = 1
    padding: Ints = 0
    stride: Ints = 1

    def __post_init__(self) -> None:
        _hashable(self, ("kernel_size", "dilation", "padding", "stride"))

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        del params, training, key
        return unfold(input, self.kernel_size, self.dilation, self.padding, self.stride), state

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"


def _hashable(layer: Fold | Unfold, names: Sequence[str]) -> None:
    """Lists become tuples; an int stays one, as in PyTorch's modules."""
    for name in names:
        layer._set(**{name: integers(getattr(layer, name), name, f"{type(layer).__name__}: ")})
