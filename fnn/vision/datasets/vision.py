"""What all data sets of pictures share: where they lie, and what is done to their samples."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fnn.errors import ArgumentError
from fnn.utils.data.dataset import Dataset
from fnn.vision._images import ImageLike

__all__ = ["StandardTransform", "VisionDataset"]


class VisionDataset(Dataset[Any]):
    """The base of data sets of pictures: an index to (picture, target).

    A subclass defines ``__getitem__`` and ``__len__``, and applies `transform` and `target_transform`, or
    `transforms` to both.

    Args:
        root: the folder of the files.
        transforms: a function of picture and target that returns both.
        transform: a function of the picture.
        target_transform: a function of the target.

    Raises:
        ArgumentError: ``transforms`` together with one of the others.

    Example:
        >>> import numpy as np
        >>> class Squares(VisionDataset):
        ...     def __getitem__(self, index):
        ...         return self.transform(np.full((index, index), 255)), index
        ...     def __len__(self):
        ...         return 3
        >>> image, target = Squares(transform=lambda image: image / 255)[2]
        >>> image.tolist(), target
        ([[1.0, 1.0], [1.0, 1.0]], 2)
    """

    _repr_indent = 4

    def __init__(
        self,
        root: str | Path | None = None,
        transforms: Callable[[Any, Any], Any] | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
    ) -> None:
        self.root: Any = os.path.expanduser(root) if isinstance(root, str) else root
        separate = transform is not None or target_transform is not None
        if transforms is not None and separate:
            raise ArgumentError("Only transforms or transform/target_transform can be passed as argument")
        self.transform = transform
        self.target_transform = target_transform
        self.transforms = StandardTransform(transform, target_transform) if separate else transforms

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} should implement __getitem__")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} should implement __len__")

    def _sample(self, img: ImageLike, target: object) -> tuple[Any, Any]:
        """A sample after its transforms."""
        if self.transform is not None:
            img = self.transform(img)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return img, target

    def __repr__(self) -> str:
        body = [f"Number of datapoints: {len(self)}"]
        if self.root is not None:
            body.append(f"Root location: {self.root}")
        body += self.extra_repr().splitlines()
        if getattr(self, "transforms", None) is not None:
            body.append(repr(self.transforms))
        return "\n".join([f"Dataset {type(self).__name__}", *(" " * self._repr_indent + line for line in body)])

    def extra_repr(self) -> str:
        """More lines for the ``repr``."""
        return ""


class StandardTransform:
    """A function of the picture and one of the target, as one of both.

    Args:
        transform: a function of the picture; None: as it is.
        target_transform: a function of the target; None: as it is.

    >>> StandardTransform(None, str)(1, 2)
    (1, '2')
    """

    def __init__(
        self,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
    ) -> None:
        self.transform = transform
        self.target_transform = target_transform

    def __call__(self, input: object, target: object) -> tuple[Any, Any]:
        """Transforms both."""
        if self.transform is not None:
            input = self.transform(input)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return input, target

    def __repr__(self) -> str:
        body = [type(self).__name__]
        for head, transform in (("Transform: ", self.transform), ("Target transform: ", self.target_transform)):
            if transform is not None:
                first, *rest = repr(transform).splitlines()
                body += [head + first, *(" " * len(head) + line for line in rest)]
        return "\n".join(body)
