"""Boxes, masks and points on pictures, and flows as colours: torchvision's pixels.

Pillow draws lines and letters; all is computed on the host.
"""

import math
import os
import warnings
from collections.abc import Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision._images import pil_from_array, pillow
from fnn.vision.transforms.v2 import functional as F

__all__ = ["draw_bounding_boxes", "draw_keypoints", "draw_segmentation_masks", "flow_to_image"]

Array: TypeAlias = Any  # of numpy, JAX, or what both make an array of
Colour: TypeAlias = str | tuple[int, int, int]
Colours: TypeAlias = list[Colour] | Colour | None


def draw_bounding_boxes(
    image: Array,
    boxes: Array,
    labels: list[str] | None = None,
    colors: Colours = None,
    fill: bool | None = False,
    width: int = 1,
    font: str | os.PathLike[str] | None = None,
    font_size: int | None = None,
    label_colors: Colours = None,
    label_background_colors: Colours = None,
    fill_labels: bool = False,
) -> jax.Array:
    """A picture with boxes on it.

    Args:
        image: (3, H, W) or (1, H, W), uint8, or floating from 0 to 1.
        boxes: (N, 4), left, top, right, bottom; or (N, 8), the corners of rotated ones, whose first side is dashed.
        labels: a word for each.
        colors: a colour for each, or one for all: names, ``"#ff00ff"``, or (r, g, b). Default: different ones.
        fill: fill the boxes, so that the picture is still seen.
        width: of the lines.
        font: a file of a TrueType font. Default: Pillow's own.
        font_size: its size. Default: 10.
        label_colors: the words' colours. Default: those of the boxes, black if ``fill_labels``.
        label_background_colors: the colours behind the words. Default: those of the boxes.
        fill_labels: put a colour behind the words.

    Returns:
        (3, H, W), of the dtype of ``image``.

    Raises:
        ArgumentTypeError: ``image`` is no array.
        ArgumentError: another dtype or shape, boxes that are no boxes, too few labels or colours.

    >>> picture = draw_bounding_boxes(jnp.zeros((3, 8, 8), jnp.uint8), jnp.array([[1, 1, 5, 5]]), colors="red")
    >>> picture[0, 1].tolist()
    [0, 255, 255, 255, 255, 255, 0, 0]
    """
    pixels = _picture("draw_bounding_boxes", image, (1, 3))
    places = np.asarray(boxes)
    if places.shape[-1] == 4 and (places[:, :2] > places[:, 2:]).any():
        raise ArgumentError(
            "draw_bounding_boxes: Boxes need to be in (xmin, ymin, xmax, ymax) format. "
            "Use fnn.vision.ops.box_convert to convert them"
        )
    count = len(places)
    if count == 0:
        warnings.warn("boxes doesn't contain any box. No box was drawn", stacklevel=2)
        return jnp.asarray(image)
    if labels is not None and len(labels) != count:
        raise ArgumentError(
            f"draw_bounding_boxes: Number of boxes ({count}) and labels ({len(labels)}) mismatch. Please specify a "
            "label for each box."
        )
    of_boxes = _colours(colors, count)
    of_words = _colours(label_colors or "black", count) if label_colors or fill_labels else of_boxes
    behind = _colours(label_background_colors, count) if fill_labels and label_background_colors else of_boxes
    letters = _font(font, font_size)
    canvas, draw = _canvas(pixels, "RGBA" if fill else None)
    for i, corners in enumerate(places.astype(np.int64).tolist()):
        inside = (*of_boxes[i], 100) if fill else None
        if len(corners) > 4:
            _rotated(draw, corners, inside, of_boxes[i], width)
        else:
            draw.rectangle(corners, width=width, outline=of_boxes[i], fill=inside)
        if labels is None or labels[i] is None:
            continue
        start = (corners[0] + width + 1, corners[1] + width + 1)
        if fill_labels:
            left, top, right, bottom = draw.textbbox(start, labels[i], font=letters)
            draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), fill=behind[i])
        draw.text(start, labels[i], fill=of_words[i], font=letters)
    return _back(canvas, pixels.dtype)


