"""Arrays that say what they show, under the names of ``torchvision.tv_tensors``.

They are numpy arrays, so that processes that load data need no JAX; `fnn.vision.transforms.v2` reads their classes.
"""

from fnn.vision.tv_tensors.boxes import BoundingBoxes, BoundingBoxFormat, KeyPoints, is_rotated_bounding_format
from fnn.vision.tv_tensors.pictures import Image, Mask, Video
from fnn.vision.tv_tensors.tv_tensor import TVTensor, set_return_type, wrap

__all__ = [
    "BoundingBoxFormat", "BoundingBoxes", "Image", "KeyPoints", "Mask", "TVTensor", "Video",
    "is_rotated_bounding_format", "set_return_type", "wrap",
]  # fmt: skip
