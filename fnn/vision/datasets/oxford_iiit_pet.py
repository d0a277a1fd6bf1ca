"""The Oxford-IIIT pet data set."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fnn.vision.datasets._pictures import as_it_is, below, not_found, rows
from fnn.vision.datasets.folder import default_loader
from fnn.vision.datasets.utils import corrupt, download_and_extract_archive, verify_str_arg
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["OxfordIIITPet"]

_SERVER = "https://www.robots.ox.ac.uk/~vgg/data/pets/data/"


class OxfordIIITPet(VisionDataset):
    """Cats and dogs of 37 breeds (https://www.robots.ox.ac.uk/~vgg/data/pets/).

    A sample is (PIL image of mode RGB, target).

    Args:
        root: the folder above ``oxford-iiit-pet``.
        split: ``"trainval"`` or ``"test"``.
        target_types: ``"category"`` (the breed), ``"binary-category"`` (0: cat, 1: dog) or ``"segmentation"`` (a PIL
            image of mode L: 1 for the animal, 2 for what is around it, 3 for what is neither). Several of them make
            the target a tuple, none makes it None.
        transforms: a function of picture and target that returns both.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download what is not there.

    Attributes:
        classes: the names of the breeds.
        class_to_idx: from name to target.

    Raises:
        ArgumentError: the files are not there.
        fnn.serialization.CorruptFileError: the list of pictures cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> pets = datasets.OxfordIIITPet("data", target_types=["category", "segmentation"])  # doctest: +SKIP
        >>> image, (breed, mask) = pets[0]  # doctest: +SKIP
    """

    _RESOURCES = (
        (f"{_SERVER}images.tar.gz", "5c4f3ee8e5d25df40f4fd59a7f44e54c"),
        (f"{_SERVER}annotations.tar.gz", "95a8c909bbe2e81eed6a22bccdf3f68f"),
    )
    _VALID_TARGET_TYPES = ("category", "binary-category", "segmentation")

    def __init__(
        self,
        root: str | Path,
        split: str = "trainval",
        target_types: Sequence[str] | str = "category",
        transforms: Callable[[Any, Any], Any] | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transforms, transform, target_transform)
        self._split = verify_str_arg(split, "split", ("trainval", "test"))
        wanted = [target_types] if isinstance(target_types, str) else target_types
        self._target_types = [verify_str_arg(kind, "target_types", self._VALID_TARGET_TYPES) for kind in wanted]
        self._folder = Path(self.root) / "oxford-iiit-pet"
        self._folders = self._folder / "images", self._folder / "annotations"
        if download and not self._check_exists():
            for url, md5 in self._RESOURCES:
                download_and_extract_archive(url, self._folder, md5=md5)
        if not self._check_exists():
            raise not_found("OxfordIIITPet", self._folder)
        pictures, said = self._folders
        listed = said / f"{split}.txt"
        found = rows(listed, 4)
        try:
            self._labels, self._bin_labels = ([int(row[i]) - 1 for row in found] for i in (1, 2))
        except ValueError as error:
            raise corrupt(listed, str(error)) from error
        self._images = [below(pictures, f"{row[0]}.jpg", listed) for row in found]
        self._segs = [below(said / "trimaps", f"{row[0]}.png", listed) for row in found]
        breeds = {label: row[0].rpartition("_")[0] for row, label in zip(found, self._labels, strict=True)}
        self.classes = [" ".join(part.title() for part in breeds[label].split("_")) for label in sorted(breeds)]
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}
        self.bin_classes = ["Cat", "Dog"]
        self.bin_class_to_idx = {"Cat": 0, "Dog": 1}

    def _check_exists(self) -> bool:
        return all(folder.is_dir() for folder in self._folders)

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, idx: int) -> tuple[Any, Any]:
        kinds = {
            "category": lambda: self._labels[idx],
            "binary-category": lambda: self._bin_labels[idx],
            "segmentation": lambda: as_it_is(self._segs[idx]),
        }
        image, found = default_loader(self._images[idx]), tuple(kinds[kind]() for kind in self._target_types)
        target = None if not found else found[0] if len(found) == 1 else found
        return (image, target) if self.transforms is None else self.transforms(image, target)
