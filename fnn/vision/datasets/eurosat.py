"""EuroSAT: what the ground is used for."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fnn.vision.datasets._pictures import Loader, not_found
from fnn.vision.datasets.folder import ImageFolder, default_loader
from fnn.vision.datasets.utils import download_and_extract_archive

__all__ = ["EuroSAT"]


class EuroSAT(ImageFolder):
    """Pictures from satellites, of ten kinds of ground (https://github.com/phelber/eurosat).

    A sample is (PIL image of mode RGB, int).

    Args:
        root: the folder above ``eurosat/2750``.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download and unpack the archive, unless it has been.
        loader: from path to picture.

    Raises:
        ArgumentError: the files are not there.

    Example:
        >>> from fnn.vision import datasets
        >>> ground = datasets.EuroSAT("data", download=True)  # doctest: +SKIP
        >>> ground.classes[0]  # doctest: +SKIP
        'AnnualCrop'
    """

    def __init__(
        self,
        root: str | Path,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
        loader: Loader = default_loader,
    ) -> None:
        self.root = os.path.expanduser(root)
        self._base_folder = os.path.join(self.root, "eurosat")
        self._data_folder = os.path.join(self._base_folder, "2750")
        if download:
            self.download()
        if not os.path.exists(self._data_folder):
            raise not_found("EuroSAT", self._data_folder)
        super().__init__(self._data_folder, transform, target_transform, loader)
        self.root = os.path.expanduser(root)

    def download(self) -> None:
        """Downloads and unpacks the archive, unless that has been done."""
        if os.path.exists(self._data_folder):
            return
        revision = "c877bcd43f099cd0196738f714544e355477f3fd"
        download_and_extract_archive(
            f"https://huggingface.co/datasets/torchgeo/eurosat/resolve/{revision}/EuroSAT.zip",
            self._base_folder,
            md5="c8fa014336c82ac7804f0398fcb19387",
        )
