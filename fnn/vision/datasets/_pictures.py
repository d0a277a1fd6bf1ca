"""What data sets of picture files share: the files and their labels, and names that lists of files give."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from fnn.errors import ArgumentError
from fnn.vision._images import pillow
from fnn.vision.datasets.folder import default_loader
from fnn.vision.datasets.utils import corrupt
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["LabelledFiles", "as_it_is", "below", "lone", "not_found", "rows"]

Loader = Callable[[str | Path], Any]


def not_found(dataset: str, folder: object) -> ArgumentError:
    """The error of a data set whose files are not there."""
    return ArgumentError(
        f"{dataset}: dataset not found or corrupted. You can use download=True to download it, or put its files into "
        f"{os.fspath(str(folder))}"
    )


def below(folder: Path, name: str, source: Path) -> Path:
    """The file of a name that ``source`` gives, which may be anybody's.

    Raises:
        fnn.serialization.CorruptFileError: it would lie outside of the folder.
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or ".." in parts or parts[0] == "/" or ":" in parts[0] or "\0" in name:
        raise corrupt(source, f"refused: {name!r} would lie outside of {folder}")
    return folder.joinpath(*parts)


def lone(parts: Sequence[Any]) -> Any:
    """Several parts of a target as a tuple, a single one as it is."""
    return parts[0] if len(parts) == 1 else tuple(parts)


def rows(source: Path, fields: int, separator: str | None = None) -> list[list[str]]:
    """The lines of a text file, split into so many fields.

    Raises:
        fnn.serialization.CorruptFileError: a line has another number of fields.
    """
    found = []
    for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
        row = line.strip().split(separator)
        if len(row) != fields:
            raise corrupt(source, f"line {number} should have {fields} fields, found {line!r}")
        found.append(row)
    return found


def as_it_is(path: str | Path) -> Any:
    """The picture in a file, in the mode that it has."""
    with open(path, "rb") as file, pillow().open(file) as image:
        image.load()
        return image.copy()


class LabelledFiles(VisionDataset):
    """Picture files with a label each.

    Args:
        root: the folder of the files.
        transform: a function of the picture.
        target_transform: a function of the label.
        loader: from path to picture. Default: a PIL image of mode RGB.
    """

    _image_files: list[Path]
    _labels: Sequence[int | None]

    def __init__(
        self,
        root: str | Path,
        transform: Callable[[Any], Any] | None,
        target_transform: Callable[[Any], Any] | None,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.loader = loader

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._sample(self.loader(self._image_files[index]), self._labels[index])

    def __len__(self) -> int:
        return len(self._image_files)
