"""Transforms of size and place with which detectors are trained."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.host_random import default_generator
from fnn.vision._images import is_pil
from fnn.vision.transforms import _draws
from fnn.vision.transforms.functional.modes import InterpolationMode
from fnn.vision.transforms.v2 import functional as F
from fnn.vision.transforms.v2._arguments import Fill, fill_for, fills, sequence_of
from fnn.vision.transforms.v2.queries import get_bounding_boxes, has_any, query_size
from fnn.vision.transforms.v2.transform import RandomlyApplied, Transform
from fnn.vision.tv_tensors import BoundingBoxes, Image

__all__ = ["RandomIoUCrop", "RandomResize", "RandomShortestSize", "RandomZoomOut", "ScaleJitter"]

Mode = str | InterpolationMode | int


def _single(low: float, high: float, n: int) -> np.ndarray:
    """``low + (high - low) * torch.rand(n)``, in float32."""
    return default_generator.uniform((n,)) * np.float32(high - low) + np.float32(low)


def _part(length: int, share: np.floating) -> int:
    return int(np.float32(length) * share)


class RandomZoomOut(RandomlyApplied):
    """Puts the image at a random place of a larger canvas.

    Args:
        fill: the colour of the canvas; or a dict of classes to colours, with ``"others"`` for the rest.
        side_range: how many times as large the canvas may be, least and most.
        p: the probability.

    Raises:
        ArgumentError: a range that begins below 1, or decreases.

    Example:
        >>> RandomZoomOut(side_range=(2.0, 2.0), p=1.0)(np.ones((1, 2, 2), np.uint8)).shape
        (1, 4, 4)
    """

    def __init__(self, fill: Fill = 0, side_range: Sequence[float] = (1.0, 4.0), p: float = 0.5) -> None:
        super().__init__(p)
        self.fill = fill
        self._fill = fills(fill)
        sequence_of(side_range, "side_range", 2)
        self.side_range = side_range
        if side_range[0] < 1.0 or side_range[0] > side_range[1]:
            raise ArgumentError(f"Invalid side range provided {side_range}.")

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        times = _single(self.side_range[0], self.side_range[1], 1)[0]
        right, bottom = _part(width, times) - width, _part(height, times) - height
        x, y = default_generator.uniform((2,))
        left, top = _part(right, x), _part(bottom, y)
        return {"padding": [left, top, right - left, bottom - top]}

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.pad, inpt, **params, fill=fill_for(self._fill, inpt))


class RandomIoUCrop(Transform):
    """Cuts out a random window that one of the boxes overlaps enough (https://arxiv.org/abs/1512.02325).

    Boxes whose centre is outside become empty: let `SanitizeBoundingBoxes` follow.

    Args:
        min_scale: the least share of height and width.
        max_scale: the most.
        min_aspect_ratio: the least width by height.
        max_aspect_ratio: the most.
        sampler_options: the overlaps (intersection over union) from which one is drawn; 1 and more: no crop.
        trials: how many windows to try before another overlap is drawn.

    Raises:
        ArgumentTypeError: when called, the sample lacks an image or boxes.

    Example:
        >>> from fnn.vision import tv_tensors
        >>> sample = {
        ...     "image": np.zeros((3, 8, 8), np.uint8),
        ...     "boxes": tv_tensors.BoundingBoxes([[1, 1, 6, 6]], format="XYXY", canvas_size=(8, 8)),
        ... }
        >>> RandomIoUCrop(sampler_options=[1.0])(sample)["boxes"].tolist()
        [[1, 1, 6, 6]]
    """

    def __init__(
        self,
        min_scale: float = 0.3,
        max_scale: float = 1.0,
        min_aspect_ratio: float = 0.5,
        max_aspect_ratio: float = 2.0,
        sampler_options: list[float] | None = None,
        trials: int = 40,
    ) -> None:
        self.min_scale = min_scale
        self.max_scale = max_scale
        self.min_aspect_ratio = min_aspect_ratio
        self.max_aspect_ratio = max_aspect_ratio
        self.options = [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0] if sampler_options is None else sampler_options
        self.trials = trials

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        if not (has_any(flat_inputs, BoundingBoxes) and has_any(flat_inputs, is_pil, Image, F.is_pure_tensor)):
            raise ArgumentTypeError(
                f"{type(self).__name__}() requires input sample to contain tensor or PIL images and bounding boxes. "
                "Sample can also contain masks."
            )

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        size = query_size(flat_inputs)
        typed = get_bounding_boxes(flat_inputs)
        boxes = F.convert_bounding_box_format(typed.view(np.ndarray), typed.format, "XYXY")
        while True:
            overlap = self.options[_draws.integer(0, len(self.options))]
            if overlap >= 1.0:
                return {}
            for _ in range(self.trials):
                found = self._tried(size, boxes, overlap)
                if found is not None:
                    return found

    def _tried(self, size: tuple[int, int], boxes: np.ndarray, overlap: float) -> dict[str, Any] | None:
        height, width = size
        shares = _single(self.min_scale, self.max_scale, 2)
        w, h = _part(width, shares[0]), _part(height, shares[1])
        if h == 0 or not self.min_aspect_ratio <= w / h <= self.max_aspect_ratio:
            return None
        x, y = default_generator.uniform((2,))
        left, top = _part(width - w, x), _part(height - h, y)
        right, bottom = left + w, top + h
        if w == 0:
            return None
        cx, cy = 0.5 * (boxes[..., 0] + boxes[..., 2]), 0.5 * (boxes[..., 1] + boxes[..., 3])
        inside = (left < cx) & (cx < right) & (top < cy) & (cy < bottom)
        if not inside.any():
            return None
        if np.float32(_overlaps(boxes[inside], (left, top, right, bottom)).max()) < np.float32(overlap):
            return None
        return {"top": top, "left": left, "height": h, "width": w, "is_within_crop_area": inside}

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        if not params:
            return inpt
        window = {name: params[name] for name in ("top", "left", "height", "width")}
        output = self._call_kernel(F.crop, inpt, **window)
        if isinstance(output, BoundingBoxes):
            output[~params["is_within_crop_area"]] = 0
        return output


def _overlaps(boxes: np.ndarray, window: tuple[int, int, int, int]) -> np.ndarray:
    """The intersection of boxes (N, 4) with a window over their union."""
    one = np.array(window, boxes.dtype)
    extent = np.minimum(boxes[:, 2:], one[2:]) - np.maximum(boxes[:, :2], one[:2])
    common = np.clip(extent, 0, None).prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1) + (one[2:] - one[:2]).prod()
    return common / (areas - common)


class _Resizing(Transform):
    """Resizes to a random size."""

    interpolation: Mode
    antialias: bool | None

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(
            F.resize, inpt, size=params["size"], interpolation=self.interpolation, antialias=self.antialias
        )


class ScaleJitter(_Resizing):
    """Resizes to a random share of the size that just fits (https://arxiv.org/abs/2012.07177).

    Args:
        target_size: of what the image is made to fit into.
        scale_range: the least and the most share of that.
        interpolation: as in `Resize`.
        antialias: as in `Resize`.

    Example:
        >>> ScaleJitter((8, 8), scale_range=(0.5, 0.5))(np.zeros((1, 2, 2), np.uint8)).shape
        (1, 4, 4)
    """

    def __init__(
        self,
        target_size: tuple[int, int],
        scale_range: tuple[float, float] = (0.1, 2.0),
        interpolation: Mode = "bilinear",
        antialias: bool | None = True,
    ) -> None:
        self.target_size = target_size
        self.scale_range = scale_range
        self.interpolation = interpolation
        self.antialias = antialias

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        scale = _single(self.scale_range[0], self.scale_range[1], 1)[0]
        times = scale * np.float32(min(self.target_size[1] / height, self.target_size[0] / width))
        return {"size": (_part(height, times), _part(width, times))}


class RandomShortestSize(_Resizing):
    """Resizes the shorter edge to one of some lengths.

    Args:
        min_size: the lengths, or one.
        max_size: the most that the longer edge may have.
        interpolation: as in `Resize`.
        antialias: as in `Resize`.

    Example:
        >>> RandomShortestSize([4], max_size=6)(np.zeros((1, 2, 4), np.uint8)).shape
        (1, 3, 6)
    """

    def __init__(
        self,
        min_size: list[int] | tuple[int] | int,
        max_size: int | None = None,
        interpolation: Mode = "bilinear",
        antialias: bool | None = True,
    ) -> None:
        self.min_size = [min_size] if isinstance(min_size, int) else list(min_size)
        self.max_size = max_size
        self.interpolation = interpolation
        self.antialias = antialias

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        times = self.min_size[_draws.integer(0, len(self.min_size))] / min(height, width)
        if self.max_size is not None:
            times = min(times, self.max_size / max(height, width))
        return {"size": (int(height * times), int(width * times))}


class RandomResize(_Resizing):
    """Resizes the shorter edge to a random length.

    Args:
        min_size: the least length.
        max_size: one more than the most.
        interpolation: as in `Resize`.
        antialias: as in `Resize`.

    Example:
        >>> RandomResize(4, 5)(np.zeros((1, 2, 4), np.uint8)).shape
        (1, 4, 8)
    """

    def __init__(
        self, min_size: int, max_size: int, interpolation: Mode = "bilinear", antialias: bool | None = True
    ) -> None:
        self.min_size = min_size
        self.max_size = max_size
        self.interpolation = interpolation
        self.antialias = antialias

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"size": [_draws.integer(self.min_size, self.max_size)]}
