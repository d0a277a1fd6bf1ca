"""Transforms made of transforms, and of functions."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.host_random import default_generator
from fnn.vision import transforms as first
from fnn.vision.transforms import _draws
from fnn.vision.transforms._transform import single
from fnn.vision.transforms.v2.transform import Transform, sample_of

__all__ = ["Compose", "Identity", "Lambda", "RandomApply", "RandomChoice", "RandomOrder"]

Transforms = Sequence[Callable[..., Any]]


def _checked(transforms: Transforms) -> Transforms:
    if not isinstance(transforms, Sequence):
        raise ArgumentTypeError(f"Argument transforms should be a sequence of callables, got {type(transforms)}")
    if not transforms:
        raise ArgumentError("Pass at least one transform, got an empty sequence")
    return transforms


def _in_turn(transforms: Transforms, inputs: tuple[object, ...]) -> Any:
    """One transform after the other, of as many inputs as there are."""
    outputs = sample_of(inputs)
    for transform in transforms:
        outputs = transform(*outputs) if len(inputs) > 1 else transform(outputs)
    return outputs


def _listed(transforms: Transforms) -> str:
    return "\n".join(f"    {transform}" for transform in transforms)


class Compose(Transform):
    """One transform after the other.

    Args:
        transforms: the transforms, the first one first.

    Raises:
        ArgumentTypeError: no sequence.
        ArgumentError: an empty one.

    Example:
        >>> from fnn.vision.transforms import v2
        >>> Compose([v2.CenterCrop(4), v2.ToImage()])
        Compose(
              CenterCrop(size=(4, 4))
              ToImage()
        )
    """

    def __init__(self, transforms: Transforms) -> None:
        self.transforms = _checked(transforms)

    def forward(self, *inputs: object) -> Any:
        return _in_turn(self.transforms, inputs)

    def extra_repr(self) -> str:
        return _listed(self.transforms)


class RandomApply(Transform):
    """All transforms, with probability ``p``, or none.

    Args:
        transforms: the transforms.
        p: the probability.

    Raises:
        ArgumentTypeError: no sequence.
        ArgumentError: an empty one, or no probability.

    Example:
        >>> RandomApply([Lambda(abs)], p=1.0)(-1)
        1
    """

    _v1_transform_cls = first.RandomApply

    def __init__(self, transforms: Transforms, p: float = 0.5) -> None:
        self.transforms = _checked(transforms)
        if not 0.0 <= p <= 1.0:
            raise ArgumentError(f"`p` should be a floating point value in the interval [0.0, 1.0], got {p}.")
        self.p = p

    def forward(self, *inputs: object) -> Any:
        if _draws.rand() >= single(self.p):
            return sample_of(inputs)
        return _in_turn(self.transforms, inputs)

    def extra_repr(self) -> str:
        return _listed(self.transforms)


class RandomChoice(Transform):
    """One of the transforms.

    Args:
        transforms: the transforms.
        p: their weights; default: equal ones.

    Raises:
        ArgumentTypeError: no sequence.
        ArgumentError: an empty one, or as many weights as there are not transforms.

    Example:
        >>> RandomChoice([Lambda(abs), Lambda(str)], p=[1, 0])(-1)
        1
    """

    def __init__(self, transforms: Transforms, p: list[float] | None = None) -> None:
        _checked(transforms)
        weights = [1.0] * len(transforms) if p is None else p
        if len(weights) != len(transforms):
            raise ArgumentError(
                f"Length of p doesn't match the number of transforms: {len(weights)} != {len(transforms)}"
            )
        self.transforms = transforms
        total = sum(weights)
        self.p = [weight / total for weight in weights]

    def forward(self, *inputs: object) -> Any:
        chosen = default_generator.multinomial(np.array(self.p, np.float32), 1)
        return self.transforms[int(chosen[0])](*inputs)


class RandomOrder(Transform):
    """All transforms, in random order.

    Args:
        transforms: the transforms.

    Raises:
        ArgumentTypeError: no sequence.
        ArgumentError: an empty one.

    Example:
        >>> RandomOrder([Lambda(lambda x: x + 1), Lambda(lambda x: x + 2)])(0)
        3
    """

    def __init__(self, transforms: Transforms) -> None:
        self.transforms = _checked(transforms)

    def forward(self, *inputs: object) -> Any:
        order = default_generator.randperm(len(self.transforms))
        return _in_turn([self.transforms[i] for i in order], inputs)


class Identity(Transform):
    """The sample as it is.

    Example:
        >>> Identity()({"label": 7})
        {'label': 7}
    """

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return inpt


class Lambda(Transform):
    """Any function, of each part of a sample.

    Args:
        lambd: the function.  One that is defined with ``lambda`` does not pickle; use a function of a module where the
            loading is done by other processes.
        *types: the classes of the parts; default: all.

    Example:
        >>> Lambda(abs, int)({"a": -1, "b": -2.5})
        {'a': 1, 'b': -2.5}
    """

    _transformed_types = (object,)

    def __init__(self, lambd: Callable[[Any], Any], *types: type) -> None:
        self.lambd = lambd
        self.types = types or self._transformed_types

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        return self.lambd(inpt) if isinstance(inpt, self.types) else inpt  # pyright: ignore[reportArgumentType]

    def extra_repr(self) -> str:
        name = getattr(self.lambd, "__name__", None)
        names = [kind.__name__ for kind in self.types]  # pyright: ignore[reportAttributeAccessIssue]
        return ", ".join([*([name] if name else []), f"types={names}"])
