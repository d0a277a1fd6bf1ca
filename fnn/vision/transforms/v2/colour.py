"""Transforms of colour and sharpness."""

from collections.abc import Sequence
from typing import Any

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.host_random import default_generator
from fnn.vision import transforms as first
from fnn.vision.transforms import _draws
from fnn.vision.transforms._transform import single
from fnn.vision.transforms.v2 import functional as F
from fnn.vision.transforms.v2.queries import query_chw
from fnn.vision.transforms.v2.transform import RandomlyApplied, Transform

__all__ = ["RGB", "ColorJitter", "Grayscale", "RandomChannelPermutation", "RandomGrayscale", "RandomPhotometricDistort"]

Range = float | Sequence[float] | None


class Grayscale(Transform):
    """A grey image.  See `functional.rgb_to_grayscale`.

    Args:
        num_output_channels: 1 or 3 (equal ones).

    Example:
        >>> import numpy as np
        >>> Grayscale()(np.array([[[255]], [[0]], [[0]]], np.uint8)).tolist()
        [[[76]]]
    """

    _v1_transform_cls = first.Grayscale

    def __init__(self, num_output_channels: int = 1) -> None:
        self.num_output_channels = num_output_channels

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.rgb_to_grayscale, inpt, num_output_channels=self.num_output_channels)


class RandomGrayscale(RandomlyApplied):
    """Sometimes a grey image, of as many channels.

    Args:
        p: the probability.

    Example:
        >>> import numpy as np
        >>> RandomGrayscale(p=1.0)(np.array([[[255]], [[0]], [[0]]], np.uint8)).tolist()
        [[[76]], [[76]], [[76]]]
    """

    _v1_transform_cls = first.RandomGrayscale

    def __init__(self, p: float = 0.1) -> None:
        super().__init__(p)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"num_input_channels": query_chw(flat_inputs)[0]}

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.rgb_to_grayscale, inpt, num_output_channels=params["num_input_channels"])


class RGB(Transform):
    """An image of three channels: a grey one three times.

    Example:
        >>> import numpy as np
        >>> RGB()(np.array([[[7]]], np.uint8)).tolist()
        [[[7]], [[7]], [[7]]]
    """

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.grayscale_to_rgb, inpt)


class ColorJitter(Transform):
    """Changes brightness, contrast, saturation and hue at random, in random order.

    Args:
        brightness: the range of the factor; a number b stands for (max(0, 1 - b), 1 + b).
        contrast: likewise.
        saturation: likewise.
        hue: the range of the turn, within (-0.5, 0.5); a number h stands for (-h, h).

    Raises:
        ArgumentTypeError: neither a number nor a pair.
        ArgumentError: a range that is negative, decreasing or too wide.

    Example:
        >>> ColorJitter(brightness=0.5, hue=0.1)
        ColorJitter(brightness=(0.5, 1.5), hue=(-0.1, 0.1))
    """

    _v1_transform_cls = first.ColorJitter

    def __init__(
        self, brightness: Range = None, contrast: Range = None, saturation: Range = None, hue: Range = None
    ) -> None:
        self.brightness = self._range(brightness, "brightness")
        self.contrast = self._range(contrast, "contrast")
        self.saturation = self._range(saturation, "saturation")
        self.hue = self._range(hue, "hue", center=0, bound=(-0.5, 0.5), cut=False)

    @staticmethod
    def _range(
        value: Range, name: str, center: float = 1.0, bound: tuple[float, float] = (0, float("inf")), cut: bool = True
    ) -> tuple[float, float] | None:
        if value is None:
            return None
        if isinstance(value, (int, float)):
            if value < 0:
                raise ArgumentError(f"If {name} is a single number, it must be non negative, got {value}.")
            low, high = float(center - value), float(center + value)
            low = max(low, 0.0) if cut else low
        elif isinstance(value, Sequence) and len(value) == 2:
            low, high = float(value[0]), float(value[1])
        else:
            raise ArgumentTypeError(f"{name}={value} should be a single number or a sequence with length 2.")
        if not bound[0] <= low <= high <= bound[1]:
            raise ArgumentError(f"{name} values should be between {bound} and increasing, but got {[low, high]}.")
        return None if low == high == center else (low, high)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        params: dict[str, Any] = {"fn_idx": default_generator.randperm(4)}
        for name in ("brightness", "contrast", "saturation", "hue"):
            pair = getattr(self, name)
            params[f"{name}_factor"] = None if pair is None else _draws.uniform(pair[0], pair[1])
        return params

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        changes = (
            (F.adjust_brightness, "brightness_factor"),
            (F.adjust_contrast, "contrast_factor"),
            (F.adjust_saturation, "saturation_factor"),
            (F.adjust_hue, "hue_factor"),
        )
        for i in params["fn_idx"]:
            change, name = changes[i]
            if params[name] is not None:
                inpt = self._call_kernel(change, inpt, **{name: params[name]})
        return inpt


class RandomChannelPermutation(Transform):
    """Puts the channels into random order.

    Example:
        >>> import numpy as np
        >>> sorted(RandomChannelPermutation()(np.arange(3).reshape(3, 1, 1)).ravel().tolist())
        [0, 1, 2]
    """

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"permutation": default_generator.randperm(query_chw(flat_inputs)[0])}

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.permute_channels, inpt, permutation=params["permutation"])


class RandomPhotometricDistort(Transform):
    """Changes brightness, contrast, saturation, hue, and the order of channels, each sometimes.

    It is the distortion with which SSD is trained (https://arxiv.org/abs/1512.02325).

    Args:
        brightness: the range of the factor.
        contrast: likewise; applied before or after saturation and hue.
        saturation: likewise.
        hue: the range of the turn, within (-0.5, 0.5).
        p: the probability of each.

    Example:
        >>> import numpy as np
        >>> RandomPhotometricDistort()(np.zeros((3, 4, 4), np.uint8)).shape
        (3, 4, 4)
    """

    def __init__(
        self,
        brightness: tuple[float, float] = (0.875, 1.125),
        contrast: tuple[float, float] = (0.5, 1.5),
        saturation: tuple[float, float] = (0.5, 1.5),
        hue: tuple[float, float] = (-0.05, 0.05),
        p: float = 0.5,
    ) -> None:
        self.brightness = brightness
        self.contrast = contrast
        self.hue = hue
        self.saturation = saturation
        self.p = p

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        channels, _, _ = query_chw(flat_inputs)
        params: dict[str, Any] = {}
        for name in ("brightness", "contrast", "saturation", "hue"):
            low, high = getattr(self, name)
            params[f"{name}_factor"] = _draws.uniform(low, high) if _draws.rand() < single(self.p) else None
        params["contrast_before"] = _draws.rand() < 0.5
        permuted = _draws.rand() < single(self.p)
        params["channel_permutation"] = default_generator.randperm(channels) if permuted else None
        return params

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        between = ["saturation", "hue"]
        between.insert(0 if params["contrast_before"] else 2, "contrast")
        for name in ("brightness", *between):
            factor = params[f"{name}_factor"]
            if factor is not None:
                inpt = self._call_kernel(getattr(F, f"adjust_{name}"), inpt, **{f"{name}_factor": factor})
        if params["channel_permutation"] is not None:
            inpt = self._call_kernel(F.permute_channels, inpt, permutation=params["channel_permutation"])
        return inpt
