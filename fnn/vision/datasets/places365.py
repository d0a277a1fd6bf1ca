"""Places365: scenes."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from fnn.errors import ArgumentError
from fnn.vision.datasets._pictures import Loader, below
from fnn.vision.datasets.folder import default_loader
from fnn.vision.datasets.utils import check_integrity, corrupt, download_and_extract_archive, verify_str_arg
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["Places365"]


class Places365(VisionDataset):
    """Pictures of 365 kinds of scenes (http://places2.csail.mit.edu/).

    A sample is (PIL image of mode RGB, int); of the part to test the target is None.

    Args:
        root: the folder of the lists and of the folders of pictures.
        split: ``"train-standard"``, ``"train-challenge"``, ``"val"`` or ``"test"``.
        small: the pictures at 256x256, or large.
        download: download and unpack what is not there.
        transform: a function of the picture.
        target_transform: a function of the target.
        loader: from path to picture.

    Attributes:
        classes: the names of the scenes, sorted.
        class_to_idx: from name to target.
        imgs: the paths and their targets.
        targets: the targets.

    Raises:
        ArgumentError: the lists are not there.
        fnn.serialization.CorruptFileError: a list cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> places = datasets.Places365("data", "val", small=True, download=True)  # doctest: +SKIP
        >>> image, scene = places[0]  # doctest: +SKIP
    """

    _SPLITS = ("train-standard", "train-challenge", "val", "test")
    _BASE_URL = "http://data.csail.mit.edu/places/places365/"
    _DEVKIT_META: ClassVar[dict[str, tuple[str, str]]] = {
        "standard": ("filelist_places365-standard.tar", "35a0585fee1fa656440f3ab298f8479c"),
        "challenge": ("filelist_places365-challenge.tar", "70a8307e459c3de41690a7c76c931734"),
    }
    _CATEGORIES_META = ("categories_places365.txt", "06c963b85866bd0649f97cb43dd16673")
    _FILE_LIST_META: ClassVar[dict[str, tuple[str, str]]] = {
        "train-standard": ("places365_train_standard.txt", "30f37515461640559006b8329efbed1a"),
        "train-challenge": ("places365_train_challenge.txt", "b2931dc997b8c33c27e7329c073a6b57"),
        "val": ("places365_val.txt", "e9f2fd57bfd9d07630173f4e8708e4b1"),
        "test": ("places365_test.txt", "2fce8233fe493576d724142e45d93653"),
    }
    _IMAGES_META: ClassVar[dict[tuple[str, bool], tuple[str, str]]] = {
        ("train-standard", False): ("train_large_places365standard.tar", "67e186b496a84c929568076ed01a8aa1"),
        ("train-challenge", False): ("train_large_places365challenge.tar", "605f18e68e510c82b958664ea134545f"),
        ("val", False): ("val_large.tar", "9b71c4993ad89d2d8bcbdc4aef38042f"),
        ("test", False): ("test_large.tar", "41a4b6b724b1d2cd862fb3871ed59913"),
        ("train-standard", True): ("train_256_places365standard.tar", "53ca1c756c3d1e7809517cc47c5561c5"),
        ("train-challenge", True): ("train_256_places365challenge.tar", "741915038a5e3471ec7332404dfb64ef"),
        ("val", True): ("val_256.tar", "e27b17d8d44f4af9a78502beb927f808"),
        ("test", True): ("test_256.tar", "f532f6ad7b582262a2ec8009075e186b"),
    }

    def __init__(
        self,
        root: str | Path,
        split: str = "train-standard",
        small: bool = False,
        download: bool = False,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.split = verify_str_arg(split, "split", self._SPLITS)
        self.small = small
        self.loader = loader
        self.classes, self.class_to_idx = self.load_categories(download)
        self.imgs, self.targets = self.load_file_list(download)
        if download:
            self.download_images()

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        file, target = self.imgs[index]
        return self._sample(self.loader(file), target)

    def __len__(self) -> int:
        return len(self.imgs)

    @property
    def variant(self) -> str:
        """``"challenge"`` or ``"standard"``: which pictures to train on."""
        return "challenge" if "challenge" in self.split else "standard"

    @property
    def images_dir(self) -> str:
        """The folder of the pictures."""
        size = "256" if self.small else "large"
        name = f"data_{size}_{self.variant}" if self.split.startswith("train") else f"{self.split}_{size}"
        return os.path.join(self.root, name)

    def _listed(self, meta: tuple[str, str], download: bool) -> Path:
        path = Path(self.root) / meta[0]
        if not check_integrity(path, meta[1]):
            if not download:
                raise ArgumentError(
                    f"The file {path} does not exist or is corrupted. You can set download=True to download it."
                )
            self.download_devkit()
        return path

    def load_categories(self, download: bool = True) -> tuple[list[str], dict[str, int]]:
        """The names of the scenes, sorted, and from name to target.

        Args:
            download: download the list if it is not there.
        """
        path = self._listed(self._CATEGORIES_META, download)
        rows = [line.split() for line in path.read_text().splitlines()]
        try:
            numbers = {name: int(number) for name, number in rows}
        except ValueError as error:
            raise corrupt(path, f"should be lines of a name and a number ({error})") from error
        return sorted(numbers), numbers

    def load_file_list(self, download: bool = True) -> tuple[list[tuple[str, int | None]], list[int | None]]:
        """The paths of the pictures with their targets, and the targets.

        Args:
            download: download the list if it is not there.
        """
        path = self._listed(self._FILE_LIST_META[self.split], download)
        images: list[tuple[str, int | None]] = []
        for number, line in enumerate(path.read_text().splitlines(), 1):
            cells = line.split()
            try:
                name, label = cells[0].lstrip("/"), int(cells[1]) if len(cells) > 1 else None
            except (ValueError, IndexError) as error:
                raise corrupt(path, f"line {number} should be a path and a number, found {line!r}") from error
            images.append((str(below(Path(self.images_dir), name, path)), label))
        return images, [label for _, label in images]

    def download_devkit(self) -> None:
        """Downloads and unpacks the lists."""
        file, md5 = self._DEVKIT_META[self.variant]
        download_and_extract_archive(f"{self._BASE_URL}{file}", self.root, md5=md5)

    def download_images(self) -> None:
        """Downloads and unpacks the pictures, unless that has been done."""
        if os.path.exists(self.images_dir):
            return
        file, md5 = self._IMAGES_META[(self.split, self.small)]
        download_and_extract_archive(f"{self._BASE_URL}{file}", self.root, md5=md5)
        if self.split.startswith("train"):
            os.rename(self.images_dir.rpartition("_")[0], self.images_dir)

    def extra_repr(self) -> str:
        """Which part it is, and at which size."""
        return f"Split: {self.split}\nSmall: {self.small}"