def draw_segmentation_masks(image: Array, masks: Array, alpha: float = 0.8, colors: Colours = None) -> jax.Array:
    """A picture with coloured masks on it; where several lie, black.

    Args:
        image: (3, H, W), uint8, or floating from 0 to 1.
        masks: (N, H, W) or (H, W), booleans.
        alpha: from 0, where no mask is seen, to 1, where no picture is.
        colors: a colour for each, or one for all: names, ``"#ff00ff"``, or (r, g, b). Default: different ones.

    Returns:
        (3, H, W), of the dtype of ``image``.

    Raises:
        ArgumentTypeError: ``image`` is no array.
        ArgumentError: another dtype or shape, or too few colours.

    >>> masks = jnp.array([[[True, False]]])
    >>> draw_segmentation_masks(jnp.full((3, 1, 2), 100, jnp.uint8), masks, alpha=0.5, colors="blue").tolist()
    [[[50, 100]], [[50, 100]], [[177, 100]]]
    """
    pixels = _picture("draw_segmentation_masks", image, (3,))
    where = np.asarray(masks)
    where = where[None] if where.ndim == 2 else where
    if where.ndim != 3:
        raise ArgumentError(
            f"draw_segmentation_masks: masks must be of shape (H, W) or (batch_size, H, W), got {where.shape}"
        )
    if where.dtype != np.bool_:
        raise ArgumentError(f"draw_segmentation_masks: The masks must be of dtype bool. Got {where.dtype}")
    if where.shape[1:] != pixels.shape[1:]:
        raise ArgumentError(
            "draw_segmentation_masks: The image and the masks must have the same height and width, got "
            f"{pixels.shape[1:]} and {where.shape[1:]}"
        )
    if len(where) == 0:
        warnings.warn("masks doesn't contain any mask. No mask was drawn", stacklevel=2)
        return jnp.asarray(image)
    painted = pixels.copy()
    scale = 255 if pixels.dtype != np.uint8 else 1
    for mask, colour in zip(where, _colours(colors, len(where)), strict=False):
        painted[:, mask] = (np.array(colour, np.float64) / scale).astype(pixels.dtype)[:, None]
    painted[:, where.sum(0) > 1] = 0
    work = np.float32 if pixels.dtype == np.uint8 else pixels.dtype.type
    mixed = pixels.astype(work) * work(1 - alpha) + painted.astype(work) * work(alpha)
    return jnp.asarray(mixed.astype(pixels.dtype))


def draw_keypoints(
    image: Array,
    keypoints: Array,
    connectivity: Sequence[tuple[int, int]] | None = None,
    colors: Colour | None = None,
    radius: int = 2,
    width: int = 3,
    visibility: Array | None = None,
) -> jax.Array:
    """A picture with points on it, and lines between them.

    Args:
        image: (3, H, W), uint8, or floating from 0 to 1.
        keypoints: (N, K, 2), x and y of the points of each of N things.
        connectivity: pairs of points to draw a line between.
        colors: the points' colour.
        radius: their size.
        width: of the lines.
        visibility: (N, K) or (N, K, 1): which points to draw. Default: all.

    Returns:
        (3, H, W), of the dtype of ``image``.

    Raises:
        ArgumentTypeError: ``image`` is no array.
        ArgumentError: another dtype or shape.

    >>> points = jnp.array([[[2, 2]]])
    >>> draw_keypoints(jnp.zeros((3, 5, 5), jnp.uint8), points, colors="lime", radius=1)[1].sum().item() // 255
    5
    """
    pixels = _picture("draw_keypoints", image, (3,))
    points = np.asarray(keypoints)
    if points.ndim != 3:
        raise ArgumentError(f"draw_keypoints: keypoints must be of shape (num_instances, K, 2), got {points.shape}")
    seen = np.ones(points.shape[:-1], bool) if visibility is None else np.asarray(visibility)
    seen = seen[..., 0] if seen.shape[2:] == (1,) else seen
    if seen.ndim != 2:
        raise ArgumentError(f"draw_keypoints: visibility must be of shape (num_instances, K). Got ndim={seen.ndim}")
    if seen.shape != points.shape[:-1]:
        raise ArgumentError(
            "draw_keypoints: keypoints and visibility must have the same dimensionality for num_instances and K. Got "
            f"visibility.shape={seen.shape} and keypoints.shape={points.shape}"
        )
    canvas, draw = _canvas(pixels, None)
    for places, visible in zip(points.astype(np.int64).tolist(), seen.astype(bool).tolist(), strict=True):
        for (x, y, *_), there in zip(places, visible, strict=True):
            if there:
                draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=colors, outline=None, width=0)
        for start, end in connectivity or ():
            if visible[start] and visible[end]:
                draw.line((tuple(places[start][:2]), tuple(places[end][:2])), width=width)
    return _back(canvas, pixels.dtype)


