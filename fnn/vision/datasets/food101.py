"""Food-101."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fnn.vision.datasets._pictures import LabelledFiles, Loader, below, not_found
from fnn.vision.datasets.folder import default_loader
from fnn.vision.datasets.utils import corrupt, download_and_extract_archive, verify_str_arg

__all__ = ["Food101"]


class Food101(LabelledFiles):
    """Dishes of 101 kinds (https://data.vision.ee.ethz.ch/cvl/datasets_extra/food-101/).

    A sample is (PIL image of mode RGB, int).

    Args:
        root: the folder above ``food-101``.
        split: ``"train"`` or ``"test"``.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download and unpack the archive, unless it has been.
        loader: from path to picture.

    Attributes:
        classes: the names of the dishes, sorted.
        class_to_idx: from name to target.

    Raises:
        ArgumentError: the files are not there.
        fnn.serialization.CorruptFileError: the list of pictures cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> dishes = datasets.Food101("data", split="test", download=True)  # doctest: +SKIP
        >>> image, target = dishes[0]  # doctest: +SKIP
    """

    _URL = "http://data.vision.ee.ethz.ch/cvl/food-101.tar.gz"
    _MD5 = "85eeb15f3717b99a5da872d97d918f87"

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
        self._split = verify_str_arg(split, "split", ("train", "test"))
        self._folder = Path(self.root) / "food-101"
        if download and not self._check_exists():
            download_and_extract_archive(self._URL, self.root, md5=self._MD5)
        if not self._check_exists():
            raise not_found("Food101", self._folder)
        listed = self._folder / "meta" / f"{split}.json"
        try:
            said = {str(name): [str(file) for file in files] for name, files in json.loads(listed.read_text()).items()}
        except (ValueError, AttributeError, TypeError) as error:
            raise corrupt(listed, f"should be JSON of kinds and their pictures ({error})") from error
        self.classes = sorted(said)
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}
        self._labels = [self.class_to_idx[name] for name, files in said.items() for _ in files]
        pictures = self._folder / "images"
        self._image_files = [below(pictures, f"{file}.jpg", listed) for files in said.values() for file in files]

    def _check_exists(self) -> bool:
        return all((self._folder / name).is_dir() for name in ("meta", "images"))

    def extra_repr(self) -> str:
        """Which part it is."""
        return f"split={self._split}"
