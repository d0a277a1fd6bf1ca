"""PASCAL Visual Object Classes: masks of objects, and boxes."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar
from xml.etree import ElementTree

from fnn.vision.datasets._pictures import as_it_is, below, not_found
from fnn.vision.datasets.folder import default_loader
from fnn.vision.datasets.utils import corrupt, download_and_extract_archive, verify_str_arg
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["VOCDetection", "VOCSegmentation"]

_SERVER = "https://thor.robots.ox.ac.uk/pascal/VOC/"
_YEARS = ("2007", "2008", "2009", "2010", "2011", "2012")


def _archive(year: str, file: str, md5: str, saved: str | None = None) -> dict[str, str]:
    folder = os.path.join("VOCdevkit", f"VOC{year}")
    if year == "2011":
        folder = os.path.join("TrainVal", folder)
    return {"url": f"{_SERVER}voc{year}/{file}", "filename": saved or file, "md5": md5, "base_dir": folder}


DATASET_YEAR_DICT = {
    "2012": _archive("2012", "VOCtrainval_11-May-2012.tar", "6cd6e144f989b92b3379bac3b3de84fd"),
    "2011": _archive("2011", "VOCtrainval_25-May-2011.tar", "6c3384ef61512963050cb5d687e5bf1e"),
    "2010": _archive("2010", "VOCtrainval_03-May-2010.tar", "da459979d0c395079b5c75ee67908abb"),
    "2009": _archive("2009", "VOCtrainval_11-May-2009.tar", "a3e00b113cfcfebf17e343f59da3caa1"),
    # torchvision saves it under this name, too
    "2008": _archive(
        "2008", "VOCtrainval_14-Jul-2008.tar", "2629fa636546599198acfcfbfcf1904a", "VOCtrainval_11-May-2012.tar"
    ),
    "2007": _archive("2007", "VOCtrainval_06-Nov-2007.tar", "c52e279531787c972589f7e41ab4ae64"),
    "2007-test": _archive("2007", "VOCtest_06-Nov-2007.tar", "b6e924de25625d8de591ea690078ad9f"),
}


class _VOCBase(VisionDataset):
    """Pictures of one of the challenges, and a file for each that says what is in it.

    Args:
        root: the folder above ``VOCdevkit``.
        year: ``"2007"`` to ``"2012"``.
        image_set: ``"train"``, ``"val"``, ``"trainval"``; of 2007 also ``"test"``.
        download: download and unpack the archive.
        transform: a function of the picture.
        target_transform: a function of the target.
        transforms: a function of picture and target that returns both.

    Raises:
        ArgumentError: the files are not there.
    """

    _SPLITS_DIR: ClassVar[str]
    _TARGET_DIR: ClassVar[str]
    _TARGET_FILE_EXT: ClassVar[str]

    def __init__(
        self,
        root: str | Path,
        year: str = "2012",
        image_set: str = "train",
        download: bool = False,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        transforms: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        super().__init__(root, transforms, transform, target_transform)
        self.year = verify_str_arg(year, "year", _YEARS)
        sets = ("train", "trainval", "val", *(("test",) if year == "2007" else ()))
        self.image_set = verify_str_arg(image_set, "image_set", sets)
        archive = DATASET_YEAR_DICT["2007-test" if image_set == "test" else year]
        self.url, self.filename, self.md5 = archive["url"], archive["filename"], archive["md5"]
        folder = Path(self.root) / archive["base_dir"]
        if download:
            download_and_extract_archive(self.url, self.root, filename=self.filename, md5=self.md5)
        listed = folder / "ImageSets" / self._SPLITS_DIR / f"{image_set}.txt"
        if not listed.is_file():
            raise not_found(type(self).__name__, folder)
        names = [line.strip() for line in listed.read_text().splitlines() if line.strip()]
        self.images = [str(below(folder / "JPEGImages", f"{name}.jpg", listed)) for name in names]
        targets = folder / self._TARGET_DIR
        self.targets = [str(below(targets, name + self._TARGET_FILE_EXT, listed)) for name in names]

    def __len__(self) -> int:
        return len(self.images)

    def _target(self, path: str) -> Any:
        raise NotImplementedError(f"{type(self).__name__} should implement _target")

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image, target = default_loader(self.images[index]), self._target(self.targets[index])
        return (image, target) if self.transforms is None else self.transforms(image, target)


class VOCSegmentation(_VOCBase):
    """Which object each pixel belongs to (http://host.robots.ox.ac.uk/pascal/VOC/).

    A sample is (PIL image of mode RGB, PIL image of mode P), whose pixels are the class, and 255 at the edges.

    Args:
        root: the folder above ``VOCdevkit``.
        year: ``"2007"`` to ``"2012"``.
        image_set: ``"train"``, ``"val"``, ``"trainval"``; of 2007 also ``"test"``.
        download: download and unpack the archive.
        transform: a function of the picture.
        target_transform: a function of the mask.
        transforms: a function of picture and mask that returns both.

    Attributes:
        images: the pictures' paths.
        masks: the masks' paths.

    Raises:
        ArgumentError: the files are not there.

    Example:
        >>> from fnn.vision import datasets
        >>> masked = datasets.VOCSegmentation("data", year="2012", image_set="val", download=True)  # doctest: +SKIP
        >>> image, mask = masked[0]  # doctest: +SKIP
    """

    _SPLITS_DIR = "Segmentation"
    _TARGET_DIR = "SegmentationClass"
    _TARGET_FILE_EXT = ".png"

    @property
    def masks(self) -> list[str]:
        """The masks' paths."""
        return self.targets

    def _target(self, path: str) -> Any:
        return as_it_is(path)


class VOCDetection(_VOCBase):
    """Boxes around objects (http://host.robots.ox.ac.uk/pascal/VOC/).

    A sample is (PIL image of mode RGB, dict): the annotation's XML, where ``["annotation"]["object"]`` is a list.

    Args:
        root: the folder above ``VOCdevkit``.
        year: ``"2007"`` to ``"2012"``.
        image_set: ``"train"``, ``"val"``, ``"trainval"``; of 2007 also ``"test"``.
        download: download and unpack the archive.
        transform: a function of the picture.
        target_transform: a function of the annotation.
        transforms: a function of picture and annotation that returns both.

    Attributes:
        images: the pictures' paths.
        annotations: the annotations' paths.

    Raises:
        ArgumentError: the files are not there.
        fnn.serialization.CorruptFileError: an annotation is no XML, or declares entities.

    Example:
        >>> from fnn.vision import datasets
        >>> boxed = datasets.VOCDetection("data", year="2007", download=True)  # doctest: +SKIP
        >>> image, target = boxed[0]  # doctest: +SKIP
        >>> [thing["name"] for thing in target["annotation"]["object"]]  # doctest: +SKIP
        ['car']
    """

    _SPLITS_DIR = "Main"
    _TARGET_DIR = "Annotations"
    _TARGET_FILE_EXT = ".xml"

    @property
    def annotations(self) -> list[str]:
        """The annotations' paths."""
        return self.targets

    def _target(self, path: str) -> Any:
        content = Path(path).read_bytes()
        if b"<!" in content.replace(b"<!--", b""):
            raise corrupt(path, "refused: it has declarations, with which a small file can be made huge")
        try:
            return self.parse_voc_xml(ElementTree.fromstring(content))
        except ElementTree.ParseError as error:
            raise corrupt(path, f"no XML ({error})") from error

    @staticmethod
    def parse_voc_xml(node: ElementTree.Element) -> dict[str, Any]:
        """An element as a dict: its tag to its text, or to a dict of its children; children of one tag are a list.

        Args:
            node: the element; the objects of an ``annotation`` are a list even if there is only one.
        """
        below: dict[str, list[Any]] = {}
        for child in node:
            for tag, value in VOCDetection.parse_voc_xml(child).items():
                below.setdefault(tag, []).append(value)
        if not below:
            text = (node.text or "").strip()
            return {node.tag: text} if node.text else {}
        lone = {tag: values[0] if len(values) == 1 else values for tag, values in below.items()}
        if node.tag == "annotation":
            lone["object"] = below.get("object", [])
        return {node.tag: lone}
