"""Flickr8k and Flickr30k: pictures and sentences about them."""

import glob
import os
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from fnn.vision.datasets._pictures import Loader, below
from fnn.vision.datasets.folder import default_loader
from fnn.vision.datasets.utils import corrupt
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["Flickr8k", "Flickr8kParser", "Flickr30k"]


class Flickr8kParser(HTMLParser):
    """Reads the captions in the data set's page.

    Args:
        root: the folder of the pictures.

    Attributes:
        annotations: from the path of a picture to its captions.

    >>> parser = Flickr8kParser("nowhere")
    >>> parser.feed("<table><tr><td>Image Not Found<ul><li>A dog runs</li></ul></td></tr></table>")
    >>> parser.annotations
    {}
    """

    def __init__(self, root: str | Path) -> None:
        super().__init__()
        self.root = root
        self.annotations: dict[str, list[str]] = {}
        self.in_table = False
        self.current_tag: str | None = None
        self.current_img: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes which element begins."""
        self.current_tag = tag
        self.in_table = self.in_table or tag == "table"

    def handle_endtag(self, tag: str) -> None:
        """Notes which element ends."""
        self.current_tag = None
        self.in_table = self.in_table and tag != "table"

    def handle_data(self, data: str) -> None:
        """Takes a picture's address, or a caption of the last picture."""
        if not self.in_table:
            return
        if data == "Image Not Found":
            self.current_img = None
        elif self.current_tag == "a":
            number = data.split("/")[-2] if data.count("/") else data
            found = sorted(glob.glob(os.path.join(glob.escape(str(self.root)), f"{glob.escape(number)}_*.jpg")))
            if not found:
                raise corrupt(self.root, f"there is no picture {number}_*.jpg, which the captions name")
            self.current_img = found[0]
            self.annotations[found[0]] = []
        elif self.current_tag == "li" and self.current_img:
            self.annotations[self.current_img].append(data.strip())


class _Captions(VisionDataset):
    """Pictures and lists of sentences.

    Args:
        root: the folder of the pictures.
        ann_file: the file of the captions.
        transform: a function of the picture.
        target_transform: a function of the captions.
        loader: from path to picture.
    """

    annotations: dict[str, list[str]]

    def __init__(
        self,
        root: str | Path,
        ann_file: str,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.ann_file = os.path.expanduser(ann_file)
        self.annotations = self._read()
        self.ids = sorted(self.annotations)
        self.loader = loader

    def _read(self) -> dict[str, list[str]]:
        raise NotImplementedError

    def _path(self, name: str) -> str | Path:
        return name

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        name = self.ids[index]
        return self._sample(self.loader(self._path(name)), self.annotations[name])

    def __len__(self) -> int:
        return len(self.ids)


class Flickr8k(_Captions):
    """8,000 pictures, five captions each (http://hockenmaier.cs.illinois.edu/8k-pictures.html).

    A sample is (PIL image of mode RGB, list of str).

    Args:
        root: the folder of the pictures.
        ann_file: the data set's page, HTML.
        transform: a function of the picture.
        target_transform: a function of the captions.
        loader: from path to picture.

    Attributes:
        ids: the paths of the pictures, sorted.
        annotations: from path to captions.

    Raises:
        fnn.serialization.CorruptFileError: the page names a picture that is not there.

    Example:
        >>> from fnn.vision import datasets
        >>> image, captions = datasets.Flickr8k("data", "8k-pictures.html")[0]  # doctest: +SKIP
    """

    def _read(self) -> dict[str, list[str]]:
        parser = Flickr8kParser(self.root)
        parser.feed(Path(self.ann_file).read_text(encoding="utf-8"))
        return parser.annotations


class Flickr30k(_Captions):
    """30,000 pictures, five captions each (https://bryanplummer.com/Flickr30kEntities/).

    A sample is (PIL image of mode RGB, list of str).

    Args:
        root: the folder of the pictures.
        ann_file: the captions: in each line a picture's name with ``#`` and a number, a tab, a caption.
        transform: a function of the picture.
        target_transform: a function of the captions.
        loader: from path to picture.

    Attributes:
        ids: the names of the pictures, sorted.
        annotations: from name to captions.

    Raises:
        fnn.serialization.CorruptFileError: a line cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> image, captions = datasets.Flickr30k("data", "results_20130124.token")[0]  # doctest: +SKIP
    """

    def _read(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for number, line in enumerate(Path(self.ann_file).read_text(encoding="utf-8").splitlines(), 1):
            parts = line.strip().split("\t")
            if len(parts) != 2:
                raise corrupt(self.ann_file, f"line {number} should be a name, a tab and a caption, found {line!r}")
            found.setdefault(parts[0][:-2], []).append(parts[1])
        return found

    def _path(self, name: str) -> str | Path:
        return below(Path(self.root), name, Path(self.ann_file))
