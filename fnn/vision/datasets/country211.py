"""Country211: where a picture was taken."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fnn.vision.datasets._pictures import Loader, not_found
from fnn.vision.datasets.folder import ImageFolder, default_loader
from fnn.vision.datasets.utils import download_and_extract_archive, verify_str_arg

__all__ = ["Country211"]


class Country211(ImageFolder):
    """Pictures from 211 countries (https://github.com/openai/CLIP/blob/main/data/country211.md).

    A sample is (PIL image of mode RGB, int).

    Args:
        root: the folder above ``country211``.
        split: ``"train"``, ``"valid"`` or ``"test"``.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download and unpack the archive, unless it has been.
        loader: from path to picture.

    Raises:
        ArgumentError: the files are not there.

    Example:
        >>> from fnn.vision import datasets
        >>> places = datasets.Country211("data", split="valid", download=True)  # doctest: +SKIP
        >>> image, country = places[0]  # doctest: +SKIP
    """

    _URL = "https://openaipublic.azureedge.net/clip/data/country211.tgz"
    _MD5 = "84988d7644798601126c29e9877aab6a"

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
        loader: Loader = default_loader,
    ) -> None:
        self._split = verify_str_arg(split, "split", ("train", "valid", "test"))
        folder = Path(root).expanduser()
        self._base_folder = folder / "country211"
        if download and not self._base_folder.is_dir():
            download_and_extract_archive(self._URL, folder, md5=self._MD5)
        if not self._base_folder.is_dir():
            raise not_found("Country211", self._base_folder)
        super().__init__(self._base_folder / split, transform, target_transform, loader)
        self.root = str(folder)
