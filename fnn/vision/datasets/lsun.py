"""LSUN: rooms and buildings, in files of the Lightning Memory-Mapped Database."""

import bisect
import importlib
import io
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from fnn.errors import ArgumentError
from fnn.vision._images import pillow
from fnn.vision.datasets.utils import verify_str_arg
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["LSUN", "LSUNClass"]

_CATEGORIES = (
    "bedroom", "bridge", "church_outdoor", "classroom", "conference_room", "dining_room", "kitchen", "living_room",
    "restaurant", "tower",
)  # fmt: skip


class LSUNClass(VisionDataset):
    """The pictures of one kind, in the order of their keys.

    A sample is (PIL image of mode RGB, None).  The package ``lmdb`` reads the file.

    Args:
        root: the folder of the database.
        transform: a function of the picture.
        target_transform: a function of None.

    Attributes:
        keys: those of the pictures.

    Raises:
        ImportError: ``lmdb`` is not installed.
        ArgumentError: the folder is not there.

    Example:
        >>> from fnn.vision.datasets.lsun import LSUNClass
        >>> image, _ = LSUNClass("data/bedroom_val_lmdb")[0]  # doctest: +SKIP
    """

    def __init__(
        self,
        root: str | Path,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.root = str(self.root)
        self._env: Any = None
        with self.env.begin(write=False) as transaction:
            self.keys = list(transaction.cursor().iternext(keys=True, values=False))
        self.length = len(self.keys)

    @property
    def env(self) -> Any:
        """The database; each process opens it for itself."""
        if self._env is None or self._env[0] != os.getpid():
            if not os.path.isdir(self.root):
                raise ArgumentError(
                    f"LSUN: dataset not found. It cannot be downloaded by programs: put its folders into "
                    f"{os.path.dirname(self.root)}; {self.root} is missing"
                )
            opened = _lmdb().open(self.root, max_readers=1, readonly=True, lock=False, readahead=False, meminit=False)
            self._env = os.getpid(), opened
        return self._env[1]

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_env": None}

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        with self.env.begin(write=False) as transaction:
            content = transaction.get(self.keys[index])
        with pillow().open(io.BytesIO(content)) as image:
            return self._sample(image.convert("RGB"), None)

    def __len__(self) -> int:
        return self.length


class LSUN(VisionDataset):
    """Pictures of ten kinds of rooms and buildings (https://github.com/fyu/lsun).

    A sample is (PIL image of mode RGB, int).  The package ``lmdb`` reads the files.

    Args:
        root: the folder above ``bedroom_train_lmdb`` and the like.
        classes: ``"train"``, ``"val"`` or ``"test"``, of all kinds; or a list such as ``["bedroom_train"]``.
        transform: a function of the picture.
        target_transform: a function of the target.

    Attributes:
        classes: the names of the kinds.

    Raises:
        ImportError: ``lmdb`` is not installed.
        ArgumentError: no such kind; its folder is not there.

    Example:
        >>> from fnn.vision import datasets
        >>> image, kind = datasets.LSUN("data", ["bedroom_val", "tower_val"])[0]  # doctest: +SKIP
    """

    def __init__(
        self,
        root: str | Path,
        classes: str | Iterable[str] = "train",
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.classes = _named(classes)
        self.dbs = [LSUNClass(os.path.join(self.root, f"{name}_lmdb"), transform) for name in self.classes]
        self.indices: list[int] = []  # where each kind ends
        for database in self.dbs:
            self.indices.append((self.indices[-1] if self.indices else 0) + len(database))
        self.length = self.indices[-1] if self.indices else 0

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        label = bisect.bisect_right(self.indices, index)
        image, _ = self.dbs[label][index - (self.indices[label - 1] if label else 0)]
        return image, label if self.target_transform is None else self.target_transform(label)

    def __len__(self) -> int:
        return self.length

    def extra_repr(self) -> str:
        """Which kinds there are."""
        return f"Classes: {self.classes}"


def _named(classes: str | Iterable[str]) -> list[str]:
    parts = ("train", "val", "test")
    if isinstance(classes, str):
        part = verify_str_arg(classes, "classes", parts)
        return ["test"] if part == "test" else [f"{name}_{part}" for name in _CATEGORIES]
    if not isinstance(classes, Iterable):
        raise ArgumentError(f"Expected type str or Iterable for argument classes, but got type {type(classes)}.")
    names = list(classes)
    for name in names:
        text = f"Expected type str for elements in argument classes, but got type {type(name)}."
        kind, _, part = verify_str_arg(name, custom_msg=text).rpartition("_")
        verify_str_arg(kind, "LSUN class", _CATEGORIES)
        verify_str_arg(part, "postfix", parts)
    return names


def _lmdb() -> Any:
    try:
        return importlib.import_module("lmdb")
    except ImportError as error:
        raise ImportError("LSUN: the files are databases, which lmdb reads: pip install lmdb") from error
