"""Data sets of optical flow: two pictures of a film, and where each pixel of the first one goes."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fnn.errors import ArgumentError
from fnn.utils.data.dataset import ConcatDataset
from fnn.vision.datasets._flows import read_flo, read_flow_png, read_pfm
from fnn.vision.datasets._pictures import Loader
from fnn.vision.datasets.folder import default_loader
from fnn.vision.datasets.utils import corrupt, verify_str_arg
from fnn.vision.datasets.vision import VisionDataset

__all__ = ["FlyingChairs", "FlyingThings3D", "HD1K", "KittiFlow", "Sintel"]

Transforms = Callable[[Any, Any, Any, Any], Any]
PASSES = {"clean": ("clean",), "final": ("final",), "both": ("clean", "final")}


class _FlowDataset(VisionDataset):
    """Pairs of pictures, and files of flows or none.

    Args:
        root: the folder above the data set's.
        transforms: a function of both pictures, the flow and where it is known, the last two possibly None, that
            returns all four.
        loader: from path to picture.
    """

    _has_builtin_flow_mask = False

    def __init__(self, root: str | Path, transforms: Transforms | None = None, loader: Loader = default_loader) -> None:
        super().__init__(root)
        self.transforms: Any = transforms
        self._flow_list: list[str] = []
        self._image_list: list[list[str]] = []
        self._loader = loader

    def _read_flow(self, path: str) -> tuple[np.ndarray, np.ndarray | None]:
        raise NotImplementedError

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        first, second = (self._loader(path) for path in self._image_list[index])
        flow, known = self._read_flow(self._flow_list[index]) if self._flow_list else (None, None)
        if self.transforms is not None:
            first, second, flow, known = self.transforms(first, second, flow, known)
        if self._has_builtin_flow_mask or known is not None:
            return first, second, flow, known
        return first, second, flow

    def __len__(self) -> int:
        return len(self._image_list)

    def __rmul__(self, v: int) -> ConcatDataset[Any]:
        return ConcatDataset([self] * v)

    def _add(self, images: list[str], flows: list[str], where: Path) -> None:
        """Each picture with the next one, and the flow of the same place."""
        if flows and len(flows) != len(images) - 1:
            raise corrupt(where, f"{len(images)} pictures in a row have {len(images) - 1} flows, found {len(flows)}")
        self._image_list += [list(pair) for pair in itertools.pairwise(images)]
        self._flow_list += flows


def _missing(name: str, folder: Path) -> ArgumentError:
    return ArgumentError(
        f"{name}: dataset not found or corrupted. It cannot be downloaded by programs: put its files into {folder}"
    )


def _sorted(folder: Path, pattern: str) -> list[str]:
    return sorted(map(str, folder.glob(pattern)))


class Sintel(_FlowDataset):
    """An animated film, 1024x436 (http://sintel.is.tue.mpg.de/).

    A sample is (PIL image, the next one, flow): an array (2, H, W) of numpy, float32, or None of the part to test.

    Args:
        root: the folder above ``Sintel``.
        split: ``"train"`` or ``"test"``.
        pass_name: ``"clean"``, ``"final"``, with mist and blur, or ``"both"``.
        transforms: a function of both pictures, the flow and where it is known (None), that returns all four; if its
            last is no None the sample has four parts.
        loader: from path to picture.

    Raises:
        ArgumentError: the files are not there.
        fnn.serialization.CorruptFileError: a flow cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> first, second, flow = datasets.Sintel("data", pass_name="final")[0]  # doctest: +SKIP
        >>> flow.shape  # doctest: +SKIP
        (2, 436, 1024)
    """

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        pass_name: str = "clean",
        transforms: Transforms | None = None,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(root, transforms, loader)
        verify_str_arg(split, "split", ("train", "test"))
        folder = Path(self.root) / "Sintel"
        for name in PASSES[verify_str_arg(pass_name, "pass_name", PASSES)]:
            images = folder / ("training" if split == "train" else "test") / name
            if not images.is_dir():
                raise _missing("Sintel", images)
            for scene in sorted(path for path in images.iterdir() if path.is_dir()):
                flows = folder / "training" / "flow" / scene.name
                self._add(_sorted(scene, "*.png"), _sorted(flows, "*.flo") if split == "train" else [], flows)

    def _read_flow(self, path: str) -> tuple[np.ndarray, np.ndarray | None]:
        return read_flo(path), None


class KittiFlow(_FlowDataset):
    """Street scenes (http://www.cvlibs.net/datasets/kitti/eval_scene_flow.php?benchmark=flow, of 2015).

    A sample is (PIL image, the next one, flow, where it is known): arrays (2, H, W), float32, and (H, W), bool, of
    numpy, or None of the part to test.

    Args:
        root: the folder above ``KittiFlow``.
        split: ``"train"`` or ``"test"``.
        transforms: a function of both pictures, the flow and where it is known, that returns all four.
        loader: from path to picture.

    Raises:
        ArgumentError: the files are not there.
        fnn.serialization.CorruptFileError: a flow cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> first, second, flow, known = datasets.KittiFlow("data")[0]  # doctest: +SKIP
    """

    _has_builtin_flow_mask = True

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        transforms: Transforms | None = None,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(root, transforms, loader)
        verify_str_arg(split, "split", ("train", "test"))
        folder = Path(self.root) / "KittiFlow" / f"{split}ing"
        first, second = (_sorted(folder / "image_2", f"*_{number}.png") for number in (10, 11))
        if not first or not second:
            raise _missing("KittiFlow", folder)
        self._image_list = [list(pair) for pair in zip(first, second, strict=False)]
        if split == "train":
            self._flow_list = _sorted(folder / "flow_occ", "*_10.png")

    def _read_flow(self, path: str) -> tuple[np.ndarray, np.ndarray | None]:
        return read_flow_png(path)


class FlyingChairs(_FlowDataset):
    """Chairs before photographs, 512x384 (https://lmb.informatik.uni-freiburg.de/resources/datasets/FlyingChairs.en.html).

    A sample is (PIL image, the next one, flow): an array (2, H, W) of numpy, float32.

    Args:
        root: the folder above ``FlyingChairs``, in which are ``data`` and ``FlyingChairs_train_val.txt``.
        split: ``"train"`` or ``"val"``.
        transforms: a function of both pictures, the flow and where it is known (None), that returns all four; if its
            last is no None the sample has four parts.

    Raises:
        ArgumentError: the files are not there.
        fnn.serialization.CorruptFileError: a flow or the list cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> first, second, flow = datasets.FlyingChairs("data", split="val")[0]  # doctest: +SKIP
    """

    def __init__(self, root: str | Path, split: str = "train", transforms: Transforms | None = None) -> None:
        super().__init__(root, transforms)
        wanted = {"train": "1", "val": "2"}[verify_str_arg(split, "split", ("train", "val"))]
        folder = Path(self.root) / "FlyingChairs"
        listed = folder / "FlyingChairs_train_val.txt"
        if not listed.exists():
            raise _missing("FlyingChairs", folder)
        images, flows = (_sorted(folder / "data", pattern) for pattern in ("*.ppm", "*.flo"))
        parts = listed.read_text().split()
        if len(parts) < len(flows) or len(images) < 2 * len(flows):
            raise corrupt(listed, f"{len(flows)} flows have {len(parts)} entries here, and {len(images)} pictures")
        for i, (flow, part) in enumerate(zip(flows, parts, strict=False)):
            if part == wanted:
                self._flow_list.append(flow)
                self._image_list.append(images[2 * i : 2 * i + 2])

    def _read_flow(self, path: str) -> tuple[np.ndarray, np.ndarray | None]:
        return read_flo(path), None


class FlyingThings3D(_FlowDataset):
    """Things that fly about (https://lmb.informatik.uni-freiburg.de/resources/datasets/SceneFlowDatasets.en.html).

    A sample is (PIL image, the next or the last one, flow): an array (2, H, W) of numpy, float32.

    Args:
        root: the folder above ``FlyingThings3D``.
        split: ``"train"`` or ``"test"``.
        pass_name: ``"clean"``, ``"final"`` or ``"both"``.
        camera: ``"left"``, ``"right"`` or ``"both"``.
        transforms: a function of both pictures, the flow and where it is known (None), that returns all four; if its
            last is no None the sample has four parts.
        loader: from path to picture.

    Raises:
        ArgumentError: the files are not there.
        fnn.serialization.CorruptFileError: a flow cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> first, second, flow = datasets.FlyingThings3D("data", camera="both")[0]  # doctest: +SKIP
    """

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        pass_name: str = "clean",
        camera: str = "left",
        transforms: Transforms | None = None,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(root, transforms, loader)
        part = verify_str_arg(split, "split", ("train", "test")).upper()
        passes = PASSES[verify_str_arg(pass_name, "pass_name", PASSES)]
        verify_str_arg(camera, "camera", ("left", "right", "both"))
        cameras = ("left", "right") if camera == "both" else (camera,)
        folder = Path(self.root) / "FlyingThings3D"
        for name, side, direction in itertools.product(passes, cameras, ("into_future", "into_past")):
            scenes = sorted((folder / f"frames_{name}pass" / part).glob("*/*"))
            fields = sorted((folder / "optical_flow" / part).glob("*/*"))
            if not scenes or not fields:
                raise _missing("FlyingThings3D", folder)
            for scene, field in zip(scenes, fields, strict=False):
                images, flows = _sorted(scene / side, "*.png"), _sorted(field / direction / side, "*.pfm")
                if len(flows) > len(images):
                    raise corrupt(field, f"{len(images)} pictures have {len(flows)} flows")
                pairs = [images[i : i + 2] for i in range(len(flows) - 1)]
                future = direction == "into_future"
                self._image_list += pairs if future else [pair[::-1] for pair in pairs]
                self._flow_list += flows[:-1] if future else flows[1:]

    def _read_flow(self, path: str) -> tuple[np.ndarray, np.ndarray | None]:
        return read_pfm(path), None


class HD1K(_FlowDataset):
    """Street scenes, 2560x1080 (http://hci-benchmark.iwr.uni-heidelberg.de/).

    A sample is (PIL image, the next one, flow, where it is known): arrays (2, H, W), float32, and (H, W), bool, of
    numpy, or None of the part to test.

    Args:
        root: the folder above ``hd1k``.
        split: ``"train"`` or ``"test"``.
        transforms: a function of both pictures, the flow and where it is known, that returns all four.
        loader: from path to picture.

    Raises:
        ArgumentError: the files are not there.
        fnn.serialization.CorruptFileError: a flow cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> first, second, flow, known = datasets.HD1K("data")[0]  # doctest: +SKIP
    """

    _has_builtin_flow_mask = True

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        transforms: Transforms | None = None,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(root, transforms, loader)
        verify_str_arg(split, "split", ("train", "test"))
        folder = Path(self.root) / "hd1k"
        if split == "train":
            for number in range(36):  # of the films; no pair is of two of them
                flows = _sorted(folder / "hd1k_flow_gt" / "flow_occ", f"{number:06d}_*.png")
                images = _sorted(folder / "hd1k_input" / "image_2", f"{number:06d}_*.png")
                if len(flows) > len(images):
                    raise corrupt(folder, f"film {number} has {len(images)} pictures and {len(flows)} flows")
                self._flow_list += flows[:-1]
                self._image_list += [images[i : i + 2] for i in range(len(flows) - 1)]
        else:
            first, second = (_sorted(folder / "hd1k_challenge" / "image_2", f"*{end}.png") for end in (10, 11))
            self._image_list = [list(pair) for pair in zip(first, second, strict=False)]
        if not self._image_list:
            raise _missing("HD1K", folder)

    def _read_flow(self, path: str) -> tuple[np.ndarray, np.ndarray | None]:
        return read_flow_png(path)
