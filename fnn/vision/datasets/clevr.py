"""CLEVR: how many things are in a picture."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fnn.vision.datasets._pictures import LabelledFiles, Loader, not_found
from fnn.vision.datasets.folder import default_loader
from fnn.vision.datasets.utils import corrupt, download_and_extract_archive, verify_str_arg

__all__ = ["CLEVRClassification"]


class CLEVRClassification(LabelledFiles):
    """Rendered scenes and the number of their objects (https://cs.stanford.edu/people/jcjohns/clevr/).

    A sample is (PIL image of mode RGB, int); in the part to test, whose numbers were not published, the target is None.

    Args:
        root: the folder above ``clevr/CLEVR_v1.0``.
        split: ``"train"``, ``"val"`` or ``"test"``.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download and unpack the archive, unless it has been.
        loader: from path to picture.

    Raises:
        ArgumentError: the files are not there.
        fnn.serialization.CorruptFileError: the scenes cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> scenes = datasets.CLEVRClassification("data", split="val", download=True)  # doctest: +SKIP
        >>> image, count = scenes[0]  # doctest: +SKIP
    """

    _URL = "https://dl.fbaipublicfiles.com/clevr/CLEVR_v1.0.zip"
    _MD5 = "b11922020e72d0cd9154779b2d3d07d2"

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
        loader: Loader = default_loader,
    ) -> None:
        self._split = verify_str_arg(split, "split", ("train", "val", "test"))
        super().__init__(root, transform, target_transform, loader)
        folder = Path(self.root) / "clevr"
        self._folder = folder / "CLEVR_v1.0"
        if download and not self._folder.is_dir():
            download_and_extract_archive(self._URL, folder, md5=self._MD5)
        if not self._folder.is_dir():
            raise not_found("CLEVRClassification", self._folder)
        self._image_files = sorted((self._folder / "images" / split).glob("*"))
        self._labels = [None] * len(self._image_files) if split == "test" else self._counts()

    def _counts(self) -> list[int]:
        said = self._folder / "scenes" / f"CLEVR_{self._split}_scenes.json"
        try:
            content = json.loads(said.read_text())
            counts = {scene["image_filename"]: len(scene["objects"]) for scene in content["scenes"]}
            return [counts[file.name] for file in self._image_files]
        except (ValueError, KeyError, TypeError) as error:
            raise corrupt(said, f"should be JSON with the scene of every picture ({error!r})") from error

    def extra_repr(self) -> str:
        """Which part it is."""
        return f"split={self._split}"
