"""FGVC Aircraft."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fnn.vision.datasets._pictures import LabelledFiles, Loader, below, not_found
from fnn.vision.datasets.folder import default_loader
from fnn.vision.datasets.utils import corrupt, download_and_extract_archive, verify_str_arg

__all__ = ["FGVCAircraft"]

_NAMES = {"variant": "variants.txt", "family": "families.txt", "manufacturer": "manufacturers.txt"}


class FGVCAircraft(LabelledFiles):
    """Aircraft: 100 variants of 70 families by 30 manufacturers (https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/).

    A sample is (PIL image of mode RGB, int).

    Args:
        root: the folder above ``fgvc-aircraft-2013b``.
        split: ``"train"``, ``"val"``, ``"trainval"`` or ``"test"``.
        annotation_level: what the target is: ``"variant"``, ``"family"`` or ``"manufacturer"``.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download and unpack the archive, unless it has been.
        loader: from path to picture.

    Attributes:
        classes: the names of the targets.
        class_to_idx: from name to target.

    Raises:
        ArgumentError: the files are not there.
        fnn.serialization.CorruptFileError: a list cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> planes = datasets.FGVCAircraft("data", annotation_level="family", download=True)  # doctest: +SKIP
        >>> image, family = planes[0]  # doctest: +SKIP
    """

    _URL = "https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/archives/fgvc-aircraft-2013b.tar.gz"

    def __init__(
        self,
        root: str | Path,
        split: str = "trainval",
        annotation_level: str = "variant",
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(root, transform, target_transform, loader)
        self._split = verify_str_arg(split, "split", ("train", "val", "trainval", "test"))
        self._annotation_level = verify_str_arg(annotation_level, "annotation_level", _NAMES)
        folder = Path(self.root) / "fgvc-aircraft-2013b"
        if download and not folder.is_dir():
            download_and_extract_archive(self._URL, self.root)
        if not folder.is_dir():
            raise not_found("FGVCAircraft", folder)
        data = folder / "data"
        self.classes = [line.strip() for line in (data / _NAMES[annotation_level]).read_text().splitlines()]
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}
        listed = data / f"images_{annotation_level}_{split}.txt"
        said = [line.strip().partition(" ") for line in listed.read_text().splitlines()]
        unknown = sorted({name for _, _, name in said} - set(self.classes))
        if unknown:
            raise corrupt(listed, f"{unknown[0]!r} is none of the names in {_NAMES[annotation_level]}")
        self._labels = [self.class_to_idx[name] for _, _, name in said]
        self._image_files = [below(data / "images", f"{file}.jpg", listed) for file, _, _ in said]