def _picture(function: str, image: Array, channels: tuple[int, ...]) -> np.ndarray:
    if not (hasattr(image, "shape") and hasattr(image, "dtype")):
        raise ArgumentTypeError(f"{function}: image must be an array, got {type(image)}")
    pixels = np.asarray(image)
    if pixels.dtype != np.uint8 and not jnp.issubdtype(pixels.dtype, jnp.floating):
        raise ArgumentError(f"{function}: The image dtype must be uint8 or float, got {pixels.dtype}")
    if pixels.ndim != 3:
        raise ArgumentError(f"{function}: Pass individual images, not batches; got shape {pixels.shape}")
    if len(pixels) not in channels:
        kinds = "grayscale and RGB" if 1 in channels else "RGB"
        raise ArgumentError(f"{function}: Only {kinds} images are supported; got shape {pixels.shape}")
    return pixels


def _canvas(pixels: np.ndarray, mode: str | None) -> tuple[Any, Any]:
    if pixels.dtype != np.uint8:
        pixels = F.to_dtype(pixels, np.uint8, scale=True)
    pixels = np.repeat(pixels, 3, 0) if len(pixels) == 1 else pixels
    canvas = pil_from_array(pixels.transpose(1, 2, 0), "RGB").copy()
    return canvas, pillow("ImageDraw").Draw(canvas, mode)


def _back(canvas: Any, dtype: np.dtype) -> jax.Array:
    pixels = np.asarray(canvas).transpose(2, 0, 1)
    return jnp.asarray(pixels if dtype == np.uint8 else F.to_dtype(pixels, dtype, scale=True))


def _font(font: str | os.PathLike[str] | None, size: int | None) -> Any:
    if font is not None:
        return pillow("ImageFont").truetype(font=os.fspath(font), size=size or 10)
    if size is not None:
        warnings.warn("Argument 'font_size' will be ignored since 'font' is not set.", stacklevel=3)
    return pillow("ImageFont").load_default()


def _colours(colors: Colours, count: int) -> list[tuple[int, ...]]:
    """(r, g, b) for each of so many."""
    if colors is None:
        steps = (2**25 - 1, 2**15 - 1, 2**21 - 1)
        return [tuple(i * step % 255 for step in steps) for i in range(count)]
    if isinstance(colors, list):
        if len(colors) < count:
            raise ArgumentError(
                f"Number of colors must be equal or larger than the number of objects, but got {len(colors)} < {count}."
            )
        each: list[Any] = colors
    elif not isinstance(colors, (tuple, str)):
        raise ArgumentError(f"colors must be a tuple or a string, or a list thereof, but got {colors}.")
    elif isinstance(colors, tuple) and len(colors) != 3:
        raise ArgumentError(f"If passed as tuple, colors should be an RGB triplet, but got {colors}.")
    else:
        each = [colors] * count
    named = pillow("ImageColor").getrgb
    return [named(colour) if isinstance(colour, str) else tuple(colour) for colour in each]


