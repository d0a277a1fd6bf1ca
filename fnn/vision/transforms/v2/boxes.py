"""Transforms of boxes and points alone: their format, and what to do with those that leave their canvas."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fnn.errors import ArgumentError
from fnn.vision.transforms.v2 import functional as F
from fnn.vision.transforms.v2._arguments import labels_getter as parsed
from fnn.vision.transforms.v2._tree import flatten, unflatten
from fnn.vision.transforms.v2.functional.boxes import valid_boxes, valid_points
from fnn.vision.transforms.v2.queries import get_bounding_boxes, get_keypoints
from fnn.vision.transforms.v2.transform import Transform, is_array, sample_of
from fnn.vision.tv_tensors import BoundingBoxes, BoundingBoxFormat, KeyPoints, Mask, TVTensor, wrap

__all__ = [
    "ClampBoundingBoxes", "ClampKeyPoints", "ConvertBoundingBoxFormat", "SanitizeBoundingBoxes", "SanitizeKeyPoints",
    "SetClampingMode",
]  # fmt: skip

Getter = Callable[[Any], Any] | str | None


class ConvertBoundingBoxFormat(Transform):
    """Boxes in another format.  See `functional.convert_bounding_box_format`.

    Args:
        format: a `BoundingBoxFormat` or its name.

    Example:
        >>> boxes = BoundingBoxes([[2, 3, 4, 6]], format="XYWH", canvas_size=(9, 9))
        >>> ConvertBoundingBoxFormat("XYXY")(boxes).tolist()
        [[2, 3, 6, 9]]
    """

    _transformed_types = (BoundingBoxes,)

    def __init__(self, format: str | BoundingBoxFormat) -> None:
        self.format = format

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return F.convert_bounding_box_format(inpt, new_format=self.format)


class ClampBoundingBoxes(Transform):
    """Cuts boxes off at the borders of their canvas.  See `functional.clamp_bounding_boxes`.

    Args:
        clamping_mode: ``"soft"``, ``"hard"``, None (not at all), or ``"auto"``: as the boxes say.

    Example:
        >>> boxes = BoundingBoxes([[-2, 3, 4, 60]], format="XYXY", canvas_size=(32, 32))
        >>> ClampBoundingBoxes()(boxes).tolist()
        [[0, 3, 4, 32]]
    """

    _transformed_types = (BoundingBoxes,)

    def __init__(self, clamping_mode: str | None = "auto") -> None:
        self.clamping_mode = clamping_mode

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return F.clamp_bounding_boxes(inpt, clamping_mode=self.clamping_mode)


class ClampKeyPoints(Transform):
    """Moves points to the nearest pixel of their canvas.

    Example:
        >>> ClampKeyPoints()(KeyPoints([[-2, 3]], canvas_size=(8, 8))).tolist()
        [[0, 3]]
    """

    _transformed_types = (KeyPoints,)

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return F.clamp_keypoints(inpt)


class SetClampingMode(Transform):
    """Says how the transforms that follow keep boxes on their canvas.

    Args:
        clamping_mode: ``"soft"``, ``"hard"``, or None for not at all.

    Raises:
        ArgumentError: another mode.

    Example:
        >>> boxes = BoundingBoxes([[0, 0, 4, 4]], format="XYXY", canvas_size=(8, 8))
        >>> SetClampingMode(None)(boxes).clamping_mode is None
        True
    """

    _transformed_types = (BoundingBoxes,)

    def __init__(self, clamping_mode: str | None) -> None:
        self.clamping_mode = clamping_mode
        if clamping_mode not in (None, "soft", "hard"):
            raise ArgumentError(f"clamping_mode must be soft, hard or None, got {clamping_mode}")

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        result = inpt.copy()
        result.clamping_mode = self.clamping_mode
        return result


class _Sanitizing(Transform):
    """Leaves out boxes or points, and the labels that belong to them."""

    labels_getter: Getter

    def _valid(self, flat_inputs: list[Any]) -> np.ndarray:
        raise NotImplementedError

    _cut: tuple[type, ...] = ()
    _what = ""

    def forward(self, *inputs: object) -> Any:
        sample = sample_of(inputs)
        labels = self._labels_getter(sample)
        if labels is not None:
            labels = (labels,) if is_array(labels) else labels
            for label in labels if isinstance(labels, (tuple, list)) else (labels,):
                if not is_array(label):
                    raise ArgumentError(
                        f"The labels in the input to forward() must be a tensor or None, got {type(label)} instead."
                    )
        leaves = flatten(sample)
        valid = self._valid(leaves)
        for label in labels or ():
            if len(label) != len(valid):
                raise ArgumentError(
                    f"Number of {self._what} ({len(valid)}) must match the number of labels. "
                    f"Found labels with shape={tuple(label.shape)}."
                )
        params = {"valid": valid, "labels": labels}
        return unflatten([self.transform(leaf, params) for leaf in leaves], sample)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        is_label = any(inpt is label for label in params["labels"] or ())
        if not is_label and not isinstance(inpt, self._cut):
            return inpt
        try:
            output = inpt[params["valid"]]
        except IndexError:  # one mask for the whole image, which belongs to no box
            if not isinstance(inpt, Mask):
                raise
            return inpt
        return wrap(output, like=inpt) if isinstance(inpt, TVTensor) and not is_label else output

    def __init__(self, getter: Getter) -> None:
        self.labels_getter = getter
        self._labels_getter = parsed(getter)


class SanitizeBoundingBoxes(_Sanitizing):
    """Leaves out boxes that are too small or not inside their canvas, with their labels and masks.

    Args:
        min_size: the least width and height, at least 1.
        min_area: the least area, at least 1.
        labels_getter: how to find the labels in a sample: ``"default"`` (the entry whose key is ``"labels"``, or has
            ``"label"`` in it, of the sample or of its second part), a function that returns an array or several, or
            None for no labels.

    Raises:
        ArgumentError: a value below 1; when called, no boxes or no labels, or others than there are boxes.

    Example:
        >>> sample = {
        ...     "boxes": BoundingBoxes([[0, 0, 4, 4], [5, 5, 5, 6]], format="XYXY", canvas_size=(8, 8)),
        ...     "labels": np.array([1, 2]),
        ... }
        >>> sample = SanitizeBoundingBoxes()(sample)
        >>> sample["boxes"].tolist(), sample["labels"].tolist()
        ([[0, 0, 4, 4]], [1])
    """

    _cut = (BoundingBoxes, Mask)
    _what = "boxes"

    def __init__(self, min_size: float = 1.0, min_area: float = 1.0, labels_getter: Getter = "default") -> None:
        for name, value in (("min_size", min_size), ("min_area", min_area)):
            if value < 1:
                raise ArgumentError(f"{name} must be >= 1, got {value}.")
        self.min_size = min_size
        self.min_area = min_area
        super().__init__(labels_getter)

    def _valid(self, flat_inputs: list[Any]) -> np.ndarray:
        boxes = get_bounding_boxes(flat_inputs)
        plain = boxes.view(np.ndarray)
        return valid_boxes(plain, boxes.format, boxes.canvas_size, self.min_size, self.min_area)


class SanitizeKeyPoints(_Sanitizing):
    """Leaves out points that are not inside their canvas, with their labels; of groups, those with such a point.

    Args:
        labels_getter: how to find the labels in a sample: ``"default"``, a function, or None for no labels, as in
            `SanitizeBoundingBoxes`.

    Raises:
        ArgumentError: when called, no points, no labels, or others than there are points.

    Example:
        >>> SanitizeKeyPoints()(KeyPoints([[0, 1], [9, 1]], canvas_size=(8, 8))).tolist()
        [[0, 1]]
    """

    _cut = (KeyPoints,)
    _what = "keypoints"

    def __init__(self, labels_getter: Getter = None) -> None:
        super().__init__(labels_getter)

    def _valid(self, flat_inputs: list[Any]) -> np.ndarray:
        points = get_keypoints(flat_inputs)
        return valid_points(points.view(np.ndarray), points.canvas_size)
