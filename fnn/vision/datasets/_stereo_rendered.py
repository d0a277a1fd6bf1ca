"""Data sets of stereo pictures that a computer drew, with the true disparities."""

import json
from pathlib import Path

import numpy as np

from fnn.errors import ArgumentError
from fnn.vision.datasets._flows import read_pfm
from fnn.vision.datasets._pictures import as_it_is
from fnn.vision.datasets._stereo import Field, StereoMatchingDataset, Transforms
from fnn.vision.datasets.utils import corrupt, verify_str_arg

__all__ = ["CREStereo", "CarlaStereo", "FallingThingsStereo", "SceneFlowStereo", "SintelStereo"]


class CarlaStereo(StereoMatchingDataset):
    """Streets of a simulator (https://github.com/megvii-research/CREStereo).

    A sample is (PIL image of mode RGB, that of the right eye, disparity): an array (1, H, W) of numpy.

    Args:
        root: the folder above ``carla-highres``.
        transforms: a function of pictures, disparities and where these are known, all pairs, that returns the three.

    Raises:
        ArgumentError: the files are not there.

    Example:
        >>> from fnn.vision import datasets
        >>> left, right, disparity = datasets.CarlaStereo("data")[0]  # doctest: +SKIP
    """

    def __init__(self, root: str | Path, transforms: Transforms | None = None) -> None:
        super().__init__(root, transforms)
        folder = Path(self.root) / "carla-highres" / "trainingF"
        self._add(folder, ("*/im0.png", "*/im1.png"), ("*/disp0GT.pfm", "*/disp1GT.pfm"))

    def _of_file(self, path: str) -> Field:
        return np.abs(read_pfm(path, 1)), None


class CREStereo(StereoMatchingDataset):
    """Rendered scenes (https://github.com/megvii-research/CREStereo).

    A sample is (PIL image of mode RGB, that of the right eye, disparity, None): an array (1, H, W) of numpy, float32.

    Args:
        root: the folder above ``CREStereo``.
        transforms: a function of pictures, disparities and where these are known, all pairs, that returns the three.

    Raises:
        ArgumentError: the files are not there.

    Example:
        >>> from fnn.vision import datasets
        >>> left, right, disparity, _ = datasets.CREStereo("data")[0]  # doctest: +SKIP
    """

    _has_built_in_disparity_mask = True

    def __init__(self, root: str | Path, transforms: Transforms | None = None) -> None:
        super().__init__(root, transforms)
        for name in ("shapenet", "reflective", "tree", "hole"):
            folder = Path(self.root) / "CREStereo" / name
            self._add(folder, ("*_left.jpg", "*_right.jpg"), ("*_left.disp.png", "*_right.disp.png"))

    def _of_file(self, path: str) -> Field:
        return np.asarray(as_it_is(path), np.float32)[None] / 32.0, None


class FallingThingsStereo(StereoMatchingDataset):
    """Things that fall in rendered rooms (https://research.nvidia.com/publication/2018-06_Falling-Things).

    A sample is (PIL image of mode RGB, that of the right eye, disparity): an array (1, H, W) of numpy, float32.

    Args:
        root: the folder above ``FallingThings``.
        variant: ``"single"``, ``"mixed"``, of many things, or ``"both"``.
        transforms: a function of pictures, disparities and where these are known, all pairs, that returns the three.

    Raises:
        ArgumentError: the files are not there.
        fnn.serialization.CorruptFileError: a camera's settings cannot be read.

    Example:
        >>> from fnn.vision import datasets
        >>> left, right, disparity = datasets.FallingThingsStereo("data", variant="mixed")[0]  # doctest: +SKIP
    """

    def __init__(self, root: str | Path, variant: str = "single", transforms: Transforms | None = None) -> None:
        super().__init__(root, transforms)
        verify_str_arg(variant, "variant", ("single", "mixed", "both"))
        for name in ("single", "mixed") if variant == "both" else (variant,):
            folder, start = Path(self.root) / "FallingThings" / name, "*/*/*" if name == "single" else "*/*"
            fields = (f"{start}.left.depth.png", f"{start}.right.depth.png")
            self._add(folder, (f"{start}.left.jpg", f"{start}.right.jpg"), fields)

    def _of_file(self, path: str) -> Field:
        settings = Path(path).parent / "_camera_settings.json"
        try:
            focal = json.loads(settings.read_text())["camera_settings"][0]["intrinsic_settings"]["fx"]
        except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
            raise corrupt(settings, f"should say how long the focus is ({error!r})") from error
        depth = np.asarray(as_it_is(path)).astype(np.float32)
        # of the data set's description: the eyes are 6 cm apart, and depth is in hundredths of one
        return ((6 * focal * 100) / depth)[None], None


