"""Cityscapes: streets of 50 towns, pixel by pixel."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from fnn.errors import ArgumentError
from fnn.vision.datasets._pictures import as_it_is, lone
from fnn.vision.datasets.folder import default_loader
from fnn.vision.datasets.utils import corrupt, extract_archive, verify_str_arg
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["Cityscapes"]


class CityscapesClass(NamedTuple):
    """A kind of thing: its name, its number in the masks, that for training, its group, and how it is drawn."""

    name: str
    id: int
    train_id: int
    category: str
    category_id: int
    has_instances: bool
    ignore_in_eval: bool
    color: tuple[int, int, int]


# A line for each: name, number for training (- for 255: not trained on), group, whether instances are told apart,
# colour. The numbers are those of the lines from 0, that of the last is -1.
_GROUPS = ("void", "flat", "construction", "object", "nature", "sky", "human", "vehicle")
_KINDS = """
unlabeled             -  void          -  0 0 0
ego vehicle           -  void          -  0 0 0
rectification border  -  void          -  0 0 0
out of roi            -  void          -  0 0 0
static                -  void          -  0 0 0
dynamic               -  void          -  111 74 0
ground                -  void          -  81 0 81
road                  0  flat          -  128 64 128
sidewalk              1  flat          -  244 35 232
parking               -  flat          -  250 170 160
rail track            -  flat          -  230 150 140
building              2  construction  -  70 70 70
wall                  3  construction  -  102 102 156
fence                 4  construction  -  190 153 153
guard rail            -  construction  -  180 165 180
bridge                -  construction  -  150 100 100
tunnel                -  construction  -  150 120 90
pole                  5  object        -  153 153 153
polegroup             -  object        -  153 153 153
traffic light         6  object        -  250 170 30
traffic sign          7  object        -  220 220 0
vegetation            8  nature        -  107 142 35
terrain               9  nature        -  152 251 152
sky                   10  sky          -  70 130 180
person                11  human        +  220 20 60
rider                 12  human        +  255 0 0
car                   13  vehicle      +  0 0 142
truck                 14  vehicle      +  0 0 70
bus                   15  vehicle      +  0 60 100
caravan               -  vehicle       +  0 0 90
trailer               -  vehicle       +  0 0 110
train                 16  vehicle      +  0 80 100
motorcycle            17  vehicle      +  0 0 230
bicycle               18  vehicle      +  119 11 32
"""


def _classes() -> list[CityscapesClass]:
    found = []
    for number, line in enumerate(_KINDS.strip().splitlines()):
        name, trained, group, instances, colour = (part.strip() for part in line.split("  ") if part)
        red, green, blue = map(int, colour.split())
        found.append(
            CityscapesClass(
                name,
                number,
                255 if trained == "-" else int(trained),
                group,
                _GROUPS.index(group),
                instances == "+",
                trained == "-",
                (red, green, blue),
            )
        )
    plate = CityscapesClass("license plate", -1, -1, "vehicle", _GROUPS.index("vehicle"), False, True, (0, 0, 142))
    return [*found, plate]


class Cityscapes(VisionDataset):
    """Street scenes, 2048x1024, with masks of 30 kinds of things (https://www.cityscapes-dataset.com/).

    A sample is (PIL image of mode RGB, target): for ``"instance"``, ``"semantic"`` and ``"color"`` a PIL image in the
    mode of its file, for ``"polygon"`` the annotation's JSON; for several types a tuple. The archives must be fetched
    by hand; they are unpacked at the first use.

    Args:
        root: the folder of ``leftImg8bit`` and ``gtFine`` or ``gtCoarse``, or of their archives.
        split: ``"train"``, ``"val"``, fine also ``"test"``, coarse also ``"train_extra"``.
        mode: ``"fine"`` or ``"coarse"``.
        target_type: one of the types above, or a list of these.
        transform: a function of the picture.
        target_transform: a function of the target.
        transforms: a function of picture and target that returns both.

    Attributes:
        images: the paths of the pictures, sorted within towns.
        targets: for each the paths of its targets.
        classes: the kinds of things.

    Raises:
        ArgumentError: the files are not there; a part that the mode has not.
        fnn.serialization.CorruptFileError: an annotation is no JSON.

    Example:
        >>> from fnn.vision import datasets
        >>> [kind.name for kind in datasets.Cityscapes.classes if kind.train_id in (0, 1)]
        ['road', 'sidewalk']
        >>> streets = datasets.Cityscapes("data", split="val", target_type="semantic")  # doctest: +SKIP
        >>> image, mask = streets[0]  # doctest: +SKIP
    """

    CityscapesClass = CityscapesClass
    classes: ClassVar[list[CityscapesClass]] = _classes()

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        mode: str = "fine",
        target_type: list[str] | str = "instance",
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        transforms: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        super().__init__(root, transforms, transform, target_transform)
        fine = verify_str_arg(mode, "mode", ("fine", "coarse")) == "fine"
        self.mode = "gtFine" if fine else "gtCoarse"
        valid = ("train", "test", "val") if fine else ("train", "train_extra", "val")
        listed = "'" + "', '".join(valid) + "'"
        text = f"Unknown value '{split}' for argument split if mode is '{mode}'. Valid values are {{{listed}}}."
        self.split = verify_str_arg(split, "split", valid, text)
        types = target_type if isinstance(target_type, list) else [target_type]
        self.target_type = [verify_str_arg(kind, "target_type", _ENDS) for kind in types]
        self.images_dir = os.path.join(self.root, "leftImg8bit", split)
        self.targets_dir = os.path.join(self.root, self.mode, split)
        if not (os.path.isdir(self.images_dir) and os.path.isdir(self.targets_dir)):
            self._unpack()
        self.images: list[str] = []
        self.targets: list[list[str]] = []
        for town in sorted(os.listdir(self.images_dir)):
            for name in sorted(os.listdir(os.path.join(self.images_dir, town))):
                start = os.path.join(self.targets_dir, town, f"{name.split('_leftImg8bit')[0]}_{self.mode}")
                self.images.append(os.path.join(self.images_dir, town, name))
                self.targets.append([f"{start}_{_ENDS[kind]}" for kind in self.target_type])

    def _unpack(self) -> None:
        pictures = "leftImg8bit_trainextra.zip" if self.split == "train_extra" else "leftImg8bit_trainvaltest.zip"
        targets = "gtFine_trainvaltest.zip" if self.mode == "gtFine" else "gtCoarse.zip"
        archives = [os.path.join(self.root, name) for name in (pictures, targets)]
        if not all(map(os.path.isfile, archives)):
            raise ArgumentError(
                "Cityscapes: dataset not found or incomplete. It cannot be downloaded by programs: put "
                f"{pictures} and {targets}, or what is in them, into {self.root}"
            )
        for archive in archives:
            extract_archive(archive, self.root)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image = default_loader(self.images[index])
        parts = [_json(path) if path.endswith(".json") else as_it_is(path) for path in self.targets[index]]
        target = lone(parts)
        return (image, target) if self.transforms is None else self.transforms(image, target)

    def __len__(self) -> int:
        return len(self.images)

    def extra_repr(self) -> str:
        """Which part it is, and what a target is."""
        return f"Split: {self.split}\nMode: {self.mode}\nType: {self.target_type}"


_ENDS = {
    "instance": "instanceIds.png",
    "semantic": "labelIds.png",
    "polygon": "polygons.json",
    "color": "color.png",
}


def _json(path: str) -> Any:
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise corrupt(path, f"no JSON ({error})") from error
