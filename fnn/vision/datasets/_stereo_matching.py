"""Data sets of stereo pictures: what the left eye sees, what the right one sees, and how far both are apart."""

import os
import random
import shutil
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fnn.errors import ArgumentError
from fnn.vision.datasets._flows import read_pfm
from fnn.vision.datasets._pictures import as_it_is
from fnn.vision.datasets._stereo import Field, StereoMatchingDataset, Transforms
from fnn.vision.datasets._stereo_rendered import (
    CarlaStereo,
    CREStereo,
    FallingThingsStereo,
    SceneFlowStereo,
    SintelStereo,
)
from fnn.vision.datasets.folder import default_loader
from fnn.vision.datasets.utils import download_and_extract_archive, verify_str_arg

__all__ = [
    "CREStereo", "CarlaStereo", "ETH3DStereo", "FallingThingsStereo", "InStereo2k", "Kitti2012Stereo",
    "Kitti2015Stereo", "Middlebury2014Stereo", "SceneFlowStereo", "SintelStereo",
]  # fmt: skip


class Kitti2012Stereo(StereoMatchingDataset):
    """Street scenes of 2012, in colour (http://www.cvlibs.net/datasets/kitti/eval_stereo_flow.php).

    A sample is (PIL image of mode RGB, that of the right eye, disparity, None): an array (1, H, W) of numpy; None of
    the part to test.

    Args:
        root: the folder above ``Kitti2012``.
        split: ``"train"`` or ``"test"``.
        transforms: a function of pictures, disparities and where these are known, all pairs, that returns the three.

    Raises:
        ArgumentError: the files are not there.

    Example:
        >>> from fnn.vision import datasets
        >>> left, right, disparity, _ = datasets.Kitti2012Stereo("data")[0]  # doctest: +SKIP
    """

    _has_built_in_disparity_mask = True

    def __init__(self, root: str | Path, split: str = "train", transforms: Transforms | None = None) -> None:
        super().__init__(root, transforms)
        verify_str_arg(split, "split", ("train", "test"))
        folder = Path(self.root) / "Kitti2012" / f"{split}ing"
        known = ("disp_noc/*.png", None) if split == "train" else None
        self._add(folder, ("colored_0/*_10.png", "colored_1/*_10.png"), known)

    def _of_file(self, path: str) -> Field:
        return np.asarray(as_it_is(path))[None] / 256.0, None


class Kitti2015Stereo(StereoMatchingDataset):
    """Street scenes of 2015 (http://www.cvlibs.net/datasets/kitti/eval_scene_flow.php).

    A sample is (PIL image of mode RGB, that of the right eye, disparity, None): an array (1, H, W) of numpy; None of
    the part to test.

    Args:
        root: the folder above ``Kitti2015``.
        split: ``"train"`` or ``"test"``.
        transforms: a function of pictures, disparities and where these are known, all pairs, that returns the three.

    Raises:
        ArgumentError: the files are not there.

    Example:
        >>> from fnn.vision import datasets
        >>> left, right, disparity, _ = datasets.Kitti2015Stereo("data")[0]  # doctest: +SKIP
    """

    _has_built_in_disparity_mask = True

    def __init__(self, root: str | Path, split: str = "train", transforms: Transforms | None = None) -> None:
        super().__init__(root, transforms)
        verify_str_arg(split, "split", ("train", "test"))
        folder = Path(self.root) / "Kitti2015" / f"{split}ing"
        known = ("disp_occ_0/*.png", "disp_occ_1/*.png") if split == "train" else None
        self._add(folder, ("image_2/*.png", "image_3/*.png"), known)

    def _of_file(self, path: str) -> Field:
        return np.asarray(as_it_is(path))[None] / 256.0, None


