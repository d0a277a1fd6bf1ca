"""What is in a sample: its classes, its sizes, its boxes and points."""

from collections.abc import Callable, Sequence
from typing import Any

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision._images import is_pil
from fnn.vision.transforms.v2.functional import get_dimensions, get_size, is_pure_tensor
from fnn.vision.tv_tensors import BoundingBoxes, Image, KeyPoints, Mask, Video

__all__ = ["check_type", "get_bounding_boxes", "get_keypoints", "has_all", "has_any", "query_chw", "query_size"]

Check = type | Callable[[Any], bool]


def check_type(obj: object, types_or_checks: Sequence[Check]) -> bool:
    """Whether an object is of one of some classes, or passes one of some checks.

    Args:
        obj: any object.
        types_or_checks: classes, and functions that say whether they take an object.

    Example:
        >>> check_type(3, (str, callable)), check_type(3, (int,))
        (False, True)
    """
    return any(isinstance(obj, check) if isinstance(check, type) else check(obj) for check in types_or_checks)


def has_any(flat_inputs: list[Any], *types_or_checks: Check) -> bool:
    """Whether one of the inputs is of one of the classes, or passes one of the checks.

    Args:
        flat_inputs: the leaves of a sample.
        types_or_checks: classes, and functions that say whether they take an object.

    Example:
        >>> has_any([1, "a"], str, float), has_any([1, "a"], float)
        (True, False)
    """
    return any(check_type(inpt, types_or_checks) for inpt in flat_inputs)


def has_all(flat_inputs: list[Any], *types_or_checks: Check) -> bool:
    """Whether each of the classes and checks takes one of the inputs.

    Args:
        flat_inputs: the leaves of a sample.
        types_or_checks: classes, and functions that say whether they take an object.

    Example:
        >>> has_all([1, "a"], str, int), has_all([1, "a"], str, float)
        (True, False)
    """
    return all(any(check_type(inpt, (check,)) for inpt in flat_inputs) for check in types_or_checks)


def get_bounding_boxes(flat_inputs: list[Any]) -> BoundingBoxes:
    """The boxes of a sample, which has one `BoundingBoxes`.

    Args:
        flat_inputs: the leaves of a sample.

    Raises:
        ArgumentError: there are none.

    Example:
        >>> get_bounding_boxes([1, BoundingBoxes([[0, 0, 1, 1]], format="XYXY", canvas_size=(2, 2))]).tolist()
        [[0, 0, 1, 1]]
    """
    for inpt in flat_inputs:
        if isinstance(inpt, BoundingBoxes):
            return inpt
    raise ArgumentError("No bounding boxes were found in the sample")


def get_keypoints(flat_inputs: list[Any]) -> KeyPoints:
    """The points of a sample, which has one `KeyPoints`.

    Args:
        flat_inputs: the leaves of a sample.

    Raises:
        ArgumentError: there are none.

    Example:
        >>> get_keypoints([KeyPoints([[1, 0]], canvas_size=(2, 2))]).tolist()
        [[1, 0]]
    """
    for inpt in flat_inputs:
        if isinstance(inpt, KeyPoints):
            return inpt
    raise ArgumentError("No keypoints were found in the sample")


def query_chw(flat_inputs: list[Any]) -> tuple[int, int, int]:
    """The channels, the height and the width that all images and videos of a sample have.

    Args:
        flat_inputs: the leaves of a sample.

    Raises:
        ArgumentTypeError: there is none.
        ArgumentError: they differ.

    Example:
        >>> import numpy as np
        >>> query_chw([Image(np.zeros((3, 4, 5))), "a label"])
        (3, 4, 5)
    """
    pictures = (is_pure_tensor, Image, is_pil, Video)
    found = {tuple(get_dimensions(inpt)) for inpt in flat_inputs if check_type(inpt, pictures)}
    if not found:
        raise ArgumentTypeError("No image or video was found in the sample")
    if len(found) > 1:
        raise ArgumentError(f"Found multiple CxHxW dimensions in the sample: {_listed(found)}")
    channels, height, width = found.pop()
    return channels, height, width


def query_size(flat_inputs: list[Any]) -> tuple[int, int]:
    """The height and the width that all images, videos, masks, boxes and points of a sample have.

    Args:
        flat_inputs: the leaves of a sample.

    Raises:
        ArgumentTypeError: there is none.
        ArgumentError: they differ.

    Example:
        >>> query_size([KeyPoints([[1, 0]], canvas_size=(4, 5))])
        (4, 5)
    """
    places = (is_pure_tensor, Image, is_pil, Video, Mask, BoundingBoxes, KeyPoints)
    found = {tuple(get_size(inpt)) for inpt in flat_inputs if check_type(inpt, places)}
    if not found:
        raise ArgumentTypeError("No image, video, mask, bounding box of keypoint was found in the sample")
    if len(found) > 1:
        raise ArgumentError(f"Found multiple HxW dimensions in the sample: {_listed(found)}")
    height, width = found.pop()
    return height, width


def _listed(sizes: set[tuple[int, ...]]) -> str:
    *most, last = map(str, sorted(sizes))
    return f"{', '.join(most)} and {last}"
