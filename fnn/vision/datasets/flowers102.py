"""The Oxford data set of 102 flowers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fnn.vision.datasets._flowers import NAMES
from fnn.vision.datasets._mat import read_mat
from fnn.vision.datasets._pictures import LabelledFiles, Loader, not_found
from fnn.vision.datasets.folder import default_loader
from fnn.vision.datasets.utils import (
    check_integrity,
    corrupt,
    download_and_extract_archive,
    download_url,
    verify_str_arg,
)

__all__ = ["Flowers102"]


class Flowers102(LabelledFiles):
    """Flowers of 102 kinds (https://www.robots.ox.ac.uk/~vgg/data/flowers/102/).

    A sample is (PIL image of mode RGB, int).

    Args:
        root: the folder above ``flowers-102``.
        split: ``"train"``, ``"val"`` or ``"test"``.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download what is not there.
        loader: from path to picture.

    Attributes:
        classes: the names of the targets.

    Raises:
        ArgumentError: the files are not there, or not the published ones.
        fnn.serialization.CorruptFileError: the lists cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> flowers = datasets.Flowers102("data", split="val", download=True)  # doctest: +SKIP
        >>> datasets.Flowers102.classes[:2]
        ['pink primrose', 'hard-leaved pocket orchid']
    """

    classes = NAMES
    _download_url_prefix = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/"
    _file_dict = {  # noqa: RUF012  torchvision's name, by which tests replace it
        "image": ("102flowers.tgz", "52808999861908f626f3c1f4e79d11fa"),
        "label": ("imagelabels.mat", "e0620be6f572b9609742df49c70aed4d"),
        "setid": ("setid.mat", "a5357ecc9cb78c4bef273ce3793fc85c"),
    }
    _splits_map = {"train": "trnid", "val": "valid", "test": "tstid"}  # noqa: RUF012

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(root, transform, target_transform, loader)
        self._split = verify_str_arg(split, "split", self._splits_map)
        self._folder = Path(self.root) / "flowers-102"
        self._pictures = self._folder / "jpg"
        if download:
            self.download()
        if not self._check_integrity():
            raise not_found("Flowers102", self._folder)
        labels, chosen = self._numbers("label", "labels"), self._numbers("setid", self._splits_map[split])
        if chosen.size and not (chosen.min() >= 1 and chosen.max() <= labels.size):
            raise corrupt(self._folder / self._file_dict["setid"][0], "lists pictures that there are not")
        self._labels = [int(labels[number - 1]) - 1 for number in chosen]
        self._image_files = [self._pictures / f"image_{number:05d}.jpg" for number in chosen]

    def _numbers(self, file: str, name: str) -> np.ndarray:
        path = self._folder / self._file_dict[file][0]
        found = read_mat(path).get(name)
        if found is None:
            raise corrupt(path, f"has no array {name!r}")
        return found.reshape(-1).astype(np.int64)

    def _check_integrity(self) -> bool:
        files = (self._file_dict[name] for name in ("label", "setid"))
        return self._pictures.is_dir() and all(check_integrity(self._folder / name, md5) for name, md5 in files)

    def download(self) -> None:
        """Downloads pictures and lists, unless they are there."""
        if self._check_integrity():
            return
        archive, md5 = self._file_dict["image"]
        download_and_extract_archive(self._download_url_prefix + archive, self._folder, md5=md5)
        for key in ("label", "setid"):
            name, md5 = self._file_dict[key]
            download_url(self._download_url_prefix + name, self._folder, md5=md5)

    def extra_repr(self) -> str:
        """Which part it is."""
        return f"split={self._split}"
