"""All-pairs correlations of two feature maps, looked up around places, and what brings a flow to full resolution.

Coordinates are (x, y) in pixels, held in single precision at least: bfloat16 has no odd numbers above 256.
"""

import jax
import jax.numpy as jnp
import numpy as np

from fnn import nn
from fnn.errors import ArgumentError
from fnn.nn import functional as F

__all__ = ["CorrBlock", "pixels", "sampled", "upsampled"]


def pixels(n: int, h: int, w: int, like: jax.Array) -> jax.Array:
    """Each pixel's own coordinates, (n, 2, h, w)."""
    dtype = jnp.promote_types(like.dtype, jnp.float32)
    y, x = jnp.meshgrid(jnp.arange(h, dtype=dtype), jnp.arange(w, dtype=dtype), indexing="ij")
    return jnp.broadcast_to(jnp.stack([x, y])[None], (n, 2, h, w))


def sampled(image: jax.Array, places: jax.Array) -> jax.Array:
    """The image, (N, C, H, W), between its pixels: 0 outside; ``places`` (N, H', W', 2) -> (N, C, H', W')."""
    h, w = image.shape[-2:]
    x, y = places[..., 0], places[..., 1]
    x = 2 * x / (w - 1) - 1
    if h > 1:
        y = 2 * y / (h - 1) - 1
    return F.grid_sample(image.astype(places.dtype), jnp.stack([x, y], -1), mode="bilinear", align_corners=True)


def upsampled(flow: jax.Array, mask: jax.Array | None, factor: int = 8) -> jax.Array:
    """A flow in the pixels of an image that has ``factor`` times as many rows and columns.

    Args:
        flow: (N, 2, H, W).
        mask: (N, 9 * factor * factor, H, W): for each new pixel the logits of the weights of the 3x3 old ones around
            it (appendix B of the paper). None: bilinear.
        factor: how much finer the result is.

    Returns:
        (N, 2, factor * H, factor * W).
    """
    n, channels, h, w = flow.shape
    if mask is None:
        fine = F.interpolate(flow, size=(h * factor, w * factor), mode="bilinear", align_corners=True)
        return factor * fine
    weights = F.softmax(mask.astype(flow.dtype).reshape(n, 1, 9, factor, factor, h, w), dim=2)
    around = F.unfold(factor * flow, kernel_size=3, padding=1).reshape(n, channels, 9, 1, 1, h, w)
    fine = (weights * around).sum(2)  # (N, 2, factor, factor, H, W)
    return fine.transpose(0, 1, 4, 2, 5, 3).reshape(n, channels, h * factor, w * factor)


class CorrBlock(nn.Module):
    """The products of all pairs of pixels of two feature maps, at several resolutions of the second.

    A model looks them up at the pixels whose coordinates differ by at most ``radius`` along either axis.

    Args:
        num_levels: how many resolutions; each is half of the one before.
        radius: of the neighbourhood.

    Attributes:
        out_channels: products of a pixel, num_levels * (2 * radius + 1)**2.
        corr_pyramid: what `build_pyramid` made, (N * H * W, 1, H / 2**level, W / 2**level) each.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.vision.models.optical_flow.raft import CorrBlock
        >>> block = CorrBlock(num_levels=2, radius=1)
        >>> block.build_pyramid(jnp.ones((1, 4, 4, 6)), jnp.ones((1, 4, 4, 6)))
        >>> [level.shape for level in block.corr_pyramid]
        [(24, 1, 4, 6), (24, 1, 2, 3)]
        >>> block.index_pyramid(jnp.ones((1, 2, 4, 6))).shape
        (1, 18, 4, 6)
    """

    def __init__(self, *, num_levels: int = 4, radius: int = 4) -> None:
        super().__init__()
        self.num_levels = num_levels
        self.radius = radius
        self.corr_pyramid: list[jax.Array] = []
        self.out_channels = num_levels * (2 * radius + 1) ** 2

    def build_pyramid(self, fmap1: jax.Array, fmap2: jax.Array) -> None:
        """Multiplies all pairs of pixels and averages over the second ones.

        Args:
            fmap1: (N, C, H, W).
            fmap2: of the same shape.

        Raises:
            ArgumentError: the shapes differ, or the coarsest level would have a side of one pixel.
        """
        if fmap1.shape != fmap2.shape:
            raise ArgumentError(
                "CorrBlock.build_pyramid: the feature maps must have the same shape, "
                f"got fmap1 {fmap1.shape} and fmap2 {fmap2.shape}"
            )
        least = 2**self.num_levels  # the coarsest level needs two pixels, or their distance would be divided by 0
        if min(fmap1.shape[-2:]) < least:
            raise ArgumentError(
                f"CorrBlock.build_pyramid: H and W of the feature maps must be at least {least} for {self.num_levels} "
                f"levels, got {fmap1.shape[-2:]}; images, 8 times as large, need at least {8 * least}"
            )
        n, channels, h, w = fmap1.shape
        products = jnp.einsum("ncp,ncq->npq", fmap1.reshape(n, channels, h * w), fmap2.reshape(n, channels, h * w))
        level = (products / float(np.sqrt(np.float32(channels)))).reshape(n * h * w, 1, h, w)
        self.corr_pyramid = [level]
        for _ in range(self.num_levels - 1):
            level = F.avg_pool2d(level, kernel_size=2, stride=2)
            self.corr_pyramid.append(level)

    def index_pyramid(self, centroids_coords: jax.Array) -> jax.Array:
        """The products around places of the second image.

        Args:
            centroids_coords: (N, 2, H, W): for each pixel of the first image a place in the second.

        Returns:
            (N, out_channels, H, W).
        """
        n, _, h, w = centroids_coords.shape
        side = 2 * self.radius + 1
        steps = np.arange(-self.radius, self.radius + 1)
        offsets = np.stack(np.meshgrid(steps, steps, indexing="ij"), -1)[None]  # (1, side, side, 2)
        places = centroids_coords.transpose(0, 2, 3, 1).reshape(n * h * w, 1, 1, 2)
        found = []
        for level in self.corr_pyramid:
            around = sampled(level, places + jnp.asarray(offsets, places.dtype))
            found.append(around.reshape(n, h, w, side * side))
            places = places / 2
        return jnp.concatenate(found, -1).transpose(0, 3, 1, 2)
