"""ImageNet's challenge of 2012."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from fnn.errors import ArgumentError
from fnn.vision.datasets._mat import read_mat
from fnn.vision.datasets.folder import ImageFolder
from fnn.vision.datasets.utils import check_integrity, corrupt, extract_archive, verify_str_arg

__all__ = ["ARCHIVE_META", "META_FILE", "ImageNet", "load_meta_file"]

ARCHIVE_META = {
    "train": ("ILSVRC2012_img_train.tar", "1d675b47d978889d74fa0da5fadfb00e"),
    "val": ("ILSVRC2012_img_val.tar", "29b22e2961454d5413ddabcf34fc5622"),
    "devkit": ("ILSVRC2012_devkit_t12.tar.gz", "fa75699e90414af021442c21a62c3abf"),
}
META_FILE = "meta.bin"  # of torchvision's making: the names of the classes, and those of the pictures to validate

Meta = tuple[dict[str, tuple[str, ...]], list[str]]


class ImageNet(ImageFolder):
    """1,281,167 pictures of 1,000 kinds to train on, and 50,000 to validate (https://image-net.org/).

    A sample is (PIL image of mode RGB, int).  The archives, which must be fetched by hand from the challenge's page
    (``ILSVRC2012_devkit_t12.tar.gz``, ``ILSVRC2012_img_train.tar``, ``ILSVRC2012_img_val.tar``), are unpacked at the
    first use.

    Args:
        root: the folder of the archives.
        split: ``"train"`` or ``"val"``.
        **kwargs: ``transform``, ``target_transform``, ``loader``, as of `ImageFolder`.

    Attributes:
        classes: the names of each kind, tuples.
        class_to_idx: from name to target.
        wnids: the kinds' numbers in WordNet.
        wnid_to_idx: from number to target.
        imgs: the paths and their targets.
        targets: the targets.

    Raises:
        ArgumentError: the archives are not there, or others than the published.
        fnn.serialization.CorruptFileError: an archive cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> images = datasets.ImageNet("data", split="val")  # doctest: +SKIP
        >>> images.classes[0]  # doctest: +SKIP
        ('tench', 'Tinca tinca')
    """

    def __init__(self, root: str | Path, split: str = "train", **kwargs: Any) -> None:
        root = self.root = os.path.expanduser(root)
        self.split = verify_str_arg(split, "split", ("train", "val"))
        self.parse_archives()
        names = load_meta_file(root)[0]
        super().__init__(self.split_folder, **kwargs)
        self.root = root
        self.wnids, self.wnid_to_idx = self.classes, self.class_to_idx
        unknown = sorted(set(self.wnids) - set(names))
        if unknown:
            raise corrupt(self.split_folder, f"{unknown[0]!r} is no kind that {META_FILE} names")
        kinds = [names[wnid] for wnid in self.wnids]
        self.classes: list[Any] = kinds
        self.class_to_idx = {name: i for i, named in enumerate(kinds) for name in named}

    def parse_archives(self) -> None:
        """Unpacks the archives, unless that has been done."""
        if not check_integrity(os.path.join(self.root, META_FILE)):
            parse_devkit_archive(self.root)
        if not os.path.isdir(self.split_folder):
            (parse_train_archive if self.split == "train" else parse_val_archive)(self.root)

    @property
    def split_folder(self) -> str:
        """The folder of the pictures."""
        return os.path.join(self.root, self.split)

    def extra_repr(self) -> str:
        """Which part it is."""
        return f"Split: {self.split}"


def load_meta_file(root: str | Path, file: str | None = None) -> Meta:
    """The names of the kinds by their numbers in WordNet, and the numbers of the pictures to validate, in order.

    Args:
        root: the folder of the archives.
        file: the name of the file; default: ``meta.bin``.

    Raises:
        ArgumentError: it is not there.
    """
    path = os.path.join(root, META_FILE if file is None else file)
    if not check_integrity(path):
        raise ArgumentError(
            f"The meta file {path} is not present in the root directory or is corrupted. "
            "This file is automatically created by the ImageNet dataset."
        )
    from fnn.serialization import load  # only now: it brings JAX

    return load(path, weights_only=True)


def _archive(root: str | Path, kind: str, file: str | None) -> Path:
    name, md5 = ARCHIVE_META[kind]
    path = Path(root) / (file or name)
    if not check_integrity(path, md5):
        raise ArgumentError(
            f"The archive {path.name} is not present in the root directory or is corrupted. "
            f"You need to download it externally and place it in {root}."
        )
    return path


def parse_devkit_archive(root: str | Path, file: str | None = None) -> None:
    """Makes ``meta.bin`` of the development kit.

    Args:
        root: the folder of the archives.
        file: the archive's name; default: the published one.
    """
    archive = _archive(root, "devkit", file)
    with tempfile.TemporaryDirectory() as folder:
        extract_archive(archive, folder)
        data = Path(folder) / "ILSVRC2012_devkit_t12" / "data"
        try:
            synsets = read_mat(data / "meta.mat")["synsets"].ravel()
            leaves = [kind for kind in synsets if int(kind["num_children"].item()) == 0]
            wnids = {int(kind["ILSVRC2012_ID"].item()): str(kind["WNID"]) for kind in leaves}
            names = {str(kind["WNID"]): tuple(str(kind["words"]).split(", ")) for kind in leaves}
            lines = (data / "ILSVRC2012_validation_ground_truth.txt").read_text().split()
            validated = [wnids[int(line)] for line in lines]
        except (KeyError, ValueError, AttributeError, OSError) as error:
            raise corrupt(archive, f"not what the development kit should hold ({error!r})") from error
    from fnn.serialization import save  # only now: it brings JAX

    save((names, validated), os.path.join(root, META_FILE))


def parse_train_archive(root: str | Path, file: str | None = None, folder: str = "train") -> None:
    """Unpacks the pictures to train on: an archive of an archive for each kind.

    Args:
        root: the folder of the archives.
        file: the archive's name; default: the published one.
        folder: where to unpack it.
    """
    archive, target = _archive(root, "train", file), Path(root) / folder
    extract_archive(archive, target)
    for inner in sorted(target.iterdir()):
        extract_archive(inner, target / inner.stem, remove_finished=True)


def parse_val_archive(
    root: str | Path, file: str | None = None, wnids: list[str] | None = None, folder: str = "val"
) -> None:
    """Unpacks the pictures to validate, and puts each into the folder of its kind.

    Args:
        root: the folder of the archives.
        file: the archive's name; default: the published one.
        wnids: the kinds of the pictures, in the order of their names; default: what ``meta.bin`` says.
        folder: where to unpack it.
    """
    wnids = load_meta_file(root)[1] if wnids is None else wnids
    archive, target = _archive(root, "val", file), Path(root) / folder
    extract_archive(archive, target)
    images = sorted(target.iterdir())
    for wnid in set(wnids):
        (target / wnid).mkdir()
    for wnid, image in zip(wnids, images, strict=False):
        shutil.move(image, target / wnid / image.name)
