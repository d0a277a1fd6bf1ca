"""Pictures of pictures: `make_grid`, `save_image`, and what is found in them: `draw_bounding_boxes` and others.

Computed on the host, so that nothing is compiled for a batch that is looked at once.
"""

import io
import os
from pathlib import Path
from typing import Any, BinaryIO

import jax
import jax.numpy as jnp
import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.serialization.atomic import replacing
from fnn.vision._drawing import draw_bounding_boxes, draw_keypoints, draw_segmentation_masks, flow_to_image
from fnn.vision._images import pillow

__all__ = [
    "draw_bounding_boxes", "draw_keypoints", "draw_segmentation_masks", "flow_to_image", "make_grid", "save_image",
]  # fmt: skip


def make_grid(
    tensor: object,
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    value_range: tuple[float, float] | None = None,
    scale_each: bool = False,
    pad_value: float = 0.0,
) -> jax.Array:
    """One picture that shows a batch of pictures in rows.

    Args:
        tensor: (N, C, H, W), or a list of pictures of one shape; also a single one, (C, H, W) or (H, W), which gets
            no border. One channel becomes three.
        nrow: how many pictures stand in a row.
        padding: pixels between and around the pictures.
        normalize: whether to map ``value_range`` to [0, 1], cutting off what lies outside.
        value_range: (low, high). Default: the smallest and the largest value.
        scale_each: whether each picture has its own default range.
        pad_value: the value of the pixels between the pictures.

    Returns:
        (C, H', W'), of the input's dtype.

    Raises:
        ArgumentTypeError: ``tensor`` is neither an array nor a list of arrays, or integers are to be normalised.
        ArgumentError: a shape that is none of those above.

    >>> make_grid(jnp.ones((5, 1, 4, 4)), nrow=3, padding=1).shape
    (3, 11, 16)
    """
    images = _batch(tensor)
    if isinstance(nrow, bool) or nrow < 1:
        raise ArgumentError(f"make_grid: nrow must be at least 1, got nrow={nrow}")
    if padding < 0:
        raise ArgumentError(f"make_grid: padding must be at least 0, got padding={padding}")
    if normalize:
        images = _normalised(images, value_range, scale_each)
    n, channels, height, width = images.shape
    if n == 1:
        return jnp.asarray(images[0])
    columns = min(nrow, n)
    rows = -(-n // columns)
    height, width = height + padding, width + padding
    shape = (channels, rows * height + padding, columns * width + padding)
    grid = np.full(shape, np.asarray(pad_value).astype(images.dtype), images.dtype)
    for k, image in enumerate(images):
        y, x = k // columns * height + padding, k % columns * width + padding
        grid[:, y : y + image.shape[1], x : x + image.shape[2]] = image
    return jnp.asarray(grid)


def _batch(tensor: object) -> np.ndarray:
    """(N, C, H, W) with C > 1."""
    if isinstance(tensor, list):
        for item in tensor:
            if not _is_array(item):
                raise ArgumentTypeError(f"tensor or list of tensors expected, got a list containing {type(item)}")
        if len({item.shape for item in tensor}) != 1:
            shapes = [tuple(item.shape) for item in tensor]
            raise ArgumentError(f"make_grid: expected at least one image, and all of one shape, got shapes {shapes}")
        images = np.stack([np.asarray(item) for item in tensor])
    elif _is_array(tensor):
        images = np.asarray(tensor)
    else:
        raise ArgumentTypeError(f"tensor or list of tensors expected, got {type(tensor)}")
    if not 2 <= images.ndim <= 4 or images.shape[0] == 0:
        raise ArgumentError(
            f"make_grid: expected (N, C, H, W) with N >= 1, (C, H, W) or (H, W), got shape {images.shape}"
        )
    images = images.reshape((1,) * (4 - images.ndim) + images.shape)
    return np.repeat(images, 3, axis=1) if images.shape[1] == 1 else images


def _is_array(value: object) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype") and not isinstance(value, (np.generic, np.dtype))


def _normalised(images: np.ndarray, value_range: object, scale_each: bool) -> np.ndarray:
    if value_range is not None and not isinstance(value_range, tuple):
        raise ArgumentTypeError(
            "value_range has to be a tuple (min, max) if specified. min and max are numbers, "
            f"got value_range={value_range!r}"
        )
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise ArgumentTypeError(f"make_grid: normalize=True needs a floating dtype, got {images.dtype}")
    if scale_each:
        return np.stack([_to_unit(image, value_range) for image in images])
    return _to_unit(images, value_range)


def _to_unit(part: np.ndarray, value_range: tuple[float, float] | None) -> np.ndarray:
    low, high = (float(part.min()), float(part.max())) if value_range is None else value_range
    dtype, work = part.dtype, np.float64 if part.dtype == np.float64 else np.float32
    # every step is rounded to the input's dtype, as it is where it happens in place
    part = np.clip(part.astype(work), work(low), work(high)).astype(dtype)
    part = (part.astype(work) - work(low)).astype(dtype)
    return (part.astype(work) / work(max(high - low, 1e-5))).astype(dtype)


def save_image(tensor: Any, fp: str | os.PathLike[str] | BinaryIO, format: str | None = None, **kwargs: Any) -> None:
    """Writes a picture, or a batch as a grid, to an image file; a file is written whole or not at all.

    Args:
        tensor: as for `make_grid`, with values from 0 (black) to 1.
        fp: the file's name, or a binary file.
        format: of the file, such as ``"png"``. Default: the one that the name's suffix stands for.
        **kwargs: arguments of `make_grid`.

    Raises:
        ImportError: Pillow is missing.
        ArgumentError: no format has this suffix (also a ValueError).

    Example:
        >>> import os, tempfile
        >>> from PIL import Image
        >>> path = os.path.join(tempfile.mkdtemp(), "grid.png")
        >>> save_image(jnp.ones((4, 3, 8, 8)), path, nrow=2)
        >>> with Image.open(path) as image:
        ...     image.size
        (22, 22)
    """
    Image = pillow()
    grid = np.asarray(make_grid(tensor, **kwargs))
    if not jnp.issubdtype(grid.dtype, jnp.floating):
        raise ArgumentTypeError(f"save_image: expected floating values from 0 to 1, got dtype={grid.dtype}")
    dtype, work = grid.dtype, np.float64 if grid.dtype == np.float64 else np.float32
    levels = (grid.astype(work) * work(255)).astype(dtype)
    levels = (levels.astype(work) + work(0.5)).astype(dtype).astype(work)
    image = Image.fromarray(np.nan_to_num(levels).clip(0, 255).transpose(1, 2, 0).astype(np.uint8))
    if not isinstance(fp, (str, os.PathLike)):
        image.save(fp, format=format)
        return
    path = Path(fp)
    if format is None:
        format = Image.registered_extensions().get(path.suffix.lower())
        if format is None:
            raise ArgumentError(f"save_image: unknown file extension: {path.suffix!r}, got fp={os.fspath(fp)!r}")
    content = io.BytesIO()
    image.save(content, format=format)
    with replacing(path) as temporary:
        temporary.write_bytes(content.getvalue())
