"""Labeled Faces in the Wild."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from fnn.errors import ArgumentError
from fnn.vision.datasets._pictures import Loader, below
from fnn.vision.datasets.folder import default_loader
from fnn.vision.datasets.utils import check_integrity, corrupt, verify_str_arg
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["LFWPairs", "LFWPeople"]


class _LFW(VisionDataset):
    """Faces, in folders of people, and a list of people or of pairs.

    Args:
        root: the folder above ``lfw-py``.
        split: ``"10fold"``, ``"train"`` or ``"test"``.
        image_set: how the faces are turned upright: ``"original"``, ``"funneled"`` or ``"deepfunneled"``.
        transform: a function of a picture.
        target_transform: a function of the target.
        download: is refused: the data set cannot be downloaded by programs any longer.
        loader: from path to picture.
    """

    base_folder = "lfw-py"
    file_dict: ClassVar[dict[str, tuple[str, str, str]]] = {
        "original": ("lfw", "lfw.tgz", "a17d05bd522c52d84eca14327a23d494"),
        "funneled": ("lfw_funneled", "lfw-funneled.tgz", "1b42dfed7d15c9b2dd63d5e5840c86ad"),
        "deepfunneled": ("lfw-deepfunneled", "lfw-deepfunneled.tgz", "68331da3eb755a505a502b5aacb3c201"),
    }
    checksums: ClassVar[dict[str, str]] = {
        "pairs.txt": "9f1ba174e4e1c508ff7cdf10ac338a7d",
        "pairsDevTest.txt": "5132f7440eb68cf58910c8a45a2ac10b",
        "pairsDevTrain.txt": "4f27cbf15b2da4a85c1907eb4181ad21",
        "people.txt": "450f0863dd89e85e73936a6d71a3474b",
        "peopleDevTest.txt": "e4bf5be0a43b5dcd9dc5ccfcb8fb19c5",
        "peopleDevTrain.txt": "54eaac34beb6d042ed3a7d883e247a21",
        "lfw-names.txt": "a6d0a479bd074669f656265a6e693f6d",
    }
    annot_file: ClassVar[dict[str, str]] = {"10fold": "", "train": "DevTrain", "test": "DevTest"}
    names = "lfw-names.txt"

    def __init__(
        self,
        root: str | Path,
        split: str,
        image_set: str,
        view: str,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(os.path.join(root, self.base_folder), transform=transform, target_transform=target_transform)
        self.image_set = verify_str_arg(image_set.lower(), "image_set", self.file_dict)
        images_dir, self.filename, self.md5 = self.file_dict[self.image_set]
        self.view = view
        self.split = verify_str_arg(split.lower(), "split", self.annot_file)
        self.labels_file = f"{view}{self.annot_file[self.split]}.txt"
        self.data: list[Any] = []
        if download:
            raise ArgumentError(
                f"{type(self).__name__}: LFW dataset is no longer available for automatic download. Please download "
                f"{self.filename}, {self.labels_file} and {self.names} by hand, and put them, unpacked and as they "
                f"are, into {self.root}"
            )
        if not self._check_integrity():
            raise ArgumentError(
                f"{type(self).__name__}: dataset not found or corrupted. It cannot be downloaded by programs any "
                f"longer: put {self.filename}, {self.labels_file} and {self.names} into {self.root}, and unpack the "
                "first there"
            )
        self.images_dir = os.path.join(self.root, images_dir)
        self._loader = loader

    def _check_integrity(self) -> bool:
        files = {self.filename: self.md5, self.labels_file: self.checksums[self.labels_file]}
        if self.view == "people":
            files[self.names] = self.checksums[self.names]
        return all(check_integrity(os.path.join(self.root, name), md5) for name, md5 in files.items())

    def _lines(self, name: str) -> list[list[str]]:
        return [line.strip().split("\t") for line in (Path(self.root) / name).read_text().splitlines()]

    def _get_path(self, identity: str, no: int | str) -> str:
        listed = Path(self.root) / self.labels_file
        return str(below(Path(self.images_dir), f"{identity}/{identity}_{int(no):04d}.jpg", listed))

    def __len__(self) -> int:
        return len(self.data)

    def extra_repr(self) -> str:
        """Which pictures, and which part of them."""
        return f"Alignment: {self.image_set}\nSplit: {self.split}"


class LFWPeople(_LFW):
    """Faces, 250x250, and who it is (http://vis-www.cs.umass.edu/lfw/).

    A sample is (PIL image of mode RGB, int).

    Args:
        root: the folder above ``lfw-py``.
        split: ``"10fold"``, ``"train"`` or ``"test"``.
        image_set: how the faces are turned upright: ``"original"``, ``"funneled"`` or ``"deepfunneled"``.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: is refused: the data set cannot be downloaded by programs any longer.
        loader: from path to picture.

    Attributes:
        class_to_idx: from name to target.
        data: the paths of the pictures.
        targets: the targets.

    Raises:
        ArgumentError: the files are not there.
        fnn.serialization.CorruptFileError: the list of people cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> image, person = datasets.LFWPeople("data", split="train")[0]  # doctest: +SKIP
    """

    def __init__(
        self,
        root: str | Path,
        split: str = "10fold",
        image_set: str = "funneled",
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(root, split, image_set, "people", transform, target_transform, download, loader)
        lines = (Path(self.root) / self.names).read_text().splitlines()
        self.class_to_idx = {line.split()[0]: i for i, line in enumerate(lines) if line.strip()}
        self.data, self.targets = self._get_people()

    def _get_people(self) -> tuple[list[str], list[int]]:
        lines = self._lines(self.labels_file)
        data: list[str] = []
        targets: list[int] = []
        try:
            folds, at = (int(lines[0][0]), 1) if self.split == "10fold" else (1, 0)
            for _ in range(folds):
                count = int(lines[at][0])
                for identity, pictures in (lines[i] for i in range(at + 1, at + 1 + count)):
                    data += [self._get_path(identity, number) for number in range(1, int(pictures) + 1)]
                    targets += [self.class_to_idx[identity]] * int(pictures)
                at += count + 1
        except (ValueError, IndexError, KeyError) as error:
            where = os.path.join(self.root, self.labels_file)
            raise corrupt(where, f"should be numbers of people, and these ({error!r})") from error
        return data, targets

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._sample(self._loader(self.data[index]), self.targets[index])

    def extra_repr(self) -> str:
        """Which pictures, which part of them, and of how many people."""
        return f"{super().extra_repr()}\nClasses (identities): {len(self.class_to_idx)}"


class LFWPairs(_LFW):
    """Two faces, and whether they are one person's (http://vis-www.cs.umass.edu/lfw/).

    A sample is (PIL image of mode RGB, another one, 1 or 0).

    Args:
        root: the folder above ``lfw-py``.
        split: ``"10fold"``, ``"train"`` or ``"test"``.
        image_set: how the faces are turned upright: ``"original"``, ``"funneled"`` or ``"deepfunneled"``.
        transform: a function of a picture.
        target_transform: a function of the target.
        download: is refused: the data set cannot be downloaded by programs any longer.
        loader: from path to picture.

    Attributes:
        pair_names: the names of both people.
        data: the paths of both pictures.
        targets: the targets.

    Raises:
        ArgumentError: the files are not there.
        fnn.serialization.CorruptFileError: the list of pairs cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> first, second, same = datasets.LFWPairs("data", split="train")[0]  # doctest: +SKIP
    """

    def __init__(
        self,
        root: str | Path,
        split: str = "10fold",
        image_set: str = "funneled",
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(root, split, image_set, "pairs", transform, target_transform, download, loader)
        self.pair_names, self.data, self.targets = self._get_pairs()

    def _get_pairs(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]], list[int]]:
        lines = self._lines(self.labels_file)
        names: list[tuple[str, str]] = []
        data: list[tuple[str, str]] = []
        targets: list[int] = []
        try:
            folds, count = (int(lines[0][0]), int(lines[0][1])) if self.split == "10fold" else (1, int(lines[0][0]))
            for number in range(2 * folds * count):
                row = lines[1 + number]
                same = number // count % 2 == 0  # so many of one person, then so many of two
                if same:
                    name, first, second = row
                    row = [name, first, name, second]
                one, first, other, second = row
                names.append((one, other))
                data.append((self._get_path(one, first), self._get_path(other, second)))
                targets.append(int(same))
        except (ValueError, IndexError) as error:
            where = os.path.join(self.root, self.labels_file)
            raise corrupt(where, f"should be a number of pairs, and these ({error!r})") from error
        return names, data, targets

    def __getitem__(self, index: int) -> tuple[Any, Any, Any]:
        first, second = (self._loader(path) for path in self.data[index])
        if self.transform is not None:
            first, second = self.transform(first), self.transform(second)
        target = self.targets[index]
        return first, second, target if self.target_transform is None else self.target_transform(target)
