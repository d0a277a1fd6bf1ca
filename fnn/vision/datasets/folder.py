"""Data sets that are folders: a folder for each class, a file for each sample."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fnn.errors import ArgumentError
from fnn.vision._images import pillow
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["IMG_EXTENSIONS", "DatasetFolder", "ImageFolder", "default_loader", "find_classes", "make_dataset"]

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")

Extensions = str | tuple[str, ...] | None
Valid = Callable[[str], bool] | None


def has_file_allowed_extension(filename: str, extensions: str | tuple[str, ...]) -> bool:
    """Whether a name ends in one of ``extensions``, in capitals or not.

    >>> has_file_allowed_extension("a.PNG", IMG_EXTENSIONS)
    True
    """
    return filename.lower().endswith(extensions if isinstance(extensions, str) else tuple(extensions))


def is_image_file(filename: str) -> bool:
    """Whether a name ends as one of a picture."""
    return has_file_allowed_extension(filename, IMG_EXTENSIONS)


def find_classes(directory: str | Path) -> tuple[list[str], dict[str, int]]:
    """The names of the folders in a folder, sorted, and from name to place.

    Raises:
        FileNotFoundError: there is none.
    """
    with os.scandir(directory) as entries:
        classes = sorted(entry.name for entry in entries if entry.is_dir())
    if not classes:
        raise FileNotFoundError(f"Couldn't find any class folder in {directory}.")
    return classes, {name: i for i, name in enumerate(classes)}


def make_dataset(
    directory: str | Path,
    class_to_idx: dict[str, int] | None = None,
    extensions: Extensions = None,
    is_valid_file: Valid = None,
    allow_empty: bool = False,
) -> list[tuple[str, int]]:
    """The paths of all samples, sorted within their classes, and their targets.

    Args:
        directory: the folder of the folders.
        class_to_idx: from folder to target; default: of `find_classes`.
        extensions: the ends of the names of samples.
        is_valid_file: or a function that says whether a path is a sample.
        allow_empty: let a class have no samples.

    Raises:
        ArgumentError: an empty ``class_to_idx``; both or none of ``extensions`` and ``is_valid_file``.
        FileNotFoundError: a class without samples.
    """
    directory = os.path.expanduser(directory)
    if class_to_idx is None:
        _, class_to_idx = find_classes(directory)
    elif not class_to_idx:
        raise ArgumentError("'class_to_index' must have at least one entry to collect any samples.")
    if (extensions is None) == (is_valid_file is None):
        raise ArgumentError("Both extensions and is_valid_file cannot be None or not None at the same time")
    samples: list[tuple[str, int]] = []
    empty = []
    for name in sorted(class_to_idx):
        before = len(samples)
        for root, _, files in sorted(os.walk(os.path.join(directory, name), followlinks=True)):
            for path in (os.path.join(root, file) for file in sorted(files)):
                if extensions is not None:
                    valid = has_file_allowed_extension(path, extensions)
                else:
                    valid = is_valid_file is not None and is_valid_file(path)
                if valid:
                    samples.append((path, class_to_idx[name]))
        if len(samples) == before:
            empty.append(name)
    if empty and not allow_empty:
        message = f"Found no valid file for the classes {', '.join(empty)}. "
        if extensions is not None:
            message += (
                f"Supported extensions are: {extensions if isinstance(extensions, str) else ', '.join(extensions)}"
            )
        raise FileNotFoundError(message)
    return samples


def default_loader(path: str | Path) -> Any:
    """The picture in a file, as a PIL image of mode RGB."""
    with open(path, "rb") as file, pillow().open(file) as img:
        return img.convert("RGB")


pil_loader = default_loader


class DatasetFolder(VisionDataset):
    """A folder for each class, in which, at any depth, are its samples.

    Args:
        root: the folder of the folders.
        loader: from path to sample.
        extensions: the ends of the names of samples.
        transform: a function of the sample.
        target_transform: a function of the target.
        is_valid_file: or a function that says whether a path is a sample.
        allow_empty: let a class have no samples.

    Attributes:
        classes: the names of the folders, sorted.
        class_to_idx: from name to target.
        samples: the paths and their targets.
        targets: the targets.

    Example:
        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp())
        >>> for name in ("cat", "dog"):
        ...     (root / name).mkdir()
        ...     _ = (root / name / "a.txt").write_text(name.upper())
        >>> data = DatasetFolder(root, loader=lambda path: Path(path).read_text(), extensions=(".txt",))
        >>> data.classes, list(data)
        (['cat', 'dog'], [('CAT', 0), ('DOG', 1)])
    """

    def __init__(
        self,
        root: str | Path,
        loader: Callable[[str], Any],
        extensions: tuple[str, ...] | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        is_valid_file: Valid = None,
        allow_empty: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.classes, self.class_to_idx = self.find_classes(self.root)
        self.samples = self.make_dataset(
            self.root,
            class_to_idx=self.class_to_idx,
            extensions=extensions,
            is_valid_file=is_valid_file,
            allow_empty=allow_empty,
        )
        self.loader = loader
        self.extensions = extensions
        self.targets = [target for _, target in self.samples]

    @staticmethod
    def make_dataset(
        directory: str | Path,
        class_to_idx: dict[str, int],
        extensions: Extensions = None,
        is_valid_file: Valid = None,
        allow_empty: bool = False,
    ) -> list[tuple[str, int]]:
        """As the function `make_dataset`; override it to choose samples otherwise."""
        if class_to_idx is None:
            raise ArgumentError("The class_to_idx parameter cannot be None.")
        return make_dataset(directory, class_to_idx, extensions, is_valid_file, allow_empty)

    def find_classes(self, directory: str | Path) -> tuple[list[str], dict[str, int]]:
        """As the function `find_classes`; override it to use only some folders, or other targets."""
        return find_classes(directory)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, target = self.samples[index]
        return self._sample(self.loader(path), target)

    def __len__(self) -> int:
        return len(self.samples)


class ImageFolder(DatasetFolder):
    """A folder for each class, in which are its pictures: ``root/dog/a.png``, ``root/cat/b/c.jpeg``.

    A sample is (PIL image of mode RGB, int).

    Args:
        root: the folder of the folders.
        transform: a function of the picture.
        target_transform: a function of the target.
        loader: from path to picture.
        is_valid_file: says whether a path is a picture; default: by its extension.
        allow_empty: let a class have no pictures.

    Attributes:
        classes: the names of the folders, sorted.
        class_to_idx: from name to target.
        imgs: the paths and their targets.
        targets: the targets.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> root = Path(tempfile.mkdtemp())
        >>> for name in ("cat", "dog"):
        ...     (root / name).mkdir()
        ...     Image.new("L", (5, 4)).save(root / name / "a.png")
        >>> data = ImageFolder(root)
        >>> image, target = data[1]
        >>> image.size, image.mode, data.classes[target]
        ((5, 4), 'RGB', 'dog')
    """

    def __init__(
        self,
        root: str | Path,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        loader: Callable[[str], Any] = default_loader,
        is_valid_file: Valid = None,
        allow_empty: bool = False,
    ) -> None:
        extensions = IMG_EXTENSIONS if is_valid_file is None else None
        super().__init__(root, loader, extensions, transform, target_transform, is_valid_file, allow_empty)
        self.imgs = self.samples