class Middlebury2014Stereo(StereoMatchingDataset):
    """Rooms, 2014 (https://vision.middlebury.edu/stereo/data/scenes2014/).

    A sample is (PIL image of mode RGB, that of the right eye, disparity, where it is known): arrays (1, H, W), float32,
    and (H, W), bool, of numpy; None of the part to test.

    Args:
        root: the folder above ``Middlebury2014``.
        split: ``"train"``, ``"additional"`` or ``"test"``.
        calibration: ``"perfect"``, ``"imperfect"`` or ``"both"``; of the part to test None.
        use_ambient_views: whether the right picture is one of those in other light, by chance (Python's ``random``).
        transforms: a function of pictures, disparities and where these are known, all pairs, that returns the three.
        download: download and unpack the scenes that are not there.

    Raises:
        ArgumentError: the files are not there; a ``calibration`` that the part has not.

    Example:
        >>> from fnn.vision import datasets
        >>> rooms = datasets.Middlebury2014Stereo("data", download=True)  # doctest: +SKIP
        >>> left, right, disparity, known = rooms[0]  # doctest: +SKIP
    """

    splits: ClassVar[dict[str, list[str]]] = {
        "train": [
            "Adirondack", "Jadeplant", "Motorcycle", "Piano", "Pipes", "Playroom", "Playtable", "Recycle", "Shelves",
            "Vintage",
        ],
        "additional": [
            "Backpack", "Bicycle1", "Cable", "Classroom1", "Couch", "Flowers", "Mask", "Shopvac", "Sticks", "Storage",
            "Sword1", "Sword2", "Umbrella",
        ],
        "test": [
            "Plants", "Classroom2E", "Classroom2", "Australia", "DjembeL", "CrusadeP", "Crusade", "Hoops", "Bicycle2",
            "Staircase", "Newkuba", "AustraliaP", "Djembe", "Livingroom", "Computer",
        ],
    }  # fmt: skip
    _has_built_in_disparity_mask = True

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        calibration: str | None = "perfect",
        use_ambient_views: bool = False,
        transforms: Transforms | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transforms)
        self.split = verify_str_arg(split, "split", self.splits)
        if calibration:
            verify_str_arg(calibration, "calibration", ("perfect", "imperfect", "both"))
        if bool(calibration) == (split == "test"):
            raise ArgumentError(
                f"Middlebury2014Stereo: split='test' has calibration=None, the others 'perfect', 'imperfect' or "
                f"'both'; got split={split!r} and calibration={calibration!r}"
            )
        folder = Path(self.root) / "Middlebury2014"
        if download:
            self._download(folder)
        folder = folder / split
        scenes = os.listdir(folder) if folder.is_dir() else []
        if not any(scene.startswith(name) for scene in scenes for name in self.splits[split]):
            raise ArgumentError(
                "Middlebury2014Stereo: dataset not found. You can use download=True to download it, or put its scenes "
                f"into {folder}"
            )
        kinds = ("perfect", "imperfect") if calibration == "both" else (calibration,)
        for end in (f"-{kind}" if kind else "" for kind in kinds):
            fields = None if split == "test" else (f"*{end}/disp0.pfm", f"*{end}/disp1.pfm")
            self._add(folder, (f"*{end}/im0.png", f"*{end}/im1.png"), fields)
        self.use_ambient_views = use_ambient_views

    def _read_img(self, path: str) -> Any:
        if self.use_ambient_views and os.path.basename(path) == "im1.png":
            others = [os.path.join(os.path.dirname(path), name) for name in ("im1E.png", "im1L.png")]
            path = random.choice([*filter(os.path.exists, others), path])
        return default_loader(path)

    def _of_file(self, path: str) -> Field:
        disparity = np.abs(read_pfm(path, 1))
        disparity[disparity == np.inf] = 0
        return disparity, disparity[0] > 0

    def _download(self, folder: Path) -> None:
        server = "https://vision.middlebury.edu/stereo/"
        if self.split != "test":
            for name in (f"{scene}-{kind}" for scene in self.splits[self.split] for kind in ("perfect", "imperfect")):
                if not (folder / self.split / name).exists():
                    url = f"{server}data/scenes2014/zip/{name}.zip"
                    download_and_extract_archive(url, folder / self.split, remove_finished=True)
            return
        target = folder / "test"
        target.mkdir(parents=True, exist_ok=True)
        if all((target / scene).exists() for scene in self.splits["test"]):
            return
        download_and_extract_archive(f"{server}submit3/zip/MiddEval3-data-F.zip", folder, remove_finished=True)
        for scene in sorted((folder / "MiddEval3" / "testF").iterdir()):
            if scene.is_dir() and not (target / scene.name).exists():
                shutil.move(scene, target)
        shutil.rmtree(folder / "MiddEval3")


class InStereo2k(StereoMatchingDataset):
    """Rooms, measured with structured light (https://github.com/YuhuaXu/StereoDataset).

    A sample is (PIL image of mode RGB, that of the right eye, disparity): an array (1, H, W) of numpy, float32.

    Args:
        root: the folder above ``InStereo2k``.
        split: ``"train"`` or ``"test"``.
        transforms: a function of pictures, disparities and where these are known, all pairs, that returns the three.

    Raises:
        ArgumentError: the files are not there.

    Example:
        >>> from fnn.vision import datasets
        >>> left, right, disparity = datasets.InStereo2k("data")[0]  # doctest: +SKIP
    """

    def __init__(self, root: str | Path, split: str = "train", transforms: Transforms | None = None) -> None:
        super().__init__(root, transforms)
        folder = Path(self.root) / "InStereo2k" / verify_str_arg(split, "split", ("train", "test"))
        self._add(folder, ("*/left.png", "*/right.png"), ("*/left_disp.png", "*/right_disp.png"))

    def _of_file(self, path: str) -> Field:
        return np.asarray(as_it_is(path), np.float32)[None] / 1024.0, None


class ETH3DStereo(StereoMatchingDataset):
    """Grey pictures of rooms and gardens (https://www.eth3d.net/).

    A sample is (PIL image of mode RGB, that of the right eye, disparity, where it is known): arrays (1, H, W), float32,
    and (H, W), bool, of numpy; None of the part to test.

    Args:
        root: the folder above ``ETH3D``.
        split: ``"train"`` or ``"test"``.
        transforms: a function of pictures, disparities and where these are known, all pairs, that returns the three.

    Raises:
        ArgumentError: the files are not there.

    Example:
        >>> from fnn.vision import datasets
        >>> left, right, disparity, known = datasets.ETH3DStereo("data")[0]  # doctest: +SKIP
    """

    _has_built_in_disparity_mask = True

    def __init__(self, root: str | Path, split: str = "train", transforms: Transforms | None = None) -> None:
        super().__init__(root, transforms)
        verify_str_arg(split, "split", ("train", "test"))
        part = "two_view_training" if split == "train" else "two_view_test"
        fields = ("two_view_training_gt/*/disp0GT.pfm", None) if split == "train" else None
        self._add(Path(self.root) / "ETH3D", (f"{part}/*/im0.png", f"{part}/*/im1.png"), fields)

    def _of_file(self, path: str) -> Field:
        known = np.asarray(as_it_is(Path(path).parent / "mask0nocc.png")).astype(bool)
        return np.abs(read_pfm(path, 1)), known
