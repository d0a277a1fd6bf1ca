"""The Describable Textures Dataset."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fnn.errors import ArgumentError
from fnn.vision.datasets._pictures import LabelledFiles, Loader, below, not_found, rows
from fnn.vision.datasets.folder import default_loader
from fnn.vision.datasets.utils import download_and_extract_archive, verify_str_arg

__all__ = ["DTD"]


class DTD(LabelledFiles):
    """Textures of 47 kinds (https://www.robots.ox.ac.uk/~vgg/data/dtd/).

    A sample is (PIL image of mode RGB, int).

    Args:
        root: the folder above ``dtd/dtd``.
        split: ``"train"``, ``"val"`` or ``"test"``.
        partition: which of the ten published ways to split, 1 to 10.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download and unpack the archive, unless it has been.
        loader: from path to picture.

    Attributes:
        classes: the names of the textures, sorted.
        class_to_idx: from name to target.

    Raises:
        ArgumentError: the files are not there; ``partition`` is out of range.
        fnn.serialization.CorruptFileError: the list of pictures cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> textures = datasets.DTD("data", split="val", partition=3, download=True)  # doctest: +SKIP
        >>> image, target = textures[0]  # doctest: +SKIP
    """

    _URL = "https://www.robots.ox.ac.uk/~vgg/data/dtd/download/dtd-r1.0.1.tar.gz"
    _MD5 = "fff73e5086ae6bdbea199a49dfb8a4c1"

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        partition: int = 1,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(root, transform, target_transform, loader)
        self._split = verify_str_arg(split, "split", ("train", "val", "test"))
        if not isinstance(partition, int) or not 1 <= partition <= 10:
            raise ArgumentError(
                f"Parameter 'partition' should be an integer with `1 <= partition <= 10`, but got {partition} instead"
            )
        self._partition = partition
        self._folder = Path(self.root) / "dtd"
        if download and not (self._folder / "dtd").is_dir():
            download_and_extract_archive(self._URL, self._folder, md5=self._MD5)
        if not (self._folder / "dtd").is_dir():
            raise not_found("DTD", self._folder)
        listed = self._folder / "dtd" / "labels" / f"{split}{partition}.txt"
        found = rows(listed, 2, "/")
        self._image_files = [below(self._folder / "dtd" / "images", "/".join(row), listed) for row in found]
        self.classes = sorted({kind for kind, _ in found})
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}
        self._labels = [self.class_to_idx[kind] for kind, _ in found]

    def extra_repr(self) -> str:
        """Which part it is."""
        return f"split={self._split}, partition={self._partition}"
