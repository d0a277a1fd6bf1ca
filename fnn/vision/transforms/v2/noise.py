"""Transforms that smooth, add noise, hide a part, and lose what JPEG loses."""

import numbers
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision import transforms as first
from fnn.vision.transforms import _draws
from fnn.vision.transforms._transform import full_size
from fnn.vision.transforms.erasing import _window
from fnn.vision.transforms.v2 import functional as F
from fnn.vision.transforms.v2._arguments import number_or_pair, sequence_of
from fnn.vision.transforms.v2.crops import warn_of_passing
from fnn.vision.transforms.v2.queries import query_chw
from fnn.vision.transforms.v2.transform import RandomlyApplied, Transform, is_array

__all__ = ["JPEG", "GaussianBlur", "GaussianNoise", "RandomErasing", "UniformTemporalSubsample"]


class GaussianBlur(Transform):
    """Smooths by a Gaussian of random width.  See `functional.gaussian_blur`.

    Args:
        kernel_size: odd; one or two.
        sigma: the range of the standard deviation, or one number for all.

    Raises:
        ArgumentError: an even size, or a range that is not positive.

    Example:
        >>> import numpy as np
        >>> blur = GaussianBlur(3, sigma=(0.5, 0.5))
        >>> blur(np.array([[[0, 0, 0], [0, 255, 0], [0, 0, 0]]], np.uint8)).tolist()
        [[[12, 43, 12], [43, 158, 43], [12, 43, 12]]]
    """

    _v1_transform_cls = first.GaussianBlur

    def __init__(self, kernel_size: int | Sequence[int], sigma: float | Sequence[float] = (0.1, 2.0)) -> None:
        self.kernel_size = full_size(kernel_size, "Kernel size should be a tuple/list of two integers.")
        for size in self.kernel_size:
            if size <= 0 or size % 2 == 0:
                raise ArgumentError(f"Kernel size value should be an odd and positive number. Got {size}")
        self.sigma = number_or_pair(sigma, "sigma")
        if not 0.0 < self.sigma[0] <= self.sigma[1]:
            raise ArgumentError(f"sigma values should be positive and of the form (min, max). Got {self.sigma}")

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        sigma = _draws.uniform(self.sigma[0], self.sigma[1])
        return {"sigma": [sigma, sigma]}

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.gaussian_blur, inpt, self.kernel_size, **params)


class GaussianNoise(Transform):
    """Adds normal noise, independent for each value.  See `functional.gaussian_noise`.

    Args:
        mean: of the noise, on the scale of [0, 1].
        sigma: its standard deviation, on that scale.
        clip: keep the result within [0, 1], or 0 and 255.

    Example:
        >>> import numpy as np
        >>> GaussianNoise(mean=0.5, sigma=0.0)(np.zeros((1, 1, 2), np.float32)).tolist()
        [[[0.5, 0.5]]]
    """

    def __init__(self, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> None:
        self.mean = mean
        self.sigma = sigma
        self.clip = clip

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.gaussian_noise, inpt, mean=self.mean, sigma=self.sigma, clip=self.clip)


class RandomErasing(RandomlyApplied):
    """Overwrites a random window (https://arxiv.org/abs/1708.04896).

    Args:
        p: the probability.
        scale: the range of the window's share of the image's area, within 0 and 1.
        ratio: the range of its height by its width; the logarithm is uniform.
        value: what to write: one number, one a channel, or ``"random"`` for normal noise.
        inplace: write into the input itself (numpy arrays only).

    Raises:
        ArgumentTypeError: an argument of the wrong type.
        ArgumentError: a range outside, another word, or, when called, as many values as there are not channels.

    Example:
        >>> import numpy as np
        >>> erased = RandomErasing(p=1.0, scale=(0.2, 0.2), ratio=(1.0, 1.0), value=9)(np.zeros((1, 5, 5), np.uint8))
        >>> (erased == 9).sum().item()
        4
    """

    _v1_transform_cls = first.RandomErasing

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: float | str | Sequence[float] = 0.0,
        inplace: bool = False,
    ) -> None:
        super().__init__(p)
        if not isinstance(value, (numbers.Number, str, tuple, list)):
            raise ArgumentTypeError(f"Argument value should be either a number or str or a sequence, got {value!r}")
        if isinstance(value, str) and value != "random":
            raise ArgumentError(f"If value is str, it should be 'random', got {value!r}")
        for name, pair in (("Scale", scale), ("Ratio", ratio)):
            if not isinstance(pair, Sequence):
                raise ArgumentTypeError(f"{name} should be a sequence, got {pair!r}")
        if scale[0] > scale[1] or ratio[0] > ratio[1]:
            warnings.warn("Scale and ratio should be of kind (min, max)", stacklevel=2)
        if scale[0] < 0 or scale[1] > 1:
            raise ArgumentError(f"Scale should be between 0 and 1, got {scale}")
        self.scale = scale
        self.ratio = ratio
        if isinstance(value, str):
            self.value = None
        else:
            self.value = [float(v) for v in value] if isinstance(value, (tuple, list)) else [float(value)]  # pyright: ignore[reportArgumentType]
        self.inplace = inplace

    def _call_kernel(self, functional: Callable[..., Any], inpt: object, *args: object, **kwargs: object) -> Any:
        warn_of_passing(self, inpt)
        return super()._call_kernel(functional, inpt, *args, **kwargs)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        channels, height, width = query_chw(flat_inputs)
        if self.value is not None and len(self.value) not in (1, channels):
            raise ArgumentError(
                f"If value is a sequence, it should have either a single value or {channels} (number of inpt "
                f"channels), got {len(self.value)}"
            )
        drawn = _window(channels, height, width, self.scale, self.ratio, self.value)
        return dict(zip("ijhwv", drawn or (0, 0, height, width, None), strict=True))

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return inpt if params["v"] is None else self._call_kernel(F.erase, inpt, **params, inplace=self.inplace)


class JPEG(Transform):
    """Encodes as JPEG of random quality, and decodes again.  See `functional.jpeg`.

    Args:
        quality: the range of the quality, 1 to 100, or one number for all.

    Raises:
        ArgumentTypeError: an argument of the wrong type.
        ArgumentError: a quality out of range, or another length.

    Example:
        >>> import numpy as np
        >>> JPEG((20, 80))(np.full((3, 8, 8), 200, np.uint8)).shape
        (3, 8, 8)
    """

    def __init__(self, quality: int | Sequence[int]) -> None:
        if isinstance(quality, bool):
            raise ArgumentTypeError("quality can't be bool")
        if isinstance(quality, int):
            quality = [quality, quality]
        else:
            sequence_of(quality, "quality", 2)
        low, high = quality
        if not (isinstance(low, int) and isinstance(high, int) and 1 <= low <= high <= 100):
            raise ArgumentError(f"quality must be an integer from 1 to 100, got quality ={quality!r}")
        self.quality = quality

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"quality": _draws.integer(self.quality[0], self.quality[1] + 1)}

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.jpeg, inpt, quality=params["quality"])


class UniformTemporalSubsample(Transform):
    """Some frames of a video at equal distances.  See `functional.uniform_temporal_subsample`.

    Args:
        num_samples: how many.

    Example:
        >>> import numpy as np
        >>> UniformTemporalSubsample(3)(np.arange(5).reshape(5, 1, 1, 1)).ravel().tolist()
        [0, 2, 4]
    """

    _transformed_types = (is_array,)

    def __init__(self, num_samples: int) -> None:
        self.num_samples = num_samples

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.uniform_temporal_subsample, inpt, self.num_samples)
