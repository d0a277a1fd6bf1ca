"""The bins of regions: what of a feature map goes into each, along one axis at a time.

Means over a bin of bilinear samples, and of pixels, are products of a weight for the row and one for the column.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from fnn.arguments import ntuple
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.typing import ArrayLike, Ints

__all__ = ["checked_rois", "pair", "pixel_bins", "row_weights", "sampled_weights", "weighted"]

Boxes = ArrayLike | Sequence[ArrayLike]


def pair(output_size: Ints, where: str) -> tuple[int, int]:
    """Height and width."""
    height, width = ntuple(output_size, 2, "output_size", where)
    return height, width


def checked_rois(boxes: Boxes, where: str) -> jax.Array:
    """(K, 5): the image's number and the corners; without gradient."""
    if isinstance(boxes, (list, tuple)):
        each = [jnp.asarray(b) for b in boxes]
        for b in each:
            if b.ndim != 2 or b.shape[1] != 4:
                raise ArgumentError(
                    f"{where}: The shape of the tensor in the boxes list is not correct as List[Tensor[L, 4]], got "
                    f"{b.shape}"
                )
        numbered = [jnp.concatenate([jnp.full_like(b[:, :1], i), b], 1) for i, b in enumerate(each)]
        return lax.stop_gradient(jnp.concatenate(numbered))
    if not hasattr(boxes, "shape"):
        raise ArgumentTypeError(
            f"{where}: boxes is expected to be a Tensor[L, 5] or a List[Tensor[K, 4]], got {type(boxes).__name__}"
        )
    rois = jnp.asarray(boxes)
    if rois.ndim != 2 or rois.shape[1] != 5:
        raise ArgumentError(f"{where}: The boxes tensor shape is not correct as Tensor[K, 5], got {rois.shape}")
    return lax.stop_gradient(rois)


def row_weights(positions: jax.Array, length: jax.Array | int) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Bilinear interpolation along one axis: for each position the two neighbours and their weights.

    Beyond one pixel outside of the map there is nothing; up to there it is the pixel at the border.
    """
    inside = (positions >= -1) & (positions <= length)
    places = jnp.maximum(positions, 0)
    low = jnp.minimum(places.astype(jnp.int32), length - 1)
    high = jnp.minimum(low + 1, length - 1)
    fraction = jnp.where(low >= length - 1, 0, places - low)
    return low, high, jnp.where(inside, 1 - fraction, 0), jnp.where(inside, fraction, 0)


def sampled_weights(start: jax.Array, size: jax.Array, samples: jax.Array, bins: int, length: int) -> jax.Array:
    """The weights of a map's rows in each bin's mean of bilinear samples: (K, bins, length).

    Args:
        start: (K,), where the first bin begins.
        size: (K,), of a bin.
        samples: (K,), integers: of a bin.
        bins: their number.
        length: the number of rows.
    """
    begins = start[:, None] + jnp.arange(bins).astype(start.dtype)[None] * size[:, None]  # (K, bins)
    step = size / jnp.maximum(samples, 1)
    rows = jnp.arange(length)[None, None]

    def add(i: int, weights: jax.Array) -> jax.Array:
        positions = begins + ((i + 0.5) * step)[:, None]
        low, high, near, far = row_weights(positions.astype(start.dtype), length)
        parts = jnp.where(rows == low[..., None], near[..., None], 0) + jnp.where(
            rows == high[..., None], far[..., None], 0
        )
        return weights + jnp.where((i < samples)[:, None, None], parts, 0)

    total = lax.fori_loop(0, samples.max(initial=0), add, jnp.zeros((*begins.shape, length), start.dtype))
    return total / jnp.maximum(samples, 1)[:, None, None]


def pixel_bins(start: jax.Array, size: jax.Array, bins: int, last: int) -> tuple[jax.Array, jax.Array]:
    """First row and the one behind the last of each bin, within 0 and ``last``: (K, bins) each."""
    numbers = jnp.arange(bins).astype(size.dtype)[None]
    low = jnp.floor(numbers * size[:, None]) + start[:, None]
    high = jnp.ceil((numbers + 1) * size[:, None]) + start[:, None]
    return jnp.clip(low, 0, last).astype(jnp.int32), jnp.clip(high, 0, last).astype(jnp.int32)


def weighted(input: jax.Array, batch: jax.Array, rows: jax.Array, columns: jax.Array, own: bool) -> jax.Array:
    """Sums of each region's map with weights for the rows, (K, PH, H), and for the columns, (K, PW, W).

    Args:
        input: (N, C, H, W), or with a map for each bin (N, C, PH, PW, H, W).
        batch: (K,), the image of each region.
        rows: weights.
        columns: weights.
        own: whether each bin has a map of its own.

    Returns:
        (K, C, PH, PW).
    """

    def one(region: tuple[jax.Array, jax.Array, jax.Array]) -> jax.Array:
        i, row, column = region
        maps = input[i]
        if own:
            return jnp.einsum("ph,qw,cpqhw->cpq", row, column, maps)
        return jnp.einsum("ph,chq->cpq", row, jnp.einsum("chw,qw->chq", maps, column))

    return lax.map(one, (batch, rows, columns))
