"""iNaturalist: plants, animals and fungi, by kind."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fnn.errors import ArgumentError
from fnn.vision.datasets._pictures import Loader, as_it_is, lone, not_found
from fnn.vision.datasets.utils import corrupt, download_and_extract_archive, verify_str_arg
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["CATEGORIES_2021", "INaturalist"]

CATEGORIES_2021 = ["kingdom", "phylum", "class", "order", "family", "genus"]

_SERVER = "https://ml-inat-competition-datasets.s3.amazonaws.com/"
_ARCHIVES = {
    "2017": ("2017/train_val_images.tar.gz", "7c784ea5e424efaec655bd392f87301f"),
    "2018": ("2018/train_val2018.tar.gz", "b1c6952ce38f31868cc50ea72d066cc3"),
    "2019": ("2019/train_val2019.tar.gz", "c60a6e2962c9b8ccbd458d12c8582644"),
    "2021_train": ("2021/train.tar.gz", "e0526d53c7f7b2e3167b2b43bb2690ed"),
    "2021_train_mini": ("2021/train_mini.tar.gz", "db6ed8330e634445efc8fec83ae81442"),
    "2021_valid": ("2021/val.tar.gz", "f6f6e0e242e3d4c9569ba56400938afc"),
}
DATASET_URLS = {version: _SERVER + path for version, (path, _) in _ARCHIVES.items()}
DATASET_MD5 = {version: md5 for version, (_, md5) in _ARCHIVES.items()}


class INaturalist(VisionDataset):
    """Photographs of living beings (https://github.com/visipedia/inat_comp).

    A sample is (PIL image in the mode of its file, int); for several types of targets the target is a tuple.

    Args:
        root: the folder above the one that is named like the version.
        version: ``"2017"``, ``"2018"``, ``"2019"``, ``"2021_train"``, ``"2021_train_mini"`` or ``"2021_valid"``.
        target_type: ``"full"``, the species; of 2021 ``"kingdom"``, ``"phylum"``, ``"class"``, ``"order"``,
            ``"family"`` or ``"genus"``, of the earlier ones ``"super"``; or a list of these.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download and unpack the archive, unless it has been.
        loader: from path to picture.

    Attributes:
        all_categories: the folder of each species.
        categories_index: from type to a dict from name to target.
        categories_map: for each species a dict from type to target.
        index: for each picture its species and the name of its file.

    Raises:
        ArgumentError: the files are not there.
        fnn.serialization.CorruptFileError: a folder is not named as a species is.

    Example:
        >>> from fnn.vision import datasets
        >>> life = datasets.INaturalist("data", "2021_valid", ["full", "family"], download=True)  # doctest: +SKIP
        >>> image, (species, family) = life[0]  # doctest: +SKIP
        >>> life.category_name("family", family)  # doctest: +SKIP
        'Lumbricidae'
    """

    def __init__(
        self,
        root: str | Path,
        version: str = "2021_train",
        target_type: list[str] | str = "full",
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
        loader: Loader | None = None,
    ) -> None:
        self.version = verify_str_arg(version, "version", DATASET_URLS)
        super().__init__(os.path.join(root, version), transform=transform, target_transform=target_transform)
        of_2021 = version.startswith("2021")
        types = target_type if isinstance(target_type, list) else [target_type]
        valid = ("full", *(CATEGORIES_2021 if of_2021 else ("super",)))
        self.target_type = [verify_str_arg(kind, "target_type", valid) for kind in types]
        if download:
            self.download()
        if not self._check_exists():
            raise not_found("INaturalist", self.root)
        self.all_categories: list[str] = []
        self.categories_index: dict[str, dict[str, int]] = {}
        self.categories_map: list[dict[str, int]] = []
        if of_2021:
            self._init_2021()
        else:
            self._init_pre2021()
        self.index = [
            (label, name)
            for label, folder in enumerate(self.all_categories)
            for name in sorted(os.listdir(os.path.join(self.root, folder)))
        ]
        self.loader = loader

    def _init_2021(self) -> None:
        """The folders are named by number and all ranks: ``00000_Animalia_..._Lumbricus_terrestris``."""
        self.all_categories = sorted(os.listdir(self.root))
        self.categories_index = {rank: {} for rank in CATEGORIES_2021}
        for number, folder in enumerate(self.all_categories):
            parts = folder.split("_")
            if len(parts) != 8:
                raise corrupt(self.root, f"Unexpected category name {folder}, wrong number of pieces")
            if parts[0] != f"{number:05d}":
                raise corrupt(self.root, f"Unexpected category id {parts[0]}, expecting {number:05d}")
            found = {}
            for rank, name in zip(CATEGORIES_2021, parts[1:7], strict=True):
                known = self.categories_index[rank]
                found[rank] = known.setdefault(name, len(known))
            self.categories_map.append(found)

    def _init_pre2021(self) -> None:
        """The folders are a kind above species; of 2017 these are in alphabetical order, later they are numbers."""
        kinds = sorted(os.listdir(self.root))
        self.categories_index = {"super": {name: i for i, name in enumerate(kinds)}}
        found: dict[int, tuple[str, int]] = {}
        for above, kind in enumerate(kinds):
            for name in sorted(os.listdir(os.path.join(self.root, kind))):
                if self.version != "2017" and not (name.isascii() and name.isdecimal()):
                    raise corrupt(self.root, f"Unexpected non-numeric dir name: {name}")
                number = len(found) if self.version == "2017" else int(name)
                if number in found:
                    raise corrupt(self.root, f"Duplicate category {name}")
                found[number] = (os.path.join(kind, name), above)
        for number in range(len(found)):
            if number not in found:
                raise corrupt(self.root, f"Missing category {number}")
            folder, above = found[number]
            self.all_categories.append(folder)
            self.categories_map.append({"super": above})

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        label, name = self.index[index]
        path = os.path.join(self.root, self.all_categories[label], name)
        image = as_it_is(path) if self.loader is None else self.loader(path)
        found = [label if kind == "full" else self.categories_map[label][kind] for kind in self.target_type]
        return self._sample(image, lone(found))

    def __len__(self) -> int:
        return len(self.index)

    def category_name(self, category_type: str, category_id: int) -> str:
        """The name that a target stands for.

        Args:
            category_type: one of the types of targets.
            category_id: the target.

        Raises:
            ArgumentError: there is no such type, or no such target of it.
        """
        if category_type == "full":
            return self.all_categories[category_id]
        if category_type not in self.categories_index:
            raise ArgumentError(f"Invalid category type '{category_type}'")
        for name, number in self.categories_index[category_type].items():
            if number == category_id:
                return name
        raise ArgumentError(f"Invalid category id {category_id} for {category_type}")

    def _check_exists(self) -> bool:
        return os.path.isdir(self.root) and len(os.listdir(self.root)) > 0

    def download(self) -> None:
        """Downloads and unpacks the archive, unless that has been done."""
        if self._check_exists():
            return
        above, url = os.path.dirname(self.root), DATASET_URLS[self.version]
        download_and_extract_archive(url, above, filename=f"{self.version}.tgz", md5=DATASET_MD5[self.version])
        unpacked = os.path.join(above, os.path.basename(url).removesuffix(".tar.gz"))
        if not os.path.isdir(unpacked):
            raise corrupt(os.path.join(above, f"{self.version}.tgz"), f"there is no folder {unpacked} in it")
        if os.path.isdir(self.root):
            os.rmdir(self.root)  # empty
        os.rename(unpacked, self.root)
