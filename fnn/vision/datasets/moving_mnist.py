"""Moving MNIST."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision.datasets._pictures import not_found
from fnn.vision.datasets.utils import corrupt, download_url, verify_str_arg
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["MovingMNIST"]


class MovingMNIST(VisionDataset):
    """10,000 films of two digits that move, 20 frames of 64x64 (http://www.cs.toronto.edu/~nitish/unsupervised_video/).

    A sample is an array (T, 1, 64, 64) of numpy, uint8.

    Args:
        root: the folder above ``MovingMNIST``.
        split: ``"train"``, the first frames of each film; ``"test"``, the others; None, all.
        split_ratio: how many frames are the first ones, from 1 to 19.
        download: download the file, unless it is there.
        transform: a function of the film.

    Attributes:
        data: the films, (10000, T, 1, 64, 64), uint8.

    Raises:
        ArgumentError: the file is not there; another ``split_ratio``.
        ArgumentTypeError: ``split_ratio`` is no integer.
        fnn.serialization.CorruptFileError: the file cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> films = datasets.MovingMNIST("data", split="train", download=True)  # doctest: +SKIP
        >>> films[0].shape  # doctest: +SKIP
        (10, 1, 64, 64)
    """

    _URL = "http://www.cs.toronto.edu/~nitish/unsupervised_video/mnist_test_seq.npy"

    def __init__(
        self,
        root: str | Path,
        split: str | None = None,
        split_ratio: int = 10,
        download: bool = False,
        transform: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__(root, transform=transform)
        if split is not None:
            verify_str_arg(split, "split", ("train", "test"))
        if not isinstance(split_ratio, int):
            raise ArgumentTypeError(f"`split_ratio` should be an integer, but got {type(split_ratio)}")
        if not 1 <= split_ratio <= 19:
            raise ArgumentError(f"`split_ratio` should be `1 <= split_ratio <= 19`, but got {split_ratio} instead.")
        self.split, self.split_ratio = split, split_ratio
        folder = os.path.join(self.root, type(self).__name__)
        file = os.path.join(folder, "mnist_test_seq.npy")
        if download and not os.path.exists(file):
            download_url(self._URL, folder, "mnist_test_seq.npy", "be083ec986bfe91a449d63653c411eb2")
        if not os.path.exists(file):
            raise not_found("MovingMNIST", folder)
        try:
            frames = np.load(file, allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise corrupt(file, f"no array of numpy ({error})") from error
        if frames.ndim != 4:
            raise corrupt(file, f"should be an array of frames (20, N, 64, 64), found shape {frames.shape}")
        parts = {"train": slice(split_ratio), "test": slice(split_ratio, None), None: slice(None)}
        self.data = np.ascontiguousarray(frames[parts[split]].swapaxes(0, 1)[:, :, None])

    def __getitem__(self, idx: int) -> Any:
        film = self.data[idx]
        return film if self.transform is None else self.transform(film)

    def __len__(self) -> int:
        return len(self.data)