def _rotated(draw: Any, corners: list[int], inside: Any, outline: Any, width: int) -> None:
    """Four sides, of which the first is dashed: it is the box's upper one."""
    points = [(corners[i], corners[i + 1]) for i in range(0, len(corners), 2)]
    _dashed(draw, points[0], points[1], outline, width)
    for start, end in zip(points[1:], [*points[2:], points[0]], strict=True):
        draw.line((start, end), width=width, fill=outline)
    draw.polygon(corners, fill=inside, outline=None, width=0)


def _dashed(draw: Any, start: tuple[float, float], end: tuple[float, float], colour: Any, width: int) -> None:
    left, dash = math.dist(start, end), True
    while left > 0:
        step = min(left, 5)
        angle = math.atan2(end[1] - start[1], end[0] - start[0])
        next_ = (start[0] + math.cos(angle) * step, start[1] + math.sin(angle) * step)
        if dash:
            draw.line([start, next_], colour, width)
        left, start, dash = left - step, next_, not dash


# -- flows --------------------------------------------------------------------------------------------


def flow_to_image(flow: Array) -> jax.Array:
    """A flow as colours: the hue is its direction, and the more there is of it the less white (Baker et al., 2007).

    Args:
        flow: (2, H, W) or (N, 2, H, W), float32.

    Returns:
        (3, H, W) or (N, 3, H, W), uint8.

    Raises:
        ArgumentError: another dtype or shape.

    >>> flow_to_image(jnp.array([1.0, 0.0]).reshape(2, 1, 1)).ravel().tolist()
    [255, 0, 0]
    """
    field = np.asarray(flow)
    if field.dtype != np.float32:
        raise ArgumentError(f"flow_to_image: Flow should be of dtype float32, got {field.dtype}.")
    shape = field.shape
    field = field[None] if field.ndim == 3 else field
    if field.ndim != 4 or field.shape[1] != 2:
        raise ArgumentError(f"flow_to_image: Input flow should have shape (2, H, W) or (N, 2, H, W), got {shape}.")
    longest = np.sqrt((field**2).sum(1)).max()
    image = _as_colours(field / (longest + np.finfo(np.float32).eps))
    return jnp.asarray(image[0] if len(shape) == 3 else image)


def _as_colours(field: np.ndarray) -> np.ndarray:
    wheel = _wheel()
    length = np.sqrt((field**2).sum(1))
    angle = np.arctan2(-field[:, 1], -field[:, 0]) / np.float32(np.pi)
    place = (angle + 1) / 2 * (len(wheel) - 1)
    before = np.floor(place).astype(np.int64)
    part = place - before.astype(np.float32)
    after = np.where(before + 1 == len(wheel), 0, before + 1)
    colours = (1 - part)[..., None] * (wheel[before] / 255) + part[..., None] * (wheel[after] / 255)
    colours = 1 - length[..., None] * (1 - colours)
    return np.floor(255 * colours).astype(np.uint8).transpose(0, 3, 1, 2)


def _wheel() -> np.ndarray:
    """55 hues (55, 3): from red to yellow in 15 steps, to green in 6, to cyan, blue, magenta and back to red."""
    found = []
    # of each stretch the steps, which channel is full, and which one rises or falls
    for steps, full, moving, rises in (
        (15, 0, 1, True),
        (6, 1, 0, False),
        (4, 1, 2, True),
        (11, 2, 1, False),
        (13, 2, 0, True),
        (6, 0, 2, False),
    ):
        level = np.floor(255 * np.arange(steps, dtype=np.float32) / steps)
        stretch = np.zeros((steps, 3), np.float32)
        stretch[:, full] = 255
        stretch[:, moving] = level if rises else 255 - level
        found.append(stretch)
    return np.concatenate(found)
