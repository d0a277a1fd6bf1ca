"""PatchCamelyon: tissue with and without metastases."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fnn.vision._images import pillow
from fnn.vision.datasets._pictures import not_found
from fnn.vision.datasets.utils import download_file_from_google_drive, extract_archive, verify_str_arg
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["PCAM"]


class PCAM(VisionDataset):
    """327,680 pieces of lymph nodes, 96x96, in colour (https://github.com/basveeling/pcam).

    A sample is (PIL image of mode RGB, 1 or 0: is there tumour tissue in the middle?).  The files are HDF5, which the
    package ``h5py`` reads.

    Args:
        root: the folder above ``pcam``.
        split: ``"train"``, ``"test"`` or ``"val"``.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: download and unpack the files, unless they have been.

    Raises:
        ImportError: ``h5py`` is not installed.
        ArgumentError: the files are not there.

    Example:
        >>> from fnn.vision import datasets
        >>> image, tumour = datasets.PCAM("data", split="val", download=True)[0]  # doctest: +SKIP
    """

    # For each part the name of a file, its number at Google Drive, its MD5 packed.
    _FILES = {  # noqa: RUF012
        "train": {
            "images": ("train_x.h5", "1Ka0XfEMiwgCYPdTI-vv6eUElOBnKFKQ2", "1571f514728f59376b705fc836ff4b63"),
            "targets": ("train_y.h5", "1269yhu3pZDP8UYFQs-NYs3FPwuK-nGSG", "35c2d7259d906cfc8143347bb8e05be7"),
        },
        "test": {
            "images": ("test_x.h5", "1qV65ZqZvWzuIVthK8eVDhIwrbnsJdbg_", "d8c2d60d490dbd479f8199bdfa0cf6ec"),
            "targets": ("test_y.h5", "17BHrSrwWKjYsOgTMmoqrIjDy6Fa2o_gP", "60a7035772fbdb7f34eb86d4420cf66a"),
        },
        "val": {
            "images": ("valid_x.h5", "1hgshYGWK8V-eGRy8LToWJJgDU_rXWVJ3", "d5b63470df7cfa627aeec8b9dc0c066e"),
            "targets": ("valid_y.h5", "1bH8ZRbhSVAhScTS0p9-ZzGnX91cHT3uO", "2b85f58b927af9964a4c15b8f7e8f179"),
        },
    }

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        _h5py()
        self._split = verify_str_arg(split, "split", ("train", "test", "val"))
        super().__init__(root, transform=transform, target_transform=target_transform)
        self._folder = Path(self.root) / "pcam"
        if download:
            self._download()
        if not self._check_exists():
            raise not_found("PCAM", self._folder)

    def _file(self, kind: str) -> Path:
        return self._folder / f"camelyonpatch_level_2_split_{self._FILES[self._split][kind][0]}"

    def _check_exists(self) -> bool:
        return all(self._file(kind).exists() for kind in ("images", "targets"))

    def _download(self) -> None:
        if self._check_exists():
            return
        for kind, (_, number, md5) in self._FILES[self._split].items():
            packed = f"{self._file(kind).name}.gz"
            download_file_from_google_drive(number, self._folder, packed, md5)
            extract_archive(self._folder / packed)

    def __len__(self) -> int:
        with _h5py().File(self._file("images")) as images:
            return images["x"].shape[0]

    def __getitem__(self, idx: int) -> tuple[Any, Any]:
        with _h5py().File(self._file("images")) as images:
            image = pillow().fromarray(images["x"][idx]).convert("RGB")
        with _h5py().File(self._file("targets")) as targets:  # (N, 1, 1, 1)
            target = int(targets["y"][idx, 0, 0, 0])
        return self._sample(image, target)


def _h5py() -> Any:
    try:
        return importlib.import_module("h5py")
    except ImportError as error:
        raise ImportError("PCAM: the files are HDF5, which h5py reads: pip install h5py") from error
