"""Transforms of batches that mix each image with the one before it, and their labels alike."""

import math
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision._images import is_floating, is_pil, on_host
from fnn.vision.transforms import _draws
from fnn.vision.transforms._dirichlet import dirichlet
from fnn.vision.transforms.v2._arguments import labels_getter as parsed
from fnn.vision.transforms.v2._tree import flatten, unflatten
from fnn.vision.transforms.v2.boxes import Getter
from fnn.vision.transforms.v2.functional import is_pure_tensor
from fnn.vision.transforms.v2.queries import has_any, query_size
from fnn.vision.transforms.v2.transform import Transform, is_array, sample_of
from fnn.vision.tv_tensors import BoundingBoxes, Image, KeyPoints, Mask, TVTensor, Video, wrap

__all__ = ["CutMix", "MixUp"]


@on_host
def _blended(batch: Any, share: float) -> Any:
    """``share`` of each entry and the rest of the one before."""
    if not is_floating(batch.dtype):
        raise ArgumentTypeError(
            f"MixUp: images must be floating, got {batch.dtype}; let ToDtype(np.float32, scale=True) go before"
        )
    kind = batch.dtype.type
    return np.roll(batch, 1, 0) * kind(1.0 - share) + batch * kind(share)


@on_host
def _pasted(batch: Any, box: tuple[int, int, int, int]) -> Any:
    """Each entry with a window of the one before."""
    x1, y1, x2, y2 = box
    result = batch.copy()
    result[..., y1:y2, x1:x2] = np.roll(batch, 1, 0)[..., y1:y2, x1:x2]
    return result


@on_host
def _one_hot(labels: Any, num_classes: int | None) -> Any:
    """Labels (N,) or shares (N, K) as shares, in floating point."""
    if labels.ndim == 1 and num_classes is not None:
        if labels.size and not 0 <= labels.min() <= labels.max() < num_classes:
            raise ArgumentError(f"labels must be within [0, {num_classes}), got {labels.min()} to {labels.max()}")
        labels = np.arange(num_classes) == labels[:, None]
    return labels if is_floating(labels.dtype) else labels.astype(np.float32)


class _Mixing(Transform):
    def __init__(
        self, *, alpha: float = 1.0, num_classes: int | None = None, labels_getter: Getter = "default"
    ) -> None:
        if not alpha > 0:
            raise ArgumentError(f"{type(self).__name__}: alpha must be positive, got {alpha}")
        self.alpha = float(alpha)
        self.num_classes = num_classes
        self._labels_getter = parsed(labels_getter)

    def _share(self) -> float:
        """Draws from the beta distribution."""
        return float(dirichlet(np.full((1, 2), self.alpha, np.float32))[0, 0])

    def forward(self, *inputs: object) -> Any:
        sample = sample_of(inputs)
        leaves = flatten(sample)
        chosen = self._needs_transform_list(leaves)
        if has_any(leaves, is_pil, BoundingBoxes, Mask, KeyPoints):
            raise ArgumentError(
                f"{type(self).__name__}() does not support PIL images, bounding boxes, keypoints and masks."
            )
        labels = self._labels_getter(sample)
        self._check_labels(labels)
        pictures = [leaf for leaf, needed in zip(leaves, chosen, strict=True) if needed]
        params = {"labels": labels, "batch_size": labels.shape[0], **self.make_params(pictures)}
        place = next((i for i, leaf in enumerate(leaves) if leaf is labels), None)
        if place is None:
            raise ArgumentError(
                f"{type(self).__name__}: labels_getter must return a part of the sample, got {labels!r}"
            )
        chosen[place] = True
        changed = [
            self.transform(leaf, params) if needed else leaf for leaf, needed in zip(leaves, chosen, strict=True)
        ]
        return unflatten(changed, sample)

    def _check_labels(self, labels: Any) -> None:
        if not is_array(labels):
            raise ArgumentError(f"The labels must be a tensor, but got {type(labels)} instead.")
        if labels.ndim not in (1, 2):
            raise ArgumentError(
                "labels should be index based with shape (batch_size,) or probability based with shape "
                f"(batch_size, num_classes), but got a tensor of shape {labels.shape} instead."
            )
        if labels.ndim == 2 and self.num_classes is not None and labels.shape[-1] != self.num_classes:
            raise ArgumentError(
                "When passing 2D labels, the number of elements in last dimension must match num_classes: "
                f"{labels.shape[-1]} != {self.num_classes}. You can Leave num_classes to None."
            )
        if labels.ndim == 1 and self.num_classes is None:
            raise ArgumentError("num_classes must be passed if the labels are index-based (1D)")

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if inpt is params["labels"]:
            return _blended(_one_hot(inpt, self.num_classes), params["lam"])
        if not (isinstance(inpt, (Image, Video)) or is_pure_tensor(inpt)):
            return inpt
        expected = 5 if isinstance(inpt, Video) else 4
        if inpt.ndim != expected:
            raise ArgumentError(
                f"Expected a batched input with {expected} dims, but got {inpt.ndim} dimensions instead."
            )
        if inpt.shape[0] != params["batch_size"]:
            raise ArgumentError(
                "The batch size of the image or video does not match the batch size of the labels: "
                f"{inpt.shape[0]} != {params['batch_size']}."
            )
        if isinstance(inpt, TVTensor):
            return wrap(self._mixed(inpt.view(np.ndarray), params), like=inpt)
        return self._mixed(inpt, params)

    def _mixed(self, batch: Any, params: dict[str, Any]) -> Any:
        raise NotImplementedError


