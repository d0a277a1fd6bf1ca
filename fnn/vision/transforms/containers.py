"""Transforms made of transforms."""

import random
from collections.abc import Callable, Sequence
from typing import Any

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision._images import ImageLike
from fnn.vision.transforms import _draws
from fnn.vision.transforms._transform import Transform, single

__all__ = ["Compose", "Lambda", "RandomApply", "RandomChoice", "RandomOrder", "RandomTransforms"]


def _lines(name: str, *parts: object) -> str:
    return "\n    ".join([f"{name}(", *map(str, parts)]) + "\n)"


class Compose(Transform):
    """One transform after the other.

    Args:
        transforms: the transforms, the first one first.

    >>> from fnn.vision.transforms import CenterCrop, ToTensor
    >>> Compose([CenterCrop(4), ToTensor()])
    Compose(
        CenterCrop(size=(4, 4))
        ToTensor()
    )
    """

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = transforms

    def __call__(self, img: object) -> Any:
        """Applies all transforms to an image."""
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return _lines(type(self).__name__, *self.transforms)


class Lambda(Transform):
    """Any function as a transform.

    Args:
        lambd: the function.  One that is defined with ``lambda`` does not pickle; use a function of a module where
            the loading is done by other processes.

    >>> Lambda(abs)(-1)
    1
    """

    def __init__(self, lambd: Callable[[Any], Any]) -> None:
        if not callable(lambd):
            raise ArgumentTypeError(f"Argument lambd should be callable, got {type(lambd).__name__!r}")
        self.lambd = lambd

    def __call__(self, img: object) -> Any:
        """Applies the function."""
        return self.lambd(img)


class RandomTransforms(Transform):
    """The base of `RandomOrder` and `RandomChoice`.

    Args:
        transforms: a sequence of transforms.

    Example:
        >>> RandomOrder([abs, float])
        RandomOrder(
            <built-in function abs>
            <class 'float'>
        )
    """

    def __init__(self, transforms: Sequence[Callable[..., Any]]) -> None:
        if not isinstance(transforms, Sequence):
            raise ArgumentTypeError(f"Argument transforms should be a sequence. Got {type(transforms)}")
        self.transforms = transforms

    def __repr__(self) -> str:
        return _lines(type(self).__name__, *self.transforms)


class RandomApply(Transform):
    """All transforms, with probability ``p``, or none.

    Args:
        transforms: the transforms.
        p: the probability.

    Example:
        >>> import numpy as np
        >>> from fnn.vision.transforms import RandomInvert
        >>> RandomApply([RandomInvert(p=1.0)], p=1.0)(np.array([[[0, 255]]], np.uint8)).tolist()
        [[[255, 0]]]
    """

    def __init__(self, transforms: Sequence[Callable[[Any], Any]], p: float = 0.5) -> None:
        self.transforms = transforms
        self.p = p

    def forward(self, img: ImageLike) -> Any:
        if single(self.p) < _draws.rand():
            return img
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return _lines(type(self).__name__, f"p={self.p}", *self.transforms)


class RandomOrder(RandomTransforms):
    """All transforms, in an order that Python's ``random`` shuffles.

    Args:
        transforms: a sequence of transforms.

    Example:
        >>> RandomOrder([lambda x: x + 1, lambda x: x + 2])(0)
        3
    """

    def __call__(self, img: object) -> Any:
        """Applies all transforms."""
        order = list(range(len(self.transforms)))
        random.shuffle(order)
        for i in order:
            img = self.transforms[i](img)
        return img


class RandomChoice(RandomTransforms):
    """One of the transforms, chosen by Python's ``random``.

    Args:
        transforms: a sequence of transforms.
        p: their weights; default: equal ones.

    Example:
        >>> RandomChoice([lambda x: x + 1, lambda x: x + 2], p=[1, 0])(0)
        1
    """

    def __init__(self, transforms: Sequence[Callable[..., Any]], p: Sequence[float] | None = None) -> None:
        super().__init__(transforms)
        if p is not None and not isinstance(p, Sequence):
            raise ArgumentTypeError(f"Argument p should be a sequence. Got {type(p)}")
        if p is not None and len(p) != len(transforms):
            raise ArgumentError(
                f"RandomChoice: The number of weights does not match the population: got {len(p)} in p "
                f"for {len(transforms)} transforms"
            )
        self.p = p

    def __call__(self, *args: object) -> Any:
        """Applies the chosen transform."""
        return random.choices(self.transforms, weights=self.p)[0](*args)

    def __repr__(self) -> str:
        return f"{super().__repr__()}(p={self.p})"
