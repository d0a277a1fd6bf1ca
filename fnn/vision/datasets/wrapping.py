"""Samples of data sets as `fnn.vision.transforms.v2` takes them: boxes and masks as typed arrays."""

import sys
from collections.abc import Callable, Collection
from copy import copy
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision.datasets._runs import decoded
from fnn.vision.datasets.vision import VisionDataset
from fnn.vision.transforms.v2 import functional as F
from fnn.vision.tv_tensors import BoundingBoxes, Mask, Video

__all__ = ["wrap_dataset_for_transforms_v2"]

Wrapper = Callable[[int, Any], Any]


def wrap_dataset_for_transforms_v2(dataset: VisionDataset, target_keys: Collection[str] | str | None = None) -> Any:
    """A data set whose samples hold typed arrays, for `fnn.vision.transforms.v2`.

    Masks of segmentation become a `Mask`, boxes `BoundingBoxes` in format XYXY, videos a `Video`.  The targets of
    COCO's and VOC's detection and of Kitti become a dict with ``"boxes"`` and ``"labels"`` (of COCO's also
    ``"image_id"`` and, if asked for, ``"masks"``).  The samples of classification stay as they are.  The data set's
    transforms, all three, are applied after that.

    Args:
        dataset: a data set of `fnn.vision.datasets`.
        target_keys: which entries the targets of detection are to have; None: those above; ``"all"``: these and all
            that the data set has.

    Returns:
        a data set whose class is derived from that of ``dataset``.

    Raises:
        ArgumentTypeError: there is no wrapper for the class of ``dataset``.
        ArgumentError: ``target_keys`` are no keys, or the data set has none.

    Example:
        >>> from fnn.vision.datasets import FakeData
        >>> from fnn.vision.transforms import v2
        >>> class Shapes(FakeData):
        ...     pass
        >>> try:
        ...     wrap_dataset_for_transforms_v2(Shapes(size=2))
        ... except ArgumentTypeError as error:
        ...     print(error)
        No wrapper exists for dataset class Shapes. Please wrap the output yourself.
    """
    alright = target_keys is None or target_keys == "all"
    if not alright and isinstance(target_keys, Collection) and not isinstance(target_keys, str):
        alright = all(isinstance(key, str) for key in target_keys)
    if not alright:
        raise ArgumentError(
            "`target_keys` can be None, 'all', or a collection of strings denoting the keys to be returned, "
            f"but got {target_keys}"
        )
    wrapped = type(f"Wrapped{type(dataset).__name__}", (_Wrapped, type(dataset)), {})
    return wrapped(dataset, target_keys)


class _Wrapped:
    """Stands before the data set: its samples are taken without transforms, wrapped, and then transformed."""

    def __init__(self, dataset: VisionDataset, target_keys: Any) -> None:
        self._dataset = dataset
        self._target_keys = target_keys
        self._wrapper = _wrapper_for(dataset, target_keys)
        for name in ("transform", "target_transform", "transforms"):
            setattr(self, name, getattr(dataset, name, None))
            setattr(dataset, name, None)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "_dataset":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self._dataset, name)

    def __getitem__(self, index: int) -> Any:
        sample = self._wrapper(index, self._dataset[index])
        return sample if self.transforms is None else self.transforms(*sample)

    def __len__(self) -> int:
        return len(self._dataset)

    def __reduce__(self) -> tuple[Any, ...]:
        dataset = copy(self._dataset)
        for name in ("transform", "target_transform", "transforms"):
            setattr(dataset, name, getattr(self, name))
        return wrap_dataset_for_transforms_v2, (dataset, self._target_keys)


def _wrapper_for(dataset: VisionDataset, target_keys: Any) -> Wrapper:
    if not isinstance(dataset, VisionDataset):
        raise ArgumentTypeError(
            "This wrapper is meant for subclasses of `fnn.vision.datasets.VisionDataset`, "
            f"but got a '{type(dataset).__name__}' instead."
        )
    package = sys.modules["fnn.vision.datasets"]
    for cls in type(dataset).__mro__:
        name = cls.__name__
        if name in _WRAPPERS and getattr(package, name, None) is cls:
            if target_keys is not None and name not in _WITH_KEYS:
                raise ArgumentError(
                    f"`target_keys` is currently only supported for {', '.join(_WITH_KEYS)}, but got {name}."
                )
            return _WRAPPERS[name](dataset, target_keys)
    raise ArgumentTypeError(
        f"No wrapper exists for dataset class {type(dataset).__name__}. Please wrap the output yourself."
    )


