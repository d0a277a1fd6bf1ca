"""Imagenette: ten easy kinds of ImageNet."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fnn.vision.datasets._pictures import Loader, not_found
from fnn.vision.datasets.folder import default_loader, find_classes, make_dataset
from fnn.vision.datasets.utils import download_and_extract_archive, verify_str_arg
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["Imagenette"]


class Imagenette(VisionDataset):
    """Pictures of ten kinds that are easily told apart (https://github.com/fastai/imagenette).

    A sample is (PIL image of mode RGB, int).

    Args:
        root: the folder above ``imagenette2``, ``imagenette2-320`` or ``imagenette2-160``.
        split: ``"train"`` or ``"val"``.
        size: ``"full"``, or of the shorter side: ``"320px"`` or ``"160px"``.
        download: download and unpack the archive, unless it has been.
        transform: a function of the picture.
        target_transform: a function of the target.
        loader: from path to picture.

    Attributes:
        classes: the names of each kind, tuples.
        class_to_idx: from name to target.
        wnids: the kinds' numbers in WordNet.
        wnid_to_idx: from number to target.

    Raises:
        ArgumentError: the files are not there.

    Example:
        >>> from fnn.vision import datasets
        >>> things = datasets.Imagenette("data", "val", "160px", download=True)  # doctest: +SKIP
        >>> things.classes[0]  # doctest: +SKIP
        ('tench', 'Tinca tinca')
    """

    _ARCHIVES = {  # noqa: RUF012
        "full": ("imagenette2", "fe2fc210e6bb7c5664d602c3cd71e612"),
        "320px": ("imagenette2-320", "3df6f0d01a2c9592104656642f5e78a3"),
        "160px": ("imagenette2-160", "e793b78cc4c9e9a4ccc0c1155377a412"),
    }
    _WNID_TO_CLASS = {  # noqa: RUF012
        "n01440764": ("tench", "Tinca tinca"),
        "n02102040": ("English springer", "English springer spaniel"),
        "n02979186": ("cassette player",),
        "n03000684": ("chain saw", "chainsaw"),
        "n03028079": ("church", "church building"),
        "n03394916": ("French horn", "horn"),
        "n03417042": ("garbage truck", "dustcart"),
        "n03425413": ("gas pump", "gasoline pump", "petrol pump", "island dispenser"),
        "n03445777": ("golf ball",),
        "n03888257": ("parachute", "chute"),
    }

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        size: str = "full",
        download: bool = False,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self._split = verify_str_arg(split, "split", ("train", "val"))
        self._size = verify_str_arg(size, "size", self._ARCHIVES)
        name, md5 = self._ARCHIVES[size]
        folder = Path(self.root) / name
        if download and not folder.exists():
            url = f"https://s3.amazonaws.com/fast-ai-imageclas/{name}.tgz"
            download_and_extract_archive(url, self.root, md5=md5)
        if not folder.exists():
            raise not_found("Imagenette", folder)
        pictures = str(folder / split)
        self.wnids, self.wnid_to_idx = find_classes(pictures)
        self.classes = [self._WNID_TO_CLASS[wnid] for wnid in self.wnids]
        self.class_to_idx = {name: i for i, names in enumerate(self.classes) for name in names}
        self._samples = make_dataset(pictures, self.wnid_to_idx, extensions=".jpeg")
        self.loader = loader

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, label = self._samples[index]
        return self._sample(self.loader(path), label)

    def __len__(self) -> int:
        return len(self._samples)
