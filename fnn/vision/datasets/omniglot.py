"""Omniglot: characters of many alphabets."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from fnn.vision.datasets._pictures import Loader, as_it_is, not_found
from fnn.vision.datasets.utils import check_integrity, download_and_extract_archive, list_dir, list_files
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["Omniglot"]


class Omniglot(VisionDataset):
    """1,623 characters of 50 alphabets, each drawn by 20 people (https://github.com/brendenlake/omniglot).

    A sample is (PIL image of mode L, int).

    Args:
        root: the folder above ``omniglot-py``.
        background: the 30 alphabets to learn from, or the 20 others.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download and unpack the archive, unless it has been.
        loader: from path to picture. Default: a PIL image of mode L.

    Raises:
        ArgumentError: the archive is not there.

    Example:
        >>> from fnn.vision import datasets
        >>> image, character = datasets.Omniglot("data", background=False, download=True)[0]  # doctest: +SKIP
    """

    folder = "omniglot-py"
    download_url_prefix = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python"
    zips_md5: ClassVar[dict[str, str]] = {
        "images_background": "68d2efa1b9178cc56df9314c21c6e718",
        "images_evaluation": "6b91aef0f799c5bb55b94e3f2daec811",
    }

    def __init__(
        self,
        root: str | Path,
        background: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
        loader: Loader | None = None,
    ) -> None:
        super().__init__(os.path.join(root, self.folder), transform=transform, target_transform=target_transform)
        self.background = background
        if download:
            self.download()
        if not self._check_integrity():
            raise not_found("Omniglot", self.root)
        self.target_folder = os.path.join(self.root, self._part)
        self._alphabets = sorted(list_dir(self.target_folder))
        self._characters = [
            os.path.join(alphabet, character)
            for alphabet in self._alphabets
            for character in sorted(list_dir(os.path.join(self.target_folder, alphabet)))
        ]
        self._flat_character_images = [
            (name, label)
            for label, character in enumerate(self._characters)
            for name in sorted(list_files(os.path.join(self.target_folder, character), ".png"))
        ]
        self.loader = loader

    @property
    def _part(self) -> str:
        return "images_background" if self.background else "images_evaluation"

    def _check_integrity(self) -> bool:
        return check_integrity(os.path.join(self.root, f"{self._part}.zip"), self.zips_md5[self._part])

    def download(self) -> None:
        """Downloads and unpacks the archive, unless that has been done."""
        if not self._check_integrity():
            url = f"{self.download_url_prefix}/{self._part}.zip"
            download_and_extract_archive(url, self.root, md5=self.zips_md5[self._part])

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        name, label = self._flat_character_images[index]
        path = os.path.join(self.target_folder, self._characters[label], name)
        return self._sample(as_it_is(path).convert("L") if self.loader is None else self.loader(path), label)

    def __len__(self) -> int:
        return len(self._flat_character_images)