def _unsupported(description: str) -> ArgumentError:
    return ArgumentError(f"{description} is not supported by this wrapper.")


def _as_it_is(dataset: Any, target_keys: object) -> Wrapper:
    return lambda index, sample: sample


def _segmentation(dataset: Any, target_keys: object) -> Wrapper:
    return lambda index, sample: (sample[0], Mask(sample[1]))


def _boundaries(dataset: Any, target_keys: object) -> Wrapper:
    if dataset.mode == "boundaries":
        raise _unsupported("SBDataset with mode='boundaries'")
    return _segmentation(dataset, target_keys)


def _video(dataset: Any, target_keys: object) -> Wrapper:
    if dataset.video_clips.output_format == "THWC":
        raise ArgumentError(
            f"{type(dataset).__name__} with `output_format='THWC'` is not supported by this wrapper, since it is not "
            "compatible with the transformations. Please use `output_format='TCHW'` instead."
        )
    return lambda index, sample: (Video(sample[0]), *sample[1:])


def _without_annotation(dataset: Any, target_keys: object) -> Wrapper:
    if "annotation" in dataset.target_type:
        raise _unsupported("Caltech101 dataset with `target_type=['annotation', ...]`")
    return _as_it_is(dataset, target_keys)


def _keys(target_keys: Any, available: set[str], default: set[str]) -> set[str]:
    if target_keys is None:
        return default
    if target_keys == "all":
        return available
    extra = set(target_keys) - available
    if extra:
        raise ArgumentError(f"Target keys {sorted(extra)} are not available; there are {sorted(available)}")
    return set(target_keys)


def _columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """A list of dicts as a dict of lists."""
    columns: dict[str, list[Any]] = {}
    for row in rows:
        for key, value in row.items():
            columns.setdefault(key, []).append(value)
    return columns


def _boxes(data: object, image: Any, format: str) -> Any:
    size = F.get_size(image)
    boxes = BoundingBoxes(data, format=format, canvas_size=(size[0], size[1]))
    return F.convert_bounding_box_format(boxes, new_format="XYXY")


def _coco(dataset: Any, target_keys: object) -> Wrapper:
    own = {"image_id", "boxes", "masks", "labels"}
    native = {"segmentation", "area", "iscrowd", "bbox", "category_id"}
    keys = _keys(target_keys, own | native, {"image_id", "boxes", "labels"})

    def wrapper(index: int, sample: Any) -> Any:
        image, rows = sample
        image_id = dataset.ids[index]
        if not rows:
            return image, {"image_id": image_id}
        columns = _columns(rows)
        target: dict[str, Any] = {}
        if "image_id" in keys:
            target["image_id"] = image_id
        if "boxes" in keys:
            target["boxes"] = _boxes(columns["bbox"], image, "XYWH")
        if "masks" in keys:
            size = F.get_size(image)
            target["masks"] = Mask(np.stack([decoded(part, size) for part in columns["segmentation"]]))
        if "labels" in keys:
            target["labels"] = np.array(columns["category_id"])
        return image, target | {key: columns[key] for key in sorted(keys & native)}

    return wrapper


