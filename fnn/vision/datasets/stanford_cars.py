"""Stanford Cars."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fnn.errors import ArgumentError
from fnn.vision.datasets._mat import read_mat
from fnn.vision.datasets._pictures import Loader, below
from fnn.vision.datasets.folder import default_loader
from fnn.vision.datasets.utils import corrupt, verify_str_arg
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["StanfordCars"]


class StanfordCars(VisionDataset):
    """16,185 pictures of 196 models of cars (https://ai.stanford.edu/~jkrause/cars/car_dataset.html).

    A sample is (PIL image of mode RGB, int).

    Args:
        root: the folder above ``stanford_cars``.
        split: ``"train"`` or ``"test"``.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: is refused: the data set is no longer where it was published.
        loader: from path to picture.

    Attributes:
        classes: the names of the models.
        class_to_idx: from name to target.

    Raises:
        ArgumentError: the files are not there.
        fnn.serialization.CorruptFileError: a list cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> image, model = datasets.StanfordCars("data", split="test")[0]  # doctest: +SKIP
    """

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
        self._split = verify_str_arg(split, "split", ("train", "test"))
        folder = Path(self.root) / "stanford_cars"
        kit, pictures = folder / "devkit", folder / f"cars_{split}"
        listed = kit / "cars_train_annos.mat" if split == "train" else folder / "cars_test_annos_withlabels.mat"
        if download:
            self.download()
        if not (kit.is_dir() and listed.exists() and pictures.is_dir()):
            raise ArgumentError(
                "StanfordCars: dataset not found. It is no longer where it was published; put its files into "
                f"{folder}: {kit.name}, {pictures.name} and {listed.relative_to(folder)}"
            )
        named = kit / "cars_meta.mat"
        path = listed
        try:
            rows = read_mat(listed)["annotations"].ravel()
            said = [(str(row["fname"]), int(row["class"].item()) - 1) for row in rows]
            path = named
            self.classes = [str(name) for name in read_mat(named)["class_names"].ravel()]
        except (KeyError, ValueError, AttributeError, TypeError) as error:
            raise corrupt(path, f"not what it should hold ({error!r})") from error
        self._samples = [(str(below(pictures, name, listed)), label) for name, label in said]
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}
        self.loader = loader

    def __getitem__(self, idx: int) -> tuple[Any, Any]:
        path, label = self._samples[idx]
        return self._sample(self.loader(path), label)

    def __len__(self) -> int:
        return len(self._samples)

    def download(self) -> None:
        """Is refused.

        Raises:
            ArgumentError: always.
        """
        raise ArgumentError("The original URL is broken so the StanfordCars dataset cannot be downloaded anymore.")
