"""What data sets of stereo pictures share: pairs of pictures, and the files of their disparities."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fnn.errors import ArgumentError
from fnn.vision.datasets.folder import default_loader
from fnn.vision.datasets.utils import corrupt
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["Field", "StereoMatchingDataset", "Transforms"]

Transforms = Callable[[Any, Any, Any], Any]
Field = tuple[np.ndarray | None, np.ndarray | None]


class StereoMatchingDataset(VisionDataset):
    """Pairs of pictures, and the files of their disparities or None.

    Args:
        root: the folder above the data set's.
        transforms: a function of the pictures, of their disparities and of where these are known, each a pair whose
            members may be None, that returns all three.
    """

    _has_built_in_disparity_mask = False

    def __init__(self, root: str | Path, transforms: Transforms | None = None) -> None:
        super().__init__(root)
        self.transforms: Any = transforms
        self._images: list[tuple[str, str | None]] = []
        self._disparities: list[tuple[str | None, str | None]] = []

    def _read_img(self, path: str) -> Any:
        return default_loader(path)

    def _read_disparity(self, path: str | None) -> Field:
        """The disparity (1, H, W), and where it is known (H, W)."""
        return (None, None) if path is None else self._of_file(path)

    def _of_file(self, path: str) -> Field:
        raise NotImplementedError

    def _add(self, folder: Path, images: tuple[str, str], disparities: tuple[str, str | None] | None) -> None:
        """Those of these patterns, left and right; None: there are none."""
        pairs = self._pairs(folder, *images)
        self._images += pairs
        self._disparities += [(None, None)] * len(pairs) if disparities is None else self._pairs(folder, *disparities)
        if len(self._images) != len(self._disparities):
            raise corrupt(folder, f"{len(self._images)} pairs of pictures, {len(self._disparities)} disparities")

    def _pairs(self, folder: Path, left: str, right: str | None) -> list[tuple[str, str | None]]:
        lefts = sorted(map(str, folder.glob(left)))
        rights = [None] * len(lefts) if right is None else sorted(map(str, folder.glob(right)))
        for found, pattern in ((lefts, left), (rights, right)):
            if not found:
                raise ArgumentError(
                    f"{type(self).__name__}: could not find any files matching the patterns: {folder / str(pattern)}"
                )
        if len(lefts) != len(rights):
            raise corrupt(folder, f"found {len(lefts)} left files {left} but {len(rights)} right files {right}")
        return list(zip(lefts, rights, strict=True))

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        images = tuple(self._read_img(str(path)) for path in self._images[index])
        fields = [self._read_disparity(path) for path in self._disparities[index]]
        disparities, known = tuple(field[0] for field in fields), tuple(field[1] for field in fields)
        if self.transforms is not None:
            images, disparities, known = self.transforms(images, disparities, known)
        if self._has_built_in_disparity_mask or known[0] is not None:
            return images[0], images[1], disparities[0], known[0]
        return images[0], images[1], disparities[0]

    def __len__(self) -> int:
        return len(self._images)
