"""Images of several sizes in one array."""

import jax

__all__ = ["ImageList"]


class ImageList:
    """Images, padded to one size.

    Args:
        tensors: (N, 3, H, W).
        image_sizes: height and width of each without the padding.
    """

    def __init__(self, tensors: jax.Array, image_sizes: list[tuple[int, int]]) -> None:
        self.tensors = tensors
        self.image_sizes = image_sizes
