"""Smoothing and noise."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.host_random import default_generator
from fnn.vision._images import check_array, is_floating
from fnn.vision.transforms import _layout
from fnn.vision.transforms.functional.conversion import pil_to_tensor, planes_to_pil
from fnn.vision.transforms.v2.functional.registry import PIL, Input, call, kernel, of_video
from fnn.vision.tv_tensors import Image

__all__ = [
    "gaussian_blur", "gaussian_blur_image", "gaussian_blur_video", "gaussian_noise", "gaussian_noise_image",
    "gaussian_noise_video",
]  # fmt: skip

Sigma = float | Sequence[float] | None


def gaussian_blur(inpt: Input, kernel_size: int | Sequence[int], sigma: Sigma = None) -> Any:
    """Smooths by a Gaussian, the image being mirrored at its borders.

    Args:
        inpt: a PIL image or an array (..., C, H, W).
        kernel_size: odd; one or (x, y).
        sigma: the standard deviation, in pixels; one or (x, y).  Default: ``0.15 * kernel_size + 0.35``.

    Raises:
        ArgumentTypeError: an argument of the wrong type.
        ArgumentError: a wrong length, an even size or a ``sigma`` that is not positive.

    Example:
        >>> gaussian_blur(np.ones((1, 3, 3)), 3, 1.0).round(6).tolist()
        [[[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]]
    """
    return call(gaussian_blur, inpt, kernel_size=kernel_size, sigma=sigma)


def _parsed(kernel_size: int | Sequence[int], sigma: Sigma) -> tuple[Sequence[int], Sequence[float]]:
    sizes = [kernel_size, kernel_size] if isinstance(kernel_size, int) else kernel_size
    if len(sizes) != 2:
        raise ArgumentError(f"If kernel_size is a sequence its length should be 2. Got {len(sizes)}")
    if any(size % 2 == 0 or size < 0 for size in sizes):
        raise ArgumentError(f"kernel_size should have odd and positive integers. Got {sizes}")
    if sigma is None:
        sigma = [size * 0.15 + 0.35 for size in sizes]
    if isinstance(sigma, (int, float)):
        sigma = [float(sigma)] * 2
    if not isinstance(sigma, (list, tuple)):
        raise ArgumentTypeError(f"sigma should be either float or sequence of floats. Got {type(sigma)}")
    if len(sigma) not in (1, 2):
        raise ArgumentError(f"If sigma is a sequence, its length should be 2. Got {len(sigma)}")
    if any(s <= 0.0 for s in sigma):
        raise ArgumentError(f"sigma should have positive values. Got {sigma}")
    return sizes, [sigma[0], sigma[-1]]


@kernel(gaussian_blur, np.ndarray, Image)
def gaussian_blur_image(image: np.ndarray, kernel_size: int | Sequence[int], sigma: Sigma = None) -> Any:
    sizes, widths = _parsed(kernel_size, sigma)
    check_array(image)
    if image.size == 0:
        return image
    held = image.view(np.uint8) if image.dtype == np.bool_ else image  # truth values are rounded, too
    return _layout.gaussian_blur(held, sizes, widths, _layout.gaussian_softmax).astype(image.dtype, copy=False)


gaussian_blur_video = of_video(gaussian_blur, gaussian_blur_image)


@kernel(gaussian_blur, PIL)
def _gaussian_blur_pil(image: Any, kernel_size: int | Sequence[int], sigma: Sigma = None) -> Any:
    return planes_to_pil(gaussian_blur_image(pil_to_tensor(image), kernel_size, sigma), image.mode)


def gaussian_noise(inpt: Input, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> Any:
    """Adds normal noise, independent for each value.

    Args:
        inpt: an array (..., C, H, W), floating or of uint8.
        mean: of the noise, on the scale of [0, 1].
        sigma: its standard deviation, on that scale.
        clip: keep the result within [0, 1], or 0 and 255; otherwise bytes wrap around.

    Raises:
        ArgumentError: a negative ``sigma``, another dtype, or a PIL image.

    Example:
        >>> gaussian_noise(np.zeros((1, 2, 2), np.uint8), mean=0.5, sigma=0.0).tolist()
        [[[127, 127], [127, 127]]]
    """
    return call(gaussian_noise, inpt, mean=mean, sigma=sigma, clip=clip)


@kernel(gaussian_noise, np.ndarray, Image)
def gaussian_noise_image(image: np.ndarray, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> Any:
    if sigma < 0:
        raise ArgumentError(f"sigma shouldn't be negative. Got {sigma}")
    if is_floating(image.dtype):
        dtype = image.dtype
        noise = (default_generator.normal(image.shape, dtype) * dtype.type(sigma)).astype(dtype) + dtype.type(mean)
        noisy = image + noise.astype(dtype)
        return np.clip(noisy, dtype.type(0), dtype.type(1)) if clip else noisy
    if image.dtype != np.uint8:
        raise ArgumentError(f"Input tensor is expected to be in uint8 or float dtype, got dtype={image.dtype}")
    noise = default_generator.normal(image.shape) * np.float32(sigma * 255) + np.float32(mean * 255)
    noisy = image + noise.astype(np.int16)
    return (np.clip(noisy, 0, 255) if clip else noisy).astype(np.uint8)


gaussian_noise_video = of_video(gaussian_noise, gaussian_noise_image)


@kernel(gaussian_noise, PIL)
def _gaussian_noise_pil(image: object, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> Any:
    raise ArgumentError(f"Gaussian Noise is not implemented for PIL images, got {type(image)}; use to_image first.")
