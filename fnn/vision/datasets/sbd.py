"""Semantic Boundaries Dataset."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fnn.vision._images import pil_from_array
from fnn.vision.datasets._mat import read_mat
from fnn.vision.datasets._pictures import below, not_found
from fnn.vision.datasets.folder import default_loader
from fnn.vision.datasets.utils import corrupt, download_and_extract_archive, download_url, verify_str_arg
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["SBDataset"]


class SBDataset(VisionDataset):
    """Masks of things of 20 kinds, or their edges, in pictures of VOC 2011 (http://home.bharathh.info/pubs/codes/SBD/).

    A sample is (PIL image of mode RGB, target): a PIL image of mode L, whose pixels are the kind, or for boundaries an
    array (20, H, W) of numpy with 1 at the edges.

    Args:
        root: the folder of ``img``, ``cls`` and the lists.
        image_set: ``"train"``, ``"val"`` or ``"train_noval"``.
        mode: ``"boundaries"`` or ``"segmentation"``.
        download: download and unpack the archive.
        transforms: a function of picture and target that returns both.

    Attributes:
        images: the paths of the pictures.
        masks: those of the targets.

    Raises:
        ArgumentError: the files are not there.
        fnn.serialization.CorruptFileError: a list or a target cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> masked = datasets.SBDataset("data", "val", mode="segmentation", download=True)  # doctest: +SKIP
        >>> image, mask = masked[0]  # doctest: +SKIP
    """

    url = "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/semantic_contours/benchmark.tgz"
    md5 = "82b4d87ceb2ed10f6038a1cba92111cb"
    filename = "benchmark.tgz"
    voc_train_url = "https://www.cs.cornell.edu/~bharathh/train_noval.txt"
    voc_split_filename = "train_noval.txt"
    voc_split_md5 = "79bff800c5f0b1ec6b21080a3c066722"

    def __init__(
        self,
        root: str | Path,
        image_set: str = "train",
        mode: str = "boundaries",
        download: bool = False,
        transforms: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        super().__init__(root, transforms)
        self.image_set = verify_str_arg(image_set, "image_set", ("train", "val", "train_noval"))
        self.mode = verify_str_arg(mode, "mode", ("segmentation", "boundaries"))
        self.num_classes = 20
        if download:
            self._download()
        folder = Path(self.root)
        listed = folder / f"{image_set}.txt"
        if not listed.is_file():
            raise not_found("SBDataset", folder)
        names = [line.strip() for line in listed.read_text().splitlines()]
        self.images = [str(below(folder / "img", f"{name}.jpg", listed)) for name in names]
        self.masks = [str(below(folder / "cls", f"{name}.mat", listed)) for name in names]

    def _download(self) -> None:
        download_and_extract_archive(self.url, self.root, filename=self.filename, md5=self.md5)
        inside = os.path.join(self.root, "benchmark_RELEASE", "dataset")
        for name in ("cls", "img", "inst", "train.txt", "val.txt"):
            shutil.move(os.path.join(inside, name), self.root)
        if self.image_set == "train_noval":
            download_url(self.voc_train_url, self.root, self.voc_split_filename, self.voc_split_md5)

    def _get_target(self, path: str) -> Any:
        try:
            said = read_mat(path)["GTcls"].item()
            if self.mode == "segmentation":
                return pil_from_array(np.asarray(said["Segmentation"], np.uint8), "L")
            return np.stack(list(said["Boundaries"].ravel()[: self.num_classes]))
        except (KeyError, ValueError, AttributeError, TypeError) as error:
            raise corrupt(path, f"should hold GTcls with Segmentation and Boundaries ({error!r})") from error

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image, target = default_loader(self.images[index]), self._get_target(self.masks[index])
        return (image, target) if self.transforms is None else self.transforms(image, target)

    def __len__(self) -> int:
        return len(self.images)

    def extra_repr(self) -> str:
        """Which part it is, and what a target is."""
        return f"Image set: {self.image_set}\nMode: {self.mode}"
