"""What all transforms share: how they are called and printed, and how their arguments are read."""

import numbers
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision._images import TRACED, ImageLike, is_pil

__all__ = ["Transform", "angles", "check_fill", "check_range", "fill_for", "full_size", "pair_of", "single"]


class Transform:
    """A callable from image to image; a subclass defines ``forward``.

    Transforms hold plain Python values: they pickle, and draw from fnn's global host generator when they are called.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """``self.forward(...)``; refuses values that JAX is tracing."""
        if args and type(args[0]).__module__.startswith("jax"):
            refuse_tracer(args[0], type(self).__name__)
        return self.forward(*args, **kwargs)

    def forward(self, img: ImageLike) -> Any:
        """Transforms one image (or a batch of equally large ones, the same for all)."""
        raise NotImplementedError(f"{type(self).__name__} is missing the required 'forward' function")

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def refuse_tracer(img: ImageLike, name: str) -> None:
    """Raises the teaching error if ``img`` is being traced."""
    if isinstance(img, sys.modules["jax"].core.Tracer):
        raise ArgumentError(TRACED.format(name=name, what=type(img).__name__))


def single(x: float) -> float:
    """``x`` rounded to float32, the precision in which PyTorch compares a probability with ``torch.rand(1)``."""
    return float(np.float32(x))


def full_size(size: Any, message: str) -> Any:
    """One number or a sequence of one or two as (height, width); a sequence of two is returned as it is."""
    if isinstance(size, numbers.Number):
        return int(size), int(size)  # pyright: ignore[reportArgumentType]
    if isinstance(size, Sequence) and len(size) == 1:
        return size[0], size[0]
    if len(size) != 2:
        raise ArgumentError(f"{message} Got {size!r}")
    return size


TWO_DIMENSIONS = "Please provide only two dimensions (h, w) for size."


def pair_of(x: object, name: str, lengths: tuple[int, ...] = (2,)) -> None:
    """Refuses what is no sequence of one of ``lengths``."""
    expected = " or ".join(str(length) for length in lengths)
    if not isinstance(x, Sequence):
        raise ArgumentTypeError(f"{name} should be a sequence of length {expected}. Got {x!r}")
    if len(x) not in lengths:
        raise ArgumentError(f"{name} should be a sequence of length {expected}. Got {x!r}")


def angles(x: Any, name: str, lengths: tuple[int, ...] = (2,)) -> list[float]:
    """Ranges of degrees; a number stands for the range between its negative and itself."""
    if isinstance(x, numbers.Real):
        if x < 0:
            raise ArgumentError(f"If {name} is a single number, it must be positive. Got {x}")
        x = [-x, x]
    else:
        pair_of(x, name, lengths)
    return [float(degrees) for degrees in x]


def check_range(scale: object, ratio: object) -> None:
    """Refuses what is no range of areas and of aspect ratios."""
    if not isinstance(scale, Sequence):
        raise ArgumentTypeError(f"Scale should be a sequence. Got {scale!r}")
    if not isinstance(ratio, Sequence):
        raise ArgumentTypeError(f"Ratio should be a sequence. Got {ratio!r}")


def check_fill(fill: object) -> Any:
    """A fill for pixels from outside; None stands for 0."""
    if fill is None:
        return 0
    if not isinstance(fill, (Sequence, numbers.Number)):
        raise ArgumentTypeError(f"Fill should be either a sequence or a number. Got {fill!r}")
    return fill


def fill_for(img: Any, fill: Any, channels: int) -> Any:
    """For an array, one float a channel; for a PIL image, ``fill`` as it is."""
    if is_pil(img) or fill is None:
        return fill
    return [float(fill)] * channels if isinstance(fill, (int, float)) else [float(value) for value in fill]
