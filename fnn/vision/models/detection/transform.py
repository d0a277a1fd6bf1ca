"""What happens to images before a detector sees them, and to its boxes afterwards."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn import nn, random
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.nn import functional as F
from fnn.tracing import concrete
from fnn.vision.models.detection.image_list import ImageList

__all__ = ["GeneralizedRCNNTransform", "resize_boxes", "resize_keypoints"]

Target = dict[str, Any]


class GeneralizedRCNNTransform(nn.Module):
    """Normalises images, resizes them with their targets, and pads them to one size.

    Args:
        min_size: the shorter side, or several, of which one is drawn in training.
        max_size: the most that the longer side may have.
        image_mean: one value a channel.
        image_std: one value a channel.
        size_divisible: what the padded sides are multiples of.
        fixed_size: width and height that all images get instead.
        **kwargs: ``_skip_resize``: whether nothing is resized in training.
    """

    def __init__(
        self,
        min_size: int | Sequence[int],
        max_size: int,
        image_mean: Sequence[float],
        image_std: Sequence[float],
        size_divisible: int = 32,
        fixed_size: tuple[int, int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        self.min_size: tuple[int, ...] = (min_size,) if isinstance(min_size, int) else tuple(min_size)
        self.max_size = max_size
        self.image_mean = image_mean
        self.image_std = image_std
        self.size_divisible = size_divisible
        self.fixed_size = fixed_size
        self._skip_resize = kwargs.pop("_skip_resize", False)

    def forward(
        self, images: Sequence[jax.Array], targets: Sequence[Mapping[str, Any]] | None = None
    ) -> tuple[ImageList, list[Target] | None]:
        resized, changed = [], []
        for i, image in enumerate(images):
            if image.ndim != 3:
                raise ArgumentError(
                    f"images is expected to be a list of 3d tensors of shape [C, H, W], got {image.shape}"
                )
            image, target = self.resize(
                self.normalize(jnp.asarray(image)), None if targets is None else dict(targets[i])
            )
            resized.append(image)
            changed.append(target)
        sizes = [(image.shape[-2], image.shape[-1]) for image in resized]
        batch = self.batch_images(resized, self.size_divisible)
        return ImageList(batch, sizes), None if targets is None else changed

    def normalize(self, image: jax.Array) -> jax.Array:
        """Less the mean, in terms of the standard deviation."""
        if not jnp.issubdtype(image.dtype, jnp.floating):
            raise ArgumentTypeError(
                f"Expected input images to be of floating type (in range [0, 1]), but found type {image.dtype} instead"
            )
        mean, std = (jnp.asarray(x, image.dtype)[:, None, None] for x in (self.image_mean, self.image_std))
        return (image - mean) / std

    def _drawn_size(self) -> int:
        """One of ``min_size``, by a number of the generator."""
        key = random.resolve(random.AMBIENT, "GeneralizedRCNNTransform")
        number = None
        if isinstance(key, random.Generator):  # PyTorch draws it, too, where there is no choice
            number = concrete(random.uniform(key, (1,), low=0.0, high=float(len(self.min_size))))
        if len(self.min_size) == 1:
            return self.min_size[0]
        if number is None:
            raise ArgumentError(
                f"GeneralizedRCNNTransform: min_size={self.min_size} is drawn in training, and a traced program "
                "has one size; give one, or resize the images before"
            )
        return self.min_size[int(number[0])]

    def resize(self, image: jax.Array, target: Target | None = None) -> tuple[jax.Array, Target | None]:
        """Image and target at the size that the shorter and the longer side allow."""
        h, w = image.shape[-2:]
        if self.training and self._skip_resize:
            return image, target
        size = self._drawn_size() if self.training else self.min_size[-1]
        how: dict[str, Any] = {}
        if self.fixed_size is not None:
            how["size"] = (self.fixed_size[1], self.fixed_size[0])
        else:
            how["scale_factor"] = min(size / min(h, w), self.max_size / max(h, w))
            how["recompute_scale_factor"] = True
        image = F.interpolate(image[None], mode="bilinear", align_corners=False, **how)[0]
        if target is None:
            return image, None
        new = (image.shape[-2], image.shape[-1])
        if "masks" in target:
            masks = jnp.asarray(target["masks"])[:, None].astype(jnp.float32)
            target["masks"] = F.interpolate(masks, **how)[:, 0].astype(jnp.uint8)
        target["boxes"] = resize_boxes(jnp.asarray(target["boxes"]), (h, w), new)
        if "keypoints" in target:
            target["keypoints"] = resize_keypoints(jnp.asarray(target["keypoints"]), (h, w), new)
        return image, target

    def batch_images(self, images: Sequence[jax.Array], size_divisible: int = 32) -> jax.Array:
        """(N, C, H, W), zeros behind each image."""
        channels = max(image.shape[0] for image in images)
        height, width = (
            -(-max(image.shape[axis] for image in images) // size_divisible) * size_divisible for axis in (1, 2)
        )
        wanted = (channels, height, width)
        padded = [
            jnp.pad(image, [(0, most - size) for most, size in zip(wanted, image.shape, strict=True)])
            for image in images
        ]
        return jnp.stack(padded)

    def __repr__(self) -> str:
        return (
            f"{self._get_name()}(\n    Normalize(mean={self.image_mean}, std={self.image_std})\n"
            f"    Resize(min_size={self.min_size}, max_size={self.max_size}, mode='bilinear')\n)"
        )


def _ratios(before: tuple[int, int], after: tuple[int, int]) -> tuple[np.float32, np.float32]:
    return np.float32(after[0]) / np.float32(before[0]), np.float32(after[1]) / np.float32(before[1])


def resize_boxes(boxes: jax.Array, original_size: tuple[int, int], new_size: tuple[int, int]) -> jax.Array:
    """(N, 4) boxes of an image of ``original_size`` (height, width) in one of ``new_size``."""
    height, width = _ratios(original_size, new_size)
    return boxes * jnp.asarray([width, height, width, height], boxes.dtype)[None]


def resize_keypoints(keypoints: jax.Array, original_size: tuple[int, int], new_size: tuple[int, int]) -> jax.Array:
    """(N, K, 3) points (x, y, visible) of an image of ``original_size`` in one of ``new_size``."""
    height, width = _ratios(original_size, new_size)
    return keypoints * jnp.asarray([width, height, 1], keypoints.dtype)[None, None]
