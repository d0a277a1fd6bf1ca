"""Microsoft COCO: objects and captions, in files of JSON."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fnn.errors import ArgumentError
from fnn.vision.datasets._pictures import below
from fnn.vision.datasets.folder import default_loader
from fnn.vision.datasets.utils import corrupt
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["CocoCaptions", "CocoDetection"]


class CocoDetection(VisionDataset):
    """Pictures with the objects in them (https://cocodataset.org), from a folder and a file of annotations.

    A sample is (PIL image of mode RGB, list of dicts): the annotations of the picture as the file has them, with
    ``"bbox"``, ``"category_id"``, ``"segmentation"``, ...

    Args:
        root: the folder of the pictures.
        annFile: the file of annotations (JSON).
        transform: a function of the picture.
        target_transform: a function of the annotations.
        transforms: a function of picture and annotations that returns both.

    Attributes:
        ids: the pictures' ids, sorted.
        categories: from the id of a category to what the file says of it.

    Raises:
        fnn.serialization.CorruptFileError: the file is no JSON of this form, or names a picture outside of the folder.

    Example:
        >>> import json, tempfile
        >>> from PIL import Image
        >>> folder = Path(tempfile.mkdtemp())
        >>> Image.new("RGB", (5, 4)).save(folder / "a.png")
        >>> said = {"images": [{"id": 7, "file_name": "a.png"}], "annotations": [{"image_id": 7, "bbox": [0, 0, 2, 2]}]}
        >>> _ = (folder / "said.json").write_text(json.dumps(said))
        >>> image, target = CocoDetection(folder, folder / "said.json")[0]
        >>> image.size, target
        ((5, 4), [{'image_id': 7, 'bbox': [0, 0, 2, 2]}])
    """

    def __init__(
        self,
        root: str | Path,
        annFile: str | Path,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        transforms: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        super().__init__(root, transforms, transform, target_transform)
        source = Path(annFile)
        try:
            said = json.loads(source.read_text(encoding="utf-8"))
            names = {entry["id"]: entry["file_name"] for entry in said["images"]}
            self._annotations: dict[Any, list[dict[str, Any]]] = {number: [] for number in names}
            for annotation in said.get("annotations", []):
                self._annotations.setdefault(annotation["image_id"], []).append(annotation)
            self.categories = {entry["id"]: entry for entry in said.get("categories", [])}
            self.ids = sorted(names)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise corrupt(
                source, f"should be JSON with 'images' and 'annotations' as COCO has them ({error!r})"
            ) from error
        self._paths = {number: below(Path(self.root), name, source) for number, name in names.items()}

    def _load_target(self, id: Any) -> Any:
        return self._annotations[id]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if not isinstance(index, int):
            raise ArgumentError(f"Index must be of type integer, got {type(index)} instead.")
        number = self.ids[index]
        image, target = default_loader(self._paths[number]), self._load_target(number)
        return (image, target) if self.transforms is None else self.transforms(image, target)

    def __len__(self) -> int:
        return len(self.ids)


class CocoCaptions(CocoDetection):
    """Pictures with captions (https://cocodataset.org), from a folder and a file of annotations.

    A sample is (PIL image of mode RGB, list of str).

    Args:
        root: the folder of the pictures.
        annFile: the file of annotations (JSON).
        transform: a function of the picture.
        target_transform: a function of the captions.
        transforms: a function of picture and captions that returns both.

    Example:
        >>> from fnn.vision import datasets
        >>> captioned = datasets.CocoCaptions("train2017", "annotations/captions_train2017.json")  # doctest: +SKIP
        >>> image, captions = captioned[0]  # doctest: +SKIP
    """

    def _load_target(self, id: Any) -> Any:
        return [annotation["caption"] for annotation in super()._load_target(id)]
