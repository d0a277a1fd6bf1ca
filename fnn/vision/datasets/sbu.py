"""SBU Captioned Photo Dataset."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fnn.vision.datasets._pictures import Loader, not_found
from fnn.vision.datasets.folder import default_loader
from fnn.vision.datasets.utils import check_integrity, download_and_extract_archive, download_url
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["SBU"]

_LISTS = ("SBU_captioned_photo_dataset_urls.txt", "SBU_captioned_photo_dataset_captions.txt")


class SBU(VisionDataset):
    """A million photographs with what their owners wrote (http://www.cs.virginia.edu/~vicente/sbucaptions/).

    A sample is (PIL image of mode RGB, str).  Photographs that are not there are left out.

    Args:
        root: the folder of the archive, and above ``dataset``.
        transform: a function of the picture.
        target_transform: a function of the caption.
        download: download the archive, unless it has been, and then every photograph that is still to be had.
        loader: from path to picture.

    Attributes:
        photos: the names of the pictures.
        captions: their captions.

    Raises:
        ArgumentError: the archive is not there.

    Example:
        >>> from fnn.vision import datasets
        >>> image, caption = datasets.SBU("data", download=False)[0]  # doctest: +SKIP
    """

    url = "https://www.cs.rice.edu/~vo9/sbucaptions/SBUCaptionedPhotoDataset.tar.gz"
    filename = "SBUCaptionedPhotoDataset.tar.gz"
    md5_checksum = "9aec147b3488753cf758b4d493422285"

    def __init__(
        self,
        root: str | Path,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = True,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.loader = loader
        self._folder = os.path.join(self.root, "dataset")
        if download:
            self.download()
        if not self._check_integrity():
            raise not_found("SBU", self.root)
        urls, said = (Path(self._folder, name).read_text(encoding="utf-8").splitlines() for name in _LISTS)
        pairs = [(os.path.basename(url.rstrip()), words.rstrip()) for url, words in zip(urls, said, strict=False)]
        pairs = [(name, words) for name, words in pairs if os.path.isfile(os.path.join(self._folder, name))]
        self.photos = [name for name, _ in pairs]
        self.captions = [words for _, words in pairs]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._sample(self.loader(os.path.join(self._folder, self.photos[index])), self.captions[index])

    def __len__(self) -> int:
        return len(self.photos)

    def _check_integrity(self) -> bool:
        return check_integrity(os.path.join(self.root, self.filename), self.md5_checksum)

    def download(self) -> None:
        """Downloads and unpacks the archive, unless that has been done, and the photographs that are to be had."""
        if self._check_integrity():
            return
        download_and_extract_archive(self.url, self.root, self.root, self.filename, self.md5_checksum)
        for url in Path(self._folder, _LISTS[0]).read_text(encoding="utf-8").splitlines():
            try:
                download_url(url.rstrip(), self._folder)
            except (OSError, RuntimeError):
                continue  # its owner took it away