class MixUp(_Mixing):
    """Blends each image of a batch with the one before, and their labels alike (https://arxiv.org/abs/1710.09412).

    Args:
        alpha: of the symmetric beta distribution of the share.
        num_classes: of labels (N,), which become shares (N, num_classes).
        labels_getter: how to find the labels in a sample: ``"default"`` (the second part of (images, labels), or as in
            `SanitizeBoundingBoxes`), or a function.

    Raises:
        ArgumentError: ``alpha`` is not positive; when called, the sample has no labels or images that fit.

    Example:
        >>> images, labels = MixUp(num_classes=3)(np.zeros((2, 1, 4, 4), np.float32), np.array([0, 2]))
        >>> labels.shape, labels.sum(1).round(5).tolist()
        ((2, 3), [1.0, 1.0])
    """

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"lam": self._share()}

    def _mixed(self, batch: Any, params: dict[str, Any]) -> Any:
        return _blended(batch, params["lam"])


class CutMix(_Mixing):
    """Pastes a window of the one before into each image of a batch (https://arxiv.org/abs/1905.04899).

    The labels are blended by the areas.

    Args:
        alpha: of the symmetric beta distribution of the share that stays.
        num_classes: of labels (N,), which become shares (N, num_classes).
        labels_getter: as in `MixUp`.

    Raises:
        ArgumentError: ``alpha`` is not positive; when called, the sample has no labels or images that fit.

    Example:
        >>> images, labels = CutMix(num_classes=3)(np.zeros((2, 1, 4, 4), np.uint8), np.array([0, 2]))
        >>> images.shape, labels.shape
        ((2, 1, 4, 4), (2, 3))
    """

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        share = self._share()
        height, width = query_size(flat_inputs)
        x, y = _draws.integer(0, width), _draws.integer(0, height)
        half = 0.5 * math.sqrt(1.0 - share)
        w, h = int(half * width), int(half * height)
        box = max(x - w, 0), max(y - h, 0), min(x + w, width), min(y + h, height)
        area = (box[2] - box[0]) * (box[3] - box[1])
        return {"box": box, "lam": float(1.0 - area / (width * height))}

    def _mixed(self, batch: Any, params: dict[str, Any]) -> Any:
        return _pasted(batch, params["box"])
