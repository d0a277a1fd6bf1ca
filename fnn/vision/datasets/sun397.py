"""SUN397: scenes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fnn.vision.datasets._pictures import LabelledFiles, Loader, not_found
from fnn.vision.datasets.folder import default_loader
from fnn.vision.datasets.utils import corrupt, download_and_extract_archive

__all__ = ["SUN397"]


class SUN397(LabelledFiles):
    """108,754 pictures of 397 kinds of scenes (https://vision.princeton.edu/projects/2010/SUN/).

    A sample is (PIL image of mode RGB, int).

    Args:
        root: the folder above ``SUN397``.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download and unpack the archive, unless it has been.
        loader: from path to picture.

    Attributes:
        classes: the names of the scenes.
        class_to_idx: from name to target.

    Raises:
        ArgumentError: the files are not there.
        fnn.serialization.CorruptFileError: a picture is in a folder that is no scene.

    Example:
        >>> from fnn.vision import datasets
        >>> image, scene = datasets.SUN397("data", download=True)[0]  # doctest: +SKIP
    """

    _DATASET_URL = "http://vision.princeton.edu/projects/2010/SUN/SUN397.tar.gz"
    _DATASET_MD5 = "8ca2778205c41d23104230ba66911c7a"

    def __init__(
        self,
        root: str | Path,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(root, transform, target_transform, loader)
        folder = Path(self.root) / "SUN397"
        if download and not folder.is_dir():
            download_and_extract_archive(self._DATASET_URL, self.root, md5=self._DATASET_MD5)
        listed = folder / "ClassName.txt"
        if not listed.is_file():
            raise not_found("SUN397", folder)
        self.classes = [line[3:].strip() for line in listed.read_text().splitlines()]  # after "/a/"
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}
        self._image_files = sorted(folder.rglob("sun_*.jpg"))
        # A folder for each letter, in which are folders of scenes, of which some have folders for indoor and outdoor.
        names = ["/".join(file.relative_to(folder).parts[1:-1]) for file in self._image_files]
        unknown = sorted(set(names) - set(self.classes))
        if unknown:
            raise corrupt(listed, f"does not name the scene {unknown[0]!r}, which has a folder")
        self._labels = [self.class_to_idx[name] for name in names]
