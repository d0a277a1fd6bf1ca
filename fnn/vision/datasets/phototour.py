"""Photo Tourism: pieces of photographs that show one point, or two."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fnn.vision.datasets._pictures import as_it_is, not_found
from fnn.vision.datasets.utils import corrupt, download_url, extract_archive, verify_str_arg
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["PhotoTour"]

_BROWN, _BALNTAS = "http://matthewalunbrown.com/patchdata/", "http://icvl.ee.ic.ac.uk/vbalnt/"


class PhotoTour(VisionDataset):
    """Pieces of photographs, 64x64, grey (http://matthewalunbrown.com/patchdata/patchdata.html).

    A sample to train on is a piece, an array (64, 64) of numpy, uint8; one to test is (piece, another one, 1 or 0: do
    both show the same point?).  What was read is stored beside the pictures, as torchvision stores it.

    Args:
        root: the folder above the one that is named like the scene.
        name: ``"notredame"``, ``"yosemite"``, ``"liberty"``, or one of these with ``_harris``.
        train: the pieces, or pairs of them.
        transform: a function of a piece.
        download: download and unpack the archive, unless it has been.

    Attributes:
        data: the pieces, (N, 64, 64).
        labels: the point that each shows, (N,), int64.
        matches: pairs, and whether both are of one point, (M, 3), int64.
        mean: of all pixels of the scene, from 0 to 1.
        std: their standard deviation.

    Raises:
        ArgumentError: the files are not there, or no scene has the name.
        fnn.serialization.CorruptFileError: a list cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> pairs = datasets.PhotoTour("data", "liberty", train=False, download=True)  # doctest: +SKIP
        >>> first, second, same = pairs[0]  # doctest: +SKIP
    """

    urls: ClassVar[dict[str, list[str]]] = {
        "notredame_harris": [f"{_BROWN}notredame_harris.zip", "69f8c90f78e171349abdf0307afefe4d"],
        "yosemite_harris": [f"{_BROWN}yosemite_harris.zip", "a73253d1c6fbd3ba2613c45065c00d46"],
        "liberty_harris": [f"{_BROWN}liberty_harris.zip", "c731fcfb3abb4091110d0ae8c7ba182c"],
        "notredame": [f"{_BALNTAS}notredame.zip", "509eda8535847b8c0a90bbb210c83484"],
        "yosemite": [f"{_BALNTAS}yosemite.zip", "533b2e8eb7ede31be40abc317b2fd4f0"],
        "liberty": [f"{_BALNTAS}liberty.zip", "fdd9152f138ea5ef2091746689176414"],
    }
    means: ClassVar[dict[str, float]] = {"notredame": 0.4854, "yosemite": 0.4844, "liberty": 0.4437}
    means |= {f"{name}_harris": mean for name, mean in means.items()}
    stds: ClassVar[dict[str, float]] = {"notredame": 0.1864, "yosemite": 0.1818, "liberty": 0.2019}
    stds |= {f"{name}_harris": std for name, std in stds.items()}
    lens: ClassVar[dict[str, int]] = {
        "notredame": 468159,
        "yosemite": 633587,
        "liberty": 450092,
        "liberty_harris": 379587,
        "yosemite_harris": 450912,
        "notredame_harris": 325295,
    }
    image_ext = "bmp"
    info_file = "info.txt"
    matches_files = "m50_100000_100000_0.txt"

    def __init__(
        self,
        root: str | Path,
        name: str,
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform)
        self.name = verify_str_arg(name, "name", self.urls)
        self.data_dir, self.data_down, self.data_file = (
            os.path.join(self.root, name + end) for end in ("", ".zip", ".pt")
        )
        self.train = train
        self.mean, self.std = self.means[name], self.stds[name]
        if download:
            self.download()
        if not self._check_datafile_exists():
            if not os.path.isdir(self.data_dir):
                raise not_found("PhotoTour", self.data_dir)
            self.cache()
        from fnn.serialization import load  # only now: it brings JAX

        self.data, self.labels, self.matches = map(np.asarray, load(self.data_file, weights_only=True))

    def __getitem__(self, index: int) -> Any:
        look = self.transform or (lambda piece: piece)
        if self.train:
            return look(self.data[index])
        first, second, same = self.matches[index]
        return look(self.data[first]), look(self.data[second]), same

    def __len__(self) -> int:
        return len(self.data if self.train else self.matches)

    def _check_datafile_exists(self) -> bool:
        return os.path.exists(self.data_file)

    def download(self) -> None:
        """Downloads and unpacks the archive, unless that has been done."""
        if self._check_datafile_exists() or os.path.isdir(self.data_dir):
            return
        url, md5 = self.urls[self.name]
        download_url(url, self.root, os.path.basename(self.data_down), md5)
        extract_archive(self.data_down, self.data_dir, remove_finished=True)

    def cache(self) -> None:
        """Stores what the files say as one."""
        from fnn.serialization import save  # only now: it brings JAX

        folder = Path(self.data_dir)
        pieces = _pieces(folder, self.image_ext)[: self.lens[self.name]]
        labels = np.array([row[0] for row in _numbers(folder / self.info_file, (0,))], np.int64)
        rows = _numbers(folder / self.matches_files, (0, 1, 3, 4))
        matches = np.array([[first, second, one == other] for first, one, second, other in rows], np.int64)
        save((pieces, labels, matches), self.data_file)

    def extra_repr(self) -> str:
        """Which part it is."""
        return f"Split: {'Train' if self.train is True else 'Test'}"


def _pieces(folder: Path, end: str) -> np.ndarray:
    """Those of all pictures, each cut row by row."""
    found = []
    for file in sorted(path for path in folder.iterdir() if path.name.endswith(end)):
        pixels = np.asarray(as_it_is(file), np.uint8)
        if pixels.ndim != 2 or pixels.shape[0] % 64 or pixels.shape[1] % 64:
            raise corrupt(file, f"should be a grey picture of pieces of 64x64, found shape {pixels.shape}")
        rows, columns = pixels.shape[0] // 64, pixels.shape[1] // 64
        found.append(pixels.reshape(rows, 64, columns, 64).swapaxes(1, 2).reshape(-1, 64, 64))
    return np.concatenate(found)


def _numbers(file: Path, columns: tuple[int, ...]) -> list[list[int]]:
    found = []
    for number, line in enumerate(file.read_text().splitlines(), 1):
        cells = line.split()
        try:
            found.append([int(cells[i]) for i in columns])
        except (ValueError, IndexError) as error:
            raise corrupt(file, f"line {number} should have integers in columns {columns}, found {line!r}") from error
    return found
