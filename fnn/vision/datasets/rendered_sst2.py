"""Rendered SST2: sentences to be read from pictures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fnn.vision.datasets._pictures import Loader, not_found
from fnn.vision.datasets.folder import default_loader, make_dataset
from fnn.vision.datasets.utils import download_and_extract_archive, verify_str_arg
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["RenderedSST2"]

_FOLDERS = {"train": "train", "val": "valid", "test": "test"}


class RenderedSST2(VisionDataset):
    """Pictures of sentences about films (https://github.com/openai/CLIP/blob/main/data/rendered-sst2.md).

    A sample is (PIL image of mode RGB, 1 or 0: does the film please?).

    Args:
        root: the folder above ``rendered-sst2``.
        split: ``"train"``, ``"val"`` or ``"test"``.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download and unpack the archive, unless it has been.
        loader: from path to picture.

    Raises:
        ArgumentError: the files are not there.

    Example:
        >>> from fnn.vision import datasets
        >>> image, pleases = datasets.RenderedSST2("data", split="val", download=True)[0]  # doctest: +SKIP
    """

    _URL = "https://openaipublic.azureedge.net/clip/data/rendered-sst2.tgz"
    _MD5 = "2384d08e9dcfa4bd55b324e610496ee5"

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self._split = verify_str_arg(split, "split", _FOLDERS)
        folder = Path(self.root) / "rendered-sst2" / _FOLDERS[split]
        self.classes = ["negative", "positive"]
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}
        if download and not self._check_exists(folder):
            download_and_extract_archive(self._URL, self.root, md5=self._MD5)
        if not self._check_exists(folder):
            raise not_found("RenderedSST2", folder)
        self._samples = make_dataset(folder, extensions=("png",))
        self.loader = loader

    def _check_exists(self, folder: Path) -> bool:
        return all((folder / name).is_dir() for name in self.classes)

    def __getitem__(self, idx: int) -> tuple[Any, Any]:
        path, label = self._samples[idx]
        return self._sample(self.loader(path), label)

    def __len__(self) -> int:
        return len(self._samples)

    def extra_repr(self) -> str:
        """Which part it is."""
        return f"split={self._split}"