_VOC = (
    "__background__", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip


def _voc(dataset: Any, target_keys: object) -> Wrapper:
    keys = _keys(target_keys, {"annotation", "boxes", "labels"}, {"boxes", "labels"})

    def wrapper(index: int, sample: Any) -> Any:
        image, found = sample
        objects = _columns(found["annotation"]["object"])
        target = dict(found) if "annotation" in keys else {}
        if "boxes" in keys:
            corners = [[int(box[part]) for part in ("xmin", "ymin", "xmax", "ymax")] for box in objects["bndbox"]]
            target["boxes"] = _boxes(corners, image, "XYXY")
        if "labels" in keys:
            target["labels"] = np.array([_VOC.index(name) for name in objects["name"]])
        return image, target

    return wrapper


_KITTI = ("Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist", "Tram", "Misc", "DontCare")


def _kitti(dataset: Any, target_keys: object) -> Wrapper:
    native = {"type", "truncated", "occluded", "alpha", "bbox", "dimensions", "location", "rotation_y"}
    keys = _keys(target_keys, native | {"boxes", "labels"}, {"boxes", "labels"})

    def wrapper(index: int, sample: Any) -> Any:
        image, rows = sample
        if rows is None:
            return sample
        columns = _columns(rows)
        target: dict[str, Any] = {}
        if "boxes" in keys:
            target["boxes"] = _boxes(columns.get("bbox", np.zeros((0, 4), np.float32)), image, "XYXY")
        if "labels" in keys:
            target["labels"] = np.array([_KITTI.index(name) for name in columns.get("type", ())], np.int64)
        return image, target | {key: columns.get(key, []) for key in sorted(keys & native)}

    return wrapper


def _wider_face(dataset: Any, target_keys: object) -> Wrapper:
    native = {"bbox", "blur", "expression", "illumination", "occlusion", "pose", "invalid"}
    keys = _keys(target_keys, native, native)

    def wrapper(index: int, sample: Any) -> Any:
        image, found = sample
        if found is None:
            return sample
        target = {key: found[key] for key in sorted(keys)}
        if "bbox" in keys:
            target["bbox"] = _boxes(target["bbox"], image, "XYWH")
        return image, target

    return wrapper


def _by_type(target: Any, types: Any, wrappers: dict[str, Callable[[Any], Any]]) -> Any:
    """A target of several types, those that have one wrapped; of one type, this alone."""
    parts = target if isinstance(target, (tuple, list)) else [target]
    wrapped = tuple(
        wrappers[kind](part) if kind in wrappers else part for kind, part in zip(types, parts, strict=False)
    )
    return wrapped[0] if len(wrapped) == 1 else wrapped


def _celeb_a(dataset: Any, target_keys: object) -> Wrapper:
    if {"attr", "landmarks"} & set(dataset.target_type):
        raise _unsupported("`CelebA` dataset with `target_type=['attr', 'landmarks', ...]`")

    def wrapper(index: int, sample: Any) -> Any:
        image, target = sample
        return image, _by_type(target, dataset.target_type, {"bbox": lambda box: _boxes(box, image, "XYWH")})

    return wrapper


def _pets(dataset: Any, target_keys: object) -> Wrapper:
    def wrapper(index: int, sample: Any) -> Any:
        image, target = sample
        if target is None:
            return sample
        return image, _by_type(target, dataset._target_types, {"segmentation": Mask})

    return wrapper


def _instances(mask: Any) -> dict[str, Any]:
    """One mask for each instance of Cityscapes, and its class: the number, of a crowd, or the number by 1000."""
    data = np.asarray(Mask(mask))
    found = np.unique(data)
    wide = found.astype(np.int64)
    return {
        "masks": Mask(np.stack([data == number for number in found])),
        "labels": np.where(wide >= 1000, wide // 1000, wide).astype(found.dtype),
    }


def _cityscapes(dataset: Any, target_keys: object) -> Wrapper:
    if {"polygon", "color"} & set(dataset.target_type):
        raise _unsupported("`Cityscapes` dataset with `target_type=['polygon', 'color', ...]`")

    def wrapper(index: int, sample: Any) -> Any:
        image, target = sample
        return image, _by_type(target, dataset.target_type, {"instance": _instances, "semantic": Mask})

    return wrapper


_CLASSIFICATION = (
    "Caltech256", "CIFAR10", "CIFAR100", "ImageNet", "MNIST", "FashionMNIST", "GTSRB", "DatasetFolder", "ImageFolder",
    "Imagenette", "CocoCaptions",
)  # fmt: skip
# By the name of the class in fnn.vision.datasets; a derived class has the wrapper of its base.
_WRAPPERS: dict[str, Callable[[Any, Any], Wrapper]] = {
    **dict.fromkeys(_CLASSIFICATION, _as_it_is),
    **dict.fromkeys(("HMDB51", "Kinetics", "UCF101"), _video),
    "Caltech101": _without_annotation,
    "CelebA": _celeb_a,
    "Cityscapes": _cityscapes,
    "CocoDetection": _coco,
    "Kitti": _kitti,
    "OxfordIIITPet": _pets,
    "SBDataset": _boundaries,
    "VOCDetection": _voc,
    "VOCSegmentation": _segmentation,
    "WIDERFace": _wider_face,
}
_WITH_KEYS = ("CocoDetection", "VOCDetection", "Kitti", "WIDERFace")