class SceneFlowStereo(StereoMatchingDataset):
    """Three films (https://lmb.informatik.uni-freiburg.de/resources/datasets/SceneFlowDatasets.en.html).

    A sample is (PIL image of mode RGB, that of the right eye, disparity): an array (1, H, W) of numpy, float32.

    Args:
        root: the folder above ``SceneFlow``.
        variant: ``"FlyingThings3D"``, ``"Driving"`` or ``"Monkaa"``.
        pass_name: ``"clean"``, ``"final"`` or ``"both"``.
        transforms: a function of pictures, disparities and where these are known, all pairs, that returns the three.

    Raises:
        ArgumentError: the files are not there.

    Example:
        >>> from fnn.vision import datasets
        >>> left, right, disparity = datasets.SceneFlowStereo("data", variant="Monkaa")[0]  # doctest: +SKIP
    """

    def __init__(
        self,
        root: str | Path,
        variant: str = "FlyingThings3D",
        pass_name: str = "clean",
        transforms: Transforms | None = None,
    ) -> None:
        super().__init__(root, transforms)
        verify_str_arg(variant, "variant", ("FlyingThings3D", "Driving", "Monkaa"))
        verify_str_arg(pass_name, "pass_name", ("clean", "final", "both"))
        start = "*" if variant == "Monkaa" else "*/*/*"
        for name in ("clean", "final") if pass_name == "both" else (pass_name,):
            images = f"frames_{name}pass/{start}"
            self._add(
                Path(self.root) / "SceneFlow" / variant,
                (f"{images}/left/*.png", f"{images}/right/*.png"),
                (f"disparity/{start}/left/*.pfm", f"disparity/{start}/right/*.pfm"),
            )

    def _of_file(self, path: str) -> Field:
        return np.abs(read_pfm(path, 1)), None


class SintelStereo(StereoMatchingDataset):
    """An animated film (http://sintel.is.tue.mpg.de/stereo).

    A sample is (PIL image of mode RGB, that of the right eye, disparity, where it is known): arrays (1, H, W), float32,
    and (H, W), bool, of numpy.

    Args:
        root: the folder above ``Sintel``.
        pass_name: ``"final"``, ``"clean"`` or ``"both"``.
        transforms: a function of pictures, disparities and where these are known, all pairs, that returns the three.

    Raises:
        ArgumentError: the files are not there.

    Example:
        >>> from fnn.vision import datasets
        >>> left, right, disparity, known = datasets.SintelStereo("data")[0]  # doctest: +SKIP
    """

    _has_built_in_disparity_mask = True

    def __init__(self, root: str | Path, pass_name: str = "final", transforms: Transforms | None = None) -> None:
        super().__init__(root, transforms)
        verify_str_arg(pass_name, "pass_name", ("final", "clean", "both"))
        folder = Path(self.root) / "Sintel" / "training"
        for name in ("final", "clean") if pass_name == "both" else (pass_name,):
            self._add(folder, (f"{name}_left/*/*.png", f"{name}_right/*/*.png"), ("disparities/*/*.png", None))

    def _of_file(self, path: str) -> Field:
        red, green, blue = np.asarray(as_it_is(path), np.float32).transpose(2, 0, 1)
        disparity = (red * 4 + green / 2**6 + blue / 2**14)[None]
        scene, masks = Path(path), []
        for name in ("occlusions", "outofframe"):
            mask = scene.parents[2] / name / scene.parent.name / scene.name
            if not mask.exists():
                raise ArgumentError(f"SintelStereo: mask {mask} does not exist")
            masks.append(np.asarray(as_it_is(mask)) == 0)
        return disparity, masks[0] & masks[1]
