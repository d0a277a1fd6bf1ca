"""Written by tools/make_stubs.py from fold.py and its layers; do not edit."""

import jax
from typing import Any
from fnn.typing import ArrayLike, Ints
from fnn.nn.modules.layer_module import LayerModule

__all__ = ['Fold', 'Unfold']

class Fold(LayerModule):
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
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> output = nn.Fold((2, 3), 2)(jnp.ones((4, 2)))
        >>> output.tolist()
        [[[1.0, 2.0, 1.0], [1.0, 2.0, 1.0]]]
    """
    output_size: Ints
    kernel_size: Ints
    dilation: Ints
    padding: Ints
    stride: Ints
    def __init__(
        self,
        output_size: Ints,
        kernel_size: Ints,
        dilation: Ints = 1,
        padding: Ints = 0,
        stride: Ints = 1,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class Unfold(LayerModule):
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
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> output = nn.Unfold((2, 2))(jnp.arange(6.0).reshape(1, 2, 3))
        >>> output.tolist()
        [[0.0, 1.0], [1.0, 2.0], [3.0, 4.0], [4.0, 5.0]]
    """
    kernel_size: Ints
    dilation: Ints
    padding: Ints
    stride: Ints
    def __init__(self, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...
